/* Questions from loopback, each out by a socket of its own, and the answers back. */
#include "resolver/udp_relay.h"

#include <errno.h>
#include <event2/event.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/random.h>
#include <unistd.h>

#include "resolver/clock.h"
#include "resolver/hash.h"
#include "resolver/kept_answers.h"

#define PACKETS_MAX 2 /* of one question, whatever libunbound makes of it */
/* A packet that was lost is missed: a server that has the answer gives it sooner. */
#define REPEAT (SECOND / 2)
/* Readers wait for 4 s (the resolver's deadline), and want to be told where else to look; a
 * server's own search may well take two. */
#define PATIENCE (3 * SECOND)
/* For an answer over TCP, that the server has by now. */
#define STREAM_PATIENCE (2 * SECOND)
_Static_assert(PATIENCE + STREAM_PATIENCE < UDP_RELAY_TIME_MS * (SECOND / 1000), "as promised");
/* How long is remembered what a question has cost that has failed: libunbound asks with CD=1 at
 * once, or not at all. */
#define MEMORY (SECOND / 2)
#define FAILURES 1024  /* of which that is remembered: more than end in one turn of the loop */
#define STREAMS_MAX 64 /* connections, each with a buffer */
#define BURST 16       /* datagrams that are no answer, before the others have their turn */
#define PORT_TRIES 8

struct udp_query {
	LIST_ENTRY(udp_query) link;
	struct udp_relay *relay;
	/* Who has asked the same just now: what comes is for this one too. */
	struct udp_query *leader;
	unsigned followers;
	struct sockaddr_in from;
	uint16_t id; /* libunbound's */
	int fd;
	unsigned packets;
	uint64_t since;
	struct event event;
	uint8_t *in; /* over TCP: the length, then what it announces */
	size_t in_len;
	size_t question_len, len;
	uint8_t message[RELAY_QUERY_MAX]; /* with the id that the server knows */
};

struct failure {
	uint64_t question, at;
	unsigned packets;
};

struct udp_relay {
	struct relay relay;
	struct server_address server;
	unsigned max, len, streams;
	LIST_HEAD(, udp_query) queries;
	uint64_t seed;
	struct failure failures[FAILURES]; /* by the question's hash */
	struct kept_answers kept;
};

/* ---- questions ---- */

static void unfollow(struct udp_query *f)
{
	if (f->leader)
		f->leader->followers--;
	f->leader = NULL;
}

static struct udp_query *next_follower(const struct udp_query *q)
{
	struct udp_query *f = q->followers ? LIST_FIRST(&q->relay->queries) : NULL;

	while (f && f->leader != q)
		f = LIST_NEXT(f, link);
	return f;
}

static void query_free(struct udp_query *q)
{
	struct udp_query *f;

	while ((f = next_follower(q)))
		unfollow(f);
	unfollow(q);
	if (event_initialized(&q->event))
		event_del(&q->event);
	if (q->fd >= 0)
		close(q->fd);
	q->relay->streams -= q->in != NULL;
	free(q->in);
	LIST_REMOVE(q, link);
	q->relay->len--;
	free(q);
}

static uint64_t hash_question(const struct udp_relay *r, const struct udp_query *q)
{
	return hash_bytes(q->message + PACKET_HEADER, q->question_len - PACKET_HEADER, r->seed);
}

static void remember(struct udp_relay *r, const struct udp_query *q)
{
	uint64_t hash = hash_question(r, q);

	r->failures[hash % FAILURES] = (struct failure){
		.question = hash, .at = clock_monotonic(), .packets = q->packets};
}

/* What has it cost, if libunbound asks because it was told just now that it failed? A question
 * without CD=1 is somebody's new one. */
static unsigned recall(struct udp_relay *r, const struct udp_query *q)
{
	uint64_t hash = hash_question(r, q);
	struct failure *f = &r->failures[hash % FAILURES];
	unsigned packets = f->packets;

	if (!(q->message[3] & FLAG_CD) || f->question != hash || clock_monotonic() - f->at > MEMORY)
		return 0;
	f->packets = 0;
	return packets;
}

static void fail(struct udp_query *q)
{
	uint8_t servfail[RELAY_QUERY_MAX];
	struct udp_query *f;

	while ((f = next_follower(q)))
		fail(f);
	remember(q->relay, q);
	relay_servfail(q->message, q->question_len, servfail);
	relay_reply(&q->relay->relay, &q->from, q->id, servfail, q->question_len);
	query_free(q);
}

static bool is_reply(const struct udp_query *q, const uint8_t *message, size_t len)
{
	return len >= PACKET_HEADER && memcmp(message, q->message, 2) == 0 &&
	       relay_is_reply(message, len, q->message, q->question_len);
}

static void begin(struct udp_query *q);

/* Who asks with CD=1 what was asked without takes an answer for his, but no SERVFAIL. */
static void answer_followers(struct udp_query *q, uint8_t *message, size_t len, bool good)
{
	struct udp_query *f;

	while ((f = next_follower(q))) {
		unfollow(f);
		if (good || ((f->message[3] ^ q->message[3]) & FLAG_CD) == 0) {
			relay_reply(&q->relay->relay, &f->from, f->id, message, len);
			query_free(f);
		} else {
			begin(f);
		}
	}
}

