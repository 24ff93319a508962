/* Do those nearest to a target come from one network, though those that we know do not?
 *
 * Who has one network has a /24 of it for each of many nodes, and among its addresses some that may
 * have an id next to any target (BEP 42). He need not crowd the target for that: eight, where no
 * honest node happens to be nearer, are no denser than chance allows. But of eight honest nodes no
 * more are of one network than of all others. */
#include "dht/engine.h"

/* What one party has: of IPv4 a /16, of IPv6 the /32 that a provider gets. */
#define NET_BYTES4 2
#define NET_BYTES6 4
/* Fewer are no sign, for a house may have three. */
#define OF_ONE_NET 4
/* Beyond where so many are to be expected, nodes of our table tell what the network is like
 * elsewhere. Nearer ones, where our own id is near the target, may be those that are judged. */
#define ELSEWHERE_RANK (2 * DHT_K)

static bool same_net(const struct dht_endpoint *a, const struct dht_endpoint *b)
{
	return dht_endpoint_same_prefix(a, b, NET_BYTES4, NET_BYTES6);
}

/* Of eight random nodes four are of a network that has a twentieth of all nodes one time in 2,700,
 * five of one that has a tenth one in 2,300, six of three twentieths one in 3,900, and so on
 * (binomial). One more is counted than we know: a table of twenty says little, a smaller one
 * nothing. */
static bool is_too_common(const struct dht_lookup *l, const struct dht_endpoint *e, unsigned of_net)
{
	const struct dht_table *t = &l->dht->tables[e->family == 6];
	uint64_t near = dht_region_distance(l->dht, e->family == 6, ELSEWHERE_RANK);
	size_t known = 0, of_it = 1;
	for (size_t i = 0; i < t->buckets_len; i++)
		for (size_t j = 0; j < t->buckets[i].len; j++) {
			const struct dht_contact *c = &t->buckets[i].nodes[j].contact;
			bool elsewhere = dht_distance(&l->target, &c->id) > near;
			known += elsewhere;
			of_it += elsewhere && same_net(&c->endpoint, e);
		}
	return 20 * of_it <= (of_net + 1 - OF_ONE_NET) * known;
}

/* One of the nearest eight that are believed, of whose network too many of them are; NULL: none. */
static const struct dht_candidate *find_common(
	const struct dht_lookup *l, struct dht_candidate *const row[], size_t len)
{
	const struct dht_candidate *eight[DHT_K];
	size_t n = 0;
	for (size_t i = 0; i < len && n < DHT_K; i++)
		if (row[i]->standing == DHT_BELIEVED)
			eight[n++] = row[i];
	for (size_t i = 0; n == DHT_K && i + OF_ONE_NET <= n; i++) {
		const struct dht_endpoint *at = &eight[i]->node.contact.endpoint;
		unsigned of_net = 0;
		for (size_t j = i; j < n; j++)
			of_net += same_net(at, &eight[j]->node.contact.endpoint);
		if (of_net >= OF_ONE_NET && is_too_common(l, at, of_net))
			return eight[i];
	}
	return NULL;
}

/* Behind them others may be of one network too. Each turn makes suspects of at least four. */
bool dht_nets_judge(
	struct dht_lookup *l, unsigned family, struct dht_candidate *const row[], size_t len)
{
	struct dht_candidates *front = &l->fronts[family];
	const struct dht_candidate *common;
	bool found = false;
	if (!dht_lookup_rules(l->dht).one_per_net)
		return false;
	while ((common = find_common(l, row, len))) {
		found = true;
		const struct dht_endpoint at = common->node.contact.endpoint;
		for (size_t i = 0; i < front->len; i++) {
			struct dht_candidate *c = &front->list[i];
			if (c->standing == DHT_BELIEVED && same_net(&c->node.contact.endpoint, &at))
				c->standing = DHT_SUSPECT;
		}
	}
	return found;
}
