/* A relay: libunbound asks it over UDP on loopback, and it asks a DNS server over TLS (RFC 7858).
 *
 * One connection, that stays while there is something to ask; questions go out as they come,
 * answers come in any order. A connection that is lost is made again, and what was under way is
 * asked again, a few times. While the server cannot be reached, or is not whom it should be, each
 * question is answered with SERVFAIL at once, so that the next upstream has its turn: it is never
 * asked in the clear.
 */
#ifndef RESOLVER_TLS_RELAY_H
#define RESOLVER_TLS_RELAY_H

#include "resolver/server_address.h"
#include "resolver/stream.h"

struct event_base;
struct tls_relay;

typedef void relay_say_fn(void *ctx, const char *line);
struct tls_relay_config {
	const char *word; /* for people: tls://ADDR#NAME */
	struct server_address server;
	const char *name;  /* in its certificate */
	uid_t asker;	   /* whose questions it takes, besides our own user's */
	relay_say_fn *say; /* that it fails, why, and that it works again */
	void *say_ctx;
};
/* 0 or a negative errno. */
int tls_relay_create(struct event_base *base, const struct tls_relay_config *config,
	struct tls_relay **ret_relay);
void tls_relay_destroy(struct tls_relay *r);

const char *tls_relay_word(const struct tls_relay *r);
/* Where it listens. */
const struct server_address *tls_relay_address(const struct tls_relay *r);
/* "refused", "timeout", "certificate: …", "TLS: …", and other reasons; "": nothing is wrong. */
const char *tls_relay_why(const struct tls_relay *r);
/* Nobody has asked it for so long, in seconds. */
unsigned tls_relay_unused(const struct tls_relay *r);

struct tls_relay_counters {
	uint64_t questions, answers, connections, resumed, failures;
	uint64_t again;	  /* questions that were asked again over a new connection */
	uint64_t dropped; /* that were none, or too many, or for which nothing came */
};
/* Adds. */
void tls_relay_count(const struct tls_relay *r, struct tls_relay_counters *sum);

#endif
