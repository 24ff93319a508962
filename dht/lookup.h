/* Look-ups: the iterative search (Kademlia, section 2.3), and what is done with what it
 * finds. A put is a search followed by storing on the nearest nodes that answered.
 *
 * States of a look-up, each in a list of its own:
 *   fresh    dht_get or dht_put has just made it; dht_run starts it, so that no result
 *            can come before that call has returned
 *   waiting  no node is known yet, but those to join by are being asked: two seconds at most
 *   running  searches or stores
 *   ended    told its caller, or was cancelled; freed when the engine is left, so that a
 *            callback may cancel the very look-up that calls it */
#ifndef DHT_LOOKUP_H
#define DHT_LOOKUP_H

#include <sys/queue.h>

#include "dht/candidates.h"
#include "dht/dht.h"
#include "dht/known.h"
#include "dht/query.h"

/* Further ones are refused: -EBUSY. */
#define DHT_LOOKUPS_MAX 1024
/* Of these so many ask at once, and one more begins only while this many queries are awaited: the
 * others stay fresh. What begun ones need when their nodes are silent is the other half. */
#define DHT_LOOKUPS_RUNNING_MAX 200
#define DHT_LOOKUPS_QUERIES (DHT_QUERIES_MAX / 2)

/* Packets of one look-up, over both families and all that it sends: a liar that names ever nearer
 * nodes shall not keep us busy. A put keeps eight back for each family that it knows nodes of, to
 * store with when its search is over. A second search of a put has what the first, and what was
 * stored by then, left of the others. */
#define DHT_LOOKUP_PACKETS 60

enum dht_lookup_kind {
	DHT_LOOKUP_NODES, /* our own: a neighbourhood, a bucket */
	DHT_LOOKUP_GET,
	DHT_LOOKUP_PEERS,
	DHT_LOOKUP_PUT,
};

enum dht_lookup_state {
	DHT_LOOKUP_FRESH,
	DHT_LOOKUP_WAITING,
	DHT_LOOKUP_RUNNING,
	DHT_LOOKUP_ENDED,
};

/* Values of one target that verified already. Nodes mostly return the same bytes. */
#define DHT_LOOKUP_SEEN 4

struct dht_lookup {
	TAILQ_ENTRY(dht_lookup) entry;
	struct dht *dht;
	enum dht_lookup_kind kind;
	enum dht_lookup_state state;
	struct dht_id target;
	struct dht_candidates fronts[2]; /* the IPv4 and the IPv6 network */
	uint64_t began, waits_until;
	uint64_t reach[2]; /* where the eighth nearest is to be expected; UINT64_MAX: no matter */
	bool widened[2];   /* the whole table was drawn upon */
	bool tries[2];	   /* also those that are known to be silent */
	bool held_up;	   /* there was no room for a query of it; goes on when there is */
	struct dht_result result;
	void *ctx;
	union {
		dht_get_fn *get;
		dht_put_fn *put;
		dht_peers_fn *peers;
	} fn;

	/* of a get */
	bool is_mutable;
	uint8_t key[DHT_KEY_LEN];
	uint8_t salt[DHT_SALT_MAX];
	uint8_t salt_len;
	bool apart; /* reads back: does not begin where the put did */
	bool found; /* an immutable value: the hash proves it, the search can end */
	bool here_has_seq;
	int64_t here_seq;
	struct dht_item *seen[DHT_LOOKUP_SEEN];
	size_t seen_len;
	bool has_first; /* seen[0] is what the caller holds: nodes that have it need not send it */
	unsigned verified; /* signatures that were checked */
	struct dht_allowance *allowance; /* the caller's; NULL: its own bounds alone */
	unsigned checks_kept;

	/* of a put */
	struct dht_item *item;
	unsigned flags;
	bool storing;		     /* the search is over */
	unsigned ahead[2];	     /* stores sent before it was over, of each family */
	unsigned searches;	     /* none: the nodes were known from the last get */
	bool kept;		     /* our own store was asked */
	struct dht_refresh *refresh; /* NULL: a put as its caller wants it */
	uint64_t tokens_from; /* when the search was that the nodes are known from; 0: ours */
	bool conflict_here;   /* it holds something newer, or something unread */
};

TAILQ_HEAD(dht_lookup_list, dht_lookup);
struct dht_lookups {
	struct dht_lookup_list fresh, waiting, running, ended;
	size_t fresh_len, running_len, len; /* len: of the first three */
	size_t held_up;			    /* of the running ones */
};

void dht_lookup_init(struct dht *dht);
void dht_lookup_finish(struct dht *dht);

/* A search for the nodes near target, for the tables' sake; upkeep is told of its end. */
int dht_lookup_nodes(struct dht *dht, const struct dht_id *target, struct dht_lookup **ret_lookup);
/* Starts the fresh ones and those that waited long enough. */
void dht_lookup_run(struct dht *dht);
/* Nothing to wait for any more: there is a node now, or there will be none. */
void dht_lookup_stop_waiting(struct dht *dht);
uint64_t dht_lookup_due(const struct dht *dht); /* UINT64_MAX: there is nothing to start */
void dht_lookup_free_ended(struct dht *dht);

/* Ends of queries. `q` is a copy that says who was asked. */
void dht_lookup_reply(struct dht_lookup *l, const struct dht_query *q, const struct dht_message *m);
/* Refused, answered with an error (0: none), or (is != NULL) by somebody else. */
void dht_lookup_failed(
	struct dht_lookup *l, const struct dht_query *q, const struct dht_id *is, int error);
