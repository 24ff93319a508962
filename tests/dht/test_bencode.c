/* dht/bencode: what is canonical, what is refused, and that writing is the inverse of reading. */
#undef NDEBUG
#include "dht/bencode.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

/* Opens a copy that ends where the heap does, so that a read past the end is an error. */
static int open_text(const char *text, size_t len)
{
	uint8_t *copy = malloc(len ? len : 1);
	assert_non_null(copy);
	memcpy(copy, text, len);
	struct bencode v;
	int r = bencode_open(copy, len, &v);
	if (r == 0) {
		assert_ptr_equal(v.raw.data, copy);
		assert_int_equal(v.raw.len, len);
	}
	free(copy);
	return r;
}

static struct bencode opened(const char *text)
{
	struct bencode v;
	assert_int_equal(bencode_open((const uint8_t *)text, strlen(text), &v), 0);
	return v;
}

static void accepts_canonical(void **state)
{
	(void)state;
	static const char *const good[] = {"i0e", "i1e", "i-1e", "i10e", "i9223372036854775807e",
		"i-9223372036854775808e", "i99999999999999999999e", "0:", "1:a", "10:abcdefghij",
		"le", "de", "lli0eee", "d0:0:e", "d1:ai1e1:bi2ee", "d1:ai1e2:aai2ee",
		"d1:Ai1e1:ai2ee", "d1:ad1:ad1:aleeee", "d0:i1e1:ai2ee"};
	for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++) {
		if (open_text(good[i], strlen(good[i])) != 0)
			fail_msg("refused: %s", good[i]);
	}
}

static void refuses_other_forms(void **state)
{
	(void)state;
	static const char *const bad[] = {"", "e", "x", "-", "i", "ie", "i-e", "i-0e", "i00e",
		"i01e", "i-01e", "i+1e", "i 1e", "i1", "i1 e", "i1.0e", "i0x1e", "i--1e", "i1ei2e",
		":", "1", "1:", "01:a", "00:", "-1:a", "+1:a", "1 :a", "2:a", "1:ab", "5:abcd",
		"99999999999999999999:a", "18446744073709551615:a", "18446744073709551617:a",
		"4294967297:a", "l", "li1e", "ll", "lle", "d", "d1:a", "d1:ae", "d1:ai1e",
		"di1ei2ee", "dlei1ee", "ddei1ee", "d1:ai1e1:ae", "d1:bi1e1:ai2ee", "d1:ai1e1:ai2ee",
		"d2:aai1e1:ai2ee", "d1:ai1e1:Ai2ee", "d1:\377i1e1:ai2ee", "d0:i1e0:i2ee", "le ",
		" le", "i1e\n", "ld1:ae", "ld1:aee", "d1:ae1:bee"};
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		if (open_text(bad[i], strlen(bad[i])) != -EBADMSG)
			fail_msg("accepted: %s", bad[i]);
	}
	assert_int_equal(open_text("i1\0e", 4), -EBADMSG);
	assert_int_equal(open_text("1\0:a", 4), -EBADMSG);
}

/* Whatever is cut short at any byte is refused. */
static void refuses_every_prefix(void **state)
{
	(void)state;
	static const char text[] =
		"d1:ad2:id20:abcdefghij01234567899:info_hash4:\0\1\2\3e1:q9:get_peers"
		"1:rli-12e0:ldeee1:t2:aa1:y1:qe";
	size_t len = sizeof(text) - 1;
	assert_int_equal(open_text(text, len), 0);
	for (size_t n = 0; n < len; n++)
		assert_int_equal(open_text(text, n), -EBADMSG);
}

static void bounds_depth(void **state)
{
	(void)state;
	char text[2 * (BENCODE_DEPTH_MAX + 1)];
	for (size_t depth = 1; depth <= BENCODE_DEPTH_MAX + 1; depth++) {
		memset(text, 'l', depth);
		memset(text + depth, 'e', depth);
		int expected = depth <= BENCODE_DEPTH_MAX ? 0 : -EBADMSG;
		assert_int_equal(open_text(text, 2 * depth), expected);
	}
	char *deep = malloc(1000000);
	assert_non_null(deep);
	memset(deep, 'l', 1000000);
	assert_int_equal(open_text(deep, 1000000), -EBADMSG);
	memset(deep, 'd', 1000000);
	assert_int_equal(open_text(deep, 1000000), -EBADMSG);
	free(deep);
}

