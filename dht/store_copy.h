/* The thread that copies the log of the store's file into the database, which is a wait for the
 * disk: SQLite's checkpoint. It has the connection meanwhile, and nobody else may use it. For
 * dht/store_rows.c only. */
#ifndef DHT_STORE_COPY_H
#define DHT_STORE_COPY_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

struct sqlite3;

struct store_copy {
	struct sqlite3 *db;
	pthread_t thread;
	bool lent;	  /* the thread runs, or has run and nobody has looked */
	atomic_bool over; /* the thread's last word */
};

/* The log has grown by as much as is worth a copy. Where no thread can be had it is left for later.
 */
void store_copy_begin(struct store_copy *c, struct sqlite3 *db);
/* Has the thread the connection? Never waits. */
bool store_copy_is_lent(struct store_copy *c);
/* Waits until it has not, for so many seconds. False: the disk does not answer, and the connection
 * and *c belong to the thread for ever. */
bool store_copy_settle(struct store_copy *c, unsigned seconds);

#endif
