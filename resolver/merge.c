/* Merging own records into a zone packet or a slot packet. */
#include "resolver/merge.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "resolver/clock.h"

void merge_edits_finish(struct merge_edits *edits)
{
	free(edits->edit);
	memset(edits, 0, sizeof(*edits));
}

static int note_edit(struct merge_edits *edits, const struct own_record *record, uint32_t inception)
{
	if (edits->len == edits->cap) {
		size_t cap = edits->cap ? edits->cap * 2 : 8;
		struct merge_edit *grown = reallocarray(edits->edit, cap, sizeof(*grown));
		if (!grown)
			return -ENOMEM;
		edits->edit = grown;
		edits->cap = cap;
	}
	edits->edit[edits->len++] = (struct merge_edit){.uid = record->uid,
		.question = record->question, .written = record->written, .inception = inception};
	return 0;
}

/* ---- zones ---- */

struct zone_walk {
	const struct merge_zone *m;
	struct zone *zone;
	struct merge_edits *edits;
	uint8_t key[NAME_KEY_LEN];
	bool plain; /* this pass lays plain names; the first one lays names under the key */
	int error;
};

/* Where a record stands in the zone of `key`: its own name, or N.<key> for a plain name. */
static int zone_question(const struct question *q, const uint8_t key[NAME_KEY_LEN], bool plain,
	struct question *ret_q)
{
	*ret_q = *q;
	if (!plain)
		return 0;
	struct name origin;
	key_to_name(key, &origin);
	return name_join(&q->name, &origin, &ret_q->name);
}

static int lay_set(struct zone_walk *w, const struct rrset *set, const struct question *at)
{
	struct rrset *moved = rrset_copy(set);
	if (!moved)
		return -ENOMEM;
	moved->question = *at;
	int r = zone_set(w->zone, moved);
	rrset_destroy(moved);
	uint8_t packet[ZONE_BYTES_MAX];
	if (r == 0 && w->plain && zone_write(w->zone, packet) == -EFBIG)
		zone_remove(w->zone, at); /* no room: its claim in the slot has to do */
	return r;
}

static void lay_record(void *ctx, const struct own_record *record)
{
	struct zone_walk *w = ctx;
	uint8_t key[NAME_KEY_LEN];
	bool plain = !name_key(&record->question.name, key);
	if (w->error || record->uid != w->m->uid || plain != w->plain)
		return;
	if (!w->m->all && record->set && record->published)
		return; /* the network has it, or another daemon of this key has changed it since */
	struct question at;
	if (zone_question(&record->question, w->key, plain, &at) < 0)
		return; /* N.<key> would be too long a name: the slot alone carries it */
	if (record->set)
		w->error = lay_set(w, record->set, &at);
	else
		zone_remove(w->zone, &at);
	if (w->error == 0 && !plain)
		w->error = note_edit(w->edits, record, 0);
}

int merge_zone(const struct merge_zone *m, uint8_t ret_packet[ZONE_BYTES_MAX],
	struct merge_edits *ret_edits)
{
	struct zone_walk w = {.m = m, .edits = ret_edits};
	memset(ret_edits, 0, sizeof(*ret_edits));
	int r = signer_key(m->signer, m->uid, w.key);
	if (r < 0)
		return r;
	/* What is not a DNS packet is superseded by one that is. */
	r = m->newest ? zone_read(w.key, m->newest, m->newest_len, &w.zone) : -EBADMSG;
	if (r == -EBADMSG)
		r = zone_create(w.key, &w.zone);
	if (r < 0)
		return r;
	own_each(m->own, lay_record, &w);
	w.plain = true;
	if (w.error == 0)
		own_each(m->own, lay_record, &w);
	r = w.error ? w.error : zone_write(w.zone, ret_packet);
	zone_destroy(w.zone);
	return r;
}

struct fit_walk {
	struct zone *zone;
	uid_t uid;
	int error;
};

static void fit_record(void *ctx, const struct own_record *record)
{
	struct fit_walk *w = ctx;
	uint8_t key[NAME_KEY_LEN];
	if (w->error == 0 && record->uid == w->uid && record->set &&
		name_key(&record->question.name, key))
		w->error = zone_set(w->zone, record->set);
}

