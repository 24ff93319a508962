/* Many nodes in one process, in virtual time: latency, loss, NAT, dead and lying nodes, partitions,
 * clocks that jump. All of it follows from one seed, which is printed, so that a failure can be had
 * again: SIM_SEED=12345 ./sim_network. */
#ifndef SIM_SIM_H
#define SIM_SIM_H

#include "dht/dht.h"

struct sim;

struct sim_config {
	uint64_t seed; /* 0: SIM_SEED, else 1 */
	/* Microseconds. Each pair of nodes has its own round trip, half of it each way, always the
	 * same but for a jitter of up to a twentieth: uniform from min to max over all pairs. */
	uint32_t rtt_min, rtt_max;
	unsigned loss;		/* packets lost of a thousand */
	bool mainline;		/* addresses are public ones */
	bool limits;		/* what strangers may have of a node is bounded */
	uint64_t item_lifetime; /* microseconds; 0: two hours */
	bool own_nets; /* as limits by subnet want: each node has a /24 (IPv6: a /32) of its own,
			  public as well */
};

#define SIM_SECOND ((uint64_t)1000000)

struct sim *sim_create(const struct sim_config *config);
void sim_destroy(struct sim *sim);
uint64_t sim_now(const struct sim *sim);
uint64_t sim_random(struct sim *sim);
/* Packets sent since the start, those lost included. */
uint64_t sim_packets(const struct sim *sim);

/* Adds a node of its own address; the number of the node. Families: 4, 6, or 46 for both. */
size_t sim_add(struct sim *sim, int families);
size_t sim_len(const struct sim *sim);
int sim_families(const struct sim *sim, size_t node);
struct dht *sim_dht(struct sim *sim, size_t node);
void sim_endpoint(
	const struct sim *sim, size_t node, uint8_t family, struct dht_endpoint *ret_endpoint);
/* The node there; SIZE_MAX: none. */
size_t sim_node_of(const struct sim *sim, const struct dht_endpoint *endpoint);
/* `node` is told of `by`, over every family that both have. */
void sim_join(struct sim *sim, size_t node, size_t by);

/* Gone without a word; with `refuse` its host says so (ICMP). */
void sim_kill(struct sim *sim, size_t node, bool refuse);
bool sim_alive(const struct sim *sim, size_t node);
/* Starts a dead node anew: same address and items, another id unless keep_id. */
void sim_restart(struct sim *sim, size_t node, bool keep_id);
/* And tells it of the nodes that its table had when it was killed, as one saved on disk. */
void sim_rejoin(struct sim *sim, size_t node);
/* 0 everywhere: all reach all. Nodes of different sides do not reach each other. */
void sim_set_side(struct sim *sim, size_t node, int side);
int sim_side(const struct sim *sim, size_t node);
/* Behind a NAT only those reach a node that it has written to within the last minute. */
void sim_set_nat(struct sim *sim, size_t node, bool nat);
bool sim_has_nat(const struct sim *sim, size_t node);
/* BEP 43. Before it has met anyone: it begins anew. */
void sim_set_read_only(struct sim *sim, size_t node);
bool sim_is_read_only(const struct sim *sim, size_t node);
/* Sets its clock on the wall that many microseconds ahead, or behind. */
void sim_set_clock(struct sim *sim, size_t node, int64_t ahead);
int64_t sim_wall(const struct sim *sim); /* where the clock is right */
void sim_set_loss(struct sim *sim, unsigned of_a_thousand);
/* What `node` sends passes through `lie`, which may change it; a returned 0 swallows it. */
typedef size_t sim_lie_fn(struct sim *sim, size_t node, uint8_t *datagram, size_t len, size_t cap);
void sim_set_lie(struct sim *sim, size_t node, sim_lie_fn *lie);
/* What comes in for `node` is shown to `hear` first; true: its engine never sees it. */
typedef bool sim_hear_fn(struct sim *sim, size_t node, const struct dht_endpoint *from,
	const uint8_t *datagram, size_t len);
void sim_set_hear(struct sim *sim, size_t node, sim_hear_fn *hear);
/* Sends bytes as `node`, on its way through the network as what its engine sends. */
void sim_send(struct sim *sim, size_t node, const struct dht_endpoint *to, const uint8_t *datagram,
	size_t len);
/* Another address of that family, another id: before it has met anyone, for it begins anew. */
void sim_move(struct sim *sim, size_t node, const struct dht_endpoint *to, const struct dht_id *id);
/* What `node`'s judge answers from now on (0 at first). */
void sim_set_verdict(struct sim *sim, size_t node, int code);
/* Sends bytes to a node as if they came from `from`. */
void sim_inject(struct sim *sim, const struct dht_endpoint *from, size_t node,
	const uint8_t *datagram, size_t len);

void sim_run(struct sim *sim, uint64_t microseconds);
/* One event, or none before `end`: false. */
bool sim_step(struct sim *sim, uint64_t end);

/* The items that a node keeps; gone two hours (item_lifetime) after the last put (BEP 44). */
const struct dht_item *sim_item(struct sim *sim, size_t node, const struct dht_id *target);
size_t sim_copies(struct sim *sim, const struct dht_id *target); /* on living nodes */

/* operation.c: a whole get or put in virtual time. */
struct sim_answer {
	struct dht_item best; /* of the values: the newest */
	unsigned values;      /* from other nodes */
	bool own;	      /* from its own store */
	struct dht_result result;
	uint64_t took, first; /* microseconds until the end, until the first value */
	uint64_t sixth;	      /* put: until the sixth other node had acknowledged, or the end */
};
/* Many of them at once, which all stay where they are until they are done. */
struct sim_operation {
	struct sim *sim;
	uint64_t began;
	bool done;
	struct sim_answer answer;
};
void sim_begin_get(struct sim *sim, size_t node, const struct dht_item *wanted,
	struct sim_operation *ret_operation);
void sim_begin_read_back(struct sim *sim, size_t node, const struct dht_item *item,
	struct sim_operation *ret_operation);
void sim_begin_put(struct sim *sim, size_t node, const struct dht_item *item, unsigned flags,
	struct sim_operation *ret_operation);
void sim_end(struct sim_operation *operation); /* runs until it is done */

void sim_get(struct sim *sim, size_t node, const struct dht_item *wanted,
	struct sim_answer *ret_answer); /* `wanted` gives key and salt, or the value's hash */
void sim_put(struct sim *sim, size_t node, const struct dht_item *item, unsigned flags,
	struct sim_answer *ret_answer);

/* Items for tests: key from `who`, signed. */
void sim_mutable(uint64_t who, int64_t seq, const char *text, struct dht_item *ret_item);
void sim_immutable(const char *text, struct dht_item *ret_item);
/* To ask for: what nobody has put, nor can: of that key nobody has the seed. */
void sim_nowhere(uint64_t who, struct dht_item *ret_item);

/* `n` IPv4 nodes; all join by the first at about the same time and settle for ten seconds. */
struct sim *sim_network(const struct sim_config *config, size_t n);

/* apart.c: a network that has settled serves many cases. What `act` does to it, in a process of its
 * own, nobody else sees; what it writes to `outcome`, `len` bytes, comes back. It asserts by
 * assert(), for cmocka's own way out of a test leads nowhere there. */
typedef void sim_apart_fn(void *ctx, void *outcome);
void sim_apart(sim_apart_fn *act, void *ctx, void *outcome, size_t len);

#endif
