/* Write tokens. */
#include "dht/token.h"

#include <openssl/crypto.h>
#include <string.h>

#include "dht/siphash.h"

void dht_tokens_turn(struct dht_tokens *t, const uint8_t fresh[DHT_TOKEN_SECRET_LEN])
{
	memcpy(t->secret[1], t->secret[0], DHT_TOKEN_SECRET_LEN);
	memcpy(t->secret[0], fresh, DHT_TOKEN_SECRET_LEN);
}

static void mac(const uint8_t secret[DHT_TOKEN_SECRET_LEN], const struct dht_endpoint *asker,
	const struct dht_id *target, uint8_t ret_token[DHT_TOKEN_LEN])
{
	uint8_t text[1 + sizeof(asker->ip) + DHT_ID_LEN];
	text[0] = asker->family;
	memcpy(text + 1, asker->ip, sizeof(asker->ip));
	memcpy(text + 1 + sizeof(asker->ip), target->b, DHT_ID_LEN);
	uint64_t sum = dht_siphash(secret, text, sizeof(text));
	for (size_t i = 0; i < DHT_TOKEN_LEN; i++)
		ret_token[i] = (uint8_t)(sum >> (8 * i));
}

void dht_token_make(const struct dht_tokens *t, const struct dht_endpoint *asker,
	const struct dht_id *target, uint8_t ret_token[DHT_TOKEN_LEN])
{
	mac(t->secret[0], asker, target, ret_token);
}

bool dht_token_holds(const struct dht_tokens *t, const struct dht_endpoint *asker,
	const struct dht_id *target, const uint8_t *token, size_t len)
{
	if (len != DHT_TOKEN_LEN)
		return false;
	for (unsigned i = 0; i < 2; i++) {
		uint8_t expected[DHT_TOKEN_LEN];
		mac(t->secret[i], asker, target, expected);
		if (!CRYPTO_memcmp(expected, token, DHT_TOKEN_LEN))
			return true;
	}
	return false;
}
