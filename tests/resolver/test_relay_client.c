/* One pkarr relay, played here: what is asked of it, what is to be thought of what it says, and for
 * how long it is left alone. Time leaps. */
#undef NDEBUG
#include "resolver/relay_client.h"

#include <errno.h>
#include <event2/event.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "resolver/clock.h"
#include "resolver/http_client.h"
#include "resolver/pkarr_packet.h"
#include "resolver/upstream.h"
#include "tests/leap.h"

/* ---- the relay: one request at a time ---- */

struct http_request {
	struct http_ask ask;
	char path[300];
	uint8_t body[PKARR_PAYLOAD_MAX];
};
static struct http_request request; /* fn is NULL: none is under way */
static struct upstream_word reached;
static unsigned asked, cancelled, clients;
static int client_error;

int __wrap_http_client_create(
	struct event_base *, const struct upstream_word *, struct http_client **);
void __wrap_http_client_destroy(struct http_client *);
int __wrap_http_client_ask(struct http_client *, const struct http_ask *, struct http_request **);
void __wrap_http_client_cancel(struct http_request *);
int __wrap_upstream_ask(struct upstream *, const struct question *, upstream_fn *, void *,
	struct upstream_query **);
void __wrap_upstream_cancel(struct upstream_query *);

int __wrap_http_client_create(
	struct event_base *base, const struct upstream_word *word, struct http_client **ret_client)
{
	(void)base;
	if (client_error)
		return client_error;
	reached = *word;
	clients++;
	*ret_client = (struct http_client *)&reached;
	return 0;
}

void __wrap_http_client_destroy(struct http_client *c)
{
	clients -= c != NULL;
}

int __wrap_http_client_ask(
	struct http_client *c, const struct http_ask *ask, struct http_request **ret_request)
{
	assert_ptr_equal(c, &reached);
	asked++;
	request.ask = *ask;
	snprintf(request.path, sizeof(request.path), "%s", ask->path);
	assert_true(ask->len <= sizeof(request.body));
	if (ask->body)
		memcpy(request.body, ask->body, ask->len);
	*ret_request = &request;
	return 0;
}

void __wrap_http_client_cancel(struct http_request *q)
{
	cancelled++;
	q->ask.fn = NULL;
}

static void say(const struct http_reply *reply)
{
	http_reply_fn *fn = request.ask.fn;
	assert_non_null(fn);
	request.ask.fn = NULL;
	fn(request.ask.ctx, reply);
}

static void say_status(long status, const void *body, size_t len)
{
	say(&(struct http_reply){
		.outcome = HTTP_REPLIED, .status = status, .type = "", .body = body, .len = len});
}

static void say_outcome(enum http_outcome outcome, const char *why)
{
	struct http_reply reply = {.outcome = outcome, .type = ""};
	snprintf(reply.why, sizeof(reply.why), "%s", why);
	say(&reply);
}

/* ---- conventional DNS ---- */

static struct {
	upstream_fn *fn;
	void *ctx;
	struct question question;
} query;
static unsigned queries;

int __wrap_upstream_ask(struct upstream *u, const struct question *q, upstream_fn *fn, void *ctx,
	struct upstream_query **ret_query)
{
	(void)u;
	queries++;
	query.fn = fn;
	query.ctx = ctx;
	query.question = *q;
	*ret_query = (struct upstream_query *)&query;
	return 0;
}

void __wrap_upstream_cancel(struct upstream_query *q)
{
	(void)q;
	query.fn = NULL;
}

/* The name has these addresses, of IPv4: the last byte of each. NULL: none. */
static void resolve(const char *last)
{
	uint8_t m[512] = {0, 0, 0x81, 0x80, 0, 1, 0, last ? (uint8_t)strlen(last) : 0};
	size_t len = 12;
	const struct name *name = &query.question.name;
	struct upstream_reply reply = {.message = m};
	upstream_fn *fn = query.fn;
	memcpy(m + len, name->wire, name->len);
	len += name->len;
	memcpy(m + len, (uint8_t[]){0, (uint8_t)query.question.type, 0, 1}, 4);
	len += 4;
	for (; last && *last; last++) {
		const uint8_t rr[] = {
			0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 192, 0, 2, (uint8_t)*last};
		memcpy(m + len, rr, sizeof(rr));
		len += sizeof(rr);
	}
	reply.len = len;
	query.fn = NULL;
	fn(query.ctx, &reply);
}

