/* A process removes a record and makes it anew, as mv and install do: a refusal puts it back. */
#undef NDEBUG
#include "tests/fs/edit_fixture.h"

#define OLD "192.0.2.1\n"
#define NEW "192.0.2.2\n"

static struct pending_caller alice = {ALICE, 0}, another = {ALICE, 0};
static struct question q;

static void write_record(const char *text)
{
	struct rrset *set = NULL;
	assert_int_equal(json_read(text, strlen(text), &q, NULL, &set, NULL), 0);
	assert_int_equal(publish_set(fs->publisher, alice.uid, set), 0);
	rrset_destroy(set);
}

static int set_up(void **state)
{
	int r = setup(state);
	alice.pid = getpid();
	another.pid = getppid();
	q = question("p.alt");
	if (r == 0)
		write_record(OLD);
	return r;
}

static struct handle *open_to_write(const struct pending_caller *caller)
{
	struct node *node;
	struct handle *h;
	assert_int_equal(tree_record(fs->tree, &q, clock_monotonic(), &node), 0);
	assert_int_equal(edit_open(fs, node, caller, false, &h), 0);
	return h;
}

static struct handle *remove_and_open(const struct pending_caller *caller)
{
	assert_int_equal(record_remove(fs, &q, &alice), 0);
	assert_null(publish_standing(fs->publisher, alice.uid, &q));
	return open_to_write(caller);
}

static void stands(const char *text) /* "": nothing does */
{
	expect(ALICE, "p.alt", text);
}

static void test_a_refusal_puts_it_back(void **state)
{
	(void)state;
	struct handle *h = remove_and_open(&alice);
	assert_int_equal(put(h, "rubbish\n"), -EINVAL);
	stands(OLD); /* before the reply, not at the close */
	assert_false(tree_is_absent(fs->tree, &q, alice.uid, clock_monotonic()));
	assert_int_equal(put(h, NEW), -EINVAL);
	release(h);
	stands(OLD);
}

static void test_so_does_one_after_a_good_line(void **state)
{
	(void)state;
	struct handle *h = remove_and_open(&alice);
	assert_int_equal(put(h, NEW), 0);
	stands(NEW);
	assert_int_equal(put(h, "rubbish\n"), -EINVAL);
	stands(OLD);
	release(h);
}

static void test_half_a_value_puts_it_back_at_the_end(void **state)
{
	(void)state;
	struct handle *h = remove_and_open(&alice);
	assert_int_equal(put(h, "{\"data\":"), 0);
	assert_int_equal(edit_flush(fs, h, alice.pid), -EINVAL);
	stands(""); /* more may come */
	release(h);
	stands(OLD);
}

static void test_nothing_at_all_too(void **state)
{
	(void)state;
	struct handle *h = remove_and_open(&alice);
	assert_int_equal(edit_flush(fs, h, alice.pid), 0);
	release(h);
	stands(OLD);
}

static void test_what_is_good_replaces_it(void **state)
{
	(void)state;
	struct handle *h = remove_and_open(&alice);
	assert_int_equal(put(h, NEW), 0);
	release(h);
	stands(NEW);
	/* And only once: what was removed is forgotten. */
	assert_int_equal(publish_remove(fs->publisher, alice.uid, &q), 0);
	h = open_to_write(&alice);
	assert_int_equal(put(h, "rubbish\n"), -EINVAL);
	release(h);
	stands("");
}

/* `rm NAME; echo rubbish >NAME`: removed is removed. */
static void test_another_process_does_not(void **state)
{
	(void)state;
	struct handle *h = remove_and_open(&another);
	assert_int_equal(put(h, "rubbish\n"), -EINVAL);
	release(h);
	stands("");
}

static void test_nor_does_it_much_later(void **state)
{
	(void)state;
	assert_int_equal(record_remove(fs, &q, &alice), 0);
	for (size_t i = 0; i < REMOVALS; i++)
		fs->removals.slots[i].until -= (REMOVAL_SECONDS + 1) * SECOND;
	struct handle *h = open_to_write(&alice);
	assert_int_equal(put(h, "rubbish\n"), -EINVAL);
	release(h);
	stands("");
}

