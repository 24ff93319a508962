/* The relay to a server over HTTP, whose replies are played here. */
#undef NDEBUG
#include "resolver/http_upstream.h"

#include <errno.h>
#include <event2/event.h>
#include <stdlib.h>

#include "resolver/http_client.h"
#include "tests/resolver/relay_fixture.h"

#define DNS_MESSAGE "application/dns-message"

/* ---- the server: requests in the order in which they came ---- */

struct http_request {
	struct http_ask ask;
	char path[300];
	bool done;
};
#define REQUESTS_MAX 64
static struct http_request requests[REQUESTS_MAX];
static unsigned requests_len;

int __wrap_http_client_create(
	struct event_base *, const struct upstream_word *, struct http_client **);
void __wrap_http_client_destroy(struct http_client *);
int __wrap_http_client_ask(struct http_client *, const struct http_ask *, struct http_request **);
void __wrap_http_client_cancel(struct http_request *);

int __wrap_http_client_create(
	struct event_base *b, const struct upstream_word *w, struct http_client **ret_client)
{
	(void)b;
	(void)w;
	*ret_client = (struct http_client *)&requests;
	return 0;
}

void __wrap_http_client_destroy(struct http_client *c)
{
	(void)c;
}

int __wrap_http_client_ask(
	struct http_client *c, const struct http_ask *what, struct http_request **ret_request)
{
	struct http_request *q = &requests[requests_len++];
	(void)c;
	assert_true(requests_len <= REQUESTS_MAX);
	*q = (struct http_request){.ask = *what};
	snprintf(q->path, sizeof(q->path), "%s", what->path);
	*ret_request = q;
	return 0;
}

void __wrap_http_client_cancel(struct http_request *q)
{
	assert_false(q->done);
	q->done = true;
}

static void outcome(unsigned i, const struct http_reply *reply)
{
	assert_true(i < requests_len && !requests[i].done);
	requests[i].done = true;
	requests[i].ask.fn(requests[i].ask.ctx, reply);
	turn();
}

static void fails(unsigned i, enum http_outcome how, const char *why)
{
	struct http_reply reply = {.outcome = how, .type = ""};
	snprintf(reply.why, sizeof(reply.why), "%s", why);
	outcome(i, &reply);
}

static void replies(unsigned i, long status, const char *type, const void *body, size_t len)
{
	outcome(i, &(struct http_reply){.outcome = HTTP_REPLIED,
			   .status = status,
			   .type = type,
			   .body = body,
			   .len = len,
			   .connections = i == 0});
}

static void answers(unsigned i)
{
	uint8_t message[QUESTION_LEN];
	write_reply((const uint8_t *)"\0", 'W', requests[i].ask.body[OF_ID], message);
	replies(i, 200, DNS_MESSAGE, message, sizeof(message));
}

static int begin(void **state)
{
	(void)state;
	requests_len = 0;
	return relay_begin("https://127.0.0.1/dns-query", http_upstream_create);
}

static int begin_2009(void **state)
{
	(void)state;
	requests_len = 0;
	return relay_begin("http://127.0.0.1:8882/PROXY", http_upstream_create);
}

/* ---- the tests ---- */

static void test_asks(void **state)
{
	uint8_t question[QUESTION_LEN];
	(void)state;
	ask(7);
	write_question(7, 'w', question);
	question[0] = question[1] = 0; /* for caches on the way */
	assert_int_equal(requests_len, 1);
	assert_string_equal(requests[0].path, "/dns-query");
	assert_string_equal(requests[0].ask.type, DNS_MESSAGE);
	assert_int_equal(requests[0].ask.len, QUESTION_LEN);
	assert_memory_equal(requests[0].ask.body, question, QUESTION_LEN);
	ask(8);
	answers(1);
	assert_int_equal(heard(), ANSWERED(8));
	answers(0);
	assert_int_equal(heard(), ANSWERED(7));
	assert_int_equal(relay->counters.answers, 2);
	assert_int_equal(relay->counters.connections, 1);
	assert_int_equal(lines, 0);
}

