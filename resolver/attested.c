/* Attested keys: a table by zone, and what a TXT record says. */
#include "resolver/attested.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/random.h>

#define BUCKETS 1024

struct entry {
	LIST_ENTRY(entry) link;
	struct pin pin;
	int64_t until;	 /* seconds since 1970 */
	int64_t proven;	 /* likewise; 0: before we began */
	uint64_t silent; /* until then its zone is not read; monotonic */
};

struct attested {
	struct own *own;
	uint64_t seed;
	size_t len;
	LIST_HEAD(bucket, entry) buckets[BUCKETS];
};

static struct bucket *bucket_of(const struct attested *t, const struct name *zone)
{
	return (struct bucket *)&t->buckets[name_hash(zone, t->seed) % BUCKETS];
}

static struct entry *find(const struct attested *t, const struct name *zone)
{
	struct entry *e;
	LIST_FOREACH(e, bucket_of(t, zone), link)
	if (name_equal(&e->pin.suffix, zone))
		return e;
	return NULL;
}

static void drop(struct attested *t, struct entry *e)
{
	LIST_REMOVE(e, link);
	t->len--;
	free(e);
}

static struct entry *ends_first(const struct attested *t)
{
	struct entry *e, *least = NULL;
	for (size_t i = 0; i < BUCKETS; i++)
		LIST_FOREACH(e, &t->buckets[i], link)
	if (!least || e->until < least->until)
		least = e;
	return least;
}

/* In memory alone. */
static int enter(struct attested *t, const struct attestation *a)
{
	struct entry *e = find(t, &a->zone);
	if (!e) {
		if (t->len == ATTESTED_MAX)
			attested_drop(t, &ends_first(t)->pin.suffix);
		e = calloc(1, sizeof(*e));
		if (!e)
			return -ENOMEM;
		e->pin.suffix = a->zone;
		LIST_INSERT_HEAD(bucket_of(t, &a->zone), e, link);
		t->len++;
	}
	memcpy(e->pin.key, a->key, sizeof(e->pin.key));
	e->pin.min = a->min;
	e->until = a->until;
	return 0;
}

int attested_set(struct attested *t, const struct attestation *a, int64_t now)
{
	struct attestation kept = *a;
	if (kept.until > now + ATTESTED_LIFETIME)
		kept.until = now + ATTESTED_LIFETIME;
	int r = enter(t, &kept);
	if (r < 0)
		return r;
	find(t, &kept.zone)->proven = now;
	own_set_attested(t->own, &(struct own_attested){kept.zone, kept.key, kept.min, kept.until});
	return 0;
}

bool attested_is_fresh(const struct attested *t, const struct attestation *a, int64_t now)
{
	const struct entry *e = find(t, &a->zone);
	return e && e->until > now + ATTESTED_FRESH && now - e->proven < ATTESTED_FRESH &&
	       e->pin.min == a->min && memcmp(e->pin.key, a->key, sizeof(a->key)) == 0;
}

void attested_drop(struct attested *t, const struct name *zone)
{
	struct entry *e = find(t, zone);
	const struct name name = *zone; /* may be the entry's own */
	if (!e)
		return;
	drop(t, e);
	own_drop_attested(t->own, &name);
}

size_t attested_len(const struct attested *t)
{
	return t->len;
}

/* ---- finding ---- */

const struct pin *attested_find(
	const struct attested *t, const struct name *name, int64_t now, uint64_t clock)
{
	uint8_t key[NAME_KEY_LEN];
	struct name zone = *name;
	if (!t->len || name_key(name, key))
		return NULL;
	for (;;) {
		const struct entry *e = find(t, &zone);
		if (e && e->until > now)
			return e->silent > clock ? NULL : &e->pin;
		if (zone.len == 1)
			return NULL;
		name_parent(&zone, 1, &zone);
	}
}

void attested_silent(struct attested *t, const struct name *zone, uint64_t clock)
{
	struct entry *e = find(t, zone);
	if (e)
		e->silent = clock;
}

/* A walk of all: it is done when a zone of a key has been fetched, and there are few. */
void attested_readers(
	const struct attested *t, const struct name *target, pin_reader_fn *fn, void *ctx)
{
	uint8_t key[NAME_KEY_LEN];
	struct name left;
	struct entry *e;
	if (!t->len || !name_key(target, key))
		return;
	pin_cut_key(target, &left);
	for (size_t i = 0; i < BUCKETS; i++)
		LIST_FOREACH(e, &t->buckets[i], link)
	if (memcmp(e->pin.key, key, sizeof(key)) == 0 && name_under(&left, &e->pin.suffix))
		fn(ctx, &e->pin, &left);
}

