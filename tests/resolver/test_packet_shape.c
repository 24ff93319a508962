/* RDATA and the shape of its type: for each type something that fits and something that does not.
 */
#undef NDEBUG
#include "resolver/packet.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* On a heap block of exactly its size, so that a read too far is seen. */
static bool valid(unsigned type, const char *bytes, size_t len)
{
	uint8_t *copy = malloc(len ? len : 1);
	assert_non_null(copy);
	memcpy(copy, bytes, len);
	bool r = packet_rdata_valid((uint16_t)type, copy, len);
	free(copy);
	return r;
}

struct row {
	unsigned type;
	const char *bytes;
	size_t len;
};
#define ROW(type, bytes)                                                                           \
	{                                                                                          \
		type, bytes, sizeof(bytes) - 1                                                     \
	}
#define N "\1a\0" /* a name */

static const struct row good[] = {ROW(1, "abcd"), ROW(2, N), ROW(2, "\0"),
	ROW(6, N N "aaaabbbbccccddddeeee"), ROW(10, ""), ROW(11, "abcdp"), ROW(13, "\1a\0"),
	ROW(15, "ab" N), ROW(16, "\0"), ROW(16, "\1a\0\2bc"), ROW(17, N N), ROW(19, "\003123"),
	ROW(20, "\1a"), ROW(20, "\1a\1b"), ROW(22, "x"), ROW(25, "ffpa"), ROW(27, "\1a\1b\1c"),
	ROW(28, "0123456789abcdef"), ROW(29, "\0abcddddeeeeffff"), ROW(33, "aabbcc\0"),
	ROW(35, "aabb\0\0\0\0"), ROW(37, "ttkkax"), ROW(39, N), ROW(41, ""),
	ROW(41, "\0\12\0\2ab\0\12\0\0"), ROW(42, ""), ROW(42, "\0\1\x18\3abc\0\2\0\x81x"),
	ROW(43, "kkadx"), ROW(44, "afx"), ROW(45, "\12\0\2"), ROW(45, "\12\1\2abcdkey"),
	ROW(45, "\12\2\2"
		"0123456789abcdef"
		"key"),
	ROW(45, "\12\3\2" N "key"), ROW(46, "aabcddddeeeeffffgg" N "s"), ROW(47, N),
	ROW(47, N "\0\1\x40"), ROW(47, N "\0\1\x40\1\2\0\1"), ROW(48, "ffpax"),
	ROW(50, "afii\1s\1h\0\1\x40"), ROW(50, "afii\0\1h"), ROW(51, "afii\0"), ROW(52, "abcx"),
	ROW(53, "abcx"), ROW(55, "\2a\0\1hhp" N N), ROW(55, "\2a\0\1hhp"), ROW(58, N N),
	ROW(61, "x"), ROW(62, "ssssff"), ROW(62, "ssssff\0\1\x40"), ROW(63, "sssssadx"),
	ROW(64, "\0\0\0"), ROW(65, "\0\1\0\0\1\0\3\2h2\0\3\0\2\1\xbb"), ROW(99, "\1a"),
	ROW(104, "pp12345678"), ROW(105, "pp1234"), ROW(106, "pp12345678"), ROW(107, "pp" N),
	ROW(108, "123456"), ROW(109, "12345678"), ROW(256, "ppwwx"),
	ROW(257, "\0\5issueca.example"), ROW(257, "\0\5issue"), ROW(258, "\1a"),
	ROW(259, "eeeettttl\1m"), ROW(260, "p\0"), ROW(260, "p\1abcd"), ROW(260, "p\x83" N),
	ROW(261, "\1a"), ROW(32768, "kkadx"), ROW(32769, "kkadx"), ROW(31, ""), ROW(65280, ""),
	ROW(65280, "\xc0\x0c")};

