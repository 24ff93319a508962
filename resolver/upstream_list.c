/* From words to servers, and what is counted of each. */
#include "resolver/upstream_list.h"

#include "resolver/clock.h"
#include "resolver/hash.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Between two looks at resolv.conf. Half of the period of who looks while nothing is asked: as long
 * as that, and each other look would come a moment too early for it. */
#define LOOK_PAUSE (SECOND / 2)

/* A word of the configuration, read. `relay`: where its relay listens. */
struct word {
	char *text;
	struct upstream_word upstream;
	struct server_address relay;
};

/* Whether one asks us what we ask it. */
struct loop {
	uint64_t probed; /* when that was looked into; 0: never */
	uint64_t until;	 /* it is not asked before; 0: it never did */
};
/* Then it may have been mended. Until then a question that has no other server fails at once. */
#define LOOP_PAUSE (60 * SECOND)
/* What looks like a loop may be two people with the same question, all day. */
#define PROBE_PAUSE (60 * SECOND)

struct words {
	struct word word[UPSTREAM_MAX];
	size_t len;
};

struct upstream_list {
	int (*relay)(void *ctx, const char *word, struct server_address *ret_address);
	const char *(*relay_why)(void *ctx, const struct server_address *address);
	void *relay_ctx;
	void (*say)(void *ctx, const char *line);
	void *say_ctx;
	struct words words;
	char *path;
	struct watched_file file;
	struct resolv_conf system;
	bool has_system, warned;
	uint64_t looked_at;
	char why[2 * UPSTREAM_LABEL_MAX + 128];
	struct server_address doors[UPSTREAM_DOORS_MAX];
	size_t doors_len;
	uint32_t last_id;
	struct frame_servers servers;
	/* By place in `servers`: of this validator, and of those before it. */
	struct server_counters now[SERVERS_MAX], before[SERVERS_MAX];
	struct loop loops[SERVERS_MAX]; /* likewise */
};

/* ---- words ---- */

static void words_finish(struct words *words)
{
	for (size_t i = 0; i < words->len; i++)
		free(words->word[i].text);
	words->len = 0;
}

static int add_word(const struct upstream_list *list, struct words *words, const char *text)
{
	struct word *w = &words->word[words->len];
	const char *why;

	w->text = strdup(text);
	if (!w->text)
		return -ENOMEM;
	words->len++;
	if (upstream_word_parse(w->text, &w->upstream, &why))
		return -EINVAL;
	if (w->upstream.kind != UPSTREAM_RELAYED)
		return 0;
	return list->relay ? list->relay(list->relay_ctx, w->upstream.server, &w->relay)
			   : -EOPNOTSUPP;
}

static int read_words(const struct upstream_list *list, const struct upstream_config *config,
	struct words *ret_words)
{
	int r = config->list_len > UPSTREAM_MAX || config->insecure_len > UPSTREAM_INSECURE_MAX
			? -EINVAL
			: 0;

	ret_words->len = 0;
	for (size_t i = 0; i < config->list_len && !r; i++)
		r = add_word(list, ret_words, config->list[i]);
	if (r)
		words_finish(ret_words);
	return r;
}

/* ---- servers ---- */

/* The list in the making. */
struct making {
	struct upstream_list *list;
	struct frame_servers servers;
	struct server_counters now[SERVERS_MAX], before[SERVERS_MAX];
	struct loop loops[SERVERS_MAX];
	bool anew;	  /* every server */
	bool system_anew; /* those of resolv.conf */
};

static void say_line(const struct upstream_list *list, const char *line)
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
		say_line(list, line);
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

/* The list as words, resolv.conf and doors make it. True: it is another than before. */
static bool make_list(struct upstream_list *list, bool anew, bool system_anew)
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

/* ---- the interface ---- */

int upstream_list_create(const struct upstream_config *config, struct upstream_list **ret_list)
{
	struct upstream_list *list = calloc(1, sizeof(*list));
	int r;

	if (!list)
		return -ENOMEM;
	list->relay = config->relay;
	list->relay_why = config->relay_why;
	list->relay_ctx = config->relay_ctx;
	list->say = config->say;
	list->say_ctx = config->say_ctx;
	list->path = strdup(config->resolv_conf ? config->resolv_conf : "/etc/resolv.conf");
	list->file.path = list->path;
	r = list->path ? upstream_list_reload(list, config) : -ENOMEM;
	if (r) {
		upstream_list_destroy(list);
		return r;
	}
	*ret_list = list;
	return 0;
}

