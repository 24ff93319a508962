/* What the parts of a door share: dns_door.c (UDP), tcp_connection.h (TCP and TLS) and what is
 * spoken over it. */
#ifndef RESOLVER_DNS_DOOR_INSIDE_H
#define RESOLVER_DNS_DOOR_INSIDE_H

#include <event2/event_struct.h>
#include <sys/queue.h>

#include "resolver/dns_door.h"
#include "resolver/dns_udp.h"
#include "resolver/gate.h"
#include "resolver/misses.h"

struct udp_wait;
struct tcp_connection;
struct evconnlistener;
struct tcp_speech;
struct tls_server;

/* Queries that are read and looked up together: so many that memory is waited for once for all of
 * them, so few that they stay in the nearest cache. */
#define UDP_GROUP 16
struct udp_query {
	struct dns_query query;
	enum dns_reading reading;
	uint8_t rcode;
	uint64_t hash; /* of a DNS_ASK */
};

struct dns_door {
	struct event_base *base;
	struct resolver *resolver;
	struct gate gate;
	struct gate_time time; /* of the batch that is being read */
	struct dns_udp *udp;
	struct udp_query group[UDP_GROUP];
	struct event udp_event;
	LIST_HEAD(, udp_wait) waits;
	struct misses *misses;	       /* the places of these; the resolver's */
	uint64_t gulp, gulped;	       /* datagrams read lately; as of when */
	const struct allow *status_to; /* of HTTP: who else is told what the node does */
	const struct name *hosts;      /* of HTTP */
	size_t hosts_len;
	const struct tcp_speech *speech; /* over TCP, or TLS */
	enum dns_via via;		 /* likewise; over UDP it is DNS_UDP */
	struct tls_server *tls;		 /* NULL: plain */
	struct evconnlistener *listener;
	struct event listener_retry;
	TAILQ_HEAD(tcp_list, tcp_connection) connections; /* the one idle longest first */
	size_t connections_len;
	size_t held;			    /* bytes that are kept for them */
	TAILQ_HEAD(, tcp_connection) queue; /* handshakes that wait for their turn */
	struct event turn;
	struct dns_door_counters counters[DNS_VIAS];
};

/* They count by q->via, which whoever reads a query sets.
 *
 * Answers at once from memory, or refuses: length of the reply in buf. 0: ask the resolver. */
size_t dns_door_at_once(
	struct dns_door *door, const struct dns_query *q, uint8_t *buf, size_t limit);
/* Counts and writes a late answer. */
size_t dns_door_late(struct dns_door *door, const struct dns_query *q, const struct answer *a,
	uint8_t *buf, size_t limit);
/* Counts a reply by its rcode, if it is one: len 0 is none. Returns len. */
size_t dns_door_count(struct dns_door *door, const struct dns_query *q, unsigned rcode, size_t len);
struct gate_time dns_door_time(void);

int dns_tcp_open(struct dns_door *door, const struct sockaddr *address, socklen_t len);
void dns_tcp_close(struct dns_door *door);

#endif
