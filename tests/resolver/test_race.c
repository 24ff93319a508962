/* DNS and the DHT side by side: who has asked hears DNS while the DHT is still being asked, and
 * what the DHT says late is remembered. The upstream and the DHT's only other node are played by
 * the test, the engine's clock stands still, and the loop's time leaps: nothing here waits, or
 * measures.
 */
#undef NDEBUG
#include <assert.h>
#include <event2/event.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "dht/dht.h"
#include "dht/message.h"
#include "resolver/clock.h"
#include "resolver/resolver_inside.h"
#include "tests/directory.h"
#include "tests/leap.h"
#include "tests/resolver/claim_fixture.h"
#include "tests/resolver/plain_upstream.h"

#define NAME_ASKED "www.example A"
#define OF_DNS 1  /* last octet of the address that DNS has */
#define OF_DHT 23 /* and of the one that somebody claims */

static struct event_base *base;
static struct own *own;
static struct resolver *r;
static struct dht *dht;
static char dir[DIRECTORY_CAP];

/* ---- the upstream: answers in the loop's next turn ---- */

struct upstream_query {
	struct event *timer;
	struct question question;
	upstream_fn *fn;
	void *ctx;
};

static bool denies;
static unsigned asked;

static void reply(evutil_socket_t fd, short what, void *ctx)
{
	(void)fd;
	(void)what;
	struct upstream_query *query = ctx;
	const uint8_t address[] = {192, 0, 2, OF_DNS};
	const uint8_t soa[] = {0, 0, 0, 0, 0, 1, 0, 0, 0, 9, 0, 0, 0, 9, 0, 0, 0, 9, 0, 0, 1, 44};
	struct rr a = {.owner = query->question.name,
		.type = TYPE_A,
		.class = CLASS_IN,
		.ttl = 60,
		.rdata = address,
		.rdata_len = sizeof(address)};
	struct rr none = {.owner = {.len = 1},
		.type = TYPE_SOA,
		.class = CLASS_IN,
		.ttl = 60,
		.rdata = soa,
		.rdata_len = sizeof(soa),
		.section = PACKET_AUTHORITY};
	uint8_t message[512];
	struct packet_writer w;
	packet_begin(&w, message, sizeof(message), true);
	packet_put_question(&w, &query->question);
	packet_put(&w, denies ? &none : &a);
	int len = packet_end(
		&w, 0, FLAG_QR | FLAG_RD | FLAG_RA | (denies ? RCODE_NXDOMAIN : RCODE_NOERROR));
	assert_true(len > 0);
	struct upstream_reply said = {.message = message, .len = (size_t)len, .why = ""};
	query->fn(query->ctx, &said);
	event_free(query->timer);
	free(query);
}

int upstream_ask(struct upstream *u, const struct question *q, upstream_fn *fn, void *ctx,
	struct upstream_query **ret_query)
{
	(void)u;
	struct timeval at_once = {0, 0};
	struct upstream_query *query = calloc(1, sizeof(*query));
	*query = (struct upstream_query){evtimer_new(base, reply, query), *q, fn, ctx};
	event_add(query->timer, &at_once);
	asked++;
	*ret_query = query;
	return 0;
}

void upstream_cancel(struct upstream_query *query)
{
	event_free(query->timer);
	free(query);
}

/* ---- the DHT: one node, which answers when the test says so ---- */

static const struct dht_endpoint node = {.family = 4, .ip = {198, 51, 100, 7}, .port = 6881};
static const struct dht_id node_id = {{0x77}};
static uint64_t engine_time;
static struct event *engine_due;
static struct dht_message got; /* the `get` that is open */
static uint8_t got_bytes[DHT_DATAGRAM_MAX];
static unsigned gets;

static uint64_t engine_now(void *self)
{
	(void)self;
	return engine_time;
}

static int64_t engine_wall(void *self)
{
	(void)self;
	return clock_wall();
}

static void engine_random(void *self, void *buf, size_t len)
{
	(void)self;
	arc4random_buf(buf, len);
}

/* It keeps nothing for others. */
static int engine_find(void *self, const struct dht_id *target, const struct dht_endpoint *from,
	struct dht_item *ret_item)
{
	(void)self;
	(void)target;
	(void)from;
	(void)ret_item;
	return -ENOENT;
}

/* What is due now runs in the loop's next turn; the rest, when the test turns the clock. */
static void engine_wake(void *self, uint64_t at)
{
	(void)self;
	if (at <= engine_time)
		event_active(engine_due, EV_TIMEOUT, 0);
}

static void run_engine(evutil_socket_t fd, short what, void *ctx)
{
	(void)fd;
	(void)what;
	(void)ctx;
	dht_run(dht);
}

static void tell(struct dht_message *m)
{
	uint8_t datagram[DHT_DATAGRAM_MAX];
	m->kind = DHT_REPLY;
	m->has_id = true;
	m->id = node_id;
	int len = dht_message_write(m, datagram, sizeof(datagram));
	assert_true(len > 0);
	dht_receive(dht, &node, datagram, (size_t)len);
}

