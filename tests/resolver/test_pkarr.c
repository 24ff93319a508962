/* resolver/pkarr: what a relay holds, refuses and says, over a DHT that is played here. */
#undef NDEBUG
#include "resolver/pkarr.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "dht/dht.h"
#include "resolver/clock.h"

/* ---- the DHT ---- */

struct dht_lookup {
	dht_get_fn *get;
	dht_put_fn *put;
	void *ctx;
	struct dht_item item;
};
static struct dht_lookup network; /* one at a time, and none when it has no callback */
static unsigned get_count, put_count, cancels;
static int get_error;

int __wrap_dht_get_mutable(struct dht *, const uint8_t *, const uint8_t *, size_t, dht_get_fn *,
	void *, struct dht_lookup **);
int __wrap_dht_put(struct dht *, const struct dht_item *, unsigned, dht_put_fn *, void *,
	struct dht_lookup **);
int __wrap_dht_read_back(
	struct dht *, const struct dht_item *, dht_get_fn *, void *, struct dht_lookup **);
void __wrap_dht_cancel(struct dht *, struct dht_lookup *);

int __wrap_dht_get_mutable(struct dht *dht, const uint8_t *key, const uint8_t *salt,
	size_t salt_len, dht_get_fn *fn, void *ctx, struct dht_lookup **ret_lookup)
{
	(void)dht;
	(void)key;
	(void)salt;
	assert_int_equal(salt_len, 0);
	if (get_error)
		return get_error;
	get_count++;
	network = (struct dht_lookup){.get = fn, .ctx = ctx};
	*ret_lookup = &network;
	return 0;
}

int __wrap_dht_put(struct dht *dht, const struct dht_item *item, unsigned flags, dht_put_fn *fn,
	void *ctx, struct dht_lookup **ret_lookup)
{
	(void)dht;
	assert_int_equal(flags, 0);
	put_count++;
	network = (struct dht_lookup){.put = fn, .ctx = ctx, .item = *item};
	*ret_lookup = &network;
	return 0;
}

int __wrap_dht_read_back(struct dht *dht, const struct dht_item *item, dht_get_fn *fn, void *ctx,
	struct dht_lookup **ret_lookup)
{
	(void)item;
	return __wrap_dht_get_mutable(dht, NULL, NULL, 0, fn, ctx, ret_lookup);
}

void __wrap_dht_cancel(struct dht *dht, struct dht_lookup *lookup)
{
	(void)dht;
	cancels++;
	lookup->get = NULL;
	lookup->put = NULL;
}

/* A node has it. */
static void says(const struct dht_item *item)
{
	network.get(network.ctx, item, NULL, NULL);
}

static void ends(struct dht_result result)
{
	struct dht_lookup now = network;
	network = (struct dht_lookup){0};
	if (now.get)
		now.get(now.ctx, NULL, NULL, &result);
	else
		now.put(now.ctx, &result);
}

/* ---- the relay ---- */

static struct pkarr *relay;
static unsigned changes;
static bool had_old;
static struct {
	unsigned calls;
	int error;
	int64_t seq, invalid;
	unsigned stored;
} got;

static void on_changed(void *ctx, const struct dht_item *old, const struct dht_item *now)
{
	(void)ctx;
	assert_non_null(now);
	changes++;
	had_old = old != NULL;
}

static void on_result(void *ctx, const struct pkarr_result *result)
{
	(void)ctx;
	got.calls++;
	got.error = result->error;
	got.seq = result->held ? result->held->item.seq : -1;
	got.invalid = result->invalid;
	got.stored = result->stored;
}

static int begin(bool joined)
{
	struct pkarr_config config = {.joined = joined, .changed = on_changed};
	memset(&got, 0, sizeof(got));
	get_count = put_count = cancels = changes = 0;
	had_old = false;
	get_error = 0;
	return pkarr_create(NULL, &config, &relay);
}

static int joined(void **state)
{
	(void)state;
	return begin(true);
}

static int alone(void **state)
{
	(void)state;
	return begin(false);
}

static int end(void **state)
{
	(void)state;
	pkarr_destroy(relay);
	return 0;
}

/* An empty zone of the n-th key. Nobody checks its signature here. */
static struct dht_item packet(unsigned n, int64_t seq)
{
	struct dht_item item = {.is_mutable = true, .seq = seq};
	memcpy(item.key, &n, sizeof(n));
	assert_int_equal(dht_item_set_string(&item, "\0\0\x80\0\0\0\0\0\0\0\0\0", 12), 0);
	return item;
}

static void get(unsigned n)
{
	struct dht_item item = packet(n, 0);
	struct pkarr_job *job;
	assert_int_equal(pkarr_get(relay, item.key, on_result, NULL, &job), 0);
}

static int put(unsigned n, int64_t seq)
{
	struct dht_item item = packet(n, seq);
	struct pkarr_job *job;
	return pkarr_put(relay, &item, on_result, NULL, &job);
}

