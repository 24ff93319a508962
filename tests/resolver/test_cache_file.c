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

#define UPSTREAM 0x1122334455667788 /* a fingerprint */

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
	const struct question q = answer_question(a);
	cache_add(cache, a, part, a->arrived);
	if (used)
		cache_find_all(cache, &q, a->arrived, true, found);
	answer_unref(a);
}

/* Its time is over, by the clock of the cache: it is held to stand in for a silent DNS. */
static void expire(const char *name)
{
	struct question q = question(name);
	struct answer *a = answer(name, 400);
	a->arrived -= 400 * (uint64_t)SECOND;
	cache_forget(cache, &q, CACHE_DNS);
	hold(a, CACHE_DNS, true);
	assert_non_null(cache_stale(cache, &q, CACHE_DNS, clock_monotonic()));
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
	const struct question q = answer_question(a);
	name_to_text(&q.name, name);
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

static size_t parse(const uint8_t *bytes, size_t len, int64_t at, struct seen *s)
{
	const struct cache_file_here here = {at, UPSTREAM};
	return cache_file_parse(bytes, len, &here, see, s);
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
	a = answer("bogus.example", 0);
	a->bogus = true;
	a->error = -EBADMSG;
	hold(a, CACHE_DNS, true);
	a = answer("failed.example", 0);
	a->error = -ETIMEDOUT;
	hold(a, CACHE_DNS, true);
	a = answer("filtered.example", 0);
	a->ede = EDE_FILTERED;
	hold(a, CACHE_DNS, true);
	a = answer("pin.example", 0);
	a->trust = TRUST_PIN;
	hold(a, CACHE_DNS, true);
	hold(answer("expired.example", 0), CACHE_DNS, true);
	expire("expired.example");
	umask(0);
	assert_int_equal(cache_file_write(path, UPSTREAM, cache), 0);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(cache_file_read(path, UPSTREAM, see, &s), 0);
	assert_string_equal(s.names, "used.example ");
	assert_in_range(s.ttl, 198, 200); /* it goes on while nobody is there */
	assert_int_equal(cache_file_write("/proc/nobody/cache", UPSTREAM, cache), -ENOENT);
	assert_int_equal(cache_file_read("/proc/nobody/cache", UPSTREAM, see, &s), -ENOENT);
	assert_int_equal(cache_file_read(dir, UPSTREAM, see, &s), -EBADMSG);
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
	assert_int_equal(cache_file_write(path, UPSTREAM, cache), 0);
	size_t len = read_all(bytes, sizeof(bytes)), whole = 0;
	assert_int_equal(parse(bytes, len, now, &s), 2);
	for (size_t cut = 0; cut < len; cut++) {
		uint8_t *exact = malloc(cut + 1);
		memcpy(exact, bytes, cut);
		s = (struct seen){0};
		size_t n = parse(exact, cut, now, &s);
		assert_in_range(n, whole, 1);
		whole = n;
		free(exact);
	}
	for (size_t i = 0; i < len; i++) {
		memcpy(other, bytes, len);
		other[i] ^= 0xff;
		s = (struct seen){0};
		assert_in_range(parse(other, len, now, &s), 0, 2);
	}
	/* Over, and of a clock that was ahead of this one. */
	s = (struct seen){0};
	assert_int_equal(parse(bytes, len, now + 299, &s), 2);
	assert_int_equal(s.ttl, 1);
	assert_int_equal(parse(bytes, len, now + 300, &s), 0);
	assert_int_equal(parse(bytes, len, now - 1, &s), 0);
}

#define YEARS(n) ((int64_t)(n) * 365 * 86400)

/* Clocks are wrong after a restart, by years where a battery is empty. */
static void another_clock(void **state)
{
	(void)state;
	const int64_t clocks[] = {now + YEARS(10), now - YEARS(10), 0, 1, -1, INT64_MAX, INT64_MIN,
		0x7fffffff, now - 1};
	static uint8_t bytes[4096];
	struct seen s = {0};
	hold(answer("one.example", 0), CACHE_DNS, true);
	assert_int_equal(cache_file_write(path, UPSTREAM, cache), 0);
	size_t len = read_all(bytes, sizeof(bytes));
	for (size_t i = 0; i < sizeof(clocks) / sizeof(*clocks); i++)
		assert_int_equal(parse(bytes, len, clocks[i], &s), 0);
	assert_int_equal(parse(bytes, len, now, &s), 1);
	/* What came while the clock stood ten years ahead is nothing to one that is right again, and
	 * what came in 1970 has ended. */
	const int64_t came[] = {now + YEARS(10), 100};
	for (size_t i = 0; i < 2; i++) {
		struct answer *a = answer("one.example", now - came[i]);
		struct question q = answer_question(a);
		cache_forget(cache, &q, CACHE_DNS);
		hold(a, CACHE_DNS, true);
		assert_int_equal(cache_file_write(path, UPSTREAM, cache), 0);
		len = read_all(bytes, sizeof(bytes));
		assert_int_equal(parse(bytes, len, now, &s), 0);
		assert_int_equal(parse(bytes, len, came[i], &s), 1);
	}
}

/* Another upstream=, another network: other answers. */
static void another_upstream(void **state)
{
	(void)state;
	struct seen s = {0};
	hold(answer("one.example", 0), CACHE_DNS, true);
	assert_int_equal(cache_file_write(path, UPSTREAM, cache), 0);
	assert_int_equal(cache_file_read(path, UPSTREAM + 1, see, &s), 0);
	assert_int_equal(s.count, 0);
	assert_int_equal(cache_file_read(path, UPSTREAM, see, &s), 0);
	assert_int_equal(s.count, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(what_was_of_use_survives, set_up, tear_down),
		cmocka_unit_test_setup_teardown(the_file_is_hostile, set_up, tear_down),
		cmocka_unit_test_setup_teardown(another_clock, set_up, tear_down),
		cmocka_unit_test_setup_teardown(another_upstream, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
