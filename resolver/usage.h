/* What each user has published here: counted as it changes, so that a bound needs no walk over
 * everybody's records.
 *
 * A user's bounds are `quota` records, and bytes: for each of them what a zone packet holds, and
 * one set of the largest kind besides. That is more than he can write: a set has to fit into a zone
 * or, where its name is too long for one, into a claim (resolver/merge), with the DHT off too. But
 * the claims are eight times as large, and so bounded by the bytes. All users together have
 * USAGE_USERS times a user's, shared out as resolver/share.h says. */
#ifndef RESOLVER_USAGE_H
#define RESOLVER_USAGE_H

#include <sys/types.h>

#include "resolver/rrset.h"

#define USAGE_RECORD_BYTES 1000u
#define USAGE_USERS 100u /* with quota=1000: 100,000 records, 100 MB at most */
/* Tombstones wait for a network and do not count against the quota, but are not without end either,
 * of one user or of all together. Who has them all makes no new names. */
#define USAGE_TOMBSTONES 4u

struct usage;

/* `owner` is the daemon's user. */
int usage_create(unsigned quota, uid_t owner, struct usage **ret_usage);
void usage_destroy(struct usage *u);

/* May `after` stand where `before` (NULL: nothing) stood? 0, -EDQUOT. Less than before always may.
 */
int usage_check(
	const struct usage *u, uid_t uid, const struct rrset *before, const struct rrset *after);
/* So that the next usage_add of this uid cannot fail. -ENOMEM. */
int usage_reserve(struct usage *u, uid_t uid);
/* A record more or less; NULL: a tombstone. */
void usage_add(struct usage *u, uid_t uid, const struct rrset *set);
void usage_remove(struct usage *u, uid_t uid, const struct rrset *set);

#endif
