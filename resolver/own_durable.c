/* Durability of own records without a loop that stands still.
 *
 * A commit is written to the log (WAL) by write(2) alone and survives kill -9; from then on the
 * thread of own_sync has the disk take it, together with all that came while it was at the last.
 * Who must know, waits (own_wait).
 *
 * The thread makes the checkpoints too, for they are SQLite's, with its own syncs: of the log, of
 * the database, of the head of the log that begins anew. It has the connection meanwhile, under
 * SQLite's mutex, so that the loop, which answers from memory, stands still only if it has
 * something to write just then. One comes in a thousand pages, right after a sync that has left
 * nothing of the log to wait for: what is not durable yet would be lost from the log with a disk
 * that fails, and could not be taken back from the database.
 *
 * When the disk fails, the kernel drops what it could not write, but still shows it, and says
 * "good" the next time. So nothing that was in the log since the last sync may be believed: the log
 * is cut back to what that one covered, the file opened again, and all who waited hear of the
 * error. */
#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "resolver/clock.h"
#include "resolver/own_inside.h"
#include "resolver/own_sync.h"

#define CHECKPOINT_FRAMES 1000 /* as SQLite's own choice is */
/* Where writers come faster than the disk there is always something that is not durable: from here
 * on the loop stands still until all is, for the log must end somewhere; but it turns now and then,
 * to hear of SIGTERM. */
#define LOG_FRAMES_MAX (4 * CHECKPOINT_FRAMES)
#define STAND_STILL_US 3000000
#define LOG_HEADER 32 /* bytes: SQLite's file format, section 4.1 */
#define FRAME_HEADER 24
#define RETRY_US 200000 /* of opening the file again */

struct own_durable {
	struct own *own;
	struct own_sync *sync;
	struct event *next; /* begins the next round at the end of this turn of the loop */
	int log;
	off_t frame;			       /* bytes */
	enum { IDLE, SYNC, CHECKPOINT } round; /* what the thread is at */
	sqlite3 *lent;			       /* for the checkpoint under way */
	bool copied;			       /* by that one: all that is in the log */
	bool detached;			       /* the disk has failed, and does still */
	bool given_up;			       /* it does not answer */
	uint64_t commits, asked, durable;
	/* Frames of the log: written, in the round under way, synced. None of them count any more
	 * once they have all been copied into the database, and that synced: SQLite begins the log
	 * anew with the next commit then. */
	int frames, asked_frames, durable_frames;
	TAILQ_HEAD(, own_waiter) waiters;
	own_lost_fn *on_lost;
	void *ctx;
	struct own_disk_counters counters;
};

static void arm(struct own_durable *d, bool later)
{
	const struct timeval t = {.tv_usec = later ? RETRY_US : 0};
	if (d->round == IDLE || d->frames >= LOG_FRAMES_MAX)
		event_add(d->next, &t);
}

static void answer(struct own_durable *d, uint64_t until, int error)
{
	struct own_waiter *w;
	while ((w = TAILQ_FIRST(&d->waiters)) && w->commit <= until) {
		TAILQ_REMOVE(&d->waiters, w, link);
		w->fn(w, error);
	}
}

/* Called by SQLite after each commit of the loop's. */
static int on_commit(void *ctx, sqlite3 *db, const char *schema, int frames)
{
	struct own_durable *d = ctx;
	(void)db;
	(void)schema;
	d->frames = frames;
	d->commits++;
	d->counters.commits++;
	arm(d, false);
	return SQLITE_OK;
}

/* With the hook SQLite leaves the checkpoints to us. What fails leaves each commit to wait for the
 * disk. */
static int attach(struct own_durable *d)
{
	int page = 0;
	int r = own_file_integer(d->own->db, "PRAGMA page_size", &page);
	d->frame = FRAME_HEADER + page;
	/* What opening has written and found is in the database then, and of the log there is the
	 * beginning, which SQLite waits for the disk with. */
	if (r == 0)
		r = own_file_errno(sqlite3_wal_checkpoint_v2(
			d->own->db, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL));
	if (r == 0)
		r = own_file_touch(d->own->db);
	if (r == 0)
		r = own_file_exec(d->own->db, "PRAGMA synchronous=NORMAL");
	if (r < 0)
		return r;
	sqlite3_wal_hook(d->own->db, on_commit, d);
	d->frames = d->durable_frames = 1;
	return 0;
}

