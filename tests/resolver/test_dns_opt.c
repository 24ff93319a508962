/* EDNS options as clients send them, and the OPT of replies: what is said, and what gives way. */
#undef NDEBUG
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "resolver/dns_opt.h"

#define W(s) (const uint8_t *)(s), sizeof(s) - 1
#define EIGHT "CLIENT01"

static void test_reading(void **state)
{
	(void)state;
	static const struct {
		const char *what;
		const uint8_t *bytes;
		size_t len;
		bool good;
		unsigned cookie;
		bool keepalive, padding;
	} rows[] = {
		{"none", W(""), true, 0, false, false},
		{"unknown", W("\xff\xfe\0\3abc"), true, 0, false, false},
		{"a client's cookie", W("\0\x0a\0\x08" EIGHT), true, 8, false, false},
		{"a whole cookie", W("\0\x0a\0\x18" EIGHT EIGHT EIGHT), true, 24, false, false},
		{"the longest", W("\0\x0a\0\x28" EIGHT EIGHT EIGHT EIGHT EIGHT), true, 40, false, false},
		{"no cookie at all", W("\0\x0a\0\0"), false, 0, false, false},
		{"seven bytes", W("\0\x0a\0\7CLIENT0"), false, 0, false, false},
		{"nine", W("\0\x0a\0\x09" EIGHT "x"), false, 0, false, false},
		{"fifteen", W("\0\x0a\0\x0f" EIGHT "1234567"), false, 0, false, false},
		{"forty-one", W("\0\x0a\0\x29" EIGHT EIGHT EIGHT EIGHT EIGHT "x"), false, 0, false, false},
		{"two: the first", W("\0\x0a\0\x08" EIGHT "\0\x0a\0\x18" EIGHT EIGHT EIGHT), true, 8, false, false},
		{"the second is bad", W("\0\x0a\0\x08" EIGHT "\0\x0a\0\1x"), false, 0, false, false},
		{"keepalive", W("\0\x0b\0\0"), true, 0, true, false},
		{"keepalive with a time", W("\0\x0b\0\2\0\1"), true, 0, false, false},
		{"padding", W("\0\x0c\0\4\0\0\0\0"), true, 0, false, true},
		{"padding of none", W("\0\x0c\0\0"), true, 0, false, true},
		{"all", W("\0\x0c\0\1\0\0\x0b\0\0\0\x0a\0\x08" EIGHT), true, 8, true, true},
		{"half a head", W("\0\x0a\0"), false, 0, false, false},
		{"a length that lies", W("\0\x0a\0\x09" EIGHT), false, 0, false, false},
		{"bytes behind the last", W("\0\x0b\0\0x"), false, 0, false, false},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct dns_query q = {.edns = true};
		bool good = dns_opt_read(&q, rows[i].bytes, rows[i].len);
		if (good != rows[i].good || (good && (q.cookie_len != rows[i].cookie ||
			q.asks_keepalive != rows[i].keepalive || q.asks_padding != rows[i].padding)))
			fail_msg("%s: %d, %u, %d, %d", rows[i].what, good, q.cookie_len, q.asks_keepalive, q.asks_padding);
	}
}

#define FIXED(flags, len) "\0\0\x29\4\xd0" flags len

static void check_opt(const struct dns_query *q, struct dns_outcome outcome, size_t room, const uint8_t *want, size_t len)
{
	struct dns_opt opt;
	dns_opt_fit(q, outcome, room, &opt);
	assert_int_equal(opt.len, len);
	if (len)
		assert_memory_equal(opt.bytes, want, len);
}

