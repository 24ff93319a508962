/* HTTP/1.1: heads that are right, heads that smuggle, bodies in chunks, replies, dates. */
#undef NDEBUG
#include "resolver/http1.h"
#include "resolver/http_date.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static int head(const char *text, struct http1_head *h)
{
	return http1_read_head(text, strlen(text), h);
}

#define assert_piece(p, word) assert_true(http_is((p), (word)))

static void a_head_is_read(void **state)
{
	struct http1_head h;
	(void)state;
	const char *text = "GET /dns/IN/A/www.example?x=1&y HTTP/1.1\r\nHoSt:  localhost:8882 \r\n"
			   "accept: a/b\r\nIf-None-Match: \"x\"\r\nX-Other: \t \r\n\r\nGET";
	assert_int_equal(head(text, &h), 1);
	assert_int_equal(h.len, strlen(text) - 3);
	assert_int_equal(h.request.method, HTTP_GET);
	assert_piece(h.request.path, "/dns/IN/A/www.example");
	assert_piece(h.request.query, "x=1&y");
	assert_piece(h.request.field[HTTP_HOST], "localhost:8882");
	assert_piece(h.request.field[HTTP_ACCEPT], "a/b");
	assert_piece(h.request.field[HTTP_IF_NONE_MATCH], "\"x\"");
	assert_null(h.request.field[HTTP_CONTENT_TYPE].at);
	assert_false(h.closes || h.chunked || h.waits);
	assert_int_equal(h.body_len, 0);
}

static void every_beginning_is_not_yet_a_head(void **state)
{
	struct http1_head h;
	(void)state;
	const char *text = "\r\nPUT /x HTTP/1.1\r\nhost: a\r\ncontent-length: 7\r\n\r\n";
	for (size_t n = 0; n < strlen(text); n++) {
		char *part = malloc(n + 1); /* so that a read beyond it is seen */
		memcpy(part, text, n);
		assert_int_equal(http1_read_head(part, n, &h), 0);
		free(part);
	}
	assert_int_equal(head(text, &h), 1);
	assert_int_equal(h.body_len, 7);
	assert_int_equal(h.request.method, HTTP_PUT);
}

static void what_the_message_says_of_itself(void **state)
{
	struct http1_head h;
	(void)state;
	assert_int_equal(head("GET / HTTP/1.0\r\n\r\n", &h), 1);
	assert_true(h.closes);
	assert_int_equal(head("GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n", &h), 1);
	assert_false(h.closes);
	assert_int_equal(head("GET / HTTP/1.1\r\nhost:x\r\nconnection: x, CLOSE\r\n\r\n", &h), 1);
	assert_true(h.closes);
	assert_int_equal(head("POST / HTTP/1.1\r\nhost:x\r\nexpect: 100-Continue\r\n"
			      "transfer-encoding: Chunked\r\n\r\n",
				 &h),
		1);
	assert_true(h.waits && h.chunked);
	assert_int_equal(head("OPTIONS * HTTP/1.1\r\nhost:\r\n\r\n", &h), 1);
	assert_piece(h.request.path, "*");
	assert_int_equal(head("BREW /pot HTTP/1.1\r\nhost:\r\n\r\n", &h), 1);
	assert_int_equal(h.request.method, HTTP_OTHER_METHOD);
	/* RFC 9112, 3.2.2: the target goes before the field. */
	assert_int_equal(head("GET http://a:8/b?c HTTP/1.1\r\nhost: d\r\n\r\n", &h), 1);
	assert_piece(h.request.field[HTTP_HOST], "a:8");
	assert_piece(h.request.path, "/b");
	assert_piece(h.request.query, "c");
	assert_int_equal(head("GET HTTP://a HTTP/1.1\r\nhost: d\r\n\r\n", &h), 1);
	assert_piece(h.request.path, "/");
}

