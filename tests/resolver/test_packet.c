/* Reading DNS messages: well-formed ones, and every way to lie. */
#undef NDEBUG
#include "resolver/packet.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* A message in the making. */
struct message {
	size_t len;
	uint8_t bytes[PACKET_MAX + 16];
};

static void add(struct message *m, const void *bytes, size_t len)
{
	memcpy(m->bytes + m->len, bytes, len);
	m->len += len;
}
#define ADD(m, text) add(m, text, sizeof(text) - 1)

static void add16(struct message *m, unsigned value)
{
	uint8_t bytes[2] = {(uint8_t)(value >> 8), (uint8_t)value};
	add(m, bytes, 2);
}

static void start(struct message *m, unsigned qd, unsigned an, unsigned ns, unsigned ar)
{
	m->len = 0;
	const unsigned fields[] = {0x1234, 0x8180, qd, an, ns, ar};
	for (int i = 0; i < 6; i++)
		add16(m, fields[i]);
}

/* Type, class IN, TTL 300, RDATA, behind an owner. */
static void add_fixed(struct message *m, unsigned type, const void *rdata, size_t len)
{
	add16(m, type);
	ADD(m, "\0\1\0\0\1\x2c");
	add16(m, (unsigned)len);
	add(m, rdata, len);
}
#define ADD_FIXED(m, type, text) add_fixed(m, type, text, sizeof(text) - 1)

/* Reads all of it from a heap block of exactly its size. Number of records, or -EBADMSG, which
 * must then stay. */
static int read_all(const struct message *m, bool *ret_at_end)
{
	uint8_t *copy = malloc(m->len ? m->len : 1);
	struct packet_reader *r = malloc(sizeof(*r));
	assert_non_null(copy);
	assert_non_null(r);
	memcpy(copy, m->bytes, m->len);
	int records = 0, got = packet_open(r, copy, m->len);
	struct rr rr;
	if (got == 0)
		while ((got = packet_next(r, &rr)) == 1) {
			records++;
			assert_true(packet_rdata_valid(rr.type, rr.rdata, rr.rdata_len));
		}
	if (got < 0 && m->len >= PACKET_HEADER && m->len <= PACKET_MAX)
		assert_int_equal(packet_next(r, &rr), -EBADMSG);
	if (ret_at_end)
		*ret_at_end = got == 0 && packet_at_end(r);
	free(copy);
	free(r);
	return got < 0 ? got : records;
}

static void from_hex(struct message *m, const char *hex)
{
	m->len = 0;
	for (unsigned byte; sscanf(hex, "%2x", &byte) == 1; hex += 2)
		m->bytes[m->len++] = (uint8_t)byte;
}

#define PKARR_KEY "47pjoycnsrfmxikm95jh13y88e8qnhzu5kungjpxyepgt7a8krpy"
/* Vector D4 of the facts file: made by hand, decoded by the JavaScript of pkarr's author. */
static const char d4[] = "00008000000000020000000003666f6f343437706a6f79636e7372666d78696b6d39356a6"
			 "831337938386538716e"
			 "687a75356b756e676a707879657067743761386b72707900000100010000012c0004c0000"
			 "201025f74c010001000"
			 "010000001e00060568656c6c6f";

static void reads_pkarr(void **state)
{
	(void)state;
	static struct message m;
	static struct packet_reader r;
	struct rr rr;
	char text[NAME_TEXT_MAX];
	from_hex(&m, d4);
	assert_int_equal(m.len, 105);
	assert_int_equal(packet_open(&r, m.bytes, m.len), 0);
	assert_int_equal(r.header.id, 0);
	assert_int_equal(r.header.flags, FLAG_QR);
	assert_int_equal(packet_next(&r, &rr), 1);
	name_to_text(&rr.owner, text);
	assert_string_equal(text, "foo." PKARR_KEY);
	assert_int_equal(rr.type, TYPE_A);
	assert_int_equal(rr.class, CLASS_IN);
	assert_int_equal(rr.ttl, 300);
	assert_int_equal(rr.section, PACKET_ANSWER);
	assert_int_equal(rr.rdata_len, 4);
	assert_memory_equal(rr.rdata, "\300\0\2\1", 4);
	assert_int_equal(packet_next(&r, &rr), 1);
	name_to_text(&rr.owner, text);
	assert_string_equal(text, "_t." PKARR_KEY);
	assert_int_equal(rr.type, TYPE_TXT);
	assert_int_equal(rr.ttl, 30);
	assert_memory_equal(rr.rdata, "\5hello", rr.rdata_len);
	assert_false(r.left[0]);
	assert_int_equal(packet_next(&r, &rr), 0);
	assert_int_equal(packet_next(&r, &rr), 0);
	assert_true(packet_at_end(&r));
}

