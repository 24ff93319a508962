/* The estimate of the network's size: near enough for networks of any size, and not to be moved
 * by a minority of liars. */
#undef NDEBUG
#include "dht/estimate.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static uint64_t state_of_random = 1;

static uint64_t random64(void) /* splitmix64 */
{
	uint64_t z = state_of_random += 0x9e3779b97f4a7c15;
	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return z ^ z >> 31;
}

static void random_id(struct dht_id *id)
{
	for (size_t i = 0; i < DHT_ID_LEN; i++)
		id->b[i] = (uint8_t)random64();
}

/* One look-up of a random target among `n` nodes. */
static void look_up(struct dht_estimate *e, const struct dht_id *nodes, size_t n)
{
	struct dht_id target, nearest[DHT_ESTIMATE_NODES];
	random_id(&target);
	for (size_t i = 0; i < n; i++) {
		size_t at = i < DHT_ESTIMATE_NODES ? i : DHT_ESTIMATE_NODES;
		for (; at > 0 && dht_id_nearer(&target, &nodes[i], &nearest[at - 1]) < 0; at--)
			if (at < DHT_ESTIMATE_NODES)
				nearest[at] = nearest[at - 1];
		if (at < DHT_ESTIMATE_NODES)
			nearest[at] = nodes[i];
	}
	dht_estimate_add(e, &target, nearest);
}

static struct dht_id *make_nodes(size_t n)
{
	struct dht_id *nodes = calloc(n, sizeof(*nodes));
	assert_non_null(nodes);
	for (size_t i = 0; i < n; i++)
		random_id(&nodes[i]);
	return nodes;
}

static void assert_near(uint64_t size, uint64_t n, unsigned percent)
{
	assert_in_range(size, n - n * percent / 100, n + n * percent / 100);
}

static uint64_t estimate_after_sixteen(size_t n)
{
	struct dht_id *nodes = make_nodes(n);
	struct dht_estimate e = {0};
	for (unsigned i = 0; i < DHT_ESTIMATE_LOOKUPS; i++)
		look_up(&e, nodes, n);
	free(nodes);
	return dht_estimate_size(&e);
}

/* It spreads by about a tenth: of twenty networks nineteen are met within a quarter. */
static void sixteen_lookups_are_enough(void **state)
{
	(void)state;
	static const size_t sizes[] = {100, 300, 1000, 3000};
	for (size_t s = 0; s < 4; s++) {
		unsigned met = 0;
		for (unsigned turn = 0; turn < 20; turn++) {
			uint64_t size = estimate_after_sixteen(sizes[s]);
			assert_near(size, sizes[s], 50);
			met += size >= sizes[s] * 3 / 4 && size <= sizes[s] * 5 / 4;
		}
		assert_true(met >= 19);
	}
}

/* Of twenty nodes eight are nearly half, so that all look-ups meet the same few gaps. */
static void small_networks_too(void **state)
{
	(void)state;
	for (unsigned turn = 0; turn < 20; turn++)
		assert_near(estimate_after_sixteen(20), 20, 60);
}

static void nothing_is_said_too_early(void **state)
{
	(void)state;
	struct dht_id *nodes = make_nodes(100);
	struct dht_estimate e = {0};
	for (unsigned i = 0; i < 3; i++) {
		look_up(&e, nodes, 100);
		assert_int_equal(dht_estimate_size(&e), 0);
	}
	look_up(&e, nodes, 100);
	assert_true(dht_estimate_size(&e) > 0);
	free(nodes);
}

/* Three of sixteen look-ups meet eight ids right next to their target, three a desert. */
static void a_few_wild_ones_do_not_move_it(void **state)
{
	(void)state;
	struct dht_id *nodes = make_nodes(1000), forged[8];
	struct dht_estimate e = {0};
	for (unsigned i = 0; i < 10; i++)
		look_up(&e, nodes, 1000);
	for (unsigned i = 0; i < 3; i++) {
		struct dht_id target;
		random_id(&target);
		for (size_t j = 0; j < 8; j++) {
			forged[j] = target;
			forged[j].b[19] ^= (uint8_t)(j + 1);
		}
		dht_estimate_add(&e, &target, forged);
		random_id(&target);
		for (size_t j = 0; j < 8; j++) {
			forged[j] = target;
			forged[j].b[0] ^= 0xff;
		}
		dht_estimate_add(&e, &target, forged);
	}
	assert_near(dht_estimate_size(&e), 1000, 40);
	free(nodes);
}