static void what_is_doubtful_is_refused(void **state)
{
	static const struct {
		const char *head;
		int status;
	} table[] = {
		{"GET /\r\n\r\n", -400}, /* HTTP/0.9 */
		{"GET  / HTTP/1.1\r\nhost:x\r\n\r\n", -400},
		{"GET / HTTP/1.1 \r\nhost:x\r\n\r\n", -400},
		{"GET / HTTP/2.0\r\nhost:x\r\n\r\n", -505},
		{"GET / http/1.1\r\nhost:x\r\n\r\n", -400},
		{"G\tT / HTTP/1.1\r\nhost:x\r\n\r\n", -400},
		{"GET x HTTP/1.1\r\nhost:x\r\n\r\n", -400},
		{"GET * HTTP/1.1\r\nhost:x\r\n\r\n", -400},
		{"GET http:///b HTTP/1.1\r\nhost:x\r\n\r\n", -400},
		{"GET ftp://a/b HTTP/1.1\r\nhost:x\r\n\r\n", -400},
		{"GET /\x7f HTTP/1.1\r\nhost:x\r\n\r\n", -400},
		{"GET / HTTP/1.1\r\n\r\n", -400}, /* no Host */
		{"GET / HTTP/1.1\r\nhost:x\r\nhost:x\r\n\r\n", -400},
		{"GET / HTTP/1.1\nhost:x\n\n", -400}, /* bare LF */
		{"GET / HTTP/1.1\r\nhost:x\ny:z\r\n\r\n", -400},
		{"GET / HTTP/1.1\r\nhost:x\ry:z\r\n\r\n", -400},
		{"GET / HTTP/1.1\r\nhost :x\r\n\r\n", -400},
		{"GET / HTTP/1.1\r\n host:x\r\n\r\n", -400},
		{"GET / HTTP/1.1\r\nhost:x\r\na: b\r\n c\r\n\r\n", -400}, /* folded */
		{"GET / HTTP/1.1\r\nhost:x\r\n:b\r\n\r\n", -400},
		{"GET / HTTP/1.1\r\nhost:x\r\na: \x01\r\n\r\n", -400},
		{"PUT / HTTP/1.1\r\nhost:x\r\ncontent-length: 1\r\ncontent-length: 1\r\n\r\n",
			-400},
		{"PUT / HTTP/1.1\r\nhost:x\r\ncontent-length: 1, 1\r\n\r\n", -400},
		{"PUT / HTTP/1.1\r\nhost:x\r\ncontent-length: +1\r\n\r\n", -400},
		{"PUT / HTTP/1.1\r\nhost:x\r\ncontent-length:\r\n\r\n", -400},
		{"PUT / HTTP/1.1\r\nhost:x\r\ncontent-length: 65536\r\n\r\n", -413},
		{"PUT / HTTP/1.1\r\nhost:x\r\ncontent-length: 18446744073709551617\r\n\r\n", -413},
		{"PUT / HTTP/1.1\r\nhost:x\r\ncontent-length: 1\r\ntransfer-encoding: "
		 "chunked\r\n\r\n",
			-400},
		{"PUT / HTTP/1.1\r\nhost:x\r\ntransfer-encoding: chunked\r\n"
		 "transfer-encoding: chunked\r\n\r\n",
			-400},
		{"PUT / HTTP/1.1\r\nhost:x\r\ntransfer-encoding: gzip, chunked\r\n\r\n", -501},
		{"PUT / HTTP/1.0\r\nhost:x\r\ntransfer-encoding: chunked\r\n\r\n", -400},
		{"PUT / HTTP/1.1\r\nhost:x\r\nexpect: tea\r\n\r\n", -417},
	};
	struct http1_head h;
	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		assert_int_equal(head(table[i].head, &h), table[i].status);
	assert_int_equal(http1_read_head("\x16\3\1", 3, &h), -400); /* TLS */
	assert_int_equal(http1_read_head("GET / HTTP/1.1\r\nhost:x\0y\r\n\r\n", 28, &h), -400);
}

static void heads_have_a_bound(void **state)
{
	static char big[HTTP_HEAD_MAX + 64];
	struct http1_head h;
	(void)state;
	memset(big, 'a', sizeof(big));
	memcpy(big, "GET /", 5);
	assert_int_equal(http1_read_head(big, HTTP_HEAD_MAX, &h), 0);
	assert_int_equal(http1_read_head(big, HTTP_HEAD_MAX + 1, &h), -414);
	memcpy(big, "GET / HTTP/1.1\r\nhost: ", 22);
	assert_int_equal(http1_read_head(big, HTTP_HEAD_MAX, &h), 0);
	assert_int_equal(http1_read_head(big, HTTP_HEAD_MAX + 1, &h), -431);
	memcpy(big + HTTP_HEAD_MAX - 4, "\r\n\r\n", 4);
	assert_int_equal(http1_read_head(big, sizeof(big), &h), 1);
	memset(big + HTTP_HEAD_MAX - 4, 'a', 4);
	memcpy(big + HTTP_HEAD_MAX - 3, "\r\n\r\n", 4);
	assert_int_equal(http1_read_head(big, sizeof(big), &h), -431);
}

/* Decodes in pieces of `step` bytes; the status, and what came in `out`. */
static int chunks(const char *text, size_t len, size_t step, char *out, size_t *ret_len)
{
	struct http1_chunks c = {0};
	struct http_piece data;
	int r = 0;
	*ret_len = 0;
	for (size_t at = 0; at < len && r == 0;) {
		size_t used, n = len - at < step ? len - at : step;
		r = http1_read_chunk(&c, text + at, n, &used, &data);
		if (r < 0)
			return r;
		memcpy(out + *ret_len, data.at ? data.at : "", data.len);
		*ret_len += data.len;
		at += used;
		if (r == 1)
			assert_int_equal(at, len); /* what follows is another request's */
	}
	return r;
}

static void chunks_are_joined(void **state)
{
	const char *text = "4\r\nWiki\r\n5;a=\"b\"\r\npedia\r\nE\r\n in\r\n\r\nchunks.\r\n0\r\n"
			   "trailer: x\r\n\r\n";
	char out[128];
	size_t len;
	(void)state;
	for (size_t step = 1; step < 20; step++) {
		assert_int_equal(chunks(text, strlen(text), step, out, &len), 1);
		assert_int_equal(len, 23);
		assert_memory_equal(out, "Wikipedia in\r\n\r\nchunks.", 23);
	}
	assert_int_equal(chunks("0\r\n\r\n", 5, 9, out, &len), 1);
	assert_int_equal(chunks("4\r\nWi", 5, 9, out, &len), 0);
}