/* ---- when the disk fails ---- */

static int cut_back(struct own_durable *d)
{
	off_t len = d->durable_frames ? LOG_HEADER + d->durable_frames * d->frame : 0;
	int r = ftruncate(d->log, len) < 0 ? -errno : own_reopen(d->own);
	if (r == 0 && d->on_lost)
		d->on_lost(d->ctx);
	return r;
}

/* Where the file can be read but the disk still takes nothing, each write waits for its own
 * failure; where it cannot be read, nothing is written, and memory answers as it is. */
static void recover(struct own_durable *d)
{
	int r = d->own->db ? 0 : cut_back(d);
	d->detached = r < 0 || attach(d) < 0;
	if (d->detached)
		arm(d, true);
}

static void fail(struct own_durable *d)
{
	d->counters.failures++;
	own_file_leave(d->own);
	recover(d);
}

/* What was not durable is lost, and who waits hears of it. */
static void lose(struct own_durable *d, int error)
{
	uint64_t until = d->commits;
	fail(d);
	d->durable = until;
	answer(d, until, error);
}

/* ---- rounds ---- */

/* In the thread. What the loop has committed meanwhile is not durable: the next round's end is soon
 * enough then, as it is in the midst of a transaction. */
static int copy_log(void *ctx)
{
	struct own_durable *d = ctx;
	sqlite3 *db = d->lent;
	int in_log = 0, copied = 0, r = -EAGAIN;
	sqlite3_mutex_enter(sqlite3_db_mutex(db));
	if (d->commits == d->durable && sqlite3_get_autocommit(db))
		r = own_file_errno(sqlite3_wal_checkpoint_v2(
			db, NULL, SQLITE_CHECKPOINT_PASSIVE, &in_log, &copied));
	if (r == 0 && copied < in_log)
		r = -EAGAIN;
	d->copied = r == 0;
	if (r == 0) { /* the log begins anew, before the loop has a commit that would wait for it */
		sqlite3_wal_hook(db, NULL, NULL);
		r = own_file_touch(db);
		sqlite3_wal_hook(db, on_commit, d);
	}
	sqlite3_mutex_leave(sqlite3_db_mutex(db));
	return r;
}

/* When the disk fails here nothing durable is lost, but part of the database may be: all of it is
 * still in the log, from which opening it again copies it once more. */
static void on_copied(struct own_durable *d, int error)
{
	bool later = error == -EAGAIN || error == -EBUSY || error == -ENOMEM;
	if (d->copied) /* also where the log has not begun anew yet: the next commit does it */
		d->durable_frames = 0;
	if (error == 0 && d->commits == d->durable) {
		d->frames = 1; /* that one says nothing that the database does not */
	} else if (error < 0 && !later) {
		lose(d, error);
	}
}

static void on_synced(struct own_durable *d, int error)
{
	d->counters.syncs++;
	if (error < 0) {
		lose(d, error);
		return;
	}
	d->durable_frames = d->asked_frames;
	d->durable = d->asked;
	answer(d, d->asked, 0);
}

static void begin(struct own_durable *d, int round);

static void on_done(void *ctx, int error)
{
	struct own_durable *d = ctx;
	bool synced = d->round == SYNC;
	d->round = IDLE;
	if (synced)
		on_synced(d, error);
	else
		on_copied(d, error);
	if (d->commits > d->durable)
		arm(d, false);
	else if (synced && !d->detached && d->frames >= CHECKPOINT_FRAMES)
		begin(d, CHECKPOINT);
}

