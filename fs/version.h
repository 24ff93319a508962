/* Which version of a record an answer is: what who waits for the next one compares (fs/watch).
 *
 * The records, the chain to them, where they are from, who signed them and how far to trust that; the
 * TTL too, but of DNS, whose TTLs count down. What only renews a record is the same version: a later
 * expiry, another seq, another time of arrival. */
#ifndef FS_VERSION_H
#define FS_VERSION_H

#include <stdint.h>

struct answer;

/* A keyed hash of all that; never 0, which can so stand for no record at all. Without memory to look
 * it is that of none: who waits looks for himself. */
uint64_t version_of(const struct answer *a, uint64_t seed);

#endif
