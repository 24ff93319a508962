/* What pkarr's relays carry: a zone of a key as its signer made it (facts: pkarr, 1.3).
 *
 *   signature[64], time[8, big-endian, microseconds since 1970], DNS packet
 *
 * On the DHT it is a mutable item without salt, whose seq is the time. */
#ifndef RESOLVER_PKARR_PACKET_H
#define RESOLVER_PKARR_PACKET_H

#include "dht/item.h"

#define PKARR_HEAD (DHT_SIG_LEN + 8)
#define PKARR_DNS_MAX 1000 /* pkarr's own bound; on the DHT there is room for 996 */
#define PKARR_PAYLOAD_MAX (PKARR_HEAD + PKARR_DNS_MAX)

/* The payload of a relay as an item: -EINVAL (shorter than a packet, a time that is none), -EFBIG
 * (more than a relay, or the DHT, takes), -EBADMSG (the signature does not hold), -EPROTO (what is
 * signed is no DNS), -ENOMEM. */
int pkarr_read(const uint8_t key[DHT_KEY_LEN], const uint8_t *payload, size_t len,
	struct dht_item *ret_item);
/* The reverse, of an item whose value is a string; its length. */
size_t pkarr_write(const struct dht_item *item, uint8_t ret_payload[PKARR_PAYLOAD_MAX]);

/* How long caches may keep it: the least TTL, within what relays allow. -EPROTO: it holds no DNS;
 * -ENOMEM. */
#define PKARR_AGE_MIN 300
#define PKARR_AGE_MAX 86400
int pkarr_max_age(const struct dht_item *item, uint32_t *ret_seconds);

/* Which of two of one key is newer: > 0 when a is. */
int pkarr_compare(const struct dht_item *a, const struct dht_item *b);

#endif
