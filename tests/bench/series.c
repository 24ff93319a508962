/* A row of a table of latencies. */
#undef NDEBUG
#include "tests/bench/series.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

void series_add(struct series *s, uint64_t took, unsigned queries, bool good)
{
	assert(s->len < SERIES_MAX);
	s->took[s->len++] = took;
	s->queries += queries;
	s->good += good;
}

static int by_size(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
	return (x > y) - (x < y);
}

void series_print(const char *of, struct series *s)
{
	assert(s->len > 0);
	qsort(s->took, s->len, sizeof(*s->took), by_size);
	printf("%-37s %-18s %5zu %5zu %8.1f %8.1f %8.1f\n", of, s->name, s->len, s->good,
		(double)s->took[s->len / 2] / 1e3, (double)s->took[(s->len - 1) * 99 / 100] / 1e3,
		(double)s->queries / (double)s->len);
}
