/* Queries as clients and attackers send them, and the replies to them. */
#undef NDEBUG
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "resolver/dns_message.h"
#include "resolver/trace.h"

#define W(s) (const uint8_t *)(s), sizeof(s) - 1
#define HEAD(flags, counts) "\x12\x34" flags counts
#define WWW "\3wWw\7eXample\0"
#define Q_A WWW "\0\1\0\1"
#define OPT(size, ttl, data) "\0\0\x29" size ttl data

static void test_reading(void **state)
{
	(void)state;
	static const struct {
		const char *what;
		const uint8_t *bytes;
		size_t len;
		enum dns_reading reading;
		uint8_t rcode;
	} rows[] = {
		{"plain", W(HEAD("\1\0", "\0\1\0\0\0\0\0\0") Q_A), DNS_ASK, 0},
		{"EDNS", W(HEAD("\1\0", "\0\1\0\0\0\0\0\1") Q_A OPT("\4\xd0", "\0\0\x80\0", "\0\0")), DNS_ASK, 0},
		{"an option nobody knows", W(HEAD("\1\0", "\0\1\0\0\0\0\0\1") Q_A
			OPT("\4\xd0", "\0\0\0\0", "\0\6\xff\xff\0\2zz")), DNS_ASK, 0},
		{"a flag nobody knows", W(HEAD("\1\0", "\0\1\0\0\0\0\0\1") Q_A OPT("\4\xd0", "\0\0\0\x80", "\0\0")), DNS_ASK, 0},
		{"empty", W(""), DNS_DROP, 0},
		{"half a header", W("\x12\x34\1\0\0\1\0\0\0\0\0"), DNS_DROP, 0},
		{"a reply", W(HEAD("\x81\x80", "\0\1\0\0\0\0\0\0") Q_A), DNS_DROP, 0},
		{"a header alone", W(HEAD("\1\0", "\0\0\0\0\0\0\0\0")), DNS_ERROR, RCODE_FORMERR},
		{"two questions", W(HEAD("\1\0", "\0\2\0\0\0\0\0\0") Q_A Q_A), DNS_ERROR, RCODE_FORMERR},
		/* Skipped as if there were none, they would leave a client that asks for a cookie. */
		{"two questions and a cookie", W(HEAD("\1\0", "\0\2\0\0\0\0\0\1") Q_A Q_A
			OPT("\4\xd0", "\0\0\0\0", "\0\x0c\0\x0a\0\x08" "CLIENT01")), DNS_ERROR, RCODE_FORMERR},
		{"no question where one is promised", W(HEAD("\1\0", "\0\1\0\0\0\0\0\0")), DNS_ERROR, RCODE_FORMERR},
		{"cut in the type", W(HEAD("\1\0", "\0\1\0\0\0\0\0\0") WWW "\0"), DNS_ERROR, RCODE_FORMERR},
		{"a name that points at itself", W(HEAD("\1\0", "\0\1\0\0\0\0\0\0") "\xc0\x0c\0\1\0\1"), DNS_ERROR, RCODE_FORMERR},
		{"label type 01", W(HEAD("\1\0", "\0\1\0\0\0\0\0\0") "\x41" "a\0\0\1\0\1"), DNS_ERROR, RCODE_FORMERR},
		{"bytes behind the end", W(HEAD("\1\0", "\0\1\0\0\0\0\0\0") Q_A "x"), DNS_ERROR, RCODE_FORMERR},
		{"an answer in a query", W(HEAD("\1\0", "\0\1\0\1\0\0\0\0") Q_A "\xc0\x0c\0\1\0\1\0\0\0\1\0\4\1\2\3\4"), DNS_ERROR, RCODE_FORMERR},
		{"a record promised and missing", W(HEAD("\1\0", "\0\1\0\0\0\0\0\1") Q_A), DNS_ERROR, RCODE_FORMERR},
		{"two OPT", W(HEAD("\1\0", "\0\1\0\0\0\0\0\2") Q_A OPT("\4\xd0", "\0\0\0\0", "\0\0")
			OPT("\4\xd0", "\0\0\0\0", "\0\0")), DNS_ERROR, RCODE_FORMERR},
		{"OPT of a name", W(HEAD("\1\0", "\0\1\0\0\0\0\0\1") Q_A "\1a\0\0\x29\4\xd0\0\0\0\0\0\0"), DNS_ERROR, RCODE_FORMERR},
		{"an option that lies of its length", W(HEAD("\1\0", "\0\1\0\0\0\0\0\1") Q_A
			OPT("\4\xd0", "\0\0\0\0", "\0\6\0\x0a\0\x09zz")), DNS_ERROR, RCODE_FORMERR},
		{"a cookie of no length", W(HEAD("\1\0", "\0\1\0\0\0\0\0\1") Q_A
			OPT("\4\xd0", "\0\0\0\0", "\0\4\0\x0a\0\0")), DNS_ERROR, RCODE_FORMERR},
		{"a cookie and no question", W(HEAD("\1\0", "\0\0\0\0\0\0\0\1")
			OPT("\4\xd0", "\0\0\0\0", "\0\x0c\0\x0a\0\x08" "CLIENT01")), DNS_ERROR, RCODE_NOERROR},
		{"neither", W(HEAD("\1\0", "\0\0\0\0\0\0\0\1") OPT("\4\xd0", "\0\0\0\0", "\0\0")), DNS_ERROR, RCODE_FORMERR},
		{"options of version 1 that are none of version 0", W(HEAD("\1\0", "\0\1\0\0\0\0\0\1") Q_A
			OPT("\4\xd0", "\0\1\0\0", "\0\5\0\x0a\0\1x")), DNS_ERROR, RCODE_BADVERS},
		{"EDNS version 1", W(HEAD("\1\0", "\0\1\0\0\0\0\0\1") Q_A OPT("\4\xd0", "\0\1\0\0", "\0\0")), DNS_ERROR, RCODE_BADVERS},
		{"TSIG", W(HEAD("\1\0", "\0\1\0\0\0\0\0\1") Q_A "\1k\0\0\xfa\0\xff\0\0\0\0\0\0"), DNS_ERROR, RCODE_REFUSED},
		{"NOTIFY", W(HEAD("\x20\0", "\0\1\0\0\0\0\0\0") Q_A), DNS_ERROR, RCODE_NOTIMP},
		{"UPDATE", W(HEAD("\x28\0", "\0\1\0\0\0\0\0\0") Q_A), DNS_ERROR, RCODE_NOTIMP},
		{"opcode 15", W(HEAD("\x78\0", "\0\1\0\0\0\0\0\0") Q_A), DNS_ERROR, RCODE_NOTIMP},
		{"TC in a query", W(HEAD("\3\0", "\0\1\0\0\0\0\0\0") Q_A), DNS_ERROR, RCODE_FORMERR},
		{"CHAOS", W(HEAD("\1\0", "\0\1\0\0\0\0\0\0") WWW "\0\x10\0\3"), DNS_ERROR, RCODE_REFUSED},
		{"AXFR", W(HEAD("\1\0", "\0\1\0\0\0\0\0\0") WWW "\0\xfc\0\1"), DNS_ERROR, RCODE_REFUSED},
		{"OPT as a question", W(HEAD("\1\0", "\0\1\0\0\0\0\0\0") WWW "\0\x29\0\1"), DNS_ERROR, RCODE_REFUSED},
		{"type 0", W(HEAD("\1\0", "\0\1\0\0\0\0\0\0") WWW "\0\0\0\1"), DNS_ERROR, RCODE_REFUSED},
		{"ANY", W(HEAD("\1\0", "\0\1\0\0\0\0\0\0") WWW "\0\xff\0\1"), DNS_ASK, 0},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct dns_query q;
		uint8_t rcode = 0;
		enum dns_reading got = dns_query_read(rows[i].bytes, rows[i].len, &q, &rcode);
		if (got != rows[i].reading || (got == DNS_ERROR && rcode != rows[i].rcode))
			fail_msg("%s: reading %d, rcode %d", rows[i].what, got, rcode);
	}
}

