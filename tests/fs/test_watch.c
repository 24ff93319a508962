/* Open files that move on: what is a change, who is woken, and what it may cost. */
#undef NDEBUG
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <event2/event.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "fs/watch.h"
#include "resolver/clock.h"
#include "resolver/json.h"
#include "tests/fs/fake_resolver.h"

static struct event_base *base;
static struct fs *fs;
static unsigned woken, dropped;

/* In the place of the C library's, for libevent too: the tests are an hour ahead in no time. */
static time_t ahead;

int clock_gettime(clockid_t id, struct timespec *ret_time)
{
	long r = syscall(SYS_clock_gettime, id, ret_time);
	ret_time->tv_sec += ahead;
	return (int)r;
}

static void count_wake(void *waiter)
{
	(void)waiter;
	woken++;
}

static void count_drop(void *waiter)
{
	(void)waiter;
	dropped++;
}

static const struct watch_waiters waiters = {count_wake, count_drop};
static char somebody;

static int setup(void **state)
{
	(void)state;
	base = event_base_new();
	struct fs_config config = {.resolver = fake_resolver(base),
		.publisher = fake_publisher(),
		.deadline = 4000000,
		.lookups = 100,
		.owner = 900,
		.waiters = &waiters};
	woken = dropped = 0;
	return fs_create(base, &config, &fs);
}

static int teardown(void **state)
{
	(void)state;
	fs_destroy(fs);
	fake_destroy();
	event_base_free(base);
	return 0;
}

static struct question question(const char *name)
{
	struct question q = {.type = TYPE_A, .class = CLASS_IN};
	assert_int_equal(name_from_text(name, strlen(name), &q.name), 0);
	return q;
}

static void publish(uid_t uid, const char *name, const char *text)
{
	struct question q = question(name);
	struct rrset *set;
	assert_int_equal(json_read(text, strlen(text), &q, NULL, &set, NULL), 0);
	assert_int_equal(publish_set(fake_publisher(), uid, set), 0);
	rrset_destroy(set);
}

static void withdraw(uid_t uid, const char *name)
{
	struct question q = question(name);
	assert_int_equal(publish_remove(fake_publisher(), uid, &q), 0);
}

/* As a handle is after OPEN and READ of what memory holds. */
static struct handle *reader(uid_t uid, const char *name)
{
	struct question q = question(name);
	struct handle *h;
	struct node *node;
	char *text;
	size_t len;
	const struct answer *a = resolver_peek(fs->resolver, &q, uid);
	assert_non_null(a);
	assert_int_equal(json_write(a, NULL, &text, &len), 0);
	assert_int_equal(tree_record(fs->tree, &q, 0, &node), 0);
	assert_int_equal(handle_create(fs->handles, HANDLE_TEXT, uid, &h), 0);
	handle_set_node(h, node);
	h->version = memo_version(fs->memo, a);
	assert_int_equal(handle_set_text(h, text, len), 0);
	return h;
}

static struct watch *watch(struct handle *h)
{
	assert_int_equal(watch_create(fs->watches, h, &h->watch), 0);
	return h->watch;
}

/* What is due now; the look after the TTL is seconds away. */
static void turn_loop(void)
{
	for (int i = 0; i < 4; i++)
		event_base_loop(base, EVLOOP_NONBLOCK);
}

static const char *first_text(const struct answer *a)
{
	static char line[4096];
	char *text;
	size_t len;
	assert_int_equal(json_write(a, NULL, &text, &len), 0);
	assert_true(len < sizeof(line));
	memcpy(line, text, len);
	line[len] = '\0';
	free(text);
	return line;
}

/* As a READ from the beginning. */
static void take(struct watch *w, const char *want)
{
	const struct answer *a;
	assert_int_equal(watch_take(w, &a), 0);
	if (!want) {
		assert_null(a);
		return;
	}
	assert_non_null(a);
	assert_non_null(strstr(first_text(a), want));
}

static void test_a_write_wakes(void **state)
{
	(void)state;
	publish(1, "a.alt", "192.0.2.1\n");
	struct watch *w = watch(reader(1, "a.alt"));
	assert_false(watch_poll(w, &somebody));
	turn_loop();
	assert_int_equal(woken, 0);
	publish(1, "a.alt", "192.0.2.2\n");
	assert_int_equal(woken, 0); /* who writes may hold answers on loan */
	turn_loop();
	assert_int_equal(woken, 1);
	assert_true(watch_poll(w, NULL));
	take(w, "192.0.2.2");
	assert_false(watch_poll(w, NULL));
	take(w, NULL); /* it stands */
	assert_int_equal(dropped, 0);
}

