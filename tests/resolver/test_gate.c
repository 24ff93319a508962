/* The gate of a door on virtual time: who is answered, who is sent to TCP, what a flood gets. */
#undef NDEBUG
#include <arpa/inet.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "resolver/gate.h"

struct world {
	struct allow allow;
	struct gate gate;
	struct gate_time t;
};

static int setup(void **state)
{
	static struct world w;
	memset(&w, 0, sizeof(w));
	assert_int_equal(allow_parse("10.0.0.0/8", &w.allow.nets[0]), 0);
	assert_int_equal(allow_parse("2001:db8::/32", &w.allow.nets[1]), 0);
	w.allow.len = 2;
	w.t = (struct gate_time){.now = 1000000000, .wall = 1700000000};
	assert_int_equal(gate_init(&w.gate, &w.allow, &w.t), 0);
	*state = &w;
	return 0;
}

static int teardown(void **state)
{
	gate_finish(&((struct world *)*state)->gate);
	return 0;
}

static struct sockaddr_storage v4(uint32_t address)
{
	struct sockaddr_storage s = {.ss_family = AF_INET};
	((struct sockaddr_in *)&s)->sin_addr.s_addr = htonl(address);
	return s;
}

static struct sockaddr_storage v6(const char *text)
{
	struct sockaddr_storage s = {.ss_family = AF_INET6};
	assert_int_equal(inet_pton(AF_INET6, text, &((struct sockaddr_in6 *)&s)->sin6_addr), 1);
	return s;
}

static enum gate_verdict ask(struct world *w, struct sockaddr_storage from, struct dns_query *q)
{
	return gate_udp(&w->gate, (const struct sockaddr *)&from, &w->t, q);
}

static enum gate_verdict ask_plain(struct world *w, struct sockaddr_storage from)
{
	struct dns_query q = {.id = 1};
	return ask(w, from, &q);
}

static unsigned answered(struct world *w, struct sockaddr_storage from, unsigned questions)
{
	unsigned n = 0;
	for (unsigned i = 0; i < questions; i++)
		n += ask_plain(w, from) == GATE_ANSWER;
	return n;
}

static void test_rate(void **state)
{
	struct world *w = *state;
	/* Ten, whoever of the /24 asks; then one for each tenth of a second. */
	assert_int_equal(answered(w, v4(0x0a010101), 5), 5);
	assert_int_equal(answered(w, v4(0x0a0101fe), 100), 5);
	assert_int_equal(ask_plain(w, v4(0x0a010107)), GATE_CUT);
	w->t.now += 99999;
	assert_int_equal(answered(w, v4(0x0a010101), 5), 0);
	w->t.now += 1;
	assert_int_equal(answered(w, v4(0x0a010101), 5), 1);
	w->t.now += 10000000; /* an hour's rest earns no more than a second's */
	assert_int_equal(answered(w, v4(0x0a010101), 100), 10);
	/* Over a minute of flood: ten a second and the first ten. */
	unsigned n = 0;
	w->t.now += 10000000;
	for (unsigned i = 0; i < 60000; i++, w->t.now += 1000)
		n += ask_plain(w, v4(0x0a010100 + i % 256)) == GATE_ANSWER;
	assert_in_range(n, 600, 610);
}

static void test_others_unharmed(void **state)
{
	struct world *w = *state;
	answered(w, v4(0x0a010101), 1000);
	unsigned spoilt = 0;
	for (uint32_t i = 0; i < 100; i++)
		spoilt += ask_plain(w, v4(0x0a020001 + (i << 8))) != GATE_ANSWER;
	assert_in_range(spoilt, 0, 1); /* one in 16,384 shares the place of the noisy one */
	/* Loopback has no rate. */
	assert_int_equal(answered(w, v4(0x7f000001), 1000), 1000);
	assert_int_equal(answered(w, v6("::1"), 1000), 1000);
}

static void test_v6(void **state)
{
	struct world *w = *state;
	assert_int_equal(answered(w, v6("2001:db8:1:0::1"), 5), 5);
	assert_int_equal(answered(w, v6("2001:db8:1:ff::2"), 100), 5); /* the same /56 */
	assert_int_equal(answered(w, v6("2001:db8:1:100::1"), 100), 10);
}

/* Forged senders of every network together get no more than the table has places for. */
static void test_bounded(void **state)
{
	struct world *w = *state;
	unsigned n = 0;
	for (unsigned round = 0; round < 20; round++)
		for (uint32_t i = 0; i < 65536; i++)
			n += ask_plain(w, v4(0x0a000001 + (i << 8))) == GATE_ANSWER;
	assert_in_range(n, RRL_PLACES * 9, RRL_PLACES * RRL_PER_SECOND);
}

