/* pkarr's packets: bytes of a relay to an item of the DHT and back. */
#include "resolver/pkarr_packet.h"

#include <errno.h>
#include <string.h>

#include "resolver/zone.h"

#define DNS_HEAD 12

int pkarr_max_age(const struct dht_item *item, uint32_t *ret_seconds)
{
	const uint8_t *packet;
	size_t len;
	struct zone *zone;
	if (dht_item_get_string(item, &packet, &len) < 0)
		return -EPROTO;
	int r = zone_read(item->key, packet, len, &zone);
	if (r < 0)
		return r == -ENOMEM ? r : -EPROTO;
	uint32_t least = zone_sets(zone) ? PKARR_AGE_MAX : PKARR_AGE_MIN;
	for (size_t i = 0; i < zone_sets(zone); i++)
		if (zone_at(zone, i)->ttl < least)
			least = zone_at(zone, i)->ttl;
	zone_destroy(zone);
	*ret_seconds = least < PKARR_AGE_MIN ? PKARR_AGE_MIN : least;
	return 0;
}

int pkarr_read(const uint8_t key[DHT_KEY_LEN], const uint8_t *payload, size_t len,
	struct dht_item *ret_item)
{
	struct dht_item item = {.is_mutable = true};
	uint64_t time = 0;
	uint32_t age;
	if (len > PKARR_PAYLOAD_MAX)
		return -EFBIG;
	if (len < PKARR_HEAD + DNS_HEAD)
		return -EINVAL;
	memcpy(item.key, key, DHT_KEY_LEN);
	memcpy(item.sig, payload, DHT_SIG_LEN);
	for (size_t i = DHT_SIG_LEN; i < PKARR_HEAD; i++)
		time = time << 8 | payload[i];
	if (time > INT64_MAX) /* BEP 44's seq has a sign */
		return -EINVAL;
	item.seq = (int64_t)time;
	int r = dht_item_set_string(&item, payload + PKARR_HEAD, len - PKARR_HEAD);
	if (r == 0)
		r = dht_item_verify(&item);
	if (r == 0)
		r = pkarr_max_age(&item, &age);
	if (r == 0)
		*ret_item = item;
	return r;
}

size_t pkarr_write(const struct dht_item *item, uint8_t ret_payload[PKARR_PAYLOAD_MAX])
{
	const uint8_t *packet;
	size_t len;
	if (dht_item_get_string(item, &packet, &len) < 0 || len > PKARR_DNS_MAX)
		return 0;
	memcpy(ret_payload, item->sig, DHT_SIG_LEN);
	for (size_t i = 0; i < 8; i++)
		ret_payload[DHT_SIG_LEN + i] = (uint8_t)((uint64_t)item->seq >> (56 - 8 * i));
	memcpy(ret_payload + PKARR_HEAD, packet, len);
	return PKARR_HEAD + len;
}

/* Of values that are no strings, the bytes as they are: any order will do that all nodes share. */
int pkarr_compare(const struct dht_item *a, const struct dht_item *b)
{
	const uint8_t *bytes[2] = {a->value, b->value};
	size_t len[2] = {a->value_len, b->value_len};
	if (dht_item_get_string(a, &bytes[0], &len[0]) < 0 ||
		dht_item_get_string(b, &bytes[1], &len[1]) < 0) {
		bytes[0] = a->value;
		bytes[1] = b->value;
		len[0] = a->value_len;
		len[1] = b->value_len;
	}
	return zone_compare(a->seq, bytes[0], len[0], b->seq, bytes[1], len[1]);
}
