/* What is written to .kadns/pins, write by write. */
#undef NDEBUG
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fs/log.h"
#include "fs/list_draft.h"
#include "resolver/text.h"
#include "tests/fs/fake_resolver.h"

#define K1 "47pjoycnsrfmxikm95jh13y88e8qnhzu5kungjpxyepgt7a8krpy"
#define UID 1000

static struct resolver *resolver;
static struct list_draft *draft;
static uint64_t at;
static unsigned logged;

static void count_line(int level, const char *line)
{
	(void)level;
	assert_non_null(strstr(line, "pins of uid 1000"));
	logged++;
}

static uint64_t no_time(void)
{
	static uint64_t now;
	return now += 10000000; /* nothing is held back */
}

static int setup(void **state)
{
	(void)state;
	resolver = fake_resolver(NULL);
	at = 0;
	logged = 0;
	log_open(LOG_NOTICE, count_line, no_time);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	list_draft_destroy(draft);
	draft = NULL;
	fake_destroy();
	return 0;
}

static void begin(bool append)
{
	list_draft_destroy(draft);
	at = 0;
	assert_int_equal(list_draft_create(&list_of_pins, resolver, UID, append, &draft), 0);
}

static int put(const char *text)
{
	int r = list_draft_write(draft, text, strlen(text), at);
	at += strlen(text);
	return r;
}

/* Suffixes of the list that stands. */
static void stands(const char *want)
{
	const struct pin_list *list = resolver_pins_of(resolver, UID);
	char got[400] = "";
	for (size_t i = 0; i < pin_list_len(list); i++) {
		char name[NAME_TEXT_MAX];
		name_to_text(&pin_list_at(list, i)->suffix, name);
		strcat(strcat(got, name), " ");
	}
	assert_string_equal(got, want);
}

static void finish(const char *want)
{
	assert_int_equal(list_draft_close(draft), 0);
	stands(want);
}

static void test_replaces(void **state)
{
	(void)state;
	begin(false);
	assert_int_equal(put(K1 " a.b\n" K1 " c.d\n"), 0);
	stands("a.b c.d ");
	assert_int_equal(put(K1 " e.f\n"), 0); /* several writes of a handle are one list */
	stands("a.b c.d e.f ");
	unsigned sets = fake.pin_sets;
	finish("a.b c.d e.f ");
	assert_int_equal(fake.pin_sets, sets); /* it is on disk */
	begin(false);
	stands("a.b c.d e.f "); /* an open, and O_TRUNC with it, changes nothing */
	finish("a.b c.d e.f ");
	assert_int_equal(put(K1 " g.h"), 0);
	stands("a.b c.d e.f "); /* no line yet */
	assert_int_equal(put("i\n"), 0);
	stands("a.b c.d e.f g.hi "); /* and no whole list */
	finish("g.hi ");
	assert_int_equal(logged, 0);
}

/* A writer who is killed leaves what stood before, whether he replaced or added; not of a list that was
 * closed, and so whole, before. */
static void test_killed(void **state)
{
	(void)state;
	for (int append = 0; append < 2; append++) {
		begin(false);
		assert_int_equal(put(K1 " a.b strict\n" K1 " c.d\n"), 0);
		finish("a.b c.d ");
		begin(append);
		assert_int_equal(put(K1 " e.f\n" K1 " g"), 0);
		stands("a.b c.d e.f ");
		assert_int_equal(list_draft_drop(draft), 0);
		stands("a.b c.d ");
		assert_int_equal(put(".h\n"), -EINVAL);
		assert_int_equal(list_draft_close(draft), 0);
		stands("a.b c.d ");
	}
	begin(false);
	assert_int_equal(put(K1 " e.f\n"), 0);
	finish("e.f ");
	assert_int_equal(list_draft_drop(draft), 0);
	stands("e.f ");
}

static bool strict_stands(size_t i)
{
	const struct pin_list *list = resolver_pins_of(resolver, UID);
	return pin_list_len(list) > i && pin_list_at(list, i)->strict;
}

/* `cp` writes a long list piece by piece: no strict pin is missing at any moment, and none comes
 * back. */
static void test_never_half(void **state)
{
	(void)state;
	begin(false);
	assert_int_equal(put(K1 " a.b strict\n" K1 " bank.b strict\n" K1 " old.b\n"), 0);
	finish("a.b bank.b old.b ");
	begin(false);
	const char *again = K1 " a.b strict\n# the bank\n" K1 " bank.b strict\n" K1 " new.b\n";
	for (const char *c = again; *c; c++) {
		char one[2] = {*c, 0};
		assert_int_equal(put(one), 0);
		assert_true(strict_stands(0) && strict_stands(1));
	}
	stands("a.b bank.b old.b new.b ");
	unsigned sets = fake.pin_sets;
	finish("a.b bank.b new.b ");
	assert_int_equal(fake.pin_sets, sets + 1); /* at once */
	assert_true(strict_stands(1));
	/* In another order it is another list. */
	begin(false);
	assert_int_equal(put(K1 " bank.b\n" K1 " a.b\n" K1 " new.b\n"), 0);
	finish("bank.b a.b new.b ");
	assert_false(strict_stands(0) || strict_stands(1));
}

