/* Numbers in their order. */
#include "dht/sort.h"

#include <stdlib.h>

static int by_size(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
	return (x > y) - (x < y);
}

void dht_sort(uint64_t *numbers, size_t len)
{
	qsort(numbers, len, sizeof(*numbers), by_size);
}