/* ---- who asks ---- */

static struct event_base *base;
static struct relay_client *client;
static uint8_t key[DHT_KEY_LEN], seed[DHT_SEED_LEN] = {7};
static uint8_t payload[PKARR_PAYLOAD_MAX + 1];
static size_t payload_len;
static struct dht_item item, got;
static unsigned told;
static enum relay_outcome outcome;
static char line[512];
static unsigned lines;

static void on_line(void *ctx, const char *text)
{
	(void)ctx;
	lines++;
	snprintf(line, sizeof(line), "%s", text);
}

static void on_said(void *ctx, const struct relay_said *said)
{
	(void)ctx;
	told++;
	outcome = said->outcome;
	if (said->outcome == RELAY_FOUND)
		got = *said->item;
}

/* A packet of one TXT record, of that time. */
static void sign(int64_t seq)
{
	static const uint8_t dns[] = {0, 0, 0x84, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 'x', 0, 0, 16, 0, 1,
		0, 0, 0, 30, 0, 2, 1, 'y'};
	item = (struct dht_item){.is_mutable = true, .seq = seq};
	assert_int_equal(dht_item_set_string(&item, dns, sizeof(dns)), 0);
	assert_int_equal(dht_item_sign(&item, seed), 0);
	memcpy(key, item.key, sizeof(key));
	payload_len = pkarr_write(&item, payload);
}

static int create(void **state, const char *text)
{
	struct relay_client_config config = {
		.text = text, .upstream = (struct upstream *)&query, .say = on_line};
	(void)state;
	base = event_base_new();
	told = asked = cancelled = queries = lines = 0;
	client_error = 0;
	request.ask.fn = NULL;
	sign(clock_wall());
	return relay_client_create(base, &config, &client);
}

static int by_address(void **state)
{
	return create(state, "http://127.0.0.1:99/some/");
}

static int by_name(void **state)
{
	return create(state, "https://relay.example/pkarr");
}

static int end(void **state)
{
	(void)state;
	relay_client_destroy(client);
	event_base_free(base);
	return clients == 0 ? 0 : -1;
}

static int get(void)
{
	struct relay_ask *ask;
	return relay_client_get(client, key, false, on_said, NULL, &ask);
}

static int put(void)
{
	struct relay_ask *ask;
	return relay_client_put(client, &item, on_said, NULL, &ask);
}

/* A get, what is said to it, and what that is taken for. */
static void get_gives(long status, const void *body, size_t len, enum relay_outcome wanted)
{
	unsigned before = told;
	assert_int_equal(get(), 0);
	say_status(status, body, len);
	assert_int_equal(told, before + 1);
	assert_int_equal(outcome, wanted);
}

static void put_gives(long status, enum relay_outcome wanted)
{
	unsigned before = told;
	assert_int_equal(put(), 0);
	say_status(status, "words", 5);
	assert_int_equal(told, before + 1);
	assert_int_equal(outcome, wanted);
}

/* ---- the tests ---- */

static void test_asks(void **state)
{
	struct relay_ask *ask;
	char text[NAME_KEY_TEXT + 1], path[100];
	(void)state;
	key_to_text(key, text);
	snprintf(path, sizeof(path), "/some/%s", text);
	get_gives(200, payload, payload_len, RELAY_FOUND);
	assert_true(dht_item_equal(&got, &item));
	assert_string_equal(request.path, path);
	assert_true(!request.ask.body && !request.ask.puts);
	assert_int_equal(request.ask.most, PKARR_PAYLOAD_MAX); /* more of a body is not read */
	assert_int_equal(relay_client_get(client, key, true, on_said, NULL, &ask), 0);
	strcat(path, "?policy=NetworkOnly");
	assert_string_equal(request.path, path);
	relay_client_cancel(ask);
	assert_int_equal(cancelled, 1);
	put_gives(204, RELAY_TAKEN);
	assert_true(request.ask.puts);
	assert_int_equal(request.ask.len, payload_len);
	assert_memory_equal(request.body, payload, payload_len);
	assert_false(reached.tls);
	assert_int_equal(queries, 0);
	assert_int_equal(lines, 0);
}