static void test_writing(void **state)
{
	(void)state;
	const struct dns_outcome good = dns_outcome_of(RCODE_NOERROR, EDE_NONE);
	struct dns_query none = {.asks_keepalive = true, .keepalive = 100, .replies_cookie = true};
	check_opt(&none, good, 512, W("")); /* never unasked */
	struct dns_query q = {.edns = true};
	check_opt(&q, good, 512, W(FIXED("\0\0\0\0", "\0\0")));
	check_opt(&q, dns_outcome_of(RCODE_BADVERS, EDE_NONE), 512, W(FIXED("\1\0\0\0", "\0\0")));
	check_opt(&q, dns_outcome_of(RCODE_BADCOOKIE, EDE_NONE), 512, W(FIXED("\1\0\0\0", "\0\0")));
	q.dnssec_ok = true;
	check_opt(&q, good, 512, W(FIXED("\0\0\x80\0", "\0\0")));
	q.keepalive = 100;
	q.pads = true;
	check_opt(&q, good, 512, W(FIXED("\0\0\x80\0", "\0\0"))); /* not asked for a time */
	q.asks_keepalive = true;
	check_opt(&q, good, 512, W(FIXED("\0\0\x80\0", "\0\6") "\0\x0b\0\2\0\x64"));
	q.keepalive = 0; /* over UDP there is none */
	check_opt(&q, good, 512, W(FIXED("\0\0\x80\0", "\0\0")));
	q.replies_cookie = true;
	memcpy(q.reply_cookie, EIGHT EIGHT EIGHT, COOKIE_LEN);
	check_opt(&q, good, 512, W(FIXED("\0\0\x80\0", "\0\x1c") "\0\x0a\0\x18" EIGHT EIGHT EIGHT));
	check_opt(&q, dns_outcome_of(RCODE_SERVFAIL, EDE_NO_REPLY), 512,
		W(FIXED("\0\0\x80\0", "\0\x22") "\0\x0a\0\x18" EIGHT EIGHT EIGHT "\0\x0f\0\2\0\x17"));
}

/* Words, then options, then the OPT itself. */
static void test_fitting(void **state)
{
	(void)state;
	struct dns_query q = {.edns = true, .replies_cookie = true, .reply_cookie = EIGHT EIGHT "CLIENT0"};
	const struct dns_outcome outcome = dns_outcome_of(RCODE_REFUSED, EDE_PROHIBITED);
	size_t words = strlen(outcome.words), whole = 11 + 28 + 6 + words;
	static const size_t lens[] = {11 + 28 + 6, 11 + 28, 11, 0};
	struct dns_opt opt;
	dns_opt_fit(&q, outcome, whole, &opt);
	assert_int_equal(opt.len, whole);
	assert_memory_equal(opt.bytes + whole - words, outcome.words, words);
	for (size_t room = 0; room < whole; room++) {
		dns_opt_fit(&q, outcome, room, &opt);
		assert_int_equal(opt.len, lens[room >= 45 ? 0 : room >= 39 ? 1 : room >= 11 ? 2 : 3]);
		if (opt.len)
			assert_int_equal(opt.bytes[10], opt.len - 11);
	}
}

/* Nothing that an outcome can say is longer than the buffer. */
static void test_largest(void **state)
{
	(void)state;
	struct dns_query q = {.edns = true, .replies_cookie = true, .asks_keepalive = true, .keepalive = 65535};
	for (int ede = -1; ede < 64; ede++) {
		struct dns_opt opt;
		dns_opt_write(&q, dns_outcome_of(RCODE_BADCOOKIE, ede), &opt);
		assert_in_range(opt.len, 45, DNS_OPT_MAX);
	}
}

static void test_padding(void **state)
{
	(void)state;
	static uint8_t reply[4096];
	struct dns_query q = {.edns = true};
	struct dns_opt opt;
	dns_opt_write(&q, dns_outcome_of(0, EDE_NONE), &opt);
	for (size_t len = 11; len < 1500; len++) {
		memset(reply, 0xee, sizeof(reply));
		memcpy(reply + len - opt.len, opt.bytes, opt.len);
		size_t n = dns_opt_pad(reply, len, opt.len, sizeof(reply));
		assert_int_equal(n % 468, 0);
		assert_in_range(n, len + 4, len + 4 + 467);
		const uint8_t *p = reply + len - 2;
		assert_int_equal(p[0] << 8 | p[1], n - len);
		assert_memory_equal(p + 2, "\0\x0c", 2);
		assert_int_equal(p[4] << 8 | p[5], n - len - 4);
		for (size_t i = len + 4; i < n; i++)
			assert_int_equal(reply[i], 0);
		assert_int_equal(reply[n], 0xee);
	}
	/* Never over the limit, never without an OPT. */
	memcpy(reply + 100, opt.bytes, opt.len);
	assert_int_equal(dns_opt_pad(reply, 111, 11, 300), 300);
	assert_int_equal(dns_opt_pad(reply, 111, 11, 114), 111);
	assert_int_equal(dns_opt_pad(reply, 111, 0, 4096), 111);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_reading),
		cmocka_unit_test(test_writing),
		cmocka_unit_test(test_fitting),
		cmocka_unit_test(test_largest),
		cmocka_unit_test(test_padding),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
