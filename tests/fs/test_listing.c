/* What a directory shows, and to whom. */
#undef NDEBUG
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <event2/event.h>
#include <stdio.h>
#include <string.h>

#include "fs/listing.h"
#include "resolver/clock.h"
#include "resolver/json.h"
#include "tests/fs/fake_resolver.h"

static struct listing_parts parts;

static int setup(void **state)
{
	(void)state;
	parts.resolver = fake_resolver(NULL);
	return tree_create(1, &parts.tree) == 0 ? scratch_create(900, &parts.scratch) : -1;
}

static int teardown(void **state)
{
	(void)state;
	tree_destroy(parts.tree);
	scratch_destroy(parts.scratch);
	fake_destroy();
	return 0;
}

static void publish(uid_t uid, const char *name, uint16_t type, const char *text)
{
	struct question q = {.type = type, .class = CLASS_IN};
	struct rrset *set;
	assert_int_equal(name_from_text(name, strlen(name), &q.name), 0);
	assert_int_equal(json_read(text, strlen(text), &q, NULL, &set, NULL), 0);
	assert_int_equal(publish_set(fake_publisher(), uid, set), 0);
	rrset_destroy(set);
}

static void complete(struct listing *l)
{
	while (!listing_complete(l))
		assert_int_equal(listing_more(l), 0);
}

/* The names of a directory, each followed by a blank. */
static void expect(struct node *dir, uid_t uid, const char *names)
{
	char text[4096] = "";
	struct listing *l;
	assert_int_equal(listing_create(&parts, dir, uid, &l), 0);
	complete(l);
	for (size_t i = 0; i < listing_len(l); i++) {
		struct listing_entry e;
		listing_get(l, i, &e);
		assert_true(strlen(text) + strlen(e.name) + 2 < sizeof(text));
		strcat(strcat(text, e.name), " ");
	}
	listing_destroy(l);
	assert_string_equal(text, names);
}

static struct node *type_dir(uint16_t type)
{
	struct node *node;
	assert_int_equal(tree_type(parts.tree, CLASS_IN, type, 0, &node), 0);
	return node;
}

static void test_fresh_mount(void **state)
{
	(void)state;
	struct node *in, *ch;
	assert_int_equal(tree_class(parts.tree, CLASS_IN, 0, &in), 0);
	assert_int_equal(tree_class(parts.tree, CLASS_CH, 0, &ch), 0);
	expect(tree_find(parts.tree, TREE_ROOT), 1, ".kadns IN ");
	expect(tree_find(parts.tree, TREE_CONTROL), 1,
		"claims explain keep key nodes pins secret signers status wait ");
	parts.hides_secret = true;
	expect(tree_find(parts.tree, TREE_CONTROL), 1,
		"claims explain keep key nodes pins signers status wait ");
	parts.hides_secret = false;
	expect(in, 1, "A AAAA CAA CNAME HTTPS MX NS PTR SOA SRV SSHFP SVCB TLSA TXT ");
	expect(ch, 1, "");
	expect(type_dir(TYPE_A), 1, "");
}

static void test_types_that_hold_something(void **state)
{
	(void)state;
	struct node *in;
	assert_int_equal(tree_class(parts.tree, CLASS_IN, 0, &in), 0);
	publish(1, "a.alt", 65280, "\\# 1 00\n");
	publish(1, "b.alt", 65280, "\\# 1 00\n");
	publish(1, "b.alt", TYPE_A, "192.0.2.1\n");
	expect(in, 1, "A AAAA CAA CNAME HTTPS MX NS PTR SOA SRV SSHFP SVCB TLSA TXT TYPE65280 ");
	expect(type_dir(65280), 1, "a.alt b.alt ");
	expect(type_dir(TYPE_A), 1, "b.alt ");
	expect(type_dir(TYPE_AAAA), 1, "");
	/* What a directory of one type asks memory for is that type alone. */
	fake.looked_at = 0;
	expect(type_dir(TYPE_A), 1, "b.alt ");
	assert_int_equal(fake.looked_at, 1);
}

static void test_classes_that_hold_something(void **state)
{
	(void)state;
	struct question q = {.type = TYPE_TXT, .class = CLASS_CH, .name.len = 1};
	struct rrset *set = rrset_create(&q, 60);
	struct node *ch;
	assert_int_equal(rrset_add(set, (const uint8_t *)"\1x", 2), 0);
	assert_int_equal(publish_set(fake_publisher(), 1, set), 0);
	rrset_destroy(set);
	assert_int_equal(tree_class(parts.tree, CLASS_CH, 0, &ch), 0);
	expect(tree_find(parts.tree, TREE_ROOT), 1, ".kadns CH IN ");
	expect(ch, 1, "TXT ");
	expect(type_dir(TYPE_TXT), 1, "");
}

