/* The contexts of one upstream: made when first needed, and anew when what they were made for is no
 * more true. */
#include "resolver/server_inside.h"

#include "resolver/clock.h"
#include "resolver/udp_relay.h"

#include <errno.h>
#include <event2/event.h>
#include <stdio.h>
#include <string.h>

/* One that strips DNSSEC may be replaced by one that does not. */
#define STRIPS_FOR (600 * SECOND)

void server_drop_contexts(struct server *s)
{
	if (s->validating)
		ub_context_destroy(s->validating);
	if (s->plain)
		ub_context_destroy(s->plain);
	s->validating = s->plain = NULL;
	relay_destroy(s->relay);
	s->relay = NULL;
}

void server_renew(struct server *s)
{
	s->held_dead = false;
	s->renewed = clock_monotonic();
	s->renewing = true;
	server_drop_contexts(s);
	s->renewing = false;
	event_active(&s->settle, EV_TIMEOUT, 0);
}

/* Is there a way out of this host? Root servers stand for the Internet. */
static int route_to(const char *address)
{
	struct server_address a;
	int r = server_address_parse_bare(address, strlen(address), &a);

	return r ? r : server_address_route(&a);
}

static bool has_ip6(const struct server *s)
{
	return !s->forwards && route_to("2001:503:ba3e::2:30") == 0;
}

int server_check_route(const struct server *s)
{
	if (s->entry.relayed) /* by loopback; where it leads on is the node's to find out */
		return 0;
	if (s->forwards)
		return server_address_route(&s->entry.address);
	if (s->config->loopback_servers || route_to("198.41.0.4") == 0)
		return 0;
	return route_to("2001:503:ba3e::2:30");
}

/* Twice as many places as questions, for each may have keys asked for beside it. */
static int make_relay(struct server *s)
{
	const struct udp_relay_config config = {.server = &s->entry.address,
		.text = s->entry.label,
		.max = 2 * s->config->live_max,
		.owners = s->config->owners};
	int r;

	if (!s->forwards || s->entry.relayed || s->relay)
		return 0;
	r = udp_relay_create(s->config->base, &config, &s->relay);
	if (!r)
		server_address_to_text(&s->relay->at, s->forward);
	return r;
}

int server_make_context(struct server *s, const char *trust_anchor, struct ub_ctx **ctx)
{
	int r = *ctx ? 0 : make_relay(s);
	struct ub_context_config config = {
		.base = s->config->base,
		.forward = s->forwards ? s->forward : NULL,
		.zone = s->entry.zone.len > 1 ? &s->entry.zone : NULL,
		.root_hints = s->config->root_hints,
		.trust_anchor = trust_anchor,
		.insecure = s->config->insecure,
		.insecure_len = s->config->insecure_len,
		.zones = s->config->zones,
		.zones_len = s->config->zones_len,
		.ip6 = s->ip6,
		.waits = s->relay != NULL,
		.lan = s->entry.lan,
		.test_zones = s->config->test_zones,
		.loopback_servers = s->config->loopback_servers,
		.sockets = s->config->live_max,
	};

	if (*ctx)
		return 0;
	if (!r)
		r = !s->forwards && !config.root_hints ? -ENOENT : ub_context_create(&config, ctx);
	if (r && !s->warned) {
		s->warned = true;
		fprintf(stderr, "kadns: upstream %s: %s\n", s->entry.label,
			r == -ENOENT ? "no root hints" : strerror(-r));
	}
	return r ? -EREMOTEIO : 0;
}

void server_freshen(struct server *s)
{
	bool ip6 = has_ip6(s), old = s->dnssec == DNSSEC_STRIPS && !s->entry.unproven &&
				     clock_monotonic() - s->probed_at > STRIPS_FOR;

	if (old)
		s->dnssec = DNSSEC_UNKNOWN;
	if (old || ip6 != s->ip6)
		server_renew(s);
	s->ip6 = ip6;
}
