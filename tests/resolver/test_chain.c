/* Aliases that lead from one zone of split DNS to another, over a libunbound that says what the
 * test makes it say: whom each name is asked of, what is joined, and how sure it is. */
#undef NDEBUG
#include "resolver/chain.h"
#include "resolver/packet.h"

#include <errno.h>
#include <event2/event.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define PUBLIC 1 /* the last number of a server's address, and of the addresses that it has */
#define OFFICE 2

static struct name name_of(const char *text)
{
	struct name n;

	assert_int_equal(name_from_text(text, strlen(text), &n), 0);
	return n;
}

/* ---- in the place of resolver/ub_context ---- */

struct ub_ctx {
	unsigned server;
};

/* What a server says to a name: its aliases in the same message, then addresses. */
struct says {
	unsigned server;
	const char *name;
	uint16_t type;
	const char *aliases[12];
	bool secure, bogus, failed;
	uint16_t rcode;
};
static const struct says *script;
static size_t script_len;
static char asked[4000], last[NAME_TEXT_MAX + 40];

static const uint8_t signature[24] = {0}; /* by the root, of nothing */

static void put_text(
	struct packet_writer *w, const char *owner, uint16_t type, const void *rdata, size_t len)
{
	struct rr rr = {.owner = strcmp(owner, ".") ? name_of(owner) : (struct name){.len = 1},
		.type = type,
		.class = CLASS_IN,
		.ttl = 60,
		.rdata = rdata,
		.rdata_len = (uint16_t)len};

	packet_put(w, &rr);
}

static size_t write_message(const struct says *s, const struct question *q, uint8_t *buf)
{
	struct packet_writer w;
	const char *at = s->name;
	uint8_t address[] = {192, 0, 2, (uint8_t)s->server};

	packet_begin(&w, buf, PACKET_MAX, true);
	packet_put_question(&w, q);
	for (size_t i = 0; s->aliases[i]; i++) {
		struct name target = name_of(s->aliases[i]);

		put_text(&w, at, TYPE_CNAME, target.wire, target.len);
		put_text(&w, at, TYPE_RRSIG, signature, sizeof(signature));
		at = s->aliases[i];
	}
	if (q->type == TYPE_A && !s->rcode)
		put_text(&w, at, TYPE_A, address, 4);
	return (size_t)packet_end(&w, 0, FLAG_QR | s->rcode);
}

static size_t write_keys(const struct question *q, uint8_t *buf)
{
	struct packet_writer w;

	packet_begin(&w, buf, PACKET_MAX, true);
	packet_put_question(&w, q);
	put_text(&w, ".", TYPE_RRSIG, signature, sizeof(signature));
	return (size_t)packet_end(&w, 0, FLAG_QR);
}

int ub_context_create(const struct ub_context_config *config, struct ub_ctx **ret_ctx)
{
	assert_int_equal(config->zones_len, 1);
	*ret_ctx = malloc(sizeof(**ret_ctx));
	assert_non_null(*ret_ctx);
	(*ret_ctx)->server = config->zone ? OFFICE : PUBLIC;
	return 0;
}

void ub_context_destroy(struct ub_ctx *ctx)
{
	free(ctx);
}

int ub_context_ask(struct ub_ctx *ctx, const struct question *q, struct ub_query *query)
{
	static uint8_t buf[PACKET_MAX];
	struct ub_answer answer = {.failed = true};
	char text[NAME_TEXT_MAX], line[NAME_TEXT_MAX + 40];

	name_to_text(&q->name, text);
	snprintf(line, sizeof(line), "%u %s %u\n", ctx->server, text, q->type);
	/* Both let DNSSEC through, which is looked into beside a failure, that is asked again then.
	 */
	if (q->type == TYPE_DNSKEY) {
		answer = (struct ub_answer){.message = buf, .len = write_keys(q, buf)};
		query->fn(query->arg, &answer);
		return 0;
	}
	if (strcmp(line, last) != 0)
		strncat(asked, line, sizeof(asked) - strlen(asked) - 1);
	snprintf(last, sizeof(last), "%s", line);
	for (size_t i = 0; i < script_len; i++) {
		const struct says *s = &script[i];

		if (s->server != ctx->server || s->type != q->type || strcmp(s->name, text) != 0)
			continue;
		answer = (struct ub_answer){.failed = s->failed,
			.secure = s->secure,
			.bogus = s->bogus,
			.why = s->bogus ? "forged" : NULL,
			.message = buf};
		answer.len = s->failed ? 0 : write_message(s, q, buf);
	}
	query->fn(query->arg, &answer);
	return 0;
}

/* ---- a validator without its process ---- */

