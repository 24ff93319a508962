/* Where a JSON value ends, found before json-c sees it, and with it what json-c lets pass:
 * \u0000, lone surrogates, raw control characters, duplicate keys (by counting members), depth. */
#ifndef RESOLVER_JSON_SCAN_H
#define RESOLVER_JSON_SCAN_H

#include "resolver/json.h"

struct json_scan {
	size_t len;	/* of the value */
	size_t members; /* of all objects in it, as written */
};

/* The value that begins at text[0] with `{`, `[` or `"`. JSON_PARTIAL, JSON_COMPLETE (fills
 * *ret_scan) or JSON_IMPOSSIBLE. Only strings and brackets are judged; the rest is json-c's. */
enum json_draft json_scan(const char *text, size_t len, struct json_scan *ret_scan);
/* Index of the first byte from `at` on that is not JSON's white space, or len. */
size_t json_skip_space(const char *text, size_t len, size_t at);

#endif
