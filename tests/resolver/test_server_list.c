/* Servers of the validator over a libunbound that answers when the test says so: who has a place,
 * who is asked again, and what tells that a server lives. */
#undef NDEBUG
#include "resolver/ask.h"
#include "resolver/packet.h"
#include "tests/leap.h"

#include <errno.h>
#include <event2/event.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define LIVE_MAX 64
#define ASKS_MAX 1024

/* ---- in the place of resolver/ub_context ---- */

struct ub_ctx {
	bool validates;
	bool holds_dead; /* it fails at once */
};

static struct asked {
	struct ub_ctx *ctx;
	struct question question;
	struct ub_query *query; /* NULL: it has ended */
} asked[4096];
static size_t asked_len;
static unsigned contexts;
static bool at_once; /* it knows the answer by itself */

static const uint8_t reply[12] = {0, 0, 0x81, 0x80};
static const struct ub_answer good = {.message = reply, .len = sizeof(reply)};
static const struct ub_answer bad = {.failed = true};

static void end(struct asked *a, const struct ub_answer *answer)
{
	struct ub_query *query = a->query;

	a->query = NULL;
	query->fn(query->arg, answer);
}

int ub_context_create(const struct ub_context_config *config, struct ub_ctx **ret_ctx)
{
	assert_int_equal(config->sockets, LIVE_MAX);
	*ret_ctx = calloc(1, sizeof(**ret_ctx));
	assert_non_null(*ret_ctx);
	(*ret_ctx)->validates = config->trust_anchor != NULL;
	contexts++;
	return 0;
}

void ub_context_destroy(struct ub_ctx *ctx)
{
	for (size_t i = 0; i < asked_len; i++)
		if (asked[i].ctx == ctx && asked[i].query)
			end(&asked[i], &bad);
	contexts--;
	free(ctx);
}

int ub_context_ask(struct ub_ctx *ctx, const struct question *q, struct ub_query *query)
{
	assert_true(asked_len < sizeof(asked) / sizeof(*asked));
	asked[asked_len++] = (struct asked){ctx, *q, query};
	if ((at_once || ctx->holds_dead) && q->type == TYPE_A)
		end(&asked[asked_len - 1], ctx->holds_dead ? &bad : &good);
	return 0;
}

static size_t under_way(uint16_t type)
{
	size_t n = 0;

	for (size_t i = 0; i < asked_len; i++)
		n += asked[i].query && asked[i].question.type == type;
	return n;
}

static struct asked *latest(uint16_t type)
{
	for (size_t i = asked_len; i-- > 0;)
		if (asked[i].query && asked[i].question.type == type)
			return &asked[i];
	fail_msg("nothing of type %u is under way", type);
	return NULL;
}

/* ---- a validator without its process ---- */

static struct fixture {
	struct event_base *base;
	struct server_config config;
	struct server_list *servers;
	struct ask_env env;
	struct ask *asks[ASKS_MAX];
	unsigned live, answered, failed;
} f;

static void on_done(void *ctx, struct ask *ask, const struct frame_answer *answer)
{
	(void)ctx;
	f.asks[ask_id(ask)] = NULL;
	*(answer->error ? &f.failed : &f.answered) += 1;
}

static void on_settled(void *ctx, struct server *server)
{
	(void)ctx;
	for (size_t i = 0; i < ASKS_MAX; i++)
		if (f.asks[i])
			ask_settled(f.asks[i], server);
}

/* Servers at ports of this machine where nobody is; no packet is sent there. */
static void set_list(uint32_t first_id, size_t len)
{
	static struct frame_servers list;

	list = (struct frame_servers){.len = len};
	for (size_t i = 0; i < len; i++) {
		list.servers[i].id = first_id + (uint32_t)i;
		list.servers[i].zone.len = 1;
		assert_int_equal(server_address_parse("127.0.0.1", 9, &list.servers[i].address), 0);
	}
	assert_int_equal(server_list_replace(f.servers, &list), 0);
}

static void start(size_t servers, const char *trust_anchor)
{
	memset(&f, 0, sizeof(f));
	asked_len = 0;
	at_once = false;
	f.base = event_base_new();
	f.config = (struct server_config){.base = f.base,
		.trust_anchor = trust_anchor,
		.live_max = LIVE_MAX,
		.all_live_max = LIVE_MAX * 2,
		.all_live = &f.live,
		.settled = on_settled};
	f.servers = server_list_create(&f.config);
	f.env = (struct ask_env){.base = f.base, .servers = f.servers, .done = on_done};
	set_list(1, servers);
}

