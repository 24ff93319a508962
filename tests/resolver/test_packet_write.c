/* Writing DNS messages: compression, overflow, and reading back what was written. */
#undef NDEBUG
#include "resolver/packet.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct name text_name(const char *text)
{
	struct name name;
	assert_int_equal(name_from_text(text, strlen(text), &name), 0);
	return name;
}

static struct rr make(const char *owner, uint16_t type, const void *rdata, size_t len)
{
	return (struct rr){.owner = text_name(owner),
		.type = type,
		.class = CLASS_IN,
		.ttl = 300,
		.rdata = rdata,
		.rdata_len = (uint16_t)len};
}
#define RR(owner, type, rdata) make(owner, type, rdata, sizeof(rdata) - 1)

static void writes_byte_for_byte(void **state)
{
	(void)state;
	static const uint8_t want[] =
		"\x12\x34\x81\x80\0\1\0\2\0\1\0\1"
		"\3www\7example\3com\0\0\1\0\1"
		"\xc0\x0c\0\5\0\1\0\0\1\x2c\0\7\4host\xc0\x10" /* CNAME host.example.com */
		"\xc0\x2d\0\1\0\1\0\0\1\x2c\0\4\300\0\2\1"     /* its owner is the name in RDATA */
		"\xc0\x18\0\2\0\1\0\0\1\x2c\0\5\2ns\xc0\x2d"   /* com NS ns.host.example.com */
		"\0\0\x29\4\xd0\0\0\x80\0\0\0";
	uint8_t buf[512];
	struct packet_writer w;
	struct question q = {
		.name = text_name("www.example.com"), .type = TYPE_A, .class = CLASS_IN};
	packet_begin(&w, buf, sizeof(buf), true);
	packet_put_question(&w, &q);
	struct rr rr = RR("www.example.com", TYPE_CNAME, "\4host\7example\3com\0");
	packet_put(&w, &rr);
	rr = RR("host.example.com", TYPE_A, "\300\0\2\1");
	packet_put(&w, &rr);
	rr = RR("com", TYPE_NS, "\2ns\4host\7example\3com\0");
	rr.section = PACKET_AUTHORITY;
	packet_put(&w, &rr);
	rr = RR(".", TYPE_OPT, "");
	rr.class = 1232;
	rr.ttl = 0x8000;
	rr.section = PACKET_ADDITIONAL;
	packet_put(&w, &rr);
	int len = packet_end(&w, 0x1234, 0x8180);
	assert_int_equal(len, sizeof(want) - 1);
	assert_memory_equal(buf, want, sizeof(want) - 1);
}

/* RFC 3597, section 4: only the types of RFC 1035; and names in RDATA keep their case. */
static void compresses_only_where_it_may(void **state)
{
	(void)state;
	uint8_t buf[512];
	struct packet_writer w;
	struct rr rr = RR("a.example", TYPE_SRV, "\0\1\0\2\0\3\1a\7example\0");
	packet_begin(&w, buf, sizeof(buf), true);
	packet_put(&w, &rr);
	assert_int_equal(packet_end(&w, 0, 0), 12 + 11 + 10 + 6 + 11);
	rr = RR("a.example", TYPE_NS, "\1A\7example\0");
	packet_begin(&w, buf, sizeof(buf), true);
	packet_put(&w, &rr);
	assert_int_equal(packet_end(&w, 0, 0), 12 + 11 + 10 + 2 + 2);
	assert_memory_equal(buf + 33, "\1A\xc0\x0e", 4);
	rr = RR("a.example", TYPE_MX, "\0\1\1a\7EXAMPLE\0");
	packet_begin(&w, buf, sizeof(buf), true);
	packet_put(&w, &rr);
	assert_int_equal(packet_end(&w, 0, 0), 12 + 11 + 10 + 2 + 11);
	/* RDATA that is not what its type says goes through as it is. */
	rr = RR("a.example", TYPE_NS, "\1a\7exam");
	packet_begin(&w, buf, sizeof(buf), true);
	packet_put(&w, &rr);
	assert_int_equal(packet_end(&w, 0, 0), 12 + 11 + 10 + 7);
	/* Not asked to compress. */
	rr = RR("a.example", TYPE_NS, "\1a\7example\0");
	packet_begin(&w, buf, sizeof(buf), false);
	packet_put(&w, &rr);
	packet_put(&w, &rr);
	assert_int_equal(packet_end(&w, 0, 0), 12 + 2 * (11 + 10 + 11));
}

