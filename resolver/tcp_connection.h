/* A connection of a door over TCP or TLS, whatever is spoken over it.
 *
 *   tcp_places      who has a place: listening, shares, who gives way
 *   tcp_handshake   the steps of TLS, each in its turn
 *   tcp_connection  bytes in, bytes out, deadlines
 *   dns_tcp, http_door   what the bytes mean: a struct tcp_speech each */
#ifndef RESOLVER_TCP_CONNECTION_H
#define RESOLVER_TCP_CONNECTION_H

#include "resolver/dns_door_inside.h"
#include "resolver/stream.h"

struct evbuffer;
struct http_visitor;
struct tcp_wait;

struct tcp_connection {
	TAILQ_ENTRY(tcp_connection) link;
	TAILQ_ENTRY(tcp_connection) turn; /* while `queued` */
	struct dns_door *door;
	struct stream stream;
	struct sockaddr_storage peer;
	LIST_HEAD(, tcp_wait) waits;  /* of dns_tcp */
	size_t waits_len;	      /* questions that are out, of HTTP too */
	struct http_visitor *visitor; /* of http_door */
	struct event readable, writable, idle;
	uint64_t asked;	  /* when its last whole question came, or it did */
	uint64_t written; /* when it last took something of what waits in `unsent` */
	uint8_t *rest;	  /* what has come and is not answered yet; NULL: nothing */
	size_t rest_len;
	struct evbuffer *unsent; /* what it has not taken yet */
	size_t held;		 /* of door->held */
	bool shaking, queued;	 /* the handshake is not done; it waits for its turn */
	bool begun;		 /* its speech has it, until `end` */
	bool ending;		 /* there are no more questions; what is asked is still answered */
	bool heard;		 /* the client has said all */
	bool silent;		 /* it has been heard, and nothing has been said since */
	size_t lingers; /* bytes that are still thrown away before it is closed; 0: it does not */
	bool given_up;	/* it held most of all: it is freed at its next event */
};

#define TCP_REST_MAX 8200 /* a head of HTTP, or a question */
/* What is spoken at a door. None of these frees the connection. */
struct tcp_speech {
	const char *alpn; /* as on the wire */
	size_t rest_max;  /* with more than that left over it is read no further; TCP_REST_MAX at
			     most */
	/* False: no memory. */
	bool (*begin)(struct tcp_connection *c);
	/* How many of the bytes it took; the rest comes again. Negative: it is of no use, but what
	 * is to be said is; -EPIPE: not that either. */
	ssize_t (*take)(struct tcp_connection *c, const uint8_t *bytes, size_t len);
	/* Sends what `take` said. False: nobody takes it. */
	bool (*flush)(struct tcp_connection *c);
	bool (*full)(const struct tcp_connection *c);	/* it asks beyond its share */
	bool (*busy)(const struct tcp_connection *c);	/* questions are out */
	size_t (*held)(const struct tcp_connection *c); /* bytes that it keeps, beside `unsent` */
	void (*end)(struct tcp_connection *c);
};
extern const struct tcp_speech tcp_speaks_dns, tcp_speaks_http;

/* Of this way to the door. */
static inline struct dns_door_counters *tcp_counters(struct dns_door *door)
{
	return &door->counters[door->via];
}

/* ---- tcp_connection.c ---- */
/* Nothing is left of it, and its questions are taken back. */
void tcp_connection_free(struct tcp_connection *c);
/* Sends, and keeps what is not taken now. False: nothing will be taken any more, or no memory. */
bool tcp_send(struct tcp_connection *c, const uint8_t *bytes, size_t len);
bool tcp_send_unsent(struct tcp_connection *c);
/* May a late answer be kept for it? Else all hold too much, or it does. */
bool tcp_has_room(const struct tcp_connection *c);
/* A late answer stands in `unsent`, or with what is spoken: it is sent when all callbacks of this
 * turn have been, so that several share a record; and then it may ask again. */
void tcp_speak(struct tcp_connection *c);
/* The client may ask from now on. It may free the connection. */
void tcp_begin(struct tcp_connection *c);
/* Callbacks of its events. */
void tcp_on_readable(evutil_socket_t fd, short what, void *ctx);
void tcp_on_writable(evutil_socket_t fd, short what, void *ctx);
void tcp_on_idle(evutil_socket_t fd, short what, void *ctx);

/* ---- tcp_places.c ---- */
unsigned tcp_idle_seconds(const struct dns_door *door);
unsigned tcp_patience(const struct tcp_connection *c); /* the same, or for its handshake */
/* Bytes that may wait for it to take them. */
size_t tcp_share(const struct tcp_connection *c);
/* Has its client, who is elsewhere, as many questions out as one may have at a door? */
bool tcp_client_has_its_share(const struct tcp_connection *c);
/* It has asked: it goes to the end of the list of those who may have to give way. */
void tcp_connection_lives(struct tcp_connection *c);

/* ---- tcp_handshake.c: a step of it, now or in its turn. It may free the connection. ---- */
void tcp_handshake(struct tcp_connection *c);
void tcp_handshake_forget(struct tcp_connection *c);
void tcp_handshakes_open(struct dns_door *door);
void tcp_handshakes_close(struct dns_door *door);

#endif
