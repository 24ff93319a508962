/* Pins: what a line says, which of them speaks for a name, and for whom. */
#undef NDEBUG
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "resolver/pins.h"
#include "resolver/text.h"

#define K1 "47pjoycnsrfmxikm95jh13y88e8qnhzu5kungjpxyepgt7a8krpy"
#define K2 "yryyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy"
#define ROOT 0
#define OWNER 500
#define ALICE 1000
#define BOB 1001

static struct name name_of(const char *text)
{
	struct name n = {.len = 1};
	if (*text != '.')
		assert_int_equal(name_from_text(text, strlen(text), &n), 0);
	return n;
}

static int read_more(const char *text, uid_t uid, const struct pin_list *base,
	struct pins_mistake *m, struct pin_list **ret_list)
{
	struct pins_input in = {.text = text, .len = strlen(text), .uid = uid, .base = base};
	return pin_list_read(&in, m, ret_list);
}

static struct pin_list *list_of(const char *text, uid_t uid)
{
	struct pin_list *list = NULL;
	struct pins_mistake m;
	int r = read_more(text, uid, NULL, &m, &list);
	if (r < 0)
		fail_msg("line %zu: %s", m.line, m.why);
	return list;
}

static char *text_of(const struct pin_list *list)
{
	struct text t = {0};
	pin_list_write(list, "", &t);
	text_put(&t, "", 1);
	assert_false(t.failed);
	return t.bytes;
}

/* What is written says the same, and comes back as itself. */
static void test_lines(void **state)
{
	(void)state;
	static const struct {
		const char *text, *want;
	} rows[] = {
		{"", ""},
		{"\n\n  \t\r\n#\n# " K1 " example.com\n   #x\n", ""},
		{K1 " example.com", K1 " example.com\n"},
		{" \t" K1 "\texample.com.  \r\n", K1 " example.com\n"},
		{K1 " EXAMPLE.Com strict\n", K1 " example.com strict\n"},
		{K1 " .\n", K1 " .\n"},
		{K1 " com strict\n", K1 " com strict\n"},
		{K1 " as alice\n", K1 " as alice\n"},
		{K1 " as Alice.\n", K1 " as alice\n"},
		{K1 " as\n", K1 " as.\n"}, /* as. is a suffix like any other */
		{K1 " as. strict\n", K1 " as. strict\n"},
		{K1 " as as\n", K1 " as as\n"},
		{K1 " as strict\n", K1 " as strict\n"},
		{K1 " strict strict\n", K1 " strict strict\n"},
		{K1 " a\\.b.example\n", K1 " a\\046b.example\n"},
		{K1 " m\303\274nchen.example strict\n", K1 " xn--mnchen-3ya.example strict\n"},
		{K1 " home.arpa\n" K2 " alt\n", K1 " home.arpa\n" K2 " alt\n"},
		/* Of a suffix the last word counts, where the first stood. */
		{K1 " a.b\n" K1 " c.d\n" K2 " A.B. strict\n", K2 " a.b strict\n" K1 " c.d\n"},
		{K1 " alice.alt\n" K2 " as alice\n", K2 " as alice\n"},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct pin_list *list = list_of(rows[i].text, ALICE);
		char *text = text_of(list);
		assert_string_equal(text, rows[i].want);
		struct pin_list *again = list_of(text, ALICE);
		char *same = text_of(again);
		assert_string_equal(same, text);
		free(text);
		free(same);
		pin_list_unref(list);
		pin_list_unref(again);
	}
}

