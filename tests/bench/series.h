/* A row of a table of latencies: one operation, measured many times. */
#ifndef BENCH_SERIES_H
#define BENCH_SERIES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SERIES_MAX 1000

struct series {
	const char *name;
	uint64_t took[SERIES_MAX]; /* microseconds; 0: it did not come to that */
	size_t len, good;
	uint64_t queries;
};

void series_add(struct series *s, uint64_t took, unsigned queries, bool good);
/* A row of the table; `of` says whose numbers these are. dht.sh prints the head. */
void series_print(const char *of, struct series *s);

#endif
