/* Two daemons with one key, a laptop and a server: what each writes and withdraws holds on both,
 * and is lost by neither. */
#undef NDEBUG
#define QUOTA 2000
#include <sqlite3.h>

#include "resolver/explain.h"
#include "tests/resolver/zone_fixture.h"

/* A laptop and a server with the same key, on the same pages. */
static void test_two_daemons_of_one_key(void **state)
{
	(void)state;
	connect_all(POLICY_GUARDED);
	copy_key();
	for (unsigned i = 0; i < 100; i++)
		assert_int_equal(put(&nodes[i % 2], WRITER, named("k%u", i), (uint8_t)i), 0);
	while (said(&nodes[0]).queued || said(&nodes[1]).queued)
		event_base_loop(base, EVLOOP_ONCE);
	for (unsigned i = 0; i < 100; i++)
		assert_int_equal(ask_anew(&nodes[2], named("k%u", i)).last, i);
}

static void say(void *ctx, const char *line)
{
	(void)ctx;
	fprintf(stderr, "said: %s\n", line);
}

/* Of two daemons with one key the later holds, on both; and what one withdraws goes from the other.
 */
static void test_the_later_holds(void **state)
{
	(void)state;
	connect_all(POLICY_GUARDED);
	copy_key();
	nodes[0].publisher->config.say = say;
	struct question q = question_of(named("k%u", 1));
	assert_int_equal(put(&nodes[0], WRITER, named("k%u", 1), 1), 0);
	assert_int_equal(put(&nodes[0], WRITER, named("k%u", 2), 2), 0);
	assert_int_equal(put(&nodes[0], WRITER, "plain.alt", 3), 0);
	until_all_published();
	assert_int_equal(put(&nodes[1], WRITER, named("k%u", 1), 11), 0);
	assert_int_equal(put(&nodes[1], WRITER, named("plain.alt", 0), 33), 0);
	while (said(&nodes[1]).queued)
		event_base_loop(base, EVLOOP_ONCE);
	/* The first comes to know of it when it says something else, or looks after its zone. */
	assert_int_equal(put(&nodes[0], WRITER, named("k%u", 3), 4), 0);
	until_all_published();
	assert_int_equal(said(&nodes[0]).yielded, 2);
	assert_int_equal(ask(&nodes[0], WRITER, named("k%u", 1)).last, 11);
	assert_int_equal(ask(&nodes[0], WRITER, "plain.alt").last, 33);
	assert_int_equal(ask_anew(&nodes[2], named("k%u", 1)).last, 11);
	assert_int_equal(ask_anew(&nodes[2], named("k%u", 2)).last, 2);
	assert_int_equal(ask_anew(&nodes[2], named("k%u", 3)).last, 4);
	assert_int_equal(publish_remove(nodes[1].publisher, WRITER, &q), 0);
	while (said(&nodes[1]).queued)
		event_base_loop(base, EVLOOP_ONCE);
	assert_int_equal(put(&nodes[0], WRITER, named("k%u", 3), 5), 0);
	until_all_published();
	assert_int_equal(said(&nodes[0]).yielded, 3);
	assert_null(own_find(nodes[0].own, WRITER, &q));
	assert_int_equal(ask_anew(&nodes[2], named("k%u", 1)).error, -ENOENT);
	assert_int_equal(ask_anew(&nodes[2], named("k%u", 3)).last, 5);
	/* Both know that, and both write: the later one is first at the network, the earlier gives
	 * way. */
	look_after(&nodes[1]);
	nodes[0].publisher->config.pace = 2 * SECOND; /* it has just run, and waits */
	assert_int_equal(put(&nodes[0], WRITER, named("k%u", 3), 6), 0);
	assert_int_equal(put(&nodes[1], WRITER, named("k%u", 3), 7), 0);
	while (said(&nodes[0]).queued || said(&nodes[1]).queued)
		event_base_loop(base, EVLOOP_ONCE);
	assert_int_equal(ask_anew(&nodes[2], named("k%u", 3)).last, 7);
}

/* What another daemon has said is known here, and is written over here then: that he signs it once
 * more, with something else, does not make it the later. */
