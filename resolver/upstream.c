/* The parent's side: the questions in flight, and a child that may die or lie at any time. */
#include "resolver/upstream.h"

#include "resolver/clock.h"
#include "resolver/frame.h"
#include "resolver/hash.h"
#include "resolver/child.h"
#include "resolver/child_words.h"
#include "resolver/upstream_list.h"
#include "resolver/validator.h"

#include <errno.h>
#include <event2/event.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

/* The child answers all within 10 s, so one that has not by then hangs. */
#define PATIENCE (14 * SECOND)
/* Before a child is started again. The first death costs nearly nothing; a child that dies each
 * time must not keep a core busy. One that has lived for RESTART_MAX has earned a new start. */
#define RESTART_MIN (10 * (SECOND / 1000))
#define RESTART_MAX (10 * SECOND)
/* Answers handled before the rest of the loop gets its turn. */
#define READ_BURST 64

enum query_state {
	QUERY_UNSENT,	 /* in `outgoing`: the child has not been told of it */
	QUERY_SENT,	 /* in `sent`: an answer is owed */
	QUERY_CANCELLING /* in `outgoing`: sent, and the child is to be told that nobody waits */
};

struct upstream_query {
	struct upstream *upstream;
	upstream_fn *fn; /* NULL: cancelled */
	void *ctx;
	struct question question;
	uint64_t id, since;
	enum query_state state;
	bool retried;
	TAILQ_ENTRY(upstream_query) entry;
};
TAILQ_HEAD(query_list, upstream_query);

struct upstream {
	struct event_base *base;
	char *program;
	uint8_t *config; /* the frame that each child gets first */
	size_t config_len;
	struct upstream_list *list;
	bool list_unsent; /* the child is to be told of it before it is asked anything more */
	uint64_t patience;

	int fd;	   /* -1: no child to talk to */
	pid_t pid; /* 0: none, or reaped */
	uint64_t started, restart_delay;
	struct event *readable, *writable, *restart, *tick, *look;
	struct child_words *words;
	child_words_fn *say;
	void *say_ctx;
	upstream_moved_fn *moved;
	void *moved_ctx;
	struct timeval tick_period;

	struct query_list outgoing, sent;
	struct upstream_query *slots[UPSTREAM_IN_FLIGHT_MAX];
	uint16_t free_slots[UPSTREAM_IN_FLIGHT_MAX];
	unsigned free_count;
	uint64_t serial;
	struct upstream_counters counters;
	uint8_t outgoing_frame[FRAME_SERVERS_MAX];
	/* One more than is allowed: what fills it is too long. Apart from the other, because a
	 * callback that reads an answer in it may ask. */
	uint8_t buffer[FRAME_MAX + 1];
};

int upstream_check(const char *word, const char **ret_why)
{
	struct upstream_word parsed;

	return upstream_word_parse(word, &parsed, ret_why);
}

/* -- questions ---------------------------------------------------------------------------- */

static struct query_list *list_of(struct upstream_query *q)
{
	return q->state == QUERY_SENT ? &q->upstream->sent : &q->upstream->outgoing;
}

static void move_query(struct upstream_query *q, enum query_state state)
{
	TAILQ_REMOVE(list_of(q), q, entry);
	q->state = state;
	q->since = clock_monotonic();
	TAILQ_INSERT_TAIL(list_of(q), q, entry);
}

static void free_query(struct upstream_query *q)
{
	struct upstream *u = q->upstream;
	uint16_t slot = q->id % UPSTREAM_IN_FLIGHT_MAX;

	TAILQ_REMOVE(list_of(q), q, entry);
	u->slots[slot] = NULL;
	u->free_slots[u->free_count++] = slot;
	u->counters.in_flight--;
	free(q);
}

static void count_reply(struct upstream_counters *c, const struct upstream_reply *reply)
{
	if (reply->error == 0)
		c->answered++;
	else if (reply->error == -ETIMEDOUT)
		c->timeouts++;
	else
		c->failed++;
	if (reply->bogus)
		c->bogus++;
}

/* Ends the question. The callback comes last: it may ask and cancel others. */
static void complete(struct upstream_query *q, const struct upstream_reply *reply)
{
	struct upstream *u = q->upstream;
	upstream_fn *fn = q->fn;
	void *ctx = q->ctx;

	free_query(q);
	if (!fn)
		return;
	count_reply(&u->counters, reply);
	fn(ctx, reply);
}

static void complete_error(struct upstream_query *q, int error)
{
	const char *why = upstream_list_why(q->upstream->list, &q->question.name);

	complete(q, &(struct upstream_reply){.error = error, .why = why});
}

/* -- the child ---------------------------------------------------------------------------- */

