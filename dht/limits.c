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
#define SETS 1024
#define WAYS 8

/* A datagram is sent while its bucket is not empty, and may leave a debt: so what one second may
 * hold is the burst, what flows in during it, and the longest datagram. The burst is small where a
 * second may hold little, for the sake of the rate. */
#define OUT_BURST 600
#define OUT_RATE (DHT_LIMITS_OUT - OUT_BURST - DHT_LIMITS_OUT_LONGEST)
#define OUT_ALL_BURST 14600
#define OUT_ALL_RATE (DHT_LIMITS_OUT_ALL - OUT_ALL_BURST - DHT_LIMITS_OUT_LONGEST)

/* A bucket (GCRA: the generic cell rate algorithm of ITU-T I.371) is one number: when it will
 * be full again, if nothing more is taken. */
struct bucket {
	uint64_t full_at;
};

/* Whoever sends, as far as his datagrams tell. */
struct source {
	uint8_t len; /* 0: nobody */
	uint8_t b[DHT_PREFIX_MAX + 2];
};

struct proof {
	struct source of;
	uint64_t until;
	struct bucket packets, bytes; /* in, out */
};

struct dht_limits {
	uint8_t key[DHT_LIMITS_KEY_LEN];
	bool by_ip;
	struct bucket sources[SOURCES], subnets[SUBNETS];
	struct bucket in, in_verified, out;
	struct proof *proofs[SETS]; /* WAYS each; NULL: none yet, as in most of a node's sets */
};

/* `cost` and `depth` in microseconds of refilling. */
static bool has(const struct bucket *b, uint64_t cost, uint64_t depth, uint64_t now)
{
	uint64_t from = b->full_at > now ? b->full_at : now;
	return from + cost - now <= depth;
}

static bool has_any(const struct bucket *b, uint64_t depth, uint64_t now)
{
	return has(b, 1, depth, now);
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

/* A home has a /64 of IPv6 at least, and all the addresses in it. */
static struct source source_of(const struct dht_limits *l, const struct dht_endpoint *e)
{
	struct source s = {0};
	size_t len = dht_endpoint_prefix(e, 4, l->by_ip ? 8 : 16, s.b);
	if (!l->by_ip) {
		s.b[len++] = (uint8_t)(e->port >> 8);
		s.b[len++] = (uint8_t)e->port;
	}
	s.len = (uint8_t)len;
	return s;
}

static bool same(const struct source *a, const struct source *b)
{
	return a->len == b->len && memcmp(a->b, b->b, a->len) == 0;
}

static size_t source_at(const struct dht_limits *l, const struct dht_endpoint *e)
{
	struct source s = source_of(l, e);
	return (size_t)dht_siphash(l->key, s.b, s.len) % SOURCES;
}

/* The line that an attacker wants to fill is that of a site: a /24, or the /56 that many homes get.
 */
static size_t subnet_at(const struct dht_limits *l, const struct dht_endpoint *e)
{
	uint8_t text[DHT_PREFIX_MAX];
	return (size_t)dht_siphash(l->key, text, dht_endpoint_prefix(e, 3, 7, text)) % SUBNETS;
}

/* All that one attacker is likely to own: of IPv6 a /48 is had for the asking. */
static size_t set_at(const struct dht_limits *l, const struct dht_endpoint *e)
{
	struct source s = source_of(l, e);
	if (l->by_ip)
		s.len = (uint8_t)dht_endpoint_prefix(e, 3, 6, s.b);
	return (size_t)dht_siphash(l->key, s.b, s.len) % SETS;
}

int dht_limits_create(
	const uint8_t key[DHT_LIMITS_KEY_LEN], bool by_ip, struct dht_limits **ret_limits)
{
	struct dht_limits *l = calloc(1, sizeof(*l));
	if (!l)
		return -ENOMEM;
	memcpy(l->key, key, sizeof(l->key));
	l->by_ip = by_ip;
	*ret_limits = l;
	return 0;
}

void dht_limits_destroy(struct dht_limits *limits)
{
	if (!limits)
		return;
	for (size_t i = 0; i < SETS; i++)
		free(limits->proofs[i]);
	free(limits);
}

static struct proof *find_proof(
	const struct dht_limits *l, const struct dht_endpoint *at, uint64_t now)
{
	struct source source = source_of(l, at);
	struct proof *set = l->proofs[set_at(l, at)];
	for (size_t i = 0; set && i < WAYS; i++)
		if (same(&set[i].of, &source))
			return set[i].until > now ? &set[i] : NULL;
	return NULL;
}

/* Where its proof belongs. NULL: no memory. */
static struct proof *make_set(struct dht_limits *l, const struct dht_endpoint *at)
{
	struct proof **set = &l->proofs[set_at(l, at)];
	if (!*set)
		*set = calloc(WAYS, sizeof(**set));
	return *set;
}

/* In place of its own, of none, or of the one that ends first: what that one has left is all that
 * the newcomer has, else who owns a few addresses more than have room would have a full bucket
 * whenever he proves one of them. */
void dht_limits_proved(struct dht_limits *limits, const struct dht_endpoint *at, uint64_t now)
{
	struct source source = source_of(limits, at);
	struct proof *set = make_set(limits, at), *place = set;
	if (!set)
		return; /* it shares what the unverified have */
	for (size_t i = 0; i < WAYS; i++) {
		if (same(&set[i].of, &source)) {
			set[i].until = now + DHT_LIMITS_PROOF_LIFE;
			return;
		}
		if (set[i].until < place->until)
			place = &set[i];
	}
	place->of = source;
	place->until = now + DHT_LIMITS_PROOF_LIFE;
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

static bool has_room(const struct dht_limits *limits, const struct proof *proof,
	const struct dht_endpoint *to, uint64_t now)
{
	if (proof)
		return has_any(&proof->bytes, SECOND, now);
	return has_any(&limits->subnets[subnet_at(limits, to)], cost_of(OUT_BURST, OUT_RATE),
		       now) &&
	       has_any(&limits->out, cost_of(OUT_ALL_BURST, OUT_ALL_RATE), now);
}

bool dht_limits_room(const struct dht_limits *limits, const struct dht_endpoint *to, uint64_t now)
{
	return has_room(limits, find_proof(limits, to, now), to, now);
}

bool dht_limits_out(
	struct dht_limits *limits, const struct dht_endpoint *to, size_t len, uint64_t now)
{
	struct proof *proof = find_proof(limits, to, now);
	if (!has_room(limits, proof, to, now))
		return false;
	if (proof) {
		take(&proof->bytes, cost_of(len, DHT_LIMITS_OUT_VERIFIED), now);
		return true;
	}
	take(&limits->subnets[subnet_at(limits, to)], cost_of(len, OUT_RATE), now);
	take(&limits->out, cost_of(len, OUT_ALL_RATE), now);
	return true;
}
