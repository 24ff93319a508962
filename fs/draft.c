/* A draft: bytes, and the last set that they became. */
#include "fs/draft.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct draft {
	struct question question;
	struct rrset *shown;	 /* what the writer read when he opened the file; NULL none */
	struct rrset *before;	 /* what stands but for this draft; NULL none */
	struct rrset *published; /* by this draft, last; NULL none */
	struct rrset *removed;	 /* to make room for it; NULL none */
	char *text;
	size_t len, cap;
	size_t counted; /* so much of the text is in `published` */
	size_t from;	/* so much, of an append, is in `before` already */
	bool append, touched, refused;
	bool changed; /* since it was judged last */
	const char *why;
};

int draft_create(
	const struct question *q, const struct rrset *shown, bool append, struct draft **ret_draft)
{
	struct draft *d = calloc(1, sizeof(*d));
	if (!d)
		return -ENOMEM;
	d->question = *q;
	d->append = append;
	d->why = "";
	if (shown && !(d->shown = rrset_copy(shown))) {
		free(d);
		return -ENOMEM;
	}
	*ret_draft = d;
	return 0;
}

void draft_destroy(struct draft *d)
{
	if (!d)
		return;
	rrset_destroy(d->shown);
	rrset_destroy(d->before);
	rrset_destroy(d->published);
	rrset_destroy(d->removed);
	free(d->text);
	free(d);
}

void draft_replaces(struct draft *d, struct rrset *removed)
{
	rrset_destroy(d->removed);
	d->removed = removed;
}

static bool same(const struct rrset *a, const struct rrset *b)
{
	return a && b ? a->ttl == b->ttl && rrset_same_data(a, b) : a == b;
}

int draft_see(struct draft *d, const struct rrset *standing)
{
	if (d->published && same(standing, d->published))
		return 0;
	d->from = d->append ? d->counted : 0;
	if (same(standing, d->before))
		return 0;
	struct rrset *before = standing ? rrset_copy(standing) : NULL;
	if (standing && !before)
		return -ENOMEM;
	rrset_destroy(d->before);
	d->before = before;
	return 0;
}

static int reserve(struct draft *d, size_t len)
{
	if (len <= d->cap)
		return 0;
	size_t cap = d->cap ? d->cap : DRAFT_TEXT_MIN;
	while (cap < len)
		cap *= 2;
	char *text = realloc(d->text, cap);
	if (!text)
		return -ENOMEM;
	d->text = text;
	d->cap = cap;
	return 0;
}

static int store(struct draft *d, const char *bytes, size_t len, uint64_t offset)
{
	if (d->append)
		offset = d->len;
	if (offset > JSON_INPUT_MAX || len > JSON_INPUT_MAX - offset)
		return -EFBIG;
	if (offset > d->len) {
		d->why = "written with a hole";
		return -EINVAL;
	}
	int r = reserve(d, offset + len);
	if (r < 0)
		return r;
	memcpy(d->text + offset, bytes, len);
	if (offset + len > d->len)
		d->len = offset + len;
	d->touched = d->changed = true;
	return 0;
}

/* What stands without this draft, and what it says, together. The TTL is the standing one's unless
 * the new lines bring another than the default, which may mean that they brought none. */
static int add_to_standing(struct draft *d, struct rrset **set)
{
	const struct rrset *more = *set;
	struct rrset *sum = rrset_copy(d->before);
	if (!sum)
		return -ENOMEM;
	if (more->ttl != TTL_DEFAULT)
		sum->ttl = more->ttl;
	size_t cursor = 0, len;
	const uint8_t *rdata;
	int r = 0;
	while (r == 0 && rrset_next(more, &cursor, &rdata, &len))
		r = rrset_add(sum, rdata, len);
	/* Each part is good, but may not stand beside the other: two CNAMEs, too many records. */
	if (r == 0)
		r = json_check(sum, &d->why);
	if (r < 0) {
		rrset_destroy(sum);
		return r;
	}
	rrset_destroy(*set);
	*set = sum;
	return 0;
}

