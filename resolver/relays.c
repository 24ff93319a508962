/* Relays by their word. */
#include "resolver/relays.h"

#include <errno.h>
#include <event2/event.h>
#include <event2/event_struct.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "resolver/http_upstream.h"
#include "resolver/tls_relay.h"
#include "resolver/upstream_word.h"

#define SWEEP_SECONDS 10
#define UNUSED_SECONDS 30 /* longer than any question is under way */

struct entry {
	LIST_ENTRY(entry) link;
	struct relay *relay;
	bool wanted;
};

struct relays {
	struct event_base *base;
	uid_t asker;
	relay_say_fn *say;
	void *say_ctx;
	struct event sweep;
	LIST_HEAD(, entry) entries;
	size_t len;
	struct relay_counters gone; /* of those that are no more */
};

static void entry_destroy(struct relays *relays, struct entry *e)
{
	LIST_REMOVE(e, link);
	relays->len--;
	relay_count(e->relay, &relays->gone);
	relay_destroy(e->relay);
	free(e);
}

static void on_sweep(evutil_socket_t fd, short what, void *ctx)
{
	static const struct timeval period = {.tv_sec = SWEEP_SECONDS};
	struct relays *relays = ctx;
	struct entry *e, *next;
	bool left = false;

	(void)fd;
	(void)what;
	for (e = LIST_FIRST(&relays->entries); e; e = next) {
		next = LIST_NEXT(e, link);
		if (e->wanted)
			continue;
		if (relay_unused(e->relay) >= UNUSED_SECONDS)
			entry_destroy(relays, e);
		else
			left = true;
	}
	if (left)
		event_add(&relays->sweep, &period);
}

int relays_create(struct event_base *base, uid_t asker, relay_say_fn *say, void *say_ctx,
	struct relays **ret_relays)
{
	struct relays *relays = calloc(1, sizeof(*relays));

	if (!relays)
		return -ENOMEM;
	relays->base = base;
	relays->asker = asker;
	relays->say = say;
	relays->say_ctx = say_ctx;
	event_assign(&relays->sweep, base, -1, 0, on_sweep, relays);
	*ret_relays = relays;
	return 0;
}

void relays_destroy(struct relays *relays)
{
	if (!relays)
		return;
	while (!LIST_EMPTY(&relays->entries))
		entry_destroy(relays, LIST_FIRST(&relays->entries));
	event_del(&relays->sweep);
	free(relays);
}

static int entry_create(struct relays *relays, const char *word, struct entry **ret_entry)
{
	struct upstream_word parsed;
	const char *why;

	if (upstream_word_parse(word, &parsed, &why) || parsed.kind != UPSTREAM_RELAYED)
		return -EINVAL;
	if (relays->len == RELAYS_MAX)
		return -ENOSPC;
	struct entry *e = calloc(1, sizeof(*e));
	if (!e)
		return -ENOMEM;
	struct relay_config config = {.text = word,
		.word = &parsed,
		.asker = relays->asker,
		.say = relays->say,
		.say_ctx = relays->say_ctx};
	int r = parsed.speech == UPSTREAM_DOT
			? tls_relay_create(relays->base, &config, &e->relay)
			: http_upstream_create(relays->base, &config, &e->relay);
	if (r) {
		free(e);
		return r;
	}
	LIST_INSERT_HEAD(&relays->entries, e, link);
	relays->len++;
	*ret_entry = e;
	return 0;
}

int relays_get(void *ctx, const char *word, struct server_address *ret_address)
{
	struct relays *relays = ctx;
	struct entry *e;
	int r = 0;

	LIST_FOREACH(e, &relays->entries, link)
	if (strcmp(e->relay->text, word) == 0)
		break;
	if (!e)
		r = entry_create(relays, word, &e);
	if (r)
		return r;
	e->wanted = true;
	*ret_address = e->relay->at;
	return 0;
}

const char *relays_why(void *ctx, const struct server_address *address)
{
	struct relays *relays = ctx;
	struct entry *e;

	LIST_FOREACH(e, &relays->entries, link)
	if (server_address_equal(&e->relay->at, address))
		return e->relay->why;
	return "";
}

void relays_before_reload(struct relays *relays)
{
	struct entry *e;

	LIST_FOREACH(e, &relays->entries, link)
	e->wanted = false;
}

void relays_after_reload(struct relays *relays, bool succeeded)
{
	struct entry *e;

	LIST_FOREACH(e, &relays->entries, link)
	e->wanted = e->wanted || !succeeded;
	on_sweep(-1, 0, relays);
}

void relays_status(void *ctx, FILE *f)
{
	struct relays *relays = ctx;
	struct relay_counters c = relays->gone;
	struct entry *e;

	LIST_FOREACH(e, &relays->entries, link)
	relay_count(e->relay, &c);
	const struct {
		const char *name;
		uint64_t value;
	} lines[] = {{"relay.servers", relays->len}, {"relay.questions", c.questions},
		{"relay.answers", c.answers}, {"relay.connections", c.connections},
		{"relay.resumed", c.resumed}, {"relay.failures", c.failures},
		{"relay.again", c.again}, {"relay.dropped", c.dropped}};
	for (size_t i = 0; i < sizeof(lines) / sizeof(*lines); i++)
		fprintf(f, "%-34s %llu\n", lines[i].name, (unsigned long long)lines[i].value);
}
