/* Files over HTTP: /dns/CLASS/TYPE/NAME as the mount shows it, and /PROXY and /SHORT as the program
 * of 2009 did. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "resolver/clock.h"
#include "resolver/hash.h"
#include "resolver/http_door.h"
#include "resolver/http_url.h"
#include "resolver/http_views.h"
#include "resolver/json.h"

#define TAG_MAX 24 /* "16 hexadecimal digits" in quotes */

enum { FORM_FILE, FORM_RFC8427, FORM_DNS_JSON, FORM_MESSAGE };
static const char *const types[] = {[FORM_FILE] = "application/json",
	[FORM_RFC8427] = "application/dns+json",
	[FORM_DNS_JSON] = "application/dns-json",
	[FORM_MESSAGE] = "application/dns-message"};

/* ---- /dns/ ---- */

/* What a file says by errno. */
static void say_failure(struct http_exchange *x, const struct http_said *said)
{
	int error = said->answer ? said->answer->error : -EAGAIN;
	struct http_reply r = {.type = "text/plain; charset=utf-8", .max_age = HTTP_NO_STORE};
	switch (error) {
	case -ENOENT:
		r.status = 404;
		r.body = "there is no such record\n";
		r.max_age = view_max_age(said->reply, said->len);
		break;
	case -ETIMEDOUT:
		r.status = 504;
		r.body = "nobody answered in time\n";
		break;
	case -EREMOTEIO:
		r.status = 502;
		r.body = "the servers of this name fail\n";
		break;
	case -EBADMSG:
		r.status = 502;
		r.body = "the answer is forged or broken (DNSSEC)\n";
		break;
	case -ENETUNREACH:
		r.status = 503;
		r.body = "no network\n";
		break;
	default:
		r.status = said->reply && (said->reply[3] & 0xf) == RCODE_REFUSED ? 403 : 503;
		r.body = r.status == 403 ? "refused\n" : "too many questions at once\n";
		break;
	}
	r.body_len = strlen(r.body);
	http_reply(x, &r);
}

/* RFC 9110, 13.1.2: a list of tags, weak or not, or `*`. */
static bool matches(const char *match, const char *tag)
{
	return strcmp(match, "*") == 0 || strstr(match, tag);
}

static void say_file(struct http_exchange *x, const struct http_said *said)
{
	struct http_reply r = {.status = 200,
		.type = types[said->note->form],
		.max_age = view_max_age(said->reply, said->len)};
	struct text t = {0};
	char tag[TAG_MAX];
	int error = 0;
	switch (said->note->form) {
	case FORM_FILE:
		error = json_write(said->answer, NULL, &t.bytes, &t.len);
		break;
	case FORM_RFC8427:
		view_rfc8427(said->reply, said->len, &t);
		break;
	case FORM_DNS_JSON:
		view_dns_json(said->reply, said->len, &t);
		break;
	default:
		text_put(&t, (const char *)said->reply, said->len);
	}
	if (error < 0 || t.failed) {
		http_refuse(x, 500, "no memory");
		text_destroy(&t);
		return;
	}
	/* The same bytes, the same tag, on any machine: nothing secret hangs on it. */
	snprintf(
		tag, sizeof(tag), "\"%016llx\"", (unsigned long long)hash_bytes(t.bytes, t.len, 0));
	http_reply_add(&r, "etag", tag);
	http_reply_add(&r, "vary", "accept");
	r.body = t.bytes;
	r.body_len = t.len;
	if (matches(said->note->match, tag)) {
		r.status = 304;
		r.type = NULL;
		r.body_len = 0;
	}
	http_reply(x, &r);
	text_destroy(&t);
}

static void on_file(struct http_exchange *x, const struct http_said *said)
{
	if (said->answer && said->answer->error == 0)
		say_file(x, said);
	else
		say_failure(x, said);
}

