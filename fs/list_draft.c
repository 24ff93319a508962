/* Lines on their way to be a user's list. */
#include "fs/list_draft.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "fs/log.h"

struct list_draft {
	const struct list_kind *kind;
	struct resolver *resolver;
	uid_t uid;
	bool append, refused;
	char *text;
	size_t len, cap;
	size_t counted, lines; /* so much of the text has come to count */
	size_t whole;	       /* so much of it when it was last closed */
	bool said;	       /* more than white space */
	void *made;	       /* of that, and of nothing else; not of an append */
	bool changed;	       /* the list that stands is this draft's */
	void *before, *last;   /* that stood without it, that it made; NULL: none */
};

int list_draft_create(const struct list_kind *kind, struct resolver *r, uid_t uid, bool append,
	struct list_draft **ret_draft)
{
	struct list_draft *d = calloc(1, sizeof(*d));
	if (!d)
		return -ENOMEM;
	d->kind = kind;
	d->resolver = r;
	d->uid = uid;
	d->append = append;
	*ret_draft = d;
	return 0;
}

void list_draft_destroy(struct list_draft *d)
{
	if (!d)
		return;
	d->kind->unref(d->made);
	d->kind->unref(d->before);
	d->kind->unref(d->last);
	free(d->text);
	free(d);
}

const struct list_kind *list_draft_kind(const struct list_draft *d)
{
	return d->kind;
}

size_t list_draft_bytes(const struct list_draft *d)
{
	return d->cap + LIST_DRAFT_LISTS * d->kind->bytes;
}

static const void *standing(const struct list_draft *d)
{
	return d->kind->standing(d->resolver, d->uid);
}

static bool stands(const struct list_draft *d, const void *list)
{
	return d->kind->same(standing(d), list);
}

/* Whatever stands that is not this draft's last is what a refusal puts back. */
static void see(struct list_draft *d)
{
	if (d->changed && stands(d, d->last))
		return;
	const void *now = standing(d);
	d->kind->unref(d->before);
	d->before = now ? d->kind->ref(now) : NULL;
	d->changed = false;
}

static void put_back(struct list_draft *d)
{
	if (d->changed && stands(d, d->last) && d->kind->set(d->resolver, d->uid, d->before) < 0)
		log_line(LOG_ERR, "%s of uid %u: what stood before could not be put back",
			d->kind->what, (unsigned)d->uid);
	d->changed = false;
	d->refused = true;
}

static int refuse(struct list_draft *d, int error, const char *why, size_t line)
{
	log_line(LOG_NOTICE, "%s of uid %u refused: line %zu: %s", d->kind->what, (unsigned)d->uid,
		line, why);
	put_back(d);
	return error;
}

static bool is_blank(const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (!memchr(" \t\r\n", text[i], 4))
			return false;
	return true;
}

/* Makes it the list that stands. */
static int set(struct list_draft *d, void *list)
{
	if (stands(d, list))
		return 0; /* on disk already, or on its way: fs/ops_change waits for that too */
	int r = d->kind->set(d->resolver, d->uid, list);
	if (r < 0)
		return r;
	d->kind->unref(d->last);
	d->last = d->kind->ref(list);
	d->changed = true;
	return 0;
}

/* What has not come to count yet, up to `len`, is added to `base`. */
static int read_new(struct list_draft *d, size_t len, const void *base,
	struct pins_mistake *ret_mistake, void **ret_list)
{
	return d->kind->read(
		d->text + d->counted, len - d->counted, d->uid, base, ret_mistake, ret_list);
}

/* Those lines are added to what stands. A list that is to replace it is only known as a whole when
 * the file is closed: until then what stood stands beside it, for a strict pin that is yet to be
 * written again must not be missing. */
static int add(struct list_draft *d, size_t len, struct pins_mistake *ret_mistake)
{
	void *list;
	int r = read_new(d, len, standing(d), ret_mistake, &list);
	if (r == 0) {
		r = set(d, list);
		d->kind->unref(list);
	}
	/* No room for both: the new ones wait. */
	return r == -EDQUOT && !d->append ? 0 : r;
}

