/* Taking a claim back: by a later one that ends as it begins (claim.h). */
#include "resolver/signer.h"

#include <errno.h>

/* One record is enough to withdraw a set, and the least to write. */
static struct rrset *first_record(const struct rrset *set)
{
	struct rrset *one = rrset_create(&set->question, set->ttl);
	const uint8_t *rdata;
	size_t cursor = 0, len;

	if (one && rrset_next(set, &cursor, &rdata, &len) && rrset_add(one, rdata, len) == 0)
		return one;
	rrset_destroy(one);
	return NULL;
}

int signer_withdraw(
	struct signer *s, uid_t uid, struct slot *slot, uint32_t last, uint32_t *ret_inception)
{
	uint8_t packet[CLAIM_INLINE_MAX];
	const struct claim *held;
	struct claim withdrawal;
	uint32_t inception;
	struct rrset *one;
	uint8_t key[NAME_KEY_LEN];
	int r = signer_key(s, uid, key);

	if (r < 0)
		return r;
	held = slot_claim_of(slot, key);
	if (!held) {
		slot_drop(slot, key); /* references, which nobody defends */
		return -ENOENT;
	}
	inception = held->inception;
	if (last && (int32_t)(last - inception) > 0) /* serial numbers, RFC 1982 */
		inception = last;
	inception++;
	one = first_record(held->set);
	if (!one)
		return -ENOMEM;
	r = signer_claim(s, uid, one, inception, inception, &withdrawal);
	rrset_destroy(one);
	if (r < 0)
		return r;
	/* Still too large to stand inline: then the claim was a reference, which may be dropped. */
	if (claim_write(&withdrawal, packet, sizeof(packet)) < 0) {
		claim_finish(&withdrawal);
		slot_drop(slot, key);
		return -ENOENT;
	}
	*ret_inception = inception;
	return slot_add(slot, &withdrawal);
}
