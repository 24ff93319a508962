/* Own records: durable, bounded, and refused when the file is not ours. */
#undef NDEBUG
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>
#include <sqlite3.h>

#include "resolver/own.h"
#include "resolver/zone_seen.h"
#include "resolver/sieve.h"
#include "tests/directory.h"

static char dir[DIRECTORY_CAP];
static char path[96];

static int set_up(void **state)
{
	(void)state;
	if (directory_make(dir))
		return -1;
	snprintf(path, sizeof(path), "%s/own.db", dir);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	char side[128];
	static const char *const suffixes[] = {"", "-wal", "-shm", "-journal"};
	for (size_t i = 0; i < 4; i++) {
		snprintf(side, sizeof(side), "%s%s", path, suffixes[i]);
		unlink(side);
	}
	return rmdir(dir);
}

static struct question question_of(const char *text)
{
	struct question q = {.type = TYPE_A, .class = CLASS_IN};
	assert_int_equal(name_from_text(text, strlen(text), &q.name), 0);
	return q;
}

static struct rrset *set_of(const char *name, uint8_t last)
{
	struct question q = question_of(name);
	struct rrset *set = rrset_create(&q, 300);
	assert_int_equal(rrset_add(set, (const uint8_t[]){192, 0, 2, last}, 4), 0);
	return set;
}

static int put(struct own *own, uid_t uid, const char *name, uint8_t last, int64_t now)
{
	struct rrset *set = set_of(name, last);
	int r = own_set(own, uid, set, now);
	rrset_destroy(set);
	return r;
}

static void test_survives(void **state)
{
	(void)state;
	struct own *own;
	struct question q = question_of("printer.alt"), gone = question_of("gone.alt");
	assert_int_equal(own_open(path, 10, 0, 1, &own), 0);
	assert_int_equal(put(own, 1000, "printer.alt", 7, 111), 0);
	assert_int_equal(put(own, 1000, "gone.alt", 8, 112), 0);
	assert_int_equal(own_withdraw(own, 1000, &gone, 113), 0);
	assert_int_equal(own_withdraw(own, 1000, &gone, 114), -ENOENT);
	assert_int_equal(own_claimed(own, 1000, &q, 42), 0);
	assert_int_equal(own_published(own, 1000, &q, 111, 200, 3), 0);
	own_close(own);

	assert_int_equal(own_open(path, 10, 0, 2, &own), 0);
	assert_int_equal(own_records(own), 2);
	const struct own_record *r = own_find(own, 1000, &q);
	assert_non_null(r);
	assert_int_equal(r->set->count, 1);
	assert_int_equal(r->set->ttl, 300);
	assert_int_equal(r->written, 111);
	assert_int_equal(r->published, 200);
	assert_int_equal(r->replicas, 3);
	assert_int_equal(r->inception, 42);
	/* The withdrawal is still to be told: the tombstone stands until it has been. */
	r = own_find(own, 1000, &gone);
	assert_non_null(r);
	assert_null(r->set);
	assert_null(own_any(own, &gone));
	assert_int_equal(own_published(own, 1000, &gone, 113, 300, 1), 0);
	assert_null(own_find(own, 1000, &gone));
	/* What was published of an older version says nothing of the newer one. */
	assert_int_equal(put(own, 1000, "printer.alt", 9, 400), 0);
	assert_int_equal(own_published(own, 1000, &q, 111, 401, 8), 0);
	assert_int_equal(own_find(own, 1000, &q)->published, 0);
	own_close(own);
}

struct seen {
	uid_t uid;
	unsigned records;
};

static void see(void *ctx, const struct own_record *record)
{
	struct seen *seen = ctx;
	assert_int_equal(record->uid, seen->uid);
	seen->records++;
}

static unsigned records_by(const struct own *own, uid_t uid)
{
	struct seen seen = {.uid = uid};
	own_each_by(own, uid, see, &seen);
	return seen.records;
}

/* Each user's are found without the others', though their uids share a chain; and are gone from it
 * when they go. */
