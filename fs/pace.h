/* Writers wait for the time that they hold others up.
 *
 * A WRITE that completes a record is judged and put into the database while the loop stands still: a
 * tenth of a millisecond, five and more where SQLite copies its log and waits for a disk that others
 * use too (resolver/own_durable.c). So the time is written down to him who wrote, and who has had more than his share of it lately has his close(2) answered
 * later, until ten times as long has passed: FLUSH holds no lock (facts: fuse, A4), so nobody else
 * waits with him; a WRITE holds the file's, and with it whoever removes the file the directory's.
 * Nothing fails.
 *
 * Fixed in size: a user may be pushed out by another, and then owes nothing. It knows no clock. */
#ifndef FS_PACE_H
#define FS_PACE_H

#include <stdint.h>
#include <sys/types.h>

#define PACE_SLOTS 256
#define PACE_TIMES 10	  /* a writer has a tenth of the loop's time */
#define PACE_FREE 1000000 /* microseconds of waiting that nobody need: a tenth of it is commits */
#define PACE_WAIT_MAX 1000000 /* of one close: a shell that is killed in it ends in that time */

struct pace {
	struct pace_slot {
		uid_t uid;
		uint64_t until; /* monotonic, microseconds: then he owes nothing */
	} slots[PACE_SLOTS];
};

void pace_spent(struct pace *p, uid_t uid, uint64_t cost, uint64_t now);
/* For how long a close of his is to wait; 0: it is not. */
uint64_t pace_wait(const struct pace *p, uid_t uid, uint64_t now);

#endif
