/* The text of a record file: one line of JSON out, any of several forms in.
 *
 * Out: stable key order, printable ASCII, newline at the end (design, section 6). In: plain
 * text (a line is `[TTL] RDATA` or a master-file line whose owner is the path's), a JSON string or
 * array of strings, {"ttl","data"}, {"rdata"}, PowerDNS records[].content, octoDNS value/values, a
 * dns-json reply (Answer), the layout of 2009. Several lines or values are one set.
 *
 * What is doubtful is refused, with a reason: a member that no read adds, a key twice, two TTLs, a
 * first number that may be a TTL or data. Names in RDATA are absolute with or without their final
 * dot. In `rdata` texts are plain, and what no field can say is {"hex":"…"} (rdata_fields.h).
 *
 * The files: json_scan finds where values end; json reads drafts by json_lines (text), json_forms
 * (sets) and json_replies (dns-json, 2009); json_write writes; under them rdata_text and rdata_fields,
 * both by the table of types in rdata. json-c reads JSON, ldns knows the rarer types; every byte that is
 * written is made in text. */
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
	JSON_PARTIAL,   /* may become a record with more bytes: comments alone, a line without its
	                 * newline, a JSON value that is open */
	JSON_COMPLETE,  /* judge it now: a JSON value has closed, or text ends with a newline */
	JSON_IMPOSSIBLE /* no more bytes can mend it */
};
/* Looks at all of it, 0.2 ms at most. COMPLETE promises only that json_read has something to judge. */
enum json_draft json_draft(const char *text, size_t len);

/* Judges a whole draft for question q. `standing` (may be NULL) is the set that stood there: where
 * both "data" and "rdata" are given and differ, the one that changed against it wins.
 * 0; -EINVAL; -EFBIG (over JSON_INPUT_MAX, 2048 records or a DNS message); -ENOMEM. *ret_why (may be
 * NULL) is the reason, a static text, or NULL after 0. */
int json_read(const char *text, size_t len, const struct question *q,
	const struct rrset *standing, struct rrset **ret_set, const char **ret_why);

/* What json_read checks of a whole set, for one that was put together otherwise. Returns and reasons
 * as there. */
int json_check(const struct rrset *set, const char **ret_why);

/* Zone-file text of one RDATA, printable ASCII; malloc'd. For explain and for tests too. What is not the shape
 * of its type is `\# LENGTH HEX`. 0 or -ENOMEM. */
int json_rdata_text(uint16_t type, uint16_t class, const uint8_t *rdata, size_t len,
	char **ret_text);

#endif
