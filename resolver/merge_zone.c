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
	int64_t seq, built;
	struct zone *last;     /* what nodes took of us; NULL: unknown */
	struct zone_seen ours; /* that, and what it was built on */
};

struct zone_walk {
	struct pages *pages;
	struct merge_edits *edits;
	const struct own *own;
	uid_t uid;
	struct place *places; /* by page, that of PAGES_HEAD is the last */
	int error;
};

/* Where a record stands in the zone of `key`: its own name, or N.<key> for a plain name. -EXDEV:
 * under another key, which its writer had before, and which a crash has left here (publish_import).
 */
static int zone_question(
	const struct question *q, const uint8_t key[NAME_KEY_LEN], struct question *ret_q)
{
	uint8_t other[NAME_KEY_LEN];
	struct name origin;
	*ret_q = *q;
	if (name_key(&q->name, other))
		return memcmp(key, other, sizeof(other)) == 0 ? 0 : -EXDEV;
	key_to_name(key, &origin);
	return name_join(&q->name, &origin, &ret_q->name);
}

static int lay_set(
	struct pages *pages, unsigned page, const struct rrset *set, const struct question *at)
{
	struct rrset *moved = rrset_copy(set);
	if (!moved)
		return -ENOMEM;
	moved->question = *at;
	int r = pages_set_on(pages, page, moved);
	rrset_destroy(moved);
	return r;
}

static bool same(const struct rrset *a, const struct rrset *b)
{
	return a && b ? a->ttl == b->ttl && rrset_same_data(a, b) : a == b;
}

/* Has its zone been taken, by anybody else? */
static bool is_laid(const struct own_record *record)
{
	return record->dot && record->zoned == record->written;
}

/* A record set and its place in the zone. */
struct spot {
	const struct question *at;
	struct pages_spot spot;
	unsigned page;
	const struct rrset *there; /* what stands there; NULL: nothing */
};

static bool find_spot(const struct zone_walk *w, const struct question *at, struct spot *ret_spot)
{
	struct pages_spot spot = pages_spot(at);
	unsigned page = pages_place_of(&spot, w->pages->len);
	struct zone *zone = pages_at(w->pages, page);
	*ret_spot = (struct spot){at, spot, page, zone ? zone_find(zone, at) : NULL};
	return zone;
}

static bool has_seen(const struct zone_walk *w, const struct spot *s, int64_t dot)
{
	return zone_seen_has(&w->pages->seen[s->page].seen, dot);
}

/* In which version has another daemon changed what stands there, or withdrawn it, that we have not
 * heard of? 0: in none. Where none is told, and neither zone has anything of the other, it was he
 * who wrote it, by then at the latest. */
static int64_t changed_apart(const struct zone_walk *w, const struct spot *s)
{
	const struct place *place = &w->places[s->page];
	int64_t seq = zone_changes_of(&w->pages->seen[s->page].changes, s->spot.hash);
	if (seq)
		return zone_seen_has(&place->ours, seq) ? 0 : seq;
	struct zone_seen both = place->ours;
	zone_seen_both(&both, &w->pages->seen[s->page].seen);
	return s->there && place->ours.len && both.len == 0 ? place->seq : 0;
}

/* Whose word holds, of a record that is not there as it was written here? */
enum word { WORD_OURS, WORD_OURS_IS_LATER, WORD_THEIRS, WORD_THEIRS_IS_LATER };

/* In a version that has seen what the zone took of us, what stood there has been changed, or
 * withdrawn, after that. One that has not is older, or of the far side of a partition. */
static enum word judge_laid(
	const struct zone_walk *w, const struct own_record *record, const struct spot *s)
{
	if (has_seen(w, s, record->dot))
		return WORD_THEIRS;
	int64_t theirs = changed_apart(w, s);
	if (theirs == 0)
		return WORD_OURS;
	return theirs > record->dot ? WORD_THEIRS_IS_LATER : WORD_OURS_IS_LATER;
}

/* What no zone has taken yet is the newer; but where there stands something else than we had read,
 * both have changed it. A seq may be behind its time by ZONE_WRITERS. */