static void test_by_user(void **state)
{
	(void)state;
	enum { EACH = 40, FIRST = 7, SECOND = 7 + 256, OTHER = 8 };
	char name[32];
	struct own *own;
	assert_int_equal(own_open(path, 100, 0, 1, &own), 0);
	for (unsigned i = 0; i < EACH; i++) {
		snprintf(name, sizeof(name), "n%u.alt", i);
		assert_int_equal(put(own, FIRST, name, 1, 1), 0);
		assert_int_equal(put(own, SECOND, name, 1, 1), 0);
	}
	for (unsigned i = 0; i < EACH; i += 2) {
		snprintf(name, sizeof(name), "n%u.alt", i);
		struct question q = question_of(name);
		assert_int_equal(own_withdraw(own, FIRST, &q, 2), 0);
		assert_int_equal(own_published(own, FIRST, &q, 2, 3, 1), 0);
	}
	assert_int_equal(records_by(own, FIRST), EACH / 2);
	assert_int_equal(records_by(own, SECOND), EACH);
	assert_int_equal(records_by(own, OTHER), 0);
	own_close(own);
	assert_int_equal(own_open(path, 100, 0, 1, &own), 0);
	assert_int_equal(records_by(own, FIRST), EACH / 2);
	assert_int_equal(records_by(own, SECOND), EACH);
	own_close(own);
}

#define WALKED 500

static void meet(void *ctx, const struct own_record *record)
{
	uint8_t *met = ctx;
	unsigned number;
	char text[NAME_TEXT_MAX];
	name_to_text(&record->question.name, text);
	if (sscanf(text, "stays%u.alt", &number) == 1)
		met[number]++;
}

/* A walk over a table that grows eightfold meanwhile, while others come and go: each record that
 * stands throughout is met once. */
static void test_walk(void **state)
{
	(void)state;
	static uint8_t met[WALKED];
	char name[32];
	struct own *own;
	struct own_walk w = {0, SIEVE_ALL, meet, met};
	assert_int_equal(own_open(path, 10000, 0, 1, &own), 0);
	for (unsigned i = 0; i < WALKED; i++) {
		snprintf(name, sizeof(name), "stays%u.alt", i);
		assert_int_equal(put(own, 1, name, 1, 1), 0);
	}
	unsigned turns = 1, others = 0;
	while (own_walk(own, &w)) {
		for (unsigned i = 0; turns < 5 && i < 700; i++) {
			snprintf(name, sizeof(name), "other%u.alt", others++);
			assert_int_equal(put(own, 1, name, 1, 1), 0);
		}
		snprintf(name, sizeof(name), "other%u.alt", turns++);
		struct question q = question_of(name);
		assert_int_equal(own_withdraw(own, 1, &q, 2), 0);
		assert_int_equal(own_published(own, 1, &q, 2, 3, 1), 0);
	}
	for (unsigned i = 0; i < WALKED; i++)
		assert_int_equal(met[i], 1);
	assert_true(turns > 4096 / OWN_WALK_BUCKETS / 2); /* a few at a time */
	own_close(own);
}

/* What the network took, in one commit: it is on disk afterwards, and a write that comes next is
 * durable by itself again. */
static void test_batch(void **state)
{
	(void)state;
	struct own *own;
	struct question a = question_of("a.alt"), b = question_of("b.alt");
	assert_int_equal(own_open(path, 10, 0, 1, &own), 0);
	assert_int_equal(own_end(own), 0); /* none was begun */
	assert_int_equal(put(own, 1000, "a.alt", 1, 11), 0);
	assert_int_equal(put(own, 1000, "b.alt", 2, 12), 0);
	own_begin(own);
	assert_int_equal(own_zoned(own, 1000, &a, 11, 101), 0);
	assert_int_equal(own_zoned(own, 1000, &b, 12, 102), 0);
	assert_int_equal(own_published(own, 1000, &b, 12, 20, 3), 0);
	assert_int_equal(own_end(own), 0);
	assert_int_equal(put(own, 1000, "c.alt", 3, 13), 0);
	own_close(own);
	assert_int_equal(own_open(path, 10, 0, 1, &own), 0);
	assert_int_equal(own_find(own, 1000, &a)->zoned, 11);
	assert_int_equal(own_find(own, 1000, &b)->zoned, 12);
	assert_int_equal(own_find(own, 1000, &b)->published, 20);
	assert_int_equal(own_records(own), 3);
	own_close(own);
}

