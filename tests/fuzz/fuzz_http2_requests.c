/* What a server of HTTP/2 may send to who asks it: the first byte says how the rest is cut. */
#undef NDEBUG
#include "resolver/http2_requests.h"

#include <assert.h>
#include <event2/buffer.h>
#include <stdlib.h>
#include <string.h>

#define ASKS 4

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void on_reply(void *ctx, const struct http_reply *reply)
{
	(void)ctx;
	(void)reply;
}

static const struct http_ask asks[] = {
	{.path = "/dns-query",
		.type = "application/dns-message",
		.body = (const uint8_t *)"abcd",
		.len = 4,
		.fn = on_reply},
	{.path = "/x", .type = "a/b", .most = 100, .fn = on_reply},
};

static void ask(struct http2_requests *r, struct http2_request *q, unsigned i)
{
	free(q->body);
	*q = (struct http2_request){.ask = &asks[i % 2]};
	int e = http2_requests_ask(r, q);
	assert(e == 0 || e == -EAGAIN || e == -EPIPE);
	q->sent = e ? SIZE_MAX : q->sent; /* it is nobody's */
}

static void hand_back(struct http2_requests *r, struct http2_request *q)
{
	struct http2_request *got;
	while ((got = http2_requests_next(r))) {
		assert(got >= q && got < q + ASKS && got->outcome <= HTTP_UNFIT && got->why);
		assert(got->len <= (got->ask->most ? got->ask->most : HTTP_CLIENT_BODY_MAX));
		assert(strlen(got->type) < HTTP2_TYPE_MAX);
		assert(got->outcome != HTTP_REPLIED || (got->status >= 0 && got->status <= 999));
		ask(r, got, (unsigned)(got - q));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct http2_request q[ASKS] = {0};
	struct http2_requests *r;
	struct evbuffer *out = evbuffer_new();
	size_t step = len ? data[0] % 64 + 1u : 1;
	bool whole = len && data[0] >= 128;
	assert(out && http2_requests_create("dns.test", &r) == 0);
	for (unsigned i = 0; i < ASKS; i++)
		ask(r, &q[i], i);
	assert(http2_requests_put(r, out) == 0);
	for (size_t at = 1, n; at < len; at += n) {
		n = whole || len - at < step ? len - at : step;
		int e = http2_requests_take(r, data + at, n);
		hand_back(r, q);
		if (e < 0 || http2_requests_put(r, out) < 0)
			break;
		assert(evbuffer_get_length(out) < 1 << 20);
		if (at % 7 == 0 && q[1].sent != SIZE_MAX) { /* who asked has changed its mind */
			http2_requests_cancel(r, &q[1]);
			ask(r, &q[1], 1);
		}
	}
	while (http2_requests_lose(r))
		;
	assert(http2_requests_len(r) == 0);
	http2_requests_destroy(r);
	for (unsigned i = 0; i < ASKS; i++)
		free(q[i].body);
	evbuffer_free(out);
	return 0;
}