static void a_label_inside_another_is_no_match(void **state)
{
	(void)state;
	uint8_t buf[512];
	struct packet_writer w;
	struct rr rr = RR("ab.example", TYPE_A, "abcd");
	packet_begin(&w, buf, sizeof(buf), true);
	packet_put(&w, &rr);
	rr = RR("b.example", TYPE_A, "abcd");
	packet_put(&w, &rr);
	rr = RR("ab", TYPE_A, "abcd"); /* the label is known, but before something else */
	packet_put(&w, &rr);
	assert_int_equal(packet_end(&w, 0, 0), 12 + (12 + 14) + (4 + 14) + (4 + 14));
	static struct packet_reader r;
	char text[NAME_TEXT_MAX];
	static const char *const want[] = {"ab.example", "b.example", "ab"};
	assert_int_equal(packet_open(&r, buf, w.len), 0);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(packet_next(&r, &rr), 1);
		name_to_text(&rr.owner, text);
		assert_string_equal(text, want[i]);
	}
}

static void pkarr_packet_is_written_as_others_do(void **state)
{
	(void)state;
	static const char *const key = "47pjoycnsrfmxikm95jh13y88e8qnhzu5kungjpxyepgt7a8krpy";
	static const char *const d4 = "00008000000000020000000003666f6f343437706a6f79636e7372666d78"
				      "696b6d39356a683133793838"
				      "6538716e687a75356b756e676a707879657067743761386b727079000001"
				      "00010000012c0004c0000201"
				      "025f74c010001000010000001e00060568656c6c6f";
	uint8_t buf[996];
	char hex[2 * sizeof(buf) + 1], owner[64];
	struct packet_writer w;
	packet_begin(&w, buf, sizeof(buf), true);
	snprintf(owner, sizeof(owner), "foo.%s", key);
	struct rr rr = RR(owner, TYPE_A, "\300\0\2\1");
	packet_put(&w, &rr);
	snprintf(owner, sizeof(owner), "_t.%s", key);
	rr = RR(owner, TYPE_TXT, "\5hello");
	rr.ttl = 30;
	packet_put(&w, &rr);
	int len = packet_end(&w, 0, FLAG_QR);
	for (int i = 0; i < len; i++)
		snprintf(hex + 2 * i, 3, "%02x", buf[i]);
	assert_string_equal(hex, d4);
}

/* Every size of buffer: what does not fit leaves no trace, and nothing is written behind. */
static void overflow_leaves_nothing(void **state)
{
	(void)state;
	struct question q = {.name = text_name("a.example"), .type = TYPE_MX, .class = CLASS_IN};
	struct rr mx = RR("a.example", TYPE_MX, "\0\12\4mail\7example\0"); /* 12 + 2 + 5 + 2 = 21 */
	struct rr a = RR("mail.example", TYPE_A, "abcd");		   /* 16 */
	for (size_t cap = 0; cap < 90; cap++) {
		uint8_t *buf = malloc(cap ? cap : 1);
		struct packet_writer w;
		packet_begin(&w, buf, cap, true);
		packet_put_question(&w, &q); /* 15 */
		packet_put(&w, &mx);
		packet_put(&w, &a);
		bool fits = cap >= 12 + 15 + 21 + 16;
		assert_int_equal(w.full, !fits);
		assert_int_equal(packet_end(&w, 1, FLAG_QR), fits ? 64 : -EFBIG);
		if (cap >= 27) {
			static struct packet_reader r;
			struct rr rr;
			assert_int_equal(packet_open(&r, buf, w.len), 0);
			assert_int_equal(r.header.count[0], 1);
			int records = 0;
			while (packet_next(&r, &rr) == 1)
				records++;
			assert_true(packet_at_end(&r));
			assert_int_equal(records, r.header.count[1]);
		}
		free(buf);
	}
}

