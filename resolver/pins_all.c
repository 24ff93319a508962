/* Everybody's pins: a list for each uid, and those that hold for all. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "resolver/hash.h"
#include "resolver/name.h"
#include "resolver/pins.h"
#include "resolver/share.h"
#include "resolver/text.h"

#define KEY_BUCKETS 4096
#define SUFFIX_BUCKETS 16384 /* 32 kB; as many as there may be pins, so that few share one */

/* A list has pins of a key. Each answer under a key asks for those, and must not look at everybody's
 * lists. */
struct reader {
	struct reader *next, **prev; /* in its bucket */
	const struct pin_list *list;
	const uint8_t *key;
};

/* Users with pins of their own are few, and each has a pin at least, so they are PINS_MAX at most:
 * a sorted array. */
struct pins {
	uid_t daemon_owner;
	size_t len, cap;
	struct entry {
		uid_t uid;
		struct pin_list *list; /* never empty */
		struct reader *readers; /* as many as it has pins; of one key only the first is used */
	} * entries;
	struct reader *spare; /* for the next list: pins_may has made room */
	uint64_t seed;
	struct reader *keys[KEY_BUCKETS];
	size_t steps;
	/* How many ordinary users' pins have a suffix of this hash. Without a secret: who makes two
	 * suffixes collide gains less than by pinning the root. */
	uint16_t suffixes[SUFFIX_BUCKETS];
};

_Static_assert(PINS_MAX <= UINT16_MAX, "a bucket counts them all");

int pins_create(uid_t daemon_owner, struct pins **ret_pins)
{
	struct pins *p = calloc(1, sizeof(*p));
	if (!p)
		return -ENOMEM;
	p->daemon_owner = daemon_owner;
	if (getrandom(&p->seed, sizeof(p->seed), 0) != sizeof(p->seed)) {
		free(p);
		return -EIO;
	}
	*ret_pins = p;
	return 0;
}

static void drop(struct entry *e)
{
	free(e->readers);
	pin_list_unref(e->list);
}

void pins_destroy(struct pins *p)
{
	if (!p)
		return;
	for (size_t i = 0; i < p->len; i++)
		drop(&p->entries[i]);
	free(p->spare);
	free(p->entries);
	free(p);
}

