/* Joining a network and staying in it. */
#include "dht/engine.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define MILLISECOND ((uint64_t)1000)
#define SECOND (1000 * MILLISECOND)
#define MINUTE (60 * SECOND)

/* Asked at once of those to join by: a saved table of a hundred is known within half a second. */
#define JOIN_PARALLEL 32
/* While nobody answers, rounds come less and less often. */
#define JOIN_WAIT_FIRST SECOND
#define JOIN_WAIT_MAX MINUTE
/* In a living network one of them is asked now and then, so that two halves that lost each
 * other find together again, and one that began anew and knows nobody is found. */
#define JOIN_AGAIN (20 * SECOND)
/* Not so who is in our table and answered that lately: he is of our half. A quiet network paid as
 * much for that as for all else. Together the two are a minute, within which one is found that began
 * anew where nobody but us knows him: after a whole minute of this it would be up to 80 s, for 7 %
 * less of what fifty nodes at rest send. */
#define JOIN_HEARD (MINUTE - JOIN_AGAIN)
/* Of those that fell silent one is asked that often. It costs a packet each time where nodes come
 * and go, and halves of a network are to know each other within a minute. */
#define LOST_AGAIN (15 * SECOND)
/* A network that grows by this part within a minute is another one than our items were put in: two
 * parts of it have found together, most likely. */
#define GROWN_PART 4
#define GROWN_WITHIN MINUTE
/* The neighbourhood is searched often while the network is new to us (others join at the
 * same moment), then ever more rarely. */
#define NEIGHBOURS_WAIT_FIRST (250 * MILLISECOND)
#define NEIGHBOURS_WAIT_MAX (10 * MINUTE)
/* Pings of nodes long unheard are spread out: a full table of 250 takes some 25 minutes. Those in
 * doubt, of whom there are few, have five a second. */
#define CHECK_PACE (6 * SECOND)
#define CHECK_PACE_DOUBTFUL (200 * MILLISECOND)
/* The largest two tables, each of whose nodes is asked when it was unheard for ten minutes: none is
 * to be a stranger to us (limits.h) meanwhile. */
_Static_assert(DHT_LIMITS_PROOF_LIFE >= 10 * MINUTE + 2 * 400 * CHECK_PACE,
	"nodes of the table stay verified");
/* Strangers verified at once: they come as fast as they like. */
#define PINGS_MAX 32
/* Verified for the table after each search of our own: half of what is named is dead. */
#define LEFTOVERS 8
/* Nothing is so far off that it need not be looked at again. */
#define SLEEP_MAX (30 * SECOND)

void dht_upkeep_init(struct dht *dht)
{
	dht->upkeep.due = UINT64_MAX;
	dht->upkeep.join_wait = JOIN_WAIT_FIRST;
	dht->upkeep.neighbours_wait = NEIGHBOURS_WAIT_FIRST;
}

void dht_upkeep_finish(struct dht *dht)
{
	free(dht->upkeep.join);
	dht_lost_finish(&dht->upkeep.lost);
}

void dht_upkeep_by(struct dht *dht, uint64_t at)
{
	if (at < dht->upkeep.due)
		dht->upkeep.due = at;
}

static size_t nodes(const struct dht *dht)
{
	return dht->tables[0].len + dht->tables[1].len;
}

static size_t good_nodes(const struct dht *dht)
{
	return dht_table_good(&dht->tables[0]) + dht_table_good(&dht->tables[1]);
}

static int ping(struct dht *dht, const struct dht_contact *to, enum dht_purpose purpose)
{
	struct dht_message m = {.method = DHT_PING};
	return dht_query_send(dht, to, &m, purpose, NULL);
}

/* Asks some of those to join by, in turn. */
static void ask_joins(struct dht *dht)
{
	struct dht_upkeep *u = &dht->upkeep;
	while (u->join_next < u->join_len && u->join_flying < JOIN_PARALLEL) {
		struct dht_contact to = {.endpoint = u->join[u->join_next]};
		u->join_next++;
		if (ping(dht, &to, DHT_FOR_JOIN) == 0)
			u->join_flying++;
	}
}

static bool has_join(const struct dht_upkeep *u, const struct dht_endpoint *at)
{
	for (size_t i = 0; i < u->join_len; i++)
		if (dht_endpoint_equal(&u->join[i], at))
			return true;
	return false;
}

