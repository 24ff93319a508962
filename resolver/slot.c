/* Slots: the claims that are held for one question, merged and written. */
#include "resolver/claim.h"

#include <errno.h>
#include <openssl/sha.h>
#include <stdlib.h>
#include <string.h>

#include "resolver/slot_parts.h"

void slot_seed(const uint8_t h[QUESTION_KEY_LEN], uint8_t ret_seed[32])
{
	static const char prefix[] = "kadns slot 1";
	uint8_t text[sizeof(prefix) - 1 + QUESTION_KEY_LEN];

	memcpy(text, prefix, sizeof(prefix) - 1);
	memcpy(text + sizeof(prefix) - 1, h, QUESTION_KEY_LEN);
	SHA256(text, sizeof(text), ret_seed);
}

void slot_init(struct slot *slot, const struct question *q)
{
	*slot = (struct slot){.question = *q};
}

void slot_finish(struct slot *slot)
{
	if (!slot)
		return;
	for (size_t i = 0; i < slot->claims_len; i++)
		claim_finish(&slot->claims[i]);
	for (size_t i = 0; i < slot->withdrawn_len; i++)
		claim_finish(&slot->withdrawn[i]);
	free(slot->claims);
	free(slot->withdrawn);
	free(slot->pieces);
	*slot = (struct slot){.question = slot->question};
}

bool signer_is_key(const struct name *signer, uint8_t ret_key[NAME_KEY_LEN])
{
	return name_labels(signer) == 1 && name_key(signer, ret_key);
}

bool signer_may(const struct name *signer, const struct name *name)
{
	uint8_t key[NAME_KEY_LEN];

	return signer_is_key(signer, key) || name_under(name, signer);
}

static struct claim *find_key(struct claim *list, size_t len, const uint8_t key[NAME_KEY_LEN])
{
	for (size_t i = 0; i < len; i++)
		if (list[i].kind == CLAIM_KEY && memcmp(list[i].key, key, NAME_KEY_LEN) == 0)
			return &list[i];
	return NULL;
}

struct claim *slot_held(const struct slot *slot, const uint8_t key[NAME_KEY_LEN])
{
	return find_key(slot->claims, slot->claims_len, key);
}

struct claim *slot_held_withdrawal(const struct slot *slot, const uint8_t key[NAME_KEY_LEN])
{
	return find_key(slot->withdrawn, slot->withdrawn_len, key);
}

const struct claim *slot_claim_of(const struct slot *slot, const uint8_t key[NAME_KEY_LEN])
{
	return slot_held(slot, key);
}

bool slot_last_inception(
	const struct slot *slot, const uint8_t key[NAME_KEY_LEN], uint32_t *ret_inception)
{
	const struct claim *last = slot_held(slot, key);

	/* There is never one of each: the later one drives the other out. */
	if (!last)
		last = slot_held_withdrawal(slot, key);
	if (last)
		*ret_inception = last->inception;
	return last;
}

/* Lists are short (a packet holds six claims of keys) and grow by one. */
static int list_append(struct claim **list, size_t *len, struct claim *claim)
{
	struct claim *grown = reallocarray(*list, *len + 1, sizeof(**list));

	if (!grown) {
		claim_finish(claim);
		return -ENOMEM;
	}
	grown[(*len)++] = *claim;
	*list = grown;
	*claim = (struct claim){0};
	return 0;
}

static void list_remove(struct claim *list, size_t *len, size_t i)
{
	claim_finish(&list[i]);
	--*len;
	memmove(&list[i], &list[i + 1], (*len - i) * sizeof(*list));
}

int slot_append(struct slot *slot, struct claim *claim)
{
	if (claim_withdraws(claim))
		return list_append(&slot->withdrawn, &slot->withdrawn_len, claim);
	return list_append(&slot->claims, &slot->claims_len, claim);
}

static bool same_signer(const struct claim *a, const struct claim *b)
{
	if (a->kind != b->kind)
		return false;
	switch (a->kind) {
	case CLAIM_KEY:
		return memcmp(a->key, b->key, NAME_KEY_LEN) == 0;
	case CLAIM_ZONE:
		return name_equal(&a->signer, &b->signer);
	case CLAIM_UNSIGNED:
		return true;
	}
	return false;
}

/* Does the list hold a word of this signer that is as late? */
static bool superseded(const struct claim *list, size_t len, const struct claim *claim)
{
	for (size_t i = 0; i < len; i++)
		if (same_signer(&list[i], claim) &&
			serial_after(list[i].inception, claim->inception) >= 0)
			return true;
	return false;
}