static void reads_questions_and_sections(void **state)
{
	(void)state;
	static struct message m;
	static struct packet_reader r;
	struct question q;
	struct name cased;
	struct rr rr;
	char text[NAME_TEXT_MAX];
	start(&m, 1, 1, 1, 1);
	ADD(&m, "\3wWw\2De\0\0\x1c\0\1");
	ADD(&m, "\xc0\x0c");
	add_fixed(&m, TYPE_AAAA, "0123456789abcdef", 16);
	ADD(&m, "\xc0\x10");
	ADD_FIXED(&m, TYPE_NS, "\2nS\xc0\x10");
	ADD(&m, "\0\0\x29\x04\xd0\x80\0\x80\0\0\0"); /* OPT: TTL keeps its high bit */
	assert_int_equal(packet_open(&r, m.bytes, m.len), 0);
	assert_int_equal(r.header.id, 0x1234);
	assert_int_equal(r.header.count[3], 1);
	assert_int_equal(packet_question(&r, &q, &cased), 0);
	assert_int_equal(q.type, TYPE_AAAA);
	assert_int_equal(q.class, CLASS_IN);
	name_to_text(&q.name, text);
	assert_string_equal(text, "www.de");
	assert_memory_equal(cased.wire, "\3wWw\2De", 8);
	assert_int_equal(packet_question(&r, &q, NULL), -EBADMSG); /* there was one only */
	assert_int_equal(packet_next(&r, &rr), 1);
	assert_int_equal(rr.section, PACKET_ANSWER);
	assert_ptr_equal(rr.rdata, m.bytes + 36); /* where it lies: nothing was copied */
	assert_int_equal(packet_next(&r, &rr), 1);
	assert_int_equal(rr.section, PACKET_AUTHORITY);
	assert_int_equal(rr.rdata_len, 7);
	assert_memory_equal(rr.rdata, "\2nS\2De", 7); /* case kept in RDATA */
	name_to_text(&rr.owner, text);
	assert_string_equal(text, "de"); /* and not in owners */
	assert_int_equal(packet_next(&r, &rr), 1);
	assert_int_equal(rr.section, PACKET_ADDITIONAL);
	assert_int_equal(rr.ttl, 0x80008000u);
	assert_int_equal(packet_next(&r, &rr), 0);
	assert_true(packet_at_end(&r));
	assert_int_equal(read_all(&m, NULL), 3); /* the question unread */
}

static void ttl_above_the_limit_is_zero(void **state)
{
	(void)state;
	static struct message m;
	static struct packet_reader r;
	struct rr rr;
	start(&m, 0, 2, 0, 0);
	ADD(&m, "\0\0\1\0\1\x7f\xff\xff\xff\0\4abcd");
	ADD(&m, "\0\0\1\0\1\x80\0\0\0\0\4abcd");
	assert_int_equal(packet_open(&r, m.bytes, m.len), 0);
	assert_int_equal(packet_next(&r, &rr), 1);
	assert_int_equal(rr.ttl, 0x7fffffff);
	assert_int_equal(packet_next(&r, &rr), 1);
	assert_int_equal(rr.ttl, 0);
}

