/* Datagrams in batches: the socket that they need, and reading them by recvmmsg. */
#include "resolver/dns_udp.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "resolver/bound.h"

static bool is_wildcard(const struct sockaddr *a)
{
	if (a->sa_family == AF_INET)
		return ((const struct sockaddr_in *)a)->sin_addr.s_addr == INADDR_ANY;
	return IN6_IS_ADDR_UNSPECIFIED(&((const struct sockaddr_in6 *)a)->sin6_addr);
}

static int open_socket(const struct sockaddr *address, socklen_t len)
{
	int on = 1, omit = IP_PMTUDISC_OMIT, room = DNS_UDP_ROOM, error;
	bool v4 = address->sa_family == AF_INET;
	int fd = socket(address->sa_family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	/* A forged "fragmentation needed" must not make us send fragments (RFC 9715). */
	setsockopt(fd, v4 ? IPPROTO_IP : IPPROTO_IPV6, v4 ? IP_MTU_DISCOVER : IPV6_MTU_DISCOVER,
		&omit, sizeof(omit));
	setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof(room));
	if (!v4)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on));
	/* Bound to every address, the reply must come from the one that was asked. */
	if (is_wildcard(address) &&
		setsockopt(fd, v4 ? IPPROTO_IP : IPPROTO_IPV6, v4 ? IP_PKTINFO : IPV6_RECVPKTINFO,
			&on, sizeof(on)) < 0)
		goto fail;
	if (bound(fd, address, len) < 0)
		goto fail;
	return fd;
fail:
	error = -errno;
	close(fd);
	return error;
}

static void prepare(struct dns_udp *udp, unsigned i)
{
	struct dns_udp_slot *s = &udp->slots[i];
	struct msghdr *m = &udp->in[i].msg_hdr;
	s->in = (struct iovec){s->query, sizeof(s->query)};
	*m = (struct msghdr){.msg_name = &s->peer,
		.msg_namelen = sizeof(s->peer),
		.msg_iov = &s->in,
		.msg_iovlen = 1};
	if (udp->wildcard) {
		m->msg_control = s->control;
		m->msg_controllen = sizeof(s->control);
	}
}

int dns_udp_open(const struct sockaddr *address, socklen_t len, struct dns_udp **ret_udp)
{
	struct dns_udp *udp = calloc(1, sizeof(*udp));
	if (!udp)
		return -ENOMEM;
	udp->fd = open_socket(address, len);
	if (udp->fd < 0) {
		int error = udp->fd;
		free(udp);
		return error;
	}
	udp->wildcard = is_wildcard(address);
	udp->used = DNS_UDP_BATCH;
	*ret_udp = udp;
	return 0;
}

void dns_udp_close(struct dns_udp *udp)
{
	if (!udp)
		return;
	close(udp->fd);
	free(udp);
}

unsigned dns_udp_receive(struct dns_udp *udp)
{
	for (unsigned i = 0; i < udp->used; i++)
		prepare(udp, i);
	int n = recvmmsg(udp->fd, udp->in, DNS_UDP_BATCH, MSG_DONTWAIT, NULL);
	udp->used = n > 0 ? (unsigned)n : 0;
	udp->replies = 0;
	return udp->used;
}
