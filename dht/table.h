/* The routing table of one address family (Kademlia, section 2.4): many nodes near our own id,
 * fewer the farther away. Bucket i holds nodes that share exactly i leading bits with us; the
 * last bucket holds all that share more, and splits when it is full.
 *
 * Only nodes that answered a query of ours under the id we expected are told to it, so a
 * stranger cannot fill it with names. With `limits` he cannot fill it with machines either:
 * one node of a /24 (IPv4) or /64 (IPv6) in a bucket, few of it in the whole table, and who
 * has the id that its address gives it (BEP 42, "verified") goes before who has not.
 *
 * table_place.c is who has a place in it, table.c what is heard of them and what comes of it,
 * table_pick.c whom to name, to ask, to search for. None does I/O
 * or knows a time but what it is told. */
#ifndef DHT_TABLE_H
#define DHT_TABLE_H

#include "dht/id.h"

/* Nodes named in a reply, and nodes that keep a value (BEP 5). */
#define DHT_K 8

struct dht_node {
	struct dht_contact contact;
	uint64_t heard;	  /* last answer to a query of ours, microseconds */
	uint64_t asked;	  /* last query of ours */
	uint64_t seen;	  /* last query of its own */
	uint32_t rtt;	  /* smoothed, microseconds */
	uint32_t rttvar;  /* how far round trips are from that, smoothed */
	uint64_t since;	  /* when it entered */
	uint8_t failures; /* queries in a row without an answer in time */
	bool contested;	  /* whether it is still there is to be asked at once */
	bool verified;	  /* its id is one of its address (BEP 42), or the address is exempt */
	char client[4];	  /* `v` of the last answer that had one */
};

/* What is looked at first: a table is searched for each packet, and whole nodes would be a cache
 * line each. Who makes ids or addresses that begin alike gets nothing but a second look. */
struct dht_mark {
	uint32_t id; /* how it begins */
	uint32_t ip; /* all of it, folded */
};

struct dht_bucket {
	struct dht_node *nodes;
	struct dht_mark *marks; /* one for each of the nodes */
	struct dht_node *spares; /* answered too, while the bucket was full; the newest last */
	size_t len, cap, spares_len;
	uint64_t refreshed;
	uint64_t doubted; /* when all its nodes were last to be asked at once */
};

struct dht_table {
	struct dht_id own;
	bool one_per_ip; /* on the public network an address is an IP, else IP and port */
	bool limits;	 /* subnets and BEP 42 count */
	struct dht_bucket *buckets;
	size_t buckets_len; /* 0 before the first node */
	size_t len;
	uint64_t check_from[2]; /* no check is due before: routine, doubtful. 0: look */
};

void dht_table_init(
	struct dht_table *t, const struct dht_id *own, bool one_per_ip, bool limits);
void dht_table_finish(struct dht_table *t);
/* The same nodes around another id of ours. 0 or -ENOMEM, `t` is as it was in either case. */
int dht_table_around(
	const struct dht_table *t, const struct dht_id *own, struct dht_table *ret_table);

/* Would this node be taken if it answered? True as well where it could replace a silent one
 * or be a spare. False for nodes that are in the table. */
bool dht_table_wants(const struct dht_table *t, const struct dht_contact *c);
/* It answered. `client` is 4 bytes or NULL. True when the table has a node more by that: a
 * new one, or one that seemed lost. */
bool dht_table_answered(struct dht_table *t, const struct dht_contact *c, uint64_t now,
	uint32_t rtt, const uint8_t *client);
void dht_table_asked(struct dht_table *t, const struct dht_contact *c, uint64_t now);
/* A query came from there, as it says: it seems to live. True when it is in the table. */
bool dht_table_seen(struct dht_table *t, const struct dht_contact *c, uint64_t now);
/* It says that it answers nothing (BEP 43), unless somebody forged that: it is asked soon. */
void dht_table_retired(struct dht_table *t, const struct dht_contact *c, uint64_t now);
/* It did not answer in time. It leaves at once when there is a spare, else after long: true
 * then. */
bool dht_table_silent(struct dht_table *t, const struct dht_contact *c);
/* Somebody else answered at its address: true if it was in the table. If that happens to one node,
 * others of its bucket may be wrong as well: all are asked, at most once in a quarter of an
 * hour. */
bool dht_table_remove(struct dht_table *t, const struct dht_contact *c, uint64_t now);

const struct dht_node *dht_table_find(const struct dht_table *t, const struct dht_contact *c);
size_t dht_table_good(const struct dht_table *t);
/* When the node at that address, under whatever id, answered last; 0: there is none, or it was silent
 * since. */
uint64_t dht_table_heard(const struct dht_table *t, const struct dht_endpoint *e);

/* The nodes nearest to target, the nearest first, of those with at most that many failures. */
size_t dht_table_nearest(const struct dht_table *t, const struct dht_id *target,
	unsigned failures_max, struct dht_contact *ret_contacts, size_t cap);

/* The same for a reply to others: those without failures, the verified before all others. */
size_t dht_table_named(const struct dht_table *t, const struct dht_id *target,
	struct dht_contact *ret_contacts, size_t cap);

/* The node that is to be pinged now, or NULL, and when the next one is (UINT64_MAX: there is none):
 * of those that were silent or are contested, or of all others, for whom there is no hurry. */
const struct dht_node *dht_table_next_check(
	struct dht_table *t, bool doubtful, uint64_t now, uint64_t *ret_at);
/* The bucket that is to be refreshed next, and when; false when there is none. The last
 * bucket is not among them: it is our neighbourhood, which is searched for itself. */
bool dht_table_next_refresh(const struct dht_table *t, size_t *ret_bucket, uint64_t *ret_at);
void dht_table_refreshed(struct dht_table *t, size_t bucket, uint64_t now);
/* Turns 20 random bytes into an id that falls into the bucket. */
void dht_table_id_in(const struct dht_table *t, size_t bucket, struct dht_id *id);

/* Between the two files: how an id begins; the bucket that it belongs to; there must be one. */
static inline uint32_t dht_table_start(const struct dht_id *id)
{
	return (uint32_t)id->b[0] << 24 | (uint32_t)id->b[1] << 16 | (uint32_t)id->b[2] << 8 |
	       id->b[3];
}
size_t dht_table_bucket_of(const struct dht_table *t, const struct dht_id *id);
/* Something may be due earlier than was thought. */
static inline void dht_table_look_again(struct dht_table *t)
{
	t->check_from[0] = t->check_from[1] = 0;
}

#endif
