/* The resolver: a question in, an answer out, whoever asks.
 *
 * The life of one question, `cat /dns/IN/A/www.example.com`:
 *
 *   fs/mount           the FUSE descriptor is one more event in the loop
 *   fs/ops             OPEN of an inode becomes a question             (fs/tree)
 *   fs/pending         keeps the request: replies once, is interrupted, or hits the deadline
 *   resolver/resolver  resolver_ask: what is in memory answers at once; else equal questions are
 *                      joined, and each source that may answer this name is asked, in parallel:
 *     resolver/memory    what needs nobody:
 *       resolver/own       the user's own records
 *       resolver/pinned    who speaks for the name to this user: then the name under his key
 *       resolver/hosts     the hosts file
 *       resolver/cache     what a source said before
 *     resolver/fetch     one question to one source:
 *       dht/               the zone of a key, the slot of a plain name   (resolver/zone, slot)
 *       resolver/zone_relays  the zone of a key, while the DHT cannot be reached
 *       resolver/upstream  conventional DNS, through the validator
 *       resolver/rescue    what DNS once said, from slots, while it does not answer (resolver/judge)
 *     resolver/work      all of it, and what follows, draws on one counter
 *   resolver/attest    behind a secure answer of DNS: the key that its zone attests
 *   resolver/policy    after each arrival: is there a winner yet, whatever the rest will say?
 *   resolver/answer    records, TTL, where from, who signed, how far to trust
 *   resolver/chase     an alias that leads to another source: the question for its end
 *   resolver/json      the line of text
 *   resolver/explain   or why it is so, from the trace that the answer keeps
 *   fs/pending         the reply
 *
 * The DNS door asks by the same function. A source that fails and a source that is too slow take
 * the same path; an answer that comes after the deadline still lands in the cache. */
#ifndef RESOLVER_RESOLVER_H
#define RESOLVER_RESOLVER_H

#include <stdio.h>

#include "resolver/answer.h"
#include "resolver/hosts.h"
#include "resolver/judge.h"
#include "resolver/policy.h"
#include "resolver/publish.h"
#include "resolver/upstream.h"

struct resolver;
struct ask;

/* Who asks: a uid of this machine through the mount, or anyone through a door. Root's and the
 * daemon owner's own records answer for all; another user's answer first to that user only. */
#define VIEW_DOOR ((uid_t)-1)

struct resolver_config {
	struct policy policy;
	uint64_t deadline;      /* microseconds from ask to answer */
	uid_t daemon_owner;
	size_t cache_bytes;
	const char *cache_file; /* what survives a restart (resolver/cache_file); NULL: nothing */
	const char *root_keys_file; /* likewise (resolver/root_keys) */
	bool joined;            /* SOURCE named a network: to know no node is a failure there */
	struct pin_list *pins;  /* of pin=; NULL none. The resolver takes a reference of its own */
	uint64_t keep_pause;    /* as keeper_config's */
};

struct resolver_parts {     /* what it works with; each may be NULL but own */
	struct own *own;
	struct publisher *publisher;
	struct upstream *upstream;
	struct judge *judge; /* of what stands in for upstream; NULL: nothing does */
	struct dht *dht;
	struct zone_relays *relays; /* while the DHT cannot be reached */
	struct hosts *hosts;
};
int resolver_create(struct event_base *base, const struct resolver_config *config,
	const struct resolver_parts *parts, struct resolver **ret_resolver);
void resolver_destroy(struct resolver *r); /* every ask ends without a callback */

/* Answers from memory, or NULL: own records and what is cached and decides. Borrowed until the
 * next call into the resolver. */
const struct answer *resolver_peek(struct resolver *r, const struct question *q, uid_t view);
/* What a peek will read is fetched meanwhile, step by step (cache_approach). */
uint64_t resolver_hash(const struct resolver *r, const struct question *q);
void resolver_approach(const struct resolver *r, uint64_t hash, unsigned step);
/* The same for a name that a listing showed: also up to 60 s after its TTL. */
const struct answer *resolver_peek_listed(struct resolver *r, const struct question *q, uid_t view);
/* Somebody is given what he peeked at, or was told. The first signer who answers for a name is believed
 * from then on: not when a slot is merely read beside DNS, nor for a listing. */
void resolver_given(struct resolver *r, const struct answer *a);

/* Calls fn once, within the deadline, never before this returns; the answer is borrowed for the
 * call and never NULL. NULL: no memory, or too many asks (RESOLVER_ASKS_MAX). */
#define RESOLVER_ASKS_MAX 4096
/* Of these for all doors together; the rest is left to the mount. When they are taken the oldest gives
 * way, and hears that there was no answer in time: a question that most servers answer has its answer
 * long before, and whoever asks for names that take long keeps nobody out. */
#define RESOLVER_DOOR_ASKS_MAX (RESOLVER_ASKS_MAX / 4 * 3)
typedef void ask_fn(void *ctx, const struct answer *a);
struct ask *resolver_ask(struct resolver *r, const struct question *q, uid_t view, ask_fn *fn,
	void *ctx);
void resolver_cancel(struct ask *ask); /* no callback afterwards */
/* Of an ask that was just made: what its answer waits for, within the deadline. Who explains wants
 * to hear of every source that is asked, also of those that cannot win any more. */
