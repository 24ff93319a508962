/* First signers: who is remembered, for which name, over a restart, and that he can be forgotten. */
#undef NDEBUG
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "resolver/signers.h"
#include "tests/directory.h"

static char dir[DIRECTORY_CAP];
static struct own *own;
static struct signers *signers;

static void begin(void)
{
	char path[DIRECTORY_CAP + 16];
	snprintf(path, sizeof(path), "%s/own.db", dir);
	assert_int_equal(own_open(path, 10, 0, 1, &own), 0);
	assert_int_equal(signers_create(own, &signers), 0);
}

static void end(void)
{
	signers_destroy(signers);
	own_close(own);
}

static int set_up(void **state)
{
	(void)state;
	if (directory_make(dir))
		return -1;
	begin();
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	end();
	return directory_remove(dir);
}

static struct name name_of(const char *text)
{
	struct name n;
	assert_int_equal(name_from_text(text, strlen(text), &n), 0);
	return n;
}

/* The first byte of the key; 0: nobody. */
static int who(const char *text)
{
	struct name name = name_of(text);
	const struct pin *pin = signers_find(signers, &name);
	if (pin) /* of all names: only who asks knows which it is for */
		assert_true(pin->suffix.len == 1 && !pin_is_final(pin));
	return pin ? pin->key[0] : 0;
}

static void remember(const char *text, uint8_t first)
{
	const uint8_t key[NAME_KEY_LEN] = {first, 1};
	struct name name = name_of(text);
	signers_remember(signers, &name, key);
}

static void test_first(void **state)
{
	(void)state;
	assert_int_equal(who("a.alt"), 0);
	remember("a.alt", 7);
	assert_int_equal(who("a.alt"), 7);
	assert_int_equal(who("A.ALT"), 7);
	assert_int_equal(who("www.a.alt"), 0);
	assert_int_equal(who("alt"), 0);
	remember("a.alt", 8); /* he is not the first */
	assert_int_equal(who("a.alt"), 7);
	remember("b.alt", 8);
	assert_int_equal(who("b.alt"), 8);
	end();
	begin();
	assert_int_equal(who("a.alt"), 7);
	assert_int_equal(who("b.alt"), 8);
	/* A name under a key has no signers. */
	assert_int_equal(who("a.alt.47pjoycnsrfmxikm95jh13y88e8qnhzu5kungjpxyepgt7a8krpy"), 0);
}

static void test_forget(void **state)
{
	(void)state;
	struct name a = name_of("a.alt"), b = name_of("b.alt");
	remember("a.alt", 7);
	remember("b.alt", 7);
	assert_int_equal(who("a.alt"), 7);
	assert_int_equal(signers_forget(signers, &a), 0);
	assert_int_equal(who("a.alt"), 0);
	assert_int_equal(signers_forget(signers, &a), -ENOENT);
	assert_int_equal(who("b.alt"), 7);
	remember("a.alt", 9);
	assert_int_equal(who("a.alt"), 9);
	assert_int_equal(signers_forget(signers, &b), 0);
	end();
	begin();
	assert_int_equal(who("a.alt"), 9);
	assert_int_equal(who("b.alt"), 0);
}

/* More than there are places for the latest, and as many again that nobody signed. */
static void test_many(void **state)
{
	(void)state;
	char text[32];
	for (int round = 0; round < 3; round++)
		for (unsigned i = 0; i < 200; i++) {
			snprintf(text, sizeof(text), "n%u.alt", i);
			if (round == 0 && i % 2)
				remember(text, (uint8_t)(i + 1));
			if (round)
				assert_int_equal(who(text), i % 2 ? (uint8_t)(i + 1) : 0);
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_first, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_forget, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_many, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
