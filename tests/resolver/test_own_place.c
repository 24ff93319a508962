/* A file of own records that is a copy, or on a disk that was cloned, has a writer of its own
 * before anything is signed. */
#undef NDEBUG
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <sqlite3.h>

#include "resolver/own_inside.h"
#include "resolver/zone_seen.h"
#include "tests/directory.h"

static char dir[DIRECTORY_CAP];
static char path[96];

static const char *machine; /* that we are on; NULL: this one */

void __real_own_machine(char ret_machine[OWN_MACHINE_MAX]);
void __wrap_own_machine(char ret_machine[OWN_MACHINE_MAX]);

void __wrap_own_machine(char ret_machine[OWN_MACHINE_MAX])
{
	if (machine)
		snprintf(ret_machine, OWN_MACHINE_MAX, "%s", machine);
	else
		__real_own_machine(ret_machine);
}

static int set_up(void **state)
{
	(void)state;
	machine = NULL;
	if (directory_make(dir))
		return -1;
	snprintf(path, sizeof(path), "%s/own.db", dir);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	return directory_remove(dir);
}

static void alter(const char *sql)
{
	sqlite3 *db;
	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

/* A file that was copied has another writer from the start, and remembers whose it was. */
static void test_copied(void **state)
{
	(void)state;
	char copy[sizeof(path) + 8], command[3 * sizeof(path)];
	struct own *own;
	assert_int_equal(own_open(path, 10, 0, 1, &own), 0);
	unsigned writer = own_writer(own);
	own_close(own);
	snprintf(copy, sizeof(copy), "%s.copy", path);
	snprintf(command, sizeof(command), "cp -p '%s' '%s'", path, copy);
	assert_int_equal(system(command), 0);
	for (unsigned i = 0; i < 2; i++) { /* and stays that of the copy */
		static unsigned copied;
		assert_int_equal(own_open(copy, 10, 0, 1, &own), 0);
		assert_int_not_equal(own_writer(own), writer);
		assert_int_equal(own_former_writer(own), writer);
		assert_true(i == 0 || own_writer(own) == copied);
		copied = own_writer(own);
		if (i == 1)
			assert_int_equal(own_new_writer(own), 0);
		assert_int_equal(own_former_writer(own), i ? ZONE_WRITERS : writer);
		own_close(own);
	}
	assert_int_equal(unlink(copy), 0);
	/* One that was moved is the same; of an older version it becomes this one. */
	assert_int_equal(rename(path, copy), 0);
	assert_int_equal(own_open(copy, 10, 0, 1, &own), 0);
	assert_int_equal(own_writer(own), writer);
	own_close(own);
	assert_int_equal(rename(copy, path), 0);
	alter("DROP TABLE place; PRAGMA user_version=7");
	assert_int_equal(own_open(path, 10, 0, 1, &own), 0);
	assert_int_equal(own_writer(own), writer);
	assert_int_equal(own_former_writer(own), ZONE_WRITERS);
	own_close(own);
}

struct place {
	unsigned writer, former;
};

static struct place opened(const char *on)
{
	struct own *own;
	machine = on;
	assert_int_equal(own_open(path, 10, 0, 1, &own), 0);
	struct place p = {own_writer(own), own_former_writer(own)};
	own_close(own);
	return p;
}

/* The same file by all that its file system says, on another machine: a disk image that was cloned.
 * Each of its machines has a writer of its own from the first start on, the one whose image it was
 * the one that it had. */
static void test_cloned(void **state)
{
	(void)state;
	static const char a[] = "0123456789abcdef0123456789abcdef",
			  b[] = "fedcba98765432100123456789abcdef";
	struct place first = opened(a), again = opened(a);
	assert_int_equal(again.writer, first.writer);
	assert_int_equal(again.former, ZONE_WRITERS);
	/* Not to know the machine is no other machine, and nothing is forgotten of it. */
	assert_int_equal(opened("").writer, first.writer);
	struct place clone = opened(b);
	assert_int_not_equal(clone.writer, first.writer);
	assert_int_equal(clone.former, first.writer);
	again = opened(b);
	assert_int_equal(again.writer, clone.writer);
	assert_int_equal(
		again.former, first.writer); /* until it is known how far that has gone on */
	again = opened(a);
	assert_int_not_equal(again.writer, clone.writer);
}

/* A file in which no machine is noted is of the one it is on: from then on, and not another
 * before. */
static void test_noted_later(void **state)
{
	(void)state;
	struct place first = opened("");
	assert_int_equal(opened("0a").writer, first.writer);
	assert_int_equal(opened("0a").former, ZONE_WRITERS);
	assert_int_equal(opened("").writer, first.writer);
	assert_int_not_equal(opened("0b").writer, first.writer);
}

/* What is kept is a hash: machine-id(5) wants it to be nobody else's. */
static void test_machine(void **state)
{
	(void)state;
	char one[OWN_MACHINE_MAX], again[OWN_MACHINE_MAX], id[40] = "";
	own_machine(one);
	own_machine(again);
	assert_string_equal(one, again);
	FILE *f = fopen("/etc/machine-id", "r");
	bool known = f && fgets(id, sizeof(id), f) && strlen(id) == 33;
	if (f)
		fclose(f);
	assert_int_equal(strlen(one), known ? OWN_MACHINE_MAX - 1 : 0);
	assert_int_equal(strspn(one, "0123456789abcdef"), strlen(one));
	id[32] = '\0';
	assert_true(!known || strcmp(one, id) != 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_copied, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_cloned, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_noted_later, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_machine, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
