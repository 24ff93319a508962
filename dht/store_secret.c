/* Keyed hashes of items and sources; see store_secret.h. */
#include "dht/store_secret.h"

#include <string.h>

#include "dht/siphash.h"

uint64_t store_digest(const uint8_t secret[STORE_SECRET_LEN], const struct dht_item *item)
{
	uint8_t text[DHT_KEY_LEN + DHT_SIG_LEN + DHT_SALT_MAX + DHT_VALUE_MAX + 16];
	size_t len = 0;
	if (item->is_mutable) {
		memcpy(text, item->key, DHT_KEY_LEN);
		memcpy(text + DHT_KEY_LEN, item->sig, DHT_SIG_LEN);
		memcpy(text + DHT_KEY_LEN + DHT_SIG_LEN, &item->seq, sizeof(item->seq));
		len = DHT_KEY_LEN + DHT_SIG_LEN + sizeof(item->seq);
		text[len++] = item->salt_len;
		memcpy(text + len, item->salt, item->salt_len);
		len += item->salt_len;
	}
	memcpy(text + len, item->value, item->value_len);
	len += item->value_len;
	uint64_t digest = dht_siphash(secret, text, len);
	return digest ? digest : 1;
}

struct store_source store_source(
	const uint8_t secret[STORE_SECRET_LEN], bool limits, const struct dht_endpoint *from)
{
	if (!from)
		return (struct store_source){.ours = true};
	uint8_t text[DHT_PREFIX_MAX + 2];
	size_t len = dht_endpoint_prefix(from, 4, 16, text);
	if (!limits) {
		memcpy(text + len, &from->port, 2);
		len += 2;
	}
	uint64_t host = dht_siphash(secret, text, len), net = host;
	if (limits) {
		/* A /24 is one site; of IPv6 a /64 is the least that anyone has. */
		len = dht_endpoint_prefix(from, 3, 8, text);
		net = dht_siphash(secret, text, len);
	}
	return (struct store_source){.host = (uint16_t)(host % STORE_CELLS),
		.net = (uint16_t)(net % STORE_CELLS),
		.bit = UINT32_C(1) << (net >> 59)};
}
