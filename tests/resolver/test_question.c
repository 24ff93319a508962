/* Questions: mnemonics, meta types, and the key on the DHT. */
#undef NDEBUG
#include "resolver/question.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static struct question make(const char *name, uint16_t type, uint16_t class)
{
	struct question q = {.type = type, .class = class};
	assert_int_equal(name_from_text(name, strlen(name), &q.name), 0);
	return q;
}

static void check_key(const struct question *q, const char *hex)
{
	uint8_t key[QUESTION_KEY_LEN];
	char text[2 * QUESTION_KEY_LEN + 1];
	question_key(q, key);
	for (size_t i = 0; i < sizeof(key); i++)
		snprintf(text + 2 * i, 3, "%02x", key[i]);
	assert_string_equal(text, hex);
}

/* `printf 'dns://…' | sha1sum` */
static void keys_of_2009(void **state)
{
	(void)state;
	struct question q = make("Printer.alt.", TYPE_A, CLASS_IN);
	check_key(&q, "47584edb278951576ad69c873567159659aff358");
	q = make("www.heise.de", TYPE_A, CLASS_IN);
	check_key(&q, "18b4e1cc198f2af24fe309277571611822d3554f");
	q = make(".", TYPE_DNSKEY, CLASS_IN); /* dns://IN/DNSKEY/ */
	check_key(&q, "bd15e82898f8b9d367253e6db8c7d9edbe08bc0b");
	q = make("a b.\\064.x", 65280, 7); /* dns://CLASS7/TYPE65280/a\032b.\064.x */
	check_key(&q, "f8e1227b08b526ed8f2b8120329271837eda864e");
	q = make("com", TYPE_NS, CLASS_CH); /* dns://CH/NS/com: without the file's final dot */
	check_key(&q, "6db37ce763e3fb1d7403cd5253047ee664916641");
}

static void longest_key(void **state)
{
	(void)state;
	struct question q = {.type = 65535, .class = 65535, .name = {.len = 255}};
	memset(q.name.wire, 0xff, 254);
	q.name.wire[0] = q.name.wire[64] = q.name.wire[128] = 63;
	q.name.wire[192] = 61;
	q.name.wire[254] = 0;
	uint8_t a[QUESTION_KEY_LEN], b[QUESTION_KEY_LEN];
	question_key(&q, a);
	q.name.wire[253] = 'x'; /* the last byte counts: nothing was cut off */
	question_key(&q, b);
	assert_memory_not_equal(a, b, sizeof(a));
}

static void check_type(uint16_t number, const char *text)
{
	char out[TYPE_TEXT_MAX];
	uint16_t back;
	assert_string_equal(type_to_text(number, out), text);
	assert_true(type_from_text(text, strlen(text), &back));
	assert_int_equal(back, number);
}

static void types(void **state)
{
	(void)state;
	static const struct {
		uint16_t number;
		const char *text;
	} rows[] = {{1, "A"}, {2, "NS"}, {5, "CNAME"}, {6, "SOA"}, {10, "NULL"}, {12, "PTR"},
		{15, "MX"}, {16, "TXT"}, {23, "NSAP-PTR"}, {28, "AAAA"}, {29, "LOC"}, {33, "SRV"},
		{35, "NAPTR"}, {38, "A6"}, {39, "DNAME"}, {43, "DS"}, {44, "SSHFP"}, {46, "RRSIG"},
		{47, "NSEC"}, {48, "DNSKEY"}, {50, "NSEC3"}, {51, "NSEC3PARAM"}, {52, "TLSA"},
		{53, "SMIMEA"}, {54, "TYPE54"}, {55, "HIP"}, {61, "OPENPGPKEY"}, {62, "CSYNC"},
		{63, "ZONEMD"}, {64, "SVCB"}, {65, "HTTPS"}, {66, "TYPE66"}, {98, "TYPE98"},
		{99, "SPF"}, {103, "UNSPEC"}, {104, "NID"}, {105, "L32"}, {106, "L64"}, {107, "LP"},
		{108, "EUI48"}, {109, "EUI64"}, {110, "TYPE110"}, {128, "TYPE128"}, {249, "TKEY"},
		{255, "ANY"}, {256, "URI"}, {257, "CAA"}, {258, "AVC"}, {259, "DOA"},
		{260, "AMTRELAY"}, {261, "RESINFO"}, {262, "TYPE262"}, {32768, "TA"},
		{32769, "DLV"}, {65280, "TYPE65280"}, {65535, "TYPE65535"}, {0, "TYPE0"}};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		check_type(rows[i].number, rows[i].text);
	/* One name each, both ways, for all 65,536. */
	for (unsigned n = 0; n <= UINT16_MAX; n++) {
		char text[TYPE_TEXT_MAX], generic[TYPE_TEXT_MAX];
		uint16_t back;
		check_type((uint16_t)n, type_to_text((uint16_t)n, text));
		snprintf(generic, sizeof(generic), "TYPE%u", n);
		assert_int_equal(type_from_text(generic, strlen(generic), &back),
			strcmp(text, generic) == 0);
	}
}

