/* One question at several servers: first one, then, when it fails or takes long, the next as well.
 * The first answer wins. */
#include "resolver/ask.h"

#include "resolver/clock.h"

#include <errno.h>
#include <event2/event.h>
#include <event2/event_struct.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/queue.h>

/* A server that has not answered by then gets company. Three fit in the resolver's 4 s. */
#define HEDGE (1200 * (SECOND / 1000))
/* libunbound tries a dead server for 17 s; nobody waits that long. */
#define CAP (10 * SECOND)

enum attempt_state { ATTEMPT_LIVE, ATTEMPT_WAITS, ATTEMPT_FAILED };

/* One question at one server. One that is LIVE belongs to the server until it calls back, and
 * outlives a question that has been answered by another or cancelled: `ask` is NULL then. */
struct attempt {
	struct server_query query;
	struct ask_env *env;
	struct server *server;
	struct ask *ask;
	enum attempt_state state;
	bool told; /* that it failed; it WAITS for what the server is */
	uint64_t begun;
	LIST_ENTRY(attempt) of_ask;
};

struct ask {
	struct ask_env *env;
	uint64_t id, begun;
	struct question question;
	struct event step;
	int error; /* the best that can be said so far */
	LIST_HEAD(, attempt) attempts;
};

static void attempt_free(struct attempt *a)
{
	a->env->attempts--;
	server_release(a->server);
	free(a);
}

/* Lets go of every attempt. Who was asked a good while ago and has said nothing is silent. */
static void drop_attempts(struct ask *ask)
{
	uint64_t now = clock_monotonic();

	while (!LIST_EMPTY(&ask->attempts)) {
		struct attempt *a = LIST_FIRST(&ask->attempts);

		LIST_REMOVE(a, of_ask);
		a->ask = NULL;
		if (a->state == ATTEMPT_LIVE && now - a->begun >= HEDGE)
			server_silent(a->server, a->begun);
		if (a->state == ATTEMPT_LIVE)
			server_abandon(&a->query);
		else
			attempt_free(a);
	}
}

void ask_destroy(struct ask *ask)
{
	if (!ask)
		return;
	drop_attempts(ask);
	event_del(&ask->step);
	free(ask);
}

static void ask_finish(struct ask *ask, const struct frame_answer *answer)
{
	ask->env->done(ask->env->ctx, ask, answer);
	ask_destroy(ask);
}

static void ask_fail(struct ask *ask, int error)
{
	ask_finish(ask, &(struct frame_answer){.error = error});
}

/* Somebody who answered badly says more than somebody who was silent, and that more than no
 * route. */
static void note_error(struct ask *ask, int error)
{
	if (error == -EBUSY || error == -EDQUOT)
		error = -EREMOTEIO;
	if (ask->error == 0 || ask->error == -ENETUNREACH || error == -EREMOTEIO)
		ask->error = error;
}

/* The next step is taken from the loop: libunbound must not be asked from its own callback. */
static void step_soon(struct ask *ask)
{
	event_active(&ask->step, EV_TIMEOUT, 0);
}

static void finish_with(struct ask *ask, enum server_outcome outcome, const struct ub_answer *found)
{
	struct frame_answer answer = {
		.secure = found->secure,
		.bogus = found->bogus,
		.unvalidated = outcome == SERVER_UNVALIDATED,
		.message = found->message,
		.len = found->len,
	};

	if (found->bogus && found->why)
		snprintf(answer.why, sizeof(answer.why), "%s", found->why);
	ask_finish(ask, &answer);
}

static void attempt_failed(struct attempt *a)
{
	a->state = ATTEMPT_FAILED;
	note_error(a->ask, server_is_down(a->server) ? -ETIMEDOUT : -EREMOTEIO);
	step_soon(a->ask);
}

static void attempt_answered(void *arg, enum server_outcome outcome, const struct ub_answer *answer)
{
	struct attempt *a = arg;
	struct ask *ask = a->ask;

	a->state = ATTEMPT_FAILED;
	if (!ask) {
		attempt_free(a);
		return;
	}
	switch (outcome) {
	case SERVER_VALIDATED:
	case SERVER_UNVALIDATED:
		finish_with(ask, outcome, answer);
		return;
	case SERVER_FAILED:
		attempt_failed(a);
		return;
	case SERVER_UNSURE:
		a->told = true;
		a->state = ATTEMPT_WAITS;
		return;
	case SERVER_WAIT:
		a->state = ATTEMPT_WAITS;
		return;
	}
}

/* Asks a's server. It may have been answered, and with it the whole question, on return. */
static void attempt_start(struct attempt *a)
{
	struct ask *ask = a->ask;
	int r;

	a->state = ATTEMPT_LIVE;
	a->told = false;
	a->query = (struct server_query){.fn = attempt_answered, .arg = a};
	r = server_ask(a->server, &ask->question, &a->query);
	if (r) {
		a->state = ATTEMPT_FAILED;
		note_error(ask, r);
		step_soon(ask);
	}
}