/* Two versions are told apart, whatever the clock says; and of what the zone took before it is
 * known which version of the zone that was. */
static void test_versions(void **state)
{
	(void)state;
	struct own *own;
	struct question a = question_of("a.alt");
	assert_int_equal(own_open(path, 10, 0, 1, &own), 0);
	assert_int_equal(put(own, 1000, "a.alt", 1, 500), 0);
	assert_int_equal(own_zoned(own, 1000, &a, 500, 77), 0);
	assert_int_equal(put(own, 1000, "a.alt", 2, 500), 0);
	assert_int_equal(own_find(own, 1000, &a)->written, 501);
	assert_int_equal(put(own, 1000, "a.alt", 3, 9), 0);
	assert_int_equal(own_withdraw(own, 1000, &a, 10), 0);
	own_close(own);
	assert_int_equal(own_open(path, 10, 0, 1, &own), 0);
	const struct own_record *r = own_find(own, 1000, &a);
	assert_int_equal(r->written, 503);
	assert_int_equal(r->zoned, 500);
	assert_int_equal(r->dot, 77);
	assert_int_equal(own_forget(own, 1000, &a, 502), 0); /* of another version */
	assert_non_null(own_find(own, 1000, &a));
	assert_int_equal(own_forget(own, 1000, &a, 503), 0);
	assert_null(own_find(own, 1000, &a));
	own_close(own);
	assert_int_equal(own_open(path, 10, 0, 1, &own), 0);
	assert_int_equal(own_records(own), 0);
	own_close(own);
}

struct gone {
	size_t len;
	int64_t least;
};

static int see_gone(void *ctx, const struct question *q, int64_t dot)
{
	struct gone *g = ctx;
	assert_int_equal(q->class, CLASS_IN);
	g->least = g->len++ && g->least < dot ? g->least : dot;
	return 0;
}

static struct gone all_gone(struct own *own, uid_t uid, int64_t now)
{
	struct gone g = {0};
	assert_int_equal(own_each_gone(own, uid, now, see_gone, &g), 0);
	return g;
}

/* What was withdrawn is remembered, for a while, and the latest of it. */
static void test_gone(void **state)
{
	(void)state;
	enum { MORE = 20 };
	struct own *own;
	char name[16];
	assert_int_equal(own_open(path, 10, 0, 1, &own), 0);
	own_begin(own);
	for (unsigned i = 0; i < OWN_GONE_MAX + MORE; i++) {
		snprintf(name, sizeof(name), "g%u.alt", i);
		struct question q = question_of(name);
		assert_int_equal(own_set_gone(own, 1000, &q, 1 + i, 1000 + i), 0);
	}
	struct question q = question_of("g50.alt");
	assert_int_equal(own_set_gone(own, 1000, &q, 5000, 5000), 0); /* once more */
	assert_int_equal(own_set_gone(own, 1001, &q, 1, 1), 0);
	assert_int_equal(own_end(own), 0);
	unsigned writer = own_writer(own);
	own_close(own);
	assert_int_equal(own_open(path, 10, 0, 1, &own), 0);
	struct gone g = all_gone(own, 1000, 6000);
	assert_int_equal(g.len, OWN_GONE_MAX);
	assert_int_equal(g.least, MORE + 1);
	assert_int_equal(all_gone(own, 1000, 5000 + OWN_GONE_LIFETIME - 1).len, 1);
	assert_int_equal(all_gone(own, 1000, 5000 + OWN_GONE_LIFETIME).len, 0);
	assert_int_equal(all_gone(own, 1001, 6000).len, 1);
	assert_int_equal(all_gone(own, 1002, 6000).len, 0);
	/* Whose the seqs are stays, until it is taken anew. */
	assert_int_equal(own_writer(own), writer);
	assert_int_equal(own_former_writer(own), ZONE_WRITERS);
	assert_int_equal(own_new_writer(own), 0);
	writer = own_writer(own);
	own_close(own);
	assert_int_equal(own_open(path, 10, 0, 1, &own), 0);
	assert_int_equal(own_writer(own), writer);
	own_close(own);
}