static void begin(struct own_durable *d, int round)
{
	d->round = round;
	d->lent = d->own->db;
	d->asked = d->commits;
	d->asked_frames = d->frames;
	int r = own_sync_start(d->sync, round == SYNC ? NULL : copy_log);
	if (r < 0)
		on_done(d, r);
}
/* Until all is durable and copied, or `limit` is over. */
static bool finish(struct own_durable *d, uint64_t limit)
{
	uint64_t begun = clock_awake();
	while (!d->detached && (d->round != IDLE || d->commits > d->durable)) {
		uint64_t took = clock_awake() - begun;
		if (took >= limit)
			return false;
		if (d->round == IDLE)
			begin(d, SYNC);
		if (d->round != IDLE)
			own_sync_finish(d->sync, limit - took);
	}
	return true;
}

static void stand_still(struct own_durable *d)
{
	if (!finish(d, STAND_STILL_US))
		arm(d, true);
}

static void on_next(evutil_socket_t fd, short what, void *ctx)
{
	struct own_durable *d = ctx;
	(void)fd;
	(void)what;
	if (d->detached)
		recover(d);
	else if (d->frames >= LOG_FRAMES_MAX)
		stand_still(d);
	else if (d->round == IDLE && d->commits > d->durable)
		begin(d, SYNC);
}

/* ---- for the others ---- */

bool own_wait(struct own *own, struct own_waiter *w)
{
	struct own_durable *d = own->durable;
	if (!d || d->durable == d->commits)
		return false;
	w->commit = d->commits;
	TAILQ_INSERT_TAIL(&d->waiters, w, link);
	return true;
}

void own_wait_no_longer(struct own *own, struct own_waiter *w)
{
	TAILQ_REMOVE(&own->durable->waiters, w, link);
}

uint64_t own_commits(const struct own *own)
{
	return own->durable ? own->durable->commits : 0;
}

/* The file stays as it is: what the disk has not taken yet the kernel goes on to offer it, and the
 * next kadns finds it, if the machine stays up until then. */
static void give_up(struct own_durable *d)
{
	d->given_up = true;
	d->counters.unsettled = d->commits - d->durable;
	event_del(d->next);
	own_sync_abandon(d->sync);
	d->sync = NULL;
	d->own->lent = d->round == CHECKPOINT;
	own_file_leave(d->own);
	d->durable = d->commits;
	answer(d, d->commits, -ETIMEDOUT);
}

int own_settle(struct own *own, uint64_t limit)
{
	struct own_durable *d = own->durable;
	if (d && !d->given_up && !finish(d, limit))
		give_up(d);
	return d && d->given_up ? -ETIMEDOUT : 0;
}

void own_disk_counters(const struct own *own, struct own_disk_counters *ret_counters)
{
	*ret_counters = own->durable ? own->durable->counters : (struct own_disk_counters){0};
}

void own_on_lost(struct own *own, own_lost_fn *fn, void *ctx)
{
	if (own->durable) {
		own->durable->on_lost = fn;
		own->durable->ctx = ctx;
	}
}

int own_start(struct own *own, struct event_base *base)
{
	struct own_durable *d = calloc(1, sizeof(*d));
	if (!d)
		return -ENOMEM;
	own->durable = d;
	d->own = own;
	TAILQ_INIT(&d->waiters);
	char path[OWN_PATH_MAX + sizeof("-wal")];
	snprintf(path, sizeof(path), "%s-wal", own->path);
	/* It is there since own_open has committed, and SQLite locks another file: closing this one
	 * loses no lock. */
	d->log = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
	d->next = evtimer_new(base, on_next, d);
	int r = d->log < 0 ? -errno : d->next ? 0 : -ENOMEM;
	if (r == 0)
		r = own_sync_create(base, d->log, on_done, d, &d->sync);
	return r == 0 ? attach(d) : r;
}

void own_stop(struct own *own)
{
	struct own_durable *d = own->durable;
	if (!d)
		return;
	if (d->sync)
		own_settle(own, OWN_PATIENT);
	own_sync_destroy(d->sync);
	if (d->next)
		event_free(d->next);
	if (d->log >= 0)
		close(d->log);
	own->durable = NULL;
	if (!own->lent) /* else the thread may look at it yet: it goes with the process */
		free(d);
}
