/* resolver/pins under whatever a user writes: what is accepted comes back as itself, and what a pin
 * reads is read by it. */
#undef NDEBUG
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "resolver/pins.h"
#include "resolver/text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

struct expected {
	const struct name *name;
	bool seen;
};

static void reader(void *ctx, const struct pin *pin, const struct name *name)
{
	struct expected *e = ctx;
	struct name target;
	assert(pin_target(pin, name, &target) == 0);
	e->seen |= name_equal(name, e->name);
}

/* A name below the suffix. */
static void ask(const struct pin_list *list, const struct pin *pin)
{
	static const struct name www = {.len = 5, .wire = "\003www"};
	struct name name, target;
	struct expected e = {.name = &name};
	uint8_t key[NAME_KEY_LEN];
	if (name_join(&www, &pin->suffix, &name) < 0)
		return;
	if (name_key(&name, key))
		return;
	const struct pin *found = pin_list_find(list, &name);
	assert(found && name_under(&name, &found->suffix) && found->suffix.len >= pin->suffix.len);
	if (pin_target(found, &name, &target) < 0)
		return;
	assert(name_key(&target, key) && memcmp(key, found->key, sizeof(key)) == 0);
	pin_list_readers(list, &target, reader, &e);
	assert(e.seen);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct pins_input in = {.text = (const char *)data, .len = len, .uid = 1};
	struct pins_mistake mistake;
	struct pin_list *list, *again;
	struct text text = {0}, same = {0};
	int r = pin_list_read(&in, &mistake, &list);
	if (r < 0) {
		assert(mistake.line > 0 && (r != -EINVAL || mistake.why[0]));
		return 0;
	}
	pin_list_write(list, "", &text);
	in = (struct pins_input){.text = text.bytes ? text.bytes : "", .len = text.len, .uid = 1};
	assert(text.len <= PINS_TEXT_MAX && pin_list_read(&in, &mistake, &again) == 0);
	pin_list_write(again, "", &same);
	assert(same.len == text.len &&
		(!text.len || memcmp(same.bytes, text.bytes, text.len) == 0));
	for (size_t i = 0; i < pin_list_len(list); i++)
		ask(list, pin_list_at(list, i));
	text_destroy(&text);
	text_destroy(&same);
	pin_list_unref(list);
	pin_list_unref(again);
	return 0;
}
