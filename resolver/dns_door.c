/* The DNS door: opening, UDP, and what UDP and TCP have in common. */
#include "resolver/dns_door.h"

#include <errno.h>
#include <event2/event.h>
#include <stdlib.h>
#include <string.h>

#include "resolver/clock.h"
#include "resolver/tcp_connection.h"

#define BATCHES_A_TURN 4 /* then the loop looks at the others */
/* What a client may well have asked at once, a mail server that reads its list: to have that to
 * read is not to be behind. A flood goes on: of what is read one datagram is forgotten every so
 * many microseconds, which is more than can be looked up in a second (misses.h). So who reads that
 * much is in a flood, though there is time to read all of it; and out of it soon after. */
#define GULP_MAX 512
#define GULP_FLOOD 1024
#define GULP_FORGET 25

/* A question that waits for the resolver: whom to answer, and from which of our addresses. */
struct udp_wait {
	LIST_ENTRY(udp_wait) link;
	struct dns_door *door;
	struct ask *ask;
	struct dns_query query;
	union dns_udp_peer peer;
	socklen_t peer_len;
	size_t len; /* of the query */
	size_t control_len;
	uint8_t control[DNS_UDP_CONTROL] __attribute__((aligned(8)));
};

/* ---- common ---- */

const unsigned dns_took_ms[DNS_TOOK - 1] = {1, 5, 20, 50, 200, 1000, 5000};

struct gate_time dns_door_time(void)
{
	return (struct gate_time){clock_monotonic(), (uint32_t)(clock_wall() / (int64_t)SECOND)};
}

size_t dns_door_count(struct dns_door *door, const struct dns_query *q, unsigned rcode, size_t len)
{
	if (len && rcode < DNS_RCODES)
		door->counters[q->via].rcode[rcode]++;
	return len;
}

/* By where it came from, and its rcode. Returns len. */
static size_t count_answer(struct dns_door *door, const struct dns_query *q, const struct answer *a,
	const uint8_t *reply, size_t len)
{
	door->counters[q->via].source[a->source]++;
	return dns_door_count(door, q, reply[3] & 0xf, len);
}

static size_t refuse(struct dns_door *door, const struct dns_query *q, uint8_t *buf, size_t limit)
{
	return dns_door_count(door, q, RCODE_REFUSED,
		dns_reply_error(q, RCODE_REFUSED, EDE_NOT_AUTHORITATIVE, buf, limit));
}

static size_t answer_any(
	struct dns_door *door, const struct dns_query *q, uint8_t *buf, size_t limit)
{
	door->counters[q->via].source[SOURCE_NONE]++;
	return dns_door_count(door, q, RCODE_NOERROR, dns_reply_any(q, buf, limit));
}

size_t dns_door_at_once(
	struct dns_door *door, const struct dns_query *q, uint8_t *buf, size_t limit)
{
	const struct answer *a;
	if (q->far && !(q->flags & FLAG_RD)) /* what is in memory is nobody's business */
		return refuse(door, q, buf, limit);
	if (q->question.type == TYPE_ANY)
		return answer_any(door, q, buf, limit);
	a = resolver_peek(door->resolver, &q->question, VIEW_DOOR);
	if (a) {
		struct dns_door_counters *c = &door->counters[q->via];
		resolver_given(door->resolver, a);
		*(answer_is_stale(a) ? &c->stale : &c->hits) += 1;
		return count_answer(door, q, a, buf, dns_reply_answer(q, a, q->asked, buf, limit));
	}
	/* Not to be looked up, and not in memory: this server has no referral to give. */
	return q->flags & FLAG_RD ? 0 : refuse(door, q, buf, limit);
}

size_t dns_door_late(struct dns_door *door, const struct dns_query *q, const struct answer *a,
	uint8_t *buf, size_t limit)
{
	struct dns_door_counters *c = &door->counters[q->via];
	uint64_t now = clock_monotonic(), took = (now - q->asked) / 1000;
	size_t i = 0;
	while (i < DNS_TOOK - 1 && took >= dns_took_ms[i])
		i++;
	c->took[i]++;
	*(answer_is_stale(a) ? &c->stale : &c->misses) += 1;
	return count_answer(door, q, a, buf, dns_reply_answer(q, a, now, buf, limit));
}

/* ---- UDP ---- */

static void wait_free(struct udp_wait *w)
{
	LIST_REMOVE(w, link);
	misses_give_back(w->door->misses, &w->peer.any);
	free(w);
}

/* TC is no larger than the question: by TCP the answer is in memory. */
static size_t late_reply(struct udp_wait *w, const struct answer *a, uint8_t *reply)
{
	struct dns_door *door = w->door;
	if (gate_late(&door->gate, &w->peer.any, clock_monotonic(), &w->query) == GATE_ANSWER)
		return dns_door_late(door, &w->query, a, reply, dns_udp_limit(&w->query));
	door->counters[DNS_UDP].limited++;
	return dns_reply_cut(&w->query, reply, w->len);
}

