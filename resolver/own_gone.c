/* What was withdrawn here lately: on the disk, for the runs of a zone alone. */
#include <errno.h>

#include "resolver/own_inside.h"

int own_set_gone(struct own *own, uid_t uid, const struct question *q, int64_t dot, int64_t now)
{
	own_file_bind(own->gone_set, uid, q);
	sqlite3_bind_int64(own->gone_set, 5, dot);
	sqlite3_bind_int64(own->gone_set, 6, now);
	int r = own_file_run(own->gone_set);
	if (r < 0)
		return r;
	sqlite3_bind_int64(own->gone_end, 1, uid);
	sqlite3_bind_int64(own->gone_end, 2, now - OWN_GONE_LIFETIME);
	sqlite3_bind_int(own->gone_end, 3, OWN_GONE_MAX);
	return own_file_run(own->gone_end);
}

int own_drop_gone(struct own *own, uid_t uid, const struct question *q)
{
	sqlite3_stmt *s;
	int r = own_file_prepare(
		own, "DELETE FROM gone WHERE uid=? AND class=? AND type=? AND name=?", &s);
	if (r < 0)
		return r;
	own_file_bind(s, uid, q);
	r = own_file_run(s);
	sqlite3_finalize(s);
	return r;
}

int own_each_gone(struct own *own, uid_t uid, int64_t now, own_gone_fn *fn, void *ctx)
{
	sqlite3_stmt *s = own->gone_get;
	int rc = SQLITE_DONE, r = 0;
	if (!s)
		return -EIO;
	sqlite3_bind_int64(s, 1, uid);
	sqlite3_bind_int64(s, 2, now - OWN_GONE_LIFETIME);
	while (r == 0 && (rc = sqlite3_step(s)) == SQLITE_ROW) {
		struct question q = {.class = (uint16_t)sqlite3_column_int(s, 0),
			.type = (uint16_t)sqlite3_column_int(s, 1)};
		r = own_file_name(s, 2, &q.name) ? fn(ctx, &q, sqlite3_column_int64(s, 3))
						 : -EBADMSG;
	}
	own_file_reset(s);
	return r < 0 ? r : own_file_errno(rc);
}
