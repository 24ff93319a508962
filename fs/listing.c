/* What a directory shows. */
#include "fs/listing.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "fs/control.h"
#include "resolver/clock.h"

/* Small: a hundred thousand are kept for each directory that is open. */
struct item {
	uint64_t ino;
	uint32_t name; /* offset into the names, which move as they grow */
	uint16_t class, type;
	uint8_t kind;	 /* enum node_kind */
	uint8_t control; /* enum control_file */
};

#define NUMBERS_BYTES (65536 / 8)

/* Offsets into the names have 32 bits. */
_Static_assert(LISTING_MAX <= UINT32_MAX / (NAME_FILE_MAX + 1), "all names can be reached");

struct listing {
	struct listing_parts parts;
	const struct node *dir;
	struct resolver_walk walk;
	bool complete, failed;
	uint64_t now; /* of the turn */

	struct item *items;
	size_t len, cap;
	char *names;
	size_t names_len, names_cap;
	/* What a walk may come to again, until it is complete. Classes, or types: a bit for each number
	 * there is. A hash table would do, but for who chooses the types that share a place. */
	uint8_t *numbers;
	/* Inodes of names that were written here and may be heard from elsewhere by the time it is in
	 * the cache: a hash table. */
	uint64_t *seen;
	size_t seen_len, seen_cap; /* the latter: 0 or a power of two */
};

/* Types that every class directory shows, so that `ls` tells a newcomer what can be asked. */
static const uint16_t usual_types[] = {TYPE_A, TYPE_AAAA, TYPE_CAA, TYPE_CNAME, TYPE_HTTPS, TYPE_MX,
	TYPE_NS, TYPE_PTR, TYPE_SOA, TYPE_SRV, TYPE_SSHFP, TYPE_SVCB, TYPE_TLSA, TYPE_TXT};

/* By an eighth, not twice: what is reserved is charged to the user. */
static size_t grown(size_t cap, size_t need)
{
	size_t more = cap + cap / 8;
	return more > need ? more : need;
}

static bool reserve(struct listing *l, size_t name_len)
{
	if (l->len == l->cap) {
		size_t cap = grown(l->cap, 32);
		struct item *items = reallocarray(l->items, cap, sizeof(*items));
		if (!items)
			return false;
		l->items = items;
		l->cap = cap;
	}
	if (l->names_cap - l->names_len <= name_len) {
		size_t cap = grown(l->names_cap, l->names_len + name_len + 1);
		char *names = realloc(l->names, cap);
		if (!names)
			return false;
		l->names = names;
		l->names_cap = cap;
	}
	return true;
}

/* Where this inode is noted, or is to be. A record's is a keyed hash itself (fs/tree). */
static uint64_t *place_of(uint64_t *seen, size_t cap, uint64_t ino)
{
	size_t at = ino & (cap - 1);
	while (seen[at] && seen[at] != ino)
		at = (at + 1) & (cap - 1);
	return &seen[at];
}

static bool note(struct listing *l, uint64_t ino)
{
	if (2 * l->seen_len >= l->seen_cap) {
		size_t cap = l->seen_cap ? 2 * l->seen_cap : 64;
		uint64_t *seen = calloc(cap, sizeof(*seen));
		if (!seen)
			return false;
		for (size_t i = 0; i < l->seen_cap; i++)
			if (l->seen[i])
				*place_of(seen, cap, l->seen[i]) = l->seen[i];
		free(l->seen);
		l->seen = seen;
		l->seen_cap = cap;
	}
	*place_of(l->seen, l->seen_cap, ino) = ino;
	l->seen_len++;
	return true;
}

static bool holds(const struct listing *l, uint64_t ino)
{
	return l->seen && *place_of(l->seen, l->seen_cap, ino);
}

static void add(struct listing *l, struct item item, const char *name, size_t name_len)
{
	if (l->failed || l->len >= LISTING_MAX)
		return;
	if (!reserve(l, name_len)) {
		l->failed = true;
		return;
	}
	item.name = (uint32_t)l->names_len;
	memcpy(l->names + l->names_len, name, name_len);
	l->names[l->names_len + name_len] = '\0';
	l->names_len += name_len + 1;
	l->items[l->len++] = item;
}

