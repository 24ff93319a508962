/* What a process has removed a moment ago. */
#include "fs/removal.h"

#include <stddef.h>

#include "resolver/clock.h"

static void forget(struct removal *slot)
{
	rrset_destroy(slot->set);
	*slot = (struct removal){0};
}

/* A free one; or his oldest, when he has his share; or the oldest. Free are those that are over. */
static struct removal *slot_for(struct removals *r, uid_t uid, uint64_t now)
{
	struct removal *free_slot = NULL, *oldest = NULL, *his = NULL;
	unsigned held = 0;
	for (struct removal *slot = r->slots; slot < r->slots + REMOVALS; slot++) {
		if (slot->set && now >= slot->until)
			forget(slot);
		if (!slot->set) {
			free_slot = slot;
			continue;
		}
		if (!oldest || slot->until < oldest->until)
			oldest = slot;
		if (slot->uid == uid && (held++ == 0 || slot->until < his->until))
			his = slot;
	}
	if (his && (held >= REMOVALS_OF_USER || !free_slot))
		return his;
	return free_slot ? free_slot : oldest;
}

static struct removal *find(
	struct removals *r, const struct question *q, uid_t uid, pid_t process, uint64_t now)
{
	for (struct removal *slot = r->slots; slot < r->slots + REMOVALS; slot++)
		if (slot->set && slot->process == process && slot->uid == uid &&
			now < slot->until && question_equal(&slot->set->question, q))
			return slot;
	return NULL;
}

void removal_remember(struct removals *r, uid_t uid, pid_t process, struct rrset *set, uint64_t now)
{
	if (!set)
		return;
	if (process <= 0) { /* outside of our process namespace: whoever it is */
		rrset_destroy(set);
		return;
	}
	struct removal *slot = find(r, &set->question, uid, process, now);
	if (!slot)
		slot = slot_for(r, uid, now);
	forget(slot);
	*slot = (struct removal){uid, process, now + REMOVAL_SECONDS * SECOND, set};
}

struct rrset *removal_take(
	struct removals *r, const struct question *q, uid_t uid, pid_t process, uint64_t now)
{
	struct removal *slot = find(r, q, uid, process, now);
	if (!slot)
		return NULL;
	struct rrset *set = slot->set;
	slot->set = NULL;
	return set;
}

void removal_finish(struct removals *r)
{
	for (size_t i = 0; i < REMOVALS; i++)
		forget(&r->slots[i]);
}
