/* Merging own records into a slot packet. */
#include "resolver/merge.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "resolver/clock.h"

#define DAY 86400

void merge_edits_finish(struct merge_edits *edits)
{
	for (size_t i = 0; i < edits->len; i++)
		rrset_destroy(edits->edit[i].theirs);
	free(edits->edit);
	free(edits->pieces);
	memset(edits, 0, sizeof(*edits));
}

int merge_note(struct merge_edits *edits, const struct own_record *record, uint32_t inception)
{
	uint8_t key[NAME_KEY_LEN];
	if (edits->len == edits->cap) {
		size_t cap = edits->cap ? edits->cap * 2 : 8;
		struct merge_edit *grown = reallocarray(edits->edit, cap, sizeof(*grown));
		if (!grown)
			return -ENOMEM;
		edits->edit = grown;
		edits->cap = cap;
	}
	edits->edit[edits->len++] = (struct merge_edit){.uid = record->uid,
		.question = record->question,
		.written = record->written,
		.inception = inception,
		.under_key = name_key(&record->question.name, key),
		.zoned = record->zoned == record->written};
	return 0;
}

static uint32_t claim_ttl(const struct rrset *set)
{
	return set->ttl > CLAIM_TTL_MAX ? CLAIM_TTL_MAX : set->ttl;
}

int merge_fits_claim(const struct rrset *set, const uint8_t key[NAME_KEY_LEN])
{
	uint8_t *bytes = NULL;
	size_t len, rrsig_len;
	struct rrset *said = rrset_copy(set);
	if (!said)
		return -ENOMEM;
	said->ttl = claim_ttl(set);
	int r = claim_to_sign(said, key, 0, 0, &bytes, &len, &rrsig_len);
	free(bytes);
	rrset_destroy(said);
	return r;
}

struct slot_walk {
	struct signer *signer;
	struct slot *slot;
	struct merge_edits *edits;
	uint32_t now;
	uint8_t last_key[NAME_KEY_LEN]; /* whose claim must not be left out for want of room */
	bool has_key;
	int error;
};

/* A claim that says the same and has more than half of its life ahead need not be made anew. */
static bool claim_stands(const struct claim *held, const struct rrset *set, uint32_t now)
{
	return held && held->set->ttl == claim_ttl(set) && rrset_same_data(held->set, set) &&
	       (int32_t)(held->expiration - now) > CLAIM_LIFETIME / 2;
}

/* An hour back, for readers whose clocks are slow; but after all that was said before. */
static uint32_t next_inception(
	const struct slot_walk *w, const struct own_record *record, const uint8_t key[NAME_KEY_LEN])
{
	uint32_t inception = w->now - 3600, last = record->inception, held;
	if (slot_last_inception(w->slot, key, &held) && (!last || (int32_t)(held - last) > 0))
		last = held;
	if ((int32_t)(last - w->now) > DAY)
		last = 0; /* said while a clock stood ahead: to readers it is not said yet */
	return last && (int32_t)(inception - last) <= 0 ? last + 1 : inception;
}

static int make_claim(struct slot_walk *w, const struct own_record *record, uint32_t inception,
	struct claim *ret_claim)
{
	struct rrset *set = rrset_copy(record->set);
	if (!set)
		return -ENOMEM;
	set->ttl = claim_ttl(set);
	int r = signer_claim(
		w->signer, record->uid, set, inception, inception + CLAIM_LIFETIME, ret_claim);
	rrset_destroy(set);
	return r;
}

