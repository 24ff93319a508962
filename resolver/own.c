/* The user's own records: a SQLite file for durability, a hash table for questions. */
#include "resolver/own.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "resolver/clock.h"
#include "resolver/own_inside.h"
#include "resolver/own_table.h"
#include "resolver/usage.h"

/* ---- the table in memory ---- */

/* Makes room first, so that the insertion after a commit cannot fail. */
static int new_node(
	struct own *own, uid_t uid, const struct question *q, struct own_node **ret_node)
{
	int r = usage_reserve(own->usage, uid);
	return r < 0 ? r : own_table_new(&own->table, uid, q, ret_node);
}

static void insert(struct own *own, struct own_node *n)
{
	own_table_insert(&own->table, n);
	usage_add(own->usage, n->record.uid, n->record.set);
}

static void remove_node(struct own *own, struct own_node *n)
{
	usage_remove(own->usage, n->record.uid, n->record.set);
	own_table_remove(&own->table, n);
}

/* Another set, or none: a tombstone. */
static void replace(struct own *own, struct own_node *n, const struct own_record *next)
{
	usage_remove(own->usage, n->record.uid, n->record.set);
	rrset_destroy(n->record.set);
	n->record = *next;
	usage_add(own->usage, n->record.uid, n->record.set);
}

/* ---- the file ---- */

static int load_data(struct rrset *set, const uint8_t *data, size_t len)
{
	for (size_t at = 0; at < len;) {
		if (len - at < 2)
			return -EBADMSG;
		size_t rdata_len = (size_t)data[at] << 8 | data[at + 1];
		if (len - at - 2 < rdata_len)
			return -EBADMSG;
		int r = rrset_add(set, data + at + 2, rdata_len);
		if (r < 0)
			return r == -ENOMEM ? r : -EBADMSG;
		at += 2 + rdata_len;
	}
	return set->count ? 0 : -EBADMSG;
}

static int load_record(struct own *own, sqlite3_stmt *s)
{
	struct question q = {.class = (uint16_t)sqlite3_column_int(s, 1),
		.type = (uint16_t)sqlite3_column_int(s, 2)};
	if (!own_file_name(s, 3, &q.name))
		return -EBADMSG;
	struct own_node *n;
	int r = new_node(own, (uid_t)sqlite3_column_int64(s, 0), &q, &n);
	if (r < 0)
		return r;
	struct own_record *record = &n->record;
	const uint8_t *data = sqlite3_column_blob(s, 5);
	if (data) {
		record->set = rrset_create(&q, (uint32_t)sqlite3_column_int64(s, 4));
		r = record->set ? load_data(record->set, data, (size_t)sqlite3_column_bytes(s, 5))
				: -ENOMEM;
		if (r < 0) {
			own_node_destroy(n);
			return r;
		}
	}
	record->written = sqlite3_column_int64(s, 6);
	record->published = sqlite3_column_int64(s, 7);
	record->inception = (uint32_t)sqlite3_column_int64(s, 8);
	record->replicas = (unsigned)sqlite3_column_int(s, 9);
	record->zoned = sqlite3_column_int64(s, 10);
	record->dot = sqlite3_column_int64(s, 11);
	insert(own, n);
	return 0;
}

static int load(struct own *own)
{
	sqlite3_stmt *s = NULL;
	int r = own_file_errno(sqlite3_prepare_v2(own->db,
		"SELECT uid, class, type, name, ttl, data, written, published, inception, replicas,"
		" zoned, dot FROM record",
		-1, &s, NULL));
	int rc = SQLITE_DONE;
	while (r == 0 && (rc = sqlite3_step(s)) == SQLITE_ROW)
		r = load_record(own, s);
	if (r == 0)
		r = own_file_errno(rc);
	sqlite3_finalize(s);
	return r;
}