static struct timeval to_timeval(uint64_t us)
{
	return (struct timeval){
		.tv_sec = (time_t)(us / SECOND), .tv_usec = (suseconds_t)(us % SECOND)};
}

static void schedule_restart(struct upstream *u, uint64_t delay)
{
	struct timeval t = to_timeval(delay);

	event_add(u->restart, &t);
}

static void drop_child(struct upstream *u)
{
	if (u->readable)
		event_free(u->readable);
	if (u->writable)
		event_free(u->writable);
	u->readable = u->writable = NULL;
	child_words_destroy(u->words);
	u->words = NULL;
	if (u->fd >= 0)
		close(u->fd);
	u->fd = -1;
	if (u->pid > 0)
		kill(u->pid, SIGKILL);
}

/* The child is dead, or as good as: it lied, or it hangs. What it had been asked is asked again
 * once: a question that kills the child must not do so for ever. */
static void child_failed(struct upstream *u)
{
	struct upstream_query *q;

	drop_child(u);
	upstream_list_died(u->list);
	if (u->say)
		u->say(u->say_ctx, "ended or hung; it is started again");
	u->counters.restarts++;
	if (clock_monotonic() - u->started >= RESTART_MAX)
		u->restart_delay = RESTART_MIN;
	schedule_restart(u, u->restart_delay);
	u->restart_delay = u->restart_delay * 2 < RESTART_MAX ? u->restart_delay * 2 : RESTART_MAX;

	/* While there is no child nothing new is "sent", so this ends whatever the callbacks ask.
	 */
	while ((q = TAILQ_FIRST(&u->sent))) {
		if (q->fn && !q->retried) {
			q->retried = true;
			move_query(q, QUERY_UNSENT);
		} else {
			complete_error(q, -EREMOTEIO);
		}
	}
	for (struct upstream_query *next, *i = TAILQ_FIRST(&u->outgoing); i; i = next) {
		next = TAILQ_NEXT(i, entry);
		if (i->state == QUERY_CANCELLING)
			free_query(i);
	}
}

static size_t put_query(struct upstream *u, const struct upstream_query *q)
{
	if (q->state == QUERY_CANCELLING)
		return frame_put_cancel(u->outgoing_frame, q->id);
	return frame_put_ask(u->outgoing_frame, q->id, &q->question);
}

/* false: it is full, or the child is dead, which the readable event tells of too, at a better time:
 * from the loop. */
static bool send_frame(struct upstream *u, size_t len)
{
	if (send(u->fd, u->outgoing_frame, len, MSG_NOSIGNAL | MSG_DONTWAIT) >= 0)
		return true;
	if (errno == EAGAIN || errno == ENOBUFS || errno == EINTR)
		event_add(u->writable, NULL);
	return false;
}

/* Says what is to be said, as far as the child reads. */
static void flush(struct upstream *u)
{
	struct upstream_query *q;

	if (u->fd < 0)
		return;
	if (u->list_unsent && !send_frame(u, frame_put_servers(u->outgoing_frame,
						     upstream_list_servers(u->list))))
		return;
	u->list_unsent = false;
	while ((q = TAILQ_FIRST(&u->outgoing))) {
		if (!send_frame(u, put_query(u, q)))
			return;
		move_query(q, QUERY_SENT);
	}
}

/* Has the network changed? */
static void refresh_list(struct upstream *u)
{
	if (!upstream_list_refresh(u->list))
		return;
	u->list_unsent = true;
	if (u->moved)
		u->moved(u->moved_ctx);
}

/* Also while nothing is asked: where all that anybody wants is in memory, it would be what another
 * network said. */
static void on_look(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	refresh_list(arg);
}

static void follow_system(struct upstream *u)
{
	static const struct timeval second = {.tv_sec = 1};

	if (upstream_list_follows_system(u->list))
		event_add(u->look, &second);
	else
		event_del(u->look);
}

static void on_writable(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	flush(arg);
}

static int handle_counters(struct upstream *u, const struct frame *frame)
{
	struct server_counters counters[SERVERS_MAX];
	size_t len;
	int r = frame_get_counters(frame, counters, &len);

	if (!r)
		upstream_list_count(u->list, counters, len);
	return r;
}

/* 0, or -EBADMSG when a child that works would not have sent this. */
static int handle_answer(struct upstream *u, const struct frame *frame)
{
	struct upstream_query *q;
	struct frame_answer answer;
	struct upstream_reply reply;

	if (frame_get_answer(frame, &answer))
		return -EBADMSG;
	q = u->slots[frame->id % UPSTREAM_IN_FLIGHT_MAX];
	if (!q || q->id != frame->id || q->state == QUERY_UNSENT)
		return -EBADMSG;
	if (answer.error == -ECANCELED && q->fn)
		return -EBADMSG;
	reply = (struct upstream_reply){.error = answer.error,
		.secure = answer.secure,
		.bogus = answer.bogus,
		.unvalidated = answer.unvalidated,
		.why = answer.error && !answer.why[0]
			       ? upstream_list_why(u->list, &q->question.name)
			       : answer.why,
		.message = answer.message,
		.len = answer.len};
	complete(q, &reply);
	return 0;
}

