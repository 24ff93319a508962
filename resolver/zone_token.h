/* The words of a zone file's line (RFC 1035 5.1), one at a time, with their escapes as written.
 *
 * One line is one record here: parentheses, which would join lines, are refused. */
#ifndef RESOLVER_ZONE_TOKEN_H
#define RESOLVER_ZONE_TOKEN_H

#include <stddef.h>
#include <stdint.h>

struct zone_line {
	const char *text;
	size_t len, pos;
};

/* As written, quotes and escapes included; key="a b" is one word. */
struct zone_token {
	const char *text;
	size_t len;
};

/* 1, 0 at the end of the line or at a comment, -EINVAL: a quote that stays open, a parenthesis, a
 * control character, or a byte above 0x7e outside quotes. */
int zone_token_next(struct zone_line *line, struct zone_token *ret_token);

/* The byte that text[*pos] or its escape \DDD or \X stands for, and moves *pos behind it; -EINVAL.
 */
int zone_unescape(const char *text, size_t len, size_t *pos);
/* The bytes that a word stands for, without its quotes. Length, -EINVAL, or -EFBIG above cap. */
int zone_string(struct zone_token token, uint8_t *ret_bytes, size_t cap);
/* A decimal number of digits only, at most max. 0 or -EINVAL. */
int zone_number(struct zone_token token, uint32_t max, uint32_t *ret_number);

#endif
