/* Record sets: canonical order, duplicates, limits. */
#undef NDEBUG
#include "resolver/rrset.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct rrset *make(const char *owner, uint16_t type)
{
	struct question q = {.type = type, .class = CLASS_IN};
	assert_int_equal(name_from_text(owner, strlen(owner), &q.name), 0);
	struct rrset *set = rrset_create(&q, 300);
	assert_non_null(set);
	assert_int_equal(set->count, 0);
	assert_int_equal(set->ttl, 300);
	return set;
}

static int add(struct rrset *set, const char *bytes, size_t len)
{
	uint8_t *copy = malloc(len ? len : 1);
	assert_non_null(copy);
	memcpy(copy, bytes, len);
	int r = rrset_add(set, copy, len);
	free(copy);
	return r;
}
#define ADD(set, bytes) assert_int_equal(add(set, bytes, sizeof(bytes) - 1), 0)

static void canonical_order(void **state)
{
	(void)state;
	struct rrset *set = make("x.example", 65280);
	ADD(set, "b");
	ADD(set, "\xff");
	ADD(set, "ab");
	ADD(set, "");
	ADD(set, "a\0");
	ADD(set, "a");
	ADD(set, "ab");
	ADD(set, "");
	ADD(set, "\xff");
	assert_int_equal(set->count, 6);
	assert_int_equal(set->data_len, 6 * 2 + 0 + 1 + 2 + 2 + 1 + 1);
	assert_memory_equal(set->data, "\0\0\0\1a\0\2a\0\0\2ab\0\1b\0\1\xff", set->data_len);
	static const char *const want[] = {"", "a", "a", "ab", "b", "\xff"};
	size_t cursor = 0, len, i = 0;
	const uint8_t *rdata;
	while (rrset_next(set, &cursor, &rdata, &len)) {
		assert_true(len >= strlen(want[i]));
		assert_memory_equal(rdata, want[i], strlen(want[i]));
		i++;
	}
	assert_int_equal(i, 6);
	assert_false(rrset_next(set, &cursor, &rdata, &len));
	rrset_destroy(set);
	rrset_destroy(NULL);
}

/* Whatever the order of adding, the same bytes. */
static void order_of_adding_does_not_matter(void **state)
{
	(void)state;
	struct rrset *first = NULL;
	for (unsigned step = 1; step < 101; step++) { /* 101 is prime: each step visits all */
		struct rrset *set = make("x.example", TYPE_A);
		for (unsigned i = 0; i < 101; i++) {
			uint8_t rdata[4] = {192, 0, 2, (uint8_t)(i * step % 101)};
			assert_int_equal(rrset_add(set, rdata, 4), 0);
			assert_int_equal(rrset_add(set, rdata, 4), 0);
		}
		assert_int_equal(set->count, 101);
		if (first) {
			assert_true(rrset_same_data(first, set));
			rrset_destroy(set);
		} else {
			first = set;
		}
	}
	rrset_destroy(first);
}

static void refuses(void **state)
{
	(void)state;
	struct rrset *set = make("x.example", TYPE_A);
	ADD(set, "abcd");
	assert_int_equal(add(set, "abc", 3), -EINVAL);
	assert_int_equal(add(set, "abcde", 5), -EINVAL);
	assert_int_equal(add(set, "", 0), -EINVAL);
	assert_int_equal(set->count, 1); /* and the set stands as it was */
	assert_int_equal(set->data_len, 6);
	rrset_destroy(set);
	set = make("x.example", TYPE_NS);
	assert_int_equal(add(set, "\xc0\x0c", 2), -EINVAL);
	ADD(set, "\2nS\0"); /* case is kept, and makes a difference */
	ADD(set, "\2ns\0");
	assert_int_equal(set->count, 2);
	assert_memory_equal(set->data + 2, "\2nS", 3);
	rrset_destroy(set);
}

