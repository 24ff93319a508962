/* What must never go backwards: the seq of what was put, and who signed first. On the disk alone.
 */
#include <errno.h>
#include <string.h>

#include "resolver/own_inside.h"

#define SIGNERS_MAX 100000 /* names whose first signer is remembered: 10 MB */

int own_last_put(struct own *own, const uint8_t target[20], struct own_put *ret_put)
{
	*ret_put = (struct own_put){0};
	sqlite3_bind_blob(own->put_get, 1, target, 20, SQLITE_STATIC);
	int rc = sqlite3_step(own->put_get);
	if (rc == SQLITE_ROW) {
		ret_put->seq = sqlite3_column_int64(own->put_get, 0);
		const void *packet = sqlite3_column_blob(own->put_get, 2);
		int len = sqlite3_column_bytes(own->put_get, 2);
		if (packet && len > 0 && len <= OWN_PACKET_MAX) {
			ret_put->taken = sqlite3_column_int64(own->put_get, 1);
			memcpy(ret_put->packet, packet, (size_t)len);
			ret_put->packet_len = (size_t)len;
		}
	}
	own_file_reset(own->put_get);
	return own_file_errno(rc);
}

int own_set_put(struct own *own, const uint8_t target[20], int64_t seq)
{
	sqlite3_bind_blob(own->put_set, 1, target, 20, SQLITE_STATIC);
	sqlite3_bind_int64(own->put_set, 2, seq);
	return own_file_run(own->put_set);
}

int own_set_taken(struct own *own, const uint8_t target[20], const struct own_put *put)
{
	sqlite3_bind_blob(own->taken_set, 1, target, 20, SQLITE_STATIC);
	sqlite3_bind_int64(own->taken_set, 2, put->taken);
	sqlite3_bind_blob64(own->taken_set, 3, put->packet, put->packet_len, SQLITE_STATIC);
	return own_file_run(own->taken_set);
}

int own_first_signer(struct own *own, const struct name *name, uint8_t ret_key[NAME_KEY_LEN])
{
	sqlite3_bind_blob(own->signer_get, 1, name->wire, name->len, SQLITE_STATIC);
	int rc = sqlite3_step(own->signer_get), r = own_file_errno(rc);
	if (rc == SQLITE_DONE)
		r = -ENOENT;
	else if (rc == SQLITE_ROW && sqlite3_column_bytes(own->signer_get, 0) == NAME_KEY_LEN)
		memcpy(ret_key, sqlite3_column_blob(own->signer_get, 0), NAME_KEY_LEN);
	else if (rc == SQLITE_ROW)
		r = -EBADMSG;
	own_file_reset(own->signer_get);
	return r;
}

int own_remember_signer(struct own *own, const struct name *name, const uint8_t key[NAME_KEY_LEN])
{
	if (own->signers >= SIGNERS_MAX)
		return -ENOSPC;
	sqlite3_bind_blob(own->signer_put, 1, name->wire, name->len, SQLITE_STATIC);
	sqlite3_bind_blob(own->signer_put, 2, key, NAME_KEY_LEN, SQLITE_STATIC);
	int r = own_file_run(own->signer_put);
	if (r == 0)
		own->signers += (size_t)sqlite3_changes(own->db);
	return r;
}
