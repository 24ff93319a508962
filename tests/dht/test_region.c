/* Whom a look-up takes for made up, and who may be slandered: what is named where nobody is, what
 * answers, and what contradicts. The target's neighbours are at 10.0.N.1, ever farther from it. */
#undef NDEBUG
#include "dht/engine.h"
#include "tests/dht/lookup_world.h"

/* Who names what; the index of the node, in its reply to any query for a target. */
static void (*names)(size_t node, struct dht_message *reply);
static size_t living; /* of `nodes`: those that answer */

static void name_node(struct dht_message *reply, const struct dht_contact *c)
{
	reply->nodes[reply->nodes_len++] = *c;
}

/* An id next to that of a node, at an address where nobody is. */
static void name_ghost(struct dht_message *reply, size_t beside, uint8_t number)
{
	struct dht_contact c = nodes[beside];
	c.id.b[19] ^= number;
	c.endpoint.ip[0] = 11;
	c.endpoint.ip[3] = number;
	name_node(reply, &c);
}

/* `n` nodes around the item's target: they share four bits with it. */
static void make_neighbours(size_t n)
{
	struct dht_id target;
	dht_item_target(&item, &target);
	for (size_t i = 0; i < n; i++) {
		char text[40];
		snprintf(text, sizeof(text), "10.0.%zu.1:4001", i);
		nodes[i] = (struct dht_contact){target, endpoint(text)};
		nodes[i].id.b[0] ^= (uint8_t)(8 * i + 4);
	}
	living = n;
}

static void serve(struct world *w)
{
	struct dht_message m;
	for (size_t i = 0; i < w->sent_len; i++) {
		const struct dht_contact *a = addressee(w, i);
		if (!a || a >= nodes + living ||
			dht_message_read(w->sent[i].data, w->sent[i].len, &m) < 0 ||
			m.kind != DHT_QUERY)
			continue;
		struct dht_message reply = reply_to(w, i, &m);
		reply.want4 = m.method == DHT_GET || m.method == DHT_FIND_NODE;
		if (reply.want4 && names)
			names((size_t)(a - nodes), &reply);
		world_tell(w, &w->sent[i].to, &reply);
	}
	world_clear(w);
}

static struct dht_result put(struct world *w)
{
	struct outcome o = {0};
	item.seq++;
	dht_item_sign(&item, key_seed);
	world_clear(w);
	assert_int_equal(dht_put(w->dht, &item, 0, on_put, &o, &o.lookup), 0);
	dht_run(w->dht);
	for (unsigned i = 0; i < 60 && !o.ends; i++) {
		serve(w);
		world_pass(w, 200 * 1000);
	}
	assert_int_equal(o.ends, 1);
	return o.result;
}

/* Ten minutes in which all that is asked is answered: what was kept of the last search is gone. */
static void let_time_pass(struct world *w)
{
	for (unsigned i = 0; i < 60; i++) {
		world_pass(w, 10 * WORLD_SECOND);
		serve(w);
	}
}

static uint64_t suspects(struct world *w)
{
	struct dht_counters counters;
	dht_counters(w->dht, &counters);
	return counters.suspects;
}

/* Two ids beside each of eight. */
static void slander(size_t node, struct dht_message *reply)
{
	if (node == 8)
		for (size_t i = 0; i < 8; i++) {
			name_ghost(reply, i, 1);
			name_ghost(reply, i, 2);
		}
}

static void whom_we_know_cannot_be_slandered(void **state)
{
	struct world *w = *state;
	make_neighbours(9);
	for (size_t i = 0; i < 9; i++)
		world_befriend(w, &nodes[i]);
	names = slander;
	struct dht_result r = put(w);
	assert_in_range(r.stored, 8, 9);
	assert_false(r.crowded);
	assert_int_equal(suspects(w), 0);
	assert_true(r.queries <= 2 * 9 + 8);
}

static void name_all_or_slander(size_t node, struct dht_message *reply)
{
	slander(node, reply);
	for (size_t i = 0; i < 8 && node != 8; i++)
		name_node(reply, &nodes[i]);
}

/* Nor a stranger that answers; and he comes into the table, at the next look-up if not at this. */
static void strangers_are_cleared_by_their_answer(void **state)
{
	struct world *w = *state;
	make_neighbours(10);
	world_befriend(w, &nodes[8]);
	world_befriend(w, &nodes[9]);
	names = name_all_or_slander;
	struct dht_result r = put(w);
	assert_true(r.stored >= 8);
	assert_false(r.crowded);
	assert_int_equal(suspects(w), 0);
	let_time_pass(w);
	put(w);
	for (size_t i = 0; i < 8; i++)
		assert_non_null(dht_table_find(&w->dht->tables[0], &nodes[i]));
}

