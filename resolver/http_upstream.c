/* Questions from loopback, each a request over HTTP, and the answers back. */
#include "resolver/http_upstream.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/queue.h>

#include "resolver/http_client.h"
#include "resolver/json_2009.h"

#define AGAIN_MAX 3
#define UNFIT_MAX 3 /* replies in a row that are none: the server is at fault, not the question */
#define DNS_MESSAGE "application/dns-message"
#define PATH_2009_MAX (256 + TYPE_TEXT_MAX + 3 * NAME_TEXT_MAX)

struct http_upstream;

struct http_query {
	TAILQ_ENTRY(http_query) link;
	struct http_upstream *relay;
	struct http_request *request;
	struct sockaddr_in from;
	uint16_t id;	/* libunbound's; on the way it is 0, for caches (RFC 8484, 4.1) */
	unsigned again; /* how often it was lost with its connection */
	size_t question_len, len;
	uint8_t message[RELAY_QUERY_MAX];
};

struct http_upstream {
	struct relay relay;
	struct http_client *client;
	bool of_2009;
	char *path;
	unsigned unfit; /* in a row */
	TAILQ_HEAD(, http_query) queries;
	unsigned queries_len;
};

/* ---- questions ---- */

static void query_free(struct http_query *q)
{
	TAILQ_REMOVE(&q->relay->queries, q, link);
	q->relay->queries_len--;
	free(q);
}

static void refuse(struct http_query *q)
{
	uint8_t servfail[RELAY_QUERY_MAX];

	relay_servfail(q->message, q->question_len, servfail);
	relay_reply(&q->relay->relay, &q->from, q->id, servfail, q->question_len);
	query_free(q);
}

static void refuse_all(struct http_upstream *r)
{
	struct http_query *q;

	while ((q = TAILQ_FIRST(&r->queries))) {
		if (q->request)
			http_client_cancel(q->request);
		refuse(q);
	}
}

static void fail(struct http_upstream *r, const char *why)
{
	r->unfit = 0;
	relay_failed(&r->relay, why);
	refuse_all(r);
}

/* ---- replies ---- */

static bool is_media(const char *type, const char *wanted)
{
	size_t len = strcspn(type, "; \t");

	return len == strlen(wanted) && strncasecmp(type, wanted, len) == 0;
}

/* Length of the message in `buf`, or -EBADMSG with a reason. */
static int read_doh(const struct http_query *q, const struct http_reply *reply, uint8_t *buf,
	char ret_why[RELAY_WHY_MAX])
{
	if (reply->status != 200)
		snprintf(ret_why, RELAY_WHY_MAX, "HTTP status %ld", reply->status);
	else if (!is_media(reply->type, DNS_MESSAGE))
		snprintf(ret_why, RELAY_WHY_MAX, "what it sends is no " DNS_MESSAGE);
	else if (!relay_is_reply(reply->body, reply->len, q->message, q->question_len))
		snprintf(ret_why, RELAY_WHY_MAX, "what it sends is no answer to the question");
	else {
		memcpy(buf, reply->body, reply->len);
		return (int)reply->len;
	}
	return -EBADMSG;
}

static int read_2009(const struct http_query *q, const struct http_reply *reply, uint8_t *buf,
	char ret_why[RELAY_WHY_MAX])
{
	struct reply_2009 said = {
		.status = reply->status, .text = (const char *)reply->body, .len = reply->len};
	const char *why;
	int len = json_2009_message(&said, q->message, q->question_len, buf, &why);

	if (len < 0)
		snprintf(ret_why, RELAY_WHY_MAX, "%s", why);
	return len;
}

/* One question whose reply is of no use is refused; a server that has nothing else has failed. */
static void take_unfit(struct http_query *q, const char *why)
{
	struct http_upstream *r = q->relay;

	refuse(q);
	if (++r->unfit > UNFIT_MAX)
		fail(r, why);
	else /* for explain */
		snprintf(r->relay.why, sizeof(r->relay.why), "%s", why);
}

static void take_reply(struct http_query *q, const struct http_reply *reply)
{
	static uint8_t message[PACKET_MAX]; /* there is one thread */
	struct http_upstream *r = q->relay;
	char why[RELAY_WHY_MAX];
	int len = r->of_2009 ? read_2009(q, reply, message, why) : read_doh(q, reply, message, why);

	if (len < 0) {
		take_unfit(q, why);
		return;
	}
	r->unfit = 0;
	r->relay.counters.answers++;
	relay_works(&r->relay);
	relay_reply(&r->relay, &q->from, q->id, message, (size_t)len);
	query_free(q);
}

static int ask(struct http_query *q);

