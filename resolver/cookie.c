/* Server cookies: 01, three reserved bytes, the time, eight bytes of hash. */
#include "resolver/cookie.h"

#include <endian.h>
#include <netinet/in.h>
#include <string.h>

#include "dht/siphash.h"

#define HASH_AT 16    /* in a whole cookie: 8 client, 4 version and reserved, 4 time */
#define LIFETIME 3600 /* RFC 9018, 4.3: older ones are refused, */
#define AHEAD 300     /* those from the future too, */
#define RENEW 1800    /* and a new one is given from half the time on */
#define SECRET_LIFETIME 86400

_Static_assert(DHT_SIPHASH_KEY_LEN == COOKIE_SECRET_LEN, "the secret is the key");

static void put32(uint8_t *p, uint32_t n)
{
	n = htobe32(n);
	memcpy(p, &n, sizeof(n));
}

static uint32_t get32(const uint8_t *p)
{
	uint32_t n;
	memcpy(&n, p, sizeof(n));
	return be32toh(n);
}

void cookie_rotate(struct cookie_secrets *s, const uint8_t secret[COOKIE_SECRET_LEN], uint32_t now)
{
	s->has_before = s->begun;
	s->begun = true;
	memcpy(s->before, s->now, sizeof(s->before));
	memcpy(s->now, secret, sizeof(s->now));
	s->since = now;
}

bool cookie_secret_is_old(const struct cookie_secrets *s, uint32_t now)
{
	return now - s->since >= SECRET_LIFETIME;
}

bool cookie_len_valid(size_t len)
{
	return len == COOKIE_CLIENT_LEN || (len >= 16 && len <= COOKIE_MAX);
}

/* Over what stands before the hash, and the client's address. */
static void put_hash(const uint8_t secret[COOKIE_SECRET_LEN], const struct sockaddr *peer,
	uint8_t cookie[COOKIE_LEN])
{
	uint8_t text[HASH_AT + 16];
	size_t len = HASH_AT;
	memcpy(text, cookie, HASH_AT);
	if (peer->sa_family == AF_INET) {
		memcpy(text + len, &((const struct sockaddr_in *)peer)->sin_addr, 4);
		len += 4;
	} else {
		memcpy(text + len, &((const struct sockaddr_in6 *)peer)->sin6_addr, 16);
		len += 16;
	}
	/* SipHash's result is a string of bytes, the least significant first. */
	uint64_t hash = htole64(dht_siphash(secret, text, len));
	memcpy(cookie + HASH_AT, &hash, sizeof(hash));
}

static bool is_ours(const uint8_t secret[COOKIE_SECRET_LEN], const struct cookie_seen *seen)
{
	uint8_t want[COOKIE_LEN];
	uint64_t a, b;
	memcpy(want, seen->cookie, HASH_AT);
	put_hash(secret, seen->peer, want);
	memcpy(&a, want + HASH_AT, sizeof(a));
	memcpy(&b, seen->cookie + HASH_AT, sizeof(b));
	return a == b; /* one comparison of a word: its time tells nothing */
}

bool cookie_check(const struct cookie_secrets *s, const struct cookie_seen *seen, uint32_t now,
	uint8_t ret_cookie[COOKIE_LEN])
{
	bool good = false, young = false;
	if (seen->len == COOKIE_LEN && seen->cookie[COOKIE_CLIENT_LEN] == 1) {
		int32_t age = (int32_t)(now - get32(seen->cookie + HASH_AT - 4));
		bool in_time = age >= -AHEAD && age <= LIFETIME;
		young = in_time && age < RENEW && is_ours(s->now, seen);
		good = young || (in_time && (is_ours(s->now, seen) ||
						    (s->has_before && is_ours(s->before, seen))));
	}
	if (young) {
		memcpy(ret_cookie, seen->cookie, COOKIE_LEN);
		return true;
	}
	memcpy(ret_cookie, seen->cookie, COOKIE_CLIENT_LEN);
	memcpy(ret_cookie + COOKIE_CLIENT_LEN, "\1\0\0", 4);
	put32(ret_cookie + HASH_AT - 4, now);
	put_hash(s->now, seen->peer, ret_cookie);
	return good;
}
