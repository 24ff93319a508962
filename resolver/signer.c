/* The node's side of the signer: what it is asked, that it may die or hang at any time, and that
 * the answer may be anything. */
#include "resolver/signer.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "resolver/child.h"
#include "resolver/child_words.h"
#include "resolver/signer_frame.h"
#include "resolver/signer_process.h"

/* At the start of the daemon, when nobody waits yet and the disk may be asleep. */
#define OPEN_PATIENCE (10 * SECOND)
/* Between two starts that came to nothing; after one that lasted for the longer of them, none. */
#define RESTART_MIN (SECOND / 10)
#define RESTART_MAX (10 * SECOND)

/* A key that was asked for once. There are as many as there are key files. */
struct known {
	uid_t uid;
	uint8_t key[NAME_KEY_LEN];
};

struct signer {
	char *dir;
	pid_t pid; /* 0: reaped */
	int fd;	   /* -1: there is no process, or none that is any good */
	int heard; /* its stderr, until `words` has it; -1: none */
	struct child_words *words;
	struct event_base *base; /* NULL: nobody listens yet */
	uint64_t id, started, not_before, delay;
	size_t known_len;
	struct known *known;
	struct signer_counters counters;
	void (*say)(void *ctx, const char *line);
	void *say_ctx;
	uint8_t out[SIGNER_FRAME_MAX];
};

/* The start of a daemon ends with its stderr closed, which its children must not hold: so what the
 * process prints comes here. */
static void listen_to(struct signer *s)
{
	if (!s->base || s->heard < 0)
		return;
	s->words = child_words_create(s->base, s->heard, s->say, s->say_ctx);
	s->heard = -1;
}

/* What it has printed when there is no loop to hear it: why there are no keys. */
static void repeat(int fd)
{
	char text[1024];
	ssize_t n;

	while ((n = read(fd, text, sizeof(text))) > 0)
		if (write(STDERR_FILENO, text, (size_t)n) < 0)
			break;
	close(fd);
}

static void hear_no_more(struct signer *s)
{
	child_words_destroy(s->words);
	s->words = NULL;
	if (s->heard >= 0)
		repeat(s->heard);
	s->heard = -1;
}

static void drop(struct signer *s)
{
	if (s->pid > 0)
		child_kill(s->pid);
	if (s->fd >= 0)
		close(s->fd);
	s->fd = -1;
}

static void failed(struct signer *s, const char *line)
{
	uint64_t now = clock_monotonic();

	drop(s);
	if (s->say)
		s->say(s->say_ctx, line);
	if (now - s->started >= RESTART_MAX)
		s->delay = 0;
	s->not_before = now + s->delay;
	s->delay = s->delay == 0		? RESTART_MIN
		   : s->delay * 2 < RESTART_MAX ? s->delay * 2
						: RESTART_MAX;
}

/* Until there is something to read, or the end of the socket. 0 or -ETIMEDOUT. */
static int wait_for(int fd, uint64_t deadline)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};
	uint64_t now;

	while ((now = clock_monotonic()) < deadline)
		if (poll(&p, 1, (int)((deadline - now) / 1000) + 1) > 0)
			return 0;
	return -ETIMEDOUT;
}

/* 0, -EPIPE: it is gone, -ETIMEDOUT: it hangs, -EBADMSG: it said what it would not say. What cannot
 * be asked at all has its own error, and the process no part in it. */
static int exchange(struct signer *s, const struct signer_request *request, uint64_t deadline,
	struct signer_reply *ret_reply)
{
	uint8_t in[SIGNER_REPLY_MAX + 1];
	struct frame frame;
	int r, len = signer_frame_put(s->out, ++s->id, request);
	ssize_t n;

