/* One UDP socket; see socket.h. */
#include "dht/socket.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdalign.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
/* needs time.h before it */
#include <linux/errqueue.h>

/* Room for a burst while the loop is elsewhere; the kernel gives what it allows. */
#define RECEIVE_BUFFER (1 << 20)

/* Of a datagram that could not be sent. */
#define TRIES 3

#define CONTROL_LEN (CMSG_SPACE(sizeof(struct in6_pktinfo)))
/* Beside it an extended error and the address of the router that sent it. */
#define ERROR_CONTROL_LEN                                                                          \
	(CONTROL_LEN + CMSG_SPACE(sizeof(struct sock_extended_err) + sizeof(struct sockaddr_in6)))

union address {
	struct sockaddr any;
	struct sockaddr_in four;
	struct sockaddr_in6 six;
};

struct dht_batch {
	struct mmsghdr message[DHT_SOCKET_BATCH];
	struct iovec iov[DHT_SOCKET_BATCH];
	union address from[DHT_SOCKET_BATCH];
	alignas(struct cmsghdr) uint8_t control[DHT_SOCKET_BATCH][CONTROL_LEN];
	uint8_t data[DHT_SOCKET_BATCH][DHT_DATAGRAM_MAX];
};

struct dht_outbox {
	size_t len;
	struct mmsghdr message[DHT_SOCKET_BATCH];
	struct iovec iov[DHT_SOCKET_BATCH];
	union address to[DHT_SOCKET_BATCH];
	alignas(struct cmsghdr) uint8_t control[DHT_SOCKET_BATCH][CONTROL_LEN];
	uint8_t data[DHT_SOCKET_BATCH][DHT_DATAGRAM_MAX];
};

static socklen_t to_address(const struct dht_endpoint *e, union address *ret_address)
{
	memset(ret_address, 0, sizeof(*ret_address));
	if (e->family == 4) {
		ret_address->four.sin_family = AF_INET;
		ret_address->four.sin_port = htons(e->port);
		memcpy(&ret_address->four.sin_addr, e->ip, 4);
		return sizeof(ret_address->four);
	}
	ret_address->six.sin6_family = AF_INET6;
	ret_address->six.sin6_port = htons(e->port);
	memcpy(&ret_address->six.sin6_addr, e->ip, 16);
	return sizeof(ret_address->six);
}

static struct dht_endpoint from_address(const union address *a)
{
	struct dht_endpoint e = {0};
	if (a->any.sa_family == AF_INET) {
		e.family = 4;
		e.port = ntohs(a->four.sin_port);
		memcpy(e.ip, &a->four.sin_addr, 4);
	} else if (a->any.sa_family == AF_INET6) {
		e.family = 6;
		e.port = ntohs(a->six.sin6_port);
		memcpy(e.ip, &a->six.sin6_addr, 16);
	}
	return e;
}

static bool switch_on(int fd, int level, int option)
{
	int on = 1;
	return setsockopt(fd, level, option, &on, sizeof(on)) == 0;
}