static void every_truncation_is_refused(void **state)
{
	(void)state;
	static struct message m, cut;
	start(&m, 1, 3, 0, 0);
	ADD(&m, "\3www\2de\0\0\1\0\1");
	ADD(&m, "\xc0\x0c");
	ADD_FIXED(&m, TYPE_MX, "\0\12\4mail\xc0\x10");
	ADD(&m, "\xc0\x10");
	ADD_FIXED(
		&m, TYPE_SOA, "\2ns\xc0\x10\4root\xc0\x10\0\0\0\1\0\0\0\2\0\0\0\3\0\0\0\4\0\0\0\5");
	ADD(&m, "\xc0\x0c");
	ADD_FIXED(&m, TYPE_TXT, "\5hello");
	bool at_end;
	assert_int_equal(read_all(&m, &at_end), 3);
	assert_true(at_end);
	for (size_t len = 0; len < m.len; len++) {
		cut.len = 0;
		add(&cut, m.bytes, len);
		assert_int_equal(read_all(&cut, NULL), -EBADMSG);
	}
	ADD(&m, "x"); /* and a byte too many is seen */
	assert_int_equal(read_all(&m, &at_end), 3);
	assert_false(at_end);
}

static void lying_counts(void **state)
{
	(void)state;
	static struct message m;
	bool at_end;
	start(&m, 0, 2, 0, 0);
	ADD(&m, "\0");
	ADD_FIXED(&m, TYPE_A, "abcd");
	assert_int_equal(read_all(&m, NULL), -EBADMSG); /* one is missing */
	m.bytes[7] = 0;
	assert_int_equal(read_all(&m, &at_end), 0);
	assert_false(at_end); /* one too many */
	m.bytes[7] = 1;
	m.bytes[11] = 1;
	assert_int_equal(read_all(&m, NULL), -EBADMSG);
	for (unsigned i = 4; i < 12; i++)
		m.bytes[i] = 0xff;
	assert_int_equal(read_all(&m, NULL), -EBADMSG);
	start(&m, 65535, 65535, 65535, 65535);
	assert_int_equal(read_all(&m, NULL), -EBADMSG);
	start(&m, 0, 0, 0, 0);
	assert_int_equal(read_all(&m, &at_end), 0);
	assert_true(at_end);
	static struct packet_reader r;
	struct question q;
	assert_int_equal(packet_open(&r, m.bytes, m.len), 0);
	assert_int_equal(packet_question(&r, &q, NULL), -EBADMSG);
	assert_int_equal(packet_open(&r, m.bytes, PACKET_MAX + 1), -EBADMSG);
}

static void pointers_that_lie(void **state)
{
	(void)state;
	static struct message m;
	static const struct {
		const char *owner, *rdata;
		size_t owner_len, rdata_len;
	} rows[] = {
#define ROW(owner, rdata) {owner, rdata, sizeof(owner) - 1, sizeof(rdata) - 1}
		ROW("\xc0\x0c", "\1x\0"),	  /* the owner, to itself */
		ROW("\xc0\x18", "\1x\0"),	  /* forward, into the RDATA */
		ROW("\xc0\x00", "\1x\0"),	  /* into the header */
		ROW("\1a\0", "\xc0\x19"),	  /* RDATA to itself */
		ROW("\1a\0", "\1x\xc0\x19"),	  /* a loop */
		ROW("\1a\0", "\xc0"),		  /* half a pointer at the end */
		ROW("\1a\0", "\1x"),		  /* no end */
		ROW("\1a\0", "\5x\0"),		  /* a label that reaches out of the RDATA */
		ROW("\1a\0", "\xc0\x0c\0"),	  /* a byte left over */
		ROW("\1a\0", "\xc0\x0c\xc0\x0c"), /* a name left over */
		ROW("\1a\0", ""),		  /* nothing */
		ROW("\1a\0", "\x40x\0"),	  /* label types */
		ROW("\1a\0", "\x80x\0"),
#undef ROW
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		start(&m, 0, 1, 0, 0);
		add(&m, rows[i].owner, rows[i].owner_len);
		add_fixed(&m, TYPE_NS, rows[i].rdata, rows[i].rdata_len);
		ADD(&m, "\0\0\0\0\0\0\0"); /* what a label could reach into */
		if (read_all(&m, NULL) != -EBADMSG)
			fail_msg("row %zu was accepted", i);
	}
	start(&m, 0, 1, 0, 0);
	ADD(&m, "\1a\0");
	ADD_FIXED(&m, TYPE_NS, "\1x\xc0\x0c");
	assert_int_equal(read_all(&m, NULL), 1);
}