static bool was_tried(const struct ask *ask, const struct server *server)
{
	for (const struct attempt *a = LIST_FIRST(&ask->attempts); a; a = LIST_NEXT(a, of_ask))
		if (a->server == server)
			return true;
	return false;
}

/* `ask` NULL: nobody waits for it. */
static struct attempt *attempt_create(struct ask_env *env, struct ask *ask, struct server *server)
{
	struct attempt *a = calloc(1, sizeof(*a));

	if (!a)
		return NULL;
	a->env = env;
	a->ask = ask;
	a->server = server;
	a->begun = clock_monotonic();
	server_hold(server);
	a->env->attempts++;
	if (ask)
		LIST_INSERT_HEAD(&ask->attempts, a, of_ask);
	return a;
}

/* A server that is down and was passed over is asked the same, for nobody: it is back in its place
 * as soon as it answers, and no user waits to find that out. */
static void scout(const struct ask *ask, struct server *server)
{
	struct attempt *a = server_retry(server) ? attempt_create(ask->env, NULL, server) : NULL;

	if (!a)
		return;
	a->query = (struct server_query){.fn = attempt_answered, .arg = a, .abandoned = true};
	if (server_ask(server, &ask->question, &a->query))
		attempt_free(a);
}

/* The first of the zone's servers that was not tried yet and is, or is not, down. */
static struct server *find_server(const struct ask *ask, const struct name *zone, bool down)
{
	const struct server_list *list = ask->env->servers;
	bool only_lan = server_list_only_lan(list, &ask->question, zone);

	for (size_t i = 0; i < server_list_count(list); i++) {
		struct server *s = server_list_get(list, i);

		if (server_is_down(s) == down && !was_tried(ask, s) &&
			name_equal(&server_entry(s)->zone, zone) && !server_entry(s)->loops &&
			(server_entry(s)->lan || !only_lan))
			return s;
	}
	return NULL;
}

/* Those that are down come after those that are not. */
static struct server *next_server(const struct ask *ask)
{
	struct server *up, *down;
	struct name zone;

	server_list_zone(ask->env->servers, &ask->question, &zone);
	up = find_server(ask, &zone, false);
	down = find_server(ask, &zone, true);
	if (up && down)
		scout(ask, down);
	else if (down)
		server_retry(down);
	return up ? up : down;
}

static bool anyone_left(const struct ask *ask)
{
	for (const struct attempt *a = LIST_FIRST(&ask->attempts); a; a = LIST_NEXT(a, of_ask))
		if (a->state != ATTEMPT_FAILED)
			return true;
	return false;
}

static void step_after(struct ask *ask, uint64_t delay)
{
	struct timeval t = clock_timeval(delay);

	event_add(&ask->step, &t);
}

/* Timeout and failure both end here: the next server, or the end. */
static void on_step(evutil_socket_t fd, short what, void *arg)
{
	struct ask *ask = arg;
	uint64_t age = clock_monotonic() - ask->begun;
	struct server *server;
	struct attempt *a;

	(void)fd;
	(void)what;
	if (age >= CAP) {
		ask_fail(ask, -ETIMEDOUT);
		return;
	}
	server = next_server(ask);
	if (!server) {
		if (anyone_left(ask))
			step_after(ask, CAP - age);
		else
			ask_fail(ask, ask->error ? ask->error : -EREMOTEIO);
		return;
	}
	a = attempt_create(ask->env, ask, server);
	if (!a) {
		ask_fail(ask, -EREMOTEIO);
		return;
	}
	step_after(ask, CAP - age < HEDGE ? CAP - age : HEDGE);
	attempt_start(a);
}

void ask_start(struct ask *ask)
{
	on_step(-1, EV_TIMEOUT, ask);
}

int ask_create(
	struct ask_env *env, uint64_t id, const struct question *question, struct ask **ret_ask)
{
	struct ask *ask = calloc(1, sizeof(*ask));

	if (!ask)
		return -ENOMEM;
	ask->env = env;
	ask->id = id;
	ask->question = *question;
	ask->begun = clock_monotonic();
	LIST_INIT(&ask->attempts);
	evtimer_assign(&ask->step, env->base, on_step, ask);
	*ret_ask = ask;
	return 0;
}

uint64_t ask_id(const struct ask *ask)
{
	return ask->id;
}

void ask_settled(struct ask *ask, const struct server *server)
{
	for (struct attempt *a = LIST_FIRST(&ask->attempts); a; a = LIST_NEXT(a, of_ask)) {
		if (a->server != server || a->state != ATTEMPT_WAITS)
			continue;
		/* The whole ask may be gone then; it has each server once. */
		if (a->told && !server_strips(server))
			attempt_failed(a);
		else
			attempt_start(a);
		return;
	}
}

void ask_listed(struct ask *ask)
{
	for (const struct attempt *a = LIST_FIRST(&ask->attempts); a; a = LIST_NEXT(a, of_ask))
		if (a->state != ATTEMPT_FAILED && server_list_has(ask->env->servers, a->server))
			return;
	step_soon(ask);
}