static void test_strangers(void **state)
{
	struct world *w = *state;
	for (unsigned i = 0; i < 10; i++)
		assert_int_equal(ask_plain(w, v4(0xc0000201)), GATE_STRANGER);
	for (unsigned i = 0; i < 100; i++)
		assert_int_equal(ask_plain(w, v4(0xc0000202)), GATE_DROP);
	/* He is given no cookie, and the one that he would have had does not let him in. */
	struct sockaddr_storage stranger = v4(0xc0000201);
	struct dns_query q = {.cookie_len = 8, .cookie = "CLIENT01"};
	w->t.now += 1000000;
	assert_int_equal(ask(w, stranger, &q), GATE_STRANGER);
	assert_false(q.replies_cookie);
	gate_tcp(&w->gate, (const struct sockaddr *)&stranger, &w->t, &q);
	assert_true(q.replies_cookie);
	memcpy(q.cookie, q.reply_cookie, COOKIE_LEN);
	q.cookie_len = COOKIE_LEN;
	assert_int_equal(ask(w, v4(0xc0000201), &q), GATE_STRANGER);
}

static void test_cookies(void **state)
{
	struct world *w = *state;
	struct sockaddr_storage client = v4(0x0a010101), other = v4(0x0a010102);
	struct dns_query q = {.cookie_len = 8, .cookie = "CLIENT01"};
	assert_int_equal(ask(w, client, &q), GATE_ANSWER);
	assert_true(q.replies_cookie && q.far);
	memcpy(q.cookie, q.reply_cookie, COOKIE_LEN);
	q.cookie_len = COOKIE_LEN;
	/* Somebody forges the whole network: who has a cookie does not notice. */
	answered(w, client, 1000);
	for (unsigned i = 0; i < 1000; i++)
		assert_int_equal(ask(w, client, &q), GATE_ANSWER);
	/* His neighbour has no use for it: he gets one of his own, in no more bytes than he sent. */
	assert_int_equal(ask(w, other, &q), GATE_COOKIE);
	assert_memory_not_equal(q.reply_cookie, q.cookie, COOKIE_LEN);
	memcpy(q.cookie, q.reply_cookie, COOKIE_LEN);
	assert_int_equal(ask(w, other, &q), GATE_ANSWER);
	/* Half of a cookie leaves no room for a whole one. */
	q.cookie_len = 8;
	assert_int_equal(ask(w, client, &q), GATE_CUT);
	q.cookie_len = 16;
	assert_int_equal(ask(w, client, &q), GATE_CUT);
	/* No cookie asked for, none given. */
	struct dns_query none = {.id = 1};
	ask(w, client, &none);
	assert_false(none.replies_cookie);
	/* By TCP too, and on loopback. */
	struct sockaddr_storage loopback = v4(0x7f000001);
	struct dns_query local = {.cookie_len = 8, .cookie = "CLIENT02"};
	gate_tcp(&w->gate, (const struct sockaddr *)&loopback, &w->t, &local);
	assert_true(local.replies_cookie && !local.far);
}

static void test_secret_changes(void **state)
{
	struct world *w = *state;
	struct sockaddr_storage client = v4(0x0a010101);
	struct dns_query q = {.cookie_len = 8, .cookie = "CLIENT01"};
	uint8_t first[COOKIE_SECRET_LEN];
	memcpy(first, w->gate.cookies.now, sizeof(first));
	w->t.wall += 86399;
	gate_tick(&w->gate, &w->t);
	assert_memory_equal(w->gate.cookies.now, first, sizeof(first));
	ask(w, client, &q);
	memcpy(q.cookie, q.reply_cookie, COOKIE_LEN);
	q.cookie_len = COOKIE_LEN;
	w->t.wall += 1;
	gate_tick(&w->gate, &w->t);
	assert_memory_not_equal(w->gate.cookies.now, first, sizeof(first));
	answered(w, client, 100);
	assert_int_equal(ask(w, client, &q), GATE_ANSWER); /* given a second before */
}

static void test_same_client(void **state)
{
	(void)state;
	struct sockaddr_storage a = v4(0x0a010101), b = v4(0x0a010102), c = v6("2001:db8:1:1::1"),
		d = v6("2001:db8:1:1:ffff::2"), e = v6("2001:db8:1:2::1");
#define SAME(x, y) gate_same_client((struct sockaddr *)&(x), (struct sockaddr *)&(y))
	assert_true(SAME(a, a) && SAME(c, d));
	assert_false(SAME(a, b) || SAME(a, c) || SAME(c, e));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_rate, setup, teardown),
		cmocka_unit_test_setup_teardown(test_others_unharmed, setup, teardown),
		cmocka_unit_test_setup_teardown(test_v6, setup, teardown),
		cmocka_unit_test_setup_teardown(test_bounded, setup, teardown),
		cmocka_unit_test_setup_teardown(test_strangers, setup, teardown),
		cmocka_unit_test_setup_teardown(test_cookies, setup, teardown),
		cmocka_unit_test_setup_teardown(test_secret_changes, setup, teardown),
		cmocka_unit_test(test_same_client),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