void dht_lookup_stalled(struct dht_lookup *l, const struct dht_query *q);

/* Between the files of a look-up. lookup.c: */
int dht_lookup_make(struct dht *dht, enum dht_lookup_kind kind, const struct dht_id *target,
	void *ctx, struct dht_lookup **ret_lookup);
void dht_lookup_end(struct dht_lookup *l);
struct dht_address_rules dht_lookup_rules(const struct dht *dht);
unsigned dht_lookup_families(const struct dht_lookup *l); /* in which it knows of anybody */
/* The one place that bounds its packets: may it send another? `reserved`: one of those that a put
 * keeps back. */
bool dht_lookup_may_send(const struct dht_lookup *l, bool reserved);
/* Is there room for a query? If not, the look-up is held up: it must not end, and is called again
 * (dht_lookup_advance) when there is. */
bool dht_lookup_has_room(struct dht_lookup *l);

/* named.c: somebody to ask, so many hops away; the nearest of the table; those in a reply. */
void dht_lookup_candidate(struct dht_lookup *l, const struct dht_contact *c, uint8_t hops);
void dht_lookup_seed(struct dht_lookup *l, unsigned family, size_t count);
void dht_lookup_named(
	struct dht_lookup *l, const struct dht_candidate *source, const struct dht_message *m);

/* search.c: asks whom it is time to ask, and goes on when all did. */
void dht_lookup_search(struct dht_lookup *l);
void dht_lookup_advance(struct dht_lookup *l); /* searches, or stores if that is over */

/* get.c: the value in a reply, the one in our own store, and who returned what. */
void dht_get_take(struct dht_lookup *l, struct dht_candidate *c, const struct dht_message *m);
/* Does it say that it has nothing newer than what the caller holds, and sends nothing for that? */
bool dht_get_is_unchanged(const struct dht_lookup *l, const struct dht_message *m);
void dht_get_take_own(struct dht_lookup *l);
void dht_get_count_held(struct dht_lookup *l); /* at its end */
void dht_lookup_remember(struct dht_lookup *l);

/* region.c: nodes of the network, estimated, or counted where there are few; 0: unknown; */
uint64_t dht_region_size(const struct dht *dht, unsigned family);
/* where the rank-th nearest to any target is to be expected, the first 64 bits of the distance; 0:
 * unknown, or there are no more than that; */
uint64_t dht_region_distance(const struct dht *dht, unsigned family, unsigned rank);
/* does a reply name nodes otherwise than they answered us? */
bool dht_region_contradicts(struct dht_lookup *l, const struct dht_message *m);
/* who was named or answered since is looked at together with all others; */
void dht_region_judge(struct dht_lookup *l, unsigned family);
/* the suspect to be asked next, of the first `end`. NULL: none, or enough were; */
struct dht_candidate *dht_region_next(
	const struct dht_lookup *l, const struct dht_candidates *front, size_t end);
/* a search is over; */
void dht_region_learn(struct dht_lookup *l);
/* it answered us; is it what it was? (known.h); */
void dht_region_met(struct dht *dht, const struct dht_contact *c);
enum dht_acquaintance dht_region_look(const struct dht *dht, const struct dht_contact *c);
/* is that node one that is not believed? */
bool dht_region_made_up(const struct dht_lookup *l, const struct dht_contact *contact);

/* nets.c: are too many of the nearest eight of one network? `row`: those that answered, the nearest
 * first. They become suspects. */
bool dht_nets_judge(
	struct dht_lookup *l, unsigned family, struct dht_candidate *const row[], size_t len);

/* detour.c: where ids were made up: those with whom a second path begins become candidates; */
void dht_detour_begin(struct dht_lookup *l, unsigned family);
/* and whom to ask next for the far side of a region whose middle is crowded, and which id. False:
 * nobody; */
bool dht_detour_round(struct dht_lookup *l, unsigned family, struct dht_candidate **ret_candidate,
	struct dht_id *ret_target);
/* such a query has ended: true if it was one. */
bool dht_detour_ended(struct dht_lookup *l, struct dht_candidate *c, const struct dht_query *q,
	enum dht_search_state how);

/* A node that answered the search and is silent now has most likely lost a packet. */
#define DHT_PUT_TRIES 2
/* A seq to compare with where nothing was: BEP 44 ignores `cas` while nothing is stored, and
 * ours are the microseconds since 1970. So of two first writers the second is told. */
#define DHT_CAS_NOTHING 0
/* put_send.c: stores while the put still searches; sends the item to one node; to all of a family
 * that are to have it. True when none of these is worth waiting for any more. */
void dht_put_ahead(struct dht_lookup *l);
void dht_put_send(struct dht_lookup *l, struct dht_candidate *c);
bool dht_put_front(struct dht_lookup *l, struct dht_candidates *front);

/* put.c: a put, or a refresh, of a copy of the item; the search is over; ends of queries that
 * store. */
int dht_put_make(struct dht *dht, const struct dht_item *item, dht_put_fn *fn, void *ctx,
	struct dht_lookup **ret_lookup);
void dht_put_start(struct dht_lookup *l);
void dht_put_store(struct dht_lookup *l);
void dht_put_answer(struct dht_lookup *l, const struct dht_query *q, const struct dht_message *m);
void dht_put_stalled(struct dht_lookup *l, const struct dht_query *q);

#endif
