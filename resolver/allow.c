/* Networks that may ask: reading them, and looking an address up. */
#include "resolver/allow.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>

static const uint8_t *address_bytes(const struct sockaddr *a)
{
	if (a->sa_family == AF_INET)
		return (const uint8_t *)&((const struct sockaddr_in *)a)->sin_addr;
	return ((const struct sockaddr_in6 *)a)->sin6_addr.s6_addr;
}

static unsigned width(sa_family_t family)
{
	return family == AF_INET ? 32 : 128;
}

static bool bit(const uint8_t *bytes, unsigned at)
{
	return bytes[at / 8] >> (7 - at % 8) & 1;
}

/* "24", not "024", "+24" or "". */
static int read_bits(const char *text, unsigned most, uint8_t *ret_bits)
{
	unsigned n = 0;
	if (!*text || (text[0] == '0' && text[1]))
		return -EINVAL;
	for (; *text; text++) {
		if (*text < '0' || *text > '9')
			return -EINVAL;
		n = n * 10 + (unsigned)(*text - '0');
		if (n > most)
			return -EINVAL;
	}
	*ret_bits = (uint8_t)n;
	return 0;
}

int allow_parse(const char *text, struct allow_net *ret_net)
{
	char address[INET6_ADDRSTRLEN];
	struct allow_net *net = ret_net;
	size_t len = strcspn(text, "/");
	if (len >= sizeof(address))
		return -EINVAL;
	memcpy(address, text, len);
	address[len] = 0;
	memset(net, 0, sizeof(*net));
	net->family = memchr(address, ':', len) ? AF_INET6 : AF_INET;
	if (inet_pton(net->family, address, net->address) != 1)
		return -EINVAL;
	net->bits = (uint8_t)width(net->family);
	if (text[len] && read_bits(text + len + 1, width(net->family), &net->bits) < 0)
		return -EINVAL;
	for (unsigned i = net->bits; i < width(net->family); i++)
		if (bit(net->address, i))
			return -EDOM;
	return 0;
}

bool allow_is_loopback(const struct sockaddr *address)
{
	if (address->sa_family == AF_INET)
		return address_bytes(address)[0] == 127;
	return IN6_IS_ADDR_LOOPBACK(&((const struct sockaddr_in6 *)address)->sin6_addr);
}

static bool covers(const struct allow_net *net, const struct sockaddr *address)
{
	if (net->family != address->sa_family)
		return false;
	const uint8_t *bytes = address_bytes(address);
	size_t whole = net->bits / 8;
	if (memcmp(net->address, bytes, whole) != 0)
		return false;
	unsigned rest = net->bits % 8;
	return rest == 0 || (net->address[whole] ^ bytes[whole]) >> (8 - rest) == 0;
}

bool allow_permits(const struct allow *allow, const struct sockaddr *address)
{
	if (allow_is_loopback(address))
		return true;
	for (size_t i = 0; i < allow->len; i++)
		if (covers(&allow->nets[i], address))
			return true;
	return false;
}
