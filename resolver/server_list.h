/* The upstreams in order, "system" replaced by the name servers of resolv.conf, which may change
 * under way. */
#ifndef RESOLVER_SERVER_LIST_H
#define RESOLVER_SERVER_LIST_H

#include "resolver/resolv_conf.h"
#include "resolver/server.h"
#include "resolver/upstream.h"

/* "system" said twice counts once; each other word is one server. */
#define SERVER_LIST_MAX (UPSTREAM_MAX + RESOLV_CONF_SERVERS_MAX)

struct server_list;

/* Both configs stand as long as the list. 0, -EINVAL for a word that upstream_check refuses, or
 * -ENOMEM. */
int server_list_create(const struct upstream_config *upstreams, const struct server_config *config,
	struct server_list **ret_list);
void server_list_destroy(struct server_list *list);

/* Looks at resolv.conf, at most once a second. A changed file is another network even if it
 * names the same address: its servers begin anew. Not from a callback. */
void server_list_refresh(struct server_list *list);
size_t server_list_count(const struct server_list *list);
struct server *server_list_get(const struct server_list *list, size_t i);

#endif