static struct dns_query query_of(const char *flags, bool edns, uint16_t size, bool dnssec_ok)
{
	uint8_t m[64];
	struct dns_query q;
	uint8_t rcode;
	size_t len = 0;
	memcpy(m, "\x12\x34" "xx" "\0\1\0\0\0\0\0\0" Q_A, 29);
	len = 29;
	memcpy(m + 2, flags, 2);
	if (edns) {
		m[11] = 1;
		memcpy(m + len, "\0\0\x29" "ss" "\0\0\0\0" "\0\0", 11);
		m[len + 3] = (uint8_t)(size >> 8);
		m[len + 4] = (uint8_t)size;
		m[len + 7] = dnssec_ok ? 0x80 : 0;
		len += 11;
	}
	assert_int_equal(dns_query_read(m, len, &q, &rcode), DNS_ASK);
	return q;
}

static struct answer *answer_of(unsigned addresses)
{
	struct question q = {.type = TYPE_A, .class = CLASS_IN};
	struct answer *a;
	assert_int_equal(name_from_text("www.example", 11, &q.name), 0);
	struct rrset *set = rrset_create(&q, 300);
	for (unsigned i = 0; i < addresses; i++)
		assert_int_equal(rrset_add(set, (const uint8_t[]){192, 0, (uint8_t)(i >> 8), (uint8_t)i}, 4), 0);
	assert_int_equal(answer_from_rrset(&q, set, &a), 0);
	rrset_destroy(set);
	a->arrived = 1000000;
	return a;
}

