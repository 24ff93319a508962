/* DNS names: wire form, relations, hashes. */
#undef NDEBUG
#include "resolver/name.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct name text_name(const char *text)
{
	struct name name;
	assert_int_equal(name_from_text(text, strlen(text), &name), 0);
	return name;
}

/* A heap block of exactly this size, so that a read too far is seen. */
static int from_wire(const void *bytes, size_t len, size_t *offset, struct name *ret_name)
{
	uint8_t *copy = malloc(len ? len : 1);
	assert_non_null(copy);
	memcpy(copy, bytes, len);
	int r = name_from_wire(copy, len, offset, ret_name);
	free(copy);
	return r;
}

static void wire_reads_and_folds(void **state)
{
	(void)state;
	static const uint8_t message[] = "\0\0\0\0\0\0\0\0\0\0\0\0\3CoM\0\3wWw\7eXample\xc0\x0c";
	size_t offset = 17;
	struct name name, want = text_name("www.example.com");
	assert_int_equal(from_wire(message, sizeof(message) - 1, &offset, &name), 0);
	assert_int_equal(offset, sizeof(message) - 1);
	assert_true(name_equal(&name, &want));
	offset = 17;
	assert_int_equal(name_from_wire_cased(message, sizeof(message) - 1, &offset, &name), 0);
	assert_memory_equal(name.wire, "\3wWw\7eXample\3CoM", 17);
	offset = 16; /* the root */
	assert_int_equal(from_wire(message, sizeof(message) - 1, &offset, &name), 0);
	assert_int_equal(name.len, 1);
	assert_int_equal(offset, 17);
}

static void wire_refuses(void **state)
{
	(void)state;
#define ZEROS "\0\0\0\0\0\0\0\0\0\0\0\0"
	static const struct {
		const char *bytes;
		size_t len, offset;
	} bad[] = {
#define BAD(bytes, offset) {bytes, sizeof(bytes) - 1, offset}
		BAD("", 0), BAD("\3com", 0), BAD("\3co", 0), BAD("\3", 0), BAD("\1a", 2),
		BAD("\1a", 99), BAD(ZEROS "\xc0", 12), /* half a pointer */
		BAD(ZEROS "\xc0\x0c", 12),	       /* to itself */
		BAD(ZEROS "\xc0\x0e\0", 12),	       /* forward */
		BAD(ZEROS "\1a\xc0\x0c", 12),	       /* to the start of its own name */
		BAD(ZEROS "\1a\xc0\x0e", 12),	       /* into itself */
		BAD(ZEROS "\1a\1b\xc0\x0e", 14),       /* the same, from a label on */
		BAD(ZEROS "\1a\xc0\x00", 12),	       /* into the header */
		BAD(ZEROS "\1a\xc0\x0b", 12),	       /* into its last byte */
		BAD(ZEROS "\0\xff\xff", 13),	       /* beyond the end */
		BAD(ZEROS "\x41"
			  "a\0",
			12), /* label types 01 and 10 */
		BAD(ZEROS "\x80"
			  "a\0",
			12),
		BAD(ZEROS "\x40\0", 12),
		BAD(ZEROS "\1a\xc0\x10\xc0\x0e\0", 16), /* back, then forward again */
#undef BAD
	};
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		size_t offset = bad[i].offset;
		struct name name;
		if (from_wire(bad[i].bytes, bad[i].len, &offset, &name) != -EBADMSG)
			fail_msg("row %zu was accepted", i);
		assert_int_equal(offset, bad[i].offset);
	}
}

/* `hops` pointers, each to the one before, the first to a root label. */
static int read_chain(unsigned hops)
{
	uint8_t message[13 + 2 * 200] = {0};
	size_t at = 13, target = 12;
	for (unsigned i = 0; i < hops; i++, at += 2) {
		message[at] = (uint8_t)(0xc0 | target >> 8);
		message[at + 1] = (uint8_t)target;
		target = at;
	}
	size_t offset = target;
	struct name name;
	return from_wire(message, at, &offset, &name);
}

