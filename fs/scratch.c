/* Scratch: a list of small files. It is short by its bounds, so it is walked. */
#include "fs/scratch.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "resolver/share.h"
#include "resolver/clock.h"

#define FIRST_INO (1ull << 40) /* see fs/tree.c: above directories, below records */

struct scratch {
	struct scratch_file *files;
	uid_t owner;
	size_t bytes;
	uint64_t next_ino;
};

int scratch_create(uid_t owner, struct scratch **ret_scratch)
{
	struct scratch *s = calloc(1, sizeof(*s));
	if (!s)
		return -ENOMEM;
	s->owner = owner;
	s->next_ino = FIRST_INO;
	*ret_scratch = s;
	return 0;
}

struct scratch_file *scratch_ref(struct scratch_file *f)
{
	f->refs++;
	return f;
}

static void remove_from_list(struct scratch_file *f)
{
	*f->prev = f->next;
	if (f->next)
		f->next->prev = f->prev;
	if (f->scratch)
		f->scratch->bytes -= f->cap;
}

void scratch_unref(struct scratch_file *f)
{
	if (!f || --f->refs)
		return;
	remove_from_list(f);
	free(f->bytes);
	free(f->name);
	free(f);
}

static bool is_used(const struct scratch_file *f)
{
	return f->linked || f->open;
}

/* Only the kernel remembers it, until it is short of memory. */
static void drop_bytes(struct scratch_file *f)
{
	if (f->scratch)
		f->scratch->bytes -= f->cap;
	free(f->bytes);
	f->bytes = NULL;
	f->len = f->cap = 0;
}

void scratch_open(struct scratch_file *f)
{
	f->open++;
}

void scratch_close(struct scratch_file *f)
{
	f->open--;
	if (!is_used(f))
		drop_bytes(f);
}

void scratch_unlink(struct scratch_file *f)
{
	if (!f->linked)
		return;
	f->linked = false;
	if (!is_used(f))
		drop_bytes(f);
	scratch_unref(f);
}

void scratch_destroy(struct scratch *s)
{
	if (!s)
		return;
	struct scratch_file *f = s->files;
	while (f) {
		struct scratch_file *next = f->next;
		/* Alone from now on: what is left of the list is no longer ours to keep. */
		remove_from_list(f);
		f->scratch = NULL;
		f->next = NULL;
		f->prev = &f->next;
		scratch_unlink(f);
		f = next;
	}
	free(s);
}

static bool is_in(const struct scratch_file *f, const struct scratch_where *where)
{
	return f->linked && f->uid == where->uid && f->class == where->class &&
	       f->type == where->type;
}

struct scratch_file *scratch_find(
	struct scratch *s, const struct scratch_where *where, const char *name, size_t name_len)
{
	for (struct scratch_file *f = s->files; f; f = f->next)
		if (is_in(f, where) && f->name_len == name_len &&
			memcmp(f->name, name, name_len) == 0)
			return f;
	return NULL;
}

/* Names that nobody has touched for long; one whose only reference is its name is not open. */
static void collect_idle(struct scratch *s, uint64_t now)
{
	struct scratch_file *f = s->files;
	while (f) {
		struct scratch_file *next = f->next;
		if (f->linked && f->open == 0 && now - f->used > SCRATCH_IDLE_SECONDS * SECOND)
			scratch_unlink(f);
		f = next;
	}
}

/* May this user have `files` and `bytes` more? */
static bool fits(const struct scratch *s, uid_t uid, size_t files, size_t bytes)
{
	size_t all_files = 0, own_files = 0, own_bytes = 0;
	for (const struct scratch_file *f = s->files; f; f = f->next) {
		if (!is_used(f))
			continue;
		all_files++;
		if (f->uid == uid) {
			own_files++;
			own_bytes += f->cap;
		}
	}
	return own_files + files <= SCRATCH_USER_FILES && own_bytes + bytes <= SCRATCH_USER_BYTES &&
	       all_files + files <= share_limit(SCRATCH_FILES, uid, s->owner, own_files) &&
	       s->bytes + bytes <= share_limit(SCRATCH_BYTES, uid, s->owner, own_bytes);
}

static void touch(struct scratch_file *f)
{
	f->used = clock_monotonic();
	f->changed = clock_wall() / (int64_t)SECOND;
}

