/* File names and presentation form: what is accepted comes back as the same name. */
#undef NDEBUG
#include "resolver/question.h"

#include <assert.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void check_text(const struct name *name)
{
	char text[NAME_TEXT_MAX];
	struct name back;
	assert(name->len >= 1 && name->wire[name->len - 1] == 0);
	size_t n = name_to_text(name, text);
	assert(n == strlen(text));
	for (size_t i = 0; i < n; i++)
		assert(text[i] > ' ' && text[i] < 0x7f && text[i] != '/');
	n = name_to_absolute(name, text);
	assert(name_from_text(text, n, &back) == 0 && name_equal(name, &back));
	size_t offset = 0;
	assert(name_from_wire(name->wire, name->len, &offset, &back) == 0);
	assert(offset == name->len && name_equal(name, &back));
}

static void check_file(const struct name *name)
{
	char file[NAME_FILE_MAX + 1];
	struct name back;
	if (name_to_file(name, file) < 0)
		return;
	assert(file[0] && file[0] != '.');
	assert(name_from_file(file, strlen(file), &back) == 0 && name_equal(name, &back));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct name name;
	uint16_t number;
	uint8_t key[NAME_KEY_LEN];
	char text[NAME_KEY_TEXT + 1], file[NAME_FILE_MAX + 1];
	if (name_from_file((const char *)data, len, &name) == 0) {
		check_text(&name);
		check_file(&name);
		/* Two files are one name only by case and by a final dot. */
		assert(name_to_file(&name, file) == 0 || len == NAME_FILE_MAX);
		size_t same = strnlen(file, len);
		assert(strncasecmp(file, (const char *)data, same) == 0 && len - same <= 1);
	}
	if (name_from_text((const char *)data, len, &name) == 0) {
		check_text(&name);
		check_file(&name);
	}
	size_t offset = 0;
	if (name_from_wire(data, len, &offset, &name) == 0) {
		assert(offset <= len);
		check_text(&name);
		check_file(&name);
	}
	if (key_from_text((const char *)data, len, key) == 0) {
		key_to_text(key, text);
		assert(memcmp(text, data, NAME_KEY_TEXT) == 0);
	}
	if (type_from_text((const char *)data, len, &number))
		assert(strlen(type_to_text(number, text)) == len && memcmp(text, data, len) == 0);
	if (class_from_text((const char *)data, len, &number))
		assert(strlen(class_to_text(number, text)) == len && memcmp(text, data, len) == 0);
	return 0;
}