static void test_what_is_no_change(void **state)
{
	(void)state;
	publish(1, "a.alt", "192.0.2.1\n");
	publish(1, "b.alt", "192.0.2.1\n");
	struct watch *w = watch(reader(1, "a.alt"));
	assert_false(watch_poll(w, &somebody));
	publish(1, "a.alt", "192.0.2.1\n");
	publish(1, "b.alt", "192.0.2.9\n"); /* another name */
	publish(2, "a.alt", "192.0.2.9\n"); /* another user's view */
	turn_loop();
	assert_int_equal(woken, 0);
	assert_false(watch_poll(w, NULL));
	publish(1, "a.alt", "60 192.0.2.1\n");
	turn_loop();
	assert_int_equal(woken, 1);
	take(w, "\"ttl\":60");
}

static void test_change_before_the_first_poll(void **state)
{
	(void)state;
	publish(1, "a.alt", "192.0.2.1\n");
	struct handle *h = reader(1, "a.alt");
	publish(1, "a.alt", "192.0.2.2\n");
	struct watch *w = watch(h);
	assert_true(watch_poll(w, &somebody));
	take(w, "192.0.2.2");
}

static void test_many_changes_are_one(void **state)
{
	(void)state;
	publish(1, "a.alt", "192.0.2.1\n");
	struct watch *w = watch(reader(1, "a.alt"));
	assert_false(watch_poll(w, &somebody));
	for (char i = '2'; i <= '9'; i++) {
		char text[] = "192.0.2.x\n";
		text[8] = i;
		publish(1, "a.alt", text);
	}
	turn_loop();
	assert_int_equal(woken, 1);
	take(w, "192.0.2.9");
}

/* Memory of what has been withdrawn holds nothing: who waits asks. */
static void test_withdrawal_and_return(void **state)
{
	(void)state;
	const struct answer *a;
	publish(1, "a.alt", "192.0.2.1\n");
	struct watch *w = watch(reader(1, "a.alt"));
	assert_false(watch_poll(w, &somebody));
	withdraw(1, "a.alt");
	turn_loop();
	assert_int_equal(fake.asks, 1);
	assert_int_equal(woken, 1);
	assert_true(watch_poll(w, &somebody));
	assert_int_equal(watch_take(w, &a), -ENOENT);
	assert_int_equal(watch_take(w, &a), -ENOENT); /* still */
	assert_false(watch_poll(w, NULL));
	publish(1, "a.alt", "192.0.2.3\n");
	turn_loop();
	assert_int_equal(woken, 2);
	take(w, "192.0.2.3");
	take(w, NULL);
}

static void test_nobody_waits_nobody_is_asked(void **state)
{
	(void)state;
	publish(1, "a.alt", "192.0.2.1\n");
	struct watch *w = watch(reader(1, "a.alt"));
	assert_false(watch_poll(w, NULL)); /* for POLLIN */
	withdraw(1, "a.alt");
	turn_loop();
	assert_int_equal(fake.asks, 0);
	take(w, NULL); /* memory does not know: what was read stands */
	publish(1, "a.alt", "192.0.2.2\n");
	turn_loop();
	assert_int_equal(woken, 0);
	take(w, "192.0.2.2"); /* but reading takes what is there */
}

/* A failure of the network is no withdrawal. */
static void test_failures_change_nothing(void **state)
{
	(void)state;
	publish(1, "e110.alt", "192.0.2.1\n");
	struct watch *w = watch(reader(1, "e110.alt"));
	assert_false(watch_poll(w, &somebody));
	withdraw(1, "e110.alt");
	turn_loop();
	assert_int_equal(fake.asks, 1);
	assert_int_equal(woken, 0);
	assert_false(watch_poll(w, NULL));
	take(w, NULL);
}

static uint64_t looks(void)
{
	struct watch_counters c;
	watch_counters(fs->watches, &c);
	return c.looks;
}

/* Who pins makes those look whose names it concerns: his own, or everybody's where root does. */
static void test_pins(void **state)
{
	(void)state;
	static const char text[] =
		"8rrjzsiqf4nxqoyemjbaqsb8b8iryhcr1sfsrqcptnwt6gbyt4oo example.com\n";
	struct pins_mistake mistake;
	struct pin_list *list;
	publish(0, "a.alt", "192.0.2.1\n");
	publish(0, "www.example.com", "192.0.2.1\n");
	for (uid_t uid = 1; uid <= 3; uid++) {
		assert_false(watch_poll(watch(reader(uid, "a.alt")), &somebody));
		assert_false(watch_poll(watch(reader(uid, "www.example.com")), &somebody));
	}
	turn_loop();
	uint64_t before = looks();
	for (uid_t uid = 0; uid <= 1; uid++) {
		struct pins_input in = {.text = text, .len = strlen(text), .uid = uid};
		assert_int_equal(pin_list_read(&in, &mistake, &list), 0);
		assert_int_equal(resolver_set_pins(NULL, uid, list), 0);
		pin_list_unref(list);
		turn_loop();
		assert_int_equal(looks() - before, uid ? 4 : 3);
	}
}

