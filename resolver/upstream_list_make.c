/* From words to servers. */
#include "resolver/upstream_list_inside.h"

#include "resolver/clock.h"

#include <stdio.h>
#include <string.h>

/* The list in the making. */
struct making {
	struct upstream_list *list;
	struct frame_servers servers;
	struct server_counters now[SERVERS_MAX], before[SERVERS_MAX];
	struct loop loops[SERVERS_MAX];
	bool anew;	  /* every server */
	bool system_anew; /* those of resolv.conf */
};

void upstream_list_say(const struct upstream_list *list, const char *line)
{
	if (list->say)
		list->say(list->say_ctx, line);
	else
		fprintf(stderr, "kadns: %s\n", line);
}

/* Our own door for an upstream: a question would come back to us, and wait for itself. */
static bool is_own_door(struct upstream_list *list, const struct server_entry *e)
{
	char line[2 * UPSTREAM_LABEL_MAX];
	bool own = false;

	for (size_t i = 0; i < list->doors_len && !own; i++)
		own = !e->recursive && server_address_reaches(&e->address, &list->doors[i]);
	if (own && !list->warned) {
		list->warned = true;
		snprintf(line, sizeof(line), "upstream %s is our own DNS door: it is left out",
			e->label);
		upstream_list_say(list, line);
	}
	return own;
}

static bool same_server(const struct server_entry *a, const struct server_entry *b)
{
	return name_equal(&a->zone, &b->zone) && a->recursive == b->recursive &&
	       (a->recursive || server_address_equal(&a->address, &b->address)) &&
	       strcmp(a->label, b->label) == 0;
}

/* Where this server stood in the former list; SERVERS_MAX: nowhere. */
static size_t former_place(const struct making *m, const struct server_entry *e)
{
	const struct frame_servers *former = &m->list->servers;

	for (size_t i = 0; i < former->len; i++)
		if (same_server(&former->servers[i], e))
			return i;
	return SERVERS_MAX;
}

static bool is_there(const struct making *m, const struct server_entry *e)
{
	for (size_t i = 0; i < m->servers.len; i++)
		if (same_server(&m->servers.servers[i], e))
			return true;
	return false;
}

static void add_server(struct making *m, struct server_entry *e, bool anew)
{
	size_t at = m->servers.len, former;

	if (is_there(m, e) || is_own_door(m->list, e))
		return;
	former = anew ? SERVERS_MAX : former_place(m, e);
	m->now[at] = m->before[at] = (struct server_counters){0};
	m->loops[at] = (struct loop){0};
	if (former < SERVERS_MAX) {
		e->id = m->list->servers.servers[former].id;
		m->now[at] = m->list->now[former];
		m->before[at] = m->list->before[former];
		m->loops[at] = m->list->loops[former];
		e->loops = m->loops[at].until > clock_monotonic();
	} else {
		e->id = ++m->list->last_id;
	}
	m->servers.servers[at] = *e;
	m->servers.len++;
}

static void add_system(struct making *m)
{
	for (size_t i = 0; i < m->list->system.count; i++) {
		struct server_entry e = {.zone = {.len = 1}, .address = m->list->system.servers[i]};

		e.lan = server_address_is_private(&e.address);
		server_address_to_text(&e.address, e.label);
		add_server(m, &e, m->anew || m->system_anew);
	}
}

static void add_other(struct making *m, const struct word *w)
{
	struct server_entry e = {.zone = w->upstream.zone,
		.relayed = w->upstream.kind == UPSTREAM_RELAYED,
		.recursive = w->upstream.kind == UPSTREAM_RECURSIVE,
		.unproven = w->upstream.kind == UPSTREAM_RELAYED &&
			    w->upstream.speech == UPSTREAM_2009,
		.address = w->upstream.kind == UPSTREAM_RELAYED ? w->relay : w->upstream.address};

	e.lan = !e.recursive && (e.zone.len > 1 || server_address_is_private(&w->upstream.address));
	snprintf(e.label, sizeof(e.label), "%s", w->text);
	for (char *c = e.label; *c; c++) /* it goes into logs and the status */
		*c = *c > ' ' && *c < 0x7f ? *c : '?';
	/* The relay is no door of ours, but what it leads to may be. */
	struct server_entry behind = e;
	behind.address = w->upstream.address;
	if (w->upstream.kind != UPSTREAM_RELAYED || !is_own_door(m->list, &behind))
		add_server(m, &e, m->anew);
}
_Static_assert(SERVER_ADDRESS_TEXT_MAX <= UPSTREAM_LABEL_MAX, "a label holds an address");

bool upstream_list_make(struct upstream_list *list, bool anew, bool system_anew)
{
	static struct making m; /* 40 kB are much for a stack; there is one thread */
	bool system = false;

	m = (struct making){.list = list, .anew = anew, .system_anew = system_anew};
	memcpy(m.servers.insecure, list->servers.insecure, sizeof(m.servers.insecure));
	m.servers.insecure_len = list->servers.insecure_len;
	for (size_t i = 0; i < list->words.len; i++) {
		const struct word *w = &list->words.word[i];

		if (w->upstream.kind != UPSTREAM_SYSTEM)
			add_other(&m, w);
		else if (!system)
			add_system(&m);
		system = system || w->upstream.kind == UPSTREAM_SYSTEM;
	}
	bool same = m.servers.len == list->servers.len;
	for (size_t i = 0; i < m.servers.len && same; i++)
		same = m.servers.servers[i].id == list->servers.servers[i].id;
	list->servers = m.servers;
	memcpy(list->now, m.now, sizeof(m.now));
	memcpy(list->before, m.before, sizeof(m.before));
	memcpy(list->loops, m.loops, sizeof(m.loops));
	return !same;
}
