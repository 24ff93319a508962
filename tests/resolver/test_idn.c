/* Names in UTF-8 to A-labels. */
#undef NDEBUG
#include "resolver/idn.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void check(const char *text, const char *want)
{
	char ascii[256];
	size_t len = 0;
	assert_int_equal(idn_to_ascii(text, strlen(text), ascii, sizeof(ascii), &len), 0);
	if (len != strlen(want) || memcmp(ascii, want, len) != 0)
		fail_msg("'%s' became '%.*s', not '%s'", text, (int)len, ascii, want);
}

static void refuse(const char *text, size_t len, int error)
{
	char ascii[256];
	size_t ret_len;
	if (idn_to_ascii(text, len, ascii, sizeof(ascii), &ret_len) != error)
		fail_msg("'%.*s' did not give %d", (int)len, text, error);
}

static void labels(void **state)
{
	(void)state;
	check("m\u00fcnchen.example", "xn--mnchen-3ya.example");
	check("example.\u0440\u0444", "example.xn--p1ai");
	check("\u4f8b\u3048.\u30c6\u30b9\u30c8.", "xn--r8jz45g.xn--zckzah.");
	check("fa\u00df.example", "xn--fa-hia.example"); /* transitional processing says fass */
	check("_dmarc.m\u00fcnchen.example", "_dmarc.xn--mnchen-3ya.example");
	check("a\\046B.\u00fc.x", "a\\046B.xn--tda.x"); /* ASCII labels are another's work */
}

static void one_label_many_spellings(void **state)
{
	(void)state;
	check("M\u00dcNCHEN.Example", "xn--mnchen-3ya.Example");
	check("mu\u0308nchen.example", "xn--mnchen-3ya.example"); /* NFD */
	check("MU\u0308NCHEN.example", "xn--mnchen-3ya.example");
	check("\uff57\uff57\uff57.m\u00fcnchen.example", "www.xn--mnchen-3ya.example");
	check("m\u00fcnchen\u3002example", "xn--mnchen-3ya.example");
	check("m\u00fcnchen\uff0eexample\uff61", "xn--mnchen-3ya.example.");
	check("\u212belvin.x", "xn--elvin-lra.x"); /* the sign for angstrom */
}

static void what_is_no_label(void **state)
{
	(void)state;
	static const char *const bad[] = {
		"m\u00fcnchen",		/* no dot: a private file */
		"m\374nchen.example",	/* Latin-1 */
		"\303.example",		/* cut */
		"\355\240\200.example", /* a surrogate */
		"\300\256.example",	/* an overlong dot */
		"\u2603.example",	/* not in IDNA 2008 */
		"\u00fc_x.example",	/* no host label */
		"a \u00fc.example", "\u00fc\\046.example",
		"\uff3c046x.example", /* a wide backslash would be an escape */
		"\u2488x.example",    /* DIGIT ONE FULL STOP */
		"\u2026x.example",    /* HORIZONTAL ELLIPSIS */
		"x\uff5e.example",    /* a wide tilde */
		"\u00ad.example",     /* SOFT HYPHEN: nothing is left */
		"-\u00fc.example", "\u00fc-.example", "\u00fcx--\u00fc.example",
		"xn--\u00fc.example", "\u05e9a.example", /* both directions */
		"a\u200db.example",			 /* ZERO WIDTH JOINER */
		"\u0308a.example",			 /* begins with a combining mark */
	};
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		refuse(bad[i], strlen(bad[i]), -EINVAL);
	refuse("\303\274\0.x", 5, -EINVAL);
	refuse("", 0, -EINVAL);
}

static void lengths(void **state)
{
	(void)state;
	char text[600], ascii[256];
	size_t len = 0, n = 0;
	while (n < 300) {
		memcpy(text + n, "\303\274", 2);
		n += 2;
	}
	memcpy(text + n, ".x", 2);
	refuse(text, n + 2, -ENAMETOOLONG);
	/* 20 letters far from each other, 60 bytes of UTF-8, are more than a label holds. */
	refuse("\uac00\uae4b\ub096\ub2e1\ub52c\ub777\ub9c2\ubc0d\ube58\uc0a3"
	       "\uc2ee\uc539\uc784\uc9cf\ucc1a\uce65\ud0b0\ud2fb\ud546\ud611.x",
		62, -ENAMETOOLONG);
	/* What does not fit is refused, not cut. */
	check("\u00fc.x", "xn--tda.x");
	assert_int_equal(idn_to_ascii("\u00fc.x", 4, ascii, 9, &len), 0);
	for (size_t cap = 0; cap < 9; cap++)
		assert_int_equal(idn_to_ascii("\u00fc.x", 4, ascii, cap, &len), -ENAMETOOLONG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(labels),
		cmocka_unit_test(one_label_many_spellings),
		cmocka_unit_test(what_is_no_label),
		cmocka_unit_test(lengths),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