static int handle_frame(struct upstream *u, size_t len)
{
	struct frame frame;

	if (frame_open(u->buffer, len, &frame))
		return -EBADMSG;
	return frame.kind == FRAME_COUNTERS ? handle_counters(u, &frame) : handle_answer(u, &frame);
}

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct upstream *u = arg;

	(void)what;
	for (int i = 0; i < READ_BURST; i++) {
		ssize_t n = recv(fd, u->buffer, sizeof(u->buffer), MSG_DONTWAIT);

		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			return;
		if (n <= 0 || handle_frame(u, (size_t)n)) {
			child_failed(u);
			return;
		}
	}
}

static int start_child(struct upstream *u)
{
	struct child child;
	int r = spawn_child(u->program, VALIDATOR_ARGUMENT, VALIDATOR_FD, u->say, &child);

	if (r)
		return r;
	u->pid = child.pid;
	u->fd = child.fd;
	if (child.words >= 0)
		u->words = child_words_create(u->base, child.words, u->say, u->say_ctx);
	if (child.words >= 0 && !u->words)
		return -ENOMEM;
	u->started = clock_monotonic();
	u->readable = event_new(u->base, u->fd, EV_READ | EV_PERSIST, on_readable, u);
	u->writable = event_new(u->base, u->fd, EV_WRITE, on_writable, u);
	if (!u->readable || !u->writable || event_add(u->readable, NULL))
		return -ENOMEM;
	/* The socket is new and empty: this fits or the child is gone, which is seen soon. */
	(void)!send(u->fd, u->config, u->config_len, MSG_NOSIGNAL | MSG_DONTWAIT);
	u->list_unsent = true;
	flush(u);
	return 0;
}

static void on_restart(evutil_socket_t fd, short what, void *arg)
{
	struct upstream *u = arg;

	(void)fd;
	(void)what;
	/* Never two at once; and never waiting here for one that is slow to die. ECHILD: somebody
	 * else in this process has reaped it. */
	if (u->pid > 0 && waitpid(u->pid, NULL, WNOHANG) == 0) {
		schedule_restart(u, RESTART_MIN);
		return;
	}
	u->pid = 0;
	if (start_child(u)) {
		drop_child(u);
		schedule_restart(u, RESTART_MAX);
	}
}

/* Looks at the clock each time: `since` may be younger than any time taken before. */
static bool is_overdue(const struct upstream_query *q)
{
	return q && clock_monotonic() - q->since >= q->upstream->patience;
}

/* Now and then while something is in flight: does the child still do its work? Both lists are in
 * the order of `since`. */
static void on_tick(evutil_socket_t fd, short what, void *arg)
{
	struct upstream *u = arg;
	struct upstream_query *q;

	(void)fd;
	(void)what;
	refresh_list(u);
	if (is_overdue(TAILQ_FIRST(&u->sent)))
		child_failed(u);
	while (is_overdue(q = TAILQ_FIRST(&u->outgoing))) {
		if (q->state == QUERY_CANCELLING)
			child_failed(u); /* it does not even read; this frees q */
		else
			complete_error(q, -EREMOTEIO);
	}
	if (u->counters.in_flight == 0)
		event_del(u->tick);
	flush(u);
}

/* -- the interface ------------------------------------------------------------------------ */

static int copy_config(struct upstream *u, const struct upstream_config *config)
{
	int len = frame_put_config(u->buffer, config);

	if (len < 0)
		return len;
	u->config = malloc((size_t)len);
	u->program = strdup(config->program ? config->program : "/proc/self/exe");
	if (!u->config || !u->program)
		return -ENOMEM;
	memcpy(u->config, u->buffer, (size_t)len);
	u->config_len = (size_t)len;
	u->patience = config->patience_ms ? config->patience_ms * (SECOND / 1000) : PATIENCE;
	/* Rarely enough to cost nothing, often enough to end not much later than said. */
	u->tick_period = to_timeval(u->patience / 8);
	return 0;
}

/* What the user named must be there; better said now than by every question. */
static int check_config(const struct upstream_config *config)
{
	if (config->root_hints && access(config->root_hints, R_OK))
		return -errno;
	if (config->trust_anchor && access(config->trust_anchor, R_OK))
		return -errno;
	return 0;
}

int upstream_create(struct event_base *base, const struct upstream_config *config,
	struct upstream **ret_upstream)
{
	struct upstream *u;
	int r = check_config(config);

