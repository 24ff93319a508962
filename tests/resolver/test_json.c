/* Drafts, every accepted form of a record file, and every refusal. */
#undef NDEBUG
#include "json_fixture.h"

/* ---- drafts ---- */

static void test_draft(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		enum json_draft draft;
	} rows[] = {
		{"", JSON_EMPTY},
		{" \t\r\n", JSON_EMPTY},
		{"192.0.2.1", JSON_PARTIAL},
		{"192.0.2.1\n", JSON_COMPLETE},
		{"192.0.2.1\n192.0", JSON_PARTIAL},
		{"\n192.0.2.1\n", JSON_COMPLETE},
		{"; mine\n", JSON_PARTIAL},
		{"; mine\n192.0.2.1\n", JSON_COMPLETE},
		{"192.0.2.1\n; mine\n\n", JSON_COMPLETE},
		{"\"192.0.2.1\"", JSON_PARTIAL},
		{"\"192.0.2.1\"\n", JSON_COMPLETE},
		{"\"open\n", JSON_COMPLETE},
		{"a\x7f", JSON_IMPOSSIBLE},
		{"a\x1b[31m", JSON_IMPOSSIBLE},
		{"{", JSON_PARTIAL},
		{" {\n", JSON_PARTIAL},
		{"{\"a", JSON_PARTIAL},
		{"{\"a\\", JSON_PARTIAL},
		{"{\"a\\u12", JSON_PARTIAL},
		{"{\"}\"", JSON_PARTIAL},
		{"{\"\\\"}", JSON_PARTIAL},
		{"{\"data\":[]", JSON_PARTIAL},
		{"{\"data\":[]}", JSON_COMPLETE},
		{"{\"data\":[]}\n", JSON_COMPLETE},
		{"{\"data\":[]}\n{", JSON_PARTIAL},
		{"{}[]{}", JSON_COMPLETE},
		{"{}x", JSON_IMPOSSIBLE},
		{"{}\"x\"", JSON_IMPOSSIBLE},
		{"{]", JSON_IMPOSSIBLE},
		{"[}", JSON_IMPOSSIBLE},
		{"[\"\\u0000\"", JSON_IMPOSSIBLE},
		{"[\"\\q", JSON_IMPOSSIBLE},
		{"[\"\\ud800x", JSON_IMPOSSIBLE},
		{"[\"\\ud800\\", JSON_PARTIAL},
		{"[\"\\ud800\\u0041", JSON_IMPOSSIBLE},
		{"[\"\\udc00\"", JSON_IMPOSSIBLE},
		{"[\"\\ud83d\\ude00\"]", JSON_COMPLETE},
		{"[\"a\nb\"]", JSON_IMPOSSIBLE},
		{"[\x80", JSON_IMPOSSIBLE},
		{"[[[[[[[[[[[[[[[[", JSON_PARTIAL},
		{"[[[[[[[[[[[[[[[[[", JSON_IMPOSSIBLE},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		enum json_draft d = json_draft(rows[i].text, strlen(rows[i].text));
		if (d != rows[i].draft)
			fail_msg("%s: %d, not %d", rows[i].text, d, rows[i].draft);
	}
	assert_int_equal(json_draft("a\0b\n", 4), JSON_IMPOSSIBLE);
	assert_int_equal(json_draft("[\0]", 3), JSON_IMPOSSIBLE);
}

/* Whatever way a value is cut, no piece of it counts as whole. */
static void test_draft_prefixes(void **state)
{
	(void)state;
	static const char text[] = "{\"ttl\":60,\"data\":[\"a \\\"b\\\" \\u00e9 \\ud83d\\ude00\"]}";
	for (size_t n = 1; n < strlen(text); n++)
		assert_int_equal(json_draft(text, n), JSON_PARTIAL);
	assert_int_equal(json_draft(text, strlen(text)), JSON_COMPLETE);
}

/* ---- forms ---- */