static void drop_earlier(struct claim *list, size_t *len, const struct claim *claim)
{
	for (size_t i = *len; i-- > 0;)
		if (same_signer(&list[i], claim) &&
			serial_after(list[i].inception, claim->inception) <= 0)
			list_remove(list, len, i);
}

/* References of this signer from before `inception`. */
static void drop_references(struct slot *slot, const struct name *signer, uint32_t inception)
{
	size_t kept = 0;

	for (size_t i = 0; i < slot->pieces_len; i++) {
		const struct claim_pieces *p = &slot->pieces[i];

		if (!name_equal(&p->signer, signer) || serial_after(p->inception, inception) >= 0)
			slot->pieces[kept++] = *p;
	}
	slot->pieces_len = kept;
}

int slot_add(struct slot *slot, struct claim *claim)
{
	/* A later word of a zone may be anyone's, so the caller, who vouches, is not held up by it.
	 */
	if (claim->kind != CLAIM_ZONE &&
		(superseded(slot->claims, slot->claims_len, claim) ||
			superseded(slot->withdrawn, slot->withdrawn_len, claim))) {
		claim_finish(claim);
		return 0;
	}
	claim->vouched = claim->kind == CLAIM_ZONE;
	drop_earlier(slot->claims, &slot->claims_len, claim);
	drop_earlier(slot->withdrawn, &slot->withdrawn_len, claim);
	if (claim->kind != CLAIM_UNSIGNED)
		drop_references(slot, &claim->signer, claim->inception);
	return slot_append(slot, claim);
}

/* Of zones' references the one with the earliest date, where there is no room for another, or that
 * very one. */
static void make_room(struct slot *slot, const struct claim_pieces *pieces)
{
	size_t out = slot->pieces_len;
	uint8_t key[NAME_KEY_LEN];

	for (size_t i = 0; i < slot->pieces_len; i++) {
		const struct claim_pieces *p = &slot->pieces[i];

		if (pieces_equal(p, pieces)) {
			out = i;
			break;
		}
		if (slot->pieces_len >= SLOT_STRANGERS_MAX && !signer_is_key(&p->signer, key) &&
			(out == slot->pieces_len ||
				serial_after(slot->pieces[out].inception, p->inception) > 0))
			out = i;
	}
	if (out < slot->pieces_len)
		slot->pieces[out] = slot->pieces[--slot->pieces_len];
}

int slot_refer(struct slot *slot, const struct claim_pieces *pieces)
{
	struct claim now = {.kind = CLAIM_ZONE, .signer = pieces->signer, .inception = pieces->inception};
	struct claim_pieces vouched = *pieces;

	vouched.vouched = true;
	drop_earlier(slot->claims, &slot->claims_len, &now);
	drop_references(slot, &pieces->signer, pieces->inception);
	make_room(slot, pieces);
	return slot_add_reference(slot, &vouched);
}

bool slot_drop(struct slot *slot, const uint8_t key[NAME_KEY_LEN])
{
	struct claim *held = slot_held(slot, key);
	size_t references = slot->pieces_len, kept = 0;
	struct name signer;

	key_to_name(key, &signer);
	if (held)
		list_remove(slot->claims, &slot->claims_len, (size_t)(held - slot->claims));
	for (size_t i = 0; i < references; i++)
		if (!name_equal(&slot->pieces[i].signer, &signer))
			slot->pieces[kept++] = slot->pieces[i];
	slot->pieces_len = kept;
	return held || kept < references;
}

