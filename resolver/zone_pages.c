/* Which record set stands on which page, and what the zone packet says of pages. */
#include "resolver/zone_pages.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STRING_MAX 255					    /* of TXT */
#define MARKER_MAX (STRING_MAX + 1 + ZONE_CHANGES_TEXT_MAX) /* a second one is for the changes */

static bool stands_in_head(const struct question *q)
{
	static const struct name underscore = {.len = 8, .wire = "\x06_kadns"};
	uint8_t key[NAME_KEY_LEN];
	struct question own;

	if (q->name.wire[0] == 1 && q->name.wire[1] == '*')
		return true;
	if (q->type != TYPE_TXT || q->name.len <= underscore.len ||
		memcmp(q->name.wire, underscore.wire, underscore.len - 1u) != 0 ||
		!name_key(&q->name, key))
		return false;
	pages_question(key, &own);
	return name_equal(&own.name, &q->name);
}

/* What its page is told by, whatever the number of pages: the dear part of the work here. */
static uint32_t end_of_hash(const struct question *q)
{
	uint8_t h[QUESTION_KEY_LEN];

	question_key(q, h);
	return (uint32_t)h[16] << 24 | (uint32_t)h[17] << 16 | (uint32_t)h[18] << 8 | h[19];
}

struct pages_spot pages_spot(const struct question *q)
{
	return (struct pages_spot){stands_in_head(q), end_of_hash(q)};
}

unsigned pages_place_of(const struct pages_spot *spot, unsigned pages)
{
	return pages == 0 || spot->head ? PAGES_HEAD : spot->hash % pages;
}

unsigned pages_place(const struct question *q, unsigned pages)
{
	return pages == 0 || stands_in_head(q) ? PAGES_HEAD : end_of_hash(q) % pages;
}

size_t pages_salt(unsigned page, uint8_t ret_salt[PAGES_SALT_MAX])
{
	if (page == PAGES_HEAD)
		return 0;
	return (size_t)snprintf((char *)ret_salt, PAGES_SALT_MAX, "kadns1:%u", page);
}

void pages_question(const uint8_t key[NAME_KEY_LEN], struct question *ret_q)
{
	static const struct name underscore = {.len = 8, .wire = "\x06_kadns"};
	struct name origin;

	key_to_name(key, &origin);
	*ret_q = (struct question){.type = TYPE_TXT, .class = CLASS_IN};
	name_join(&underscore, &origin, &ret_q->name);
}

/* ---- the marker ---- */

/* A number of digits only, without sign or leading zeros, at most `max`. */
static bool read_number(const char *text, int64_t max, int64_t *ret_number)
{
	int64_t number = 0;

	if (!*text || (text[0] == '0' && text[1]))
		return false;
	for (; *text; text++) {
		if (*text < '0' || *text > '9' || number > (max - (*text - '0')) / 10)
			return false;
		number = number * 10 + (*text - '0');
	}
	*ret_number = number;
	return true;
}

/* What the marker of a part says. */
struct words {
	struct pages_marker marker;
	struct zone_seen seen;
	struct zone_changes changes;
};

/* What stands in the string behind the first. */
static void read_changes(const uint8_t *rdata, size_t len, struct zone_changes *ret_changes)
{
	char text[STRING_MAX + 1] = "";
	size_t at = rdata[0] + (size_t)1;

	if (at < len && rdata[at] < len - at) {
		memcpy(text, rdata + at + 1, rdata[at]);
		text[rdata[at]] = '\0';
	}
	zone_changes_read(text, ret_changes);
}

/* Words that it does not know are of later times, and no harm. */
static bool read_words(const uint8_t *rdata, size_t len, struct words *ret_words)
{
	char text[STRING_MAX + 1], *rest = text, *word;
	int64_t pages = 0, min = 0;
	bool first = true;
	struct zone_seen seen = {0};

	if (len == 0 || (size_t)rdata[0] + 1 > len)
		return false;
	memcpy(text, rdata + 1, rdata[0]);
	text[rdata[0]] = '\0';
	while ((word = strsep(&rest, " "))) {
		if (first && strcmp(word, "v=1") != 0)
			return false;
		first = false;
		if (strncmp(word, "pages=", 6) == 0 && !read_number(word + 6, PAGES_MAX, &pages))
			return false;
		if (strncmp(word, "min=", 4) == 0 && !read_number(word + 4, INT64_MAX, &min))
			return false;
		if (strncmp(word, "seen=", 5) == 0)
			zone_seen_read(word + 5, &seen);
	}
	if (pages & (pages - 1))
		return false;
	*ret_words = (struct words){{(unsigned)pages, pages ? min : 0}, seen, {0}};
	read_changes(rdata, len, &ret_words->changes);
	return true;
}