static void turn(void)
{
	event_base_loop(f.base, EVLOOP_NONBLOCK);
}

static void later(int64_t milliseconds)
{
	passed += milliseconds * 1000;
	turn();
}

static void stop(void)
{
	for (size_t i = 0; i < ASKS_MAX; i++) {
		ask_destroy(f.asks[i]);
		f.asks[i] = NULL;
	}
	server_list_destroy(f.servers);
	assert_int_equal(f.live, 0);
	assert_int_equal(f.env.attempts, 0);
	assert_int_equal(contexts, 0);
	event_base_free(f.base);
}

static unsigned ask(const char *format, unsigned n)
{
	struct question q = {.type = TYPE_A, .class = CLASS_IN};
	char name[80];
	unsigned id = 0;

	snprintf(name, sizeof(name), format, n);
	assert_int_equal(name_from_text(name, strlen(name), &q.name), 0);
	while (f.asks[id])
		id++;
	assert_int_equal(ask_create(&f.env, id, &q, &f.asks[id]), 0);
	ask_start(f.asks[id]);
	turn();
	return id;
}

static void cancel(unsigned id)
{
	ask_destroy(f.asks[id]);
	f.asks[id] = NULL;
}

/* ---- places ---- */

static void a_domain_has_its_share(void **state)
{
	unsigned half = LIVE_MAX / 2;

	(void)state;
	start(1, NULL);
	for (unsigned i = 0; i < 300; i++)
		ask("slow%u.bad.example", i);
	assert_int_equal(under_way(TYPE_A), half);
	assert_int_equal(f.failed, 300 - half); /* at once, and nobody was asked */
	assert_int_equal(asked_len, half);
	for (unsigned i = 0; i < 300; i++)
		ask("slow%u.sub.bad.example", i); /* the same domain */
	assert_int_equal(under_way(TYPE_A), half);
	for (unsigned i = 0; i < 300; i++)
		ask("slow%u.worse.example", i);
	assert_int_equal(under_way(TYPE_A), half + LIVE_MAX / 8);
	for (unsigned i = 0; i < 300; i++)
		ask("slow%u.victim.co.example", i); /* one of three labels */
	assert_int_equal(under_way(TYPE_A), half + LIVE_MAX / 8 + LIVE_MAX / 16);
	ask("other.co.example", 0);
	assert_int_equal(under_way(TYPE_A), half + LIVE_MAX / 8 + LIVE_MAX / 16 + 1);
	end(latest(TYPE_A), &good);
	assert_int_equal(f.answered, 1);

	f.failed = 0;
	end(&asked[half], &good); /* a place is free again: of worse.example */
	ask("late%u.worse.example", 1);
	assert_int_equal(f.failed, 0);
	ask("late%u.worse.example", 2);
	assert_int_equal(f.failed, 1);
	stop();
}

static void what_nobody_waits_for_gives_way(void **state)
{
	unsigned ids[LIVE_MAX], kept = LIVE_MAX / 2 - 1;

	(void)state;
	start(1, NULL);
	for (unsigned i = 0; i < LIVE_MAX; i++)
		ids[i] = ask("www.name%u.example", i); /* each has a domain of its own */
	assert_int_equal(under_way(TYPE_A), LIVE_MAX);
	ask("www.one.more", 0);
	assert_int_equal(f.failed, 1); /* all are waited for */
	assert_int_equal(asked_len, LIVE_MAX);
	for (unsigned i = kept; i < LIVE_MAX; i++)
		cancel(ids[i]);
	assert_int_equal(under_way(TYPE_A), LIVE_MAX); /* libunbound knows no cancel */
	ask("www.one.more", 0);
	assert_int_equal(f.failed, 1);
	assert_int_equal(under_way(TYPE_A), kept + 1);
	assert_int_equal(asked_len, LIVE_MAX + kept + 1);
	while (under_way(TYPE_A))
		end(latest(TYPE_A), &good);
	assert_int_equal(f.answered, kept + 1);
	assert_int_equal(f.failed, 1);
	stop();
}

/* ---- alive or not ---- */

static bool is_down(size_t i)
{
	return server_is_down(server_list_get(f.servers, i));
}

