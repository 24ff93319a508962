/* The relays of all upstreams that are named tls://…, https://… or http://…: one for each server,
 * however often it is named. */
#ifndef RESOLVER_RELAYS_H
#define RESOLVER_RELAYS_H

#include <stdbool.h>
#include <stdio.h>

#include "resolver/relay.h"

struct relays;

/* `asker` is the user that the validator becomes: nobody else's questions are taken, but our own
 * user's. */
int relays_create(struct event_base *base, uid_t asker, relay_say_fn *say, void *say_ctx,
	struct relays **ret_relays);
void relays_destroy(struct relays *relays);

/* For upstream_config.relay: where the relay for this word listens; it is made when there is none.
 * 0, -EINVAL for another word, -ENOSPC, or what the sockets say. */
#define RELAYS_MAX 64
int relays_get(void *relays, const char *word, struct server_address *ret_address);
/* For upstream_config.relay_why: what ails the relay that listens there; "": nothing. */
const char *relays_why(void *relays, const struct server_address *address);

/* Around upstream_reload: those that it did not ask for, if it succeeded, end when nobody has asked
 * them for a while, for what is under way is to be answered. */
void relays_before_reload(struct relays *relays);
void relays_after_reload(struct relays *relays, bool succeeded);

/* For resolver_status_by. */
void relays_status(void *relays, FILE *f);

#endif
