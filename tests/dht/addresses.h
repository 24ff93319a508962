/* As many addresses as a test of limits needs. */
#ifndef TESTS_DHT_ADDRESSES_H
#define TESTS_DHT_ADDRESSES_H

#include "dht/id.h"

/* The n-th address of 11.0.0.0/8, or of 2001::/16 by /64. */
static inline struct dht_endpoint address4(uint32_t n)
{
	return (struct dht_endpoint){.family = 4,
		.ip = {11, (uint8_t)(n >> 16), (uint8_t)(n >> 8), (uint8_t)n},
		.port = 6881};
}

static inline struct dht_endpoint address6(uint64_t network, uint64_t host)
{
	struct dht_endpoint e = {.family = 6, .ip = {0x20, 0x01}, .port = 6881};
	for (unsigned i = 0; i < 6; i++)
		e.ip[7 - i] = (uint8_t)(network >> 8 * i);
	for (unsigned i = 0; i < 8; i++)
		e.ip[15 - i] = (uint8_t)(host >> 8 * i);
	return e;
}

#endif