static void test_closing(void **state)
{
	(void)state;
	publish(1, "a.alt", "192.0.2.1\n");
	struct handle *h = reader(1, "a.alt");
	assert_false(watch_poll(watch(h), &somebody));
	assert_false(watch_poll(h->watch, &somebody)); /* takes the place of the first */
	assert_int_equal(dropped, 1);
	fake.delay_ms = 20;
	withdraw(1, "a.alt");
	turn_loop();
	assert_int_equal(fake.asks, 1);
	handle_destroy(h); /* while the question is out */
	assert_int_equal(dropped, 2);
	event_base_dispatch(base); /* its answer comes to nobody */
	assert_int_equal(woken, 0);
	struct watch_counters c;
	watch_counters(fs->watches, &c);
	assert_int_equal(c.watches, 0);
	watch_destroy(NULL);
}

static void test_shares(void **state)
{
	(void)state;
	publish(0, "a.alt", "192.0.2.1\n"); /* root's: it answers all */
	struct watch *w;
	for (unsigned i = 0; i < WATCH_USER_MAX; i++)
		assert_false(watch_poll(watch(reader(1, "a.alt")), &somebody));
	struct handle *h = reader(1, "a.alt");
	assert_int_equal(watch_create(fs->watches, h, &w), -EDQUOT);
	assert_null(h->watch);
	watch(reader(2, "a.alt"));
	publish(0, "a.alt", "192.0.2.2\n");
	turn_loop();
	assert_int_equal(woken, WATCH_USER_MAX);
	/* All of them, an account with many uids: the last eighth is root's. */
	for (unsigned i = 0; i < WATCH_MAX; i++) {
		h = reader((uid_t)(10 + i), "a.alt");
		if (watch_create(fs->watches, h, &h->watch) < 0)
			break;
	}
	struct watch_counters c;
	watch_counters(fs->watches, &c);
	assert_int_equal(c.watches, WATCH_MAX - WATCH_MAX / 8);
	watch(reader(0, "a.alt"));
}

/* A later expiry is the same record, to who has polled before and to who has not. */
static void test_renewal_is_no_change(void **state)
{
	(void)state;
	publish(1, "a.alt", "192.0.2.1\n");
	struct watch *w = watch(reader(1, "a.alt")), *other = watch(reader(1, "a.alt"));
	assert_false(watch_poll(w, &somebody));
	fake.later = 60;
	publish(1, "a.alt", "192.0.2.1\n");
	turn_loop();
	assert_int_equal(woken, 0);
	assert_false(watch_poll(w, NULL));
	assert_false(watch_poll(other, NULL));
	take(other, NULL);
}

/* What came, went back before anybody looked. */
static void test_there_and_back(void **state)
{
	(void)state;
	publish(1, "a.alt", "192.0.2.1\n");
	struct watch *w = watch(reader(1, "a.alt"));
	assert_false(watch_poll(w, &somebody));
	publish(1, "a.alt", "192.0.2.2\n");
	turn_loop();
	assert_int_equal(woken, 1);
	publish(1, "a.alt", "192.0.2.1\n");
	assert_false(watch_poll(w, NULL));
	take(w, NULL);
}

static void fill_up(uid_t uid, struct handle **ret_handle)
{
	size_t step = 1u << 20;
	assert_int_equal(handle_create(fs->handles, HANDLE_TEXT, uid, ret_handle), 0);
	for (; step; step /= 2)
		while (handle_charge(*ret_handle, step) == 0)
			continue;
}

/* Who has no more room hears of a change, and reads it, or why not: never the old one as if it were
 * new, which a program would read for ever. */