/* Two of these answered us under other ids than others know them by. */
static void name_two_otherwise(struct dht_message *reply)
{
	for (size_t i = 9; i < 11; i++) {
		struct dht_contact c = nodes[i];
		c.id.b[5] ^= 1;
		name_node(reply, &c);
	}
}

static void name_all_and_contradict(size_t node, struct dht_message *reply)
{
	for (size_t i = 1; i < 9; i++)
		name_node(reply, &nodes[i]);
	if (node == 0)
		name_two_otherwise(reply);
}

static void befriend_three(struct world *w)
{
	make_neighbours(11);
	world_befriend(w, &nodes[0]);
	world_befriend(w, &nodes[9]);
	world_befriend(w, &nodes[10]);
}

static void none_but_the_first_names(size_t node, struct dht_message *reply)
{
	if (node == 0)
		name_all_and_contradict(node, reply);
}

/* Who was named only along with them is not counted that once, but is asked and stored at. Then it
 * has answered us, and that counts. */
static void contradictions_cast_doubt_once(void **state)
{
	struct world *w = *state;
	befriend_three(w);
	names = none_but_the_first_names;
	struct dht_result r = put(w);
	assert_true(r.crowded);
	assert_int_equal(r.stored, 3);
	assert_int_equal(suspects(w), 8);
	let_time_pass(w);
	r = put(w);
	assert_true(r.stored >= 8);
	assert_int_equal(suspects(w), 8);
}

/* One other source that names it will do. */
static void two_sources_outweigh_a_contradiction(void **state)
{
	struct world *w = *state;
	befriend_three(w);
	names = name_all_and_contradict;
	struct dht_result r = put(w);
	assert_true(r.stored >= 8);
	assert_int_equal(suspects(w), 0);
}

/* One is no sign: a node that has begun anew. */
static void contradict_once(size_t node, struct dht_message *reply)
{
	if (node != 0)
		return;
	name_all_and_contradict(node, reply);
	reply->nodes_len--;
}

static void one_contradiction_is_no_sign(void **state)
{
	struct world *w = *state;
	befriend_three(w);
	names = contradict_once;
	struct dht_result r = put(w);
	assert_false(r.crowded);
	assert_true(r.stored >= 8);
}

/* Three that answer, in a place where no network has three. */
static void make_cluster(void)
{
	for (size_t i = 1; i < 3; i++) {
		nodes[i].id = nodes[0].id;
		nodes[i].id.b[19] ^= (uint8_t)i;
	}
}

static void name_cluster(size_t node, struct dht_message *reply)
{
	for (size_t i = 0; i < 3 && node > 2; i++)
		name_node(reply, &nodes[i]);
}

static void a_cluster_that_answers_is_made_up(void **state)
{
	struct world *w = *state;
	make_neighbours(11);
	make_cluster();
	for (size_t i = 3; i < 11; i++)
		world_befriend(w, &nodes[i]);
	names = name_cluster;
	struct dht_result r = put(w);
	assert_true(r.crowded);
	assert_in_range(r.stored, 8, 9);
	assert_int_equal(suspects(w), 3);
	for (size_t i = 0; i < 3; i++)
		assert_null(dht_table_find(&w->dht->tables[0], &nodes[i]));
}

/* Two may be chance. */
static void two_together_are_believed(void **state)
{
	struct world *w = *state;
	make_neighbours(10);
	nodes[1].id = nodes[0].id;
	nodes[1].id.b[19] ^= 1;
	for (size_t i = 0; i < 10; i++)
		world_befriend(w, &nodes[i]);
	names = NULL;
	struct dht_result r = put(w);
	assert_false(r.crowded);
	assert_in_range(r.stored, 8, 9);
	assert_int_equal(suspects(w), 0);
}

#define CROWD 8

/* What four look-ups elsewhere would have told: about thirty nodes. */
static void estimate_thirty(struct world *w, unsigned family)
{
	for (uint8_t i = 0; i < 4; i++) {
		struct dht_id there = id_of(i, 0), nearest[DHT_ESTIMATE_NODES];
		for (uint8_t j = 0; j < DHT_ESTIMATE_NODES; j++)
			nearest[j] = id_of(i ^ (uint8_t)(8 * (j + 1)), 0);
		dht_estimate_add(&w->dht->estimates[family], &there, nearest);
	}
	assert_in_range(dht_region_size(w->dht, family), 25, 40);
}

