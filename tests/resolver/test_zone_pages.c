/* resolver/zone_pages: which set stands where, the marker, and more or fewer pages. */
#undef NDEBUG
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "resolver/zone_pages.h"

static const uint8_t key[NAME_KEY_LEN] = {1, 2, 3};

static struct question question_of(const char *label, uint16_t type)
{
	struct question q = {.type = type, .class = CLASS_IN};
	struct name origin;
	key_to_name(key, &origin);
	if (strcmp(label, "@") == 0) {
		q.name = origin;
	} else {
		assert_int_equal(name_from_text(label, strlen(label), &q.name), 0);
		assert_int_equal(name_join(&q.name, &origin, &q.name), 0);
	}
	return q;
}

static struct rrset *address(unsigned i)
{
	char label[16];
	snprintf(label, sizeof(label), "k%u", i);
	struct question q = question_of(label, TYPE_A);
	struct rrset *set = rrset_create(&q, 300);
	assert_int_equal(rrset_add(set, (const uint8_t[]){192, 0, 2, (uint8_t)i}, 4), 0);
	return set;
}

static struct rrset *text(const char *label, const char *string)
{
	struct question q = question_of(label, TYPE_TXT);
	uint8_t rdata[256];
	rdata[0] = (uint8_t)strlen(string);
	memcpy(rdata + 1, string, rdata[0]);
	struct rrset *set = rrset_create(&q, 300);
	assert_int_equal(rrset_add(set, rdata, rdata[0] + 1u), 0);
	return set;
}

static void add(struct pages *p, struct rrset *set)
{
	assert_int_equal(pages_set(p, set), 0);
	rrset_destroy(set);
}

static struct pages *empty(void)
{
	struct zone *head;
	struct pages *p;
	assert_int_equal(zone_create(key, &head), 0);
	assert_int_equal(pages_create(key, head, &p), 0);
	return p;
}

/* By the last four bytes of H, computed with another program:
 * printf dns://IN/A/NAME | sha1sum, the last eight digits modulo the number of pages. */
static void test_place(void **state)
{
	(void)state;
	struct question q = {.type = TYPE_A, .class = CLASS_IN};
	assert_int_equal(name_from_text("printer.alt", 11, &q.name), 0);
	/* H ends with 9659aff358: its last four bytes are 59 af f3 58 */
	assert_int_equal(pages_place(&q, 0), PAGES_HEAD);
	assert_int_equal(pages_place(&q, 1), 0);
	assert_int_equal(pages_place(&q, 2), 0);
	assert_int_equal(pages_place(&q, 16), 0x8);
	assert_int_equal(pages_place(&q, 1024), 0x358);
	q = question_of("*.any", TYPE_A);
	assert_int_equal(pages_place(&q, 1024), PAGES_HEAD);
	q = question_of("_kadns", TYPE_TXT);
	assert_int_equal(pages_place(&q, 1024), PAGES_HEAD);
	q = question_of("_kadns", TYPE_A);
	assert_true(pages_place(&q, 1024) < PAGES_HEAD);
	q = question_of("_kadns.below", TYPE_TXT);
	assert_true(pages_place(&q, 1024) < PAGES_HEAD);
}

static void test_salt(void **state)
{
	(void)state;
	uint8_t salt[PAGES_SALT_MAX];
	assert_int_equal(pages_salt(PAGES_HEAD, salt), 0);
	assert_int_equal(pages_salt(0, salt), 8);
	assert_memory_equal(salt, "kadns1:0", 8);
	assert_int_equal(pages_salt(PAGES_MAX - 1, salt), 11);
	assert_memory_equal(salt, "kadns1:1023", 11);
}

static struct pages_marker read_one(const char *string)
{
	struct zone *head;
	struct pages_marker m;
	struct rrset *set = text("_kadns", string);
	assert_int_equal(zone_create(key, &head), 0);
	assert_int_equal(zone_set(head, set), 0);
	pages_marker(head, key, &m);
	rrset_destroy(set);
	zone_destroy(head);
	return m;
}

static void test_marker(void **state)
{
	(void)state;
	struct pages_marker m = read_one("v=1 pages=8 min=1700000000000000");
	assert_int_equal(m.pages, 8);
	assert_int_equal(m.min, 1700000000000000);
	assert_int_equal(read_one("v=1 min=9 new=x pages=1024").pages, 1024);
	assert_int_equal(read_one("v=1 pages=8").min, 0);
	static const char *const none[] = {"", "v=1", "v=2 pages=8 min=1", "pages=8 v=1",
		"v=1 pages=0 min=1", "v=1 pages=3 min=1", "v=1 pages=2048 min=1",
		"v=1 pages=08 min=1", "v=1 pages=-8 min=1", "v=1 pages=8x min=1",
		"v=1 pages= min=1", "v=1 pages=8 min=-1", "v=1 pages=8 min=9223372036854775808",
		"v=1 pages=18446744073709551624 min=1", "next=abc", " v=1 pages=8"};
	for (size_t i = 0; i < sizeof(none) / sizeof(*none); i++)
		assert_int_equal(read_one(none[i]).pages, 0);
	assert_int_equal(read_one("v=1 pages=8 min=9223372036854775807").min, INT64_MAX);
}

