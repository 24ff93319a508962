/* resolver/cache_file: what survives a restart, and what does not. */
#undef NDEBUG
#include "resolver/cache_file.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "resolver/clock.h"
#include "tests/directory.h"

static char dir[DIRECTORY_CAP], path[96];
static struct cache *cache;
static int64_t now;

static int set_up(void **state)
{
	(void)state;
	if (directory_make(dir) < 0)
		return -1;
	snprintf(path, sizeof(path), "%s/cache", dir);
	cache = cache_create(1 << 20, 7);
	now = clock_wall() / (int64_t)SECOND;
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	cache_destroy(cache);
	return directory_remove(dir);
}

static struct question question(const char *text)
{
	struct question q = {.type = TYPE_A, .class = CLASS_IN};
	assert_int_equal(name_from_text(text, strlen(text), &q.name), 0);
	return q;
}

static struct answer *answer(const char *name, int64_t age)
{
	struct question q = question(name);
	struct rrset *set = rrset_create(&q, 300);
	struct answer *a;
	assert_int_equal(rrset_add(set, (const uint8_t[]){192, 0, 2, 1}, 4), 0);
	assert_int_equal(answer_from_rrset(&q, set, &a), 0);
	rrset_destroy(set);
	a->source = SOURCE_DNS;
	a->trust = TRUST_DNS;
	a->arrived = clock_monotonic();
	a->time = now - age;
	return a;
}

static void hold(struct answer *a, enum cache_part part, bool used)
{
	const struct answer *found[CACHE_PARTS];
	cache_add(cache, a, part, a->arrived);
	if (used)
		cache_find_all(cache, &a->question, a->arrived, true, found);
	answer_unref(a);
}

struct seen {
	size_t count;
	uint32_t ttl;
	char names[256];
};

static void see(void *ctx, struct answer *a)
{
	struct seen *s = ctx;
	char name[NAME_TEXT_MAX];
	struct rrset *set;
	name_to_text(&a->question.name, name);
	strcat(s->names, name);
	strcat(s->names, " ");
	assert_int_equal(answer_rrset(a, &set), 0);
	assert_int_equal(set->ttl, a->ttl);
	rrset_destroy(set);
	s->ttl = a->ttl;
	s->count++;
	assert_false(a->validated);
	assert_int_equal(a->ede, EDE_INDETERMINATE);
	answer_unref(a);
}

static void what_was_of_use_survives(void **state)
{
	(void)state;
	struct seen s = {0};
	struct stat st;
	struct answer *a;
	a = answer("used.example", 100);
	a->ede = EDE_INDETERMINATE; /* from a server that strips DNSSEC, as many do */
	hold(a, CACHE_DNS, true);
	hold(answer("unused.example", 0), CACHE_DNS, false);
	hold(answer("zone.example", 0), CACHE_ZONE, true);
	a = answer("secure.example", 0);
	a->validated = true;
	a->trust = TRUST_DNSSEC;
	hold(a, CACHE_DNS, true);
	a = answer("stale.example", 0);
	a->ede = EDE_STALE;
	hold(a, CACHE_DNS, true);
	umask(0);
	assert_int_equal(cache_file_write(path, cache), 0);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(cache_file_read(path, see, &s), 0);
	assert_string_equal(s.names, "used.example ");
	assert_in_range(s.ttl, 198, 200); /* it goes on while nobody is there */
	assert_int_equal(cache_file_write("/proc/nobody/cache", cache), -ENOENT);
	assert_int_equal(cache_file_read("/proc/nobody/cache", see, &s), -ENOENT);
	assert_int_equal(cache_file_read(dir, see, &s), -EBADMSG);
}

static size_t read_all(uint8_t *bytes, size_t cap)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t len = read(fd, bytes, cap);
	close(fd);
	assert_true(len > 0);
	return (size_t)len;
}

static void the_file_is_hostile(void **state)
{
	(void)state;
	static uint8_t bytes[4096], other[4096];
	struct seen s = {0};
	hold(answer("one.example", 0), CACHE_DNS, true);
	hold(answer("two.example", 0), CACHE_DNS, true);
	assert_int_equal(cache_file_write(path, cache), 0);
	size_t len = read_all(bytes, sizeof(bytes)), whole = 0;
	assert_int_equal(cache_file_parse(bytes, len, now, see, &s), 2);
	for (size_t cut = 0; cut < len; cut++) {
		uint8_t *exact = malloc(cut + 1);
		memcpy(exact, bytes, cut);
		s = (struct seen){0};
		size_t n = cache_file_parse(exact, cut, now, see, &s);
		assert_in_range(n, whole, 1);
		whole = n;
		free(exact);
	}
	for (size_t i = 0; i < len; i++) {
		memcpy(other, bytes, len);
		other[i] ^= 0xff;
		s = (struct seen){0};
		assert_in_range(cache_file_parse(other, len, now, see, &s), 0, 2);
	}
	/* Over, and of a clock that was ahead of this one. */
	s = (struct seen){0};
	assert_int_equal(cache_file_parse(bytes, len, now + 299, see, &s), 2);
	assert_int_equal(s.ttl, 1);
	assert_int_equal(cache_file_parse(bytes, len, now + 300, see, &s), 0);
	assert_int_equal(cache_file_parse(bytes, len, now - 1, see, &s), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(what_was_of_use_survives, set_up, tear_down),
		cmocka_unit_test_setup_teardown(the_file_is_hostile, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
