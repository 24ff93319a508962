/* What upstream.c, upstream_query.c and upstream_child.c share; nobody else includes it. */
#ifndef RESOLVER_UPSTREAM_INSIDE_H
#define RESOLVER_UPSTREAM_INSIDE_H

#include "resolver/upstream.h"

#include "resolver/child.h"
#include "resolver/child_words.h"
#include "resolver/clock.h"
#include "resolver/frame.h"
#include "resolver/upstream_list.h"
#include "resolver/upstream_loop.h"

#include <sys/queue.h>
#include <sys/types.h>

/* Before a child is started again. The first death costs nearly nothing; a child that dies each
 * time must not keep a core busy. One that has lived for RESTART_MAX has earned a new start. */
#define RESTART_MIN (10 * (SECOND / 1000))
#define RESTART_MAX (10 * SECOND)

struct event;

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
	struct upstream_loop loop;

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

/* upstream_query.c: the questions. Ends one; the callback, if there is one, comes last. */
void upstream_query_end(struct upstream_query *query, const struct upstream_reply *reply);
/* The same, with what ails the relays of its name. */
void upstream_query_fail(struct upstream_query *query, int error);
/* Without a word to who asked. */
void upstream_query_free(struct upstream_query *query);
void upstream_query_move(struct upstream_query *query, enum query_state state);

/* upstream_child.c: the process. 0, or -errno when none can be started; what there is of it by then
 * is for upstream_child_drop. */
int upstream_child_start(struct upstream *u);
void upstream_child_drop(struct upstream *u);
/* Says what is to be said, as far as the child reads. */
void upstream_child_flush(struct upstream *u);
/* Has the network changed? */
void upstream_refresh(struct upstream *u);
/* For the timers `restart` and `tick`. */
void upstream_child_on_restart(int fd, short what, void *upstream);
void upstream_child_on_tick(int fd, short what, void *upstream);

#endif