static void test_text(void **state)
{
	(void)state;
	expect(TYPE_A, "192.0.2.1", "300|192.0.2.1");
	expect(TYPE_A, "192.0.2.1\n", "300|192.0.2.1");
	expect(TYPE_A, "\r\n ; c\n 192.0.2.2 \r\n192.0.2.1\t\n\n192.0.2.2\n",
		"300|192.0.2.1|192.0.2.2");
	expect(TYPE_A, "60 192.0.2.1\n", "60|192.0.2.1");
	expect(TYPE_A, "60 192.0.2.1\n192.0.2.2", "60|192.0.2.1|192.0.2.2");
	expect(TYPE_A, "0 192.0.2.1", "0|192.0.2.1");
	expect(TYPE_A, "2147483647 192.0.2.1", "2147483647|192.0.2.1");
	expect(TYPE_A, "192.0.2.1 ; printer", "300|192.0.2.1");
	expect(TYPE_A, "mail.example. 60 IN A 192.0.2.1", "60|192.0.2.1");
	expect(TYPE_A, "MAIL.example IN 60 a 192.0.2.1", "60|192.0.2.1");
	expect(TYPE_A, "IN A 192.0.2.1", "300|192.0.2.1");
	expect(TYPE_A, "A 192.0.2.1", "300|192.0.2.1");
	expect(TYPE_A, "mail.example. CLASS1 TYPE1 \\# 4 c0000201", "300|192.0.2.1");
	expect(TYPE_A, "\"192.0.2.1\"\n\"192.0.2.2\"\n", "300|192.0.2.1|192.0.2.2");
	expect(TYPE_MX, "10 mx.example", "300|10 mx.example.");
	expect(TYPE_MX, "10 mx.example.", "300|10 mx.example.");
	expect(TYPE_MX, "60 10 MX.Example.", "60|10 MX.Example.");
	expect(TYPE_TLSA, "60 3 1 1 aabb", "60|3 1 1 aabb");
	expect(TYPE_TLSA, "3 1 1 aa bb", "300|3 1 1 aabb");
	expect(TYPE_TLSA, "3 1 1 aab b", "300|3 1 1 aabb");
	expect(65280, "60 \\# 3 aabbcc", "60|\\# 3 aabbcc");
	refuse(TYPE_TLSA, "3 1 1 11 22", "may be a TTL or data");
}

static void test_txt(void **state)
{
	(void)state;
	expect(TYPE_TXT, "v=spf1 -all\n", "300|\"v=spf1 -all\"");
	expect(TYPE_TXT, "v=DKIM1; k=rsa", "300|\"v=DKIM1; k=rsa\"");
	expect(TYPE_TXT, "C:\\dir say \"x\"", "300|\"C:\\\\dir say \\\"x\\\"\"");
	expect(TYPE_TXT, "caf\xc3\xa9", "300|\"caf\\195\\169\"");
	expect(TYPE_TXT, "60 bottles", "300|\"60 bottles\"");
	expect(TYPE_TXT, "60 \"bottles\"", "60|\"bottles\"");
	expect(TYPE_TXT, "\"a\" \"b\"", "300|\"a\" \"b\"");
	expect(TYPE_TXT, "\"a\"\"b\" ; c", "300|\"a\" \"b\"");
	expect(TYPE_TXT, "\"a\\065\\;\"", "300|\"aA;\"");
	expect(TYPE_TXT, "\"\"", "300|\"\"");
	expect(TYPE_TXT, "\"\\\"a\\\" \\\"b\\\"\"",
		"300|\"a\" \"b\""); /* a JSON string of zone text */
	expect(TYPE_TXT, "\" a\"", "300|\" a\"");
	expect(TYPE_TXT, "\";a\"", "300|\";a\"");
	expect(TYPE_TXT, "mail.example. 60 IN TXT \"x\"", "60|\"x\"");
	expect(TYPE_TXT, "mail.example 60 IN TXT v=spf1 -all", "60|\"v=spf1 -all\"");
	expect(TYPE_TXT, "IN TXT x", "300|\"IN TXT x\"");
	expect(TYPE_TXT, "{\"data\":\"v=spf1 -all\"}", "300|\"v=spf1 -all\"");
	expect(TYPE_TXT, "{\"data\":[\"\"]}", "300|\"\"");
	expect(TYPE_TXT, "{\"data\":\"\\\"a\\\" \\\"b\\\"\"}", "300|\"a\" \"b\"");
	refuse(TYPE_TXT, "other.example. 60 IN TXT \"x\"", "owner");
	refuse(TYPE_TXT, "\"open", "form");
	refuse(TYPE_TXT, "\"a\"x", "form");
	refuse(TYPE_TXT, "\"a\\256\"", "form");
}

