/* Text that grows, and the only functions that write a stranger's bytes into it. */
#include "resolver/text.h"

#include <openssl/evp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

void text_destroy(struct text *t)
{
	free(t->bytes);
	*t = (struct text){0};
}

static bool text_reserve(struct text *t, size_t more)
{
	if (t->failed || more > SIZE_MAX / 2 - t->len) {
		t->failed = true;
		return false;
	}
	if (t->cap - t->len >= more)
		return true;
	size_t cap = t->cap ? t->cap : 256;
	while (cap - t->len < more)
		cap *= 2;
	char *bytes = realloc(t->bytes, cap);
	if (!bytes) {
		t->failed = true;
		return false;
	}
	t->bytes = bytes;
	t->cap = cap;
	return true;
}

void text_put(struct text *t, const char *bytes, size_t len)
{
	if (len == 0 || !text_reserve(t, len))
		return;
	memcpy(t->bytes + t->len, bytes, len);
	t->len += len;
}

void text_puts(struct text *t, const char *string)
{
	text_put(t, string, strlen(string));
}

/* Only for short things, numbers mostly: what is longer than the buffer is a mistake of ours. */
void text_format(struct text *t, const char *format, ...)
{
	char buf[256];
	va_list args;
	va_start(args, format);
	int n = vsnprintf(buf, sizeof(buf), format, args);
	va_end(args);
	if (n < 0 || (size_t)n >= sizeof(buf))
		t->failed = true;
	else
		text_put(t, buf, (size_t)n);
}

void text_number(struct text *t, uint64_t n)
{
	char digits[20], *at = digits + sizeof(digits);
	do
		*--at = (char)('0' + n % 10);
	while (n /= 10);
	text_put(t, at, (size_t)(digits + sizeof(digits) - at));
}

void text_time(struct text *t, int64_t seconds)
{
	char buf[32] = "?";
	time_t time = (time_t)seconds;
	struct tm tm;
	if (gmtime_r(&time, &tm))
		strftime(buf, sizeof(buf), "%Y-%m-%dT%H:%M:%SZ", &tm);
	text_puts(t, buf);
}

/* Decodes one character at bytes[0]; its length, or 0 when it is not UTF-8 (RFC 3629). */
static size_t utf8_decode(const uint8_t *bytes, size_t len, uint32_t *ret_code)
{
	static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
	uint8_t first = bytes[0];
	size_t n = first < 0x80	      ? 1
		   : first >> 5 == 6  ? 2
		   : first >> 4 == 14 ? 3
		   : first >> 3 == 30 ? 4
				      : 0;
	if (n == 0 || n > len)
		return 0;
	uint32_t code = n == 1 ? first : first & (0x7fu >> n);
	for (size_t i = 1; i < n; i++) {
		if (bytes[i] >> 6 != 2)
			return 0;
		code = code << 6 | (bytes[i] & 0x3f);
	}
	if (code < least[n] || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff))
		return 0;
	*ret_code = code;
	return n;
}

bool text_is_utf8(const uint8_t *bytes, size_t len)
{
	uint32_t code = 0;
	for (size_t i = 0; i < len;) {
		size_t n = utf8_decode(bytes + i, len - i, &code);
		if (n == 0 || code == 0)
			return false;
		i += n;
	}
	return true;
}

static void put_json_code(struct text *t, uint32_t code)
{
	char c = (char)code;
	if (code == '"' || code == '\\') {
		text_put(t, "\\", 1);
		text_put(t, &c, 1);
	} else if (code >= 0x20 && code < 0x7f) {
		text_put(t, &c, 1);
	} else if (code < 0x10000) {
		text_format(t, "\\u%04x", code);
	} else {
		code -= 0x10000;
		text_format(t, "\\u%04x\\u%04x", 0xd800 | code >> 10, 0xdc00 | (code & 0x3ff));
	}
}

static bool is_json_as_it_is(char c)
{
	return c >= 0x20 && c < 0x7f && c != '"' && c != '\\';
}

void text_json_string(struct text *t, const char *bytes, size_t len)
{
	text_put(t, "\"", 1);
	for (size_t i = 0, from; i < len;) {
		for (from = i; i < len && is_json_as_it_is(bytes[i]); i++)
			;
		text_put(t, bytes + from, i - from);
		if (i == len)
			break;
		uint32_t code = 0;
		size_t n = utf8_decode((const uint8_t *)bytes + i, len - i, &code);
		put_json_code(t, n ? code : 0xfffd);
		i += n ? n : 1;
	}
	text_put(t, "\"", 1);
}

void text_zone_string(struct text *t, const uint8_t *bytes, size_t len)
{
	text_put(t, "\"", 1);
	for (size_t i = 0; i < len; i++) {
		/* A `"` in front is \034, so that the line `"\034a"` cannot be taken for a JSON
		 * string whose content is a quoted string in turn. */
		if (bytes[i] < 0x20 || bytes[i] >= 0x7f || (i == 0 && bytes[i] == '"')) {
			text_format(t, "\\%03u", bytes[i]);
			continue;
		}
		if (bytes[i] == '"' || bytes[i] == '\\')
			text_put(t, "\\", 1);
		text_put(t, (const char *)bytes + i, 1);
	}
	text_put(t, "\"", 1);
}

void text_hex(struct text *t, const uint8_t *bytes, size_t len)
{
	static const char digits[] = "0123456789abcdef";
	for (size_t i = 0; i < len; i++) {
		char pair[2] = {digits[bytes[i] >> 4], digits[bytes[i] & 15]};
		text_put(t, pair, 2);
	}
}

void text_base64(struct text *t, const uint8_t *bytes, size_t len)
{
	/* In pieces of a multiple of three, so that only the last one is padded. */
	for (size_t i = 0; i < len; i += 48) {
		uint8_t piece[65];
		int n = EVP_EncodeBlock(piece, bytes + i, (int)(len - i < 48 ? len - i : 48));
		text_put(t, (const char *)piece, (size_t)n);
	}
}
