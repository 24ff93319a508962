/* The scanner of drafts: strings, escapes, brackets. */
#include "resolver/json_scan.h"

#include <string.h>

size_t json_skip_space(const char *text, size_t len, size_t at)
{
	while (at < len && text[at] && strchr(" \t\r\n", text[at]))
		at++;
	return at;
}

static int hex_value(char c)
{
	static const char digits[] = "0123456789abcdef0123456789ABCDEF";
	const char *p = c ? strchr(digits, c) : NULL;
	return p ? (int)((p - digits) & 15) : -1;
}

/* The four digits behind a \u. */
static enum json_draft scan_code(const char *text, size_t len, size_t *pos, unsigned *ret_code)
{
	*ret_code = 0;
	for (int i = 0; i < 4; i++) {
		if (*pos == len)
			return JSON_PARTIAL;
		int digit = hex_value(text[(*pos)++]);
		if (digit < 0)
			return JSON_IMPOSSIBLE;
		*ret_code = *ret_code << 4 | (unsigned)digit;
	}
	return JSON_COMPLETE;
}

static enum json_draft scan_escape(const char *text, size_t len, size_t *pos)
{
	unsigned code, low;
	if (*pos == len)
		return JSON_PARTIAL;
	char c = text[(*pos)++];
	if (c != 'u')
		return c && strchr("\"\\/bfnrt", c) ? JSON_COMPLETE : JSON_IMPOSSIBLE;
	enum json_draft d = scan_code(text, len, pos, &code);
	if (d != JSON_COMPLETE || code < 0xd800 || code > 0xdfff)
		return d == JSON_COMPLETE && code == 0 ? JSON_IMPOSSIBLE : d;
	/* Half a character: json-c would make it U+FFFD without a word. */
	for (const char *p = "\\u"; *p; p++) {
		if (*pos == len)
			return code < 0xdc00 ? JSON_PARTIAL : JSON_IMPOSSIBLE;
		if (text[(*pos)++] != *p)
			return JSON_IMPOSSIBLE;
	}
	d = scan_code(text, len, pos, &low);
	if (d == JSON_COMPLETE && (code >= 0xdc00 || low < 0xdc00 || low > 0xdfff))
		return JSON_IMPOSSIBLE;
	return d;
}

/* From behind the opening quote to behind the closing one. */
static enum json_draft scan_string(const char *text, size_t len, size_t *pos)
{
	while (*pos < len) {
		uint8_t c = (uint8_t)text[(*pos)++];
		if (c == '"')
			return JSON_COMPLETE;
		if (c < 0x20)
			return JSON_IMPOSSIBLE;
		enum json_draft d = c == '\\' ? scan_escape(text, len, pos) : JSON_COMPLETE;
		if (d != JSON_COMPLETE)
			return d;
	}
	return JSON_PARTIAL;
}

static bool is_plain(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       (c && strchr(" \t\r\n,:+-.", c));
}

enum json_draft json_scan(const char *text, size_t len, struct json_scan *ret_scan)
{
	char closers[JSON_DEPTH_MAX];
	unsigned depth = 0;
	size_t pos = 0;
	*ret_scan = (struct json_scan){0};
	while (pos < len) {
		char c = text[pos++];
		enum json_draft d = JSON_COMPLETE;
		if (c == '"') {
			d = scan_string(text, len, &pos);
		} else if (c == '{' || c == '[') {
			if (depth == JSON_DEPTH_MAX)
				return JSON_IMPOSSIBLE;
			closers[depth++] = c == '{' ? '}' : ']';
		} else if (c == '}' || c == ']') {
			if (depth == 0 || closers[--depth] != c)
				return JSON_IMPOSSIBLE;
		} else if (!is_plain(c)) {
			return JSON_IMPOSSIBLE;
		}
		if (d != JSON_COMPLETE)
			return d;
		ret_scan->members += c == ':';
		if (depth == 0) {
			ret_scan->len = pos;
			return JSON_COMPLETE;
		}
	}
	return JSON_PARTIAL;
}
