/* Merging own records into a zone: which pages they go to, and how many pages there are. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "resolver/merge.h"

/* A zone goes back to fewer pages when these are then no fuller than that: with less to spare it
 * would grow and shrink with every other edit. */
#define ROOMY (ZONE_BYTES_MAX * 3 / 4)

/* Of each part that was read. */
struct place {
	bool all;
	int64_t seq;
	struct zone *last; /* what nodes took of us; NULL: unknown */
};

struct zone_walk {
	struct pages *pages;
	struct merge_edits *edits;
	struct place *places; /* by page, that of PAGES_HEAD is the last */
	int error;
};

/* Where a record stands in the zone of `key`: its own name, or N.<key> for a plain name. */
static int zone_question(
	const struct question *q, const uint8_t key[NAME_KEY_LEN], struct question *ret_q)
{
	uint8_t other[NAME_KEY_LEN];
	struct name origin;
	*ret_q = *q;
	if (name_key(&q->name, other))
		return 0;
	key_to_name(key, &origin);
	return name_join(&q->name, &origin, &ret_q->name);
}

static int lay_set(struct pages *pages, const struct rrset *set, const struct question *at)
{
	struct rrset *moved = rrset_copy(set);
	if (!moved)
		return -ENOMEM;
	moved->question = *at;
	int r = pages_set(pages, moved);
	rrset_destroy(moved);
	return r;
}

static bool same(const struct rrset *a, const struct rrset *b)
{
	return a && b ? a->ttl == b->ttl && rrset_same_data(a, b) : a == b;
}

/* Has its zone been taken? What is under the key is published then; where it is not, there was
 * nobody else to take it yet. */
static bool is_laid(const struct own_record *record)
{
	uint8_t key[NAME_KEY_LEN];
	return record->zoned == record->written &&
	       (record->published || !name_key(&record->question.name, key));
}

/* Has another daemon of this key said something else, and later? What the zone took of us can only
 * have been changed after that. What it has not taken yet is the newer, but where the part was
 * signed after it was written, and differs here from what we had put.
 *
 * A set that is not there says nothing: the other may have withdrawn it, or have signed without ever
 * having seen it, on the far side of a partition. What was written here stays on this disk until it
 * is withdrawn here. */
static bool is_overruled(const struct place *place, const struct own_record *record,
	const struct question *at, const struct rrset *there)
{
	if (place->all || !there || same(there, record->set))
		return false;
	if (is_laid(record))
		return record->set;
	return place->last && place->seq > record->written &&
	       !same(there, zone_find(place->last, at));
}

static int overrule(struct zone_walk *w, const struct own_record *record, const struct rrset *there)
{
	struct rrset *theirs = rrset_copy(there);
	int r = theirs ? merge_note(w->edits, record, 0) : -ENOMEM;
	if (r < 0) {
		rrset_destroy(theirs);
		return r;
	}
	struct merge_edit *e = &w->edits->edit[w->edits->len - 1];
	e->overruled = true;
	e->theirs = theirs;
	theirs->question = record->question;
	return 0;
}

/* `moved` is the record as it stands in the zone. */
static int lay_moved(
	struct zone_walk *w, const struct own_record *record, const struct own_record *moved)
{
	const struct place *place = &w->places[pages_place(&moved->question, w->pages->len)];
	struct zone *zone = pages_zone(w->pages, &moved->question);
	if (!zone)
		return 0; /* written since its page was asked for: the next time */
	const struct rrset *there = zone_find(zone, &moved->question);
	if (is_overruled(place, record, &moved->question, there))
		return overrule(w, record, there);
	if (!place->all && is_laid(record))
		return 0;
	int r = 0;
	if (record->set)
		r = lay_set(w->pages, record->set, &moved->question);
	else
		pages_remove(w->pages, &moved->question);
	return r < 0 ? r : merge_note(w->edits, record, 0);
}

