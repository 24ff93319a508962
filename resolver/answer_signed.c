/* Who signed an answer of DNS, and for how long: its RRSIGs. */
#include "resolver/answer_build.h"
#include "resolver/claim_check.h"

/* The next RRSIG; false: that was the last. */
static bool next(struct packet_reader *reader, struct rrsig *ret_rrsig)
{
	struct rr rr;
	while (packet_next(reader, &rr) == 1)
		if (rr.type == TYPE_RRSIG && rrsig_parse(rr.rdata, rr.rdata_len, ret_rrsig) == 0)
			return true;
	return false;
}

static bool first(const struct answer *a, struct packet_reader *ret_reader, struct rrsig *ret_rrsig)
{
	answer_open(a, ret_reader);
	return next(ret_reader, ret_rrsig);
}

bool answer_signer_zone(const struct answer *a, struct name *ret_zone)
{
	struct packet_reader reader;
	struct rrsig sig;
	if (!first(a, &reader, &sig))
		return false;
	*ret_zone = sig.signer;
	return true;
}

bool answer_is_signed_by(const struct answer *a, const struct name *zone)
{
	struct name signer;
	return answer_signer_zone(a, &signer) && name_equal(&signer, zone);
}

int64_t answer_signed_until(const struct answer *a, int64_t now)
{
	struct packet_reader reader;
	struct rrsig sig;
	int64_t until = 0;
	for (bool more = first(a, &reader, &sig); more; more = next(&reader, &sig)) {
		int64_t end = serial_time(sig.expiration, now);
		if (!until || end < until)
			until = end;
	}
	return until;
}