/* Cut at 255 bytes; a quoted string is one string and may not be longer. */
static void test_txt_long(void **state)
{
	(void)state;
	char text[700];
	memset(text, 'a', sizeof(text));
	text[600] = 0;
	struct rrset *set = read_ok(TYPE_TXT, text);
	assert_int_equal(set->data_len, 2 + 3 + 600);
	assert_int_equal(set->data[2], 255);
	assert_int_equal(set->data[2 + 256], 255);
	assert_int_equal(set->data[2 + 512], 90);
	rrset_destroy(set);
	text[0] = text[600] = '"';
	text[601] = ' ';
	text[602] = text[603] = '"';
	text[604] = 0;
	refuse(TYPE_TXT, text, "form");
}

static void test_json_forms(void **state)
{
	(void)state;
	expect(TYPE_A, "[\"192.0.2.2\",\"192.0.2.1\"]", "300|192.0.2.1|192.0.2.2");
	expect(TYPE_A, "{\"ttl\":60,\"data\":\"192.0.2.1\"}", "60|192.0.2.1");
	expect(TYPE_A, "{\"ttl\":60,\"data\":[\"192.0.2.1\"]}\n", "60|192.0.2.1");
	expect(TYPE_A, "{\"data\":\"192.0.2.1\"} {\"data\":\"192.0.2.2\"}\n[\"192.0.2.3\"]",
		"300|192.0.2.1|192.0.2.2|192.0.2.3");
	expect(TYPE_A, "{\"rdata\":[{\"address\":\"192.0.2.1\"}]}", "300|192.0.2.1");
	expect(TYPE_A, "{\"rdata\":{\"hex\":\"C0000201\"}}", "300|192.0.2.1");
	expect(TYPE_A,
		"{\"name\":\"Mail.Example\",\"class\":\"IN\",\"type\":\"A\",\"data\":\"192.0.2."
		"1\"}",
		"300|192.0.2.1");
	expect(TYPE_MX,
		"{\"data\":\"10 "
		"mx.example\",\"rdata\":[{\"preference\":10,\"exchange\":\"mx.example.\"}]}",
		"300|10 mx.example.");
	expect(TYPE_A,
		"{\"data\":\"192.0.2.1\",\"cname\":[],\"source\":\"dht\",\"trust\":\"pin\","
		"\"signer\":\"x\","
		"\"seq\":18446744073709551616,\"expires\":1,\"replicas\":1,\"published\":1,"
		"\"next\":1}",
		"300|192.0.2.1");
	/* octoDNS */
	expect(TYPE_A, "{\"type\":\"A\",\"ttl\":60,\"value\":\"192.0.2.1\"}", "60|192.0.2.1");
	expect(TYPE_MX, "{\"values\":[{\"preference\":10,\"exchange\":\"mx.example.\"}]}",
		"300|10 mx.example.");
	expect(TYPE_MX, "{\"values\":[{\"priority\":10,\"value\":\"mx.example.\"}]}",
		"300|10 mx.example.");
	expect(TYPE_TXT, "{\"value\":\"v=DKIM1\\\\; k=rsa\"}", "300|\"v=DKIM1; k=rsa\"");
	/* PowerDNS */
	expect(TYPE_A,
		"{\"name\":\"mail.example.\",\"type\":\"A\",\"ttl\":60,\"changetype\":\"REPLACE\","
		"\"comments\":[],"
		"\"records\":[{\"content\":\"192.0.2.1\",\"disabled\":false},{\"content\":\"192.0."
		"2.2\","
		"\"disabled\":true}]}",
		"60|192.0.2.1");
	expect(TYPE_A,
		"{\"rrsets\":[{\"name\":\"mail.example.\",\"type\":\"MX\",\"records\":[]},"
		"{\"name\":\"mail.example.\",\"type\":\"A\",\"ttl\":9,\"records\":[{\"content\":"
		"\"192.0.2.1\"}]}]}",
		"9|192.0.2.1");
}

