/* The servers in order, and those that were. */
#include "resolver/server_list.h"

#include "resolver/special.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Servers of former lists with questions under way. Of more than that, all are cut short: lists
 * that change faster than questions end would take memory without end, a few megabytes each time
 * (tests/resolver/test_server_list). */
#define RETIRED_MAX 8

struct server_list {
	struct server_config *config;
	struct server *servers[SERVERS_MAX];
	size_t count;
	struct server **retired;
	size_t retired_count;
	struct name insecure[UPSTREAM_INSECURE_MAX];
	struct name zones[SERVERS_MAX];
	size_t zones_len;
};

struct server_list *server_list_create(struct server_config *config)
{
	struct server_list *list = calloc(1, sizeof(*list));

	if (list)
		list->config = config;
	return list;
}

void server_list_destroy(struct server_list *list)
{
	if (!list)
		return;
	for (size_t i = 0; i < list->count; i++)
		server_destroy(list->servers[i]);
	for (size_t i = 0; i < list->retired_count; i++)
		server_destroy(list->retired[i]);
	free(list->retired);
	free(list);
}

size_t server_list_bury(struct server_list *list)
{
	size_t kept = 0, busy = 0;

	for (size_t i = 0; i < list->retired_count; i++)
		busy += server_is_busy(list->retired[i]);
	if (busy > RETIRED_MAX)
		for (size_t i = 0; i < list->retired_count; i++)
			server_shut(list->retired[i]);
	for (size_t i = 0; i < list->retired_count; i++) {
		if (server_is_idle(list->retired[i]))
			server_destroy(list->retired[i]);
		else
			list->retired[kept++] = list->retired[i];
	}
	list->retired_count = kept;
	return kept;
}

static struct server *find(const struct server_list *list, uint32_t id)
{
	for (size_t i = 0; i < list->count; i++)
		if (server_entry(list->servers[i])->id == id)
			return list->servers[i];
	return NULL;
}

static bool holds(struct server *const *servers, size_t count, const struct server *s)
{
	for (size_t i = 0; i < count; i++)
		if (servers[i] == s)
			return true;
	return false;
}

/* Those of the list, old or new. -ENOMEM: the new ones are gone again. */
static int make_servers(struct server_list *list, const struct frame_servers *servers,
	struct server *ret_fresh[SERVERS_MAX])
{
	size_t len = 0;
	int r = 0;

	for (; len < servers->len; len++) {
		ret_fresh[len] = find(list, servers->servers[len].id);
		if (!ret_fresh[len])
			r = server_create(list->config, &servers->servers[len], &ret_fresh[len]);
		if (r)
			break;
	}
	while (r && len > 0)
		if (!holds(list->servers, list->count, ret_fresh[--len]))
			server_destroy(ret_fresh[len]);
	return r;
}

/* The zones that have servers of their own, each once. */
static void note_zones(struct server_list *list)
{
	list->zones_len = 0;
	for (size_t i = 0; i < list->count; i++) {
		const struct name *zone = &server_entry(list->servers[i])->zone;
		bool known = zone->len == 1;

		for (size_t k = 0; k < list->zones_len && !known; k++)
			known = name_equal(&list->zones[k], zone);
		if (!known)
			list->zones[list->zones_len++] = *zone;
	}
	list->config->zones = list->zones;
	list->config->zones_len = list->zones_len;
}

int server_list_replace(struct server_list *list, const struct frame_servers *servers)
{
	struct server *fresh[SERVERS_MAX];
	struct server **retired = realloc(
		list->retired, (list->retired_count + SERVERS_MAX) * sizeof(*retired));

	if (!retired)
		return -ENOMEM;
	list->retired = retired;
	if (make_servers(list, servers, fresh))
		return -ENOMEM;
	for (size_t i = 0; i < list->count; i++)
		if (!holds(fresh, servers->len, list->servers[i]))
			list->retired[list->retired_count++] = list->servers[i];
	memcpy(list->servers, fresh, servers->len * sizeof(*fresh));
	list->count = servers->len;
	memcpy(list->insecure, servers->insecure, sizeof(list->insecure));
	list->config->insecure = list->insecure;
	list->config->insecure_len = servers->insecure_len;
	note_zones(list);
	for (size_t i = 0; i < list->count; i++)
		server_update(list->servers[i], &servers->servers[i]);
	server_list_bury(list);
	return 0;
}

bool server_list_has(const struct server_list *list, const struct server *server)
{
	return holds(list->servers, list->count, server);
}

size_t server_list_count(const struct server_list *list)
{
	return list->count;
}

struct server *server_list_get(const struct server_list *list, size_t i)
{
	return list->servers[i];
}

bool server_list_has_zones(const struct server_list *list)
{
	return list->zones_len > 0;
}

void server_list_zone(
	const struct server_list *list, const struct question *q, struct name *ret_zone)
{
	struct name name = q->name;

	if (q->type == TYPE_DS)
		name_parent(&q->name, 1, &name);
	*ret_zone = (struct name){.len = 1};
	for (size_t i = 0; i < list->count; i++) {
		const struct name *zone = &server_entry(list->servers[i])->zone;

		/* Of two zones above one name the longer is the nearer. */
		if (zone->len > ret_zone->len && name_under(&name, zone))
			*ret_zone = *zone;
	}
}

bool server_list_only_lan(
	const struct server_list *list, const struct question *q, const struct name *zone)
{
	struct name special;

	if (special_of(&q->name, false, &special) != SPECIAL_LAN)
		return false;
	for (size_t i = 0; i < list->count; i++) {
		const struct server_entry *e = server_entry(list->servers[i]);

		if (e->lan && name_equal(&e->zone, zone))
			return true;
	}
	return false;
}
