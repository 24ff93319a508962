/* Pins: what a user of this machine says of keys (design, section 4, rule 2).
 *
 *   KEY SUFFIX [strict]   KEY speaks for SUFFIX: a name N at or below it is read as N.<KEY>
 *   KEY as NICK           NICK is KEY: www.NICK.alt is www.<KEY>, and nothing else answers for it
 *
 * A list is one user's, immutable and counted by reference: who answers a question keeps the list
 * that it was begun with. In a list a suffix has one pin, the one that was written last, and the
 * longest suffix wins, by whole labels. Names under a key are never pinned: they say already who
 * answers. Any other suffix may be, the root and names of this network (home.arpa) too: a user's
 * pins are for himself alone, and root's word on this machine is /etc/hosts' as well. */
#ifndef RESOLVER_PINS_H
#define RESOLVER_PINS_H

#include <sys/types.h>

#include "resolver/name.h"

#define PINS_LIST_MAX 256  /* of one user: 80 kB */
#define PINS_MAX 16384	   /* of all users but root and the daemon's: 5 MB; see share.h */
#define PINS_LINE_MAX 1100 /* a key, a name of escapes only, "strict" */
/* What a user reads is his list and, as comments, three more; what is read can be written back. */
#define PINS_TEXT_MAX (4 * PINS_LIST_MAX * (PINS_LINE_MAX + 2) + 1024)
#define PINS_OF_OPTIONS ((uid_t)-1) /* the daemon's options as a user */

struct text;

struct pin {
	uint8_t key[NAME_KEY_LEN];
	struct name suffix; /* of an alias "NICK.alt." */
	bool strict;	    /* fails closed: nobody else answers */
	bool alias;	    /* `as`: the suffix drops out of the name */
	uid_t uid;	    /* whose */
	int64_t min;	    /* of an attested key: zones of a lower seq count for nothing */
};

struct pin_list;
/* What a list takes at most: the pins and two indexes. */
#define PINS_LIST_BYTES (PINS_LIST_MAX * (sizeof(struct pin) + 2 * sizeof(uint16_t)) + 64)

/* Lines of `text`; the last may lack its newline. Empty ones, and what begins with `#`, are
 * skipped. `base` (may be NULL) is what they are added to. 0; -EINVAL with the number of the line
 * in *ret_line and what is wrong with it, static, in *ret_why; -EDQUOT (over PINS_LIST_MAX);
 * -ENOMEM. An empty list is a list. */
struct pins_input {
	const char *text;
	size_t len;
	uid_t uid;
	const struct pin_list *base;
};
struct pins_mistake {
	size_t line;
	const char *why;
};
int pin_list_read(
	const struct pins_input *in, struct pins_mistake *ret_mistake, struct pin_list **ret_list);
struct pin_list *pin_list_ref(const struct pin_list *list);
void pin_list_unref(const struct pin_list *list); /* NULL is fine */
size_t pin_list_len(const struct pin_list *list); /* of NULL 0 */
const struct pin *pin_list_at(const struct pin_list *list, size_t i);
/* As pin_list_read reads it, each line behind `prefix`, in the order of writing. */
void pin_list_write(const struct pin_list *list, const char *prefix, struct text *t);

/* The pin of the longest suffix that `name` is under, or NULL; always NULL for a name under a
 * key. */
const struct pin *pin_list_find(const struct pin_list *list, const struct name *name);
/* The name that is read in its place. -ENAMETOOLONG: the key's zone cannot have it. */
int pin_target(const struct pin *pin, const struct name *name, struct name *ret_target);
/* What stands before the key in a name under one. */
void pin_cut_key(const struct name *target, struct name *ret_left);
/* Does nobody else answer where the key's zone does not? */
bool pin_is_final(const struct pin *pin);
/* `KEY speaks for SUFFIX` and the like, as one writes it, without a newline. */
void pin_write(const struct pin *pin, struct text *t);

/* Every name that pins of this list read from `target`, a name under a key. */
typedef void pin_reader_fn(void *ctx, const struct pin *pin, const struct name *name);
void pin_list_readers(
	const struct pin_list *list, const struct name *target, pin_reader_fn *fn, void *ctx);

/* A list that takes the place of another. */
struct pins_change {
	uid_t uid;
	bool for_all; /* it holds for others too */
	const struct pin_list *before, *now; /* NULL: none */
};
/* May this uid read another thing under this name for it? */
bool pins_change_concerns(const struct pins_change *c, const struct name *name, uid_t uid);

/* ---- everybody's lists ---- */

struct pins;

int pins_create(uid_t daemon_owner, struct pins **ret_pins);
void pins_destroy(struct pins *p); /* NULL is fine */
/* Makes `list` (takes a reference; NULL or empty: none) that of this uid, PINS_OF_OPTIONS too.
 * -EDQUOT: over PINS_MAX, -ENOMEM. pins_may says beforehand whether it would work. */
int pins_may(struct pins *p, uid_t uid, const struct pin_list *list);
int pins_set(struct pins *p, uid_t uid, struct pin_list *list);
const struct pin_list *pins_of(const struct pins *p, uid_t uid); /* NULL: none */
size_t pins_len(const struct pins *p);				 /* pins of all lists */
/* Lists that hold for all, in the order of their say where suffixes are equal: the options',
 * root's, the daemon owner's. i from 0; NULL where there is none. */
#define PINS_SHARED 3
const struct pin_list *pins_shared(const struct pins *p, size_t i);

/* What holds for `view` (a uid; PINS_OF_OPTIONS: a door): first its own, then for all; NULL where
 * there is none. Root and the daemon owner have no pins but those that hold for all. */
enum { PIN_OWN, PIN_FOR_ALL, PIN_SAYS };
void pins_find(const struct pins *p, const struct name *name, uid_t view,
	const struct pin *ret_pins[PIN_SAYS]);
/* May a list that is one uid's alone cover the name? Then it may differ from caller to caller.
 * Costs the name's labels, however many lists there are. */
bool pins_differ(struct pins *p, const struct name *name);
/* `.kadns/pins` as this uid reads it: what holds for all as comments, then his own; malloc'd. */
int pins_text(const struct pins *p, uid_t uid, char **ret_text, size_t *ret_len);
/* pin_list_readers over all lists that have a pin of the key; and over those that hold for `view`. fn
 * must not change pins. */
void pins_readers(struct pins *p, const struct name *target, pin_reader_fn *fn, void *ctx);
void pins_readers_of(const struct pins *p, const struct name *target, uid_t view,
	pin_reader_fn *fn, void *ctx);
/* Lists that pins_readers has looked at since they were made: what a test counts. */
size_t pins_steps(const struct pins *p);

#endif