static void smaller_records_fit_after_an_overflow(void **state)
{
	(void)state;
	uint8_t buf[60];
	static uint8_t rdata[100];
	struct packet_writer w;
	struct rr big = make("big.example", 65280, rdata, sizeof(rdata)),
		  opt = RR(".", TYPE_OPT, ""), a = RR("x.big.example", TYPE_A, "abcd");
	opt.section = PACKET_ADDITIONAL;
	packet_begin(&w, buf, sizeof(buf), true);
	packet_put(&w, &big);
	assert_true(w.full);
	assert_int_equal(w.len, 12);
	packet_put(&w, &a); /* the names of the record that was taken back are forgotten */
	packet_put(&w, &opt);
	assert_int_equal(packet_end(&w, 0, 0), -EFBIG);
	static struct packet_reader r;
	struct rr rr;
	assert_int_equal(packet_open(&r, buf, w.len), 0);
	assert_int_equal(packet_next(&r, &rr), 1);
	assert_true(name_equal(&rr.owner, &a.owner));
	assert_int_equal(packet_next(&r, &rr), 1);
	assert_int_equal(rr.type, TYPE_OPT);
	assert_int_equal(packet_next(&r, &rr), 0);
}

static uint32_t next_random(uint32_t *state)
{
	*state = *state * 1664525 + 1013904223;
	return *state >> 16;
}

static struct name random_name(uint32_t *random)
{
	struct name name = {.len = 1}, label = {.len = 3, .wire = {1}};
	for (unsigned n = next_random(random) % 6; n > 0; n--) {
		label.wire[1] = (uint8_t)('a' + next_random(random) % 3);
		assert_int_equal(name_join(&label, &name, &name), 0);
	}
	return name;
}

/* Many names of few letters, so that nearly all share something: more than the table holds, and
 * beyond the reach of a pointer. */
static void round_trip(void **state)
{
	(void)state;
	static uint8_t buf[PACKET_MAX];
	static struct name owners[1000], targets[1000];
	static struct packet_reader r;
	uint32_t random = 42;
	struct packet_writer w;
	for (int pass = 0; pass < 2; pass++) {
		size_t plain = 12;
		packet_begin(&w, buf, sizeof(buf), true);
		for (int i = 0; i < 1000; i++) {
			owners[i] = random_name(&random);
			targets[i] = random_name(&random);
			/* Long labels in the second pass: half the message lies past 16 KB. */
			struct name longer = {.len = 22, .wire = {20}};
			memset(longer.wire + 1, 'a' + i % 26, 20);
			if (pass)
				assert_int_equal(name_join(&longer, &owners[i], &owners[i]), 0);
			struct rr rr = {.owner = owners[i],
				.type = TYPE_NS,
				.class = CLASS_IN,
				.ttl = 1,
				.rdata = targets[i].wire,
				.rdata_len = targets[i].len};
			packet_put(&w, &rr);
			plain += owners[i].len + 10u + targets[i].len;
		}
		int len = packet_end(&w, 0, 0);
		assert_true(len > 0 && (size_t)len < plain);
		assert_int_equal(w.names, PACKET_COMPRESS_MAX);
		assert_int_equal(packet_open(&r, buf, (size_t)len), 0);
		for (int i = 0; i < 1000; i++) {
			struct rr rr;
			assert_int_equal(packet_next(&r, &rr), 1);
			assert_true(name_equal(&rr.owner, &owners[i]));
			assert_int_equal(rr.rdata_len, targets[i].len);
			assert_memory_equal(rr.rdata, targets[i].wire, targets[i].len);
		}
		assert_true(packet_at_end(&r));
	}
}

