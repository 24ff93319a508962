/* RDATA by field: each type's object, octoDNS's names, and what is refused. */
#undef NDEBUG
#include "json_fixture.h"

/* The same record by field and by text. */
static void same(uint16_t type, const char *object, const char *text)
{
	char draft[1024], wanted[1024];
	snprintf(draft, sizeof(draft), "{\"rdata\":%s}", object);
	snprintf(wanted, sizeof(wanted), "300|%s", text);
	expect(type, draft, wanted);
}

static void wrong(uint16_t type, const char *object, const char *why_part)
{
	char draft[1024];
	snprintf(draft, sizeof(draft), "{\"rdata\":%s}", object);
	refuse(type, draft, why_part);
}

static void test_types(void **state)
{
	(void)state;
	same(TYPE_AAAA, "{\"address\":\"2001:db8::1\"}", "2001:db8::1");
	same(TYPE_CNAME, "{\"name\":\"a.example\"}", "a.example.");
	same(TYPE_PTR, "{\"name\":\"a\\\\.b.example.\"}", "a\\.b.example.");
	same(TYPE_SOA,
		"{\"mname\":\"a\",\"rname\":\"b\",\"serial\":4294967295,\"refresh\":2,\"retry\":3,"
		"\"expire\":4,"
		"\"minimum\":5}",
		"a. b. 4294967295 2 3 4 5");
	same(TYPE_TXT, "{\"strings\":[\"a\\\"b\",\"\"]}", "\"a\\\"b\" \"\"");
	same(TYPE_TXT, "{\"strings\":\"\\\\065 caf\\u00e9\"}", "\"\\\\065 caf\\195\\169\"");
	same(TYPE_SRV, "{\"target\":\"a\",\"port\":3,\"weight\":2,\"priority\":1}", "1 2 3 a.");
	same(TYPE_CAA, "{\"flags\":0,\"tag\":\"issue\",\"value\":\"a; b\"}", "0 issue \"a; b\"");
	same(TYPE_TLSA,
		"{\"certificate_usage\":3,\"selector\":1,\"matching_type\":1,"
		"\"certificate_association_data\":\"AABB\"}",
		"3 1 1 aabb");
	same(TYPE_SSHFP, "{\"algorithm\":4,\"fingerprint_type\":2,\"fingerprint\":\"aabb\"}",
		"4 2 aabb");
	same(TYPE_DS, "{\"key_tag\":1,\"algorithm\":8,\"digest_type\":2,\"digest\":\"aabb\"}",
		"1 8 2 aabb");
	same(TYPE_NAPTR,
		"{\"order\":1,\"preference\":2,\"flags\":\"u\",\"service\":\"x\",\"regexp\":\"!^.*$"
		"!a\\\\1!\","
		"\"replacement\":\".\"}",
		"1 2 \"u\" \"x\" \"!^.*$!a\\\\1!\" .");
	same(TYPE_SVCB, "{\"priority\":0,\"target\":\"a\"}", "0 a.");
	same(TYPE_HTTPS,
		"{\"priority\":1,\"target\":\".\",\"params\":{\"port\":443,\"alpn\":[\"h2\",\"a,"
		"b\\\\c\"],"
		"\"no-default-alpn\":true,\"ipv4hint\":[\"192.0.2.1\"],\"mandatory\":\"port\","
		"\"ech\":\"AAEC\","
		"\"dohpath\":\"/q\",\"key667\":\"\"}}",
		"1 . mandatory=port alpn=\"h2,a\\\\,b\\\\\\\\c\" no-default-alpn port=443 "
		"ipv4hint=192.0.2.1 "
		"ech=AAEC dohpath=/q key667");
	same(TYPE_HTTPS,
		"{\"svcpriority\":1,\"targetname\":\".\",\"svcparams\":{\"no-default-alpn\":null,"
		"\"port\":\"443\","
		"\"alpn\":\"h2\"}}",
		"1 . alpn=h2 no-default-alpn port=443");
	same(TYPE_DNSKEY, "{\"hex\":\"0100030800\"}", "256 3 8 AA==");
	same(65280, "{\"hex\":\"\"}", "\\# 0");
}