static void forget_join(struct dht_upkeep *u, size_t at)
{
	u->join_len--;
	u->join_next -= at < u->join_next;
	memmove(&u->join[at], &u->join[at + 1], (u->join_len - at) * sizeof(*u->join));
}

/* It is the next to be asked: a saved table of long ago, offered first, is a long row of dead
 * addresses. */
static bool remember_join(struct dht_upkeep *u, const struct dht_endpoint *at)
{
	if (u->join_len == DHT_JOIN_MAX)
		forget_join(u, u->join_slot++ % DHT_JOIN_MAX);
	struct dht_endpoint *grown = realloc(u->join, (u->join_len + 1) * sizeof(*grown));
	if (!grown)
		return false;
	u->join = grown;
	struct dht_endpoint *place = &grown[u->join_next];
	memmove(place + 1, place, (u->join_len - u->join_next) * sizeof(*place));
	*place = *at;
	u->join_len++;
	return true;
}

int dht_add_node(struct dht *dht, const struct dht_endpoint *at)
{
	struct dht_upkeep *u = &dht->upkeep;
	if (!dht_acceptable(dht, at))
		return -EADDRNOTAVAIL;
	dht_enter(dht);
	u->join_family[at->family == 6] = true;
	if (has_join(u, at)) {
		struct dht_contact to = {.endpoint = *at};
		if (!dht_query_to(dht, at) && ping(dht, &to, DHT_FOR_JOIN) == 0)
			u->join_flying++;
	} else if (remember_join(u, at)) {
		ask_joins(dht);
	}
	u->join_wait = JOIN_WAIT_FIRST;
	dht_upkeep_by(dht, dht_now(dht) + JOIN_WAIT_FIRST);
	dht_leave(dht);
	return 0;
}

/* Each is remembered as the next to be asked: so the first is the last to be, and nobody is asked
 * before. */
void dht_add_nodes(struct dht *dht, const struct dht_contact *nodes, size_t len)
{
	struct dht_upkeep *u = &dht->upkeep;
	dht_enter(dht);
	for (size_t i = len; i-- > 0;) {
		const struct dht_endpoint *at = &nodes[i].endpoint;
		if (dht_acceptable(dht, at) && !has_join(u, at) && remember_join(u, at))
			u->join_family[at->family == 6] = true;
	}
	ask_joins(dht);
	u->join_wait = JOIN_WAIT_FIRST;
	dht_upkeep_by(dht, dht_now(dht) + JOIN_WAIT_FIRST);
	dht_leave(dht);
}

void dht_upkeep_ended(struct dht *dht, const struct dht_query *q, bool answered)
{
	struct dht_upkeep *u = &dht->upkeep;
	if (q->purpose == DHT_FOR_TABLE) {
		u->pings -= !q->stalled && u->pings;
		return;
	}
	u->join_flying -= !q->stalled && u->join_flying;
	/* Where one is back, others are. */
	if (answered && dht_lost_remove(&u->lost, &q->to.endpoint)) {
		u->lost_at = 0;
		dht_upkeep_by(dht, dht_now(dht));
	}
	ask_joins(dht);
	if (answered)
		u->join_wait = JOIN_WAIT_FIRST;
	if (answered || !u->join_flying)
		dht_lookup_stop_waiting(dht);
}

static void search_neighbours(struct dht *dht)
{
	struct dht_upkeep *u = &dht->upkeep;
	u->neighbours_wait = NEIGHBOURS_WAIT_FIRST;
	u->neighbours_at = 0;
	u->neighbours_turn = 0;
	dht_upkeep_by(dht, dht_now(dht));
}

/* One more, of the table by now. */
static void count_come(struct dht *dht, uint64_t now)
{
	struct dht_upkeep *u = &dht->upkeep;
	if (!u->counted_from || now - u->counted_from > GROWN_WITHIN) {
		u->counted_from = now;
		u->known_then = dht_table_good(&dht->tables[0]) + dht_table_good(&dht->tables[1]) -
				1;
		u->come = 0;
	}
	if (++u->come * GROWN_PART >= u->known_then)
		dht_republish_hasten(dht, now);
}

/* A small network may be growing just now, and behind a node to join by may be another half
 * of it: both are worth a search at once. */
void dht_upkeep_entered(struct dht *dht, bool joined)
{
	count_come(dht, dht_now(dht));
	if (!joined && nodes(dht) > DHT_K)
		return;
	search_neighbours(dht);
}