static void bounds_tokens(void **state)
{
	(void)state;
	char text[2 + 2 * BENCODE_TOKENS_MAX];
	for (size_t strings = BENCODE_TOKENS_MAX - 3; strings < BENCODE_TOKENS_MAX; strings++) {
		text[0] = 'l';
		for (size_t i = 0; i < strings; i++)
			memcpy(text + 1 + 2 * i, "0:", 2);
		text[1 + 2 * strings] = 'e';
		int expected = strings + 2 <= BENCODE_TOKENS_MAX ? 0 : -EBADMSG;
		assert_int_equal(open_text(text, 2 + 2 * strings), expected);
	}
}

static void opens_a_prefix(void **state)
{
	(void)state;
	struct bencode v;
	assert_int_equal(bencode_open_prefix((const uint8_t *)"l1:aei7e", 8, &v), 0);
	assert_int_equal(v.raw.len, 5);
	assert_int_equal(bencode_open_prefix((const uint8_t *)"ee", 2, &v), -EBADMSG);
	assert_int_equal(bencode_open_prefix((const uint8_t *)"", 0, &v), -EBADMSG);
	assert_int_equal(bencode_open_prefix((const uint8_t *)"2:a", 3, &v), -EBADMSG);
}

static void reads_integers(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		bool fits;
		int64_t n;
	} row[] = {
		{"i0e", true, 0},
		{"i-1e", true, -1},
		{"i42e", true, 42},
		{"i9223372036854775807e", true, INT64_MAX},
		{"i9223372036854775808e", false, 0},
		{"i-9223372036854775808e", true, INT64_MIN},
		{"i-9223372036854775809e", false, 0},
		{"i18446744073709551616e", false, 0},
		{"i100000000000000000000000e", false, 0},
	};
	for (size_t i = 0; i < sizeof(row) / sizeof(*row); i++) {
		int64_t n = 77;
		assert_int_equal(bencode_integer(opened(row[i].text), &n), row[i].fits);
		assert_true(n == (row[i].fits ? row[i].n : 77));
	}
	int64_t n;
	struct bytes s;
	assert_false(bencode_integer(opened("1:7"), &n));
	assert_false(bencode_integer(opened("li7ee"), &n));
	assert_false(bencode_string(opened("i7e"), &s));
	assert_false(bencode_string(opened("l1:ae"), &s));
}

static void finds_members(void **state)
{
	(void)state;
	struct bencode dict = opened("d1:ad1:bi1ee2:aa3:xyz1:bli1e1:bee");
	struct bencode v, w;
	struct bytes s;
	int64_t n;
	assert_true(bencode_is_dict(dict));
	assert_false(bencode_is_list(dict));
	assert_true(bencode_get(dict, "a", &v) && bencode_is_dict(v));
	assert_true(bencode_get(v, "b", &w) && bencode_integer(w, &n) && n == 1);
	assert_true(bencode_get(dict, "aa", &v) && bencode_string(v, &s));
	assert_memory_equal(s.data, "xyz", 3);
	assert_true(bencode_get(dict, "b", &v) && bencode_is_list(v));
	assert_false(bencode_get(dict, "", &v));
	assert_false(bencode_get(dict, "xyz", &v)); /* a value, not a key */
	assert_false(bencode_get(dict, "aaa", &v));
	assert_false(bencode_get(opened("le"), "a", &v));
	assert_false(bencode_get(opened("l1:ai1ee"), "a", &v));
}

/* A stranger may have put so many keys before a known one that it has no place of its own. */
static void members_beyond_the_places(void **state)
{
	(void)state;
	char text[BENCODE_MEMBERS_MAX * 2 * 5 + 2] = "d", key[] = "a";
	struct bencode_members members;
	struct bencode v, dict;
	int64_t n;
	for (char c = 'a'; c < 'a' + BENCODE_MEMBERS_MAX + 5; c++) {
		char member[20];
		snprintf(member, sizeof(member), "1:%ci%de", c, (c - 'a') % 10);
		strcat(text, member);
	}
	strcat(text, "e");
	dict = opened(text);
	bencode_members(dict, &members);
	assert_int_equal(members.len, BENCODE_MEMBERS_MAX);
	for (char c = 'a'; c < 'a' + BENCODE_MEMBERS_MAX + 5; c++) {
		key[0] = c;
		assert_true(bencode_member(&members, key, &v) && bencode_integer(v, &n));
		assert_int_equal(n, (c - 'a') % 10);
	}
	assert_false(bencode_member(&members, "z", &v));
	bencode_members(opened("le"), &members);
	assert_false(bencode_member(&members, "a", &v));
}