/* Where the uid stands, or would. */
static size_t place(const struct pins *p, uid_t uid)
{
	size_t low = 0, high = p->len;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (p->entries[middle].uid < uid)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

const struct pin_list *pins_of(const struct pins *p, uid_t uid)
{
	size_t i = place(p, uid);
	return i < p->len && p->entries[i].uid == uid ? p->entries[i].list : NULL;
}

static bool is_shared(const struct pins *p, uid_t uid)
{
	return uid == PINS_OF_OPTIONS || uid == 0 || uid == p->daemon_owner;
}

/* Those of ordinary users, `uid` left out: what they may have together keeps nothing from root. */
static size_t count_others(const struct pins *p, uid_t uid)
{
	size_t sum = 0;
	for (size_t i = 0; i < p->len; i++)
		if (!is_shared(p, p->entries[i].uid) && p->entries[i].uid != uid)
			sum += pin_list_len(p->entries[i].list);
	return sum;
}

int pins_may(struct pins *p, uid_t uid, const struct pin_list *list)
{
	size_t len = pin_list_len(list), held = pin_list_len(pins_of(p, uid));
	/* Who has fewer than before is never refused. */
	if (len > held && !is_shared(p, uid) &&
		count_others(p, uid) + len > share_limit(PINS_MAX, uid, p->daemon_owner, held))
		return -EDQUOT;
	struct reader *spare = reallocarray(p->spare, len + 1, sizeof(*spare));
	if (!spare)
		return -ENOMEM;
	p->spare = spare;
	if (p->len < p->cap)
		return 0;
	size_t cap = p->cap ? p->cap * 2 : 8;
	struct entry *entries = reallocarray(p->entries, cap, sizeof(*entries));
	if (!entries)
		return -ENOMEM;
	p->entries = entries;
	p->cap = cap;
	return 0;
}

static uint16_t *bucket_of(struct pins *p, const struct name *suffix)
{
	return &p->suffixes[name_hash(suffix, 0) % SUFFIX_BUCKETS];
}

static void count_suffixes(struct pins *p, uid_t uid, const struct pin_list *list, int step)
{
	for (size_t i = 0; !is_shared(p, uid) && i < pin_list_len(list); i++) {
		uint16_t *count = bucket_of(p, &pin_list_at(list, i)->suffix);
		*count = (uint16_t)(*count + step);
	}
}

static struct reader **readers_of(struct pins *p, const uint8_t key[NAME_KEY_LEN])
{
	return &p->keys[hash_bytes(key, NAME_KEY_LEN, p->seed) % KEY_BUCKETS];
}

static bool is_in(const struct entry *e, const struct reader *r)
{
	return r && r >= e->readers && r < e->readers + pin_list_len(e->list);
}

static void enter_keys(struct pins *p, struct entry *e)
{
	for (size_t i = 0; i < pin_list_len(e->list); i++) {
		struct reader *r = &e->readers[i], **bucket;
		*r = (struct reader){.list = e->list, .key = pin_list_at(e->list, i)->key};
		bucket = readers_of(p, r->key);
		/* What this entry has made is in front. */
		const struct reader *same = *bucket;
		while (is_in(e, same) && memcmp(same->key, r->key, NAME_KEY_LEN) != 0)
			same = same->next;
		if (is_in(e, same))
			continue;
		r->next = *bucket;
		r->prev = bucket;
		if (r->next)
			r->next->prev = &r->next;
		*bucket = r;
	}
}

static void leave_keys(struct entry *e)
{
	for (size_t i = 0; i < pin_list_len(e->list); i++) {
		struct reader *r = &e->readers[i];
		if (!r->prev)
			continue;
		*r->prev = r->next;
		if (r->next)
			r->next->prev = r->prev;
	}
}

static void enter(struct pins *p, size_t i, uid_t uid, struct pin_list *list)
{
	memmove(&p->entries[i + 1], &p->entries[i], (p->len - i) * sizeof(*p->entries));
	p->len++;
	p->entries[i] = (struct entry){uid, pin_list_ref(list), p->spare};
	p->spare = NULL;
	count_suffixes(p, uid, list, 1);
	enter_keys(p, &p->entries[i]);
}

static void leave(struct pins *p, size_t i)
{
	struct entry *e = &p->entries[i];
	count_suffixes(p, e->uid, e->list, -1);
	leave_keys(e);
	drop(e);
	p->len--;
	memmove(e, e + 1, (p->len - i) * sizeof(*e));
}

int pins_set(struct pins *p, uid_t uid, struct pin_list *list)
{
	int r = pins_may(p, uid, list);
	if (r < 0)
		return r;
	size_t i = place(p, uid);
	struct pin_list *held = pin_list_len(list) ? pin_list_ref(list) : NULL;
	if (i < p->len && p->entries[i].uid == uid)
		leave(p, i);
	if (held)
		enter(p, i, uid, held);
	pin_list_unref(held);
	return 0;
}

size_t pins_len(const struct pins *p)
{
	size_t sum = 0;
	for (size_t i = 0; i < p->len; i++)
		sum += pin_list_len(p->entries[i].list);
	return sum;
}

const struct pin_list *pins_shared(const struct pins *p, size_t i)
{
	const uid_t order[PINS_SHARED] = {PINS_OF_OPTIONS, 0, p->daemon_owner};
	return i == 2 && p->daemon_owner == 0 ? NULL : pins_of(p, order[i]);
}

void pins_find(const struct pins *p, const struct name *name, uid_t view,
	const struct pin *ret_pins[PIN_SAYS])
{
	ret_pins[PIN_OWN] = ret_pins[PIN_FOR_ALL] = NULL;
	if (!p->len)
		return;
	if (!is_shared(p, view))
		ret_pins[PIN_OWN] = pin_list_find(pins_of(p, view), name);
	const struct pin *best = NULL;
	for (size_t i = 0; i < PINS_SHARED; i++) {
		const struct pin *pin = pin_list_find(pins_shared(p, i), name);
		if (pin && (!best || pin->suffix.len > best->suffix.len))
			best = pin;
	}
	ret_pins[PIN_FOR_ALL] = best;
}

/* Asked for each name that is looked up. One account has 65,536 uids (subuid(5)) with a list each,
 * so the lists are not looked at: a yes by a hash that two suffixes share costs the kernel's cache
 * of that name, and there is no wrong no. */
bool pins_differ(struct pins *p, const struct name *name)
{
	uint8_t key[NAME_KEY_LEN];
	struct name suffix = *name;
	if (!p->len || name_key(name, key))
		return false;
	while (*bucket_of(p, &suffix) == 0) {
		if (suffix.len == 1)
			return false;
		name_parent(&suffix, 1, &suffix);
	}
	return true;
}

void pins_readers(struct pins *p, const struct name *target, pin_reader_fn *fn, void *ctx)
{
	uint8_t key[NAME_KEY_LEN];
	if (!p->len || !name_key(target, key))
		return;
	for (const struct reader *r = *readers_of(p, key); r; r = r->next) {
		p->steps++;
		if (memcmp(r->key, key, sizeof(key)) == 0)
			pin_list_readers(r->list, target, fn, ctx);
	}
}

void pins_readers_of(const struct pins *p, const struct name *target, uid_t view,
	pin_reader_fn *fn, void *ctx)
{
	if (!is_shared(p, view))
		pin_list_readers(pins_of(p, view), target, fn, ctx);
	for (size_t i = 0; i < PINS_SHARED; i++)
		pin_list_readers(pins_shared(p, i), target, fn, ctx);
}

size_t pins_steps(const struct pins *p)
{
	return p->steps;
}

/* What is written back makes comments of others' pins what they are: nobody's. */
int pins_text(const struct pins *p, uid_t uid, char **ret_text, size_t *ret_len)
{
	static const char *const whose[PINS_SHARED] = {
		"The daemon's options", "Root's", "The daemon owner's"};
	const struct pin_list *own = pins_of(p, uid);
	struct text t = {0};
	/* There is always a line to write back, also when the last pin has been taken out. */
	text_puts(&t, "# KEY SUFFIX [strict], or KEY as NICK, a line each: see kadns-files(7)\n");
	for (size_t i = 0; i < PINS_SHARED; i++) {
		const struct pin_list *list = pins_shared(p, i);
		if (!list || list == own)
			continue;
		text_format(&t, "# %s, for all:\n", whose[i]);
		pin_list_write(list, "# ", &t);
	}
	pin_list_write(own, "", &t);
	if (t.failed) {
		text_destroy(&t);
		return -ENOMEM;
	}
	*ret_text = t.bytes;
	*ret_len = t.len;
	return 0;
}
