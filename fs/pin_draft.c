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
	size_t counted;			/* so much of the text has come to count */
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
	pin_list_unref(d->before);
	pin_list_unref(d->last);
	free(d->text);
	free(d);
}

size_t pin_draft_bytes(const struct pin_draft *d)
{
	return d->cap;
}

/* A list without pins is not kept. */
static bool stands(const struct pin_draft *d, const struct pin_list *list)
{
	const struct pin_list *now = resolver_pins_of(d->resolver, d->uid);
	return now == list || (!now && !pin_list_len(list));
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

static int refuse(struct pin_draft *d, int error, const char *why, size_t line)
{
	d->refused = true;
	log_line(LOG_NOTICE, "pins of uid %u refused: line %zu: %s", (unsigned)d->uid, line, why);
	if (d->changed && stands(d, d->last) &&
		resolver_set_pins(d->resolver, d->uid, d->before) < 0)
		log_line(LOG_ERR, "pins of uid %u: what stood before could not be put back",
			(unsigned)d->uid);
	d->changed = false;
	return error;
}

static bool is_blank(const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (!memchr(" \t\r\n", text[i], 4))
			return false;
	return true;
}

/* The lines up to `len`, all of them or, of an append, those that are new. */
static int count(struct pin_draft *d, size_t len)
{
	size_t from = d->append ? d->counted : 0;
	struct pins_input in = {d->text + from, len - from, d->uid,
		d->append ? resolver_pins_of(d->resolver, d->uid) : NULL};
	struct pins_mistake mistake;
	struct pin_list *list;
	see(d);
	if (!d->append && is_blank(d->text, len))
		return refuse(d, -EINVAL, "nothing but white space", 1);
	int r = pin_list_read(&in, &mistake, &list);
	if (r < 0)
		return refuse(d, r, r == -EINVAL ? mistake.why : strerror(-r), mistake.line);
	r = resolver_set_pins(d->resolver, d->uid, list);
	if (r < 0) {
		pin_list_unref(list);
		return refuse(d, r, strerror(-r), mistake.line);
	}
	pin_list_unref(d->last);
	d->last = list;
	d->changed = true;
	d->counted = len;
	return 0;
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
	return end ? count(d, (size_t)(end - d->text) + 1) : 0;
}

int pin_draft_close(struct pin_draft *d)
{
	if (d->refused || d->counted == d->len)
		return 0;
	return count(d, d->len);
}

void pin_draft_truncate(struct pin_draft *d, uint64_t len)
{
	if (len == 0)
		d->len = d->counted = 0;
}
