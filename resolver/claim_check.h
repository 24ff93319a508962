/* What makes a claim a claim: its form, its times, its signature. Between claim.c, which signs and
 * writes, and the files that read strangers' slots. */
#ifndef RESOLVER_CLAIM_CHECK_H
#define RESOLVER_CLAIM_CHECK_H

#include "resolver/claim.h"

#define CLAIM_AHEAD_MAX 3600 /* seconds that a signer's clock may be ahead of ours */

/* The fixed part of RRSIG RDATA (RFC 4034, 3.1), and where the signature begins. */
struct rrsig {
	uint16_t type;
	uint8_t algorithm, labels;
	uint32_t ttl, expiration, inception;
	uint16_t tag;
	struct name signer;
	size_t signature; /* offset */
};
int rrsig_parse(const uint8_t *rdata, size_t len, struct rrsig *ret_rrsig); /* 0, -EBADMSG */

/* RFC 1982: how far `a` is after `b`, right while they are within 68 years of each other. */
int32_t serial_after(uint32_t a, uint32_t b);
/* The second since 1970 that it stands for, the one that is nearest to `now`. */
int64_t serial_time(uint32_t serial, int64_t now);

/* May a claim be made of this set at all? 0, -EINVAL. */
int claim_check_set(const struct rrset *set);
bool claim_withdraws(const struct claim *claim);
bool claim_equal(const struct claim *a, const struct claim *b); /* byte for byte */
/* Is it neither over at `now` nor too far ahead? A withdrawal counts for as long as a claim that it
 * may have withdrawn. */
bool claim_current(const struct claim *claim, int64_t now);
/* A key's claim: 0 when form and signature hold, -EBADMSG, -ENOMEM. Costs one signature check. */
int claim_verify(const struct claim *claim);
/* The records of the claim, then its RRSIGs. */
void claim_put(const struct claim *claim, struct packet_writer *w);

#endif
