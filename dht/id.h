/* Node ids, targets and endpoints: what a Kademlia node calculates with.
 *
 * An id is 160 bits; distance is XOR, read as a big-endian number (Kademlia, BEP 5).
 * An endpoint is an address and a UDP port. Both are plain values: copy them freely. */
#ifndef DHT_ID_H
#define DHT_ID_H

#include <endian.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define DHT_ID_LEN 20

struct dht_id {
	uint8_t b[DHT_ID_LEN];
};

struct dht_endpoint {
	uint8_t family; /* 4 or 6; 0 is "no endpoint" */
	uint8_t ip[16]; /* network order; 4 bytes used when family is 4, the rest zero */
	uint16_t port;	/* host order */
};

/* A node as others speak of it: "compact node info" (BEP 5, BEP 32). */
struct dht_contact {
	struct dht_id id;
	struct dht_endpoint endpoint;
};

/* Compared more often than anything else, hundreds of times a packet where tables are big. */
static inline bool dht_id_equal(const struct dht_id *a, const struct dht_id *b)
{
	return memcmp(a->b, b->b, DHT_ID_LEN) == 0;
}

static inline bool dht_endpoint_equal(const struct dht_endpoint *a, const struct dht_endpoint *b)
{
	return a->port == b->port && a->family == b->family &&
	       memcmp(a->ip, b->ip, sizeof(a->ip)) == 0;
}

static inline bool dht_endpoint_same_ip(const struct dht_endpoint *a, const struct dht_endpoint *b)
{
	return a->family == b->family && memcmp(a->ip, b->ip, sizeof(a->ip)) == 0;
}

/* On the public network one node has an IP, elsewhere a port of it. */
static inline bool dht_endpoint_same_node(
	const struct dht_endpoint *a, const struct dht_endpoint *b, bool one_per_ip)
{
	return dht_endpoint_same_ip(a, b) && (one_per_ip || a->port == b->port);
}

/* How an address begins, as a number: IPv4 is in the upper half of it. */
static inline uint64_t dht_endpoint_word(const struct dht_endpoint *e)
{
	uint64_t word;
	memcpy(&word, e->ip, sizeof(word));
	return be64toh(word);
}

/* The eight bytes from b[at] on, as a number. */
static inline uint64_t dht_id_word(const struct dht_id *id, size_t at)
{
	uint64_t word;
	memcpy(&word, id->b + at, sizeof(word));
	return be64toh(word);
}

/* The first 64 bits of the distance, which tell apart what random ids can tell apart. */
static inline uint64_t dht_distance(const struct dht_id *a, const struct dht_id *b)
{
	return dht_id_word(a, 0) ^ dht_id_word(b, 0);
}

/* Which of a and b is nearer to target: < 0 a, > 0 b, 0 equally far (the same id). The last words
 * overlap, which makes no difference where the bytes before were equal. */
static inline int dht_id_nearer(
	const struct dht_id *target, const struct dht_id *a, const struct dht_id *b)
{
	static const size_t starts[] = {0, 8, DHT_ID_LEN - 8};
	for (size_t i = 0; i < sizeof(starts) / sizeof(*starts); i++) {
		uint64_t t = dht_id_word(target, starts[i]);
		uint64_t to_a = dht_id_word(a, starts[i]) ^ t, to_b = dht_id_word(b, starts[i]) ^ t;
		if (to_a != to_b)
			return to_a < to_b ? -1 : 1;
	}
	return 0;
}

/* Number of leading bits that a and b share, 0 to 160. */
unsigned dht_id_shared_bits(const struct dht_id *a, const struct dht_id *b);

/* BEP 42. `made` fills all but the bits the address decides from `random` (20 bytes of the
 * caller's; byte 19 is the BEP's "rand"). `fits` is true for exempt (local) addresses too. */
void dht_id_made(
	const struct dht_endpoint *of, const uint8_t random[DHT_ID_LEN], struct dht_id *ret_id);
bool dht_id_fits(const struct dht_id *id, const struct dht_endpoint *of);

/* Loopback, private, link-local or unique-local: BEP 42 exempts it. */
bool dht_endpoint_local(const struct dht_endpoint *e);
/* An address of the public Internet: what mainline may have to do with. */
bool dht_endpoint_global(const struct dht_endpoint *e);
/* An address and port that a datagram can be sent to: not 0, multicast, broadcast; port not 0. */
bool dht_endpoint_usable(const struct dht_endpoint *e);

/* The network of an address: its family, then so many of the first bytes of an IPv4 or an IPv6
 * address. What one owner has, one customer, one machine, differs; each use says what it means.
 * `prefix` returns the length. */
#define DHT_PREFIX_MAX 17
size_t dht_endpoint_prefix(const struct dht_endpoint *e, size_t bytes4, size_t bytes6,
	uint8_t ret_prefix[DHT_PREFIX_MAX]);
/* Each node of a table is asked this of whoever might come into it. */
static inline bool dht_endpoint_same_prefix(
	const struct dht_endpoint *a, const struct dht_endpoint *b, size_t bytes4, size_t bytes6)
{
	size_t len = a->family == 4 ? bytes4 : bytes6;
	if (a->family != b->family)
		return false;
	if (len == 0 || len > 8)
		return memcmp(a->ip, b->ip, len) == 0;
	return (dht_endpoint_word(a) ^ dht_endpoint_word(b)) >> (64 - 8 * len) == 0;
}

/* One machine of the Internet, as far as addresses tell: a /24 or a /64. */
static inline bool dht_endpoint_same_subnet(
	const struct dht_endpoint *a, const struct dht_endpoint *b)
{
	return dht_endpoint_same_prefix(a, b, 3, 8);
}

/* "192.0.2.1:6881" or "[2001:db8::1]:6881". The text fits DHT_ENDPOINT_TEXT with its NUL.
 * from_text takes literals only, never a host name. 0 or -EINVAL. */
#define DHT_ENDPOINT_TEXT 56
void dht_endpoint_to_text(const struct dht_endpoint *e, char ret_text[DHT_ENDPOINT_TEXT]);
int dht_endpoint_from_text(const char *text, struct dht_endpoint *ret_endpoint);

/* Compact form: 6 bytes (IPv4) or 18 (IPv6), BEP 5 and 32. `write` returns the length. */
size_t dht_endpoint_write(const struct dht_endpoint *e, uint8_t ret_bytes[18]);
int dht_endpoint_read(const uint8_t *bytes, size_t len, struct dht_endpoint *ret_endpoint);

/* 40 hexadecimal digits and a NUL. */
void dht_id_to_hex(const struct dht_id *id, char ret_hex[41]);

#endif
