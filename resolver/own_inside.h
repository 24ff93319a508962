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
	sqlite3_stmt *gone_set, *gone_end, *gone_get;
	sqlite3_stmt *keep_set, *keep_drop;
	sqlite3_stmt *copy_set, *copy_next, *copy_drop, *copy_forget;
	unsigned writer;
	unsigned former; /* the writer of the state that this one was copied from; or ZONE_WRITERS */
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
/* For what is rare. -EIO: the disk has failed. */
int own_file_prepare(struct own *own, const char *sql, sqlite3_stmt **ret_statement);
/* A name as it stands in the file: hostile until it reads back as itself. */
bool own_file_name(sqlite3_stmt *statement, int column, struct name *ret_name);
/* own_sum.c: once for each connection, then what a file of an older version lacks, then -EBADMSG
 * where the file is not what was written. */
int own_sum_begin(sqlite3 *db);
int own_sum_make(sqlite3 *db, int version);
int own_sum_check(sqlite3 *db);
void own_file_reset(sqlite3_stmt *statement);
/* The first four parameters: uid, class, type, name. */
void own_file_bind(sqlite3_stmt *statement, uid_t uid, const struct question *q);

/* own_machine.c: of which machine the file is, "": that is not known. */
#define OWN_MACHINE_MAX 33
void own_machine(char ret_machine[OWN_MACHINE_MAX]);

/* own_kept.c */
int own_load_writer(struct own *own);

#endif
