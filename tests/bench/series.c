/* A row of a table of latencies. */
#undef NDEBUG
#include "tests/bench/series.h"
#include "tests/bench/measure.h"

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

void series_print(const char *of, struct series *s)
{
	assert(s->len > 0);
	measure_sort(s->took, s->len);
	printf("%-37s %-18s %5zu %5zu %8.1f %8.1f %8.1f\n", of, s->name, s->len, s->good,
		(double)s->took[s->len / 2] / 1e3, (double)s->took[(s->len - 1) * 99 / 100] / 1e3,
		(double)s->queries / (double)s->len);
}
