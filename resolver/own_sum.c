/* Is what stands in the file still what was written? SQLite sees that its trees are damaged, not
 * that a bit of a record is another one: what users said, and whom they believe, has a sum in its
 * row, since version 7 of the file. Copies of what others signed need none: signatures tell.
 *
 * The sum is against disks, not against people: who may write the file may write the sum. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "resolver/hash.h"
#include "resolver/own_inside.h"

#define SUMMED_SINCE 7
#define SQL_MAX 256

static const struct {
	const char *table, *columns;
} summed[] = {
	{"record", "uid, class, type, name, ttl, data, written"},
	{"pin", "uid, list"},
	{"keep", "uid, list"},
	{"signer", "name, key"},
	{"attested", "zone, key, min, until"},
};

/* Of SQL: row_sum(COLUMN...). */
static void row_sum(sqlite3_context *ctx, int len, sqlite3_value **values)
{
	uint64_t sum = 0;
	for (int i = 0; i < len; i++) {
		int type = sqlite3_value_type(values[i]);
		int64_t number = type == SQLITE_INTEGER ? sqlite3_value_int64(values[i]) : -type;
		sum = hash_bytes(&number, sizeof(number), sum);
		if (type == SQLITE_BLOB || type == SQLITE_TEXT) {
			const void *bytes = sqlite3_value_blob(values[i]);
			int bytes_len = sqlite3_value_bytes(values[i]);
			sum = hash_bytes(bytes ? bytes : "", bytes ? (size_t)bytes_len : 0, sum);
		}
	}
	sqlite3_result_int64(ctx, (int64_t)sum);
}

int own_sum_begin(sqlite3 *db)
{
	return own_file_errno(sqlite3_create_function_v2(db, "row_sum", -1,
		SQLITE_UTF8 | SQLITE_DETERMINISTIC, NULL, row_sum, NULL, NULL, NULL));
}

int own_sum_make(sqlite3 *db, int version)
{
	char sql[SQL_MAX];
	int r = 0;
	for (size_t i = 0; r == 0 && i < sizeof(summed) / sizeof(*summed); i++) {
		int there = 0;
		snprintf(sql, sizeof(sql),
			"SELECT count(*) FROM pragma_table_info('%s') WHERE name='sum'",
			summed[i].table);
		r = own_file_integer(db, sql, &there);
		snprintf(
			sql, sizeof(sql), "ALTER TABLE %s ADD COLUMN sum INTEGER", summed[i].table);
		if (r == 0 && !there)
			r = own_file_exec(db, sql);
		snprintf(sql, sizeof(sql), "UPDATE %s SET sum=row_sum(%s)", summed[i].table,
			summed[i].columns);
		if (r == 0 && version < SUMMED_SINCE)
			r = own_file_exec(db, sql);
	}
	return r;
}

static int check_trees(sqlite3 *db)
{
	sqlite3_stmt *s = NULL;
	int r = own_file_errno(sqlite3_prepare_v2(db, "PRAGMA quick_check(1)", -1, &s, NULL));
	if (r == 0) {
		int rc = sqlite3_step(s);
		const char *verdict = (const char *)sqlite3_column_text(s, 0);
		r = own_file_errno(rc);
		if (r == 0 && (!verdict || strcmp(verdict, "ok") != 0))
			r = -EBADMSG;
	}
	sqlite3_finalize(s);
	return r;
}

int own_sum_check(sqlite3 *db)
{
	char sql[SQL_MAX];
	int r = check_trees(db);
	for (size_t i = 0; r == 0 && i < sizeof(summed) / sizeof(*summed); i++) {
		int wrong = 0;
		snprintf(sql, sizeof(sql), "SELECT count(*) FROM %s WHERE sum IS NOT row_sum(%s)",
			summed[i].table, summed[i].columns);
		r = own_file_integer(db, sql, &wrong);
		if (r == 0 && wrong)
			r = -EBADMSG;
	}
	return r;
}