static struct heard {
	bool done;
	struct frame_answer answer;
	char text[2000]; /* rcode, then the answer's names and addresses */
} heard;

static void on_done(void *ctx, struct chain *ended, const struct frame_answer *answer)
{
	struct packet_reader reader;
	struct question q;
	struct rr rr;
	size_t at = 0;

	assert_int_equal(chain_id(ended), 7);
	assert_ptr_equal(ctx, &heard);
	assert_false(heard.done);
	heard.done = true;
	heard.answer = *answer;
	heard.text[0] = '\0';
	if (answer->error)
		return;
	assert_int_equal(packet_open(&reader, answer->message, answer->len), 0);
	assert_int_equal(packet_question(&reader, &q, NULL), 0);
	at = (size_t)snprintf(heard.text, sizeof(heard.text), "%u", reader.header.flags & 0xf);
	while (packet_next(&reader, &rr) == 1) {
		char name[NAME_TEXT_MAX];

		name_to_text(&rr.owner, name);
		if (rr.type != TYPE_RRSIG)
			at += (size_t)snprintf(
				heard.text + at, sizeof(heard.text) - at, " %s", name);
		if (rr.type == TYPE_A)
			at += (size_t)snprintf(
				heard.text + at, sizeof(heard.text) - at, "=%u", rr.rdata[3]);
	}
	assert_true(packet_at_end(&reader));
}

static struct chain *chain;

static void on_settled(void *ctx, struct server *server)
{
	(void)ctx;
	if (chain && !heard.done)
		chain_settled(chain, server);
}

/* A public server and one of office, as `says` has them, asked for name and type. */
static void ask(const struct says *says, size_t len, const char *name, uint16_t type)
{
	struct event_base *base = event_base_new();
	unsigned live = 0;
	struct server_config config = {.base = base,
		.trust_anchor = "anchor",
		.live_max = 16,
		.all_live_max = 32,
		.all_live = &live,
		.settled = on_settled};
	static struct frame_servers list;
	struct chain_env env = {.done = on_done, .ctx = &heard};
	struct question q = {.name = name_of(name), .type = type, .class = CLASS_IN};

	script = says;
	script_len = len;
	asked[0] = last[0] = '\0';
	heard.done = false;
	chain = NULL;
	env.ask.base = base;
	env.ask.servers = server_list_create(&config);
	chain_env_init(&env);
	list = (struct frame_servers){.len = 2};
	for (size_t i = 0; i < 2; i++) {
		list.servers[i].id = (uint32_t)i + 1;
		list.servers[i].zone = i ? name_of("office") : (struct name){.len = 1};
		server_address_parse("127.0.0.1", 9, &list.servers[i].address);
	}
	assert_int_equal(server_list_replace((struct server_list *)env.ask.servers, &list), 0);
	assert_int_equal(chain_create(&env, 7, &q, &chain), 0);
	chain_start(chain);
	for (int i = 0; i < 100 && !heard.done; i++)
		event_base_loop(base, EVLOOP_NONBLOCK);
	assert_true(heard.done);
	server_list_destroy((struct server_list *)env.ask.servers);
	assert_int_equal(env.ask.attempts, 0);
	event_base_free(base);
}
#define ASK(says, name, type) ask(says, sizeof(says) / sizeof(*(says)), name, type)

static void into_the_office(void **state)
{
	struct says says[] = {
		{PUBLIC, "a.up", TYPE_A, .failed = true},
		{PUBLIC, "a.up", TYPE_CNAME, {"h.office"}, .secure = true},
		{OFFICE, "h.office", TYPE_A, .secure = true},
		{PUBLIC, "h.office", TYPE_A, .secure = true},
	};

	(void)state;
	ASK(says, "a.up", TYPE_A);
	assert_string_equal(heard.text, "0 a.up h.office=2");
	assert_true(heard.answer.secure);
	assert_string_equal(asked, "1 a.up 1\n1 a.up 5\n2 h.office 1\n");
	says[1].secure = false;
	ASK(says, "a.up", TYPE_A);
	assert_string_equal(heard.text, "0 a.up h.office=2");
	assert_false(heard.answer.secure);
	says[1].secure = true;
	says[2].secure = false;
	ASK(says, "a.up", TYPE_A);
	assert_false(heard.answer.secure);
	assert_false(heard.answer.bogus);
	says[2].rcode = RCODE_NXDOMAIN;
	ASK(says, "a.up", TYPE_A);
	assert_string_equal(heard.text, "3 a.up");
}

