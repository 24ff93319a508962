/* Users' lists on disk, pins and keys to keep alive: a list is one row, so that a write replaces it
 * whole or not at all. */
#include <errno.h>

#include "resolver/own_inside.h"

static int set_list(sqlite3_stmt *s, uid_t uid, const char *list, size_t len)
{
	sqlite3_bind_int64(s, 1, uid);
	if (len)
		sqlite3_bind_blob64(s, 2, list, len, SQLITE_STATIC);
	return own_file_run(s);
}

static int each_list(struct own *own, const char *sql, own_list_fn *fn, void *ctx)
{
	sqlite3_stmt *s = NULL;
	int r = own_file_errno(sqlite3_prepare_v2(own->db, sql, -1, &s, NULL));
	int rc = SQLITE_DONE;
	while (r == 0 && (rc = sqlite3_step(s)) == SQLITE_ROW) {
		int64_t uid = sqlite3_column_int64(s, 0);
		const char *list = sqlite3_column_blob(s, 1);
		size_t len = (size_t)sqlite3_column_bytes(s, 1);
		/* (uid_t)-1 is nobody's: chown(2) reserves it. */
		r = list && uid >= 0 && uid < UINT32_MAX ? fn(ctx, (uid_t)uid, list, len)
							 : -EBADMSG;
	}
	if (r == 0)
		r = own_file_errno(rc);
	sqlite3_finalize(s);
	return r;
}

int own_set_pins(struct own *own, uid_t uid, const char *list, size_t len)
{
	return set_list(len ? own->pins_set : own->pins_drop, uid, list, len);
}

int own_each_pins(struct own *own, own_list_fn *fn, void *ctx)
{
	return each_list(own, "SELECT uid, list FROM pin", fn, ctx);
}

int own_set_keep(struct own *own, uid_t uid, const char *list, size_t len)
{
	return set_list(len ? own->keep_set : own->keep_drop, uid, list, len);
}

int own_each_keep(struct own *own, own_list_fn *fn, void *ctx)
{
	return each_list(own, "SELECT uid, list FROM keep", fn, ctx);
}
