/* DNS names as text, as file names, and public keys as names. */
#undef NDEBUG
#include "resolver/name.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct name text_name(const char *text)
{
	struct name name;
	assert_int_equal(name_from_text(text, strlen(text), &name), 0);
	return name;
}

static int from_text(const char *text)
{
	struct name name;
	return name_from_text(text, strlen(text), &name);
}

static int from_file(const char *file)
{
	struct name name;
	return name_from_file(file, strlen(file), &name);
}

static void text_reads(void **state)
{
	(void)state;
	struct name name = text_name("WWW.a\\.b.\\065\\000\\\\.Com.");
	assert_int_equal(name.len, 17);
	assert_memory_equal(name.wire, "\3www\3a.b\3a\0\\\3com", 17);
	char text[NAME_TEXT_MAX];
	size_t len = name_to_text(&name, text);
	assert_int_equal(len, strlen(text));
	assert_string_equal(text, "www.a\\046b.a\\000\\092.com");
	name_to_absolute(&name, text);
	assert_string_equal(text, "www.a\\046b.a\\000\\092.com.");
	name = text_name(".");
	assert_int_equal(name.len, 1);
	assert_int_equal(name_to_text(&name, text), 0);
	assert_string_equal(text, "");
	name_to_absolute(&name, text);
	assert_string_equal(text, ".");
}

static void text_refuses(void **state)
{
	(void)state;
	static const char *const bad[] = {"", "..", ".a", "a..b", "a..", "\\", "a\\", "a\\1",
		"a\\12", "a\\256", "a\\999", "a\\1x2", "a\\12x", "a.\\"};
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (from_text(bad[i]) != -EINVAL)
			fail_msg("'%s' was accepted", bad[i]);
	char label[65];
	memset(label, 'a', 64);
	label[63] = '\0';
	assert_int_equal(from_text(label), 0);
	label[63] = 'a', label[64] = '\0';
	assert_int_equal(from_text(label), -ENAMETOOLONG);
	char text[2048];
	for (unsigned last = 60; last < 64; last++) {
		size_t n = 3 * 64 + last;
		memset(text, 'x', n);
		text[63] = text[127] = text[191] = '.';
		text[n] = '\0';
		assert_int_equal(from_text(text), last <= 61 ? 0 : -ENAMETOOLONG);
	}
	memset(text, 'a', sizeof(text));
	for (size_t i = 1; i < sizeof(text); i += 2)
		text[i] = '.';
	struct name name;
	assert_int_equal(name_from_text(text, 253, &name), 0);
	assert_int_equal(name_from_text(text, 255, &name), -ENAMETOOLONG);
	assert_int_equal(name_from_text(text, sizeof(text), &name), -ENAMETOOLONG);
	assert_int_equal(name_from_text("a\\123", 4, &name), -EINVAL);
	/* Lengths are carried: a NUL is a byte of a label. */
	assert_int_equal(name_from_text("a\0b", 3, &name), 0);
	assert_int_equal(name.len, 5);
}

static void text_round_trips_every_byte(void **state)
{
	(void)state;
	for (unsigned byte = 0; byte < 256; byte++) {
		for (unsigned len = 1; len <= 63; len++) {
			struct name name = {.len = (uint8_t)(len + 2), .wire = {(uint8_t)len}},
				    back;
			memset(name.wire + 1, (int)byte, len);
			name_fold(&name);
			char text[NAME_TEXT_MAX];
			size_t n = name_to_text(&name, text);
			assert_int_equal(name_from_text(text, n, &back), 0);
			assert_true(name_equal(&name, &back));
			n = name_to_absolute(&name, text);
			assert_int_equal(name_from_text(text, n, &back), 0);
			assert_true(name_equal(&name, &back));
			for (size_t i = 0; i < n; i++)
				assert_true(text[i] > ' ' && text[i] < 0x7f && text[i] != '/');
		}
	}
}

static void check_file(const char *file, const char *text)
{
	struct name want = text_name(text), got;
	char back[NAME_FILE_MAX + 1];
	assert_int_equal(name_to_file(&want, back), 0);
	assert_string_equal(back, file);
	assert_int_equal(name_from_file(file, strlen(file), &got), 0);
	assert_true(name_equal(&want, &got));
}

#define KEY "dgjpkxyn3zyrk3zfads5duwdgbqpkwbjxfj4yt7rezidr3fijccy"

