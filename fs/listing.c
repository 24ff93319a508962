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
	uint64_t begin; /* of the name, as a number: it tells most names apart */
	uint32_t name;	/* offset into the names, which move as they grow */
	uint16_t class, type;
	uint8_t kind;	 /* enum node_kind */
	uint8_t control; /* enum control_file */
};

/* Offsets into the names have 32 bits. */
_Static_assert(LISTING_MAX <= UINT32_MAX / (NAME_FILE_MAX + 1), "all names can be reached");

struct listing {
	struct item *items;
	size_t len, cap;
	char *names;
	size_t names_len, names_cap;
};

/* What a walk over the resolver's names needs to know. */
struct walk {
	struct listing *listing;
	const struct listing_parts *parts;
	const struct node *dir;
	uid_t uid;
	uint64_t now;
	bool failed;
};

/* Types that every class directory shows, so that `ls` tells a newcomer what can be asked. */
static const uint16_t usual_types[] = {TYPE_A, TYPE_AAAA, TYPE_CAA, TYPE_CNAME, TYPE_HTTPS, TYPE_MX,
	TYPE_NS, TYPE_PTR, TYPE_SOA, TYPE_SRV, TYPE_SSHFP, TYPE_SVCB, TYPE_TLSA, TYPE_TXT};

static bool reserve(struct listing *l, size_t name_len)
{
	if (l->len == l->cap) {
		size_t cap = l->cap ? l->cap * 2 : 32;
		struct item *items = reallocarray(l->items, cap, sizeof(*items));
		if (!items)
			return false;
		l->items = items;
		l->cap = cap;
	}
	if (l->names_cap - l->names_len <= name_len) {
		size_t cap = (l->names_cap + name_len + 1) * 2;
		char *names = realloc(l->names, cap);
		if (!names)
			return false;
		l->names = names;
		l->names_cap = cap;
	}
	return true;
}

static void add(struct walk *w, struct item item, const char *name, size_t name_len)
{
	struct listing *l = w->listing;
	if (w->failed || l->len >= LISTING_MAX)
		return;
	if (!reserve(l, name_len)) {
		w->failed = true;
		return;
	}
	item.name = (uint32_t)l->names_len;
	for (size_t i = 0; i < sizeof(item.begin); i++)
		item.begin = item.begin << 8 | (i < name_len ? (uint8_t)name[i] : 0);
	memcpy(l->names + l->names_len, name, name_len);
	l->names[l->names_len + name_len] = '\0';
	l->names_len += name_len + 1;
	l->items[l->len++] = item;
}

static bool holds(const struct listing *l, uint64_t ino)
{
	for (size_t i = 0; i < l->len; i++)
		if (l->items[i].ino == ino)
			return true;
	return false;
}

static void add_class(struct walk *w, uint16_t class)
{
	char text[TYPE_TEXT_MAX];
	struct item item = {.ino = tree_ino_class(class), .kind = NODE_CLASS, .class = class};
	const char *name = class_to_text(class, text);
	if (tree_has_class(class) && !holds(w->listing, item.ino)) /* they are few */
		add(w, item, name, strlen(name));
}

static void add_type(struct walk *w, uint16_t class, uint16_t type)
{
	char text[TYPE_TEXT_MAX];
	struct item item = {
		.ino = tree_ino_type(class, type), .kind = NODE_TYPE, .class = class, .type = type};
	const char *name = type_to_text(type, text);
	if (tree_has_type(type) && !holds(w->listing, item.ino))
		add(w, item, name, strlen(name));
}

static void add_record(struct walk *w, const struct question *q)
{
	char file[NAME_FILE_MAX + 1];
	if (name_to_file(&q->name, file) < 0)
		return; /* longer than a directory can hold: never listed */
	struct item item = {.ino = tree_ino_record(w->parts->tree, q),
		.kind = NODE_RECORD,
		.class = q->class,
		.type = q->type};
	add(w, item, file, strlen(file));
}