/* What the wrong server says of the end counts for nothing, however it says it. */
static void told_by_the_wrong_one(void **state)
{
	struct says says[] = {
		{PUBLIC, "a.up", TYPE_A, {"b.up", "h.office", "i.up"}, .secure = true},
		{PUBLIC, "a.up", TYPE_CNAME, {"b.up"}, .secure = true},
		{PUBLIC, "b.up", TYPE_A, {"h.office"}, .bogus = true},
		{PUBLIC, "b.up", TYPE_CNAME, {"h.office"}, .secure = true},
		{OFFICE, "h.office", TYPE_A, .secure = true},
	};

	(void)state;
	ASK(says, "a.up", TYPE_A);
	assert_string_equal(heard.text, "0 a.up b.up h.office=2");
	assert_true(heard.answer.secure);
	assert_string_equal(asked, "1 a.up 1\n2 h.office 1\n");
	says[0].secure = false;
	ASK(says, "a.up", TYPE_A);
	assert_string_equal(heard.text, "0 a.up b.up h.office=2");
	assert_false(heard.answer.secure);
	/* Bogus may be what it says of the end alone. */
	says[0].bogus = true;
	ASK(says, "a.up", TYPE_A);
	assert_string_equal(heard.text, "0 a.up b.up h.office=2");
	assert_true(heard.answer.secure);
	/* Or the alias itself: then nobody is asked for what it leads to, and the data stand. */
	says[3].secure = false;
	says[3].bogus = true;
	ASK(says, "a.up", TYPE_A);
	assert_string_equal(heard.text, "0 a.up b.up");
	assert_true(heard.answer.bogus);
	assert_string_equal(heard.answer.why, "forged");
	assert_null(strstr(asked, "office"));
}

static void out_of_the_office(void **state)
{
	struct says says[] = {
		{OFFICE, "h.office", TYPE_A, {"w.up"}},
		{PUBLIC, "w.up", TYPE_A, .secure = true},
		{OFFICE, "bad.office", TYPE_A, {"bogus.up"}},
		{PUBLIC, "bogus.up", TYPE_A, .bogus = true},
	};

	(void)state;
	ASK(says, "h.office", TYPE_A);
	assert_string_equal(heard.text, "0 h.office w.up=1");
	assert_false(heard.answer.secure);
	ASK(says, "bad.office", TYPE_A);
	assert_true(heard.answer.bogus);
	assert_false(heard.answer.secure);
}

/* Circles and chains without an end cost a bounded number of questions. */
static void without_end(void **state)
{
	struct says circle[] = {
		{PUBLIC, "a.up", TYPE_A, {"h.office"}},
		{OFFICE, "h.office", TYPE_A, {"a.up"}},
	};
	struct says within[] = {{PUBLIC, "a.up", TYPE_A,
		{"b.up", "a.up", "b.up", "a.up", "b.up", "a.up", "b.up", "a.up", "b.up", "a.up"}}};
	size_t lines = 0;

	(void)state;
	ASK(circle, "a.up", TYPE_A);
	assert_int_equal(heard.answer.error, -EREMOTEIO);
	for (const char *c = asked; *c; c++)
		lines += *c == '\n';
	assert_int_equal(lines, 9);
	ASK(within, "a.up", TYPE_A);
	assert_int_equal(heard.answer.error, -EREMOTEIO);
	assert_string_equal(asked, "1 a.up 1\n");
}

/* What has no alias fails as it did, and an alias that is asked for is the answer itself. */
static void no_alias(void **state)
{
	struct says says[] = {
		{PUBLIC, "n.up", TYPE_CNAME, .rcode = RCODE_NXDOMAIN},
		{PUBLIC, "c.up", TYPE_CNAME, {"h.office"}, .secure = true},
		{PUBLIC, "w.up", TYPE_A, {"x.up"}, .secure = true},
	};

	(void)state;
	ASK(says, "n.up", TYPE_A);
	assert_int_equal(heard.answer.error, -EREMOTEIO);
	assert_string_equal(asked, "1 n.up 1\n1 n.up 5\n");
	ASK(says, "c.up", TYPE_CNAME);
	assert_string_equal(heard.text, "0 c.up");
	assert_string_equal(asked, "1 c.up 5\n");
	ASK(says, "x.up", TYPE_CNAME);
	assert_int_equal(heard.answer.error, -EREMOTEIO);
	assert_string_equal(asked, "1 x.up 5\n");
	ASK(says, "w.up", TYPE_A);
	assert_string_equal(heard.text, "0 w.up x.up=1");
	assert_true(heard.answer.secure);
	assert_string_equal(asked, "1 w.up 1\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(into_the_office),
		cmocka_unit_test(told_by_the_wrong_one),
		cmocka_unit_test(out_of_the_office),
		cmocka_unit_test(without_end),
		cmocka_unit_test(no_alias),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