/* What the types that carry names look like: compressed, and expanded. c00c is "Ab.". */
#define P "\xc0\x0c"
#define N "\2Ab\0"
static const struct {
	unsigned type;
	const char *packed, *plain;
	size_t packed_len, plain_len;
} expansions[] = {
#define ROW(type, packed, plain)                                                                   \
	{                                                                                          \
		type, packed, plain, sizeof(packed) - 1, sizeof(plain) - 1                         \
	}
	ROW(2, P, N),
	ROW(3, P, N),
	ROW(4, P, N),
	ROW(5, "\1x" P, "\1x" N),
	ROW(7, P, N),
	ROW(8, P, N),
	ROW(9, P, N),
	ROW(12, P, N),
	ROW(39, P, N),
	ROW(6, "\1m" P P "abcdefghijklmnopqrst", "\1m" N N "abcdefghijklmnopqrst"),
	ROW(14, P P, N N),
	ROW(17, P "\1x" P, N "\1x" N),
	ROW(15, "ab" P, "ab" N),
	ROW(18, "ab" P, "ab" N),
	ROW(21, "ab" P, "ab" N),
	ROW(24, "aabcddddeeeeffffgg" P "signature", "aabcddddeeeeffffgg" N "signature"),
	ROW(26, "ab" P P, "ab" N N),
	ROW(30, P "\x40", N "\x40"),
	ROW(33, "aabbcc" P, "aabbcc" N),
	ROW(35, "aabb\1u\3a+b\0" P, "aabb\1u\3a+b\0" N),
	ROW(36, "ab" P, "ab" N),
#undef ROW
};

static void expands_names(void **state)
{
	(void)state;
	static struct message m;
	static struct packet_reader r;
	for (size_t i = 0; i < sizeof(expansions) / sizeof(expansions[0]); i++) {
		struct rr rr;
		uint8_t out[64];
		start(&m, 0, 1, 0, 0);
		ADD(&m, N);
		size_t at = m.len + 10;
		add_fixed(&m, expansions[i].type, expansions[i].packed, expansions[i].packed_len);
		assert_int_equal(packet_open(&r, m.bytes, m.len), 0);
		if (packet_next(&r, &rr) != 1)
			fail_msg("type %u was refused", expansions[i].type);
		assert_int_equal(rr.rdata_len, expansions[i].plain_len);
		assert_memory_equal(rr.rdata, expansions[i].plain, rr.rdata_len);
		assert_true(packet_at_end(&r));
		unsigned packed = (unsigned)expansions[i].packed_len, type = expansions[i].type;
		assert_int_equal(packet_expand_rdata(m.bytes, m.len, at, (uint16_t)packed,
					 (uint16_t)type, out, sizeof(out)),
			expansions[i].plain_len);
		assert_memory_equal(out, expansions[i].plain, expansions[i].plain_len);
		/* Not a byte more than there is room for. */
		for (size_t cap = 0; cap < expansions[i].plain_len; cap++) {
			uint8_t *small = malloc(cap ? cap : 1);
			assert_int_equal(packet_expand_rdata(m.bytes, m.len, at, (uint16_t)packed,
						 (uint16_t)type, small, cap),
				-EBADMSG);
			free(small);
		}
		/* Plain RDATA passes as it is. */
		start(&m, 0, 1, 0, 0);
		ADD(&m, N);
		add_fixed(&m, type, expansions[i].plain, expansions[i].plain_len);
		assert_int_equal(packet_open(&r, m.bytes, m.len), 0);
		assert_int_equal(packet_next(&r, &rr), 1);
		assert_ptr_equal(rr.rdata, m.bytes + at);
	}
}

