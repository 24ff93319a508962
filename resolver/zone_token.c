/* The words of a zone file's line: spaces, quotes, escapes, comments. */
#include "resolver/zone_token.h"

#include <errno.h>
#include <stdbool.h>

static bool is_space(char c)
{
	return c == ' ' || c == '\t';
}

/* Moves *pos behind the quoted part that starts there. */
static int skip_quoted(const struct zone_line *line, size_t *pos)
{
	for (size_t i = *pos + 1; i < line->len; i++) {
		uint8_t c = (uint8_t)line->text[i];
		if (c == '\\' && i + 1 < line->len) {
			c = (uint8_t)line->text[++i];
		} else if (c == '"') {
			*pos = i + 1;
			return 0;
		}
		if ((c < 0x20 && c != '\t') || c == 0x7f)
			return -EINVAL;
	}
	return -EINVAL;
}

int zone_token_next(struct zone_line *line, struct zone_token *ret_token)
{
	size_t i = line->pos;
	while (i < line->len && is_space(line->text[i]))
		i++;
	line->pos = i;
	if (i == line->len || line->text[i] == ';')
		return 0;

	bool quoted = line->text[i] == '"';
	while (i < line->len && !is_space(line->text[i]) && line->text[i] != ';') {
		uint8_t c = (uint8_t)line->text[i];
		if (c == '"') {
			if (skip_quoted(line, &i) < 0)
				return -EINVAL;
			if (quoted)
				break;
			continue;
		}
		if (c == '\\' && ++i < line->len)
			c = (uint8_t)line->text[i];
		else if (c == '\\' || c == '(' || c == ')')
			return -EINVAL;
		if (c < 0x20 || c >= 0x7f)
			return -EINVAL;
		i++;
	}
	*ret_token = (struct zone_token){line->text + line->pos, i - line->pos};
	/* "a"b is a slip of the hand; "a""b" is usual, and two words. */
	if (quoted && i < line->len && !is_space(line->text[i]) && line->text[i] != ';' &&
		line->text[i] != '"')
		return -EINVAL;
	line->pos = i;
	return 1;
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

int zone_unescape(const char *text, size_t len, size_t *pos)
{
	size_t i = *pos;
	if (text[i] != '\\') {
		*pos = i + 1;
		return (uint8_t)text[i];
	}
	if (++i == len)
		return -EINVAL;
	if (!is_digit(text[i])) {
		*pos = i + 1;
		return (uint8_t)text[i];
	}
	if (len - i < 3 || !is_digit(text[i + 1]) || !is_digit(text[i + 2]))
		return -EINVAL;
	int byte = (text[i] - '0') * 100 + (text[i + 1] - '0') * 10 + (text[i + 2] - '0');
	*pos = i + 3;
	return byte <= 255 ? byte : -EINVAL;
}

int zone_string(struct zone_token token, uint8_t *ret_bytes, size_t cap)
{
	const char *text = token.text;
	size_t len = token.len, n = 0;
	if (len >= 2 && text[0] == '"') { /* the lexer saw that it closes, at its end */
		text++;
		len -= 2;
	}
	for (size_t i = 0; i < len;) {
		if (text[i] == '"')
			return -EINVAL;
		int byte = zone_unescape(text, len, &i);
		if (byte < 0)
			return byte;
		if (n == cap)
			return -EFBIG;
		ret_bytes[n++] = (uint8_t)byte;
	}
	return (int)n;
}

int zone_number(struct zone_token token, uint32_t max, uint32_t *ret_number)
{
	uint64_t number = 0;
	if (token.len == 0 || token.len > 10) /* no 32-bit number is longer */
		return -EINVAL;
	for (size_t i = 0; i < token.len; i++) {
		if (!is_digit(token.text[i]))
			return -EINVAL;
		number = number * 10 + (uint64_t)(token.text[i] - '0');
	}
	if (number > max)
		return -EINVAL;
	*ret_number = (uint32_t)number;
	return 0;
}