static void on_late_answer(void *ctx, const struct answer *a)
{
	struct udp_wait *w = ctx;
	struct dns_door *door = w->door;
	uint8_t reply[DNS_UDP_MAX + DNS_OPT_MAX];
	size_t len = late_reply(w, a, reply);
	struct iovec out = {reply, len};
	struct msghdr m = {.msg_name = &w->peer,
		.msg_namelen = w->peer_len,
		.msg_iov = &out,
		.msg_iovlen = 1,
		.msg_control = w->control_len ? w->control : NULL,
		.msg_controllen = w->control_len};
	/* A reply that the kernel has no room for is lost as any datagram may be: the client asks
	 * again. */
	if (sendmsg(door->udp->fd, &m, MSG_DONTWAIT | MSG_NOSIGNAL) > 0)
		door->counters[DNS_UDP].out++;
	wait_free(w);
}

static struct udp_wait *wait_create(
	struct dns_door *door, const struct dns_query *q, const struct mmsghdr *in)
{
	const struct msghdr *from = &in->msg_hdr;
	struct udp_wait *w = calloc(1, sizeof(*w));
	if (!w)
		return NULL;
	w->door = door;
	w->query = *q;
	w->len = in->msg_len;
	memcpy(&w->peer, from->msg_name, from->msg_namelen);
	w->peer_len = from->msg_namelen;
	w->control_len = from->msg_controllen;
	if (w->control_len) /* else there need not be any memory behind it */
		memcpy(w->control, from->msg_control, w->control_len);
	w->ask = resolver_ask(door->resolver, &q->question, VIEW_DOOR, on_late_answer, w);
	if (!w->ask) {
		free(w);
		return NULL;
	}
	LIST_INSERT_HEAD(&door->waits, w, link);
	return w;
}

/* 0 when the answer comes later or not at all, else the length of what is to be said now. */
static size_t udp_ask(
	struct dns_door *door, const struct dns_query *q, const struct mmsghdr *in, uint8_t *reply)
{
	const struct sockaddr *from = in->msg_hdr.msg_name;
	if (misses_take(door->misses, from, q->asked)) {
		if (wait_create(door, q, in))
			return 0;
		misses_give_back(door->misses, from);
	}
	door->counters[DNS_UDP].shed++;
	if (misses_is_behind(door->misses, q->asked))
		return 0; /* a reply would take the time of one that can be answered */
	return dns_door_count(door, q, RCODE_SERVFAIL,
		dns_reply_error(q, RCODE_SERVFAIL, EDE_NONE, reply, DNS_UDP_PLAIN));
}

static uint16_t peer_port(const union dns_udp_peer *peer)
{
	return peer->any.sa_family == AF_INET ? peer->v4.sin_port : peer->v6.sin6_port;
}

/* A query that the gate lets in. */
static size_t udp_answer(
	struct dns_door *door, const struct dns_query *q, const struct mmsghdr *in, uint8_t *reply)
{
	size_t len = dns_door_at_once(door, q, reply, dns_udp_limit(q));
	return len ? len : udp_ask(door, q, in, reply);
}

/* What the gate keeps from an answer: over its rate. */
static size_t udp_limit(struct dns_door *door, const struct udp_query *u, enum gate_verdict verdict,
	uint8_t *reply, size_t limit)
{
	struct dns_door_counters *c = &door->counters[DNS_UDP];
	const struct dns_query *q = &u->query;
	size_t len = 0;
	if (verdict == GATE_COOKIE)
		len = dns_door_count(door, q, RCODE_BADCOOKIE,
			dns_reply_error(q, RCODE_BADCOOKIE, EDE_NONE, reply, limit));
	else if (verdict == GATE_CUT && u->reading == DNS_ASK)
		/* TC of what is no question would only be asked again. */
		len = dns_reply_cut(q, reply, limit);
	*(len ? &c->limited : &c->dropped) += 1;
	return len;
}

static size_t udp_reply(struct dns_door *door, struct udp_query *u, const struct mmsghdr *in,
	struct dns_udp_slot *slot)
{
	struct dns_query *q = &u->query;
	if (u->reading == DNS_DROP)
		return 0;
	enum gate_verdict verdict = gate_udp(&door->gate, &slot->peer.any, &door->time, q);
	switch (verdict) {
	case GATE_ANSWER:
		if (u->reading == DNS_ASK)
			return udp_answer(door, q, in, slot->reply);
		return dns_door_count(door, q, u->rcode,
			dns_reply_error(q, u->rcode, EDE_NONE, slot->reply, DNS_SHORT_MAX));
	case GATE_STRANGER:
		door->counters[DNS_UDP].not_allowed++;
		return dns_door_count(door, q, RCODE_REFUSED,
			dns_reply_error(
				q, RCODE_REFUSED, EDE_PROHIBITED, slot->reply, in->msg_len));
	case GATE_CUT:
	case GATE_COOKIE:
	case GATE_DROP:
		break;
	}
	return udp_limit(door, u, verdict, slot->reply, in->msg_len);
}

