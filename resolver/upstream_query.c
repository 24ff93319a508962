/* The questions in flight: each in its slot and in one of two lists, from upstream_ask to its end.
 */
#include "resolver/upstream_inside.h"

#include <errno.h>
#include <event2/event.h>
#include <stdlib.h>

static struct query_list *list_of(struct upstream_query *q)
{
	return q->state == QUERY_SENT ? &q->upstream->sent : &q->upstream->outgoing;
}

void upstream_query_move(struct upstream_query *q, enum query_state state)
{
	TAILQ_REMOVE(list_of(q), q, entry);
	q->state = state;
	q->since = clock_monotonic();
	TAILQ_INSERT_TAIL(list_of(q), q, entry);
}

void upstream_query_free(struct upstream_query *q)
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
void upstream_query_end(struct upstream_query *q, const struct upstream_reply *reply)
{
	struct upstream *u = q->upstream;
	upstream_fn *fn = q->fn;
	void *ctx = q->ctx;

	upstream_query_free(q);
	if (!fn)
		return;
	count_reply(&u->counters, reply);
	fn(ctx, reply);
}

void upstream_query_fail(struct upstream_query *q, int error)
{
	const char *why = upstream_list_why(q->upstream->list, &q->question.name);

	upstream_query_end(q, &(struct upstream_reply){.error = error, .why = why});
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
	upstream_refresh(u);
	upstream_child_flush(u);
	*ret_query = q;
	return 0;
}

void upstream_cancel(struct upstream_query *q)
{
	struct upstream *u = q->upstream;

	q->fn = NULL;
	if (q->state == QUERY_UNSENT) {
		upstream_query_free(q);
		return;
	}
	upstream_query_move(q, QUERY_CANCELLING);
	upstream_child_flush(u);
}