static void test_bad_lines(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		size_t line;
	} rows[] = {
		{"example.com\n", 1},
		{K1, 1},
		{K1 " a.b\n\n" K1 " a..b\n", 3},
		{K1 "x a.b\n", 1},
		{"x" K1 " a.b\n", 1},
		/* Spare bits of the last character: one key, one spelling. */
		{"47pjoycnsrfmxikm95jh13y88e8qnhzu5kungjpxyepgt7a8krpb a.b\n", 1},
		{K1 " a.b Strict\n", 1},
		{K1 " a.b strict strict\n", 1},
		{K1 " a.b c.d\n", 1},
		{K1 " as a.b\n", 1},
		{K1 " as .\n", 1},
		{K1 " as alice strict\n", 1},
		{"as alice\n", 1},
		/* A name under a key says itself who answers. */
		{K1 " " K2 "\n", 1},
		{K1 " www." K2 " strict\n", 1},
		{K1 " \377\376\n", 1},
		/* No zone of a key has it: with the key it is over 255 bytes. */
		{K1 " 123456789012345678901234567890123456789012345678901234567890123."
		    "123456789012345678901234567890123456789012345678901234567890123."
		    "123456789012345678901234567890123456789012345678901234567890123."
		    "12345678901.\n",
			1},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct pin_list *list = NULL;
		struct pins_mistake m;
		if (read_more(rows[i].text, ALICE, NULL, &m, &list) != -EINVAL)
			fail_msg("accepted: %s", rows[i].text);
		assert_int_equal(m.line, rows[i].line);
		assert_true(m.why[0]);
	}
	/* Without the key's label it fits. */
	pin_list_unref(list_of(K1
		" 123456789012345678901234567890123456789012345678901234567890123."
		"123456789012345678901234567890123456789012345678901234567890123."
		"123456789012345678901234567890123456789012345678901234567890123.12345678.\n",
		1));
	char zero[] = K1 " a\0.b\n";
	struct pins_input in = {.text = zero, .len = sizeof(zero) - 1};
	struct pins_mistake m;
	struct pin_list *list;
	assert_int_equal(pin_list_read(&in, &m, &list), 0); /* an octet of a label like any other */
	char *text = text_of(list);
	assert_string_equal(text, K1 " a\\000.b\n");
	free(text);
	pin_list_unref(list);
}

static const char *found(const struct pin_list *list, const char *name)
{
	static char buf[128];
	struct name n = name_of(name);
	const struct pin *pin = pin_list_find(list, &n);
	if (!pin)
		return "-";
	struct text t = {0};
	pin_write(pin, &t);
	snprintf(buf, sizeof(buf), "%.*s", (int)(t.len - NAME_KEY_TEXT - 1),
		t.bytes + NAME_KEY_TEXT + 1);
	text_destroy(&t);
	return buf;
}

