/* The second path of a look-up where ids were made up, and the questions about the far side of its
 * region: whom they go to, what is asked, and that nothing of it happens elsewhere. */
#undef NDEBUG
#include "dht/engine.h"
#include "tests/dht/world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>

/* Nodes of the table, by the first byte of their ids: many in the quarter of the target, few
 * elsewhere. Ours begins with 0x55. */
#define NEAR 60
#define ELSEWHERE 8
#define NODES (NEAR + 2 * ELSEWHERE)
/* Of the nearest of the table so many become candidates with the second path. */
#define SEEDS 40

static struct world world;
static struct dht_lookup *lookup;
static struct dht_contact nodes[NODES];
static const struct dht_id target; /* all bits are zero */
static unsigned ends;

static void on_get(void *ctx, const struct dht_item *item, const struct dht_endpoint *from,
	const struct dht_result *result)
{
	(void)ctx;
	(void)item;
	(void)from;
	ends += result != NULL;
}

static int setup(void **state)
{
	struct world *w = &world;
	world_start(w, false, false);
	for (size_t i = 0; i < NODES; i++) {
		size_t first = i < NEAR		      ? i
			       : i < NEAR + ELSEWHERE ? 0x40 + i - NEAR
						      : 0x80 + i - NEAR - ELSEWHERE;
		nodes[i] = (struct dht_contact){
			id_of((uint8_t)first, 3), endpoint("10.0.0.1:4001")};
		nodes[i].endpoint.ip[2] = (uint8_t)i;
		dht_table_answered(&w->dht->tables[0], &nodes[i], w->now, 1000, NULL);
	}
	assert_int_equal(w->dht->tables[0].len, NODES);
	ends = 0;
	assert_int_equal(dht_get_immutable(w->dht, &target, on_get, NULL, &lookup), 0);
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	world_end(*state);
	return 0;
}

static struct dht_candidate *candidate(size_t node)
{
	return dht_candidates_find(&lookup->fronts[0], &nodes[node]);
}

static unsigned detours(void)
{
	unsigned n = 0;
	for (size_t i = 0; i < lookup->fronts[0].len; i++)
		n += lookup->fronts[0].list[i].detour;
	return n;
}

/* Where nobody made ids up, nor for the tables' sake. */
static void not_without_cause(void **state)
{
	(void)state;
	dht_detour_begin(lookup, 0);
	assert_int_equal(lookup->fronts[0].len, 0);
	lookup->result.crowded = true;
	lookup->kind = DHT_LOOKUP_NODES;
	dht_detour_begin(lookup, 0);
	assert_int_equal(lookup->fronts[0].len, 0);
	lookup->kind = DHT_LOOKUP_GET;
	dht_detour_begin(lookup, 0);
	assert_true(lookup->fronts[0].len > 0);
}

/* Is it one of the first two of a part of the network that the target is not in: of the half, the
 * quarter, the eighth, or the sixteenth next to that of the target? */
static bool begins_path(size_t node)
{
	static const size_t first[] = {0x10, 0x20, NEAR, NEAR + ELSEWHERE};
	for (size_t i = 0; i < 4; i++)
		if (node == first[i] || node == first[i] + 1)
			return true;
	return false;
}

/* The forty nearest, who are asked only if they are near enough, and two from each part of the
 * network that the target is not in, whether they are of the forty or not. */
static void from_other_parts_of_the_table(void **state)
{
	(void)state;
	lookup->result.crowded = true;
	dht_detour_begin(lookup, 0);
	assert_int_equal(lookup->fronts[0].len, SEEDS + 4);
	assert_int_equal(detours(), 8);
	for (size_t i = 0; i < NODES; i++) {
		const struct dht_candidate *c = candidate(i);
		assert_int_equal(c != NULL, i < SEEDS || begins_path(i));
		if (!c)
			continue;
		assert_int_equal(c->detour, begins_path(i));
		assert_true(c->known);
		assert_int_equal(c->state, DHT_NEW);
		assert_int_equal(c->hops, 1);
	}
	/* It begins once. */
	lookup->fronts[0].len = 0;
	dht_detour_begin(lookup, 0);
	assert_int_equal(lookup->fronts[0].len, 0);
}

/* What was put there is read back from elsewhere alone, and not from where the put's own second
 * path began. */
