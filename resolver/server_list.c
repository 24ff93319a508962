/* The upstreams in order, and resolv.conf behind "system". */
#include "resolver/server_list.h"

#include "resolver/clock.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Servers of former resolv.confs with questions under way. A file that changes faster than
 * they end (17 s) is not read again until there is room. */
#define RETIRED_MAX 32

struct server_list {
	const struct server_config *config;
	struct server *servers[SERVER_LIST_MAX], *retired[RETIRED_MAX];
	size_t count, retired_count;
	bool system;
	size_t system_at, system_count; /* where the system's stand in `servers` */
	struct resolv_conf_file file;
	uint64_t looked_at;
};

/* servers[at…] make room for `count` new ones where `former` stood, and are retired. */
static void replace_system(struct server_list *list, struct server **fresh, size_t count)
{
	size_t behind = list->system_at + list->system_count;

	for (size_t i = list->system_at; i < behind; i++)
		list->retired[list->retired_count++] = list->servers[i];
	memmove(list->servers + list->system_at + count, list->servers + behind,
		(list->count - behind) * sizeof(*list->servers));
	memcpy(list->servers + list->system_at, fresh, count * sizeof(*fresh));
	list->count = list->count - list->system_count + count;
	list->system_count = count;
}

static int read_system(struct server_list *list)
{
	struct server *fresh[RESOLV_CONF_SERVERS_MAX];
	struct resolv_conf conf;
	size_t count = 0;
	int r = 0;

	if (!resolv_conf_changed(&list->file, &conf))
		return 0;
	for (; count < conf.count; count++) {
		r = server_create(list->config, &conf.servers[count], &fresh[count]);
		if (r)
			break;
	}
	if (!r) {
		replace_system(list, fresh, count);
		return 0;
	}
	while (count > 0)
		server_destroy(fresh[--count]);
	list->file.seen = false; /* and so tried again */
	return r;
}

static int add_word(struct server_list *list, const char *word)
{
	struct server_address address;
	bool recursive = strcmp(word, "recursive") == 0;
	int r;

	if (strcmp(word, "system") == 0) {
		if (list->system)
			return 0;
		list->system = true;
		list->system_at = list->count;
		return read_system(list);
	}
	if (!recursive && server_address_parse(word, strlen(word), &address))
		return -EINVAL;
	r = server_create(list->config, recursive ? NULL : &address, &list->servers[list->count]);
	if (!r)
		list->count++;
	return r;
}

int server_list_create(const struct upstream_config *upstreams, const struct server_config *config,
	struct server_list **ret_list)
{
	struct server_list *list = calloc(1, sizeof(*list));
	int r = 0;

	if (!list)
		return -ENOMEM;
	list->config = config;
	list->file.path = upstreams->resolv_conf ? upstreams->resolv_conf : "/etc/resolv.conf";
	for (size_t i = 0; i < upstreams->list_len && !r; i++)
		r = add_word(list, upstreams->list[i]);
	if (r) {
		server_list_destroy(list);
		return r;
	}
	*ret_list = list;
	return 0;
}

void server_list_destroy(struct server_list *list)
{
	if (!list)
		return;
	for (size_t i = 0; i < list->count; i++)
		server_destroy(list->servers[i]);
	for (size_t i = 0; i < list->retired_count; i++)
		server_destroy(list->retired[i]);
	free(list);
}

static void bury_retired(struct server_list *list)
{
	size_t kept = 0;

	for (size_t i = 0; i < list->retired_count; i++) {
		if (server_is_idle(list->retired[i]))
			server_destroy(list->retired[i]);
		else
			list->retired[kept++] = list->retired[i];
	}
	list->retired_count = kept;
}

void server_list_refresh(struct server_list *list)
{
	uint64_t now = clock_monotonic();

	bury_retired(list);
	if (!list->system || now - list->looked_at < SECOND)
		return;
	if (list->retired_count + list->system_count > RETIRED_MAX)
		return;
	list->looked_at = now;
	(void)read_system(list); /* without memory the former servers stay */
}

size_t server_list_count(const struct server_list *list)
{
	return list->count;
}

struct server *server_list_get(const struct server_list *list, size_t i)
{
	return list->servers[i];
}
