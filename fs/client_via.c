/* A question to one upstream: in plain over UDP and TCP, else through a relay of our own. */
#include <errno.h>
#include <event2/event.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

#include "fs/client.h"
#include "resolver/allow.h"
#include "resolver/clock.h"
#include "resolver/relays.h"

#define QUERY_MAX 512
#define PATIENCE_MS 5000
#define TRY_MS 1500 /* over UDP, then once more */
#define UDP_ROOM 1232

struct via {
	struct upstream_word word;
	struct server_address at; /* where to send: the server, or its relay */
	struct event_base *base;  /* of the relay */
	struct relays *relays;
	uint8_t query[QUERY_MAX];
	size_t query_len, question_len;
	uint8_t reply[PACKET_MAX];
	size_t reply_len;
};

static int make_query(struct via *v, const struct question *q)
{
	struct packet_writer w;
	struct rr opt = {.owner = {.len = 1},
		.type = TYPE_OPT,
		.class = UDP_ROOM,
		.ttl = 0x8000, /* DO: what is signed is to come with its signatures */
		.rdata = (const uint8_t *)"",
		.section = PACKET_ADDITIONAL};
	uint16_t id;
	if (getrandom(&id, sizeof(id), 0) != sizeof(id))
		return -EIO;
	packet_begin(&w, v->query, sizeof(v->query), false);
	packet_put_question(&w, q);
	v->question_len = w.len;
	packet_put(&w, &opt);
	int len = packet_end(&w, id, FLAG_RD | FLAG_AD);
	v->query_len = len > 0 ? (size_t)len : 0;
	return len < 0 ? len : 0;
}

static bool is_reply(const struct via *v, size_t len)
{
	return len >= v->question_len && memcmp(v->reply, v->query, 2) == 0 &&
	       relay_is_reply(v->reply, len, v->query, v->question_len);
}

static int connect_to(const struct via *v, int kind)
{
	const struct sockaddr *to = (const struct sockaddr *)&v->at.addr;
	int fd = socket(to->sa_family, kind | SOCK_CLOEXEC, 0);
	struct timeval limit = {.tv_sec = PATIENCE_MS / 1000};
	if (fd < 0)
		return -errno;
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
	if (connect(fd, to, v->at.len) == 0)
		return fd;
	int error = errno == EINPROGRESS ? -ETIMEDOUT : -errno;
	close(fd);
	return error;
}

static int read_whole(int fd, uint8_t *to, size_t len)
{
	ssize_t n = recv(fd, to, len, MSG_WAITALL);
	if (n < 0)
		return errno == EAGAIN ? -ETIMEDOUT : -errno;
	return (size_t)n == len ? 0 : -ECONNRESET;
}

static int ask_tcp(struct via *v)
{
	uint8_t head[2] = {(uint8_t)(v->query_len >> 8), (uint8_t)v->query_len};
	struct iovec parts[] = {{head, 2}, {v->query, v->query_len}};
	struct msghdr message = {.msg_iov = parts, .msg_iovlen = 2};
	int fd = connect_to(v, SOCK_STREAM);
	if (fd < 0)
		return fd;
	int r = sendmsg(fd, &message, MSG_NOSIGNAL) < 0 ? -errno : read_whole(fd, head, 2);
	v->reply_len = (size_t)head[0] << 8 | head[1];
	if (r == 0)
		r = read_whole(fd, v->reply, v->reply_len);
	close(fd);
	if (r == 0 && !is_reply(v, v->reply_len))
		r = -EBADMSG;
	return r;
}

/* Waits for a datagram, and does what the relay has to do meanwhile. 0 or -ETIMEDOUT. */
static int await(struct via *v, int fd, uint64_t until)
{
	struct pollfd poll_fd = {.fd = fd, .events = POLLIN};
	for (;;) {
		uint64_t now = clock_monotonic();
		if (now >= until)
			return -ETIMEDOUT;
		uint64_t ms = (until - now) / 1000 + 1;
		/* Two things to wait for: short turns are good enough for one question. */
		if (v->base) {
			event_base_loop(v->base, EVLOOP_NONBLOCK);
			ms = 2;
		}
		if (poll(&poll_fd, 1, (int)ms) > 0)
			return 0;
	}
}