static void on_reply(void *ctx, const struct http_reply *reply)
{
	struct http_query *q = ctx;
	struct http_upstream *r = q->relay;

	q->request = NULL;
	r->relay.counters.connections += reply->connections;
	r->relay.counters.resumed += reply->resumed;
	switch (reply->outcome) {
	case HTTP_REPLIED:
		take_reply(q, reply);
		return;
	case HTTP_LOST:
		/* A question upon which servers close is not asked for ever. */
		if (q->again++ == AGAIN_MAX || ask(q) < 0) {
			fail(r, reply->why);
			return;
		}
		r->relay.counters.again++;
		return;
	case HTTP_UNFIT:
		take_unfit(q, reply->why);
		return;
	case HTTP_SLOW:
		/* The server waits for another, perhaps for one who was told to be slow: those who
		 * asked for something else wait for him no more than with any resolver. */
		r->relay.counters.dropped++;
		refuse(q);
		return;
	case HTTP_SILENT:
	case HTTP_UNREACHABLE:
		r->relay.counters.dropped += reply->outcome == HTTP_SILENT;
		fail(r, reply->why);
		return;
	}
}

/* ---- requests ---- */

static void put_escaped(char *to, size_t size, const char *text)
{
	static const char plain[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._~-";
	size_t n = 0;

	for (; *text && n + 4 <= size; text++)
		if (strchr(plain, *text))
			to[n++] = *text;
		else
			n += (size_t)snprintf(to + n, size - n, "%%%02X", (uint8_t)*text);
	to[n] = '\0';
}

/* /PROXY/IN/TYPE/NAME. False: 2009 had no other class. */
static bool path_of_2009(const struct http_query *q, char ret_path[PATH_2009_MAX])
{
	struct packet_reader reader;
	struct question question;
	char type[TYPE_TEXT_MAX], name[NAME_TEXT_MAX], escaped[3 * NAME_TEXT_MAX];

	if (packet_open(&reader, q->message, q->len) < 0 ||
		packet_question(&reader, &question, NULL) < 0 || question.class != CLASS_IN)
		return false;
	name_to_text(&question.name, name);
	put_escaped(escaped, sizeof(escaped), question.name.len > 1 ? name : ".");
	snprintf(ret_path, PATH_2009_MAX, "%s/IN/%s/%s", q->relay->path,
		type_to_text(question.type, type), escaped);
	return true;
}

static int ask(struct http_query *q)
{
	struct http_upstream *r = q->relay;
	char path[PATH_2009_MAX];
	struct http_ask what = {.path = r->path, .fn = on_reply, .ctx = q};

	if (r->of_2009) {
		what.type = "application/json";
		what.path = path;
		if (!path_of_2009(q, path))
			return -EOPNOTSUPP;
	} else {
		/* POST: what no cache keeps has the TTLs that the server meant. */
		what.type = DNS_MESSAGE;
		what.body = q->message;
		what.len = q->len;
	}
	return http_client_ask(r->client, &what, &q->request);
}

static bool take_question(struct relay *relay, const struct relay_asked *asked)
{
	struct http_upstream *r = (struct http_upstream *)relay;
	struct http_query *q = r->queries_len < RELAY_QUERIES_MAX ? calloc(1, sizeof(*q)) : NULL;

	if (!q)
		return false;
	q->relay = r;
	q->from = asked->from;
	q->id = (uint16_t)(asked->message[0] << 8 | asked->message[1]);
	q->question_len = asked->question_len;
	q->len = relay_query_pad(asked->message, asked->len, q->message);
	q->message[0] = q->message[1] = 0;
	TAILQ_INSERT_TAIL(&r->queries, q, link);
	r->queries_len++;
	if (relay_waits(relay) || ask(q) < 0)
		refuse(q);
	return true;
}

/* ---- the interface ---- */

static void destroy(struct relay *relay)
{
	struct http_upstream *r = (struct http_upstream *)relay;

	http_client_destroy(r->client);
	while (!TAILQ_EMPTY(&r->queries))
		query_free(TAILQ_FIRST(&r->queries));
	relay_close(relay);
	free(r->path);
	free(r);
}

int http_upstream_create(
	struct event_base *base, const struct relay_config *config, struct relay **ret_relay)
{
	static const struct relay_kind kind = {
		.take = take_question, .destroy = destroy, .repeated = true};
	const struct upstream_word *word = config->word;
	struct http_upstream *r = calloc(1, sizeof(*r));
	char line[256];

	if (!r)
		return -ENOMEM;
	TAILQ_INIT(&r->queries);
	r->of_2009 = word->speech == UPSTREAM_2009;
	r->path = strndup(word->path, word->path_len);
	int error = relay_open(&r->relay, base, &kind, config);
	if (error == 0)
		error = r->path ? http_client_create(base, word, &r->client) : -ENOMEM;
	if (error) {
		destroy(&r->relay);
		return error;
	}
	if (r->of_2009) {
		snprintf(line, sizeof(line),
			"upstream %s: the form of 2009 has no DNSSEC, its answers are used without "
			"validation",
			config->text);
		config->say(config->say_ctx, line);
	}
	*ret_relay = &r->relay;
	return 0;
}
