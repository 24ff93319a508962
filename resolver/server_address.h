/* The address of a DNS server: numbers only, so that finding a server never needs one. */
#ifndef RESOLVER_SERVER_ADDRESS_H
#define RESOLVER_SERVER_ADDRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

struct server_address {
	struct sockaddr_storage addr;
	socklen_t len;
};

/* ADDR, ADDR:PORT, [ADDR]:PORT; IPv4 or IPv6, the latter with %SCOPE if need be; port 53 where
 * none is named. A bare IPv6 address takes no port: its last group would be one too. 0 or -EINVAL.
 */
int server_address_parse(const char *text, size_t len, struct server_address *ret_address);
/* The same, with another port where none is named. */
int server_address_parse_port(
	const char *text, size_t len, uint16_t port, struct server_address *ret_address);
/* The address alone, as resolv.conf has it. */
int server_address_parse_bare(const char *text, size_t len, struct server_address *ret_address);

/* ADDR@PORT, as libunbound names a forwarder. */
#define SERVER_ADDRESS_TEXT_MAX 80
const char *server_address_to_text(
	const struct server_address *address, char ret_text[SERVER_ADDRESS_TEXT_MAX]);

bool server_address_equal(const struct server_address *a, const struct server_address *b);

/* Is it this machine's, or this network's? */
bool server_address_is_private(const struct server_address *address);

/* Does what is sent to `address` arrive at who listens on `door`? `door` may be a wildcard: then it
 * does where the address is one of this machine's. */
bool server_address_reaches(
	const struct server_address *address, const struct server_address *door);

/* From which address of ours the kernel would send there; its port is 0. No packet is sent. 0
 * or -ENETUNREACH. */
int server_address_source(const struct server_address *address, struct server_address *ret_source);
/* Does the kernel know a way there? Likewise. */
int server_address_route(const struct server_address *address);

#endif
