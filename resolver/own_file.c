/* The file of the user's own records: how it is opened, what is in it, what its errors mean. */
#include <errno.h>
#include <stdio.h>

#include "resolver/own_inside.h"

#define OWN_APPLICATION_ID 0x6b61646e /* "kadn": tells our file from any other database */
/* A file of an older version becomes one of this, by the tables that it lacks; that has no way
 * back: an older kadns refuses it, for it would not keep what it does not know. */
#define OWN_SCHEMA_FIRST 1
#define OWN_SCHEMA_VERSION 8

static const char schema[] =
	"CREATE TABLE IF NOT EXISTS record("
	" uid INTEGER NOT NULL, class INTEGER NOT NULL, type INTEGER NOT NULL, name BLOB NOT NULL,"
	" ttl INTEGER NOT NULL, data BLOB," /* NULL: withdrawn, and the network may not know yet */
	" written INTEGER NOT NULL, zoned INTEGER NOT NULL DEFAULT 0,"
	" published INTEGER NOT NULL DEFAULT 0,"
	" inception INTEGER NOT NULL DEFAULT 0, replicas INTEGER NOT NULL DEFAULT 0,"
	" dot INTEGER NOT NULL DEFAULT 0," /* since version 5 */
	" sum INTEGER,"			   /* since version 7, as below: own_sum_make */
	" PRIMARY KEY(uid, class, type, name)) WITHOUT ROWID;"
	"CREATE TABLE IF NOT EXISTS put(target BLOB PRIMARY KEY, seq INTEGER NOT NULL, packet BLOB)"
	" WITHOUT ROWID;"
	"CREATE TABLE IF NOT EXISTS signer(name BLOB PRIMARY KEY, key BLOB NOT NULL,"
	" sum INTEGER) WITHOUT ROWID;"
	/* Since version 2: a user's list, as resolver/pins writes it. */
	"CREATE TABLE IF NOT EXISTS pin(uid INTEGER PRIMARY KEY, list BLOB NOT NULL,"
	" sum INTEGER);"
	/* Since version 3: what nodes took, which `put` had with what they refused. */
	"CREATE TABLE IF NOT EXISTS taken(target BLOB PRIMARY KEY, seq INTEGER NOT NULL,"
	" packet BLOB NOT NULL) WITHOUT ROWID;"
	/* Since version 4: keys that zones attest, until the first signature of the proof ends. */
	"CREATE TABLE IF NOT EXISTS attested(zone BLOB PRIMARY KEY, key BLOB NOT NULL,"
	" min INTEGER NOT NULL, until INTEGER NOT NULL, sum INTEGER) WITHOUT ROWID;"
	"INSERT OR IGNORE INTO taken SELECT target, seq, packet FROM put"
	" WHERE packet IS NOT NULL;"
	/* Since version 5: what was withdrawn, and whose the seqs are. */
	"CREATE TABLE IF NOT EXISTS gone(uid INTEGER NOT NULL, class INTEGER NOT NULL,"
	" type INTEGER NOT NULL, name BLOB NOT NULL, dot INTEGER NOT NULL, at INTEGER NOT NULL,"
	" PRIMARY KEY(uid, class, type, name)) WITHOUT ROWID;"
	"CREATE INDEX IF NOT EXISTS gone_at ON gone(uid, at);"
	"CREATE TABLE IF NOT EXISTS writer(id INTEGER NOT NULL);"
	/* Since version 6: keys whose zones are kept alive, a list as resolver/keep_list writes it,
	 * and what they have signed. */
	"CREATE TABLE IF NOT EXISTS keep(uid INTEGER PRIMARY KEY, list BLOB NOT NULL,"
	" sum INTEGER);"
	"CREATE TABLE IF NOT EXISTS copy(key BLOB NOT NULL, page INTEGER NOT NULL,"
	" seq INTEGER NOT NULL, sig BLOB NOT NULL, value BLOB NOT NULL, PRIMARY KEY(key, page))"
	" WITHOUT ROWID;"
	/* Since version 8: which file on which disk this is, and what its writer was before. */
	"CREATE TABLE IF NOT EXISTS place(mark TEXT NOT NULL, former INTEGER NOT NULL);";

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

int own_file_prepare(struct own *own, const char *sql, sqlite3_stmt **ret_statement)
{
	*ret_statement = NULL;
	return own->db ? own_file_errno(sqlite3_prepare_v2(own->db, sql, -1, ret_statement, NULL))
		       : -EIO;
}

void own_file_bind(sqlite3_stmt *s, uid_t uid, const struct question *q)
{
	sqlite3_bind_int64(s, 1, uid);
	sqlite3_bind_int(s, 2, q->class);
	sqlite3_bind_int(s, 3, q->type);
	sqlite3_bind_blob(s, 4, q->name.wire, q->name.len, SQLITE_STATIC);
}

bool own_file_name(sqlite3_stmt *s, int column, struct name *ret_name)
{
	const uint8_t *wire = sqlite3_column_blob(s, column);
	int len = sqlite3_column_bytes(s, column);
	size_t offset = 0;
	return wire && len > 0 && len <= NAME_WIRE_MAX &&
	       name_from_wire(wire, (size_t)len, &offset, ret_name) == 0 && offset == (size_t)len;
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
	if (r == 0)
		r = own_sum_begin(db);
	return r == 0 ? check_identity(db) : r;
}

int own_file_touch(sqlite3 *db)
{
	char version[40];
	snprintf(version, sizeof(version), "PRAGMA user_version=%d", OWN_SCHEMA_VERSION);
	return own_file_exec(db, version);
}

/* A table of an older file lacks it; then no record is known to stand in its zone, and all are laid
 * there once more. */
static int add_dot(sqlite3 *db)
{
	int there = 0;
	int r = own_file_integer(
		db, "SELECT count(*) FROM pragma_table_info('record') WHERE name='dot'", &there);
	if (r < 0 || there)
		return r;
	return own_file_exec(db, "ALTER TABLE record ADD COLUMN dot INTEGER NOT NULL DEFAULT 0");
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
	if (r == 0)
		r = add_dot(db);
	if (r == 0)
		r = own_sum_make(db, version);
	/* Before version 3 a name that had no room in its zone passed for one that stood there. */
	if (r == 0 && version < 3)
		r = own_file_exec(db, "UPDATE record SET zoned=0");
	if (r == 0)
		r = own_file_exec(db, "COMMIT");
	return r;
}
