/* The iterative search: ask the nearest, then nearer ones that they name, until the eight
 * nearest that answer have all answered. Who is silent is passed over at once. */
#include "dht/engine.h"

#include <string.h>

/* Beyond the eight that may answer some more are asked, in case some do not: one, and more where
 * many were silent of late: as many as of eight will be. Among a fifth of dead nodes the slowest
 * look-ups end a fifth sooner by that; where all live it would be packets for nothing. */
#define PRECAUTION_MIN 1
#define PRECAUTION_MAX 3
/* Queries under way at once to each family. As many as are wanted: where the table knows the
 * neighbourhood, one round is all. */
#define PARALLEL (DHT_K + PRECAUTION_MAX)
/* But of those that only know the way, and will not be among the eight, so many: in big networks
 * one round after the other goes to such nodes, and two name as near ones as ten do. Three take
 * 1.6 packets a get more among a thousand nodes and 2.9 among ten thousand, and save 5 to 15 ms of
 * 230; with one, a silent node would be waited for. */
#define GUIDES 2
/* A node that is silent once may have lost a packet; twice is silence. */
#define TRIES 2
/* Who is known for that is tried again all the same, where too few others are; but of gets, for
 * which somebody waits, by one in so long: more than it takes. Else each question would take 50 ms,
 * or a second, where a whole network has gone (a firewall's black hole), for as long as it is gone.
 * Upkeep finds out as soon as that that it is back. */
#define TRIES_PAUSE ((uint64_t)3000000)

/* So many of those that left a `get` unanswered are asked for the way at once, to learn whether
 * they are there. Eight answers show the way past any region; where most nodes do not know `get`,
 * and that is not known yet, one more packet to each of them would leave too few to find eight that
 * do. */
#define TRIALS DHT_K

/* Of those that keep nothing so many are asked for the way (find_node) where others answer, and
 * where nobody does. */
#define WALKS 3
#define WALKS_MAX 16

static struct dht_candidate *candidate_of(struct dht_lookup *l, const struct dht_query *q)
{
	return dht_candidates_find(&l->fronts[q->to.endpoint.family == 6], &q->to);
}

static enum dht_method method_of(const struct dht_lookup *l)
{
	static const enum dht_method methods[] = {
		[DHT_LOOKUP_NODES] = DHT_FIND_NODE,
		[DHT_LOOKUP_GET] = DHT_GET,
		[DHT_LOOKUP_PEERS] = DHT_GET_PEERS,
		[DHT_LOOKUP_PUT] = DHT_GET,
	};
	return methods[l->kind];
}

static bool send_query(struct dht_lookup *l, const struct dht_candidate *c, enum dht_method method,
	const struct dht_id *target)
{
	struct dht_message m = {.method = method, .has_target = true, .target = *target};
	/* With a seq, libtorrent looks for the mutable item only; without, junk that a stranger
	 * put there unsigned under the same target would hide it. */
	if (method == DHT_GET && l->is_mutable)
		m.has_seq = true;
	if (l->has_first)
		m.seq = l->seen[0]->seq;
	/* Who holds something older need not send it (BEP 44). Ours is sent back, for a seq alone
	 * proves nothing: the keys of slots are public, and anybody can sign something else. */
	if (l->refresh && l->item->seq > 0)
		m.seq = l->item->seq - 1;
	if (!dht_lookup_may_send(l, false) ||
		dht_query_send(l->dht, &c->node.contact, &m, DHT_FOR_SEARCH, l) < 0)
		return false;
	l->result.queries++;
	if (l->allowance)
		l->allowance->packets--;
	return true;
}

/* It keeps nothing, as far as this look-up is concerned. */
static bool keeps_nothing(const struct dht_lookup *l, const struct dht_candidate *c)
{
	return c->no_get && method_of(l) == DHT_GET;
}

/* What it is asked, and waited for. */
static enum dht_method method_for(const struct dht_lookup *l, const struct dht_candidate *c)
{
	return keeps_nothing(l, c) ? DHT_FIND_NODE : method_of(l);
}

/* Is that the query that it is waited for? Another may have been sent before, or besides. */
static bool is_awaited(
	const struct dht_lookup *l, const struct dht_candidate *c, const struct dht_query *q)
{
	return c->state == DHT_ASKED && q->method == method_for(l, c);
}

