/* What writers owe: a moment for each, at which it is paid. */
#include "fs/pace.h"

static const struct pace_slot *slot_of(const struct pace *p, uid_t uid)
{
	return &p->slots[uid % PACE_SLOTS];
}

void pace_spent(struct pace *p, uid_t uid, uint64_t cost, uint64_t now)
{
	struct pace_slot *slot = &p->slots[uid % PACE_SLOTS];
	if (slot->uid != uid || slot->until < now)
		*slot = (struct pace_slot){uid, now};
	slot->until += cost * PACE_TIMES;
}

uint64_t pace_wait(const struct pace *p, uid_t uid, uint64_t now)
{
	const struct pace_slot *slot = slot_of(p, uid);
	if (slot->uid != uid || slot->until <= now + PACE_FREE)
		return 0;
	uint64_t wait = slot->until - now - PACE_FREE;
	return wait < PACE_WAIT_MAX ? wait : PACE_WAIT_MAX;
}
