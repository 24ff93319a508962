/* The heap of what is due, against a list that is searched. */
#undef NDEBUG
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "dht/heap.h"
#include "dht/sort.h"

#define THINGS 100

static uint64_t random_of(uint64_t *state)
{
	*state = *state * 6364136223846793005 + 1442695040888963407;
	return *state >> 33;
}

static void check(const struct dht_heap *h, const struct dht_due *things, const bool *in)
{
	uint64_t first = UINT64_MAX;
	size_t len = 0;
	for (size_t i = 0; i < THINGS; i++) {
		if (!in[i])
			continue;
		len++;
		first = things[i].at < first ? things[i].at : first;
		assert_ptr_equal(h->list[things[i].place], &things[i]);
	}
	assert_int_equal(h->len, len);
	for (size_t i = 1; i < len; i++)
		assert_true(h->list[(i - 1) / 2]->at <= h->list[i]->at);
	assert_int_equal(dht_heap_due(h), first);
}

static void test_first_is_on_top(void **unused)
{
	(void)unused;
	struct dht_heap h = {0};
	struct dht_due things[THINGS];
	bool in[THINGS] = {0};
	uint64_t random = 1;
	assert_int_equal(dht_heap_due(&h), UINT64_MAX);
	assert_true(dht_heap_reserve(&h, THINGS));
	for (unsigned times = 0; times < 3000; times++) {
		size_t i = random_of(&random) % THINGS;
		uint64_t at = random_of(&random) % 50; /* often equal */
		if (!in[i]) {
			dht_heap_add(&h, &things[i], at);
			in[i] = true;
		} else if (random_of(&random) % 2) {
			dht_heap_move(&h, &things[i], at);
		} else {
			dht_heap_remove(&h, &things[i]);
			in[i] = false;
		}
		check(&h, things, in);
	}
	dht_heap_finish(&h);
	assert_int_equal(h.cap, 0);
}

static void test_comes_out_sorted(void **unused)
{
	(void)unused;
	struct dht_heap h = {0};
	struct dht_due things[THINGS];
	uint64_t random = 2, wanted[THINGS];
	for (size_t i = 0; i < THINGS; i++) {
		assert_true(dht_heap_reserve(&h, h.len + 1));
		wanted[i] = random_of(&random) << 31; /* beyond what an int holds */
		dht_heap_add(&h, &things[i], wanted[i]);
	}
	dht_sort(wanted, THINGS);
	for (size_t i = 0; i < THINGS; i++) {
		assert_true(i == 0 || wanted[i - 1] <= wanted[i]);
		assert_int_equal(dht_heap_due(&h), wanted[i]);
		dht_heap_remove(&h, h.list[0]);
	}
	assert_int_equal(h.len, 0);
	dht_heap_finish(&h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_first_is_on_top),
		cmocka_unit_test(test_comes_out_sorted),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
