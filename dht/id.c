/* Node ids, targets and endpoints; see id.h. */
#include "dht/id.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

unsigned dht_id_shared_bits(const struct dht_id *a, const struct dht_id *b)
{
	for (unsigned i = 0; i < DHT_ID_LEN; i++) {
		unsigned differing = a->b[i] ^ b->b[i];
		if (differing)
			return 8 * i + (unsigned)__builtin_clz(differing) - 24;
	}
	return 8 * DHT_ID_LEN;
}

/* CRC32C (Castagnoli), four bits at a time: eight bytes at most, so a larger table would only cost
 * cache. */
static uint32_t crc32c(const uint8_t *data, size_t len)
{
	static const uint32_t of_nibble[16] = {
		0x00000000,
		0x105ec76f,
		0x20bd8ede,
		0x30e349b1,
		0x417b1dbc,
		0x5125dad3,
		0x61c69362,
		0x7198540d,
		0x82f63b78,
		0x92a8fc17,
		0xa24bb5a6,
		0xb21572c9,
		0xc38d26c4,
		0xd3d3e1ab,
		0xe330a81a,
		0xf36e6f75,
	};
	uint32_t crc = ~0u;
	for (size_t i = 0; i < len; i++) {
		crc ^= data[i];
		crc = crc >> 4 ^ of_nibble[crc & 15];
		crc = crc >> 4 ^ of_nibble[crc & 15];
	}
	return ~crc;
}

/* BEP 42: the hash whose first 21 bits an id at this address begins with. The BEP's prose
 * hashes eight bytes for IPv4 too; its code and its vectors, which all nodes follow, four. */
static uint32_t prefix_of(const struct dht_endpoint *e, uint8_t rand)
{
	static const uint8_t mask4[4] = {0x03, 0x0f, 0x3f, 0xff};
	static const uint8_t mask6[8] = {0x01, 0x03, 0x07, 0x0f, 0x1f, 0x3f, 0x7f, 0xff};
	const uint8_t *mask = e->family == 4 ? mask4 : mask6;
	size_t len = e->family == 4 ? sizeof(mask4) : sizeof(mask6);
	uint8_t masked[8];
	for (size_t i = 0; i < len; i++)
		masked[i] = e->ip[i] & mask[i];
	masked[0] |= (uint8_t)((rand & 7) << 5);
	return crc32c(masked, len);
}

void dht_id_made(
	const struct dht_endpoint *of, const uint8_t random[DHT_ID_LEN], struct dht_id *ret_id)
{
	memcpy(ret_id->b, random, DHT_ID_LEN);
	if (of->family == 0)
		return;
	uint32_t prefix = prefix_of(of, random[DHT_ID_LEN - 1]);
	ret_id->b[0] = (uint8_t)(prefix >> 24);
	ret_id->b[1] = (uint8_t)(prefix >> 16);
	ret_id->b[2] = (uint8_t)((prefix >> 8 & 0xf8) | (random[2] & 7));
}

bool dht_id_fits(const struct dht_id *id, const struct dht_endpoint *of)
{
	if (of->family == 0 || dht_endpoint_local(of))
		return true;
	uint32_t prefix = prefix_of(of, id->b[DHT_ID_LEN - 1]);
	uint32_t begins = (uint32_t)id->b[0] << 24 | (uint32_t)id->b[1] << 16 |
			  (uint32_t)id->b[2] << 8;
	return ((prefix ^ begins) & 0xfffff800u) == 0;
}

static bool local4(const uint8_t ip[4])
{
	return ip[0] == 10 || ip[0] == 127 || (ip[0] == 172 && (ip[1] & 0xf0) == 16) ||
	       (ip[0] == 192 && ip[1] == 168) || (ip[0] == 169 && ip[1] == 254);
}

static bool link_local6(const uint8_t ip[16])
{
	return ip[0] == 0xfe && (ip[1] & 0xc0) == 0x80;
}

static bool loopback6(const uint8_t ip[16])
{
	static const uint8_t zeroes[15];
	return memcmp(ip, zeroes, 15) == 0 && ip[15] == 1;
}

/* ::ffff:a.b.c.d. Our IPv6 sockets are IPv6 only and cannot reach these. */
static bool mapped6(const uint8_t ip[16])
{
	static const uint8_t prefix[12] = {[10] = 0xff, [11] = 0xff};
	return memcmp(ip, prefix, sizeof(prefix)) == 0;
}

bool dht_endpoint_local(const struct dht_endpoint *e)
{
	if (e->family == 4)
		return local4(e->ip);
	if (e->family == 6)
		return loopback6(e->ip) || link_local6(e->ip) || (e->ip[0] & 0xfe) == 0xfc ||
		       (mapped6(e->ip) && local4(e->ip + 12));
	return false;
}

/* What RFC 6890's registries call not globally reachable, beside the local ones above: shared by
 * the customers of a provider, protocol assignments, documentation, benchmarks. Of IPv6 only
 * 2000::/3 has been given out. */
