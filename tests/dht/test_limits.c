/* What strangers may have of us: each limit alone. */
#undef NDEBUG
#include "dht/limits.h"
#include "tests/dht/addresses.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>

#define SECOND ((uint64_t)1000000)

static struct dht_limits *limits;

static const uint8_t key[DHT_LIMITS_KEY_LEN] = "a key of sixteen";

static int setup(void **state)
{
	*state = NULL;
	return dht_limits_create(key, true, &limits);
}

static int setup_private(void **state)
{
	*state = NULL;
	return dht_limits_create(key, false, &limits);
}

static int teardown(void **state)
{
	(void)state;
	dht_limits_destroy(limits);
	return 0;
}

/* Of `n` datagrams at one moment, those admitted. */
static unsigned admitted(const struct dht_endpoint *from, unsigned n, uint64_t now)
{
	unsigned in = 0;
	for (unsigned i = 0; i < n; i++)
		in += dht_limits_in(limits, from, 10, now) == DHT_ADMIT;
	return in;
}

static void a_source_has_a_burst_and_a_rate(void **state)
{
	(void)state;
	uint64_t now = 5 * SECOND;
	struct dht_endpoint a = address4(1), other_port = a, b = address4(2);
	assert_int_equal(admitted(&a, 1000, now), DHT_LIMITS_BURST);
	assert_int_equal(dht_limits_in(limits, &a, 10, now), DHT_OVER_RATE);
	other_port.port = 1;
	assert_int_equal(admitted(&other_port, 10, now), 0);
	assert_int_equal(admitted(&b, 10, now), 10);
	/* Nothing is remembered but the bucket: however long it was beaten, it refills at once. */
	for (unsigned i = 0; i < 100000; i++)
		dht_limits_in(limits, &a, 10, now);
	assert_int_equal(admitted(&a, 1000, now + SECOND), DHT_LIMITS_RATE);
	assert_int_equal(admitted(&a, 1000, now + 3600 * SECOND), DHT_LIMITS_BURST);
}

static void an_ipv6_source_is_a_64(void **state)
{
	(void)state;
	uint64_t now = 5 * SECOND;
	struct dht_endpoint other = address6(2, 1);
	unsigned in = 0;
	for (uint64_t host = 0; host < 1000; host++) {
		struct dht_endpoint e = address6(1, host << 32 | host);
		in += admitted(&e, 1, now);
	}
	assert_int_equal(in, DHT_LIMITS_BURST);
	assert_int_equal(admitted(&other, 10, now), 10);
}

/* Very many forged sources: no more bytes than the budget, no memory, and the verified still heard.
 */
static void all_have_a_budget_and_the_verified_their_own(void **state)
{
	(void)state;
	struct dht_endpoint honest = address4(0xffffff);
	uint64_t now = 5 * SECOND, bytes = 0, over_budget = 0;
	dht_limits_proved(limits, &honest, now);
	for (uint32_t n = 0; n < 300000; n++) {
		struct dht_endpoint forged = address4(n * 3);
		enum dht_admission r = dht_limits_in(limits, &forged, 100, now + 4 * n);
		bytes += r == DHT_ADMIT ? 100 : 0;
		over_budget += r == DHT_OVER_BUDGET;
		if (n % 50000 == 0)
			assert_int_equal(admitted(&honest, 2, now + 4 * n), 2);
	}
	assert_in_range(bytes, 22 * DHT_LIMITS_IN / 10 - 200, 22 * DHT_LIMITS_IN / 10);
	assert_true(over_budget > 200000);
	assert_int_equal(admitted(&honest, 1000, now + 100 * SECOND), DHT_LIMITS_BURST_VERIFIED);
	assert_int_equal(admitted(&honest, 1000, now + 101 * SECOND), DHT_LIMITS_RATE_VERIFIED);
}

static void the_verified_have_a_budget_too(void **state)
{
	(void)state;
	uint64_t now = 5 * SECOND, bytes = 0;
	for (uint32_t n = 0; n < 400; n++) {
		struct dht_endpoint e = address4(n << 8);
		dht_limits_proved(limits, &e, now);
		for (unsigned i = 0; i < 100; i++)
			bytes += dht_limits_in(limits, &e, 1000, now) == DHT_ADMIT ? 1000 : 0;
	}
	assert_int_equal(bytes, DHT_LIMITS_IN_VERIFIED);
}

/* The most that went to `subnet` addresses in any second of ten, of a stream of replies that
 * would never end. */
static uint64_t most_in_a_second(unsigned subnets, bool six, size_t len)
{
	static uint64_t sent_at[200000];
	size_t first = 0, n = 0;
	uint64_t most = 0, start = 3600 * SECOND;
	dht_limits_destroy(limits);
	limits = NULL;
	assert_int_equal(dht_limits_create(key, true, &limits), 0);
	for (uint64_t now = start; now < start + 10 * SECOND; now += 9973)
		for (unsigned i = 0; i < subnets; i++) {
			uint32_t host = (uint32_t)(now / 9973 % 200);
			struct dht_endpoint e = six ? address6((uint64_t)i << 8 | host, host)
						    : address4(i << 8 | host);
			if (!dht_limits_out(limits, &e, len, now))
				continue;
			sent_at[n++] = now;
			while (sent_at[first] + SECOND <= now)
				first++;
			if ((n - first) * len > most)
				most = (n - first) * len;
		}
	return most;
}

