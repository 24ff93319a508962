/* Who waits for a record to change: poll(2) on an open file.
 *
 * An open file is a snapshot, but one that was polled moves on: when what memory says of the record
 * is no longer what was read, poll(2) says POLLPRI, as for the files of /proc and /sys, and the
 * next read from offset 0 takes the new version. POLLIN is always there, as for every regular file:
 * less(1) would wait for ever at the end of one that said it had nothing to read.
 *
 * Changes come from whoever writes here, from answers that others caused, and, while somebody
 * waits, from a question each time the TTL is over. A withdrawal is a change too: reading gives
 * ENOENT. What only renews a record (a later expiry, another seq) is none.
 *
 * It knows no FUSE: a waiter is somebody's pointer. */
#ifndef FS_WATCH_H
#define FS_WATCH_H

#include "fs/fs.h"

struct watch;
struct watch_list;

/* Of each user; a watch costs a kilobyte and, while somebody waits, up to a question in five
 * seconds. In all (fs/share): 4 MB. */
#define WATCH_USER_MAX 256u
#define WATCH_MAX 4096u
/* Between two looks for a waiter, whatever the TTL: as often as nobody minds, and as seldom as the
 * resolver believes the DHT anyway. */
#define WATCH_SECONDS_LEAST 5
#define WATCH_SECONDS_MOST 60

struct watch_waiters {
	void (*wake)(void *waiter); /* tells him, and frees */
	void (*drop)(void *waiter); /* frees */
};
int watch_list_create(struct event_base *base, struct fs *fs, const struct watch_waiters *waiters,
	struct watch_list **ret_list);
void watch_list_destroy(struct watch_list *list); /* when no watch is left; NULL is fine */
void watch_changed(void *list, const struct resolver_change *change); /* for resolver_watch */

/* The handle is a TEXT of a record, and keeps it. -EDQUOT; -ENOMEM. */
int watch_create(struct watch_list *list, struct handle *h, struct watch **ret_watch);
void watch_destroy(struct watch *w); /* its waiter is dropped; NULL is fine */

/* Is there another version than that which was read? The waiter, which is the watch's from here on,
 * takes the place of the one before and is woken once, at the next change; NULL: nobody waits. */
bool watch_poll(struct watch *w, void *waiter);
/* Somebody reads from the beginning. 0, with the new version, borrowed, which the handle is to read
 * from now on, or NULL where what was read still stands; -ENOENT: the record
 * has gone; -ENFILE: there is another version, but the user has too much open to be given it. */
int watch_take(struct watch *w, const struct answer **ret_answer);

struct watch_counters {
	size_t watches;
	uint64_t wakes;
	uint64_t looks; /* into memory, for who waits: what a test counts */
};
void watch_counters(const struct watch_list *list, struct watch_counters *ret_counters);

#endif
