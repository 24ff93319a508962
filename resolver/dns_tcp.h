/* A connection of a DNS door, plain or TLS: what dns_tcp.c (questions and answers), dns_places.c
 * (who has a place) and dns_handshake.c share. */
#ifndef RESOLVER_DNS_TCP_H
#define RESOLVER_DNS_TCP_H

#include "resolver/dns_door_inside.h"
#include "resolver/stream.h"

struct evbuffer;
struct tcp_wait;

struct tcp_connection {
	TAILQ_ENTRY(tcp_connection) link;
	TAILQ_ENTRY(tcp_connection) turn; /* while `queued` */
	struct dns_door *door;
	struct stream stream;
	struct sockaddr_storage peer;
	LIST_HEAD(, tcp_wait) waits;
	size_t waits_len;
	struct event readable, writable, idle;
	uint64_t asked;	  /* when its last whole question came, or it did */
	uint64_t written; /* when it last took something of what waits in `unsent` */
	uint8_t *rest;	  /* what has come and is not answered yet; NULL: nothing */
	size_t rest_len;
	struct evbuffer *unsent; /* what it has not taken yet */
	bool shaking, queued;	 /* the handshake is not done; it waits for its turn */
	bool ending;		 /* the client has said all; what is asked is still answered */
};

/* Of this way to the door. */
static inline struct dns_door_counters *tcp_counters(struct dns_door *door)
{
	return &door->counters[door->tls ? DNS_TLS : DNS_TCP];
}

/* dns_places.c */
void tcp_connection_free(struct tcp_connection *c);
unsigned tcp_idle_seconds(const struct dns_door *door);
unsigned tcp_patience(const struct tcp_connection *c); /* the same, or for its handshake */
/* It has asked: it goes to the end of the list of those who may have to give way. */
void tcp_connection_lives(struct tcp_connection *c);

/* dns_tcp.c: callbacks of its events. */
void tcp_on_readable(evutil_socket_t fd, short what, void *ctx);
void tcp_on_writable(evutil_socket_t fd, short what, void *ctx);
void tcp_on_idle(evutil_socket_t fd, short what, void *ctx);
/* The client may ask from now on. */
void tcp_begin(struct tcp_connection *c);

/* dns_handshake.c: a step of it, now or in its turn. It may free the connection. */
void tcp_handshake(struct tcp_connection *c);
void tcp_handshake_forget(struct tcp_connection *c);
void tcp_handshakes_open(struct dns_door *door);
void tcp_handshakes_close(struct dns_door *door);

#endif
