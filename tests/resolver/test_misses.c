/* resolver/misses: places, one source's share, and the rate while the door is behind. */
#undef NDEBUG
#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "resolver/misses.h"

#define SECOND UINT64_C(1000000)

static struct misses m;
static union {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
} source;

static const struct sockaddr *from4(uint32_t ip, uint16_t port)
{
	source.v4 = (struct sockaddr_in){
		.sin_family = AF_INET, .sin_addr.s_addr = htonl(ip), .sin_port = htons(port)};
	return &source.any;
}

static const struct sockaddr *from6(const char *text)
{
	source.v6 = (struct sockaddr_in6){.sin6_family = AF_INET6};
	assert_int_equal(inet_pton(AF_INET6, text, &source.v6.sin6_addr), 1);
	return &source.any;
}

static int set_up(void **state)
{
	(void)state;
	int error = misses_init(&m);
	memset(m.key, 7, sizeof(m.key)); /* the same sources share a number each time: none here */
	return error;
}

/* How many of `wanted` get a place, each from a host of its own. */
static unsigned take_from_many(unsigned wanted, uint64_t now)
{
	unsigned got = 0;
	for (unsigned i = 0; i < wanted; i++)
		got += misses_take(&m, from4(0x0a000000 + i, 1), now);
	return got;
}

static void places_end(void **state)
{
	(void)state;
	assert_int_equal(take_from_many(2 * MISSES_MAX, SECOND), MISSES_MAX);
	misses_give_back(&m, from4(0x0a000000, 9));
	assert_true(misses_take(&m, from4(0x0a000000, 1), SECOND));
	assert_false(misses_take(&m, from4(0x0a000000, 1), SECOND));
}

static void a_source_has_half(void **state)
{
	(void)state;
	for (uint16_t i = 0; i < MISSES_MAX / 2; i++) /* its port says nothing */
		assert_true(misses_take(&m, from4(0x7f000001, i), SECOND));
	assert_false(misses_take(&m, from4(0x7f000001, 7), SECOND));
	assert_int_equal(take_from_many(100, SECOND), 100);
	misses_give_back(&m, from4(0x7f000001, 8));
	assert_true(misses_take(&m, from4(0x7f000001, 9), SECOND));
	assert_false(misses_take(&m, from4(0x7f000001, 9), SECOND));
}

static void a_source_is_a_64_in_ipv6(void **state)
{
	(void)state;
	for (unsigned i = 0; i < MISSES_MAX / 2; i++)
		assert_true(misses_take(
			&m, from6(i % 2 ? "2001:db8::1" : "2001:db8::ffff:1:2:3"), SECOND));
	assert_false(misses_take(&m, from6("2001:db8::9"), SECOND));
	assert_true(misses_take(&m, from6("2001:db8:0:1::9"), SECOND));
}

/* Each look-up ends at once; how many of them begin? */
static unsigned begin(unsigned wanted, uint64_t now)
{
	unsigned got = 0;
	for (unsigned i = 0; i < wanted; i++) {
		if (!misses_take(&m, from4(0x7f000001, 1), now))
			continue;
		misses_give_back(&m, from4(0x7f000001, 1));
		got++;
	}
	return got;
}

static void the_rate_counts_only_behind(void **state)
{
	(void)state;
	uint64_t now = 1000 * SECOND;
	assert_int_equal(begin(50000, now), 50000);
	misses_behind(&m, now);
	assert_int_equal(begin(50000, now), 0); /* what it has had is had */
	now += MISSES_BEHIND_FOR;
	assert_int_equal(begin(50000, now), 50000);
	misses_behind(&m, now);
	/* No more debt than the burst: that is over in its time. */
	now += SECOND * MISSES_BURST / MISSES_PER_SECOND + SECOND / MISSES_PER_SECOND;
	assert_in_range(begin(50000, now), MISSES_BURST, MISSES_BURST + 2);
	now += SECOND / 10;
	misses_behind(&m, now);
	assert_in_range(begin(50000, now), MISSES_PER_SECOND / 10 - 1, MISSES_PER_SECOND / 10 + 1);
}

static void who_is_refused_takes_nothing(void **state)
{
	(void)state;
	misses_behind(&m, SECOND);
	begin(50000, SECOND);
	assert_int_equal(m.len, 0);
	assert_int_equal(take_from_many(MISSES_MAX, 2 * SECOND), MISSES_MAX);
}

/* And a while longer, for a flood comes in gusts. */
static void there_are_fewer_behind(void **state)
{
	uint64_t now = 1000 * SECOND;
	(void)state;
	misses_behind(&m, now);
	assert_true(misses_is_behind(&m, now + MISSES_BEHIND_FOR - 1));
	for (unsigned i = 0; i < MISSES_BEHIND_MAX / 2; i++)
		assert_true(misses_take(&m, from4(0x7f000001, 1), now));
	assert_false(misses_take(&m, from4(0x7f000001, 1), now + MISSES_BEHIND_FOR - 1));
	assert_int_equal(take_from_many(MISSES_MAX, now), MISSES_BEHIND_MAX / 2);
	now += MISSES_BEHIND_FOR;
	assert_false(misses_is_behind(&m, now));
	assert_true(misses_take(&m, from4(0x7f000001, 1), now));
	assert_int_equal(take_from_many(MISSES_MAX, now), MISSES_MAX - MISSES_BEHIND_MAX - 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(places_end, set_up),
		cmocka_unit_test_setup(a_source_has_half, set_up),
		cmocka_unit_test_setup(a_source_is_a_64_in_ipv6, set_up),
		cmocka_unit_test_setup(the_rate_counts_only_behind, set_up),
		cmocka_unit_test_setup(who_is_refused_takes_nothing, set_up),
		cmocka_unit_test_setup(there_are_fewer_behind, set_up),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
