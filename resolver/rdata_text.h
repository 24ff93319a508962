/* One RDATA in zone-file text, there and back.
 *
 * Types of the table in rdata.c are read and written here, strictly; the others by ldns; those that
 * ldns does not know as RFC 3597 `\# LENGTH HEX`, which is read for every type. Names are
 * absolute whether or not they end in a dot. A TXT that does not begin with `"` is one string,
 * whole, cut into pieces of 255 bytes. */
#ifndef RESOLVER_RDATA_TEXT_H
#define RESOLVER_RDATA_TEXT_H

#include "resolver/rdata.h"

/* 0, or -EINVAL, -EFBIG, -ENOMEM with a static text in *ret_why. The shape is not checked for
 * `\#`: rrset_add does that. */
int rdata_from_text(
	uint16_t type, const char *text, size_t len, struct rdata *ret_rdata, const char **ret_why);
/* Always finds a form: what is not the shape of its type becomes `\#`. */
void rdata_to_text(uint16_t type, const uint8_t *rdata, size_t len, struct text *t);

#endif
