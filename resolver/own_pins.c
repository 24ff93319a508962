/* Users' pins on disk: a list is one row, so that a write replaces it whole or not at all. */
#include <errno.h>

#include "resolver/own_inside.h"

int own_set_pins(struct own *own, uid_t uid, const char *list, size_t len)
{
	sqlite3_stmt *s = len ? own->pins_set : own->pins_drop;
	sqlite3_bind_int64(s, 1, uid);
	if (len)
		sqlite3_bind_blob64(s, 2, list, len, SQLITE_STATIC);
	return own_file_run(s);
}

int own_each_pins(struct own *own, own_pins_fn *fn, void *ctx)
{
	sqlite3_stmt *s = NULL;
	int r = own_file_errno(
		sqlite3_prepare_v2(own->db, "SELECT uid, list FROM pin", -1, &s, NULL));
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
