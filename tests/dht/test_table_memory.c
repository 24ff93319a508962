/* A table whose memory runs out at any moment: it may know fewer nodes then, but knows where each
 * of them is. The linker puts __wrap_realloc in the place of realloc. */
#undef NDEBUG
#include "table_world.h"

#define NODES 400
/* More than a table of so many nodes asks for. */
#define CALLS 100

static size_t calls, failing; /* the call that fails; 0: none, SIZE_MAX: all */

void *__real_realloc(void *p, size_t size);
void *__wrap_realloc(void *p, size_t size);
void *__wrap_realloc(void *p, size_t size)
{
	calls++;
	return calls == failing || failing == SIZE_MAX ? NULL : __real_realloc(p, size);
}

static void assert_each_in_its_bucket(const struct dht_table *t)
{
	size_t counted = 0;
	for (size_t i = 0; i < t->buckets_len; i++)
		for (size_t j = 0; j < t->buckets[i].len; j++, counted++) {
			const struct dht_node *node = &t->buckets[i].nodes[j];
			assert_int_equal(dht_table_bucket_of(t, &node->contact.id), i);
			assert_ptr_equal(dht_table_find(t, &node->contact), node);
		}
	assert_int_equal(t->len, counted);
}

static void enter_many(struct dht_table *t, struct dht_contact nodes[NODES])
{
	for (unsigned i = 0; i < NODES; i++) {
		nodes[i] = contact(i, i / 4 % 12);
		enter(t, &nodes[i], SECOND);
	}
}

/* Whichever call fails once, nearly all the others are there, and all can be taken out again. */
static void any_call_may_fail(void **state)
{
	static struct dht_contact nodes[NODES];
	struct dht_table *t = *state;
	size_t all = 0;
	for (size_t n = 0; n <= CALLS; n++) {
		calls = 0;
		failing = n;
		enter_many(t, nodes);
		all = n == 0 ? t->len : all;
		assert_in_range(calls, 10, CALLS);
		assert_each_in_its_bucket(t);
		assert_in_range(t->len, all - 8, all + 8);
		failing = 0;
		for (unsigned i = 0; i < NODES; i++)
			dht_table_remove(t, &nodes[i], 2 * SECOND);
		assert_each_in_its_bucket(t);
		dht_table_finish(t);
		setup(state);
	}
}

static void none_at_all(void **state)
{
	static struct dht_contact nodes[NODES];
	struct dht_table *t = *state;
	failing = SIZE_MAX;
	enter_many(t, nodes);
	failing = 0;
	assert_int_equal(t->len, 0);
	enter_many(t, nodes);
	assert_each_in_its_bucket(t);
}

/* Around another id: all or nothing, and what we had stands. */
static void another_id_may_fail(void **state)
{
	static struct dht_contact nodes[NODES];
	struct dht_table *t = *state, moved;
	struct dht_id other = contact(NODES, 0).id;
	unsigned failed = 0;
	enter_many(t, nodes);
	for (size_t n = 1; n <= CALLS; n++) {
		calls = 0;
		failing = n;
		int r = dht_table_around(t, &other, &moved);
		failing = 0;
		failed += r < 0;
		if (r < 0)
			continue;
		assert_each_in_its_bucket(&moved);
		assert_in_range(moved.len, t->len - 8, NODES);
		dht_table_finish(&moved);
	}
	assert_in_range(failed, 1, CALLS - 1);
	assert_each_in_its_bucket(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(any_call_may_fail),
		TEST(none_at_all),
		TEST(another_id_may_fail),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
