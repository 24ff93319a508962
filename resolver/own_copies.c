/* Copies of what others have signed, on disk: what the keeper of their zones goes on with after a
 * restart. */
#include <errno.h>
#include <string.h>

#include "resolver/own_inside.h"

int own_set_copy(struct own *own, const struct own_copy *copy)
{
	sqlite3_stmt *s = own->copy_set;
	sqlite3_bind_blob(s, 1, copy->key, NAME_KEY_LEN, SQLITE_STATIC);
	sqlite3_bind_int(s, 2, copy->page);
	sqlite3_bind_int64(s, 3, copy->seq);
	sqlite3_bind_blob(s, 4, copy->sig, sizeof(copy->sig), SQLITE_STATIC);
	sqlite3_bind_blob64(s, 5, copy->value, copy->value_len, SQLITE_STATIC);
	return own_file_run(s);
}

/* The file may be damaged: what does not fit is no copy. */
static void read_copy(sqlite3_stmt *s, struct own_copy *ret_copy)
{
	size_t len = (size_t)sqlite3_column_bytes(s, 3);
	ret_copy->page = sqlite3_column_int(s, 0);
	ret_copy->seq = sqlite3_column_int64(s, 1);
	ret_copy->value_len = 0;
	const void *sig = sqlite3_column_blob(s, 2), *value = sqlite3_column_blob(s, 3);
	if (sqlite3_column_bytes(s, 2) != sizeof(ret_copy->sig) || !value || len > OWN_COPY_MAX)
		return;
	memcpy(ret_copy->sig, sig, sizeof(ret_copy->sig));
	memcpy(ret_copy->value, value, len);
	ret_copy->value_len = len;
}

int own_next_copy(
	struct own *own, const uint8_t key[NAME_KEY_LEN], int64_t from, struct own_copy *ret_copy)
{
	sqlite3_stmt *s = own->copy_next;
	if (!s)
		return -EIO;
	memcpy(ret_copy->key, key, NAME_KEY_LEN);
	sqlite3_bind_blob(s, 1, key, NAME_KEY_LEN, SQLITE_STATIC);
	sqlite3_bind_int64(s, 2, from);
	int rc = sqlite3_step(s);
	if (rc == SQLITE_ROW)
		read_copy(s, ret_copy);
	int r = rc == SQLITE_DONE ? -ENOENT : own_file_errno(rc);
	own_file_reset(s);
	return r;
}

int own_drop_copies(struct own *own, const uint8_t key[NAME_KEY_LEN], int from, int to)
{
	sqlite3_stmt *s = own->copy_drop;
	sqlite3_bind_blob(s, 1, key, NAME_KEY_LEN, SQLITE_STATIC);
	sqlite3_bind_int(s, 2, from);
	sqlite3_bind_int(s, 3, to);
	return own_file_run(s);
}

int own_forget_copies(struct own *own, const uint8_t key[NAME_KEY_LEN])
{
	sqlite3_bind_blob(own->copy_forget, 1, key, NAME_KEY_LEN, SQLITE_STATIC);
	return own_file_run(own->copy_forget);
}

int own_each_copied(struct own *own, own_copied_fn *fn, void *ctx)
{
	sqlite3_stmt *s = NULL;
	/* Of a damaged file what is no key is left alone: it could not be named to be dropped. */
	int r = own_file_errno(sqlite3_prepare_v2(own->db,
		"SELECT DISTINCT key FROM copy WHERE typeof(key)='blob' AND length(key)=32", -1, &s,
		NULL));
	int rc = SQLITE_DONE;
	while (r == 0 && (rc = sqlite3_step(s)) == SQLITE_ROW) {
		const uint8_t *key = sqlite3_column_blob(s, 0);
		if (key) /* no memory */
			fn(ctx, key);
	}
	sqlite3_finalize(s);
	return r == 0 ? own_file_errno(rc) : r;
}
