/* Whom of a routing table to name, to ask again, to search for. */
#include "dht/table.h"

#include <string.h>

#define SECOND ((uint64_t)1000000)
#define MINUTE (60 * SECOND)

/* BEP 5 calls a node good for 15 minutes after its last answer. */
#define CHECK_AFTER (10 * MINUTE)
#define SILENT_CHECK_FIRST (2 * SECOND)
#define SILENT_CHECK_MAX MINUTE
/* Two that know each other need not both ask. But a query proves little, for its sender can be
 * forged: after this long without an answer it does not put off the check any more. */
#define SEEN_MAX (20 * MINUTE)
/* Kademlia's hour (section 2.3). Who comes into the network makes itself known by its own search,
 * so this is for what that misses. */
#define REFRESH_AFTER (60 * MINUTE)

size_t dht_table_good(const struct dht_table *t)
{
	size_t good = 0;
	for (size_t i = 0; i < t->buckets_len; i++)
		for (size_t j = 0; j < t->buckets[i].len; j++)
			good += !t->buckets[i].nodes[j].failures;
	return good;
}

/* A list of contacts, the nearest to target first, that keeps the best `cap`. */
struct nearest {
	const struct dht_id *target;
	unsigned failures_max;
	bool by_verified, verified; /* only those that are, or that are not */
	struct dht_contact *list;
	size_t len, cap;
};

/* As far as the first bits tell, without a look at the node itself. */
static bool is_too_far(const struct nearest *n, const struct dht_mark *mark)
{
	if (n->len < n->cap)
		return false;
	uint32_t start = dht_table_start(n->target);
	return (mark->id ^ start) > (dht_table_start(&n->list[n->len - 1].id) ^ start);
}

static void offer(struct nearest *n, const struct dht_contact *c)
{
	size_t at = n->len;
	while (at > 0 && dht_id_nearer(n->target, &c->id, &n->list[at - 1].id) < 0)
		at--;
	if (at == n->cap)
		return;
	if (n->len < n->cap)
		n->len++;
	memmove(&n->list[at + 1], &n->list[at], (n->len - at - 1) * sizeof(*n->list));
	n->list[at] = *c;
}

static void offer_bucket(struct nearest *n, const struct dht_bucket *b)
{
	for (size_t i = 0; i < b->len; i++) {
		const struct dht_node *node = &b->nodes[i];
		if (!is_too_far(n, &b->marks[i]) && node->failures <= n->failures_max &&
			(!n->by_verified || node->verified == n->verified))
			offer(n, &node->contact);
	}
}

/* Nodes of the target's own bucket share more bits with the target than all others do; the
 * buckets above it share as many as we ourselves; those below it the fewer, the lower. So
 * whole groups can be left out once there are enough. */
static void collect(const struct dht_table *t, struct nearest *n)
{
	if (!t->buckets_len || !n->cap)
		return;
	size_t own = dht_table_bucket_of(t, n->target);
	offer_bucket(n, &t->buckets[own]);
	if (n->len < n->cap)
		for (size_t i = own + 1; i < t->buckets_len; i++)
			offer_bucket(n, &t->buckets[i]);
	for (size_t i = own; n->len < n->cap && i-- > 0;)
		offer_bucket(n, &t->buckets[i]);
}

size_t dht_table_nearest(const struct dht_table *t, const struct dht_id *target,
	unsigned failures_max, struct dht_contact *ret_contacts, size_t cap)
{
	struct nearest n = {
		.target = target, .failures_max = failures_max, .list = ret_contacts, .cap = cap};
	collect(t, &n);
	return n.len;
}

size_t dht_table_named(const struct dht_table *t, const struct dht_id *target,
	struct dht_contact *ret_contacts, size_t cap)
{
	struct nearest n = {.target = target, .list = ret_contacts, .cap = cap};
	n.by_verified = t->limits;
	n.verified = true;
	collect(t, &n);
	size_t verified = n.len;
	if (!t->limits || verified == cap)
		return verified;
	n.verified = false;
	n.list += verified;
	n.cap -= verified;
	n.len = 0;
	collect(t, &n);
	return verified + n.len;
}

static uint64_t check_at(const struct dht_node *node)
{
	if (node->failures > 5)
		return node->asked + SILENT_CHECK_MAX;
	if (node->failures)
		return node->asked + (SILENT_CHECK_FIRST << (node->failures - 1));
	if (node->contested)
		return node->asked + SILENT_CHECK_FIRST;
	uint64_t last = node->heard > node->asked ? node->heard : node->asked;
	uint64_t seen = node->seen < node->heard + SEEN_MAX ? node->seen : node->heard + SEEN_MAX;
	return (seen > last ? seen : last) + CHECK_AFTER;
}

const struct dht_node *dht_table_next_check(
	struct dht_table *t, bool doubtful, uint64_t now, uint64_t *ret_at)
{
	const struct dht_node *first = NULL;
	*ret_at = t->check_from[doubtful];
	if (now < *ret_at)
		return NULL;
	*ret_at = UINT64_MAX;
	for (size_t i = 0; i < t->buckets_len; i++) {
		const struct dht_bucket *b = &t->buckets[i];
		for (size_t j = 0; j < b->len; j++) {
			const struct dht_node *node = &b->nodes[j];
			uint64_t at = check_at(node);
			if ((node->failures || node->contested) != doubtful || at >= *ret_at)
				continue;
			first = node;
			*ret_at = at;
		}
	}
	t->check_from[doubtful] = *ret_at;
	return *ret_at <= now ? first : NULL;
}

bool dht_table_next_refresh(const struct dht_table *t, size_t *ret_bucket, uint64_t *ret_at)
{
	bool any = false;
	for (size_t i = 0; i + 1 < t->buckets_len; i++) {
		uint64_t at = t->buckets[i].refreshed + REFRESH_AFTER;
		if (any && at >= *ret_at)
			continue;
		any = true;
		*ret_bucket = i;
		*ret_at = at;
	}
	return any;
}

void dht_table_refreshed(struct dht_table *t, size_t bucket, uint64_t now)
{
	if (bucket < t->buckets_len)
		t->buckets[bucket].refreshed = now;
}

void dht_table_id_in(const struct dht_table *t, size_t bucket, struct dht_id *id)
{
	for (size_t bit = 0; bit <= bucket && bit < DHT_ID_LEN * 8; bit++) {
		uint8_t mask = (uint8_t)(0x80 >> bit % 8);
		uint8_t own = t->own.b[bit / 8] & mask;
		if (bit == bucket)
			own ^= mask;
		id->b[bit / 8] = (uint8_t)((id->b[bit / 8] & ~mask) | own);
	}
}
