/* resolver/special: which names are special, who is asked of them, and what is said here. */
#undef NDEBUG
#include "resolver/special.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "resolver/packet.h"

static struct question question(const char *name, const char *type)
{
	struct question q = {.class = CLASS_IN};

	assert_int_equal(name_from_text(name, strlen(name), &q.name), 0);
	assert_true(type_from_text(type, strlen(type), &q.type));
	return q;
}

static void kinds(void **state)
{
	static const struct {
		const char *name;
		enum special special;
		const char *zone;
	} rows[] = {
		{"localhost", SPECIAL_HERE, "localhost"},
		{"a.b.localhost", SPECIAL_HERE, "localhost"},
		{"xlocalhost", SPECIAL_NOT, ""},
		{"localhost.example", SPECIAL_NOT, ""},
		{"printer.local", SPECIAL_HERE, "local"},
		{"a.onion", SPECIAL_HERE, "onion"},
		{"invalid", SPECIAL_HERE, "invalid"},
		{"home.arpa", SPECIAL_HERE, "home.arpa"},
		{"arpa", SPECIAL_NOT, ""},
		{"_dns.resolver.arpa", SPECIAL_HERE, "resolver.arpa"},
		{"a.test", SPECIAL_HERE, "test"},
		{"a.internal", SPECIAL_PRIVATE, "internal"},
		{"a.alt", SPECIAL_NOT, ""},
		{"10.in-addr.arpa", SPECIAL_LAN, "10.in-addr.arpa"},
		{"3.2.1.10.in-addr.arpa", SPECIAL_LAN, "10.in-addr.arpa"},
		{"11.in-addr.arpa", SPECIAL_NOT, ""},
		{"110.in-addr.arpa", SPECIAL_NOT, ""},
		{"in-addr.arpa", SPECIAL_NOT, ""},
		{"15.172.in-addr.arpa", SPECIAL_NOT, ""},
		{"1.16.172.in-addr.arpa", SPECIAL_LAN, "16.172.in-addr.arpa"},
		{"31.172.in-addr.arpa", SPECIAL_LAN, "31.172.in-addr.arpa"},
		{"32.172.in-addr.arpa", SPECIAL_NOT, ""},
		{"172.in-addr.arpa", SPECIAL_NOT, ""},
		{"0016.172.in-addr.arpa", SPECIAL_NOT, ""},
		{"1x.172.in-addr.arpa", SPECIAL_NOT, ""},
		{"63.100.in-addr.arpa", SPECIAL_NOT, ""},
		{"64.100.in-addr.arpa", SPECIAL_LAN, "64.100.in-addr.arpa"},
		{"9.127.100.in-addr.arpa", SPECIAL_LAN, "127.100.in-addr.arpa"},
		{"128.100.in-addr.arpa", SPECIAL_NOT, ""},
		{"640.100.in-addr.arpa", SPECIAL_NOT, ""},
		{"255.255.255.255.in-addr.arpa", SPECIAL_HERE, "255.255.255.255.in-addr.arpa"},
		{"255.255.255.in-addr.arpa", SPECIAL_NOT, ""},
		{"1.d.f.ip6.arpa", SPECIAL_LAN, "d.f.ip6.arpa"},
		{"b.e.f.ip6.arpa", SPECIAL_LAN, "b.e.f.ip6.arpa"},
		{"7.e.f.ip6.arpa", SPECIAL_NOT, ""},
		{".", SPECIAL_NOT, ""},
	};
	struct name zone;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct question q = question(rows[i].name, "A");
		char text[NAME_TEXT_MAX];

		if (special_of(&q.name, false, &zone) != rows[i].special)
			fail_msg("%s", rows[i].name);
		if (!*rows[i].zone)
			continue;
		name_to_text(&zone, text);
		assert_string_equal(text, rows[i].zone);
	}
	/* With roots of one's own "test" is as any other name. */
	struct question q = question("a.test", "A");
	assert_int_equal(special_of(&q.name, true, &zone), SPECIAL_NOT);
}