/* The node is asleep as far as `get` goes; by everything else it is known to live. */
static struct dht_message to_answer[16];
static uint8_t to_answer_bytes[16][DHT_TRANSACTION_MAX];
static size_t to_answer_len;

static void engine_send(
	void *self, const struct dht_endpoint *to, const uint8_t *datagram, size_t len)
{
	(void)self;
	struct dht_message m;
	if (!dht_endpoint_equal(to, &node))
		return;
	assert_int_equal(dht_message_read(datagram, len, &m), 0);
	if (m.kind == DHT_QUERY && m.method == DHT_GET) {
		memcpy(got_bytes, datagram, len);
		assert_int_equal(dht_message_read(got_bytes, len, &got), 0);
		gets++;
	} else if (m.kind == DHT_QUERY && to_answer_len < 16) {
		uint8_t *at = to_answer_bytes[to_answer_len];
		memcpy(at, m.transaction.data, m.transaction.len);
		to_answer[to_answer_len++] = (struct dht_message){
			.transaction = {at, m.transaction.len}};
	}
}

/* What the engine asks but for items, until it asks no more. */
static void answer_the_rest(void)
{
	for (unsigned turn = 0; turn < 20; turn++) {
		struct dht_message now[16];
		size_t len = to_answer_len;
		memcpy(now, to_answer, sizeof(now));
		to_answer_len = 0;
		for (size_t i = 0; i < len; i++)
			tell(&now[i]);
		dht_run(dht);
		engine_time += 1000;
	}
}

static size_t open_lookups(void)
{
	struct dht_counters c;
	dht_counters(dht, &c);
	return c.lookups;
}

/* The slot of the name, with somebody's claim in it. */
static void answer_get_with_claim(void)
{
	uint32_t now = (uint32_t)(clock_wall() / (int64_t)SECOND);
	struct question q = question_of(NAME_ASKED);
	struct packet p = PACKET(claim_over(
		1, addresses(NAME_ASKED, 300, OF_DHT, 1), now - 3600, now - 3600 + WEEK));
	struct dht_item item = {
		.is_mutable = true, .seq = clock_wall(), .salt_len = QUESTION_KEY_LEN};
	uint8_t seed[DHT_SEED_LEN];
	question_key(&q, item.salt);
	slot_seed(item.salt, seed);
	assert_int_equal(dht_item_set_string(&item, p.bytes, p.len), 0);
	assert_int_equal(dht_item_sign(&item, seed), 0);
	tell(&(struct dht_message){.transaction = got.transaction,
		.token = {(const uint8_t *)"t", 1},
		.value = {item.value, item.value_len},
		.key = {item.key, DHT_KEY_LEN},
		.sig = {item.sig, DHT_SIG_LEN},
		.has_key = true,
		.has_sig = true,
		.has_seq = true,
		.seq = item.seq});
	dht_run(dht);
}

/* The engine's clock turns until it has given the node up. */
static void let_it_give_up(void)
{
	for (unsigned i = 0; open_lookups() && i < 1000; i++) {
		engine_time += 100000;
		dht_run(dht);
	}
}

/* ---- asking ---- */

static void start(bool lookup_always)
{
	struct resolver_config config = {.deadline = 4 * SECOND,
		.cache_bytes = 1 << 20,
		.policy = {.upstream = true,
			.dht = true,
			.lookup_always = lookup_always,
			.tofu = {.name = {{.len = 1}}, .len = 1}}};
	struct resolver_parts parts = {
		.own = own, .upstream = (struct upstream *)&base, .dht = dht};
	resolver_destroy(r);
	assert_int_equal(resolver_create(base, &config, &parts, &r), 0);
}

static int set_up(void **state)
{
	static const struct dht_ops ops = {.now = engine_now,
		.wall = engine_wall,
		.random = engine_random,
		.send = engine_send,
		.wake = engine_wake,
		.find = engine_find};
	struct dht_config config = {.id = {{0x55}}};
	char path[96];
	(void)state;
	assert_int_equal(directory_make(dir), 0);
	snprintf(path, sizeof(path), "%s/own.db", dir);
	base = event_base_new();
	assert_int_equal(own_open(path, 100, 0, 1, &own), 0);
	engine_time = 1000 * SECOND;
	engine_due = evtimer_new(base, run_engine, NULL);
	to_answer_len = 0;
	assert_int_equal(dht_create(&config, &ops, NULL, &dht), 0);
	assert_int_equal(dht_add_node(dht, &node), 0);
	answer_the_rest();
	assert_int_equal(open_lookups(), 0);
	denies = false;
	asked = gets = 0;
	start(true);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	resolver_destroy(r);
	r = NULL;
	dht_destroy(dht);
	event_free(engine_due);
	own_close(own);
	event_base_free(base);
	return directory_remove(dir);
}

struct heard {
	bool done;
	int error;
	uint8_t last; /* octet of the address */
	enum answer_trust trust;
};

static void on_answer(void *ctx, const struct answer *a)
{
	struct heard *h = ctx;
	struct rrset *set;
	*h = (struct heard){.done = true, .error = a->error, .trust = a->trust};
	if (answer_rrset(a, &set) == 0) {
		h->last = set->data[5];
		rrset_destroy(set);
	}
}