	if (r)
		return r;
	u = calloc(1, sizeof(*u));
	if (!u)
		return -ENOMEM;
	u->base = base;
	u->fd = -1;
	u->say = config->say;
	u->say_ctx = config->say_ctx;
	u->restart_delay = RESTART_MIN;
	TAILQ_INIT(&u->outgoing);
	TAILQ_INIT(&u->sent);
	while (u->free_count < UPSTREAM_IN_FLIGHT_MAX) {
		u->free_slots[u->free_count] = (uint16_t)u->free_count;
		u->free_count++;
	}
	u->restart = evtimer_new(base, on_restart, u);
	u->tick = event_new(base, -1, EV_PERSIST, on_tick, u);
	u->look = event_new(base, -1, EV_PERSIST, on_look, u);
	r = u->restart && u->tick && u->look ? copy_config(u, config) : -ENOMEM;
	if (!r)
		r = upstream_list_create(config, &u->list);
	if (!r)
		r = start_child(u);
	if (r) {
		upstream_destroy(u);
		return r;
	}
	follow_system(u);
	*ret_upstream = u;
	return 0;
}

void upstream_destroy(struct upstream *u)
{
	struct upstream_query *q;

	if (!u)
		return;
	drop_child(u);
	/* A child that has become another user cannot be killed, but ends with its socket. */
	if (u->pid > 0)
		waitpid(u->pid, NULL, 0);
	while ((q = TAILQ_FIRST(&u->sent)) || (q = TAILQ_FIRST(&u->outgoing)))
		free_query(q);
	if (u->restart)
		event_free(u->restart);
	if (u->tick)
		event_free(u->tick);
	if (u->look)
		event_free(u->look);
	upstream_list_destroy(u->list);
	free(u->config);
	free(u->program);
	free(u);
}

int upstream_reload(struct upstream *u, const struct upstream_config *config)
{
	int r = upstream_list_reload(u->list, config);

	if (r)
		return r;
	follow_system(u);
	u->list_unsent = true;
	flush(u);
	return 0;
}

void upstream_watch(struct upstream *u, upstream_moved_fn *fn, void *ctx)
{
	u->moved = fn;
	u->moved_ctx = ctx;
}

uint64_t upstream_fingerprint(const struct upstream *u)
{
	return hash_bytes(u->config, u->config_len, upstream_list_fingerprint(u->list));
}

bool upstream_has_zone(const struct upstream *u, const struct name *name)
{
	return upstream_list_has_zone(u->list, name);
}

bool upstream_is_insecure(const struct upstream *u, const struct name *name)
{
	return upstream_list_is_insecure(u->list, name);
}

void upstream_doors(struct upstream *u, const struct server_address *doors, size_t len)
{
	upstream_list_doors(u->list, doors, len);
	u->list_unsent = true;
	flush(u);
}

void upstream_each_server(const struct upstream *u, upstream_server_fn *fn, void *ctx)
{
	upstream_list_each(u->list, fn, ctx);
}

int upstream_ask(struct upstream *u, const struct question *question, upstream_fn *fn, void *ctx,
	struct upstream_query **ret_query)
{
	struct upstream_query *q;
	uint16_t slot;

	if (u->free_count == 0)
		return -EBUSY;
	q = calloc(1, sizeof(*q));
	if (!q)
		return -ENOMEM;
	slot = u->free_slots[--u->free_count];
	u->slots[slot] = q;
	q->upstream = u;
	q->fn = fn;
	q->ctx = ctx;
	q->question = *question;
	q->id = ++u->serial * UPSTREAM_IN_FLIGHT_MAX + slot;
	q->since = clock_monotonic();
	TAILQ_INSERT_TAIL(&u->outgoing, q, entry);
	u->counters.asked++;
	u->counters.in_flight++;
	if (!event_pending(u->tick, EV_TIMEOUT, NULL))
		event_add(u->tick, &u->tick_period);
	refresh_list(u);
	flush(u);
	*ret_query = q;
	return 0;
}

void upstream_cancel(struct upstream_query *q)
{
	struct upstream *u = q->upstream;

	q->fn = NULL;
	if (q->state == QUERY_UNSENT) {
		free_query(q);
		return;
	}
	move_query(q, QUERY_CANCELLING);
	flush(u);
}

void upstream_counters(const struct upstream *u, struct upstream_counters *ret_counters)
{
	*ret_counters = u->counters;
}

int upstream_child_pid(const struct upstream *u)
{
	return (int)u->pid;
}

bool upstream_child(int argc, char **argv, int *ret_status)
{
	if (argc != 2 || strcmp(argv[1], VALIDATOR_ARGUMENT) != 0)
		return false;
	*ret_status = validator_main(VALIDATOR_FD);
	return true;
}
