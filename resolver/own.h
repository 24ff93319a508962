/* The user's own records, on disk: what was written here, by whom, and how far it is published.
 *
 * A database of its own (DIR/own.db): no stranger's data can fill it; of zones that are kept alive for
 * others there are no more than the keeper's bound. SQLite, WAL, one connection
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
	int64_t written;    /* microseconds since 1970, above the last; names the version */
	int64_t zoned;	    /* the version that the zone of its writer took ... */
	int64_t dot;	    /* ... first with this seq (zone_seen.h), or the one before, where it has
			     * not taken the newest; 0: no other node has any */
	int64_t published;  /* when nodes took the newest version; 0: not yet */
	uint32_t inception; /* of the last claim made for it */
	unsigned replicas;  /* nodes that took it */
	/* Since the start: another daemon of the key had changed it too, and which held. */
	enum own_conflict { OWN_NO_CONFLICT, OWN_HELD, OWN_GAVE_WAY } conflict;
};

/* -EBADMSG: not our database or damaged (own_sum.c); -EBUSY: locked by another daemon. `quota` in records a
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
/* The same of what this uid has not written here but another daemon of his key. -EDQUOT. */
int own_withdraw_theirs(struct own *own, uid_t uid, const struct question *q, int64_t now);
/* The record of `from` goes and this set comes, of another question: in one commit, so that no
 * crash leaves both or neither. As own_set and own_withdraw. */
int own_move(struct own *own, uid_t uid, const struct question *from, const struct rrset *set,
	int64_t now);
/* What the network took. It may be lost again: whoever finds it unsaid after a crash says it once
 * more. So many of these between own_begin and own_end are one commit, where a commit is the dear
 * part; when that fails (-ENOSPC, -EIO) memory knows it all the same. */
void own_begin(struct own *own);
int own_end(struct own *own);
/* The zone of its writer took the version of `written`, with that dot. */
int own_zoned(struct own *own, uid_t uid, const struct question *q, int64_t written, int64_t dot);
/* It goes, as if it had never been written here: another daemon of the key has withdrawn it. */
int own_forget(struct own *own, uid_t uid, const struct question *q, int64_t written);
/* The network took it, everywhere it belongs. A tombstone that is published goes. */
int own_published(struct own *own, uid_t uid, const struct question *q, int64_t written,
	int64_t now, unsigned replicas);
int own_claimed(struct own *own, uid_t uid, const struct question *q, uint32_t inception);
/* Until it is written anew; the disk does not know of it. */
void own_note_conflict(
	struct own *own, uid_t uid, const struct question *q, enum own_conflict conflict);

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
	int64_t seq;	   /* 0: none yet */
	int64_t taken;	   /* the seq of the packet */
	size_t packet_len; /* 0: not kept */
	uint8_t packet[OWN_PACKET_MAX];
};
int own_last_put(struct own *own, const uint8_t target[20], struct own_put *ret_put);
int own_set_put(struct own *own, const uint8_t target[20], int64_t seq);
int own_set_taken(struct own *own, const uint8_t target[20], const struct own_put *put);

/* Of which writer (zone_seen.h) the seqs are that are given here. Another one from now on: where
 * this is a copy of a state that has gone on elsewhere. */
unsigned own_writer(const struct own *own);
int own_new_writer(struct own *own);
/* A file that was copied, or brought back, is told from the one it came from before anything is
 * written: by its place on the disk. It has another writer at once, so that the two may be cut off
 * from each other too; and the former one's, until it is known how far that has gone on. ZONE_WRITERS:
 * it is the first. */
unsigned own_former_writer(const struct own *own);

/* What was withdrawn here, and which version of the zone was the first without it: so that a daemon
 * with the key that has not heard of it does not bring it back. Remembered for eight days, and of a
 * user the latest OWN_GONE_MAX: a partition that lasts longer may bring back more. */