static void lay_record(void *ctx, const struct own_record *record)
{
	struct zone_walk *w = ctx;
	struct own_record moved = *record;
	if (w->error)
		return;
	/* Too long a name stands in no zone. Its slot alone carries it, and comes after the zone as
	 * that of any edit does. */
	if (zone_question(&record->question, w->pages->key, &moved.question) == 0)
		w->error = lay_moved(w, record, &moved);
	else if (record->zoned != record->written || w->places[PAGES_HEAD].all)
		w->error = merge_note(w->edits, record, 0);
}

/* ---- how many pages ---- */

static unsigned fewer(unsigned len)
{
	return len == 2 ? 0 : len / 2;
}

static int shrink(struct pages *p)
{
	unsigned len = p->len;
	int r = 0;
	while (r == 0 && p->len > 1) {
		len = p->len;
		r = pages_spread(p, fewer(len));
		if (r == 0 && !pages_fit(p, ROOMY))
			return pages_spread(p, len);
	}
	return r;
}

static bool head_fits(const struct pages *p)
{
	uint8_t packet[ZONE_BYTES_MAX];
	return pages_write(p, PAGES_HEAD, INT64_MAX, packet) > 0;
}

static int settle(struct pages *p)
{
	bool whole = pages_whole(p);
	int r = 0;
	if (pages_fit(p, ZONE_BYTES_MAX)) {
		if (whole && p->len)
			r = pages_spread(p, p->len); /* what others left in the zone packet */
		return r == 0 && whole && p->len && pages_fit(p, ZONE_BYTES_MAX) ? shrink(p) : r;
	}
	if (!whole)
		return -EAGAIN;
	for (unsigned len = p->len ? p->len * 2 : 2; len <= PAGES_MAX; len *= 2) {
		r = pages_spread(p, len);
		if (r < 0 || pages_fit(p, ZONE_BYTES_MAX))
			return r;
		if (!head_fits(p))
			break; /* no number of pages makes room there */
	}
	return -EFBIG;
}

/* ---- merging ---- */

static int read_zone(const uint8_t key[NAME_KEY_LEN], const struct merge_part *part,
	struct zone **ret_zone, bool *ret_is_zone)
{
	int r = zone_read(key, part->bytes, part->len, ret_zone);
	*ret_is_zone = r == 0;
	return r == -EBADMSG ? zone_create(key, ret_zone) : r;
}

/* What stands there and is no zone says nothing of any record: no other daemon has withdrawn them.
 */
static int note_place(struct place *place, const uint8_t key[NAME_KEY_LEN],
	const struct merge_part *part, bool is_zone)
{
	place->all = part->all || !is_zone;
	place->seq = part->seq;
	int r = part->last_len ? zone_read(key, part->last, part->last_len, &place->last) : 0;
	return r == -EBADMSG ? 0 : r;
}

static int read_head(const uint8_t key[NAME_KEY_LEN], const struct merge_part *part,
	struct place *places, struct pages **ret_pages)
{
	struct zone *head;
	bool is_zone;
	int r = read_zone(key, part, &head, &is_zone);
	if (r == 0)
		r = pages_create(key, head, ret_pages);
	return r < 0 ? r : note_place(&places[PAGES_HEAD], key, part, is_zone);
}

/* On which page each edit has come to stand. */
static void place_edits(const struct pages *p, struct merge_edits *edits)
{
	for (size_t i = 0; i < edits->len; i++) {
		struct merge_edit *e = &edits->edit[i];
		struct question at;
		e->page = PAGES_HEAD;
		if (zone_question(&e->question, p->key, &at) == 0)
			e->page = pages_place(&at, p->len);
	}
}

static int lay(const struct merge_zone *m, struct pages *p, struct place *places,
	struct merge_edits *edits)
{
	int r = 0;
	for (size_t i = 1; r == 0 && i < m->parts_len; i++) {
		const struct merge_part *part = &m->parts[i];
		if (part->page >= p->len)
			continue;
		bool is_zone;
		r = read_zone(p->key, part, &p->page[part->page], &is_zone);
		if (r == 0)
			r = note_place(&places[part->page], p->key, part, is_zone);
	}
	struct zone_walk w = {.pages = p, .edits = edits, .places = places, .error = r};
	own_each_by(m->own, m->uid, lay_record, &w);
	return w.error;
}