/* Only listed is what can be opened: an answer to ANY may be in memory too. */
static void test_what_only_questions_have(void **state)
{
	(void)state;
	static const struct {
		uint16_t class, type;
	} rows[] = {{CLASS_IN, TYPE_ANY}, {CLASS_IN, TYPE_AXFR}, {CLASS_IN, TYPE_IXFR},
		{CLASS_IN, TYPE_OPT}, {CLASS_IN, TYPE_TSIG}, {CLASS_IN, TYPE_TKEY}, {CLASS_IN, 0},
		{CLASS_ANY, TYPE_A}, {CLASS_NONE, TYPE_A}, {0, TYPE_A}, {CLASS_IN, TYPE_RRSIG}};
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct question q = {.class = rows[i].class, .type = rows[i].type, .name.len = 1};
		struct rrset *set = rrset_create(&q, 60);
		assert_non_null(set);
		assert_int_equal(publish_set(fake_publisher(), 1, set), 0);
		rrset_destroy(set);
	}
	struct node *in;
	assert_int_equal(tree_class(parts.tree, CLASS_IN, 0, &in), 0);
	expect(tree_find(parts.tree, TREE_ROOT), 1, ".kadns IN ");
	expect(in, 1, "A AAAA CAA CNAME HTTPS MX NS PTR RRSIG SOA SRV SSHFP SVCB TLSA TXT ");
}

static void test_names_are_sorted_and_unique(void **state)
{
	(void)state;
	publish(1, "b.alt", TYPE_A, "192.0.2.1\n");
	publish(0, "b.alt", TYPE_A, "192.0.2.2\n"); /* root's holds for all: two of one name */
	publish(1, "a.alt", TYPE_A, "192.0.2.1\n");
	publish(1, "com", TYPE_A, "192.0.2.1\n");
	publish(1, ".", TYPE_A, "192.0.2.1\n");
	expect(type_dir(TYPE_A), 1, "@ a.alt b.alt com. ");
	expect(type_dir(TYPE_A), 2, "b.alt ");
}

static void test_scratch_is_its_owners(void **state)
{
	(void)state;
	const struct scratch_where where = {1, CLASS_IN, TYPE_A};
	struct scratch_file *f;
	assert_int_equal(scratch_make(parts.scratch, &where, ".x.swp", 6, &f), 0);
	publish(0, "a.alt", TYPE_A, "192.0.2.1\n");
	expect(type_dir(TYPE_A), 1, ".x.swp a.alt ");
	expect(type_dir(TYPE_A), 2, "a.alt ");
	expect(type_dir(TYPE_TXT), 1, "");
}

static void test_names_that_no_directory_can_hold(void **state)
{
	(void)state;
	/* 62 bytes a label, each written as \DDD: 4 times 62 times 4 characters. */
	struct question q = {.type = TYPE_A, .class = CLASS_IN};
	for (int i = 0; i < 4; i++) {
		q.name.wire[q.name.len++] = 60;
		memset(q.name.wire + q.name.len, 0x01, 60);
		q.name.len += 60;
	}
	q.name.wire[q.name.len++] = 0;
	struct rrset *set = rrset_create(&q, 60);
	assert_int_equal(rrset_add(set, (const uint8_t *)"\1\2\3\4", 4), 0);
	assert_int_equal(publish_set(fake_publisher(), 1, set), 0);
	rrset_destroy(set);
	publish(1, "a.alt", TYPE_A, "192.0.2.1\n");
	expect(type_dir(TYPE_A), 1, "a.alt ");
}

static void test_numbers_are_those_of_the_tree(void **state)
{
	(void)state;
	publish(1, "a.alt", TYPE_A, "192.0.2.1\n");
	struct question q = {.type = TYPE_A, .class = CLASS_IN};
	struct listing *l;
	struct listing_entry e;
	struct node *node;
	assert_int_equal(name_from_text("a.alt", 5, &q.name), 0);
	assert_int_equal(listing_create(&parts, type_dir(TYPE_A), 1, &l), 0);
	listing_get(l, 0, &e);
	assert_int_equal(tree_record(parts.tree, &q, 0, &node), 0);
	assert_int_equal(e.ino, node->ino);
	assert_int_equal(e.kind, NODE_RECORD);
	assert_true(listing_bytes(l) > 0);
	listing_destroy(l);
	listing_destroy(NULL);
}