	if (len < 0) {
		*ret_reply = (struct signer_reply){.error = len};
		return 0;
	}
	/* It had answered all before, so the socket is empty, and this fits. */
	r = send(s->fd, s->out, (size_t)len, MSG_NOSIGNAL | MSG_DONTWAIT) < 0 ? -EPIPE : 0;
	if (request->seed)
		explicit_bzero(s->out, (size_t)len);
	if (r < 0)
		return r;
	r = wait_for(s->fd, deadline);
	if (r < 0)
		return r;
	n = recv(s->fd, in, sizeof(in), MSG_DONTWAIT);
	if (n <= 0)
		return -EPIPE;
	r = frame_open(in, (size_t)n, &frame);
	if (r == 0 && frame.id != s->id)
		r = -EBADMSG;
	if (r == 0)
		r = signer_frame_get_reply(&frame, request->kind, ret_reply);
	if (request->kind == FRAME_SECRET)
		explicit_bzero(in, sizeof(in));
	return r;
}

/* Never two at once: one that was killed is dead within moments. ECHILD: somebody else in this
 * process has reaped it. */
static int reap(struct signer *s, uint64_t deadline)
{
	static const struct timespec moment = {.tv_nsec = 1000000};

	while (s->pid > 0 && waitpid(s->pid, NULL, WNOHANG) == 0) {
		if (clock_monotonic() >= deadline)
			return -ETIMEDOUT;
		nanosleep(&moment, NULL);
	}
	s->pid = 0;
	return 0;
}

/* What the process itself says of the keys is in *ret_reply. */
static int start(struct signer *s, uint64_t deadline, struct signer_reply *ret_reply)
{
	struct signer_request keys = {.kind = FRAME_KEYS, .dir = s->dir};
	struct child child;
	int r = reap(s, deadline);

	s->started = clock_monotonic();
	if (r == 0)
		r = spawn_child("/proc/self/exe", SIGNER_ARGUMENT, SIGNER_FD, true, &child);
	if (r < 0)
		return r;
	hear_no_more(s);
	s->pid = child.pid;
	s->fd = child.fd;
	s->heard = child.words;
	listen_to(s);
	return exchange(s, &keys, deadline, ret_reply);
}

static int restart(struct signer *s, uint64_t deadline)
{
	struct signer_reply reply;
	int r;

	if (clock_monotonic() < s->not_before)
		return -EAGAIN;
	s->counters.restarts++;
	r = start(s, deadline, &reply);
	return r < 0 ? r : reply.error;
}

/* Asks; once more when the process turns out to be dead, for that is not the request's fault but
 * for the one that kills it, which must not do so for ever. */
static int call(
	struct signer *s, const struct signer_request *request, struct signer_reply *ret_reply)
{
	uint64_t deadline = clock_monotonic() + SIGNER_PATIENCE;

	for (int tries = 0; tries < 2; tries++) {
		int r = s->fd < 0 ? restart(s, deadline) : 0;

		if (r == 0)
			r = exchange(s, request, deadline, ret_reply);
		if (r == 0)
			return ret_reply->error;
		if (r == -EAGAIN)
			break;
		failed(s, r == -ETIMEDOUT ? "signer: hung; it is started again"
					  : "signer: ended; it is started again");
		if (r != -EPIPE)
			break;
	}
	return -EIO;
}

int signer_open(const char *dir, struct signer **ret_signer)
{
	struct signer *s = calloc(1, sizeof(*s));
	struct signer_reply reply = {0};
	int r;

	if (!s)
		return -ENOMEM;
	s->fd = s->heard = -1;
	s->dir = strdup(dir);
	r = s->dir ? start(s, clock_monotonic() + OPEN_PATIENCE, &reply) : -ENOMEM;
	if (r == 0)
		r = reply.error;
	else if (r == -EPIPE || r == -EBADMSG)
		r = -EIO;
	if (r < 0)
		signer_close(s);
	else
		*ret_signer = s;
	return r;
}

void signer_close(struct signer *s)
{
	if (!s)
		return;
	drop(s); /* between two requests: it is not in the middle of anything */
	if (s->pid > 0)
		waitpid(s->pid, NULL, 0);
	hear_no_more(s);
	free(s->known);
	free(s->dir);
	free(s);
}