/* The form that is wanted most; the file's own where all are alike. */
static unsigned form_of(struct http_piece accept)
{
	unsigned best = FORM_FILE, most = http_accepts(accept, types[FORM_FILE]);
	for (unsigned form = FORM_RFC8427; form <= FORM_MESSAGE; form++) {
		unsigned wanted = http_accepts(accept, types[form]);
		if (wanted > most) {
			best = form;
			most = wanted;
		}
	}
	return best;
}

bool http_file_question(struct http_piece rest, struct question *q)
{
	struct http_piece class = http_take(&rest, '/'), type = http_take(&rest, '/');
	char name[NAME_TEXT_MAX];
	int n = http_unescape(rest, false, name, sizeof(name));
	return class_from_text(class.at, class.len, &q->class) &&
	       type_from_text(type.at, type.len, &q->type) && !type_is_meta(q->type) && n > 0 &&
	       !memchr(name, '/', (size_t)n) && name_from_file(name, (size_t)n, &q->name) == 0;
}

void http_file(const struct http_visit *v, struct http_piece rest)
{
	struct http_piece match = v->request->field[HTTP_IF_NONE_MATCH];
	struct http_note note = {.form = form_of(v->request->field[HTTP_ACCEPT])};
	struct question q;
	uint8_t message[HTTP_QUERY_MAX];
	if (!http_file_question(rest, &q)) {
		http_refuse(v->exchange, 404, "there is no such file: /dns/CLASS/TYPE/NAME");
		return;
	}
	if (match.len && match.len < sizeof(note.match))
		memcpy(note.match, match.at, match.len);
	if (!http_ask(v, message, http_query(&q, 0, message), &note, on_file))
		http_refuse(v->exchange, 400, "this is no question");
}

/* ---- 2009 ---- */

enum { FORM_PROXY, FORM_SHORT };

static void say_error_of_2009(struct http_exchange *x, unsigned status, const char *class)
{
	char body[96];
	int n = snprintf(
		body, sizeof(body), "[[{\"__type__\":\"error\",\"class\":\"%s\"}]]", class);
	struct http_reply r = {.status = status,
		.type = "application/json",
		.body = body,
		.body_len = (size_t)n,
		.max_age = HTTP_NO_AGE};
	http_reply(x, &r);
}

static void on_2009(struct http_exchange *x, const struct http_said *said)
{
	struct http_reply r = {.status = 200,
		.type = types[FORM_FILE],
		.max_age = view_max_age(said->reply, said->len)};
	struct text t = {0};
	bool late = said->answer && said->answer->error == -ETIMEDOUT;
	unsigned status;
	const char *class = view_error_2009(said->reply[3] & 0xf, late, &status);
	if (class) {
		say_error_of_2009(x, status, class);
		return;
	}
	(said->note->form == FORM_PROXY ? view_proxy_2009 : view_short_2009)(
		said->reply, said->len, &t);
	r.body = t.bytes;
	r.body_len = t.len;
	if (t.failed)
		say_error_of_2009(x, 500, "DNSUnknownError");
	else
		http_reply(x, &r);
	text_destroy(&t);
}

static void of_2009(const struct http_visit *v, struct http_piece rest, unsigned form)
{
	struct http_piece class = http_take(&rest, '/'), type = http_take(&rest, '/');
	struct http_note note = {.form = form};
	struct question q = {.class = CLASS_IN};
	uint8_t message[HTTP_QUERY_MAX];
	char name[NAME_TEXT_MAX];
	int n = http_unescape(rest, false, name, sizeof(name));
	if (!http_is(class, "IN") || !type_from_text(type.at, type.len, &q.type) || n < 0 ||
		name_from_text(name, (size_t)n, &q.name) < 0 ||
		!http_ask(v, message, http_query(&q, 0, message), &note, on_2009))
		say_error_of_2009(v->exchange, 400, "DNSFormatError");
}

void http_proxy_2009(const struct http_visit *v, struct http_piece rest)
{
	of_2009(v, rest, FORM_PROXY);
}

void http_short_2009(const struct http_visit *v, struct http_piece rest)
{
	of_2009(v, rest, FORM_SHORT);
}