static void test_wrong(void **state)
{
	(void)state;
	wrong(TYPE_SRV, "{\"priority\":1,\"weight\":2,\"port\":65536,\"target\":\"a\"}",
		"wrong value");
	wrong(TYPE_SRV, "{\"priority\":1,\"weight\":2,\"port\":-1,\"target\":\"a\"}",
		"wrong value");
	wrong(TYPE_SRV, "{\"priority\":1,\"weight\":2,\"port\":1.5,\"target\":\"a\"}",
		"wrong value");
	wrong(TYPE_SRV, "{\"priority\":1,\"weight\":2,\"port\":1e2,\"target\":\"a\"}",
		"wrong value");
	wrong(TYPE_SRV,
		"{\"priority\":1,\"weight\":2,\"port\":36893488147419103232,\"target\":\"a\"}",
		"wrong value");
	wrong(TYPE_SRV, "{\"priority\":1,\"weight\":2,\"target\":\"a\"}", "missing");
	wrong(TYPE_SRV, "{\"priority\":1,\"weight\":2,\"port\":3,\"target\":\"a\",\"prot\":3}",
		"not have");
	wrong(TYPE_MX, "{\"preference\":1,\"priority\":2,\"exchange\":\"a\"}", "not have");
	wrong(TYPE_NS, "{\"name\":7}", "wrong value");
	wrong(TYPE_NS, "{\"name\":null}", "wrong value");
	wrong(TYPE_NS, "{\"name\":\"\"}", "wrong value");
	wrong(TYPE_NS, "{\"name\":\"@\"}", "wrong value");
	wrong(TYPE_NS, "{\"name\":\"a b\"}", "wrong value");
	wrong(TYPE_NS, "{\"name\":\"b\\u00fc\"}", "wrong value");
	wrong(TYPE_TXT, "{\"strings\":[]}", "wrong value");
	wrong(TYPE_TXT, "{\"strings\":[7]}", "wrong value");
	wrong(TYPE_CAA, "{\"flags\":0,\"tag\":\"\",\"value\":\"a\"}", "wrong value");
	wrong(TYPE_CAA, "{\"flags\":0,\"tag\":\"issue\",\"value\":null}", "wrong value");
	wrong(TYPE_DS, "{\"key_tag\":1,\"algorithm\":8,\"digest_type\":2,\"digest\":\"\"}",
		"wrong value");
	wrong(TYPE_DS, "{\"key_tag\":1,\"algorithm\":8,\"digest_type\":2,\"digest\":\"a\"}",
		"wrong value");
	wrong(TYPE_SVCB, "{\"priority\":1,\"target\":\".\",\"params\":[]}", "wrong value");
	wrong(TYPE_SVCB, "{\"priority\":1,\"target\":\".\",\"params\":{\"alpn\":[]}}",
		"wrong value");
	wrong(TYPE_SVCB, "{\"priority\":1,\"target\":\".\",\"params\":{\"alpn\":[\"\"]}}",
		"wrong value");
	wrong(TYPE_SVCB, "{\"priority\":1,\"target\":\".\",\"params\":{\"port\":[1]}}",
		"wrong value");
	wrong(TYPE_SVCB, "{\"priority\":1,\"target\":\".\",\"params\":{\"no-default-alpn\":false}}",
		"wrong value");
	wrong(TYPE_SVCB, "{\"priority\":1,\"target\":\".\",\"params\":{\"x\":\"\"}}",
		"wrong value");
	wrong(TYPE_SVCB,
		"{\"priority\":1,\"target\":\".\",\"params\":{\"alpn\":\"a\",\"key1\":\"b\"}}",
		"wrong value");
	wrong(TYPE_DNSKEY, "{\"flags\":256}", "hex");
	wrong(65280, "{\"hex\":\"a\"}", "hex");
	wrong(65280, "{\"hex\":7}", "hex");
	wrong(65280, "{\"hex\":\"aa\",\"x\":1}", "hex");
}

/* 256 bytes are no character-string, in whichever field. */
static void test_long_string(void **state)
{
	(void)state;
	char string[257], object[600];
	memset(string, 'a', 256);
	string[256] = 0;
	snprintf(object, sizeof(object), "{\"strings\":[\"%s\"]}", string);
	wrong(TYPE_TXT, object, "wrong value");
	snprintf(object, sizeof(object), "{\"flags\":0,\"tag\":\"%s\",\"value\":\"\"}", string);
	wrong(TYPE_CAA, object, "wrong value");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_types),
		cmocka_unit_test(test_wrong),
		cmocka_unit_test(test_long_string),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
