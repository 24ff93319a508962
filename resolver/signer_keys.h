/* The keys: one Ed25519 key a uid, made on first use, in files of mode 0600 under DIR. They are
 * held by the signer's process alone (signer_process.h), and signed with only what was parsed here.
 *
 * DIR/UID holds the 32 bytes of the seed (RFC 8032, 5.1.5) and nothing else. In memory seeds lie in
 * one page of their own that is locked, where the limits allow, left out of core dumps, and wiped.
 */
#ifndef RESOLVER_SIGNER_KEYS_H
#define RESOLVER_SIGNER_KEYS_H

#include "resolver/signer.h"
#include "resolver/signer_file.h"

struct keys;

/* Whose, and which key that is as the caller knows it: when the file has another by now, what is
 * signed with it would be worth nothing to him. */
struct key_owner {
	uid_t uid;
	uint8_t key[NAME_KEY_LEN];
};

struct claim_request {
	const struct rrset *set;
	uint32_t inception, expiration;
};

/* Errors as signer_open. */
int keys_open(const char *dir, struct keys **ret_keys);
int keys_dir(const struct keys *s); /* the descriptor of DIR, the only one */
void keys_close(struct keys *s);    /* wipes; NULL is fine */

/* As signer_key, signer_zone and signer_claim, and: -ENOENT where the key file is gone, -EPERM
 * where it is another's. */
int keys_of(struct keys *s, uid_t uid, uint8_t ret_key[NAME_KEY_LEN]);
int keys_sign_part(struct keys *s, const struct key_owner *owner, const struct signer_part *part,
	uint8_t ret_sig[64]);
int keys_sign_claim(struct keys *s, const struct key_owner *owner,
	const struct claim_request *claim, uint8_t ret_sig[64]);

/* As signer_secret and signer_import. */
int keys_secret(struct keys *s, uid_t uid, uint8_t ret_seed[SEED_LEN]);
int keys_import(struct keys *s, uid_t uid, const uint8_t seed[SEED_LEN]);

#endif
