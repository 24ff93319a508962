/* A node of BitTorrent's Mainline DHT, without I/O of its own.
 *
 * Packets, time and random bytes come in; packets go out through one struct of callbacks.
 * So a test runs a hundred nodes in one process in virtual time, and the daemon runs one on
 * a socket. The engine knows ids, packets and signed bytes; it knows neither DNS nor files.
 *
 * Life of a look-up: dht_get asks the nodes of the table nearest to the target, a few at a
 * time; each reply names nearer nodes and may carry a value, which is verified before
 * anyone sees it; the look-up ends when the nearest nodes that answer have all answered.
 * The nodes found, with their tokens, are kept for some minutes, so that a put of the same
 * target goes to them directly.
 *
 * Errors are 0 or negative errno. Everything runs on the caller's thread. Results of look-ups
 * are delivered only from dht_receive, dht_refused, dht_unreachable and dht_run, never before
 * dht_get or dht_put has returned; `ops` may be called from anywhere. A result callback may
 * start and cancel look-ups. */
#ifndef DHT_DHT_H
#define DHT_DHT_H

#include "dht/id.h"
#include "dht/item.h"

struct dht;
struct dht_counters;
struct dht_lookup;

/* What a node needs of the world. `self` is passed back as given. */
struct dht_ops {
	uint64_t (*now)(void *self);            /* monotonic, microseconds */
	int64_t (*wall)(void *self);            /* microseconds since 1970 */
	void (*random)(void *self, void *buf, size_t len); /* unpredictable */
	void (*send)(void *self, const struct dht_endpoint *to, const uint8_t *datagram,
		size_t len);
	/* Call dht_run at `at` (monotonic, microseconds): said when a call into the engine made
	 * that earlier than what dht_run returned last. */
	void (*wake)(void *self, uint64_t at);
	/* Items kept for others. `from` is who asks for the item or sent it, NULL: we ourselves;
	 * or, of find, somebody whose asking is not to count, as his address may be forged.
	 * find: 0 or -ENOENT. keep: 0 or negative errno (-EDQUOT, -ENOSPC: no room for it).
	 * renew: 0 when this very item is held, whose life begins anew then; -ENOENT: it is not,
	 * or that cannot be told without `find`. NULL: never. */
	int (*find)(void *self, const struct dht_id *target, const struct dht_endpoint *from,
		struct dht_item *ret_item);
	int (*keep)(void *self, const struct dht_id *target, const struct dht_item *item,
		const struct dht_endpoint *from);
	int (*renew)(void *self, const struct dht_id *target, const struct dht_item *item,
		const struct dht_endpoint *from);
	/* May `offered` replace `held` (NULL: nothing)? Asked after every check of BEP 44 has
	 * passed; 0, or the KRPC error code to answer with. NULL: always 0. */
	int (*judge)(void *self, const struct dht_item *held, const struct dht_item *offered);
	/* Fills in what the store counts. NULL: nothing. */
	void (*count)(void *self, struct dht_counters *counters);
	/* Our id is another one from now on (BEP 42), and worth keeping. NULL: nobody asks. */
	void (*own_id)(void *self, const struct dht_id *id);
};

struct dht_config {
	struct dht_id id;  /* to begin with: where our address decides over it, it changes */
	bool mainline;     /* the public network: local addresses are never accepted or returned */
	bool read_only;    /* BEP 43: sends `ro`, answers nothing */
	bool limits;       /* what strangers may have of us, by rate, bytes, subnet, is bounded */
};

int dht_create(const struct dht_config *config, const struct dht_ops *ops, void *self,
	struct dht **ret_dht);
/* Ends every look-up without a callback. NULL is fine. */
void dht_destroy(struct dht *dht);

/* A datagram came in. Junk is counted and dropped. */
void dht_receive(struct dht *dht, const struct dht_endpoint *from, const uint8_t *datagram,
	size_t len);
/* Somebody says that nobody listens there (ICMP), and quotes what we sent there. Anybody can say so
 * of anyone: it is believed if the quotation has the transaction of a query under way to it, which
 * a stranger cannot know. Then all that is under way to it has failed; else it is junk. */
void dht_refused(struct dht *dht, const struct dht_endpoint *at, const uint8_t *quoted, size_t len);
/* Our own host knows no way to it. */
void dht_unreachable(struct dht *dht, const struct dht_endpoint *at);
/* Runs what is due and returns when it wants to run next (monotonic, microseconds);
 * UINT64_MAX: not before something else happens. */
uint64_t dht_run(struct dht *dht);

/* A node to join by, or that someone named: it is asked, and enters the table if it answers.
 * The first such calls start the search for our own neighbourhood. While no node is known they
 * are asked again and again, later now and then, so that a network that fell apart mends.
 * -EADDRNOTAVAIL: no address of this network (mainline: a local one). */
int dht_add_node(struct dht *dht, const struct dht_endpoint *at);
/* The same for many, asked in this order. Those that are no addresses of this network are left
 * out. */
void dht_add_nodes(struct dht *dht, const struct dht_contact *nodes, size_t len);