static int64_t held(unsigned n)
{
	struct dht_item item = packet(n, 0);
	const struct pkarr_held *h = pkarr_held(relay, item.key);
	return h ? h->item.seq : -1;
}

static void the_newest_is_found_and_held(void **state)
{
	struct dht_item two = packet(1, 2), three = packet(1, 3);
	(void)state;
	get(1);
	says(&two);
	says(&three);
	says(&two);
	assert_int_equal(got.calls, 0);
	ends((struct dht_result){.answered = 8});
	assert_int_equal(got.calls, 1);
	assert_int_equal(got.error, 0);
	assert_int_equal(got.seq, 3);
	assert_int_equal(held(1), 3);
	assert_int_equal(held(2), -1);
	assert_int_equal(changes, 1);
	assert_false(had_old);
	/* The network has lost it since: that is said, but what is held stays. */
	get(1);
	says(&two);
	ends((struct dht_result){.answered = 8});
	assert_int_equal(got.seq, 2);
	assert_int_equal(held(1), 3);
	assert_int_equal(changes, 1);
}

static void what_is_not_there_is_said_as_it_is(void **state)
{
	struct dht_item old = packet(1, 5), odd = packet(1, 6), far = packet(1, INT64_MAX);
	(void)state;
	get(1);
	ends((struct dht_result){.answered = 8});
	assert_int_equal(got.error, -ENOENT);
	assert_int_equal(got.invalid, -1);
	get(1);
	ends((struct dht_result){.error = -ENETUNREACH});
	assert_int_equal(got.error, -ENETUNREACH);
	get(1);
	ends((struct dht_result){.error = -EHOSTUNREACH});
	assert_int_equal(got.error, -ENETUNREACH);
	/* No DNS, and newer. */
	dht_item_set_string(&odd, "Hello World!", 12);
	get(1);
	says(&odd);
	says(&old);
	ends((struct dht_result){.answered = 8});
	assert_int_equal(got.error, -ENOENT);
	assert_int_equal(got.invalid, 6);
	assert_int_equal(held(1), -1);
	/* Nor is what comes from the future looked at. */
	get(1);
	says(&far);
	says(&old);
	ends((struct dht_result){.answered = 8});
	assert_int_equal(got.seq, 5);
	assert_int_equal(got.calls, 5);
}

static void a_put_looks_first(void **state)
{
	struct dht_item newer = packet(1, 11), odd = packet(1, 12);
	(void)state;
	assert_int_equal(put(1, 10), 0);
	assert_int_equal(get_count, 1);
	ends((struct dht_result){.answered = 8});
	assert_int_equal(put_count, 1);
	assert_int_equal(network.item.seq, 10);
	ends((struct dht_result){.stored = 7, .stored_here = true});
	assert_int_equal(got.error, 0);
	assert_int_equal(got.stored, 8);
	assert_int_equal(held(1), 10);
	/* Older than what is held: nobody is asked. */
	assert_int_equal(put(1, 9), -ESTALE);
	assert_int_equal(get_count, 1);
	/* Than what the network has. */
	assert_int_equal(put(1, 10), 0);
	says(&newer);
	ends((struct dht_result){.answered = 8});
	assert_int_equal(got.error, -ESTALE);
	/* Than something that is no zone. */
	dht_item_set_string(&odd, "Hello World!", 12);
	assert_int_equal(put(1, 11), 0);
	says(&odd);
	ends((struct dht_result){.answered = 8});
	assert_int_equal(got.error, -ESTALE);
	assert_int_equal(put_count, 1);
	/* Or than what a node got meanwhile. */
	assert_int_equal(put(1, 13), 0);
	ends((struct dht_result){.answered = 8});
	ends((struct dht_result){.refused_seq = 8});
	assert_int_equal(got.error, -ESTALE);
	assert_int_equal(held(1), 10);
	struct pkarr_counters c;
	pkarr_counters(relay, &c);
	assert_int_equal(c.refused, 4);
	assert_int_equal(c.puts, 4);
	assert_int_equal(c.held, 1);
	assert_int_equal(put(1, clock_wall() + 25 * 3600 * (int64_t)SECOND), -EINVAL);
	assert_int_equal(put(1, clock_wall() + 23 * 3600 * (int64_t)SECOND), 0);
}

static void a_put_that_nobody_took_has_failed(void **state)
{
	(void)state;
	assert_int_equal(put(1, 1), 0);
	ends((struct dht_result){.answered = 8});
	ends((struct dht_result){.stored_here = true});
	assert_int_equal(got.error, -EIO);
	assert_int_equal(held(1), -1);
	/* Where somebody crowds about the target, what is not found again was not stored. */
	assert_int_equal(put(1, 1), 0);
	ends((struct dht_result){.answered = 8});
	ends((struct dht_result){.stored = 8, .crowded = true});
	assert_int_equal(got.calls, 1);
	ends((struct dht_result){.held = 0});
	assert_int_equal(got.error, -EIO);
	assert_int_equal(put(1, 1), 0);
	ends((struct dht_result){.answered = 8});
	ends((struct dht_result){.stored = 8, .crowded = true});
	ends((struct dht_result){.held = 3});
	assert_int_equal(got.error, 0);
	assert_int_equal(got.stored, 3);
}