#define OWN_GONE_MAX 1000
#define OWN_GONE_LIFETIME (8 * 86400 * INT64_C(1000000))
int own_set_gone(struct own *own, uid_t uid, const struct question *q, int64_t dot, int64_t now);
int own_drop_gone(struct own *own, uid_t uid, const struct question *q);
typedef int own_gone_fn(void *ctx, const struct question *q, int64_t dot);
int own_each_gone(struct own *own, uid_t uid, int64_t now, own_gone_fn *fn, void *ctx);

/* The first signer that answered for a plain name under tofu=, for all types. 0, -ENOENT, or a read
 * error, which must not pass for "none". */
int own_first_signer(struct own *own, const struct name *name, uint8_t ret_key[NAME_KEY_LEN]);
/* Keeps the first: a second one changes nothing. -ENOSPC when there are very many. */
int own_remember_signer(struct own *own, const struct name *name, const uint8_t key[NAME_KEY_LEN]);

/* So that the next who signs is the first. -ENOENT, -EIO. */
int own_forget_signer(struct own *own, const struct name *name);
/* All of them, in the order of their names' bytes. Stops at an error of fn's. That, -EBADMSG, -EIO,
 * -ENOMEM. */
typedef int own_signer_fn(void *ctx, const struct name *name, const uint8_t key[NAME_KEY_LEN]);
int own_each_signer(struct own *own, own_signer_fn *fn, void *ctx);

/* What zones of DNS attest (resolver/attested). Written when it returns 0. */
struct own_attested {
	struct name zone;
	const uint8_t *key; /* NAME_KEY_LEN bytes */
	int64_t min, until;
};
int own_set_attested(struct own *own, const struct own_attested *a);
int own_drop_attested(struct own *own, const struct name *zone);
/* Those that are not over at `now`, in seconds; the others go. Stops at an error of fn's. That,
 * -EBADMSG, -EIO, -ENOMEM. */
typedef int own_attested_fn(void *ctx, const struct own_attested *a);
int own_each_attested(struct own *own, int64_t now, own_attested_fn *fn, void *ctx);

/* The pins of a user, as text: written when it returns 0; of length 0 there are none. */
int own_set_pins(struct own *own, uid_t uid, const char *list, size_t len);
/* Of all users; stops at an error of fn's. That, -EBADMSG, -EIO, -ENOMEM. */
typedef int own_list_fn(void *ctx, uid_t uid, const char *list, size_t len);
int own_each_pins(struct own *own, own_list_fn *fn, void *ctx);
/* The same of the keys that he wants kept alive. */
int own_set_keep(struct own *own, uid_t uid, const char *list, size_t len);
int own_each_keep(struct own *own, own_list_fn *fn, void *ctx);

/* Copies of others' zones that are kept alive here. Only signed bytes, which are verified again
 * when they are read; how many there may be is the keeper's to bound (resolver/keep.h). */
#define OWN_COPY_MAX 1000
struct own_copy {
	uint8_t key[NAME_KEY_LEN];
	int page; /* 0 to 1024 */
	int64_t seq;
	uint8_t sig[64];
	size_t value_len; /* 0, read: the row is damaged */
	uint8_t value[OWN_COPY_MAX];
};
int own_set_copy(struct own *own, const struct own_copy *copy);
/* The first of the key whose page is `from` or above. -ENOENT: there is none. */
int own_next_copy(struct own *own, const uint8_t key[NAME_KEY_LEN], int64_t from,
	struct own_copy *ret_copy);
/* Those of the pages from `from` up to and without `to`. */
int own_drop_copies(struct own *own, const uint8_t key[NAME_KEY_LEN], int from, int to);
int own_forget_copies(struct own *own, const uint8_t key[NAME_KEY_LEN]); /* all of them */
/* Each key that there are copies of. fn changes nothing here. */
typedef void own_copied_fn(void *ctx, const uint8_t key[NAME_KEY_LEN]);
int own_each_copied(struct own *own, own_copied_fn *fn, void *ctx);

#endif
