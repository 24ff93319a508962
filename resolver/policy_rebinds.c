/* Addresses of this network that come from elsewhere (DNS rebinding). */
#include <errno.h>

#include "resolver/policy.h"
#include "resolver/private_address.h"

/* ipv4hint and ipv6hint of SVCB and HTTPS are addresses like any other (RFC 9460, 7.3). The RDATA
 * has the shape of its type already. */
static bool private_hint(const uint8_t *rdata, size_t len)
{
	size_t at = 2;
	while (at < len && rdata[at])
		at += 1u + rdata[at];
	for (at++; at + 4 <= len;) {
		unsigned key = (unsigned)rdata[at] << 8 | rdata[at + 1];
		size_t end = at + 4 + ((size_t)rdata[at + 2] << 8 | rdata[at + 3]);
		size_t step = key == 4 ? 4 : 16;
		at += 4;
		for (; (key == 4 || key == 6) && at + step <= end && end <= len; at += step)
			if (key == 4 ? private_ip4(rdata + at) : private_ip6(rdata + at))
				return true;
		at = end;
	}
	return false;
}

static bool private_rdata(uint16_t type, const uint8_t *rdata, size_t len)
{
	switch (type) {
	case TYPE_A:
		return private_ip4(rdata);
	case TYPE_AAAA:
		return private_ip6(rdata);
	case TYPE_SVCB:
	case TYPE_HTTPS:
		return private_hint(rdata, len);
	default:
		return false;
	}
}

bool policy_rebinds(const struct policy *p, const struct answer *a)
{
	/* A bogus answer counts: its data go to those who asked with CD. */
	enum answer_trust trust = a->begins ? a->begins : a->trust; /* whose name it is */
	if ((a->error && !a->bogus) ||
		(trust != TRUST_DNS && trust != TRUST_DNSSEC && trust != TRUST_TOFU &&
			trust != TRUST_DNSSEC_KEY && trust != TRUST_OPEN))
		return false;
	const struct question q = answer_question(a);
	if (q.type != TYPE_A && q.type != TYPE_AAAA && q.type != TYPE_SVCB && q.type != TYPE_HTTPS)
		return false;
	if (policy_kind(p, &q.name) == NAME_LOCAL || policy_suffixes_have(&p->private_ok, &q.name))
		return false;
	struct rrset *set;
	int r = answer_rrset(a, &set);
	if (r < 0)
		return r != -ENOENT; /* addresses that cannot be looked at are not let through */
	bool found = false;
	const uint8_t *rdata;
	size_t len, cursor = 0;
	while (!found && rrset_next(set, &cursor, &rdata, &len))
		found = private_rdata(q.type, rdata, len);
	rrset_destroy(set);
	return found;
}
