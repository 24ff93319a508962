/* Which record set stands on which page, and what the zone packet says of pages. */
#include "resolver/zone_pages.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MARKER_MAX 64

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

/* Words that it does not know are of later times, and no harm. */
static bool read_marker(const uint8_t *rdata, size_t len, struct pages_marker *ret_marker)
{
	char text[256], *rest = text, *word;
	int64_t pages = 0, min = 0;
	bool first = true;

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
	}
	if (pages == 0 || (pages & (pages - 1)))
		return false;
	*ret_marker = (struct pages_marker){(unsigned)pages, min};
	return true;
}

bool pages_is_marker(const uint8_t *rdata, size_t len)
{
	return len > 3 && memcmp(rdata + 1, "v=1", 3) == 0;
}

void pages_marker(
	const struct zone *head, const uint8_t key[NAME_KEY_LEN], struct pages_marker *ret_marker)
{
	const struct rrset *set;
	const uint8_t *rdata;
	size_t cursor = 0, len;
	struct question q;

	*ret_marker = (struct pages_marker){0};
	pages_question(key, &q);
	set = zone_find(head, &q);
	while (set && rrset_next(set, &cursor, &rdata, &len))
		if (read_marker(rdata, len, ret_marker))
			return;
}

/* The set of `_kadns.<key>` with another marker, or without one. NULL: no memory. */
static struct rrset *with_marker(
	const struct rrset *set, const struct question *q, const struct pages_marker *marker)
{
	struct rrset *changed = rrset_create(q, set ? set->ttl : TTL_DEFAULT);
	uint8_t rdata[MARKER_MAX + 1];
	const uint8_t *kept;
	size_t cursor = 0, len;
	int r = changed ? 0 : -ENOMEM;

	while (r == 0 && set && rrset_next(set, &cursor, &kept, &len))
		if (!pages_is_marker(kept, len))
			r = rrset_add(changed, kept, len);
	if (r == 0 && marker->pages) {
		int text = snprintf((char *)rdata + 1, MARKER_MAX, "v=1 pages=%u min=%" PRId64,
			marker->pages, marker->min);
		rdata[0] = (uint8_t)text;
		r = rrset_add(changed, rdata, (size_t)text + 1);
	}
	if (r < 0) {
		rrset_destroy(changed);
		return NULL;
	}
	return changed;
}

static int set_marker(
	struct zone *head, const uint8_t key[NAME_KEY_LEN], const struct pages_marker *marker)
{
	struct question q;
	int r = 0;

	pages_question(key, &q);
	struct rrset *set = with_marker(zone_find(head, &q), &q, marker);
	if (!set)
		return -ENOMEM;
	if (set->count)
		r = zone_set(head, set);
	else
		zone_remove(head, &q);
	rrset_destroy(set);
	return r;
}

/* ---- the parts ---- */

int pages_create(const uint8_t key[NAME_KEY_LEN], struct zone *head, struct pages **ret_pages)
{
	struct pages *p = calloc(1, sizeof(*p));
	const struct pages_marker none = {0};

	if (!p)
		goto no_memory;
	memcpy(p->key, key, sizeof(p->key));
	p->head = head;
	pages_marker(head, key, &p->marker);
	p->len = p->marker.pages;
	p->page = calloc(p->len + 1u, sizeof(struct zone *));
	/* From here on it is what the writer adds, with what holds then. */
	if (!p->page || set_marker(head, key, &none) < 0)
		goto no_memory;
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
	free(p);
}

struct zone *pages_zone(const struct pages *p, const struct question *q)
{
	unsigned place = pages_place(q, p->len);

	return place == PAGES_HEAD ? p->head : p->page[place];
}

int pages_set(struct pages *p, const struct rrset *set)
{
	struct zone *zone = pages_zone(p, &set->question);
	int r = zone ? zone_set(zone, set) : -ENOENT;

	/* Whoever knows of no pages may have written it into the zone packet. */
	if (r == 0 && zone != p->head)
		zone_remove(p->head, &set->question);
	return r;
}

int pages_remove(struct pages *p, const struct question *q)
{
	struct zone *zone = pages_zone(p, q);
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

bool pages_fit(const struct pages *p, size_t cap)
{
	uint8_t packet[ZONE_BYTES_MAX];
	int len = pages_write(p, PAGES_HEAD, INT64_MAX, packet);

	if (len < 0 || (size_t)len > cap)
		return false;
	for (unsigned i = 0; i < p->len; i++) {
		if (!p->page[i])
			continue;
		len = zone_write(p->page[i], packet);
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

int pages_write(
	const struct pages *p, unsigned page, int64_t min, uint8_t ret_packet[ZONE_BYTES_MAX])
{
	const struct pages_marker marker = {p->len, min};
	struct question q;

	if (page != PAGES_HEAD)
		return zone_write(p->page[page], ret_packet);
	if (p->len == 0)
		return zone_write(p->head, ret_packet);
	pages_question(p->key, &q);
	struct rrset *set = with_marker(zone_find(p->head, &q), &q, &marker);
	if (!set)
		return -ENOMEM;
	int r = zone_write_with(p->head, set, ret_packet);
	rrset_destroy(set);
	return r;
}