/* What may be met again. */
static void add_once(struct listing *l, struct item item, const char *name, size_t name_len)
{
	if (holds(l, item.ino))
		return;
	l->failed |= !note(l, item.ino);
	add(l, item, name, name_len);
}

static bool holds_number(const struct listing *l, uint16_t number)
{
	return l->numbers && l->numbers[number / 8] & 1u << number % 8;
}

/* Of a class or type that may be met again. */
static void add_number(struct listing *l, struct item item, uint16_t number, const char *name)
{
	if (!l->numbers && !(l->numbers = calloc(NUMBERS_BYTES, 1)))
		l->failed = true;
	if (l->failed || holds_number(l, number))
		return;
	l->numbers[number / 8] |= (uint8_t)(1u << number % 8);
	add(l, item, name, strlen(name));
}

static void add_class(struct listing *l, uint16_t class)
{
	char text[TYPE_TEXT_MAX];
	struct item item = {.ino = tree_ino_class(class), .kind = NODE_CLASS, .class = class};
	const char *name = class_to_text(class, text);
	if (tree_has_class(class))
		add_number(l, item, class, name);
}

static void add_type(struct listing *l, uint16_t class, uint16_t type)
{
	char text[TYPE_TEXT_MAX];
	struct item item = {
		.ino = tree_ino_type(class, type), .kind = NODE_TYPE, .class = class, .type = type};
	const char *name = type_to_text(type, text);
	if (tree_has_type(type))
		add_number(l, item, type, name);
}

static void add_record(struct listing *l, const struct question *q, bool own)
{
	char file[NAME_FILE_MAX + 1];
	if (name_to_file(&q->name, file) < 0)
		return; /* longer than a directory can hold: never listed */
	struct item item = {.ino = tree_ino_record(l->parts.tree, q),
		.kind = NODE_RECORD,
		.class = q->class,
		.type = q->type};
	if (own)
		add_once(l, item, file, strlen(file));
	else if (!holds(l, item.ino))
		add(l, item, file, strlen(file));
}

/* Of a hundred thousand names in memory a directory of types wants one of each. */
static bool wants(void *ctx, const struct question *q)
{
	const struct listing *l = ctx;
	if (l->dir->kind == NODE_ROOT)
		return !holds_number(l, q->class);
	if (l->dir->class != q->class)
		return false;
	return l->dir->kind == NODE_CLASS ? !holds_number(l, q->type)
					  : l->dir->type == q->type;
}

static void on_entry(void *ctx, const struct resolver_entry *entry)
{
	struct listing *l = ctx;
	const struct question *q = &entry->question;
	/* What he has just heard is not there is not listed either. */
	if (!entry->own && tree_is_absent(l->parts.tree, q, l->walk.view, l->now))
		return;
	if (l->dir->kind == NODE_ROOT)
		add_class(l, q->class);
	else if (l->dir->kind == NODE_CLASS)
		add_type(l, q->class, q->type);
	else
		add_record(l, q, entry->own);
}

static void on_scratch(void *ctx, const struct scratch_file *f)
{
	struct item item = {
		.ino = f->ino, .kind = NODE_SCRATCH, .class = f->class, .type = f->type};
	add(ctx, item, f->name, f->name_len);
}

static void add_control(struct listing *l)
{
	for (enum control_file f = 0; f < CONTROL_FILES; f++) {
		bool dir = control_is_directory(f);
		if (f == CONTROL_SECRET && l->parts.hides_secret)
			continue;
		struct item item = {.ino = dir ? tree_ino_panel_dir(f, 0, 0) : tree_ino_control(f),
			.kind = dir ? NODE_PANEL_DIR : NODE_CONTROL_FILE,
			.control = f};
		add(l, item, control_name(f), strlen(control_name(f)));
	}
}

