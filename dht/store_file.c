/* The file of dht/store: opened safely, checked, and made if there is none; see store_file.h. */
#include "dht/store_file.h"

#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define APPLICATION_ID 1801544814 /* "kadn": whose file this is */
#define SCHEMA_VERSION 2

/* `key` is NULL for an immutable item, `host` for one that we ourselves put. A host that is no cell
 * is charged with nothing. */
static const char schema[] =
	"CREATE TABLE items(target BLOB NOT NULL PRIMARY KEY, key BLOB, salt BLOB, sig BLOB,"
	" seq INTEGER, value BLOB NOT NULL, expires INTEGER NOT NULL, host INTEGER DEFAULT 0,"
	" net INTEGER NOT NULL DEFAULT 0, puts INTEGER NOT NULL DEFAULT 0,"
	" asks INTEGER NOT NULL DEFAULT 0) STRICT;"
	"CREATE TABLE nodes(id BLOB NOT NULL, endpoint BLOB NOT NULL) STRICT;"
	"CREATE TABLE self(id BLOB NOT NULL) STRICT;"
	"CREATE TABLE state(secret BLOB NOT NULL, steady INTEGER, wall INTEGER) STRICT;"
	"PRAGMA application_id=1801544814;"
	"PRAGMA user_version=2;";

/* Of the first kadns: items without a source. */
static const char from_version_1[] =
	"DROP INDEX items_by_expiry;"
	"ALTER TABLE items ADD COLUMN host INTEGER DEFAULT -1;"
	"ALTER TABLE items ADD COLUMN net INTEGER NOT NULL DEFAULT 0;"
	"ALTER TABLE items ADD COLUMN puts INTEGER NOT NULL DEFAULT 0;"
	"ALTER TABLE items ADD COLUMN asks INTEGER NOT NULL DEFAULT 0;"
	"CREATE TABLE state(secret BLOB NOT NULL, steady INTEGER, wall INTEGER) STRICT;"
	"PRAGMA user_version=2;";

/* locking_mode comes before WAL, so that its index lies in our own memory and no second
 * process can get at the file at all: SQLite before 3.51.3 may corrupt a WAL that two
 * connections reset at once. */
static const char settings[] = "PRAGMA locking_mode=EXCLUSIVE;"
			       "PRAGMA journal_mode=WAL;"
			       "PRAGMA synchronous=NORMAL;"
			       "PRAGMA cell_size_check=ON;"
			       "PRAGMA journal_size_limit=8388608;";

int store_error_of(int code)
{
	switch (code & 0xff) {
	case SQLITE_OK:
	case SQLITE_ROW:
	case SQLITE_DONE:
		return 0;
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return -EBUSY;
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
	case SQLITE_ERROR: /* a schema that is not ours */
		return -EBADMSG;
	case SQLITE_FULL:
		return -ENOSPC;
	case SQLITE_NOMEM:
		return -ENOMEM;
	case SQLITE_READONLY:
		return -EROFS;
	case SQLITE_PERM:
	case SQLITE_CANTOPEN:
		return -EACCES;
	default:
		return -EIO;
	}
}

/* SQLite opens what it finds, through symbolic links and with the umask's mode. An existing file
 * is not opened here: closing it again would release the locks of a connection to it. */
static int make_file(const char *path)
{
	struct stat st;
	int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd >= 0)
		close(fd);
	else if (errno != EEXIST)
		return -errno;
	if (lstat(path, &st) < 0)
		return -errno;
	return S_ISREG(st.st_mode) ? 0 : -EBADMSG;
}

static int execute(sqlite3 *db, const char *text)
{
	return store_error_of(sqlite3_exec(db, text, NULL, NULL, NULL));
}

/* The integer that a pragma or a count answers. */
static int ask_integer(sqlite3 *db, const char *text, int64_t *ret_integer)
{
	sqlite3_stmt *s = NULL;
	int code = sqlite3_prepare_v2(db, text, -1, &s, NULL);
	if (code == SQLITE_OK)
		code = sqlite3_step(s);
	if (code == SQLITE_ROW)
		*ret_integer = sqlite3_column_int64(s, 0);
	sqlite3_finalize(s);
	return code == SQLITE_DONE ? -EBADMSG : store_error_of(code);
}

static int check_pages(sqlite3 *db)
{
	sqlite3_stmt *s = NULL;
	const char *verdict = NULL;
	int code = sqlite3_prepare_v2(db, "PRAGMA quick_check(1)", -1, &s, NULL);
	if (code == SQLITE_OK)
		code = sqlite3_step(s);
	if (code == SQLITE_ROW)
		verdict = (const char *)sqlite3_column_text(s, 0);
	int r = store_error_of(code);
	if (r == 0 && (!verdict || strcmp(verdict, "ok") != 0))
		r = -EBADMSG;
	sqlite3_finalize(s);
	return r;
}

/* Makes our tables in an empty file; refuses any that are not ours. */
static int check_schema(sqlite3 *db)
{
	int64_t tables = 0, application = 0, version = 0;
	int r = ask_integer(db, "SELECT count(*) FROM sqlite_schema", &tables);
	if (r == 0)
		r = ask_integer(db, "PRAGMA application_id", &application);
	if (r == 0)
		r = ask_integer(db, "PRAGMA user_version", &version);
	if (r < 0)
		return r;
	if (tables == 0 && application == 0 && version == 0)
		return execute(db, schema);
	if (application == APPLICATION_ID && version == 1)
		return execute(db, from_version_1);
	return application == APPLICATION_ID && version == SCHEMA_VERSION ? 0 : -EBADMSG;
}

/* A file that someone else has written must not bring code of its own, nor rows that fill
 * our memory. */
static void distrust(sqlite3 *db)
{
	sqlite3_db_config(db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	sqlite3_db_config(db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
	sqlite3_db_config(db, SQLITE_DBCONFIG_ENABLE_TRIGGER, 0, NULL);
	sqlite3_db_config(db, SQLITE_DBCONFIG_ENABLE_VIEW, 0, NULL);
	sqlite3_limit(db, SQLITE_LIMIT_LENGTH, 1 << 20); /* ours have 1.3 kB */
	sqlite3_limit(db, SQLITE_LIMIT_ATTACHED, 0);
}

int store_file_touch(struct sqlite3 *db)
{
	return execute(db, "PRAGMA user_version=2");
}

int store_file_open(const char *path, struct sqlite3 **ret_db)
{
	sqlite3 *db = NULL;
	int r = make_file(path);
	if (r < 0)
		return r;
	r = store_error_of(
		sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL));
	if (r < 0)
		goto out;
	distrust(db);
	r = execute(db, settings);
	if (r == 0)
		r = execute(db, "BEGIN EXCLUSIVE"); /* is another daemon there? */
	if (r == 0)
		r = check_schema(db);
	if (r == 0)
		r = check_pages(db);
	if (r == 0)
		r = execute(db, "COMMIT");
	if (r == 0) {
		*ret_db = db;
		return 0;
	}
out:
	sqlite3_close(db); /* which rolls back */
	return r;
}
