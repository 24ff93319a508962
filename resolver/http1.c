/* HTTP/1.1 and 1.0, read and written. */
#include "resolver/http1.h"

#include "resolver/http_date.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EMPTY_LINES_MAX 2 /* before a head: RFC 9112, 2.2, has one */

/* ---- reading a head ---- */

static bool is_token_byte(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       (c && strchr("!#$%&'*+-.^_`|~", c));
}

static bool is_token(struct http_piece p)
{
	for (size_t i = 0; i < p.len; i++)
		if (!is_token_byte(p.at[i]))
			return false;
	return p.len > 0;
}

/* Takes what stands before `end`, and the byte itself; false: it is not there. */
static bool take_until(struct http_piece *from, char end, struct http_piece *ret_piece)
{
	if (!memchr(from->at, end, from->len))
		return false;
	*ret_piece = http_take(from, end);
	return true;
}

/* The next line of a head that ends with an empty one; false: a bare LF or CR, or a NUL. */
static bool take_line(struct http_piece *from, struct http_piece *ret_line)
{
	if (!take_until(from, '\n', ret_line) || ret_line->len == 0 ||
		ret_line->at[ret_line->len - 1] != '\r')
		return false;
	ret_line->len--;
	return !memchr(ret_line->at, '\r', ret_line->len) &&
	       !memchr(ret_line->at, '\0', ret_line->len);
}

/* "http://HOST/PATH" is what a proxy is sent, and every server has to understand. */
static bool absolute_target(struct http_request *r, struct http_piece target)
{
	static const char *const schemes[] = {"http://", "https://"};
	for (size_t i = 0; i < 2; i++) {
		size_t n = strlen(schemes[i]);
		struct http_piece scheme = {target.at, n};
		if (target.len <= n || !http_is_any_case(scheme, schemes[i]))
			continue;
		struct http_piece rest = {target.at + n, target.len - n};
		const char *slash = memchr(rest.at, '/', rest.len);
		r->field[HTTP_HOST] = rest;
		r->path = (struct http_piece){"/", 1};
		if (!slash)
			return !memchr(rest.at, '?', rest.len);
		r->field[HTTP_HOST].len = (size_t)(slash - rest.at);
		rest.len -= r->field[HTTP_HOST].len;
		rest.at = slash;
		return r->field[HTTP_HOST].len && http_target(r, rest);
	}
	return false;
}

static bool visible(struct http_piece p)
{
	for (size_t i = 0; i < p.len; i++)
		if (p.at[i] <= ' ' || p.at[i] == 0x7f)
			return false;
	return p.len > 0;
}

static int read_request_line(struct http_piece line, struct http1_head *h, bool *ret_old)
{
	struct http_piece method, target;
	if (!take_until(&line, ' ', &method) || !is_token(method) ||
		!take_until(&line, ' ', &target) || !visible(target))
		return -400;
	if (line.len != 8 || memcmp(line.at, "HTTP/", 5) != 0)
		return -400;
	*ret_old = http_is(line, "HTTP/1.0");
	if (!*ret_old && !http_is(line, "HTTP/1.1"))
		return -505;
	h->request.method = http_method(method);
	h->closes = *ret_old;
	if (http_is(target, "*") && h->request.method == HTTP_OPTIONS)
		h->request.path = target;
	else if (!http_target(&h->request, target) && !absolute_target(&h->request, target))
		return -400;
	return 0;
}

/* What the fields say of the message itself. */
struct framing {
	bool host, length, old;
};

static int read_length(struct http_piece value, struct http1_head *h, struct framing *f)
{
	size_t n = 0;
	if (f->length || value.len == 0)
		return -400;
	f->length = true;
	for (size_t i = 0; i < value.len; i++) {
		if (value.at[i] < '0' || value.at[i] > '9')
			return -400;
		if (n <= HTTP_BODY_MAX)
			n = n * 10 + (size_t)(value.at[i] - '0');
	}
	if (n > HTTP_BODY_MAX)
		return -413;
	h->body_len = n;
	return 0;
}

static void read_connection(struct http_piece value, struct http1_head *h)
{
	struct http_piece word;
	while (value.len) {
		word = http_trimmed(http_take(&value, ','));
		if (http_is_any_case(word, "close"))
			h->closes = true;
		else if (http_is_any_case(word, "keep-alive"))
			h->closes = false;
	}
}

