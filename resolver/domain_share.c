/* Counts by the hash of a domain. */
#include "resolver/domain_share.h"

#include <errno.h>

int domain_share_take(struct domain_share *share, const struct name *name, unsigned total,
	struct domain_places *ret_places)
{
	unsigned labels = name_labels(name), max = total / 8;

	ret_places->len = 0;
	for (unsigned level = 2; level < 2 + DOMAIN_SHARE_LEVELS && level < labels; level++) {
		struct name domain;
		uint16_t slot;

		name_parent(name, labels - level, &domain);
		slot = (uint16_t)(name_hash(&domain, share->seed) % DOMAIN_SHARE_SLOTS);
		if (share->live[slot] >= max)
			return -EDQUOT;
		ret_places->slots[ret_places->len++] = slot;
		max /= 2;
	}
	for (unsigned i = 0; i < ret_places->len; i++)
		share->live[ret_places->slots[i]]++;
	return 0;
}

void domain_share_give(struct domain_share *share, const struct domain_places *places)
{
	for (unsigned i = 0; i < places->len; i++)
		share->live[places->slots[i]]--;
}
