/* Root hints and trust anchors, entry by entry. */
#undef NDEBUG
#include "resolver/root_text.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static char entry[ROOT_TEXT_ENTRY_MAX];

static void entries(void **state)
{
	static const char *const wanted[] = {
		". IN DNSKEY 257 3 8 AwEA AQ==", "A.ROOT. 3600000 A 198.51.100.4",
		"a.root. 5 IN aaaa 2001:db8::4", ". NS a.root.", ". DS 1 2 3 AB"};
	const char *text =
		"; comment (\n\n$TTL 5\n.\tIN DNSKEY 257 3 8 ( AwEA ; half (\n\t AQ== ) ; whole\n"
		"A.ROOT.   3600000  A\t198.51.100.4\r\n   \n   ; nothing\n"
		"a.root. 5 IN aaaa 2001:db8::4\n\tNS a.root.\n. DS 1 2 3 AB";

	(void)state;
	for (size_t i = 0; i < sizeof(wanted) / sizeof(*wanted); i++) {
		assert_int_equal(root_text_next(&text, entry), 1);
		assert_string_equal(entry, wanted[i]);
	}
	assert_int_equal(root_text_next(&text, entry), 0);
	assert_int_equal(root_text_next(&text, entry), 0);
}

static void bad_entries(void **state)
{
	static char longest[ROOT_TEXT_ENTRY_MAX + 1];
	static const char *const bad[] = {"a ( b", "a b )", "a ( b ) )", "( ( a )", longest};
	const char *text;

	(void)state;
	memset(longest, 'a', sizeof(longest) - 1);
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		text = bad[i];
		assert_int_equal(root_text_next(&text, entry), -EINVAL);
	}
	text = longest + 2;
	assert_int_equal(root_text_next(&text, entry), 1);
	assert_int_equal(strlen(entry), ROOT_TEXT_ENTRY_MAX - 2);
}

static void addresses(void **state)
{
	(void)state;
	assert_string_equal(root_text_address("a.root. 5 IN A 192.0.2.1"), "192.0.2.1");
	assert_string_equal(root_text_address("a.root. aaaa 2001:db8::1"), "2001:db8::1");
	assert_null(root_text_address(". 5 NS a.root."));
	assert_null(root_text_address(". DS 1 2 3 A"));
	assert_null(root_text_address("a"));
	assert_null(root_text_address(""));
}

static void files(void **state)
{
	char path[] = "/tmp/test_root_text.XXXXXX", *text;
	int fd = mkstemp(path);

	(void)state;
	assert_int_equal(write(fd, "text\n", 5), 5);
	assert_int_equal(root_text_read(path, 5, &text), 0);
	assert_string_equal(text, "text\n");
	free(text);
	assert_int_equal(root_text_read(path, 4, &text), -EFBIG);
	assert_int_equal(pwrite(fd, "", 1, 2), 1);
	assert_int_equal(root_text_read(path, 5, &text), -EINVAL);
	close(fd);
	unlink(path);
	assert_int_equal(root_text_read(path, 5, &text), -ENOENT);
	assert_int_equal(root_text_read("/tmp", 5, &text), -EISDIR);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(entries),
		cmocka_unit_test(bad_entries),
		cmocka_unit_test(addresses),
		cmocka_unit_test(files),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