static void test_replies(void **state)
{
	(void)state;
	expect(TYPE_A,
		"{\"Status\":0,\"TC\":false,\"Question\":[{\"name\":\"mail.example.\",\"type\":1}],"
		"\"Answer\":["
		"{\"name\":\"mail.example.\",\"type\":5,\"TTL\":5,\"data\":\"a.example.\"},"
		"{\"name\":\"a.example.\",\"type\":1,\"TTL\":60,\"data\":\"192.0.2.1\"},"
		"{\"name\":\"b.example.\",\"type\":1,\"TTL\":61,\"data\":\"192.0.2.9\"}]}",
		"60|192.0.2.1");
	expect(TYPE_TXT,
		"{\"Status\":0,\"Answer\":[{\"name\":\"mail.example\",\"type\":16,\"TTL\":60,"
		"\"data\":\"\\\"a\\\"\"}]}",
		"60|\"a\"");
	/* a loop of CNAMEs ends */
	refuse(TYPE_A,
		"{\"Answer\":[{\"name\":\"mail.example.\",\"type\":5,\"data\":\"mail.example.\"}]}",
		"no record");
	refuse(TYPE_A, "{\"Status\":3}", "error");
	refuse(TYPE_A, "{\"Status\":0}", "no answer");
	refuse(TYPE_A, "{\"Answer\":{}}", "not a list");
	refuse(TYPE_A, "{\"Answer\":[{\"name\":\"mail.example\",\"type\":1,\"data\":7}]}",
		"no data");
	/* 2009 */
	expect(TYPE_A,
		"[[{\"__type__\":\"RRHeader\",\"name\":\"mail.example\",\"type\":\"A\",\"cls\":"
		"\"IN\",\"ttl\":3600,"
		"\"payload\":{\"__type__\":\"Record_A\",\"address\":\"192.0.2.1\",\"ttl\":3600},"
		"\"auth\":false}],[],[]]",
		"3600|192.0.2.1");
	expect(TYPE_TXT,
		"[[{\"name\":\"mail.example\",\"type\":\"TXT\",\"payload\":{\"__type__\":\"Record_"
		"TXT\",\"data\":\"a b\","
		"\"ttl\":null}}],[],[]]",
		"300|\"a b\"");
	expect(TYPE_A,
		"[[{\"name\":\"mail.example\",\"type\":\"CNAME\",\"payload\":{\"__type__\":"
		"\"Record_CNAME\",\"name\":"
		"\"a.example\"}},{\"name\":\"a.example\",\"type\":\"A\",\"payload\":{\"__type__\":"
		"\"Record_A\",\"address\":"
		"\"192.0.2.1\"}}],[],[]]",
		"300|192.0.2.1");
	expect(TYPE_A, "[{\"__type__\":\"Record_A\",\"address\":\"192.0.2.1\",\"ttl\":60}]",
		"60|192.0.2.1");
	refuse(TYPE_A, "[{\"__type__\":\"Record_AAAA\",\"address\":\"::1\"}]", "type");
	refuse(TYPE_A, "[[{\"__type__\":\"error\",\"class\":\"DNSNameError\"}]]", "no record");
	refuse(TYPE_MX,
		"[[{\"name\":\"mail.example\",\"type\":\"MX\",\"payload\":{\"__type__\":\"Record_"
		"MX\","
		"\"notimplemented\":true}}],[],[]]",
		"missing");
}

/* ---- refusals ---- */

