/* Zone-file text of the types outside the table of rdata.c, by ldns, on a short lead.
 *
 * ldns 1.8.3 wraps numbers that are too large, takes quotes into names, and for WKS asks the
 * machine's /etc/services; so what it read is checked against the words, and what it printed is
 * read again. */
#ifndef RESOLVER_RDATA_LDNS_H
#define RESOLVER_RDATA_LDNS_H

#include "resolver/rdata.h"

/* 0, or -EINVAL, -EFBIG, -ENOMEM with a static text in *ret_why. Adds to r, which is empty. */
int rdata_ldns_read(
	uint16_t type, const char *text, size_t len, struct rdata *r, const char **ret_why);
/* 0; -EINVAL when ldns has no text for it that means the same bytes. */
int rdata_ldns_print(uint16_t type, const uint8_t *rdata, size_t len, struct text *t);

#endif