void signer_say_to(struct signer *s, struct event_base *base,
	void (*say)(void *ctx, const char *line), void *ctx)
{
	s->base = base;
	s->say = say;
	s->say_ctx = ctx;
	listen_to(s);
}

void signer_counters(const struct signer *s, struct signer_counters *ret_counters)
{
	*ret_counters = s->counters;
}

static struct known *find_known(struct signer *s, uid_t uid)
{
	for (size_t i = 0; i < s->known_len; i++)
		if (s->known[i].uid == uid)
			return &s->known[i];
	return NULL;
}

int signer_key(struct signer *s, uid_t uid, uint8_t ret_key[NAME_KEY_LEN])
{
	struct signer_request request = {.kind = FRAME_KEY, .owner.uid = uid};
	const struct known *known = find_known(s, uid);
	struct signer_reply reply;
	struct known *grown;
	int r;

	if (known) {
		memcpy(ret_key, known->key, NAME_KEY_LEN);
		return 0;
	}
	r = call(s, &request, &reply);
	if (r < 0)
		return r;
	grown = reallocarray(s->known, s->known_len + 1, sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	s->known = grown;
	grown[s->known_len].uid = uid;
	memcpy(grown[s->known_len++].key, reply.bytes, NAME_KEY_LEN);
	memcpy(ret_key, reply.bytes, NAME_KEY_LEN);
	return 0;
}

int signer_secret(struct signer *s, uid_t uid, uint8_t ret_seed[SIGNER_SEED_LEN])
{
	struct signer_request request = {.kind = FRAME_SECRET, .owner.uid = uid};
	struct signer_reply reply;
	int r = call(s, &request, &reply);

	if (r == 0)
		memcpy(ret_seed, reply.bytes, SIGNER_SEED_LEN);
	explicit_bzero(&reply, sizeof(reply));
	return r;
}

int signer_public(
	struct signer *s, const uint8_t seed[SIGNER_SEED_LEN], uint8_t ret_key[NAME_KEY_LEN])
{
	struct signer_request request = {.kind = FRAME_PUBLIC, .seed = seed};
	struct signer_reply reply;
	int r = call(s, &request, &reply);

	if (r == 0)
		memcpy(ret_key, reply.bytes, NAME_KEY_LEN);
	return r;
}

int signer_import(struct signer *s, uid_t uid, const uint8_t seed[SIGNER_SEED_LEN])
{
	struct signer_request request = {.kind = FRAME_IMPORT, .owner.uid = uid, .seed = seed};
	struct known *known = find_known(s, uid);
	struct signer_reply reply;

	if (known) /* it is asked for anew */
		*known = s->known[--s->known_len];
	return call(s, &request, &reply);
}

static int call_to_sign(struct signer *s, struct signer_request *request, uint8_t ret_sig[64])
{
	struct signer_reply reply;
	int r = signer_key(s, request->owner.uid, request->owner.key);

	if (r == 0)
		r = call(s, request, &reply);
	if (r < 0)
		return r;
	s->counters.signatures++;
	memcpy(ret_sig, reply.bytes, SIGNER_REPLY_BYTES);
	return 0;
}

int signer_zone(struct signer *s, uid_t uid, const struct signer_part *part, uint8_t ret_sig[64])
{
	struct signer_request request = {.kind = FRAME_PART, .owner.uid = uid, .part = *part};

	return call_to_sign(s, &request, ret_sig);
}

int signer_claim(struct signer *s, uid_t uid, const struct rrset *set, uint32_t inception,
	uint32_t expiration, struct claim *ret_claim)
{
	struct signer_request request = {
		.kind = FRAME_CLAIM, .owner.uid = uid, .claim = {set, inception, expiration}};
	uint8_t sig[64];
	int r = call_to_sign(s, &request, sig);

	return r < 0 ? r
		     : claim_make(set, request.owner.key, inception, expiration, sig, ret_claim);
}