static void test_reply(void **state)
{
	(void)state;
	uint8_t buf[PACKET_MAX];
	struct answer *a = answer_of(1);
	struct dns_query q = query_of("\1\x10", false, 0, false); /* RD, CD */
	size_t len = dns_reply_answer(&q, a, 11000000, buf, 512);
	assert_int_equal(len, 29 + 16);
	/* id; QR RD RA CD, no AA, no AD, no Z; one question, one answer; the client's spelling. */
	assert_memory_equal(buf, "\x12\x34\x81\x90\0\1\0\1\0\0\0\0" Q_A, 29);
	assert_memory_equal(buf + 29, "\xc0\x0c\0\1\0\1\0\0\1\x22\0\4\xc0\0\0\0", 16); /* 290 s are left */
	len = dns_reply_answer(&q, a, 900000000, buf, 512);
	assert_memory_equal(buf + 35, "\0\0\0\0", 4); /* never below 0 */
	answer_unref(a);
}

static void test_bits(void **state)
{
	(void)state;
	uint8_t buf[PACKET_MAX];
	struct answer *a = answer_of(1);
	struct dns_query plain = query_of("\1\0", false, 0, false);
	struct dns_query ad = query_of("\1\x20", false, 0, false), with_do = query_of("\1\0", true, 1232, true);
	struct dns_query z = query_of("\1\x40", false, 0, false), no_rd = query_of("\0\0", false, 0, false);
	dns_reply_answer(&ad, a, 0, buf, 512);
	assert_int_equal(buf[3] & FLAG_AD, 0); /* asked, but not validated */
	a->validated = true;
	dns_reply_answer(&ad, a, 0, buf, 512);
	assert_int_equal(buf[3] & FLAG_AD, FLAG_AD);
	dns_reply_answer(&plain, a, 0, buf, 512);
	assert_int_equal(buf[3] & FLAG_AD, 0); /* validated, but not asked */
	size_t len = dns_reply_answer(&with_do, a, 0, buf, 512);
	assert_int_equal(buf[3] & FLAG_AD, FLAG_AD);
	assert_int_equal(buf[11], 1);
	assert_memory_equal(buf + len - 11, "\0\0\x29\x04\xd0\0\0\x80\0\0\0", 11);
	dns_reply_answer(&z, a, 0, buf, 512);
	assert_int_equal(buf[3] & 0x40, 0);
	dns_reply_answer(&no_rd, a, 0, buf, 512);
	assert_int_equal(buf[2] & 1, 0);
	answer_unref(a);
}

static void test_sizes(void **state)
{
	(void)state;
	uint8_t buf[PACKET_MAX];
	struct answer *a = answer_of(70); /* 29 + 70 * 16 = 1149 bytes */
	static const struct {
		bool edns;
		uint16_t size;
		size_t limit;
		bool cut;
	} rows[] = {
		{false, 0, 512, true}, {true, 0, 512, true}, {true, 512, 512, true}, {true, 1100, 1100, true},
		{true, 1160, 1160, false}, {true, 1159, 1159, true}, {true, 1232, 1232, false},
		{true, 4096, 1232, false}, {true, 65535, 1232, false},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct dns_query q = query_of("\1\0", rows[i].edns, rows[i].size, false);
		assert_int_equal(dns_udp_limit(&q), rows[i].limit);
		size_t len = dns_reply_answer(&q, a, 0, buf, dns_udp_limit(&q));
		assert_int_equal((buf[2] & 2) != 0, rows[i].cut);
		assert_int_equal(buf[7], rows[i].cut ? 0 : 70);
		assert_int_equal(len, rows[i].cut ? (rows[i].edns ? 40 : 29) : 1160);
	}
	answer_unref(a);
}