/* A shell that has the file open closes copies of its descriptor between lines. */
static void test_closes_between(void **state)
{
	(void)state;
	begin(false);
	assert_int_equal(put(K1 " old.b\n"), 0);
	finish("old.b ");
	begin(false);
	assert_int_equal(put(K1 " a.b\n" K1 " c.d"), 0);
	finish("a.b c.d ");
	assert_int_equal(put("ef\n"), 0); /* it was no whole line */
	finish("a.b c.def ");
	assert_int_equal(put(K1 " g.h\n"), 0);
	finish("a.b c.def g.h ");
}

static void test_no_room_for_both(void **state)
{
	(void)state;
	char line[80], half[1 + 128 * 80] = "";
	begin(false);
	for (int i = 0; i < PINS_LIST_MAX; i++) {
		snprintf(line, sizeof(line), K1 " n%d.b strict\n", i);
		assert_int_equal(put(line), 0);
	}
	assert_int_equal(list_draft_close(draft), 0);
	begin(false);
	for (int i = 0; i < 128; i++)
		sprintf(half + strlen(half), K1 " m%d.b\n", i);
	assert_int_equal(put(half), 0);
	assert_int_equal(pin_list_len(resolver_pins_of(resolver, UID)), PINS_LIST_MAX);
	assert_true(strict_stands(PINS_LIST_MAX - 1));
	assert_int_equal(list_draft_close(draft), 0);
	assert_int_equal(pin_list_len(resolver_pins_of(resolver, UID)), 128);
	assert_false(strict_stands(0));
}

static void test_another_writes(void **state)
{
	(void)state;
	struct list_draft *other;
	begin(false);
	assert_int_equal(put(K1 " old.b\n"), 0);
	finish("old.b ");
	begin(false);
	assert_int_equal(put(K1 " a.b\n"), 0);
	assert_int_equal(list_draft_create(&list_of_pins, resolver, UID, true, &other), 0);
	assert_int_equal(list_draft_write(other, K1 " e.f\n", strlen(K1) + 5, 0), 0);
	list_draft_destroy(other);
	finish("old.b a.b e.f "); /* what was added since is not lost */
	assert_int_equal(put(K1 " c.d\n"), 0);
	finish("a.b c.d ");
}

/* The disk has failed somebody: every list is read again, and says what it said. */
static void read_again(void)
{
	struct pin_list *made;
	struct pins_mistake mistake;
	const struct pin_list *now = resolver_pins_of(resolver, UID);
	struct text t = {0};
	pin_list_write(now, "", &t);
	struct pins_input in = {.text = t.bytes, .len = t.len, .uid = UID};
	assert_int_equal(pin_list_read(&in, &mistake, &made), 0);
	text_destroy(&t);
	assert_int_equal(resolver_set_pins(resolver, UID, made), 0);
	assert_ptr_not_equal(resolver_pins_of(resolver, UID), now);
	pin_list_unref(made);
}

static void test_lists_are_read_again(void **state)
{
	(void)state;
	begin(false);
	assert_int_equal(put(K1 " old.b\n"), 0);
	finish("old.b ");
	begin(false);
	assert_int_equal(put(K1 " a.b\n"), 0);
	read_again();
	finish("a.b "); /* what is read again is nobody else's writing */
	begin(false);
	assert_int_equal(put(K1 " c.d\n"), 0);
	read_again();
	assert_int_equal(put("rubbish\n"), -EINVAL);
	stands("a.b ");
}

static void test_lost(void **state)
{
	(void)state;
	begin(false);
	assert_int_equal(put(K1 " a.b\n"), 0);
	logged = 0;
	list_draft_lost(draft, &list_of_pins, UID, -EIO);
	assert_int_equal(logged, 1);
	assert_int_equal(put(K1 " c.d\n"), -EINVAL);
	assert_int_equal(list_draft_close(draft), 0);
	stands("a.b "); /* what stands now is not its own to put back */
	list_draft_lost(NULL, &list_of_pins, UID, -EIO);
	assert_int_equal(logged, 2);
}

static void test_last_line(void **state)
{
	(void)state;
	begin(false);
	assert_int_equal(put("# mine\n" K1 " a.b\n" K1 " c.d"), 0);
	stands("a.b ");
	finish("a.b c.d ");
	unsigned sets = fake.pin_sets;
	assert_int_equal(list_draft_close(draft), 0); /* a shell closes twice */
	assert_int_equal(fake.pin_sets, sets);
}

static void test_empties(void **state)
{
	(void)state;
	begin(false);
	assert_int_equal(put(K1 " a.b\n"), 0);
	finish("a.b ");
	begin(false);
	assert_int_equal(put("\n"), -EINVAL); /* echo $unset */
	finish("a.b ");
	begin(false);
	assert_int_equal(put("#\n"), 0);
	finish("");
}

