/* Which version of a record an answer is. */
#include "fs/version.h"

#include <string.h>

#include "resolver/answer.h"
#include "resolver/hash.h"

#define CNAMES_MAX 11

static uint64_t hash_number(uint64_t n, uint64_t seed)
{
	return hash_bytes(&n, sizeof(n), seed);
}

static uint64_t hash_origin(const struct answer *a, uint64_t hash)
{
	hash = hash_number(a->source, hash);
	hash = hash_number(a->trust, hash);
	hash = hash_number(a->has_owner ? 1 + (uint64_t)a->owner : 0, hash);
	if (a->has_signer)
		hash = hash_bytes(a->signer, sizeof(a->signer), hash);
	return hash_number(a->source == SOURCE_DNS ? 0 : a->ttl, hash);
}

static uint64_t hash_chain(const struct answer *a, uint64_t hash)
{
	struct name names[CNAMES_MAX];
	size_t len = answer_cnames(a, names, CNAMES_MAX);
	for (size_t i = 0; i < len && i < CNAMES_MAX; i++)
		hash = hash_bytes(names[i].wire, names[i].len, hash);
	return hash_number(len, hash);
}

static uint64_t hash_data(const struct answer *a, uint64_t hash)
{
	struct rrset *set;
	if (answer_rrset(a, &set) < 0)
		return hash_number(0, hash);
	hash = hash_bytes(set->data, set->data_len, hash);
	rrset_destroy(set);
	return hash;
}

uint64_t version_of(const struct answer *a, uint64_t seed)
{
	uint64_t hash = hash_data(a, hash_chain(a, hash_origin(a, seed)));
	return hash ? hash : 1;
}
