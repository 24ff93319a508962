/* Server addresses: text to sockaddr and back, and whether a route leads there. */
#include "resolver/server_address.h"

#include "resolver/private_address.h"

#include <arpa/inet.h>
#include <errno.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define DNS_PORT 53
#define HOST_MAX (INET6_ADDRSTRLEN + IF_NAMESIZE) /* address, '%', interface */

/* Strict decimal, 1 to 65535: strtoul would take signs and spaces. */
static int parse_port(const char *text, size_t len, uint16_t *ret_port)
{
	unsigned port = 0;

	if (len == 0 || len > 5)
		return -EINVAL;
	for (size_t i = 0; i < len; i++) {
		if (text[i] < '0' || text[i] > '9')
			return -EINVAL;
		port = port * 10 + (unsigned)(text[i] - '0');
	}
	if (port == 0 || port > 65535)
		return -EINVAL;
	*ret_port = (uint16_t)port;
	return 0;
}

static int parse_ip6(char *host, uint16_t port, struct server_address *ret_address)
{
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)&ret_address->addr;
	char *scope = strchr(host, '%');

	if (scope) {
		*scope++ = '\0';
		in6->sin6_scope_id = if_nametoindex(scope);
		if (in6->sin6_scope_id == 0)
			return -EINVAL;
	}
	if (inet_pton(AF_INET6, host, &in6->sin6_addr) != 1)
		return -EINVAL;
	in6->sin6_family = AF_INET6;
	in6->sin6_port = htons(port);
	ret_address->len = sizeof(*in6);
	return 0;
}

static int parse_ip4(const char *host, uint16_t port, struct server_address *ret_address)
{
	struct sockaddr_in *in = (struct sockaddr_in *)&ret_address->addr;

	if (inet_pton(AF_INET, host, &in->sin_addr) != 1)
		return -EINVAL;
	in->sin_family = AF_INET;
	in->sin_port = htons(port);
	ret_address->len = sizeof(*in);
	return 0;
}

/* Cuts "HOST", "HOST:PORT", "[HOST]:PORT" in two; *ret_port is NULL where none is named. */
static int split(const char *text, size_t len, char *ret_host, size_t cap, const char **ret_port)
{
	const char *end = text + len, *host = text, *host_end = end;

	*ret_port = NULL;
	if (*text == '[') {
		host = text + 1;
		host_end = memchr(host, ']', (size_t)(end - host));
		/* Brackets set an IPv6 address off from its port; around anything else they are a
		 * slip. */
		if (!host_end || !memchr(host, ':', (size_t)(host_end - host)))
			return -EINVAL;
		if (host_end + 1 < end) {
			if (host_end[1] != ':')
				return -EINVAL;
			*ret_port = host_end + 2;
		}
	} else {
		const char *colon = memchr(text, ':', len);

		if (colon && !memchr(colon + 1, ':', (size_t)(end - colon - 1))) {
			host_end = colon;
			*ret_port = colon + 1;
		}
	}
	if ((size_t)(host_end - host) >= cap)
		return -EINVAL;
	memcpy(ret_host, host, (size_t)(host_end - host));
	ret_host[host_end - host] = '\0';
	return 0;
}

static int parse_host(char *host, uint16_t port, struct server_address *ret_address)
{
	memset(ret_address, 0, sizeof(*ret_address));
	if (strchr(host, ':'))
		return parse_ip6(host, port, ret_address);
	return parse_ip4(host, port, ret_address);
}

int server_address_parse(const char *text, size_t len, struct server_address *ret_address)
{
	return server_address_parse_port(text, len, DNS_PORT, ret_address);
}

int server_address_parse_port(
	const char *text, size_t len, uint16_t port, struct server_address *ret_address)
{
	char host[HOST_MAX + 1];
	const char *port_text;

	if (len == 0 || memchr(text, '\0', len))
		return -EINVAL;
	if (split(text, len, host, sizeof(host), &port_text))
		return -EINVAL;
	if (port_text && parse_port(port_text, (size_t)(text + len - port_text), &port))
		return -EINVAL;
	return parse_host(host, port, ret_address);
}

int server_address_parse_bare(const char *text, size_t len, struct server_address *ret_address)
{
	char host[HOST_MAX + 1];

	if (len > HOST_MAX || memchr(text, '\0', len))
		return -EINVAL;
	memcpy(host, text, len);
	host[len] = '\0';
	return parse_host(host, DNS_PORT, ret_address);
}

