/* What server.c, server_context.c and server_probe.c share; nobody else includes it. */
#ifndef RESOLVER_SERVER_INSIDE_H
#define RESOLVER_SERVER_INSIDE_H

#include "resolver/server.h"

#include <event2/event_struct.h>

struct relay;

/* `. DNSKEY` first. A server that fails at it may be dead, or too old to know the type: the
 * second question, `. NS`, tells. One that was named for a zone may know nothing else: its SOA. */
enum probe_stage { PROBE_NONE, PROBE_DNSKEY, PROBE_NS, PROBE_ZONE };

struct server {
	const struct server_config *config;
	struct server_entry entry;
	bool forwards, warned, ip6;
	/* Between libunbound and the server, where there is none in the node's process: made with
	 * the first context, and ended with the last. */
	struct relay *relay;
	char forward[SERVER_ADDRESS_TEXT_MAX]; /* whom libunbound asks */
	struct ub_ctx *validating, *plain;
	enum server_dnssec dnssec;
	enum probe_stage stage;
	bool probe_again; /* the second stage is to be asked, from the loop */
	uint64_t probed_at;
	struct ub_query probe;
	struct event settle; /* libunbound is not to be asked from its own callback */
	uint64_t last_answer, retried, renewed;
	bool down, held_dead;
	bool asking; /* in ub_context_ask: what answers now was in its cache */
	bool renewing;
	unsigned live, held, abandoned;
	unsigned unread; /* questions that the relay has not been made to read */
	struct domain_share domains;
	struct server_counters counters;
};

/* server.c: the places that are taken. */
void server_begin_live(struct server *s);
void server_end_live(struct server *s);

/* server_context.c. Calls back for what is under way. */
void server_drop_contexts(struct server *s);
/* Begins anew, with what libunbound has cached and found out gone. What is under way is asked
 * again; there is no other way to end what nobody waits for. */
void server_renew(struct server *s);
/* Is there a way to it, or for a recursion out of this host? 0, -ENETUNREACH. */
int server_check_route(const struct server *s);
/* 0: it stands in *ctx; -EREMOTEIO. trust_anchor NULL: it does not validate. */
int server_make_context(struct server *s, const char *trust_anchor, struct ub_ctx **ctx);
/* What was true when the contexts were made and is no more: a server that stripped DNSSEC is tried
 * again, and a recursion that began without a way to IPv6, or with one, begins anew. Whatever is
 * under way: who keeps one slow question there could otherwise keep validation off. */
void server_freshen(struct server *s);

/* server_probe.c. */
bool server_may_probe(const struct server *s);
void server_begin_probe(struct server *s);
/* An answer of the validating context that may be due to a server that strips. */
enum server_outcome server_suspect(struct server *s, enum server_outcome outcome);
/* For the event `settle`. */
void server_on_settle(int fd, short what, void *server);

#endif
