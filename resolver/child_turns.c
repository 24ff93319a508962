/* What the child asks of the scheduler; a file of its own, as this header of the kernel's and
 * glibc's <sched.h> define the same. */
#include "resolver/child.h"

#include <linux/sched.h>
#include <linux/sched/types.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Of ten questions or so: with each that it sends it wakes its parent, and a switch for each costs
 * as much as the question; and a parent that has something to do waits for so long. Linux before
 * 6.12 grants ordinary processes no such wish, and gives a few milliseconds. */
#define TURN_NS 200000

void child_take_turns(void)
{
	struct sched_attr attr;

	/* An administrator who has chosen another class has chosen. */
	if (syscall(SYS_sched_getattr, 0, &attr, sizeof(attr), 0) ||
		attr.sched_policy != SCHED_NORMAL)
		return;
	/* Nor does it interrupt: it works on what has gathered. */
	attr.sched_policy = SCHED_BATCH;
	attr.sched_runtime = TURN_NS;
	(void)!syscall(SYS_sched_setattr, 0, &attr, 0);
}
