/* A user's list of keys to keep alive, and its text. */
#include "resolver/keep_list.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "resolver/text.h"

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

static int put(struct keep_list *l, const uint8_t key[NAME_KEY_LEN])
{
	if (keep_list_has(l, key))
		return 0;
	if (l->len == KEEP_LIST_MAX)
		return -EDQUOT;
	memcpy(l->keys[l->len++], key, NAME_KEY_LEN);
	return 0;
}

static int read_line(struct keep_list *l, const char *line, size_t len, struct pins_mistake *m)
{
	uint8_t key[NAME_KEY_LEN];
	const char *comment = memchr(line, '#', len);
	size_t end = comment ? (size_t)(comment - line) : len;
	while (end > 0 && is_space(*line)) {
		line++;
		end--;
	}
	while (end > 0 && is_space(line[end - 1]))
		end--;
	if (end == 0)
		return 0;
	m->why = key_from_text(line, end, key) < 0 ? "a line is a key" : NULL;
	return m->why ? -EINVAL : put(l, key);
}

int keep_list_read(
	const struct keep_input *in, struct pins_mistake *ret_mistake, struct keep_list **ret_list)
{
	struct keep_list *l = calloc(1, KEEP_LIST_BYTES);
	*ret_mistake = (struct pins_mistake){0, ""};
	if (!l)
		return -ENOMEM;
	l->refs = 1;
	if (in->base) {
		l->len = in->base->len;
		memcpy(l->keys, in->base->keys, l->len * NAME_KEY_LEN);
	}
	int r = 0;
	for (size_t at = 0; r == 0 && at < in->len;) {
		const char *line = in->text + at, *end = memchr(line, '\n', in->len - at);
		size_t len = end ? (size_t)(end - line) : in->len - at;
		ret_mistake->line++;
		r = read_line(l, line, len, ret_mistake);
		at += len + 1;
	}
	if (r < 0) {
		free(l);
		return r;
	}
	/* Given back what it does not need; where that fails it has more than it needs. */
	struct keep_list *fit = realloc(l, sizeof(*l) + l->len * NAME_KEY_LEN);
	*ret_list = fit ? fit : l;
	return 0;
}

struct keep_list *keep_list_ref(const struct keep_list *list)
{
	struct keep_list *shared = (struct keep_list *)(uintptr_t)list;
	shared->refs++;
	return shared;
}

void keep_list_unref(const struct keep_list *list)
{
	struct keep_list *shared = (struct keep_list *)(uintptr_t)list;
	if (shared && --shared->refs == 0)
		free(shared);
}

size_t keep_list_len(const struct keep_list *list)
{
	return list ? list->len : 0;
}

bool keep_list_has(const struct keep_list *list, const uint8_t key[NAME_KEY_LEN])
{
	for (size_t i = 0; i < keep_list_len(list); i++)
		if (memcmp(list->keys[i], key, NAME_KEY_LEN) == 0)
			return true;
	return false;
}

bool keep_list_equal(const struct keep_list *a, const struct keep_list *b)
{
	size_t len = keep_list_len(a);
	return len == keep_list_len(b) &&
	       (len == 0 || memcmp(a->keys, b->keys, len * NAME_KEY_LEN) == 0);
}

void keep_list_write(const struct keep_list *list, struct text *t)
{
	char key[NAME_KEY_TEXT + 1];
	for (size_t i = 0; i < keep_list_len(list); i++) {
		key_to_text(list->keys[i], key);
		text_puts(t, key);
		text_puts(t, "\n");
	}
}
