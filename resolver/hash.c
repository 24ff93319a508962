/* SipHash-1-3, and SHA-1 as OpenSSL had it before it looked algorithms up by name at each call: that
 * allocates, and takes several times as long as a key's hash. */
#define OPENSSL_API_COMPAT 0x10100000L
#include "resolver/hash.h"

#include <endian.h>
#include <openssl/sha.h>
#include <string.h>

static uint64_t rotate(uint64_t x, int bits)
{
	return x << bits | x >> (64 - bits);
}

static void sip_round(uint64_t v[4])
{
	v[0] += v[1];
	v[1] = rotate(v[1], 13) ^ v[0];
	v[0] = rotate(v[0], 32);
	v[2] += v[3];
	v[3] = rotate(v[3], 16) ^ v[2];
	v[0] += v[3];
	v[3] = rotate(v[3], 21) ^ v[0];
	v[2] += v[1];
	v[1] = rotate(v[1], 17) ^ v[2];
	v[2] = rotate(v[2], 32);
}

/* Spreads the seed over the second half of SipHash's key (the finalizer of splitmix64). */
static uint64_t stretch(uint64_t seed)
{
	seed += 0x9e3779b97f4a7c15u;
	seed = (seed ^ seed >> 30) * 0xbf58476d1ce4e5b9u;
	seed = (seed ^ seed >> 27) * 0x94d049bb133111ebu;
	return seed ^ seed >> 31;
}

/* Strangers choose the names; whoever could foresee the bucket would fill one. */
uint64_t hash_bytes(const void *bytes, size_t len, uint64_t seed)
{
	const uint8_t *at = bytes;
	size_t left = len;
	uint64_t k0 = seed, k1 = stretch(seed), word;
	uint64_t v[4] = {k0 ^ 0x736f6d6570736575u, k1 ^ 0x646f72616e646f6du,
		k0 ^ 0x6c7967656e657261u, k1 ^ 0x7465646279746573u};
	for (; left >= 8; at += 8, left -= 8) {
		memcpy(&word, at, 8);
		word = le64toh(word);
		v[3] ^= word;
		sip_round(v);
		v[0] ^= word;
	}
	word = (uint64_t)len << 56;
	for (size_t i = 0; i < left; i++) /* cheaper than a call for so few */
		word |= (uint64_t)at[i] << 8 * i;
	v[3] ^= word;
	sip_round(v);
	v[0] ^= word;
	v[2] ^= 0xff;
	for (int i = 0; i < 3; i++)
		sip_round(v);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}

void hash_sha1(const void *bytes, size_t len, uint8_t ret_hash[HASH_SHA1_LEN])
{
	SHA_CTX context;
	SHA1_Init(&context);
	SHA1_Update(&context, bytes, len);
	SHA1_Final(ret_hash, &context);
}
