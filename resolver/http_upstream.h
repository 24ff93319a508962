/* A relay to a server over HTTP: DNS over HTTPS (RFC 8484), or the program of 2009, whose
 * GET /PROXY/IN/TYPE/NAME answers in JSON. */
#ifndef RESOLVER_HTTP_UPSTREAM_H
#define RESOLVER_HTTP_UPSTREAM_H

#include "resolver/relay.h"

/* 0 or a negative errno. */
int http_upstream_create(
	struct event_base *base, const struct relay_config *config, struct relay **ret_relay);

#endif
