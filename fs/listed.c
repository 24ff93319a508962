/* Who has listed which directory lately. */
#include "fs/listed.h"

#define SPREAD 0x9e3779b97f4a7c15ull /* 2^64 by the golden ratio: neighbours end far apart */

static uint64_t key_of(uid_t uid, uint16_t class, uint16_t type)
{
	return (uint64_t)uid << 32 | (uint64_t) class << 16 | type;
}

static struct listed_slot *slot_of(const struct listed *l, uint64_t key)
{
	uint64_t spread = (key ^ l->seed) * SPREAD;
	spread = (spread ^ spread >> 32 ^ l->seed) * SPREAD;
	return (struct listed_slot *)&l->slots[spread >> 32 & (LISTED_SLOTS - 1)];
}

void listed_note(struct listed *l, uid_t uid, uint16_t class, uint16_t type, uint64_t now)
{
	uint64_t key = key_of(uid, class, type);
	*slot_of(l, key) = (struct listed_slot){key, now};
}

uint64_t listed_when(const struct listed *l, uid_t uid, uint16_t class, uint16_t type)
{
	uint64_t key = key_of(uid, class, type);
	const struct listed_slot *slot = slot_of(l, key);
	return slot->key == key ? slot->when : 0;
}
