/* Pins of one user: lines of text, and which of them speaks for a name. */
#include "resolver/pins.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "resolver/idn.h"
#include "resolver/text.h"

/* Two indexes make a look-up a few comparisons: every question asks it. */
struct pin_list {
	unsigned refs;
	size_t len;
	uint16_t by_suffix[PINS_LIST_MAX], by_key[PINS_LIST_MAX];
	struct pin pins[];
};

_Static_assert(sizeof(struct pin_list) + PINS_LIST_MAX * sizeof(struct pin) <= PINS_LIST_BYTES,
	"what is counted of a list");

static const struct name alt = {.len = 5, .wire = "\003alt"};
static const struct name as = {.len = 4, .wire = "\002as"};

/* ---- a line ---- */

struct word {
	const char *text;
	size_t len;
};

static bool is_word(const struct word *w, const char *text)
{
	return w->len == strlen(text) && memcmp(w->text, text, w->len) == 0;
}

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

/* At most `max` words are looked at; returns how many there are of these, one more for "too many".
 */
static size_t split(const char *line, size_t len, struct word *ret_words, size_t max)
{
	size_t n = 0, at = 0;
	for (;;) {
		while (at < len && is_space(line[at]))
			at++;
		if (at == len || n == max)
			return at < len ? max + 1 : n;
		size_t from = at;
		while (at < len && !is_space(line[at]))
			at++;
		ret_words[n++] = (struct word){line + from, at - from};
	}
}

/* A suffix in letters of any language is what the mount makes of such a name: it would never match
 * as it is, and a strict pin that matches nothing protects nothing. */
static int read_suffix(const struct word *w, struct name *ret_suffix)
{
	char ascii[NAME_TEXT_MAX];
	struct word text = *w;
	bool foreign = false;
	for (size_t i = 0; i < w->len; i++)
		foreign |= (unsigned char)w->text[i] >= 0x80;
	if (is_word(w, ".")) {
		*ret_suffix = (struct name){.len = 1};
		return 0;
	}
	if (foreign) {
		int r = idn_to_ascii(w->text, w->len, ascii, sizeof(ascii), &text.len);
		if (r < 0)
			return r;
		text.text = ascii;
	}
	return name_from_text(text.text, text.len, ret_suffix);
}

static const char *read_nick(const struct word *w, struct pin *pin)
{
	struct name nick;
	if (read_suffix(w, &nick) < 0 || name_labels(&nick) != 1 ||
		name_join(&nick, &alt, &pin->suffix) < 0)
		return "what follows `as` is one label";
	pin->alias = true;
	return NULL;
}

/* What is wrong with it; NULL: nothing. */
static const char *read_pin(const struct word *words, size_t n, struct pin *pin)
{
	uint8_t key[NAME_KEY_LEN];
	struct name target;
	if (key_from_text(words[0].text, words[0].len, pin->key) < 0)
		return "a line begins with a key";
	if (n < 2)
		return "a suffix follows the key";
	if (n == 3 && is_word(&words[1], "as"))
		return read_nick(&words[2], pin);
	if (n > 3 || (n == 3 && !is_word(&words[2], "strict")))
		return "only `strict` follows the suffix";
	pin->strict = n == 3;
	if (read_suffix(&words[1], &pin->suffix) < 0)
		return "the suffix is no name";
	if (name_key(&pin->suffix, key))
		return "a name under a key says by itself who answers";
	/* Such a zone can have nothing. */
	if (pin_target(pin, &pin->suffix, &target) < 0)
		return "the suffix is too long";
	return NULL;
}

/* ---- a list ---- */

static int compare_names(const struct name *a, const struct name *b)
{
	return a->len != b->len ? (a->len > b->len) - (a->len < b->len)
				: memcmp(a->wire, b->wire, a->len);
}

static int compare_suffixes(const void *a, const void *b, void *pins)
{
	const struct pin *p = pins;
	return compare_names(&p[*(const uint16_t *)a].suffix, &p[*(const uint16_t *)b].suffix);
}

static int compare_keys(const void *a, const void *b, void *pins)
{
	const struct pin *p = pins;
	return memcmp(p[*(const uint16_t *)a].key, p[*(const uint16_t *)b].key, NAME_KEY_LEN);
}

static void make_indexes(struct pin_list *l)
{
	for (size_t i = 0; i < l->len; i++)
		l->by_suffix[i] = l->by_key[i] = (uint16_t)i;
	qsort_r(l->by_suffix, l->len, sizeof(*l->by_suffix), compare_suffixes, l->pins);
	qsort_r(l->by_key, l->len, sizeof(*l->by_key), compare_keys, l->pins);
}

/* The last word on a suffix stands where the first stood, so that a list keeps its order. */
static int put(struct pin_list *l, const struct pin *pin)
{
	for (size_t i = 0; i < l->len; i++)
		if (name_equal(&l->pins[i].suffix, &pin->suffix)) {
			l->pins[i] = *pin;
			return 0;
		}
	if (l->len == PINS_LIST_MAX)
		return -EDQUOT;
	l->pins[l->len++] = *pin;
	return 0;
}

static int read_line(
	struct pin_list *l, const char *line, size_t len, uid_t uid, struct pins_mistake *m)
{
	struct word words[3];
	struct pin pin = {.uid = uid};
	size_t n = split(line, len, words, 3);
	if (n == 0 || words[0].text[0] == '#')
		return 0;
	m->why = len > PINS_LINE_MAX ? "the line is too long" : read_pin(words, n, &pin);
	return m->why ? -EINVAL : put(l, &pin);
}

