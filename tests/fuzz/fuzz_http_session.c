/* A connection of HTTP/1.1 or 2, in pieces; each request is answered at once, later, or never. */
#undef NDEBUG
#include "resolver/http_session.h"

#include <assert.h>
#include <event2/buffer.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

struct door {
	struct http_session *session;
	struct http_exchange *kept[HTTP_STREAMS_MAX];
	size_t kept_len, requests;
};

static void on_gone(void *ctx)
{
	*(struct http_exchange **)ctx = NULL;
}

static void on_request(void *ctx, struct http_exchange *x, const struct http_request *r)
{
	struct door *d = ctx;
	assert(r->path.len > 0 && r->body.len <= HTTP_BODY_MAX);
	for (size_t i = 0; i < HTTP_FIELDS; i++)
		assert(r->field[i].len <= HTTP_HEAD_MAX);
	d->requests++;
	if (r->path.len % 3 == 0 && d->kept_len < HTTP_STREAMS_MAX) {
		x->gone = on_gone;
		x->ctx = &d->kept[d->kept_len];
		d->kept[d->kept_len++] = x;
		return;
	}
	http_refuse(x, 404, "no");
}

static void on_ready(void *ctx)
{
	struct door *d = ctx;
	assert(http_session_take(d->session, NULL, 0) <= 0);
}

static bool has_room(void *ctx)
{
	const struct door *d = ctx;
	return d->kept_len % 2;
}

/* All of it, `step` bytes at a time. */
static void feed(struct door *d, struct evbuffer *out, const uint8_t *data, size_t len, size_t step)
{
	size_t from = 0;
	for (size_t to = 0; to < len;) {
		to = len - to < step ? len : to + step;
		ssize_t n = http_session_take(d->session, data + from, to - from);
		assert(n <= (ssize_t)(to - from));
		if (n < 0)
			break;
		from += (size_t)n;
		assert(evbuffer_get_length(out) <= HTTP_UNSENT_MAX + HTTP_HEAD_MAX);
		assert(http_session_held(d->session) <= 3 * HTTP_UNSENT_MAX);
		if (d->kept_len && to % 2) {
			struct http_exchange *x = d->kept[--d->kept_len];
			if (x)
				http_refuse(x, 404, "late");
		}
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct door d = {0};
	struct http_callbacks callbacks = {on_request, on_ready, has_room, &d};
	struct evbuffer *out = evbuffer_new();
	if (len < 2)
		data = (const uint8_t *)"\0\1", len = 2;
	assert(out && http_session_create(
			      (enum http_version)(data[0] % 3), out, &callbacks, &d.session) == 0);
	feed(&d, out, data + 2, len - 2, (size_t)data[1] + 1);
	assert(http_session_pending(d.session) <= HTTP_STREAMS_MAX);
	http_session_destroy(d.session);
	for (size_t i = 0; i < d.kept_len; i++)
		assert(!d.kept[i]);
	evbuffer_free(out);
	return 0;
}