static int judge(struct draft *d, struct rrset **ret_set)
{
	struct rrset *set = NULL;
	d->why = "";
	int r = json_read(
		d->text + d->from, d->len - d->from, &d->question, d->shown, &set, &d->why);
	if (!d->why)
		d->why = "";
	if (r == 0 && d->append && d->before)
		r = add_to_standing(d, &set);
	if (r < 0) {
		rrset_destroy(set);
		return r;
	}
	d->changed = false;
	if (d->published && same(d->published, set)) {
		/* White space after a value, or the same line again. */
		rrset_destroy(set);
		set = NULL;
	}
	*ret_set = set;
	return 0;
}

/* How far the part that is to be judged has come. */
static enum json_draft progress(const struct draft *d)
{
	return json_draft(d->text + d->from, d->len - d->from);
}

static int take(
	struct draft *d, const char *bytes, size_t len, uint64_t offset, struct rrset **ret_set)
{
	int r = store(d, bytes, len, offset);
	if (r < 0)
		return r;
	switch (progress(d)) {
	case JSON_PARTIAL:
		return 0;
	case JSON_COMPLETE:
		return judge(d, ret_set);
	case JSON_EMPTY:
		if (d->from > 0) /* behind a value that counts already */
			return 0;
		/* `echo > f`: a shell sees the error now or never. */
		d->why = "nothing but white space";
		return -EINVAL;
	case JSON_IMPOSSIBLE:
		d->why = "neither JSON nor text";
		return -EINVAL;
	}
	return -EINVAL;
}

int draft_write(
	struct draft *d, const char *bytes, size_t len, uint64_t offset, struct rrset **ret_set)
{
	*ret_set = NULL;
	if (d->refused)
		return -EINVAL;
	if (len == 0)
		return 0;
	int r = take(d, bytes, len, offset, ret_set);
	if (r < 0)
		draft_refuse(d);
	return r;
}

static bool is_json(const struct draft *d)
{
	size_t i = d->from;
	while (i < d->len && memchr(" \t\r\n", d->text[i], 4))
		i++;
	return i < d->len && (d->text[i] == '{' || d->text[i] == '[');
}

int draft_close(struct draft *d, struct rrset **ret_set)
{
	*ret_set = NULL;
	if (d->refused || !d->changed)
		return 0;
	enum json_draft state = progress(d);
	if (state == JSON_EMPTY) /* truncated to nothing */
		return 0;
	if (state == JSON_PARTIAL && is_json(d)) {
		d->why = "incomplete JSON";
		return -EINVAL;
	}
	return judge(d, ret_set);
}

void draft_truncate(struct draft *d, uint64_t len)
{
	d->touched = true;
	if (len >= d->len)
		return;
	d->len = len;
	d->changed = len > 0;
	if (d->counted > len)
		d->counted = len;
	if (d->from > len)
		d->from = len;
}

void draft_published(struct draft *d, struct rrset *set)
{
	rrset_destroy(d->published);
	d->published = set;
	d->counted = d->len;
}

void draft_refuse(struct draft *d)
{
	d->refused = true;
}

void draft_orphan(struct draft *d)
{
	d->refused = true;
	d->why = "removed or renamed while it was open";
}

bool draft_open(const struct draft *d)
{
	return !d->refused;
}

const char *draft_why(const struct draft *d)
{
	return d->why;
}

enum draft_undo draft_undo(
	const struct draft *d, const struct rrset *standing, const struct rrset **ret_set)
{
	*ret_set = d->before ? d->before : d->removed;
	if (!d->published)
		return d->removed && !standing ? DRAFT_STANDS : DRAFT_CHANGED_NOTHING;
	return same(standing, d->published) ? DRAFT_STANDS : DRAFT_REPLACED;
}

bool draft_has_published(const struct draft *d)
{
	return d->published;
}

bool draft_is_unfinished(const struct draft *d)
{
	return !d->refused && d->changed;
}

bool draft_leaves_gap(const struct draft *d)
{
	return !d->refused && d->removed && !d->published;
}

size_t draft_set_bytes(const struct rrset *set)
{
	return set ? sizeof(*set) + set->data_len + set->count * sizeof(*set->at) : 0;
}

size_t draft_bytes(const struct draft *d)
{
	return sizeof(*d) + d->cap + draft_set_bytes(d->shown) + draft_set_bytes(d->before) +
	       draft_set_bytes(d->published) + draft_set_bytes(d->removed);
}

bool draft_touched(const struct draft *d)
{
	return d->touched;
}

const char *draft_text(const struct draft *d, size_t *ret_len)
{
	*ret_len = d->len;
	return d->text ? d->text : "";
}