int pin_list_read(
	const struct pins_input *in, struct pins_mistake *ret_mistake, struct pin_list **ret_list)
{
	const struct pin_list *base = in->base;
	struct pin_list *l = calloc(1, sizeof(*l) + PINS_LIST_MAX * sizeof(l->pins[0]));
	*ret_mistake = (struct pins_mistake){0, ""};
	if (!l)
		return -ENOMEM;
	l->refs = 1;
	if (base) {
		l->len = base->len;
		memcpy(l->pins, base->pins, base->len * sizeof(l->pins[0]));
	}
	int r = 0;
	for (size_t at = 0; r == 0 && at < in->len;) {
		const char *line = in->text + at, *end = memchr(line, '\n', in->len - at);
		size_t len = end ? (size_t)(end - line) : in->len - at;
		ret_mistake->line++;
		r = read_line(l, line, len, in->uid, ret_mistake);
		at += len + 1;
	}
	if (r < 0) {
		free(l);
		return r;
	}
	make_indexes(l);
	/* Given back what it does not need; where that fails it has more than it needs. */
	struct pin_list *fit = realloc(l, sizeof(*l) + l->len * sizeof(l->pins[0]));
	*ret_list = fit ? fit : l;
	return 0;
}

struct pin_list *pin_list_ref(const struct pin_list *list)
{
	struct pin_list *shared = (struct pin_list *)(uintptr_t)list;
	shared->refs++;
	return shared;
}

void pin_list_unref(const struct pin_list *list)
{
	struct pin_list *shared = (struct pin_list *)(uintptr_t)list;
	if (shared && --shared->refs == 0)
		free(shared);
}

size_t pin_list_len(const struct pin_list *list)
{
	return list ? list->len : 0;
}

const struct pin *pin_list_at(const struct pin_list *list, size_t i)
{
	return &list->pins[i];
}

void pin_write(const struct pin *pin, struct text *t)
{
	char key[NAME_KEY_TEXT + 1], name[NAME_TEXT_MAX];
	struct name nick = {.len = (uint8_t)(pin->suffix.len - (alt.len - 1))};
	key_to_text(pin->key, key);
	text_puts(t, key);
	if (pin->alias) {
		memcpy(nick.wire, pin->suffix.wire, nick.len - 1u);
		name_to_text(&nick, name);
		text_puts(t, " as ");
	} else {
		if (!name_to_text(&pin->suffix, name))
			strcpy(name, ".");
		text_puts(t, " ");
	}
	text_puts(t, name);
	/* American Samoa: `KEY as strict` is said of a nick. */
	if (!pin->alias && name_equal(&pin->suffix, &as))
		text_puts(t, ".");
	if (pin->strict)
		text_puts(t, " strict");
}

void pin_list_write(const struct pin_list *list, const char *prefix, struct text *t)
{
	for (size_t i = 0; i < pin_list_len(list); i++) {
		text_puts(t, prefix);
		pin_write(&list->pins[i], t);
		text_puts(t, "\n");
	}
}

/* ---- look-ups ---- */

static const struct pin *find_suffix(const struct pin_list *l, const struct name *suffix)
{
	size_t low = 0, high = l->len;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		const struct pin *pin = &l->pins[l->by_suffix[middle]];
		int order = compare_names(&pin->suffix, suffix);
		if (order == 0)
			return pin;
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

const struct pin *pin_list_find(const struct pin_list *list, const struct name *name)
{
	uint8_t key[NAME_KEY_LEN];
	if (!pin_list_len(list) || name_key(name, key))
		return NULL;
	struct name suffix = *name;
	for (;;) {
		const struct pin *pin = find_suffix(list, &suffix);
		if (pin || suffix.len == 1)
			return pin;
		name_parent(&suffix, 1, &suffix);
	}
}

static bool reads_alike(const struct pin *a, const struct pin *b)
{
	if (!a || !b)
		return a == b;
	return memcmp(a->key, b->key, sizeof(a->key)) == 0 && a->strict == b->strict &&
	       a->alias == b->alias && (!a->alias || name_equal(&a->suffix, &b->suffix));
}

bool pins_change_concerns(const struct pins_change *c, const struct name *name, uid_t uid)
{
	return (c->for_all || c->uid == uid) &&
	       !reads_alike(pin_list_find(c->before, name), pin_list_find(c->now, name));
}

int pin_target(const struct pin *pin, const struct name *name, struct name *ret_target)
{
	struct name zone, left = *name;
	key_to_name(pin->key, &zone);
	if (pin->alias) {
		left.len = (uint8_t)(name->len - pin->suffix.len + 1);
		left.wire[left.len - 1] = 0;
	}
	return name_join(&left, &zone, ret_target);
}

bool pin_is_final(const struct pin *pin)
{
	return pin->strict || pin->alias;
}

void pin_cut_key(const struct name *target, struct name *ret_left)
{
	*ret_left = *target;
	ret_left->len = (uint8_t)(target->len - (1 + NAME_KEY_TEXT));
	ret_left->wire[ret_left->len - 1] = 0;
}

void pin_list_readers(
	const struct pin_list *list, const struct name *target, pin_reader_fn *fn, void *ctx)
{
	uint8_t key[NAME_KEY_LEN];
	struct name left, name;
	size_t low = 0, high = pin_list_len(list);
	if (!high || !name_key(target, key))
		return;
	pin_cut_key(target, &left);
	while (low < high) { /* the first of this key */
		size_t middle = low + (high - low) / 2;
		if (memcmp(list->pins[list->by_key[middle]].key, key, NAME_KEY_LEN) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	for (; low < list->len; low++) {
		const struct pin *pin = &list->pins[list->by_key[low]];
		if (memcmp(pin->key, key, NAME_KEY_LEN) != 0)
			break;
		if (!pin->alias)
			name = left;
		else if (name_join(&left, &pin->suffix, &name) < 0)
			continue;
		if (pin_list_find(list, &name) == pin)
			fn(ctx, pin, &name);
	}
}
