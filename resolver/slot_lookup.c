/* Look-ups of slots and of pieces. */
#include "resolver/slot_lookup.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "dht/dht.h"
#include "resolver/clock.h"

#define SLOT_AHEAD_MAX (600 * (int64_t)SECOND)
_Static_assert(sizeof(((struct slot_lookup *)0)->key) == DHT_KEY_LEN, "a slot's key is a DHT key");

void trace_lookup(struct trace *t, const struct dht_result *result)
{
	if (!t)
		return;
	t->lookups++;
	t->queries += result->queries;
	t->bytes += result->bytes;
	t->answered += result->answered;
	t->holders += result->holders;
}

/* ---- the versions of a slot ---- */

/* What makes room for something newer. NULL: nothing is older. */
static struct slot_version *oldest_before(struct slot_lookup *l, int64_t seq)
{
	struct slot_version *oldest = NULL;
	for (size_t i = 0; i < l->len; i++)
		if (l->versions[i]->seq < seq && (!oldest || l->versions[i]->seq < oldest->seq))
			oldest = l->versions[i];
	return oldest;
}

static void keep_version(struct slot_lookup *l, const struct dht_item *item)
{
	const uint8_t *bytes;
	size_t len;
	if (item->seq > clock_latest() + SLOT_AHEAD_MAX ||
		dht_item_get_string(item, &bytes, &len) < 0 || len > SLOT_BYTES_MAX)
		return;
	for (size_t i = 0; i < l->len; i++) {
		struct slot_version *v = l->versions[i];
		if (v->len == len && memcmp(v->bytes, bytes, len) == 0) {
			v->nodes++;
			if (item->seq > v->seq)
				v->seq = item->seq;
			return;
		}
	}
	struct slot_version *at = NULL;
	if (l->len == SLOT_VERSIONS_MAX)
		at = oldest_before(l, item->seq);
	else if ((at = malloc(sizeof(*at))))
		l->versions[l->len++] = at;
	if (!at)
		return;
	*at = (struct slot_version){.seq = item->seq, .nodes = 1, .len = (uint16_t)len};
	memcpy(at->bytes, bytes, len);
}

static void on_item(void *ctx, const struct dht_item *item, const struct dht_endpoint *from,
	const struct dht_result *result)
{
	(void)from;
	struct slot_lookup *l = ctx;
	if (item) {
		keep_version(l, item);
		return;
	}
	l->lookup = NULL;
	trace_lookup(l->trace, result);
	l->done(l->ctx, result);
}

int slot_lookup_start(struct slot_lookup *l)
{
	uint8_t salt[QUESTION_KEY_LEN], seed[DHT_SEED_LEN];
	question_key(&l->question, salt);
	slot_seed(salt, seed);
	int r = dht_key_of_seed(seed, l->key);
	if (r == 0)
		r = dht_get_mutable(l->dht, l->key, salt, sizeof(salt), on_item, l, &l->lookup);
	if (r == 0 && l->allowance)
		dht_get_within(l->lookup, l->allowance, l->checks_kept);
	return r;
}

void slot_lookup_finish(struct slot_lookup *l)
{
	if (l->lookup)
		dht_cancel(l->dht, l->lookup);
	l->lookup = NULL;
	for (size_t i = 0; i < l->len; i++)
		free(l->versions[i]);
	l->len = 0;
}

int64_t slot_lookup_seq(const struct slot_lookup *l)
{
	int64_t seq = 0;
	for (size_t i = 0; i < l->len; i++)
		if (l->versions[i]->seq > seq)
			seq = l->versions[i]->seq;
	return seq;
}

/* ---- the pieces of a large claim ---- */

static void on_piece(void *ctx, const struct dht_item *item, const struct dht_endpoint *from,
	const struct dht_result *result);

static int next_piece(struct piece_lookup *l)
{
	struct dht_id target;
	memcpy(target.b, l->what.sha1[l->len], DHT_ID_LEN);
	int r = dht_get_immutable(l->dht, &target, on_piece, l, &l->lookup);
	if (r == 0 && l->allowance)
		dht_get_within(l->lookup, l->allowance, 0);
	return r;
}

static void on_piece(void *ctx, const struct dht_item *item, const struct dht_endpoint *from,
	const struct dht_result *result)
{
	(void)from;
	struct piece_lookup *l = ctx;
	struct claim_piece *piece = &l->pieces[l->len];
	const uint8_t *bytes;
	size_t len;
	if (item) { /* immutable: the engine has compared its hash, every copy is the same */
		if (dht_item_get_string(item, &bytes, &len) == 0 && len <= CLAIM_PIECE_BYTES &&
			!piece->bytes) {
			memcpy(l->bytes[l->len], bytes, len);
			*piece = (struct claim_piece){l->bytes[l->len], len};
		}
		return;
	}
	l->lookup = NULL;
	trace_lookup(l->trace, result);
	l->len += piece->bytes != NULL;
	if (!piece->bytes || l->len == l->what.count)
		l->done(l->ctx, piece->bytes != NULL);
	else if (next_piece(l) < 0)
		l->done(l->ctx, false);
}

int piece_lookup_start(struct piece_lookup *l)
{
	if (l->what.count == 0)
		return -EINVAL;
	if (!l->bytes)
		l->bytes = calloc(CLAIM_PIECES_MAX, sizeof(*l->bytes));
	if (!l->bytes)
		return -ENOMEM;
	l->len = 0;
	memset(l->pieces, 0, sizeof(l->pieces));
	return next_piece(l);
}

void piece_lookup_finish(struct piece_lookup *l)
{
	if (l->lookup)
		dht_cancel(l->dht, l->lookup);
	l->lookup = NULL;
	free(l->bytes);
	l->bytes = NULL;
}
