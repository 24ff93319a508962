/* The file of the user's own records: how it is opened, what is in it, what its errors mean. */
#include <errno.h>
#include <stdio.h>

#include "resolver/own_inside.h"

#define OWN_APPLICATION_ID 0x6b61646e /* "kadn": tells our file from any other database */
/* A file of an older version becomes one of this, by the tables that it lacks; that has no way
 * back: an older kadns refuses it, for it would not keep what it does not know. */
#define OWN_SCHEMA_FIRST 1
#define OWN_SCHEMA_VERSION 3

static const char schema[] =
	"CREATE TABLE IF NOT EXISTS record("
	" uid INTEGER NOT NULL, class INTEGER NOT NULL, type INTEGER NOT NULL, name BLOB NOT NULL,"
	" ttl INTEGER NOT NULL, data BLOB," /* NULL: withdrawn, and the network may not know yet */
	" written INTEGER NOT NULL, zoned INTEGER NOT NULL DEFAULT 0,"
	" published INTEGER NOT NULL DEFAULT 0,"
	" inception INTEGER NOT NULL DEFAULT 0, replicas INTEGER NOT NULL DEFAULT 0,"
	" PRIMARY KEY(uid, class, type, name)) WITHOUT ROWID;"
	"CREATE TABLE IF NOT EXISTS put(target BLOB PRIMARY KEY, seq INTEGER NOT NULL, packet BLOB)"
	" WITHOUT ROWID;"
	"CREATE TABLE IF NOT EXISTS signer(name BLOB PRIMARY KEY, key BLOB NOT NULL) WITHOUT ROWID;"
	/* Since version 2: a user's list, as resolver/pins writes it. */
	"CREATE TABLE IF NOT EXISTS pin(uid INTEGER PRIMARY KEY, list BLOB NOT NULL);"
	/* Since version 3: what nodes took, which `put` had with what they refused. */
	"CREATE TABLE IF NOT EXISTS taken(target BLOB PRIMARY KEY, seq INTEGER NOT NULL,"
	" packet BLOB NOT NULL) WITHOUT ROWID;"
	"INSERT OR IGNORE INTO taken SELECT target, seq, packet FROM put"
	" WHERE packet IS NOT NULL;";

int own_file_errno(int rc)
{
	switch (rc & 0xff) {
	case SQLITE_OK:
	case SQLITE_DONE:
	case SQLITE_ROW:
		return 0;
	case SQLITE_FULL:
		return -ENOSPC;
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return -EBUSY;
	case SQLITE_NOMEM:
		return -ENOMEM;
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
		return -EBADMSG;
	case SQLITE_CANTOPEN:
		return -ENOENT;
	case SQLITE_READONLY:
	case SQLITE_PERM:
		return -EACCES;
	default:
		return -EIO;
	}
}

void own_file_reset(sqlite3_stmt *statement)
{
	if (!statement)
		return;
	sqlite3_reset(statement);
	sqlite3_clear_bindings(statement);
}

int own_file_run(sqlite3_stmt *statement)
{
	if (!statement)
		return -EIO;
	int rc = sqlite3_step(statement);
	own_file_reset(statement);
	return own_file_errno(rc);
}

int own_file_integer(sqlite3 *db, const char *sql, int *ret_value)
{
	sqlite3_stmt *s = NULL;
	int r = own_file_errno(sqlite3_prepare_v2(db, sql, -1, &s, NULL));
	if (r == 0) {
		int rc = sqlite3_step(s);
		r = rc == SQLITE_ROW ? 0 : own_file_errno(rc);
		*ret_value = sqlite3_column_int(s, 0);
	}
	sqlite3_finalize(s);
	return r;
}

/* An empty file becomes ours; any other must be ours already. */
static int check_identity(sqlite3 *db)
{
	int id = 0, version = 0, tables = 0;
	int r = own_file_integer(db, "SELECT count(*) FROM sqlite_master", &tables);
	if (r == 0)
		r = own_file_integer(db, "PRAGMA application_id", &id);
	if (r == 0)
		r = own_file_integer(db, "PRAGMA user_version", &version);
	if (r < 0)
		return r;
	if (tables == 0 && id == 0)
		return 0;
	bool known = version >= OWN_SCHEMA_FIRST && version <= OWN_SCHEMA_VERSION;
	return id == OWN_APPLICATION_ID && known ? 0 : -EBADMSG;
}

int own_file_exec(sqlite3 *db, const char *sql)
{
	return own_file_errno(sqlite3_exec(db, sql, NULL, NULL, NULL));
}

int own_file_configure(sqlite3 *db)
{
	/* EXCLUSIVE keeps a second daemon out and spares the shared-memory file. FULL is what makes
	 * "durable" true after a power loss; it costs 0.2 ms a commit (facts: trust, finding 10).
	 */
	int r = own_file_exec(db, "PRAGMA locking_mode=EXCLUSIVE; PRAGMA journal_mode=WAL;"
				  "PRAGMA synchronous=FULL; PRAGMA trusted_schema=OFF;"
				  "PRAGMA cache_size=-512;");
	return r == 0 ? check_identity(db) : r;
}

int own_file_touch(sqlite3 *db)
{
	char version[40];
	snprintf(version, sizeof(version), "PRAGMA user_version=%d", OWN_SCHEMA_VERSION);
	return own_file_exec(db, version);
}

int own_file_make(sqlite3 *db)
{
	char identity[96];
	int version = OWN_SCHEMA_VERSION;
	snprintf(identity, sizeof(identity), "PRAGMA application_id=%d; PRAGMA user_version=%d;",
		OWN_APPLICATION_ID, OWN_SCHEMA_VERSION);
	int r = own_file_integer(db, "PRAGMA user_version", &version);
	if (r == 0)
		r = own_file_exec(db, "BEGIN IMMEDIATE");
	if (r == 0)
		r = own_file_exec(db, identity);
	if (r == 0)
		r = own_file_exec(db, schema);
	/* Before version 3 a name that had no room in its zone passed for one that stood there. */
	if (r == 0 && version < 3)
		r = own_file_exec(db, "UPDATE record SET zoned=0");
	if (r == 0)
		r = own_file_exec(db, "COMMIT");
	return r;
}
