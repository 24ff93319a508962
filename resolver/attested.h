/* Keys that zones of DNS attest (design, section 4, rule 3): TXT `_dhtkey.ZONE` = `v=1 k=KEY
 * min=SEQ`.
 *
 * What is held here has been proven, by DNSSEC from the root, and is believed until the first of
 * those signatures ends (ATTESTED_LIFETIME at most), over restarts too, DNS being down or not. A
 * key covers what its zone signs: that is policy's to see, who has what DNS says. Who asks for the
 * TXT, and follows its chain: resolver/attest. */
#ifndef RESOLVER_ATTESTED_H
#define RESOLVER_ATTESTED_H

#include "resolver/answer.h"
#include "resolver/own.h"
#include "resolver/pins.h"

#define ATTESTED_MAX 4096		 /* zones, of which a user meets a few: 2 MB */
#define ATTESTED_LIFETIME (30 * 86400LL) /* seconds */
#define ATTESTED_FRESH 3600		 /* seconds: zones are signed anew less often than that */
#define ATTESTED_LABEL "_dhtkey"

struct attested;

/* Reads what the disk has. -EBADMSG, -EIO, -ENOMEM. `own` outlives it. */
int attested_create(struct own *own, int64_t now, struct attested **ret_attested);
void attested_destroy(struct attested *t); /* NULL is fine */

/* What a zone attests. */
struct attestation {
	struct name zone;
	uint8_t key[NAME_KEY_LEN];
	int64_t min;   /* packets of its zone with a seq below count for nothing */
	int64_t until; /* seconds since 1970 */
};
/* In place of what that zone has attested before. Where there is no room what ends first goes. It
 * holds also where the disk fails, until a restart. -ENOMEM. */
int attested_set(struct attested *t, const struct attestation *a, int64_t now);
void attested_drop(struct attested *t, const struct name *zone);
/* Was this very thing proven a moment ago, so that it need not be again? */
bool attested_is_fresh(const struct attested *t, const struct attestation *a, int64_t now);
size_t attested_len(const struct attested *t);

/* The key of the nearest zone above the name, or of the name itself, as a pin with that zone as its
 * suffix; NULL: none, or its zone cannot be read at the moment. Valid until the next change.
 * `clock` is monotonic, `now` in seconds since 1970. */
const struct pin *attested_find(
	const struct attested *t, const struct name *name, int64_t now, uint64_t clock);
/* The zone of its key cannot be read: nobody waits for it again before `clock`. */
void attested_silent(struct attested *t, const struct name *zone, uint64_t clock);
/* Every name that is read from `target`, a name under a key. */
void attested_readers(
	const struct attested *t, const struct name *target, pin_reader_fn *fn, void *ctx);

/* `_dhtkey.ZONE`. -ENAMETOOLONG. And is this such a name, of which zone? */
int attested_name(const struct name *zone, struct name *ret_name);
bool attested_zone(const struct name *name, struct name *ret_zone);
/* The key that an answer to `_dhtkey.ZONE TXT` attests: of the one record that says v=1, words by
 * spaces, unknown ones skipped. -ENOENT: none; two that differ are none. */
int attested_read(const struct answer *a, struct attestation *ret_attestation);

#endif
