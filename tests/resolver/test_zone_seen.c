/* What a version of a zone was built on. */
#undef NDEBUG
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "resolver/zone_seen.h"

#define NOW INT64_C(1800000000000000)

static int64_t by(unsigned writer, int64_t time)
{
	return zone_seq(writer, 0, NOW + time);
}

static void test_seq(void **state)
{
	(void)state;
	for (uint32_t n = 0; n < 70000; n += 997) {
		unsigned w = zone_writer(n);
		assert_true(w < ZONE_WRITERS && w % 2);
		int64_t s = zone_seq(w, 0, NOW + n);
		assert_in_range(s, NOW + n - ZONE_WRITERS + 1, NOW + n);
		assert_int_equal(zone_seq_writer(s), w);
		/* Above what was seen, be that in the future, or of his own. */
		for (int64_t seen = NOW - 2 * ZONE_WRITERS; seen < NOW + 3 * ZONE_WRITERS;
			seen += 5003) {
			s = zone_seq(w, seen, NOW);
			assert_true(s > seen && (s <= NOW || s <= seen + ZONE_WRITERS));
			assert_int_equal(zone_seq_writer(s), w);
		}
		assert_int_equal(zone_seq(w, s, NOW), s + ZONE_WRITERS);
	}
}

static void test_has(void **state)
{
	(void)state;
	struct zone_seen s = {0};
	assert_false(zone_seen_has(&s, by(1, 0)));
	zone_seen_add(&s, by(1, 1000000));
	zone_seen_add(&s, by(3, 2000000));
	zone_seen_add(&s, by(1, 500000)); /* has been seen with the later one */
	assert_int_equal(s.len, 2);
	assert_true(zone_seen_has(&s, by(1, 0)) && zone_seen_has(&s, by(1, 1000000)));
	assert_false(zone_seen_has(&s, by(1, 1100000)));
	assert_false(
		zone_seen_has(&s, by(5, 0))); /* however old: nobody's word of another writer */
	assert_false(zone_seen_has(&s, 0));
	assert_int_equal(zone_seen_of(&s, 3), by(3, 2000000));
	assert_int_equal(zone_seen_of(&s, 5), 0);
}

static void test_oldest_goes(void **state)
{
	(void)state;
	struct zone_seen s = {0};
	for (unsigned i = 0; i < 20; i++) {
		zone_seen_add(&s, by(2 * i + 1, (int64_t)((i * 7) % 20) * 1000000));
		for (unsigned k = 1; k < s.len; k++)
			assert_true(s.seq[k - 1] > s.seq[k]);
	}
	assert_int_equal(s.len, ZONE_SEEN_MAX + 1);
	for (unsigned k = 0; k < s.len; k++)
		assert_true(s.seq[k] > NOW + (19 - ZONE_SEEN_MAX - 1) * 1000000);
}

static void test_both(void **state)
{
	(void)state;
	struct zone_seen a = {0}, b = {0};
	zone_seen_add(&a, by(1, 1000000));
	zone_seen_add(&a, by(3, 2000000));
	zone_seen_add(&b, by(3, 1500000));
	zone_seen_add(&b, by(5, 3000000));
	zone_seen_both(&a, &b);
	assert_int_equal(a.len, 1);
	assert_int_equal(a.seq[0], by(3, 1500000));
}

static void test_text(void **state)
{
	(void)state;
	char text[ZONE_SEEN_TEXT_MAX], again[ZONE_SEEN_TEXT_MAX];
	struct zone_seen s = {0}, back;
	assert_int_equal(zone_seen_text(&s, ZONE_WRITERS, text), 0);
	assert_string_equal(text, "");
	zone_seen_add(&s, by(3, 0));
	assert_int_equal(zone_seen_text(&s, 3, text), 0);
	for (unsigned i = 0; i < 10; i++)
		zone_seen_add(&s, INT64_MAX - i);
	size_t len = zone_seen_text(&s, ZONE_WRITERS, text);
	assert_true(len < sizeof(text) && strlen(text) == len);
	assert_memory_equal(text, " seen=9223372036854775807,", 26);
	zone_seen_read(text + 6, &back);
	assert_int_equal(back.len, ZONE_SEEN_MAX);
	zone_seen_text(&back, ZONE_WRITERS, again);
	assert_string_equal(text, again);
}

/* Anybody's zone may say anything there: what makes no sense has seen nothing. */
static void test_bad_text(void **state)
{
	(void)state;
	static const char *const bad[] = {"", ",", "1,", ",1", "0", "01", "1,0", "-1", "+1", "x",
		"1x", "1,,2", "9223372036854775808", "99999999999999999999999", "1 2",
		"1,2,3,4,5,6,7" /* one too many */};
	struct zone_seen s;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		zone_seen_read(bad[i], &s);
		assert_int_equal(s.len, 0);
	}
	zone_seen_read("5,3,9", &s);
	assert_int_equal(s.len, 3);
	assert_int_equal(s.seq[0], 9);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_seq),
		cmocka_unit_test(test_has),
		cmocka_unit_test(test_oldest_goes),
		cmocka_unit_test(test_both),
		cmocka_unit_test(test_text),
		cmocka_unit_test(test_bad_text),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
