/* Who has a place in the routing table, who waits for one as a spare, and who gives way to whom. */
#include "dht/table.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "dht/table_inside.h"

#define SECOND ((uint64_t)1000000)
#define MINUTE (60 * SECOND)

/* Spares of a bucket: as many as it takes to fill a small bucket anew. */
#define SPARES_MAX 8
/* Nodes of one /24 (IPv4) or /40 (IPv6) in the whole table, with limits. Among the two hundred of
 * a table of millions even two honest ones are rare; IPv6 is handed out by the /32 to /48, so that
 * a /64 alone bounds nobody. */
#define SITE_MAX 4
/* Who was here long will stay long (Kademlia, section 2.2), and is not given up for speed. */
#define YOUNG (30 * MINUTE)
/* Speed counts where it is felt: a round trip this long, and so many times the newcomer's. */
#define SLOW 200000
#define MUCH_FASTER 4

/* The first buckets cover most of the id space, and every look-up begins there: with more
 * nodes in them it begins nearer (libtorrent's "extended routing table"). */
static size_t bucket_room(size_t index)
{
	return index < 4 ? (size_t)128 >> index : 8;
}

void dht_table_init(struct dht_table *t, const struct dht_id *own, bool one_per_ip, bool limits)
{
	*t = (struct dht_table){.own = *own, .one_per_ip = one_per_ip, .limits = limits};
}

void dht_table_finish(struct dht_table *t)
{
	for (size_t i = 0; i < t->buckets_len; i++) {
		free(t->buckets[i].nodes);
		free(t->buckets[i].marks);
		free(t->buckets[i].spares);
	}
	free(t->buckets);
	t->buckets = NULL;
	t->buckets_len = t->len = 0;
}

size_t dht_table_bucket_of(const struct dht_table *t, const struct dht_id *id)
{
	size_t shared = dht_id_shared_bits(&t->own, id);
	return shared < t->buckets_len ? shared : t->buckets_len - 1;
}

static bool is_at(const struct dht_node *node, const struct dht_contact *c)
{
	return dht_id_equal(&node->contact.id, &c->id) &&
	       dht_endpoint_equal(&node->contact.endpoint, &c->endpoint);
}

static uint32_t fold_ip(const struct dht_endpoint *e)
{
	uint32_t words[4];
	memcpy(words, e->ip, sizeof(words));
	return words[0] ^ words[1] ^ words[2] ^ words[3];
}

static void set_node(struct dht_bucket *b, size_t at, const struct dht_node *node)
{
	b->nodes[at] = *node;
	b->marks[at] = (struct dht_mark){
		dht_table_start(&node->contact.id), fold_ip(&node->contact.endpoint)};
}

struct dht_node *table_find_id(const struct dht_table *t, const struct dht_id *id)
{
	if (!t->buckets_len)
		return NULL;
	struct dht_bucket *b = &t->buckets[dht_table_bucket_of(t, id)];
	uint32_t start = dht_table_start(id);
	for (size_t i = 0; i < b->len; i++)
		if (b->marks[i].id == start && dht_id_equal(&b->nodes[i].contact.id, id))
			return &b->nodes[i];
	return NULL;
}

struct dht_node *table_find(const struct dht_table *t, const struct dht_contact *c)
{
	struct dht_node *node = table_find_id(t, &c->id);
	return node && is_at(node, c) ? node : NULL;
}

const struct dht_node *dht_table_find(const struct dht_table *t, const struct dht_contact *c)
{
	return table_find(t, c);
}