/* The child is killed the moment after its write was acknowledged. */
static void test_survives_kill(void **state)
{
	(void)state;
	for (int round = 0; round < 5; round++) {
		pid_t child = fork();
		if (child == 0) {
			struct own *own;
			if (own_open(path, 100, 0, 1, &own) == 0 &&
				put(own, 5, "k.alt", (uint8_t)(round + 1), round + 1) == 0)
				kill(getpid(), SIGKILL);
			_exit(1);
		}
		int status;
		assert_int_equal(waitpid(child, &status, 0), child);
		assert_true(WIFSIGNALED(status));
		struct own *own;
		struct question q = question_of("k.alt");
		assert_int_equal(own_open(path, 100, 0, 1, &own), 0);
		const struct own_record *r = own_find(own, 5, &q);
		assert_non_null(r);
		assert_int_equal(r->set->data[5], round + 1);
		own_close(own);
	}
}

static void test_users_and_quota(void **state)
{
	(void)state;
	struct own *own;
	struct question q = question_of("a.alt");
	assert_int_equal(own_open(path, 2, 0, 1, &own), 0);
	assert_int_equal(put(own, 7, "a.alt", 7, 1), 0);
	assert_int_equal(put(own, 3, "a.alt", 3, 1), 0);
	assert_int_equal(own_any(own, &q)->uid, 3);
	assert_int_equal(own_find(own, 7, &q)->set->data[5], 7);
	assert_null(own_find(own, 8, &q));
	assert_int_equal(own_first(own, &q, (const uid_t[]){8, 7, 3}, 3)->uid, 7);
	assert_int_equal(own_first(own, &q, (const uid_t[]){3, 7}, 2)->uid, 3);
	assert_int_equal(own_first(own, &q, (const uid_t[]){3, 3}, 2)->uid, 3);
	assert_null(own_first(own, &q, (const uid_t[]){8, 9}, 2));
	assert_null(own_first(own, &q, (const uid_t[]){3}, 0));
	assert_int_equal(put(own, 7, "b.alt", 1, 1), 0);
	assert_int_equal(put(own, 7, "c.alt", 1, 1), -EDQUOT);
	assert_int_equal(put(own, 7, "a.alt", 2, 2), 0); /* a change is no new record */
	assert_int_equal(put(own, 8, "c.alt", 1, 1), 0);
	/* What is withdrawn makes room, even before the network knows; but not without end. */
	struct question b = question_of("b.alt");
	for (int i = 0; i < 8; i++) {
		char name[16];
		struct question w;
		snprintf(name, sizeof(name), "w%d.alt", i);
		w = question_of(name);
		assert_int_equal(put(own, 9, name, 1, 1), 0);
		assert_int_equal(own_withdraw(own, 9, &w, 2), 0);
	}
	assert_int_equal(put(own, 9, "b.alt", 1, 1), -EDQUOT);
	assert_int_equal(own_withdraw(own, 7, &b, 2), 0);
	assert_null(own_first(own, &b, (const uid_t[]){7}, 1)); /* a tombstone stands for nothing */
	assert_int_equal(put(own, 7, "c.alt", 1, 1), 0);
	for (int i = 0; i < 100; i++) { /* the table grows under it */
		char name[16];
		snprintf(name, sizeof(name), "n%d.alt", i);
		assert_int_equal(put(own, (uid_t)(100 + i), name, 1, 1), 0);
	}
	assert_int_equal(own_find(own, 7, &q)->set->data[5], 2);
	own_close(own);
}

