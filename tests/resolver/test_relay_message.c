/* What a relay does to queries and replies. */
#undef NDEBUG
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "resolver/relay_message.h"

#define HEAD "\x12\x34\x01\x10\0\1\0\0\0\0\0"
#define QUESTION "\3wWw\7example\0\0\1\0\1"
#define OPT "\0\0\x29\x04\xd0\0\0\x80\0\0\0"
static const uint8_t plain[] = HEAD "\0" QUESTION;    /* and a NUL behind it */
static const uint8_t edns[] = HEAD "\1" QUESTION OPT; /* likewise */
#define PLAIN (sizeof(plain) - 1)
#define EDNS (sizeof(edns) - 1)

static void test_read(void **state)
{
	(void)state;
	uint8_t m[RELAY_QUERY_MAX + 1];
	assert_int_equal(relay_query_read(plain, PLAIN), PLAIN);
	assert_int_equal(relay_query_read(edns, EDNS), PLAIN);
	for (size_t len = 0; len < PLAIN; len++)
		assert_int_equal(relay_query_read(plain, len), -EBADMSG);
	memcpy(m, plain, PLAIN);
	m[2] |= 0x80; /* a reply */
	assert_int_equal(relay_query_read(m, PLAIN), -EBADMSG);
	memcpy(m, plain, PLAIN);
	m[5] = 2;
	assert_int_equal(relay_query_read(m, PLAIN), -EBADMSG);
	m[5] = 0;
	assert_int_equal(relay_query_read(m, PLAIN), -EBADMSG);
	/* A pointer in the question; too long a message. */
	memcpy(m, plain, PLAIN);
	m[PACKET_HEADER] = 0xc0;
	m[PACKET_HEADER + 1] = 0x0c;
	assert_int_equal(relay_query_read(m, PLAIN), -EBADMSG);
	memset(m, 0, sizeof(m));
	memcpy(m, plain, PLAIN);
	assert_int_equal(relay_query_read(m, sizeof(m)), -EBADMSG);
}

static void test_pad(void **state)
{
	(void)state;
	uint8_t out[RELAY_QUERY_MAX], m[RELAY_QUERY_MAX] = {0};
	struct packet_reader r;
	struct rr rr;
	/* Without EDNS there is no place for it. */
	assert_int_equal(relay_query_pad(plain, PLAIN, out), PLAIN);
	assert_memory_equal(out, plain, PLAIN);
	assert_int_equal(relay_query_pad(edns, EDNS, out), RELAY_PAD_BLOCK);
	assert_int_equal(packet_open(&r, out, RELAY_PAD_BLOCK), 0);
	assert_int_equal(packet_next(&r, &rr), 1);
	assert_int_equal(rr.type, TYPE_OPT);
	assert_int_equal(rr.rdata_len, RELAY_PAD_BLOCK - EDNS);
	assert_memory_equal(
		rr.rdata, ((const uint8_t[]){0, 12, 0, (uint8_t)(rr.rdata_len - 4)}), 4);
	for (size_t i = 4; i < rr.rdata_len; i++)
		assert_int_equal(rr.rdata[i], 0);
	assert_int_equal(packet_next(&r, &rr), 0);
	assert_true(packet_at_end(&r));
	/* Every length: behind an option of n bytes, to the next block, while there is room for
	 * one. */
	for (size_t n = 0; n + EDNS + 4 <= RELAY_QUERY_MAX; n++) {
		size_t len = EDNS + 4 + n, padded;
		memcpy(m, edns, EDNS);
		m[EDNS - 2] = (uint8_t)((n + 4) >> 8);
		m[EDNS - 1] = (uint8_t)(n + 4);
		memcpy(m + EDNS, (const uint8_t[]){0xff, 0xfe, (uint8_t)(n >> 8), (uint8_t)n}, 4);
		padded = relay_query_pad(m, len, out);
		if (len + 4 > RELAY_QUERY_MAX) {
			assert_int_equal(padded, len);
			continue;
		}
		assert_int_equal(padded % RELAY_PAD_BLOCK, 0);
		assert_in_range(padded, len + 4, len + 4 + RELAY_PAD_BLOCK - 1);
		assert_int_equal(packet_open(&r, out, padded), 0);
		assert_int_equal(packet_next(&r, &rr), 1);
		assert_int_equal(rr.rdata_len, padded - EDNS);
	}
	/* Bytes behind the end: left alone. */
	memcpy(m, edns, EDNS);
	m[EDNS] = 7;
	assert_int_equal(relay_query_pad(m, EDNS + 1, out), EDNS + 1);
}

static void test_reply(void **state)
{
	(void)state;
	uint8_t m[sizeof(plain)];
	memcpy(m, plain, sizeof(m));
	assert_false(relay_is_reply(m, PLAIN, plain, PLAIN)); /* that is the question */
	m[2] |= 0x80;
	assert_true(relay_is_reply(m, PLAIN, plain, PLAIN));
	assert_true(relay_is_reply(m, sizeof(m), plain, PLAIN)); /* with records, say */
	m[0]++;
	m[3] = 0x82;
	assert_true(relay_is_reply(m, PLAIN, plain, PLAIN)); /* the id is looked at elsewhere */
	m[PACKET_HEADER + 1] = 'W';
	assert_true(relay_is_reply(m, PLAIN, plain, PLAIN)); /* spelt otherwise */
	for (size_t at = 4; at < PLAIN; at++) {
		if (at >= 6 && at < PACKET_HEADER)
			continue; /* how many records there are is nobody's question */
		m[at] ^= 1;
		assert_false(relay_is_reply(m, PLAIN, plain, PLAIN));
		m[at] ^= 1;
	}
	/* The type is no text: 'A' is not 'a'. */
	uint8_t asked[sizeof(plain)];
	memcpy(asked, plain, sizeof(asked));
	memcpy(m, plain, sizeof(m));
	m[2] |= 0x80;
	asked[PLAIN - 3] = 'A';
	m[PLAIN - 3] = 'a';
	assert_false(relay_is_reply(m, PLAIN, asked, PLAIN));
	m[PLAIN - 3] = 'A';
	assert_true(relay_is_reply(m, PLAIN, asked, PLAIN));
	m[2] |= 0x28; /* another opcode */
	assert_false(relay_is_reply(m, PLAIN, asked, PLAIN));
	for (size_t len = 0; len < PLAIN; len++)
		assert_false(relay_is_reply(m, len, plain, PLAIN));
}

static void test_servfail(void **state)
{
	(void)state;
	uint8_t m[sizeof(edns)];
	relay_servfail(edns, PLAIN, m);
	assert_true(relay_is_reply(m, PLAIN, edns, PLAIN));
	assert_memory_equal(m, "\x12\x34\x81\x92\0\1\0\0\0\0\0\0", PACKET_HEADER);
	assert_memory_equal(m + PACKET_HEADER, QUESTION, PLAIN - PACKET_HEADER);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_read),
		cmocka_unit_test(test_pad),
		cmocka_unit_test(test_reply),
		cmocka_unit_test(test_servfail),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
