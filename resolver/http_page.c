/* The page for browsers. It shows what strangers have said, so it may run no script but its own,
 * load nothing from elsewhere, and stand in no frame. */
#include <stdio.h>
#include <string.h>

#include "resolver/hash.h"
#include "resolver/http_door.h"
#include "resolver/page/page.h"

#define POLICY                                                                                     \
	"default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "            \
	"img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
#define TAG_MAX 24

static const char *type_of(const char *name)
{
	const char *dot = strrchr(name, '.');
	if (dot && strcmp(dot, ".css") == 0)
		return "text/css; charset=utf-8";
	if (dot && strcmp(dot, ".js") == 0)
		return "text/javascript; charset=utf-8";
	return "text/html; charset=utf-8";
}

static void say_file(const struct http_visit *v, const char *name)
{
	const struct page_file *f = page_files;
	struct http_piece match = v->request->field[HTTP_IF_NONE_MATCH];
	char tag[TAG_MAX];
	while (f->name && strcmp(f->name, name) != 0)
		f++;
	if (!f->name) {
		http_refuse(v->exchange, 404, "there is nothing here");
		return;
	}
	snprintf(tag, sizeof(tag), "\"%016llx\"",
		(unsigned long long)hash_bytes(f->bytes, f->len, 0));
	/* Asked for anew each time: after an upgrade its parts must not be of two versions. */
	struct http_reply r = {.status = 200,
		.type = type_of(f->name),
		.body = f->bytes,
		.body_len = f->len,
		.max_age = 0};
	http_reply_add(&r, "etag", tag);
	http_reply_add(&r, "content-security-policy", POLICY);
	http_reply_add(&r, "referrer-policy", "no-referrer");
	http_reply_add(&r, "cross-origin-resource-policy", "same-origin");
	if (http_is(match, tag)) {
		r.status = 304;
		r.type = NULL;
		r.body_len = 0;
	}
	http_reply(v->exchange, &r);
}

void http_page(const struct http_visit *v, struct http_piece rest)
{
	(void)rest;
	say_file(v, "index.html");
}

void http_page_style(const struct http_visit *v, struct http_piece rest)
{
	(void)rest;
	say_file(v, "page.css");
}

void http_page_script(const struct http_visit *v, struct http_piece rest)
{
	(void)rest;
	say_file(v, "page.js");
}
