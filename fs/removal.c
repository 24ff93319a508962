/* What a process has removed a moment ago. */
#include "fs/removal.h"

#include <stddef.h>

#include "resolver/clock.h"

static struct removal *slot_of(struct removals *r, pid_t process)
{
	return &r->slots[(unsigned)process % REMOVALS];
}

static void forget(struct removal *slot)
{
	rrset_destroy(slot->set);
	*slot = (struct removal){0};
}

void removal_remember(struct removals *r, uid_t uid, pid_t process, struct rrset *set, uint64_t now)
{
	struct removal *slot = slot_of(r, process);
	if (!set)
		return;
	forget(slot);
	if (process <= 0) /* outside of our process namespace: whoever it is */
		rrset_destroy(set);
	else
		*slot = (struct removal){uid, process, now + REMOVAL_SECONDS * SECOND, set};
}

struct rrset *removal_take(
	struct removals *r, const struct question *q, uid_t uid, pid_t process, uint64_t now)
{
	struct removal *slot = slot_of(r, process);
	if (!slot->set || slot->process != process || slot->uid != uid || now >= slot->until ||
		!question_equal(&slot->set->question, q))
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