static void who_answers(void **state)
{
	static const struct {
		const char *name, *type;
		bool with_dns, without;
	} rows[] = {
		{"a.invalid", "A", true, true},
		{"1.10.in-addr.arpa", "PTR", false, true}, /* the router of a home may know it */
		{"a.internal", "A", false, false},
		{"example.com", "A", false, false},
		{"home.arpa", "DS", false, true},
		{"a.home.arpa", "DS", true, true},
		{"home.arpa", "SOA", true, true},
	};
	struct question q;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		q = question(rows[i].name, rows[i].type);
		if (special_answers(&q, false, true) != rows[i].with_dns ||
			special_answers(&q, false, false) != rows[i].without)
			fail_msg("%s %s", rows[i].name, rows[i].type);
	}
	q = question("localhost", "A");
	q.class = CLASS_CH;
	assert_false(special_answers(&q, false, false));
}

/* "RCODE TYPE OWNER TTL RDATA-BYTES", of the one record there is. */
static const char *said(const char *name, const char *type)
{
	static char text[1200];
	struct question q = question(name, type), again;
	struct answer *a = special_answer(&q, false);
	struct packet_reader reader;
	struct rr rr;
	char word[TYPE_TEXT_MAX], owner[NAME_TEXT_MAX];

	assert_non_null(a);
	assert_int_equal(a->source, SOURCE_LOCAL);
	assert_int_equal(a->trust, TRUST_SELF);
	assert_int_equal(a->ttl, SPECIAL_TTL);
	assert_false(a->validated);
	assert_int_equal(packet_open(&reader, a->message[0].bytes, a->message[0].len), 0);
	assert_int_equal(packet_question(&reader, &again, NULL), 0);
	assert_int_equal(packet_next(&reader, &rr), 1);
	name_to_text(&rr.owner, owner);
	snprintf(text, sizeof(text), "%d %s %s %s %u", a->rcode,
		rr.section == PACKET_ANSWER ? "answer" : "authority", owner,
		type_to_text(rr.type, word), rr.ttl);
	for (size_t i = 0; i < rr.rdata_len && rr.type != TYPE_SOA; i++)
		snprintf(text + strlen(text), 8, "%s%02x", i ? "" : " ", rr.rdata[i]);
	assert_int_equal(a->error, rr.section == PACKET_ANSWER ? 0 : -ENOENT);
	assert_int_equal(packet_next(&reader, &rr), 0);
	answer_unref(a);
	return text;
}

static void what_is_said(void **state)
{
#define LOCALHOST "096c6f63616c686f737400"
	static const struct {
		const char *name, *type, *said;
	} rows[] = {
		{"localhost", "A", "0 answer localhost A 10800 7f000001"},
		{"localhost", "AAAA",
			"0 answer localhost AAAA 10800 00000000000000000000000000000001"},
		{"a.b.localhost", "A", "0 answer a.b.localhost A 10800 7f000001"},
		{"a.localhost", "MX", "0 authority localhost SOA 10800"},
		{"localhost", "PTR", "0 authority localhost SOA 10800"},
		{"a.invalid", "A", "3 authority invalid SOA 10800"},
		{"invalid", "A", "0 authority invalid SOA 10800"},
		{"invalid", "SOA", "0 answer invalid SOA 10800"},
		{"invalid", "NS", "0 answer invalid NS 10800 07696e76616c696400"},
		{"a.onion", "AAAA", "3 authority onion SOA 10800"},
		{"printer.local", "A", "3 authority local SOA 10800"},
		{"_dns.resolver.arpa", "SVCB", "0 authority resolver.arpa SOA 10800"},
		{"1.0.0.127.in-addr.arpa", "PTR",
			"0 answer 1.0.0.127.in-addr.arpa PTR 10800 " LOCALHOST},
		{"1.0.0.127.in-addr.arpa", "A", "0 authority 127.in-addr.arpa SOA 10800"},
		{"0.127.in-addr.arpa", "PTR", "0 authority 127.in-addr.arpa SOA 10800"},
		{"2.0.0.127.in-addr.arpa", "PTR", "3 authority 127.in-addr.arpa SOA 10800"},
		{"a.1.0.0.127.in-addr.arpa", "PTR", "3 authority 127.in-addr.arpa SOA 10800"},
		{"1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.ip6.arpa", "PTR",
			"0 answer 1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0."
			"ip6.arpa PTR 10800 " LOCALHOST},
		{"9.10.in-addr.arpa", "PTR", "3 authority 10.in-addr.arpa SOA 10800"},
		{"20.172.in-addr.arpa", "PTR", "0 authority 20.172.in-addr.arpa SOA 10800"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		assert_string_equal(said(rows[i].name, rows[i].type), rows[i].said);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(kinds),
		cmocka_unit_test(who_answers),
		cmocka_unit_test(what_is_said),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
