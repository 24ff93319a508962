/* Copies the log into the database in a thread of its own; see store_copy.h. One is made for each
 * copy: there is one in a thousand pages of log, and a thread costs less than one page. */
#include "dht/store_copy.h"

#include <signal.h>
#include <sqlite3.h>
#include <time.h>

#include "dht/store_file.h"

/* The log begins anew with the first commit after this, for which SQLite waits for the disk once
 * more: so that comes here, and changes nothing. What fails is tried again at the next commit. */
static void *copy_log(void *ctx)
{
	struct store_copy *c = ctx;
	int in_log = 0, copied = -1;
	int code = sqlite3_wal_checkpoint_v2(
		c->db, NULL, SQLITE_CHECKPOINT_PASSIVE, &in_log, &copied);
	if (code == SQLITE_OK && copied == in_log)
		store_file_touch(c->db);
	atomic_store(&c->over, true);
	return NULL;
}

/* Signals are the loop's. */
void store_copy_begin(struct store_copy *c, struct sqlite3 *db)
{
	sigset_t all, before;
	c->db = db;
	atomic_store(&c->over, false);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	c->lent = pthread_create(&c->thread, NULL, copy_log, c) == 0;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (!c->lent)
		copy_log(c);
}

bool store_copy_is_lent(struct store_copy *c)
{
	if (c->lent && atomic_load(&c->over)) {
		pthread_join(c->thread, NULL);
		c->lent = false;
	}
	return c->lent;
}

bool store_copy_settle(struct store_copy *c, unsigned seconds)
{
	struct timespec until;
	if (!c->lent)
		return true;
	clock_gettime(CLOCK_REALTIME, &until); /* the only clock that this call knows */
	until.tv_sec += seconds;
	c->lent = pthread_timedjoin_np(c->thread, NULL, &until) != 0;
	return !c->lent;
}
