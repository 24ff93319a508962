/* The node's side of the DHT validator: its cases, and that it may die or lie at any time. */
#include "resolver/judge.h"

#include <errno.h>
#include <event2/event.h>
#include <event2/event_struct.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "resolver/child.h"
#include "resolver/child_words.h"
#include "resolver/clock.h"
#include "resolver/dht_validator.h"
#include "resolver/judge_frame.h"

#define READ_BURST 16
/* After the last case: as long as DNS is down others follow. */
#define IDLE (60 * SECOND)
/* The process answers all that is cancelled at once, so one that has not by then hangs. */
#define PATIENCE (14 * SECOND)
/* Between two starts that came to nothing. */
#define RESTART_MIN (SECOND / 10)
#define RESTART_MAX (10 * SECOND)

struct judge_case {
	TAILQ_ENTRY(judge_case) entry;
	struct judge *judge;
	uint64_t id, since; /* the latter: when it was sent */
	struct question question;
	const struct judge_fns *fns; /* NULL: nobody waits for it any more */
	void *ctx;
	bool sent; /* the process has it, and owes an answer */
};
TAILQ_HEAD(case_list, judge_case);

struct judge {
	struct event_base *base;
	char *program;
	uint8_t *config; /* the frame that each process gets first */
	size_t config_len;
	pid_t pid; /* 0: none, or reaped */
	int fd;	   /* -1 */
	struct event *readable;
	struct child_words *words;
	child_words_fn *say;
	void *say_ctx;
	struct event turn, idle;
	uint64_t started, not_before, delay, serial;
	struct case_list waiting, sent;
	size_t waiting_len, sent_len;
	struct judge_counters counters;
	uint8_t out[FRAME_MAX], in[FRAME_MAX + 1];
};

/* ---- the process ---- */

static void drop(struct judge *j)
{
	if (j->readable)
		event_free(j->readable);
	j->readable = NULL;
	child_words_destroy(j->words);
	j->words = NULL;
	if (j->fd >= 0)
		close(j->fd);
	j->fd = -1;
	if (j->pid > 0) {
		struct timeval soon = clock_timeval(RESTART_MIN);
		child_kill(j->pid);
		event_add(&j->turn, &soon); /* to reap it: there may be no case for hours */
	}
}

/* Never waiting for one that is slow to die; ECHILD: somebody else has reaped it. */
static bool is_gone(struct judge *j)
{
	if (j->pid > 0 && waitpid(j->pid, NULL, WNOHANG) == 0)
		return false;
	j->pid = 0;
	return true;
}

static void on_readable(evutil_socket_t fd, short what, void *arg);

static int start(struct judge *j)
{
	struct child child;
	int r = spawn_child(
		j->program, DHT_VALIDATOR_ARGUMENT, DHT_VALIDATOR_FD, j->say != NULL, &child);
	if (r < 0)
		return r;
	j->pid = child.pid;
	j->fd = child.fd;
	j->started = clock_monotonic();
	if (child.words >= 0)
		j->words = child_words_create(j->base, child.words, j->say, j->say_ctx);
	j->readable = event_new(j->base, j->fd, EV_READ | EV_PERSIST, on_readable, j);
	if (!j->readable || event_add(j->readable, NULL) < 0) {
		drop(j);
		return -ENOMEM;
	}
	/* The socket is new and empty: this fits or the child is gone, which is seen soon. */
	(void)!send(j->fd, j->config, j->config_len, MSG_NOSIGNAL | MSG_DONTWAIT);
	return 0;
}

/* ---- cases ---- */

static void remove_case(struct judge_case *c)
{
	struct judge *j = c->judge;
	if (c->sent) {
		TAILQ_REMOVE(&j->sent, c, entry);
		j->sent_len--;
	} else {
		TAILQ_REMOVE(&j->waiting, c, entry);
		j->waiting_len--;
	}
}

static void take_turn(struct judge *j)
{
	static const struct timeval soon;
	if (j->waiting_len && !event_pending(&j->turn, EV_TIMEOUT, NULL))
		event_add(&j->turn, &soon);
}

