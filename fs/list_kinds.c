/* The lists that users write to control files: of pins, of keys to keep alive. */
#include <string.h>

#include "fs/list_draft.h"
#include "resolver/keep_list.h"

/* ---- pins ---- */

static int read_pins(const char *text, size_t len, uid_t uid, const void *base,
	struct pins_mistake *ret_mistake, void **ret_list)
{
	struct pins_input in = {text, len, uid, base};
	struct pin_list *list;
	int r = pin_list_read(&in, ret_mistake, &list);
	if (r == 0)
		*ret_list = list;
	return r;
}

static void *ref_pins(const void *list)
{
	return pin_list_ref(list);
}

static void unref_pins(const void *list)
{
	pin_list_unref(list);
}

static bool same_pin(const struct pin *a, const struct pin *b)
{
	return name_equal(&a->suffix, &b->suffix) && memcmp(a->key, b->key, sizeof(a->key)) == 0 &&
	       a->strict == b->strict && a->alias == b->alias;
}

/* By what they say: all lists are read again when the disk has failed anybody (resolver/pinned).
 * And one without pins is not kept. */
static bool same_pins(const void *a, const void *b)
{
	bool same = pin_list_len(a) == pin_list_len(b);
	for (size_t i = 0; same && i < pin_list_len(a); i++)
		same = same_pin(pin_list_at(a, i), pin_list_at(b, i));
	return same;
}

static const void *standing_pins(struct resolver *r, uid_t uid)
{
	return resolver_pins_of(r, uid);
}

static int set_pins(struct resolver *r, uid_t uid, void *list)
{
	return resolver_set_pins(r, uid, list);
}

const struct list_kind list_of_pins = {.what = "pins",
	.bytes = PINS_LIST_BYTES,
	.text = PINS_TEXT_MAX,
	.read = read_pins,
	.ref = ref_pins,
	.unref = unref_pins,
	.same = same_pins,
	.standing = standing_pins,
	.set = set_pins};

/* ---- keys to keep alive ---- */

static int read_keys(const char *text, size_t len, uid_t uid, const void *base,
	struct pins_mistake *ret_mistake, void **ret_list)
{
	struct keep_input in = {text, len, base};
	struct keep_list *list;
	(void)uid;
	int r = keep_list_read(&in, ret_mistake, &list);
	if (r == 0)
		*ret_list = list;
	return r;
}

static void *ref_keys(const void *list)
{
	return keep_list_ref(list);
}

static void unref_keys(const void *list)
{
	keep_list_unref(list);
}

static bool same_keys(const void *a, const void *b)
{
	return keep_list_equal(a, b);
}

static const void *standing_keys(struct resolver *r, uid_t uid)
{
	return resolver_keep_of(r, uid);
}

static int set_keys(struct resolver *r, uid_t uid, void *list)
{
	return resolver_set_keep(r, uid, list);
}

const struct list_kind list_to_keep = {.what = "keys to keep alive",
	.bytes = KEEP_LIST_BYTES,
	.text = KEEP_TEXT_MAX,
	.read = read_keys,
	.ref = ref_keys,
	.unref = unref_keys,
	.same = same_keys,
	.standing = standing_keys,
	.set = set_keys};
