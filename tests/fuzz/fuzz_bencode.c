/* Fuzz target: bencode. Canonical text has one spelling, so what is read and written again
 * has to be the same bytes; and the accessors stay inside text that nobody checked. */
#undef NDEBUG
#include "dht/bencode.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void copy_value(struct bencode_writer *w, struct bencode v);

static void copy_dict(struct bencode_writer *w, struct bencode dict)
{
	/* A dict has no iterator; with 'l' for 'd' in front its text is a list of keys and values.
	 */
	uint8_t *text = malloc(dict.raw.len);
	struct bencode list = {{text, dict.raw.len}}, key, value, found;
	struct bytes name;
	size_t cursor = 0;
	assert(text);
	memcpy(text, dict.raw.data, dict.raw.len);
	text[0] = 'l';
	bencode_put_open(w, 'd');
	while (bencode_next(list, &cursor, &key)) {
		assert(bencode_string(key, &name));
		assert(bencode_next(list, &cursor, &value));
		bencode_put_string(w, name.data, name.len);
		copy_value(w, value);
		char *asked = malloc(name.len + 1);
		assert(asked);
		memcpy(asked, name.data, name.len);
		asked[name.len] = '\0';
		if (strlen(asked) == name.len) { /* keys with a NUL cannot be asked for */
			assert(bencode_get(dict, asked, &found));
			assert(found.raw.data - dict.raw.data == value.raw.data - text);
			assert(found.raw.len == value.raw.len);
		}
		free(asked);
	}
	bencode_put_close(w);
	free(text);
}

static void copy_value(struct bencode_writer *w, struct bencode v)
{
	struct bytes string;
	int64_t n;
	size_t cursor = 0;
	struct bencode element;
	if (bencode_is_dict(v)) {
		copy_dict(w, v);
	} else if (bencode_is_list(v)) {
		bencode_put_open(w, 'l');
		while (bencode_next(v, &cursor, &element))
			copy_value(w, element);
		bencode_put_close(w);
	} else if (bencode_integer(v, &n)) {
		bencode_put_integer(w, n);
	} else if (bencode_string(v, &string)) {
		bencode_put_string(w, string.data, string.len);
	} else { /* an integer beyond int64_t */
		assert(v.raw.data[0] == 'i');
		bencode_put_raw(w, v.raw.data, v.raw.len);
	}
}

static void poke(const uint8_t *data, size_t len)
{
	struct bencode v = {{data, len}}, found;
	struct bencode_members members;
	struct bytes string;
	int64_t n;
	size_t cursor = 0;
	bencode_get(v, "a", &found);
	bencode_members(v, &members);
	bencode_member(&members, "i", &found);
	bencode_integer(v, &n);
	bencode_string(v, &string);
	while (bencode_next(v, &cursor, &found))
		assert(cursor <= len);
}

/* What was taken apart on the way is what taking it apart afterwards makes of it. */
static void compare(const struct bencode_members *members, struct bencode dict)
{
	struct bencode_members again;
	bencode_members(dict, &again);
	assert(members->len == again.len && members->dict.raw.data == dict.raw.data);
	assert(members->dict.raw.len == dict.raw.len);
	for (size_t i = 0; i < again.len; i++) {
		assert(members->key[i].data == again.key[i].data);
		assert(members->key[i].len == again.key[i].len);
		assert(members->value[i].raw.data == again.value[i].raw.data);
		assert(members->value[i].raw.len == again.value[i].raw.len);
	}
}

static void open_message(const uint8_t *data, size_t len)
{
	static const char *const bodies[] = {"a", "r"};
	struct bencode_message message;
	struct bencode_members other;
	struct bencode v, body;
	if (bencode_open_message(data, len, &message) < 0 || !message.canonical)
		return;
	assert(bencode_open(data, len, &v) == 0);
	compare(&message.top, v);
	for (size_t i = 0; i < 2; i++)
		if (bencode_get(v, bodies[i], &body))
			compare(bencode_body(&message, body, &other), body);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct bencode v;
	poke(data, len);
	open_message(data, len);
	if (bencode_open_prefix(data, len, &v) < 0)
		return 0;
	assert(v.raw.data == data && v.raw.len <= len);
	uint8_t *copy = malloc(v.raw.len);
	struct bencode_writer w;
	assert(copy);
	bencode_begin(&w, copy, v.raw.len);
	copy_value(&w, v);
	assert(bencode_end(&w) == (int)v.raw.len);
	assert(memcmp(copy, data, v.raw.len) == 0);
	free(copy);
	return 0;
}
