/* Nodes that refuse each put, as if somebody else were always faster. What they say to a put is this
 * file's. */
#undef NDEBUG
#include "resolver/explain.h"
#include "tests/resolver/zone_fixture.h"

static bool refuse;

struct refusal {
	dht_put_fn *fn;
	void *ctx;
};

static void tell(evutil_socket_t fd, short what, void *ctx)
{
	struct refusal *r = ctx;
	struct dht_result result = {.refused_cas = 8, .answered = 8, .seq_seen = -1};
	(void)fd;
	(void)what;
	r->fn(r->ctx, &result);
	free(r);
}

int __real_dht_put(struct dht *dht, const struct dht_item *item, unsigned flags, dht_put_fn *fn,
	void *ctx, struct dht_lookup **ret_lookup);
int __wrap_dht_put(struct dht *dht, const struct dht_item *item, unsigned flags, dht_put_fn *fn,
	void *ctx, struct dht_lookup **ret_lookup);
int __wrap_dht_put(struct dht *dht, const struct dht_item *item, unsigned flags, dht_put_fn *fn,
	void *ctx, struct dht_lookup **ret_lookup)
{
	static const struct timeval now;
	if (!refuse)
		return __real_dht_put(dht, item, flags, fn, ctx, ret_lookup);
	struct refusal *r = malloc(sizeof(*r));
	*r = (struct refusal){fn, ctx};
	*ret_lookup = NULL; /* it ends before anybody could want to cancel it */
	return event_base_once(base, -1, EV_TIMEOUT, tell, r, &now);
}

static void until_failures(uint64_t failures)
{
	while (said(&nodes[0]).failures < failures)
		event_base_loop(base, EVLOOP_ONCE);
}

static void expect_pause(uint64_t seconds)
{
	uint64_t pause = zone_job(&nodes[0])->due - clock_monotonic();
	assert_in_range(pause, seconds * SECOND - SECOND / 10, seconds * SECOND * 5 / 4);
}

static bool is_explained(const char *name, const char *words)
{
	struct question q = question_of(name);
	const struct explain_question e = {.question = &q, .view = WRITER};
	char *text;
	size_t len;
	assert_int_equal(explain_text(nodes[0].resolver, &e, &text, &len), 0);
	bool found = memmem(text, len, words, strlen(words)) != NULL;
	free(text);
	return found;
}

/* It reads and merges anew six times, then later and later; it stays queued, and says so. */
static void test_refused_for_ever(void **state)
{
	(void)state;
	struct publish_state s;
	connect_all(POLICY_GUARDED);
	refuse = true;
	assert_int_equal(put(&nodes[0], WRITER, named("k%u", 1), 1), 0);
	until_failures(1);
	assert_int_equal(said(&nodes[0]).conflicts, JOB_CONFLICTS_MAX);
	expect_pause(5);
	until_failures(2);
	assert_int_equal(said(&nodes[0]).conflicts, 2 * JOB_CONFLICTS_MAX);
	expect_pause(10);
	assert_int_equal(said(&nodes[0]).queued, 1);
	struct question q = question_of(named("k%u", 1));
	assert_int_equal(publish_state(nodes[0].publisher, WRITER, &q, &s), 0);
	assert_int_equal(s.published, 0);
	assert_int_equal(s.replicas, 0);
	assert_true(s.next >= clock_wall() / (int64_t)SECOND + 9);
	assert_true(is_explained(named("k%u", 1), "not yet known to the network, tried again at "));
	refuse = false;
	publish_push(nodes[0].publisher, WRITER, &q);
	until_all_published();
	assert_int_equal(ask(&nodes[2], VIEW_DOOR, named("k%u", 1)).last, 1);
	assert_true(is_explained(named("k%u", 1), "known to the network: 2 nodes took it at "));
}

int main(void)
{
	pace = SECOND / 50;
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_refused_for_ever, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