static void files_are_names(void **state)
{
	(void)state;
	check_file("@", ".");
	check_file("com.", "com");
	check_file("\\064.", "@");
	check_file("\\064.com", "@.com");
	check_file("www.example.com", "www.example.com");
	check_file("a\\046b.c", "a\\.b.c");
	check_file("\\046\\046.", "\\.\\.");
	check_file("x\\047y.com", "x/y.com");
	check_file("\\042.example", "*.example");
	check_file("www." KEY, "www." KEY);
	check_file(KEY, KEY);
	check_file("desktop.ini.", "desktop.ini");
	check_file("www.example.com.tmp.", "www.example.com.tmp");
	check_file("_443._tcp.x-y", "_443._tcp.x-y");
	struct name name, want = text_name("www.example.com");
	assert_int_equal(name_from_file("WWW.Example.COM.", 16, &name), 0);
	assert_true(name_equal(&name, &want));
	assert_int_equal(from_file(KEY "."), 0);
	assert_int_equal(from_file("DGJPKXYN3ZYRK3ZFADS5DUWDGBQPKWBJXFJ4YT7REZIDR3FIJCCY"), 0);
}

static void files_that_are_no_records(void **state)
{
	(void)state;
	static const char *const bad[] = {"", ".", "..", "...", "com", "Makefile", "HEAD", "4913",
		".git", ".www.example.com.swp", ".#www.example.com", "#www.example.com#",
		"www.example.com~", "example.com.~", "www.example.com,v", "*.json", "a?.com", "-e ",
		"a b.c", "a/b.c",
		"a..b", "a.b..", "@.", "@.com", "@@", "a\n.com", "desktop.ini", "Desktop.INI",
		"autorun.inf", "thumbs.db", "Thumbs.db", "folder.jpg", "package.json",
		"www.example.com.tmp", "www.example.com.BAK", "a.swp", "a\\.b.c", "\\a.com",
		"\\097.com", "\\097*.com", "\\065.com", "\\45.com", "\\300.com", "a.b\\", "a.b\\.",
		"a.b\\046.\\", "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
		"b\374cher.example", "m\303\274nchen", ".m\303\274nchen.example.swp",
		"#m\303\274nchen.example#", "m\303\274nchen.example~", "m\303\274nchen.example.bak",
		"m\303\274n_chen.example", "m\303\274nchen\\046.example", "\342\230\203.example",
		"dgjpkxyn3zyrk3zfads5duwdgbqpkwbjxfj4yt7rezidr3fijccb" /* spare bits */};
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (from_file(bad[i]) != -EINVAL)
			fail_msg("'%s' was taken for a record", bad[i]);
	struct name name;
	assert_int_equal(name_from_file("a\0.com", 6, &name), -EINVAL);
}

/* As typed, with or without the A-labels that a listing shows. */
static void files_in_utf8(void **state)
{
	(void)state;
	static const char *const same[] = {"xn--mnchen-3ya.example", "m\u00fcnchen.example",
		"M\u00dcNCHEN.Example.", "mu\u0308nchen.example", "m\u00fcnchen\u3002example",
		"XN--MNCHEN-3YA.example"};
	struct name want = text_name("xn--mnchen-3ya.example"), name;
	for (size_t i = 0; i < sizeof(same) / sizeof(same[0]); i++) {
		assert_int_equal(name_from_file(same[i], strlen(same[i]), &name), 0);
		assert_true(name_equal(&name, &want));
	}
	want = text_name("xn--p1ai");
	assert_int_equal(name_from_file("\u0440\u0444.", 5, &name), 0);
	assert_true(name_equal(&name, &want));
	/* The bytes themselves, as any byte. */
	check_file("m\\195\\188nchen.example", "m\303\274nchen.example");
}

/* A generator of our own, so that a failure comes again. */
static uint32_t draw(uint32_t below)
{
	static uint64_t x = 20091226;
	x ^= x << 13;
	x ^= x >> 7;
	x ^= x << 17;
	return (uint32_t)((x >> 32) * below >> 32);
}

/* A label of any bytes, of bytes that need no escape, or of those that mean something in a file
 * name or a text. */