static void test_appends(void **state)
{
	(void)state;
	begin(false);
	assert_int_equal(put(K1 " a.b\n"), 0);
	begin(true);
	at = 12345; /* whatever the kernel thinks */
	assert_int_equal(put(K1 " c.d\n"), 0);
	stands("a.b c.d ");
	/* Two who append lose nothing of each other's. */
	struct list_draft *other;
	assert_int_equal(list_draft_create(&list_of_pins, resolver, UID, true, &other), 0);
	assert_int_equal(list_draft_write(other, K1 " e.f\n", strlen(K1) + 5, 0), 0);
	list_draft_destroy(other);
	assert_int_equal(put("\n" K1 " a.b strict\n"), 0);
	stands("a.b c.d e.f ");
	assert_true(pin_list_at(resolver_pins_of(resolver, UID), 0)->strict);
	/* A short line makes a list as long as there are: who has many files open has many. */
	assert_true(list_draft_bytes(draft) >= 3 * PINS_LIST_BYTES);
}

static void test_refusal_puts_back(void **state)
{
	(void)state;
	begin(false);
	assert_int_equal(put(K1 " old.example\n"), 0);
	begin(false);
	assert_int_equal(put(K1 " a.b\nrubbish\n" K1 " c.d\n"), -EINVAL); /* the write as a whole */
	stands("old.example ");
	assert_int_equal(put(K1 " good.example\n"), -EINVAL); /* and all after it */
	stands("old.example ");
	begin(false);
	assert_int_equal(put(K1 " a.b\n"), 0);
	finish("a.b ");
	assert_int_equal(put(K1 " a.b.\nx\n"), -EINVAL);
	stands("old.example "); /* what stood before the open */
	finish("old.example ");
	begin(true);
	assert_int_equal(put(K1 " a.b\n"), 0);
	assert_int_equal(put("x\n"), -EINVAL);
	stands("old.example ");
	/* What another has written since stays. */
	begin(false);
	assert_int_equal(put(K1 " a.b\n"), 0);
	struct list_draft *other;
	assert_int_equal(list_draft_create(&list_of_pins, resolver, UID, false, &other), 0);
	assert_int_equal(list_draft_write(other, K1 " newer.example\n", strlen(K1) + 15, 0), 0);
	list_draft_destroy(other);
	assert_int_equal(put("x\n"), -EINVAL);
	stands("old.example a.b newer.example ");
	assert_int_equal(logged, 4);
}

static void test_last_line_is_bad(void **state)
{
	(void)state;
	begin(false);
	assert_int_equal(put(K1 " old.example\n"), 0);
	begin(false);
	assert_int_equal(put(K1 " a.b\n" K1 " "), 0);
	assert_int_equal(list_draft_close(draft), -EINVAL);
	stands("old.example ");
}

static void test_order(void **state)
{
	(void)state;
	begin(false);
	assert_int_equal(put(K1 " a.b\n"), 0);
	at = 4096; /* a hole */
	assert_int_equal(put(K1 " c.d\n"), -EINVAL);
	stands("");
	begin(false);
	assert_int_equal(put(K1 " a.b\n"), 0);
	list_draft_truncate(draft, 7); /* a list has no other length */
	list_draft_truncate(draft, 0);
	finish("a.b "); /* truncation alone withdraws nothing */
	at = 0;
	assert_int_equal(put(K1 " c.d\n"), 0);
	finish("c.d ");
}

static void test_disk_is_full(void **state)
{
	(void)state;
	begin(false);
	assert_int_equal(put(K1 " a.b\n"), 0);
	begin(false);
	fake.pins_error = -ENOSPC;
	assert_int_equal(put(K1 " c.d\n"), -ENOSPC);
	fake.pins_error = 0;
	stands("a.b ");
	begin(false);
	assert_int_equal(put(K1 " c.d\n"), 0);
	fake.pins_error = -ENOSPC;
	assert_int_equal(list_draft_close(draft), -ENOSPC);
	fake.pins_error = 0;
	stands("a.b c.d ");
}

static void test_size(void **state)
{
	(void)state;
	static char much[PINS_TEXT_MAX + 2];
	memset(much, '#', sizeof(much) - 2);
	much[PINS_TEXT_MAX] = '\n';
	begin(false);
	assert_int_equal(put(much), -EFBIG);
	begin(false);
	much[PINS_TEXT_MAX - 1] = '\n';
	much[PINS_TEXT_MAX] = 0;
	assert_int_equal(put(much), 0);
}

int main(void)
{
#define CASE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
	const struct CMUnitTest tests[] = {
		CASE(test_replaces),
		CASE(test_killed),
		CASE(test_never_half),
		CASE(test_closes_between),
		CASE(test_no_room_for_both),
		CASE(test_another_writes),
		CASE(test_lists_are_read_again),
		CASE(test_lost),
		CASE(test_last_line),
		CASE(test_empties),
		CASE(test_appends),
		CASE(test_refusal_puts_back),
		CASE(test_last_line_is_bad),
		CASE(test_order),
		CASE(test_disk_is_full),
		CASE(test_size),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