/* Ends a case. The callback comes last: it may ask and cancel others. */
static void end_case(struct judge_case *c, const struct judge_verdict *verdict)
{
	const struct judge_fns *fns = c->fns;
	void *ctx = c->ctx;
	struct judge *j = c->judge;
	struct timeval idle = clock_timeval(IDLE);
	remove_case(c);
	free(c);
	event_add(&j->idle, &idle);
	take_turn(j);
	if (!fns)
		return;
	j->counters.secure += verdict->secure;
	fns->done(ctx, verdict);
}

/* It is dead, or lied: whatever it had has failed, and whatever waits tries another. */
static void failed(struct judge *j)
{
	static const struct judge_verdict none = {.why = ""};
	struct judge_case *c;
	uint64_t now = clock_monotonic();
	drop(j);
	if (j->say)
		j->say(j->say_ctx, "DHT validator: ended; it is started again when it is needed");
	j->counters.restarts++;
	j->delay = now - j->started >= RESTART_MAX ? RESTART_MIN
		   : j->delay * 2 < RESTART_MAX	   ? j->delay * 2
						   : RESTART_MAX;
	j->not_before = now + j->delay;
	/* While there is no process none is sent, so this ends whatever the callbacks ask. */
	while ((c = TAILQ_FIRST(&j->sent)))
		end_case(c, &none);
}

/* An answer is awaited for each case that was sent, and little else, so what does not fit any more
 * goes to one that does not read. */
static bool send_frame(struct judge *j, size_t len)
{
	return j->fd >= 0 && send(j->fd, j->out, len, MSG_NOSIGNAL | MSG_DONTWAIT) >= 0;
}

/* While others wait for a place. */
static bool hangs(struct judge *j)
{
	const struct judge_case *oldest = TAILQ_FIRST(&j->sent);
	if (!oldest || clock_monotonic() - oldest->since < PATIENCE)
		return false;
	failed(j);
	return true;
}

static void on_turn(evutil_socket_t fd, short what, void *arg)
{
	struct judge *j = arg;
	struct judge_case *c;
	(void)fd;
	(void)what;
	if (j->fd < 0 && (!is_gone(j) || (j->waiting_len && (clock_monotonic() < j->not_before ||
								    start(j) < 0)))) {
		struct timeval later = clock_timeval(RESTART_MIN);
		event_add(&j->turn, &later);
		return;
	}
	while ((c = TAILQ_FIRST(&j->waiting)) && j->sent_len < JUDGE_CASES_MAX) {
		if (!send_frame(j, frame_put_ask(j->out, c->id, &c->question))) {
			failed(j);
			return;
		}
		TAILQ_REMOVE(&j->waiting, c, entry);
		j->waiting_len--;
		c->sent = true;
		c->since = clock_monotonic();
		TAILQ_INSERT_TAIL(&j->sent, c, entry);
		j->sent_len++;
	}
	if (j->waiting_len && !hangs(j)) {
		struct timeval later = {.tv_sec = 1};
		event_add(&j->turn, &later);
	}
}

static void on_idle(evutil_socket_t fd, short what, void *arg)
{
	struct judge *j = arg;
	(void)fd;
	(void)what;
	if (!j->sent_len && !j->waiting_len)
		drop(j);
}

static struct judge_case *find_sent(struct judge *j, uint64_t id)
{
	struct judge_case *c;
	TAILQ_FOREACH(c, &j->sent, entry)
	if (c->id == id)
		return c;
	return NULL;
}

static int take_want(struct judge *j, const struct frame *frame)
{
	struct judge_case *c = find_sent(j, frame->id);
	struct question q;
	if (judge_frame_get_want(frame, &q) < 0)
		return -EBADMSG;
	j->counters.wanted++;
	if (c && c->fns)
		c->fns->wants(c->ctx, &q);
	return 0;
}