/* Promise P19, in every second, of whatever size the replies are. */
static void bytes_to_the_unverified(void **state)
{
	(void)state;
	static const size_t lens[] = {60, 100, 333, 1232, 1400};
	for (size_t i = 0; i < sizeof(lens) / sizeof(*lens); i++)
		for (unsigned six = 0; six < 2; six++) {
			/* Short ones leave no such debt as the longest; and the clock has steps. */
			size_t slack = DHT_LIMITS_OUT_LONGEST + 2 * lens[i];
			uint64_t one = most_in_a_second(1, six, lens[i]);
			assert_in_range(one, DHT_LIMITS_OUT - slack, DHT_LIMITS_OUT);
			uint64_t all = most_in_a_second(40, six, lens[i]);
			assert_in_range(all, DHT_LIMITS_OUT_ALL - slack, DHT_LIMITS_OUT_ALL);
		}
}

static void bytes_to_the_verified(void **state)
{
	(void)state;
	uint64_t now = 5 * SECOND;
	struct dht_endpoint a = address4(1), neighbour = address4(2);
	dht_limits_proved(limits, &a, now);
	for (unsigned i = 0; i < 10 * DHT_LIMITS_OUT_VERIFIED; i += 1000)
		assert_int_equal(
			dht_limits_out(limits, &a, 1000, now), i < DHT_LIMITS_OUT_VERIFIED);
	assert_false(dht_limits_room(limits, &a, now));
	assert_true(dht_limits_room(limits, &a, now + SECOND));
	assert_true(
		dht_limits_out(limits, &neighbour, 1400, now)); /* nothing of that was counted */
}

/* What is there may be overdrawn once, by whatever length; then even the shortest waits. */
static void large_and_small_wait_alike(void **state)
{
	(void)state;
	uint64_t now = 5 * SECOND;
	struct dht_endpoint a = address4(1), neighbour = address4(2), other = address4(0x100);
	assert_true(dht_limits_out(limits, &a, 400, now));
	assert_true(dht_limits_room(limits, &a, now));
	assert_true(dht_limits_out(limits, &a, 1400, now));
	assert_false(dht_limits_room(limits, &a, now));
	assert_false(dht_limits_out(limits, &neighbour, 1, now));
	assert_true(dht_limits_room(limits, &other, now));
	assert_true(dht_limits_room(limits, &a, now + SECOND));
}

static void proofs_end_and_are_renewed(void **state)
{
	(void)state;
	uint64_t now = 5 * SECOND;
	struct dht_endpoint a = address4(1), six = address6(7, 1), same64 = address6(7, 99);
	assert_false(dht_limits_verified(limits, &a, now));
	dht_limits_proved(limits, &a, now);
	dht_limits_proved(limits, &six, now);
	assert_true(dht_limits_verified(limits, &same64, now));
	assert_true(dht_limits_verified(limits, &a, now + DHT_LIMITS_PROOF_LIFE - 1));
	assert_false(dht_limits_verified(limits, &a, now + DHT_LIMITS_PROOF_LIFE));
	/* Proving it again is no way to fill one's bucket. */
	assert_int_equal(admitted(&a, 1000, now), DHT_LIMITS_BURST_VERIFIED);
	dht_limits_proved(limits, &a, now + 1);
	assert_int_equal(admitted(&a, 1000, now + 1), 0);
	assert_true(dht_limits_verified(limits, &a, now + DHT_LIMITS_PROOF_LIFE));
}

/* Who owns a /24, or an IPv6 /48, of true addresses: they drive each other out, and of the others
 * at most those that share their set. */
static void many_proofs_of_one_network(void **state)
{
	(void)state;
	uint64_t now = 5 * SECOND;
	unsigned kept = 0, own = 0;
	for (uint32_t n = 1; n <= 1000; n++) {
		struct dht_endpoint e = address4(n << 8);
		dht_limits_proved(limits, &e, now);
	}
	for (uint64_t n = 0; n < 65536; n++) {
		struct dht_endpoint e = address6(n, 1),
				    f = address4((uint32_t)(5000 << 8 | n % 256));
		dht_limits_proved(limits, &e, now + n);
		dht_limits_proved(limits, &f, now + n);
	}
	for (uint32_t n = 1; n <= 1000; n++) {
		struct dht_endpoint e = address4(n << 8);
		kept += dht_limits_verified(limits, &e, now + 65536);
	}
	for (uint64_t n = 0; n < 65536; n++) {
		struct dht_endpoint e = address6(n, 1);
		own += dht_limits_verified(limits, &e, now + 65536);
	}
	assert_true(kept >= 980);
	assert_true(own <= 8);
}

