/* What strangers may have of us; see limits.h. */
#include "dht/limits.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "dht/siphash.h"

#define SECOND ((uint64_t)1000000)

#define SOURCES 4096 /* buckets of unverified sources: together more than the budget of all */
#define SUBNETS 1024 /* of the bytes sent to them: a hundred times what all may have */

/* Proofs lie in sets by /24 or /48: whoever owns many addresses there drives out only his own
 * neighbours. Some thousand proofs are all the nodes that a busy node talks to in their lifetime.
 */
#define SETS 512
#define WAYS 8

/* What one second may hold is the burst and what flows in during it: the burst has room for the
 * largest reply, and all the largest replies of a moment. */
#define OUT_BURST 1500
#define OUT_ALL_BURST 16000

/* A bucket (GCRA: the generic cell rate algorithm of ITU-T I.371) is one number: when it will
 * be full again, if nothing more is taken. */
struct bucket {
	uint64_t full_at;
};

/* An address as limits see it: IPv4 whole, of IPv6 the network, which is one customer. */
struct prefix {
	uint8_t family;
	uint8_t b[8];
};

struct proof {
	struct prefix of; /* family 0: none */
	uint64_t until;
	struct bucket packets;
};

struct dht_limits {
	uint8_t key[DHT_LIMITS_KEY_LEN];
	struct bucket sources[SOURCES], subnets[SUBNETS];
	struct bucket in, in_verified, out;
	struct proof proofs[SETS][WAYS];
};

/* `cost` and `depth` in microseconds of refilling. */
static bool has(const struct bucket *b, uint64_t cost, uint64_t depth, uint64_t now)
{
	uint64_t from = b->full_at > now ? b->full_at : now;
	return from + cost - now <= depth;
}

static void take(struct bucket *b, uint64_t cost, uint64_t now)
{
	b->full_at = (b->full_at > now ? b->full_at : now) + cost;
}

/* What `amount` takes to flow in at `rate` a second, rounded against whom it is for. */
static uint64_t cost_of(uint64_t amount, uint64_t rate)
{
	return (amount * SECOND + rate - 1) / rate;
}

static struct prefix prefix_of(const struct dht_endpoint *e, unsigned bytes4, unsigned bytes6)
{
	struct prefix p = {.family = e->family};
	memcpy(p.b, e->ip, e->family == 4 ? bytes4 : bytes6);
	return p;
}

static struct prefix source_of(const struct dht_endpoint *e)
{
	return prefix_of(e, 4, 8);
}

static bool same(const struct prefix *a, const struct prefix *b)
{
	return a->family == b->family && memcmp(a->b, b->b, sizeof(a->b)) == 0;
}

/* `use`: so that two tables do not have the same sources share. */
static size_t hash(const struct dht_limits *l, uint8_t use, const struct prefix *p)
{
	uint8_t text[2 + sizeof(p->b)] = {use, p->family};
	memcpy(text + 2, p->b, sizeof(p->b));
	return (size_t)dht_siphash(l->key, text, sizeof(text));
}

static size_t source_at(const struct dht_limits *l, const struct dht_endpoint *e)
{
	struct prefix p = source_of(e);
	return hash(l, 0, &p) % SOURCES;
}

static size_t subnet_at(const struct dht_limits *l, const struct dht_endpoint *e)
{
	struct prefix p = prefix_of(e, 3, 7);
	return hash(l, 1, &p) % SUBNETS;
}

static size_t set_at(const struct dht_limits *l, const struct dht_endpoint *e)
{
	struct prefix p = prefix_of(e, 3, 6);
	return hash(l, 2, &p) % SETS;
}

int dht_limits_create(const uint8_t key[DHT_LIMITS_KEY_LEN], struct dht_limits **ret_limits)
{
	struct dht_limits *l = calloc(1, sizeof(*l));
	if (!l)
		return -ENOMEM;
	memcpy(l->key, key, sizeof(l->key));
	*ret_limits = l;
	return 0;
}

void dht_limits_destroy(struct dht_limits *limits)
{
	free(limits);
}

static struct proof *find_proof(
	const struct dht_limits *l, const struct dht_endpoint *at, uint64_t now)
{
	struct prefix source = source_of(at);
	struct proof *set = (struct proof *)l->proofs[set_at(l, at)];
	for (size_t i = 0; i < WAYS; i++)
		if (same(&set[i].of, &source))
			return set[i].until > now ? &set[i] : NULL;
	return NULL;
}

/* In place of its own, of none, or of the one that ends first. */
void dht_limits_proved(struct dht_limits *limits, const struct dht_endpoint *at, uint64_t now)
{
	struct prefix source = source_of(at);
	struct proof *set = limits->proofs[set_at(limits, at)], *place = set;
	for (size_t i = 0; i < WAYS; i++) {
		if (same(&set[i].of, &source)) {
			set[i].until = now + DHT_LIMITS_PROOF_LIFE; /* the bucket stays as it is */
			return;
		}
		if (set[i].until < place->until)
			place = &set[i];
	}
	*place = (struct proof){.of = source, .until = now + DHT_LIMITS_PROOF_LIFE};
}

bool dht_limits_verified(
	const struct dht_limits *limits, const struct dht_endpoint *at, uint64_t now)
{
	return find_proof(limits, at, now) != NULL;
}

/* The source's own bucket comes first: what one source sends too much of is not taken from the
 * budget of all. */
enum dht_admission dht_limits_in(
	struct dht_limits *limits, const struct dht_endpoint *from, size_t len, uint64_t now)
{
	struct proof *proof = find_proof(limits, from, now);
	struct bucket *source = proof ? &proof->packets : &limits->sources[source_at(limits, from)];
	struct bucket *all = proof ? &limits->in_verified : &limits->in;
	uint64_t rate = proof ? DHT_LIMITS_RATE_VERIFIED : DHT_LIMITS_RATE;
	uint64_t burst = proof ? DHT_LIMITS_BURST_VERIFIED : DHT_LIMITS_BURST;
	uint64_t each = cost_of(1, rate);
	uint64_t bytes = cost_of(len, proof ? DHT_LIMITS_IN_VERIFIED : DHT_LIMITS_IN);
	if (!has(source, each, burst * each, now))
		return DHT_OVER_RATE;
	if (!has(all, bytes, SECOND, now))
		return DHT_OVER_BUDGET;
	take(source, each, now);
	take(all, bytes, now);
	return DHT_ADMIT;
}

static uint64_t out_cost(size_t len)
{
	return cost_of(len, DHT_LIMITS_OUT - OUT_BURST);
}

static uint64_t out_all_cost(size_t len)
{
	return cost_of(len, DHT_LIMITS_OUT_ALL - OUT_ALL_BURST);
}

bool dht_limits_room(
	const struct dht_limits *limits, const struct dht_endpoint *to, size_t len, uint64_t now)
{
	if (dht_limits_verified(limits, to, now))
		return true;
	return has(&limits->subnets[subnet_at(limits, to)], out_cost(len), out_cost(OUT_BURST),
		       now) &&
	       has(&limits->out, out_all_cost(len), out_all_cost(OUT_ALL_BURST), now);
}

bool dht_limits_out(
	struct dht_limits *limits, const struct dht_endpoint *to, size_t len, uint64_t now)
{
	if (!dht_limits_room(limits, to, len, now))
		return false;
	if (dht_limits_verified(limits, to, now))
		return true;
	take(&limits->subnets[subnet_at(limits, to)], out_cost(len), now);
	take(&limits->out, out_all_cost(len), now);
	return true;
}
