/* The DNS door: UDP and TCP on one address (RFC 1035, 6891, 7766).
 *
 * A question in memory is answered from stored bytes with id, flags, case and TTLs patched; any
 * other waits for the resolver. Nothing is asked of the network for junk: a malformed question is
 * FORMERR, another opcode NOTIMP, a class or type that nobody resolves REFUSED. */
#ifndef RESOLVER_DNS_DOOR_H
#define RESOLVER_DNS_DOOR_H

#include <sys/socket.h>

#include "resolver/resolver.h"

struct dns_door;

#define DNS_DOOR_UDP_PENDING_MAX 2048  /* questions that wait for the resolver */
#define DNS_DOOR_TCP_MAX 256           /* connections; the one idle longest gives way */
#define DNS_DOOR_TCP_PENDING_MAX 64    /* questions a connection may have in flight */

/* Binds both sockets. Negative errno of bind(2): -EADDRINUSE, -EACCES. */
int dns_door_open(struct event_base *base, struct resolver *r, const struct sockaddr *address,
	socklen_t address_len, struct dns_door **ret_door);
void dns_door_close(struct dns_door *door);

struct dns_door_counters {
	uint64_t udp_in, udp_out, tcp_connections, tcp_in, tcp_out, junk, from_memory;
	uint64_t rcode[16];
};
void dns_door_counters(const struct dns_door *door, struct dns_door_counters *ret_counters);

#endif
