/* A relay to a DNS server over TLS (RFC 7858).
 *
 * One connection, that stays while there is something to ask; questions go out as they come,
 * answers come in any order. A connection that is lost is made again, and what was under way is
 * asked again, a few times. */
#ifndef RESOLVER_TLS_RELAY_H
#define RESOLVER_TLS_RELAY_H

#include "resolver/relay.h"

/* 0 or a negative errno. */
int tls_relay_create(
	struct event_base *base, const struct relay_config *config, struct relay **ret_relay);

#endif