const char *server_address_to_text(
	const struct server_address *address, char ret_text[SERVER_ADDRESS_TEXT_MAX])
{
	char host[INET6_ADDRSTRLEN] = "", scope[1 + IF_NAMESIZE] = "";
	uint16_t port;

	if (address->addr.ss_family == AF_INET6) {
		const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)&address->addr;

		inet_ntop(AF_INET6, &in6->sin6_addr, host, sizeof(host));
		port = ntohs(in6->sin6_port);
		if (in6->sin6_scope_id && if_indextoname(in6->sin6_scope_id, scope + 1))
			scope[0] = '%';
	} else {
		const struct sockaddr_in *in = (const struct sockaddr_in *)&address->addr;

		inet_ntop(AF_INET, &in->sin_addr, host, sizeof(host));
		port = ntohs(in->sin_port);
	}
	snprintf(ret_text, SERVER_ADDRESS_TEXT_MAX, "%s%s@%u", host, scope, port);
	return ret_text;
}

bool server_address_equal(const struct server_address *a, const struct server_address *b)
{
	/* Both were made by server_address_parse, which leaves no padding undefined. */
	return a->len == b->len && memcmp(&a->addr, &b->addr, a->len) == 0;
}

/* The 16 bytes of its address, an IPv4 one mapped, so that a door on [::] is one on 0.0.0.0 too.
 * The unspecified address as a destination is this host's. */
static void address_bytes(const struct sockaddr *a, struct in6_addr *ret_bytes)
{
	static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff}, local[4] = {127, 0, 0, 1};

	if (a->sa_family == AF_INET6) {
		*ret_bytes = ((const struct sockaddr_in6 *)a)->sin6_addr;
		if (IN6_IS_ADDR_UNSPECIFIED(ret_bytes))
			*ret_bytes = in6addr_loopback;
		return;
	}
	memcpy(ret_bytes->s6_addr, mapped, sizeof(mapped));
	memcpy(ret_bytes->s6_addr + 12, &((const struct sockaddr_in *)a)->sin_addr, 4);
	if (((const struct sockaddr_in *)a)->sin_addr.s_addr == htonl(INADDR_ANY))
		memcpy(ret_bytes->s6_addr + 12, local, sizeof(local));
}

static bool is_wildcard(const struct server_address *a)
{
	if (a->addr.ss_family == AF_INET6)
		return IN6_IS_ADDR_UNSPECIFIED(&((const struct sockaddr_in6 *)&a->addr)->sin6_addr);
	return ((const struct sockaddr_in *)&a->addr)->sin_addr.s_addr == htonl(INADDR_ANY);
}

/* Is it an address of an interface here? All of 127/8 is. */
static bool is_ours(const struct in6_addr *address)
{
	struct ifaddrs *all, *i;
	struct in6_addr one;
	bool found = IN6_IS_ADDR_LOOPBACK(address) ||
		     (IN6_IS_ADDR_V4MAPPED(address) && address->s6_addr[12] == 127);

	if (found || getifaddrs(&all))
		return found;
	for (i = all; i && !found; i = i->ifa_next) {
		if (!i->ifa_addr ||
			(i->ifa_addr->sa_family != AF_INET && i->ifa_addr->sa_family != AF_INET6))
			continue;
		address_bytes(i->ifa_addr, &one);
		found = IN6_ARE_ADDR_EQUAL(&one, address);
	}
	freeifaddrs(all);
	return found;
}

bool server_address_is_private(const struct server_address *a)
{
	struct in6_addr bytes;

	address_bytes((const struct sockaddr *)&a->addr, &bytes);
	return private_ip6(bytes.s6_addr);
}

static in_port_t port_of(const struct server_address *a)
{
	return a->addr.ss_family == AF_INET6 ? ((const struct sockaddr_in6 *)&a->addr)->sin6_port
					     : ((const struct sockaddr_in *)&a->addr)->sin_port;
}

bool server_address_reaches(const struct server_address *address, const struct server_address *door)
{
	struct in6_addr to, listens;

	if (port_of(address) != port_of(door))
		return false;
	address_bytes((const struct sockaddr *)&address->addr, &to);
	if (is_wildcard(door))
		return is_ours(&to);
	address_bytes((const struct sockaddr *)&door->addr, &listens);
	return IN6_ARE_ADDR_EQUAL(&to, &listens);
}

int server_address_source(const struct server_address *address, struct server_address *ret_source)
{
	struct server_address source = {.len = sizeof(source.addr)};
	int fd = socket(address->addr.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	int r = 0;

	if (fd < 0)
		return -ENETUNREACH;
	/* Connecting a UDP socket looks the route up and sends nothing. */
	if (connect(fd, (const struct sockaddr *)&address->addr, address->len) ||
		getsockname(fd, (struct sockaddr *)&source.addr, &source.len))
		r = -ENETUNREACH;
	close(fd);
	if (source.addr.ss_family == AF_INET6)
		((struct sockaddr_in6 *)&source.addr)->sin6_port = 0;
	else
		((struct sockaddr_in *)&source.addr)->sin_port = 0;
	*ret_source = source;
	return r;
}

int server_address_route(const struct server_address *address)
{
	struct server_address source;

	return server_address_source(address, &source);
}
