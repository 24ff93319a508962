/* Who changed a record last. */
#undef NDEBUG
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "resolver/zone_changes.h"

static void test_latest(void **state)
{
	(void)state;
	struct zone_changes c = {0};
	for (uint32_t i = 1; i <= 20; i++)
		zone_changes_add(&c, i, (i * 7) % 20 + 1);
	assert_int_equal(c.len, ZONE_CHANGES_MAX);
	for (unsigned i = 0; i < c.len; i++)
		assert_int_equal(c.change[i].seq, 20 - i);
	zone_changes_add(&c, c.change[5].hash, 1); /* an older one is none */
	assert_int_equal(c.change[5].seq, 15);
	uint32_t hash = c.change[5].hash;
	zone_changes_add(&c, hash, ZONE_CHANGES_NOW);
	assert_int_equal(c.len, ZONE_CHANGES_MAX);
	assert_int_equal(c.change[0].hash, hash);
	assert_int_equal(c.change[5].seq, 16);
	zone_changes_are_of(&c, 99);
	assert_int_equal(zone_changes_of(&c, hash), 99);
	assert_int_equal(zone_changes_of(&c, 12345), 0);
}

static void test_text(void **state)
{
	(void)state;
	char text[ZONE_CHANGES_TEXT_MAX], again[ZONE_CHANGES_TEXT_MAX];
	struct zone_changes c = {0}, back;
	assert_int_equal(zone_changes_text(&c, text), 0);
	assert_string_equal(text, "");
	zone_changes_add(&c, 0xabc, INT64_C(0x65f0a0b0c0d0e));
	zone_changes_add(&c, 0xffffffff, ZONE_CHANGES_NOW);
	zone_changes_add(&c, 7, ZONE_CHANGES_NOW);
	zone_changes_text(&c, text);
	assert_string_equal(text, "changed=ffffffff,00000007,00000abc:65f0a0b0c0d0e");
	for (uint32_t i = 0; i < 10; i++)
		zone_changes_add(&c, i, INT64_MAX / 16 - i);
	size_t len = zone_changes_text(&c, text);
	assert_true(len < sizeof(text) && strlen(text) == len);
	zone_changes_read(text, &back);
	zone_changes_text(&back, again);
	assert_string_equal(text, again);
	assert_int_equal(back.len, ZONE_CHANGES_MAX);
}

/* Anybody's zone may say anything there. */
static void test_bad_text(void **state)
{
	(void)state;
	static const char *const bad[] = {"", "changed", "changed=", "changed=1", "changed=1234567",
		"changed=123456789", "changed=1234567G", "changed=1234567A",
		"changed=12345678:", "changed=12345678:0", "changed=12345678:01",
		"changed=12345678:g", "changed=12345678:1234567890abcdef", "changed=12345678,",
		"changed=,12345678", "changed=12345678 12345678", "seen=12345678",
		" changed=12345678",
		"changed=00000001,00000002,00000003,00000004,00000005,00000006,00000007"};
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		struct zone_changes c = {.len = 3};
		zone_changes_read(bad[i], &c);
		assert_int_equal(c.len, 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_latest),
		cmocka_unit_test(test_text),
		cmocka_unit_test(test_bad_text),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
