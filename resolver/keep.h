/* Zones of others, kept alive: `.kadns/keep` names their keys, and neither the keys' seeds nor any
 * trust in them is needed, for what is put again is what was signed, byte for byte.
 *
 *   waiting   for its time: at once, a back-off while the zone or a page of it is not found, a day
 *   in turn   until there is a network, and the budget for republishing (dht/republish.h), which
 *             own records share, allows it
 *   reading   the zone packet, then pages that are not held, that are of former times, or of which
 *             a look has shown something newer; a few at a time, each few in turn
 *
 * Of each part the newest that verified is held here, on disk too (own_set_copy), so that a restart
 * goes on with it; the DHT node looks at its copies now and then, and puts them where they are
 * missing (dht_publish). A look that shows something newer has the zone read again. A key that
 * never answers costs one look-up an hour. */
#ifndef RESOLVER_KEEP_H
#define RESOLVER_KEEP_H

#include "resolver/keep_list.h"

struct dht;
struct event_base;
struct keeper;
struct own;
struct zone_relays;

/* Bytes of strangers that a user has this machine hold: a page is 1.3 kB on disk, and 1.5 in
 * memory. */
#define KEEP_USER_KEYS 64
#define KEEP_USER_PAGES 1024
/* Of all ordinary users together, see share.h; and pages of root and the daemon's owner too. */
#define KEEP_KEYS_MAX 1024
#define KEEP_PAGES_MAX 4096

struct keeper_config {
	struct event_base *base;
	struct own *own;
	struct dht *dht; /* NULL: nothing is kept alive, and lists are kept all the same */
	struct zone_relays *relays;
	uid_t owner;	/* the daemon's */
	uint64_t pause; /* microseconds between two readings of a zone; 0: a minute */
};
/* With what is on disk. -EBADMSG, -EIO, -ENOMEM. */
int keeper_create(const struct keeper_config *config, struct keeper **ret_keeper);
void keeper_destroy(struct keeper *k); /* NULL is fine */
/* The disk has lost what was not durable yet: lists and copies are again what it has. */
void keeper_reload(struct keeper *k);

/* Makes `list` that of this uid; durable when own_wait says. -EDQUOT, -ENOSPC, -EIO, -ENOMEM. */
int keeper_set(struct keeper *k, uid_t uid, const struct keep_list *list);
const struct keep_list *keeper_of(const struct keeper *k, uid_t uid); /* NULL: none */
/* `.kadns/keep` as this uid reads it: what root and the daemon's owner keep as comments, then his
 * own, each with where it stands as a comment; malloc'd. */
int keeper_text(const struct keeper *k, uid_t uid, char **ret_text, size_t *ret_len);
/* Where the zone of a key stands, without a newline; false: nobody keeps it. */
bool keeper_tell(const struct keeper *k, const uint8_t key[NAME_KEY_LEN], struct text *t);

struct keep_counters {
	size_t keys;	   /* that are kept, each once */
	size_t parts;	   /* zone packets and pages that are held */
	size_t missing;	   /* zones not found, or not whole */
	uint64_t readings; /* of a zone, from the network */
	uint64_t taken;	   /* parts that were new, or newer than what was held */
	uint64_t damaged;  /* copies on disk that did not verify */
};
void keeper_counters(const struct keeper *k, struct keep_counters *ret_counters);

#endif