static void ask(struct dht_lookup *l, struct dht_candidates *front, struct dht_candidate *c)
{
	c->state = DHT_FAILED;
	if (!send_query(l, c, method_for(l, c), &l->target))
		return;
	c->state = DHT_ASKED;
	c->asked++;
	front->flying++;
	front->walks += keeps_nothing(l, c);
}

/* Nothing came back to a `get`. Is nobody there, or somebody who does not know it? Another
 * question tells, which nobody waits for; its answer shows the way past a region of such nodes. */
static void walk(struct dht_lookup *l, struct dht_candidate *c)
{
	struct dht_candidates *front = &l->fronts[c->node.contact.endpoint.family == 6];
	if (c->walked || c->standing == DHT_SUSPECT || method_of(l) != DHT_GET ||
		keeps_nothing(l, c) || front->trials == TRIALS)
		return;
	c->walked = send_query(l, c, DHT_FIND_NODE, &l->target);
	front->trials += c->walked;
}

/* Not to be asked, and so not to be waited for. */
static bool passed_over(const struct dht_lookup *l, const struct dht_candidates *front,
	const struct dht_candidate *c, unsigned walks)
{
	if (c->state != DHT_NEW)
		return false;
	if (keeps_nothing(l, c) && front->walks >= walks)
		return true;
	return dht_lookup_rules(l->dht).one_per_net && !c->known &&
	       dht_candidates_net_taken(front, c);
}

/* So many of the nearest that answer end a search. */
static unsigned enough(const struct dht_lookup *l)
{
	return l->refresh ? dht_refresh_width(l) : DHT_K;
}

/* Nodes worth waiting for at once, nearer than those that need not be asked yet. */
static unsigned wanted(const struct dht_lookup *l)
{
	unsigned silent = dht_query_silence(l->dht) * DHT_K / 100;
	unsigned more = PRECAUTION_MAX - PRECAUTION_MIN;
	if (l->refresh)
		return enough(l); /* in no hurry: another is asked when one is silent */
	return DHT_K + PRECAUTION_MIN + (silent < more ? silent : more);
}

/* Is it so far from the target, beyond where the eighth is to be expected, that it is of use rather
 * to name others than to be one of the eight? */
static bool is_on_the_way(const struct dht_lookup *l, const struct dht_candidate *c)
{
	const struct dht_contact *at = &c->node.contact;
	return dht_distance(&at->id, &l->target) > l->reach[at->endpoint.family == 6];
}

static bool may_ask(struct dht_lookup *l, const struct dht_candidates *front)
{
	return front->flying < PARALLEL && dht_lookup_has_room(l);
}

/* The second path, where there is one. */
static bool ask_detour(struct dht_lookup *l, struct dht_candidates *front)
{
	bool over = true;
	for (size_t i = 0; i < front->len; i++) {
		struct dht_candidate *c = &front->list[i];
		if (c->detour && c->state == DHT_NEW && may_ask(l, front))
			ask(l, front, c);
		over &= !c->detour || (c->state != DHT_NEW && c->state != DHT_ASKED);
	}
	return over;
}

/* Others in the region of the target, where its middle is crowded. */
static bool ask_round(struct dht_lookup *l, unsigned family)
{
	struct dht_candidates *front = &l->fronts[family];
	struct dht_candidate *c;
	struct dht_id target;
	while (dht_detour_round(l, family, &c, &target) && dht_lookup_has_room(l)) {
		c->round_query = l->dht->queries.sent; /* the number that it will have */
		bool sent = send_query(l, c, DHT_FIND_NODE, &target);
		c->round = sent ? DHT_ASKED : DHT_FAILED;
		front->rounds += sent;
	}
	return !front->rounds;
}

/* Suspects nearer than the eighth that answered, when all others have been asked. */
static bool ask_suspects(struct dht_lookup *l, struct dht_candidates *front, size_t end)
{
	struct dht_candidate *next;
	while ((next = dht_region_next(l, front, end)) && may_ask(l, front)) {
		front->suspects++;
		ask(l, front, next);
	}
	bool over = !next; /* else when there is room for it */
	for (size_t i = 0; i < end; i++)
		over &= front->list[i].standing != DHT_SUSPECT || front->list[i].state != DHT_ASKED;
	return over;
}

