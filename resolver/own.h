/* The user's own records, on disk: what was written here, by whom, and how far it is published.
 *
 * A database of its own (DIR/own.db): no stranger's data can fill it. SQLite, WAL, one connection
 * that owns writes and checkpoints. When own_set returns 0 the record survives kill -9; when
 * own_wait has nothing to wait for, or has called, power loss too. All records are in memory, so
 * that a question costs no disk. */
#ifndef RESOLVER_OWN_H
#define RESOLVER_OWN_H

#include <sys/queue.h>
#include <sys/types.h>

#include "resolver/rrset.h"

struct event_base;
struct own;

/* One record, owned by the module; valid until the next change. */
struct own_record {
	uid_t uid;
	struct question question;
	struct rrset *set;  /* NULL: withdrawn (a tombstone until the network knows) */
	int64_t written;    /* microseconds since 1970; names the version */
	int64_t zoned;	    /* the version that the zone of its writer took */
	int64_t published;  /* when nodes took the newest version; 0: not yet */
	uint32_t inception; /* of the last claim made for it */
	unsigned replicas;  /* nodes that took it */
};

/* -EBADMSG: not our database or damaged; -EBUSY: locked by another daemon. `quota` in records a
 * uid, and bytes by that (resolver/usage); `owner` is the daemon's user. */
int own_open(const char *path, unsigned quota, uid_t owner, uint64_t seed, struct own **ret_own);
void own_close(struct own *own);

/* ---- durable (own_durable.c) ---- */

/* From now on changes wait for no disk: a thread does, for all together that came in one turn of
 * this loop or while it was busy. Until then each change is durable when it returns. */
int own_start(struct own *own, struct event_base *base);
void own_stop(struct own *own);		     /* as own_settle; own_close does it */
uint64_t own_commits(const struct own *own); /* moves where anything has been written */
/* For who must know that all that is written so far is durable. False: it is. True: w->fn will be
 * called, from the loop, with 0 or -errno: then it is written no more, nor is anything else that
 * was not durable yet. w is the caller's, and must live until then. */
struct own_waiter {
	TAILQ_ENTRY(own_waiter) link;
	uint64_t commit;
	void (*fn)(struct own_waiter *w, int error);
};
bool own_wait(struct own *own, struct own_waiter *w);
/* Whoever waits gives up: w->fn is not called. */
void own_wait_no_longer(struct own *own, struct own_waiter *w);
/* All is durable or lost, and nobody waits, when it returns 0. -ETIMEDOUT: the disk has not
 * answered in `limit` microseconds, and never will. Who waited has been told that; nothing is
 * written any more (-EIO), and own_close neither waits nor touches the disk. */
#define OWN_PATIENT UINT64_MAX
int own_settle(struct own *own, uint64_t limit);
/* Who is told that records and pins are again what they were a moment ago, on the disk. */
typedef void own_lost_fn(void *ctx);
void own_on_lost(struct own *own, own_lost_fn *fn, void *ctx);
struct own_disk_counters {
	uint64_t commits, syncs, failures;
	uint64_t unsettled; /* commits that were not durable when own_settle gave up */
};
void own_disk_counters(const struct own *own, struct own_disk_counters *ret_counters);

/* ---- records ---- */

/* Written when it returns 0. -EDQUOT, -ENOSPC, -EIO, -ENOMEM. The set is copied. */
int own_set(struct own *own, uid_t uid, const struct rrset *set, int64_t now);
/* Turns the record into a tombstone. -ENOENT. */
int own_withdraw(struct own *own, uid_t uid, const struct question *q, int64_t now);
/* The record of `from` goes and this set comes, of another question: in one commit, so that no
 * crash leaves both or neither. As own_set and own_withdraw. */
int own_move(struct own *own, uid_t uid, const struct question *from, const struct rrset *set,
	int64_t now);
/* What the network took. It may be lost again: whoever finds it unsaid after a crash says it once
 * more. So many of these between own_begin and own_end are one commit, where a commit is the dear
 * part; when that fails (-ENOSPC, -EIO) memory knows it all the same. */
void own_begin(struct own *own);
int own_end(struct own *own);
/* The zone of its writer took the version of `written`. */
int own_zoned(struct own *own, uid_t uid, const struct question *q, int64_t written);
/* The network took it, everywhere it belongs. A tombstone that is published goes. */
int own_published(struct own *own, uid_t uid, const struct question *q, int64_t written,
	int64_t now, unsigned replicas);
int own_claimed(struct own *own, uid_t uid, const struct question *q, uint32_t inception);

/* The record of this uid, tombstones included, or NULL. */
const struct own_record *own_find(const struct own *own, uid_t uid, const struct question *q);
/* Of any uid that stands (no tombstones), the least uid first; NULL: none. */
const struct own_record *own_any(const struct own *own, const struct question *q);
/* Of the first of these uids that has one that stands; NULL: of none. */
const struct own_record *own_first(
	const struct own *own, const struct question *q, const uid_t *uids, size_t len);
typedef void own_each_fn(void *ctx, const struct own_record *record);
void own_each(const struct own *own, own_each_fn *fn, void *ctx);
/* All of them, a few at a time: those of the next OWN_WALK_BUCKETS of the table that may hold one
 * of `bits` (sieve_bit, SIEVE_ALL), and others that stand there, from `place` on, which is 0 at
 * first. False: that was the end. Between two calls records may come and go; one that stands
 * throughout is met exactly once. */
#define OWN_WALK_BUCKETS 64
#define OWN_WALK_PASSED 4096 /* no further at a time, whatever is passed over */
struct own_walk {
	uint64_t place, bits;
	own_each_fn *fn;
	void *ctx;
};
bool own_walk(const struct own *own, struct own_walk *walk);
/* Those that one uid wrote. */
void own_each_by(const struct own *own, uid_t uid, own_each_fn *fn, void *ctx);
/* Those of one question, whoever wrote them, tombstones included. */
void own_each_of(const struct own *own, const struct question *q, own_each_fn *fn, void *ctx);
size_t own_records(const struct own *own);

/* What was put at a target. `seq` is the highest that was used for it, whether nodes took that or
 * not. Of zones also the packet that they took last: what is written next stands on it when the
 * network shows something older. */
#define OWN_PACKET_MAX 996
struct own_put {
	int64_t seq;       /* 0: none yet */
	int64_t taken;     /* the seq of the packet */
	size_t packet_len; /* 0: not kept */
	uint8_t packet[OWN_PACKET_MAX];
};
int own_last_put(struct own *own, const uint8_t target[20], struct own_put *ret_put);
int own_set_put(struct own *own, const uint8_t target[20], int64_t seq);
int own_set_taken(struct own *own, const uint8_t target[20], const struct own_put *put);

/* The first signer that answered for a plain name under tofu=, for all types. 0, -ENOENT, or a read
 * error, which must not pass for "none". */
int own_first_signer(struct own *own, const struct name *name, uint8_t ret_key[NAME_KEY_LEN]);
/* Keeps the first: a second one changes nothing. -ENOSPC when there are very many. */
int own_remember_signer(struct own *own, const struct name *name, const uint8_t key[NAME_KEY_LEN]);

/* The pins of a user, as text: written when it returns 0; of length 0 there are none. */
int own_set_pins(struct own *own, uid_t uid, const char *list, size_t len);
/* Of all users; stops at an error of fn's. That, -EBADMSG, -EIO, -ENOMEM. */
typedef int own_pins_fn(void *ctx, uid_t uid, const char *list, size_t len);
int own_each_pins(struct own *own, own_pins_fn *fn, void *ctx);

#endif
