/* Putting a signed copy: no record of ours, so nothing of it is kept on disk, and when it fails
 * whoever asks DNS next tries again. */
#include "resolver/mirror_put.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "dht/dht.h"
#include "resolver/clock.h"
#include "resolver/mirror.h"
#include "resolver/signed_copy.h"
#include "resolver/slot_lookup.h"
#include "resolver/slot_parts.h"

/* Claims of keys that are read for the sake of being kept: as many as a slot holds of versions. */
#define CHECKS_MAX 64
#define SLOT_AHEAD_MAX (600 * (int64_t)SECOND)

struct mirror_put {
	struct dht *dht;
	mirror_put_fn *fn;
	void *ctx;
	struct question question;
	struct slot_lookup slot_lookup;
	struct dht_lookup *lookup;
	/* The copy: a claim if it is one, and how it is cut if it does not stand in the slot
	 * itself. */
	bool is_claim;
	struct claim claim;
	struct claim_pieces pieces;
	unsigned piece; /* the next to be put */
	size_t len;
	uint8_t bytes[CLAIM_BYTES_MAX];
	struct dht_item item; /* the slot */
};

static void destroy(struct mirror_put *p)
{
	slot_lookup_finish(&p->slot_lookup);
	if (p->lookup)
		dht_cancel(p->dht, p->lookup);
	claim_finish(&p->claim);
	free(p);
}

void mirror_put_cancel(struct mirror_put *p)
{
	if (p)
		destroy(p);
}

static void finish(struct mirror_put *p, enum mirror_outcome outcome)
{
	p->fn(p->ctx, p, outcome);
	destroy(p);
}

/* ---- merging ---- */

static bool holds_claim(const struct slot *slot, const struct claim *claim)
{
	for (size_t i = 0; i < slot->claims_len; i++)
		if (claim_equal(&slot->claims[i], claim))
			return true;
	return false;
}

static bool holds_pieces(const struct slot *slot, const struct claim_pieces *pieces)
{
	for (size_t i = 0; i < slot->pieces_len; i++)
		if (pieces_equal(&slot->pieces[i], pieces))
			return true;
	return false;
}

/* What stands in the slot and was put lately lives. */
static bool is_alive(const struct mirror_put *p, const struct slot *slot)
{
	bool held = p->is_claim && !p->pieces.count ? holds_claim(slot, &p->claim)
						    : holds_pieces(slot, &p->pieces);
	int64_t seq = slot_lookup_seq(&p->slot_lookup);
	return held && clock_wall() - seq < (int64_t)MIRROR_AGAIN;
}

static int read_slot(struct mirror_put *p, struct slot *slot)
{
	unsigned budget = CHECKS_MAX;
	int r = 0;
	slot_init(slot, &p->question);
	for (size_t i = 0; r == 0 && i < p->slot_lookup.len; i++) {
		const struct slot_version *v = p->slot_lookup.versions[i];
		struct slot_reading reading = {
			.now = clock_wall() / (int64_t)SECOND, .budget = &budget};
		r = slot_add_packet(slot, v->bytes, v->len, &reading);
		if (r == -EBADMSG)
			r = 0; /* junk on the board is no reason to stay away from it */
	}
	return r;
}

/* DNS has just said it, so what the same zone said before goes. */
static int add_copy(struct mirror_put *p, struct slot *slot)
{
	if (p->is_claim && !p->pieces.count) {
		struct claim claim = p->claim;
		p->claim = (struct claim){0};
		return slot_add(slot, &claim);
	}
	return slot_refer(slot, &p->pieces);
}

static int sign_slot(struct mirror_put *p, const uint8_t *packet, size_t len)
{
	uint8_t seed[DHT_SEED_LEN];
	int64_t seq = slot_lookup_seq(&p->slot_lookup), now = clock_wall();
	int r;
	if (seq >= now + SLOT_AHEAD_MAX)
		return -EOVERFLOW;
	p->item = (struct dht_item){.is_mutable = true, .salt_len = QUESTION_KEY_LEN};
	p->item.seq = seq >= now ? seq + 1 : now;
	question_key(&p->question, p->item.salt);
	slot_seed(p->item.salt, seed);
	r = dht_key_of_seed(seed, p->item.key);
	if (r == 0)
		r = dht_item_set_string(&p->item, packet, len);
	return r < 0 ? r : dht_item_sign(&p->item, seed);
}