/* Types whose names nobody may compress: a pointer there is no name. */
static void refuses_compression_elsewhere(void **state)
{
	(void)state;
	static struct message m;
	static const struct {
		unsigned type;
		const char *bytes;
		size_t len;
	} rows[] = {
#define ROW(type, bytes) {type, bytes, sizeof(bytes) - 1}
		ROW(TYPE_RRSIG, "aabcddddeeeeffffgg" P "signature"),
		ROW(TYPE_NSEC, P "\0\1\x40"),
		ROW(TYPE_SVCB, "\0\1" P),
		ROW(TYPE_HTTPS, "\0\1" P),
		ROW(107, "\0\1" P),
		ROW(58, P P),
		ROW(23, P),
#undef ROW
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		uint8_t out[64];
		start(&m, 0, 1, 0, 0);
		ADD(&m, N);
		add_fixed(&m, rows[i].type, rows[i].bytes, rows[i].len);
		assert_int_equal(read_all(&m, NULL), -EBADMSG);
		assert_int_equal(packet_expand_rdata(m.bytes, m.len, 26, (uint16_t)rows[i].len,
					 (uint16_t)rows[i].type, out, sizeof(out)),
			-EBADMSG);
	}
	/* In a type that we do not know, it is two bytes like any. */
	start(&m, 0, 1, 0, 0);
	ADD(&m, N);
	ADD_FIXED(&m, 65280, P);
	assert_int_equal(read_all(&m, NULL), 1);
	uint8_t out[2];
	assert_int_equal(packet_expand_rdata(m.bytes, m.len, 26, 2, 65280, out, 2), 2);
	assert_int_equal(packet_expand_rdata(m.bytes, m.len, 26, 2, 65280, out, 1), -EBADMSG);
	assert_int_equal(packet_expand_rdata(m.bytes, m.len, m.len, 1, 65280, out, 2), -EBADMSG);
	assert_int_equal(
		packet_expand_rdata(m.bytes, m.len, m.len + 1, 0, 65280, out, 2), -EBADMSG);
	assert_int_equal(packet_expand_rdata(m.bytes, m.len, m.len, 0, 65280, out, 2), 0);
	assert_int_equal(packet_expand_rdata(m.bytes, SIZE_MAX, 26, 2, 65280, out, 2), -EBADMSG);
}

static void expanded_rdata_has_a_limit(void **state)
{
	(void)state;
	static struct message m;
	static uint8_t sig[4000];
	for (unsigned more = 2025; more < 2035; more++) { /* 18 bytes, "Ab.", the signature */
		start(&m, 0, 1, 0, 0);
		ADD(&m, N);
		memcpy(sig, "aabcddddeeeeffffgg" P, 20);
		add_fixed(&m, TYPE_SIG, sig, 20 + more);
		assert_int_equal(
			read_all(&m, NULL), 18 + 4 + more <= PACKET_SCRATCH ? 1 : -EBADMSG);
	}
}

/* Thousands of records of 12 bytes, each of which points at a name of `labels` labels. */
static int read_bomb(unsigned labels, unsigned records)
{
	static struct message m;
	start(&m, 0, 1 + records, 0, 0);
	for (unsigned i = 0; i < labels; i++)
		ADD(&m, "\1x");
	ADD(&m, "\0");
	ADD_FIXED(&m, 65280, "");
	for (unsigned i = 0; i < records; i++) {
		ADD(&m, "\xc0\x0c");
		ADD_FIXED(&m, 65280, "");
	}
	return read_all(&m, NULL);
}

static void bombs_run_out_of_budget(void **state)
{
	(void)state;
	assert_int_equal(read_bomb(4, 5000), 5001);
	assert_int_equal(read_bomb(34, 1000), 1001); /* ip6.arpa */
	assert_int_equal(read_bomb(127, 3), 4);	     /* a few do no harm */
	assert_int_equal(read_bomb(127, 1000), -EBADMSG);
	assert_int_equal(read_bomb(127, 5000), -EBADMSG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_pkarr),
		cmocka_unit_test(reads_questions_and_sections),
		cmocka_unit_test(ttl_above_the_limit_is_zero),
		cmocka_unit_test(every_truncation_is_refused),
		cmocka_unit_test(lying_counts),
		cmocka_unit_test(pointers_that_lie),
		cmocka_unit_test(expands_names),
		cmocka_unit_test(refuses_compression_elsewhere),
		cmocka_unit_test(expanded_rdata_has_a_limit),
		cmocka_unit_test(bombs_run_out_of_budget),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