static void test_failures(void **state)
{
	(void)state;
	uint8_t buf[PACKET_MAX];
	struct answer *a = answer_of(1);
	struct dns_query q = query_of("\1\0", true, 1232, false), cd = query_of("\1\x10", true, 1232, false);
	a->bogus = true;
	a->error = -EBADMSG;
	a->rcode = RCODE_SERVFAIL;
	a->ede = 6;
	size_t len = dns_reply_answer(&q, a, 0, buf, 1232);
	assert_int_equal(buf[3] & 0xf, RCODE_SERVFAIL);
	assert_int_equal(buf[7], 0);
	/* EDE 6, DNSSEC bogus, with words of ours behind it; without them where there is no room. */
	assert_memory_equal(buf + 29 + 9, "\0\x25\0\x0f\0\x21\0\6" "kadns: DNSSEC validation failed", 39);
	assert_int_equal(len, 29 + 11 + 6 + 31);
	len = dns_reply_answer(&q, a, 0, buf, 29 + 11 + 6 + 30);
	assert_memory_equal(buf + len - 6, "\0\x0f\0\2\0\6", 6);
	dns_reply_answer(&cd, a, 0, buf, 1232);
	assert_int_equal(buf[3] & 0xf, RCODE_NOERROR); /* who checks for himself gets the data */
	assert_int_equal(buf[7], 1);
	answer_unref(a);
	struct question question = q.question;
	a = answer_without(&question, -ENOENT, RCODE_NXDOMAIN, EDE_NONE, 60, true);
	dns_reply_answer(&q, a, 0, buf, 1232);
	assert_int_equal(buf[3] & 0xf, RCODE_NXDOMAIN);
	assert_int_equal(buf[9], 1); /* an SOA, so that it can be cached */
	answer_unref(a);
	len = dns_reply_error(&q, RCODE_BADVERS, EDE_NONE, buf, 512);
	assert_int_equal(buf[3] & 0xf, 0);
	assert_int_equal(buf[len - 6], 1); /* the upper half of 16 */
	struct dns_query none = {.id = 0xabcd, .flags = 0x7900};
	assert_int_equal(dns_reply_error(&none, RCODE_NOTIMP, EDE_NONE, buf, 512), 12);
	assert_memory_equal(buf, "\xab\xcd\xf9\x84\0\0\0\0\0\0\0\0", 12); /* the opcode is copied */
}

/* No more bytes than came: who forged the sender gains nothing by us. */
/* By the extended error 23, in words of a table: what is behind the kind may be anybody's. */
static void test_failed_over_tls(void **state)
{
	(void)state;
	static const struct {
		const char *why, *words;
	} cases[] = {
		{"tls://192.0.2.1#a: certificate: evil\n", "kadns: certificate of the TLS upstream"},
		{"tls://192.0.2.1#a: refused", "kadns: TLS upstream refuses"},
		{"tls://192.0.2.1#a: timeout", "kadns: TLS upstream does not answer"},
		{"tls://192.0.2.1#a: TLS: wrong version number", "kadns: TLS upstream fails"},
		{"https://192.0.2.1/x: certificate: evil\n", "kadns: certificate of the HTTPS upstream"},
		{"https://192.0.2.1/x: HTTP status 503", "kadns: HTTPS upstream fails"},
		{"http://192.0.2.1/PROXY: refused", "kadns: HTTP upstream refuses"},
		{"http://192.0.2.1/PROXY: timeout", "kadns: HTTP upstream does not answer"},
		{"192.0.2.1: asks us", "kadns: the upstream asks us"},
	};
	struct dns_query q = query_of("\1\0", true, 1232, false);
	uint8_t buf[1232];
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct answer *a = answer_without(
			&q.question, -EREMOTEIO, RCODE_SERVFAIL, EDE_NO_REPLY, 5, false);
		size_t words_len = strlen(cases[i].words);
		a->trace = trace_create();
		trace_why(a->trace, cases[i].why);
		size_t len = dns_reply_answer(&q, a, 0, buf, sizeof(buf));
		assert_memory_equal(buf + len - words_len, cases[i].words, words_len);
		assert_memory_equal(buf + len - words_len - 2, "\0\27", 2);
		answer_unref(a);
	}
}

