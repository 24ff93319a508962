/* /explain/CLASS/TYPE/NAME: what .kadns/explain says, to whom a door answers. */
#include <stdlib.h>

#include "resolver/explain.h"
#include "resolver/http_door.h"

struct explaining {
	struct resolver *resolver;
	struct http_exchange *exchange;
	struct question question;
	struct ask *ask;
};

static void say(
	struct resolver *resolver, struct http_exchange *x, const struct question *q, int outcome)
{
	const struct explain_question e = {q, VIEW_DOOR, outcome};
	struct http_reply r = {
		.status = 200, .type = "text/plain; charset=utf-8", .max_age = HTTP_NO_STORE};
	char *text;
	if (explain_text(resolver, &e, &text, &r.body_len) < 0) {
		http_refuse(x, 500, "no memory");
		return;
	}
	r.body = text;
	http_reply(x, &r);
	free(text);
}

static void on_answer(void *ctx, const struct answer *a)
{
	struct explaining *e = ctx;
	say(e->resolver, e->exchange, &e->question, a->error);
	free(e);
}

static void on_gone(void *ctx)
{
	struct explaining *e = ctx;
	resolver_cancel(e->ask);
	free(e);
}

void http_explain(const struct http_visit *v, struct http_piece rest)
{
	struct resolver *resolver = v->connection->door->resolver;
	struct question q;
	if (!http_file_question(rest, &q)) {
		http_refuse(v->exchange, 404, "there is no such file: /explain/CLASS/TYPE/NAME");
		return;
	}
	if (explain_held(resolver, &q, VIEW_DOOR)) {
		say(resolver, v->exchange, &q, 0);
		return;
	}
	struct explaining *e = malloc(sizeof(*e));
	if (e) {
		*e = (struct explaining){resolver, v->exchange, q, NULL};
		e->ask = resolver_ask(resolver, &q, VIEW_DOOR, on_answer, e);
	}
	if (!e || !e->ask) {
		free(e);
		http_refuse(v->exchange, 503, "too many questions at once");
		return;
	}
	resolver_ask_for(e->ask, ASK_FOR_ALL);
	v->exchange->gone = on_gone;
	v->exchange->ctx = e;
}