/* What it shows whatever the resolver knows. True: there is nothing else. */
static bool begin(struct listing *l)
{
	const struct node *dir = l->dir;
	struct scratch_where where = {l->walk.view, dir->class, dir->type};
	struct item control = {.ino = TREE_CONTROL, .kind = NODE_CONTROL};
	switch (dir->kind) {
	case NODE_CONTROL:
		add_control(l);
		return true;
	case NODE_ROOT:
		add(l, control, ".kadns", strlen(".kadns"));
		add_class(l, CLASS_IN);
		return false;
	case NODE_CLASS:
		for (size_t i = 0; i < sizeof(usual_types) / sizeof(*usual_types); i++)
			if (dir->class == CLASS_IN)
				add_type(l, dir->class, usual_types[i]);
		return false;
	case NODE_TYPE:
		scratch_each(l->parts.scratch, &where, on_scratch, l);
		return false;
	case NODE_RECORD:
	case NODE_SCRATCH:
	case NODE_CONTROL_FILE:
	case NODE_PANEL_DIR: /* explain/ would list every name that anyone may ask about */
	case NODE_PANEL_FILE:
		break;
	}
	return true;
}

static int compare(const void *a, const void *b, void *names)
{
	const struct item *x = a, *y = b;
	return strcmp((const char *)names + x->name, (const char *)names + y->name);
}

/* Nothing comes any more: what was reserved for it goes. */
static void finish(struct listing *l)
{
	struct item *items = l->len ? reallocarray(l->items, l->len, sizeof(*items)) : NULL;
	char *names = l->names_len ? realloc(l->names, l->names_len) : NULL;
	if (items) {
		l->items = items;
		l->cap = l->len;
	}
	if (names) {
		l->names = names;
		l->names_cap = l->names_len;
	}
	free(l->numbers);
	l->numbers = NULL;
	free(l->seen);
	l->seen = NULL;
	l->seen_cap = 0;
}

static int extend(struct listing *l, size_t from)
{
	if (!l->complete) {
		l->now = clock_monotonic();
		l->complete = !resolver_list(l->parts.resolver, &l->walk);
	}
	if (l->failed)
		return -ENOMEM;
	/* What has been shown stays where it is; what has just come is sorted by itself. */
	if (l->len - from > 1)
		qsort_r(l->items + from, l->len - from, sizeof(*l->items), compare, l->names);
	l->complete |= l->len >= LISTING_MAX;
	if (l->complete)
		finish(l);
	return 0;
}

int listing_more(struct listing *l)
{
	return l->complete ? 0 : extend(l, l->len);
}

bool listing_complete(const struct listing *l)
{
	return l->complete;
}

int listing_create(const struct listing_parts *parts, const struct node *dir, uid_t uid,
	struct listing **ret_listing)
{
	struct listing *l = calloc(1, sizeof(*l));
	if (!l)
		return -ENOMEM;
	l->parts = *parts;
	l->dir = dir;
	l->walk = (struct resolver_walk){.view = uid, .wants = wants, .show = on_entry, .ctx = l};
	if (dir->kind == NODE_TYPE) {
		l->walk.class = dir->class;
		l->walk.type = dir->type;
	}
	l->complete = begin(l);
	int r = extend(l, 0);
	if (r < 0) {
		listing_destroy(l);
		return r;
	}
	*ret_listing = l;
	return 0;
}

void listing_destroy(struct listing *l)
{
	if (!l)
		return;
	free(l->items);
	free(l->names);
	free(l->numbers);
	free(l->seen);
	free(l);
}

size_t listing_len(const struct listing *l)
{
	return l->len;
}

size_t listing_bytes(const struct listing *l)
{
	return l->cap * sizeof(*l->items) + l->names_cap + l->seen_cap * sizeof(*l->seen) +
	       (l->numbers ? NUMBERS_BYTES : 0);
}

void listing_get(const struct listing *l, size_t i, struct listing_entry *ret_entry)
{
	const struct item *item = &l->items[i];
	*ret_entry = (struct listing_entry){.ino = item->ino,
		.kind = item->kind,
		.class = item->class,
		.type = item->type,
		.control = item->control,
		.name = l->names + item->name};
}
