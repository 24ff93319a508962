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

#define UPSTREAM_MAX 32		    /* words of upstream=, those of split DNS among them */
#define UPSTREAM_INSECURE_MAX 32    /* of insecure_zone= */
#define UPSTREAM_LABEL_MAX 96	    /* a server, for people; longer ones are cut */
#define UPSTREAM_TRUST_ANCHOR "/usr/share/dns/root.key" /* dns-root-data's */
#define UPSTREAM_IN_FLIGHT_MAX 2048 /* 14 kB each in libunbound: 28 MB at worst */

struct server_address;

struct upstream_config {
	/* In order: "system", "recursive", "ADDR[:PORT]", "tls://ADDR#NAME", "https://ADDR/PATH[#NAME]",
	 * "http://ADDR/PROXY"; "ZONE@…" for the names of that zone only: the longest zone of a name has all of it, and what its servers do
	 * not answer nobody else is asked. upstream_reload changes these two. */
	const char *list[UPSTREAM_MAX];
	size_t list_len;
	struct name insecure[UPSTREAM_INSECURE_MAX]; /* zones that are not validated */
	size_t insecure_len;
	const char *root_hints;       /* NULL: dns-root-data's */
	const char *trust_anchor;     /* NULL: dns-root-data's; DS or DNSKEY form */
	const char *user;             /* whom the child becomes when started as root; NULL: nobody */
	const char *resolv_conf;      /* NULL: /etc/resolv.conf */
	const char *program;          /* what to exec; NULL: /proc/self/exe. It must call
	                               * upstream_child first thing in main. */
	/* Where the relay on loopback listens that speaks to `word` (tls://… and the like, without ZONE@) for
	 * libunbound. 0 or -errno. NULL: there is no relay, and such a word is an error. */
	int (*relay)(void *ctx, const char *word, struct server_address *ret_address);
	/* What ails the relay that listens there, for people; "": nothing. With `relay`. */
	const char *(*relay_why)(void *ctx, const struct server_address *address);
	void *relay_ctx;
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
/* Another list and other insecure zones from now on; the rest of `config` is not looked at. Questions
 * that are out are answered as if nothing had happened. 0, or as upstream_create; then all is as it
 * was. resolv.conf is looked at anew in any case. */
int upstream_reload(struct upstream *u, const struct upstream_config *config);
/* Told when resolv.conf names another network, under way: what the former one said may not hold there. */
typedef void upstream_moved_fn(void *ctx);
void upstream_watch(struct upstream *u, upstream_moved_fn *fn, void *ctx);
/* A number that stays as long as the configuration, resolv.conf and our address in its network do, over
 * restarts too. */
uint64_t upstream_fingerprint(const struct upstream *u);
/* Have all servers for names without servers of their own fallen silent, as far as is known? */
bool upstream_is_silent(const struct upstream *u);
/* Has this name servers of its own (split DNS)? */
bool upstream_has_zone(const struct upstream *u, const struct name *name);
/* Is it in a zone of insecure_zone=? Then what is proven of the zones above says nothing of it. */
bool upstream_is_insecure(const struct upstream *u, const struct name *name);
/* Where this node itself answers DNS questions: it must not be its own upstream, which resolv.conf
 * may well say. Such a server is left out, with a warning. */
#define UPSTREAM_DOORS_MAX 32
void upstream_doors(struct upstream *u, const struct server_address *doors, size_t len);
/* Kills the child and waits for it; no callback afterwards. Not from a callback. */
void upstream_destroy(struct upstream *u);

/* In `why`, behind the server's word: it asks us what we ask it. */
#define UPSTREAM_WHY_LOOP ": asks us"
struct upstream_reply {
	int error;             /* 0: `message` stands; -ETIMEDOUT: nobody answered; -ENETUNREACH: no
	                        * route; -EREMOTEIO: SERVFAIL, REFUSED, or the child failed twice */
	bool secure;           /* DNSSEC: validated */
	bool bogus;            /* DNSSEC: proven wrong; the data stand, for CD=1 */
	bool unvalidated;      /* this upstream strips DNSSEC: used without validation */
	const char *why;       /* why bogus, or what ails the relay that failed; printable ASCII,
	                        * may be "" */
	const uint8_t *message;/* rcode is in its header */
	size_t len;
};
/* Called once, never before upstream_ask has returned. Borrowed bytes. */
typedef void upstream_fn(void *ctx, const struct upstream_reply *reply);
/* 0; -EBUSY at UPSTREAM_IN_FLIGHT_MAX; -ENOMEM. */
int upstream_ask(struct upstream *u, const struct question *q, upstream_fn *fn, void *ctx,
	struct upstream_query **ret_query);
void upstream_cancel(struct upstream_query *query); /* no callback afterwards */

/* A door asks what is under way here already: people do, and so does an upstream that takes us for
 * one of its own. Looks into it (resolver/upstream_loop.h). */
void upstream_suspect(struct upstream *u, const struct question *q);
/* Is this the question by which that is found out? Then it is answered with an error, and asked
 * nowhere. */
bool upstream_came_back(struct upstream *u, const struct question *q);

struct upstream_counters {
	uint64_t asked, answered, failed, timeouts, bogus, restarts;
	unsigned in_flight;
};
void upstream_counters(const struct upstream *u, struct upstream_counters *ret_counters);
/* The servers in the order of the list, with what was asked of each: at most a second old. */
struct upstream_server {
	const char *label;
	uint64_t asked, answered, failed;
	uint32_t rtt; /* microseconds, of late; 0: no answer yet */
	bool down;
	bool loops; /* it asks us what we ask it, and so is asked nothing for a while */
	const char *dnssec; /* "unknown", "passes", "strips" */
};
typedef void upstream_server_fn(void *ctx, size_t i, const struct upstream_server *server);
void upstream_each_server(const struct upstream *u, upstream_server_fn *fn, void *ctx);
/* The child's process id, for status and for tests that kill it. */
int upstream_child_pid(const struct upstream *u);

/* To be called first in main: when this process is the child, runs it and returns true with
 * the exit status; otherwise false. */
bool upstream_child(int argc, char **argv, int *ret_status);

#endif
