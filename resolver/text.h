/* Text that grows: what a file, a log line or `explain` will show.
 *
 * Every function here writes printable ASCII only, so that no byte of a stranger's record
 * reaches a terminal as it is. An allocation that fails is remembered and seen once, at the end. */
#ifndef RESOLVER_TEXT_H
#define RESOLVER_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct text { /* all zero is empty */
	char *bytes;
	size_t len, cap;
	bool failed; /* no memory: what was put since is lost */
};

void text_destroy(struct text *t); /* frees what it holds; t is empty then */
/* The caller vouches that these bytes are printable ASCII. */
void text_put(struct text *t, const char *bytes, size_t len);
void text_puts(struct text *t, const char *string);
void text_format(struct text *t, const char *format, ...) __attribute__((format(printf, 2, 3)));
void text_number(struct text *t, uint64_t n); /* decimal; answers have many */
void text_time(struct text *t, int64_t seconds); /* since 1970: 2026-11-23T17:40:00Z */

/* A JSON string with its quotes. `bytes` is UTF-8; what is not becomes U+FFFD. Everything outside
 * printable ASCII is \uXXXX: DEL, C1 and the bidi controls too. `/` stands as it is. */
void text_json_string(struct text *t, const char *bytes, size_t len);
/* A zone file's quoted string: `"`, `\` by a backslash, bytes outside printable ASCII as \DDD. */
void text_zone_string(struct text *t, const uint8_t *bytes, size_t len);
void text_hex(struct text *t, const uint8_t *bytes, size_t len); /* lower case */
void text_base64(struct text *t, const uint8_t *bytes, size_t len);

/* Can a JSON string say it, there and back? UTF-8 without NUL, surrogates or overlong forms. */
bool text_is_utf8(const uint8_t *bytes, size_t len);

#endif