static int read_field(
	struct http_piece name, struct http_piece value, struct http1_head *h, struct framing *f)
{
	enum http_field known = http_field(name);
	if (known == HTTP_HOST) {
		if (f->host)
			return -400;
		f->host = true;
		if (!h->request.field[HTTP_HOST].at) /* an absolute target goes before it */
			h->request.field[HTTP_HOST] = value;
	} else if (known < HTTP_FIELDS) {
		h->request.field[known] = value;
	} else if (http_is_any_case(name, "content-length")) {
		return read_length(value, h, f);
	} else if (http_is_any_case(name, "transfer-encoding")) {
		if (f->old || h->chunked)
			return -400;
		if (!http_is_any_case(value, "chunked"))
			return -501;
		h->chunked = true;
	} else if (http_is_any_case(name, "connection")) {
		read_connection(value, h);
	} else if (http_is_any_case(name, "expect")) {
		if (!http_is_any_case(value, "100-continue"))
			return -417;
		h->waits = !f->old;
	}
	return 0;
}

static int read_fields(struct http_piece rest, struct http1_head *h, struct framing *f)
{
	struct http_piece line, name;
	while (take_line(&rest, &line)) {
		if (line.len == 0)
			return 0;
		if (!take_until(&line, ':', &name) || !is_token(name))
			return -400;
		line = http_trimmed(line);
		for (size_t i = 0; i < line.len; i++)
			if ((line.at[i] >= 0 && line.at[i] < ' ' && line.at[i] != '\t') ||
				line.at[i] == 0x7f)
				return -400;
		int r = read_field(name, line, h, f);
		if (r < 0)
			return r;
	}
	return -400;
}

/* Bytes up to the end of the empty line; 0: it is not there yet. */
static size_t head_len(const char *bytes, size_t len)
{
	const char *end = memmem(bytes, len, "\r\n\r\n", 4);
	return end ? (size_t)(end - bytes) + 4 : 0;
}

int http1_read_head(const char *bytes, size_t len, struct http1_head *ret_head)
{
	struct framing f = {0};
	struct http_piece rest, line;
	size_t skipped = 0;
	*ret_head = (struct http1_head){0};
	while (skipped / 2 < EMPTY_LINES_MAX && len - skipped >= 2 &&
		memcmp(bytes + skipped, "\r\n", 2) == 0)
		skipped += 2;
	size_t n = head_len(bytes + skipped, len - skipped);
	if (n == 0 && len - skipped <= HTTP_HEAD_MAX) {
		/* TLS, or a line that ends in a bare LF, never becomes a head: say so before the
		 * deadline. */
		const char *at = bytes + skipped, *lf = memchr(at, '\n', len - skipped);
		bool odd = skipped < len && *at != '\r' && !is_token_byte(*at);
		return odd || (lf && (lf == at || lf[-1] != '\r')) ? -400 : 0;
	}
	if (n == 0 || n > HTTP_HEAD_MAX)
		return memchr(bytes + skipped, '\n', HTTP_HEAD_MAX) ? -431 : -414;
	ret_head->len = skipped + n;
	rest = (struct http_piece){bytes + skipped, n};
	if (!take_line(&rest, &line))
		return -400;
	int r = read_request_line(line, ret_head, &f.old);
	if (r == 0)
		r = read_fields(rest, ret_head, &f);
	if (r < 0)
		return r;
	/* Both: one of the two was meant for somebody else. */
	if ((ret_head->chunked && f.length) || (!f.old && !f.host))
		return -400;
	return 1;
}

/* ---- reading chunks ---- */

static int hex_digit(char c)
{
	return c >= '0' && c <= '9'   ? c - '0'
	       : c >= 'a' && c <= 'f' ? c - 'a' + 10
	       : c >= 'A' && c <= 'F' ? c - 'A' + 10
				      : -1;
}

static int chunk_size_byte(struct http1_chunks *c, char byte)
{
	int digit = hex_digit(byte);
	if (digit >= 0) {
		c->left = c->left * 16 + (size_t)digit;
		if (++c->digits > 8 || c->left > HTTP_BODY_MAX - c->body)
			return -413;
		return 0;
	}
	if (c->digits == 0)
		return -400;
	c->at = byte == '\r' ? CHUNK_SIZE_LF : CHUNK_EXTENSION;
	return byte == '\r' || byte == ';' || byte == ' ' || byte == '\t' ? 0 : -400;
}

