/* A reply in the layouts of others. */
#undef NDEBUG
#include "resolver/http_views.h"
#include "resolver/json.h"
#include "resolver/packet.h"
#include "tests/resolver/message_text.h"

#include <json-c/json.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void put(struct packet_writer *w, enum packet_section section, const char *owner,
	uint16_t type, uint32_t ttl, const void *rdata, size_t len)
{
	struct rr rr = {.owner = name_of(owner),
		.type = type,
		.class = CLASS_IN,
		.ttl = ttl,
		.rdata = rdata,
		.rdata_len = (uint16_t)len,
		.section = section};
	packet_put(w, &rr);
}

static const uint8_t soa[] = "\002ns\000\002hm\000\0\0\0\1\0\0\0\2\0\0\0\3\0\0\0\4\0\0\0\x3c";

/* A CNAME, its target's TXT, and an OPT with an extended error. */
static size_t chain(uint8_t *buf, size_t cap)
{
	struct packet_writer w;
	struct question q = {.name = name_of("www.example"), .type = TYPE_TXT, .class = CLASS_IN};
	packet_begin(&w, buf, cap, true);
	packet_put_question(&w, &q);
	put(&w, PACKET_ANSWER, "www.example", TYPE_CNAME, 300, "\001a\007Example", 11);
	put(&w, PACKET_ANSWER, "a.example", TYPE_TXT, 60, "\003\"\001\xff", 4);
	put(&w, PACKET_ADDITIONAL, ".", TYPE_OPT, 0, "\0\17\0\4\0\3ab", 8);
	int len = packet_end(&w, 0, FLAG_QR | FLAG_RD | FLAG_RA | FLAG_AD);
	assert_true(len > 0);
	return (size_t)len;
}

static size_t denial(uint8_t *buf, size_t cap, uint32_t ttl, unsigned rcode)
{
	struct packet_writer w;
	struct question q = {.name = name_of("no.example"), .type = TYPE_A, .class = CLASS_IN};
	packet_begin(&w, buf, cap, true);
	packet_put_question(&w, &q);
	put(&w, PACKET_AUTHORITY, "example", TYPE_SOA, ttl, soa, sizeof(soa) - 1);
	int len = packet_end(&w, 0, (uint16_t)(FLAG_QR | rcode));
	assert_true(len > 0);
	return (size_t)len;
}

typedef void view_fn(const uint8_t *reply, size_t len, struct text *t);

static void assert_view(view_fn *view, const uint8_t *reply, size_t len, const char *text)
{
	struct text t = {0};
	view(reply, len, &t);
	text_put(&t, "", 1);
	assert_false(t.failed);
	assert_string_equal(t.bytes, text);
	text_destroy(&t);
}

static void as_google_has_it(void **state)
{
	uint8_t buf[512];
	(void)state;
	assert_view(view_dns_json, buf, chain(buf, sizeof(buf)),
		"{\"Status\":0,\"TC\":false,\"RD\":true,\"RA\":true,\"AD\":true,\"CD\":false,"
		"\"Question\":[{\"name\":\"www.example.\",\"type\":16}],"
		"\"Answer\":[{\"name\":\"www.example.\",\"type\":5,\"TTL\":300,"
		"\"data\":\"a.Example.\"},"
		"{\"name\":\"a.example.\",\"type\":16,\"TTL\":60,"
		"\"data\":\"\\\"\\\\034\\\\001\\\\255\\\"\"}],"
		"\"extended_dns_errors\":[{\"info_code\":3,\"extra_text\":\"ab\"}]}\n");
	assert_view(view_dns_json, buf, denial(buf, sizeof(buf), 3600, RCODE_NXDOMAIN),
		"{\"Status\":3,\"TC\":false,\"RD\":false,\"RA\":false,\"AD\":false,\"CD\":false,"
		"\"Question\":[{\"name\":\"no.example.\",\"type\":1}],"
		"\"Authority\":[{\"name\":\"example.\",\"type\":6,\"TTL\":3600,"
		"\"data\":\"ns. hm. 1 2 3 4 60\"}]}\n");
}

static void as_rfc_8427_has_it(void **state)
{
	uint8_t buf[512];
	(void)state;
	assert_view(view_rfc8427, buf, chain(buf, sizeof(buf)),
		"{\"ID\":0,\"Opcode\":0,\"RCODE\":0,\"QR\":1,\"AA\":0,\"TC\":0,\"RD\":1,\"RA\":1,"
		"\"AD\":1,\"CD\":0,\"QDCOUNT\":1,\"ANCOUNT\":2,\"NSCOUNT\":0,\"ARCOUNT\":1,"
		"\"QNAME\":\"www.example.\",\"QTYPE\":16,\"QTYPEname\":\"TXT\",\"QCLASS\":1,"
		"\"QCLASSname\":\"IN\",\"answerRRs\":["
		"{\"NAME\":\"www.example.\",\"TYPE\":5,\"TYPEname\":\"CNAME\",\"CLASS\":1,"
		"\"CLASSname\":\"IN\",\"TTL\":300,\"RDLENGTH\":11,"
		"\"RDATAHEX\":\"0161074578616d706c6500\",\"rdataCNAME\":\"a.Example.\"},"
		"{\"NAME\":\"a.example.\",\"TYPE\":16,\"TYPEname\":\"TXT\",\"CLASS\":1,"
		"\"CLASSname\":\"IN\",\"TTL\":60,\"RDLENGTH\":4,\"RDATAHEX\":\"032201ff\","
		"\"rdataTXT\":\"\\\"\\\\034\\\\001\\\\255\\\"\"}],"
		"\"authorityRRs\":[],\"additionalRRs\":[]}\n");
}