static enum word judge_new(
	const struct zone_walk *w, const struct own_record *record, const struct spot *s)
{
	const struct place *place = &w->places[s->page];
	int64_t theirs = changed_apart(w, s);
	bool heard = !record->dot || has_seen(w, s, record->dot);
	if (theirs == 0 && heard && s->there && place->last &&
		!same(s->there, zone_find(place->last, s->at)))
		theirs = place->seq;
	if (theirs == 0)
		return WORD_OURS;
	return theirs + ZONE_WRITERS > record->written ? WORD_THEIRS_IS_LATER : WORD_OURS_IS_LATER;
}

static enum word judge(
	const struct zone_walk *w, const struct own_record *record, const struct spot *s)
{
	if (w->places[s->page].all || same(s->there, record->set))
		return WORD_OURS;
	return is_laid(record) ? judge_laid(w, record, s) : judge_new(w, record, s);
}

/* It stands there as it should, in a version that has seen it. */
static bool is_known(
	const struct zone_walk *w, const struct own_record *record, const struct spot *s)
{
	return is_laid(record) && same(s->there, record->set) && has_seen(w, s, record->dot);
}

static int note_edit(struct zone_walk *w, const struct own_record *record, const struct spot *s)
{
	int r = merge_note(w->edits, record, 0);
	if (r == 0)
		w->edits->edit[w->edits->len - 1].spot = s->spot;
	return r;
}

static int overrule(
	struct zone_walk *w, const struct own_record *record, const struct spot *s, bool conflict)
{
	const struct rrset *there = s->there;
	struct rrset *theirs = there ? rrset_copy(there) : NULL;
	int r = !there || theirs ? note_edit(w, record, s) : -ENOMEM;
	if (r < 0) {
		rrset_destroy(theirs);
		return r;
	}
	struct merge_edit *e = &w->edits->edit[w->edits->len - 1];
	e->overruled = true;
	e->conflict = conflict;
	e->theirs = theirs;
	e->dot = w->places[s->page].built;
	if (theirs)
		theirs->question = record->question;
	return 0;
}

static void note_change(struct zone_walk *w, const struct spot *s, int64_t seq)
{
	zone_changes_add(&w->pages->seen[s->page].changes, s->spot.hash, seq);
}

/* `at` is where the record stands in the zone. */
static int lay_at(struct zone_walk *w, const struct own_record *record, const struct question *at)
{
	struct spot s;
	if (!find_spot(w, at, &s))
		return 0; /* written since its page was asked for: the next time */
	enum word word = judge(w, record, &s);
	if (word == WORD_THEIRS || word == WORD_THEIRS_IS_LATER)
		return overrule(w, record, &s, word == WORD_THEIRS_IS_LATER);
	if (!w->places[s.page].all && is_known(w, record, &s))
		return 0;
	if (!same(s.there, record->set))
		note_change(w, &s, is_laid(record) ? record->dot : ZONE_CHANGES_NOW);
	int r = 0;
	if (record->set)
		r = lay_set(w->pages, s.page, record->set, at);
	else
		pages_remove_on(w->pages, s.page, at);
	if (r == 0)
		r = note_edit(w, record, &s);
	if (r == 0)
		w->edits->edit[w->edits->len - 1].conflict = word == WORD_OURS_IS_LATER;
	return r;
}

static void lay_record(void *ctx, const struct own_record *record)
{
	struct zone_walk *w = ctx;
	struct question at;
	if (w->error)
		return;
	/* Too long a name stands in no zone. Its slot alone carries it, and comes after the zone as
	 * that of any edit does. */
	int r = zone_question(&record->question, w->pages->key, &at);
	if (r == 0)
		w->error = lay_at(w, record, &at);
	else if (r == -EXDEV)
		return;
	else if (record->zoned != record->written || w->places[PAGES_HEAD].all)
		w->error = note_edit(w, record, &(struct spot){.spot.head = true});
}

static int note_gone(
	struct zone_walk *w, const struct question *q, const struct spot *s, bool overruled)
{
	struct own_record none = {.uid = w->uid, .question = *q};
	int r = note_edit(w, &none, s);
	if (r < 0)
		return r;
	struct merge_edit *e = &w->edits->edit[w->edits->len - 1];
	e->gone = e->conflict = true;
	e->overruled = overruled;
	return 0;
}

/* What was withdrawn here, from a version that has not seen that: what stands there is older, or
 * has been written there neither knowing of the other. It may have been written here anew since;
 * once the zone took that, this says nothing any more. */
