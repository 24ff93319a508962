/* The keys at the top of every chain of DNSSEC: DNSKEY of the root, DS and DNSKEY of top-level
 * domains, as DNS proved them last (section 8 of the design).
 *
 * Every signed copy that stands in for DNS (resolver/rescue) needs them, and on a public network
 * anybody may burn the slots in which they lie: so this node keeps those of the domains of which it
 * has asked, in memory and in a file of the state directory, over restarts. What is kept is whole
 * messages with their RRSIGs, and proves nothing by being kept: the judge (resolver/judge) takes
 * each as it takes what a stranger left in a slot, from the trust anchor on, each time. So a file
 * that somebody has changed costs look-ups at most.
 *
 * While a set is fresh, as long as its TTL lasts, the slot is not read: every cache in the world
 * believes it as well, so a zone does not sign with other keys yet. Later, as long as it is signed,
 * it is one candidate among those of the slot. */
#ifndef RESOLVER_ROOT_KEYS_H
#define RESOLVER_ROOT_KEYS_H

#include "resolver/answer.h"

#define ROOT_KEYS_DOMAINS 32 /* top-level domains; of more the one that was used last goes first   \
			      */
#define ROOT_KEYS_WANTED 9   /* of the zones that signed one answer, at most */

struct root_keys;

/* With what the file has at `path` (NULL: none is kept). NULL: no memory. */
struct root_keys *root_keys_create(const char *path);
void root_keys_destroy(struct root_keys *k);	   /* NULL is fine */
bool root_keys_changed(const struct root_keys *k); /* since it was written */
/* Writes the file, if something has changed. 0, -errno. */
int root_keys_write(struct root_keys *k);
/* What such a file has is added as far as it holds today (`now`: seconds since 1970). Returns how
 * many sets. */
size_t root_keys_parse(struct root_keys *k, const uint8_t *bytes, size_t len, int64_t now);

/* DNS has said this just now: kept if it is proven, and of these keys. */
void root_keys_hear(struct root_keys *k, const struct answer *a);
/* What a proven answer rests on and is not here, or not fresh: to be asked of DNS. Each is named
 * once in a minute. Returns how many. */
size_t root_keys_wanted(
	struct root_keys *k, const struct answer *a, struct question ret_wanted[ROOT_KEYS_WANTED]);

struct root_key {
	const uint8_t *message; /* borrowed until the next call */
	size_t len;
	bool fresh;
};
/* What is kept for this question. False: nothing that is signed still. */
bool root_keys_find(struct root_keys *k, const struct question *q, struct root_key *ret_key);
/* With it nothing could be proven: no longer fresh. */
void root_keys_doubt(struct root_keys *k, const struct question *q);

struct root_keys_counters {
	size_t kept;	 /* sets */
	uint64_t spared; /* times that one was fresh when it was wanted */
};
void root_keys_counters(const struct root_keys *k, struct root_keys_counters *ret_counters);

#endif