static void test_never_backwards(void **state)
{
	(void)state;
	struct own *own;
	uint8_t target[20] = {1}, key[NAME_KEY_LEN] = {9}, got[NAME_KEY_LEN];
	struct own_put last, put = {.taken = 7, .packet_len = 3, .packet = {1, 2, 3}};
	struct question q = question_of("a.alt"), other = question_of("b.alt");
	assert_int_equal(own_open(path, 2, 0, 1, &own), 0);
	assert_int_equal(own_last_put(own, target, &last), 0);
	assert_int_equal(last.seq, 0);
	assert_int_equal(own_set_put(own, target, 7), 0);
	assert_int_equal(own_set_taken(own, target, &put), 0);
	assert_int_equal(own_set_put(own, target, INT64_MAX), 0); /* which nodes refused */
	assert_int_equal(own_first_signer(own, &q.name, got), -ENOENT);
	assert_int_equal(own_remember_signer(own, &q.name, key), 0);
	own_close(own);
	assert_int_equal(own_open(path, 2, 0, 1, &own), 0);
	assert_int_equal(own_last_put(own, target, &last), 0);
	assert_int_equal(last.seq, INT64_MAX);
	assert_int_equal(last.taken, 7);
	assert_int_equal(last.packet_len, 3);
	assert_memory_equal(last.packet, put.packet, 3);
	key[0] = 8; /* another one comes too late */
	assert_int_equal(own_remember_signer(own, &q.name, key), 0);
	assert_int_equal(own_first_signer(own, &q.name, got), 0);
	assert_int_equal(got[0], 9);
	assert_int_equal(own_first_signer(own, &other.name, got), -ENOENT);
	own_close(own);
}

struct pins_heard {
	int error;
	char text[200];
};

static int hear_pins(void *ctx, uid_t uid, const char *list, size_t len)
{
	struct pins_heard *h = ctx;
	char one[64];
	snprintf(one, sizeof(one), "%u:%.*s ", (unsigned)uid, (int)len, list);
	strcat(h->text, one);
	return h->error;
}

static void assert_pins(struct own *own, const char *want)
{
	struct pins_heard h = {0};
	assert_int_equal(own_each_pins(own, hear_pins, &h), 0);
	assert_string_equal(h.text, want);
}

static void test_pins(void **state)
{
	(void)state;
	struct own *own;
	assert_int_equal(own_open(path, 10, 0, 1, &own), 0);
	assert_pins(own, "");
	assert_int_equal(own_set_pins(own, 1000, "a\nb", 3), 0);
	assert_int_equal(own_set_pins(own, 0, "root", 4), 0);
	assert_int_equal(own_set_pins(own, 1001, "x", 1), 0);
	assert_int_equal(own_set_pins(own, 1000, "c", 1), 0);
	assert_int_equal(own_set_pins(own, 1001, NULL, 0), 0);
	assert_int_equal(own_set_pins(own, 1002, NULL, 0), 0);
	own_close(own);
	assert_int_equal(own_open(path, 10, 0, 1, &own), 0);
	assert_pins(own, "0:root 1000:c ");
	struct pins_heard h = {.error = -EBADMSG};
	assert_int_equal(own_each_pins(own, hear_pins, &h), -EBADMSG);
	own_close(own);
}