static struct ask *begin(struct heard *h)
{
	struct question q = question_of(NAME_ASKED);
	*h = (struct heard){0};
	struct ask *ask = resolver_ask(r, &q, VIEW_DOOR, on_answer, h);
	assert_non_null(ask);
	return ask;
}

static struct heard ask_to_the_end(void)
{
	struct heard h;
	begin(&h);
	while (!h.done)
		event_base_loop(base, EVLOOP_ONCE);
	return h;
}

/* The loop's turns in which the upstream's answer, already due, comes in; no timer leaps here. */
static void let_dns_answer(void)
{
	for (int turn = 0; turn < 5; turn++)
		event_base_loop(base, EVLOOP_NONBLOCK);
}

static const struct answer *held(enum cache_part part)
{
	struct question q = question_of(NAME_ASKED);
	return memory_cached(r, &q, part, false);
}

static struct heard heard_of(const struct answer *a)
{
	struct heard h = {0};
	if (a)
		on_answer(&h, a);
	return h;
}

/* ---- the tests ---- */

static void dns_is_not_held_up(void **state)
{
	(void)state;
	struct heard h = ask_to_the_end();
	assert_int_equal(h.error, 0);
	assert_int_equal(h.last, OF_DNS);
	assert_int_equal(h.trust, TRUST_DNS);
	assert_int_equal(r->counters.deadlines, 0);
	assert_int_equal(gets, 1); /* both were asked, and the DHT has said nothing yet */
	assert_int_equal(open_lookups(), 1);
	assert_int_equal(asked, 1);
}

static void what_comes_late_is_remembered(void **state)
{
	(void)state;
	assert_int_equal(ask_to_the_end().last, OF_DNS);
	assert_null(held(CACHE_SLOT));
	answer_get_with_claim();
	assert_int_equal(open_lookups(), 0);
	struct heard late = heard_of(held(CACHE_SLOT));
	assert_int_equal(late.last, OF_DHT);
	assert_int_equal(late.trust, TRUST_TOFU);
	assert_int_equal(ask_to_the_end().last, OF_DNS); /* and never comes before DNS */
	assert_int_equal(gets, 1);
	assert_int_equal(asked, 1);
}

static void a_hole_is_remembered_too(void **state)
{
	(void)state;
	assert_int_equal(ask_to_the_end().last, OF_DNS);
	let_it_give_up();
	assert_int_equal(open_lookups(), 0);
	assert_true(held(CACHE_SLOT) && held(CACHE_SLOT)->error);
	assert_int_equal(ask_to_the_end().last, OF_DNS);
	assert_int_equal(asked, 1);
}

/* Who asked is gone: what was begun for him ends as if he were there. */
static void nobody_waits_any_more(void **state)
{
	(void)state;
	struct heard h;
	resolver_cancel(begin(&h));
	let_dns_answer();
	answer_get_with_claim();
	assert_false(h.done);
	assert_int_equal(heard_of(held(CACHE_DNS)).last, OF_DNS);
	assert_int_equal(heard_of(held(CACHE_SLOT)).last, OF_DHT);
}

/* DNS has no such name: only now does a claim count, so only now is there something to wait for. */
static void a_claim_is_waited_for(void **state)
{
	(void)state;
	struct heard h;
	denies = true;
	begin(&h);
	let_dns_answer();
	assert_false(h.done);
	assert_non_null(held(CACHE_DNS));
	answer_get_with_claim();
	assert_true(h.done);
	assert_int_equal(h.last, OF_DHT);
}

static void but_not_for_ever(void **state)
{
	(void)state;
	denies = true;
	struct heard h =
		ask_to_the_end(); /* time leaps to the deadline; the engine's stands still */
	assert_int_equal(h.error, -ENOENT);
	assert_int_equal(open_lookups(), 1);
	assert_int_equal(r->counters.deadlines, 1);
	answer_get_with_claim();
	assert_int_equal(ask_to_the_end().last, OF_DHT);
	assert_int_equal(gets, 1);
}

/* lookup=rescue: what DNS has, no stranger hears of; what it has not, he does. */
static void rescue_asks_dns_first(void **state)
{
	(void)state;
	struct heard h;
	start(false);
	assert_int_equal(ask_to_the_end().last, OF_DNS);
	assert_int_equal(gets, 0);
	start(false);
	denies = true;
	begin(&h);
	assert_int_equal(gets, 0);
	let_dns_answer();
	assert_int_equal(gets, 1);
	answer_get_with_claim();
	assert_true(h.done);
	assert_int_equal(h.last, OF_DHT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(dns_is_not_held_up, set_up, tear_down),
		cmocka_unit_test_setup_teardown(what_comes_late_is_remembered, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_hole_is_remembered_too, set_up, tear_down),
		cmocka_unit_test_setup_teardown(nobody_waits_any_more, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_claim_is_waited_for, set_up, tear_down),
		cmocka_unit_test_setup_teardown(but_not_for_ever, set_up, tear_down),
		cmocka_unit_test_setup_teardown(rescue_asks_dns_first, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
