/* For the tests of dht/table: a table around the id zero, and nodes for it. */
#ifndef TESTS_DHT_TABLE_WORLD_H
#define TESTS_DHT_TABLE_WORLD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "dht/table.h"

#define SECOND ((uint64_t)1000000)
#define MINUTE (60 * SECOND)
#define HOUR (60 * MINUTE)

static const struct dht_id own = {{0}};

static uint64_t seed;

static inline uint8_t some_byte(void)
{
	seed = seed * 6364136223846793005 + 1442695040888963407;
	return (uint8_t)(seed >> 56);
}

/* A node of its own address that shares `shared` bits with us; the rest is random. */
static inline struct dht_contact contact(unsigned number, unsigned shared)
{
	struct dht_contact c = {.endpoint = {.family = 4, .ip = {10}, .port = 4001}};
	c.endpoint.ip[1] = (uint8_t)(number >> 16);
	c.endpoint.ip[2] = (uint8_t)(number >> 8);
	c.endpoint.ip[3] = (uint8_t)number;
	for (size_t i = 0; i < DHT_ID_LEN; i++)
		c.id.b[i] = some_byte();
	for (unsigned bit = 0; bit <= shared; bit++) {
		uint8_t mask = (uint8_t)(0x80 >> bit % 8);
		c.id.b[bit / 8] = (uint8_t)(bit < shared ? c.id.b[bit / 8] & ~mask
							 : c.id.b[bit / 8] | mask);
	}
	return c;
}

static inline bool enter(struct dht_table *t, const struct dht_contact *c, uint64_t now)
{
	return dht_table_answered(t, c, now, 1000, (const uint8_t *)"TEST");
}

static inline int setup(void **state)
{
	static struct dht_table t;
	seed = 1;
	dht_table_init(&t, &own, false, false);
	*state = &t;
	return 0;
}

static inline int teardown(void **state)
{
	dht_table_finish(*state);
	return 0;
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

#endif
