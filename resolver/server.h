/* One upstream in the validator: its contexts, whether it is alive, and whether it lets DNSSEC
 * through.
 *
 * A forwarder that strips DNSSEC would make every name bogus. So it is probed beside its first
 * question: `. DNSKEY` without validation; and until that has an end, no answer that is bogus,
 * or a failure, is believed. Where RRSIGs come along, it is held to DNSSEC for good, and bogus is
 * bogus. Where data come without them it is used unvalidated, with one warning, and tried again
 * later. So is one that was named for a zone and answers for nothing but that: it has no root keys
 * to show. One that has once given a secure answer is never let off: a stranger on the path could
 * otherwise switch validation off by dropping RRSIGs. */
#ifndef RESOLVER_SERVER_H
#define RESOLVER_SERVER_H

#include "resolver/domain_share.h"
#include "resolver/server_entry.h"
#include "resolver/ub_context.h"

struct server;

struct server_config {
	struct event_base *base;
	const char *root_hints;	     /* NULL: no recursion */
	const char *trust_anchor;    /* NULL: nothing can be validated */
	const struct name *insecure; /* zones that are not validated */
	size_t insecure_len;
	const struct name *zones; /* that have servers of their own */
	size_t zones_len;
	bool test_zones, loopback_servers;
	/* Questions under way at one server, each with a socket, so that a dead one leaves room for
	 * others; and at all of them, for memory. */
	unsigned live_max, all_live_max;
	unsigned *all_live;
	int owners; /* as in relay_config */
	/* It is known, or there is a new context: who was told SERVER_WAIT asks again. From the
	 * loop. */
	void (*settled)(void *ctx, struct server *server);
	void *ctx;
};

/* The config stands as long as the server. Contexts are made when first needed: 2.5 MB each. */
int server_create(const struct server_config *config, const struct server_entry *entry,
	struct server **ret_server);
const struct server_entry *server_entry(const struct server *server);
/* The same server, as the list has it now. Of one that loops from now on what is under way has
 * failed. Not from a callback. */
void server_update(struct server *server, const struct server_entry *entry);
void server_counters(const struct server *server, struct server_counters *ret_counters);
/* Ends what is under way, as server_destroy does; the server itself stands. */
void server_shut(struct server *server);
/* Calls back for what is under way, as failed. Not from a callback. */
void server_destroy(struct server *server);

enum server_outcome {
	SERVER_VALIDATED,   /* an answer: secure, insecure by proof, or bogus */
	SERVER_UNVALIDATED, /* an answer that nobody could check */
	SERVER_FAILED,	    /* none: ask the next */
	SERVER_UNSURE,	    /* it failed, which may be for DNSSEC: wait for `settled`, and ask again
			     * if it strips that */
	SERVER_WAIT, /* it is not known what this one is, or its context was replaced under way:
		      * wait for `settled`, then ask again */
};
typedef void server_fn(void *arg, enum server_outcome outcome, const struct ub_answer *answer);

/* A question under way, embedded in what asks; it stands until the callback. */
struct server_query {
	server_fn *fn;
	void *arg;
	struct server *server; /* the rest is the server's */
	struct ub_query ub;
	struct domain_places places;
	uint64_t begun;
	bool plain;
	bool abandoned; /* to be set by who asks for nobody */
};
/* 0: fn is called once, perhaps before this returns. Otherwise not: -ENETUNREACH, no route;
 * -EBUSY, live_max; -EDQUOT, too many below its domain; -EREMOTEIO, no context could be made. Not
 * to be called from a callback. */
int server_ask(struct server *server, const struct question *q, struct server_query *query);
/* Nobody waits for it any more, though libunbound goes on. When most of what is under way is so and
 * there is no room left, the contexts are replaced, and the others asked again. */
void server_abandon(struct server_query *query);

/* Nothing came for a question asked at `since`, so it moves to the end of the order until it
 * answers; unless it has answered others in the meantime: then it was the name that is slow. */
void server_silent(struct server *server, uint64_t since);
bool server_is_down(const struct server *server);
bool server_strips(const struct server *server); /* DNSSEC, as far as is known */
/* Is it time to ask one that is down beside the one that answers, so that it is found when it is
 * back and no user waits for that? True once in a while; what libunbound knows of it is forgotten
 * then. Not from a callback. */
bool server_retry(struct server *server);

/* A server taken off the list lives on until nobody holds it and nothing is under way. */
void server_hold(struct server *server);
void server_release(struct server *server);
bool server_is_idle(const struct server *server);
bool server_is_busy(const struct server *server); /* something is under way */

#endif
