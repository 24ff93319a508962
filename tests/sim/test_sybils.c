/* Many nodes next to one target. tests/bench/liars.sh prints the numbers of many networks. */
#undef NDEBUG
#include "tests/sim/sybils.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static const struct sim_config private = {.rtt_min = 20000, .rtt_max = 120000};
static const struct sim_config public = {
	.rtt_min = 20000, .rtt_max = 120000, .mainline = true, .limits = true, .own_nets = true};

/* On a network where each has whatever id it likes, these the twelve bits nearest to the target. */
static struct sim_sybils_case any_id(size_t sybils, size_t rounds)
{
	return (struct sim_sybils_case){.config = private,
		.honest = 100,
		.sybils = sybils,
		.family = 4,
		.bits = 12,
		.rounds = rounds};
}

/* Twenty of them. Of all values put there at most one of a hundred is not found: none of these. */
static void run(const struct sim_sybils_case *c)
{
	struct sim_sybils_outcome o;
	assert_int_equal(c->sybils, 20);
	sim_sybils_run(c, &o);
	assert_int_equal(o.found, c->rounds);
	assert_true(o.read_queries_max <= 60);
}

static void of_nets(uint8_t family, enum sim_sybil_net net)
{
	const struct sim_sybils_case c = {.config = public,
		.honest = 80,
		.sybils = 20,
		.family = family,
		.net = net,
		.rounds = 25};
	run(&c);
}

static void of_one_net_of_ipv4(void **state)
{
	(void)state;
	of_nets(4, SIM_ONE_NET);
}

static void of_one_net_of_ipv6(void **state)
{
	(void)state;
	of_nets(6, SIM_ONE_NET);
}

static void of_many_nets(void **state)
{
	(void)state;
	of_nets(6, SIM_MANY_NETS);
}

/* No denser than a network of 100,000 nodes, and known to all before the honest ones came. */
static void of_any_id(void **state)
{
	(void)state;
	struct sim_sybils_case c = any_id(20, 25);
	c.from_birth = true;
	run(&c);
}

/* Who came a second ago knows few, all of whom name the Sybils: only the far side of the region
 * has others. Without that half of the values are found; with it 96.8 % of 500 reads. */
static void newcomers(void **state)
{
	(void)state;
	struct sim_sybils_outcome o;
	struct sim_sybils_case c = any_id(20, 40);
	c.from_birth = c.newcomers = true;
	sim_sybils_run(&c, &o);
	assert_true(o.found >= 38);
	assert_true(o.read_queries_max <= 60);
}

/* Ten in a ring where no honest node is, and none inside it, so that chance might have brought them
 * there: but it does not bring all of one network, when the others come from everywhere. Without
 * that none of the values is found. */
static void of_a_wide_net(void **state)
{
	(void)state;
	struct sim_sybils_outcome o;
	const struct sim_sybils_case c = {.config = public,
		.honest = 80,
		.sybils = 10,
		.family = 4,
		.net = SIM_WIDE_NET,
		.in_ring = 10,
		.ring_from = 22,
		.ring_to = 32,
		.rounds = 25};
	sim_sybils_run(&c, &o);
	assert_int_equal(o.found, c.rounds);
	assert_true(o.read_queries_max <= 60);
}

/* Eight next to the target, and ten more just beyond where eight are too many: behind the eight,
 * which do not count, these would be the nearest, and no honest node among them. */
static void in_a_second_ring(void **state)
{
	(void)state;
	struct sim_sybils_outcome o;
	struct sim_sybils_case c = any_id(18, 25);
	c.in_ring = 10;
	c.ring_from = 17;
	c.ring_to = 26;
	sim_sybils_run(&c, &o);
	/* One of 750, in 30 networks, was not. */
	assert_true(o.found + 1 >= c.rounds);
	assert_true(o.read_queries_max <= 60);
}

/* They return each value to who put it, and to nobody else. Others find it all the same, and who
 * put it does not take their word for that. */
static void two_faced(void **state)
{
	(void)state;
	struct sim_sybils_outcome o;
	struct sim_sybils_case c = any_id(20, 20);
	c.two_faced = true;
	sim_sybils_run(&c, &o);
	assert_int_equal(o.found, c.rounds);
	assert_int_equal(o.read_back, c.rounds);
	assert_true(o.left > 0);
	assert_int_equal(o.left_held, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		/* Two and two have their network in common. */
		cmocka_unit_test(of_one_net_of_ipv4),
		cmocka_unit_test(of_a_wide_net),
		cmocka_unit_test(of_one_net_of_ipv6),
		cmocka_unit_test(of_many_nets),
		cmocka_unit_test(of_any_id),
		cmocka_unit_test(newcomers),
		cmocka_unit_test(in_a_second_ring),
		cmocka_unit_test(two_faced),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
