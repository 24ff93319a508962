/* A door: DNS by UDP and TCP on one address (RFC 1035, 6891, 7766), or by TLS (RFC 7858); or HTTP.
 *
 * A question in memory is answered from stored bytes with id, flags, case and TTLs patched; any
 * other waits for the resolver. Nothing is asked of the network for junk: a malformed question is
 * FORMERR, another opcode NOTIMP, a class or type that nobody resolves REFUSED. */
#ifndef RESOLVER_DNS_DOOR_H
#define RESOLVER_DNS_DOOR_H

#include <sys/socket.h>

#include "resolver/allow.h"
#include "resolver/dns_message.h"
#include "resolver/resolver.h"

struct dns_door;
struct tls_server;

#define DNS_DOOR_TCP_MAX 256	    /* connections; the one idle longest gives way */
#define DNS_DOOR_TCP_SHARE 32	    /* of them, for one address or /64 of another machine */
#define DNS_DOOR_TCP_PENDING_MAX 64 /* questions a connection may have in flight */
/* And all connections of one address or /64 of another machine. */
#define DNS_DOOR_CLIENT_PENDING_MAX (RESOLVER_ASKS_MAX / 8)
/* Bytes that are kept for clients over TCP: what came of a question, and replies that are not
 * taken. Over its share a connection is asked no further, and what it asked before fails; where all
 * have too much, the one that has most is ended, or 256 that do not read would have 64 MB and more.
 */
#define DNS_DOOR_HELD_MAX (8u << 20)
#define DNS_DOOR_HELD_ONE (256u << 10)
#define DNS_DOOR_HELD_CROWDED (64u << 10) /* when over half of the places are taken */

struct dns_door_config {
	const struct sockaddr *address;
	socklen_t address_len;
	const struct allow *allow; /* stands as long as the door */
	struct tls_server *tls; /* likewise; the door speaks TLS then, and nothing else. Or NULL */
	bool http;		/* HTTP, plain or over that TLS, in place of DNS */
	const struct allow *status_to; /* of it: who else is told its state; stands likewise */
	const struct name *hosts; /* of it: names that it answers to; stand as long as the door */
	size_t hosts_len;
};
/* Binds its sockets. Negative errno of bind(2): -EADDRINUSE, -EACCES. */
int dns_door_open(struct event_base *base, struct resolver *r, const struct dns_door_config *config,
	struct dns_door **ret_door);
void dns_door_close(struct dns_door *door);

#define DNS_RCODES 24 /* up to BADCOOKIE */
#define DNS_TOOK 8
/* Of one way to a door; a way that has no such thing counts none of it. */
struct dns_door_counters {
	uint64_t in, out, junk;
	uint64_t connections, displaced;	      /* displaced: gave way to others */
	uint64_t handshakes, resumed, failed, queued; /* of TLS; queued: steps that had to wait */
	uint64_t not_allowed, limited,
		dropped; /* by the gate: REFUSED or closed; TC or BADCOOKIE; neither */
	uint64_t shed;	 /* of UDP: not looked up, as too many were: SERVFAIL */
	uint64_t rcode[DNS_RCODES];
	uint64_t source[SOURCE_DNS + 1]; /* of answers; none: nobody had one, or it failed */
	uint64_t hits, stale, misses;	 /* from memory; likewise, but over (RFC 8767); neither */
	uint64_t took[DNS_TOOK];	 /* answers that did not come from memory, by time */
};
/* Upper bounds of all but the last of `took`, in milliseconds. */
extern const unsigned dns_took_ms[DNS_TOOK - 1];
const struct dns_door_counters *dns_door_counters(const struct dns_door *door, enum dns_via via);

#endif