static void wire_counts_hops(void **state)
{
	(void)state;
	assert_int_equal(read_chain(0), 0);
	assert_int_equal(read_chain(16), 0);
	assert_int_equal(read_chain(17), -EBADMSG);
	assert_int_equal(read_chain(200), -EBADMSG);
}

static void wire_spends_its_budget(void **state)
{
	(void)state;
	static const uint8_t message[] = ZEROS "\1a\0\1b\xc0\x0c";
	for (unsigned allowed = 0; allowed < 6; allowed++) {
		unsigned budget = allowed; /* b, pointer, a, root */
		size_t offset = 15;
		struct name name;
		int r = name_expand(message, sizeof(message) - 1, &offset, &budget, &name);
		assert_int_equal(r, allowed < 4 ? -EBADMSG : 0);
		assert_int_equal(budget, allowed < 4 ? 0 : allowed - 4);
	}
}

/* A name of 63, 63, 63 and `last` bytes. */
static size_t long_wire(uint8_t wire[300], unsigned last)
{
	size_t n = 0;
	for (int i = 0; i < 4; i++) {
		unsigned label = i < 3 ? 63 : last;
		wire[n++] = (uint8_t)label;
		memset(wire + n, 'x', label);
		n += label;
	}
	wire[n++] = 0;
	return n;
}

static void wire_at_the_limits(void **state)
{
	(void)state;
	uint8_t wire[300];
	struct name name;
	size_t offset = 0, len = long_wire(wire, 61);
	assert_int_equal(len, 255);
	assert_int_equal(from_wire(wire, len, &offset, &name), 0);
	assert_int_equal(name.len, 255);
	offset = 0;
	len = long_wire(wire, 62);
	assert_int_equal(from_wire(wire, len, &offset, &name), -EBADMSG);
	/* The types 01 and 10 of a label, with all the bytes that they would reach. */
	for (unsigned type = 64; type < 192; type++) {
		memset(wire, 0, sizeof(wire));
		wire[0] = (uint8_t)type;
		offset = 0;
		assert_int_equal(from_wire(wire, sizeof(wire), &offset, &name), -EBADMSG);
	}
	/* 127 labels are all that fit; a pointer cannot smuggle in one more. */
	uint8_t many[12 + 255 + 4] = {0};
	for (int i = 0; i < 127; i++)
		memcpy(many + 12 + 2 * i, "\1y", 2);
	memcpy(many + 12 + 255, "\1z\xc0\x0c", 4);
	offset = 12;
	assert_int_equal(from_wire(many, sizeof(many), &offset, &name), 0);
	assert_int_equal(name_labels(&name), 127);
	offset = 12 + 255;
	assert_int_equal(from_wire(many, sizeof(many), &offset, &name), -EBADMSG);
	char text[NAME_TEXT_MAX];
	memset(many + 12, 0, 255);
	for (int i = 0; i < 127; i++)
		many[12 + 2 * i] = 1; /* labels of one NUL byte: the longest text */
	offset = 12;
	assert_int_equal(from_wire(many, sizeof(many), &offset, &name), 0);
	assert_int_equal(name_to_absolute(&name, text), 127 * 5);
}

