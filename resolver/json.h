/* The text of a record file: one line of JSON out, any of several forms in.
 *
 * Out: stable key order, printable ASCII, newline at the end (design, section 6). In: plain
 * text (a line is `[TTL] RDATA` or a master-file line whose owner is the path's), a JSON string or
 * array of strings, {"ttl","data"}, {"rdata"}, PowerDNS records[].content, octoDNS value/values, a
 * dns-json reply (Answer), the layout of 2009. json-c reads, ldns knows the types; this module
 * owns what both leave open: duplicate keys, NULs, ranges, and every byte that is written. */
#ifndef RESOLVER_JSON_H
#define RESOLVER_JSON_H

#include "resolver/answer.h"

#define JSON_INPUT_MAX 65536 /* of a draft; a record set of 64 kB is larger than any that fits */
#define JSON_DEPTH_MAX 16

/* The line for an answer that has records; malloc'd, *ret_len without a NUL. -ENOMEM, or the
 * answer's own error when it has none. `extra` (may be NULL) is more members, `"k":v,…`. */
int json_write(const struct answer *a, const char *extra, char **ret_text, size_t *ret_len);

/* How far a draft has come (design, "When a write counts"). */
enum json_draft {
	JSON_EMPTY,     /* nothing, or white space only */
	JSON_PARTIAL,   /* may become a record with more bytes */
	JSON_COMPLETE,  /* judge it now: a JSON value has closed, or text ends with a newline */
	JSON_IMPOSSIBLE /* no more bytes can mend it */
};
enum json_draft json_draft(const char *text, size_t len);

/* Judges a whole draft for question q. `standing` (may be NULL) is the set that stood there: where
 * both "data" and "rdata" are given and differ, the one that changed against it wins.
 * 0; -EINVAL (with a reason in ret_why, static text, may be NULL); -EFBIG; -ENOMEM. */
int json_read(const char *text, size_t len, const struct question *q,
	const struct rrset *standing, struct rrset **ret_set, const char **ret_why);

/* Zone-file text of one RDATA, printable ASCII; malloc'd. For explain and for tests too. */
int json_rdata_text(uint16_t type, uint16_t class, const uint8_t *rdata, size_t len,
	char **ret_text);

#endif
