/* The routing table of one address family. */
#include "dht/table.h"

#include <stdlib.h>
#include <string.h>

#define SECOND ((uint64_t)1000000)
#define MINUTE (60 * SECOND)

/* Spares of a bucket: as many as it takes to fill a small bucket anew. */
#define SPARES_MAX 8
/* Silences after which a spare takes the place: two may be loss. */
#define FAILURES_REPLACED 3
/* Silences after which a node goes although nobody takes its place: about ten minutes. */
#define FAILURES_DROPPED 14
/* But a network that small remembers its members: when all are gone, the cable is out. */
#define REMEMBERED DHT_K
/* BEP 5 calls a node good for 15 minutes after its last answer. */
#define CHECK_AFTER (10 * MINUTE)
#define SILENT_CHECK_FIRST (2 * SECOND)
#define SILENT_CHECK_MAX MINUTE
#define REFRESH_AFTER (15 * MINUTE)

/* The first buckets cover most of the id space, and every look-up begins there: with more
 * nodes in them it begins nearer (libtorrent's "extended routing table"). */
static size_t bucket_room(size_t index)
{
	return index < 4 ? (size_t)128 >> index : 8;
}

void dht_table_init(struct dht_table *t, const struct dht_id *own, bool one_per_ip)
{
	*t = (struct dht_table){.own = *own, .one_per_ip = one_per_ip};
}

void dht_table_finish(struct dht_table *t)
{
	for (size_t i = 0; i < t->buckets_len; i++) {
		free(t->buckets[i].nodes);
		free(t->buckets[i].spares);
	}
	free(t->buckets);
	t->buckets = NULL;
	t->buckets_len = t->len = 0;
}

static size_t index_of(const struct dht_table *t, const struct dht_id *id)
{
	size_t shared = dht_id_shared_bits(&t->own, id);
	return shared < t->buckets_len ? shared : t->buckets_len - 1;
}

static bool is_at(const struct dht_node *node, const struct dht_contact *c)
{
	return dht_id_equal(&node->contact.id, &c->id) &&
	       dht_endpoint_equal(&node->contact.endpoint, &c->endpoint);
}

static struct dht_node *find_id(const struct dht_table *t, const struct dht_id *id)
{
	if (!t->buckets_len)
		return NULL;
	struct dht_bucket *b = &t->buckets[index_of(t, id)];
	for (size_t i = 0; i < b->len; i++)
		if (dht_id_equal(&b->nodes[i].contact.id, id))
			return &b->nodes[i];
	return NULL;
}

static struct dht_node *find(const struct dht_table *t, const struct dht_contact *c)
{
	struct dht_node *node = find_id(t, &c->id);
	return node && is_at(node, c) ? node : NULL;
}

const struct dht_node *dht_table_find(const struct dht_table *t, const struct dht_contact *c)
{
	return find(t, c);
}

static bool same_address(
	const struct dht_table *t, const struct dht_endpoint *a, const struct dht_endpoint *b)
{
	if (!t->one_per_ip)
		return dht_endpoint_equal(a, b);
	return a->family == b->family && !memcmp(a->ip, b->ip, sizeof(a->ip));
}

/* The node that holds this address under whatever id. */
static struct dht_node *find_address(const struct dht_table *t, const struct dht_endpoint *e)
{
	for (size_t i = 0; i < t->buckets_len; i++) {
		struct dht_bucket *b = &t->buckets[i];
		for (size_t j = 0; j < b->len; j++)
			if (same_address(t, &b->nodes[j].contact.endpoint, e))
				return &b->nodes[j];
	}
	return NULL;
}

static struct dht_node *worst_of(const struct dht_bucket *b)
{
	struct dht_node *worst = NULL;
	for (size_t i = 0; i < b->len; i++)
		if (!worst || b->nodes[i].failures > worst->failures)
			worst = &b->nodes[i];
	return worst;
}

static bool replaceable(const struct dht_node *node)
{
	return node && node->failures >= FAILURES_REPLACED;
}

