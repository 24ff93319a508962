/* Receipts: who waits for one is told when the network has what he wrote and it can be read, and
 * not before. */
#undef NDEBUG
#include "tests/resolver/network_fixture.h"

struct waiter {
	struct publish_receipt receipt; /* its first member */
	unsigned calls;
	int error;
};

/* What a read by another path finds of slots: what is there, or nothing. */
static bool blind;
static unsigned read_backs, slot_read_backs;
int __real_dht_read_back(struct dht *dht, const struct dht_item *item, dht_get_fn *fn, void *ctx,
	struct dht_lookup **ret_lookup);
int __wrap_dht_read_back(struct dht *dht, const struct dht_item *item, dht_get_fn *fn, void *ctx,
	struct dht_lookup **ret_lookup);
int __wrap_dht_read_back(struct dht *dht, const struct dht_item *item, dht_get_fn *fn, void *ctx,
	struct dht_lookup **ret_lookup)
{
	struct dht_item other = *item;
	read_backs++;
	slot_read_backs += item->salt_len > 0;
	if (blind && item->salt_len)
		other.salt[0] ^= 1; /* where nobody has put anything */
	return __real_dht_read_back(dht, &other, fn, ctx, ret_lookup);
}

static void on_told(struct publish_receipt *r, int error)
{
	struct waiter *w = (struct waiter *)r;
	w->calls++;
	w->error = error;
}

static int wait_for(struct waiter *w, uid_t uid, const char *name)
{
	*w = (struct waiter){.receipt = {.uid = uid, .question = question_of(name), .fn = on_told}};
	return publish_receipt(nodes[0].publisher, &w->receipt);
}

static struct publish_state state_of(uid_t uid, const char *name)
{
	struct question q = question_of(name);
	struct publish_state s;
	assert_int_equal(publish_state(nodes[0].publisher, uid, &q, &s), 0);
	return s;
}

static struct publish_counters count(void)
{
	struct publish_counters c;
	publish_counters(nodes[0].publisher, &c);
	return c;
}

static void test_told_when_others_have_it(void **state)
{
	(void)state;
	struct waiter first, second;
	blind = false;
	read_backs = slot_read_backs = 0;
	connect_all(POLICY_GUARDED);
	assert_int_equal(put(&nodes[0], 1000, "www.alt", 7), 0);
	assert_int_equal(wait_for(&first, 1000, "www.alt"), -EINPROGRESS);
	assert_int_equal(wait_for(&second, 1000, "www.alt"), -EINPROGRESS);
	assert_int_equal(state_of(1000, "www.alt").published, 0);
	assert_int_equal(state_of(1000, "www.alt").replicas, 0);
	while (!first.calls || !second.calls)
		event_base_loop(base, EVLOOP_ONCE);
	assert_int_equal(first.error, 0);
	assert_int_equal(second.error, 0);
	assert_int_equal(read_backs, 2); /* the zone and the slot */
	assert_int_equal(slot_read_backs, 1);
	struct publish_state s = state_of(1000, "www.alt");
	assert_int_equal(s.replicas, NODES - 1);
	assert_true(s.published > 1000000000);
	assert_true(s.next > s.published);
	assert_int_equal(ask(&nodes[2], VIEW_DOOR, "www.alt").last, 7);
	/* It is there: nobody waits, not even for a turn of the loop. */
	assert_int_equal(wait_for(&first, 1000, "www.alt"), 0);
	/* A newer version is another matter. */
	assert_int_equal(put(&nodes[0], 1000, "www.alt", 8), 0);
	assert_int_equal(wait_for(&first, 1000, "www.alt"), -EINPROGRESS);
	while (!first.calls)
		event_base_loop(base, EVLOOP_ONCE);
	assert_int_equal(first.error, 0);
	assert_int_equal(first.calls, 1);
	assert_int_equal(second.calls, 1);
}

/* Nodes took it, but who asks by another way finds nothing: that is no receipt. */
static void test_not_told_of_what_nobody_finds(void **state)
{
	(void)state;
	struct waiter w;
	blind = true;
	connect_all(POLICY_GUARDED);
	assert_int_equal(put(&nodes[0], 1000, "www.alt", 7), 0);
	assert_int_equal(wait_for(&w, 1000, "www.alt"), -EINPROGRESS);
	while (count().failures == 0)
		event_base_loop(base, EVLOOP_ONCE);
	assert_int_equal(count().queued, 1);
	assert_int_equal(state_of(1000, "www.alt").published, 0);
	assert_int_equal(w.calls, 0);
	publish_receipt_no_longer(nodes[0].publisher, &w.receipt);
	blind = false;
	until_published(&nodes[0], 1000, "www.alt"); /* it is tried again */
	assert_int_equal(w.calls, 0);
}

static void test_withdrawn_meanwhile(void **state)
{
	(void)state;
	struct waiter w, other;
	struct question q = question_of("www.alt");
	blind = true;
	connect_all(POLICY_GUARDED);
	assert_int_equal(put(&nodes[0], 1000, "www.alt", 7), 0);
	assert_int_equal(wait_for(&w, 1000, "www.alt"), -EINPROGRESS);
	assert_int_equal(wait_for(&other, 1001, "www.alt"), -ENOENT); /* another's is not his */
	assert_int_equal(wait_for(&other, 1000, "mail.alt"), -ENOENT);
	assert_int_equal(publish_remove(nodes[0].publisher, 1000, &q), 0);
	assert_int_equal(w.calls, 0); /* from the loop only */
	while (!w.calls)
		event_base_loop(base, EVLOOP_ONCE);
	assert_int_equal(w.error, -ENOENT);
	assert_int_equal(w.calls, 1);
}

