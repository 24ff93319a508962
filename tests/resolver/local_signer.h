/* The signer for tests that publish: its functions over keys in this very process, in the place of
 * resolver/signer.c, which starts another one. What they sign and refuse is the same (signer_keys.c). */
#ifndef TESTS_LOCAL_SIGNER_H
#define TESTS_LOCAL_SIGNER_H

#include <stdlib.h>

#include "resolver/signer_keys.h"

struct signer {
	struct keys *keys;
	uint64_t signatures;
};

int signer_open(const char *dir, struct signer **ret_signer)
{
	struct signer *s = calloc(1, sizeof(*s));
	int r = s ? keys_open(dir, &s->keys) : -ENOMEM;

	if (r < 0)
		free(s);
	else
		*ret_signer = s;
	return r;
}

void signer_close(struct signer *s)
{
	if (s)
		keys_close(s->keys);
	free(s);
}

void signer_counters(const struct signer *s, struct signer_counters *ret_counters)
{
	*ret_counters = (struct signer_counters){.signatures = s->signatures};
}

int signer_key(struct signer *s, uid_t uid, uint8_t ret_key[NAME_KEY_LEN])
{
	return keys_of(s->keys, uid, ret_key);
}

int signer_zone(struct signer *s, uid_t uid, const struct signer_part *part, uint8_t ret_sig[64])
{
	struct key_owner owner = {.uid = uid};
	int r = keys_of(s->keys, uid, owner.key);

	if (r == 0)
		r = keys_sign_part(s->keys, &owner, part, ret_sig);
	s->signatures += r == 0;
	return r;
}

int signer_claim(struct signer *s, uid_t uid, const struct rrset *set, uint32_t inception,
	uint32_t expiration, struct claim *ret_claim)
{
	struct claim_request claim = {set, inception, expiration};
	struct key_owner owner = {.uid = uid};
	uint8_t sig[64];
	int r = keys_of(s->keys, uid, owner.key);

	if (r == 0)
		r = keys_sign_claim(s->keys, &owner, &claim, sig);
	s->signatures += r == 0;
	return r < 0 ? r : claim_make(set, owner.key, inception, expiration, sig, ret_claim);
}

int signer_secret(struct signer *s, uid_t uid, uint8_t ret_seed[SIGNER_SEED_LEN])
{
	return keys_secret(s->keys, uid, ret_seed);
}

int signer_public(
	struct signer *s, const uint8_t seed[SIGNER_SEED_LEN], uint8_t ret_key[NAME_KEY_LEN])
{
	(void)s;
	return dht_key_of_seed(seed, ret_key);
}

int signer_import(struct signer *s, uid_t uid, const uint8_t seed[SIGNER_SEED_LEN])
{
	return keys_import(s->keys, uid, seed);
}

#endif