/* What the server said goes to libunbound, which judges it. */
static void answer(struct udp_query *q, uint8_t *message, size_t len)
{
	unsigned rcode = message[3] & 0xf;
	bool good = rcode == RCODE_NOERROR || rcode == RCODE_NXDOMAIN;

	if (!good)
		remember(q->relay, q);
	else if (kept_answers_are_on(&q->relay->kept))
		kept_answers_add(&q->relay->kept, q->message, q->len, message, len);
	answer_followers(q, message, len, good);
	q->relay->relay.counters.answers++;
	relay_reply(&q->relay->relay, &q->from, q->id, message, len);
	query_free(q);
}

static void wait_for(struct udp_query *q, short what, event_callback_fn fn, uint64_t until)
{
	uint64_t now = clock_monotonic();
	struct timeval t = clock_timeval(until > now ? until - now : 0);

	if (event_initialized(&q->event))
		event_del(&q->event);
	event_assign(&q->event, q->relay->relay.base, q->fd, what | EV_PERSIST, fn, q);
	event_add(&q->event, &t);
}

/* ---- over TCP ---- */

/* -EAGAIN: there is more to come; 0: all of it. */
static int stream_receive(struct udp_query *q)
{
	for (;;) {
		size_t whole = q->in_len < 2 ? 2 : 2 + ((size_t)q->in[0] << 8 | q->in[1]);
		ssize_t n;

		if (q->in_len == whole)
			return whole < 2 + PACKET_HEADER ? -EBADMSG : 0;
		n = recv(q->fd, q->in + q->in_len, whole - q->in_len, MSG_DONTWAIT);
		if (n <= 0)
			return n < 0 ? -errno : -ECONNRESET;
		q->in_len += (size_t)n;
	}
}

static void on_stream(evutil_socket_t fd, short what, void *ctx)
{
	struct udp_query *q = ctx;
	int r = what & EV_TIMEOUT ? -ETIMEDOUT : stream_receive(q);

	(void)fd;
	if (r == -EAGAIN)
		return;
	if (r < 0 || !is_reply(q, q->in + 2, q->in_len - 2))
		fail(q);
	else
		answer(q, q->in + 2, q->in_len - 2);
}

static void on_connected(evutil_socket_t fd, short what, void *ctx)
{
	struct udp_query *q = ctx;
	uint8_t framed[2 + RELAY_QUERY_MAX] = {(uint8_t)(q->len >> 8), (uint8_t)q->len};

	memcpy(framed + 2, q->message, q->len);
	/* A connection that is new has room for all of it. */
	if ((what & EV_TIMEOUT) ||
		send(fd, framed, 2 + q->len, MSG_NOSIGNAL) != (ssize_t)(2 + q->len))
		fail(q);
	else
		wait_for(q, EV_READ, on_stream, q->since + STREAM_PATIENCE);
}

