/* What 100,000 names take in the cache, with the traces that DNS leaves: by the cache's own count, and
 * by the machine's.
 *
 *   cache_memory        to reach: 100,000 names in the 64 MB that it may take */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "resolver/cache.h"
#include "resolver/trace.h"

#define NAMES 100000
#define CACHE_BYTES ((size_t)64000000) /* what does not fit is given up, and missing below */

static size_t resident(void)
{
	size_t pages = 0;
	FILE *f = fopen("/proc/self/statm", "r");
	if (!f || fscanf(f, "%*s %zu", &pages) != 1)
		exit(1);
	fclose(f);
	return pages * (size_t)sysconf(_SC_PAGESIZE);
}

static void add(struct cache *cache, unsigned i)
{
	struct question q = {.type = TYPE_A, .class = CLASS_IN};
	char text[64];
	int len = snprintf(text, sizeof(text), "host%u.some-domain.example.com", i);
	struct answer *a = NULL;
	name_from_text(text, (size_t)len, &q.name);
	struct rrset *set = rrset_create(&q, 300);
	if (!set || rrset_add(set, (const uint8_t[]){192, 0, 2, 1}, 4) < 0 ||
		rrset_add(set, (const uint8_t[]){192, 0, 2, 2}, 4) < 0 ||
		answer_from_rrset(&q, set, &a) < 0)
		exit(1);
	rrset_destroy(set);
	a->source = SOURCE_DNS;
	a->trace = trace_create();
	cache_add(cache, a, CACHE_DNS, 0);
	answer_unref(a);
}

int main(void)
{
	size_t before = resident();
	struct cache *cache = cache_create(CACHE_BYTES, 1);
	if (!cache)
		return 1;
	for (unsigned i = 0; i < NAMES; i++)
		add(cache, i);
	printf("%zu names: %.1f MB by the cache's count, %.1f MB resident\n", cache_entries(cache),
		(double)cache_bytes(cache) / 1e6, (double)(resident() - before) / 1e6);
	cache_destroy(cache);
	return 0;
}