/* 0, or -EBADMSG when a process that works would not have sent this. */
static int take_answer(struct judge *j, const struct frame *frame)
{
	struct judge_case *c = find_sent(j, frame->id);
	struct frame_answer answer;
	if (!c || frame_get_answer(frame, &answer) < 0 || (answer.error == -ECANCELED && c->fns) ||
		(!answer.error && !answer.secure))
		return -EBADMSG;
	end_case(c, &(struct judge_verdict){.secure = answer.secure,
			    .why = answer.why,
			    .message = answer.message,
			    .len = answer.len});
	return 0;
}

static int handle_frame(struct judge *j, size_t len)
{
	struct frame frame;
	if (frame_open(j->in, len, &frame) < 0)
		return -EBADMSG;
	return frame.kind == FRAME_WANT ? take_want(j, &frame) : take_answer(j, &frame);
}

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct judge *j = arg;
	(void)what;
	for (int i = 0; i < READ_BURST && j->fd == fd; i++) {
		ssize_t n = recv(fd, j->in, sizeof(j->in), MSG_DONTWAIT);
		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			return;
		if (n <= 0 || handle_frame(j, (size_t)n) < 0) {
			failed(j);
			return;
		}
	}
}

int judge_ask(struct judge *j, const struct question *q, const struct judge_fns *fns, void *ctx,
	struct judge_case **ret_case)
{
	struct judge_case *c;
	if (j->waiting_len == JUDGE_WAITING_MAX)
		return -EBUSY;
	c = calloc(1, sizeof(*c));
	if (!c)
		return -ENOMEM;
	c->judge = j;
	c->id = ++j->serial;
	c->question = *q;
	c->fns = fns;
	c->ctx = ctx;
	TAILQ_INSERT_TAIL(&j->waiting, c, entry);
	j->waiting_len++;
	j->counters.asked++;
	take_turn(j);
	*ret_case = c;
	return 0;
}

void judge_give(struct judge_case *c, const struct question *q, const uint8_t *message, size_t len)
{
	struct judge *j = c->judge;
	struct judge_gift gift = {*q, message, len};
	/* What does not fit now it asks for again. */
	if (c->sent)
		(void)send_frame(j, judge_frame_put_gift(j->out, c->id, &gift));
}

/* The answer that is owed comes all the same, and makes room. */
void judge_cancel(struct judge_case *c)
{
	struct judge *j = c->judge;
	c->fns = NULL;
	if (c->sent) {
		(void)send_frame(j, frame_put_cancel(j->out, c->id));
		return;
	}
	remove_case(c);
	free(c);
}

/* ---- life ---- */

int judge_create(
	struct event_base *base, const struct upstream_config *config, struct judge **ret_judge)
{
	struct judge *j = calloc(1, sizeof(*j));
	int len;
	if (!j)
		return -ENOMEM;
	j->base = base;
	j->fd = -1;
	j->delay = RESTART_MIN;
	j->say = config->say;
	j->say_ctx = config->say_ctx;
	TAILQ_INIT(&j->waiting);
	TAILQ_INIT(&j->sent);
	event_assign(&j->turn, base, -1, 0, on_turn, j);
	event_assign(&j->idle, base, -1, 0, on_idle, j);
	len = frame_put_config(j->out, config);
	j->config = len > 0 ? malloc((size_t)len) : NULL;
	j->program = strdup(config->program ? config->program : "/proc/self/exe");
	if (!j->config || !j->program) {
		judge_destroy(j);
		return len < 0 ? len : -ENOMEM;
	}
	memcpy(j->config, j->out, (size_t)len);
	j->config_len = (size_t)len;
	*ret_judge = j;
	return 0;
}

void judge_destroy(struct judge *j)
{
	struct judge_case *c;
	if (!j)
		return;
	drop(j);
	if (j->pid > 0)
		waitpid(j->pid, NULL, 0);
	while ((c = TAILQ_FIRST(&j->sent)) || (c = TAILQ_FIRST(&j->waiting))) {
		remove_case(c);
		free(c);
	}
	event_del(&j->turn);
	event_del(&j->idle);
	free(j->config);
	free(j->program);
	free(j);
}

void judge_counters(const struct judge *j, struct judge_counters *ret_counters)
{
	*ret_counters = j->counters;
	ret_counters->running = j->fd >= 0;
}
