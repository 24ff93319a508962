/* The parent's side of the validator: what it is told, what it says, and that it may die or lie at
 * any time. */
#include "resolver/upstream_inside.h"

#include "resolver/child.h"
#include "resolver/validator.h"

#include <errno.h>
#include <event2/event.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

/* Answers handled before the rest of the loop gets its turn. */
#define READ_BURST 64

static void schedule_restart(struct upstream *u, uint64_t delay)
{
	struct timeval t = clock_timeval(delay);

	event_add(u->restart, &t);
}

void upstream_child_drop(struct upstream *u)
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
		child_kill(u->pid);
}

/* The child is dead, or as good as: it lied, or it hangs. What it had been asked is asked again
 * once: a question that kills the child must not do so for ever. */
static void child_failed(struct upstream *u)
{
	struct upstream_query *q;

	upstream_child_drop(u);
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
			upstream_query_move(q, QUERY_UNSENT);
		} else {
			upstream_query_fail(q, -EREMOTEIO);
		}
	}
	for (struct upstream_query *next, *i = TAILQ_FIRST(&u->outgoing); i; i = next) {
		next = TAILQ_NEXT(i, entry);
		if (i->state == QUERY_CANCELLING)
			upstream_query_free(i);
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

void upstream_child_flush(struct upstream *u)
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
		upstream_query_move(q, QUERY_SENT);
	}
}

void upstream_refresh(struct upstream *u)
{
	if (upstream_list_retry(u->list))
		u->list_unsent = true;
	if (!upstream_list_refresh(u->list))
		return;
	u->list_unsent = true;
	if (u->moved)
		u->moved(u->moved_ctx);
}

static void on_writable(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	upstream_child_flush(arg);
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
	upstream_query_end(q, &reply);
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

int upstream_child_start(struct upstream *u)
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
	upstream_child_flush(u);
	return 0;
}

void upstream_child_on_restart(evutil_socket_t fd, short what, void *arg)
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
	if (upstream_child_start(u)) {
		upstream_child_drop(u);
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
void upstream_child_on_tick(evutil_socket_t fd, short what, void *arg)
{
	struct upstream *u = arg;
	struct upstream_query *q;

	(void)fd;
	(void)what;
	upstream_refresh(u);
	if (is_overdue(TAILQ_FIRST(&u->sent)))
		child_failed(u);
	while (is_overdue(q = TAILQ_FIRST(&u->outgoing))) {
		if (q->state == QUERY_CANCELLING)
			child_failed(u); /* it does not even read; this frees q */
		else
			upstream_query_fail(q, -EREMOTEIO);
	}
	if (u->counters.in_flight == 0)
		event_del(u->tick);
	upstream_child_flush(u);
}