static void draw_label(struct name *name, uint8_t len)
{
	static const char plain[] = "abcxyz0189-_", special[] = "./\\@~ *\n\t\"\177\200\377A";
	uint32_t kind = draw(3);
	name->wire[name->len - 1] = len;
	for (uint8_t i = 0; i < len; i++) {
		uint8_t any = (uint8_t)draw(256);
		if (kind == 1)
			any = (uint8_t)plain[any % (sizeof(plain) - 1)];
		else if (kind == 2)
			any = (uint8_t)special[any % (sizeof(special) - 1)];
		name->wire[name->len + i] = any;
	}
	name->len = (uint8_t)(name->len + 1 + len);
	name->wire[name->len - 1] = 0;
}

static void check_random(const struct name *name)
{
	char file[NAME_FILE_MAX + 1], text[NAME_TEXT_MAX];
	struct name back;
	if (name_to_file(name, file) < 0) { /* only for its length */
		assert_true(name_to_text(name, text) > NAME_FILE_MAX - 1);
		return;
	}
	size_t len = strlen(file);
	assert_true(len > 0 && len <= NAME_FILE_MAX && file[0] != '.');
	for (size_t i = 0; i < len; i++)
		assert_true(file[i] > ' ' && file[i] < 0x7f && file[i] != '/');
	assert_int_equal(name_from_file(file, len, &back), 0);
	assert_true(name_equal(name, &back));
	assert_int_equal(name_to_text(&back, text) + (file[len - 1] == '.'), len);
}

/* P21 of the promises says a million: `test_name_text 1000000` does so many, in some seconds. */
static unsigned long random_labels = 100000;

static void files_round_trip_random_labels(void **state)
{
	(void)state;
	for (unsigned long labels = 0; labels < random_labels;) {
		struct name name = {.len = 1};
		for (uint32_t n = 1 + draw(5); n > 0; n--) {
			uint8_t len = (uint8_t)(1 + draw(draw(2) ? 63 : 12));
			if (name.len + 1 + len > NAME_WIRE_MAX)
				break;
			draw_label(&name, len);
			labels++;
		}
		name_fold(&name);
		check_random(&name);
	}
}

static void files_too_long(void **state)
{
	(void)state;
	char file[4096];
	memset(file, 'a', sizeof(file));
	struct name name;
	assert_int_equal(name_from_file(file, 256, &name), -ENAMETOOLONG);
	assert_int_equal(name_from_file(file, sizeof(file), &name), -ENAMETOOLONG);
	assert_int_equal(name_from_file(file, 255, &name), -EINVAL); /* scratch */
	memcpy(file + 64, ".com", 4);
	assert_int_equal(name_from_file(file, 68, &name), -ENAMETOOLONG); /* a label of 64 */
	assert_int_equal(name_from_file(file + 1, 67, &name), 0);
	file[67] = '~'; /* the backup of a name at the limit */
	assert_int_equal(name_from_file(file, 68, &name), -EINVAL);
	/* 63 escaped bytes are 252 characters: with a final dot 253, with a label behind it more.
	 */
	char out[NAME_FILE_MAX + 1], text[NAME_TEXT_MAX];
	name = (struct name){.len = 65, .wire = {63}};
	memset(name.wire + 1, 0xff, 63);
	assert_int_equal(name_to_file(&name, out), 0);
	assert_int_equal(strlen(out), 253);
	size_t len = name_to_text(&name, text);
	for (int more = 1; more < 4; more++) {
		text[len++] = more == 1 ? '.' : 'b';
		assert_int_equal(name_from_text(text, len, &name), 0);
		if (more > 1)
			assert_int_equal(name_to_file(&name, out), 0);
	}
	text[len++] = 'b'; /* 256 */
	assert_int_equal(name_from_text(text, len, &name), 0);
	assert_int_equal(name_to_file(&name, out), -ENAMETOOLONG);
}

static void files_round_trip_every_byte(void **state)
{
	(void)state;
	for (unsigned byte = 0; byte < 256; byte++) {
		for (unsigned len = 1; len <= 63; len++) {
			for (unsigned labels = 1; labels <= 3; labels++) {
				struct name one = {
					.len = (uint8_t)(len + 2), .wire = {(uint8_t)len}};
				memset(one.wire + 1, (int)byte, len);
				name_fold(&one);
				struct name name = one, back;
				for (unsigned i = 1; i < labels; i++)
					assert_int_equal(name_join(&one, &name, &name), 0);
				char file[NAME_FILE_MAX + 1];
				if (name_to_file(&name, file) == -ENAMETOOLONG)
					continue;
				assert_int_equal(name_from_file(file, strlen(file), &back), 0);
				assert_true(name_equal(&name, &back));
			}
		}
	}
}