int slot_add_reference(struct slot *slot, const struct claim_pieces *pieces)
{
	/* Only a later word of the signer supersedes it: the claim itself, which is as late, may be
	 * held too, and slot_write then refers to these very pieces. */
	struct claim claim = {.kind = CLAIM_KEY, .inception = pieces->inception + 1};
	struct claim_pieces *grown;

	for (size_t i = 0; i < slot->pieces_len; i++)
		if (pieces_equal(&slot->pieces[i], pieces))
			return 0;
	if (slot->pieces_len >= SLOT_STRANGERS_MAX ||
		(signer_is_key(&pieces->signer, claim.key) &&
			(superseded(slot->claims, slot->claims_len, &claim) ||
				superseded(slot->withdrawn, slot->withdrawn_len, &claim))))
		return 0;
	grown = reallocarray(slot->pieces, slot->pieces_len + 1, sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	grown[slot->pieces_len++] = *pieces;
	slot->pieces = grown;
	return 0;
}

/* The reference that stands for this claim, or NULL. */
static const struct claim_pieces *reference_of(const struct slot *slot, const struct claim *claim)
{
	for (size_t i = 0; i < slot->pieces_len; i++)
		if (!slot->pieces[i].is_message &&
			slot->pieces[i].inception == claim->inception &&
			name_equal(&slot->pieces[i].signer, &claim->signer))
			return &slot->pieces[i];
	return NULL;
}

static bool put_reference(
	const struct slot *slot, const struct claim_pieces *pieces, struct packet_writer *w)
{
	struct packet_writer before = *w;

	pieces_put(pieces, &slot->question, w);
	if (w->full)
		*w = before;
	return w->count[1] > before.count[1];
}

/* All of a claim or nothing. */
static bool put_claim(const struct slot *slot, const struct claim *claim, struct packet_writer *w)
{
	struct packet_writer before = *w;
	uint8_t packet[CLAIM_BYTES_MAX];
	int len = claim_write(claim, packet, sizeof(packet));

	if (claim->kind != CLAIM_UNSIGNED && len > CLAIM_INLINE_MAX) {
		const struct claim_pieces *held = reference_of(slot, claim);
		struct claim_pieces cut;

		if (!held && claim_cut(claim, packet, &cut) < 0)
			return false;
		return put_reference(slot, held ? held : &cut, w);
	}
	claim_put(claim, w);
	if (w->full)
		*w = before;
	return w->count[1] > before.count[1];
}

/* What can be written: a claim, or a reference whose claim is not held. */
struct entry {
	uint32_t inception;
	const struct claim *claim;
	const struct claim_pieces *pieces;
};

static bool verified(const struct entry *e)
{
	return e->claim && e->claim->kind == CLAIM_KEY;
}

static bool vouched(const struct entry *e)
{
	return e->claim ? e->claim->vouched : e->pieces->vouched;
}

/* Claims of keys first: nodes defend those, and a forged date must not push them out; nor what DNS
 * has just said. Then latest first. All that is held is current, so the serial numbers lie close
 * together. */
static int by_rank(const void *left, const void *right)
{
	const struct entry *a = left, *b = right;
	int32_t after = serial_after(b->inception, a->inception);

	if (verified(a) != verified(b))
		return verified(a) ? -1 : 1;
	if (vouched(a) != vouched(b))
		return vouched(a) ? -1 : 1;
	return (after > 0) - (after < 0);
}

static size_t list_entries(
	const struct slot *slot, const struct claim *first, struct entry *entries)
{
	size_t n = 0;

	for (size_t i = 0; i < slot->claims_len; i++) {
		const struct claim *c = &slot->claims[i];

		if (c != first && c->kind != CLAIM_UNSIGNED)
			entries[n++] = (struct entry){.inception = c->inception, .claim = c};
	}
	for (size_t i = 0; i < slot->pieces_len; i++) {
		const struct claim_pieces *p = &slot->pieces[i];
		bool held = false;

		for (size_t j = 0; j < slot->claims_len; j++)
			held |= reference_of(slot, &slot->claims[j]) == p;
		if (!held)
			entries[n++] = (struct entry){.inception = p->inception, .pieces = p};
	}
	qsort(entries, n, sizeof(*entries), by_rank);
	return n;
}

int slot_write(
	const struct slot *slot, const uint8_t *first_key, uint8_t ret_packet[SLOT_BYTES_MAX])
{
	const struct claim *first = NULL;
	struct packet_writer w;
	struct entry *entries;
	size_t n;

	if (first_key) {
		first = slot_held(slot, first_key);
		if (!first)
			first = slot_held_withdrawal(slot, first_key);
		if (!first)
			return -ENOENT;
	}
	packet_begin(&w, ret_packet, SLOT_BYTES_MAX, true);
	if (first && !put_claim(slot, first, &w))
		return -EFBIG;
	entries = calloc(slot->claims_len + slot->pieces_len + 1, sizeof(*entries));
	if (!entries)
		return -ENOMEM;
	n = list_entries(slot, first, entries);
	for (size_t i = 0; i < n; i++) {
		if (entries[i].claim)
			put_claim(slot, entries[i].claim, &w);
		else
			put_reference(slot, entries[i].pieces, &w);
	}
	free(entries);
	for (size_t i = 0; i < slot->withdrawn_len; i++)
		if (&slot->withdrawn[i] != first)
			put_claim(slot, &slot->withdrawn[i], &w);
	for (size_t i = 0; i < slot->claims_len && w.count[1] == 0; i++)
		put_claim(slot, &slot->claims[i], &w);
	return packet_end(&w, 0, FLAG_QR);
}
