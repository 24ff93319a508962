/* Many nodes next to one target. tests/bench/sim_liars prints the numbers of larger networks. */
#undef NDEBUG
#include "tests/sim/sybils.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static const struct sim_config private = {.rtt_min = 20000, .rtt_max = 120000};
static const struct sim_config public = {
	.rtt_min = 20000, .rtt_max = 120000, .mainline = true, .limits = true, .own_nets = true};

/* Twenty of them. Of all values put there at most one of a hundred is not found. */
static void run(const struct sim_sybils_case *c)
{
	struct sim_sybils_outcome o;
	assert_int_equal(c->sybils, 20);
	sim_sybils_run(c, &o);
	assert_true(o.found >= c->rounds * 99 / 100);
	assert_true(o.read_queries_max <= 60);
}

static void of_nets(uint8_t family, enum sim_sybil_net net)
{
	const struct sim_sybils_case c = {.config = public,
		.honest = 80,
		.sybils = 20,
		.family = family,
		.net = net,
		.rounds = 50};
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
	const struct sim_sybils_case c = {.config = private,
		.honest = 100,
		.sybils = 20,
		.family = 4,
		.bits = 12,
		.from_birth = true,
		.rounds = 50};
	run(&c);
}

/* Who came a second ago knows few, all of whom name the Sybils: only the far side of the region
 * has others. Without that half of the values are found. */
static void newcomers(void **state)
{
	(void)state;
	struct sim_sybils_outcome o;
	const struct sim_sybils_case c = {.config = private,
		.honest = 100,
		.sybils = 20,
		.family = 4,
		.bits = 12,
		.from_birth = true,
		.newcomers = true,
		.rounds = 40};
	sim_sybils_run(&c, &o);
	assert_true(o.found >= 36);
	assert_true(o.read_queries_max <= 60);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(of_one_net_of_ipv4),
		cmocka_unit_test(of_one_net_of_ipv6),
		cmocka_unit_test(of_many_nets),
		cmocka_unit_test(of_any_id),
		cmocka_unit_test(newcomers),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