/* Each is told of the asker, and of the log, once; and none of them stops the relay from being
 * asked for others. */
static void test_forged(void **state)
{
	static uint8_t large[PKARR_PAYLOAD_MAX + 1];
	uint8_t other[DHT_SEED_LEN] = {8}, bad[PKARR_PAYLOAD_MAX];
	struct dht_item others = item;
	(void)state;
	memcpy(bad, payload, payload_len);
	bad[0] ^= 1; /* the signature */
	get_gives(200, bad, payload_len, RELAY_FORGED);
	assert_non_null(strstr(line, "what the key has not signed"));
	bad[0] ^= 1;
	bad[DHT_SIG_LEN + 7] ^= 1; /* the time */
	get_gives(200, bad, payload_len, RELAY_FORGED);
	assert_int_equal(lines, 1);
	bad[DHT_SIG_LEN + 7] ^= 1;
	bad[payload_len - 1] ^= 1; /* the data */
	get_gives(200, bad, payload_len, RELAY_FORGED);
	/* A good one, of somebody else. */
	assert_int_equal(dht_item_sign(&others, other), 0);
	get_gives(200, bad, pkarr_write(&others, bad), RELAY_FORGED);
	assert_int_equal(lines, 1);
	/* None at all: nothing, a head without data, too much of it. */
	get_gives(200, NULL, 0, RELAY_FORGED);
	get_gives(200, payload, PKARR_HEAD - 1, RELAY_FORGED);
	get_gives(200, large, sizeof(large), RELAY_FORGED);
	assert_non_null(strstr(line, "no signed packet"));
	assert_int_equal(get(), 0);
	say_outcome(HTTP_UNFIT, "the reply is too large");
	assert_int_equal(outcome, RELAY_FORGED);
	/* Signed, but for a time that has not come. */
	sign(clock_wall() + 25 * 3600 * (int64_t)SECOND);
	get_gives(200, payload, payload_len, RELAY_FORGED);
	assert_non_null(strstr(line, "a time that has not come yet"));
	/* An old one is a packet: whether it counts is for who knows a newer one. */
	sign(1);
	get_gives(200, payload, payload_len, RELAY_FOUND);
	assert_int_equal(got.seq, 1);
	assert_non_null(strstr(line, "works again"));
}

static void test_statuses(void **state)
{
	static const long newer[] = {409, 412, 428};
	(void)state;
	get_gives(404, "no", 2, RELAY_MISSING);
	for (size_t i = 0; i < 3; i++)
		put_gives(newer[i], RELAY_NEWER);
	put_gives(200, RELAY_TAKEN);
	assert_int_equal(lines, 0);
	static const long odd[] = {204, 301, 400, 409, 429, 500, 503, 999};
	for (size_t i = 0; i < sizeof(odd) / sizeof(*odd); i++) {
		get_gives(odd[i], payload, payload_len, RELAY_FAILED);
		assert_int_equal(get(), -EAGAIN);
		leap(base, 61 * SECOND);
	}
	static const long odd_put[] = {302, 404, 413, 429, 503};
	for (size_t i = 0; i < sizeof(odd_put) / sizeof(*odd_put); i++) {
		put_gives(odd_put[i], RELAY_FAILED);
		assert_int_equal(put(), -EAGAIN);
		leap(base, 61 * SECOND);
	}
	assert_non_null(strstr(line, "HTTP status 503"));
}

/* It is left alone for 1, 2, 4 … 60 s, and asked at once again when it has worked. */
static void test_back_off(void **state)
{
	static const unsigned seconds[] = {1, 2, 4, 8, 16, 32, 60, 60};
	(void)state;
	for (size_t i = 0; i < sizeof(seconds) / sizeof(*seconds); i++) {
		unsigned before = asked;
		assert_int_equal(get(), 0);
		say_outcome(HTTP_SILENT, "timeout");
		assert_int_equal(outcome, RELAY_FAILED);
		leap(base, seconds[i] * SECOND - SECOND / 10);
		assert_int_equal(get(), -EAGAIN);
		assert_int_equal(put(), -EAGAIN);
		leap(base, SECOND / 5);
		assert_int_equal(asked, before + 1);
	}
	assert_int_equal(lines, 1); /* it is said once */
	get_gives(200, payload, payload_len, RELAY_FOUND);
	assert_int_equal(lines, 2);
	assert_int_equal(get(), 0);
	say_outcome(HTTP_SILENT, "timeout");
	leap(base, SECOND + SECOND / 10);
	assert_int_equal(get(), 0);
	say_outcome(HTTP_SLOW, "timeout"); /* it answers others: no reason to leave it alone */
	assert_int_equal(outcome, RELAY_FAILED);
	assert_int_equal(get(), 0);
}

