/* What URLs and media types are made of. */
#include "resolver/http_url.h"

#include <errno.h>
#include <string.h>

static int digit(char c)
{
	return c >= '0' && c <= '9'   ? c - '0'
	       : c >= 'a' && c <= 'f' ? c - 'a' + 10
	       : c >= 'A' && c <= 'F' ? c - 'A' + 10
				      : -1;
}

int http_unescape(struct http_piece in, bool form, char *buf, size_t cap)
{
	size_t n = 0;
	for (size_t i = 0; i < in.len; i++) {
		char c = in.at[i];
		if (c == '%') {
			if (in.len - i < 3 || digit(in.at[i + 1]) < 0 || digit(in.at[i + 2]) < 0)
				return -EINVAL;
			c = (char)(digit(in.at[i + 1]) << 4 | digit(in.at[i + 2]));
			i += 2;
		} else if (form && c == '+') {
			c = ' ';
		}
		if (n == cap)
			return -ENOSPC;
		buf[n++] = c;
	}
	return (int)n;
}

int http_parameter(struct http_piece query, const char *name, char *buf, size_t cap)
{
	struct http_piece value = {0};
	while (query.len) {
		struct http_piece one = http_take(&query, '&');
		if (!one.len || !http_is(http_take(&one, '='), name))
			continue;
		if (value.at)
			return -EEXIST;
		value = one;
	}
	return value.at ? http_unescape(value, true, buf, cap) : -ENOENT;
}

static int letter(char c)
{
	return c >= 'A' && c <= 'Z'   ? c - 'A'
	       : c >= 'a' && c <= 'z' ? c - 'a' + 26
	       : c >= '0' && c <= '9' ? c - '0' + 52
	       : c == '-'	      ? 62
	       : c == '_'	      ? 63
				      : -1;
}

int http_base64url(const char *text, size_t len, uint8_t *buf, size_t cap)
{
	uint32_t bits = 0;
	unsigned held = 0;
	size_t n = 0;
	if (len % 4 == 1)
		return -EINVAL;
	for (size_t i = 0; i < len; i++) {
		int six = letter(text[i]);
		if (six < 0)
			return -EINVAL;
		bits = bits << 6 | (uint32_t)six;
		held += 6;
		if (held < 8)
			continue;
		held -= 8;
		if (n == cap)
			return -ENOSPC;
		buf[n++] = (uint8_t)(bits >> held);
		bits &= (1u << held) - 1;
	}
	return bits ? -EINVAL
		    : (int)n; /* two texts for the same bytes would be two cache entries */
}

bool http_type_is(struct http_piece field, const char *type)
{
	return field.at && http_is_any_case(http_trimmed(http_take(&field, ';')), type);
}

/* "0.7" and the like, in thousandths; what is no quality counts as 1 (RFC 9110, 12.4.2). */
static unsigned quality(struct http_piece p)
{
	unsigned q = 0, unit = 1000;
	if (p.len == 0 || (p.at[0] != '0' && p.at[0] != '1') || (p.len > 1 && p.at[1] != '.'))
		return 1000;
	q = p.at[0] == '1' ? 1000 : 0;
	for (size_t i = 2; i < p.len && unit > 1; i++) {
		if (p.at[i] < '0' || p.at[i] > '9')
			return 1000;
		unit /= 10;
		q += unit * (unsigned)(p.at[i] - '0');
	}
	return q > 1000 ? 1000 : q;
}

/* How closely a range names the type: 3 by name, 2 its group, 1 anything, 0 not at all. */
static unsigned closeness(struct http_piece range, const char *type)
{
	const char *slash = strchr(type, '/');
	size_t group = slash ? (size_t)(slash - type) + 1 : 0;
	if (http_is_any_case(range, type))
		return 3;
	if (http_is(range, "*/*"))
		return 1;
	if (range.len != group + 1 || range.at[group] != '*')
		return 0;
	range.len = group;
	char name[32];
	if (group >= sizeof(name))
		return 0;
	memcpy(name, type, group);
	name[group] = '\0';
	return http_is_any_case(range, name) ? 2 : 0;
}

unsigned http_accepts(struct http_piece accept, const char *type)
{
	unsigned closest = 0, q = 0;
	if (!accept.at)
		return 1000;
	while (accept.len) {
		struct http_piece range = http_take(&accept, ',');
		unsigned close = closeness(http_trimmed(http_take(&range, ';')), type), this = 1000;
		while (range.len) {
			struct http_piece one = http_trimmed(http_take(&range, ';'));
			if (one.len > 1 && (one.at[0] == 'q' || one.at[0] == 'Q') &&
				one.at[1] == '=')
				this = quality((struct http_piece){one.at + 2, one.len - 2});
		}
		if (close > closest) {
			closest = close;
			q = this;
		}
	}
	return closest ? q : 0;
}