/* The answer is longer than a datagram should be. Where it cannot be had otherwise it is none. */
static void start_stream(struct udp_query *q)
{
	const struct server_address *server = &q->relay->server;
	int fd;

	event_del(&q->event);
	close(q->fd);
	q->fd = fd = socket(server->addr.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	q->in = fd < 0 || q->relay->streams == STREAMS_MAX ? NULL : malloc(2 + PACKET_MAX);
	q->relay->streams += q->in != NULL;
	if (!q->in || (connect(fd, (const struct sockaddr *)&server->addr, server->len) &&
			      errno != EINPROGRESS)) {
		fail(q);
		return;
	}
	q->since = clock_monotonic();
	wait_for(q, EV_WRITE, on_connected, q->since + STREAM_PATIENCE);
}

/* ---- over UDP ---- */

/* That nobody is there is no answer: anybody on the way can say so, and who is starting again will
 * be there for the next packet. The error may be about the packet before. */
static void send_packet(struct udp_query *q)
{
	q->packets++;
	if (send(q->fd, q->message, q->len, MSG_NOSIGNAL) < 0 && errno == ECONNREFUSED)
		(void)!send(q->fd, q->message, q->len, MSG_NOSIGNAL);
}

static void on_datagram(evutil_socket_t fd, short what, void *ctx)
{
	static uint8_t buf[PACKET_MAX]; /* much for a stack; there is one thread */
	struct udp_query *q = ctx;

	if ((what & EV_TIMEOUT) && clock_monotonic() - q->since >= PATIENCE) {
		fail(q);
		return;
	}
	if (what & EV_TIMEOUT) {
		if (q->packets < PACKETS_MAX)
			send_packet(q);
		wait_for(q, EV_READ, on_datagram, q->since + PATIENCE);
		return;
	}
	for (int i = 0; i < BURST; i++) {
		ssize_t n = recv(fd, buf, sizeof(buf), MSG_DONTWAIT);

		if (n < 0)
			return;
		/* What is none may be a stranger's guess at one. */
		if (!is_reply(q, buf, (size_t)n))
			continue;
		if (buf[2] & (FLAG_TC >> 8))
			start_stream(q);
		else
			answer(q, buf, (size_t)n);
		return;
	}
}

/* The kernel would choose a port out of half as many. */
static void bind_anywhere(int fd, int family)
{
	struct sockaddr_storage any = {.ss_family = (sa_family_t)family};
	socklen_t len = family == AF_INET ? sizeof(struct sockaddr_in)
					  : sizeof(struct sockaddr_in6);
	uint16_t random[PORT_TRIES];

	if (getrandom(random, sizeof(random), 0) != sizeof(random))
		return;
	for (int i = 0; i < PORT_TRIES; i++) {
		in_port_t port = htons((uint16_t)(1024 + random[i] % (65536 - 1024)));

		if (family == AF_INET)
			((struct sockaddr_in *)&any)->sin_port = port;
		else
			((struct sockaddr_in6 *)&any)->sin6_port = port;
		if (bind(fd, (struct sockaddr *)&any, len) == 0 || errno != EADDRINUSE)
			return;
	}
}

/* Nobody else can answer: the kernel lets in what comes from the server alone, to a port and with
 * an id that are chosen for this question. */
static int open_socket(const struct server_address *server, uint8_t ret_id[2])
{
	int fd = socket(server->addr.ss_family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0)
		return -errno;
	bind_anywhere(fd, server->addr.ss_family);
	if (getrandom(ret_id, 2, 0) == 2 &&
		connect(fd, (const struct sockaddr *)&server->addr, server->len) == 0)
		return fd;
	close(fd);
	return -EIO;
}

static struct udp_query *query_create(struct udp_relay *r, const struct relay_asked *asked)
{
	struct udp_query *q = r->len < r->max ? calloc(1, sizeof(*q)) : NULL;

	if (!q)
		return NULL;
	q->relay = r;
	q->from = asked->from;
	q->id = (uint16_t)(asked->message[0] << 8 | asked->message[1]);
	q->question_len = asked->question_len;
	q->len = asked->len;
	memcpy(q->message, asked->message, asked->len);
	q->since = clock_monotonic();
	q->fd = -1;
	LIST_INSERT_HEAD(&r->queries, q, link);
	r->len++;
	return q;
}

static void begin(struct udp_query *q)
{
	q->packets = recall(q->relay, q);
	if (q->packets < PACKETS_MAX)
		q->fd = open_socket(&q->relay->server, q->message);
	if (q->fd < 0) {
		fail(q);
		return;
	}
	send_packet(q);
	wait_for(q, EV_READ, on_datagram, q->since + REPEAT);
}

/* Has it been answered just now? */
static bool give_kept(struct udp_relay *r, const struct relay_asked *asked)
{
	uint8_t message[KEPT_ANSWERS_LEN_MAX];
	size_t len;
	const uint8_t *kept = kept_answers_find(&r->kept, asked->message, asked->len, &len);

	if (!kept)
		return false;
	memcpy(message, kept, len);
	relay_reply(&r->relay, &asked->from, (unsigned)(asked->message[0] << 8 | asked->message[1]),
		message, len);
	return true;
}

/* Is it under way? */
static bool follow(struct udp_query *q)
{
	struct udp_query *l;

	LIST_FOREACH(l, &q->relay->queries, link)
	if (l != q && !l->leader && kept_answers_same(l->message, l->len, q->message, q->len))
		break;
	q->leader = l;
	if (l)
		l->followers++;
	return l;
}

static bool take_question(struct relay *relay, const struct relay_asked *asked)
{
	struct udp_relay *r = (struct udp_relay *)relay;
	bool keeps = kept_answers_are_on(&r->kept);

	if (keeps && give_kept(r, asked))
		return true;
	struct udp_query *q = query_create(r, asked);
	if (!q)
		return false;
	if (!keeps || !follow(q))
		begin(q);
	return true;
}

/* ---- the interface ---- */

static void destroy(struct relay *relay)
{
	struct udp_relay *r = (struct udp_relay *)relay;

	while (!LIST_EMPTY(&r->queries))
		query_free(LIST_FIRST(&r->queries));
	kept_answers_clear(&r->kept);
	relay_close(relay);
	free(r);
}

void udp_relay_keep(struct relay *relay, uint64_t until)
{
	kept_answers_until(&((struct udp_relay *)relay)->kept, until);
}

int udp_relay_create(
	struct event_base *base, const struct udp_relay_config *config, struct relay **ret_relay)
{
	static const struct relay_kind kind = {.take = take_question, .destroy = destroy};
	const struct relay_config relay_config = {
		.text = config->text, .asker = geteuid(), .owners = config->owners};
	struct udp_relay *r = calloc(1, sizeof(*r));
	int error;

	if (!r)
		return -ENOMEM;
	r->server = *config->server;
	r->max = config->max;
	error = relay_open(&r->relay, base, &kind, &relay_config);
	if (error == 0 && getrandom(&r->seed, sizeof(r->seed), 0) != sizeof(r->seed))
		error = -EIO;
	if (error) {
		destroy(&r->relay);
		return error;
	}
	*ret_relay = &r->relay;
	return 0;
}
