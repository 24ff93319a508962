/* Lines on their way to be a user's pins. */
#include "fs/pin_draft.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "fs/log.h"

struct pin_draft {
	struct resolver *resolver;
	uid_t uid;
	bool append, refused;
	char *text;
	size_t len, cap;
	size_t counted, lines;		/* so much of the text has come to count */
	size_t whole;			/* so much of it when it was last closed */
	bool said;			/* more than white space */
	struct pin_list *made;		/* of that, and of nothing else; not of an append */
	bool changed;			/* the list that stands is this draft's */
	struct pin_list *before, *last; /* that stood without it, that it made; NULL: none */
};

int pin_draft_create(struct resolver *r, uid_t uid, bool append, struct pin_draft **ret_draft)
{
	struct pin_draft *d = calloc(1, sizeof(*d));
	if (!d)
		return -ENOMEM;
	d->resolver = r;
	d->uid = uid;
	d->append = append;
	*ret_draft = d;
	return 0;
}

void pin_draft_destroy(struct pin_draft *d)
{
	if (!d)
		return;
	pin_list_unref(d->made);
	pin_list_unref(d->before);
	pin_list_unref(d->last);
	free(d->text);
	free(d);
}

size_t pin_draft_bytes(const struct pin_draft *d)
{
	return d->cap + PIN_DRAFT_LISTS * PINS_LIST_BYTES;
}

static bool same_pin(const struct pin *a, const struct pin *b)
{
	return name_equal(&a->suffix, &b->suffix) && memcmp(a->key, b->key, sizeof(a->key)) == 0 &&
	       a->strict == b->strict && a->alias == b->alias;
}

/* By what they say: all lists are read again when the disk has failed anybody (resolver/pinned). And
 * one without pins is not kept. */
static bool same_list(const struct pin_list *a, const struct pin_list *b)
{
	bool same = pin_list_len(a) == pin_list_len(b);
	for (size_t i = 0; same && i < pin_list_len(a); i++)
		same = same_pin(pin_list_at(a, i), pin_list_at(b, i));
	return same;
}

static bool stands(const struct pin_draft *d, const struct pin_list *list)
{
	const struct pin_list *now = resolver_pins_of(d->resolver, d->uid);
	return same_list(now, list);
}

/* Whatever stands that is not this draft's last is what a refusal puts back. */
static void see(struct pin_draft *d)
{
	if (d->changed && stands(d, d->last))
		return;
	const struct pin_list *now = resolver_pins_of(d->resolver, d->uid);
	pin_list_unref(d->before);
	d->before = now ? pin_list_ref(now) : NULL;
	d->changed = false;
}

static void put_back(struct pin_draft *d)
{
	if (d->changed && stands(d, d->last) &&
		resolver_set_pins(d->resolver, d->uid, d->before) < 0)
		log_line(LOG_ERR, "pins of uid %u: what stood before could not be put back",
			(unsigned)d->uid);
	d->changed = false;
	d->refused = true;
}

static int refuse(struct pin_draft *d, int error, const char *why, size_t line)
{
	log_line(LOG_NOTICE, "pins of uid %u refused: line %zu: %s", (unsigned)d->uid, line, why);
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
static int set(struct pin_draft *d, struct pin_list *list)
{
	if (same_list(list, resolver_pins_of(d->resolver, d->uid)))
		return 0; /* on disk already, or on its way: fs/ops_change waits for that too */
	int r = resolver_set_pins(d->resolver, d->uid, list);
	if (r < 0)
		return r;
	pin_list_unref(d->last);
	d->last = pin_list_ref(list);
	d->changed = true;
	return 0;
}

/* What has not come to count yet, up to `len`, is added to `base`. */
static int read_new(struct pin_draft *d, size_t len, const struct pin_list *base,
	struct pins_mistake *ret_mistake, struct pin_list **ret_list)
{
	struct pins_input in = {d->text + d->counted, len - d->counted, d->uid, base};
	return pin_list_read(&in, ret_mistake, ret_list);
}

/* Those lines are added to what stands. A list that is to replace it is only known as a whole when
 * the file is closed: until then what stood stands beside it, for a strict pin that is yet to be
 * written again must not be missing. */
static int add(struct pin_draft *d, size_t len, struct pins_mistake *ret_mistake)
{
	struct pin_list *list;
	int r = read_new(d, len, resolver_pins_of(d->resolver, d->uid), ret_mistake, &list);
	if (r == 0) {
		r = set(d, list);
		pin_list_unref(list);
	}
	/* No room for both: the new ones wait. */
	return r == -EDQUOT && !d->append ? 0 : r;
}

/* Nothing of a list that is refused is worth more than the list that stood. */
static int count(struct pin_draft *d, size_t len, struct pin_list **ret_made)
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
		pin_list_unref(*ret_made);
		*ret_made = NULL;
		return refuse(
			d, r, r == -EINVAL ? mistake.why : strerror(-r), d->lines + mistake.line);
	}
	d->lines += mistake.line;
	return 0;
}

static int count_lines(struct pin_draft *d, size_t len)
{
	struct pin_list *made;
	int r = count(d, len, &made);
	if (r < 0)
		return r;
	pin_list_unref(d->made);
	d->made = made;
	d->counted = len;
	return 0;
}

/* Of two who write at once, who wrote last. */
static int replace(struct pin_draft *d, struct pin_list *made)
{
	if (!stands(d, d->changed ? d->last : d->before))
		return 0;
	int r = set(d, made);
	return r < 0 ? refuse(d, r, strerror(-r), d->lines) : 0;
}

static int store(struct pin_draft *d, const char *bytes, size_t len)
{
	size_t cap = d->cap ? d->cap : 512;
	if (len > PINS_TEXT_MAX - d->len)
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

int pin_draft_write(struct pin_draft *d, const char *bytes, size_t len, uint64_t offset)
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
static int close_replacing(struct pin_draft *d)
{
	struct pin_list *made = d->made ? pin_list_ref(d->made) : NULL;
	size_t lines = d->lines;
	int r = 0;
	if (d->counted < d->len) {
		pin_list_unref(made);
		r = count(d, d->len, &made);
		d->lines = lines;
	}
	if (r == 0 && made)
		r = replace(d, made);
	pin_list_unref(made);
	return r;
}

int pin_draft_close(struct pin_draft *d)
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
int pin_draft_drop(struct pin_draft *d)
{
	if (d->refused || d->whole == d->len)
		return 0;
	log_line(LOG_NOTICE, "pins of uid %u dropped: their writer was killed", (unsigned)d->uid);
	put_back(d);
	return 0;
}

void pin_draft_lost(struct pin_draft *d, uid_t uid, int error)
{
	log_line(LOG_ERR, "pins of uid %u are lost, and what stood before stands: %s", (unsigned)uid,
		strerror(-error));
	if (!d)
		return;
	d->changed = false; /* there is nothing to put back */
	d->refused = true;
}

void pin_draft_truncate(struct pin_draft *d, uint64_t len)
{
	if (len != 0)
		return;
	pin_list_unref(d->made);
	d->made = NULL;
	d->len = d->counted = d->lines = d->whole = 0;
	d->said = false;
}