static void test_refused(void **state)
{
	(void)state;
	refuse(TYPE_A, "", "nothing");
	refuse(TYPE_A, " \n", "nothing");
	refuse(TYPE_A, "; c\n", "no record");
	refuse(TYPE_A, "[]", "no record");
	refuse(TYPE_A, "{\"data\":[]}", "no record");
	refuse(TYPE_A, "{}", "no data");
	refuse(TYPE_A, "hello", "form");
	refuse(TYPE_A, "192.0.2.256", "form");
	refuse(TYPE_A, "192.0.2.1 junk", "form");
	refuse(TYPE_A, "192.0.2.1\n192.0.2", "form");
	refuse(TYPE_A, "( 192.0.2.1 )", "form");
	refuse(TYPE_A, "$INCLUDE /etc/passwd", "form");
	refuse(TYPE_A, "\\# 3 c00002", "form");
	refuse(TYPE_A, "60 192.0.2.1\n61 192.0.2.2", "different TTLs");
	refuse(TYPE_A, "2147483648 192.0.2.1", "TTL");
	refuse(TYPE_A, "other.example. IN A 192.0.2.1", "owner");
	refuse(TYPE_A, "@ IN A 192.0.2.1", "owner");
	refuse(TYPE_A, "mail.example. CH A 192.0.2.1", "class");
	refuse(TYPE_A, "mail.example. IN MX 10 a", "type");
	refuse(TYPE_A, "{\"data\":\"192.0.2.1\",\"tll\":60}", "not known");
	refuse(TYPE_A, "{\"data\":\"192.0.2.1\",\"ttl\":60,\"ttl\":61}", "twice");
	refuse(TYPE_A, "{\"data\":\"192.0.2.1\",\"d\\u0061ta\":\"192.0.2.2\"}", "twice");
	refuse(TYPE_A, "{\"data\":\"192.0.2.1\",\"source\":{\"a\":1,\"a\":2}}", "twice");
	refuse(TYPE_A, "{\"data\":\"192.0.2.1\",\"ttl\":-1}", "TTL");
	refuse(TYPE_A, "{\"data\":\"192.0.2.1\",\"ttl\":2147483648}", "TTL");
	refuse(TYPE_A, "{\"data\":\"192.0.2.1\",\"ttl\":18446744073709551617}", "TTL");
	refuse(TYPE_A, "{\"data\":\"192.0.2.1\",\"ttl\":60.0}", "whole number");
	refuse(TYPE_A, "{\"data\":\"192.0.2.1\",\"ttl\":\"60\"}", "whole number");
	refuse(TYPE_A, "{\"data\":\"192.0.2.1\",\"ttl\":null}", "null");
	refuse(TYPE_A, "{\"ttl\":60,\"data\":\"192.0.2.1\"}{\"ttl\":61,\"data\":\"192.0.2.2\"}",
		"different");
	refuse(TYPE_A, "{\"data\":\"192.0.2.1\",\"name\":\"other.example\"}", "name");
	refuse(TYPE_A, "{\"data\":\"192.0.2.1\",\"type\":\"AAAA\"}", "type");
	refuse(TYPE_A, "{\"data\":\"192.0.2.1\",\"type\":1}", "type");
	refuse(TYPE_A, "{\"data\":\"192.0.2.1\",\"class\":\"CH\"}", "class");
	refuse(TYPE_A, "{\"data\":\"192.0.2.1\",\"value\":\"192.0.2.1\"}", "several");
	refuse(TYPE_A, "{\"value\":\"192.0.2.1\",\"values\":[\"192.0.2.1\"]}", "value and values");
	refuse(TYPE_A, "{\"data\":\"192.0.2.1\",\"rdata\":[{\"address\":\"192.0.2.2\"}]}",
		"differ");
	refuse(TYPE_A, "{\"data\":[[\"192.0.2.1\"]]}", "neither");
	refuse(TYPE_A, "{\"data\":7}", "neither");
	refuse(TYPE_A, "[null]", "neither");
	refuse(TYPE_A, "{\"rdata\":[{\"address\":\"192.0.2.1\",\"x\":1}]}", "does not have");
	refuse(TYPE_A, "{\"rdata\":[{\"address\":\"192.0.2.1\",\"hex\":\"c0000201\"}]}", "hex");
	refuse(TYPE_A, "{\"rdata\":[{}]}", "missing");
	refuse(TYPE_A, "{\"records\":[{\"content\":\"192.0.2.1\",\"ttl\":5}]}", "unknown");
	refuse(TYPE_A, "{\"records\":[{}]}", "no content");
	refuse(TYPE_A, "{\"records\":{}}", "not a list");
	refuse(TYPE_A, "{\"changetype\":\"DELETE\",\"records\":[]}", "REPLACE");
	refuse(TYPE_A, "{\"rrsets\":[],\"x\":1}", "beside");
	refuse(TYPE_A, "{\"rrsets\":[{}]}", "no name");
	refuse(TYPE_A, "{\"data\":\"192.0.2.1\"", "does not end");
	refuse(TYPE_A, "{\"data\":\"192.0.2.1\"} x", "not JSON");
	refuse(TYPE_A, "{\"data\":\"192.0.2.1\",}", "not JSON");
	refuse(TYPE_A, "{'data':'192.0.2.1'}", "not JSON");
	refuse(TYPE_A, "[\"\xff\"]", "not JSON");
	refuse(TYPE_A, "[\"192.0.2.1\\u0000\"]", "not JSON");
	refuse(TYPE_A, "[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]", "not JSON");
	refuse(TYPE_A, "192.0.2.1\x1b[31m", "control");
	refuse(TYPE_CNAME, "a\nb\n", "only one");
	refuse(TYPE_ANY, "x", "for questions");
	refuse(TYPE_MX, "65536 mx", "form");
	refuse(TYPE_MX, "-1 foo", "form");
	refuse(TYPE_MX, "10 @", "form");
	refuse(TYPE_MX, "10 \"mx\"", "form");
	refuse(TYPE_MX, "{\"rdata\":{\"preference\":65536,\"exchange\":\"mx\"}}", "wrong value");
	refuse(TYPE_MX, "{\"rdata\":{\"preference\":\"10\",\"exchange\":\"mx\"}}", "wrong value");
}

