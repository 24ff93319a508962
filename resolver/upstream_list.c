/* The words of upstream=, and what is asked of the list that is made of them. */
#include "resolver/upstream_list_inside.h"

#include "resolver/clock.h"
#include "resolver/hash.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Between two looks at resolv.conf. Half of the period of who looks while nothing is asked: as long
 * as that, and each other look would come a moment too early for it. */
#define LOOK_PAUSE (SECOND / 2)

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
	upstream_list_make(list, anew, system_anew);
	return 0;
}

void upstream_list_doors(struct upstream_list *list, const struct server_address *doors, size_t len)
{
	list->doors_len = len < UPSTREAM_DOORS_MAX ? len : UPSTREAM_DOORS_MAX;
	memcpy(list->doors, doors, list->doors_len * sizeof(*doors));
	upstream_list_make(list, false, false);
}

bool upstream_list_refresh(struct upstream_list *list)
{
	uint64_t now = clock_monotonic();

	if (!list->has_system || now - list->looked_at < LOOK_PAUSE)
		return false;
	list->looked_at = now;
	return resolv_conf_changed(&list->file, &list->system) &&
	       upstream_list_make(list, false, true);
}

bool upstream_list_follows_system(const struct upstream_list *list)
{
	return list->has_system;
}

bool upstream_list_is_silent(const struct upstream_list *list)
{
	bool any = false;

	for (size_t i = 0; i < list->servers.len; i++) {
		const struct server_entry *e = &list->servers.servers[i];

		if (e->zone.len > 1 || e->loops)
			continue;
		if (!list->now[i].down)
			return false;
		any = true;
	}
	return any;
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

/* Half of all homes have their server at 192.168.1.1: what tells them apart is what address this
 * machine was given there. */
static uint64_t sum_of_system(const struct server_address *server, uint64_t sum)
{
	char text[SERVER_ADDRESS_TEXT_MAX];
	struct server_address source;

	server_address_to_text(server, text);
	sum = hash_bytes(text, strlen(text), sum);
	if (server_address_source(server, &source))
		return sum;
	server_address_to_text(&source, text);
	return hash_bytes(text, strlen(text), sum);
}

uint64_t upstream_list_fingerprint(const struct upstream_list *list)
{
	uint64_t sum = list->words.len;

	for (size_t i = 0; i < list->words.len; i++)
		sum = hash_bytes(list->words.word[i].text, strlen(list->words.word[i].text), sum);
	for (size_t i = 0; i < list->servers.insecure_len; i++)
		sum = name_hash(&list->servers.insecure[i], sum);
	for (size_t i = 0; list->has_system && i < list->system.count; i++)
		sum = sum_of_system(&list->system.servers[i], sum);
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
	const struct name *zone = upstream_list_zone(list, name);
	for (size_t i = 0; i < list->servers.len && !list->why[0]; i++)
		if (name_equal(&list->servers.servers[i].zone, zone) &&
			upstream_list_is_loop(list, i, name))
			snprintf(list->why, sizeof(list->why), "%s" UPSTREAM_WHY_LOOP,
				list->servers.servers[i].label);
	return list->why;
}

const struct frame_servers *upstream_list_servers(const struct upstream_list *list)
{
	return &list->servers;
}