/* More of them than find place, each proved anew again and again: their packets, in and out, stay
 * those of the eight. */
static void evicted_and_back_is_no_fresh_start(void **state)
{
	(void)state;
	uint64_t start = 5 * SECOND, seconds = 3, in = 0, out = 0;
	for (uint64_t step = 0; step < seconds * 1000; step++) {
		uint64_t now = start + step * 1000;
		struct dht_endpoint six = address6(step % 9, 1),
				    four = address4((uint32_t)(7 << 8 | step % 9));
		dht_limits_proved(limits, &six, now);
		dht_limits_proved(limits, &four, now);
		for (unsigned i = 0; i < 50; i++) {
			in += dht_limits_in(limits, &six, 1, now) == DHT_ADMIT;
			out += dht_limits_out(limits, &four, 1000, now) ? 1000 : 0;
		}
	}
	assert_in_range(in, 8 * DHT_LIMITS_BURST_VERIFIED,
		8 * (DHT_LIMITS_BURST_VERIFIED + seconds * DHT_LIMITS_RATE_VERIFIED));
	assert_in_range(out, 8 * DHT_LIMITS_OUT_VERIFIED,
		8 * ((1 + seconds) * DHT_LIMITS_OUT_VERIFIED + 1000));
}

/* On a network of one's own: as many of a /24, or of one address, as there are, each for itself. */
static void a_private_source_is_an_address_and_port(void **state)
{
	(void)state;
	uint64_t now = 5 * SECOND;
	unsigned verified[3] = {0};
	struct dht_endpoint port = address4(1), six = address6(1, 1);
	for (unsigned i = 1; i <= 200; i++) {
		struct dht_endpoint host = address4(0x500 | i);
		port.port = (uint16_t)i;
		six.ip[15] = (uint8_t)i;
		dht_limits_proved(limits, &host, now);
		dht_limits_proved(limits, &port, now);
		dht_limits_proved(limits, &six, now);
		assert_int_equal(admitted(&port, 1000, now), DHT_LIMITS_BURST_VERIFIED);
	}
	for (unsigned i = 1; i <= 200; i++) {
		struct dht_endpoint host = address4(0x500 | i);
		port.port = (uint16_t)i;
		six.ip[15] = (uint8_t)i;
		verified[0] += dht_limits_verified(limits, &host, now);
		verified[1] += dht_limits_verified(limits, &port, now);
		verified[2] += dht_limits_verified(limits, &six, now);
	}
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(verified[i], 200);
	port.port = 201;
	assert_false(dht_limits_verified(limits, &port, now));
	assert_int_equal(admitted(&port, 1000, now), DHT_LIMITS_BURST);
}

/* For a minute somebody forges so many packets a second in the name of a verified source, which
 * sends five itself; of a thousand of its own those admitted. All come at times of no pattern. */
static unsigned heard_among_forged(unsigned forged)
{
	struct dht_endpoint a = address4(1);
	uint64_t now = 5 * SECOND, end = 65 * SECOND, state_of_random = 1;
	unsigned own = 0, heard = 0;
	dht_limits_proved(limits, &a, now);
	while (now < end) {
		state_of_random = state_of_random * 6364136223846793005 + 1442695040888963407;
		uint64_t random = state_of_random >> 33;
		now += random % (2 * SECOND / (forged + 5));
		bool is_own = random / 1024 % (forged + 5) < 5;
		bool in = dht_limits_in(limits, &a, 10, now) == DHT_ADMIT;
		own += is_own;
		heard += is_own && in;
	}
	assert_int_equal(admitted(&a, 50, now + SECOND), 50); /* and a second later all */
	return heard * 1000 / own;
}

/* Whoever forges a source takes the place of what it sends, packet for packet, but does not silence
 * it: it is heard as often as its rate is a share of all that comes in its name. */
static void a_forged_source_is_heard_in_proportion(void **state)
{
	(void)state;
	assert_in_range(heard_among_forged(40), 1000, 1000);
	teardown(state);
	setup(state);
	assert_in_range(heard_among_forged(95), 400, 650); /* half of a hundred */
	teardown(state);
	setup(state);
	assert_in_range(heard_among_forged(495), 50, 200); /* a tenth of five hundred */
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_source_has_a_burst_and_a_rate),
		TEST(an_ipv6_source_is_a_64),
		TEST(all_have_a_budget_and_the_verified_their_own),
		TEST(the_verified_have_a_budget_too),
		TEST(bytes_to_the_unverified),
		TEST(bytes_to_the_verified),
		TEST(proofs_end_and_are_renewed),
		TEST(large_and_small_wait_alike),
		TEST(many_proofs_of_one_network),
		TEST(evicted_and_back_is_no_fresh_start),
		TEST(a_forged_source_is_heard_in_proportion),
		cmocka_unit_test_setup_teardown(
			a_private_source_is_an_address_and_port, setup_private, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
