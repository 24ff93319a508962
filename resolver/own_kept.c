/* What must never go backwards: the seq of what was put, whose it is, and who signed first. On the
 * disk alone. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>

#include "resolver/own_inside.h"
#include "resolver/zone_seen.h"

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

/* Which file this is: a copy has another number, or another time at which it came to be; and a copy
 * of the whole disk is another machine's. "": of no file, or where the file system does not tell;
 * without the machine, where nobody tells. */
#define MARK_MAX 96

static void mark_of(const struct own *own, char ret_mark[MARK_MAX])
{
	struct statx st;
	unsigned wanted = STATX_INO | STATX_BTIME;
	char machine[OWN_MACHINE_MAX];
	ret_mark[0] = '\0';
	if (statx(AT_FDCWD, own->path, AT_SYMLINK_NOFOLLOW, wanted, &st) < 0 ||
		(st.stx_mask & wanted) != wanted)
		return;
	own_machine(machine);
	snprintf(ret_mark, MARK_MAX, "%llu %lld.%09u%s%s", (unsigned long long)st.stx_ino,
		(long long)st.stx_btime.tv_sec, st.stx_btime.tv_nsec, *machine ? " " : "", machine);
}

/* The same file; of the same machine, as far as both tell. */
static bool same_place(const char *a, const char *b)
{
	size_t shorter = strlen(a) < strlen(b) ? strlen(a) : strlen(b);
	bool untold = (a[shorter] == '\0' || a[shorter] == ' ') &&
		      (b[shorter] == '\0' || b[shorter] == ' ');
	return untold && strncmp(a, b, shorter) == 0;
}

static int keep_writer(struct own *own, unsigned writer, unsigned former)
{
	char sql[256], mark[MARK_MAX];
	mark_of(own, mark);
	snprintf(sql, sizeof(sql),
		"SAVEPOINT writer; DELETE FROM writer; INSERT INTO writer VALUES(%u);"
		"DELETE FROM place; INSERT INTO place VALUES('%s', %u); RELEASE writer",
		writer, mark, former);
	int r = own_file_exec(own->db, sql);
	if (r < 0) {
		own_file_exec(own->db, "ROLLBACK TO writer; RELEASE writer");
		return r;
	}
	own->writer = writer;
	own->former = former;
	return 0;
}

/* Never the one that it had, as one of eight thousand draws would be. */
static int another_writer(struct own *own, unsigned former)
{
	uint32_t random;
	do
		if (getrandom(&random, sizeof(random), 0) != sizeof(random))
			return -EAGAIN;
	while (zone_writer(random) == own->writer);
	return keep_writer(own, zone_writer(random), former);
}

int own_new_writer(struct own *own)
{
	return another_writer(own, ZONE_WRITERS);
}

/* 0: it is where it was, or nobody knows. 1: it is not. *ret_new: more is known of where it is than
 * is kept. */
static int has_moved(struct own *own, unsigned *ret_former, bool *ret_new)
{
	char mark[MARK_MAX];
	sqlite3_stmt *s;
	*ret_new = false;
	*ret_former = ZONE_WRITERS;
	mark_of(own, mark);
	int r = own_file_prepare(own, "SELECT mark, former FROM place", &s);
	int rc = r == 0 ? sqlite3_step(s) : SQLITE_DONE;
	if (rc == SQLITE_ROW) {
		const char *was = (const char *)sqlite3_column_text(s, 0);
		*ret_former = (unsigned)sqlite3_column_int(s, 1);
		r = was && *was && *mark && !same_place(was, mark);
		*ret_new = r == 0 && was && strlen(mark) > strlen(was);
	} else if (r == 0) {
		r = own_file_errno(rc);
	}
	sqlite3_finalize(s);
	return r;
}

int own_load_writer(struct own *own)
{
	int id = 0;
	int r = own_file_integer(own->db, "SELECT coalesce(max(id), -1) FROM writer", &id);
	if (r < 0)
		return r;
	if (id < 0)
		return own_new_writer(own);
	own->writer = zone_writer((uint32_t)id);
	bool new = false;
	int known = 0;
	own->former = ZONE_WRITERS;
	r = own_file_integer(own->db, "SELECT count(*) FROM place", &known);
	if (r == 0 && known)
		r = has_moved(own, &own->former, &new);
	if (r == 1)
		return another_writer(own, own->writer);
	return r == 0 && (new || !known) ? keep_writer(own, own->writer, own->former) : r;
}

unsigned own_former_writer(const struct own *own)
{
	return own->former;
}

unsigned own_writer(const struct own *own)
{
	return own->writer;
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

int own_forget_signer(struct own *own, const struct name *name)
{
	sqlite3_stmt *s;
	int r = own_file_prepare(own, "DELETE FROM signer WHERE name=?", &s);
	if (r == 0) {
		sqlite3_bind_blob(s, 1, name->wire, name->len, SQLITE_STATIC);
		r = own_file_run(s);
	}
	sqlite3_finalize(s);
	if (r == 0 && sqlite3_changes(own->db) == 0)
		return -ENOENT;
	own->signers -= r == 0;
	return r;
}

int own_each_signer(struct own *own, own_signer_fn *fn, void *ctx)
{
	sqlite3_stmt *s;
	struct name name;
	int rc = SQLITE_DONE,
	    r = own_file_prepare(own, "SELECT name, key FROM signer ORDER BY name", &s);
	while (r == 0 && (rc = sqlite3_step(s)) == SQLITE_ROW)
		r = own_file_name(s, 0, &name) && sqlite3_column_bytes(s, 1) == NAME_KEY_LEN
			    ? fn(ctx, &name, sqlite3_column_blob(s, 1))
			    : -EBADMSG;
	if (r == 0)
		r = own_file_errno(rc);
	sqlite3_finalize(s);
	return r;
}