/* 1: it lives already. 0: the item is to be put. */
static int merge(struct mirror_put *p)
{
	uint8_t packet[SLOT_BYTES_MAX];
	struct slot slot;
	int r = read_slot(p, &slot), len;
	if (r == 0 && is_alive(p, &slot))
		r = 1;
	if (r == 0)
		r = add_copy(p, &slot);
	if (r == 0) {
		len = slot_write(&slot, NULL, packet);
		r = len < 0 ? len : sign_slot(p, packet, (size_t)len);
	}
	slot_finish(&slot);
	return r;
}

/* ---- putting ---- */

static int put_next(struct mirror_put *p);

static void on_put(void *ctx, const struct dht_result *result)
{
	struct mirror_put *p = ctx;
	bool stored = result->stored || result->stored_here;
	bool last = p->piece > p->pieces.count;
	p->lookup = NULL;
	if (!stored || (!last && put_next(p) < 0))
		finish(p, MIRROR_FAILED);
	else if (last)
		finish(p, MIRROR_PUT);
}

/* The pieces, then what refers to them. Somebody who is faster has put as much, or loses a copy
 * that is put again in its time: a conflict is no reason to come back. */
static int put_next(struct mirror_put *p)
{
	struct dht_item item = {.is_mutable = false};
	size_t at = (size_t)p->piece * CLAIM_PIECE_BYTES, len = p->len - at;
	int r;
	if (p->piece++ == p->pieces.count)
		return dht_put(p->dht, &p->item, DHT_PUT_CAS, on_put, p, &p->lookup);
	r = dht_item_set_string(
		&item, p->bytes + at, len < CLAIM_PIECE_BYTES ? len : CLAIM_PIECE_BYTES);
	return r < 0 ? r : dht_put(p->dht, &item, 0, on_put, p, &p->lookup);
}

static void on_slot(void *ctx, const struct dht_result *result)
{
	struct mirror_put *p = ctx;
	int r = result->error == -ENETUNREACH ? -ENETUNREACH : merge(p);
	if (r == 0)
		r = put_next(p);
	if (r)
		finish(p, r > 0 ? MIRROR_ALIVE : MIRROR_FAILED);
}

/* ---- the copy ---- */

/* A claim where it is one, in pieces where it is large; else the message, in pieces. */
static int make_copy(struct mirror_put *p, const struct answer *a)
{
	const struct answer_message *m = &a->message[1];
	struct signed_copy_facts facts;
	int64_t now = clock_wall() / (int64_t)SECOND;
	int r = signed_copy_examine(&p->question, m->bytes, m->len, now, &facts);
	if (r < 0 || m->len > sizeof(p->bytes) || facts.until <= now)
		return -EINVAL;
	r = signed_copy_to_claim(&p->question, m->bytes, m->len, &p->claim);
	p->is_claim = r == 0;
	if (r == 0) {
		int len = claim_cut(&p->claim, p->bytes, &p->pieces);
		if (len < 0)
			return -EINVAL;
		p->len = (size_t)len;
		if (len <= CLAIM_INLINE_MAX)
			p->pieces.count = 0;
		return 0;
	}
	if (r != -EINVAL)
		return r;
	memcpy(p->bytes, m->bytes, m->len);
	p->len = m->len;
	return signed_copy_cut(&facts, p->bytes, p->len, &p->pieces) < 0 ? -EINVAL : 0;
}

int mirror_put_start(struct dht *dht, const struct answer *a, mirror_put_fn *fn, void *ctx,
	struct mirror_put **ret_put)
{
	struct mirror_put *p = calloc(1, sizeof(*p));
	int r;
	if (!p)
		return -ENOMEM;
	p->dht = dht;
	p->fn = fn;
	p->ctx = ctx;
	p->question = answer_question(a);
	p->slot_lookup = (struct slot_lookup){
		.dht = dht, .question = p->question, .done = on_slot, .ctx = p};
	r = make_copy(p, a);
	if (r == 0)
		r = slot_lookup_start(&p->slot_lookup);
	if (r < 0) {
		destroy(p);
		return r;
	}
	*ret_put = p;
	return 0;
}
