/* The DNS door: opening, UDP, and what UDP and TCP have in common. */
#include "resolver/dns_door.h"

#include <errno.h>
#include <event2/event.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "resolver/clock.h"
#include "resolver/dns_door_inside.h"

#define BATCHES_A_TURN 4    /* then the loop looks at the others */

/* A question that waits for the resolver: whom to answer, and from which of our addresses. */
struct udp_wait {
	LIST_ENTRY(udp_wait) link;
	struct dns_door *door;
	struct ask *ask;
	struct dns_query query;
	union dns_udp_peer peer;
	socklen_t peer_len;
	size_t control_len;
	uint8_t control[DNS_UDP_CONTROL] __attribute__((aligned(8)));
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
	if (sendmsg(door->udp->fd, &m, MSG_DONTWAIT | MSG_NOSIGNAL) > 0)
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

static uint16_t peer_port(const union dns_udp_peer *peer)
{
	return peer->any.sa_family == AF_INET ? peer->v4.sin_port : peer->v6.sin6_port;
}

static size_t udp_one(struct dns_door *door, const struct mmsghdr *in, struct dns_udp_slot *slot)
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

static unsigned udp_batch(struct dns_door *door)
{
	struct dns_udp *udp = door->udp;
	unsigned n = dns_udp_receive(udp);
	for (unsigned i = 0; i < n; i++) {
		size_t len = udp_one(door, &udp->in[i], &udp->slots[i]);
		if (len)
			dns_udp_reply(udp, i, len);
	}
	door->counters.udp_out += dns_udp_send(udp);
	return n;
}

static void on_udp(evutil_socket_t fd, short what, void *ctx)
{
	(void)fd;
	(void)what;
	for (int turn = 0; turn < BATCHES_A_TURN && udp_batch(ctx) == DNS_UDP_BATCH; turn++)
		;
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
	int error = dns_udp_open(address, address_len, &door->udp);
	if (error == 0) {
		event_assign(&door->udp_event, base, door->udp->fd, EV_READ | EV_PERSIST, on_udp, door);
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
	if (event_initialized(&door->udp_event))
		event_del(&door->udp_event);
	dns_udp_close(door->udp);
	free(door);
}

void dns_door_counters(const struct dns_door *door, struct dns_door_counters *ret_counters)
{
	*ret_counters = door->counters;
}