/* What stands beside the marker stays, and the marker is written anew. */
static void test_head(void **state)
{
	(void)state;
	uint8_t packet[ZONE_BYTES_MAX];
	struct pages *p = empty();
	struct pages_marker m;
	struct zone *head;
	add(p, text("_kadns", "next=abc"));
	assert_int_equal(pages_spread(p, 4), 0);
	int len = pages_write(p, PAGES_HEAD, 77, packet);
	assert_true(len > 0);
	pages_destroy(p);
	for (int round = 0; round < 2; round++) {
		assert_int_equal(zone_read(key, packet, (size_t)len, &head), 0);
		pages_marker(head, key, &m);
		assert_int_equal(m.pages, 4);
		assert_int_equal(m.min, 77 + round);
		struct question q = question_of("_kadns", TYPE_TXT);
		assert_int_equal(zone_find(head, &q)->count, 2);
		assert_int_equal(pages_create(key, head, &p), 0);
		assert_int_equal(p->len, 4);
		assert_int_equal(p->marker.min, 77 + round);
		assert_false(pages_whole(p));
		len = pages_write(p, PAGES_HEAD, 78, packet);
		pages_destroy(p);
	}
}

static void test_spread(void **state)
{
	(void)state;
	enum { SETS = 200 };
	uint8_t first[ZONE_BYTES_MAX], again[ZONE_BYTES_MAX];
	struct pages *p = empty();
	for (unsigned i = 0; i < SETS; i++)
		add(p, address(i));
	add(p, text("*.w", "star"));
	assert_false(pages_fit(p, ZONE_BYTES_MAX));
	assert_int_equal(pages_write(p, PAGES_HEAD, 0, first), -EFBIG);
	assert_int_equal(pages_spread(p, 16), 0);
	assert_true(pages_whole(p) && pages_fit(p, ZONE_BYTES_MAX));
	assert_false(pages_fit(p, 200));
	size_t sets = 0;
	for (unsigned i = 0; i < 16; i++)
		sets += zone_sets(p->page[i]);
	assert_int_equal(sets, SETS);
	assert_int_equal(zone_sets(p->head), 1);
	int len = pages_write(p, 3, 0, first);
	/* To fewer and back: the same bytes, so that nothing is put anew for it. */
	assert_int_equal(pages_spread(p, 8), 0);
	assert_int_equal(pages_spread(p, 16), 0);
	assert_int_equal(pages_write(p, 3, 0, again), len);
	assert_memory_equal(first, again, (size_t)len);
	assert_int_equal(pages_spread(p, 0), 0);
	assert_int_equal(zone_sets(p->head), SETS + 1);
	for (unsigned i = 0; i < SETS; i++) {
		struct rrset *set = address(i);
		assert_non_null(zone_find(p->head, &set->question));
		rrset_destroy(set);
	}
	pages_destroy(p);
}

/* What somebody left in the zone packet is the older where a page has it too; an edit removes it.
 */
static void test_left_in_the_head(void **state)
{
	(void)state;
	struct pages *p = empty();
	struct question q = question_of("k1", TYPE_A);
	assert_int_equal(pages_spread(p, 2), 0);
	struct rrset *old = address(1), *now = address(1);
	assert_int_equal(rrset_add(now, (const uint8_t[]){192, 0, 2, 200}, 4), 0);
	assert_int_equal(zone_set(pages_zone(p, &q), now), 0);
	assert_int_equal(zone_set(p->head, old), 0);
	assert_int_equal(pages_spread(p, 4), 0);
	assert_int_equal(zone_sets(p->head), 0);
	assert_int_equal(zone_find(pages_zone(p, &q), &q)->count, 2);
	assert_int_equal(zone_set(p->head, old), 0);
	assert_int_equal(pages_set(p, now), 0);
	assert_int_equal(zone_sets(p->head), 0);
	assert_int_equal(zone_set(p->head, old), 0);
	assert_int_equal(pages_remove(p, &q), 0);
	assert_int_equal(zone_sets(p->head), 0);
	assert_null(zone_find(pages_zone(p, &q), &q));
	assert_int_equal(pages_remove(p, &q), -ENOENT);
	rrset_destroy(old);
	rrset_destroy(now);
	pages_destroy(p);
}

/* A page from which sets have moved may have them still, where whoever laid it did not come to his
 * end: what has been said since, or withdrawn, on the page where they belong is the newer. */
static void test_left_on_a_former_page(void **state)
{
	(void)state;
	struct pages *p = empty();
	unsigned i = 0;
	struct question q = question_of("k0", TYPE_A), gone;
	while (pages_place(&q, 2) != 0 || pages_place(&q, 4) != 2) {
		char label[16];
		snprintf(label, sizeof(label), "k%u", ++i);
		q = question_of(label, TYPE_A);
	}
	struct rrset *old = address(i), *now = address(i), *withdrawn = NULL;
	do {
		rrset_destroy(withdrawn);
		withdrawn = address(++i);
		gone = withdrawn->question;
	} while (pages_place(&gone, 2) != 0 || pages_place(&gone, 4) != 2);
	assert_int_equal(rrset_add(now, (const uint8_t[]){192, 0, 2, 200}, 4), 0);
	for (unsigned to = 8; to; to = to == 8 ? 4 : to == 4 ? 2 : 0) {
		assert_int_equal(pages_spread(p, 4), 0);
		assert_int_equal(zone_set(p->page[0], old), 0);
		assert_int_equal(zone_set(p->page[0], withdrawn), 0);
		assert_int_equal(zone_set(p->page[2], now), 0);
		assert_int_equal(pages_spread(p, to), 0);
		assert_int_equal(zone_find(pages_zone(p, &q), &q)->count, 2);
		assert_null(zone_find(pages_zone(p, &gone), &gone));
	}
	rrset_destroy(old);
	rrset_destroy(now);
	rrset_destroy(withdrawn);
	pages_destroy(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_place),
		cmocka_unit_test(test_salt),
		cmocka_unit_test(test_marker),
		cmocka_unit_test(test_head),
		cmocka_unit_test(test_spread),
		cmocka_unit_test(test_left_in_the_head),
		cmocka_unit_test(test_left_on_a_former_page),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