/* Asks the nearest that were not asked yet, but not far beyond the eighth of those that answered
 * or may well do so. True when the search is over: of those nearer than the eighth that
 * answered, none is worth waiting for. Nodes that keep nothing are asked for the way until
 * there were `walks` of them; those whose id does not fit or is in doubt, when there is nobody
 * else. */
static bool ask_nearest(
	struct dht_lookup *l, struct dht_candidates *front, unsigned walks, unsigned *ret_answered)
{
	bool over = true;
	unsigned hoped_for = 0, on_the_way = 0, most = wanted(l);
	/* Among liars three guides may be three liars. */
	unsigned guides = l->result.crowded ? PARALLEL : GUIDES;
	size_t i = 0;
	*ret_answered = 0;
	for (; i < front->len && *ret_answered < enough(l); i++) {
		struct dht_candidate *c = &front->list[i];
		bool last = c->misfit || c->standing == DHT_DOUBTED;
		if (c->standing == DHT_SUSPECT || passed_over(l, front, c, walks))
			continue;
		if (c->state == DHT_NEW && hoped_for < most && (over || !last) &&
			!(is_on_the_way(l, c) && on_the_way >= guides) && may_ask(l, front))
			ask(l, front, c);
		on_the_way += c->state == DHT_ASKED && is_on_the_way(l, c);
		*ret_answered += c->state == DHT_ANSWERED;
		over &= c->state != DHT_NEW && c->state != DHT_ASKED;
		if (!keeps_nothing(l, c))
			hoped_for += c->state == DHT_ANSWERED || c->state == DHT_ASKED;
	}
	return over && ask_suspects(l, front, i);
}

/* Is it this look-up that tries again those that are known to be silent? */
static bool tries_silent(struct dht_lookup *l, unsigned family)
{
	uint64_t now = dht_now(l->dht);
	if (l->kind != DHT_LOOKUP_GET || l->refresh)
		return true;
	if (!l->tries[family] && now >= l->dht->tries[family]) {
		l->dht->tries[family] = now + TRIES_PAUSE;
		l->tries[family] = true;
	}
	return l->tries[family];
}

/* The same, and when fewer answered than are wanted: the rest of the table, for half of the
 * network may be gone; those that keep nothing, for they may know others; and then the silent
 * ones once more. */
static bool advance_front(struct dht_lookup *l, unsigned family)
{
	struct dht_candidates *front = &l->fronts[family];
	unsigned answered;
	dht_detour_begin(l, family);
	bool detoured = ask_detour(l, front);
	bool over = ask_nearest(l, front, WALKS, &answered) & detoured;
	if (over && answered < enough(l) && !l->widened[family]) {
		l->widened[family] = true;
		dht_lookup_seed(l, family, DHT_CANDIDATES_MAX);
		over = ask_nearest(l, front, WALKS, &answered);
	}
	if (over && answered < enough(l))
		over = ask_nearest(l, front, WALKS_MAX, &answered);
	if (!over || answered >= enough(l))
		return over && ask_round(l, family);
	for (size_t i = 0; i < front->len; i++) {
		struct dht_candidate *c = &front->list[i];
		bool silent = c->state == DHT_STALLED || (c->state == DHT_ROUTED && c->walked);
		if (silent && c->asked < TRIES && !keeps_nothing(l, c) && may_ask(l, front) &&
			(!c->struck || tries_silent(l, family)))
			ask(l, front, c);
	}
	return !front->flying;
}

void dht_lookup_search(struct dht_lookup *l)
{
	if (l->state == DHT_LOOKUP_ENDED)
		return;
	/* An immutable value proves itself: nobody else need be asked, and nobody waited for. */
	bool over = true;
	for (unsigned i = 0; i < 2 && !l->found; i++)
		over &= advance_front(l, i);
	if (!over || (l->held_up && !l->found)) {
		if (l->kind == DHT_LOOKUP_PUT)
			dht_put_ahead(l);
		return;
	}
	if (!l->found)
		dht_region_learn(l);
	if (l->kind == DHT_LOOKUP_PUT) {
		dht_put_store(l);
		return;
	}
	if (l->kind == DHT_LOOKUP_GET && !l->found)
		dht_lookup_remember(l);
	dht_lookup_end(l);
}

/* Ends of queries */

/* A put that stores already takes a node that answers late for one more to store on. */
void dht_lookup_advance(struct dht_lookup *l)
{
	if (l->storing)
		dht_put_store(l);
	else
		dht_lookup_search(l);
}

