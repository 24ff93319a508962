/* Any bytes as the file that the cache left: what comes of them keeps the promises of cache_file.h. */
#undef NDEBUG
#include <assert.h>

#include "resolver/cache_file.h"

#define NOW 1790000000

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void check(void *ctx, struct answer *a)
{
	struct rrset *set;
	assert(a->error == 0);
	assert(a->trust == TRUST_DNS && !a->validated && !a->bogus);
	assert(a->ttl > 0 && a->ttl <= 86400);
	assert(answer_rrset(a, &set) == 0);
	assert(set->count > 0 && set->ttl >= a->ttl);
	rrset_destroy(set);
	answer_unref(a);
	++*(size_t *)ctx;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	size_t seen = 0;
	const struct cache_file_here here = {.now = NOW};
	assert(cache_file_parse(data, len, &here, check, &seen) == seen);
	return 0;
}
