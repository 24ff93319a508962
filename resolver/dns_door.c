/* The DNS door: opening, UDP, and what UDP and TCP have in common. */
#include "resolver/dns_door.h"

#include <errno.h>
#include <event2/event.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "resolver/clock.h"
#include "resolver/dns_door_inside.h"

#define BATCH 32            /* datagrams read by one system call, and sent by one */
#define BATCHES_A_TURN 4    /* then the loop looks at the others */
#define QUERY_MAX 4096      /* a longer datagram is no query of ours; read to its end, so known as such */
#define CONTROL_MAX 64      /* one IP_PKTINFO or IPV6_PKTINFO */

/* A question that waits for the resolver: whom to answer, and from which of our addresses. */
struct udp_wait {
	LIST_ENTRY(udp_wait) link;
	struct dns_door *door;
	struct ask *ask;
	struct dns_query query;
	struct sockaddr_storage peer;
	socklen_t peer_len;
	size_t control_len;
	uint8_t control[CONTROL_MAX] __attribute__((aligned(8)));
};

struct udp_slot {
	struct sockaddr_storage peer;
	uint8_t control[CONTROL_MAX] __attribute__((aligned(8)));
	struct iovec in, out;
	uint8_t query[QUERY_MAX];
	uint8_t reply[DNS_UDP_MAX + DNS_OPT_MAX];
};

struct udp_batch {
	struct mmsghdr in[BATCH], out[BATCH];
	struct udp_slot slots[BATCH];
};

/* ---- common ---- */

void dns_door_count(struct dns_door *door, const uint8_t *reply)
{
	door->counters.rcode[reply[3] & 0xf]++;
}

size_t dns_door_at_once(struct dns_door *door, const struct dns_query *q, uint8_t *buf, size_t limit)
{
	size_t len = 0;
	if (q->question.type == TYPE_ANY) {
		struct answer *any = dns_any_answer(&q->question);
		len = any ? dns_reply_answer(q, any, 0, buf, limit) :
			    dns_reply_error(q, RCODE_SERVFAIL, buf, limit);
		answer_unref(any);
	} else {
		const struct answer *a = resolver_peek(door->resolver, &q->question, VIEW_DOOR);
		if (a) {
			len = dns_reply_answer(q, a, clock_monotonic(), buf, limit);
			door->counters.from_memory++;
		} else if (!(q->flags & FLAG_RD)) {
			/* Not to be looked up, and not in memory: this server has no referral to give. */
			len = dns_reply_error(q, RCODE_REFUSED, buf, limit);
		}
	}
	if (len)
		dns_door_count(door, buf);
	return len;
}

size_t dns_door_late(struct dns_door *door, const struct dns_query *q, const struct answer *a,
	uint8_t *buf, size_t limit)
{
	size_t len = dns_reply_answer(q, a, clock_monotonic(), buf, limit);
	dns_door_count(door, buf);
	return len;
}

/* ---- UDP ---- */

static void wait_free(struct udp_wait *w)
{
	LIST_REMOVE(w, link);
	w->door->waits_len--;
	free(w);
}

static void on_late_answer(void *ctx, const struct answer *a)
{
	struct udp_wait *w = ctx;
	struct dns_door *door = w->door;
	uint8_t reply[DNS_UDP_MAX + DNS_OPT_MAX];
	size_t len = dns_door_late(door, &w->query, a, reply, dns_udp_limit(&w->query));
	struct iovec out = {reply, len};
	struct msghdr m = {.msg_name = &w->peer, .msg_namelen = w->peer_len, .msg_iov = &out,
		.msg_iovlen = 1, .msg_control = w->control_len ? w->control : NULL,
		.msg_controllen = w->control_len};
	/* A reply that the kernel has no room for is lost as any datagram may be: the client asks again. */
	if (sendmsg(door->udp, &m, MSG_DONTWAIT | MSG_NOSIGNAL) > 0)
		door->counters.udp_out++;
	wait_free(w);
}

/* 0 when the answer comes later, else the length of what is to be said now. */
static size_t udp_ask(struct dns_door *door, const struct dns_query *q, const struct msghdr *from,
	uint8_t *reply)
{
	struct udp_wait *w = door->waits_len < DNS_DOOR_UDP_PENDING_MAX ? calloc(1, sizeof(*w)) : NULL;
	if (w) {
		w->door = door;
		w->query = *q;
		memcpy(&w->peer, from->msg_name, from->msg_namelen);
		w->peer_len = from->msg_namelen;
		w->control_len = from->msg_controllen;
		memcpy(w->control, from->msg_control, from->msg_controllen);
		w->ask = resolver_ask(door->resolver, &q->question, VIEW_DOOR, on_late_answer, w);
	}
	if (w && w->ask) {
		LIST_INSERT_HEAD(&door->waits, w, link);
		door->waits_len++;
		return 0;
	}
	free(w);
	size_t len = dns_reply_error(q, RCODE_SERVFAIL, reply, DNS_UDP_PLAIN);
	dns_door_count(door, reply);
	return len;
}

static uint16_t peer_port(const struct sockaddr_storage *peer)
{
	return peer->ss_family == AF_INET ? ((const struct sockaddr_in *)peer)->sin_port :
					    ((const struct sockaddr_in6 *)peer)->sin6_port;
}

