/* One RDATA as a JSON object by field, there and back.
 *
 * Fields and their names are the table's in rdata.c: numbers are numbers, names and addresses are
 * strings as in zone text, texts are the text itself (no \DDD), digests are hex, SvcParams an
 * object. What a field cannot say, because its type is not in the table or a text is not UTF-8, is
 * {"hex":"…"}, which is read for every type. */
#ifndef RESOLVER_RDATA_FIELDS_H
#define RESOLVER_RDATA_FIELDS_H

#include "resolver/rdata.h"

struct json_object;

void rdata_to_fields(uint16_t type, const uint8_t *rdata, size_t len, struct text *t);
/* The same as /SHORT gave it in 2009: names without their final dot, the texts of a TXT one string
 * if they are one, and between the fields "__type__" and "ttl". */
void rdata_to_payload(
	uint16_t type, uint32_t ttl, const uint8_t *rdata, size_t len, struct text *t);
/* Members "__type__" (and with it "ttl") of the layout of 2009 are passed over; others that the
 * type does not have are an error. 0, or -EINVAL, -EFBIG, -ENOMEM with a static text in *ret_why.
 */
int rdata_from_fields(
	uint16_t type, struct json_object *object, struct rdata *ret_rdata, const char **ret_why);

#endif
