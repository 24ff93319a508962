/* Write tokens (BEP 5): who asked us from an address in the last minutes can write from it.
 *
 * A token is MAC(secret, address || target): bound to the IP, so that a spoofed source
 * cannot write, and to the target, so that one reply does not open all. Not to the port
 * (NAT) and not to the node id (pubky's clients change it between get and put). */
#ifndef DHT_TOKEN_H
#define DHT_TOKEN_H

#include "dht/id.h"

#define DHT_TOKEN_LEN 8
#define DHT_TOKEN_SECRET_LEN 16
/* A new secret every five minutes, the one before still accepted (BEP 5). */
#define DHT_TOKEN_TURN ((uint64_t)300 * 1000000)

struct dht_tokens {
	uint8_t secret[2][DHT_TOKEN_SECRET_LEN]; /* in use, the one before */
};

/* `fresh` becomes the secret, the present one the one before. */
void dht_tokens_turn(struct dht_tokens *t, const uint8_t fresh[DHT_TOKEN_SECRET_LEN]);
void dht_token_make(const struct dht_tokens *t, const struct dht_endpoint *asker,
	const struct dht_id *target, uint8_t ret_token[DHT_TOKEN_LEN]);
bool dht_token_holds(const struct dht_tokens *t, const struct dht_endpoint *asker,
	const struct dht_id *target, const uint8_t *token, size_t len);

#endif