static void test_signed_anew_is_not_later(void **state)
{
	(void)state;
	connect_all(POLICY_GUARDED);
	copy_key();
	assert_int_equal(put(&nodes[0], WRITER, named("k%u", 1), 1), 0);
	until_all_published();
	assert_int_equal(put(&nodes[1], WRITER, named("k%u", 1), 11), 0);
	while (said(&nodes[1]).queued)
		event_base_loop(base, EVLOOP_ONCE);
	look_after(&nodes[0]);
	assert_int_equal(standing(&nodes[0], named("k%u", 1)), 11);
	nodes[0].publisher->config.pace = 2 * SECOND; /* it has just run, and waits */
	assert_int_equal(put(&nodes[0], WRITER, named("k%u", 1), 2), 0);
	assert_int_equal(put(&nodes[1], WRITER, named("k%u", 9), 9), 0);
	while (said(&nodes[0]).queued || said(&nodes[1]).queued)
		event_base_loop(base, EVLOOP_ONCE);
	assert_int_equal(standing(&nodes[0], named("k%u", 1)), 2);
	assert_int_equal(ask_anew(&nodes[2], named("k%u", 1)).last, 2);
	assert_int_equal(ask_anew(&nodes[2], named("k%u", 9)).last, 9);
}

static bool is_explained(struct node *n, const char *name, const char *words)
{
	struct question q = question_of(name);
	const struct explain_question e = {.question = &q, .view = WRITER};
	char *text;
	size_t len;
	assert_int_equal(explain_text(n->resolver, &e, &text, &len), 0);
	bool found = memmem(text, len, words, strlen(words)) != NULL;
	free(text);
	return found;
}

static char heard[2][400]; /* what each has said last */

static void hear(void *ctx, const char *line)
{
	snprintf(ctx, sizeof(heard[0]), "%s", line);
}

/* And is at rest: else it would put once more what the network has forgotten by then. What comes
 * next is later by its seq too. */
static void until_it_has_said(struct node *n)
{
	struct job *job = zone_job(n);
	while (said(n).queued || job->state != JOB_WAITING || job->again ||
		job->due < clock_monotonic() + 5 * SECOND)
		event_base_loop(base, EVLOOP_ONCE);
	const struct timeval t = {.tv_usec = 3 * ZONE_WRITERS};
	event_base_loopexit(base, &t);
	event_base_dispatch(base);
}

/* The network is cut, one name is written on both sides, and the zone that is found after that is
 * that of one side or of the other: the later holds on both, and both say so that can know of it.
 */
static void test_true_conflict(void **state)
{
	(void)state;
	struct dht_item before, early, late;
	connect_all(POLICY_GUARDED);
	copy_key();
	for (unsigned i = 0; i < 2; i++) {
		nodes[i].publisher->config.say = hear;
		nodes[i].publisher->config.say_ctx = heard[i];
		assert_int_equal(put(&nodes[i], WRITER, named("own%u", i), 1), 0);
		until_it_has_said(&nodes[i]);
	}
	for (unsigned i = 0; i < 4; i++) {
		struct node *earlier = &nodes[i / 2], *later = &nodes[1 - i / 2];
		struct publish_counters e = said(earlier), l = said(later);
		bool earlier_is_found = i % 2;
		heard[0][0] = heard[1][0] = '\0';
		struct dht_id target = head_at(&nodes[2], &before);
		assert_int_equal(put(earlier, WRITER, named("k%u", i), 50), 0);
		until_it_has_said(earlier);
		if (earlier_is_found) { /* and was signed anew after the other's */
			set_heads(&target, &before);
			assert_int_equal(put(later, WRITER, named("k%u", i), 60), 0);
			until_it_has_said(later);
			head_at(&nodes[2], &late);
			set_heads(&target, &before);
			assert_int_equal(put(earlier, WRITER, named("own%u", i / 2), 2), 0);
			until_it_has_said(earlier);
			head_at(&nodes[2], &early);
			assert_true(early.seq > late.seq);
			look_after(later);
			assert_int_equal(said(later).prevailed, l.prevailed + 1);
			assert_non_null(
				strstr(heard[later - nodes], "and earlier: what was said here"));
			assert_true(is_explained(later, named("k%u", i), "this is the later"));
		} else {
			set_heads(&target, &before);
			assert_int_equal(put(later, WRITER, named("k%u", i), 60), 0);
			until_it_has_said(later);
		}
		look_after(earlier);
		assert_int_equal(said(earlier).yielded, e.yielded + 1);
		assert_non_null(strstr(heard[earlier - nodes], " changed it"));
		if (!earlier_is_found) {
			assert_non_null(
				strstr(heard[earlier - nodes], "at the same time, and later"));
			assert_true(is_explained(earlier, named("k%u", i), "that was the later"));
		}
		assert_int_equal(said(later).yielded, l.yielded);
		for (unsigned n = 0; n < 2; n++)
			assert_int_equal(standing(&nodes[n], named("k%u", i)), 60);
		assert_int_equal(ask_anew(&nodes[2], named("k%u", i)).last, 60);
	}
	for (unsigned i = 0; i < 2; i++)
		assert_int_equal(ask_anew(&nodes[2], named("own%u", i)).last, 2);
}