void upstream_list_destroy(struct upstream_list *list)
{
	if (!list)
		return;
	words_finish(&list->words);
	free(list->path);
	free(list);
}

static bool same_insecure(const struct frame_servers *s, const struct upstream_config *config)
{
	bool same = s->insecure_len == config->insecure_len;

	for (size_t i = 0; i < s->insecure_len && same; i++)
		same = name_equal(&s->insecure[i], &config->insecure[i]);
	return same;
}

static bool has_zone(const struct words *words, const struct name *zone)
{
	for (size_t i = 0; i < words->len; i++)
		if (name_equal(&words->word[i].upstream.zone, zone))
			return true;
	return false;
}

/* Each server knows of all the zones that are not its own. */
static bool same_zones(const struct words *a, const struct words *b)
{
	for (size_t i = 0; i < a->len; i++)
		if (a->word[i].upstream.zone.len > 1 && !has_zone(b, &a->word[i].upstream.zone))
			return false;
	for (size_t i = 0; i < b->len; i++)
		if (b->word[i].upstream.zone.len > 1 && !has_zone(a, &b->word[i].upstream.zone))
			return false;
	return true;
}

int upstream_list_reload(struct upstream_list *list, const struct upstream_config *config)
{
	struct words words;
	bool anew = !same_insecure(&list->servers, config), system_anew = false;
	int r = read_words(list, config, &words);

	if (r)
		return r;
	anew = anew || !same_zones(&list->words, &words);
	words_finish(&list->words);
	list->words = words;
	list->has_system = false;
	for (size_t i = 0; i < words.len; i++)
		if (words.word[i].upstream.kind == UPSTREAM_SYSTEM)
			list->has_system = true;
	memcpy(list->servers.insecure, config->insecure, sizeof(list->servers.insecure));
	list->servers.insecure_len = config->insecure_len;
	list->warned = false;
	memset(list->loops, 0, sizeof(list->loops)); /* perhaps it was mended for that */
	if (list->has_system)
		system_anew = resolv_conf_changed(&list->file, &list->system);
	make_list(list, anew, system_anew);
	return 0;
}

void upstream_list_doors(struct upstream_list *list, const struct server_address *doors, size_t len)
{
	list->doors_len = len < UPSTREAM_DOORS_MAX ? len : UPSTREAM_DOORS_MAX;
	memcpy(list->doors, doors, list->doors_len * sizeof(*doors));
	make_list(list, false, false);
}

bool upstream_list_refresh(struct upstream_list *list)
{
	uint64_t now = clock_monotonic();

	if (!list->has_system || now - list->looked_at < LOOK_PAUSE)
		return false;
	list->looked_at = now;
	return resolv_conf_changed(&list->file, &list->system) && make_list(list, false, true);
}

/* ---- loops ---- */

const struct server_entry *upstream_list_suspect(struct upstream_list *list, size_t nth)
{
	uint64_t now = clock_monotonic();

	for (size_t i = 0; i < list->servers.len; i++) {
		const struct server_entry *e = &list->servers.servers[i];
		struct loop *loop = &list->loops[i];

		if (e->zone.len > 1 || e->loops || list->now[i].down || nth-- > 0)
			continue;
		if (e->recursive || (loop->probed && now - loop->probed < PROBE_PAUSE))
			return NULL;
		loop->probed = now;
		return e;
	}
	return NULL;
}

void upstream_list_loops(struct upstream_list *list, uint32_t id)
{
	char line[2 * UPSTREAM_LABEL_MAX];

	for (size_t i = 0; i < list->servers.len; i++) {
		struct server_entry *e = &list->servers.servers[i];

		if (e->id != id)
			continue;
		snprintf(line, sizeof(line),
			"upstream %s asks us what we ask it: it is left out for now", e->label);
		if (list->loops[i].until == 0)
			say_line(list, line);
		list->loops[i].until = clock_monotonic() + LOOP_PAUSE;
		e->loops = 1;
	}
}

bool upstream_list_retry(struct upstream_list *list)
{
	bool found = false;

	for (size_t i = 0; i < list->servers.len; i++) {
		struct server_entry *e = &list->servers.servers[i];

		if (!e->loops || list->loops[i].until > clock_monotonic())
			continue;
		e->loops = 0;
		list->loops[i].probed = 0;
		found = true;
	}
	return found;
}

