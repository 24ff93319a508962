/* The line out: its bytes, and that what was written reads back as the same set. */
#undef NDEBUG
#include "json_fixture.h"

static char *write_set(const struct rrset *set, const char *extra)
{
	struct answer *a;
	char *line;
	size_t len;
	assert_int_equal(answer_from_rrset(&set->question, set, &a), 0);
	a->source = SOURCE_DHT;
	a->trust = TRUST_PIN;
	a->has_signer = true;
	a->seq = 17;
	a->expires = 1800000000;
	assert_int_equal(json_write(a, extra, &line, &len), 0);
	answer_unref(a);
	line = realloc(line, len + 1);
	assert_non_null(line);
	line[len] = 0;
	for (size_t i = 0; i + 1 < len; i++)
		assert_in_range(line[i], 0x20, 0x7e);
	assert_int_equal(line[len - 1], '\n');
	assert_int_equal(json_draft(line, len), JSON_COMPLETE);
	return line;
}

static void test_line(void **state)
{
	(void)state;
	struct rrset *set = read_ok(TYPE_MX, "60 10 mx.example.");
	char *line = write_set(set, "\"replicas\":8");
	assert_string_equal(line,
		"{\"name\":\"mail.example.\",\"class\":\"IN\",\"type\":\"MX\",\"ttl\":60,\"data\":["
		"\"10 mx.example.\"],"
		"\"rdata\":[{\"preference\":10,\"exchange\":\"mx.example.\"}],\"source\":\"dht\","
		"\"trust\":\"pin\","
		"\"signer\":\"yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy\",\"seq\":17,"
		"\"expires\":1800000000,\"replicas\":8}\n");
	free(line);
	rrset_destroy(set);
}

static void test_line_escapes(void **state)
{
	(void)state;
	/* DEL, C1, a bidi override, an emoji, a slash */
	struct rrset *set = read_ok(
		TYPE_TXT, "{\"rdata\":{\"strings\":[\"/\\u007f\\u009b\\u202e\\ud83d\\ude00\"]}}");
	char *line = write_set(set, NULL);
	assert_non_null(strstr(line,
		"\"data\":[\"\\\"/"
		"\\\\127\\\\194\\\\155\\\\226\\\\128\\\\174\\\\240\\\\159\\\\152\\\\128\\\"\"]"));
	assert_non_null(strstr(line, "{\"strings\":[\"/\\u007f\\u009b\\u202e\\ud83d\\ude00\"]}"));
	free(line);
	rrset_destroy(set);
}

static void test_line_cname(void **state)
{
	(void)state;
	struct question q = ask("mail.example", TYPE_A), c = ask("mail.example", TYPE_CNAME),
			t = ask("a/b.example", TYPE_A);
	struct rrset *cname = rrset_create(&c, 30), *target = rrset_create(&t, 60);
	struct answer *end, *a;
	char *line;
	size_t len;
	assert_int_equal(rrset_add(cname, t.name.wire, t.name.len), 0);
	assert_int_equal(rrset_add(target, (const uint8_t[]){192, 0, 2, 1}, 4), 0);
	assert_int_equal(answer_from_rrset(&t, target, &end), 0);
	assert_int_equal(answer_from_cname(&q, cname, end, &a), 0);
	a->source = SOURCE_DNS;
	a->trust = TRUST_DNS;
	assert_int_equal(json_write(a, NULL, &line, &len), 0);
	static const char wanted[] = "{\"name\":\"mail.example.\",\"class\":\"IN\",\"type\":\"A\","
				     "\"ttl\":30,\"data\":[\"192.0.2.1\"],"
				     "\"rdata\":[{\"address\":\"192.0.2.1\"}],\"cname\":["
				     "\"a\\\\047b.example.\"],\"source\":\"dns\","
				     "\"trust\":\"dns\"}\n";
	assert_int_equal(len, strlen(wanted));
	assert_memory_equal(line, wanted, len);
	free(line);
	answer_unref(a);
	answer_unref(end);
	rrset_destroy(cname);
	rrset_destroy(target);
}

static void test_line_errors(void **state)
{
	(void)state;
	struct question q = ask("mail.example", TYPE_A);
	char *line = NULL;
	size_t len;
	struct answer *a = answer_without(&q, -ETIMEDOUT, RCODE_SERVFAIL, EDE_NONE, 5, false);
	assert_non_null(a);
	assert_int_equal(json_write(a, NULL, &line, &len), -ETIMEDOUT);
	assert_null(line);
	answer_unref(a);
}

/* ---- there and back ---- */