bool dht_endpoint_global(const struct dht_endpoint *e)
{
	static const struct {
		uint32_t ip, mask;
	} special[] = {
		{0x64400000, 0xffc00000}, /* 100.64/10 */
		{0xc0000000, 0xffffff00}, /* 192.0.0/24 */
		{0xc0000200, 0xffffff00}, /* 192.0.2/24 */
		{0xc6120000, 0xfffe0000}, /* 198.18/15 */
		{0xc6336400, 0xffffff00}, /* 198.51.100/24 */
		{0xcb007100, 0xffffff00}, /* 203.0.113/24 */
	};
	if (dht_endpoint_local(e))
		return false;
	if (e->family == 6)
		return (e->ip[0] & 0xe0) == 0x20 && memcmp(e->ip, "\x20\x01\x0d\xb8", 4) != 0;
	uint32_t ip = (uint32_t)(dht_endpoint_word(e) >> 32);
	for (size_t i = 0; i < sizeof(special) / sizeof(*special); i++)
		if ((ip & special[i].mask) == special[i].ip)
			return false;
	return true;
}

bool dht_endpoint_usable(const struct dht_endpoint *e)
{
	static const uint8_t unspecified[16];
	if (e->port == 0)
		return false;
	if (e->family == 4) /* 0/8 is "this network", 224/4 multicast, 240/4 reserved, broadcast */
		return e->ip[0] != 0 && e->ip[0] < 224;
	/* A link-local address without its interface, which an endpoint has no room for, leads
	 * nowhere. */
	return e->family == 6 && memcmp(e->ip, unspecified, 16) != 0 && e->ip[0] != 0xff &&
	       !mapped6(e->ip) && !link_local6(e->ip);
}

size_t dht_endpoint_prefix(const struct dht_endpoint *e, size_t bytes4, size_t bytes6,
	uint8_t ret_prefix[DHT_PREFIX_MAX])
{
	size_t len = e->family == 4 ? bytes4 : bytes6;
	ret_prefix[0] = e->family;
	memcpy(ret_prefix + 1, e->ip, len);
	return 1 + len;
}

void dht_endpoint_to_text(const struct dht_endpoint *e, char ret_text[DHT_ENDPOINT_TEXT])
{
	char address[INET6_ADDRSTRLEN];
	ret_text[0] = '\0';
	if (e->family != 4 && e->family != 6)
		return;
	inet_ntop(e->family == 4 ? AF_INET : AF_INET6, e->ip, address, sizeof(address));
	snprintf(ret_text, DHT_ENDPOINT_TEXT, e->family == 4 ? "%s:%u" : "[%s]:%u", address,
		e->port);
}

/* One to five digits without a leading zero, 0 to 65535; -1 for anything else. */
static int port_from_text(const char *text)
{
	int port = 0;
	size_t n = strspn(text, "0123456789");
	if (n == 0 || n > 5 || text[n] != '\0' || (n > 1 && text[0] == '0'))
		return -1;
	for (size_t i = 0; i < n; i++)
		port = port * 10 + (text[i] - '0');
	return port <= 65535 ? port : -1;
}

int dht_endpoint_from_text(const char *text, struct dht_endpoint *ret_endpoint)
{
	bool v6 = text[0] == '[';
	const char *start = v6 ? text + 1 : text;
	const char *end = v6 ? strstr(start, "]:") : strchr(start, ':');
	if (!end || (size_t)(end - start) >= INET6_ADDRSTRLEN)
		return -EINVAL;
	char address[INET6_ADDRSTRLEN];
	memcpy(address, start, (size_t)(end - start));
	address[end - start] = '\0';

	struct dht_endpoint e = {.family = v6 ? 6 : 4};
	int port = port_from_text(end + (v6 ? 2 : 1));
	if (port < 0 || inet_pton(v6 ? AF_INET6 : AF_INET, address, e.ip) != 1)
		return -EINVAL;
	e.port = (uint16_t)port;
	*ret_endpoint = e;
	return 0;
}

size_t dht_endpoint_write(const struct dht_endpoint *e, uint8_t ret_bytes[18])
{
	if (e->family != 4 && e->family != 6)
		return 0;
	size_t len = e->family == 4 ? 4 : 16;
	memcpy(ret_bytes, e->ip, len);
	ret_bytes[len] = (uint8_t)(e->port >> 8);
	ret_bytes[len + 1] = (uint8_t)e->port;
	return len + 2;
}

int dht_endpoint_read(const uint8_t *bytes, size_t len, struct dht_endpoint *ret_endpoint)
{
	if (len != 6 && len != 18)
		return -EINVAL;
	struct dht_endpoint e = {.family = len == 6 ? 4 : 6};
	memcpy(e.ip, bytes, len - 2);
	e.port = (uint16_t)(bytes[len - 2] << 8 | bytes[len - 1]);
	*ret_endpoint = e;
	return 0;
}

void dht_id_to_hex(const struct dht_id *id, char ret_hex[41])
{
	for (size_t i = 0; i < DHT_ID_LEN; i++)
		snprintf(ret_hex + 2 * i, 3, "%02x", id->b[i]);
}
