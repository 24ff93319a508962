/* SipHash-1-3 (Aumasson, Bernstein 2012): 64 bits of a few bytes under a secret seed, for tables that
 * strangers fill and for telling whether something is still the same. */
#ifndef RESOLVER_HASH_H
#define RESOLVER_HASH_H

#include <stddef.h>
#include <stdint.h>

uint64_t hash_bytes(const void *bytes, size_t len, uint64_t seed);

#define HASH_SHA1_LEN 20
void hash_sha1(const void *bytes, size_t len, uint8_t ret_hash[HASH_SHA1_LEN]);

#endif