/* The zone is laid on more pages by the other daemon between our look at the zone packet and that
 * at the page from which a record has moved: it has not been withdrawn. */
static void test_what_has_moved_is_not_withdrawn(void **state)
{
	(void)state;
	enum { NAMES = 70 };
	struct dht_item before, now;
	struct publish_counters c;
	connect_all(POLICY_GUARDED);
	copy_key();
	put_range(0, NAMES);
	until_all_published();
	look_after(&nodes[0]);
	struct dht_id target = head_at(&nodes[1], &before);
	unsigned pages = marker_at(&nodes[1]).pages;
	for (unsigned i = NAMES; i < 180; i++)
		assert_int_equal(put(&nodes[1], WRITER, named("k%u", i), (uint8_t)i), 0);
	do {
		event_base_loop(base, EVLOOP_ONCE);
		publish_counters(nodes[1].publisher, &c);
	} while (c.queued);
	unsigned more = marker_at(&nodes[1]).pages;
	assert_true(more > pages);
	head_at(&nodes[1], &now);
	struct job *job = zone_job(&nodes[0]);
	while (job->state != JOB_WAITING)
		event_base_loop(base, EVLOOP_ONCE);
	set_heads(&target, &before);
	job_in_turn(job);
	while (job->state == JOB_WAITING)
		event_base_loop(base, EVLOOP_ONCE);
	while (job->state == JOB_READING)
		event_base_loop(base, EVLOOP_ONCE);
	set_heads(&target, &now);
	while (job->state != JOB_WAITING)
		event_base_loop(base, EVLOOP_ONCE);
	look_after(&nodes[0]);
	assert_int_equal(said(&nodes[0]).yielded, 0);
	for (unsigned i = 0; i < NAMES; i++)
		assert_int_equal(standing(&nodes[0], named("k%u", i)), i);
	assert_int_equal(marker_at(&nodes[1]).pages, more);
}

/* Written before the network was met: what it has of another daemon stays. */
static void test_alone_then_met(void **state)
{
	(void)state;
	start(&nodes[0], POLICY_GUARDED);
	named("k%u", 0);
	start(&nodes[1], POLICY_GUARDED);
	start(&nodes[2], POLICY_GUARDED);
	join(&nodes[2], &nodes[1]);
	while (known(&nodes[1]) < 1 || known(&nodes[2]) < 1)
		event_base_loop(base, EVLOOP_ONCE);
	copy_key();
	assert_int_equal(put(&nodes[1], WRITER, named("k%u", 1), 11), 0);
	while (said(&nodes[1]).queued)
		event_base_loop(base, EVLOOP_ONCE);
	assert_int_equal(put(&nodes[0], WRITER, named("k%u", 2), 2), 0);
	while (said(&nodes[0]).zones_put == 0)
		event_base_loop(base, EVLOOP_ONCE);
	/* Nor does it tell those who ask it then. */
	struct dht_item item;
	struct dht_id target = zone_target();
	assert_int_not_equal(dht_store_find(nodes[0].store, &target, NULL, clock_wall(), &item), 0);
	join(&nodes[0], &nodes[1]);
	until_all_published();
	look_after(&nodes[1]);
	assert_int_equal(said(&nodes[1]).yielded, 0);
	assert_int_equal(standing(&nodes[1], named("k%u", 1)), 11);
	assert_int_equal(ask_anew(&nodes[2], named("k%u", 1)).last, 11);
	assert_int_equal(ask_anew(&nodes[2], named("k%u", 2)).last, 2);
}