void dht_upkeep_moved(struct dht *dht)
{
	struct dht_upkeep *u = &dht->upkeep;
	if (u->neighbours)
		dht_cancel(dht, u->neighbours);
	u->neighbours = NULL;
	search_neighbours(dht);
}

bool dht_upkeep_joining(struct dht *dht)
{
	struct dht_upkeep *u = &dht->upkeep;
	if (!u->join_flying) {
		u->join_next = 0;
		ask_joins(dht);
	}
	return u->join_flying > 0;
}

/* While the table is empty all are asked again and again; else one now and then. */
static uint64_t run_joins(struct dht *dht, uint64_t now)
{
	struct dht_upkeep *u = &dht->upkeep;
	if (!u->join_len)
		return UINT64_MAX;
	if (u->join_flying || now < u->join_at)
		return u->join_at > now ? u->join_at : now + SECOND;
	if (good_nodes(dht)) {
		struct dht_contact to = {.endpoint = u->join[u->join_next % u->join_len]};
		uint64_t heard = dht_table_heard(dht_table_of(dht, &to.endpoint), &to.endpoint);
		u->join_next = u->join_next % u->join_len + 1;
		if ((!heard || now - heard >= JOIN_HEARD) && ping(dht, &to, DHT_FOR_JOIN) == 0)
			u->join_flying++;
		u->join_at = now + JOIN_AGAIN;
	} else {
		u->join_next = 0;
		ask_joins(dht);
		u->join_at = now + u->join_wait;
		u->join_wait = u->join_wait * 2 < JOIN_WAIT_MAX ? u->join_wait * 2 : JOIN_WAIT_MAX;
	}
	return u->join_at;
}

void dht_upkeep_silent(struct dht *dht, const struct dht_contact *who)
{
	struct dht_upkeep *u = &dht->upkeep;
	if (!dht_table_silent(dht_table_of(dht, &who->endpoint), who))
		return;
	if (!u->lost.len)
		u->lost_at = dht_now(dht) + LOST_AGAIN;
	dht_lost_add(&u->lost, &who->endpoint);
}

static uint64_t run_lost(struct dht *dht, uint64_t now)
{
	struct dht_upkeep *u = &dht->upkeep;
	if (!u->lost.len)
		return UINT64_MAX;
	if (now >= u->lost_at) {
		struct dht_contact to = {.endpoint = *dht_lost_next(&u->lost)};
		if (ping(dht, &to, DHT_FOR_JOIN) == 0)
			u->join_flying++;
		u->lost_at = now + LOST_AGAIN;
	}
	return u->lost_at;
}

/* Every second search goes anywhere: that is how far buckets fill, in a network that is too
 * small to have several too. */
static uint64_t run_neighbours(struct dht *dht, uint64_t now)
{
	struct dht_upkeep *u = &dht->upkeep;
	struct dht_id target = dht->config.id;
	if (u->neighbours || !nodes(dht))
		return UINT64_MAX;
	if (now < u->neighbours_at)
		return u->neighbours_at;
	if (u->neighbours_turn % 2)
		dht->ops.random(dht->self, target.b, sizeof(target.b));
	if (dht_lookup_nodes(dht, &target, &u->neighbours) < 0)
		return now + SECOND;
	u->neighbours_turn++;
	return UINT64_MAX;
}

/* It must answer us before it counts. */
static void verify(struct dht *dht, const struct dht_contact *stranger)
{
	if (dht->upkeep.pings >= PINGS_MAX || dht_id_equal(&stranger->id, &dht->config.id) ||
		!dht_table_wants(dht_table_of(dht, &stranger->endpoint), stranger))
		return;
	if (ping(dht, stranger, DHT_FOR_TABLE) == 0)
		dht->upkeep.pings++;
}

/* Whatever else is under way to it expects who it was, and brings the new one no nearer. */
void dht_upkeep_renamed(struct dht *dht, const struct dht_contact *now_called)
{
	verify(dht, now_called);
}

/* Who talks to us is alive, though it may have been silent a moment ago, and closer to us than
 * chance: that is how those who were here first learn of those who come. */
void dht_upkeep_met(struct dht *dht, const struct dht_contact *who, bool read_only)
{
	struct dht_table *t = dht_table_of(dht, &who->endpoint);
	if (read_only)
		dht_table_retired(t, who, dht_now(dht));
	else if (!dht_table_seen(t, who, dht_now(dht)) && !dht_query_to(dht, &who->endpoint))
		verify(dht, who);
}