/* Of no use: this question is refused, and after four in a row the server is left alone. */
static void test_unfit(void **state)
{
	uint8_t good[QUESTION_LEN], bad[QUESTION_LEN];
	(void)state;
	const struct {
		long status;
		const char *type;
		const void *body;
		size_t len;
		const char *why;
	} rows[] = {
		{307, DNS_MESSAGE, good, sizeof(good), "HTTP status 307"},
		{500, DNS_MESSAGE, good, sizeof(good), "HTTP status 500"},
		{204, "", NULL, 0, "HTTP status 204"},
		{200, "text/plain", good, sizeof(good), "what it sends is no " DNS_MESSAGE},
		{200, "application/dns-message2", good, sizeof(good),
			"what it sends is no " DNS_MESSAGE},
		{200, "", good, sizeof(good), "what it sends is no " DNS_MESSAGE},
		{200, DNS_MESSAGE, NULL, 0, "what it sends is no answer to the question"},
		{200, DNS_MESSAGE, good, 11, "what it sends is no answer to the question"},
		{200, DNS_MESSAGE, good, sizeof(good) - 1,
			"what it sends is no answer to the question"},
		{200, DNS_MESSAGE, bad, sizeof(bad), "what it sends is no answer to the question"},
	};
	for (uint8_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		unsigned n = requests_len;
		write_reply((const uint8_t *)"\0", 'w', (uint8_t)('a' + i), good);
		write_reply((const uint8_t *)"\0", 'x', (uint8_t)('a' + i), bad);
		ask(i);
		replies(n, rows[i].status, rows[i].type, rows[i].body, rows[i].len);
		assert_int_equal(heard(), REFUSED(i));
		assert_string_equal(relay->why, rows[i].why);
		assert_int_equal(relay->counters.failures, 0);
		ask(26 + i); /* what is good ends the row */
		replies(n + 1, 200, "Application/DNS-Message; charset=x", good, sizeof(good));
		assert_int_equal(heard(), ANSWERED(26 + i));
		assert_string_equal(relay->why, "");
	}
	for (uint8_t i = 0; i < 4; i++)
		ask(i);
	for (uint8_t i = 0; i < 4; i++) {
		fails(requests_len - 4 + i, HTTP_UNFIT, "the reply is too large");
		assert_int_equal(heard(), REFUSED(i));
	}
	assert_int_equal(relay->counters.failures, 1);
	unsigned n = requests_len;
	ask(5);
	assert_int_equal(heard(), REFUSED(5));
	assert_int_equal(requests_len, n);
}

static void test_lost(void **state)
{
	(void)state;
	ask(1);
	ask(2);
	for (unsigned i = 0; i < 3; i++)
		fails(i ? i + 1 : 0, HTTP_LOST, "reset");
	assert_int_equal(requests_len, 5);
	assert_int_equal(relay->counters.again, 3);
	assert_int_equal(heard(), -1);
	/* Once more, and it has failed, for all that wait. */
	fails(4, HTTP_LOST, "reset");
	assert_int_equal(heard(), REFUSED(1));
	assert_int_equal(heard(), REFUSED(2));
	assert_true(requests[1].done);
	assert_string_equal(relay->why, "reset");
	assert_non_null(strstr(said, "reset"));
	ask(3);
	assert_int_equal(heard(), REFUSED(3));
	leap(base, SECOND / 4 + SECOND / 20);
	ask(4);
	answers(5);
	assert_int_equal(heard(), ANSWERED(4));
	assert_non_null(strstr(said, "works again"));
}

/* One that is slow is refused alone; one that is silent, with all others. */
static void test_slow(void **state)
{
	(void)state;
	ask(1);
	ask(2);
	ask(3);
	fails(0, HTTP_SLOW, "timeout");
	assert_int_equal(heard(), REFUSED(1));
	assert_int_equal(heard(), -1);
	assert_int_equal(relay->counters.failures, 0);
	fails(1, HTTP_SILENT, "timeout");
	assert_int_equal(heard(), REFUSED(2));
	assert_int_equal(heard(), REFUSED(3));
	assert_int_equal(relay->counters.failures, 1);
	assert_int_equal(relay->counters.dropped, 2);
}

/* What is asked for as in 2009, and that never with a body. */
static void test_2009(void **state)
{
	static const char text[] = "[[{\"name\":\"www.test\",\"type\":\"A\",\"ttl\":60,\"payload\":"
				   "{\"address\":\"192.0.2.1\"}}],[],[]]";
	static const char error[] = "[[{\"__type__\":\"error\",\"class\":\"DNSNameError\"}]]";
	(void)state;
	assert_non_null(strstr(said, "without validation"));
	ask(1);
	assert_string_equal(requests[0].path, "/PROXY/IN/A/www.best");
	assert_null(requests[0].ask.body);
	replies(0, 200, "text/html", text, sizeof(text) - 1);
	assert_int_equal(heard(), ANSWERED(1));
	static const struct {
		long status;
		int rcode;
	} rows[] = {{400, RCODE_FORMERR}, {403, RCODE_REFUSED}, {404, RCODE_NXDOMAIN},
		{408, RCODE_SERVFAIL}, {500, RCODE_SERVFAIL}, {502, RCODE_SERVFAIL},
		{503, RCODE_SERVFAIL}, {301, RCODE_SERVFAIL}};
	for (uint8_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		ask(i);
		replies(requests_len - 1, rows[i].status, "", error, sizeof(error) - 1);
		assert_int_equal(heard(), i * 16 + rows[i].rcode);
	}
	ask(9); /* a page that any web server has for what it does not know denies nothing */
	replies(requests_len - 1, 404, "text/html", "<html>", 6);
	assert_int_equal(heard(), REFUSED(9));
}

#define TEST(name, how) cmocka_unit_test_setup_teardown(name, how, relay_end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_asks, begin),
		TEST(test_unfit, begin),
		TEST(test_lost, begin),
		TEST(test_slow, begin),
		TEST(test_2009, begin_2009),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