static int prepare_all(struct own *own)
{
	const struct {
		sqlite3_stmt **statement;
		const char *sql;
	} table[] = {
		{&own->put,
			"INSERT OR REPLACE INTO record(uid, class, type, name, ttl, data, written,"
			" zoned, published, inception, replicas, dot, sum) "
			"VALUES(?1,?2,?3,?4,?5,?6,?7,?8,0,?9,0,?10,"
			" row_sum(?1,?2,?3,?4,?5,?6,?7))"},
		{&own->drop, "DELETE FROM record WHERE uid=? AND class=? AND type=? AND name=?"},
		{&own->published, "UPDATE record SET published=?5, replicas=?6"
				  " WHERE uid=?1 AND class=?2 AND type=?3 AND name=?4"},
		{&own->claimed, "UPDATE record SET inception=?5"
				" WHERE uid=?1 AND class=?2 AND type=?3 AND name=?4"},
		{&own->zoned, "UPDATE record SET zoned=?5, dot=?6"
			      " WHERE uid=?1 AND class=?2 AND type=?3 AND name=?4"},
		{&own->put_get, "SELECT put.seq, taken.seq, taken.packet FROM put"
				" LEFT JOIN taken USING(target) WHERE target=?"},
		{&own->put_set, "INSERT OR REPLACE INTO put(target, seq) VALUES(?,?)"},
		{&own->taken_set,
			"INSERT OR REPLACE INTO taken(target, seq, packet) VALUES(?,?,?)"},
		{&own->signer_get, "SELECT key FROM signer WHERE name=?"},
		{&own->signer_put, "INSERT OR IGNORE INTO signer(name, key, sum)"
				   " VALUES(?1,?2,row_sum(?1,?2))"},
		{&own->pins_set, "INSERT OR REPLACE INTO pin(uid, list, sum)"
				 " VALUES(?1,?2,row_sum(?1,?2))"},
		{&own->pins_drop, "DELETE FROM pin WHERE uid=?"},
		{&own->gone_set, "INSERT OR REPLACE INTO gone(uid, class, type, name, dot, at)"
				 " VALUES(?,?,?,?,?,?)"},
		{&own->gone_end,
			"DELETE FROM gone WHERE uid=?1 AND (at<=?2 OR at<=(SELECT at FROM gone"
			" WHERE uid=?1 ORDER BY at DESC LIMIT 1 OFFSET ?3))"},
		{&own->gone_get, "SELECT class, type, name, dot FROM gone WHERE uid=? AND at>?"},
		{&own->keep_set, "INSERT OR REPLACE INTO keep(uid, list, sum)"
				 " VALUES(?1,?2,row_sum(?1,?2))"},
		{&own->keep_drop, "DELETE FROM keep WHERE uid=?"},
		{&own->copy_set, "INSERT OR REPLACE INTO copy(key, page, seq, sig, value)"
				 " VALUES(?,?,?,?,?)"},
		{&own->copy_next, "SELECT page, seq, sig, value FROM copy"
				  " WHERE key=? AND page BETWEEN ? AND 1024 ORDER BY page LIMIT 1"},
		{&own->copy_drop, "DELETE FROM copy WHERE key=? AND page>=? AND page<?"},
		{&own->copy_forget, "DELETE FROM copy WHERE key=?"},
	};
	for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++) {
		int rc = sqlite3_prepare_v3(own->db, table[i].sql, -1, SQLITE_PREPARE_PERSISTENT,
			table[i].statement, NULL);
		if (rc != SQLITE_OK)
			return own_file_errno(rc);
	}
	return 0;
}

static int set_up(struct own *own, bool make)
{
	int signers = 0;
	int r = own_file_configure(own->db);
	if (r == 0 && make)
		r = own_file_make(own->db);
	if (r == 0)
		r = own_sum_check(own->db);
	if (r == 0)
		r = prepare_all(own);
	if (r == 0)
		r = own_file_integer(own->db, "SELECT count(*) FROM signer", &signers);
	own->signers = (size_t)signers;
	if (r == 0)
		r = load(own);
	if (r == 0)
		r = own_load_writer(own);
	return r;
}

void own_file_close(struct own *own)
{
	sqlite3_stmt **all[] = {&own->put, &own->drop, &own->zoned, &own->published, &own->claimed,
		&own->put_get, &own->put_set, &own->taken_set, &own->signer_get, &own->signer_put,
		&own->pins_set, &own->pins_drop, &own->gone_set, &own->gone_end, &own->gone_get,
		&own->keep_set, &own->keep_drop, &own->copy_set, &own->copy_next, &own->copy_drop,
		&own->copy_forget};
	for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++) {
		if (!own->lent)
			sqlite3_finalize(*all[i]);
		*all[i] = NULL;
	}
	if (!own->lent)
		sqlite3_close(own->db);
	own->db = NULL;
	own->batch = false;
}

