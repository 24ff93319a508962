/* Durability of own records without a loop that stands still.
 *
 * A commit is written to the log (WAL) by write(2) alone and survives kill -9; from then on the
 * thread of own_sync has the disk take it, together with all that came while it was at the last.
 * Who must know, waits (own_wait). A checkpoint is SQLite's, with its own syncs, in the loop, for
 * one connection owns all of that and none may be left out of the order that it keeps: one in a
 * thousand pages, right after the thread's sync, when that has left nothing of the log to wait for.
 * What is not durable yet would be lost from the log with a disk that fails, and could not be taken
 * back from the database. What is left to wait for is the database's, of at most those pages: 0.2
 * ms of 1,500 writes in a row that took 0.3 ms each (ext4, a virtual disk); as long as one write on
 * any other disk.
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

#include "resolver/own_inside.h"
#include "resolver/own_sync.h"

#define CHECKPOINT_FRAMES 1000 /* as SQLite's own choice is */
/* Where writers come faster than the disk there is always something that is not durable: from here
 * on the loop stands still until all is, for the log must end somewhere. */
#define LOG_FRAMES_MAX (4 * CHECKPOINT_FRAMES)
#define LOG_HEADER 32 /* bytes: SQLite's file format, section 4.1 */
#define FRAME_HEADER 24
#define RETRY_US 200000 /* of opening the file again */

struct own_durable {
	struct own *own;
	struct own_sync *sync;
	struct event *next; /* begins the next round at the end of this turn of the loop */
	int log;
	off_t frame; /* bytes */
	bool under_way;
	bool detached; /* the disk has failed, and does still */
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
	if (!d->under_way || d->frames >= LOG_FRAMES_MAX)
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

/* Called by SQLite after each commit. */
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
	if (r == 0) /* what opening has written and found is in the database then: the log is empty
		     */
		r = own_file_errno(sqlite3_wal_checkpoint_v2(
			d->own->db, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL));
	if (r == 0)
		r = own_file_exec(d->own->db, "PRAGMA synchronous=NORMAL");
	if (r < 0)
		return r;
	sqlite3_wal_hook(d->own->db, on_commit, d);
	d->frames = d->durable_frames = 0;
	return 0;
}

/* ---- when the disk fails ---- */

static void close_lost(struct own *own)
{
	/* Closing must not copy the log into the database. */
	sqlite3_db_config(own->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
	own_file_close(own);
}

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
	close_lost(d->own);
	recover(d);
}

/* Between two rounds. When the disk fails here nothing is lost, but part of the database may be:
 * all of it is still in the log, from which opening it again copies it once more. In the midst of a
 * transaction, or without memory, it is left to the next round's end. */
static void checkpoint(struct own_durable *d)
{
	int in_log = 0, copied = 0;
	int r = own_file_errno(sqlite3_wal_checkpoint_v2(
		d->own->db, NULL, SQLITE_CHECKPOINT_PASSIVE, &in_log, &copied));
	if (r == 0 && copied == in_log)
		d->frames = d->durable_frames = 0;
	else if (r < 0 && r != -EBUSY && r != -ENOMEM)
		fail(d);
}

static void on_synced(void *ctx, int error)
{
	struct own_durable *d = ctx;
	uint64_t until = error < 0 ? d->commits : d->asked;
	d->under_way = false;
	d->counters.syncs++;
	if (error < 0)
		fail(d);
	else
		d->durable_frames = d->asked_frames;
	d->durable = until;
	answer(d, until, error);
	if (d->commits > d->durable)
		arm(d, false);
	else if (!d->detached && d->frames >= CHECKPOINT_FRAMES)
		checkpoint(d);
}

static void begin_round(struct own_durable *d)
{
	d->asked = d->commits;
	d->asked_frames = d->frames;
	d->under_way = true;
	int r = own_sync_start(d->sync);
	if (r < 0)
		on_synced(d, r);
}

static void on_next(evutil_socket_t fd, short what, void *ctx)
{
	struct own_durable *d = ctx;
	(void)fd;
	(void)what;
	if (d->detached)
		recover(d);
	else if (d->frames >= LOG_FRAMES_MAX)
		own_settle(d->own);
	else if (!d->under_way && d->commits > d->durable)
		begin_round(d);
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

void own_settle(struct own *own)
{
	struct own_durable *d = own->durable;
	while (d && !d->detached && (d->under_way || d->commits > d->durable)) {
		if (!d->under_way)
			begin_round(d);
		if (d->under_way)
			own_sync_finish(d->sync);
	}
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
		r = own_sync_create(base, d->log, on_synced, d, &d->sync);
	return r == 0 ? attach(d) : r;
}

void own_stop(struct own *own)
{
	struct own_durable *d = own->durable;
	if (!d)
		return;
	own_settle(own);
	own_sync_destroy(d->sync);
	if (d->next)
		event_free(d->next);
	if (d->log >= 0)
		close(d->log);
	free(d);
	own->durable = NULL;
}