int merge_zone(const struct merge_zone *m, struct pages **ret_pages, struct merge_edits *ret_edits)
{
	uint8_t key[NAME_KEY_LEN];
	struct pages *p = NULL;
	struct place *places = calloc(PAGES_MAX + 1, sizeof(*places));
	memset(ret_edits, 0, sizeof(*ret_edits));
	int r = places ? signer_key(m->signer, m->uid, key) : -ENOMEM;
	if (r == 0)
		r = read_head(key, &m->parts[0], places, &p);
	if (r == 0)
		r = lay(m, p, places, ret_edits);
	if (r == 0)
		r = settle(p);
	if (r == 0) {
		place_edits(p, ret_edits);
		*ret_pages = p;
	} else {
		pages_destroy(p);
	}
	for (size_t i = 0; places && i <= PAGES_MAX; i++)
		zone_destroy(places[i].last);
	free(places);
	return r;
}

struct wants_walk {
	const uint8_t *key;
	unsigned pages, *ret_pages;
	size_t len;
	bool wanted[PAGES_MAX + 1];
};

static void want_page(void *ctx, const struct own_record *record)
{
	struct wants_walk *w = ctx;
	struct question at;
	if (is_laid(record) || zone_question(&record->question, w->key, &at) < 0)
		return;
	unsigned place = pages_place(&at, w->pages);
	if (place != PAGES_HEAD && !w->wanted[place]) {
		w->wanted[place] = true;
		w->ret_pages[w->len++] = place;
	}
}

size_t merge_zone_wants(const struct own *own, const uint8_t key[NAME_KEY_LEN], uid_t uid,
	unsigned pages, unsigned ret_pages[PAGES_MAX])
{
	struct wants_walk w = {.key = key, .pages = pages, .ret_pages = ret_pages};
	own_each_by(own, uid, want_page, &w);
	return w.len;
}

/* ---- room ---- */

struct fit_walk {
	struct pages *pages;
	int error;
};

/* Of all that the uid has, what stands in the zone packet whatever the number of pages. */
static void fit_record(void *ctx, const struct own_record *record)
{
	struct fit_walk *w = ctx;
	struct question at;
	if (w->error == 0 && record->set &&
		zone_question(&record->question, w->pages->key, &at) == 0 &&
		pages_place(&at, w->pages->len) == PAGES_HEAD)
		w->error = lay_set(w->pages, record->set, &at);
}

/* On two pages, of which one bears nothing but `set`, or none. */
static int fits_part(const struct own *own, uid_t uid, const struct rrset *set, struct pages *p)
{
	struct fit_walk w = {.pages = p};
	struct question at;
	zone_question(&set->question, p->key, &at);
	int r = pages_spread(p, 2);
	if (r == 0 && pages_place(&at, 2) == PAGES_HEAD) {
		own_each_by(own, uid, fit_record, &w);
		r = w.error;
	}
	if (r == 0)
		r = lay_set(p, set, &at);
	return r == 0 && !pages_fit(p, ZONE_BYTES_MAX) ? -EFBIG : r;
}

int merge_zone_fits(
	const struct own *own, struct signer *signer, uid_t uid, const struct rrset *set)
{
	uint8_t key[NAME_KEY_LEN];
	struct pages *p = NULL;
	struct zone *head;
	struct question at;
	int r = signer_key(signer, uid, key);
	if (r < 0)
		return r;
	if (zone_question(&set->question, key, &at) < 0)
		return merge_fits_claim(set, key);
	r = zone_create(key, &head);
	if (r == 0)
		r = pages_create(key, head, &p);
	if (r == 0)
		r = fits_part(own, uid, set, p);
	pages_destroy(p);
	return r;
}
