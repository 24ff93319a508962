/* Percent-encoding, parameters, base64url, media types. */
#undef NDEBUG
#include "resolver/http_url.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static struct http_piece piece(const char *text)
{
	return (struct http_piece){text, strlen(text)};
}

static void percent_encoding_is_undone(void **state)
{
	char buf[8];
	(void)state;
	assert_int_equal(http_unescape(piece("a%2Fb%c3%A4+"), false, buf, 8), 6);
	assert_memory_equal(buf, "a/b\xc3\xa4+", 6);
	assert_int_equal(http_unescape(piece("a+b"), true, buf, 8), 3);
	assert_memory_equal(buf, "a b", 3);
	assert_int_equal(http_unescape(piece("%"), false, buf, 8), -EINVAL);
	assert_int_equal(http_unescape(piece("%4"), false, buf, 8), -EINVAL);
	assert_int_equal(http_unescape(piece("%4g"), false, buf, 8), -EINVAL);
	assert_int_equal(http_unescape(piece("%00"), false, buf, 8), 1);
	assert_int_equal(http_unescape(piece("12345678"), false, buf, 8), 8);
	assert_int_equal(http_unescape(piece("123456789"), false, buf, 8), -ENOSPC);
	assert_int_equal(http_unescape((struct http_piece){0}, false, buf, 8), 0);
}

static void parameters_are_found(void **state)
{
	char buf[16];
	(void)state;
	assert_int_equal(http_parameter(piece("a=1&name=x%2Ey&b"), "name", buf, 16), 3);
	assert_memory_equal(buf, "x.y", 3);
	assert_int_equal(http_parameter(piece("a=1&&b"), "b", buf, 16), 0);
	assert_int_equal(http_parameter(piece("names=1&Name=2"), "name", buf, 16), -ENOENT);
	assert_int_equal(http_parameter(piece("name=1&name=1"), "name", buf, 16), -EEXIST);
	assert_int_equal(http_parameter(piece("name=a=b"), "name", buf, 16), 3);
	assert_int_equal(http_parameter((struct http_piece){0}, "name", buf, 16), -ENOENT);
}

static void base64url_is_read(void **state)
{
	uint8_t buf[4];
	(void)state;
	assert_int_equal(http_base64url("", 0, buf, 4), 0);
	assert_int_equal(http_base64url("_-8", 3, buf, 4), 2);
	assert_int_equal(buf[0], 0xff);
	assert_int_equal(buf[1], 0xef);
	assert_int_equal(http_base64url("AAAAAA", 6, buf, 4), 4);
	assert_int_equal(http_base64url("AAAAAAA", 7, buf, 4), -ENOSPC);
	assert_int_equal(http_base64url("A", 1, buf, 4), -EINVAL);
	assert_int_equal(http_base64url("AAAAA", 5, buf, 4), -EINVAL);
	assert_int_equal(http_base64url("AB", 2, buf, 4), -EINVAL); /* spare bits */
	assert_int_equal(http_base64url("AA==", 4, buf, 4), -EINVAL);
	assert_int_equal(http_base64url("A+", 2, buf, 4), -EINVAL);
	assert_int_equal(http_base64url("A/", 2, buf, 4), -EINVAL);
}

static void media_types_are_weighed(void **state)
{
	(void)state;
	assert_true(
		http_type_is(piece("Application/DNS-Message ; x=y"), "application/dns-message"));
	assert_false(http_type_is(piece("application/dns-messages"), "application/dns-message"));
	assert_false(http_type_is((struct http_piece){0}, "application/dns-message"));
	assert_int_equal(http_accepts((struct http_piece){0}, "a/b"), 1000);
	assert_int_equal(http_accepts(piece("a/b"), "a/b"), 1000);
	assert_int_equal(http_accepts(piece("A/*;q=0.25, x/y"), "a/b"), 250);
	assert_int_equal(http_accepts(piece("*/*;q=0.5,a/*;q=0.25"), "a/b"), 250);
	assert_int_equal(http_accepts(piece("a/b;q=0, */*"), "a/b"), 0);
	assert_int_equal(http_accepts(piece("a/b;v=1;q=0.125"), "a/b"), 125);
	assert_int_equal(http_accepts(piece("a/c"), "a/b"), 0);
	assert_int_equal(http_accepts(piece(""), "a/b"), 0);
	assert_int_equal(http_accepts(piece(",;,"), "a/b"), 0);
	assert_int_equal(http_accepts(piece("a/b;q=7"), "a/b"), 1000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(percent_encoding_is_undone),
		cmocka_unit_test(parameters_are_found),
		cmocka_unit_test(base64url_is_read),
		cmocka_unit_test(media_types_are_weighed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