static void test_alone(void **state)
{
	(void)state;
	struct waiter w;
	blind = false;
	start(&nodes[0], POLICY_GUARDED);
	assert_int_equal(put(&nodes[0], 1000, "www.alt", 7), 0);
	assert_int_equal(wait_for(&w, 1000, "www.alt"), 0);
	assert_int_equal(count().queued, 1);
	assert_int_equal(wait_for(&w, 1000, "mail.alt"), -ENOENT);
	/* Somebody comes, and takes it. */
	start(&nodes[1], POLICY_GUARDED);
	join(&nodes[1], &nodes[0]);
	while (known(&nodes[0]) < 1)
		event_base_loop(base, EVLOOP_ONCE);
	while (count().queued)
		event_base_loop(base, EVLOOP_ONCE);
	assert_int_equal(wait_for(&w, 1000, "www.alt"), 0);
	assert_int_equal(state_of(1000, "www.alt").replicas, 1);
	/* And one more: who asks for a receipt now has it when both hold it. */
	start(&nodes[2], POLICY_GUARDED);
	join(&nodes[2], &nodes[0]);
	while (known(&nodes[0]) < 2 || known(&nodes[2]) < 2)
		event_base_loop(base, EVLOOP_ONCE);
	assert_int_equal(wait_for(&w, 1000, "www.alt"), -EINPROGRESS);
	while (!w.calls)
		event_base_loop(base, EVLOOP_ONCE);
	assert_int_equal(w.error, 0);
	assert_int_equal(state_of(1000, "www.alt").replicas, 2);
}

/* What a reader is given says how far the record has come, and is one answer, byte for byte, until it
 * comes further. */
/* What only a zone has is put anew for who waits, on its own page, when others have come. */
static void test_zone_that_too_few_have(void **state)
{
	(void)state;
	enum { NAMES = 60 };
	struct waiter w;
	char name[NAMES][128];
	uint8_t key[NAME_KEY_LEN];
	blind = false;
	for (int i = 0; i < 2; i++)
		start(&nodes[i], POLICY_GUARDED);
	join(&nodes[1], &nodes[0]);
	while (known(&nodes[0]) < 1)
		event_base_loop(base, EVLOOP_ONCE);
	assert_int_equal(publish_key(nodes[0].publisher, 1000, key), 0);
	for (int i = 0; i < NAMES; i++) {
		int at = snprintf(name[i], 64, "n%d.", i);
		key_to_text(key, name[i] + at);
		assert_int_equal(put(&nodes[0], 1000, name[i], 7), 0);
	}
	while (count().queued)
		event_base_loop(base, EVLOOP_ONCE);
	assert_int_equal(wait_for(&w, 1000, name[5]), 0);
	start(&nodes[2], POLICY_GUARDED);
	join(&nodes[2], &nodes[0]);
	while (known(&nodes[0]) < 2 || known(&nodes[2]) < 2)
		event_base_loop(base, EVLOOP_ONCE);
	uint64_t pages = count().pages_put;
	assert_int_equal(wait_for(&w, 1000, name[5]), -EINPROGRESS);
	while (!w.calls)
		event_base_loop(base, EVLOOP_ONCE);
	assert_int_equal(w.error, 0);
	assert_int_equal(state_of(1000, name[5]).replicas, 2);
	assert_int_equal(count().pages_put, pages + 1);
	assert_int_equal(wait_for(&w, 1000, name[5]), 0);
	assert_int_equal(state_of(1000, name[6]).replicas, 1);
}

static void test_readers_see_it(void **state)
{
	(void)state;
	struct question q = question_of("www.alt");
	struct resolver *r;
	blind = false;
	connect_all(POLICY_GUARDED);
	r = nodes[0].resolver;
	assert_int_equal(put(&nodes[0], 1000, "www.alt", 7), 0);
	const struct answer *a = resolver_peek(r, &q, 1000);
	assert_true(a->goes_out);
	assert_int_equal(a->published, 0);
	assert_int_equal(a->replicas, 0);
	assert_true(a->next > 1000000000);
	assert_ptr_equal(resolver_peek(r, &q, 1000), a);
	until_published(&nodes[0], 1000, "www.alt");
	a = resolver_peek(r, &q, 1000);
	assert_int_equal(a->replicas, NODES - 1);
	assert_true(a->published > 1000000000);
	assert_true(a->next >= a->published);
	assert_ptr_equal(resolver_peek(r, &q, 1000), a);
	leap(base, 5 * SECOND); /* nothing has become of it since */
	a = resolver_peek(r, &q, 1000);
	const struct answer *again = resolver_peek(r, &q, 1000);
	assert_ptr_equal(again, a);
	assert_int_equal(a->replicas, NODES - 1);
	assert_int_equal(put(&nodes[0], 1000, "home.home.arpa", 7), 0);
	q = question_of("home.home.arpa");
	assert_false(resolver_peek(r, &q, 1000)->goes_out);
}

/* Names of this network only are told to nobody, so nobody need have them. */
static void test_names_that_stay_here(void **state)
{
	(void)state;
	struct waiter w;
	connect_all(POLICY_GUARDED);
	assert_int_equal(put(&nodes[0], 1000, "printer.home.arpa", 7), 0);
	assert_int_equal(wait_for(&w, 1000, "printer.home.arpa"), 0);
	assert_int_equal(state_of(1000, "printer.home.arpa").next, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_told_when_others_have_it, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			test_not_told_of_what_nobody_finds, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_withdrawn_meanwhile, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_alone, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_zone_that_too_few_have, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_readers_see_it, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_names_that_stay_here, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