/* What one has written the other withdraws, who never had it; the writer hears of it within a
 * minute without an edit of his own, and other nodes too. */
static void test_withdrawn_by_the_other(void **state)
{
	(void)state;
	connect_all(POLICY_GUARDED);
	copy_key();
	assert_int_equal(put(&nodes[0], WRITER, named("k%u", 1), 1), 0);
	assert_int_equal(put(&nodes[0], WRITER, named("k%u", 2), 2), 0);
	until_all_published();
	struct question q = question_of(named("k%u", 1)), stranger = question_of("k1.alt");
	assert_int_equal(publish_remove(nodes[1].publisher, WRITER, &q), -ENOENT);
	assert_int_equal(publish_remove_theirs(nodes[1].publisher, WRITER, &stranger), -EPERM);
	assert_int_equal(publish_remove_theirs(nodes[1].publisher, WRITER + 1, &q), -EPERM);
	assert_int_equal(publish_remove_theirs(nodes[1].publisher, WRITER, &q), 0);
	while (said(&nodes[1]).queued)
		event_base_loop(base, EVLOOP_ONCE);
	assert_int_equal(ask_anew(&nodes[2], named("k%u", 1)).error, -ENOENT);
	assert_true(zone_job(&nodes[0])->due > clock_monotonic() + 3600 * SECOND);
	look_after(&nodes[0]); /* and comes to know that there is another: it looks every minute */
	assert_int_equal(standing(&nodes[0], named("k%u", 1)), -1);
	assert_in_range(zone_job(&nodes[0])->due - clock_monotonic(), 40 * SECOND, 60 * SECOND);
	q = question_of(named("k%u", 2));
	assert_int_equal(publish_remove_theirs(nodes[1].publisher, WRITER, &q), 0);
	while (said(&nodes[1]).queued)
		event_base_loop(base, EVLOOP_ONCE);
	look_after(&nodes[0]);
	assert_int_equal(standing(&nodes[0], named("k%u", 2)), -1);
	assert_int_equal(said(&nodes[0]).yielded, 2);
	/* Written there anew it is there again, for all. */
	assert_int_equal(put(&nodes[0], WRITER, named("k%u", 2), 22), 0);
	until_all_published();
	assert_int_equal(ask_anew(&nodes[2], named("k%u", 2)).last, 22);
	assert_int_equal(ask_anew(&nodes[1], named("k%u", 2)).last, 22);
}

/* ---- copies of a state ---- */