static void as_it_was_in_2009(void **state)
{
	uint8_t buf[512];
	(void)state;
	assert_view(view_proxy_2009, buf, denial(buf, sizeof(buf), 30, RCODE_NOERROR),
		"[[],[{\"__type__\":\"RRHeader\",\"name\":\"example\",\"type\":\"SOA\",\"cls\":"
		"\"IN\",\"ttl\":30,\"payload\":{\"__type__\":\"Record_SOA\",\"mname\":\"ns\","
		"\"rname\":\"hm\",\"serial\":1,\"refresh\":2,\"retry\":3,\"expire\":4,"
		"\"minimum\":60,\"ttl\":30},\"auth\":false}],[]]");
	assert_view(view_short_2009, buf, chain(buf, sizeof(buf)),
		"[{\"__type__\":\"Record_CNAME\",\"name\":\"a.Example\",\"ttl\":300},"
		"{\"__type__\":\"Record_TXT\",\"hex\":\"032201ff\",\"ttl\":60}]");
}

/* Whatever type, what the door gives is what a file takes. */
static void what_2009_gives_a_file_takes(void **state)
{
	static const struct {
		uint16_t type;
		const char *text;
	} table[] = {
		{TYPE_A, "192.0.2.1\n192.0.2.2"},
		{TYPE_AAAA, "2001:db8::1"},
		{TYPE_MX, "10 mail.example."},
		{TYPE_TXT, "\"a b\""},
		{TYPE_TXT, "\"a\" \"b\""},
		{TYPE_SRV, "1 2 3 a.b."},
		{TYPE_NS, "."},
		{TYPE_CAA, "0 issue \"ca.example\""},
		{TYPE_HTTPS, "1 . alpn=\"h2,h3\" ipv4hint=\"192.0.2.1\""},
		{TYPE_NAPTR, "1 2 \"u\" \"E2U+sip\" \"!^.*$!x!\" ."},
		{65280, "\\# 2 abcd"},
	};
	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct question q = {
			.name = name_of("www.example"), .type = table[i].type, .class = CLASS_IN};
		struct rrset *set, *again;
		struct answer *a;
		char line[128];
		snprintf(line, sizeof(line), "%s\n", table[i].text);
		assert_int_equal(json_read(line, strlen(line), &q, NULL, &set, NULL), 0);
		assert_int_equal(answer_from_rrset(&q, set, &a), 0);
		for (int view = 0; view < 2; view++) {
			struct text t = {0};
			(view ? view_short_2009 : view_proxy_2009)(
				a->message[0].bytes, a->message[0].len, &t);
			const char *why = "";
			if (json_read(t.bytes, t.len, &q, NULL, &again, &why) < 0)
				fail_msg("%s: %.*s", why, (int)t.len, t.bytes);
			assert_true(rrset_same_data(set, again));
			rrset_destroy(again);
			text_destroy(&t);
		}
		answer_unref(a);
		rrset_destroy(set);
	}
}

static void how_long_it_may_be_kept(void **state)
{
	uint8_t buf[512];
	(void)state;
	assert_int_equal(view_max_age(buf, chain(buf, sizeof(buf))), 60);
	assert_int_equal(view_max_age(buf, denial(buf, sizeof(buf), 3600, RCODE_NXDOMAIN)), 60);
	assert_int_equal(view_max_age(buf, denial(buf, sizeof(buf), 5, RCODE_NOERROR)), 5);
	assert_int_equal(view_max_age(buf, denial(buf, sizeof(buf), 5, RCODE_SERVFAIL)), 0);
	assert_int_equal(view_max_age(buf, 5), 0);
}

static void views_are_json(void **state)
{
	static view_fn *const views[] = {
		view_dns_json, view_rfc8427, view_proxy_2009, view_short_2009};
	uint8_t buf[512];
	(void)state;
	for (size_t i = 0; i < 4; i++) {
		struct text t = {0};
		views[i](buf, chain(buf, sizeof(buf)), &t);
		text_put(&t, "", 1);
		struct json_object *o = json_tokener_parse(t.bytes);
		assert_non_null(o);
		json_object_put(o);
		text_destroy(&t);
	}
}

static void errors_of_2009(void **state)
{
	static const struct {
		unsigned rcode;
		bool late;
		unsigned status;
		const char *class;
	} rows[] = {
		{RCODE_NXDOMAIN, false, 404, "DNSNameError"},
		{RCODE_REFUSED, false, 403, "DNSQueryRefusedError"},
		{RCODE_SERVFAIL, false, 502, "DNSServerError"},
		{RCODE_SERVFAIL, true, 408, "DNSQueryTimeoutError"},
		{RCODE_NOTIMP, false, 500, "DNSUnknownError"},
		{9, true, 500, "DNSUnknownError"},
	};
	unsigned status = 0;
	(void)state;
	assert_null(view_error_2009(RCODE_NOERROR, true, &status));
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		assert_string_equal(
			view_error_2009(rows[i].rcode, rows[i].late, &status), rows[i].class);
		assert_int_equal(status, rows[i].status);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(as_google_has_it),
		cmocka_unit_test(as_rfc_8427_has_it),
		cmocka_unit_test(as_it_was_in_2009),
		cmocka_unit_test(errors_of_2009),
		cmocka_unit_test(what_2009_gives_a_file_takes),
		cmocka_unit_test(how_long_it_may_be_kept),
		cmocka_unit_test(views_are_json),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
