/* One libunbound context: one upstream, with or without validation. The one file that knows
 * libunbound. */
#ifndef RESOLVER_UB_CONTEXT_H
#define RESOLVER_UB_CONTEXT_H

#include "resolver/question.h"

struct event_base;
struct ub_ctx;

struct ub_context_config {
	struct event_base *base;
	const char *forward;	 /* ADDR@PORT; NULL: recursion from the root */
	const struct name *zone; /* NULL: for all names; else this zone's are asked of the forwarder
				  * whatever libunbound would answer by itself (home.arpa, test) */
	const char *root_hints;	 /* master file, as text: no file can be opened any more */
	const struct name *insecure; /* zones that are not validated */
	size_t insecure_len;
	const struct name *zones; /* that have servers of their own; nobody else is told of a name
				   * in them, be it that an alias leads there */
	size_t zones_len;
	const char *trust_anchor; /* likewise; NULL: no validation, every answer is "insecure" */
	unsigned sockets;	  /* that questions may take */
	bool ip6;		  /* there is a way to IPv6 addresses */
	bool waits;		  /* the forwarder is a relay that answers every question */
	bool lan;		  /* the forwarder may hear of this network's addresses */
	bool copies;		  /* the forwarder has what others left of it, forgeries too */
	bool test_zones;
	bool loopback_servers;
};

/* 0, -ENOMEM, or -EINVAL when libunbound refuses a setting. */
int ub_context_create(const struct ub_context_config *config, struct ub_ctx **ret_ctx);
/* Calls back for what is still under way. Not to be called from one of its callbacks. */
void ub_context_destroy(struct ub_ctx *ctx);

struct ub_answer {
	bool failed; /* SERVFAIL of some kind: there is no message */
	bool secure, bogus;
	const char *why; /* why bogus; not yet cleaned; may be NULL */
	const uint8_t *message;
	size_t len;
};
typedef void ub_answer_fn(void *arg, const struct ub_answer *answer);

/* A question under way, embedded in what asks; it must stand until the callback. */
struct ub_query {
	ub_answer_fn *fn;
	void *arg;
};
/* 0: fn is called once, perhaps before this returns, so the caller touches nothing of the query
 * afterwards. -EREMOTEIO: libunbound would not begin, and fn is not called.
 *
 * There is no cancel: libunbound's only mutes the callback while the work goes on, so it would
 * hide from the caller how much is under way. */
int ub_context_ask(struct ub_ctx *ctx, const struct question *q, struct ub_query *query);

#endif
