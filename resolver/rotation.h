/* The key that comes after a key: TXT `_kadns.<key>` = `next=KEY` in its zone, which nobody but its
 * holder can have signed. Who believes a key by a pin, an attestation or because it was the first
 * goes on to that one; a name under the old key is answered by the old key's zone alone.
 *
 * It stands beside the marker of a zone with pages (zone_pages.h), in the zone packet, which is
 * read with whatever is asked of the zone: so whoever reads a name of it learns of the next key
 * without asking for it. */
#ifndef RESOLVER_ROTATION_H
#define RESOLVER_ROTATION_H

#include "resolver/resolver.h"

/* Of keys one after another. Whoever changes his key more often than his readers change their pins
 * has asked too much of them; and each may cost a look-up. */
#define ROTATION_MAX 4

/* What the set of `_kadns.<key>` names. False: nothing, or two keys at once. */
bool rotation_next(const struct rrset *set, uint8_t ret_key[NAME_KEY_LEN]);
/* The last of the keys that follow `key`, itself if none does: as far as memory has their zones,
 * and ROTATION_MAX of them; where they lead back to one of themselves, the one before that. The
 * number of steps. */
unsigned rotation_follow(
	struct resolver *r, const uint8_t key[NAME_KEY_LEN], uint8_t ret_key[NAME_KEY_LEN]);
/* The key from which rotation_follow has come to this one, where its zone still says so. Of two that
 * lead to the same the later is known, and ROTATION_NOTES altogether: what is forgotten is known
 * again with the next question of a name that is read by it. Who is followed is believed by a pin,
 * an attestation or as the first: strangers leave no notes. */
#define ROTATION_NOTES 64
struct rotation_note {
	uint8_t key[NAME_KEY_LEN], next[NAME_KEY_LEN];
};
bool rotation_before(
	struct resolver *r, const uint8_t key[NAME_KEY_LEN], uint8_t ret_key[NAME_KEY_LEN]);

#endif