bool pages_is_marker(const uint8_t *rdata, size_t len)
{
	return len > 3 && memcmp(rdata + 1, "v=1", 3) == 0;
}

/* The first that makes sense; all zero where there is none. */
static void find_words(
	const struct zone *zone, const uint8_t key[NAME_KEY_LEN], struct words *ret_words)
{
	const struct rrset *set;
	const uint8_t *rdata;
	size_t cursor = 0, len;
	struct question q;

	*ret_words = (struct words){0};
	pages_question(key, &q);
	set = zone_find(zone, &q);
	while (set && rrset_next(set, &cursor, &rdata, &len))
		if (read_words(rdata, len, ret_words))
			return;
}

void pages_marker(
	const struct zone *head, const uint8_t key[NAME_KEY_LEN], struct pages_marker *ret_marker)
{
	struct words words;

	find_words(head, key, &words);
	*ret_marker = words.marker;
}

void pages_seen(
	const struct zone *zone, const uint8_t key[NAME_KEY_LEN], struct zone_seen *ret_seen)
{
	struct words words;

	find_words(zone, key, &words);
	*ret_seen = words.seen;
}

void pages_seen_of(const struct zone *zone, const uint8_t key[NAME_KEY_LEN], int64_t seq,
	struct zone_seen *ret_seen)
{
	*ret_seen = (struct zone_seen){0};
	if (seq == 0)
		return;
	if (zone)
		pages_seen(zone, key, ret_seen);
	zone_seen_add(ret_seen, seq);
}

/* What stands in a marker; `but` is the writer who is not named. */
struct saying {
	struct pages_marker marker;
	const struct zone_seen *seen; /* NULL: nothing */
	unsigned but;
	const struct zone_changes *changes; /* NULL: none; they stand behind what was seen */
};

/* The text, behind its length; 0: there is nothing to be said. */
static size_t write_words(const struct saying *say, uint8_t ret_rdata[MARKER_MAX + 1])
{
	char *text = (char *)ret_rdata + 1, seen[ZONE_SEEN_TEXT_MAX] = "", pages[64] = "";
	char changes[ZONE_CHANGES_TEXT_MAX];
	size_t said = say->seen ? zone_seen_text(say->seen, say->but, seen) : 0;

	if (say->marker.pages == 0 && said == 0)
		return 0;
	if (say->marker.pages)
		snprintf(pages, sizeof(pages), " pages=%u min=%" PRId64, say->marker.pages,
			say->marker.min);
	ret_rdata[0] = (uint8_t)snprintf(text, STRING_MAX, "v=1%s%s", pages, seen);
	size_t len = ret_rdata[0] + 1u;
	size_t more = said && say->changes ? zone_changes_text(say->changes, changes) : 0;
	if (more == 0)
		return len;
	ret_rdata[len++] = (uint8_t)more;
	memcpy(ret_rdata + len, changes, more);
	return len + more;
}

/* The set of `_kadns.<key>` with another marker, or without one. NULL: no memory. */
static struct rrset *with_marker(
	const struct rrset *set, const struct question *q, const struct saying *say)
{
	struct rrset *changed = rrset_create(q, set ? set->ttl : TTL_DEFAULT);
	uint8_t rdata[MARKER_MAX + 1];
	const uint8_t *kept;
	size_t cursor = 0, len;
	int r = changed ? 0 : -ENOMEM;

	while (r == 0 && set && rrset_next(set, &cursor, &kept, &len))
		if (!pages_is_marker(kept, len))
			r = rrset_add(changed, kept, len);
	len = write_words(say, rdata);
	if (r == 0 && len)
		r = rrset_add(changed, rdata, len);
	if (r < 0) {
		rrset_destroy(changed);
		return NULL;
	}
	return changed;
}

/* What a part says of itself: from here on that is what the writer adds, with what holds then. */
static int take_words(struct zone *zone, const uint8_t key[NAME_KEY_LEN], struct words *ret_words)
{
	const struct saying nothing = {0};
	struct question q;
	int r = 0;

	find_words(zone, key, ret_words);
	pages_question(key, &q);
	struct rrset *set = with_marker(zone_find(zone, &q), &q, &nothing);
	if (!set)
		return -ENOMEM;
	if (set->count)
		r = zone_set(zone, set);
	else
		zone_remove(zone, &q);
	rrset_destroy(set);
	return r;
}

/* ---- the parts ---- */