int merge_zone_fits(const struct own *own, struct signer *signer, uid_t uid,
	const struct rrset *set)
{
	uint8_t key[NAME_KEY_LEN], other[NAME_KEY_LEN], packet[ZONE_BYTES_MAX];
	struct fit_walk w = {.uid = uid};
	struct rrset *moved = NULL;
	int r = signer_key(signer, uid, key);
	if (r == 0)
		r = zone_create(key, &w.zone);
	if (r < 0)
		return r;
	bool plain = !name_key(&set->question.name, other);
	struct question at;
	if (zone_question(&set->question, key, plain, &at) < 0)
		goto out; /* too long a name to stand in the zone: its slot alone carries it */
	if (!plain)
		own_each(own, fit_record, &w); /* a plain name need only fit alone */
	moved = rrset_copy(set);
	r = moved ? w.error : -ENOMEM;
	if (r == 0) {
		moved->question = at;
		r = zone_set(w.zone, moved);
	}
	if (r == 0) {
		int len = zone_write(w.zone, packet);
		r = len < 0 ? len : 0;
	}
out:
	rrset_destroy(moved);
	zone_destroy(w.zone);
	return r;
}

/* ---- slots ---- */

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
	return held && held->set->ttl == (set->ttl > CLAIM_TTL_MAX ? CLAIM_TTL_MAX : set->ttl) &&
		rrset_same_data(held->set, set) &&
		(int32_t)(held->expiration - now) > CLAIM_LIFETIME / 2;
}

static int make_claim(struct slot_walk *w, const struct own_record *record, uint32_t inception)
{
	struct rrset *set = rrset_copy(record->set);
	if (!set)
		return -ENOMEM;
	if (set->ttl > CLAIM_TTL_MAX)
		set->ttl = CLAIM_TTL_MAX;
	struct claim claim;
	int r = signer_claim(w->signer, record->uid, set, inception, inception + CLAIM_LIFETIME,
		&claim);
	rrset_destroy(set);
	return r < 0 ? r : slot_add(w->slot, &claim);
}

/* An hour back, for readers whose clocks are slow; but after all that was said before. */
static uint32_t next_inception(const struct slot_walk *w, const struct own_record *record,
	const uint8_t key[NAME_KEY_LEN])
{
	uint32_t inception = w->now - 3600, last = record->inception, held;
	if (slot_last_inception(w->slot, key, &held) && (!last || (int32_t)(held - last) > 0))
		last = held;
	return last && (int32_t)(inception - last) <= 0 ? last + 1 : inception;
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
	const struct claim *held = slot_claim_of(w->slot, key);
	if (!record->set) {
		w->error = signer_withdraw(w->signer, record->uid, w->slot, record->inception,
			&inception);
	} else if (!claim_stands(held, record->set, w->now)) {
		inception = next_inception(w, record, key);
		w->error = make_claim(w, record, inception);
	}
	if (w->error == -ENOENT)
		w->error = 0; /* nobody holds what was withdrawn */
	if (w->error)
		return;
	memcpy(w->last_key, key, sizeof(key));
	w->has_key = true;
	w->error = note_edit(w->edits, record, inception);
}

int merge_slot(const struct own *own, struct signer *signer, struct slot *slot, int64_t now,
	uint8_t ret_packet[SLOT_BYTES_MAX], struct merge_edits *ret_edits)
{
	memset(ret_edits, 0, sizeof(*ret_edits));
	struct slot_walk w = {.signer = signer, .slot = slot, .edits = ret_edits,
		.now = (uint32_t)(now / (int64_t)SECOND)};
	own_each_of(own, &slot->question, claim_record, &w);
	if (w.error)
		return w.error;
	int len = slot_write(slot, w.has_key ? w.last_key : NULL, ret_packet);
	/* Withdrawn where nothing was held: there is no claim of ours to write first. */
	return len == -ENOENT ? slot_write(slot, NULL, ret_packet) : len;
}