/* The table is frozen: a record's place on the DHT depends on it. */
static void the_table_is_frozen(void **state)
{
	(void)state;
	unsigned mnemonics = 0;
	uint64_t sum = 0;
	for (unsigned n = 0; n <= UINT16_MAX; n++) {
		char text[TYPE_TEXT_MAX];
		if (strncmp(type_to_text((uint16_t)n, text), "TYPE", 4) == 0)
			continue;
		mnemonics++;
		sum = sum * 31 + n;
		for (const char *c = text; *c; c++)
			sum = sum * 31 + (uint8_t)*c;
	}
	assert_int_equal(mnemonics, 90);
	assert_true(sum == 0xc5f8ad36acc8f2d5u);
}

static void types_refused(void **state)
{
	(void)state;
	static const char *const bad[] = {"", "a", "Aa", "AAAA ", "TYPE", "TYPE1", "TYPE01",
		"TYPE065280", "TYPE00", "TYPE65536", "TYPE99999", "TYPE655350", "TYPE4294967297",
		"TYPE-1", "TYPE+7", "TYPE 54", "type54", "TYPE54x", "TYPE5.4", "CLASS1", "*", "mx",
		"IN", "A\n", "TYPE257"};
	uint16_t type;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (type_from_text(bad[i], strlen(bad[i]), &type))
			fail_msg("'%s' was accepted", bad[i]);
	assert_false(type_from_text("A\0", 2, &type));
	assert_false(type_from_text("AAAA", 3, &type));
	assert_true(type_from_text("AAAA", 1, &type)); /* the length decides */
	assert_int_equal(type, TYPE_A);
}

static void classes(void **state)
{
	(void)state;
	char text[TYPE_TEXT_MAX];
	uint16_t class;
	assert_string_equal(class_to_text(CLASS_IN, text), "IN");
	assert_string_equal(class_to_text(CLASS_CH, text), "CH");
	assert_string_equal(class_to_text(CLASS_HS, text), "HS");
	assert_string_equal(class_to_text(2, text), "CLASS2");
	assert_string_equal(class_to_text(CLASS_NONE, text), "CLASS254");
	assert_string_equal(class_to_text(65535, text), "CLASS65535");
	assert_true(class_from_text("CLASS65535", 10, &class));
	assert_int_equal(class, 65535);
	assert_true(class_from_text("HS", 2, &class));
	assert_int_equal(class, CLASS_HS);
	static const char *const bad[] = {
		"", "in", "CLASS1", "CLASS3", "CLASS04", "CLASS65536", "CLASS", "ANY"};
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(class_from_text(bad[i], strlen(bad[i]), &class));
}

static void meta_types(void **state)
{
	(void)state;
	static const uint16_t meta[] = {0, 41, 249, 250, 251, 252, 253, 254, 255};
	unsigned found = 0;
	for (unsigned n = 0; n <= UINT16_MAX; n++)
		found += type_is_meta((uint16_t)n);
	for (size_t i = 0; i < sizeof(meta) / sizeof(meta[0]); i++)
		assert_true(type_is_meta(meta[i]));
	assert_int_equal(found, sizeof(meta) / sizeof(meta[0]));
}

static void equality_and_hash(void **state)
{
	(void)state;
	struct question a = make("www.example.com", TYPE_A, CLASS_IN),
			b = make("WWW.example.com.", TYPE_A, CLASS_IN);
	assert_true(question_equal(&a, &b));
	assert_true(question_hash(&a, 5) == question_hash(&b, 5));
	assert_true(question_hash(&a, 5) != question_hash(&b, 6));
	b.type = TYPE_AAAA;
	assert_false(question_equal(&a, &b));
	assert_true(question_hash(&a, 5) != question_hash(&b, 5));
	b.type = TYPE_A;
	b.class = CLASS_CH;
	assert_false(question_equal(&a, &b));
	assert_true(question_hash(&a, 5) != question_hash(&b, 5));
	b = make("ww.example.com", TYPE_A, CLASS_IN);
	assert_false(question_equal(&a, &b));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keys_of_2009),
		cmocka_unit_test(longest_key),
		cmocka_unit_test(types),
		cmocka_unit_test(the_table_is_frozen),
		cmocka_unit_test(types_refused),
		cmocka_unit_test(classes),
		cmocka_unit_test(meta_types),
		cmocka_unit_test(equality_and_hash),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