/* In a network that grows the last look-up near an id knows best. */
static void near_one_target(void **state)
{
	(void)state;
	struct dht_id *nodes = make_nodes(1000);
	struct dht_estimate e = {0};
	for (unsigned i = 0; i < 8; i++)
		look_up(&e, nodes, 30);
	struct dht_id target = nodes[0], eight[8];
	assert_int_equal(dht_estimate_near(&e, &target), 0);
	for (size_t j = 0; j < 8; j++) {
		eight[j] = target;
		eight[j].b[1] ^= (uint8_t)(4 * (j + 1)); /* 16,384 such gaps */
	}
	dht_estimate_add(&e, &target, eight);
	assert_true(dht_estimate_size(&e) < 200);
	assert_in_range(dht_estimate_near(&e, &target), 10000, 20000);
	free(nodes);
}

static void one_target_counts_once(void **state)
{
	(void)state;
	struct dht_id *nodes = make_nodes(1000), same[8];
	struct dht_estimate e = {0};
	for (unsigned i = 0; i < 15; i++)
		look_up(&e, nodes, 1000);
	for (size_t j = 0; j < 8; j++) {
		same[j] = nodes[0];
		same[j].b[19] ^= (uint8_t)(j + 1);
	}
	for (unsigned i = 0; i < 100; i++)
		dht_estimate_add(&e, &nodes[0], same);
	assert_near(dht_estimate_size(&e), 1000, 30);
	free(nodes);
}

static void it_follows_the_network(void **state)
{
	(void)state;
	struct dht_id *nodes = make_nodes(5000);
	struct dht_estimate e = {0};
	for (unsigned i = 0; i < 100; i++)
		look_up(&e, nodes, 50);
	assert_near(dht_estimate_size(&e), 50, 40);
	for (unsigned i = 0; i < 16; i++)
		look_up(&e, nodes, 5000);
	assert_near(dht_estimate_size(&e), 5000, 25);
	free(nodes);
}

/* The distances at the ends of the range: nothing overflows, nothing is divided by zero. */
static void extremes_hold(void **state)
{
	(void)state;
	struct dht_id far[8], target = {0};
	struct dht_estimate near_e = {0}, far_e = {0};
	memset(far, 0xff, sizeof(far));
	for (uint8_t i = 0; i < 16; i++) {
		struct dht_id all_target[8];
		target.b[19] = i;
		for (size_t j = 0; j < 8; j++)
			all_target[j] = target;
		dht_estimate_add(&far_e, &target, far);
		dht_estimate_add(&near_e, &target, all_target);
	}
	assert_in_range(dht_estimate_size(&far_e), 1, 8);
	assert_true(dht_estimate_size(&near_e) > UINT64_MAX / 2);
}

static void distances_are_big_endian(void **state)
{
	(void)state;
	struct dht_id a = {0}, b = {{0x80}}, c = {{0, 0, 0, 0, 0, 0, 0, 1}};
	assert_true(dht_distance(&a, &b) == (uint64_t)1 << 63);
	assert_true(dht_distance(&a, &c) == 1);
	assert_true(dht_distance(&b, &b) == 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sixteen_lookups_are_enough),
		cmocka_unit_test(small_networks_too),
		cmocka_unit_test(nothing_is_said_too_early),
		cmocka_unit_test(a_few_wild_ones_do_not_move_it),
		cmocka_unit_test(near_one_target),
		cmocka_unit_test(one_target_counts_once),
		cmocka_unit_test(it_follows_the_network),
		cmocka_unit_test(extremes_hold),
		cmocka_unit_test(distances_are_big_endian),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