static bool set_options(const struct dht_socket *s)
{
	int size = RECEIVE_BUFFER;
	setsockopt(s->fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	if (s->bound.family == 4)
		return switch_on(s->fd, IPPROTO_IP, IP_RECVERR) &&
		       (!s->wildcard || switch_on(s->fd, IPPROTO_IP, IP_PKTINFO));
	return switch_on(s->fd, IPPROTO_IPV6, IPV6_V6ONLY) &&
	       switch_on(s->fd, IPPROTO_IPV6, IPV6_RECVERR) &&
	       (!s->wildcard || switch_on(s->fd, IPPROTO_IPV6, IPV6_RECVPKTINFO));
}

/* Who binds. */
static dht_socket_bind_fn *binder = bind;

void dht_socket_bind_by(dht_socket_bind_fn *fn)
{
	binder = fn;
}

int dht_socket_open(const struct dht_endpoint *at, struct dht_socket *ret_socket)
{
	static const uint8_t any[16];
	union address address;
	socklen_t len = to_address(at, &address);
	struct dht_socket s = {.bound = *at, .wildcard = memcmp(at->ip, any, 16) == 0};
	/* No SO_REUSEADDR: with UDP it would let another program share the port. */
	s.fd = socket(address.any.sa_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (s.fd < 0)
		return -errno;
	if (!set_options(&s) || binder(s.fd, &address.any, len) < 0 ||
		getsockname(s.fd, &address.any, &len) < 0) {
		int r = -errno;
		close(s.fd);
		return r;
	}
	s.bound = from_address(&address);
	*ret_socket = s;
	return 0;
}

void dht_socket_close(struct dht_socket *s)
{
	if (s->fd >= 0)
		close(s->fd);
	s->fd = -1;
}

int dht_batch_create(struct dht_batch **ret_batch)
{
	struct dht_batch *batch = calloc(1, sizeof(*batch));
	if (!batch)
		return -ENOMEM;
	for (size_t i = 0; i < DHT_SOCKET_BATCH; i++)
		batch->iov[i] = (struct iovec){batch->data[i], DHT_DATAGRAM_MAX};
	*ret_batch = batch;
	return 0;
}

void dht_batch_destroy(struct dht_batch *batch)
{
	free(batch);
}

/* Our address that a datagram came to, from its control message. */
static struct dht_endpoint our_address(struct msghdr *msg)
{
	struct dht_endpoint e = {0};
	for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c; c = CMSG_NXTHDR(msg, c)) {
		if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO) {
			struct in_pktinfo info;
			memcpy(&info, CMSG_DATA(c), sizeof(info));
			e.family = 4;
			memcpy(e.ip, &info.ipi_spec_dst, 4);
		} else if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_PKTINFO) {
			struct in6_pktinfo info;
			memcpy(&info, CMSG_DATA(c), sizeof(info));
			e.family = 6;
			memcpy(e.ip, &info.ipi6_addr, 16);
		}
	}
	return e;
}

size_t dht_socket_receive(struct dht_socket *s, struct dht_batch *batch,
	struct dht_datagram ret_datagrams[DHT_SOCKET_BATCH])
{
	for (size_t i = 0; i < DHT_SOCKET_BATCH; i++) /* the kernel writes lengths into these */
		batch->message[i].msg_hdr = (struct msghdr){
			.msg_name = &batch->from[i],
			.msg_namelen = sizeof(batch->from[i]),
			.msg_iov = &batch->iov[i],
			.msg_iovlen = 1,
			.msg_control = batch->control[i],
			.msg_controllen = s->wildcard ? CONTROL_LEN : 0,
		};
	int n = recvmmsg(s->fd, batch->message, DHT_SOCKET_BATCH, MSG_DONTWAIT, NULL);
	for (int i = 0; i < n; i++) {
		struct msghdr *msg = &batch->message[i].msg_hdr;
		ret_datagrams[i] = (struct dht_datagram){
			.from = from_address(&batch->from[i]),
			.to = our_address(msg),
			.data = batch->data[i],
			.len = msg->msg_flags & MSG_TRUNC ? 0 : batch->message[i].msg_len,
		};
	}
	return n > 0 ? (size_t)n : 0;
}

/* A control message that names the address to send from. */
static void send_from(const struct dht_endpoint *from, struct msghdr *msg)
{
	struct cmsghdr *c = msg->msg_control;
	if (from->family == 4) {
		struct in_pktinfo info = {0};
		memcpy(&info.ipi_spec_dst, from->ip, 4);
		*c = (struct cmsghdr){CMSG_LEN(sizeof(info)), IPPROTO_IP, IP_PKTINFO};
		memcpy(CMSG_DATA(c), &info, sizeof(info));
		msg->msg_controllen = CMSG_SPACE(sizeof(info));
	} else {
		struct in6_pktinfo info = {0};
		memcpy(&info.ipi6_addr, from->ip, 16);
		*c = (struct cmsghdr){CMSG_LEN(sizeof(info)), IPPROTO_IPV6, IPV6_PKTINFO};
		memcpy(CMSG_DATA(c), &info, sizeof(info));
		msg->msg_controllen = CMSG_SPACE(sizeof(info));
	}
}

int dht_outbox_create(struct dht_outbox **ret_outbox)
{
	struct dht_outbox *outbox = calloc(1, sizeof(*outbox));
	if (!outbox)
		return -ENOMEM;
	*ret_outbox = outbox;
	return 0;
}

void dht_outbox_destroy(struct dht_outbox *outbox)
{
	free(outbox);
}

