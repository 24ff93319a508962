/* Where the nodes of a simulation are, and how far from each other. */
#include "tests/sim/path.h"

#include <string.h>

#define PORT 4001

/* Networks of 64.0.0.0/3: 21 bits of /24s. Neighbours by number lie far apart, as nodes of the
 * Internet do; SPREAD is odd, so that no two numbers meet, and GATHER its inverse modulo 2^21. */
#define NETS_MASK 0x1fffffu
#define SPREAD 0x1d3c35u
#define GATHER 0x09361du

static void write_number(uint8_t *bytes, uint32_t number)
{
	bytes[0] = (uint8_t)(number >> 16);
	bytes[1] = (uint8_t)(number >> 8);
	bytes[2] = (uint8_t)number;
}

static uint32_t read_number(const uint8_t *bytes)
{
	return (uint32_t)bytes[0] << 16 | (uint32_t)bytes[1] << 8 | bytes[2];
}

/* The number in the last bytes: all nodes in one network. */
static void plain_address(const struct sim_addresses *a, uint32_t number, struct dht_endpoint *e)
{
	e->ip[0] = a->mainline ? 45 : 10;
	if (e->family == 6)
		e->ip[0] = a->mainline ? 0x2a : 0xfd;
	write_number(e->ip + (e->family == 6 ? 13 : 1), number);
}

static void own_net_address(uint32_t number, struct dht_endpoint *e)
{
	uint32_t net = number * SPREAD & NETS_MASK;
	if (e->family == 4) {
		write_number(e->ip, 0x400000 | net);
		e->ip[3] = 1;
	} else {
		e->ip[0] = 0x2a;
		write_number(e->ip + 1, net);
		e->ip[15] = 1;
	}
}

void sim_address(const struct sim_addresses *a, size_t node, uint8_t family,
	struct dht_endpoint *ret_endpoint)
{
	uint32_t number = (uint32_t)node + 1; /* no host is number 0 of its network */
	*ret_endpoint = (struct dht_endpoint){.family = family, .port = PORT};
	if (a->own_nets)
		own_net_address(number, ret_endpoint);
	else
		plain_address(a, number, ret_endpoint);
}

size_t sim_node_at(const struct sim_addresses *a, const struct dht_endpoint *e)
{
	bool v6 = e->family == 6;
	uint32_t number = a->own_nets ? read_number(v6 ? e->ip + 1 : e->ip) * GATHER & NETS_MASK
				      : read_number(v6 ? e->ip + 13 : e->ip + 1);
	struct dht_endpoint real;
	if (!number)
		return SIZE_MAX;
	sim_address(a, number - 1, e->family, &real);
	return dht_endpoint_equal(&real, e) ? number - 1 : SIZE_MAX;
}

static uint64_t mix(uint64_t z) /* the end of splitmix64 */
{
	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return z ^ z >> 31;
}

uint32_t sim_rtt(uint64_t seed, size_t one, size_t other, uint32_t min, uint32_t max)
{
	uint64_t low = one < other ? one : other, high = one < other ? other : one;
	uint64_t hash = mix(mix(seed) ^ (high << 32 | low));
	return min + (uint32_t)(hash % ((uint64_t)max - min + 1));
}
