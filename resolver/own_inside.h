/* What the files of own (own.c, own_*.c) share; nobody else includes it. */
#ifndef RESOLVER_OWN_INSIDE_H
#define RESOLVER_OWN_INSIDE_H

#include <sqlite3.h>

#include "resolver/own_table.h"

#define OWN_PATH_MAX 4200 /* fs/state bounds the directory by PATH_MAX */

struct own_durable;

struct own {
	sqlite3 *db; /* NULL: the disk has failed, and does still */
	sqlite3_stmt *put, *drop, *zoned, *published, *claimed;
	sqlite3_stmt *put_get, *put_set, *taken_set, *signer_get, *signer_put;
	sqlite3_stmt *pins_set, *pins_drop;
	size_t signers;
	struct usage *usage;
	struct own_table table;
	bool batch;		     /* a transaction is open: own_begin */
	bool lent;		     /* the thread has the connection, for ever */
	struct own_durable *durable; /* NULL: each commit waits for the disk itself */
	uint64_t seed;
	unsigned quota;
	uid_t owner;
	char path[OWN_PATH_MAX];
};

/* own.c: the statements and the connection; and what is in the file now in place of what is in
 * memory, which stays where that fails. Nothing is written. */
void own_file_close(struct own *own);
/* The same, but the log stays as it is: what it has is not copied into the database, and it is not
 * removed, for it is that very file that own_sync goes on to sync. */
void own_file_leave(struct own *own);
int own_reopen(struct own *own);

/* own_file.c: the connection; then the schema and its versions, which is written. Errors as
 * own_open's. */
int own_file_configure(sqlite3 *db);
int own_file_make(sqlite3 *db);
int own_file_touch(sqlite3 *db); /* a commit that changes nothing */
int own_file_exec(sqlite3 *db, const char *sql);
int own_file_errno(int rc); /* of a result of SQLite's: 0 or -errno */
int own_file_integer(sqlite3 *db, const char *sql, int *ret_value); /* the first of the first row */
/* Runs a prepared statement that returns no row, and makes it ready for the next time. */
int own_file_run(sqlite3_stmt *statement);
void own_file_reset(sqlite3_stmt *statement);

#endif