bool dht_table_wants(const struct dht_table *t, const struct dht_contact *c)
{
	if (dht_id_equal(&c->id, &t->own) || find(t, c))
		return false;
	if (!t->buckets_len)
		return true;
	size_t index = index_of(t, &c->id);
	const struct dht_bucket *b = &t->buckets[index];
	return b->len < bucket_room(index) || index + 1 == t->buckets_len ||
	       b->spares_len < SPARES_MAX || replaceable(worst_of(b));
}

static bool add_bucket(struct dht_table *t)
{
	struct dht_bucket *grown = realloc(t->buckets, (t->buckets_len + 1) * sizeof(*t->buckets));
	if (!grown)
		return false;
	t->buckets = grown;
	t->buckets[t->buckets_len++] = (struct dht_bucket){0};
	return true;
}

static bool append(struct dht_bucket *b, const struct dht_node *node)
{
	if (b->len == b->cap) {
		size_t cap = b->cap ? b->cap * 2 : DHT_K;
		struct dht_node *grown = realloc(b->nodes, cap * sizeof(*grown));
		if (!grown)
			return false;
		b->nodes = grown;
		b->cap = cap;
	}
	b->nodes[b->len++] = *node;
	return true;
}

/* Moves what shares one more bit out of the last bucket. The new bucket may get more than
 * its room so; it takes no further node until it has less, or is split in turn. */
static bool split_last(struct dht_table *t)
{
	size_t last = t->buckets_len - 1;
	if (!add_bucket(t))
		return false;
	struct dht_bucket *from = &t->buckets[last], *to = &t->buckets[last + 1];
	to->refreshed = from->refreshed;
	size_t kept = 0;
	for (size_t i = 0; i < from->len; i++) {
		bool moves = dht_id_shared_bits(&t->own, &from->nodes[i].contact.id) > last;
		if (!moves || !append(to, &from->nodes[i]))
			from->nodes[kept++] = from->nodes[i];
	}
	from->len = kept;
	return true;
}

static void add_spare(struct dht_bucket *b, const struct dht_node *node)
{
	if (!b->spares && !(b->spares = calloc(SPARES_MAX, sizeof(*b->spares))))
		return;
	size_t i = 0;
	while (i < b->spares_len && !dht_id_equal(&b->spares[i].contact.id, &node->contact.id))
		i++;
	if (i == SPARES_MAX)
		i = 0;
	if (i < b->spares_len) {
		b->spares_len--;
		memmove(&b->spares[i], &b->spares[i + 1], (b->spares_len - i) * sizeof(*node));
	}
	b->spares[b->spares_len++] = *node;
}

/* True when the node is in the table, not only a spare. */
static bool insert(struct dht_table *t, const struct dht_node *node)
{
	if (!t->buckets_len && !add_bucket(t))
		return false;
	size_t index = index_of(t, &node->contact.id);
	while (t->buckets[index].len >= bucket_room(index) && index + 1 == t->buckets_len &&
		index + 1 < DHT_ID_LEN * 8) {
		if (!split_last(t))
			return false;
		index = index_of(t, &node->contact.id);
	}
	struct dht_bucket *b = &t->buckets[index];
	struct dht_node *worst = worst_of(b);
	if (b->len < bucket_room(index)) {
		if (!append(b, node))
			return false;
		t->len++;
	} else if (replaceable(worst)) {
		*worst = *node;
	} else {
		add_spare(b, node);
		return false;
	}
	return true;
}

static void drop(struct dht_table *t, struct dht_node *node)
{
	struct dht_bucket *b = &t->buckets[index_of(t, &node->contact.id)];
	if (b->spares_len && b->len <= bucket_room((size_t)(b - t->buckets))) {
		*node = b->spares[--b->spares_len];
	} else {
		*node = b->nodes[--b->len];
		t->len--;
	}
}

static void update(struct dht_node *node, uint64_t now, uint32_t rtt, const uint8_t *client)
{
	/* The weights of TCP's smoothed round-trip time (RFC 6298). */
	node->rtt = node->rtt ? node->rtt - node->rtt / 8 + rtt / 8 : rtt;
	node->heard = now;
	node->failures = 0;
	if (client)
		memcpy(node->client, client, sizeof(node->client));
}