static void an_answer_of_libunbounds_own_is_no_sign_of_life(void **state)
{
	(void)state;
	start(2, NULL);
	ask("www.example", 0);
	later(1300); /* the second is asked as well, and answers */
	assert_int_equal(under_way(TYPE_A), 2);
	end(latest(TYPE_A), &good);
	assert_true(is_down(0));
	assert_false(is_down(1));

	later(11000); /* it is time to look whether the first is back */
	at_once = true;
	ask("x.invalid", 0);
	at_once = false;
	assert_int_equal(f.answered, 2);
	assert_true(is_down(0));
	later(11000);
	ask("www.example", 1);
	assert_int_equal(under_way(TYPE_A), 2); /* the scout, and the question */
	for (size_t i = 0; i < asked_len; i++)
		if (asked[i].query)
			end(&asked[i], &good);
	assert_false(is_down(0));
	stop();
}

/* One server, silent, with questions that never end there: libunbound holds it dead, and has to be
 * made to forget. */
static void a_silent_server_is_tried_whatever_is_under_way(void **state)
{
	size_t before;

	(void)state;
	start(1, NULL);
	ask("a.one.example", 0);
	later(1300);
	cancel(0);
	assert_true(is_down(0));
	later(5000);
	ask("b.two.example", 0);
	later(4900);
	assert_int_equal(under_way(TYPE_A), 2);
	before = asked_len;
	later(200);
	ask("c.three.example", 0);
	turn();
	/* The new one, and the one that waits still; not the one that nobody waits for. */
	assert_int_equal(asked_len - before, 2);
	assert_int_equal(under_way(TYPE_A), 2);
	stop();
}

/* Three failures of libunbound's, the last at once: it holds the server dead, and asks it no more.
 */
static void a_server_held_dead_is_asked_all_the_same(void **state)
{
	(void)state;
	start(1, NULL);
	ask("a.one.example", 0);
	later(3000);
	end(latest(TYPE_A), &bad);
	turn();
	assert_int_equal(f.failed, 1);
	assert_true(is_down(0));
	asked[0].ctx->holds_dead = true;
	ask("b.two.example", 0);
	assert_int_equal(f.failed, 1);
	assert_int_equal(under_way(TYPE_A), 1); /* by a new context */
	end(latest(TYPE_A), &good);
	assert_int_equal(f.answered, 1);
	assert_false(is_down(0));
	asked[asked_len - 1].ctx->holds_dead = true;
	for (unsigned i = 0; i < 5; i++)
		ask("c%u.three.example", i); /* not again at once: a context costs something */
	assert_int_equal(f.failed, 6);
	stop();
}

/* ---- one that strips DNSSEC ---- */

static void validation_does_not_stay_off_under_load(void **state)
{
	(void)state;
	start(1, "/nowhere");
	ask("slow.one.example", 0);
	assert_true(asked[0].ctx->validates);
	end(latest(TYPE_DNSKEY), &good); /* data, and no signature */
	turn();
	assert_false(latest(TYPE_A)->ctx->validates);
	end(latest(TYPE_A), &good);
	for (unsigned i = 0; i < 61; i++) { /* one question is always under way */
		ask("slow%u.one.example", i);
		if (i > 0)
			end(&asked[asked_len - 2], &good);
		assert_int_equal(under_way(TYPE_DNSKEY), 0);
		assert_false(latest(TYPE_A)->ctx->validates);
		passed += 9900 * 1000;
		event_base_loop(f.base, EVLOOP_NONBLOCK);
	}
	ask("new.two.example", 0);
	assert_int_equal(under_way(TYPE_DNSKEY), 1);
	assert_true(latest(TYPE_A)->ctx->validates);
	stop();
}

/* ---- servers of former lists ---- */

static void former_servers_are_buried(void **state)
{
	(void)state;
	start(1, NULL);
	ask("www.one.example", 0);
	set_list(2, 1);
	assert_int_equal(server_list_bury(f.servers), 1);
	assert_int_equal(contexts, 1);
	end(latest(TYPE_A), &good);
	assert_int_equal(f.answered, 1);
	assert_int_equal(server_list_bury(f.servers), 0);
	assert_int_equal(contexts, 0);

	/* A resolv.conf that changes with each question. */
	for (unsigned i = 0; i < 100; i++) {
		ask("www.name.example%u", i);
		set_list(3 + i, 1);
		turn();
		assert_true(contexts <= 8 + 1);
	}
	stop();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_domain_has_its_share),
		cmocka_unit_test(what_nobody_waits_for_gives_way),
		cmocka_unit_test(an_answer_of_libunbounds_own_is_no_sign_of_life),
		cmocka_unit_test(a_silent_server_is_tried_whatever_is_under_way),
		cmocka_unit_test(a_server_held_dead_is_asked_all_the_same),
		cmocka_unit_test(validation_does_not_stay_off_under_load),
		cmocka_unit_test(former_servers_are_buried),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
