/* What the HTTP server of 2009 says to /PROXY/IN/TYPE/NAME, as a DNS message: three lists of
 * records in JSON (answers, authority, additional), or a status that stands for an rcode. */
#ifndef RESOLVER_JSON_2009_H
#define RESOLVER_JSON_2009_H

#include <stddef.h>
#include <stdint.h>

struct reply_2009 {
	long status; /* of HTTP */
	const char *text;
	size_t len; /* JSON_INPUT_MAX at most */
};
/* `question`: header and question of a query. Length of the message in ret_message, which holds
 * PACKET_MAX bytes; or -EBADMSG, -ENOMEM: with a reason, a static text.
 *
 * 404 is NXDOMAIN, 403 REFUSED, 400 FORMERR; 408, 500 and 502, the resolver's own failures of then,
 * SERVFAIL. Records of other classes are passed over, and so are those that the server could not
 * write ("notimplemented"): but where it is those that were asked for, that is SERVFAIL and no
 * denial. */
int json_2009_message(const struct reply_2009 *reply, const uint8_t *question, size_t question_len,
	uint8_t *ret_message, const char **ret_why);

#endif