static void test_others_are_left_alone(void **state)
{
	(void)state;
	/* Another process has written the name meanwhile. */
	struct handle *h = remove_and_open(&alice);
	write_record(NEW);
	assert_int_equal(put(h, "rubbish\n"), -EINVAL);
	release(h);
	stands(NEW);
	/* It was removed again while it was being written. */
	h = remove_and_open(&alice);
	assert_int_equal(put(h, OLD), 0);
	assert_int_equal(record_remove(fs, &q, &another), 0);
	assert_int_equal(put(h, "rubbish\n"), -EINVAL);
	release(h);
	stands("");
}

static void test_another_user_or_name_gets_nothing(void **state)
{
	(void)state;
	struct pending_caller bob = {1002, alice.pid};
	struct handle *h = remove_and_open(&bob);
	assert_int_equal(put(h, "rubbish\n"), -EINVAL);
	release(h);
	stands("");
	assert_null(publish_standing(fs->publisher, bob.uid, &q));
	write_record(OLD);
	assert_int_equal(record_remove(fs, &q, &alice), 0);
	struct question other = q;
	other.type = TYPE_TXT;
	assert_null(removal_take(&fs->removals, &other, alice.uid, alice.pid, clock_monotonic()));
}

/* emacs moves the record to NAME~ first. */
static void test_moved_away_is_as_removed(void **state)
{
	(void)state;
	assert_int_equal(to_scratch(&q, &alice, "p.alt~", 0), 0);
	struct handle *h = open_to_write(&alice);
	assert_int_equal(put(h, "rubbish\n"), -EINVAL);
	release(h);
	stands(OLD);
}

/* sed -i.bak moves it away and renames another file to it. */
static void test_a_refused_rename_puts_it_back(void **state)
{
	(void)state;
	const struct scratch_where where = {alice.uid, q.class, q.type};
	struct scratch_file *f;
	assert_int_equal(scratch_make(fs->scratch, &where, "sedX", 4, &f), 0);
	assert_int_equal(scratch_write(f, "rubbish\n", 8, 0), 0);
	assert_int_equal(to_scratch(&q, &alice, "p.alt.bak", 0), 0);
	assert_int_equal(record_from_scratch(fs, f, &q, &another), -EINVAL);
	stands("");
	assert_int_equal(record_from_scratch(fs, f, &q, &alice), -EINVAL);
	stands(OLD);
	assert_true(f->linked);
}

static void test_so_does_a_refused_open(void **state)
{
	(void)state;
	struct node *node;
	struct handle *h, *open[HANDLE_USER_DRAFTS];
	assert_int_equal(tree_record(fs->tree, &q, clock_monotonic(), &node), 0);
	for (size_t i = 0; i < HANDLE_USER_DRAFTS; i++)
		open[i] = open_to_write(&another);
	assert_int_equal(record_remove(fs, &q, &alice), 0);
	assert_int_equal(edit_open(fs, node, &alice, false, &h), -EDQUOT);
	stands(OLD);
	for (size_t i = 0; i < HANDLE_USER_DRAFTS; i++)
		release(open[i]);
	stands(OLD);
}

/* The mount ends while what was removed is being written. */
static void test_the_end_puts_it_back(void **state)
{
	(void)state;
	remove_and_open(&alice);
	fs_stop(fs);
	stands(OLD);
}

/* Callers outside of our process namespace have no number: they could be anyone. */
static void test_unknown_processes_are_not_remembered(void **state)
{
	(void)state;
	struct pending_caller unknown = {1001, 0};
	assert_int_equal(record_remove(fs, &q, &unknown), 0);
	struct handle *h = open_to_write(&unknown);
	assert_int_equal(put(h, "rubbish\n"), -EINVAL);
	release(h);
	stands("");
}

/* P removes, another writes NEW, P begins and gives up; the other's record is refused and goes.
 * What P puts back is what P removed, not what was refused. */
static void test_what_another_was_refused_stays_away(void **state)
{
	(void)state;
	struct handle *h = remove_and_open(&alice), *his = open_to_write(&another);
	assert_int_equal(put(his, NEW), 0);
	assert_int_equal(put(h, "{"), 0);
	draft_truncate(h->draft, 0);
	assert_int_equal(put(his, "rubbish\n"), -EINVAL);
	stands("");
	release(h);
	stands(OLD);
	release(his);
	stands(OLD);
}

