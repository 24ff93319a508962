/* Extended attributes of an answer. */
#undef NDEBUG
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <string.h>

#include "fs/xattr.h"

static struct answer whole(void)
{
	struct answer a = {.source = SOURCE_DHT,
		.trust = TRUST_TOFU,
		.has_signer = true,
		.seq = INT64_MAX,
		.expires = INT64_MAX,
		.ttl = UINT32_MAX};
	memset(a.signer, 0xff, sizeof(a.signer));
	return a;
}

static void expect(const struct answer *a, const char *name, const char *want)
{
	char value[XATTR_VALUE];
	size_t len;
	assert_int_equal(xattr_get(a, name, value, &len), 0);
	assert_int_equal(len, strlen(want));
	assert_memory_equal(value, want, len);
}

static void test_values(void **state)
{
	(void)state;
	struct answer a = whole();
	char key[NAME_KEY_TEXT + 1];
	key_to_text(a.signer, key);
	expect(&a, "user.kadns.trust", "tofu");
	expect(&a, "user.kadns.source", "dht");
	expect(&a, "user.kadns.signer", key);
	expect(&a, "user.kadns.seq", "9223372036854775807");
	expect(&a, "user.kadns.expires", "9223372036854775807");
	expect(&a, "user.kadns.ttl", "4294967295");
}

static void test_absent(void **state)
{
	(void)state;
	struct answer own = {.source = SOURCE_OWN, .trust = TRUST_SELF, .ttl = 0}, a = whole();
	static const char *const none[] = {
		"user.kadns.signer", "user.kadns.seq", "user.kadns.expires"};
	static const char *const unknown[] = {"", "user.kadns.", "user.kadns.trust2", "user.kadns",
		"trusted.kadns.trust", "security.selinux", "system.posix_acl_access", "trust"};
	char value[XATTR_VALUE];
	size_t len;
	for (size_t i = 0; i < sizeof(none) / sizeof(*none); i++)
		assert_int_equal(xattr_get(&own, none[i], value, &len), -ENODATA);
	for (size_t i = 0; i < sizeof(unknown) / sizeof(*unknown); i++)
		assert_int_equal(xattr_get(&a, unknown[i], value, &len), -ENODATA);
	expect(&own, "user.kadns.ttl", "0");
}

static void test_list(void **state)
{
	(void)state;
	static const char all[] = "user.kadns.expires\0user.kadns.seq\0user.kadns.signer\0"
				  "user.kadns.source\0user.kadns.trust\0user.kadns.ttl";
	static const char some[] = "user.kadns.source\0user.kadns.trust\0user.kadns.ttl";
	struct answer own = {.source = SOURCE_OWN, .trust = TRUST_SELF, .ttl = 300}, a = whole();
	char names[XATTR_NAMES];
	assert_int_equal(xattr_list(&a, names), sizeof(all));
	assert_memory_equal(names, all, sizeof(all));
	assert_int_equal(xattr_list(&own, names), sizeof(some));
	assert_memory_equal(names, some, sizeof(some));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_values),
		cmocka_unit_test(test_absent),
		cmocka_unit_test(test_list),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
