/* What resolver.c, resolver_life.c, sources.c, memory.c, pinned.c, stale.c, prefetch.c, relayed.c, explain*.c, health.c,
 * keep_file.c, nodes.c and status.c share; nobody else includes it. */
#ifndef RESOLVER_RESOLVER_INSIDE_H
#define RESOLVER_RESOLVER_INSIDE_H

#include <stdio.h>
#include <sys/queue.h>

#include <event2/event_struct.h>

#include "resolver/attest.h"
#include "resolver/fetch.h"
#include "resolver/keep.h"
#include "resolver/mirror.h"
#include "resolver/misses.h"
#include "resolver/prefetch.h"
#include "resolver/refuted.h"
#include "resolver/root_keys.h"
#include "resolver/rotation.h"
#include "resolver/signers.h"
#include "resolver/work.h"

#define RESOLVER_BUCKETS 256

struct pending;
struct ask;

#define RESOLVER_LENT 128 /* of the size of a record, some 500 bytes each */

struct resolver {
	struct event_base *base;
	struct resolver_config config;
	struct resolver_parts parts;
	struct fetch_env env;
	struct cache *cache;
	uint64_t seed;
	LIST_HEAD(, pending) pending[RESOLVER_BUCKETS];
	size_t pending_len, behind_len;
	/* Those that only clients of doors wait for, or nobody, the oldest first: of DNS, of the DHT. */
	struct pending_line {
		TAILQ_HEAD(, pending) pending;
		size_t len;
	} lines[2];
	struct misses misses;
	struct refuted refuted;
	struct root_keys *root_keys; /* NULL: no copies are judged here */
	struct event keys_due;	     /* to write their file */
	LIST_HEAD(, ask) asks;
	TAILQ_HEAD(, ask) door_asks; /* the oldest first */
	size_t asks_len, door_asks_len;
	/* Own answers that peeks handed out, by the version of the record: cat is LOOKUP, OPEN and
	 * sometimes GETATTR, and each of them peeks. */
	struct lent {
		int64_t written;
		uint64_t looked; /* monotonic: how far it has come was looked at */
		struct answer *answer;
	} lent[RESOLVER_LENT];
	struct pins *pins;
	struct attest *attest;
	struct signers *signers;
	struct keeper *keeper;
	/* The same for what pins answer; by the answer of the key's zone, which is held. */
	struct pinned_lent {
		const struct answer *from;
		struct answer *answer;
		int64_t min; /* of the pin by which it was made */
	} pinned[RESOLVER_LENT];
	struct rotation_note rotated[ROTATION_NOTES];
	/* And for aliases that lead to another source; by both answers, which are held. */
	struct chased_lent {
		const struct answer *from, *end;
		struct answer *answer;
	} chased[RESOLVER_LENT];
	struct dns_door *doors[RESOLVER_DOORS_MAX];
	struct resolver_status_part {
		resolver_status_fn *fn;
		void *ctx;
	} status_parts[RESOLVER_STATUS_PARTS];
	resolver_watch_fn *watch;
	void *watch_ctx;
	struct prefetch *prefetch;
	struct mirror *mirror; /* NULL: there is no DHT or no DNS */
	struct pkarr *pkarr; /* NULL: there is no DHT */
	char *cache_file;     /* NULL: nothing survives a restart */
	struct event keeping; /* writes it from time to time */
	struct answer out_of_memory;  /* what an ask is told when there is no memory for its answer */
	struct resolver_counters {
		uint64_t asked, failed, deadlines, filtered, explained, stale, pinned;
	} counters;
};

/* memory.c: whose own record answers this view: under a key only the key's owner can have written one;
 * a plain name is its writer's, then root's and the daemon owner's, behind a pin of the view's own.
 * And what the hosts file answers it. `listed`: by what is held of that pin for a while after its
 * time too. */
const struct own_record *memory_own(
	struct resolver *r, const struct question *q, uid_t view, bool listed);
const struct answer *memory_hosts(
	struct resolver *r, const struct question *q, uid_t view, bool listed);
/* Either of them, as an answer. Borrowed until the next call into the resolver; or NULL. */
const struct answer *memory_local(
	struct resolver *r, const struct question *q, uid_t view, bool listed);
/* The same where that pin is known to be silent, though memory does not say so: what failed by
 * the deadline is not kept. NULL: nothing. */
