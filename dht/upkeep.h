/* Joining a network and staying in it: nodes to join by, the search for our neighbourhood,
 * pings of nodes long unheard, refreshes of buckets long unused. In a quiet network this is
 * about a packet every few seconds. */
#ifndef DHT_UPKEEP_H
#define DHT_UPKEEP_H

#include "dht/lost.h"
#include "dht/table.h"

struct dht;
struct dht_lookup;
struct dht_query;

/* A saved table and then some. Others are forgotten in turn for newer ones. */
#define DHT_JOIN_MAX 512

struct dht_upkeep {
	struct dht_endpoint *join; /* nodes to join by */
	size_t join_len;
	size_t join_next; /* the next to ask of this round */
	size_t join_slot; /* the next to be forgotten when the list is full */
	unsigned join_flying;
	uint64_t join_at;   /* when the next round may begin */
	uint64_t join_wait; /* between rounds, doubling while nobody answers */
	bool join_family[2];

	struct dht_lost lost;
	uint64_t lost_at; /* when the next of them may be asked */

	/* How many nodes were known at a moment of the last minute, and how many came since. */
	uint64_t counted_from;
	size_t known_then, come;

	struct dht_lookup *neighbours; /* the search for our own id */
	uint64_t neighbours_at, neighbours_wait;
	unsigned neighbours_turn;
	struct dht_id anywhere; /* what the last of them searched for that was not our neighbourhood */
	struct dht_lookup *refresh; /* the search in some bucket */
	uint64_t check_at[2];	    /* not before: paces pings, routine and doubtful */
	unsigned pings;		    /* under way and not stalled */
	uint64_t due;
};

void dht_upkeep_init(struct dht *dht);
void dht_upkeep_finish(struct dht *dht);
/* Does what is due; dht->upkeep.due then says when to come again. */
void dht_upkeep_run(struct dht *dht, uint64_t now);

/* A look-up finds no node. True when somebody to join by is being asked, so that it is worth
 * waiting: dht_lookup_stop_waiting will be called. */
bool dht_upkeep_joining(struct dht *dht);
/* Ends of queries of purpose DHT_FOR_JOIN and DHT_FOR_TABLE: answered, refused or stalled.
 * An answer after the stall is a second end. */
void dht_upkeep_ended(struct dht *dht, const struct dht_query *q, bool answered);
/* A table has a node that it had not; `joined`: found by an address to join by. */
void dht_upkeep_entered(struct dht *dht, bool joined);
/* A node left a query unanswered. */
void dht_upkeep_silent(struct dht *dht, const struct dht_contact *who);
/* Our id is another, or we are reached again: our neighbourhood is searched anew. */
void dht_upkeep_moved(struct dht *dht);
/* A node queried us. It may be worth a place in the table, or (`ro`) be no longer. */
void dht_upkeep_met(struct dht *dht, const struct dht_contact *who, bool read_only);
/* A node of the table answered by another id, and has left it: it is asked by that one. */
void dht_upkeep_renamed(struct dht *dht, const struct dht_contact *now_called);
/* A search made by dht_lookup_nodes has ended. */
void dht_upkeep_searched(struct dht *dht, const struct dht_lookup *l);
/* Do not sleep longer than that. */
void dht_upkeep_by(struct dht *dht, uint64_t at);

#endif