enum ask_for {
	ASK_FOR_ANSWER,
	ASK_FOR_ALL,
	ASK_FOR_SLOT, /* and the slot, wherever policy lets it be read: it is what was asked for */
};
void resolver_ask_for(struct ask *ask, enum ask_for what);

/* For publish_config.changed: an own record came, changed or went. */
void resolver_changed(void *resolver, const struct question *q);

/* The upstreams are others, or what is believed of them is: what was held of DNS and of slots counts no
 * more, and what is still under way answers only who waits for it already. What keys say stays: own
 * records, zones, pins. */
void resolver_forget(struct resolver *r);
/* Mode, lookup, tofu= and private_ok= from now on; the rest of the policy is as it was. What was
 * judged before is the caller's to have forgotten. */
void resolver_set_policy(struct resolver *r, const struct policy *policy);

/* What memory may say something else of than a moment ago. The function may call nothing of the
 * resolver's: answers are on loan. NULL: nobody is told any more. */
struct resolver_change {
	const struct question *question; /* NULL: any */
	const struct pins_change *pins;	 /* but only where these have changed; NULL: everywhere */
};
typedef void resolver_watch_fn(void *ctx, const struct resolver_change *change);
void resolver_watch(struct resolver *r, resolver_watch_fn *fn, void *ctx);

/* Names that a listing shows to `view`: own records and positive cached answers. */
struct resolver_entry {
	struct question question;
	bool own;               /* of a uid of this machine: `owner` */
	uid_t owner;
};
/* A walk over them. `wants` is cheap and comes first: what it does not want costs next to nothing. */
struct resolver_walk {
	uid_t view;
	uint16_t class, type; /* where it wants no other; type 0: it does */
	bool (*wants)(void *ctx, const struct question *q);
	void (*show)(void *ctx, const struct resolver_entry *entry);
	void *ctx;
	struct {
		bool in_cache;
		uint64_t own, cache;
	} place; /* zeroed at first */
};
/* Some more of them, in about half a millisecond. False: that was the end. In between names may come and
 * go; what stands throughout is shown once, and twice only what was written here and then heard from
 * elsewhere. */
bool resolver_list(struct resolver *r, struct resolver_walk *w);
/* Has any local uid published this name, or pinned it for himself? Then its file may differ from
 * caller to caller. */
bool resolver_published_here(struct resolver *r, const struct question *q);

/* `.kadns/pins` as this uid reads it: what holds for all as comments, then his own; malloc'd. */
int resolver_pins(struct resolver *r, uid_t uid, char **ret_text, size_t *ret_len);
const struct pin_list *resolver_pins_of(struct resolver *r, uid_t uid); /* NULL: none */
/* Makes `list` that of this uid (takes a reference); durable when it returns 0, but for that of
 * PINS_OF_OPTIONS, and obeyed by the next question. -EDQUOT, -ENOSPC, -EIO, -ENOMEM. */
int resolver_set_pins(struct resolver *r, uid_t uid, struct pin_list *list);

/* `.kadns/keep` in the same way: keys whose zones are kept alive here (resolver/keep.h). */
struct keep_list;
int resolver_keep(struct resolver *r, uid_t uid, char **ret_text, size_t *ret_len);
const struct keep_list *resolver_keep_of(struct resolver *r, uid_t uid); /* NULL: none */
int resolver_set_keep(struct resolver *r, uid_t uid, const struct keep_list *list);

/* `.kadns/signers`: who signed first for which name, "KEY NAME" a line, malloc'd; and a line written to
 * it, "forget NAME": whoever is met next is the first. -EINVAL; -ENOENT: nobody is remembered. */
int resolver_signers(struct resolver *r, char **ret_text, size_t *ret_len);
int resolver_forget_signer(struct resolver *r, const char *line, size_t len);

/* A door that asks this resolver, for its counters in the status; NULL in its place when it closes. */
#define RESOLVER_DOORS_MAX 32
struct dns_door;
void resolver_door(struct resolver *r, struct dns_door *old, struct dns_door *now);

/* The places for look-ups of all doors by UDP together. */
struct misses;
struct misses *resolver_misses(struct resolver *r);

/* The zones that are relayed as they are signed, for all doors together; NULL: there is no DHT. */
struct pkarr;
struct pkarr *resolver_pkarr(struct resolver *r);

/* `.kadns/status` and `.kadns/nodes`: text for people and for grep, malloc'd. */
int resolver_status(struct resolver *r, char **ret_text, size_t *ret_len);
int resolver_nodes(struct resolver *r, char **ret_text, size_t *ret_len);
/* What is wrong with this node, a line; NULL: nothing. */
const char *resolver_ails(const struct resolver *r);
/* Lines that parts beside the resolver add to the status (fs/fs, fs/bootstrap), each known by its
 * ctx, in the order in which they came; fn NULL when one ends. */
#define RESOLVER_STATUS_PARTS 5
typedef void resolver_status_fn(void *ctx, FILE *f);
void resolver_status_by(struct resolver *r, resolver_status_fn *fn, void *ctx);
/* "ADDRESS PORT" or "ADDRESS:PORT", a literal. -EINVAL; -EOPNOTSUPP with dht=off; -EADDRNOTAVAIL:
 * not on this network (mainline: a local address). */
int resolver_add_node(struct resolver *r, const char *text, size_t len);
int resolver_check_node(const char *text, size_t len); /* is it one? 0, -EINVAL */
size_t resolver_nodes_known(const struct resolver *r); /* that have answered */

#endif