static void test_no_larger(void **state)
{
	(void)state;
	uint8_t buf[DNS_SHORT_MAX];
	struct dns_query plain = query_of("\1\0", false, 0, false), edns = query_of("\1\0", true, 1232, false);
	assert_int_equal(dns_reply_cut(&plain, buf, 29), 29);
	assert_memory_equal(buf, "\x12\x34\x83\x80\0\1\0\0\0\0\0\0" Q_A, 29); /* TC */
	assert_int_equal(dns_reply_cut(&plain, buf, 28), 0);
	assert_int_equal(dns_reply_cut(&edns, buf, 40), 40);
	assert_int_equal(dns_reply_cut(&edns, buf, 39), 29);
	assert_int_equal(dns_reply_error(&edns, RCODE_REFUSED, EDE_PROHIBITED, buf, 40), 40);
	assert_int_equal(dns_reply_error(&edns, RCODE_REFUSED, EDE_PROHIBITED, buf, 46), 46);
	assert_int_equal(buf[3] & 0xf, RCODE_REFUSED);
	assert_memory_equal(buf + 40, "\0\x0f\0\2\0\x12", 6);
	/* BADCOOKIE, in as many bytes as a whole cookie takes. */
	edns.replies_cookie = true;
	assert_int_equal(dns_reply_error(&edns, RCODE_BADCOOKIE, EDE_NONE, buf, 29 + 11 + 28), 29 + 11 + 28);
	assert_int_equal(buf[3] & 0xf, 7);
	assert_int_equal(buf[29 + 5], 1);
}

/* Whose word it is stands beside the answer, where AD does not say so. */
static void test_trust(void **state)
{
	(void)state;
	static const struct {
		enum answer_source source;
		enum answer_trust trust;
		const char *words;
	} rows[] = {
		{SOURCE_OWN, TRUST_SELF, "kadns: self"}, {SOURCE_OWN, TRUST_PIN, "kadns: pin"},
		{SOURCE_DHT, TRUST_PIN, "kadns: pin"}, {SOURCE_DHT, TRUST_DNSSEC_KEY, "kadns: dnssec-key"},
		{SOURCE_DHT, TRUST_KEY, "kadns: key"}, {SOURCE_DHT, TRUST_TOFU, "kadns: tofu"},
		{SOURCE_DHT, TRUST_OPEN, "kadns: open"}, {SOURCE_DHT, TRUST_DNSSEC, "kadns: dnssec copy"},
		{SOURCE_DNS, TRUST_DNS, NULL}, {SOURCE_DNS, TRUST_DNSSEC, NULL},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		uint8_t buf[PACKET_MAX];
		struct answer *a = answer_of(1);
		struct dns_query q = query_of("\1\0", true, 1232, false), plain = query_of("\1\0", false, 0, false);
		a->source = rows[i].source;
		a->trust = rows[i].trust;
		size_t words = rows[i].words ? strlen(rows[i].words) : 0;
		size_t len = dns_reply_answer(&q, a, 0, buf, 1232);
		assert_int_equal(len, 29 + 16 + 11 + (words ? 6 + words : 0));
		if (words) {
			assert_memory_equal(buf + len - words - 6, "\0\x0f\0", 3);
			assert_memory_equal(buf + len - words - 2, "\0\0", 2);
			assert_memory_equal(buf + len - words, rows[i].words, words);
		}
		assert_int_equal(dns_reply_answer(&plain, a, 0, buf, 512), 29 + 16); /* not without EDNS */
		a->ede = EDE_STALE; /* what went wrong goes before */
		len = dns_reply_answer(&q, a, 0, buf, 29 + 16 + 11 + 6);
		assert_memory_equal(buf + len - 2, "\0\3", 2);
		answer_unref(a);
	}
}