static int make(struct scratch *s, const struct scratch_where *where, const char *name,
	size_t name_len, struct scratch_file **ret_file)
{
	collect_idle(s, clock_monotonic());
	if (!fits(s, where->uid, 1, 0))
		return -EDQUOT;
	struct scratch_file *f = calloc(1, sizeof(*f));
	char *copy = malloc(name_len + 1);
	if (!f || !copy) {
		free(f);
		free(copy);
		return -ENOMEM;
	}
	memcpy(copy, name, name_len);
	copy[name_len] = '\0';
	*f = (struct scratch_file){.ino = s->next_ino++,
		.uid = where->uid,
		.class = where->class,
		.type = where->type,
		.linked = true,
		.refs = 1,
		.name = copy,
		.name_len = name_len,
		.scratch = s,
		.next = s->files,
		.prev = &s->files};
	touch(f);
	if (f->next)
		f->next->prev = &f->next;
	s->files = f;
	*ret_file = f;
	return 0;
}

int scratch_make(struct scratch *s, const struct scratch_where *where, const char *name,
	size_t name_len, struct scratch_file **ret_file)
{
	if (scratch_find(s, where, name, name_len))
		return -EEXIST;
	return make(s, where, name, name_len, ret_file);
}

int scratch_make_unlinked(struct scratch *s, const struct scratch_where *where, const char *name,
	size_t name_len, struct scratch_file **ret_file)
{
	int r = make(s, where, name, name_len, ret_file);
	if (r == 0) {
		(*ret_file)->linked = false;
		scratch_open(*ret_file);
	}
	return r;
}

void scratch_link(struct scratch_file *f)
{
	struct scratch_where where = {f->uid, f->class, f->type};
	if (!f->scratch)
		return;
	struct scratch_file *there = scratch_find(f->scratch, &where, f->name, f->name_len);
	if (there)
		scratch_unlink(there);
	f->linked = true;
	scratch_ref(f);
}

int scratch_rename(struct scratch_file *f, const char *name, size_t name_len)
{
	struct scratch_where where = {f->uid, f->class, f->type};
	struct scratch_file *there = scratch_find(f->scratch, &where, name, name_len);
	if (there == f)
		return 0;
	char *copy = malloc(name_len + 1);
	if (!copy)
		return -ENOMEM;
	memcpy(copy, name, name_len);
	copy[name_len] = '\0';
	if (there)
		scratch_unlink(there);
	free(f->name);
	f->name = copy;
	f->name_len = name_len;
	touch(f);
	return 0;
}

/* Makes room for `len` bytes in all. */
static int reserve(struct scratch_file *f, size_t len)
{
	if (len <= f->cap)
		return 0;
	size_t cap = f->cap ? f->cap : 1024;
	while (cap < len)
		cap *= 2;
	if (!fits(f->scratch, f->uid, 0, cap - f->cap))
		return -EDQUOT;
	char *bytes = realloc(f->bytes, cap);
	if (!bytes)
		return -ENOMEM;
	f->scratch->bytes += cap - f->cap;
	f->bytes = bytes;
	f->cap = cap;
	return 0;
}

int scratch_write(struct scratch_file *f, const char *bytes, size_t len, uint64_t offset)
{
	if (f->moved)
		return -EINVAL;
	if (!is_used(f))
		return -ENOENT;
	if (offset > SCRATCH_FILE_BYTES || len > SCRATCH_FILE_BYTES - offset)
		return -EFBIG;
	int r = reserve(f, offset + len);
	if (r < 0)
		return r;
	if (offset > f->len) /* a hole reads as zeros */
		memset(f->bytes + f->len, 0, offset - f->len);
	if (len)
		memcpy(f->bytes + offset, bytes, len);
	if (offset + len > f->len)
		f->len = offset + len;
	touch(f);
	return 0;
}

int scratch_truncate(struct scratch_file *f, uint64_t len)
{
	if (f->moved)
		return -EINVAL;
	if (!is_used(f))
		return -ENOENT;
	if (len > SCRATCH_FILE_BYTES)
		return -EFBIG;
	int r = reserve(f, len);
	if (r < 0)
		return r;
	if (len > f->len)
		memset(f->bytes + f->len, 0, len - f->len);
	f->len = len;
	touch(f);
	return 0;
}

void scratch_each(
	struct scratch *s, const struct scratch_where *where, scratch_each_fn *fn, void *ctx)
{
	collect_idle(s, clock_monotonic());
	for (struct scratch_file *f = s->files; f; f = f->next)
		if (is_in(f, where))
			fn(ctx, f);
}

size_t scratch_files(const struct scratch *s)
{
	size_t n = 0;
	for (const struct scratch_file *f = s->files; f; f = f->next)
		n += is_used(f);
	return n;
}