static void test_longest(void **state)
{
	(void)state;
	struct pin_list *list = list_of(K1 " com\n" K1 " b.example.com strict\n" K1
					   " example.com\n" K1 " as alice\n" K1 " x.alice.alt\n",
		ALICE);
	static const struct {
		const char *name, *want;
	} rows[] = {
		{"example.com", "example.com"},
		{"www.example.com", "example.com"},
		{"b.example.com", "b.example.com strict"},
		{"a.b.example.com", "b.example.com strict"},
		/* Whole labels only. */
		{"ab.example.com", "example.com"},
		{"notexample.com", "com"},
		{"examplecom", "-"},
		{"example.com.org", "-"},
		{"example\\.com", "-"},
		{"com", "com"},
		{"alt", "-"},
		{"alice.alt", "as alice"},
		{"www.alice.alt", "as alice"},
		{"malice.alt", "-"},
		{"y.x.alice.alt", "x.alice.alt"},
		{"alice", "-"},
		{".", "-"},
		{K2, "-"},
		{"www." K2, "-"},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		assert_string_equal(found(list, rows[i].name), rows[i].want);
	pin_list_unref(list);
	list = list_of(K1 " .\n", ALICE);
	assert_string_equal(found(list, "."), ".");
	assert_string_equal(found(list, "a.b.c"), ".");
	assert_string_equal(found(list, "www." K2), "-"); /* never over a key */
	assert_string_equal(found(list, K1), "-");
	pin_list_unref(list);
	assert_string_equal(found(NULL, "a.b"), "-");
}

static void note(void *ctx, const struct pin *pin, const struct name *name)
{
	char text[NAME_TEXT_MAX], *all = ctx;
	(void)pin;
	name_to_text(name, text);
	strcat(strcat(all, text), " ");
}

static void target_is(const struct pin_list *list, const char *name, const char *want)
{
	struct name n = name_of(name), target;
	char text[NAME_TEXT_MAX], readers[1000] = "", again[NAME_TEXT_MAX + 1];
	const struct pin *pin = pin_list_find(list, &n);
	assert_non_null(pin);
	assert_int_equal(pin_target(pin, &n, &target), 0);
	name_to_text(&target, text);
	assert_string_equal(text, want);
	/* And back. */
	pin_list_readers(list, &target, note, readers);
	name_to_text(&n, again);
	strcat(again, " ");
	assert_non_null(strstr(readers, again));
}

static void test_targets(void **state)
{
	(void)state;
	struct pin_list *list = list_of(
		K1 " example.com\n" K1 " as alice\n" K2 " org strict\n" K1 " www.org\n", ALICE);
	char readers[1000] = "";
	target_is(list, "example.com", "example.com." K1);
	target_is(list, "a.example.com", "a.example.com." K1);
	target_is(list, "alice.alt", K1);
	target_is(list, "www.alice.alt", "www." K1);
	target_is(list, "a.b.alice.alt", "a.b." K1);
	target_is(list, "x.org", "x.org." K2);
	/* One name of a zone may be read under several, and only where that pin is the longest. */
	struct name n = name_of("example.com." K1);
	pin_list_readers(list, &n, note, readers);
	assert_non_null(strstr(readers, "example.com "));
	assert_non_null(strstr(readers, "example.com.alice.alt "));
	readers[0] = 0;
	n = name_of("www.org." K2); /* another key has the longer suffix */
	pin_list_readers(list, &n, note, readers);
	assert_string_equal(readers, "");
	n = name_of("www.example.com");
	pin_list_readers(list, &n, note, readers);
	assert_string_equal(readers, "");
	/* A name for which no zone has room. */
	struct name big = name_of(
		"123456789012345678901234567890123456789012345678901234567890123."
		"123456789012345678901234567890123456789012345678901234567890123."
		"123456789012345678901234567890123456789012345678901234567890123.example.com");
	assert_int_equal(pin_target(pin_list_find(list, &big), &big, &n), -ENAMETOOLONG);
	pin_list_unref(list);
}

static void set(struct pins *p, uid_t uid, const char *text)
{
	struct pin_list *list = list_of(text, uid);
	assert_int_equal(pins_set(p, uid, list), 0);
	pin_list_unref(list);
}

/* Own and for-all as "UID SUFFIX" or "-". */
static void holds(const struct pins *p, uid_t view, const char *name, const char *want)
{
	const struct pin *pins[PIN_SAYS];
	struct name n = name_of(name);
	char got[200] = "";
	pins_find(p, &n, view, pins);
	for (int i = 0; i < PIN_SAYS; i++) {
		char suffix[NAME_TEXT_MAX] = "", one[64] = "- ";
		if (pins[i]) {
			name_to_text(&pins[i]->suffix, suffix);
			snprintf(one, sizeof(one), "%d:%.20s ", (int)pins[i]->uid, suffix);
		}
		strcat(got, one);
	}
	assert_string_equal(got, want);
}

static void test_views(void **state)
{
	(void)state;
	struct pins *p;
	struct name n = name_of("www.example.com"), other = name_of("x.org");
	char *text;
	size_t len;
	assert_int_equal(pins_create(OWNER, &p), 0);
	holds(p, ALICE, "www.example.com", "- - ");
	set(p, ALICE, K1 " .\n");
	holds(p, ALICE, "www.example.com", "1000: - ");
	holds(p, BOB, "www.example.com", "- - ");
	holds(p, ROOT, "www.example.com", "- - ");
	holds(p, PINS_OF_OPTIONS, "www.example.com", "- - "); /* a door */
	assert_true(pins_differ(p, &n));
	set(p, ALICE, "#\n"); /* none is none */
	assert_null(pins_of(p, ALICE));
	assert_false(pins_differ(p, &n));
	set(p, BOB, K2 " com\n");
	set(p, ROOT, K1 " example.com\n");
	set(p, OWNER, K2 " example.com\n" K2 " org\n");
	holds(p, ALICE, "www.example.com", "- 0:example.com ");
	holds(p, BOB, "www.example.com", "1001:com 0:example.com "); /* his own first, if shorter */
	holds(p, OWNER, "www.example.com", "- 0:example.com ");
	holds(p, ALICE, "x.org", "- 500:org ");
	holds(p, PINS_OF_OPTIONS, "x.org", "- 500:org ");
	assert_true(pins_differ(p, &n));
	assert_false(pins_differ(p, &other));
	set(p, PINS_OF_OPTIONS, K1 " example.com\n" K1 " .\n");
	holds(p, ALICE, "www.example.com", "- -1:example.com ");
	holds(p, ALICE, "x.org", "- 500:org "); /* the longest, whosever */
	assert_int_equal(pins_len(p), 6);
	assert_int_equal(pins_text(p, BOB, &text, &len), 0);
	const char *expect =
		"# KEY SUFFIX [strict], or KEY as NICK, a line each: see kadns-files(7)\n"
		"# The daemon's options, for all:\n# " K1 " example.com\n# " K1 " .\n"
		"# Root's, for all:\n# " K1 " example.com\n"
		"# The daemon owner's, for all:\n# " K2 " example.com\n# " K2 " org\n" K2 " com\n";
	assert_int_equal(len, strlen(expect));
	assert_memory_equal(text, expect, len);
	/* What is read can be written back, and is one's own list then. */
	struct pins_input in = {.text = text, .len = len, .uid = BOB};
	struct pins_mistake m;
	struct pin_list *list;
	assert_int_equal(pin_list_read(&in, &m, &list), 0);
	assert_int_equal(pin_list_len(list), 1);
	pin_list_unref(list);
	free(text);
	pins_destroy(p);
	assert_int_equal(pins_create(ROOT, &p), 0); /* root is the daemon's owner: said once */
	set(p, ROOT, K1 " com\n");
	assert_int_equal(pins_text(p, BOB, &text, &len), 0);
	text[len - 1] = 0;
	assert_null(strstr(strstr(text, K1) + 1, K1));
	free(text);
	pins_destroy(p);
}

/* Every question of the mount asks it: what it answers is kept, list by list, and not looked for.
 */
static void test_differ(void **state)
{
	(void)state;
	struct pins *p;
	struct name n = name_of("www.example.com"), key = name_of("www." K1);
	assert_int_equal(pins_create(OWNER, &p), 0);
	set(p, ROOT, K1 " example.com\n");
	set(p, OWNER, K1 " example.com\n");
	assert_false(pins_differ(p, &n)); /* they hold for all */
	set(p, ALICE, K1 " com\n" K1 " org\n");
	set(p, BOB, K2 " example.com\n" K2 " .\n");
	assert_false(pins_differ(p, &key));
	assert_true(pins_differ(p, &n));
	set(p, BOB, K2 " www.example.com\n");
	set(p, ALICE, K1 " org\n");
	assert_true(pins_differ(p, &n));
	set(p, BOB, K2 " a.www.example.com\n");
	assert_false(pins_differ(p, &n));
	set(p, BOB, "#\n");
	set(p, ALICE, K1 " com\n");
	set(p, ALICE, K1 " com\n"); /* twice the same is once */
	assert_true(pins_differ(p, &n));
	set(p, ALICE, "#\n");
	assert_false(pins_differ(p, &n));
	pins_destroy(p);
}

static char *many(size_t n, const char *prefix)
{
	struct text t = {0};
	for (size_t i = 0; i < n; i++)
		text_format(&t, K1 " %s%zu.example\n", prefix, i);
	text_put(&t, "", 1);
	return t.bytes;
}

struct readers {
	size_t len;
	uid_t uids; /* their sum */
};

static void count_reader(void *ctx, const struct pin *pin, const struct name *name)
{
	struct readers *r = ctx;
	(void)name;
	r->len++;
	r->uids += pin->uid;
}

static struct readers readers_of(struct pins *p, const char *target)
{
	struct readers r = {0};
	struct name name = name_of(target);
	pins_readers(p, &name, count_reader, &r);
	return r;
}

/* An answer under a key looks at the lists that have a pin of it, however many others there are. */
static void test_readers(void **state)
{
	(void)state;
	struct pins *p;
	assert_int_equal(pins_create(OWNER, &p), 0);
	for (uid_t uid = 2000; uid < 3000; uid++) {
		struct pin_list *other = list_of(uid % 2 ? K2 " a.example\n" K2 " b.example\n"
							 : K2 " b.example\n", uid);
		assert_int_equal(pins_set(p, uid, other), 0);
		pin_list_unref(other);
	}
	assert_int_equal(readers_of(p, "x.a.example." K1).len, 0);
	assert_true(pins_steps(p) <= 1000);
	size_t before = pins_steps(p);
	assert_int_equal(readers_of(p, "x.a.example." K2).len, 500);
	assert_int_equal(pins_steps(p) - before, 1000);
	struct pin_list *one = list_of(K2 " c.example\n" K1 " a.example\n" K1 " b.example\n", ALICE);
	struct pin_list *two = list_of(K1 " a.example\n", BOB);
	assert_int_equal(pins_set(p, ALICE, one), 0);
	assert_int_equal(pins_set(p, BOB, two), 0);
	struct readers r = readers_of(p, "x.a.example." K1);
	assert_int_equal(r.len, 2);
	assert_int_equal(r.uids, ALICE + BOB);
	assert_int_equal(readers_of(p, "x.c.example." K2).len, 1);
	/* Another list, none, and lists before and behind that go. */
	assert_int_equal(pins_set(p, ALICE, two), 0);
	assert_int_equal(readers_of(p, "x.a.example." K1).len, 2);
	assert_int_equal(readers_of(p, "x.c.example." K2).len, 0);
	for (uid_t uid = 2000; uid < 3000; uid++)
		assert_int_equal(pins_set(p, uid, NULL), 0);
	assert_int_equal(readers_of(p, "x.a.example." K2).len, 0);
	assert_int_equal(pins_set(p, BOB, NULL), 0);
	assert_int_equal(readers_of(p, "x.a.example." K1).len, 1);
	pin_list_unref(one);
	pin_list_unref(two);
	pins_destroy(p);
}

static void test_bounds(void **state)
{
	(void)state;
	struct pins *p;
	struct pins_mistake m;
	struct pin_list *list, *longer;
	char *text = many(PINS_LIST_MAX, "n");
	assert_int_equal(pins_create(OWNER, &p), 0);
	list = list_of(text, ALICE);
	assert_int_equal(read_more(K1 " one.more\n", ALICE, list, &m, &longer), -EDQUOT);
	assert_int_equal(read_more(K2 " n7.example\n", ALICE, list, &m, &longer), 0);
	assert_int_equal(pin_list_len(longer), PINS_LIST_MAX);
	pin_list_unref(longer);
	/* Each is found among so many. */
	for (size_t i = 0; i < PINS_LIST_MAX; i++) {
		char name[64];
		snprintf(name, sizeof(name), "www.n%zu.example", i);
		assert_string_equal(found(list, name), name + 4);
	}
	/* Users together, who are no more than one account with its subuids: what is left is for
	 * those who have none yet. */
	uid_t uid = 2000;
	for (; uid < 2000 + PINS_MAX * 3 / 4 / PINS_LIST_MAX; uid++)
		assert_int_equal(pins_set(p, uid, list), 0);
	struct pin_list *two = list_of(K1 " a.example\n" K1 " b.example\n", ALICE);
	struct pin_list *one = list_of(K1 " a.example\n", ALICE);
	assert_int_equal(pins_set(p, ALICE, one), 0);
	assert_int_equal(pins_set(p, ALICE, two), -EDQUOT);
	assert_int_equal(pins_set(p, ALICE, one), 0); /* who has some may change them */
	for (; uid < 2000 + PINS_MAX * 7 / 8 / PINS_LIST_MAX - 1; uid++)
		assert_int_equal(pins_set(p, uid, list), 0);
	assert_int_equal(pins_set(p, uid, list), -EDQUOT);
	assert_int_equal(pins_set(p, 2000, list), 0);
	assert_int_equal(pins_set(p, 2000, two), 0);
	assert_int_equal(pins_set(p, ROOT, list), 0); /* and take nothing from root */
	assert_int_equal(pins_set(p, OWNER, list), 0);
	assert_int_equal(pins_set(p, uid, list), 0);
	pin_list_unref(one);
	pin_list_unref(two);
	pin_list_unref(list);
	pins_destroy(p);
	free(text);
	char line[PINS_LINE_MAX + 80];
	memset(line, ' ', sizeof(line));
	memcpy(line, K1, NAME_KEY_TEXT);
	strcpy(line + sizeof(line) - 5, "a.b\n");
	assert_int_equal(read_more(line, ALICE, NULL, &m, &list), -EINVAL);
}

static bool concerns(const struct pins_change *c, const char *name, uid_t uid)
{
	struct name n;
	assert_int_equal(name_from_text(name, strlen(name), &n), 0);
	return pins_change_concerns(c, &n, uid);
}

static void test_changes(void **state)
{
	(void)state;
	struct pin_list *before = list_of(K1 " example.com\n" K1 " org\n" K1 " as al\n", ALICE);
	struct pin_list *now = list_of(
		K1 " example.com\n" K1 " org strict\n" K1 " x.example.com\n" K2 " a.example.com\n",
		ALICE);
	struct pins_change c = {.uid = ALICE, .before = before, .now = now};
	assert_true(concerns(&c, "www.org", ALICE));
	assert_true(concerns(&c, "b.a.example.com", ALICE));
	assert_true(concerns(&c, "www.al.alt", ALICE));
	assert_false(concerns(&c, "www.example.com", ALICE));
	assert_false(concerns(&c, "x.example.com", ALICE)); /* by another pin to the same */
	assert_false(concerns(&c, "www.net", ALICE));
	assert_false(concerns(&c, "www.org", ALICE + 1));
	c.for_all = true;
	assert_true(concerns(&c, "www.org", ALICE + 1));
	assert_false(concerns(&c, "www.net", ALICE + 1));
	c.now = NULL;
	assert_true(concerns(&c, "www.example.com", ALICE));
	pin_list_unref(before);
	pin_list_unref(now);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lines),
		cmocka_unit_test(test_bad_lines),
		cmocka_unit_test(test_longest),
		cmocka_unit_test(test_targets),
		cmocka_unit_test(test_views),
		cmocka_unit_test(test_differ),
		cmocka_unit_test(test_readers),
		cmocka_unit_test(test_bounds),
		cmocka_unit_test(test_changes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