/* Nodes that the search heard of and had no need to ask: some of them are verified for the
 * table, so that the next look-up begins nearer. */
static void introduce_leftovers(struct dht *dht, const struct dht_candidates *front)
{
	unsigned left = LEFTOVERS;
	for (size_t i = 0; i < front->len && left > 0; i++) {
		if (front->list[i].state != DHT_NEW || front->list[i].standing != DHT_BELIEVED)
			continue;
		const struct dht_contact *c = &front->list[i].node.contact;
		if (!dht_habits_silent(&dht->habits, &c->endpoint, dht_now(dht)) &&
			!dht_query_to(dht, &c->endpoint))
			verify(dht, c);
		left--;
	}
}

void dht_upkeep_searched(struct dht *dht, const struct dht_lookup *l)
{
	struct dht_upkeep *u = &dht->upkeep;
	uint64_t now = dht_now(dht);
	for (unsigned family = 0; family < 2; family++)
		introduce_leftovers(dht, &l->fronts[family]);
	if (l == u->refresh)
		u->refresh = NULL;
	if (l != u->neighbours)
		return;
	u->neighbours = NULL;
	if (!dht_id_equal(&l->target, &dht->config.id))
		u->anywhere = l->target;
	u->neighbours_at = now + u->neighbours_wait;
	if (u->neighbours_wait < NEIGHBOURS_WAIT_MAX)
		u->neighbours_wait *= 2;
	dht_upkeep_by(dht, u->neighbours_at);
}

static uint64_t run_refresh(struct dht *dht, uint64_t now)
{
	struct dht_upkeep *u = &dht->upkeep;
	uint64_t next = UINT64_MAX;
	for (unsigned i = 0; i < 2 && !u->refresh; i++) {
		struct dht_table *t = &dht->tables[i];
		size_t bucket;
		uint64_t at;
		if (!dht_table_next_refresh(t, &bucket, &at))
			continue;
		if (at <= now) {
			struct dht_id id;
			dht->ops.random(dht->self, id.b, sizeof(id.b));
			dht_table_id_in(t, bucket, &id);
			dht_table_refreshed(t, bucket, now);
			dht_lookup_nodes(dht, &id, &u->refresh);
			at = now + SECOND;
		}
		next = at < next ? at : next;
	}
	return next;
}

/* Of both families who has waited longest: a full IPv4 table alone takes the whole pace. */
static const struct dht_node *next_check(
	struct dht *dht, bool doubtful, uint64_t now, uint64_t *ret_at)
{
	const struct dht_node *first = NULL;
	*ret_at = UINT64_MAX;
	for (unsigned i = 0; i < 2; i++) {
		uint64_t at;
		const struct dht_node *node = dht_table_next_check(
			&dht->tables[i], doubtful, now, &at);
		if (at >= *ret_at)
			continue;
		first = node;
		*ret_at = at;
	}
	return first;
}

static uint64_t run_checks(struct dht *dht, uint64_t now)
{
	static const uint64_t pace[2] = {CHECK_PACE, CHECK_PACE_DOUBTFUL};
	struct dht_upkeep *u = &dht->upkeep;
	uint64_t next = UINT64_MAX;
	for (unsigned doubtful = 0; doubtful < 2; doubtful++) {
		uint64_t at;
		const struct dht_node *node = next_check(dht, doubtful, now, &at);
		if (node && now >= u->check_at[doubtful]) {
			struct dht_contact to = node->contact;
			if (ping(dht, &to, DHT_FOR_TABLE) == 0)
				u->pings++;
			u->check_at[doubtful] = now + pace[doubtful];
		}
		if (at < u->check_at[doubtful])
			at = u->check_at[doubtful];
		next = at < next ? at : next;
	}
	return next;
}

void dht_upkeep_run(struct dht *dht, uint64_t now)
{
	struct dht_upkeep *u = &dht->upkeep;
	if (now < u->due)
		return;
	uint64_t due = UINT64_MAX;
	uint64_t (*const duties[])(struct dht *, uint64_t) = {
		dht_presence_run, run_joins, run_lost, run_neighbours, run_refresh, run_checks};
	u->due = UINT64_MAX;
	for (size_t i = 0; i < sizeof(duties) / sizeof(*duties); i++) {
		uint64_t at = duties[i](dht, now);
		due = at < due ? at : due;
	}
	if (nodes(dht) && due > now + SLEEP_MAX)
		due = now + SLEEP_MAX;
	dht_upkeep_by(dht, due);
}