const struct answer *memory_behind_pin(struct resolver *r, const struct question *q, uid_t view);
/* What answers from memory, aliases that lead on not followed; the same with them, at the end of
 * others. Borrowed as resolver_peek's. */
const struct answer *memory_said(
	struct resolver *r, const struct question *q, uid_t view, bool listed);
struct chase_look;
const struct answer *memory_peek(
	struct resolver *r, const struct question *q, const struct chase_look *look);
/* What one source said; `listed`: also for a while after its time. */
const struct answer *memory_cached(struct resolver *r, const struct question *q,
	enum cache_part part, bool listed);
/* What this machine itself says in place of conventional DNS, now in the cache like that; or NULL. */
const struct answer *memory_special(struct resolver *r, const struct question *q);
/* Below a name that is proven not to exist nothing exists (RFC 8020): that proof as the answer to this
 * question, or NULL. A reference; it is not kept, so that nobody fills the cache with what it says
 * already. */
struct answer *memory_below_nothing(struct resolver *r, const struct question *q);
/* The parts of an answer as far as they are held, with the pins of this view. */
void memory_parts(struct resolver *r, const struct question *q, uid_t view, bool listed,
	struct policy_part ret_parts[CACHE_PARTS]);
/* stale.c: what stands in for this part of DNS while it does not answer, believed from now on for
 * as long as a failure would be; takes over `failed` (NULL: it is only too slow so far), and gives
 * that back where there is nothing else to say. A reference, or NULL. */
struct answer *stale_instead(struct resolver *r, const struct question *q, enum cache_part part,
	struct answer *failed);

/* stale.c: reads what a restart has left, and keeps that file from then on; writes it a last time. */
void memory_restore(struct resolver *r);
void memory_keep(struct resolver *r);
/* stale.c: DNS has said this; the keys that its proof rests on are kept, or asked for. */
void keys_begin(struct resolver *r);
void keys_heard(struct resolver *r, const struct answer *a);

/* sources.c: an ask that waits for a source; embedded in the ask, which sets `ask` and `part`. */
struct waiter {
	LIST_ENTRY(waiter) link;
	struct ask *ask; /* NULL: not waiting */
	enum cache_part part; /* of the ask */
	bool door;            /* a client of a door asks */
	struct work *work;    /* of the ask: what is begun for it is counted there */
};
/* Asks this source, or joins who does. 0: ask_arrived is called once; -EREMOTEIO: it cannot be
 * asked. */
int sources_join(struct resolver *r, const struct question *q, enum cache_part source,
	struct waiter *w);
/* The answer, or in its place that there is none, if its addresses may not come from there. */
struct answer *sources_filtered(struct resolver *r, struct answer *a);
void sources_init(struct resolver *r);
void sources_leave(struct waiter *w); /* nothing more comes; any waiter, waiting or not */
void sources_finish(struct resolver *r); /* nobody waits any more */
/* sources.c: asks DNS for what nobody waits for. False: it is being asked, or cannot be. */
bool resolver_refresh(struct resolver *r, const struct question *q);
/* The same for what was never asked: while at most `max` such questions are under way, and there is no
 * flood. */
bool sources_ask_behind(
	struct resolver *r, const struct question *q, size_t max, struct work *work);
/* The same for the mirror alone, which is told: its answer is not kept, or listings would show names that
 * nobody here has asked for. */
bool sources_ask_unseen(struct resolver *r, const struct question *q, size_t max);
/* sources.c: is this source being asked? For how many microseconds then. */
bool resolver_under_way(struct resolver *r, const struct question *q, enum cache_part part,
	uint64_t *ret_age);
/* sources.c: tells the watcher that memory says something else of this, and of what pins read from
 * it, whosever pins they are. */
void sources_tell(struct resolver *r, const struct question *q);
/* resolver.c: none is answered any more. */
void asks_finish(struct resolver *r);
/* resolver.c: what a source said to this ask. The ask may be gone then. */
void ask_arrived(struct ask *ask, enum cache_part part, const struct answer *a);

/* relayed.c: a relay of this resolver's DHT. 0, -ENOMEM, -EIO. */
int relayed_begin(struct resolver *r);

/* keep_file.c: zones of others are kept alive. As keeper_create. */
int keep_begin(struct resolver *r);

/* status.c: closes an open_memstream. 0, or -ENOMEM and no text. */
int resolver_end_text(FILE *f, char **text);

#endif
