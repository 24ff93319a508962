/* EDNS: the options of a query, and the OPT of a reply (RFC 6891, 7828, 7830, 7873, 8914). */
#ifndef RESOLVER_DNS_OPT_H
#define RESOLVER_DNS_OPT_H

#include "resolver/dns_message.h"

/* What the options say goes into the query; those that nobody knows are ignored (RFC 6891, 6.1.2).
 * False: a format error. */
bool dns_opt_read(struct dns_query *q, const uint8_t *options, size_t len);

/* What is said of the answer beside the answer. */
struct dns_outcome {
	unsigned rcode;	   /* all twelve bits of it */
	int ede;	   /* RFC 8914; EDE_NONE: nothing is said */
	const char *words; /* of ours, never a stranger's; NULL: the code says it all */
};
struct dns_outcome dns_outcome_of(unsigned rcode, int ede); /* with our words for this code */

/* The OPT that answers this query; len 0 when the query had none. */
struct dns_opt {
	size_t len;
	uint8_t bytes[DNS_OPT_MAX];
};
void dns_opt_write(const struct dns_query *q, struct dns_outcome outcome, struct dns_opt *ret_opt);
/* The same in at most `room` bytes: without its words, then without the code, then without any option,
 * then not at all. */
void dns_opt_fit(const struct dns_query *q, struct dns_outcome outcome, size_t room,
	struct dns_opt *ret_opt);
/* Bytes that bring a reply of `len` bytes to the block length of RFC 8467 when they are appended
 * to its OPT, which is its last record and `opt_len` bytes long; at most up to `limit`. Returns the
 * new length of the reply. */
size_t dns_opt_pad(uint8_t *reply, size_t len, size_t opt_len, size_t limit);

#endif
