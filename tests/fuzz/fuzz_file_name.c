/* File names and presentation form: what is accepted comes back as the same name. */
#undef NDEBUG
#include "resolver/question.h"

#include <assert.h>
#include <string.h>

#include "resolver/idn.h"

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

static bool has_high_bytes(const uint8_t *data, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (data[i] >= 0x80)
			return true;
	return false;
}

/* What is made of UTF-8 is letters, digits and hyphens, and means the same again. */
static void check_idn(const char *text, size_t len)
{
	char ascii[NAME_FILE_MAX], again[NAME_FILE_MAX];
	size_t n, m;
	if (!has_high_bytes((const uint8_t *)text, len) ||
		idn_to_ascii(text, len, ascii, sizeof(ascii), &n) < 0)
		return;
	assert(n <= sizeof(ascii) && !has_high_bytes((const uint8_t *)ascii, n));
	assert(idn_to_ascii(ascii, n, again, sizeof(again), &m) == 0);
	assert(m == n && memcmp(ascii, again, n) == 0);
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
		assert(name_to_file(&name, file) == 0 || len == NAME_FILE_MAX);
		/* Two files are one name only by case, by a final dot, and in UTF-8. */
		size_t same = strnlen(file, len);
		assert(has_high_bytes(data, len) ||
			(strncasecmp(file, (const char *)data, same) == 0 && len - same <= 1));
	}
	if (name_from_text((const char *)data, len, &name) == 0) {
		check_text(&name);
		check_file(&name);
	}
	check_idn((const char *)data, len);
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
