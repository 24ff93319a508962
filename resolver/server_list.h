/* The servers that the validator may ask, in order, as the resolver's process names them; the list
 * may be replaced under way. */
#ifndef RESOLVER_SERVER_LIST_H
#define RESOLVER_SERVER_LIST_H

#include "resolver/frame.h"
#include "resolver/server.h"

struct server_list;

/* The config stands as long as the list, which sets its `insecure`. Empty at first. NULL: no
 * memory. */
struct server_list *server_list_create(struct server_config *config);
/* Calls back for what is under way, as failed. Not from a callback. */
void server_list_destroy(struct server_list *list);

/* A server whose id stood in the list before stays as it is, with all that is known of it. The
 * others begin anew, and those that are gone answer what they were asked and are asked no more. 0,
 * or -ENOMEM: then the former list stands. Not from a callback. */
int server_list_replace(struct server_list *list, const struct frame_servers *servers);

/* Frees those of former lists that have answered what they were asked; the number of the others. To
 * be called now and then while there are any. Not from a callback. */
size_t server_list_bury(struct server_list *list);

size_t server_list_count(const struct server_list *list);
struct server *server_list_get(const struct server_list *list, size_t i);
/* Is it in the list, and not of a former one? */
bool server_list_has(const struct server_list *list, const struct server *server);

/* Has any zone servers of its own? */
bool server_list_has_zones(const struct server_list *list);
/* The zone whose servers answer this question: the longest one that some server has. The root where
 * none has. The DS of a zone is its parent's to say. */
void server_list_zone(
	const struct server_list *list, const struct question *q, struct name *ret_zone);
/* Is this question for those of the zone's servers alone that may hear of this network's addresses?
 * It is when it is about one (RFC 6303), and there is such a server; where there is none, any of
 * them says itself that there is no such name. */
bool server_list_only_lan(
	const struct server_list *list, const struct question *q, const struct name *zone);

#endif
