/* Merging, by two daemons of one key whose network is cut and heals, with clocks that differ: each
 * name has one writer at a time, and what he said last is what all say in the end. */
#undef NDEBUG
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "dht/item.h"
#include "resolver/clock.h"
#include "resolver/job_zone_inside.h"
#include "tests/directory.h"
#include "tests/resolver/local_signer.h"

#define UID 1000
#define NAMES 10
#define MINUTE (60 * (int64_t)SECOND)

struct version {
	uint8_t bytes[ZONE_BYTES_MAX];
	size_t len; /* 0: none yet */
	int64_t seq;
};

static struct daemon {
	struct own *own;
	int64_t skew;
	struct own_put last;
	unsigned puts, lost; /* versions put; own records that the other was right to overrule */
	unsigned held, gave_way; /* of true conflicts */
} daemons[2];

static char dir[DIRECTORY_CAP];
static struct signer *signer;
static uint8_t key[NAME_KEY_LEN];
static int64_t now;
static bool apart;
static struct version side[2]; /* the second while it is cut */

static int set_up(void **state)
{
	(void)state;
	now = 1800000000 * (int64_t)SECOND;
	apart = false;
	memset(side, 0, sizeof(side));
	memset(daemons, 0, sizeof(daemons));
	assert_int_equal(directory_make(dir), 0);
	assert_int_equal(signer_open(dir, &signer), 0);
	assert_int_equal(signer_key(signer, UID, key), 0);
	for (int i = 0; i < 2; i++)
		assert_int_equal(own_open(":memory:", 1000, 0, 1, &daemons[i].own), 0);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	for (int i = 0; i < 2; i++)
		own_close(daemons[i].own);
	signer_close(signer);
	return directory_remove(dir);
}

static struct question question_of(unsigned name)
{
	struct question q = {.type = TYPE_A, .class = CLASS_IN};
	struct name label, origin;
	char text[8];
	int len = snprintf(text, sizeof(text), "n%u", name);
	assert_int_equal(name_from_text(text, (size_t)len, &label), 0);
	key_to_name(key, &origin);
	assert_int_equal(name_join(&label, &origin, &q.name), 0);
	return q;
}

static int64_t time_at(const struct daemon *d)
{
	return now + d->skew;
}

static void write_name(struct daemon *d, unsigned name, uint8_t last)
{
	struct question q = question_of(name);
	struct rrset *set = rrset_create(&q, 300);
	assert_int_equal(rrset_add(set, (const uint8_t[]){192, 0, 2, last}, 4), 0);
	assert_int_equal(own_set(d->own, UID, set, time_at(d)), 0);
	rrset_destroy(set);
}

/* ---- a run, as a job's (resolver/job_zone) ---- */

static void take_over(struct daemon *d, const struct merge_edit *e)
{
	d->gave_way += e->conflict;
	if (e->gone) {
		assert_int_equal(own_drop_gone(d->own, UID, &e->question), 0);
		return;
	}
	d->lost++;
	if (!e->theirs) {
		assert_int_equal(own_forget(d->own, UID, &e->question, e->written), 0);
		return;
	}
	assert_int_equal(own_set(d->own, UID, e->theirs, time_at(d)), 0);
	int64_t written = own_find(d->own, UID, &e->question)->written;
	assert_int_equal(own_zoned(d->own, UID, &e->question, written, e->dot), 0);
	assert_int_equal(own_published(d->own, UID, &e->question, written, now, 8), 0);
}

static void mark(struct daemon *d, const struct merge_edit *e, int64_t dot)
{
	d->held += e->conflict;
	if (e->gone)
		return;
	const struct own_record *record = own_find(d->own, UID, &e->question);
	assert_int_equal(own_zoned(d->own, UID, &e->question, e->written, dot), 0);
	if (!record->set)
		assert_int_equal(own_set_gone(d->own, UID, &e->question, dot, now), 0);
	assert_int_equal(own_published(d->own, UID, &e->question, e->written, now, 8), 0);
}