static int receive(struct via *v, int fd, unsigned ms)
{
	uint64_t until = clock_monotonic() + (uint64_t)ms * 1000;
	for (;;) {
		int r = await(v, fd, until);
		if (r < 0)
			return r;
		ssize_t n = recv(fd, v->reply, sizeof(v->reply), MSG_DONTWAIT);
		if (n < 0 && errno != EAGAIN)
			return -errno;
		if (n >= 0 && is_reply(v, (size_t)n)) {
			v->reply_len = (size_t)n;
			return 0;
		}
	}
}

static int ask_udp(struct via *v, unsigned tries, unsigned ms)
{
	int fd = connect_to(v, SOCK_DGRAM), r = fd < 0 ? fd : -ETIMEDOUT;
	while (fd >= 0 && r == -ETIMEDOUT && tries-- > 0)
		r = send(fd, v->query, v->query_len, 0) < 0 ? -errno : receive(v, fd, ms);
	if (fd >= 0)
		close(fd);
	return r;
}

static int ask_plain(struct via *v)
{
	v->at = v->word.address;
	int r = ask_udp(v, PATIENCE_MS / TRY_MS, TRY_MS);
	return r == 0 && v->reply[2] & 0x02 ? ask_tcp(v) : r; /* TC */
}

static void relay_says(void *ctx, const char *line)
{
	(void)ctx;
	fprintf(stderr, "kadns: %s\n", line);
}

static int ask_relay(struct via *v)
{
	v->base = event_base_new();
	int r = v->base ? relays_create(v->base, geteuid(), relay_says, NULL, &v->relays) : -ENOMEM;
	if (r == 0)
		r = relays_get(v->relays, v->word.server, &v->at);
	return r < 0 ? r : ask_udp(v, 1, PATIENCE_MS + 1000);
}

/* AD is worth what the way is worth by which it came (RFC 6840, 5.7). */
static bool is_safe_way(const struct upstream_word *word)
{
	return word->tls || allow_is_loopback((const struct sockaddr *)&word->address.addr);
}

static int make_reply(const struct via *v, const struct question *q, struct local_reply *ret_reply)
{
	struct answer *a;
	char *text = NULL;
	int r = answer_from_message(q, v->reply, v->reply_len, &a);
	if (r < 0)
		return r;
	a->time = clock_wall() / (int64_t)SECOND;
	if (v->reply[3] & FLAG_AD && is_safe_way(&v->word) && v->word.speech != UPSTREAM_2009)
		a->trust = TRUST_DNSSEC;
	*ret_reply = (struct local_reply){.error = a->error, .trust = a->trust};
	uint8_t *message = malloc(a->message[1].len + 1);
	if (!message)
		r = -ENOMEM;
	else if (a->error == 0)
		r = json_write(a, NULL, &text, &ret_reply->len);
	if (r == 0 && a->message[1].len)
		memcpy(message, a->message[1].bytes, a->message[1].len);
	ret_reply->text = text;
	ret_reply->message = message;
	ret_reply->message_len = a->message[1].len;
	answer_unref(a);
	return r;
}

int client_via(const char *text, const struct question *q, struct local_reply *ret_reply)
{
	static struct via v; /* 64 kB */
	const char *why = "";
	int r = upstream_word_parse(text, &v.word, &why);
	if (r == 0 && (v.word.zone.len > 1 || v.word.kind == UPSTREAM_SYSTEM ||
			      v.word.kind == UPSTREAM_RECURSIVE)) {
		why = "one resolver is to be named";
		r = -EINVAL;
	}
	if (r == 0)
		r = make_query(&v, q);
	if (r == 0)
		r = v.word.kind == UPSTREAM_RELAYED ? ask_relay(&v) : ask_plain(&v);
	if (r == 0)
		r = make_reply(&v, q, ret_reply);
	if (r < 0)
		fprintf(stderr, "kadns: %s: %s\n", text, *why ? why : strerror(-r));
	relays_destroy(v.relays);
	if (v.base)
		event_base_free(v.base);
	v.relays = NULL;
	v.base = NULL;
	return r;
}
