/* DNS names as text: presentation form, the file names of the mount, and public keys. */
#include "resolver/name.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

#include "resolver/idn.h"

#define LABEL_MAX 63

static uint8_t fold(uint8_t c)
{
	return c >= 'A' && c <= 'Z' ? (uint8_t)(c - 'A' + 'a') : c;
}

/* Bytes that stand for themselves in every text of ours. The dot between labels is none. */
static bool is_plain(uint8_t c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* One byte at text[*at], which may be an escape. */
static int read_byte(const char *text, size_t len, size_t *at, uint8_t *ret_byte)
{
	if (text[*at] != '\\') {
		*ret_byte = (uint8_t)text[(*at)++];
		return 0;
	}
	const char *escape = text + *at + 1;
	size_t left = len - *at - 1;
	if (left == 0)
		return -EINVAL;
	if (!is_digit(escape[0])) {
		*ret_byte = (uint8_t)escape[0];
		*at += 2;
		return 0;
	}
	if (left < 3 || !is_digit(escape[1]) || !is_digit(escape[2]))
		return -EINVAL;
	int value = (escape[0] - '0') * 100 + (escape[1] - '0') * 10 + (escape[2] - '0');
	if (value > 255)
		return -EINVAL;
	*ret_byte = (uint8_t)value;
	*at += 4;
	return 0;
}

/* One label at text[*at], up to a dot or the end; label[0] is its length. */
static int read_label(const char *text, size_t len, size_t *at, uint8_t label[1 + LABEL_MAX])
{
	size_t n = 0;
	while (*at < len && text[*at] != '.') {
		uint8_t byte;
		int r = read_byte(text, len, at, &byte);
		if (r < 0)
			return r;
		if (n == LABEL_MAX)
			return -ENAMETOOLONG;
		label[1 + n++] = fold(byte);
	}
	label[0] = (uint8_t)n;
	return n ? 0 : -EINVAL;
}

int name_from_text(const char *text, size_t len, struct name *ret_name)
{
	size_t at = len == 1 && text[0] == '.' ? 1 : 0, out = 0;
	if (len == 0)
		return -EINVAL;
	while (at < len) {
		uint8_t label[1 + LABEL_MAX];
		int r = read_label(text, len, &at, label);
		if (r < 0)
			return r;
		if (out + 1 + label[0] + 1 > NAME_WIRE_MAX) /* and the root */
			return -ENAMETOOLONG;
		memcpy(ret_name->wire + out, label, 1u + label[0]);
		out += 1u + label[0];
		if (at < len)
			at++; /* the dot; the last one may end the text */
	}
	ret_name->wire[out++] = 0;
	ret_name->len = (uint8_t)out;
	return 0;
}

size_t name_to_text(const struct name *name, char ret_text[NAME_TEXT_MAX])
{
	char *p = ret_text;
	for (const uint8_t *label = name->wire; *label; label += 1 + *label) {
		if (p != ret_text)
			*p++ = '.';
		for (uint8_t i = 1; i <= *label; i++) {
			uint8_t c = label[i];
			if (is_plain(c)) {
				*p++ = (char)c;
				continue;
			}
			*p++ = '\\';
			*p++ = (char)('0' + c / 100);
			*p++ = (char)('0' + c / 10 % 10);
			*p++ = (char)('0' + c % 10);
		}
	}
	*p = '\0';
	return (size_t)(p - ret_text);
}

size_t name_to_absolute(const struct name *name, char ret_text[NAME_TEXT_MAX])
{
	size_t len = name_to_text(name, ret_text);
	ret_text[len++] = '.';
	ret_text[len] = '\0';
	return len;
}

/* A text and its length: every name that is looked up is compared with all of them. */
struct word {
	size_t len;
	const char *text;
};
#define WORD(text)                                                                                 \
	{                                                                                          \
		sizeof(text) - 1, text                                                             \
	}

/* Asked for in every directory by desktops, shells and build tools. Only names whose last label
 * is no top-level domain: setup.py and meson.build may be somebody's. */
static const struct word probes[] = {
	WORD("albumart.jpg"),
	WORD("autorun.inf"),
	WORD("bower.json"),
	WORD("build.gradle"),
	WORD("build.xml"),
	WORD("cargo.toml"),
	WORD("cmakelists.txt"),
	WORD("composer.json"),
	WORD("cover.jpg"),
	WORD("deno.json"),
	WORD("desktop.ini"),
	WORD("docker-compose.yaml"),
	WORD("docker-compose.yml"),
	WORD("ehthumbs.db"),
	WORD("folder.gif"),
	WORD("folder.jpg"),
	WORD("folder.png"),
	WORD("go.mod"),
	WORD("lerna.json"),
	WORD("package-lock.json"),
	WORD("package.json"),
	WORD("pnpm-workspace.yaml"),
	WORD("pom.xml"),
	WORD("pyproject.toml"),
	WORD("requirements.txt"),
	WORD("thumbs.db"),
	WORD("tsconfig.json"),
};
/* What editors and scripts append to the name that they are about to replace
 * (`jq … f > f.tmp && mv f.tmp f`): a record of that name would be published for a moment. */
static const struct word temporary[] = {
	WORD(".bak"),
	WORD(".lock"),
	WORD(".orig"),
	WORD(".part"),
	WORD(".rej"),
	WORD(".swo"),
	WORD(".swp"),
	WORD(".swx"),
	WORD(".temp"),
	WORD(".tmp"),
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* The last byte first, in which almost all names differ from almost all words. */
static bool ends_in(const char *file, size_t len, const struct word *w)
{
	return len >= w->len && fold((uint8_t)file[len - 1]) == (uint8_t)w->text[w->len - 1] &&
	       strncasecmp(file + len - w->len, w->text, w->len) == 0;
}

bool name_is_probe(const char *file, size_t len)
{
	for (size_t i = 0; i < COUNT(probes); i++)
		if (len == probes[i].len && ends_in(file, len, &probes[i]))
			return true;
	for (size_t i = 0; i < COUNT(temporary); i++)
		if (len > temporary[i].len && ends_in(file, len, &temporary[i]))
			return true;
	return false;
}

/* One label, that is no key: without a final dot a private file. */
static bool is_private_label(const struct name *name)
{
	uint8_t key[NAME_KEY_LEN];
	return name->wire[1 + name->wire[0]] == 0 && !name_key(name, key);
}

/* Would this text, without a final dot, be taken for a file that is no record? */
static bool needs_dot(const struct name *name, const char *text, size_t len)
{
	return is_private_label(name) || name_is_probe(text, len);
}

int name_to_file(const struct name *name, char ret_file[NAME_FILE_MAX + 1])
{
	char text[NAME_TEXT_MAX];
	size_t len = name_to_text(name, text);
	if (len == 0)
		text[len++] = '@';
	else if (needs_dot(name, text, len))
		text[len++] = '.';
	if (len > NAME_FILE_MAX)
		return -ENAMETOOLONG;
	memcpy(ret_file, text, len);
	ret_file[len] = '\0';
	return 0;
}

/* Is this the spelling that name_to_file would choose, case aside? With no second way to write a
 * byte, two files are never one name, and odd bytes, globs and `\.` are refused. */
static bool is_spelled_so(const struct name *name, const char *file, size_t len)
{
	char text[NAME_TEXT_MAX];
	if (name_to_text(name, text) != len)
		return false;
	for (size_t i = 0; i < len; i++)
		if ((uint8_t)text[i] != fold((uint8_t)file[i]))
			return false;
	return true;
}

/* A file name in ASCII. `plain`: of bytes that stand for themselves, and dots. */
static int name_from_ascii(const char *file, size_t len, bool plain, struct name *ret_name)
{
	if (len == 1 && file[0] == '@') {
		*ret_name = (struct name){.len = 1};
		return 0;
	}
	bool dotted = file[len - 1] == '.';
	len -= dotted;
	/* Before the length of a label counts: a long scratch name is still a scratch name. */
	if (len == 0 || (!dotted && len != NAME_KEY_TEXT && !memchr(file, '.', len)) ||
		(!dotted && name_is_probe(file, len)))
		return -EINVAL;
	int r = name_from_text(file, len, ret_name);
	if (r < 0)
		return r;
	/* Plain bytes have one spelling, but for a second final dot. */
	if (plain ? file[len - 1] == '.' : !is_spelled_so(ret_name, file, len))
		return -EINVAL;
	return !dotted && is_private_label(ret_name) ? -EINVAL : 0;
}

/* What the bytes of a file name are: nearly always plain, which one look at each tells. */
struct bytes {
	bool plain; /* each stands for itself, or is a dot */
	bool high;  /* some are above 0x7f */
};

static struct bytes look_at(const char *text, size_t len)
{
	struct bytes found = {true, false};
	for (size_t i = 0; i < len; i++) {
		uint8_t c = fold((uint8_t)text[i]);
		if (is_plain(c) || c == '.')
			continue;
		found.plain = false;
		found.high |= c >= 0x80;
	}
	return found;
}

int name_from_file(const char *file, size_t len, struct name *ret_name)
{
	char ascii[NAME_FILE_MAX];
	if (len > NAME_FILE_MAX)
		return -ENAMETOOLONG;
	if (len == 0 || file[len - 1] == '~')
		return -EINVAL;
	struct bytes bytes = look_at(file, len);
	if (!bytes.high)
		return name_from_ascii(file, len, bytes.plain, ret_name);
	int r = idn_to_ascii(file, len, ascii, sizeof(ascii), &len);
	return r < 0 ? r : name_from_ascii(ascii, len, false, ret_name);
}

static const char zbase32[] = "ybndrfg8ejkmcpqxot1uwisza345h769";

void key_to_text(const uint8_t key[NAME_KEY_LEN], char ret_text[NAME_KEY_TEXT + 1])
{
	unsigned bits = 0, have = 0, at = 0;
	for (unsigned i = 0; i < NAME_KEY_TEXT; i++) {
		if (have < 5) { /* behind the last byte come the four spare bits, zero */
			bits = bits << 8 | (at < NAME_KEY_LEN ? key[at] : 0);
			at++;
			have += 8;
		}
		have -= 5;
		ret_text[i] = zbase32[bits >> have & 31];
	}
	ret_text[NAME_KEY_TEXT] = '\0';
}

int key_from_text(const char *text, size_t len, uint8_t ret_key[NAME_KEY_LEN])
{
	if (len != NAME_KEY_TEXT)
		return -EINVAL;
	unsigned bits = 0, have = 0, at = 0;
	for (size_t i = 0; i < len; i++) {
		const char *digit = memchr(zbase32, text[i], sizeof(zbase32) - 1);
		if (!digit)
			return -EINVAL;
		bits = bits << 5 | (unsigned)(digit - zbase32);
		have += 5;
		if (have >= 8) {
			have -= 8;
			ret_key[at++] = (uint8_t)(bits >> have);
		}
	}
	/* Spare bits that are not zero would give one key sixteen names. */
	return bits & ((1u << have) - 1) ? -EINVAL : 0;
}

void key_to_name(const uint8_t key[NAME_KEY_LEN], struct name *ret_name)
{
	char text[NAME_KEY_TEXT + 1];
	key_to_text(key, text);
	ret_name->wire[0] = NAME_KEY_TEXT;
	memcpy(ret_name->wire + 1, text, NAME_KEY_TEXT);
	ret_name->wire[1 + NAME_KEY_TEXT] = 0;
	ret_name->len = NAME_KEY_TEXT + 2;
}

bool name_key(const struct name *name, uint8_t ret_key[NAME_KEY_LEN])
{
	const uint8_t *last = name->wire;
	for (const uint8_t *label = name->wire; *label; label += 1 + *label)
		last = label;
	return key_from_text((const char *)last + 1, *last, ret_key) == 0;
}