/* Somebody is there who is not `c`: an id at another address, or an address with another id.
 * The old one stays while it answers, so that an id cannot be stolen; whether it does is
 * asked at once. True when the place is free now. */
static bool gives_way(struct dht_table *t, struct dht_node *old, const struct dht_contact *c)
{
	if (old->failures || dht_endpoint_equal(&old->contact.endpoint, &c->endpoint)) {
		drop(t, old);
		return true;
	}
	old->heard = 0;
	return false;
}

bool dht_table_answered(struct dht_table *t, const struct dht_contact *c, uint64_t now,
	uint32_t rtt, const uint8_t *client)
{
	if (dht_id_equal(&c->id, &t->own))
		return false;
	struct dht_node *node = find(t, c);
	if (node) {
		bool was_lost = node->failures >= FAILURES_REPLACED;
		update(node, now, rtt, client);
		return was_lost;
	}
	struct dht_node *old = find_id(t, &c->id);
	if (old && !gives_way(t, old, c))
		return false;
	old = find_address(t, &c->endpoint);
	if (old && !gives_way(t, old, c))
		return false;
	struct dht_node fresh = {.contact = *c, .asked = now};
	update(&fresh, now, rtt, client);
	return insert(t, &fresh);
}

void dht_table_asked(struct dht_table *t, const struct dht_contact *c, uint64_t now)
{
	struct dht_node *node = find(t, c);
	if (node)
		node->asked = now;
}

void dht_table_silent(struct dht_table *t, const struct dht_contact *c)
{
	struct dht_node *node = find(t, c);
	if (!node)
		return;
	if (node->failures < UINT8_MAX)
		node->failures++;
	const struct dht_bucket *b = &t->buckets[index_of(t, &c->id)];
	if ((node->failures >= FAILURES_REPLACED && b->spares_len) ||
		(node->failures >= FAILURES_DROPPED && t->len > REMEMBERED))
		drop(t, node);
}

void dht_table_remove(struct dht_table *t, const struct dht_contact *c)
{
	struct dht_node *node = find(t, c);
	if (node)
		drop(t, node);
}

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
	struct dht_contact *list;
	size_t len, cap;
};

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
	for (size_t i = 0; i < b->len; i++)
		if (b->nodes[i].failures <= n->failures_max)
			offer(n, &b->nodes[i].contact);
}

/* Nodes of the target's own bucket share more bits with the target than all others do; the
 * buckets above it share as many as we ourselves; those below it the fewer, the lower. So
 * whole groups can be left out once there are enough. */
size_t dht_table_nearest(const struct dht_table *t, const struct dht_id *target,
	unsigned failures_max, struct dht_contact *ret_contacts, size_t cap)
{
	struct nearest n = {target, failures_max, ret_contacts, 0, cap};
	if (!t->buckets_len || !cap)
		return 0;
	size_t own = index_of(t, target);
	offer_bucket(&n, &t->buckets[own]);
	if (n.len < cap)
		for (size_t i = own + 1; i < t->buckets_len; i++)
			offer_bucket(&n, &t->buckets[i]);
	for (size_t i = own; n.len < cap && i-- > 0;)
		offer_bucket(&n, &t->buckets[i]);
	return n.len;
}

static uint64_t check_at(const struct dht_node *node)
{
	if (node->failures > 5)
		return node->asked + SILENT_CHECK_MAX;
	if (node->failures)
		return node->asked + (SILENT_CHECK_FIRST << (node->failures - 1));
	if (!node->heard) /* contested, see gives_way */
		return node->asked + SILENT_CHECK_FIRST;
	return (node->heard > node->asked ? node->heard : node->asked) + CHECK_AFTER;
}

const struct dht_node *dht_table_next_check(const struct dht_table *t, uint64_t *ret_at)
{
	const struct dht_node *first = NULL;
	for (size_t i = 0; i < t->buckets_len; i++) {
		const struct dht_bucket *b = &t->buckets[i];
		for (size_t j = 0; j < b->len; j++) {
			uint64_t at = check_at(&b->nodes[j]);
			if (first && at >= *ret_at)
				continue;
			first = &b->nodes[j];
			*ret_at = at;
		}
	}
	return first;
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
