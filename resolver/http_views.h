/* A DNS reply of ours in the layouts of JSON that others have for it.
 *
 * Each is made from the very bytes that the DNS door would send (flags, TTLs counted down, its
 * OPT), so that no layout can say what another does not. */
#ifndef RESOLVER_HTTP_VIEWS_H
#define RESOLVER_HTTP_VIEWS_H

#include "resolver/text.h"

/* `reply` is a reply that we wrote. A text that `failed` is worth nothing. */

/* application/dns-json, as Google and Cloudflare have it. */
void view_dns_json(const uint8_t *reply, size_t len, struct text *t);
/* application/dns+json, RFC 8427. */
void view_rfc8427(const uint8_t *reply, size_t len, struct text *t);
/* The program of 2009: three lists of records; or the data alone of those that answer. */
void view_proxy_2009(const uint8_t *reply, size_t len, struct text *t);
void view_short_2009(const uint8_t *reply, size_t len, struct text *t);
/* Its word for what went wrong, and the status of HTTP; NULL: nothing did. `late`: SERVFAIL because
 * nobody answered in time. */
const char *view_error_2009(unsigned rcode, bool late, unsigned *ret_status);

/* For how many seconds a cache may keep it (RFC 8484, 5.1): the least TTL of its answers, without
 * any what its SOA says, else 0. */
uint32_t view_max_age(const uint8_t *reply, size_t len);

#endif