static const struct {
	uint16_t type;
	const char *text;
} samples[] = {
	{TYPE_A, "192.0.2.1\n192.0.2.2"},
	{TYPE_AAAA, "2001:db8::1\n::ffff:192.0.2.1"},
	{TYPE_CNAME, "WWW.example"},
	{TYPE_DNAME, "a\\.b.example"},
	{TYPE_NS, "ns1.example\n."},
	{TYPE_PTR, "\\000\\255\\\\x.example"},
	{TYPE_SOA, "ns.example hostmaster.example 4294967295 2 3 4 5"},
	{TYPE_TXT, "v=spf1 -all\n\"\" \"b\"\n\"\\000\\200\"\n\"\\034quoted\\034\""},
	{TYPE_MX, "10 mx.example\n0 ."},
	{TYPE_SRV, "1 2 65535 _x.example"},
	{TYPE_CAA, "128 issue \"ca.example; a=b\"\n0 iodef \"\""},
	{TYPE_SVCB, "0 alias.example"},
	{TYPE_HTTPS, "1 . mandatory=port,alpn alpn=\"h2,h3\" no-default-alpn port=8443 "
		     "ipv4hint=192.0.2.1,192.0.2.2 "
		     "ech=AAEC ipv6hint=2001:db8::1 dohpath=/q{?dns} key9999=\"a \\\"b\\200\""},
	{TYPE_SVCB, "1 a.example alpn=\"a\\\\,b,c\\\\\\\\d\""},
	{TYPE_TLSA, "3 1 1 00ff"},
	{TYPE_SSHFP, "4 2 00ff"},
	{TYPE_DS, "65535 8 2 00ff"},
	{TYPE_NAPTR, "100 10 \"u\" \"E2U+sip\" \"!^.*$!sip:\\\\1@a!\" ."},
	{TYPE_HINFO, "\"a b\" c"},
	{17, "hostmaster.example txt.example"},	   /* RP */
	{29, "51 30 12.748 N 0 7 39.612 W 0.00m"}, /* LOC */
	{TYPE_DNSKEY, "256 3 8 AAAA"},
	{TYPE_NSEC, "a.example. A TYPE65280"},
	{42, "1:192.168.32.0/21 !1:192.168.38.0/28"},				     /* APL */
	{37, "PGP 1 2 AAAA"},							     /* CERT */
	{45, "10 1 2 192.0.2.38 AAAA\n10 3 0 a.example\n10 0 0 .\n10 2 2 ::1 AAA="}, /* IPSECKEY */
	{61, "AAAA"},			  /* OPENPGPKEY */
	{256, "10 1 \"http://a/b\""},	  /* URI */
	{10, "\\# 3 00ff7f"},		  /* NULL */
	{11, "\\# 9 c00002010600000004"}, /* WKS */
	{65280, "\\# 3 aabbcc\n\\# 0"},
};

static void test_round_trip(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(samples) / sizeof(samples[0]); i++) {
		struct rrset *set = read_ok(samples[i].type, samples[i].text), *again = NULL;
		char *line = write_set(set, NULL);
		const char *why = NULL;
		if (read_copy(line, &set->question, NULL, &again, &why) < 0)
			fail_msg("%s: %s", line, why);
		if (!rrset_same_data(set, again) || again->ttl != set->ttl)
			fail_msg("%s changed", line);
		rrset_destroy(again);
		free(line);
		rrset_destroy(set);
	}
}

/* Each of data and rdata alone says the same; and `jq -r .data[]` is text to be read again. */
static void test_halves(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(samples) / sizeof(samples[0]); i++) {
		struct rrset *set = read_ok(samples[i].type, samples[i].text), *again = NULL;
		char *line = write_set(set, NULL), half[4096], *text = NULL;
		char *data = strstr(line, "\"data\":["), *rdata = strstr(line, ",\"rdata\":[");
		char *end = strstr(line, ",\"source\"");
		snprintf(half, sizeof(half), "{%.*s}", (int)(rdata - data), data);
		assert_int_equal(read_copy(half, &set->question, NULL, &again, NULL), 0);
		assert_true(rrset_same_data(set, again));
		rrset_destroy(again);
		snprintf(half, sizeof(half), "{%.*s}", (int)(end - rdata - 1), rdata + 1);
		assert_int_equal(read_copy(half, &set->question, NULL, &again, NULL), 0);
		assert_true(rrset_same_data(set, again));
		rrset_destroy(again);
		size_t cursor = 0, len, n = 0;
		const uint8_t *bytes;
		while (rrset_next(set, &cursor, &bytes, &len)) {
			assert_int_equal(
				json_rdata_text(samples[i].type, CLASS_IN, bytes, len, &text), 0);
			n += (size_t)snprintf(half + n, sizeof(half) - n, "%s\n", text);
			free(text);
		}
		assert_int_equal(read_copy(half, &set->question, NULL, &again, NULL), 0);
		if (!rrset_same_data(set, again))
			fail_msg("%s changed", half);
		rrset_destroy(again);
		free(line);
		rrset_destroy(set);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_line),
		cmocka_unit_test(test_line_escapes),
		cmocka_unit_test(test_line_cname),
		cmocka_unit_test(test_line_errors),
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_halves),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
