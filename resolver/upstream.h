/* Conventional DNS: questions to a validator in a process of its own.
 *
 * The child holds libunbound and nothing worth stealing: it is a fresh exec of the program,
 * unprivileged, with one socketpair. One context an upstream, because libunbound does not keep
 * the order of forwarders; order and failover are decided here. A child that dies is started
 * again and what was in flight is asked again, once. */
#ifndef RESOLVER_UPSTREAM_H
#define RESOLVER_UPSTREAM_H

#include "resolver/question.h"

struct event_base;
struct upstream;
struct upstream_query;

#define UPSTREAM_MAX 8            /* upstreams in the list */
#define UPSTREAM_IN_FLIGHT_MAX 2048 /* 14 kB each in libunbound: 28 MB at worst */

struct upstream_config {
	const char *list[UPSTREAM_MAX]; /* in order: "system", "recursive", "ADDR[:PORT]" */
	size_t list_len;
	const char *root_hints;       /* NULL: dns-root-data's */
	const char *trust_anchor;     /* NULL: dns-root-data's; DS or DNSKEY form */
	const char *user;             /* whom the child becomes when started as root; NULL: nobody */
	const char *resolv_conf;      /* NULL: /etc/resolv.conf */
	const char *program;          /* what to exec; NULL: /proc/self/exe. It must call
	                               * upstream_child first thing in main. */
	unsigned patience_ms;         /* a child that owes an answer for so long hangs, and is
	                               * started again; 0: 14 s */
	/* A line that the child has printed, or about it, any bytes; NULL: its stderr is ours. */
	void (*say)(void *ctx, const char *line);
	void *say_ctx;
	bool test_zones;              /* lift the block on "test." (root_hints= was given) */
	bool loopback_servers;        /* authorities on 127/8 may be asked (same) */
};

/* Is this a valid word for the list? 0 or -EINVAL, with a reason for a user in ret_why. */
int upstream_check(const char *word, const char **ret_why);

/* 0; -EINVAL for a word that upstream_check refuses; -ENOENT, -EACCES for a file named here that
 * cannot be read; other -errno when no child can be started. It is started at once, so that it
 * can take its user from root before the caller gives root up. */
int upstream_create(struct event_base *base, const struct upstream_config *config,
	struct upstream **ret_upstream);
/* Kills the child and waits for it; no callback afterwards. Not from a callback. */
void upstream_destroy(struct upstream *u);

struct upstream_reply {
	int error;             /* 0: `message` stands; -ETIMEDOUT: nobody answered; -ENETUNREACH: no
	                        * route; -EREMOTEIO: SERVFAIL, REFUSED, or the child failed twice */
	bool secure;           /* DNSSEC: validated */
	bool bogus;            /* DNSSEC: proven wrong; the data stand, for CD=1 */
	bool unvalidated;      /* this upstream strips DNSSEC: used without validation */
	const char *why;       /* why bogus, printable ASCII, may be "" */
	const uint8_t *message;/* rcode is in its header */
	size_t len;
};
/* Called once, never before upstream_ask has returned. Borrowed bytes. */
typedef void upstream_fn(void *ctx, const struct upstream_reply *reply);
/* 0; -EBUSY at UPSTREAM_IN_FLIGHT_MAX; -ENOMEM. */
int upstream_ask(struct upstream *u, const struct question *q, upstream_fn *fn, void *ctx,
	struct upstream_query **ret_query);
void upstream_cancel(struct upstream_query *query); /* no callback afterwards */

struct upstream_counters {
	uint64_t asked, answered, failed, timeouts, bogus, restarts;
	unsigned in_flight;
};
void upstream_counters(const struct upstream *u, struct upstream_counters *ret_counters);
/* The child's process id, for status and for tests that kill it. */
int upstream_child_pid(const struct upstream *u);

/* To be called first in main: when this process is the child, runs it and returns true with
 * the exit status; otherwise false. */
bool upstream_child(int argc, char **argv, int *ret_status);

#endif
