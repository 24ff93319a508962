/* The keys: one Ed25519 key a uid, made on first use, in files of mode 0600 under DIR.
 *
 * The signer signs only what it has parsed itself: a zone packet whose every owner is at or
 * below the key and whose seq rises, a claim over a record set that it is given. It will be a
 * process of its own; until then its module keeps the interface it will have. */
#ifndef RESOLVER_SIGNER_H
#define RESOLVER_SIGNER_H

#include <sys/types.h>

#include "resolver/claim.h"

struct signer;

/* DIR is made (0700) when absent. -EPERM: DIR or a key file is not ours alone (owner, mode, link
 * count, symbolic link). */
int signer_open(const char *dir, struct signer **ret_signer);
void signer_close(struct signer *s); /* wipes */

/* The public key of a uid; made when absent, on disk (fsync) before it returns. */
int signer_key(struct signer *s, uid_t uid, uint8_t ret_key[NAME_KEY_LEN]);
/* Signs the BEP 44 buffer of a zone packet. -EPERM: an owner outside the key, a class other than
 * IN, or seq not above the last one signed for this uid. -EFBIG over 996 bytes. */
int signer_zone(struct signer *s, uid_t uid, const uint8_t *packet, size_t len, int64_t seq,
	uint8_t ret_sig[64]);
/* A claim of this uid's key over `set`. */
int signer_claim(struct signer *s, uid_t uid, const struct rrset *set, uint32_t inception,
	uint32_t expiration, struct claim *ret_claim);

#endif