/* RFC 8467: over an encrypted transport, to who pads himself. */
static void test_padded(void **state)
{
	(void)state;
	uint8_t buf[PACKET_MAX];
	struct answer *a = answer_of(1);
	struct dns_query q = query_of("\1\0", true, 1232, false);
	q.pads = true;
	assert_int_equal(dns_reply_answer(&q, a, 0, buf, sizeof(buf)), 29 + 16 + 11);
	q.asks_padding = true;
	assert_int_equal(dns_reply_answer(&q, a, 0, buf, sizeof(buf)), 468);
	assert_int_equal(dns_reply_error(&q, RCODE_REFUSED, EDE_NONE, buf, DNS_SHORT_MAX), DNS_SHORT_MAX);
	q.pads = false;
	assert_int_equal(dns_reply_answer(&q, a, 0, buf, sizeof(buf)), 29 + 16 + 11);
	answer_unref(a);
}

static void test_any(void **state)
{
	(void)state;
	uint8_t buf[512];
	struct dns_query q = query_of("\1\0", false, 0, false);
	q.question.type = TYPE_ANY;
	size_t len = dns_reply_any(&q, buf, sizeof(buf));
	assert_int_equal(buf[7], 1);
	assert_memory_equal(buf + 12, WWW "\0\xff\0\1", 17);
	assert_memory_equal(buf + 29, "\xc0\x0c\0\x0d\0\1\0\0\x0e\x10\0\x09\7RFC8482", 21);
	assert_int_equal(buf[29 + 20], 0);
	assert_int_equal(len, 29 + 12 + 9);
	/* The longest name, and the longest OPT. */
	q = query_of("\1\0", true, 512, true);
	q.cased.len = NAME_WIRE_MAX;
	q.replies_cookie = q.asks_keepalive = true;
	q.keepalive = 100;
	len = dns_reply_any(&q, buf, sizeof(buf));
	assert_int_equal(len, 12 + NAME_WIRE_MAX + 4 + 21 + 11 + 4 + COOKIE_LEN + 6);
	assert_int_equal(buf[7], 1);
	assert_int_equal(buf[11], 1);
	assert_int_equal(buf[2] & 2, 0);
}

/* Over TCP nobody may be sent to TCP: the options go before the answer does, and where even a bare
 * OPT is too much it has failed. */
static void test_too_long_for_tcp(void **state)
{
	(void)state;
	static uint8_t buf[PACKET_MAX];
	struct answer *a = answer_of(4000); /* 29 + 4000 * 16 = 64,029 bytes */
	struct dns_query q = query_of("\1\0", true, 1232, false);
	const size_t bare = 64029 + 11, ede = 6, cookie = 4 + COOKIE_LEN;
	a->ede = EDE_STALE;
	q.via = DNS_TCP;
	q.replies_cookie = true;
	const struct {
		size_t limit, len;
	} rows[] = {{PACKET_MAX, bare + cookie + ede + strlen("kadns: from memory, its source does not answer")},
		{bare + cookie + ede + 1, bare + cookie + ede}, {bare + cookie + 5, bare + cookie},
		{bare + 5, bare}, {bare, bare}};
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		assert_int_equal(dns_reply_answer(&q, a, 0, buf, rows[i].limit), rows[i].len);
		assert_int_equal(buf[2] & 2, 0);
		assert_int_equal(buf[6] << 8 | buf[7], 4000);
		assert_int_equal(buf[11], 1);
	}
	assert_in_range(dns_reply_answer(&q, a, 0, buf, bare - 1), 1, 200);
	assert_int_equal(buf[2] & 2, 0);
	assert_int_equal(buf[3] & 0xf, RCODE_SERVFAIL);
	q.via = DNS_UDP;
	assert_in_range(dns_reply_answer(&q, a, 0, buf, bare), 1, 200);
	assert_int_equal(buf[2] & 2, 2);
	answer_unref(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_reading),
		cmocka_unit_test(test_reply),
		cmocka_unit_test(test_bits),
		cmocka_unit_test(test_sizes),
		cmocka_unit_test(test_failures),
		cmocka_unit_test(test_failed_over_tls),
		cmocka_unit_test(test_no_larger),
		cmocka_unit_test(test_trust),
		cmocka_unit_test(test_padded),
		cmocka_unit_test(test_any),
		cmocka_unit_test(test_too_long_for_tcp),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