static void test_size(void **state)
{
	(void)state;
	struct question q = ask("mail.example", TYPE_TXT);
	struct rrset *set = NULL;
	const char *why;
	char *text = malloc(JSON_INPUT_MAX + 1);
	assert_non_null(text);
	memset(text, 'a', JSON_INPUT_MAX + 1);
	assert_int_equal(json_read(text, JSON_INPUT_MAX + 1, &q, NULL, &set, &why), -EFBIG);
	assert_int_equal(json_draft(text, JSON_INPUT_MAX + 1), JSON_IMPOSSIBLE);
	assert_int_equal(json_read(text, JSON_INPUT_MAX, &q, NULL, &set, &why), -EFBIG);
	assert_non_null(strstr(why, "larger"));
	assert_int_equal(json_read(text, 60000, &q, NULL, &set, &why), 0);
	assert_null(why);
	rrset_destroy(set);
	free(text);
}

/* 2048 lines are read, the next one is too many, even if it says nothing new. */
static void test_many_records(void **state)
{
	(void)state;
	struct question q = ask("mail.example", TYPE_A);
	struct rrset *set = NULL;
	const char *why;
	char *text = calloc(2049, strlen("1.1.1.1\n") + 1);
	assert_non_null(text);
	for (int i = 0; i < 2048; i++)
		memcpy(text + 8 * i, "1.1.1.1\n", 8);
	assert_int_equal(read_copy(text, &q, NULL, &set, &why), 0);
	assert_int_equal(set->count, 1);
	rrset_destroy(set);
	strcat(text, "1.1.1.1\n");
	assert_int_equal(read_copy(text, &q, NULL, &set, &why), -EFBIG);
	assert_non_null(strstr(why, "2048"));
	free(text);
}

/* What jq prints by itself: several lines, and text that needs no escape as it is. */
static void test_jq(void **state)
{
	(void)state;
	expect(TYPE_TXT,
		"{\n  \"name\": \"mail.example.\",\n  \"ttl\": 60,\n  \"data\": [\n    "
		"\"\\\"caf\\\\195\\\\169\\\"\"\n"
		"  ],\n  \"rdata\": [\n    {\n      \"strings\": [\n        \"caf\xc3\xa9\"\n      "
		"]\n    }\n  ],\n"
		"  \"seq\": 1794000000000000,\n  \"expires\": 1800000000\n}\n",
		"60|\"caf\\195\\169\"");
}

/* ---- data and rdata ---- */

static void test_edited(void **state)
{
	(void)state;
	struct question q = ask("mail.example", TYPE_A);
	struct rrset *standing = read_ok(TYPE_A, "192.0.2.1"), *set = NULL;
	static const char edited_data[] =
		"{\"data\":[\"192.0.2.2\"],\"rdata\":[{\"address\":\"192.0.2.1\"}]}";
	static const char edited_rdata[] =
		"{\"data\":[\"192.0.2.1\"],\"rdata\":[{\"address\":\"192.0.2.2\"}]}";
	static const char edited_both[] =
		"{\"data\":[\"192.0.2.2\"],\"rdata\":[{\"address\":\"192.0.2.3\"}]}";
	static const char emptied[] = "{\"data\":[],\"rdata\":[{\"address\":\"192.0.2.1\"}]}";
	struct rrset *wanted = read_ok(TYPE_A, "192.0.2.2");
	assert_int_equal(read_copy(edited_data, &q, standing, &set, NULL), 0);
	assert_true(rrset_same_data(set, wanted));
	rrset_destroy(set);
	assert_int_equal(read_copy(edited_rdata, &q, standing, &set, NULL), 0);
	assert_true(rrset_same_data(set, wanted));
	rrset_destroy(set);
	assert_int_equal(read_copy(edited_both, &q, standing, &set, NULL), -EINVAL);
	assert_int_equal(read_copy(emptied, &q, standing, &set, NULL), -EINVAL);
	rrset_destroy(wanted);
	rrset_destroy(standing);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_draft),
		cmocka_unit_test(test_draft_prefixes),
		cmocka_unit_test(test_text),
		cmocka_unit_test(test_txt),
		cmocka_unit_test(test_txt_long),
		cmocka_unit_test(test_json_forms),
		cmocka_unit_test(test_replies),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_size),
		cmocka_unit_test(test_many_records),
		cmocka_unit_test(test_jq),
		cmocka_unit_test(test_edited),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