/* ---- the table by itself ---- */

static struct rrset *set_of(const char *name)
{
	struct question of = q;
	assert_int_equal(name_from_text(name, strlen(name), &of.name), 0);
	struct rrset *set = rrset_create(&of, 300);
	assert_non_null(set);
	return set;
}

static bool takes(struct removals *r, const char *name, uid_t uid, pid_t process, uint64_t now)
{
	struct rrset *key = set_of(name);
	struct rrset *set = removal_take(r, &key->question, uid, process, now);
	bool taken = set;
	rrset_destroy(set);
	rrset_destroy(key);
	return taken;
}

static void test_a_process_may_remove_several(void **state)
{
	(void)state;
	static struct removals r;
	char name[32];
	for (unsigned i = 0; i < REMOVALS_OF_USER + 1; i++) {
		snprintf(name, sizeof(name), "n%u.alt", i);
		removal_remember(&r, 1001, 42, set_of(name), 1 + i);
	}
	assert_false(takes(&r, "n0.alt", 1001, 42, 100)); /* the oldest */
	assert_false(takes(&r, "n1.alt", 1001, 43, 100));
	assert_false(takes(&r, "n1.alt", 1002, 42, 100));
	assert_false(takes(&r, "n1.alt", 1001, 42, REMOVAL_SECONDS * SECOND + 2));
	for (unsigned i = 1; i < REMOVALS_OF_USER + 1; i++) {
		snprintf(name, sizeof(name), "n%u.alt", i);
		assert_true(takes(&r, name, 1001, 42, 100));
		assert_false(takes(&r, name, 1001, 42, 100));
	}
	removal_finish(&r);
}

static void test_the_table_is_full(void **state)
{
	(void)state;
	static struct removals r;
	for (unsigned i = 0; i < REMOVALS; i++) /* one each */
		removal_remember(&r, 2000 + i, (pid_t)(100 + i), set_of("a.alt"), 1 + i);
	/* Who has one there gives his own; who has none the oldest. */
	removal_remember(&r, 2005, 105, set_of("b.alt"), 100);
	assert_false(takes(&r, "a.alt", 2005, 105, 100));
	removal_remember(&r, 3000, 99, set_of("a.alt"), 100);
	assert_false(takes(&r, "a.alt", 2000, 100, 100));
	assert_true(takes(&r, "a.alt", 2001, 101, 100));
	/* The same name again takes no second one. */
	removal_remember(&r, 3000, 99, set_of("a.alt"), 101);
	assert_true(takes(&r, "a.alt", 3000, 99, 102));
	assert_false(takes(&r, "a.alt", 3000, 99, 102));
	/* What is over makes room before anybody loses his. */
	uint64_t later = 40 + REMOVAL_SECONDS * SECOND;
	removal_remember(&r, 4000, 98, set_of("a.alt"), later);
	removal_remember(&r, 4001, 97, set_of("a.alt"), later);
	assert_true(takes(&r, "a.alt", 2063, 163, later));
	removal_finish(&r);
}

int main(void)
{
#define CASE(test) cmocka_unit_test_setup_teardown(test, set_up, teardown)
	const struct CMUnitTest tests[] = {
		CASE(test_a_refusal_puts_it_back),
		CASE(test_so_does_one_after_a_good_line),
		CASE(test_half_a_value_puts_it_back_at_the_end),
		CASE(test_nothing_at_all_too),
		CASE(test_what_is_good_replaces_it),
		CASE(test_another_process_does_not),
		CASE(test_nor_does_it_much_later),
		CASE(test_others_are_left_alone),
		CASE(test_another_user_or_name_gets_nothing),
		CASE(test_moved_away_is_as_removed),
		CASE(test_a_refused_rename_puts_it_back),
		CASE(test_so_does_a_refused_open),
		CASE(test_the_end_puts_it_back),
		CASE(test_unknown_processes_are_not_remembered),
		CASE(test_what_another_was_refused_stays_away),
		CASE(test_a_process_may_remove_several),
		CASE(test_the_table_is_full),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