/* A connection that was idle may be closed just as it is used. */
static void test_lost(void **state)
{
	(void)state;
	assert_int_equal(get(), 0);
	say_outcome(HTTP_LOST, "reset");
	assert_int_equal(told, 0);
	assert_int_equal(asked, 2);
	say_status(200, payload, payload_len);
	assert_int_equal(outcome, RELAY_FOUND);
	assert_int_equal(put(), 0);
	say_outcome(HTTP_LOST, "reset");
	say_outcome(HTTP_LOST, "reset");
	assert_int_equal(told, 2);
	assert_int_equal(outcome, RELAY_FAILED);
	assert_int_equal(asked, 4);
	assert_int_equal(put(), -EAGAIN);
}

static void test_too_many(void **state)
{
	struct relay_ask *asks[65];
	(void)state;
	for (int i = 0; i < 64; i++)
		assert_int_equal(relay_client_get(client, key, false, on_said, NULL, &asks[i]), 0);
	assert_int_equal(relay_client_get(client, key, false, on_said, NULL, &asks[64]), -EBUSY);
	relay_client_cancel(asks[5]);
	assert_int_equal(relay_client_get(client, key, false, on_said, NULL, &asks[5]), 0);
	assert_int_equal(told, 0); /* and all of them end with the client */
}

/* Its name is looked up once, and anew when nobody is there: the next address then has its turn. */
static void test_named(void **state)
{
	const struct sockaddr_in *in = (const struct sockaddr_in *)&reached.address.addr;
	struct relay_ask *first, *second;
	(void)state;
	assert_int_equal(relay_client_get(client, key, false, on_said, NULL, &first), 0);
	assert_int_equal(relay_client_get(client, key, false, on_said, NULL, &second), 0);
	assert_int_equal(queries, 1);
	assert_int_equal(asked, 0);
	relay_client_cancel(first);
	resolve("ab");
	assert_int_equal(asked, 1);
	assert_true(reached.tls);
	assert_string_equal(reached.name, "relay.example");
	assert_int_equal(ntohs(in->sin_port), 443);
	uint32_t one = ntohl(in->sin_addr.s_addr);
	say_outcome(HTTP_UNREACHABLE, "refused");
	assert_int_equal(outcome, RELAY_FAILED);
	leap(base, SECOND + SECOND / 10);
	assert_int_equal(get(), 0);
	resolve("ab");
	assert_true(ntohl(in->sin_addr.s_addr) != one);
	say_status(404, "", 0);
	assert_int_equal(get(), 0);
	assert_int_equal(queries, 2);
	say_status(404, "", 0);
}

static void test_nowhere(void **state)
{
	(void)state;
	assert_int_equal(get(), 0);
	assert_int_equal(query.question.type, 1);
	resolve(NULL);
	assert_int_equal(query.question.type, 28); /* AAAA */
	resolve(NULL);
	assert_int_equal(outcome, RELAY_FAILED);
	assert_non_null(strstr(line, "DNS has no address"));
	assert_int_equal(get(), -EAGAIN);
	leap(base, SECOND + SECOND / 10);
	assert_int_equal(get(), 0); /* it waits when the client ends */
}

#define TEST(name, how) cmocka_unit_test_setup_teardown(name, how, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_asks, by_address),
		TEST(test_forged, by_address),
		TEST(test_statuses, by_address),
		TEST(test_back_off, by_address),
		TEST(test_lost, by_address),
		TEST(test_too_many, by_address),
		TEST(test_named, by_name),
		TEST(test_nowhere, by_name),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
