/* The first bytes of a connection: a head, and the body behind it, whole and in two parts. */
#undef NDEBUG
#include "resolver/http1.h"
#include "resolver/http_date.h"

#include <assert.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static bool within(struct http_piece p, const char *bytes, size_t len)
{
	return !p.at || http_is(p, "/") ||
	       (p.at >= bytes && p.len <= len && (size_t)(p.at - bytes) <= len - p.len);
}

static size_t read_chunks(const char *bytes, size_t len, size_t split, int *ret_status)
{
	struct http1_chunks c = {0};
	struct http_piece data;
	size_t body = 0, used;
	*ret_status = 0;
	for (size_t at = 0; at < len && *ret_status == 0; at += used) {
		size_t n = at < split ? split - at : len - at;
		*ret_status = http1_read_chunk(&c, bytes + at, n, &used, &data);
		if (*ret_status < 0)
			return 0;
		assert(used <= n && within(data, bytes, len));
		assert(used > 0 || *ret_status == 1);
		body += data.len;
	}
	assert(body <= HTTP_BODY_MAX);
	return body;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	const char *bytes = (const char *)data;
	struct http1_head h;
	int64_t seconds;
	int whole, parted, r = http1_read_head(bytes, len, &h);
	assert(r == 0 || r == 1 || (r <= -400 && r >= -505 && *http_reason((unsigned)-r)));
	if (r != 1)
		return 0;
	assert(h.len <= len && h.len <= HTTP_HEAD_MAX + 4 && h.body_len <= HTTP_BODY_MAX);
	assert(h.request.path.at && within(h.request.path, bytes, h.len));
	assert(within(h.request.query, bytes, h.len));
	for (size_t i = 0; i < HTTP_FIELDS; i++)
		assert(within(h.request.field[i], bytes, h.len));
	http_date_read(h.request.field[HTTP_IF_MODIFIED_SINCE], &seconds);
	size_t n = len - h.len;
	size_t body = read_chunks(bytes + h.len, n, n, &whole);
	assert(body == read_chunks(bytes + h.len, n, n / 2, &parted) && whole == parted);
	return 0;
}