static void relations(void **state)
{
	(void)state;
	struct name root = text_name("."), com = text_name("com"),
		    www = text_name("www.example.com"), example = text_name("example.com"),
		    other = text_name("otherexample.com"),
		    tricky = text_name("w\\007example\\003com"), out;
	assert_true(name_under(&www, &root));
	assert_true(name_under(&www, &com));
	assert_true(name_under(&www, &example));
	assert_true(name_under(&www, &www));
	assert_false(name_under(&example, &www));
	assert_false(name_under(&root, &com));
	assert_false(name_under(&other, &example));
	assert_false(name_under(&tricky, &example)); /* the bytes match, the labels do not */
	assert_int_equal(name_labels(&root), 0);
	assert_int_equal(name_labels(&www), 3);
	name_parent(&www, 1, &out);
	assert_true(name_equal(&out, &example));
	name_parent(&www, 0, &out);
	assert_true(name_equal(&out, &www));
	name_parent(&www, 3, &out);
	assert_true(name_equal(&out, &root));
	name_parent(&www, 99, &out);
	assert_true(name_equal(&out, &root));
	out = www;
	name_parent(&out, 2, &out);
	assert_true(name_equal(&out, &com));
	struct name label = text_name("www");
	assert_int_equal(name_join(&label, &example, &out), 0);
	assert_true(name_equal(&out, &www));
	assert_int_equal(name_join(&www, &root, &out), 0);
	assert_true(name_equal(&out, &www));
	assert_int_equal(name_join(&root, &www, &out), 0);
	assert_true(name_equal(&out, &www));
	uint8_t wire[300];
	struct name big = {.len = 255};
	memcpy(big.wire, wire, long_wire(wire, 61));
	assert_int_equal(name_join(&root, &big, &out), 0);
	assert_int_equal(name_join(&label, &big, &out), -ENAMETOOLONG);
	label = text_name("w");
	for (unsigned last = 59; last < 62; last++) { /* 253 and 2 go, 254 and 2 do not */
		big.len = (uint8_t)long_wire(wire, last);
		memcpy(big.wire, wire, big.len);
		assert_int_equal(name_join(&label, &big, &out), last == 59 ? 0 : -ENAMETOOLONG);
	}
}

static void hashes_depend_on_seed_and_name(void **state)
{
	(void)state;
	/* 4,096 names in 4,096 buckets: an even spread leaves about 1/e of them empty, and no
	 * bucket with more than about eight. */
	unsigned used[4096] = {0}, empty = 0, most = 0;
	for (unsigned i = 0; i < 4096; i++) {
		struct name name = {.len = 6,
			.wire = {4, (uint8_t)('a' + i % 16), (uint8_t)('a' + i / 16 % 16),
				(uint8_t)('a' + i / 256), 'x'}};
		assert_true(name_hash(&name, 1) != name_hash(&name, 2));
		assert_true(name_hash(&name, 1) == name_hash(&name, 1));
		used[name_hash(&name, 7) % 4096]++;
	}
	for (unsigned i = 0; i < 4096; i++) {
		empty += !used[i];
		most = used[i] > most ? used[i] : most;
	}
	assert_in_range(empty, 1300, 1700);
	assert_in_range(most, 3, 10);
	/* Every length of the tail, and a change in the last byte of each. */
	for (unsigned len = 1; len < 40; len++) {
		struct name a = {.len = (uint8_t)(len + 2), .wire = {(uint8_t)len}}, b = a;
		b.wire[len] = 1;
		assert_true(name_hash(&a, 0) != name_hash(&b, 0));
	}
	/* SipHash-1-3 of the wire form, by a program of its own that knows the paper's vector. */
	static const struct {
		const char *name;
		uint64_t hash;
	} known[] = {{".", 0x5d1e32689c1472a3u}, {"www.example.com", 0x1219c5b20dd340f5u},
		{"abcdef", 0xa46f3c2b3d84b837u}};
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		struct name name = text_name(known[i].name);
		assert_true(name_hash(&name, 0x0706050403020100u) == known[i].hash);
	}
	/* Bytes behind the name do not count. */
	struct name a = text_name("com"), b = a;
	b.wire[100] = 1;
	assert_true(name_hash(&a, 3) == name_hash(&b, 3));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(wire_reads_and_folds),
		cmocka_unit_test(wire_refuses),
		cmocka_unit_test(wire_counts_hops),
		cmocka_unit_test(wire_spends_its_budget),
		cmocka_unit_test(wire_at_the_limits),
		cmocka_unit_test(relations),
		cmocka_unit_test(hashes_depend_on_seed_and_name),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