/* Each network has an estimate of its own. */
static void two_networks_have_two_sizes(void **state)
{
	struct world *w = *state;
	struct dht_counters c;
	estimate_thirty(w, 1);
	dht_counters(w->dht, &c);
	assert_in_range(c.size6, 25, 40);
	assert_int_equal(c.size4, 0);
}

/* Of thirty nodes the first eight share sixteen bits with the target, and no two of them 37; the
 * others, whom we know, lie all over. */
static void make_crowd(struct world *w)
{
	struct dht_id target;
	dht_item_target(&item, &target);
	make_neighbours(NODES);
	for (size_t i = 0; i < NODES; i++) {
		nodes[i].id = target;
		nodes[i].id.b[i < CROWD ? 2 : 0] ^= (uint8_t)(8 * i + 7);
		if (i >= CROWD)
			world_befriend(w, &nodes[i]);
	}
	estimate_thirty(w, 0);
}

static void name_crowd(size_t node, struct dht_message *reply)
{
	for (size_t i = 0; i < CROWD && node >= CROWD; i++)
		name_node(reply, &nodes[i]);
}

/* They are stored at, but eight others are as well, and these count. */
static void a_crowd_that_answers_does_not_count(void **state)
{
	struct world *w = *state;
	make_crowd(w);
	names = name_crowd;
	struct dht_result r = put(w);
	assert_true(r.crowded);
	assert_in_range(r.stored, 8, 9);
	assert_int_equal(suspects(w), CROWD);
}

/* One fewer may be chance. */
static void seven_are_no_crowd(void **state)
{
	struct world *w = *state;
	make_crowd(w);
	nodes[0].id.b[0] ^= 0x80;
	names = name_crowd;
	struct dht_result r = put(w);
	assert_false(r.crowded);
	assert_in_range(r.stored, 8, 9);
	assert_int_equal(suspects(w), 0);
}

static void name_ghosts(size_t node, struct dht_message *reply)
{
	for (uint8_t i = 0; i < 16; i++) {
		name_ghost(reply, 0, (uint8_t)(16 * (node - CROWD) + i));
		reply->nodes[i].id.b[2] ^= (uint8_t)(16 * (i + node));
	}
}

/* However many are named where nobody is, eight of them are asked; nobody else is doubted. */
static void a_crowd_that_does_not_answer_costs_little(void **state)
{
	struct world *w = *state;
	make_crowd(w);
	names = name_ghosts;
	struct dht_result r = put(w);
	assert_false(r.crowded);
	assert_in_range(r.stored, 8, 9);
	assert_int_equal(suspects(w), 0);
	assert_true(r.queries <= 9 + 9 + 8);
}

/* As many as may be are under way to others: the suspect is asked when there is room again. */
static void a_search_waits_for_room_to_ask_suspects(void **state)
{
	struct world *w = *state;
	struct outcome o = {0};
	make_neighbours(9);
	for (size_t i = 0; i < 9; i++)
		world_befriend(w, &nodes[i]);
	begin_get(w, &o);
	struct dht_candidates *front = &o.lookup->fronts[0];
	assert_int_equal(front->len, 9);
	for (size_t i = 0; i < 9; i++)
		front->list[i].state = i > 0 ? DHT_ANSWERED : DHT_NEW;
	front->list[0].standing = DHT_SUSPECT;
	front->flying = DHT_K + 3;
	dht_lookup_search(o.lookup);
	assert_int_equal(o.ends, 0);
	assert_int_equal(front->list[0].state, DHT_NEW);
	front->flying = 0;
	dht_lookup_search(o.lookup);
	assert_int_equal(o.ends, 0);
	assert_int_equal(front->list[0].state, DHT_ASKED);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(whom_we_know_cannot_be_slandered),
		TEST(strangers_are_cleared_by_their_answer),
		TEST(contradictions_cast_doubt_once),
		TEST(two_sources_outweigh_a_contradiction),
		TEST(one_contradiction_is_no_sign),
		TEST(a_cluster_that_answers_is_made_up),
		TEST(two_together_are_believed),
		TEST(two_networks_have_two_sizes),
		TEST(a_crowd_that_answers_does_not_count),
		TEST(seven_are_no_crowd),
		TEST(a_crowd_that_does_not_answer_costs_little),
		TEST(a_search_waits_for_room_to_ask_suspects),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
