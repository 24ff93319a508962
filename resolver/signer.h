/* The signer: signs for the users of this machine, each with a key of his own that is made on first
 * use, and that this process never sees.
 *
 * The keys are held by a process of their own (signer_process.h), which signs only what it has
 * parsed itself: a zone packet whose every owner is at or below the key and whose seq rises, a
 * claim over a record set. It is asked over a socketpair and waited for: a signature takes a tenth
 * of a millisecond. One that does not answer within SIGNER_PATIENCE is killed, and -EIO is the
 * answer; one that died is started again, for the same request, at first at once and then less and
 * less often. A new one has forgotten how far `seq` was: who asks keeps that on disk (own.h). */
#ifndef RESOLVER_SIGNER_H
#define RESOLVER_SIGNER_H

#include <sys/types.h>

#include "resolver/claim.h"
#include "resolver/clock.h"
#include "resolver/zone_pages.h"

#define SIGNER_SEED_LEN 32
#define SIGNER_PATIENCE (2 * SECOND) /* the mount stands still for so long, at worst */

struct signer;

/* Starts the process, which is this program again: its main() must call signer_child(). DIR is made
 * (0700) when absent. -EPERM: DIR or a key file is not ours alone (owner, mode, link count,
 * symbolic link), or (from the functions below) a key file has not 32 bytes. */
int signer_open(const char *dir, struct signer **ret_signer);
void signer_close(struct signer *s); /* NULL is fine */
/* Told when the process hung or died, and what it prints. Until then that is kept for the end. */
struct event_base;
void signer_say_to(struct signer *s, struct event_base *base,
	void (*say)(void *ctx, const char *line), void *ctx);

/* The public key of a uid; made when absent, on disk (fsync) before it returns. Asked of the
 * process once. This and the next three: -EIO, nobody signs at the moment. */
int signer_key(struct signer *s, uid_t uid, uint8_t ret_key[NAME_KEY_LEN]);
/* Signs the BEP 44 buffer of a zone packet, or of a page (zone_pages.h). -EPERM: an owner outside
 * the key, a class other than IN, seq not above the last one signed for this part of this uid's
 * zone by this signer, or over a day ahead of the clock (readers refuse it, and nothing could
 * follow it). -EFBIG over 996 bytes. -EBADMSG: not a whole packet in our form (ID 0, flags 0x8000,
 * answers only). */
struct signer_part {
	unsigned page; /* or PAGES_HEAD */
	const uint8_t *packet;
	size_t len;
	int64_t seq;
};
int signer_zone(struct signer *s, uid_t uid, const struct signer_part *part, uint8_t ret_sig[64]);
/* A claim of this uid's key over `set`. Errors as claim_to_sign. */
int signer_claim(struct signer *s, uid_t uid, const struct rrset *set, uint32_t inception,
	uint32_t expiration, struct claim *ret_claim);
/* The seed of a uid's key (RFC 8032), which is made when he has none: the process gives it out on
 * this request alone, and nothing but *ret_seed holds it afterwards, which the caller wipes. */
int signer_secret(struct signer *s, uid_t uid, uint8_t ret_seed[SIGNER_SEED_LEN]);
/* The public key of a seed. */
int signer_public(
	struct signer *s, const uint8_t seed[SIGNER_SEED_LEN], uint8_t ret_key[NAME_KEY_LEN]);
/* From now on this is the uid's key. The one before is kept beside it (signer_file.h). 0 where it
 * is his already; -EDQUOT: too many are kept; errors of the disk: one of the two is his. */
int signer_import(struct signer *s, uid_t uid, const uint8_t seed[SIGNER_SEED_LEN]);
/* Withdraws the claim of this uid's key that `slot` holds: signs a withdrawal that is later than it
 * and than `last` (the inception of the last claim made; 0: unknown) and puts it into the slot,
 * to be written with that key as slot_write's first. References of the key are dropped. The next
 * claim begins after *ret_inception. -ENOENT: the slot held no claim of the key that needs this,
 * and now holds none. */
int signer_withdraw(
	struct signer *s, uid_t uid, struct slot *slot, uint32_t last, uint32_t *ret_inception);

struct signer_counters {
	uint64_t signatures; /* made, for whomever */
	uint64_t restarts;   /* of the process */
};
void signer_counters(const struct signer *s, struct signer_counters *ret_counters);

#endif
