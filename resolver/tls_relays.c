/* Relays by their word. */
#include "resolver/tls_relays.h"

#include <errno.h>
#include <event2/event.h>
#include <event2/event_struct.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "resolver/upstream_word.h"

#define SWEEP_SECONDS 10
#define UNUSED_SECONDS 30 /* longer than any question is under way */

struct entry {
	LIST_ENTRY(entry) link;
	struct tls_relay *relay;
	bool wanted;
};

struct tls_relays {
	struct event_base *base;
	uid_t asker;
	relay_say_fn *say;
	void *say_ctx;
	struct event sweep;
	LIST_HEAD(, entry) entries;
	size_t len;
	struct tls_relay_counters gone; /* of those that are no more */
};

static void entry_destroy(struct tls_relays *relays, struct entry *e)
{
	LIST_REMOVE(e, link);
	relays->len--;
	tls_relay_count(e->relay, &relays->gone);
	tls_relay_destroy(e->relay);
	free(e);
}

static void on_sweep(evutil_socket_t fd, short what, void *ctx)
{
	static const struct timeval period = {.tv_sec = SWEEP_SECONDS};
	struct tls_relays *relays = ctx;
	struct entry *e, *next;
	bool left = false;

	(void)fd;
	(void)what;
	for (e = LIST_FIRST(&relays->entries); e; e = next) {
		next = LIST_NEXT(e, link);
		if (e->wanted)
			continue;
		if (tls_relay_unused(e->relay) >= UNUSED_SECONDS)
			entry_destroy(relays, e);
		else
			left = true;
	}
	if (left)
		event_add(&relays->sweep, &period);
}

int tls_relays_create(struct event_base *base, uid_t asker, relay_say_fn *say, void *say_ctx,
	struct tls_relays **ret_relays)
{
	struct tls_relays *relays = calloc(1, sizeof(*relays));

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

void tls_relays_destroy(struct tls_relays *relays)
{
	if (!relays)
		return;
	while (!LIST_EMPTY(&relays->entries))
		entry_destroy(relays, LIST_FIRST(&relays->entries));
	event_del(&relays->sweep);
	free(relays);
}

static int entry_create(struct tls_relays *relays, const char *word, struct entry **ret_entry)
{
	struct upstream_word parsed;
	const char *why;

	if (upstream_word_parse(word, &parsed, &why) || parsed.kind != UPSTREAM_RELAYED)
		return -EINVAL;
	if (relays->len == TLS_RELAYS_MAX)
		return -ENOSPC;
	struct entry *e = calloc(1, sizeof(*e));
	if (!e)
		return -ENOMEM;
	struct tls_relay_config config = {.word = word,
		.server = parsed.address,
		.name = parsed.name,
		.asker = relays->asker,
		.say = relays->say,
		.say_ctx = relays->say_ctx};
	int r = tls_relay_create(relays->base, &config, &e->relay);
	if (r) {
		free(e);
		return r;
	}
	LIST_INSERT_HEAD(&relays->entries, e, link);
	relays->len++;
	*ret_entry = e;
	return 0;
}

int tls_relays_get(void *ctx, const char *word, struct server_address *ret_address)
{
	struct tls_relays *relays = ctx;
	struct entry *e;
	int r = 0;

	LIST_FOREACH(e, &relays->entries, link)
	if (strcmp(tls_relay_word(e->relay), word) == 0)
		break;
	if (!e)
		r = entry_create(relays, word, &e);
	if (r)
		return r;
	e->wanted = true;
	*ret_address = *tls_relay_address(e->relay);
	return 0;
}

const char *tls_relays_why(void *ctx, const struct server_address *address)
{
	struct tls_relays *relays = ctx;
	struct entry *e;

	LIST_FOREACH(e, &relays->entries, link)
	if (server_address_equal(tls_relay_address(e->relay), address))
		return tls_relay_why(e->relay);
	return "";
}

void tls_relays_before_reload(struct tls_relays *relays)
{
	struct entry *e;

	LIST_FOREACH(e, &relays->entries, link)
	e->wanted = false;
}

void tls_relays_after_reload(struct tls_relays *relays, bool succeeded)
{
	struct entry *e;

	LIST_FOREACH(e, &relays->entries, link)
	e->wanted = e->wanted || !succeeded;
	on_sweep(-1, 0, relays);
}

void tls_relays_status(void *ctx, FILE *f)
{
	struct tls_relays *relays = ctx;
	struct tls_relay_counters c = relays->gone;
	struct entry *e;

	LIST_FOREACH(e, &relays->entries, link)
	tls_relay_count(e->relay, &c);
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