static void put(struct daemon *d, const struct pages *p, struct version *network)
{
	uint8_t packet[ZONE_BYTES_MAX];
	int len = pages_write_as_read(p, PAGES_HEAD, packet);
	if (network->seq < d->last.taken || len != (int)network->len ||
		memcmp(packet, network->bytes, network->len) != 0) {
		int64_t seen = network->seq > d->last.seq ? network->seq : d->last.seq;
		len = pages_write(p, PAGES_HEAD, 0, packet);
		assert_true(len > 0);
		memcpy(network->bytes, packet, (size_t)len);
		network->len = (size_t)len;
		network->seq = d->last.seq = zone_seq(own_writer(d->own), seen, time_at(d));
		d->puts++;
	}
	d->last.taken = network->seq;
	d->last.packet_len = network->len;
	memcpy(d->last.packet, network->bytes, network->len);
}

static void run(struct daemon *d)
{
	struct version *network = &side[apart ? d - daemons : 0];
	bool all = network->len == 0 || network->seq < d->last.taken;
	struct merge_part part = {.page = PAGES_HEAD,
		.bytes = all ? d->last.packet : network->bytes,
		.len = all ? d->last.packet_len : network->len,
		.seq = network->seq,
		.built = all ? d->last.taken : network->seq,
		.last = d->last.packet,
		.last_len = d->last.packet_len,
		.last_seq = d->last.taken,
		.all = all};
	struct merge_zone m = {.own = d->own,
		.signer = signer,
		.uid = UID,
		.now = now,
		.parts = &part,
		.parts_len = 1};
	struct merge_edits edits;
	struct pages *p;
	assert_int_equal(merge_zone(&m, &p, &edits), 0);
	assert_int_equal(p->len, 0);
	put(d, p, network);
	for (size_t i = 0; i < edits.len; i++)
		if (edits.edit[i].overruled)
			take_over(d, &edits.edit[i]);
		else
			mark(d, &edits.edit[i], network->seq);
	merge_edits_finish(&edits);
	pages_destroy(p);
}

static void cut(void)
{
	apart = true;
	side[1] = side[0];
}

/* Of two versions the higher seq is what everybody reads. */
static void heal(void)
{
	apart = false;
	if (side[1].seq > side[0].seq)
		side[0] = side[1];
}

/* Until neither has anything to put. */
static void run_both(void)
{
	unsigned before, rounds = 0;
	do {
		before = daemons[0].puts + daemons[1].puts;
		for (int i = 0; i < 2; i++, now += SECOND)
			run(&daemons[i]);
		assert_true(++rounds < 6);
	} while (daemons[0].puts + daemons[1].puts != before);
}

/* ---- what is there ---- */

static int last_of(const struct rrset *set)
{
	return set ? set->data[5] : -1;
}

static int read_name(const struct version *v, unsigned name)
{
	struct question q = question_of(name);
	struct zone *zone;
	assert_int_equal(zone_read(key, v->bytes, v->len, &zone), 0);
	int last = last_of(zone_find(zone, &q));
	zone_destroy(zone);
	return last;
}

static int standing(const struct daemon *d, unsigned name)
{
	struct question q = question_of(name);
	const struct own_record *r = own_find(d->own, UID, &q);
	return r ? last_of(r->set) : -1;
}

static void expect(const int wanted[NAMES])
{
	for (unsigned i = 0; i < NAMES; i++) {
		assert_int_equal(read_name(&side[0], i), wanted[i]);
		for (int d = 0; d < 2; d++) /* what it never wrote it need not have */
			if (standing(&daemons[d], i) >= 0)
				assert_int_equal(standing(&daemons[d], i), wanted[i]);
	}
}

static void edit(struct daemon *d, unsigned name, int *wanted)
{
	static uint8_t serial;
	struct question q = question_of(name);
	now += (random() % 90) * (int64_t)SECOND;
	if (random() % 2 && own_withdraw(d->own, UID, &q, time_at(d)) == 0) {
		*wanted = -1;
		return;
	}
	write_name(d, name, ++serial);
	*wanted = serial;
}