struct dht_node *table_find_address(const struct dht_table *t, const struct dht_endpoint *e)
{
	uint32_t ip = fold_ip(e);
	for (size_t i = 0; i < t->buckets_len; i++) {
		struct dht_bucket *b = &t->buckets[i];
		for (size_t j = 0; j < b->len; j++)
			if (b->marks[j].ip == ip &&
				dht_endpoint_same_node(
					&b->nodes[j].contact.endpoint, e, t->one_per_ip))
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

/* One owner. */
static bool same_site(const struct dht_endpoint *a, const struct dht_endpoint *b)
{
	return dht_endpoint_same_prefix(a, b, 3, 5);
}

bool table_subnet_has_room(
	const struct dht_table *t, const struct dht_node *fresh, struct dht_node **ret_fellow)
{
	unsigned of_site = 0;
	*ret_fellow = NULL;
	if (!t->limits || !t->buckets_len)
		return true;
	size_t own = dht_table_bucket_of(t, &fresh->contact.id);
	for (size_t i = 0; i < t->buckets_len; i++)
		for (size_t j = 0; j < t->buckets[i].len; j++) {
			struct dht_node *node = &t->buckets[i].nodes[j];
			const struct dht_endpoint *e = &node->contact.endpoint;
			of_site += same_site(e, &fresh->contact.endpoint);
			if (i == own && dht_endpoint_same_subnet(e, &fresh->contact.endpoint))
				*ret_fellow = node;
		}
	if (*ret_fellow)
		return replaceable(*ret_fellow) || (fresh->verified && !(*ret_fellow)->verified);
	return of_site < SITE_MAX;
}

static bool outdoes(
	const struct dht_table *t, const struct dht_node *fresh, const struct dht_node *old)
{
	if (t->limits && fresh->verified != old->verified)
		return fresh->verified;
	return old->rtt > SLOW && old->rtt / MUCH_FASTER > fresh->rtt &&
	       fresh->heard - old->since < YOUNG;
}

/* Who gives its place in a full bucket to the newcomer; NULL: nobody. */
static struct dht_node *outdone(
	const struct dht_table *t, const struct dht_bucket *b, const struct dht_node *fresh)
{
	struct dht_node *weakest = worst_of(b);
	if (replaceable(weakest))
		return weakest;
	weakest = NULL;
	for (size_t i = 0; i < b->len; i++)
		if (outdoes(t, fresh, &b->nodes[i]) && (!weakest || b->nodes[i].rtt > weakest->rtt))
			weakest = &b->nodes[i];
	return weakest;
}

static const struct dht_node *held_at(const struct dht_table *t, const struct dht_endpoint *e)
{
	const struct dht_node *node = table_find_address(t, e);
	return node && dht_endpoint_equal(&node->contact.endpoint, e) ? node : NULL;
}

uint64_t dht_table_heard(const struct dht_table *t, const struct dht_endpoint *e)
{
	const struct dht_node *node = held_at(t, e);
	return node && !node->failures ? node->heard : 0;
}

bool dht_table_wants(const struct dht_table *t, const struct dht_contact *c)
{
	if (dht_id_equal(&c->id, &t->own) || table_find(t, c))
		return false;
	if (!t->buckets_len)
		return true;
	/* Its round trip is not known: it is not wanted for its speed. */
	struct dht_node fresh = {
		.contact = *c, .rtt = UINT32_MAX, .verified = dht_id_fits(&c->id, &c->endpoint)};
	size_t index = dht_table_bucket_of(t, &c->id);
	const struct dht_bucket *b = &t->buckets[index];
	bool room = b->len < bucket_room(index) || index + 1 == t->buckets_len ||
		    b->spares_len < SPARES_MAX || outdone(t, b, &fresh);
	struct dht_node *fellow;
	if (!room)
		return false;
	/* One that has changed its id is no second node of its subnet: its old self goes. */
	return table_subnet_has_room(t, &fresh, &fellow) || held_at(t, &c->endpoint);
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

static bool reserve(struct dht_bucket *b, size_t cap)
{
	struct dht_node *nodes = realloc(b->nodes, cap * sizeof(*nodes));
	if (!nodes)
		return false;
	b->nodes = nodes;
	struct dht_mark *marks = realloc(b->marks, cap * sizeof(*marks));
	if (!marks)
		return false;
	b->marks = marks;
	b->cap = cap;
	return true;
}

static bool append(struct dht_bucket *b, const struct dht_node *node)
{
	if (b->len == b->cap && !reserve(b, b->cap ? b->cap * 2 : DHT_K))
		return false;
	set_node(b, b->len++, node);
	return true;
}

static bool moves_on(const struct dht_table *t, const struct dht_node *node, size_t last)
{
	return dht_id_shared_bits(&t->own, &node->contact.id) > last;
}

/* Moves what shares one more bit out of the last bucket. The new bucket may get more than
 * its room so; it takes no further node until it has less, or is split in turn. All or none: a
 * node that stayed behind for want of memory would be in a bucket where nobody looks for it. */
static bool split_last(struct dht_table *t)
{
	size_t last = t->buckets_len - 1, moving = 0, kept = 0;
	struct dht_bucket fresh = {.refreshed = t->buckets[last].refreshed};
	for (size_t i = 0; i < t->buckets[last].len; i++)
		moving += moves_on(t, &t->buckets[last].nodes[i], last);
	if ((moving && !reserve(&fresh, moving)) || !add_bucket(t)) {
		free(fresh.nodes);
		free(fresh.marks);
		return false;
	}
	struct dht_bucket *from = &t->buckets[last];
	for (size_t i = 0; i < from->len; i++)
		if (moves_on(t, &from->nodes[i], last))
			set_node(&fresh, fresh.len++, &from->nodes[i]);
		else
			set_node(from, kept++, &from->nodes[i]);
	from->len = kept;
	t->buckets[last + 1] = fresh;
	return true;
}

static void remove_spare(struct dht_bucket *b, size_t at)
{
	b->spares_len--;
	memmove(&b->spares[at], &b->spares[at + 1], (b->spares_len - at) * sizeof(*b->spares));
}

/* As it was then. */
static void forget_spare(struct dht_bucket *b, const struct dht_id *id)
{
	for (size_t i = b->spares_len; i-- > 0;)
		if (dht_id_equal(&b->spares[i].contact.id, id))
			remove_spare(b, i);
}

/* Only one of the two may be a spare. */
static bool rivals(const struct dht_table *t, const struct dht_node *a, const struct dht_node *b)
{
	return dht_id_equal(&a->contact.id, &b->contact.id) ||
	       dht_endpoint_same_node(&a->contact.endpoint, &b->contact.endpoint, t->one_per_ip) ||
	       (t->limits && dht_endpoint_same_subnet(&a->contact.endpoint, &b->contact.endpoint));
}

/* The oldest goes, but with limits none that is verified for one that is not. False: there is no
 * room. */
static bool make_spare_room(const struct dht_table *t, struct dht_bucket *b, bool verified)
{
	size_t out = 0;
	if (b->spares_len < SPARES_MAX)
		return true;
	while (t->limits && out < b->spares_len && b->spares[out].verified)
		out++;
	if (out == b->spares_len && !verified)
		return false;
	remove_spare(b, out < b->spares_len ? out : 0);
	return true;
}

static void add_spare(const struct dht_table *t, struct dht_bucket *b, const struct dht_node *node)
{
	if (!b->spares && !(b->spares = calloc(SPARES_MAX, sizeof(*b->spares))))
		return;
	for (size_t i = b->spares_len; i-- > 0;) {
		if (!rivals(t, &b->spares[i], node))
			continue;
		if (t->limits && b->spares[i].verified && !node->verified)
			return;
		remove_spare(b, i);
	}
	if (make_spare_room(t, b, node->verified))
		b->spares[b->spares_len++] = *node;
}

/* Meanwhile its id or address may have come into the table by another door. */
static bool may_enter(const struct dht_table *t, const struct dht_node *spare)
{
	struct dht_node *fellow;
	return !table_find_id(t, &spare->contact.id) &&
	       !table_find_address(t, &spare->contact.endpoint) &&
	       table_subnet_has_room(t, spare, &fellow) && !fellow;
}

static bool better_spare(
	const struct dht_table *t, const struct dht_node *a, const struct dht_node *b)
{
	if (t->limits && a->verified != b->verified)
		return a->verified;
	return a->rtt <= b->rtt;
}

/* The best spare takes the place that has become free: of equals the newest. */
static void promote_spare(struct dht_table *t, struct dht_bucket *b)
{
	size_t best = b->spares_len;
	for (size_t i = 0; i < b->spares_len; i++)
		if (may_enter(t, &b->spares[i]) &&
			(best == b->spares_len || better_spare(t, &b->spares[i], &b->spares[best])))
			best = i;
	if (best == b->spares_len || !append(b, &b->spares[best]))
		return;
	t->len++;
	remove_spare(b, best);
}

bool table_insert(struct dht_table *t, const struct dht_node *node)
{
	dht_table_look_again(t);
	if (!t->buckets_len && !add_bucket(t))
		return false;
	size_t index = dht_table_bucket_of(t, &node->contact.id);
	while (t->buckets[index].len >= bucket_room(index) && index + 1 == t->buckets_len &&
		index + 1 < DHT_ID_LEN * 8) {
		if (!split_last(t))
			return false;
		index = dht_table_bucket_of(t, &node->contact.id);
	}
	struct dht_bucket *b = &t->buckets[index];
	forget_spare(b, &node->contact.id);
	if (b->len < bucket_room(index)) {
		if (!append(b, node))
			return false;
		t->len++;
		return true;
	}
	struct dht_node *place = outdone(t, b, node);
	if (!place) {
		add_spare(t, b, node);
		return false;
	}
	struct dht_node old = *place;
	set_node(b, (size_t)(place - b->nodes), node);
	if (!old.failures)
		add_spare(t, b, &old);
	return true;
}

void table_take_out(struct dht_table *t, struct dht_node *node)
{
	struct dht_bucket *b = &t->buckets[dht_table_bucket_of(t, &node->contact.id)];
	set_node(b, (size_t)(node - b->nodes), &b->nodes[--b->len]);
	t->len--;
	dht_table_look_again(t);
}

void table_fill(struct dht_table *t, const struct dht_id *id)
{
	size_t index = dht_table_bucket_of(t, id);
	struct dht_bucket *b = &t->buckets[index];
	if (b->len < bucket_room(index))
		promote_spare(t, b);
}

static bool take_nodes(struct dht_table *to, const struct dht_table *from)
{
	for (size_t i = 0; i < from->buckets_len; i++) {
		const struct dht_bucket *b = &from->buckets[i];
		if (i == 0 || b->refreshed < to->buckets[0].refreshed)
			to->buckets[0].refreshed = b->refreshed;
		for (size_t j = 0; j < b->len; j++) {
			if (!append(&to->buckets[0], &b->nodes[j]))
				return false;
			to->len++;
		}
	}
	return true;
}

/* Buckets may get more than their room: nobody is lost over an id of ours. */
int dht_table_around(
	const struct dht_table *t, const struct dht_id *own, struct dht_table *ret_table)
{
	struct dht_table fresh;
	dht_table_init(&fresh, own, t->one_per_ip, t->limits);
	if (!add_bucket(&fresh) || !take_nodes(&fresh, t))
		goto fail;
	for (size_t last = 0; fresh.buckets[last].len > bucket_room(last); last++)
		if (last + 1 == DHT_ID_LEN * 8 || !split_last(&fresh))
			break;
	for (size_t i = 0; i < t->buckets_len; i++)
		for (size_t j = 0; j < t->buckets[i].spares_len; j++) {
			if (may_enter(&fresh, &t->buckets[i].spares[j]))
				table_insert(&fresh, &t->buckets[i].spares[j]);
		}
	*ret_table = fresh;
	return 0;
fail:
	dht_table_finish(&fresh);
	return -ENOMEM;
}