bool dht_outbox_add(struct dht_outbox *o, const struct dht_socket *s,
	const struct dht_endpoint *from, const struct dht_endpoint *to, const uint8_t *data,
	size_t len)
{
	if (len > DHT_DATAGRAM_MAX || o->len == DHT_SOCKET_BATCH)
		return o->len == DHT_SOCKET_BATCH;
	size_t at = o->len++;
	struct msghdr *msg = &o->message[at].msg_hdr;
	memcpy(o->data[at], data, len);
	o->iov[at] = (struct iovec){o->data[at], len};
	*msg = (struct msghdr){.msg_name = &o->to[at], .msg_iov = &o->iov[at], .msg_iovlen = 1};
	msg->msg_namelen = to_address(to, &o->to[at]);
	if (s->wildcard && from->family == s->bound.family) {
		msg->msg_control = o->control[at];
		send_from(from, msg);
	}
	return o->len == DHT_SOCKET_BATCH;
}

/* Does no way lead there? Routing is asked by a socket of its own, which sends nothing, so that no
 * ICMP error belongs to it. What only a filter of this host says (EPERM) cannot come from outside.
 */
static bool leads_nowhere(const struct dht_socket *s, const union address *to, int error)
{
	struct dht_endpoint from = s->bound;
	union address address;
	from.port = 0;
	socklen_t len = to_address(&from, &address);
	if (error == EPERM)
		return true;
	int fd = socket(to->any.sa_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return false;
	bool nowhere = bind(fd, &address.any, len) == 0 && connect(fd, &to->any, len) < 0;
	close(fd);
	return nowhere;
}

/* An ICMP error to an earlier datagram makes the next call fail, whomever it is to; that call has
 * sent nothing. So what fails is tried again. Anybody can forge such errors, by quoting no more
 * than our address and port: that they come as fast as we send shows nothing of whom we send to.
 * The datagram is lost then. */
size_t dht_outbox_flush(struct dht_outbox *o, const struct dht_socket *s,
	struct dht_endpoint ret_unreachable[DHT_SOCKET_BATCH])
{
	size_t unreachable = 0;
	unsigned failures = 0;
	for (size_t at = 0; at < o->len;) {
		int sent = sendmmsg(s->fd, &o->message[at], (unsigned)(o->len - at),
			MSG_DONTWAIT | MSG_NOSIGNAL);
		int error = sent < 0 ? errno : 0;
		bool full = error == EAGAIN || error == ENOBUFS || error == ENOMEM;
		if (error && !full && ++failures < TRIES)
			continue;
		if (error && !full && leads_nowhere(s, &o->to[at], error))
			ret_unreachable[unreachable++] = from_address(&o->to[at]);
		at += sent > 0 ? (size_t)sent : 1;
		failures = 0;
	}
	o->len = 0;
	return unreachable;
}

/* Does this error mean that whom we wrote to cannot be reached? Too big a datagram does not. */
static bool is_refusal(const struct sock_extended_err *e)
{
	return (e->ee_origin == SO_EE_ORIGIN_ICMP || e->ee_origin == SO_EE_ORIGIN_ICMP6) &&
	       e->ee_errno != EMSGSIZE;
}

bool dht_socket_error(struct dht_socket *s, struct dht_batch *batch, struct dht_datagram *ret_sent)
{
	union address address = {.any = {.sa_family = AF_UNSPEC}};
	alignas(struct cmsghdr) uint8_t control[ERROR_CONTROL_LEN];
	struct msghdr msg = {
		.msg_name = &address, /* where our datagram went */
		.msg_namelen = sizeof(address),
		.msg_iov = &batch->iov[0],
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control),
	};
	ssize_t len = recvmsg(s->fd, &msg, MSG_ERRQUEUE | MSG_DONTWAIT);
	if (len < 0)
		return false;
	*ret_sent = (struct dht_datagram){.data = batch->data[0], .len = (size_t)len};
	for (struct cmsghdr *c = CMSG_FIRSTHDR(&msg); c; c = CMSG_NXTHDR(&msg, c)) {
		struct sock_extended_err e;
		bool ours = (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_RECVERR) ||
			    (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_RECVERR);
		if (!ours || c->cmsg_len < CMSG_LEN(sizeof(e)))
			continue;
		memcpy(&e, CMSG_DATA(c), sizeof(e));
		if (is_refusal(&e))
			ret_sent->from = from_address(&address);
	}
	return true;
}