static void alone_we_are_the_network(void **state)
{
	(void)state;
	assert_int_equal(put(1, 1), 0);
	ends((struct dht_result){.error = -EHOSTUNREACH});
	ends((struct dht_result){.error = -EHOSTUNREACH, .stored_here = true});
	assert_int_equal(got.error, 0);
	assert_int_equal(got.stored, 1);
	get(2);
	ends((struct dht_result){.error = -EHOSTUNREACH});
	assert_int_equal(got.error, -ENOENT);
}

static void who_leaves_hears_nothing(void **state)
{
	struct dht_item item = packet(1, 1);
	struct pkarr_job *job;
	(void)state;
	assert_int_equal(pkarr_get(relay, item.key, on_result, NULL, &job), 0);
	pkarr_leave(job);
	assert_int_equal(cancels, 1);
	/* What was taken is put all the same. */
	assert_int_equal(pkarr_put(relay, &item, on_result, NULL, &job), 0);
	pkarr_leave(job);
	assert_int_equal(cancels, 1);
	ends((struct dht_result){.answered = 8});
	ends((struct dht_result){.stored = 8});
	assert_int_equal(held(1), 1);
	assert_int_equal(got.calls, 0);
	get_error = -EBUSY;
	assert_int_equal(pkarr_get(relay, item.key, on_result, NULL, &job), -EBUSY);
	assert_int_equal(put(1, 2), -EBUSY);
}

static void jobs_and_packets_are_bounded(void **state)
{
	struct pkarr_counters c;
	struct dht_item item = packet(0, 1);
	struct pkarr_job *job;
	unsigned n = 0;
	(void)state;
	for (unsigned i = 1; i <= 3000; i++) {
		struct dht_item mine = packet(i, 1);
		get(i);
		says(&mine);
		ends((struct dht_result){.answered = 8});
		held(1); /* in use, so it stays */
	}
	pkarr_counters(relay, &c);
	assert_int_equal(c.held, 1024);
	assert_int_equal(held(1), 1);
	assert_int_equal(held(3000), 1);
	assert_int_equal(held(2), -1);
	while (pkarr_get(relay, item.key, on_result, NULL, &job) == 0)
		n++;
	assert_int_equal(n, 64);
}

static void clients_have_a_rate(void **state)
{
	struct sockaddr_in a = {.sin_family = AF_INET}, b = a;
	struct pkarr_counters c;
	unsigned n = 0;
	(void)state;
	inet_pton(AF_INET, "192.0.2.1", &a.sin_addr);
	inet_pton(AF_INET, "198.51.100.1", &b.sin_addr);
	while (pkarr_may(relay, (struct sockaddr *)&a, SECOND))
		n++;
	assert_int_equal(n, 10);
	assert_true(pkarr_may(relay, (struct sockaddr *)&b, SECOND));
	assert_true(pkarr_may(relay, (struct sockaddr *)&a, SECOND + SECOND / 10));
	assert_false(pkarr_may(relay, (struct sockaddr *)&a, SECOND + SECOND / 10));
	pkarr_counters(relay, &c);
	assert_int_equal(c.limited, 2);
}

static void what_is_held_is_fresh_for_its_time(void **state)
{
	struct pkarr_held h = {.seen = 1000 * (int64_t)SECOND, .max_age = 300};
	(void)state;
	assert_true(pkarr_fresh(&h, 1000 * (int64_t)SECOND));
	assert_true(pkarr_fresh(&h, 1300 * (int64_t)SECOND - 1));
	assert_false(pkarr_fresh(&h, 1300 * (int64_t)SECOND));
	assert_false(pkarr_fresh(&h, 999 * (int64_t)SECOND));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(the_newest_is_found_and_held, joined, end),
		cmocka_unit_test_setup_teardown(what_is_not_there_is_said_as_it_is, joined, end),
		cmocka_unit_test_setup_teardown(a_put_looks_first, joined, end),
		cmocka_unit_test_setup_teardown(a_put_that_nobody_took_has_failed, joined, end),
		cmocka_unit_test_setup_teardown(alone_we_are_the_network, alone, end),
		cmocka_unit_test_setup_teardown(who_leaves_hears_nothing, joined, end),
		cmocka_unit_test_setup_teardown(jobs_and_packets_are_bounded, joined, end),
		cmocka_unit_test_setup_teardown(clients_have_a_rate, joined, end),
		cmocka_unit_test_setup_teardown(what_is_held_is_fresh_for_its_time, joined, end),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