static void read_back_from_others(void **state)
{
	struct world *w = *state;
	struct dht_item item = {.is_mutable = true};
	dht_cancel(w->dht, lookup);
	assert_int_equal(dht_read_back(w->dht, &item, on_get, NULL, &lookup), 0);
	dht_run(w->dht);
	size_t begun = lookup->fronts[0].len;
	assert_in_range(begun, 4, 8);
	assert_int_equal(detours(), begun);
	struct dht_contact puts[2];
	for (unsigned part = 0; part < 4; part++) {
		struct dht_id there = lookup->target;
		there.b[0] ^= (uint8_t)(0x80 >> part);
		dht_table_nearest(&w->dht->tables[0], &there, 0, puts, 2);
		assert_null(dht_candidates_find(&lookup->fronts[0], &puts[0]));
		assert_null(dht_candidates_find(&lookup->fronts[0], &puts[1]));
	}
}

/* Nor one that this look-up has asked already. */
static void not_with_those_asked(void **state)
{
	(void)state;
	dht_lookup_seed(lookup, 0, NEAR);
	candidate(0x10)->state = DHT_ASKED;
	candidate(0x20)->state = DHT_FAILED;
	lookup->result.crowded = true;
	dht_detour_begin(lookup, 0);
	assert_false(candidate(0x10)->detour);
	assert_true(candidate(0x11)->detour);
	assert_false(candidate(0x20)->detour);
	assert_true(candidate(0x21)->detour);
}

/* One that answered us under another id begins no second path, nor one that was silent of late. */
static void not_with_those_in_doubt(void **state)
{
	struct world *w = *state;
	struct dht_contact otherwise = nodes[NEAR];
	otherwise.id.b[19] ^= 1;
	dht_region_met(w->dht, &otherwise);
	dht_table_silent(&w->dht->tables[0], &nodes[NODES - ELSEWHERE]);
	lookup->result.crowded = true;
	dht_detour_begin(lookup, 0);
	assert_false(candidate(NEAR)->detour);
	assert_true(candidate(NEAR + 1)->detour);
	assert_null(candidate(NODES - ELSEWHERE));
	assert_true(candidate(NODES - ELSEWHERE + 2)->detour);
}

/* Which packet went to that node, as a query of that method? SIZE_MAX: none. */
static size_t sent_to(struct world *w, size_t node, enum dht_method method, struct dht_message *m)
{
	for (size_t i = 0; i < w->sent_len; i++)
		if (dht_endpoint_equal(&w->sent[i].to, &nodes[node].endpoint) &&
			dht_message_read(w->sent[i].data, w->sent[i].len, m) == 0 &&
			m->kind == DHT_QUERY && m->method == method)
			return i;
	return SIZE_MAX;
}

static void answer(struct world *w, size_t node, enum dht_method method)
{
	struct dht_message m;
	assert_true(sent_to(w, node, method, &m) < SIZE_MAX);
	struct dht_message reply = {.kind = DHT_REPLY,
		.transaction = m.transaction,
		.has_id = true,
		.id = nodes[node].id,
		.token = BYTES("tokentok")};
	world_tell(w, &nodes[node].endpoint, &reply);
}

/* They are asked although they are far away, and waited for: the eight nearest have answered long
 * ago. */
static void the_search_waits_for_the_second_path(void **state)
{
	struct world *w = *state;
	struct dht_message m;
	dht_run(w->dht);
	assert_true(sent_to(w, NEAR, DHT_GET, &m) == SIZE_MAX);
	lookup->result.crowded = true;
	for (size_t i = 0; i < 8; i++)
		answer(w, i, DHT_GET);
	for (size_t i = 8; i < NODES; i++)
		if (begins_path(i)) {
			assert_int_equal(ends, 0);
			answer(w, i, DHT_GET);
		}
	assert_int_equal(ends, 1);
}

/* Candidates that have answered, the nearest of the table. */
static void answered(size_t n)
{
	dht_lookup_seed(lookup, 0, n);
	for (size_t i = 0; i < n; i++)
		candidate(i)->state = DHT_ANSWERED;
}

/* Look-ups have shown a network of about 85 nodes: the eighth nearest where it is in one of them.
 */
static void estimate_size(struct dht *dht)
{
	/* The first search of who has just come, around his own id, tells more than nothing. */
	struct dht_id around[DHT_ESTIMATE_NODES], here = *dht_own_id(dht);
	assert_int_equal(dht_region_size(dht, 0), 0);
	for (size_t n = 0; n < DHT_ESTIMATE_NODES; n++) {
		around[n] = here;
		around[n].b[0] ^= 23;
	}
	dht_estimate_add(&dht->estimates[0], &here, around);
	assert_in_range(dht_region_size(dht, 0), 80, 90);
	dht->estimates[0] = (struct dht_estimate){0};
	for (uint8_t i = 0; i < 4; i++) {
		struct dht_id to = id_of(i, i), nearest[DHT_ESTIMATE_NODES];
		for (size_t n = 0; n < DHT_ESTIMATE_NODES; n++)
			nearest[n] = id_of(i ^ 23, i);
		dht_estimate_add(&dht->estimates[0], &to, nearest);
	}
	assert_in_range(dht_region_size(dht, 0), 80, 90);
}

