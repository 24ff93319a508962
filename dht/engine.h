/* The inside of a node, for the files that make up the engine and nobody else:
 *
 *   dht.c      a datagram in: is it a query or the answer to one of ours?
 *   server.c   queries of others: answered from tables, store, peers
 *   query.c    queries of ours: matched, timed
 *   lookup.c   how look-ups begin and end
 *   named.c    who becomes a candidate
 *   search.c   ask the nearest, then nearer ones
 *   get.c      values, verified
 *   put.c      the second half of a put: store on the nearest that answered
 *   put_send.c  who these are
 *   region.c   is the network as dense around a target as elsewhere?
 *   nets.c     or from one network?
 *   detour.c   where it is not: a second path, and the far side of the region
 *   refresh.c  a put only where it is needed
 *   republish.c  when that is done for items of ours, within a budget of bytes
 *   republish_plan.c  how many copies of each, and how often, that allows
 *   upkeep.c   joining, and keeping the tables fresh
 *   presence.c our id and address as others see them; are we reached at all?
 *
 * Parts that know nothing of struct dht: address, candidates, closest, estimate, habits, limits,
 * lost, peers, reach, table, token, verified. */
#ifndef DHT_ENGINE_H
#define DHT_ENGINE_H

#include "dht/closest.h"
#include "dht/dht.h"
#include "dht/estimate.h"
#include "dht/habits.h"
#include "dht/known.h"
#include "dht/limits.h"
#include "dht/lookup.h"
#include "dht/message.h"
#include "dht/peers.h"
#include "dht/presence.h"
#include "dht/query.h"
#include "dht/refresh.h"
#include "dht/republish.h"
#include "dht/republish_plan.h"
#include "dht/table.h"
#include "dht/token.h"
#include "dht/upkeep.h"
#include "dht/verified.h"

struct dht {
	struct dht_config config;
	struct dht_ops ops;
	void *self;
	struct dht_table tables[2]; /* IPv4, IPv6: dht_family */
	struct dht_queries queries;
	struct dht_lookups lookups;
	struct dht_closest closest;
	struct dht_known known;
	struct dht_estimate estimates[2]; /* of the IPv4 and the IPv6 network */
	struct dht_habits habits;
	uint64_t tries[2]; /* when a get may wait for those that are known to be silent */
	struct dht_upkeep upkeep;
	struct dht_republish republish;
	struct dht_presence presence;
	struct dht_tokens tokens;
	uint64_t tokens_turned;
	struct dht_peers *peers;
	struct dht_verified verified;
	struct dht_limits *limits; /* NULL: config.limits is off */
	struct dht_counters counters;
	unsigned depth;	   /* calls into the engine that are on the stack */
	bool running;	   /* dht_run is: it returns when it wants to run, no wake is needed */
	uint64_t promised; /* when the caller will call dht_run, as far as we have said */
};

/* Every public call that may change something is between these two: the outermost `leave`
 * frees look-ups that ended and asks to be woken if need be. */
void dht_enter(struct dht *dht);
void dht_leave(struct dht *dht);

static inline uint64_t dht_now(const struct dht *dht)
{
	return dht->ops.now(dht->self);
}

static inline struct dht_table *dht_table_of(struct dht *dht, const struct dht_endpoint *e)
{
	return &dht->tables[e->family == 6];
}

/* An address that we may have to do with; not our own, which others name for an old id of ours. */
bool dht_acceptable(const struct dht *dht, const struct dht_endpoint *e);
/* Is there any sign that we reach nodes of that family? */
bool dht_has_family(const struct dht *dht, unsigned family_index);
/* 0, or why it cannot be written in `cap` bytes: nothing was sent then. */
int dht_send_message(
	struct dht *dht, const struct dht_endpoint *to, const struct dht_message *m, size_t cap);

/* That address receives what is sent to it: a token or an answer of its own came from there. */
void dht_source_proved(struct dht *dht, const struct dht_endpoint *at);

/* Keeps an item in our own store if BEP 44 and the judge allow: 0, or a KRPC error code.
 * `from`: who sent it; NULL: we ourselves, who have verified it. */
int dht_keep_here(struct dht *dht, const struct dht_id *target, const struct dht_item *item,
	const int64_t *cas, const struct dht_endpoint *from);

/* server.c: answers a query; `bad` is the KRPC code when the query is wrong in itself. */
void dht_serve(
	struct dht *dht, const struct dht_endpoint *from, const struct dht_message *query, int bad);

/* Our `v`: two letters and two bytes of version, four bytes or some do not listen. */
#define DHT_CLIENT "KD01"

#endif