/* Cuts a claim into pieces. Returns whether it is one that needs them, or -errno. */
static int cut(struct merge_edits *edits, const struct claim *claim)
{
	uint8_t packet[CLAIM_BYTES_MAX];
	struct claim_pieces pieces;
	int len = claim_cut(claim, packet, &pieces);
	if (len < 0 || len <= CLAIM_INLINE_MAX)
		return len < 0 ? len : 0;
	struct merge_piece *grown = reallocarray(
		edits->pieces, edits->pieces_len + pieces.count, sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	edits->pieces = grown;
	for (int at = 0; at < len; at += CLAIM_PIECE_BYTES) {
		struct merge_piece *p = &grown[edits->pieces_len++];
		p->len = (size_t)(len - at < CLAIM_PIECE_BYTES ? len - at : CLAIM_PIECE_BYTES);
		memcpy(p->bytes, packet + at, p->len);
	}
	return 1;
}

static int say(struct slot_walk *w, const struct own_record *record,
	const uint8_t key[NAME_KEY_LEN], uint32_t *ret_inception)
{
	const struct claim *held = slot_claim_of(w->slot, key);
	struct claim claim;
	if (claim_stands(held, record->set, w->now))
		return 0;
	*ret_inception = next_inception(w, record, key);
	int r = make_claim(w, record, *ret_inception, &claim);
	if (r < 0)
		return r;
	r = cut(w->edits, &claim);
	if (r > 0 && held) {
		/* Nodes keep a claim until a later one stands in its place; a reference does not,
		 * so what was small is withdrawn first, and the large one follows (claim.h). */
		claim_finish(&claim);
		w->edits->again = true;
		w->edits->pieces_len = 0;
		return signer_withdraw(
			w->signer, record->uid, w->slot, record->inception, ret_inception);
	}
	if (r < 0) {
		claim_finish(&claim);
		return r;
	}
	return slot_add(w->slot, &claim);
}

static void claim_record(void *ctx, const struct own_record *record)
{
	struct slot_walk *w = ctx;
	uint8_t key[NAME_KEY_LEN];
	uint32_t inception = 0;
	if (w->error)
		return;
	w->error = signer_key(w->signer, record->uid, key);
	if (w->error)
		return;
	if (record->set)
		w->error = say(w, record, key, &inception);
	else
		w->error = signer_withdraw(
			w->signer, record->uid, w->slot, record->inception, &inception);
	bool silent = w->error == -ENOENT; /* nobody holds what was withdrawn */
	if (silent)
		w->error = 0;
	if (w->error)
		return;
	if (!silent) {
		memcpy(w->last_key, key, sizeof(key));
		w->has_key = true;
	}
	if (!w->edits->again)
		w->error = merge_note(w->edits, record, inception);
}

/* Which edits found room? One writer's claim is first in the packet; with several local writers
 * the packet is read back. */
static int forget_left_out(struct slot_walk *w, const uint8_t *packet, size_t len)
{
	unsigned budget = SLOT_STRANGERS_MAX;
	struct slot_reading reading = {.now = w->now, .budget = &budget};
	struct slot written;
	slot_init(&written, &w->slot->question);
	int r = slot_add_packet(&written, packet, len, &reading);
	size_t kept = 0;
	for (size_t i = 0; r == 0 && i < w->edits->len; i++) {
		uint8_t key[NAME_KEY_LEN];
		uint32_t inception;
		r = signer_key(w->signer, w->edits->edit[i].uid, key);
		if (slot_last_inception(&written, key, &inception) || written.pieces_len)
			w->edits->edit[kept++] = w->edits->edit[i];
	}
	if (r == 0)
		w->edits->len = kept;
	slot_finish(&written);
	return r;
}

int merge_slot(const struct own *own, struct signer *signer, struct slot *slot, int64_t now,
	uint8_t ret_packet[SLOT_BYTES_MAX], struct merge_edits *ret_edits)
{
	memset(ret_edits, 0, sizeof(*ret_edits));
	struct slot_walk w = {.signer = signer,
		.slot = slot,
		.edits = ret_edits,
		.now = (uint32_t)(now / (int64_t)SECOND)};
	own_each_of(own, &slot->question, claim_record, &w);
	if (w.error)
		return w.error;
	int len = slot_write(slot, w.has_key ? w.last_key : NULL, ret_packet);
	int r = len > 0 && ret_edits->len > 1 ? forget_left_out(&w, ret_packet, (size_t)len) : 0;
	return r < 0 ? r : len;
}