static void walks_lists(void **state)
{
	(void)state;
	struct bencode list = opened("li1ed1:alee0:lli2eeee");
	struct bencode v;
	size_t cursor = 0;
	static const char *const element[] = {"i1e", "d1:alee", "0:", "lli2eee"};
	for (size_t i = 0; i < 4; i++) {
		assert_true(bencode_next(list, &cursor, &v));
		assert_int_equal(v.raw.len, strlen(element[i]));
		assert_memory_equal(v.raw.data, element[i], v.raw.len);
	}
	assert_false(bencode_next(list, &cursor, &v));
	assert_false(bencode_next(list, &cursor, &v));
	cursor = 0;
	assert_false(bencode_next(opened("le"), &cursor, &v));
	assert_false(bencode_next(opened("d1:a1:be"), &cursor, &v));
}

/* The accessors may be handed text that was never opened; they find nothing there. */
static void accessors_stay_inside(void **state)
{
	(void)state;
	static const char *const broken[] = {"", "l", "d", "i", "9", "9:", "d1:a", "d1:ai1", "l5:a",
		"le", "dx", "lx", "li1", "d1:a9:", "l9999999999999999999999:", "lllll", "ddddd"};
	for (size_t i = 0; i < sizeof(broken) / sizeof(*broken); i++) {
		size_t len = strlen(broken[i]), cursor = 0;
		uint8_t *copy = malloc(len ? len : 1);
		assert_non_null(copy);
		memcpy(copy, broken[i], len);
		struct bencode v = {{copy, len}}, member;
		struct bytes s;
		int64_t n;
		assert_false(bencode_get(v, "a", &member));
		assert_false(bencode_next(v, &cursor, &member));
		assert_false(bencode_string(v, &s));
		assert_false(bencode_integer(v, &n));
		free(copy);
	}
}

static void writes_what_it_reads(void **state)
{
	(void)state;
	uint8_t buf[64];
	struct bencode_writer w;
	bencode_begin(&w, buf, sizeof(buf));
	bencode_put_open(&w, 'd');
	bencode_put_key(&w, "a");
	bencode_put_integer(&w, INT64_MIN);
	bencode_put_key(&w, "b");
	bencode_put_open(&w, 'l');
	bencode_put_string(&w, "\0x", 2);
	bencode_put_string(&w, NULL, 0);
	bencode_put_raw(&w, "i7e", 3);
	bencode_put_close(&w);
	bencode_put_close(&w);
	static const char expected[] = "d1:ai-9223372036854775808e1:bl2:\0x0:i7eee";
	assert_int_equal(bencode_end(&w), sizeof(expected) - 1);
	assert_memory_equal(buf, expected, sizeof(expected) - 1);
	assert_int_equal(open_text((const char *)buf, w.len), 0);
}

/* At every capacity: whole, or -ENOBUFS and not a byte beyond; and once full, full for good. */
static void remembers_overflow(void **state)
{
	(void)state;
	static const char expected[] = "l5:helloi12ee";
	size_t needed = sizeof(expected) - 1;
	for (size_t cap = 0; cap <= needed; cap++) {
		uint8_t *buf = malloc(cap ? cap : 1);
		assert_non_null(buf);
		struct bencode_writer w;
		bencode_begin(&w, buf, cap);
		bencode_put_open(&w, 'l');
		bencode_put_string(&w, "hello", 5);
		bencode_put_integer(&w, 12);
		bencode_put_close(&w);
		assert_int_equal(bencode_end(&w), cap < needed ? -ENOBUFS : (int)needed);
		assert_true(w.len <= cap);
		free(buf);
	}
	uint8_t small[4];
	struct bencode_writer w;
	bencode_begin(&w, small, sizeof(small));
	bencode_put_string(&w, "hello", 5);
	bencode_put_close(&w); /* would fit by itself */
	assert_int_equal(bencode_end(&w), -ENOBUFS);
	bencode_begin(&w, small, sizeof(small));
	bencode_put_raw(&w, "x", SIZE_MAX);
	assert_int_equal(bencode_end(&w), -ENOBUFS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(accepts_canonical),
		cmocka_unit_test(refuses_other_forms),
		cmocka_unit_test(refuses_every_prefix),
		cmocka_unit_test(bounds_depth),
		cmocka_unit_test(bounds_tokens),
		cmocka_unit_test(opens_a_prefix),
		cmocka_unit_test(reads_integers),
		cmocka_unit_test(finds_members),
		cmocka_unit_test(members_beyond_the_places),
		cmocka_unit_test(walks_lists),
		cmocka_unit_test(accessors_stay_inside),
		cmocka_unit_test(writes_what_it_reads),
		cmocka_unit_test(remembers_overflow),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
