/* Write tokens. */
#include "dht/token.h"

#include <endian.h>
#include <openssl/crypto.h>
#include <string.h>

static uint64_t load64(const uint8_t *p, size_t len)
{
	uint64_t v = 0;
	for (size_t i = 0; i < len; i++)
		v |= (uint64_t)p[i] << (8 * i);
	return v;
}

/* The same of all 8 bytes, in one instruction. */
static uint64_t load_word(const uint8_t *p)
{
	uint64_t v;
	memcpy(&v, p, sizeof(v));
	return le64toh(v);
}

static uint64_t rotated(uint64_t v, unsigned bits)
{
	return v << bits | v >> (64 - bits);
}

static void sip_rounds(uint64_t v[4], unsigned rounds)
{
	while (rounds--) {
		v[0] += v[1];
		v[1] = rotated(v[1], 13) ^ v[0];
		v[0] = rotated(v[0], 32);
		v[2] += v[3];
		v[3] = rotated(v[3], 16) ^ v[2];
		v[0] += v[3];
		v[3] = rotated(v[3], 21) ^ v[0];
		v[2] += v[1];
		v[1] = rotated(v[1], 17) ^ v[2];
		v[2] = rotated(v[2], 32);
	}
}

/* A keyed function made for short input, with just the 8 bytes that a token has. HMAC-SHA1
 * would do as well and take fifty times as long, for every get that strangers send. */
uint64_t dht_siphash(const uint8_t key[16], const uint8_t *data, size_t len)
{
	uint64_t k0 = load64(key, 8), k1 = load64(key + 8, 8);
	uint64_t v[4] = {k0 ^ 0x736f6d6570736575, k1 ^ 0x646f72616e646f6d, k0 ^ 0x6c7967656e657261,
		k1 ^ 0x7465646279746573};
	for (size_t at = 0;; at += 8) {
		size_t left = len - at;
		uint64_t word = left >= 8 ? load_word(data + at)
					  : load64(data + at, left) | (uint64_t)len << 56;
		v[3] ^= word;
		sip_rounds(v, 2);
		v[0] ^= word;
		if (left < 8)
			break;
	}
	v[2] ^= 0xff;
	sip_rounds(v, 4);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}

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
