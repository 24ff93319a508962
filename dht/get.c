/* Gets: values verified before anyone sees them, and what is remembered of who held what. */
#include "dht/engine.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int dht_get_mutable(struct dht *dht, const uint8_t key[DHT_KEY_LEN], const uint8_t *salt,
	size_t salt_len, dht_get_fn *fn, void *ctx, struct dht_lookup **ret_lookup)
{
	if (salt_len > DHT_SALT_MAX)
		return -EINVAL;
	struct dht_id target;
	dht_mutable_target(key, salt, salt_len, &target);
	dht_enter(dht);
	int r = dht_lookup_make(dht, DHT_LOOKUP_GET, &target, ctx, ret_lookup);
	if (r == 0) {
		struct dht_lookup *l = *ret_lookup;
		l->fn.get = fn;
		l->is_mutable = true;
		memcpy(l->key, key, DHT_KEY_LEN);
		if (salt_len)
			memcpy(l->salt, salt, salt_len);
		l->salt_len = (uint8_t)salt_len;
		dht->counters.gets++;
	}
	dht_leave(dht);
	return r;
}

int dht_get_immutable(struct dht *dht, const struct dht_id *target, dht_get_fn *fn, void *ctx,
	struct dht_lookup **ret_lookup)
{
	dht_enter(dht);
	int r = dht_lookup_make(dht, DHT_LOOKUP_GET, target, ctx, ret_lookup);
	if (r == 0) {
		(*ret_lookup)->fn.get = fn;
		dht->counters.gets++;
	}
	dht_leave(dht);
	return r;
}

int dht_read_back(struct dht *dht, const struct dht_item *item, dht_get_fn *fn, void *ctx,
	struct dht_lookup **ret_lookup)
{
	int r = dht_get_mutable(dht, item->key, item->salt, item->salt_len, fn, ctx, ret_lookup);
	if (r == 0)
		(*ret_lookup)->apart = true;
	return r;
}

void dht_get_within(struct dht_lookup *lookup, struct dht_allowance *allowance, unsigned checks_kept)
{
	lookup->allowance = allowance;
	lookup->checks_kept = checks_kept;
}

static void remember_seen(struct dht_lookup *l, const struct dht_item *item)
{
	if (l->seen_len == DHT_LOOKUP_SEEN)
		return;
	struct dht_item *copy = malloc(sizeof(*copy));
	if (!copy)
		return;
	*copy = *item;
	l->seen[l->seen_len++] = copy;
}

void dht_get_unless(struct dht_lookup *lookup, const struct dht_item *held)
{
	struct dht_id target;
	dht_item_target(held, &target);
	if (!held->is_mutable || !dht_id_equal(&target, &lookup->target))
		return;
	remember_seen(lookup, held); /* without memory all send it */
	lookup->has_first = lookup->seen_len > 0;
}

int dht_get_peers(struct dht *dht, const struct dht_id *info_hash, dht_peers_fn *fn, void *ctx,
	struct dht_lookup **ret_lookup)
{
	dht_enter(dht);
	int r = dht_lookup_make(dht, DHT_LOOKUP_PEERS, info_hash, ctx, ret_lookup);
	if (r == 0)
		(*ret_lookup)->fn.peers = fn;
	dht_leave(dht);
	return r;
}

/* The item that the message carries, if it is one that was asked for. */
static bool item_of(
	const struct dht_lookup *l, const struct dht_message *m, struct dht_item *ret_item)
{
	if (!m->value.len || m->value.len > DHT_VALUE_MAX)
		return false;
	*ret_item = (struct dht_item){.is_mutable = l->is_mutable};
	ret_item->value_len = (uint16_t)m->value.len;
	memcpy(ret_item->value, m->value.data, m->value.len);
	if (!l->is_mutable)
		return true;
	if (!m->has_key || !m->has_sig || !m->has_seq || m->seq < 0 ||
		memcmp(m->key.data, l->key, DHT_KEY_LEN))
		return false;
	memcpy(ret_item->key, l->key, DHT_KEY_LEN);
	memcpy(ret_item->sig, m->sig.data, DHT_SIG_LEN);
	memcpy(ret_item->salt, l->salt, l->salt_len);
	ret_item->salt_len = l->salt_len;
	ret_item->seq = m->seq;
	return true;
}