/* Nodes of the eight that a value must reach to survive until it is put again. */
#define DHT_ENOUGH 6

/* What a finished look-up or put found. */
struct dht_result {
	int error;            /* 0; -ENETUNREACH: nodes are known, none answered; -EHOSTUNREACH: no
	                       * node is known at all (we alone are the network; a put may still be
	                       * stored_here, a get have found a value of our own store) */
	unsigned answered;    /* nodes that answered the look-up */
	unsigned queries;     /* packets it took ... */
	unsigned bytes;       /* ... and what they held */
	unsigned hops;        /* the longest chain of nodes of which each named the next, of those
	                       * that ended at one of the eight nearest that answered */
	unsigned holders;     /* get: nodes that returned a value that verified */
	unsigned held;        /* get: those that returned the newest and are no suspects */
	unsigned stored;      /* put: nodes that took it, we ourselves and suspects not counted */
	unsigned refused_cas; /* put: nodes that said 301 */
	unsigned refused_seq; /* put: nodes that said 302 */
	uint64_t enough;      /* put: microseconds until DHT_ENOUGH nodes had taken it; 0: never */
	bool stored_here;     /* put: this node keeps it too */
	bool crowded;         /* somebody seems to have made ids up to be next to the target: what
	                       * was stored there is to be read back before it counts (a put of
	                       * the publisher: resolver/job.c) */
	bool contested;       /* put: who has the key too signed another value of our seq */
	int64_t seq_seen;     /* highest seq of a value that verified; -1: none */
};

/* Called once for each value of each node (item set, result NULL; `from` NULL: our own store),
 * every value verified; then once at the end (item NULL, result set), after which the
 * look-up is gone. Values of one mutable target may differ from node to node: choosing is
 * the caller's work. An immutable value proves itself, so the first one ends the look-up.
 * -EBUSY: too many look-ups are under way (this and the calls below). */
typedef void dht_get_fn(void *ctx, const struct dht_item *item, const struct dht_endpoint *from,
	const struct dht_result *result);
int dht_get_mutable(struct dht *dht, const uint8_t key[DHT_KEY_LEN], const uint8_t *salt,
	size_t salt_len, dht_get_fn *fn, void *ctx, struct dht_lookup **ret_lookup);
int dht_get_immutable(struct dht *dht, const struct dht_id *target, dht_get_fn *fn, void *ctx,
	struct dht_lookup **ret_lookup);
/* The same for a signed item that we have just put where the result said `crowded`, by another way:
 * it begins with other nodes, far from the target. Only `held` says whether it is there: a Sybil
 * may well return it to us alone. */
int dht_read_back(struct dht *dht, const struct dht_item *item, dht_get_fn *fn, void *ctx,
	struct dht_lookup **ret_lookup);

/* What look-ups may cost together, whoever shares it: counted down, and by nobody up. Where nothing is
 * left of it a look-up asks nobody else, or believes nothing else, and ends with what it has. */
struct dht_allowance {
	unsigned packets; /* queries */
	unsigned checks;  /* of signatures */
};
/* For a look-up that was just made. So many checks are left to others. */
void dht_get_within(struct dht_lookup *lookup, struct dht_allowance *allowance, unsigned checks_kept);
/* For a look-up of a signed item that was just made: we hold this version, verified. Nodes that have
 * it, or an older one, need not send it (BEP 44, `seq`); who says so is told of as one that returned
 * it. That is its word alone: but who lies so could as well return it, as anyone can who ever read
 * it. Not for an item whose key is public: there others sign other values of one seq. */
void dht_get_unless(struct dht_lookup *lookup, const struct dht_item *held);

/* Stores a signed (or immutable) item on the nodes nearest to its target, and here. With
 * DHT_PUT_CAS each node is told, as `cas`, the seq that it returned to the last get of this
 * target (BEP 44), so that nothing newer is overwritten unread: 0 if it returned nothing, and
 * a node that has come to hold a value since that get, or when there was none within five
 * minutes, counts as refused_cas without being asked. Our own store is treated alike.
 * -EINVAL: not an item; -EBADMSG: its signature does not hold. */
#define DHT_PUT_CAS 1
typedef void dht_put_fn(void *ctx, const struct dht_result *result);
int dht_put(struct dht *dht, const struct dht_item *item, unsigned flags, dht_put_fn *fn, void *ctx,
	struct dht_lookup **ret_lookup);

/* Keeps an item of ours alive: looks at its copies now and then, and puts it again, byte for byte,
 * where it is missing or may soon be forgotten (republish.h says when). That its signature holds is
 * the caller's word, and that it was put before: `put` is when (monotonic, microseconds; 0:
 * unknown). `fn` is told of every refresh; when its seq_seen is above the item's, or it is
 * contested, the network has another value, and the item rests until it is removed. -EINVAL,
 * -ENOMEM. */
struct dht_published;
int dht_publish(struct dht *dht, const struct dht_item *item, uint64_t put, dht_put_fn *fn,
	void *ctx, struct dht_published **ret_published);
/* The first look comes at any time within so many microseconds, if it was to come later: nothing is
 * known of the item's copies. */