static struct pages_seen seen_first(const struct words *words)
{
	return (struct pages_seen){words->seen, words->seen, words->changes, words->changes};
}

int pages_create(const uint8_t key[NAME_KEY_LEN], struct zone *head, struct pages **ret_pages)
{
	struct pages *p = calloc(1, sizeof(*p));
	struct words words;

	if (!p)
		goto no_memory;
	memcpy(p->key, key, sizeof(p->key));
	p->head = head;
	p->writer = ZONE_WRITERS;
	p->seen = calloc(PAGES_MAX + 1, sizeof(*p->seen));
	if (!p->seen || take_words(head, key, &words) < 0)
		goto no_memory;
	p->marker = words.marker;
	p->len = p->marker.pages;
	p->page = calloc(p->len + 1u, sizeof(struct zone *));
	if (!p->page)
		goto no_memory;
	p->seen[PAGES_HEAD] = seen_first(&words);
	*ret_pages = p;
	return 0;
no_memory:
	if (p)
		pages_destroy(p);
	else
		zone_destroy(head);
	return -ENOMEM;
}

static void destroy_pages(struct zone **page, unsigned len)
{
	for (unsigned i = 0; page && i < len; i++)
		zone_destroy(page[i]);
	free(page);
}

void pages_destroy(struct pages *p)
{
	if (!p)
		return;
	zone_destroy(p->head);
	destroy_pages(p->page, p->len);
	free(p->seen);
	free(p);
}

int pages_add(struct pages *p, unsigned page, struct zone *zone)
{
	struct words words;
	int r = take_words(zone, p->key, &words);

	p->page[page] = zone;
	p->seen[page] = seen_first(&words);
	return r;
}

void pages_build_on(struct pages *p, unsigned page, int64_t seq)
{
	zone_seen_add(&p->seen[page].seen, seq);
	zone_changes_are_of(&p->seen[page].changes, seq);
}

/* Of each page those that stand on it now. */
static void move_changes(struct pages *p, const struct zone_changes *from, unsigned len)
{
	for (unsigned i = 0; i < len; i++)
		for (unsigned k = 0; k < from[i].len; k++) {
			const struct zone_change *c = &from[i].change[k];
			unsigned page = p->len ? c->hash % p->len : PAGES_HEAD;
			zone_changes_add(&p->seen[page].changes, c->hash, c->seq);
		}
}

/* What stands on each page has come from any. The zone packet's own is there as before, but if all
 * stands in it again. */
void pages_have_seen(struct pages *p, unsigned before)
{
	struct zone_seen all = p->seen[before ? 0 : PAGES_HEAD].seen;
	struct zone_changes changes[PAGES_MAX];
	unsigned parts = before ? before : 1;

	for (unsigned i = 0; i < parts; i++)
		changes[i] = p->seen[before ? i : PAGES_HEAD].changes;
	for (unsigned i = 1; i < before; i++)
		zone_seen_both(&all, &p->seen[i].seen);
	if (p->len == 0)
		zone_seen_both(&p->seen[PAGES_HEAD].seen, &all);
	for (unsigned i = 0; i < p->len; i++)
		p->seen[i] = (struct pages_seen){.seen = all};
	move_changes(p, changes, parts);
}

struct zone *pages_at(const struct pages *p, unsigned page)
{
	return page == PAGES_HEAD ? p->head : p->page[page];
}

struct zone *pages_zone(const struct pages *p, const struct question *q)
{
	return pages_at(p, pages_place(q, p->len));
}

int pages_set(struct pages *p, const struct rrset *set)
{
	return pages_set_on(p, pages_place(&set->question, p->len), set);
}

int pages_set_on(struct pages *p, unsigned page, const struct rrset *set)
{
	struct zone *zone = pages_at(p, page);
	int r = zone ? zone_set(zone, set) : -ENOENT;

	/* Whoever knows of no pages may have written it into the zone packet. */
	if (r == 0 && zone != p->head)
		zone_remove(p->head, &set->question);
	return r;
}

int pages_remove(struct pages *p, const struct question *q)
{
	return pages_remove_on(p, pages_place(q, p->len), q);
}

int pages_remove_on(struct pages *p, unsigned page, const struct question *q)
{
	struct zone *zone = pages_at(p, page);
	bool gone = zone_remove(p->head, q) == 0;

	if (zone && zone != p->head)
		gone |= zone_remove(zone, q) == 0;
	return gone ? 0 : -ENOENT;
}

bool pages_whole(const struct pages *p)
{
	for (unsigned i = 0; i < p->len; i++)
		if (!p->page[i])
			return false;
	return true;
}