/* One byte that is no data. */
static int chunk_byte(struct http1_chunks *c, char byte)
{
	switch (c->at) {
	case CHUNK_SIZE:
		return chunk_size_byte(c, byte);
	case CHUNK_EXTENSION:
		if (byte == '\r')
			c->at = CHUNK_SIZE_LF;
		return byte == '\n' || byte == '\0' ? -400 : 0;
	case CHUNK_SIZE_LF:
		c->at = c->left ? CHUNK_DATA : CHUNK_TRAILER;
		c->digits = 0;
		return byte == '\n' ? 0 : -400;
	case CHUNK_END_CR:
		c->at = CHUNK_END_LF;
		return byte == '\r' ? 0 : -400;
	case CHUNK_END_LF:
		c->at = CHUNK_SIZE;
		return byte == '\n' ? 0 : -400;
	case CHUNK_TRAILER: /* its fields say nothing to us */
		if (byte == '\r')
			c->at = CHUNK_TRAILER_LF;
		else
			c->line = true;
		return byte == '\n' || byte == '\0' ? -400 : 0;
	case CHUNK_TRAILER_LF:
		c->at = c->line ? CHUNK_TRAILER : CHUNK_DONE;
		c->line = false;
		return byte == '\n' ? 0 : -400;
	case CHUNK_DATA:
	case CHUNK_DONE:
		break;
	}
	return 0;
}

int http1_read_chunk(struct http1_chunks *c, const char *bytes, size_t len, size_t *ret_used,
	struct http_piece *ret_data)
{
	size_t i = 0;
	*ret_data = (struct http_piece){0};
	while (i < len && c->at != CHUNK_DATA && c->at != CHUNK_DONE) {
		int r = chunk_byte(c, bytes[i++]);
		if (r < 0)
			return r;
		if (++c->other > HTTP_HEAD_MAX)
			return -413;
	}
	if (c->at == CHUNK_DATA) {
		size_t n = len - i < c->left ? len - i : c->left;
		*ret_data = (struct http_piece){bytes + i, n};
		i += n;
		c->body += n;
		c->left -= n;
		if (c->left == 0)
			c->at = CHUNK_END_CR;
	}
	*ret_used = i;
	return c->at == CHUNK_DONE;
}

/* ---- writing ---- */

/* A head on its way into a buffer; over: it did not fit. snprintf would cost as much as all else
 * that an answer from memory takes. */
struct head_writer {
	char *buf;
	size_t len;
	bool over;
};

static void put(struct head_writer *w, const char *word)
{
	size_t len = strlen(word);
	if (len >= HTTP1_REPLY_HEAD - w->len) {
		w->over = true;
		return;
	}
	memcpy(w->buf + w->len, word, len);
	w->len += len;
}

static void put_number(struct head_writer *w, size_t n)
{
	char digits[21], *at = digits + sizeof(digits) - 1;
	*at = '\0';
	do
		*--at = (char)('0' + n % 10);
	while (n /= 10);
	put(w, at);
}

static void put_field(struct head_writer *w, const char *name, const char *value)
{
	put(w, name);
	put(w, ": ");
	put(w, value);
	put(w, "\r\n");
}

size_t http1_reply_head(
	const struct http_reply *r, int64_t now, bool closes, char buf[HTTP1_REPLY_HEAD])
{
	struct head_writer w = {.buf = buf};
	put(&w, "HTTP/1.1 ");
	put_number(&w, r->status);
	put(&w, " ");
	put(&w, http_reason(r->status));
	put(&w, "\r\n");
	put_field(&w, "date", http_date_now(now));
	put_field(&w, "x-content-type-options", "nosniff");
	if (r->max_age == HTTP_NO_STORE) {
		put_field(&w, "cache-control", "no-store");
	} else if (r->max_age >= 0) {
		put(&w, "cache-control: max-age=");
		put_number(&w, (size_t)r->max_age);
		put(&w, "\r\n");
	}
	if (closes)
		put_field(&w, "connection", "close");
	/* A reply without a body never has a length: 204 and 304 (RFC 9110, 8.6). */
	if (r->status != 204 && r->status != 304) {
		put(&w, "content-length: ");
		put_number(&w, r->body_len);
		put(&w, "\r\n");
	}
	if (r->type)
		put_field(&w, "content-type", r->type);
	for (size_t i = 0; i < r->more_len; i++)
		put_field(&w, r->more[i].name, r->more[i].value);
	put(&w, "\r\n");
	buf[w.len] = '\0'; /* there is room: put() leaves some */
	return w.over ? 0 : w.len;
}