static void bad_chunks_are_refused(void **state)
{
	static const char *const table[] = {"\r\n", "x\r\n", "4 4\n", "4\r4", "4\nWiki", "1\r\nab",
		"1\r\na\r\r", "1;\n", "0\r\na\n", "0\r\n\rx", "-1\r\n", "0x1\r\n"};
	char out[128];
	size_t len;
	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		assert_int_equal(chunks(table[i], strlen(table[i]), 1, out, &len), -400);
	assert_int_equal(chunks("10000\r\n", 7, 1, out, &len), -413);
	assert_int_equal(chunks("FFFFFFFFF\r\n", 11, 1, out, &len), -413);
	assert_int_equal(chunks("000000001\r\n", 11, 1, out, &len), -413);
	/* What is no data has a bound too. */
	static char long_one[HTTP_HEAD_MAX + 8];
	memset(long_one, 'x', sizeof(long_one));
	memcpy(long_one, "1;", 2);
	assert_int_equal(chunks(long_one, sizeof(long_one), 100, out, &len), -413);
}

static void many_small_chunks_have_the_bound_of_one(void **state)
{
	struct http1_chunks c = {0};
	struct http_piece data;
	size_t used;
	(void)state;
	static char body[HTTP_BODY_MAX + 8];
	memcpy(body, "FFFF\r\n", 6);
	assert_int_equal(http1_read_chunk(&c, body, 6 + HTTP_BODY_MAX, &used, &data), 0);
	assert_int_equal(used, 6 + HTTP_BODY_MAX);
	assert_int_equal(data.len, HTTP_BODY_MAX);
	assert_int_equal(http1_read_chunk(&c, "\r\n1\r\n", 5, &used, &data), -413);
}

static void replies_are_written(void **state)
{
	char buf[HTTP1_REPLY_HEAD];
	(void)state;
	struct http_reply r = {.status = 200, .type = "text/plain", .body_len = 12, .max_age = 300};
	http_reply_add(&r, "etag", "\"x\"");
	size_t n = http1_reply_head(&r, 784111777, false, buf);
	assert_int_equal(n, strlen(buf));
	assert_string_equal(buf, "HTTP/1.1 200 OK\r\ndate: Sun, 06 Nov 1994 08:49:37 GMT\r\n"
				 "x-content-type-options: nosniff\r\ncache-control: "
				 "max-age=300\r\ncontent-length: 12\r\ncontent-type: text/plain\r\n"
				 "etag: \"x\"\r\n\r\n");
	r = (struct http_reply){.status = 304, .max_age = HTTP_NO_STORE};
	assert_true(http1_reply_head(&r, 0, true, buf) > 0);
	assert_string_equal(buf, "HTTP/1.1 304 Not Modified\r\ndate: Thu, 01 Jan 1970 00:00:00 "
				 "GMT\r\nx-content-type-options: nosniff\r\ncache-control: "
				 "no-store\r\nconnection: close\r\n\r\n");
	static char long_value[HTTP1_REPLY_HEAD];
	memset(long_value, 'x', sizeof(long_value) - 1);
	http_reply_add(&r, "long", long_value);
	assert_int_equal(http1_reply_head(&r, 0, true, buf), 0);
}

static bool date(const char *text, int64_t *ret_seconds)
{
	return http_date_read((struct http_piece){text, strlen(text)}, ret_seconds);
}

static void dates_have_three_forms(void **state)
{
	char text[HTTP_DATE_MAX];
	int64_t t = 0;
	(void)state;
	assert_true(date("Sun, 06 Nov 1994 08:49:37 GMT", &t));
	assert_int_equal(t, 784111777);
	assert_true(date("Sunday, 06-Nov-94 08:49:37 GMT", &t));
	assert_int_equal(t, 784111777);
	assert_true(date("Sun Nov  6 08:49:37 1994", &t));
	assert_int_equal(t, 784111777);
	assert_false(date("Sun, 06 Nov 1994 08:49:37 GMT ", &t));
	assert_false(date("", &t));
	assert_false(date("784111777", &t));
	assert_false(http_date_read((struct http_piece){0}, &t));
	http_date(INT64_MAX, text); /* a clock gone mad */
	assert_string_equal(text, "Thu, 01 Jan 1970 00:00:00 GMT");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_head_is_read),
		cmocka_unit_test(every_beginning_is_not_yet_a_head),
		cmocka_unit_test(what_the_message_says_of_itself),
		cmocka_unit_test(what_is_doubtful_is_refused),
		cmocka_unit_test(heads_have_a_bound),
		cmocka_unit_test(chunks_are_joined),
		cmocka_unit_test(bad_chunks_are_refused),
		cmocka_unit_test(many_small_chunks_have_the_bound_of_one),
		cmocka_unit_test(replies_are_written),
		cmocka_unit_test(dates_have_three_forms),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
