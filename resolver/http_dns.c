/* DNS over HTTPS (RFC 8484), and its JSON as Google and Cloudflare have it. */
#include <errno.h>
#include <string.h>

#include "resolver/http_door.h"
#include "resolver/http_url.h"
#include "resolver/http_views.h"

#define MESSAGE_MAX 6144 /* what a head of 8 kB can say in base64 */

enum { FORM_MESSAGE, FORM_JSON };

static void say_text(struct http_exchange *x, struct text *t, struct http_reply *r)
{
	if (t->failed) {
		http_refuse(x, 500, "no memory");
	} else {
		r->body = t->bytes;
		r->body_len = t->len;
		http_reply(x, r);
	}
	text_destroy(t);
}

/* 200 whatever the rcode is: that stands in the message. */
static void on_said(struct http_exchange *x, const struct http_said *said)
{
	struct http_reply r = {.status = 200, .max_age = view_max_age(said->reply, said->len)};
	struct text t = {0};
	if (said->note->form == FORM_JSON) {
		r.type = "application/dns-json";
		view_dns_json(said->reply, said->len, &t);
		say_text(x, &t, &r);
		return;
	}
	r.type = "application/dns-message";
	r.body = said->reply;
	r.body_len = said->len;
	http_reply(x, &r);
}

static void ask(const struct http_visit *v, const uint8_t *message, size_t len, unsigned form)
{
	struct http_note note = {.form = form};
	if (!http_ask(v, message, len, &note, on_said))
		http_refuse(v->exchange, 400, "this is not a DNS query");
}

void http_dns_query(const struct http_visit *v, struct http_piece rest)
{
	static char text[HTTP_HEAD_MAX];
	static uint8_t message[MESSAGE_MAX];
	const struct http_request *r = v->request;
	(void)rest;
	if (r->method == HTTP_POST) {
		if (!http_type_is(r->field[HTTP_CONTENT_TYPE], "application/dns-message"))
			http_refuse(v->exchange, 415, "send application/dns-message");
		else
			ask(v, (const uint8_t *)r->body.at, r->body.len, FORM_MESSAGE);
		return;
	}
	int n = http_parameter(r->query, "dns", text, sizeof(text));
	if (n == -ENOENT && http_parameter(r->query, "name", text, sizeof(text)) != -ENOENT) {
		http_dns_resolve(v, rest);
		return;
	}
	if (n >= 0)
		n = http_base64url(text, (size_t)n, message, sizeof(message));
	if (n < 0)
		http_refuse(v->exchange, 400, "dns= is to be a DNS message in base64url");
	else
		ask(v, message, (size_t)n, FORM_MESSAGE);
}

/* "1" and "true" are, nothing, "0" and "false" are not: 1, 0, -EINVAL. */
static int truth_of(struct http_piece query, const char *name)
{
	char text[8];
	int n = http_parameter(query, name, text, sizeof(text));
	struct http_piece p = {text, n > 0 ? (size_t)n : 0};
	if (n == -ENOENT || n == 0 || http_is(p, "0") || http_is(p, "false"))
		return 0;
	return n > 0 && (http_is(p, "1") || http_is(p, "true")) ? 1 : -EINVAL;
}

/* A mnemonic in any case, or the number alone. */
static bool type_of(struct http_piece query, uint16_t *ret_type)
{
	char word[TYPE_TEXT_MAX];
	int n = http_parameter(query, "type", word, sizeof(word));
	*ret_type = TYPE_A;
	if (n == -ENOENT)
		return true;
	if (n <= 0)
		return false;
	for (int i = 0; i < n; i++)
		if (word[i] >= 'a' && word[i] <= 'z')
			word[i] = (char)(word[i] - 'a' + 'A');
	if (type_from_text(word, (size_t)n, ret_type))
		return true;
	uint32_t number = 0;
	for (int i = 0; i < n; i++) {
		if (word[i] < '0' || word[i] > '9' || number > 65535)
			return false;
		number = number * 10 + (uint32_t)(word[i] - '0');
	}
	*ret_type = (uint16_t)number;
	return number > 0 && number <= 65535;
}

void http_dns_resolve(const struct http_visit *v, struct http_piece rest)
{
	struct http_piece query = v->request->query;
	struct question q = {.class = CLASS_IN};
	uint8_t message[HTTP_QUERY_MAX];
	char text[NAME_TEXT_MAX];
	(void)rest;
	int n = http_parameter(query, "name", text, sizeof(text));
	int wants_do = truth_of(query, "do"), wants_cd = truth_of(query, "cd");
	if (n < 0 || name_from_text(text, (size_t)n, &q.name) < 0)
		http_refuse(v->exchange, 400, "name= is to be a domain name");
	else if (!type_of(query, &q.type))
		http_refuse(v->exchange, 400, "type= is to be a type of records, or its number");
	else if (wants_do < 0 || wants_cd < 0)
		http_refuse(v->exchange, 400, "do= and cd= are to be 1 or 0");
	else
		ask(v, message,
			http_query(&q,
				(wants_do ? HTTP_QUERY_DO : 0) | (wants_cd ? HTTP_QUERY_CD : 0),
				message),
			FORM_JSON);
}
