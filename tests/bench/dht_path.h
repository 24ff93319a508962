/* The network that dht_relay plays: where its nodes are, and how far from each other. */
#ifndef BENCH_DHT_PATH_H
#define BENCH_DHT_PATH_H

#include <arpa/inet.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#define PORT 6881
#define RTT_MIN 20000 /* microseconds */
#define RTT_MAX 120000

static inline uint64_t path_now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

static inline uint64_t path_mix(uint64_t z) /* splitmix64 */
{
	z += 0x9e3779b97f4a7c15;
	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return z ^ z >> 31;
}

/* `net` is 10 for what a node binds, 20 for where the others know it. */
static inline struct sockaddr_in path_address(unsigned net, size_t node)
{
	uint32_t ip = 127u << 24 | (uint32_t)(net + node / 249) << 16 |
		      (uint32_t)(node % 249 + 1) << 8 | 1;
	return (struct sockaddr_in){
		.sin_family = AF_INET, .sin_port = htons(PORT), .sin_addr.s_addr = htonl(ip)};
}

static inline uint64_t path_one_way(uint64_t seed, size_t a, size_t b)
{
	uint64_t pair = a < b ? (uint64_t)a << 32 | b : (uint64_t)b << 32 | a;
	return (RTT_MIN + path_mix(seed ^ path_mix(pair)) % (RTT_MAX - RTT_MIN)) / 2;
}

#endif