static int write_part(const struct pages *p, unsigned page, const struct saying *say,
	uint8_t ret_packet[ZONE_BYTES_MAX])
{
	const struct zone *zone = pages_at(p, page);
	uint8_t words[MARKER_MAX + 1];
	struct question q;

	if (write_words(say, words) == 0)
		return zone_write(zone, ret_packet);
	pages_question(p->key, &q);
	struct rrset *set = with_marker(zone_find(zone, &q), &q, say);
	if (!set)
		return -ENOMEM;
	int r = zone_write_with(zone, set, ret_packet);
	rrset_destroy(set);
	return r;
}

static int write_without_changes(
	const struct pages *p, unsigned page, int64_t min, uint8_t ret_packet[ZONE_BYTES_MAX])
{
	bool is_head = page == PAGES_HEAD;
	struct saying say = {{is_head ? p->len : 0, min}, &p->seen[page].seen, p->writer, NULL};
	int r = write_part(p, page, &say, ret_packet);

	if (r == -EFBIG && ((is_head && p->len) || zone_sets(pages_at(p, page)) == 1)) {
		say.seen = NULL;
		r = write_part(p, page, &say, ret_packet);
	}
	return r;
}

int pages_write(
	const struct pages *p, unsigned page, int64_t min, uint8_t ret_packet[ZONE_BYTES_MAX])
{
	const struct pages_seen *seen = &p->seen[page];
	struct saying say = {
		{page == PAGES_HEAD ? p->len : 0, min}, &seen->seen, p->writer, &seen->changes};
	int r = seen->changes.len ? write_part(p, page, &say, ret_packet) : -EFBIG;

	return r == -EFBIG ? write_without_changes(p, page, min, ret_packet) : r;
}

bool pages_fit(const struct pages *p, size_t cap)
{
	uint8_t packet[ZONE_BYTES_MAX];
	int len = write_without_changes(p, PAGES_HEAD, INT64_MAX, packet);

	if (len < 0 || (size_t)len > cap)
		return false;
	for (unsigned i = 0; i < p->len; i++) {
		if (!p->page[i])
			continue;
		len = write_without_changes(p, i, 0, packet);
		if (len < 0 || (size_t)len > cap)
			return false;
	}
	return true;
}

/* Moves what stands in `from`, which was page `at` of `len`, to where it belongs now. What did not
 * belong on that page nobody reads there: it has been left by who laid the zone on more pages and
 * did not come to his end, and its place is newer, also where it has no such set any more. */
static int move_sets(struct pages *p, struct zone *from, unsigned at, unsigned len)
{
	const struct rrset *set;
	int r = 0;

	for (size_t i = 0; r == 0 && (set = zone_at(from, i)); i++) {
		bool in_head = stands_in_head(&set->question);
		uint32_t hash = in_head ? 0 : end_of_hash(&set->question);
		struct zone *to = in_head || p->len == 0 ? p->head : p->page[hash % p->len];
		bool left = at != PAGES_HEAD && (in_head || hash % len != at);

		if (!left && !zone_find(to, &set->question))
			r = zone_set(to, set);
	}
	return r;
}

int pages_spread(struct pages *p, unsigned len)
{
	struct zone *head = p->head, **old = p->page;
	unsigned old_len = p->len;
	int r = zone_create(p->key, &p->head);

	if (r < 0) {
		p->head = head;
		return r;
	}
	p->page = calloc(len + 1u, sizeof(struct zone *));
	p->len = p->page ? len : 0;
	r = p->page ? 0 : -ENOMEM;
	for (unsigned i = 0; r == 0 && i < len; i++)
		r = zone_create(p->key, &p->page[i]);
	/* Pages first: what the zone packet has too, when it should not, is the older. */
	for (unsigned i = 0; r == 0 && i < old_len; i++)
		r = move_sets(p, old[i], i, old_len);
	if (r == 0)
		r = move_sets(p, head, PAGES_HEAD, old_len);
	if (r < 0) {
		destroy_pages(p->page, p->len);
		zone_destroy(p->head);
		p->head = head;
		p->page = old;
		p->len = old_len;
		return r;
	}
	zone_destroy(head);
	destroy_pages(old, old_len);
	return 0;
}

int pages_write_as_read(const struct pages *p, unsigned page, uint8_t ret_packet[ZONE_BYTES_MAX])
{
	bool is_head = page == PAGES_HEAD;
	const struct saying say = {{is_head ? p->len : 0, p->marker.min}, &p->seen[page].said,
		ZONE_WRITERS, &p->seen[page].said_changes};

	return write_part(p, page, &say, ret_packet);
}