void own_file_leave(struct own *own)
{
	if (own->db && !own->lent)
		sqlite3_db_config(own->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
	own_file_close(own);
}

/* The file, and what is in it into an empty table. */
static int open_file(struct own *own, bool make)
{
	int r = own_table_init(&own->table, own->seed);
	if (r == 0)
		r = usage_create(own->quota, own->owner, &own->usage);
	if (r == 0)
		r = own_file_errno(sqlite3_open_v2(own->path, &own->db,
			SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOFOLLOW |
				SQLITE_OPEN_FULLMUTEX,
			NULL));
	struct stat st;
	if (r == -ENOENT && lstat(own->path, &st) == 0 && !S_ISREG(st.st_mode))
		r = -EBADMSG; /* something stands there, and it is no file */
	return r == 0 ? set_up(own, make) : r;
}

static void forget(struct own_table *table, struct usage *usage)
{
	own_table_finish(table);
	usage_destroy(usage);
}

int own_reopen(struct own *own)
{
	struct own_table table = own->table;
	struct usage *usage = own->usage;
	own->usage = NULL;
	int r = open_file(own, false);
	if (r == 0) {
		forget(&table, usage);
		return 0;
	}
	own_file_leave(own);
	forget(&own->table, own->usage);
	own->table = table;
	own->usage = usage;
	return r;
}

int own_open(const char *path, unsigned quota, uid_t owner, uint64_t seed, struct own **ret_own)
{
	struct own *own = calloc(1, sizeof(*own));
	if (!own)
		return -ENOMEM;
	own->quota = quota;
	own->owner = owner;
	own->seed = seed;
	int len = snprintf(own->path, sizeof(own->path), "%s", path);
	int r = len < (int)sizeof(own->path) ? open_file(own, true) : -ENAMETOOLONG;
	if (r < 0) {
		own_close(own);
		return r;
	}
	*ret_own = own;
	return 0;
}

void own_close(struct own *own)
{
	if (!own)
		return;
	own_stop(own);
	own_file_close(own);
	forget(&own->table, own->usage);
	free(own);
}

/* ---- several changes, one commit ---- */

void own_begin(struct own *own)
{
	if (!own->batch)
		own->batch = own_file_exec(own->db, "BEGIN IMMEDIATE") == 0;
}

int own_end(struct own *own)
{
	if (!own->batch)
		return 0; /* each change was a commit of its own */
	own->batch = false;
	int r = own_file_exec(own->db, "COMMIT");
	if (r < 0)
		own_file_exec(own->db, "ROLLBACK");
	return r;
}

/* ---- records ---- */

static int store(struct own *own, const struct own_record *record)
{
	own_file_bind(own->put, record->uid, &record->question);
	sqlite3_bind_int64(own->put, 5, record->set ? record->set->ttl : 0);
	if (record->set)
		sqlite3_bind_blob64(
			own->put, 6, record->set->data, record->set->data_len, SQLITE_STATIC);
	sqlite3_bind_int64(own->put, 7, record->written);
	sqlite3_bind_int64(own->put, 8, record->zoned);
	sqlite3_bind_int64(own->put, 9, record->inception);
	sqlite3_bind_int64(own->put, 10, record->dot);
	return own_file_run(own->put);
}

/* A new version of one record: what is in the way of it, and what it will be once it is written. */
struct edit {
	struct own_node *there, *fresh; /* one of them */
	struct own_record next;
};

static void start_version(struct edit *e, struct rrset *set, int64_t now)
{
	e->next = e->there ? e->there->record : e->fresh->record;
	e->next.set = set;
	/* It names the version: a clock that was set back, or two in one microsecond, give another.
	 */
	int64_t before = e->next.written;
	e->next.written = now > before || clock_was_wrong(before) ? now : before + 1;
	e->next.published = 0;
	e->next.replicas = 0;
	e->next.conflict = OWN_NO_CONFLICT;
}

/* `instead`: what goes as this comes; NULL: what stands there. The set is copied. */
static int prepare_set(struct own *own, uid_t uid, const struct rrset *set,
	const struct rrset *instead, struct edit *ret_edit)
{
	struct edit e = {.there = own_table_find(&own->table, uid, &set->question)};
	if (e.there && e.there->record.set)
		instead = e.there->record.set;
	int r = usage_check(own->usage, uid, instead, set);
	if (r < 0)
		return r;
	struct rrset *copy = rrset_copy(set);
	r = copy ? 0 : -ENOMEM;
	if (r == 0 && !e.there)
		r = new_node(own, uid, &set->question, &e.fresh);
	if (r < 0) {
		rrset_destroy(copy);
		return r;
	}
	e.next.set = copy;
	*ret_edit = e;
	return 0;
}

static void apply(struct own *own, struct edit *e)
{
	if (e->there) {
		replace(own, e->there, &e->next);
	} else {
		e->fresh->record = e->next;
		insert(own, e->fresh);
	}
}

static void drop(struct edit *e)
{
	rrset_destroy(e->next.set);
	free(e->fresh);
}

int own_set(struct own *own, uid_t uid, const struct rrset *set, int64_t now)
{
	struct edit e;
	int r = prepare_set(own, uid, set, NULL, &e);
	if (r < 0)
		return r;
	start_version(&e, e.next.set, now);
	r = store(own, &e.next);
	if (r == 0)
		apply(own, &e);
	else
		drop(&e);
	return r;
}

int own_withdraw(struct own *own, uid_t uid, const struct question *q, int64_t now)
{
	struct edit e = {.there = own_table_find(&own->table, uid, q)};
	if (!e.there || !e.there->record.set)
		return -ENOENT;
	start_version(&e, NULL, now);
	int r = store(own, &e.next);
	if (r == 0)
		apply(own, &e);
	return r;
}

int own_withdraw_theirs(struct own *own, uid_t uid, const struct question *q, int64_t now)
{
	struct edit e = {.there = own_table_find(&own->table, uid, q)};
	int r = e.there ? 0 : usage_check(own->usage, uid, NULL, NULL);
	if (r == 0 && !e.there)
		r = new_node(own, uid, q, &e.fresh);
	if (r < 0)
		return r;
	start_version(&e, NULL, now);
	r = store(own, &e.next);
	if (r == 0)
		apply(own, &e);
	else
		drop(&e);
	return r;
}

static int store_both(struct own *own, const struct edit *come, const struct edit *go)
{
	int r = own_file_exec(own->db, "BEGIN IMMEDIATE");
	if (r < 0)
		return r;
	r = store(own, &come->next);
	if (r == 0)
		r = store(own, &go->next);
	if (r == 0)
		r = own_file_exec(own->db, "COMMIT");
	if (r < 0)
		own_file_exec(own->db, "ROLLBACK");
	return r;
}

int own_move(struct own *own, uid_t uid, const struct question *from, const struct rrset *set,
	int64_t now)
{
	struct edit come, go = {.there = own_table_find(&own->table, uid, from)};
	if (!go.there || !go.there->record.set)
		return -ENOENT;
	/* Another spelling of one name: its tombstone would be written over it. */
	if (question_equal(from, &set->question))
		return own_set(own, uid, set, now);
	int r = prepare_set(own, uid, set, go.there->record.set, &come);
	if (r < 0)
		return r;
	start_version(&come, come.next.set, now);
	start_version(&go, NULL, now);
	r = store_both(own, &come, &go);
	if (r < 0) {
		drop(&come);
		return r;
	}
	apply(own, &go);
	apply(own, &come);
	return 0;
}

int own_zoned(struct own *own, uid_t uid, const struct question *q, int64_t written, int64_t dot)
{
	struct own_node *n = own_table_find(&own->table, uid, q);
	if (!n || n->record.written != written ||
		(n->record.zoned == written && n->record.dot == dot))
		return 0;
	own_file_bind(own->zoned, uid, q);
	sqlite3_bind_int64(own->zoned, 5, written);
	sqlite3_bind_int64(own->zoned, 6, dot);
	int r = own_file_run(own->zoned);
	if (r == 0) {
		n->record.zoned = written;
		n->record.dot = dot;
	}
	return r;
}

static int drop_node(struct own *own, struct own_node *n)
{
	own_file_bind(own->drop, n->record.uid, &n->record.question);
	int r = own_file_run(own->drop);
	if (r == 0)
		remove_node(own, n);
	return r;
}

int own_forget(struct own *own, uid_t uid, const struct question *q, int64_t written)
{
	struct own_node *n = own_table_find(&own->table, uid, q);
	return n && n->record.written == written ? drop_node(own, n) : 0;
}

int own_published(struct own *own, uid_t uid, const struct question *q, int64_t written,
	int64_t now, unsigned replicas)
{
	struct own_node *n = own_table_find(&own->table, uid, q);
	if (!n || n->record.written != written)
		return 0; /* changed meanwhile: the newer version is on its way */
	if (!n->record.set)
		return drop_node(own, n);
	own_file_bind(own->published, uid, q);
	sqlite3_bind_int64(own->published, 5, now);
	sqlite3_bind_int64(own->published, 6, replicas);
	int r = own_file_run(own->published);
	if (r == 0) {
		n->record.published = now;
		n->record.replicas = replicas;
	}
	return r;
}

void own_note_conflict(
	struct own *own, uid_t uid, const struct question *q, enum own_conflict conflict)
{
	struct own_node *n = own_table_find(&own->table, uid, q);
	if (n)
		n->record.conflict = conflict;
}

int own_claimed(struct own *own, uid_t uid, const struct question *q, uint32_t inception)
{
	struct own_node *n = own_table_find(&own->table, uid, q);
	if (!n)
		return -ENOENT;
	own_file_bind(own->claimed, uid, q);
	sqlite3_bind_int64(own->claimed, 5, inception);
	int r = own_file_run(own->claimed);
	if (r == 0)
		n->record.inception = inception;
	return r;
}