/* Of that many the nearest ten share three bits with the target, and the nearer half of them four.
 */
static void the_far_side_of_the_region(void **state)
{
	struct world *w = *state;
	struct dht_candidate *c;
	struct dht_id id;
	estimate_size(w->dht);
	answered(12);
	assert_false(dht_detour_round(lookup, 0, &c, &id)); /* nobody crowds it */
	lookup->fronts[0].crowded = true;
	candidate(1)->standing = DHT_SUSPECT;
	candidate(3)->state = DHT_STALLED;
	static const size_t asked[] = {0, 2, 4, 5, 6, 7};
	for (size_t i = 0; i < 6; i++) {
		assert_true(dht_detour_round(lookup, 0, &c, &id));
		assert_ptr_equal(c, candidate(asked[i]));
		assert_int_equal(id.b[0], i % 2 == 0 ? 0x0f : 0x1f);
		for (size_t at = 1; at < DHT_ID_LEN; at++)
			assert_int_equal(id.b[at], 0xff);
		c->round = DHT_ASKED;
	}
	assert_false(dht_detour_round(lookup, 0, &c, &id)); /* six */
}

/* A look-up with such questions under way is not over; each ends by whatever becomes of it. */
static void each_question_ends(void **state)
{
	struct world *w = *state;
	struct dht_message m;
	dht_run(w->dht);
	lookup->fronts[0].crowded = true;
	lookup->fronts[0].detoured = true;
	for (size_t i = 0; i < 8; i++)
		answer(w, i, DHT_GET);
	assert_int_equal(lookup->fronts[0].rounds, 6);
	for (size_t i = 0; i < 6; i++)
		assert_true(sent_to(w, i, DHT_FIND_NODE, &m) < SIZE_MAX);
	assert_true(sent_to(w, 6, DHT_FIND_NODE, &m) == SIZE_MAX);
	answer(w, 0, DHT_FIND_NODE);
	assert_int_equal(lookup->fronts[0].rounds, 5);
	assert_int_equal(candidate(0)->round, DHT_ANSWERED);
	answer(w, 0, DHT_FIND_NODE); /* once more: it is not waited for any longer */
	assert_int_equal(lookup->fronts[0].rounds, 5);
	dht_unreachable(w->dht, &nodes[1].endpoint);
	assert_int_equal(lookup->fronts[0].rounds, 4);
	assert_int_equal(candidate(1)->round, DHT_FAILED);
	assert_int_equal(candidate(1)->state, DHT_ANSWERED); /* it did answer the search */
	for (size_t i = 2; i < 5; i++)
		answer(w, i, DHT_FIND_NODE);
	assert_int_equal(ends, 0);
	world_pass(w, 1100 * 1000); /* the last is silent */
	assert_int_equal(ends, 1);
}

/* Neither the end of a `get` is that of the question, nor that of another find_node, with which a
 * silent node is asked for the way. */
static void only_its_own_answer_ends_it(void **state)
{
	(void)state;
	answered(1);
	struct dht_candidate *c = candidate(0);
	struct dht_query q = {.method = DHT_FIND_NODE, .number = 6, .to = nodes[0]};
	lookup->fronts[0].rounds = 1;
	c->round = DHT_ASKED;
	c->round_query = 7;
	assert_false(dht_detour_ended(lookup, c, &q, DHT_ANSWERED));
	assert_int_equal(lookup->fronts[0].rounds, 1);
	q.number = 7;
	assert_true(dht_detour_ended(lookup, c, &q, DHT_STALLED));
	assert_int_equal(c->round, DHT_STALLED);
	assert_int_equal(lookup->fronts[0].rounds, 0);
	/* And late it is still the answer to that, which nobody waits for. */
	assert_true(dht_detour_ended(lookup, c, &q, DHT_ANSWERED));
	assert_int_equal(lookup->fronts[0].rounds, 0);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(not_without_cause),
		TEST(from_other_parts_of_the_table),
		TEST(read_back_from_others),
		TEST(not_with_those_asked),
		TEST(not_with_those_in_doubt),
		TEST(the_search_waits_for_the_second_path),
		TEST(the_far_side_of_the_region),
		TEST(each_question_ends),
		TEST(only_its_own_answer_ends_it),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
