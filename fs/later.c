/* Requests that wait for time: those with a timer each, and a line for the turns of the loop. */
#include "fs/later.h"

#include <errno.h>
#include <event2/event.h>
#include <stdlib.h>
#include <sys/queue.h>

#include "resolver/clock.h"

TAILQ_HEAD(line, later);

struct later {
	TAILQ_ENTRY(later) link;
	struct later_list *list;
	struct line *line;
	struct event *timer; /* NULL: it waits for a turn */
	later_fn *fn;
	void *ctx;
};

struct later_list {
	struct event_base *base;
	struct line turns, timed;
	struct event *turn;
};

/* The loop looks at descriptors before it comes to timers, so whoever asks for little is served
 * between any two turns. */
static int arm_turn(struct later_list *list)
{
	static const struct timeval now;
	if (TAILQ_EMPTY(&list->turns) || event_pending(list->turn, EV_TIMEOUT, NULL))
		return 0;
	return event_add(list->turn, &now) < 0 ? -ENOMEM : 0;
}

static void on_turn(evutil_socket_t fd, short what, void *ctx)
{
	struct later_list *list = ctx;
	(void)fd;
	(void)what;
	if (!TAILQ_EMPTY(&list->turns))
		later_end(TAILQ_FIRST(&list->turns), 0);
	arm_turn(list);
}

int later_create(struct event_base *base, struct later_list **ret_list)
{
	struct later_list *list = calloc(1, sizeof(*list));
	if (!list)
		return -ENOMEM;
	list->base = base;
	TAILQ_INIT(&list->turns);
	TAILQ_INIT(&list->timed);
	list->turn = evtimer_new(base, on_turn, list);
	if (!list->turn) {
		free(list);
		return -ENOMEM;
	}
	*ret_list = list;
	return 0;
}

void later_destroy(struct later_list *list)
{
	if (!list)
		return;
	while (!TAILQ_EMPTY(&list->turns))
		later_end(TAILQ_FIRST(&list->turns), -ECONNABORTED);
	while (!TAILQ_EMPTY(&list->timed))
		later_end(TAILQ_FIRST(&list->timed), -ECONNABORTED);
	event_free(list->turn);
	free(list);
}

static void remove_later(struct later *later)
{
	TAILQ_REMOVE(later->line, later, link);
	if (later->timer)
		event_free(later->timer);
	free(later);
}

void later_end(struct later *later, int error)
{
	later_fn *fn = later->fn;
	void *ctx = later->ctx;
	remove_later(later);
	fn(ctx, error);
}

static void on_timer(evutil_socket_t fd, short what, void *ctx)
{
	(void)fd;
	(void)what;
	later_end(ctx, 0);
}

static int start(struct later *later, uint64_t delay)
{
	struct timeval t = {
		.tv_sec = (time_t)(delay / SECOND), .tv_usec = (suseconds_t)(delay % SECOND)};
	if (delay == 0)
		return arm_turn(later->list);
	later->timer = evtimer_new(later->list->base, on_timer, later);
	return !later->timer || evtimer_add(later->timer, &t) < 0 ? -ENOMEM : 0;
}

int later_add(
	struct later_list *list, uint64_t delay, later_fn *fn, void *ctx, struct later **ret_later)
{
	struct later *later = calloc(1, sizeof(*later));
	if (!later)
		return -ENOMEM;
	later->list = list;
	later->line = delay ? &list->timed : &list->turns;
	later->fn = fn;
	later->ctx = ctx;
	TAILQ_INSERT_TAIL(later->line, later, link);
	int r = start(later, delay);
	if (r < 0)
		remove_later(later);
	else
		*ret_later = later;
	return r;
}
