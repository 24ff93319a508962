/* What a relay does to DNS messages that it passes on: it knows a query's question again in the
 * reply, and pads queries (RFC 7830, 8467). It reads no further. */
#ifndef RESOLVER_RELAY_MESSAGE_H
#define RESOLVER_RELAY_MESSAGE_H

#include "resolver/packet.h"

#define RELAY_PAD_BLOCK 128  /* RFC 8467, 4.1: what clients pad to */
#define RELAY_QUERY_MAX 1024 /* libunbound's have 300 at most */

/* Header and question: the length of both. -EBADMSG: no query with one question. */
int relay_query_read(const uint8_t *message, size_t len);
/* The query with its OPT padded, or as it is where it has none, or where there is no room. Length.
 */
size_t relay_query_pad(const uint8_t *message, size_t len, uint8_t ret_padded[RELAY_QUERY_MAX]);
/* Is that a reply to this header and question, whatever its id? */
bool relay_is_reply(
	const uint8_t *message, size_t len, const uint8_t *question, size_t question_len);
/* SERVFAIL for them, in as many bytes; ret_reply may be `question`. */
void relay_servfail(const uint8_t *question, size_t question_len, uint8_t *ret_reply);

#endif