/* While it is cut the names are shared out, otherwise each run follows its edit. */
static void test_cut_and_healed(void **state)
{
	enum { TIMES = 30, EDITS = 6 };
	int wanted[NAMES];
	(void)state;
	memset(wanted, -1, sizeof(wanted));
	srandom(7);
	for (unsigned time = 0; time < TIMES; time++) {
		for (int i = 0; i < 2; i++)
			daemons[i].skew = (random() % 21 - 10) * MINUTE;
		for (unsigned i = 0; i < EDITS; i++) {
			unsigned name = (unsigned)random() % NAMES;
			edit(&daemons[random() % 2], name, &wanted[name]);
			run_both();
		}
		expect(wanted);
		cut();
		for (unsigned i = 0; i < EDITS; i++) {
			unsigned name = (unsigned)random() % NAMES;
			edit(&daemons[name % 2], name, &wanted[name]);
			if (random() % 2)
				run(&daemons[name % 2]);
		}
		heal();
		run_both();
		expect(wanted);
	}
	assert_true(daemons[0].puts > TIMES && daemons[1].puts > TIMES);
	assert_true(daemons[0].lost > 0 && daemons[1].lost > 0);
}

/* ---- true conflicts ---- */

static unsigned conflicts(void)
{
	return daemons[0].held + daemons[0].gave_way + daemons[1].held + daemons[1].gave_way;
}

static void share(void)
{
	for (unsigned i = 0; i < NAMES; i++) {
		write_name(&daemons[i % 2], i, 100);
		run_both();
	}
}

/* The same name is written on both sides, or withdrawn: the later holds on both, whoever reads
 * first and whatever has made his version the later. */
static void test_the_later_holds(void **state)
{
	enum {
		EARLIER_WRITES = 1,
		LATER_WRITES = 2,
		EARLIER_GOES_ON = 4,
		LATER_IS_FIRST = 8,
		ALL = 16
	};
	(void)state;
	share();
	for (unsigned how = 0; how < 2 * ALL; how++) {
		struct daemon *earlier = &daemons[how / ALL], *later = &daemons[1 - how / ALL];
		struct question q = question_of(how % 4);
		int wanted = how & LATER_WRITES ? (int)how : -1;
		unsigned before = conflicts();
		if (!(how & (EARLIER_WRITES | LATER_WRITES)))
			continue; /* both have withdrawn it */
		write_name(&daemons[0], how % 4, 200);
		run_both();
		cut();
		now += MINUTE;
		if (how & EARLIER_WRITES)
			write_name(earlier, how % 4, 201);
		else if (own_withdraw(earlier->own, UID, &q, now) == -ENOENT)
			assert_int_equal(own_withdraw_theirs(earlier->own, UID, &q, now), 0);
		run(earlier);
		now += MINUTE;
		if (how & LATER_WRITES)
			write_name(later, how % 4, (uint8_t)how);
		else if (own_withdraw(later->own, UID, &q, now) == -ENOENT)
			assert_int_equal(own_withdraw_theirs(later->own, UID, &q, now), 0);
		run(later);
		now += MINUTE;
		if (how & EARLIER_GOES_ON) {
			write_name(earlier, 9, (uint8_t)how);
			run(earlier);
		}
		now += MINUTE;
		heal();
		run(how & LATER_IS_FIRST ? later : earlier);
		run_both();
		assert_int_equal(read_name(&side[0], how % 4), wanted);
		for (int d = 0; d < 2; d++)
			assert_true(standing(&daemons[d], how % 4) == wanted ||
				    standing(&daemons[d], how % 4) == -1);
		if (how & EARLIER_GOES_ON)
			assert_int_equal(read_name(&side[0], 9), how);
		assert_true(conflicts() > before);
	}
	assert_true(daemons[0].held && daemons[1].held);
	assert_true(daemons[0].gave_way && daemons[1].gave_way);
}

/* One has no network of his own: what he wrote is as old as it is when he comes back. */
static void test_alone_and_later(void **state)
{
	(void)state;
	share();
	for (uint8_t i = 0; i < 2; i++) {
		cut();
		now += MINUTE;
		write_name(&daemons[i], 3, 1 + 10 * i);
		if (i == 0)
			run(&daemons[0]);
		now += MINUTE;
		write_name(&daemons[1 - i], 3, 2 + 10 * i);
		if (i == 1)
			run(&daemons[0]);
		now += MINUTE;
		write_name(&daemons[0], 4, i); /* signs the zone anew */
		run(&daemons[0]);
		heal();
		run_both();
		assert_int_equal(read_name(&side[0], 3), 2 + 10 * i);
		assert_int_equal(standing(&daemons[1], 3), 2 + 10 * i);
		assert_int_equal(
			daemons[1].held, 1); /* the first time it is his that is the later */
		assert_int_equal(daemons[1].gave_way, i);
	}
}