static void on_entry(void *ctx, const struct resolver_entry *entry)
{
	struct walk *w = ctx;
	const struct question *q = &entry->question;
	/* What he has just heard is not there is not listed either. */
	if (!entry->own && tree_is_absent(w->parts->tree, q, w->uid, w->now))
		return;
	if (w->dir->kind == NODE_ROOT)
		add_class(w, q->class);
	else if (w->dir->class != q->class)
		return;
	else if (w->dir->kind == NODE_CLASS)
		add_type(w, q->class, q->type);
	else if (w->dir->type == q->type)
		add_record(w, q);
}

static void on_scratch(void *ctx, const struct scratch_file *f)
{
	struct item item = {
		.ino = f->ino, .kind = NODE_SCRATCH, .class = f->class, .type = f->type};
	add(ctx, item, f->name, f->name_len);
}

static void add_control(struct walk *w)
{
	for (enum control_file f = 0; f < CONTROL_FILES; f++) {
		bool dir = control_is_directory(f);
		struct item item = {
			.ino = dir ? tree_ino_panel_dir(f, 0, 0) : tree_ino_control(f),
			.kind = dir ? NODE_PANEL_DIR : NODE_CONTROL_FILE,
			.control = f};
		add(w, item, control_name(f), strlen(control_name(f)));
	}
}

static void collect(struct walk *w)
{
	const struct node *dir = w->dir;
	struct scratch_where where = {w->uid, dir->class, dir->type};
	struct item control = {.ino = TREE_CONTROL, .kind = NODE_CONTROL};
	switch (dir->kind) {
	case NODE_CONTROL:
		add_control(w);
		return;
	case NODE_ROOT:
		add(w, control, ".kadns", strlen(".kadns"));
		add_class(w, CLASS_IN);
		break;
	case NODE_CLASS:
		for (size_t i = 0; i < sizeof(usual_types) / sizeof(*usual_types); i++)
			if (dir->class == CLASS_IN)
				add_type(w, dir->class, usual_types[i]);
		break;
	case NODE_TYPE:
		scratch_each(w->parts->scratch, &where, on_scratch, w);
		break;
	case NODE_RECORD:
	case NODE_SCRATCH:
	case NODE_CONTROL_FILE:
	case NODE_PANEL_DIR: /* explain/ would list every name that anyone may ask about */
	case NODE_PANEL_FILE:
		return;
	}
	resolver_list(w->parts->resolver, w->uid, on_entry, w);
}

static int compare(const void *a, const void *b, void *names)
{
	const struct item *x = a, *y = b;
	if (x->begin != y->begin)
		return x->begin < y->begin ? -1 : 1;
	return strcmp((const char *)names + x->name, (const char *)names + y->name);
}

/* A name may be one's own and cached too; once is enough. */
static void sort_and_merge(struct listing *l)
{
	if (!l->len)
		return;
	qsort_r(l->items, l->len, sizeof(*l->items), compare, l->names);
	size_t kept = 1;
	for (size_t i = 1; i < l->len; i++)
		if (l->items[i].ino != l->items[kept - 1].ino)
			l->items[kept++] = l->items[i];
	l->len = kept;
}

/* It grew by doubling and will be kept for as long as the directory is open. */
static void trim(struct listing *l)
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
}

int listing_create(const struct listing_parts *parts, const struct node *dir, uid_t uid,
	struct listing **ret_listing)
{
	struct listing *l = calloc(1, sizeof(*l));
	if (!l)
		return -ENOMEM;
	struct walk w = {
		.listing = l, .parts = parts, .dir = dir, .uid = uid, .now = clock_monotonic()};
	collect(&w);
	if (w.failed) {
		listing_destroy(l);
		return -ENOMEM;
	}
	sort_and_merge(l);
	trim(l);
	*ret_listing = l;
	return 0;
}

void listing_destroy(struct listing *l)
{
	if (!l)
		return;
	free(l->items);
	free(l->names);
	free(l);
}

size_t listing_len(const struct listing *l)
{
	return l->len;
}

size_t listing_bytes(const struct listing *l)
{
	return l->cap * sizeof(*l->items) + l->names_cap;
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