static void copy_file(const char *from, const char *to)
{
	char buffer[1 << 12];
	ssize_t n;
	int in = open(from, O_RDONLY), out = open(to, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	assert_true(in >= 0 && out >= 0);
	while ((n = read(in, buffer, sizeof(buffer))) > 0)
		assert_int_equal(write(out, buffer, (size_t)n), n);
	close(in);
	close(out);
}

static void back_up(struct node *n, const char *from, const char *to)
{
	char a[sizeof(n->dir) + 16], b[sizeof(n->dir) + 16];
	snprintf(a, sizeof(a), "%s/%s", n->dir, from);
	snprintf(b, sizeof(b), "%s/%s", n->dir, to);
	copy_file(a, b);
}

static int64_t head_seq(struct node *n)
{
	struct dht_item item;
	head_at(n, &item);
	return item.seq;
}

/* What was written, changed and removed after the backup was made holds when that is brought back,
 * and the zone goes on from there. */
static void test_brought_back(void **state)
{
	(void)state;
	connect_all(POLICY_GUARDED);
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(put(&nodes[0], WRITER, named("k%u", i), 1), 0);
	until_all_published();
	stop(&nodes[0]);
	back_up(&nodes[0], "own.db", "backup");
	start(&nodes[0], POLICY_GUARDED);
	join(&nodes[0], &nodes[1]);
	look_after(&nodes[0]);
	struct question q = question_of(named("k%u", 2));
	assert_int_equal(publish_remove(nodes[0].publisher, WRITER, &q), 0);
	assert_int_equal(put(&nodes[0], WRITER, named("k%u", 1), 2), 0);
	assert_int_equal(put(&nodes[0], WRITER, named("k%u", 3), 3), 0);
	until_all_published();
	assert_int_equal(said(&nodes[0]).outrun, 0);
	int64_t seq = head_seq(&nodes[1]);
	stop(&nodes[0]);
	back_up(&nodes[0], "backup", "own.db");
	start(&nodes[0], POLICY_GUARDED);
	nodes[0].publisher->config.say = say;
	assert_int_equal(standing(&nodes[0], named("k%u", 1)), 1);
	join(&nodes[0], &nodes[1]);
	look_after(&nodes[0]);
	assert_int_equal(said(&nodes[0]).outrun, 1);
	assert_int_equal(said(&nodes[0]).yielded, 2);
	assert_int_equal(standing(&nodes[0], named("k%u", 1)), 2);
	assert_int_equal(standing(&nodes[0], named("k%u", 2)), -1);
	assert_int_equal(head_seq(&nodes[1]), seq); /* there is nothing to be put */
	assert_int_equal(put(&nodes[0], WRITER, named("k%u", 4), 4), 0);
	until_all_published();
	assert_true(head_seq(&nodes[1]) > seq);
	static const uint8_t now[] = {1, 2, 0, 3, 4};
	for (unsigned i = 0; i < sizeof(now); i++)
		assert_int_equal(ask_anew(&nodes[2], named("k%u", i)).last, now[i]);
	assert_int_equal(said(&nodes[0]).outrun, 1);
}

/* The state of the first, with its key, is the second's too. `same`: no file system tells them
 * apart, as of two machines from one image. */
static void clone(bool same)
{
	char from[sizeof(nodes[0].dir) + 16], to[sizeof(nodes[0].dir) + 16];
	sqlite3 *db;
	copy_key();
	stop(&nodes[0]);
	stop(&nodes[1]);
	snprintf(from, sizeof(from), "%s/own.db", nodes[0].dir);
	snprintf(to, sizeof(to), "%s/own.db", nodes[1].dir);
	copy_file(from, to);
	if (same) {
		assert_int_equal(sqlite3_open(to, &db), SQLITE_OK);
		assert_int_equal(
			sqlite3_exec(db, "DELETE FROM place", NULL, NULL, NULL), SQLITE_OK);
		sqlite3_close(db);
	}
	start(&nodes[0], POLICY_GUARDED);
	start(&nodes[1], POLICY_GUARDED);
	assert_true(same == (own_writer(nodes[0].own) == own_writer(nodes[1].own)));
	join(&nodes[0], &nodes[2]);
	join(&nodes[1], &nodes[2]);
	while (known(&nodes[0]) < 2 || known(&nodes[1]) < 2)
		event_base_loop(base, EVLOOP_ONCE);
}

/* Two of one state at the same time: they are told apart, and nothing is lost. */
static void test_cloned(void **state)
{
	(void)state;
	connect_all(POLICY_GUARDED);
	assert_int_equal(put(&nodes[0], WRITER, named("k%u", 0), 1), 0);
	assert_int_equal(put(&nodes[0], WRITER, named("gone%u", 0), 1), 0);
	until_all_published();
	clone(true);
	for (unsigned i = 1; i < 20; i++)
		assert_int_equal(put(&nodes[i % 2], WRITER, named("k%u", i), (uint8_t)i), 0);
	struct question q = question_of(named("gone%u", 0));
	assert_int_equal(publish_remove(nodes[1].publisher, WRITER, &q), 0);
	while (said(&nodes[0]).queued || said(&nodes[1]).queued)
		event_base_loop(base, EVLOOP_ONCE);
	look_after(&nodes[0]);
	look_after(&nodes[1]);
	assert_true(said(&nodes[0]).outrun + said(&nodes[1]).outrun >= 1);
	assert_int_not_equal(own_writer(nodes[0].own), own_writer(nodes[1].own));
	for (unsigned i = 1; i < 20; i++) {
		assert_int_equal(ask_anew(&nodes[2], named("k%u", i)).last, i);
		assert_int_equal(standing(&nodes[i % 2], named("k%u", i)), i);
	}
	assert_int_equal(ask_anew(&nodes[2], named("gone%u", 0)).error, -ENOENT);
	assert_int_equal(standing(&nodes[0], named("gone%u", 0)), -1);
}

/* The copy goes on beyond a cut: what each writes there holds for both, and what it withdraws. */
static void test_cloned_apart(void **state)
{
	(void)state;
	struct dht_item before;
	connect_all(POLICY_GUARDED);
	for (unsigned i = 0; i < 6; i++)
		assert_int_equal(put(&nodes[0], WRITER, named("k%u", i), 1), 0);
	until_it_has_said(&nodes[0]);
	clone(false);
	look_after(&nodes[0]);
	look_after(&nodes[1]);
	struct dht_id target = head_at(&nodes[2], &before);
	for (unsigned i = 0; i < 2; i++) {
		struct question q = question_of(named("k%u", 4 + i));
		set_heads(&target, &before);
		assert_int_equal(put(&nodes[i], WRITER, named("k%u", i), 10), 0);
		assert_int_equal(put(&nodes[i], WRITER, named("new%u", i), 10), 0);
		assert_int_equal(publish_remove(nodes[i].publisher, WRITER, &q), 0);
		until_it_has_said(&nodes[i]);
	}
	for (unsigned i = 0; i < 4; i++)
		look_after(&nodes[i % 2]);
	for (unsigned i = 0; i < 2; i++) {
		assert_int_equal(ask_anew(&nodes[2], named("k%u", i)).last, 10);
		assert_int_equal(ask_anew(&nodes[2], named("new%u", i)).last, 10);
		assert_int_equal(ask_anew(&nodes[2], named("k%u", 2 + i)).last, 1);
		assert_int_equal(ask_anew(&nodes[2], named("k%u", 4 + i)).error, -ENOENT);
		assert_int_equal(standing(&nodes[1 - i], named("k%u", i)), 10);
		assert_int_equal(standing(&nodes[1 - i], named("k%u", 4 + i)), -1);
	}
}

/* ---- interleaved ---- */

static void until_said(void)
{
	while (said(&nodes[0]).queued || said(&nodes[1]).queued)
		event_base_loop(base, EVLOOP_ONCE);
}

/* A hundred edits and removals, of names of its own and of common ones; the common ones each by one
 * and then by the other, who has read what the first put. */
static void test_interleaved(void **state)
{
	(void)state;
	enum { NAMES = 20, ROUNDS = 100 };
	int wanted[NAMES];
	connect_all(POLICY_GUARDED);
	copy_key();
	memset(wanted, -1, sizeof(wanted));
	srandom(1);
	for (unsigned i = 0; i < 2; i++) /* each has a zone to look after */
		assert_int_equal(put(&nodes[i], WRITER, named("own%u", i), 1), 0);
	for (unsigned i = 0; i < ROUNDS; i++) {
		unsigned name = (unsigned)random() % NAMES;
		bool common = name < NAMES / 2, removed = wanted[name] >= 0 && random() % 2;
		struct node *n = &nodes[common ? random() % 2 : name % 2];
		if (common) {
			until_said();
			look_after(n);
		}
		if (removed && standing(n, named("k%u", name)) >= 0)
			withdraw(n, named("k%u", name));
		else
			assert_int_equal(put(n, WRITER, named("k%u", name), (uint8_t)i), 0);
		wanted[name] = standing(n, named("k%u", name));
	}
	until_said();
	look_after(&nodes[0]);
	look_after(&nodes[1]);
	until_said();
	for (unsigned i = 0; i < NAMES; i++) {
		struct heard h = ask_anew(&nodes[2], named("k%u", i));
		assert_int_equal(wanted[i] < 0 ? -ENOENT : 0, h.error);
		assert_int_equal(wanted[i] < 0 ? 0 : wanted[i], h.last);
		for (unsigned n = 0; n < 2 && i < NAMES / 2; n++)
			if (standing(&nodes[n], named("k%u", i)) >= 0)
				assert_int_equal(standing(&nodes[n], named("k%u", i)), wanted[i]);
		if (wanted[i] < 0) {
			assert_int_equal(standing(&nodes[0], named("k%u", i)), -1);
			assert_int_equal(standing(&nodes[1], named("k%u", i)), -1);
		}
	}
}

int main(void)
{
	pace = SECOND / 50;
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_two_daemons_of_one_key, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_the_later_holds, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_signed_anew_is_not_later, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_true_conflict, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			test_what_has_moved_is_not_withdrawn, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_alone_then_met, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_withdrawn_by_the_other, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_brought_back, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_cloned, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_cloned_apart, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_interleaved, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