static bool same_value(const struct dht_item *a, const struct dht_item *b)
{
	return a->seq == b->seq && a->value_len == b->value_len &&
	       !memcmp(a->value, b->value, a->value_len) && !memcmp(a->sig, b->sig, DHT_SIG_LEN);
}

/* Signature checks of one look-up: liars may return as many values as they like, even genuine ones
 * of long ago. The last quarter is for what claims to be newer than all that verified, so that
 * values that are merely old never hide it. False ones that claim to be newer use all sixteen: it
 * is found if it comes before the sixteenth of them. */
#define VERIFICATIONS_MAX 16
#define VERIFICATIONS_NEWER 4

static bool may_verify(const struct dht_lookup *l, const struct dht_item *item)
{
	bool newer = item->seq > l->result.seq_seen;
	if (l->allowance && l->allowance->checks <= l->checks_kept)
		return false;
	return l->verified < VERIFICATIONS_MAX - (newer ? 0 : VERIFICATIONS_NEWER);
}

/* Key, salt and kind are those of the look-up already. */
static bool verifies(struct dht_lookup *l, const struct dht_item *item)
{
	struct dht_id target;
	dht_item_target(item, &target);
	if (!dht_id_equal(&target, &l->target))
		return false;
	if (!item->is_mutable || (l->item && same_value(l->item, item)))
		return true;
	for (size_t i = 0; i < l->seen_len; i++)
		if (same_value(l->seen[i], item))
			return true;
	if (!may_verify(l, item))
		return false;
	l->verified++;
	if (l->allowance)
		l->allowance->checks--;
	l->dht->counters.verifications++;
	if (dht_item_verify(item) < 0)
		return false;
	remember_seen(l, item);
	return true;
}

static void deliver_item(
	struct dht_lookup *l, const struct dht_item *item, const struct dht_endpoint *from)
{
	if (item->is_mutable && item->seq > l->result.seq_seen)
		l->result.seq_seen = item->seq;
	if (l->kind != DHT_LOOKUP_GET)
		return;
	l->found = !item->is_mutable;
	if (from)
		l->result.holders++;
	l->fn.get(l->ctx, item, from, NULL);
}

/* Does the node hold what we store, or ask for? The hash of an immutable value says so. */
static void compare_with_ours(
	struct dht_lookup *l, struct dht_candidate *c, const struct dht_item *item)
{
	const struct dht_item *ours = l->item;
	bool rival = ours && item->is_mutable && item->seq == ours->seq;
	bool same = !item->is_mutable || !ours ||
		    (rival && item->value_len == ours->value_len &&
			    !memcmp(item->value, ours->value, ours->value_len));
	c->holds |= same;
	l->result.contested |= rival && !same;
}

/* One that has an older version does not send it either: as for us, ours is the one it has. */
bool dht_get_is_unchanged(const struct dht_lookup *l, const struct dht_message *m)
{
	return l->has_first && !m->value.len && m->has_seq && m->seq >= 0 &&
	       m->seq <= l->seen[0]->seq;
}

void dht_get_take(struct dht_lookup *l, struct dht_candidate *c, const struct dht_message *m)
{
	struct dht_item item;
	if (l->is_mutable && m->has_seq && !c->node.has_seq) {
		/* What it says, verified or not: it is said back to that node alone. */
		c->node.has_seq = true;
		c->node.seq = m->seq;
		c->unread = l->kind == DHT_LOOKUP_PUT;
	}
	struct dht_endpoint from = c->node.contact.endpoint;
	if (dht_get_is_unchanged(l, m)) {
		compare_with_ours(l, c, l->seen[0]);
		deliver_item(l, l->seen[0], &from);
		return;
	}
	if (!m->value.len)
		return;
	if (!item_of(l, m, &item) || !verifies(l, &item)) {
		l->dht->counters.values_bad++;
		return;
	}
	compare_with_ours(l, c, &item);
	deliver_item(l, &item, &from);
}