static size_t udp_one(struct dns_door *door, const struct mmsghdr *in, struct udp_slot *slot)
{
	struct dns_query q;
	uint8_t rcode;
	size_t len = 0;
	door->counters.udp_in++;
	/* Port 0 cannot be answered. */
	if (in->msg_hdr.msg_flags & MSG_TRUNC || peer_port(&slot->peer) == 0) {
		door->counters.junk++;
		return 0;
	}
	switch (dns_query_read(slot->query, in->msg_len, &q, &rcode)) {
	case DNS_DROP:
		door->counters.junk++;
		break;
	case DNS_ERROR:
		len = dns_reply_error(&q, rcode, slot->reply, sizeof(slot->reply));
		dns_door_count(door, slot->reply);
		break;
	case DNS_ASK:
		len = dns_door_at_once(door, &q, slot->reply, dns_udp_limit(&q));
		if (len == 0)
			len = udp_ask(door, &q, &in->msg_hdr, slot->reply);
		break;
	}
	return len;
}

static void prepare_slot(struct udp_batch *b, int i)
{
	struct udp_slot *s = &b->slots[i];
	s->in = (struct iovec){s->query, sizeof(s->query)};
	b->in[i].msg_hdr = (struct msghdr){.msg_name = &s->peer, .msg_namelen = sizeof(s->peer),
		.msg_iov = &s->in, .msg_iovlen = 1, .msg_control = s->control,
		.msg_controllen = sizeof(s->control)};
}

static int udp_batch(struct dns_door *door)
{
	struct udp_batch *b = door->batch;
	for (int i = 0; i < BATCH; i++)
		prepare_slot(b, i);
	int n = recvmmsg(door->udp, b->in, BATCH, MSG_DONTWAIT, NULL);
	unsigned replies = 0;
	for (int i = 0; i < n; i++) {
		struct udp_slot *s = &b->slots[i];
		size_t len = udp_one(door, &b->in[i], s);
		if (len == 0)
			continue;
		s->out = (struct iovec){s->reply, len};
		struct msghdr *out = &b->out[replies++].msg_hdr;
		*out = b->in[i].msg_hdr; /* to the sender, from the address it asked */
		out->msg_iov = &s->out;
		out->msg_flags = 0;
		if (!out->msg_controllen)
			out->msg_control = NULL;
	}
	for (unsigned at = 0; at < replies;) {
		int sent = sendmmsg(door->udp, b->out + at, replies - at, MSG_DONTWAIT | MSG_NOSIGNAL);
		door->counters.udp_out += sent > 0 ? (unsigned)sent : 0;
		at += sent > 0 ? (unsigned)sent : 1; /* one that cannot be sent holds up no other */
	}
	return n;
}

static void on_udp(evutil_socket_t fd, short what, void *ctx)
{
	(void)fd;
	(void)what;
	for (int turn = 0; turn < BATCHES_A_TURN && udp_batch(ctx) == BATCH; turn++)
		;
}

static bool is_wildcard(const struct sockaddr *a)
{
	if (a->sa_family == AF_INET)
		return ((const struct sockaddr_in *)a)->sin_addr.s_addr == INADDR_ANY;
	return IN6_IS_ADDR_UNSPECIFIED(&((const struct sockaddr_in6 *)a)->sin6_addr);
}

static int udp_socket(const struct sockaddr *address, socklen_t len)
{
	int on = 1, omit = IP_PMTUDISC_OMIT, error;
	bool v4 = address->sa_family == AF_INET;
	int fd = socket(address->sa_family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	/* A forged "fragmentation needed" must not make us send fragments (RFC 9715). */
	setsockopt(fd, v4 ? IPPROTO_IP : IPPROTO_IPV6, v4 ? IP_MTU_DISCOVER : IPV6_MTU_DISCOVER, &omit,
		sizeof(omit));
	if (!v4)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on));
	/* Bound to every address, the reply must come from the one that was asked. */
	if (is_wildcard(address) &&
		setsockopt(fd, v4 ? IPPROTO_IP : IPPROTO_IPV6, v4 ? IP_PKTINFO : IPV6_RECVPKTINFO, &on,
			sizeof(on)) < 0)
		goto fail;
	if (bind(fd, address, len) < 0)
		goto fail;
	return fd;
fail:
	error = -errno;
	close(fd);
	return error;
}

int dns_door_open(struct event_base *base, struct resolver *r, const struct sockaddr *address,
	socklen_t address_len, struct dns_door **ret_door)
{
	struct dns_door *door = calloc(1, sizeof(*door));
	if (!door)
		return -ENOMEM;
	door->base = base;
	door->resolver = r;
	TAILQ_INIT(&door->connections);
	door->batch = calloc(1, sizeof(*door->batch));
	door->udp = udp_socket(address, address_len);
	int error = door->udp < 0 ? door->udp : door->batch ? 0 : -ENOMEM;
	if (error == 0) {
		event_assign(&door->udp_event, base, door->udp, EV_READ | EV_PERSIST, on_udp, door);
		event_add(&door->udp_event, NULL);
		error = dns_tcp_open(door, address, address_len);
	}
	if (error < 0) {
		dns_door_close(door);
		return error;
	}
	resolver_door(r, NULL, door);
	*ret_door = door;
	return 0;
}

void dns_door_close(struct dns_door *door)
{
	if (!door)
		return;
	resolver_door(door->resolver, door, NULL);
	dns_tcp_close(door);
	struct udp_wait *w;
	while ((w = LIST_FIRST(&door->waits))) {
		resolver_cancel(w->ask);
		wait_free(w);
	}
	if (door->udp >= 0) {
		if (event_initialized(&door->udp_event))
			event_del(&door->udp_event);
		close(door->udp);
	}
	free(door->batch);
	free(door);
}

void dns_door_counters(const struct dns_door *door, struct dns_door_counters *ret_counters)
{
	*ret_counters = door->counters;
}