static const struct row bad[] = {ROW(1, ""), ROW(1, "abc"), ROW(1, "abcde"), ROW(2, ""),
	ROW(2, "\1a"), ROW(2, "\1"), ROW(2, "\xc0\x0c"), ROW(2, N "\0"),
	ROW(2, "\x41"
	       "a\0"),
	ROW(6, N N "aaaabbbbccccddddeee"), ROW(6, N N "aaaabbbbccccddddeeeee"), ROW(6, N),
	ROW(13, "\1a"), ROW(13, "\1a\0\0"), ROW(15, "a"), ROW(15, "ab"), ROW(15, "ab" N "x"),
	ROW(16, ""), ROW(16, "\1"), ROW(16, "\2a"), ROW(16, "\1a\5b"), ROW(19, ""),
	ROW(19, "\1a\1b"), ROW(22, ""), ROW(25, "ffp"), ROW(27, "\1a\1b"),
	ROW(28, "0123456789abcde"), ROW(28, "0123456789abcdefg"), ROW(29, "\0abcddddeeeefff"),
	ROW(33, "aabbc\0"), ROW(35, "aabb\0\0\0"), ROW(35, "aabb\0\0\5\0"), ROW(37, "ttkka"),
	ROW(41, "\0\12\0"), ROW(41, "\0\12\0\3ab"), ROW(42, "\0\1\x18"), ROW(42, "\0\1\x18\3ab"),
	ROW(43, "kkad"), ROW(44, "af"), ROW(45, "\12\1"), ROW(45, "\12\1\2abc"),
	ROW(45, "\12\2\2"
		"0123456789abcde"),
	ROW(45, "\12\3\2\1a"), ROW(45, "\12\4\2abcd"), ROW(46, "aabcddddeeeeffffgg" N),
	ROW(46, "aabcddddeeeeffffg"), ROW(46, "aabcddddeeeeffffgg\xc0\x0cs"), ROW(47, ""),
	ROW(47, N "\0"), ROW(47, N "\0\0"), ROW(47, N "\0\2\x40"),
	ROW(47, N "\0\x21"
		  "012345678901234567890123456789012"),
	ROW(47, N "\1\1\x40\0\1\x40"), ROW(47, N "\1\1\x40\1\1\x40"), ROW(48, "ffpa"),
	ROW(50, "afii\1"), ROW(50, "afii\0"), ROW(51, "afii"), ROW(51, "afii\0\0"), ROW(52, "abc"),
	ROW(55, "\2a\0\1hh"), ROW(55, "\2a\0"),
	ROW(55, "\xff"
		"a\xff\xffhhp"),
	ROW(55, "\2a\0\1hhp\1a"), ROW(58, N), ROW(61, ""), ROW(62, "ssssf"), ROW(63, "sssssa"),
	ROW(64, "\0\0"), ROW(65, "\0\1\0\0\3\0\2\1\xbb\0\1\0\3\2h2"), /* keys must rise */
	ROW(65, "\0\1\0\0\1\0\0\0\1\0\0"), ROW(65, "\0\1\0\0\1\0\4\2h2"), ROW(65, "\0\1\0\0\1\0"),
	ROW(104, "pp1234567"), ROW(105, "pp12345"), ROW(107, "pp"), ROW(108, "12345"),
	ROW(109, "123456789"), ROW(256, "ppww"), ROW(257, "\0"), ROW(257, "\0\5issu"),
	ROW(259, "eeeettttl"), ROW(260, "p"), ROW(260, "p\1abcde"), ROW(260, "p\4"),
	ROW(32769, "kkad")};

static void fits(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		if (!valid(good[i].type, good[i].bytes, good[i].len))
			fail_msg("row %zu, type %u, was refused", i, good[i].type);
}

static void does_not_fit(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (valid(bad[i].type, bad[i].bytes, bad[i].len))
			fail_msg("row %zu, type %u, was accepted", i, bad[i].type);
}

/* Names have their limit in RDATA too. */
static void long_names(void **state)
{
	(void)state;
	char name[300];
	for (unsigned last = 59; last < 64; last++) {
		size_t n = 0;
		for (int i = 0; i < 4; i++) {
			unsigned label = i < 3 ? 63 : last;
			name[n++] = (char)label;
			memset(name + n, 'x', label);
			n += label;
		}
		name[n++] = 0;
		assert_int_equal(valid(TYPE_NS, name, n), n <= NAME_WIRE_MAX);
	}
	for (unsigned type = 64; type < 256; type++) { /* no label is that long */
		memset(name, 0, sizeof(name));
		name[0] = (char)type;
		assert_false(valid(TYPE_NS, name, type + 2));
	}
	memset(name, 1, sizeof(name)); /* labels without an end */
	assert_false(valid(TYPE_NS, name, 254));
	assert_false(valid(TYPE_NS, name, sizeof(name)));
	memset(name, 0, sizeof(name));
	assert_false(valid(TYPE_NS, name, 2));
	assert_true(valid(55, "\0\0\0\0\0\0\0\0", 8)); /* HIP: four roots */
}

/* No type reads past the end, whatever the bytes: the sanitizer watches. */
static void all_types_on_noise(void **state)
{
	(void)state;
	uint32_t random = 1;
	for (unsigned type = 0; type < 300; type++) {
		for (unsigned len = 0; len < 40; len++) {
			char bytes[40];
			for (unsigned i = 0; i < len; i++) {
				random = random * 1664525 + 1013904223;
				bytes[i] = (char)(random >> 24 & (random & 0x100 ? 7 : 0xff));
			}
			valid(type, bytes, len);
		}
	}
	static uint8_t big[UINT16_MAX + 1];
	assert_true(packet_rdata_valid(65280, big, UINT16_MAX));
	assert_false(packet_rdata_valid(65280, big, UINT16_MAX + 1));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fits),
		cmocka_unit_test(does_not_fit),
		cmocka_unit_test(long_names),
		cmocka_unit_test(all_types_on_noise),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