/* At random: the end of all edits of a name is what both have. */
static void test_conflicts_at_random(void **state)
{
	enum { TIMES = 40, EDITS = 5 };
	int wanted[NAMES];
	(void)state;
	srandom(3);
	share();
	for (unsigned i = 0; i < NAMES; i++)
		wanted[i] = 100;
	for (unsigned time = 0; time < TIMES; time++) {
		cut();
		for (unsigned i = 0; i < EDITS; i++) {
			unsigned name = (unsigned)random() % (NAMES / 2);
			struct daemon *d = &daemons[random() % 2];
			now += MINUTE;
			edit(d, name, &wanted[name]);
			run(d);
		}
		heal();
		run(&daemons[random() % 2]);
		run_both();
		expect(wanted);
	}
	assert_true(conflicts() > TIMES / 2);
}

/* A zone that somebody wrote who knows nothing of all that withdraws nothing. */
static void test_words_are_lost(void **state)
{
	(void)state;
	int wanted[NAMES] = {1, 2, -1, -1, -1, -1, -1, -1, -1, -1};
	write_name(&daemons[0], 0, 1);
	run_both();
	write_name(&daemons[1], 1, 2);
	run_both();
	struct zone *empty;
	assert_int_equal(zone_create(key, &empty), 0);
	side[0].len = (size_t)zone_write(empty, side[0].bytes);
	zone_destroy(empty);
	side[0].seq = now += MINUTE;
	side[0].seq &= ~INT64_C(1); /* in milliseconds, say */
	run_both();
	expect(wanted);
}

/* A key that one daemon writes says nothing of versions. */
static void test_alone(void **state)
{
	(void)state;
	char text[ZONE_BYTES_MAX + 1];
	for (unsigned i = 0; i < NAMES; i++) {
		write_name(&daemons[0], i, 1);
		run(&daemons[0]);
	}
	assert_int_equal(daemons[0].puts, NAMES);
	assert_null(memmem(side[0].bytes, side[0].len, "seen=", 5));
	run(&daemons[1]); /* reads it, and has nothing to say */
	assert_int_equal(daemons[1].puts, 0);
	write_name(&daemons[1], 0, 2);
	run(&daemons[1]);
	snprintf(text, sizeof(text), "v=1 seen=%lld", (long long)daemons[0].last.seq);
	assert_non_null(memmem(side[0].bytes, side[0].len, text, strlen(text)));
}

/* A page of former times is no base, also for who has put none himself. */
static void test_former_page(void **state)
{
	(void)state;
	static const struct own_put none;
	struct own_put last = {.taken = 50, .packet_len = 1};
	struct zone_run r = {.min = 100};
	struct zone_part page = {.page = 3, .found = true, .item.seq = 99};
	assert_int_equal(dht_item_set_string(&page.item, (const uint8_t *)"old", 3), 0);
	struct merge_part part = job_zone_base(&r, &page, &none);
	assert_true(part.all && part.len == 0 && part.built == 0);
	part = job_zone_base(&r, &page, &last);
	assert_true(part.all && part.len == 1 && part.built == 50);
	page.item.seq = 100;
	part = job_zone_base(&r, &page, &last);
	assert_true(!part.all && part.len == 3 && part.built == 100);
	last.taken = 101; /* the network shows an older one than was put */
	part = job_zone_base(&r, &page, &last);
	assert_true(part.all && part.built == 101);
	page.page = PAGES_HEAD; /* which says what is former */
	page.item.seq = 99;
	part = job_zone_base(&r, &page, &none);
	assert_true(!part.all && part.built == 99);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_cut_and_healed, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_the_later_holds, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_alone_and_later, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_conflicts_at_random, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_words_are_lost, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_alone, set_up, tear_down),
		cmocka_unit_test(test_former_page),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
