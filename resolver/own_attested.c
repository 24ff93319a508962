/* Keys that zones attest, on disk: a row a zone, until its proof ends. Rare, so nothing of it is
 * kept prepared. */
#include <errno.h>

#include "resolver/own_inside.h"

int own_set_attested(struct own *own, const struct own_attested *a)
{
	sqlite3_stmt *s;
	int r = own_file_prepare(own,
		"INSERT OR REPLACE INTO attested(zone, key, min, until, sum)"
		" VALUES(?1,?2,?3,?4,row_sum(?1,?2,?3,?4))",
		&s);
	if (r == 0) {
		sqlite3_bind_blob(s, 1, a->zone.wire, a->zone.len, SQLITE_STATIC);
		sqlite3_bind_blob(s, 2, a->key, NAME_KEY_LEN, SQLITE_STATIC);
		sqlite3_bind_int64(s, 3, a->min);
		sqlite3_bind_int64(s, 4, a->until);
		r = own_file_run(s);
	}
	sqlite3_finalize(s);
	return r;
}

int own_drop_attested(struct own *own, const struct name *zone)
{
	sqlite3_stmt *s;
	int r = own_file_prepare(own, "DELETE FROM attested WHERE zone=?", &s);
	if (r == 0) {
		sqlite3_bind_blob(s, 1, zone->wire, zone->len, SQLITE_STATIC);
		r = own_file_run(s);
	}
	sqlite3_finalize(s);
	return r;
}

/* What is over goes; a disk that is full keeps it, which does no harm. */
static void expire(struct own *own, int64_t now)
{
	sqlite3_stmt *s;
	int r = own_file_prepare(own, "DELETE FROM attested WHERE until<=?", &s);
	if (r == 0) {
		sqlite3_bind_int64(s, 1, now);
		own_file_run(s);
	}
	sqlite3_finalize(s);
}

static bool read_row(sqlite3_stmt *s, struct own_attested *ret_row)
{
	ret_row->key = sqlite3_column_blob(s, 1);
	ret_row->min = sqlite3_column_int64(s, 2);
	ret_row->until = sqlite3_column_int64(s, 3);
	return own_file_name(s, 0, &ret_row->zone) && sqlite3_column_bytes(s, 1) == NAME_KEY_LEN;
}

int own_each_attested(struct own *own, int64_t now, own_attested_fn *fn, void *ctx)
{
	sqlite3_stmt *s = NULL;
	int rc = SQLITE_DONE, r;
	expire(own, now);
	r = own_file_prepare(own, "SELECT zone, key, min, until FROM attested", &s);
	while (r == 0 && (rc = sqlite3_step(s)) == SQLITE_ROW) {
		struct own_attested row;
		r = read_row(s, &row) ? fn(ctx, &row) : -EBADMSG;
	}
	if (r == 0)
		r = own_file_errno(rc);
	sqlite3_finalize(s);
	return r;
}
