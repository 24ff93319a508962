/* SipHash-2-4 (Aumasson, Bernstein 2012): 64 bits of short input under a secret key.
 *
 * For the tokens that strangers bring back, and for every table that strangers fill: who has not
 * got the key cannot choose what shares a chain or a bucket. HMAC-SHA1 would do as well and take
 * fifty times as long, for every packet. */
#ifndef DHT_SIPHASH_H
#define DHT_SIPHASH_H

#include <stddef.h>
#include <stdint.h>

#define DHT_SIPHASH_KEY_LEN 16

uint64_t dht_siphash(const uint8_t key[DHT_SIPHASH_KEY_LEN], const uint8_t *data, size_t len);

#endif