static void keys(void **state)
{
	(void)state;
	static const uint8_t iroh[NAME_KEY_LEN] = {0x19, 0x92, 0xd5, 0x3c, 0x02, 0xcd, 0xc0, 0x45,
		0x66, 0xe5, 0xc0, 0xed, 0xb1, 0xce, 0x83, 0x30, 0x5c, 0xd5, 0x50, 0x29, 0x79, 0x53,
		0xa0, 0x47, 0xa4, 0x45, 0xea, 0x32, 0x64, 0xb5, 0x4b, 0x18};
	char text[NAME_KEY_TEXT + 1];
	uint8_t key[NAME_KEY_LEN];
	key_to_text(iroh, text);
	assert_string_equal(text, KEY);
	assert_int_equal(key_from_text(KEY, 52, key), 0);
	assert_memory_equal(key, iroh, sizeof(key));
	struct name name, want = text_name(KEY);
	key_to_name(iroh, &name);
	assert_true(name_equal(&name, &want));
	memset(key, 0, sizeof(key));
	assert_true(name_key(&name, key));
	assert_memory_equal(key, iroh, sizeof(key));
	name = text_name("a.b." KEY);
	assert_true(name_key(&name, key));
	name = text_name(KEY ".com"); /* an ordinary name */
	assert_false(name_key(&name, key));
	name = text_name(".");
	assert_false(name_key(&name, key));
	/* The last character carries one bit: y or o. */
	unsigned valid = 0;
	strcpy(text, KEY);
	for (unsigned c = 1; c < 256; c++) {
		text[51] = (char)c;
		if (key_from_text(text, 52, key) == 0) {
			assert_true(c == 'y' || c == 'o');
			valid++;
		}
	}
	assert_int_equal(valid, 2);
	assert_int_equal(key_from_text(KEY, 51, key), -EINVAL);
	assert_int_equal(key_from_text(KEY "y", 53, key), -EINVAL);
	assert_int_equal(key_from_text("", 0, key), -EINVAL);
	static const char *const wrong[] = {"0", "l", "v", "2", "D", "\\", " "};
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		strcpy(text, KEY);
		text[7] = wrong[i][0];
		assert_int_equal(key_from_text(text, 52, key), -EINVAL);
	}
	for (unsigned i = 0; i < 256; i++) {
		uint8_t back[NAME_KEY_LEN];
		for (unsigned j = 0; j < NAME_KEY_LEN; j++)
			key[j] = (uint8_t)(i * 7 + j * (i | 1));
		key_to_text(key, text);
		assert_int_equal(key_from_text(text, 52, back), 0);
		assert_memory_equal(key, back, sizeof(key));
	}
}

static void test_probe_names(void **state)
{
	(void)state;
	static const char *const probes[] = {"desktop.ini", "Desktop.INI", "autorun.inf",
		"package.json", "printer.alt.tmp", "www.example.com.swp", "a.bak"};
	static const char *const names[] = {"www.example.com", "tmp.example.com", ".tmp",
		"desktop.ini.example.com", "bak.alt", "docs.new", "a.tmpx", "com."};
	for (size_t i = 0; i < sizeof(probes) / sizeof(*probes); i++)
		assert_true(name_is_probe(probes[i], strlen(probes[i])));
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		assert_false(name_is_probe(names[i], strlen(names[i])));
	/* Longer than a label can be, and private all the same. */
	char text[80] = "";
	struct name name;
	memset(text, 'x', 70);
	strcpy(text + 70, ".Tmp");
	assert_int_equal(name_from_file(text, strlen(text), &name), -EINVAL);
	text[strlen(text) - 1] = 'x';
	assert_int_equal(name_from_file(text, strlen(text), &name), -ENAMETOOLONG);
}

int main(int argc, char **argv)
{
	if (argc > 1)
		random_labels = strtoul(argv[1], NULL, 10);
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(text_reads),
		cmocka_unit_test(test_probe_names),
		cmocka_unit_test(text_refuses),
		cmocka_unit_test(text_round_trips_every_byte),
		cmocka_unit_test(files_are_names),
		cmocka_unit_test(files_that_are_no_records),
		cmocka_unit_test(files_too_long),
		cmocka_unit_test(files_round_trip_every_byte),
		cmocka_unit_test(files_round_trip_random_labels),
		cmocka_unit_test(files_in_utf8),
		cmocka_unit_test(keys),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
