/* Answers from zones that could not be read as they should: what failed is not what is not there.
 * The reading is this file's. */
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

#include "resolver/clock.h"
#include "resolver/fetch_zone.h"

#define ABSENT 1 /* neither an error nor a packet */

static int head_error, page_error; /* what the look-ups end with; 0: a packet */
static uint8_t key[NAME_KEY_LEN] = {7};
static struct zone_part page;

/* An empty packet, or one that speaks of two pages. */
static void fill(struct zone_part *part, int error, bool marked)
{
	uint8_t bytes[ZONE_BYTES_MAX];
	struct question q;
	struct zone *zone;
	part->read = true;
	part->found = error == 0;
	part->error = error == ABSENT ? 0 : error;
	if (error)
		return;
	assert_int_equal(zone_create(key, &zone), 0);
	pages_question(key, &q);
	struct rrset *set = rrset_create(&q, 300);
	assert_int_equal(rrset_add(set, (const uint8_t *)"\x11v=1 pages=2 min=1", 18), 0);
	if (marked)
		assert_int_equal(zone_set(zone, set), 0);
	rrset_destroy(set);
	int len = zone_write(zone, bytes);
	zone_destroy(zone);
	part->item = (struct dht_item){.is_mutable = true, .seq = clock_wall()};
	assert_int_equal(dht_item_set_string(&part->item, bytes, (size_t)len), 0);
}

int zone_fetch_head(struct zone_fetch *f)
{
	f->head = (struct zone_part){.fetch = f, .page = PAGES_HEAD};
	fill(&f->head, head_error, page_error != 0);
	f->done(f->ctx);
	return 0;
}

int zone_fetch_pages(struct zone_fetch *f, const unsigned *pages, size_t len)
{
	static struct zone_part *list[1] = {&page};
	page = (struct zone_part){.fetch = f, .page = len ? pages[0] : 0};
	fill(&page, page_error, false);
	f->pages = list;
	f->pages_len = len ? 1 : 0;
	return 1;
}

const struct zone_part *zone_fetch_part(const struct zone_fetch *f, unsigned at)
{
	return at == PAGES_HEAD ? &f->head : f->pages[0];
}

const uint8_t *zone_part_bytes(const struct zone_part *part, size_t *ret_len)
{
	const uint8_t *bytes = NULL;
	if (!part->found || dht_item_get_string(&part->item, &bytes, ret_len) < 0)
		*ret_len = 0;
	return bytes;
}

void zone_fetch_finish(struct zone_fetch *f)
{
	f->pages_len = 0;
}

static void keep(void *ctx, struct answer *a)
{
	*(struct answer **)ctx = a;
}

static int ask(bool joined, int head, int of_page)
{
	struct fetch_env env = {.joined = joined};
	struct answer *a = NULL;
	struct fetch_zone z = {.env = &env,
		.question = {.type = TYPE_A, .class = CLASS_IN},
		.done = keep,
		.ctx = &a};
	key_to_name(key, &z.question.name);
	head_error = head;
	page_error = of_page;
	assert_int_equal(fetch_zone_start(&z), 0);
	assert_non_null(a);
	int error = a->error;
	answer_unref(a);
	return error;
}

static void test_failures_deny_nothing(void **state)
{
	(void)state;
	static const int errors[] = {-ENETUNREACH, -EBUSY, -ENOMEM, -EDQUOT, -EHOSTUNREACH};
	for (size_t i = 0; i < sizeof(errors) / sizeof(*errors); i++) {
		assert_int_equal(ask(true, errors[i], 0), -ENETUNREACH);
		assert_int_equal(ask(true, 0, errors[i]), -ENETUNREACH);
	}
	/* A node that is meant to be alone is its whole network. */
	assert_int_equal(ask(false, -EHOSTUNREACH, 0), -ENOENT);
	assert_int_equal(ask(true, ABSENT, 0), -ENOENT);
	assert_int_equal(ask(true, 0, 0), -ENOENT);
	assert_int_equal(
		ask(true, 0, ABSENT), -ENETUNREACH); /* pages that are spoken of are there */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_failures_deny_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