static int take_out(void *ctx, const struct question *q, int64_t dot)
{
	struct zone_walk *w = ctx;
	const struct own_record *record = own_find(w->own, w->uid, q);
	struct question at;
	struct spot s;
	if ((record && is_laid(record)) || zone_question(q, w->pages->key, &at) < 0)
		return 0;
	if (!find_spot(w, &at, &s) || !s.there || has_seen(w, &s, dot))
		return 0;
	int64_t theirs = w->places[s.page].all ? 0 : changed_apart(w, &s);
	if (theirs <= dot) {
		pages_remove_on(w->pages, s.page, &at);
		note_change(w, &s, dot);
	}
	return theirs && !record ? note_gone(w, q, &s, theirs > dot) : 0;
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

/* On fewer pages than these nothing is tried: a record is its data, twelve bytes, and a name. */
static unsigned least_pages(const struct pages *p)
{
	const struct rrset *set;
	size_t bytes = 0;
	unsigned len = p->len ? p->len * 2 : 2;
	for (size_t i = 0; (set = zone_at(p->head, i)); i++)
		bytes += set->data_len +
			 10 * set->count; /* the data with its length, two of those */
	for (unsigned page = 0; page < p->len; page++)
		for (size_t i = 0; (set = zone_at(p->page[page], i)); i++)
			bytes += set->data_len + 10 * set->count;
	while (len < PAGES_MAX && bytes > (size_t)len * ZONE_BYTES_MAX)
		len *= 2;
	return len;
}

static int settle(struct pages *p)
{
	bool whole = pages_whole(p);
	unsigned before = p->len;
	int r = 0;
	if (pages_fit(p, ZONE_BYTES_MAX)) {
		if (whole && p->len)
			r = pages_spread(p, p->len); /* what others left in the zone packet */
		if (r == 0 && whole && p->len && pages_fit(p, ZONE_BYTES_MAX))
			r = shrink(p);
		if (p->len != before)
			pages_have_seen(p, before);
		return r;
	}
	if (!whole)
		return -EAGAIN;
	for (unsigned len = least_pages(p); len <= PAGES_MAX; len *= 2) {
		before = p->len;
		r = pages_spread(p, len);
		if (r < 0)
			return r;
		pages_have_seen(p, before);
		if (pages_fit(p, ZONE_BYTES_MAX))
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
	place->built = part->built;
	int r = part->last_len ? zone_read(key, part->last, part->last_len, &place->last) : 0;
	pages_seen_of(place->last, key, part->last_seq, &place->ours);
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
	if (r < 0)
		return r;
	if (is_zone && part->built)
		pages_build_on(*ret_pages, PAGES_HEAD, part->built);
	return note_place(&places[PAGES_HEAD], key, part, is_zone);
}

static int read_page(struct pages *p, const struct merge_part *part, struct place *places)
{
	struct zone *zone;
	bool is_zone;
	int r = read_zone(p->key, part, &zone, &is_zone);
	if (r == 0)
		r = pages_add(p, part->page, zone);
	if (r < 0)
		return r;
	if (is_zone && part->built)
		pages_build_on(p, part->page, part->built);
	return note_place(&places[part->page], p->key, part, is_zone);
}

/* On which page each edit has come to stand. */
static void place_edits(const struct pages *p, struct merge_edits *edits)
{
	for (size_t i = 0; i < edits->len; i++)
		edits->edit[i].page = pages_place_of(&edits->edit[i].spot, p->len);
}

static int lay(const struct merge_zone *m, struct pages *p, struct place *places,
	struct merge_edits *edits)
{
	int r = 0;
	for (size_t i = 1; r == 0 && i < m->parts_len; i++) {
		const struct merge_part *part = &m->parts[i];
		if (part->page < p->len)
			r = read_page(p, part, places);
	}
	struct zone_walk w = {.pages = p,
		.edits = edits,
		.own = m->own,
		.uid = m->uid,
		.places = places,
		.error = r};
	if (r == 0)
		w.error = own_each_gone(m->own, m->uid, m->now, take_out, &w);
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
	if (p)
		p->writer = own_writer(m->own);
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
		w->error = lay_set(w->pages, PAGES_HEAD, record->set, &at);
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
		r = lay_set(p, pages_place(&at, p->len), set, &at);
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