/* Nothing of a list that is refused is worth more than the list that stood. */
static int count(struct list_draft *d, size_t len, void **ret_made)
{
	struct pins_mistake mistake = {0, ""};
	int r = 0;
	see(d);
	d->said |= !is_blank(d->text + d->counted, len - d->counted);
	*ret_made = NULL;
	if (!d->append) {
		if (!d->said)
			return refuse(d, -EINVAL, "nothing but white space", 1);
		r = read_new(d, len, d->made, &mistake, ret_made);
	}
	if (r == 0)
		r = add(d, len, &mistake);
	if (r < 0) {
		d->kind->unref(*ret_made);
		*ret_made = NULL;
		return refuse(
			d, r, r == -EINVAL ? mistake.why : strerror(-r), d->lines + mistake.line);
	}
	d->lines += mistake.line;
	return 0;
}

static int count_lines(struct list_draft *d, size_t len)
{
	void *made;
	int r = count(d, len, &made);
	if (r < 0)
		return r;
	d->kind->unref(d->made);
	d->made = made;
	d->counted = len;
	return 0;
}

/* Of two who write at once, who wrote last. */
static int replace(struct list_draft *d, void *made)
{
	if (!stands(d, d->changed ? d->last : d->before))
		return 0;
	int r = set(d, made);
	return r < 0 ? refuse(d, r, strerror(-r), d->lines) : 0;
}

static int store(struct list_draft *d, const char *bytes, size_t len)
{
	size_t cap = d->cap ? d->cap : 512;
	if (len > d->kind->text - d->len)
		return -EFBIG;
	while (cap < d->len + len)
		cap *= 2;
	char *text = cap > d->cap ? realloc(d->text, cap) : d->text;
	if (!text)
		return -ENOMEM;
	d->text = text;
	d->cap = cap;
	memcpy(d->text + d->len, bytes, len);
	d->len += len;
	return 0;
}

int list_draft_write(struct list_draft *d, const char *bytes, size_t len, uint64_t offset)
{
	if (d->refused)
		return -EINVAL;
	see(d);
	if (!d->append && offset != d->len)
		return refuse(d, -EINVAL, "not written in order", 0);
	int r = store(d, bytes, len);
	if (r < 0)
		return refuse(d, r, strerror(-r), 0);
	const char *end = memrchr(d->text + d->counted, '\n', d->len - d->counted);
	return end ? count_lines(d, (size_t)(end - d->text) + 1) : 0;
}

/* A last line may yet go on: a shell closes its copies of the descriptor in the middle. */
static int close_replacing(struct list_draft *d)
{
	void *made = d->made ? d->kind->ref(d->made) : NULL;
	size_t lines = d->lines;
	int r = 0;
	if (d->counted < d->len) {
		d->kind->unref(made);
		r = count(d, d->len, &made);
		d->lines = lines;
	}
	if (r == 0 && made)
		r = replace(d, made);
	d->kind->unref(made);
	return r;
}

int list_draft_close(struct list_draft *d)
{
	int r = 0;
	if (d->refused)
		return 0;
	if (!d->append)
		r = close_replacing(d);
	else if (d->counted < d->len)
		r = count_lines(d, d->len);
	d->whole = d->len;
	return r;
}

/* A list that has been closed once, and so was whole, stays. */
int list_draft_drop(struct list_draft *d)
{
	if (d->refused || d->whole == d->len)
		return 0;
	log_line(LOG_NOTICE, "%s of uid %u dropped: their writer was killed", d->kind->what,
		(unsigned)d->uid);
	put_back(d);
	return 0;
}

void list_draft_lost(struct list_draft *d, const struct list_kind *kind, uid_t uid, int error)
{
	log_line(LOG_ERR, "%s of uid %u are lost, and what stood before stands: %s", kind->what,
		(unsigned)uid, strerror(-error));
	if (!d)
		return;
	d->changed = false; /* there is nothing to put back */
	d->refused = true;
}

void list_draft_truncate(struct list_draft *d, uint64_t len)
{
	if (len != 0)
		return;
	d->kind->unref(d->made);
	d->made = NULL;
	d->len = d->counted = d->lines = d->whole = 0;
	d->said = false;
}