static void udp_read(struct dns_door *door, struct udp_query *u, const struct mmsghdr *in,
	const struct dns_udp_slot *slot)
{
	struct dns_door_counters *c = &door->counters[DNS_UDP];
	c->in++;
	/* Port 0 cannot be answered. */
	u->reading = in->msg_hdr.msg_flags & MSG_TRUNC || peer_port(&slot->peer) == 0
			     ? DNS_DROP
			     : dns_query_read(slot->query, in->msg_len, &u->query, &u->rcode);
	if (u->reading == DNS_DROP)
		c->junk++;
	u->query.via = DNS_UDP;
	u->query.asked = door->time.now;
	if (u->reading == DNS_ASK)
		u->hash = resolver_hash(door->resolver, &u->query.question);
}

/* Datagrams from `first` on, at most UDP_GROUP. */
static void udp_group(struct dns_door *door, unsigned first, unsigned len)
{
	struct dns_udp *udp = door->udp;
	struct udp_query *group = door->group;
	for (unsigned i = 0; i < len; i++)
		udp_read(door, &group[i], &udp->in[first + i], &udp->slots[first + i]);
	for (unsigned step = 0; step < CACHE_STEPS; step++)
		for (unsigned i = 0; i < len; i++)
			if (group[i].reading == DNS_ASK)
				resolver_approach(door->resolver, group[i].hash, step);
	for (unsigned i = 0; i < len; i++) {
		size_t n = udp_reply(door, &group[i], &udp->in[first + i], &udp->slots[first + i]);
		if (n)
			dns_udp_reply(udp, first + i, n);
	}
}

/* Who is behind already stays so by any batch that is full, or by going on to read as much. */
static void note_gulp(struct dns_door *door, unsigned n)
{
	uint64_t now = door->time.now, forgotten = (now - door->gulped) / GULP_FORGET;
	door->gulp = door->gulp > forgotten ? door->gulp - forgotten : 0;
	door->gulp += n;
	door->gulped = now;
	bool more = n == DNS_UDP_BATCH;
	if (door->gulp > GULP_FLOOD ||
		(more && (door->gulp > GULP_MAX || misses_is_behind(door->misses, now))))
		misses_behind(door->misses, now);
	if (door->gulp > GULP_FLOOD)
		door->gulp = GULP_FLOOD;
}

static unsigned udp_batch(struct dns_door *door)
{
	unsigned n = dns_udp_receive(door->udp);
	door->time = dns_door_time();
	gate_tick(&door->gate, &door->time);
	note_gulp(door, n);
	for (unsigned at = 0; at < n; at += UDP_GROUP)
		udp_group(door, at, n - at < UDP_GROUP ? n - at : UDP_GROUP);
	door->counters[DNS_UDP].out += dns_udp_send(door->udp);
	return n;
}

static void on_udp(evutil_socket_t fd, short what, void *ctx)
{
	(void)fd;
	(void)what;
	for (int turn = 0; turn < BATCHES_A_TURN && udp_batch(ctx) == DNS_UDP_BATCH; turn++)
		;
}

static int udp_open(struct dns_door *door, const struct dns_door_config *config)
{
	int error = dns_udp_open(config->address, config->address_len, &door->udp);
	if (error < 0)
		return error;
	event_assign(
		&door->udp_event, door->base, door->udp->fd, EV_READ | EV_PERSIST, on_udp, door);
	event_add(&door->udp_event, NULL);
	return 0;
}

int dns_door_open(struct event_base *base, struct resolver *r, const struct dns_door_config *config,
	struct dns_door **ret_door)
{
	struct dns_door *door = calloc(1, sizeof(*door));
	if (!door)
		return -ENOMEM;
	door->base = base;
	door->resolver = r;
	door->time = dns_door_time();
	TAILQ_INIT(&door->connections);
	door->tls = config->tls;
	door->status_to = config->status_to;
	door->hosts = config->hosts;
	door->hosts_len = config->hosts_len;
	door->speech = config->http ? &tcp_speaks_http : &tcp_speaks_dns;
	door->via = config->http ? (door->tls ? DNS_HTTPS : DNS_HTTP)
				 : (door->tls ? DNS_TLS : DNS_TCP);
	door->misses = resolver_misses(r);
	int error = gate_init(&door->gate, config->allow, &door->time);
	if (error == 0 && door->via == DNS_TCP)
		error = udp_open(door, config);
	if (error == 0)
		error = dns_tcp_open(door, config->address, config->address_len);
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
	gate_finish(&door->gate);
	free(door);
}

const struct dns_door_counters *dns_door_counters(const struct dns_door *door, enum dns_via via)
{
	return &door->counters[via];
}
