/* A case: libunbound forwards to a socket of ours; what comes in there is passed on, and answered
 * when the node has looked for it. By UDP alone: a copy has 8 kB at most, which fits a datagram on
 * loopback. */
#include "resolver/trial.h"

#include <errno.h>
#include <event2/event.h>
#include <event2/event_struct.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "resolver/packet.h"
#include "resolver/ub_context.h"

/* Of libunbound's queries, repeated ones too, that wait at a time; it repeats those that find no
 * place. */
#define WAITS_MAX 64
#define SOCKETS 64
#define READ_BURST 16
#define MESSAGE_MAX 16384

struct wait {
	struct question question;
	struct sockaddr_in from;
	uint16_t id, flags;
};

struct trial {
	const struct trial_env *env;
	uint64_t id;
	struct question question;
	struct ub_ctx *ctx;
	struct ub_query query;
	int fd;
	bool over;
	struct event readable, end;
	size_t len;
	struct wait waits[WAITS_MAX];
};

uint64_t trial_id(const struct trial *t)
{
	return t->id;
}

void trial_destroy(struct trial *t)
{
	if (!t)
		return;
	t->over = true; /* libunbound calls back for what is under way */
	if (t->ctx)
		ub_context_destroy(t->ctx);
	event_del(&t->readable);
	event_del(&t->end);
	if (t->fd >= 0)
		close(t->fd);
	free(t);
}

static void on_end(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	trial_destroy(arg);
}

/* Only what is proven is an answer: what lay in a slot and is merely not refuted is a stranger's
 * word. */
static void on_answer(void *arg, const struct ub_answer *answer)
{
	struct trial *t = arg;
	struct frame_answer said = {.error = -EREMOTEIO};

	if (t->over)
		return;
	t->over = true;
	if (answer->secure && !answer->bogus && !answer->failed) {
		said = (struct frame_answer){
			.secure = true, .message = answer->message, .len = answer->len};
	} else if (answer->why) {
		snprintf(said.why, sizeof(said.why), "%s", answer->why);
	}
	event_active(&t->end, EV_TIMEOUT, 0); /* not from libunbound's own callback */
	t->env->done(t->env->ctx, t, &said);
}

void trial_start(struct trial *t)
{
	static const struct ub_answer none = {.failed = true};

	if (ub_context_ask(t->ctx, &t->question, &t->query))
		on_answer(t, &none);
}

/* ---- the source ---- */

static bool is_wanted(const struct trial *t, const struct question *q)
{
	for (size_t i = 0; i < t->len; i++)
		if (question_equal(&t->waits[i].question, q))
			return true;
	return false;
}

static void take_query(
	struct trial *t, const uint8_t *message, size_t len, const struct sockaddr_in *from)
{
	struct packet_reader reader;
	struct wait *w = &t->waits[t->len];
	bool wanted;

	if (t->over || t->len == WAITS_MAX || packet_open(&reader, message, len) < 0 ||
		(reader.header.flags & FLAG_QR) || packet_question(&reader, &w->question, NULL) < 0)
		return;
	wanted = is_wanted(t, &w->question);
	w->from = *from;
	w->id = reader.header.id;
	w->flags = reader.header.flags;
	t->len++;
	if (!wanted)
		t->env->wants(t->env->ctx, t, &w->question);
}

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct trial *t = arg;
	uint8_t buf[1024]; /* a name, and what EDNS adds */

	(void)what;
	for (int i = 0; i < READ_BURST; i++) {
		struct sockaddr_in from;
		socklen_t from_len = sizeof(from);
		ssize_t n = recvfrom(fd, buf, sizeof(buf), MSG_DONTWAIT,
			(struct sockaddr *)(void *)&from, &from_len);

		if (n < 0)
			return;
		if (from_len == sizeof(from))
			take_query(t, buf, (size_t)n, &from);
	}
}

static void put16(uint8_t *at, unsigned value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
}

/* The message as an answer to this very query; without one that nobody knows. */
static size_t write_reply(const struct wait *w, const struct judge_gift *gift, uint8_t *buf)
{
	unsigned rcode = RCODE_SERVFAIL;
	struct packet_writer writer;
	size_t len;

	if (gift->len >= PACKET_HEADER && gift->len <= MESSAGE_MAX) {
		memcpy(buf, gift->message, gift->len);
		len = gift->len;
		rcode = buf[3] & 0xf;
	} else {
		packet_begin(&writer, buf, MESSAGE_MAX, true);
		packet_put_question(&writer, &w->question);
		len = (size_t)packet_end(&writer, 0, 0);
	}
	put16(buf, w->id);
	put16(buf + 2, FLAG_QR | FLAG_RA | (w->flags & (FLAG_RD | FLAG_CD)) | rcode);
	return len;
}

void trial_give(struct trial *t, const struct judge_gift *gift)
{
	uint8_t buf[MESSAGE_MAX];
	size_t kept = 0;

	for (size_t i = 0; i < t->len; i++) {
		const struct wait *w = &t->waits[i];

		if (!question_equal(&w->question, &gift->question)) {
			t->waits[kept++] = *w;
			continue;
		}
		sendto(t->fd, buf, write_reply(w, gift, buf), MSG_DONTWAIT | MSG_NOSIGNAL,
			(const struct sockaddr *)(const void *)&w->from, sizeof(w->from));
	}
	t->len = kept;
}

/* ---- life ---- */

/* On loopback, at a port that the kernel chooses. */
static int open_source(struct trial *t, char forward[32])
{
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(at);

	t->fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (t->fd < 0 || bind(t->fd, (const struct sockaddr *)&at, sizeof(at)) ||
		getsockname(t->fd, (struct sockaddr *)&at, &len))
		return -errno;
	snprintf(forward, 32, "127.0.0.1@%u", ntohs(at.sin_port));
	return 0;
}

int trial_create(const struct trial_env *env, uint64_t id, const struct question *q,
	struct trial **ret_trial)
{
	struct trial *t = calloc(1, sizeof(*t));
	char forward[32];
	struct ub_context_config config = {.base = env->base,
		.forward = forward,
		.trust_anchor = env->trust_anchor,
		.sockets = SOCKETS,
		.test_zones = env->test_zones,
		.copies = true};
	int r;

	if (!t)
		return -ENOMEM;
	t->env = env;
	t->id = id;
	t->question = *q;
	t->query = (struct ub_query){on_answer, t};
	event_assign(&t->end, env->base, -1, 0, on_end, t);
	r = open_source(t, forward);
	event_assign(&t->readable, env->base, t->fd, EV_READ | EV_PERSIST, on_readable, t);
	if (!r)
		r = ub_context_create(&config, &t->ctx);
	if (!r && event_add(&t->readable, NULL))
		r = -ENOMEM;
	if (r) {
		trial_destroy(t);
		return r;
	}
	*ret_trial = t;
	return 0;
}
