/* RDATA text type by type: what is refused, what ldns would let pass, what cannot be printed. */
#undef NDEBUG
#include "json_fixture.h"

static void test_numbers(void **state)
{
	(void)state;
	refuse(TYPE_MX, "65536 foo", "form");
	refuse(TYPE_MX, "+1 foo", "form");
	refuse(TYPE_MX, "0x1 foo", "form");
	refuse(TYPE_MX, "00000000001 foo", "form");
	refuse(TYPE_SOA, "a b 4294967296 1 1 1 1", "form");
	refuse(TYPE_SOA, "a b 1 1h 1 1 1", "form");
	refuse(TYPE_SOA, "a b 1 1 1 1", "form");
	refuse(TYPE_CAA, "256 issue \"a\"", "form");
	refuse(TYPE_DS, "1 256 1 aa", "form");
	expect(TYPE_MX, "007 foo", "300|7 foo.");
}

/* ldns 1.8.3 makes 65536 of these types 0, puts quotes into names, and lets `@` be the root. */
static void test_ldns_is_held(void **state)
{
	(void)state;
	expect(18, "1 a.example", "300|1 a.example."); /* AFSDB */
	refuse(18, "65536 a.example", "form");
	refuse(18, "-1 a.example", "form");
	refuse(18, "1 \"a.example\"", "form");
	refuse(18, "1 @", "form");
	refuse(18, "1 a.example b", "form");
	refuse(18, "(1 a.example)", "form");
	refuse(37, "0 1 1 AAAA", "form"); /* CERT, which would leak */
	refuse(37, "65536 1 1 AAAA", "form");
	refuse(45, "10 1 2 192.0.2.38 A", "form"); /* IPSECKEY, the same */
	refuse(45, "10 4 2 . AAAA", "form");
	refuse(45, "10 0 2 a AAAA", "form");
	refuse(45, "10 1 2", "form");
	refuse(45, "10 1 2 192.0.2.38 AAAA AAAA", "form");
	refuse(TYPE_DNSKEY, "256 256 8 AAAA", "form");
	refuse(TYPE_HINFO, "a \"b", "form");
	refuse(TYPE_HINFO, "a \xc3\xa9", "form");
	refuse(TYPE_HINFO, "a \"\xc3\xa9\"", "form");
	expect(TYPE_HINFO, "a b ; c", "300|\"a\" \"b\"");
	refuse(11, "192.0.2.1 tcp smtp", "\\# LENGTH HEX"); /* WKS: /etc/services */
	refuse(10, "aabb", "\\# LENGTH HEX");
	refuse(65280, "aabb", "\\# LENGTH HEX");
}

static void test_generic(void **state)
{
	(void)state;
	expect(TYPE_MX, "\\# 3 000a 00", "300|10 .");
	expect(65280, "\\# 0", "300|\\# 0");
	refuse(65280, "\\#", "form");
	refuse(65280, "\\# 2 aa", "form");
	refuse(65280, "\\# 1 aabb", "form");
	refuse(65280, "\\# 1 a", "form");
	refuse(65280, "\\# 1 zz", "form");
	refuse(65280, "\\# 65536 aa", "form");
	refuse(65280, "\\# -1", "form");
	refuse(TYPE_MX, "\\# 4 000a0000", "form");
}

/* A name that prints as it was read, but for the final dot. */
static void expect_same(uint16_t type, const char *text)
{
	char wanted[600];
	snprintf(wanted, sizeof(wanted), "300|%s.", text);
	expect(type, text, wanted);
}

static void test_names(void **state)
{
	(void)state;
	char text[600] = "";
	expect(TYPE_NS, "a\\.b\\;c\\032.Example", "300|a\\.b\\;c\\032.Example.");
	expect(TYPE_NS, "*.example", "300|*.example.");
	expect(TYPE_NS, "0/25.2.0.192.in-addr.arpa", "300|0/25.2.0.192.in-addr.arpa.");
	refuse(TYPE_NS, "a..b", "form");
	refuse(TYPE_NS, ".a", "form");
	refuse(TYPE_NS, "..", "form");
	refuse(TYPE_NS, "a\\", "form");
	refuse(TYPE_NS, "a\\25", "form");
	refuse(TYPE_NS, "a\\256", "form");
	refuse(TYPE_NS, "b\xc3\xbc", "form");
	refuse(TYPE_NS, "a b", "form");
	refuse(TYPE_NS, "(a)", "form");
	/* 63 bytes a label, 255 with the root */
	memset(text, 'a', 63);
	expect_same(TYPE_NS, text);
	text[63] = 'a';
	refuse(TYPE_NS, text, "form");
	for (int i = 0; i < 4; i++) {
		memset(text + 64 * i, 'a', 63);
		text[64 * i + 63] = '.';
	}
	text[253] = 0; /* 63 63 63 61 */
	expect_same(TYPE_NS, text);
	text[253] = 'a';
	text[254] = 0;
	refuse(TYPE_NS, text, "form");
}

static void test_addresses(void **state)
{
	(void)state;
	refuse(TYPE_A, "192.0.2", "form");
	refuse(TYPE_A, "192.0.2.01", "form");
	refuse(TYPE_A, "0x7f000001", "form");
	refuse(TYPE_A, "::1", "form");
	refuse(TYPE_AAAA, "192.0.2.1", "form");
	refuse(TYPE_AAAA, "fe80::1%eth0", "form");
	expect(TYPE_AAAA, "2001:DB8:0:0::1", "300|2001:db8::1");
}