void dht_look_within(struct dht *dht, struct dht_published *published, uint64_t span);
/* From the callback too; NULL is fine. */
void dht_unpublish(struct dht *dht, struct dht_published *published);
/* 0 keeps what stands. */
struct dht_republish_limits {
	unsigned rate;     /* bytes a second that all refreshes together may send; 5000 */
	uint64_t lifetime; /* microseconds for which nodes keep an item after a put; two hours */
	uint64_t interval; /* microseconds between first looks at an item; what lifetime allows */
};
void dht_republish_limits(struct dht *dht, const struct dht_republish_limits *limits);
/* May other work for the sake of republishing be done now? Then `spent` says what it took. */
bool dht_republish_may(const struct dht *dht);
void dht_republish_spent(struct dht *dht, unsigned bytes);

/* BEP 5: who has announced that it listens for info_hash? Called for each node that names
 * some, then once at the end (peers NULL, result set). For tests of interoperation and for
 * networks that carry both. */
typedef void dht_peers_fn(void *ctx, const struct dht_endpoint *peers, size_t len,
	const struct dht_result *result);
int dht_get_peers(struct dht *dht, const struct dht_id *info_hash, dht_peers_fn *fn, void *ctx,
	struct dht_lookup **ret_lookup);

/* Ends a look-up or put without a further callback. */
void dht_cancel(struct dht *dht, struct dht_lookup *lookup);

/* The table, for status, for saving, for tests. */
struct dht_node_info {
	struct dht_contact contact;
	uint64_t heard;        /* monotonic, microseconds: last answer to a query of ours, or 0 */
	uint32_t rtt;          /* microseconds, smoothed; 0 unknown */
	unsigned failures;     /* queries in a row without an answer */
	uint8_t client[4];     /* `v` as it said it, any bytes; zero: none */
};
typedef void dht_node_fn(void *ctx, const struct dht_node_info *node);
void dht_each_node(const struct dht *dht, dht_node_fn *fn, void *ctx);

/* Kinds of messages, to count them by: queries by their method, then the answers. */
#define DHT_KIND_REPLY 8
#define DHT_KIND_ERROR 9
#define DHT_KINDS 10
const char *dht_kind_name(unsigned kind); /* "ping", …, "unknown", "reply", "error" */

struct dht_traffic {
	uint64_t packets, bytes;
};

/* What came in is the sum of `in`, of what was dropped before it was read, and of junk that was
 * no message. */
struct dht_counters {
	uint64_t packets_in, packets_out, bytes_in, bytes_out;
	struct dht_traffic in[DHT_KINDS], out[DHT_KINDS];
	uint64_t junk;         /* datagrams that were no message, or a reply to nothing we asked */
	uint64_t drop_rate;    /* dropped unread: more from one source than it may send */
	uint64_t drop_budget;  /* dropped unread: more from all than we look at */
	uint64_t drop_bytes;   /* unanswered: more than a source, or of the unverified its /24, or
	                        * all of these, may be sent */
	uint64_t queries_in, queries_out, replies_in, errors_in, timeouts;
	uint64_t gets, puts;   /* look-ups of ours */
	uint64_t searches;     /* and those for the sake of the table */
	uint64_t ended, hops;  /* of these: those that ended, the sum of their hops */
	uint64_t wide;         /* of all look-ups those that met ids made up for their target */
	uint64_t suspects;     /* nodes that answered these and were not believed: next to the
	                        * target together, or named only by who names others falsely */
	uint64_t values_bad;   /* values that did not verify, from anyone, or came after the
	                        * sixteen that one look-up verifies */
	uint64_t items_kept;   /* puts of others that we took */
	uint64_t verifications;
	uint64_t size4, size6; /* nodes of the networks, estimated from look-ups; 0: unknown */
	/* Of the store: items and bytes held and the memory that knows them; byte-identical puts;
	 * items that made room; puts refused by a source's share or because all held was worth
	 * more; items read from disk; transactions. */
	size_t store_items, store_bytes, store_memory;
	uint64_t store_refreshes, store_evictions, store_refused_quota, store_refused_full;
	uint64_t store_reads, store_commits;
	uint64_t refreshes;    /* looks at the copies of items of ours ... */
	uint64_t refresh_puts; /* ... copies put again ... */
	uint64_t refresh_bytes; /* ... and what that sent */
	uint64_t refresh_lost; /* copies that were gone before their time */
	uint64_t refresh_late; /* items whose copies may all have been forgotten meanwhile */
	size_t published;      /* items of ours that are kept alive */
	uint64_t id_changes;   /* our address gave us another id */
	size_t nodes;          /* in the table, good ones */
	size_t lookups;        /* under way */
};
void dht_counters(const struct dht *dht, struct dht_counters *ret_counters);
const struct dht_id *dht_own_id(const struct dht *dht);
/* Where others see us over IPv4 (4) or IPv6 (6): family 0: not known, port 0: each sees another. */
void dht_external(const struct dht *dht, unsigned family, struct dht_endpoint *ret_endpoint);
/* By configuration, or because no stranger reaches us (BEP 43). */
bool dht_is_read_only(const struct dht *dht);

#endif