/* Our own store is a node like others: what it says is verified too, for disks lie. */
void dht_get_take_own(struct dht_lookup *l)
{
	struct dht *dht = l->dht;
	struct dht_item item;
	if (dht->ops.find(dht->self, &l->target, NULL, &item) < 0)
		return;
	bool right = item.is_mutable == l->is_mutable &&
		     (!l->is_mutable || (!memcmp(item.key, l->key, DHT_KEY_LEN) &&
						item.salt_len == l->salt_len &&
						!memcmp(item.salt, l->salt, l->salt_len)));
	if (!right || !verifies(l, &item)) {
		dht->counters.values_bad++;
		return;
	}
	l->here_has_seq = item.is_mutable;
	l->here_seq = item.seq;
	deliver_item(l, &item, NULL);
}

/* Nodes with tokens, into a set. A value that a put's search saw and left alone is one that
 * its caller has not read: such a node is left out, or `cas` would deny that. So is one that has
 * not told yet whether it stored: it may hold this value, or what it held before. */
static void fill_set(
	const struct dht_lookup *l, const struct dht_candidates *front, struct dht_closest_set *set)
{
	size_t taken = 0, suspects = 0;
	for (size_t i = 0; i < front->len && taken < DHT_CLOSEST_NODES; i++) {
		const struct dht_candidate *c = &front->list[i];
		bool suspect = c->standing == DHT_SUSPECT;
		bool stored = c->store_state == DHT_STORED;
		if (c->state != DHT_ANSWERED || !c->node.token_len || (c->unread && !stored) ||
			c->store_state == DHT_STORING ||
			(suspect && suspects == DHT_CLOSEST_SUSPECTS))
			continue;
		struct dht_closest_node *node = &set->nodes[set->len++];
		*node = c->node;
		node->standing = c->standing;
		if (stored && l->is_mutable) {
			node->has_seq = true;
			node->seq = l->item->seq;
		}
		taken += !suspect;
		suspects += suspect;
	}
}

/* Nodes that were believed when the last had answered. */
void dht_get_count_held(struct dht_lookup *l)
{
	for (unsigned family = 0; family < 2; family++)
		for (size_t i = 0; i < l->fronts[family].len; i++) {
			const struct dht_candidate *c = &l->fronts[family].list[i];
			l->result.held += c->holds && c->standing == DHT_BELIEVED &&
					  (!l->is_mutable || c->node.seq == l->result.seq_seen);
		}
}

void dht_lookup_remember(struct dht_lookup *l)
{
	size_t most = 2 * (DHT_CLOSEST_NODES + DHT_CLOSEST_SUSPECTS);
	struct dht_closest_set *set = calloc(1, sizeof(*set) + most * sizeof(set->nodes[0]));
	if (!set)
		return; /* a cache: the next put searches anew */
	bool kept = l->result.stored_here && l->is_mutable;
	set->target = l->target;
	/* Using a token does not make it younger. */
	set->made = l->tokens_from ? l->tokens_from : dht_now(l->dht);
	set->here_has_seq = kept || l->here_has_seq;
	set->here_seq = kept ? l->item->seq : l->here_seq;
	for (unsigned family = 0; family < 2; family++)
		fill_set(l, &l->fronts[family], set);
	size_t size = sizeof(*set) + set->len * sizeof(set->nodes[0]);
	struct dht_closest_set *shrunk = realloc(set, size);
	dht_closest_keep(&l->dht->closest, shrunk ? shrunk : set);
}
