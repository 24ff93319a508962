/* What the versions of HTTP agree in. */
#include "resolver/http.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

bool http_is(struct http_piece p, const char *word)
{
	return p.at && p.len == strlen(word) && memcmp(p.at, word, p.len) == 0;
}

bool http_is_any_case(struct http_piece p, const char *word)
{
	return p.at && p.len == strlen(word) && strncasecmp(p.at, word, p.len) == 0;
}

struct http_piece http_take(struct http_piece *from, char mark)
{
	const char *at = from->len ? memchr(from->at, mark, from->len) : NULL;
	struct http_piece first = {from->at, at ? (size_t)(at - from->at) : from->len};
	size_t used = first.len + (at != NULL);
	from->at += used;
	from->len -= used;
	return first;
}

struct http_piece http_trimmed(struct http_piece p)
{
	while (p.len && (p.at[0] == ' ' || p.at[0] == '\t')) {
		p.at++;
		p.len--;
	}
	while (p.len && (p.at[p.len - 1] == ' ' || p.at[p.len - 1] == '\t'))
		p.len--;
	return p;
}

int http_body_add(struct http_body *b, const void *bytes, size_t len)
{
	if (len > HTTP_BODY_MAX - b->len)
		return -EFBIG;
	if (b->cap - b->len < len) {
		size_t cap = b->cap ? b->cap : 512;
		while (cap - b->len < len)
			cap *= 2;
		uint8_t *grown = realloc(b->bytes, cap);
		if (!grown)
			return -ENOMEM;
		b->bytes = grown;
		b->cap = cap;
	}
	if (len)
		memcpy(b->bytes + b->len, bytes, len);
	b->len += len;
	return 0;
}

enum http_method http_method(struct http_piece name)
{
	static const char *const names[] = {[HTTP_GET] = "GET",
		[HTTP_HEAD] = "HEAD",
		[HTTP_POST] = "POST",
		[HTTP_PUT] = "PUT",
		[HTTP_OPTIONS] = "OPTIONS"};
	for (size_t i = 0; i < HTTP_OTHER_METHOD; i++)
		if (http_is(name, names[i]))
			return (enum http_method)i;
	return HTTP_OTHER_METHOD;
}

enum http_field http_field(struct http_piece name)
{
	static const char *const names[] = {[HTTP_ACCEPT] = "accept",
		[HTTP_CONTENT_TYPE] = "content-type",
		[HTTP_HOST] = "host",
		[HTTP_IF_MODIFIED_SINCE] = "if-modified-since",
		[HTTP_IF_NONE_MATCH] = "if-none-match",
		[HTTP_ORIGIN] = "origin",
		[HTTP_SEC_FETCH_SITE] = "sec-fetch-site"};
	for (size_t i = 0; i < HTTP_FIELDS; i++)
		if (http_is_any_case(name, names[i]))
			return (enum http_field)i;
	return HTTP_FIELDS;
}

bool http_target(struct http_request *r, struct http_piece target)
{
	r->query = (struct http_piece){0};
	if (target.len == 0 || target.at[0] != '/')
		return false;
	const char *mark = memchr(target.at, '?', target.len);
	r->path = target;
	if (mark) {
		r->path.len = (size_t)(mark - target.at);
		r->query.at = mark + 1;
		r->query.len = target.len - r->path.len - 1;
	}
	return true;
}

void http_reply_add(struct http_reply *r, const char *name, const char *value)
{
	if (r->more_len < HTTP_REPLY_FIELDS)
		r->more[r->more_len++] = (struct http_reply_field){name, value};
}

const char *http_reason(unsigned status)
{
	static const struct {
		unsigned status;
		const char *reason;
	} table[] = {
		{200, "OK"},
		{204, "No Content"},
		{304, "Not Modified"},
		{400, "Bad Request"},
		{403, "Forbidden"},
		{404, "Not Found"},
		{405, "Method Not Allowed"},
		{406, "Not Acceptable"},
		{408, "Request Timeout"},
		{409, "Conflict"},
		{413, "Content Too Large"},
		{414, "URI Too Long"},
		{415, "Unsupported Media Type"},
		{417, "Expectation Failed"},
		{421, "Misdirected Request"},
		{429, "Too Many Requests"},
		{431, "Request Header Fields Too Large"},
		{500, "Internal Server Error"},
		{501, "Not Implemented"},
		{502, "Bad Gateway"},
		{503, "Service Unavailable"},
		{504, "Gateway Timeout"},
		{505, "HTTP Version Not Supported"},
	};
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		if (table[i].status == status)
			return table[i].reason;
	return "";
}

void http_reply(struct http_exchange *x, const struct http_reply *r)
{
	x->gone = NULL;
	x->reply(x, r);
}

void http_refuse(struct http_exchange *x, unsigned status, const char *why)
{
	char line[128];
	int len = snprintf(line, sizeof(line), "%s\n", why);
	struct http_reply r = {.status = status,
		.type = "text/plain; charset=utf-8",
		.body = line,
		.body_len = len < (int)sizeof(line) ? (size_t)len : sizeof(line) - 1,
		.max_age = HTTP_NO_AGE};
	http_reply(x, &r);
}