bool upstream_list_follows_system(const struct upstream_list *list)
{
	return list->has_system;
}

bool upstream_list_is_insecure(const struct upstream_list *list, const struct name *name)
{
	for (size_t i = 0; i < list->servers.insecure_len; i++)
		if (name_under(name, &list->servers.insecure[i]))
			return true;
	return false;
}

bool upstream_list_has_zone(const struct upstream_list *list, const struct name *name)
{
	for (size_t i = 0; i < list->words.len; i++) {
		const struct name *zone = &list->words.word[i].upstream.zone;

		if (zone->len > 1 && name_under(name, zone))
			return true;
	}
	return false;
}

uint64_t upstream_list_fingerprint(const struct upstream_list *list)
{
	uint64_t sum = list->words.len;

	for (size_t i = 0; i < list->words.len; i++)
		sum = hash_bytes(list->words.word[i].text, strlen(list->words.word[i].text), sum);
	for (size_t i = 0; i < list->servers.insecure_len; i++)
		sum = name_hash(&list->servers.insecure[i], sum);
	for (size_t i = 0; list->has_system && i < list->system.count; i++) {
		char text[SERVER_ADDRESS_TEXT_MAX];

		server_address_to_text(&list->system.servers[i], text);
		sum = hash_bytes(text, strlen(text), sum);
	}
	return sum;
}

const char *upstream_list_why(struct upstream_list *list, const struct name *name)
{
	size_t zone_len = 0;

	list->why[0] = '\0';
	for (size_t i = 0; list->relay_why && i < list->words.len; i++) {
		const struct word *w = &list->words.word[i];
		const struct upstream_word *u = &w->upstream;

		if (u->zone.len < zone_len || !name_under(name, &u->zone))
			continue;
		if (u->zone.len > zone_len) /* that one has all of the name */
			list->why[0] = '\0';
		zone_len = u->zone.len;
		if (u->kind != UPSTREAM_RELAYED || list->why[0])
			continue;
		const char *why = list->relay_why(list->relay_ctx, &w->relay);
		if (*why)
			snprintf(list->why, sizeof(list->why), "%s: %s", u->server, why);
	}
	if (list->why[0] || upstream_list_has_zone(list, name))
		return list->why;
	for (size_t i = 0; i < list->servers.len && !list->why[0]; i++)
		if (list->servers.servers[i].loops)
			snprintf(list->why, sizeof(list->why), "%s" UPSTREAM_WHY_LOOP,
				list->servers.servers[i].label);
	return list->why;
}

const struct frame_servers *upstream_list_servers(const struct upstream_list *list)
{
	return &list->servers;
}

void upstream_list_count(
	struct upstream_list *list, const struct server_counters *counters, size_t len)
{
	for (size_t i = 0; i < list->servers.len; i++)
		for (size_t k = 0; k < len; k++)
			if (counters[k].id == list->servers.servers[i].id)
				list->now[i] = counters[k];
}

void upstream_list_died(struct upstream_list *list)
{
	for (size_t i = 0; i < list->servers.len; i++) {
		list->before[i].asked += list->now[i].asked;
		list->before[i].answered += list->now[i].answered;
		list->before[i].failed += list->now[i].failed;
		list->now[i] = (struct server_counters){0};
	}
}

static const char *dnssec_text(enum server_dnssec dnssec)
{
	switch (dnssec) {
	case DNSSEC_UNKNOWN:
	case DNSSEC_PROBING:
		return "unknown";
	case DNSSEC_PASSES:
		return "passes";
	case DNSSEC_STRIPS:
		return "strips";
	}
	return "unknown";
}

void upstream_list_each(const struct upstream_list *list, upstream_server_fn *fn, void *ctx)
{
	for (size_t i = 0; i < list->servers.len; i++) {
		const struct server_counters *now = &list->now[i], *before = &list->before[i];
		const struct upstream_server server = {.label = list->servers.servers[i].label,
			.asked = before->asked + now->asked,
			.answered = before->answered + now->answered,
			.failed = before->failed + now->failed,
			.rtt = now->rtt,
			.down = now->down,
			.loops = list->servers.servers[i].loops,
			.dnssec = dnssec_text((enum server_dnssec)now->dnssec)};

		fn(ctx, i, &server);
	}
}