/* A pointer has 14 bits: what stands at 16,384 and beyond cannot be pointed at. */
static void reach_of_pointers(void **state)
{
	(void)state;
	static uint8_t buf[PACKET_MAX], filler[0x4000];
	static struct packet_reader r;
	for (size_t last = 0x3ff0; last < 0x4010; last++) { /* where a.b begins */
		struct packet_writer w;
		struct rr fill = make(".", 65280, filler, last - 12 - 11), rr,
			  a = RR("a.b", TYPE_A, "abcd");
		packet_begin(&w, buf, sizeof(buf), true);
		packet_put(&w, &fill);
		assert_int_equal(w.len, last);
		packet_put(&w, &a);
		packet_put(&w, &a);
		/* Neither label, or both: "b" lies two bytes behind. */
		assert_int_equal(w.len - last - 19, last + 2 <= 0x3fff ? 16 : 19);
		int len = packet_end(&w, 0, 0);
		assert_true(len > 0);
		assert_int_equal(packet_open(&r, buf, (size_t)len), 0);
		assert_int_equal(packet_next(&r, &rr), 1);
		for (int i = 0; i < 2; i++) {
			assert_int_equal(packet_next(&r, &rr), 1);
			assert_true(name_equal(&rr.owner, &a.owner));
		}
	}
}

static void longest_names(void **state)
{
	(void)state;
	uint8_t buf[2048];
	struct name many = {.len = 255}, big = {.len = 255};
	for (int i = 0; i < 127; i++)
		memcpy(many.wire + 2 * i, "\1y", 2);
	many.wire[254] = 0;
	for (int i = 0; i < 4; i++)
		big.wire[64 * i] = i < 3 ? 63 : 61;
	struct packet_writer w;
	packet_begin(&w, buf, sizeof(buf), true);
	for (int i = 0; i < 4; i++) {
		struct rr rr = {.owner = i % 2 ? big : many,
			.type = TYPE_NS,
			.class = CLASS_IN,
			.rdata = many.wire,
			.rdata_len = 255};
		packet_put(&w, &rr);
	}
	int len = packet_end(&w, 0, 0);
	assert_true(len > 0);
	static struct packet_reader r;
	assert_int_equal(packet_open(&r, buf, (size_t)len), 0);
	for (int i = 0; i < 4; i++) {
		struct rr rr;
		assert_int_equal(packet_next(&r, &rr), 1);
		assert_true(name_equal(&rr.owner, i % 2 ? &big : &many));
		assert_int_equal(rr.rdata_len, 255);
		assert_memory_equal(rr.rdata, many.wire, 255);
	}
}

/* Names nested deeper than a reader follows pointers: each is written so that it can be read. */
static void test_deep_nesting(void **state)
{
	(void)state;
	uint8_t buf[PACKET_MAX];
	struct packet_writer w;
	struct packet_reader r;
	struct rr rr = {.type = TYPE_A, .class = CLASS_IN, .rdata_len = 4, .rdata = (const uint8_t *)"abcd"};
	packet_begin(&w, buf, sizeof(buf), true);
	for (unsigned depth = 1; depth <= 50; depth++) {
		uint8_t *wire = rr.owner.wire;
		for (unsigned i = depth; i; i--) {
			*wire++ = 1;
			*wire++ = (uint8_t)('a' + i % 26);
		}
		*wire = 0;
		rr.owner.len = (uint8_t)(2 * depth + 1);
		packet_put(&w, &rr);
	}
	int len = packet_end(&w, 0, FLAG_QR);
	assert_true(len > 0 && len < 50 * 60);
	assert_int_equal(packet_open(&r, buf, (size_t)len), 0);
	for (unsigned depth = 1; depth <= 50; depth++) {
		assert_int_equal(packet_next(&r, &rr), 1);
		assert_int_equal(rr.owner.len, 2 * depth + 1);
	}
	assert_int_equal(packet_next(&r, &rr), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_deep_nesting),
		cmocka_unit_test(writes_byte_for_byte),
		cmocka_unit_test(compresses_only_where_it_may),
		cmocka_unit_test(a_label_inside_another_is_no_match),
		cmocka_unit_test(pkarr_packet_is_written_as_others_do),
		cmocka_unit_test(overflow_leaves_nothing),
		cmocka_unit_test(smaller_records_fit_after_an_overflow),
		cmocka_unit_test(round_trip),
		cmocka_unit_test(reach_of_pointers),
		cmocka_unit_test(longest_names),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