/* A full set still goes into one message, with the longest of names in front. */
static void full_set_fits_a_message(void **state)
{
	(void)state;
	static uint8_t big[70000], buf[PACKET_MAX];
	static const size_t sizes[] = {2, 4, 500, 64000};
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		struct question q = {.type = 65280, .class = CLASS_IN, .name = {.len = 255}};
		for (int l = 0; l < 4; l++)
			q.name.wire[64 * l] = l < 3 ? 63 : 61;
		struct rrset *set = rrset_create(&q, 1);
		assert_non_null(set);
		int r = 0;
		unsigned n = 0xffffff; /* descending: each goes to the front, the slow way */
		for (; r == 0; n--) {
			big[0] = (uint8_t)(n >> 8);
			big[1] = (uint8_t)n;
			r = rrset_add(set, big, sizes[i]);
		}
		assert_int_equal(r, -EFBIG);
		assert_int_equal(set->count, 65000 / (sizes[i] + 12));
		struct packet_writer w;
		packet_begin(&w, buf, sizeof(buf), true);
		packet_put_question(&w, &q);
		rrset_put(set, NULL, PACKET_ANSWER, &w);
		assert_true(packet_end(&w, 0, FLAG_QR) > 0);
		static struct packet_reader reader;
		struct rr rr;
		assert_int_equal(packet_open(&reader, buf, w.len), 0);
		assert_int_equal(reader.header.count[1], set->count);
		for (size_t j = 0; j < set->count; j++)
			assert_int_equal(packet_next(&reader, &rr), 1);
		rrset_destroy(set);
	}
	struct rrset *set = make("x", 65280);
	assert_int_equal(rrset_add(set, big, 65001), -EFBIG);
	assert_int_equal(rrset_add(set, big, 65536), -EFBIG);
	assert_int_equal(rrset_add(set, big, sizeof(big)), -EFBIG);
	rrset_destroy(set);
}

static void copies_and_compares(void **state)
{
	(void)state;
	struct rrset *a = make("x.example", TYPE_A), *b = make("y.example", TYPE_A), *copy;
	copy = rrset_copy(a);
	assert_non_null(copy);
	assert_int_equal(copy->count, 0);
	assert_true(rrset_same_data(a, b));
	rrset_destroy(copy);
	ADD(a, "abcd");
	assert_false(rrset_same_data(a, b));
	ADD(b, "abcd");
	b->ttl = 1;
	assert_true(rrset_same_data(a, b)); /* owner and TTL aside */
	copy = rrset_copy(a);
	assert_non_null(copy);
	assert_true(question_equal(&copy->question, &a->question));
	assert_int_equal(copy->ttl, 300);
	assert_int_equal(copy->count, 1);
	assert_true(rrset_same_data(a, copy));
	ADD(copy, "aaaa");
	assert_int_equal(a->count, 1);
	assert_false(rrset_same_data(a, copy));
	rrset_destroy(a);
	rrset_destroy(b);
	rrset_destroy(copy);
}

static void puts_records(void **state)
{
	(void)state;
	uint8_t buf[512];
	struct packet_writer w;
	struct rrset *set = make("x.example", TYPE_MX);
	ADD(set, "\0\24\1b\7example\0");
	ADD(set, "\0\12\1a\7example\0");
	struct name other;
	assert_int_equal(name_from_text("other.example", 13, &other), 0);
	packet_begin(&w, buf, sizeof(buf), true);
	rrset_put(set, NULL, PACKET_ANSWER, &w);
	rrset_put(set, &other, PACKET_ADDITIONAL, &w);
	int len = packet_end(&w, 0, FLAG_QR);
	assert_true(len > 0);
	static struct packet_reader r;
	struct rr rr;
	assert_int_equal(packet_open(&r, buf, (size_t)len), 0);
	for (int i = 0; i < 4; i++) {
		assert_int_equal(packet_next(&r, &rr), 1);
		assert_int_equal(rr.ttl, 300);
		assert_int_equal(rr.type, TYPE_MX);
		assert_int_equal(rr.section, i < 2 ? PACKET_ANSWER : PACKET_ADDITIONAL);
		assert_true(name_equal(&rr.owner, i < 2 ? &set->question.name : &other));
		assert_memory_equal(
			rr.rdata, i % 2 ? "\0\24\1b\7example" : "\0\12\1a\7example", 13);
	}
	assert_true(packet_at_end(&r));
	rrset_destroy(set);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(canonical_order),
		cmocka_unit_test(order_of_adding_does_not_matter),
		cmocka_unit_test(refuses),
		cmocka_unit_test(full_set_fits_a_message),
		cmocka_unit_test(copies_and_compares),
		cmocka_unit_test(puts_records),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