static void on_answer(void *ctx, const struct answer *a)
{
	(void)ctx;
	assert_int_equal(a->error, 0);
}

/* What stat(2) denies is not shown: after `rm` of one's own, when memory holds another's answer. */
static void test_what_is_not_there_is_not_listed(void **state)
{
	(void)state;
	struct event_base *base = event_base_new();
	struct question q = {.type = TYPE_A, .class = CLASS_IN};
	uint64_t now = clock_monotonic();
	assert_int_equal(name_from_text("www.example.com", 15, &q.name), 0);
	assert_non_null(resolver_ask(fake_resolver(base), &q, 1, on_answer, NULL));
	event_base_dispatch(base);
	expect(type_dir(TYPE_A), 1, "www.example.com ");
	tree_absent(parts.tree, &q, 1, now);
	expect(type_dir(TYPE_A), 1, "");
	expect(type_dir(TYPE_A), 2, "www.example.com ");
	publish(1, "www.example.com", TYPE_A, "192.0.2.1\n");
	expect(type_dir(TYPE_A), 1, "www.example.com ");
	assert_int_equal(publish_remove(fake_publisher(), 1, &q), 0);
	tree_absent(parts.tree, &q, 1, now - (TREE_ABSENT_SECONDS + 1) * SECOND);
	expect(type_dir(TYPE_A), 1, "www.example.com ");
	event_base_free(base);
}

static void test_large_directory(void **state)
{
	(void)state;
	char name[32];
	for (unsigned i = 0; i < 3000; i++) {
		snprintf(name, sizeof(name), "h%u.alt", i);
		publish(1, name, TYPE_A, "192.0.2.1\n");
	}
	struct listing *l;
	assert_int_equal(listing_create(&parts, type_dir(TYPE_A), 1, &l), 0);
	complete(l);
	assert_int_equal(listing_len(l), 3000);
	listing_destroy(l);
}

static unsigned turn;

static bool comes_and_goes(unsigned number)
{
	return number % 2 && (number / 2 + turn) % 3 == 0;
}

/* A hundred thousand names, page by page, while half of them come and go: the others are there
 * once each, and nothing is there twice. */
static void test_paging_while_names_come_and_go(void **state)
{
	(void)state;
	enum { NAMES = 100000, PAGE = 700 };
	static uint8_t seen[NAMES];
	struct listing *l;
	fake.many = NAMES;
	fake.gone = comes_and_goes;
	assert_int_equal(listing_create(&parts, type_dir(TYPE_A), 1, &l), 0);
	for (size_t i = 0, len; i < listing_len(l) || !listing_complete(l); i++) {
		struct listing_entry e;
		unsigned number;
		turn += i % PAGE == 0;
		len = listing_len(l);
		assert_true(listing_bytes(l) <= 160 * (len > 500 ? len : 500));
		while (i == listing_len(l) && !listing_complete(l))
			assert_int_equal(listing_more(l), 0);
		assert_true(listing_len(l) - len <= 500); /* no turn does more than its share */
		if (i == listing_len(l))
			break;
		listing_get(l, i, &e);
		assert_int_equal(sscanf(e.name, "n%u.many.example.com", &number), 1);
		assert_true(number < NAMES && !seen[number]++);
	}
	for (unsigned i = 0; i < NAMES; i += 2)
		assert_int_equal(seen[i], 1);
	assert_true(listing_bytes(l) <= 64 * listing_len(l)); /* what was reserved has gone */
	assert_int_equal(listing_more(l), 0);
	listing_destroy(l);
}

int main(void)
{
#define CASE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
	const struct CMUnitTest tests[] = {
		CASE(test_fresh_mount),
		CASE(test_types_that_hold_something),
		CASE(test_classes_that_hold_something),
		CASE(test_what_only_questions_have),
		CASE(test_names_are_sorted_and_unique),
		CASE(test_scratch_is_its_owners),
		CASE(test_names_that_no_directory_can_hold),
		CASE(test_numbers_are_those_of_the_tree),
		CASE(test_what_is_not_there_is_not_listed),
		CASE(test_large_directory),
		CASE(test_paging_while_names_come_and_go),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