static void test_no_room(void **state)
{
	(void)state;
	struct handle *full;
	const struct answer *a;
	publish(1, "ttl0.example.com", "192.0.2.9\n");
	struct watch *w = watch(reader(1, "ttl0.example.com"));
	fill_up(1, &full);
	assert_false(watch_poll(w, &somebody));
	publish(1, "ttl0.example.com", "192.0.2.8\n");
	turn_loop();
	assert_int_equal(woken, 1);
	take(w, "192.0.2.8"); /* from memory */
	assert_false(watch_poll(w, &somebody));
	withdraw(1, "ttl0.example.com");
	turn_loop();
	assert_int_equal(woken, 2);
	assert_int_equal(fake.asks, 1);
	assert_int_equal(watch_take(w, &a), -ENFILE); /* memory does not keep it */
	assert_null(a);
	assert_true(watch_poll(w, NULL)); /* still */
	handle_destroy(full);
	assert_true(watch_poll(w, &somebody));
	ahead += WATCH_SECONDS_LEAST;
	turn_loop();
	assert_int_equal(fake.asks, 2);
	take(w, "192.0.2.1");
	assert_false(watch_poll(w, NULL));
}

/* So many asks in so many seconds, while somebody waits all the time. */
static unsigned asks_in(unsigned seconds)
{
	unsigned before = fake.asks;
	for (unsigned i = 0; i < 4 * seconds; i++) {
		ahead += i % 4 == 0;
		turn_loop();
	}
	return fake.asks - before;
}

static struct watch *watch_of_answer(uid_t uid, const char *name)
{
	publish(uid, name, "192.0.2.1\n");
	struct watch *w = watch(reader(uid, name));
	withdraw(uid, name);
	watch_poll(w, &somebody);
	return w;
}

static void poll_again(void *ctx, struct handle *h)
{
	(void)ctx;
	if (h->watch) {
		const struct answer *a;
		watch_take(h->watch, &a);
		watch_poll(h->watch, &somebody);
	}
}

static void find_handle(void *ctx, struct handle *h)
{
	*(struct handle **)ctx = h;
}

static void ignore(void *ctx, const struct answer *a)
{
	(void)ctx;
	(void)a;
}

static void test_pace(void **state)
{
	(void)state;
	watch_of_answer(1, "www.example.com"); /* 300 s */
	turn_loop();
	handle_each(fs->handles, HANDLE_TEXT, poll_again, NULL);
	assert_int_equal(fake.asks, 1);
	assert_int_equal(asks_in(299), 0); /* looks, at 60 s each, and finds it in memory */
	assert_in_range(asks_in(901), 3, 4);
}

/* A TTL shorter than the least pause. Every poll anew is no more. */
static void test_pace_of_short_ttls(void **state)
{
	(void)state;
	const char *const names[] = {"turn1.example.com", "ttl0.example.com"};
	for (size_t i = 0; i < 2; i++) {
		struct watch *w = watch_of_answer(1, names[i]);
		turn_loop();
		handle_each(fs->handles, HANDLE_TEXT, poll_again, NULL);
		assert_in_range(asks_in(100), 19, 21);
		unsigned before = fake.asks;
		for (unsigned second = 0; second < 100; second++) {
			handle_each(fs->handles, HANDLE_TEXT, poll_again, NULL);
			asks_in(1);
		}
		assert_in_range(fake.asks - before, 19, 21);
		struct handle *h = NULL;
		handle_each(fs->handles, HANDLE_TEXT, find_handle, &h);
		assert_non_null(h);
		assert_ptr_equal(h->watch, w);
		handle_destroy(h);
	}
}

/* What one asks for wakes the other, whose look must be no question in turn; and strangers who ask
 * all the time keep nobody from asking when it is time. */
static void test_two_do_not_ask_in_circles(void **state)
{
	(void)state;
	struct question q = question("ttl0.example.com");
	watch_of_answer(1, "ttl0.example.com");
	watch_of_answer(2, "ttl0.example.com");
	turn_loop();
	handle_each(fs->handles, HANDLE_TEXT, poll_again, NULL);
	assert_in_range(asks_in(100), 2 * 19, 2 * 21);
	unsigned before = fake.asks;
	for (unsigned second = 0; second < 100; second++) {
		resolver_ask(fs->resolver, &q, 3, ignore, NULL);
		asks_in(1);
	}
	assert_in_range(fake.asks - before, 100 + 2 * 19, 100 + 2 * 21);
}

int main(void)
{
#define CASE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
	const struct CMUnitTest tests[] = {
		CASE(test_a_write_wakes),
		CASE(test_what_is_no_change),
		CASE(test_change_before_the_first_poll),
		CASE(test_many_changes_are_one),
		CASE(test_withdrawal_and_return),
		CASE(test_nobody_waits_nobody_is_asked),
		CASE(test_failures_change_nothing),
		CASE(test_renewal_is_no_change),
		CASE(test_there_and_back),
		CASE(test_no_room),
		CASE(test_pace),
		CASE(test_pace_of_short_ttls),
		CASE(test_two_do_not_ask_in_circles),
		CASE(test_pins),
		CASE(test_closing),
		CASE(test_shares),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