static void alter(const char *sql)
{
	sqlite3 *db;
	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

/* A file of the first version is as this one was before there were pins. */
static void test_migration(void **state)
{
	(void)state;
	struct own *own;
	assert_int_equal(own_open(path, 10, 0, 1, &own), 0);
	assert_int_equal(put(own, 1000, "a.example", 7, 1), 0);
	own_close(own);
	alter("DROP TABLE pin; DROP TABLE keep; DROP TABLE copy; PRAGMA user_version=1");
	assert_int_equal(own_open(path, 10, 0, 1, &own), 0);
	assert_int_equal(own_records(own), 1);
	assert_pins(own, "");
	assert_int_equal(own_set_pins(own, 1000, "a", 1), 0);
	assert_int_equal(own_set_keep(own, 1000, "b", 1), 0);
	assert_int_equal(own_set_copy(own, &(struct own_copy){.value_len = 1}), 0);
	own_close(own);
	assert_int_equal(own_open(path, 10, 0, 1, &own), 0);
	assert_pins(own, "1000:a ");
	own_close(own);
	/* Of a version that is yet to come we would lose what we do not know. */
	alter("PRAGMA user_version=9");
	assert_int_equal(own_open(path, 10, 0, 1, &own), -EBADMSG);
	alter("PRAGMA user_version=0");
	assert_int_equal(own_open(path, 10, 0, 1, &own), -EBADMSG);
	alter("PRAGMA user_version=2; INSERT INTO pin(uid, list) VALUES(-1, 'x')");
	assert_int_equal(own_open(path, 10, 0, 1, &own), 0);
	struct pins_heard h = {0};
	assert_int_equal(own_each_pins(own, hear_pins, &h), -EBADMSG);
	own_close(own);
}

/* A bit of what users said, or of whom they believe, that has become another one. */
static void test_damaged_rows(void **state)
{
	static const char *const damages[] = {
		"UPDATE record SET ttl=ttl+1",
		"UPDATE record SET type=28",
		"UPDATE record SET data=data || x'00'",
		"UPDATE record SET data=NULL",
		"UPDATE record SET sum=NULL",
		"UPDATE pin SET list='b'",
		"UPDATE keep SET uid=1001",
		"UPDATE signer SET key=zeroblob(32)",
		"UPDATE attested SET min=0",
		"INSERT INTO pin(uid, list) VALUES(0, 'x')",
	};
	(void)state;
	struct own *own;
	struct name name;
	const uint8_t key[NAME_KEY_LEN] = {1};
	for (size_t i = 0; i < sizeof(damages) / sizeof(*damages); i++) {
		unlink(path);
		assert_int_equal(own_open(path, 10, 0, 1, &own), 0);
		assert_int_equal(put(own, 1000, "a.example", 7, 1), 0);
		assert_int_equal(own_set_pins(own, 1000, "a", 1), 0);
		assert_int_equal(own_set_keep(own, 1000, "a", 1), 0);
		assert_int_equal(name_from_text("a.alt", 5, &name), 0);
		assert_int_equal(own_remember_signer(own, &name, key), 0);
		struct own_attested attested = {.zone = name, .key = key, .min = 1, .until = 9};
		assert_int_equal(own_set_attested(own, &attested), 0);
		own_close(own);
		/* What the network took is no word of a user's, and may be lost. */
		alter("UPDATE record SET published=5, zoned=6, replicas=7");
		assert_int_equal(own_open(path, 10, 0, 1, &own), 0);
		own_close(own);
		alter(damages[i]);
		assert_int_equal(own_open(path, 10, 0, 1, &own), -EBADMSG);
	}
}

/* Up to version 2 the packet stood beside the seq. */
static void test_migration_of_packets(void **state)
{
	(void)state;
	struct own *own;
	struct own_put last;
	uint8_t target[20];
	memset(target, 0xab, sizeof(target));
	assert_int_equal(own_open(path, 10, 0, 1, &own), 0);
	own_close(own);
	alter("DROP TABLE taken; PRAGMA user_version=2; INSERT INTO put VALUES"
	      "(x'abababababababababababababababababababab', 5, x'010203')");
	for (int round = 0; round < 2; round++) {
		assert_int_equal(own_open(path, 10, 0, 1, &own), 0);
		assert_int_equal(own_last_put(own, target, &last), 0);
		assert_int_equal(last.seq, 5 + round);
		assert_int_equal(last.taken, 5);
		assert_int_equal(last.packet_len, 3);
		assert_int_equal(own_set_put(own, target, 6), 0);
		own_close(own);
	}
}

static void test_refuses(void **state)
{
	(void)state;
	struct own *own, *second;
	assert_int_equal(own_open("/nonexistent/own.db", 2, 0, 1, &own), -ENOENT);
	assert_int_equal(own_open(path, 2, 0, 1, &own), 0);
	assert_int_equal(put(own, 1, "a.alt", 1, 1), 0);
	assert_int_equal(own_open(path, 2, 0, 1, &second), -EBUSY);
	own_close(own);
	int fd = open(path, O_WRONLY | O_TRUNC);
	assert_true(write(fd, "this is no database, it is a letter to my aunt", 46) == 46);
	close(fd);
	assert_int_equal(own_open(path, 2, 0, 1, &own), -EBADMSG);
	/* Another program's database is not ours either. */
	unlink(path);
	fd = open(path, O_RDWR | O_CREAT, 0600);
	close(fd);
	assert_int_equal(own_open(path, 2, 0, 1, &own), 0);
	own_close(own);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_survives, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_by_user, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_walk, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_batch, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_versions, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_gone, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_survives_kill, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_users_and_quota, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_never_backwards, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_pins, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_migration, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_damaged_rows, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_migration_of_packets, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_refuses, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
