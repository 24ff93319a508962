/* Look-ups: how they begin, wait and end. What they do meanwhile is in search.c and put.c. */
#include "dht/engine.h"

#include <errno.h>
#include <stdlib.h>

/* Nodes of the table that a look-up begins with: the nearest and as many to fall back on. */
#define SEEDS (2 * DHT_K)
/* Until there is a node to begin with. Who is there answers within a second or two; a saved
 * table of dead nodes would take half a minute to be asked through. */
#define WAIT_MAX ((uint64_t)2 * 1000000)

void dht_lookup_init(struct dht *dht)
{
	TAILQ_INIT(&dht->lookups.fresh);
	TAILQ_INIT(&dht->lookups.waiting);
	TAILQ_INIT(&dht->lookups.running);
	TAILQ_INIT(&dht->lookups.ended);
}

static struct dht_lookup_list *list_of(struct dht_lookup *l)
{
	switch (l->state) {
	case DHT_LOOKUP_FRESH:
		return &l->dht->lookups.fresh;
	case DHT_LOOKUP_WAITING:
		return &l->dht->lookups.waiting;
	case DHT_LOOKUP_RUNNING:
		return &l->dht->lookups.running;
	case DHT_LOOKUP_ENDED:
		return &l->dht->lookups.ended;
	}
	return NULL;
}

static void move_to(struct dht_lookup *l, enum dht_lookup_state state)
{
	struct dht_lookups *ls = &l->dht->lookups;
	TAILQ_REMOVE(list_of(l), l, entry);
	ls->fresh_len -= l->state == DHT_LOOKUP_FRESH;
	ls->running_len -= l->state == DHT_LOOKUP_RUNNING;
	ls->held_up -= l->held_up;
	l->held_up = false;
	ls->len -= state == DHT_LOOKUP_ENDED;
	l->state = state;
	ls->fresh_len += l->state == DHT_LOOKUP_FRESH;
	ls->running_len += l->state == DHT_LOOKUP_RUNNING;
	TAILQ_INSERT_TAIL(list_of(l), l, entry);
}

int dht_lookup_make(struct dht *dht, enum dht_lookup_kind kind, const struct dht_id *target,
	void *ctx, struct dht_lookup **ret_lookup)
{
	if (dht->lookups.len >= DHT_LOOKUPS_MAX)
		return -EBUSY;
	struct dht_lookup *l = calloc(1, sizeof(*l));
	if (!l)
		return -ENOMEM;
	*l = (struct dht_lookup){.dht = dht,
		.kind = kind,
		.state = DHT_LOOKUP_FRESH,
		.target = *target,
		.began = dht_now(dht),
		.ctx = ctx,
		.result.seq_seen = -1};
	TAILQ_INSERT_TAIL(&dht->lookups.fresh, l, entry);
	dht->lookups.fresh_len++;
	dht->lookups.len++;
	*ret_lookup = l;
	return 0;
}

static void free_lookup(struct dht_lookup *l)
{
	for (unsigned i = 0; i < 2; i++)
		dht_candidates_finish(&l->fronts[i]);
	while (l->seen_len)
		free(l->seen[--l->seen_len]);
	free(l->item);
	free(l);
}

static void free_list(struct dht_lookup_list *list)
{
	for (struct dht_lookup *l; (l = TAILQ_FIRST(list));) {
		TAILQ_REMOVE(list, l, entry);
		free_lookup(l);
	}
}

void dht_lookup_free_ended(struct dht *dht)
{
	free_list(&dht->lookups.ended);
}

void dht_lookup_finish(struct dht *dht)
{
	free_list(&dht->lookups.fresh);
	free_list(&dht->lookups.waiting);
	free_list(&dht->lookups.running);
	free_list(&dht->lookups.ended);
}

void dht_cancel(struct dht *dht, struct dht_lookup *l)
{
	if (l->state == DHT_LOOKUP_ENDED)
		return; /* from its last callback */
	dht_enter(dht);
	dht_query_drop_lookup(dht, l);
	move_to(l, DHT_LOOKUP_ENDED);
	dht_leave(dht);
}

struct dht_address_rules dht_lookup_rules(const struct dht *dht)
{
	return (struct dht_address_rules){.one_per_ip = dht->config.mainline,
		.must_fit = dht->config.limits,
		.one_per_net = dht->config.limits};
}

unsigned dht_lookup_families(const struct dht_lookup *l)
{
	return (l->fronts[0].len > 0) + (l->fronts[1].len > 0);
}

bool dht_lookup_may_send(const struct dht_lookup *l, bool reserved)
{
	unsigned kept = l->kind == DHT_LOOKUP_PUT && !reserved ? dht_lookup_families(l) * DHT_K : 0;
	return l->result.queries + kept < DHT_LOOKUP_PACKETS &&
	       (!l->allowance || l->allowance->packets > 0);
}

bool dht_lookup_has_room(struct dht_lookup *l)
{
	if (dht_query_room(l->dht))
		return true;
	l->dht->lookups.held_up += !l->held_up;
	l->held_up = true;
	return false;
}