/* ---- what a zone says ---- */

static const struct name label = {.len = sizeof(ATTESTED_LABEL) + 1, .wire = "\7" ATTESTED_LABEL};

int attested_name(const struct name *zone, struct name *ret_name)
{
	return name_join(&label, zone, ret_name);
}

bool attested_zone(const struct name *name, struct name *ret_zone)
{
	if (name->len < label.len || memcmp(name->wire, label.wire, label.len - 1u) != 0)
		return false;
	name_parent(name, 1, ret_zone);
	return true;
}

struct word {
	const char *text;
	size_t len;
};

/* What follows `key` in the word, if it begins so. */
static bool has_key(const struct word *w, const char *key, struct word *ret_value)
{
	size_t len = strlen(key);
	if (w->len < len || memcmp(w->text, key, len) != 0)
		return false;
	*ret_value = (struct word){w->text + len, w->len - len};
	return true;
}

static bool read_number(const struct word *w, int64_t *ret_number)
{
	int64_t n = 0;
	if (w->len == 0 || w->len > 18)
		return false;
	for (size_t i = 0; i < w->len; i++) {
		if (w->text[i] < '0' || w->text[i] > '9')
			return false;
		n = n * 10 + (w->text[i] - '0');
	}
	*ret_number = n;
	return true;
}

/* One record's text. False: it attests nothing. */
static bool read_text(const char *text, size_t len, struct attestation *a)
{
	bool version = false, key = false;
	a->min = 0;
	for (size_t at = 0, end; at < len; at = end + 1) {
		const char *space = memchr(text + at, ' ', len - at);
		struct word value;
		end = space ? (size_t)(space - text) : len;
		const struct word w = {text + at, end - at};
		if (has_key(&w, "v=", &value))
			version = value.len == 1 && value.text[0] == '1';
		else if (has_key(&w, "k=", &value))
			key = key_from_text(value.text, value.len, a->key) == 0;
		else if (has_key(&w, "min=", &value) && !read_number(&value, &a->min))
			return false; /* a bound that is not understood is not left out */
	}
	return version && key;
}

/* The strings of a TXT record are one text. */
static size_t join(const uint8_t *rdata, size_t len, char *ret_text)
{
	size_t n = 0;
	for (size_t at = 0; at < len && at + 1 + rdata[at] <= len; at += 1u + rdata[at]) {
		memcpy(ret_text + n, rdata + at + 1, rdata[at]);
		n += rdata[at];
	}
	return n;
}

static bool attests_same(const struct attestation *a, const struct attestation *b)
{
	return a->min == b->min && memcmp(a->key, b->key, sizeof(a->key)) == 0;
}

/* A record of ours is 80 bytes long; longer ones are not looked at. */
#define TEXT_MAX 1024

int attested_read(const struct answer *a, struct attestation *ret_attestation)
{
	char text[TEXT_MAX];
	struct rrset *set;
	const uint8_t *rdata;
	size_t cursor = 0, len, found = 0;
	int r = answer_rrset(a, &set);
	if (r < 0)
		return r;
	while (rrset_next(set, &cursor, &rdata, &len)) {
		struct attestation one = *ret_attestation;
		if (len > sizeof(text) || !read_text(text, join(rdata, len, text), &one))
			continue;
		if (found && !attests_same(&one, ret_attestation))
			r = -ENOENT;
		*ret_attestation = one;
		found++;
	}
	rrset_destroy(set);
	return found ? r : -ENOENT;
}

/* ---- life ---- */

static int load(void *ctx, const struct own_attested *row)
{
	struct attested *t = ctx;
	struct attestation a = {.zone = row->zone, .min = row->min, .until = row->until};
	memcpy(a.key, row->key, sizeof(a.key));
	return t->len < ATTESTED_MAX ? enter(t, &a) : 0;
}

int attested_create(struct own *own, int64_t now, struct attested **ret_attested)
{
	struct attested *t = calloc(1, sizeof(*t));
	if (!t)
		return -ENOMEM;
	t->own = own;
	int r = getrandom(&t->seed, sizeof(t->seed), 0) == sizeof(t->seed) ? 0 : -EIO;
	if (r == 0)
		r = own_each_attested(own, now, load, t);
	if (r < 0) {
		attested_destroy(t);
		return r;
	}
	*ret_attested = t;
	return 0;
}

void attested_destroy(struct attested *t)
{
	struct entry *e;
	for (size_t i = 0; t && i < BUCKETS; i++)
		while ((e = LIST_FIRST(&t->buckets[i])))
			drop(t, e);
	free(t);
}