/* May it count among the eight? Who gives no token and holds nothing cannot keep anything, or
 * will not (BEP 5: `get` is answered like find_node by who does not know it). */
static bool is_wanted(
	const struct dht_lookup *l, const struct dht_candidate *c, const struct dht_message *m)
{
	if (method_of(l) == DHT_GET && !c->node.token_len && !m->value.len &&
		!dht_get_is_unchanged(l, m))
		return false;
	return !c->misfit;
}

static void take_token(struct dht_candidate *c, const struct dht_message *m)
{
	if (c->misfit || !m->token.len || m->token.len > DHT_TOKEN_MAX)
		return;
	memcpy(c->node.token, m->token.data, m->token.len);
	c->node.token_len = (uint8_t)m->token.len;
}

void dht_lookup_reply(struct dht_lookup *l, const struct dht_query *q, const struct dht_message *m)
{
	struct dht_candidate *c = candidate_of(l, q);
	bool walked = q->method != method_of(l);
	if (!c)
		return;
	if (dht_detour_ended(l, c, q, DHT_ANSWERED)) {
		dht_lookup_named(l, c, m);
		dht_lookup_advance(l);
		return;
	}
	if (c->state == DHT_ANSWERED) /* it was asked twice, and answers twice */
		return;
	/* A find_node sent after a `get`, which may have been sent again since, is not waited for.
	 */
	bool ends = c->state == DHT_ASKED && (!walked || keeps_nothing(l, c));
	l->fronts[q->to.endpoint.family == 6].flying -= ends;
	l->result.answered += !c->answered;
	c->answered = true;
	if (!walked) {
		c->walked = false;
		take_token(c, m);
	}
	if (ends || c->state != DHT_ASKED)
		c->state = !walked && is_wanted(l, c, m) ? DHT_ANSWERED : DHT_ROUTED;
	if (!walked && method_of(l) == DHT_GET)
		dht_get_take(l, c, m);
	if (l->kind == DHT_LOOKUP_PEERS && m->peers_len)
		l->fn.peers(l->ctx, m->peers, m->peers_len, NULL);
	if (l->state == DHT_LOOKUP_ENDED) /* cancelled by its callback */
		return;
	dht_lookup_named(l, c, m); /* from here on `c` may have moved */
	dht_lookup_advance(l);
}

/* It does not know `get`, and says so: the way it does know. */
static bool refuses_get(struct dht_lookup *l, const struct dht_query *q, int error)
{
	if (q->method != DHT_GET || (error != DHT_E_METHOD && error != DHT_E_PROTOCOL))
		return false;
	dht_habits_refused_get(&l->dht->habits, &q->to.endpoint, dht_now(l->dht));
	return true;
}

void dht_lookup_failed(
	struct dht_lookup *l, const struct dht_query *q, const struct dht_id *is, int error)
{
	struct dht_candidate *c = candidate_of(l, q);
	if (!c)
		return;
	uint8_t hops = c->hops;
	if (dht_detour_ended(l, c, q, DHT_FAILED)) {
		dht_lookup_advance(l);
		return;
	}
	/* Somebody else is there: that ends whatever was asked. */
	bool ends = is_awaited(l, c, q) || (is && c->state == DHT_ASKED);
	bool silent = c->state == DHT_NEW || c->state == DHT_STALLED;
	bool again = refuses_get(l, q, error);
	l->fronts[q->to.endpoint.family == 6].flying -= ends;
	if (ends || silent)
		c->state = again ? DHT_NEW : DHT_FAILED;
	c->no_get |= again;
	if (is) {
		struct dht_contact right = {.id = *is, .endpoint = q->to.endpoint};
		dht_lookup_candidate(l, &right, hops);
	}
	dht_lookup_advance(l);
}

void dht_lookup_stalled(struct dht_lookup *l, const struct dht_query *q)
{
	struct dht_candidate *c = candidate_of(l, q);
	if (c && dht_detour_ended(l, c, q, DHT_STALLED)) {
		dht_lookup_advance(l);
		return;
	}
	if (!c || !is_awaited(l, c, q))
		return;
	c->state = DHT_STALLED;
	l->fronts[q->to.endpoint.family == 6].flying--;
	walk(l, c);
	dht_lookup_advance(l);
}