int dht_lookup_nodes(struct dht *dht, const struct dht_id *target, struct dht_lookup **ret_lookup)
{
	dht->counters.searches++;
	return dht_lookup_make(dht, DHT_LOOKUP_NODES, target, NULL, ret_lookup);
}

static bool knows_nobody(const struct dht_lookup *l)
{
	return !l->fronts[0].len && !l->fronts[1].len;
}

static void deliver_end(struct dht_lookup *l)
{
	switch (l->kind) {
	case DHT_LOOKUP_NODES:
		dht_upkeep_searched(l->dht, l);
		break;
	case DHT_LOOKUP_GET:
		dht_get_count_held(l);
		l->fn.get(l->ctx, NULL, NULL, &l->result);
		break;
	case DHT_LOOKUP_PEERS:
		l->fn.peers(l->ctx, NULL, 0, &l->result);
		break;
	case DHT_LOOKUP_PUT:
		if (l->refresh)
			dht_refresh_end(l);
		l->fn.put(l->ctx, &l->result);
		break;
	}
}

void dht_lookup_end(struct dht_lookup *l)
{
	if (!l->result.answered && !l->found)
		l->result.error = knows_nobody(l) && !l->dht->upkeep.join_len ? -EHOSTUNREACH
									      : -ENETUNREACH;
	for (unsigned family = 0; family < 2; family++) {
		unsigned hops = dht_candidates_hops(&l->fronts[family], DHT_K);
		l->result.hops = hops > l->result.hops ? hops : l->result.hops;
	}
	if (l->kind == DHT_LOOKUP_GET || l->kind == DHT_LOOKUP_PUT) {
		l->dht->counters.ended++;
		l->dht->counters.hops += l->result.hops;
	}
	dht_query_drop_lookup(l->dht, l);
	move_to(l, DHT_LOOKUP_ENDED);
	deliver_end(l);
}

static void start(struct dht_lookup *l)
{
	bool waited = l->waits_until != 0;
	move_to(l, DHT_LOOKUP_RUNNING);
	if (l->kind == DHT_LOOKUP_GET && !waited)
		dht_get_take_own(l);
	if (l->state == DHT_LOOKUP_ENDED)
		return;
	for (unsigned family = 0; family < 2; family++) {
		dht_lookup_seed(l, family, l->apart ? 0 : SEEDS);
		dht_detour_begin(l, family);
	}
	if (knows_nobody(l) && !waited && !l->found && dht_upkeep_joining(l->dht)) {
		l->waits_until = dht_now(l->dht) + WAIT_MAX;
		move_to(l, DHT_LOOKUP_WAITING);
		return;
	}
	if (l->kind == DHT_LOOKUP_PUT)
		dht_put_start(l);
	else
		dht_lookup_search(l);
}

static bool can_start(const struct dht *dht)
{
	return dht->lookups.fresh_len && dht->lookups.running_len < DHT_LOOKUPS_RUNNING_MAX &&
	       dht_query_awaited(dht) < DHT_LOOKUPS_QUERIES;
}

static bool can_go_on(const struct dht *dht)
{
	return dht->lookups.held_up && dht_query_room(dht);
}

/* Each goes to the end of the list, for the next time others shall be the first. What is told of
 * their ends may cancel any. */
static void go_on(struct dht *dht)
{
	struct dht_lookups *ls = &dht->lookups;
	struct dht_lookup *l;
	for (size_t n = ls->running_len; n > 0 && can_go_on(dht); n--) {
		l = TAILQ_FIRST(&ls->running);
		TAILQ_REMOVE(&ls->running, l, entry);
		TAILQ_INSERT_TAIL(&ls->running, l, entry);
		if (!l->held_up)
			continue;
		l->held_up = false;
		ls->held_up--;
		dht_lookup_advance(l);
	}
}

/* They queue with the fresh ones, for there may be more of them than can run. */
static void stop_waiting(struct dht *dht, uint64_t until)
{
	struct dht_lookup *l;
	while ((l = TAILQ_FIRST(&dht->lookups.waiting)) && l->waits_until <= until)
		move_to(l, DHT_LOOKUP_FRESH);
}

void dht_lookup_stop_waiting(struct dht *dht)
{
	stop_waiting(dht, UINT64_MAX);
}

void dht_lookup_run(struct dht *dht)
{
	stop_waiting(dht, dht_now(dht));
	go_on(dht);
	/* Only those that are there now: a callback that always starts another look-up must
	 * not keep us here. */
	for (size_t n = dht->lookups.fresh_len; n > 0 && can_start(dht); n--)
		start(TAILQ_FIRST(&dht->lookups.fresh));
}

uint64_t dht_lookup_due(const struct dht *dht)
{
	if (can_start(dht) || can_go_on(dht))
		return 0;
	const struct dht_lookup *first = TAILQ_FIRST(&dht->lookups.waiting);
	return first ? first->waits_until : UINT64_MAX;
}