static void test_blobs(void **state)
{
	(void)state;
	refuse(TYPE_TLSA, "3 1 1", "form");
	refuse(TYPE_TLSA, "3 1 1 aab", "form");
	refuse(TYPE_TLSA, "3 1 1 \"aa\"", "form");
	refuse(TYPE_CAA, "0 is-sue \"x\"", "form");
	refuse(TYPE_CAA, "0 \"\" \"x\"", "form");
	refuse(TYPE_CAA, "0 issue x y", "form");
	expect(TYPE_CAA, "0 issue x", "300|0 issue \"x\"");
	refuse(TYPE_NAPTR, "1 2 a b c", "form");
}

static void test_svcb(void **state)
{
	(void)state;
	expect(TYPE_SVCB, "1 . port=443 alpn=h2", "300|1 . alpn=h2 port=443");
	expect(TYPE_SVCB, "1 . alpn=\"h2,h3\"", "300|1 . alpn=h2,h3");
	expect(TYPE_SVCB, "1 . key1=h2", "300|1 . alpn=h2");
	expect(TYPE_SVCB, "1 . mandatory=port,alpn alpn=h2 port=1",
		"300|1 . mandatory=alpn,port alpn=h2 port=1");
	expect(TYPE_SVCB, "1 . key667", "300|1 . key667");
	expect(TYPE_SVCB, "1 . ohttp", "300|1 . ohttp");
	expect(TYPE_SVCB, "1 . dohpath=\"/q{?dns}\"", "300|1 . dohpath=/q{?dns}");
	static const char *const refused[] = {
		"1 . alpn=h2 alpn=h3",
		"1 . alpn=h2 key1=h3",
		"1 . alpn",
		"1 . alpn=",
		"1 . alpn=h2,,h3",
		"1 . alpn=h2,",
		"1 . port",
		"1 . port=65536",
		"1 . port=1,2",
		"1 . ipv4hint=::1",
		"1 . ipv6hint=1.2.3.4",
		"1 . no-default-alpn=x",
		"1 . ech=A",
		"1 . ech=A===",
		"1 . ech=AA=A",
		"1 . ech=AB==",
		"1 . ech=\" AAA\"",
		"1 . mandatory=alpn",
		"1 . mandatory=alpn port=1",
		"1 . mandatory=alpn,alpn alpn=h2",
		"1 . mandatory=mandatory",
		"1 . key65535=x",
		"1 . key065=x",
		"1 . key=x",
		"1 . nonsense=x",
		"1 . =x",
		"1 . port=\"443",
		"1",
	};
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++)
		refuse(TYPE_SVCB, refused[i], "form");
}

static void test_many_params(void **state)
{
	(void)state;
	char text[2048] = "1 .";
	for (int i = 0; i < 64; i++)
		snprintf(text + strlen(text), sizeof(text) - strlen(text), " key%d", 1000 - i);
	struct rrset *set = read_ok(TYPE_SVCB, text);
	rrset_destroy(set);
	strcat(text, " key7");
	refuse(TYPE_SVCB, text, "form");
}

/* Bytes of a stranger that no text of the type says become `\#`, and {"hex"}. */
static void test_not_printable(void **state)
{
	(void)state;
	static const struct {
		uint16_t type;
		const char *bytes;
		size_t len;
		const char *text;
	} rows[] = {
		{TYPE_A, "abc", 3, "\\# 3 616263"},
		{TYPE_A, "", 0, "\\# 0"},
		{TYPE_A, "abcde", 5, "\\# 5 6162636465"},
		{TYPE_MX, "\0\1\1", 3, "\\# 3 000101"},
		{TYPE_NS, "\xc0\0", 2, "\\# 2 c000"},
		{TYPE_NS, "\1a", 2, "\\# 2 0161"},
		{TYPE_TXT, "\5abc", 4, "\\# 4 05616263"},
		{TYPE_TLSA, "\1\1\1", 3, "\\# 3 010101"},
		{TYPE_CAA, "\0\1-x", 4, "\\# 4 00012d78"},
		{TYPE_CAA, "\0\0x", 3, "\\# 3 000078"},
		{TYPE_SVCB, "\0\1\0\0\3\0\1x", 8, "\\# 8 0001000003000178"}, /* port of one byte */
		{TYPE_SVCB, "\0\1\0\0\1\0\0", 7, "\\# 7 00010000010000"},    /* alpn of nothing */
		{TYPE_SVCB, "\0\1\0\0\0\0\2\0\1", 9, "\\# 9 000100000000020001"}, /* not there */
		{18, "\0\1\xc0\0", 4, "\\# 4 0001c000"}, /* a pointer, for ldns */
		{TYPE_HINFO, "\1a\5b", 4, "\\# 4 01610562"},
		{37, "\0\0\0\1\5a", 6,
			"\\# 6 000000010561"}, /* CERT that ldns prints, but does not read */
		{TYPE_SVCB, "\0\1\0\0\0\0\4\0\3\0\1\0\1\0\3\2h2\0\3\0\2\0\1", 24,
			"\\# 24 0001000000000400030001000100030268320003000200"
			"01"},						      /* mandatory falls */
		{TYPE_SVCB, "\0\0\0\xff\xff\0\0", 7, "\\# 7 000000ffff0000"}, /* no such key */
		{11, "\300\0\2\1\6\0", 6, "\\# 6 c00002010600"},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char *text;
		assert_int_equal(json_rdata_text(rows[i].type, CLASS_IN,
					 (const uint8_t *)rows[i].bytes, rows[i].len, &text),
			0);
		assert_string_equal(text, rows[i].text);
		free(text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_numbers),
		cmocka_unit_test(test_ldns_is_held),
		cmocka_unit_test(test_generic),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_addresses),
		cmocka_unit_test(test_blobs),
		cmocka_unit_test(test_svcb),
		cmocka_unit_test(test_many_params),
		cmocka_unit_test(test_not_printable),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
