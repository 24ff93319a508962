/* One upstream: its contexts, its health, and the probe for DNSSEC. */
#include "resolver/server.h"

#include "resolver/clock.h"
#include "resolver/packet.h"

#include <errno.h>
#include <event2/event.h>
#include <event2/event_struct.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* How long a silent server stands at the end of the order; doubled while it stays silent. */
#define DOWN_FIRST (10 * SECOND)
#define DOWN_MAX (300 * SECOND)
/* A server that fails to answer the probe is not probed again for each question. */
#define PROBE_PAUSE (30 * SECOND)
/* One that strips DNSSEC may be replaced by one that does not. */
#define STRIPS_FOR (600 * SECOND)

enum dnssec { DNSSEC_UNKNOWN, DNSSEC_PROBING, DNSSEC_PASSES, DNSSEC_STRIPS };

/* `. DNSKEY` first. A server that fails at it may be dead, or too old to know the type: the
 * second question, `. NS`, tells. */
enum probe_stage { PROBE_NONE, PROBE_DNSKEY, PROBE_NS };

struct server {
	const struct server_config *config;
	struct server_address address;
	bool forwards, warned;
	char name[SERVER_ADDRESS_TEXT_MAX];
	struct ub_ctx *validating, *plain;
	enum dnssec dnssec;
	enum probe_stage stage;
	bool probe_again; /* the second stage is to be asked, from the loop */
	uint64_t probed_at;
	struct ub_query probe;
	struct event settle; /* libunbound is not to be asked from its own callback */
	uint64_t last_answer, down_until, down_for;
	bool silent;
	unsigned live, held;
};

static void on_settle(evutil_socket_t fd, short what, void *arg);

int server_create(const struct server_config *config, const struct server_address *address,
	struct server **ret_server)
{
	struct server *s = calloc(1, sizeof(*s));

	if (!s)
		return -ENOMEM;
	s->config = config;
	if (address) {
		s->forwards = true;
		s->address = *address;
		server_address_to_text(address, s->name);
	}
	event_assign(&s->settle, config->base, -1, 0, on_settle, s);
	*ret_server = s;
	return 0;
}

void server_destroy(struct server *s)
{
	if (!s)
		return;
	if (s->validating)
		ub_context_destroy(s->validating);
	if (s->plain)
		ub_context_destroy(s->plain);
	event_del(&s->settle);
	free(s);
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
	if (s->forwards)
		return s->address.addr.ss_family == AF_INET6;
	return route_to("2001:503:ba3e::2:30") == 0;
}

static int check_route(const struct server *s)
{
	if (s->forwards)
		return server_address_route(&s->address);
	if (s->config->loopback_servers || route_to("198.41.0.4") == 0)
		return 0;
	return route_to("2001:503:ba3e::2:30");
}

static int make_context(struct server *s, const char *trust_anchor, struct ub_ctx **ctx)
{
	struct ub_context_config config = {
		.base = s->config->base,
		.forward = s->forwards ? s->name : NULL,
		.root_hints = s->config->root_hints,
		.trust_anchor = trust_anchor,
		.ip6 = has_ip6(s),
		.test_zones = s->config->test_zones,
		.loopback_servers = s->config->loopback_servers,
	};
	int r;

	if (*ctx)
		return 0;
	/* libunbound reads the file at the first question, and says no more than that it failed. */
	r = !s->forwards && access(config.root_hints, R_OK) ? -errno
							    : ub_context_create(&config, ctx);
	if (r && !s->warned) {
		s->warned = true;
		fprintf(stderr, "kadns: upstream %s: %s\n",
			s->forwards ? s->name : config.root_hints, strerror(-r));
	}
	return r ? -EREMOTEIO : 0;
}

/* Both contexts, whose caches hold what the server stripped, begin anew. */
static void forget_stripping(struct server *s)
{
	if (s->validating)
		ub_context_destroy(s->validating);
	if (s->plain)
		ub_context_destroy(s->plain);
	s->validating = s->plain = NULL;
	s->dnssec = DNSSEC_UNKNOWN;
}

static bool has_rrsig(const uint8_t *message, size_t len)
{
	struct packet_reader reader;
	struct question q;
	struct rr rr;

	if (packet_open(&reader, message, len))
		return false;
	for (unsigned i = 0; i < reader.header.count[0]; i++)
		if (packet_question(&reader, &q, NULL))
			return false;
	while (packet_next(&reader, &rr) == 1)
		if (rr.section == PACKET_ANSWER && rr.type == TYPE_RRSIG)
			return true;
	return false;
}

static void settle(struct server *s, enum dnssec dnssec)
{
	s->stage = PROBE_NONE;
	/* A secure answer that came meanwhile has settled it for good. */
	if (s->dnssec == DNSSEC_PROBING)
		s->dnssec = dnssec;
	if (s->dnssec == DNSSEC_STRIPS && !s->warned) {
		s->warned = true;
		fprintf(stderr,
			"kadns: upstream %s strips DNSSEC: its answers are used without "
			"validation\n",
			s->name);
	}
}

static void probe_answered(void *arg, const struct ub_answer *answer)
{
	struct server *s = arg;

	s->live--;
	if (!answer->failed)
		s->last_answer = clock_monotonic();
	if (s->stage == PROBE_DNSKEY && !answer->failed)
		settle(s, has_rrsig(answer->message, answer->len) ? DNSSEC_PASSES : DNSSEC_STRIPS);
	else if (s->stage == PROBE_DNSKEY)
		s->probe_again = true;
	else
		settle(s, answer->failed ? DNSSEC_UNKNOWN : DNSSEC_STRIPS);
	event_active(&s->settle, EV_TIMEOUT, 0);
}

static void probe(struct server *s, enum probe_stage stage)
{
	struct question q = {.name = {.len = 1},
		.type = stage == PROBE_DNSKEY ? TYPE_DNSKEY : TYPE_NS,
		.class = CLASS_IN};

	s->stage = stage;
	s->probe = (struct ub_query){.fn = probe_answered, .arg = s};
	s->live++;
	if (make_context(s, NULL, &s->plain) || ub_context_ask(s->plain, &q, &s->probe))
		probe_answered(s, &(struct ub_answer){.failed = true});
}

static void on_settle(evutil_socket_t fd, short what, void *arg)
{
	struct server *s = arg;

	(void)fd;
	(void)what;
	if (s->dnssec == DNSSEC_PROBING && s->stage == PROBE_NONE) {
		s->probed_at = clock_monotonic();
		probe(s, PROBE_DNSKEY);
		return;
	}
	if (s->probe_again) {
		s->probe_again = false;
		probe(s, PROBE_NS);
		return;
	}
	if (s->stage != PROBE_NONE)
		return;
	if (s->dnssec == DNSSEC_PASSES && s->plain) {
		ub_context_destroy(s->plain);
		s->plain = NULL;
	}
	s->config->settled(s->config->ctx, s);
}

/* An answer of the validating context that may be due to a server that strips. */
static enum server_outcome suspect(struct server *s, enum server_outcome outcome)
{
	switch (s->dnssec) {
	case DNSSEC_PASSES:
		return outcome;
	case DNSSEC_UNKNOWN:
		/* It has not even the root's keys: nothing that it says proves anything. */
		if (s->probed_at && clock_monotonic() - s->probed_at < PROBE_PAUSE)
			return SERVER_FAILED;
		s->dnssec = DNSSEC_PROBING;
		event_active(&s->settle, EV_TIMEOUT, 0);
		return SERVER_WAIT;
	case DNSSEC_PROBING:
		return SERVER_WAIT;
	case DNSSEC_STRIPS: /* asked before that was known */
		event_active(&s->settle, EV_TIMEOUT, 0);
		return SERVER_WAIT;
	}
	return outcome;
}

static enum server_outcome judge(
	struct server *s, const struct server_query *query, const struct ub_answer *answer)
{
	if (query->plain)
		return answer->failed ? SERVER_FAILED : SERVER_UNVALIDATED;
	if (answer->secure)
		s->dnssec = DNSSEC_PASSES;
	if (s->forwards && (answer->failed || answer->bogus))
		return suspect(s, answer->failed ? SERVER_FAILED : SERVER_VALIDATED);
	return answer->failed ? SERVER_FAILED : SERVER_VALIDATED;
}

static void answered(void *arg, const struct ub_answer *answer)
{
	struct server_query *query = arg;
	struct server *s = query->server;

	s->live--;
	if (!answer->failed) {
		s->last_answer = clock_monotonic();
		s->down_until = s->down_for = 0;
		s->silent = false;
	}
	query->fn(query->arg, judge(s, query, answer), answer);
}

int server_ask(struct server *s, const struct question *q, struct server_query *query)
{
	const char *anchor = s->config->trust_anchor;
	struct ub_ctx **ctx;
	int r;

	if (s->dnssec == DNSSEC_STRIPS && s->live == 0 &&
		clock_monotonic() - s->probed_at > STRIPS_FOR)
		forget_stripping(s);
	if (s->live >= s->config->live_max)
		return -EBUSY;
	r = check_route(s);
	if (r)
		return r;
	query->server = s;
	query->plain = !anchor || s->dnssec == DNSSEC_STRIPS;
	query->ub = (struct ub_query){.fn = answered, .arg = query};
	ctx = query->plain ? &s->plain : &s->validating;
	r = make_context(s, query->plain ? NULL : anchor, ctx);
	if (r)
		return r;
	s->live++;
	r = ub_context_ask(*ctx, q, &query->ub);
	if (r)
		s->live--;
	return r;
}

void server_silent(struct server *s, uint64_t since)
{
	if (s->last_answer >= since)
		return;
	s->silent = true;
	if (server_is_down(s))
		return;
	s->down_for = s->down_for ? s->down_for * 2 : DOWN_FIRST;
	if (s->down_for > DOWN_MAX)
		s->down_for = DOWN_MAX;
	s->down_until = clock_monotonic() + s->down_for;
}

bool server_is_down(const struct server *s)
{
	return s->down_until > clock_monotonic();
}

bool server_was_silent(const struct server *s)
{
	return s->silent;
}

void server_hold(struct server *s)
{
	s->held++;
}

void server_release(struct server *s)
{
	s->held--;
}

bool server_is_idle(const struct server *s)
{
	return s->live == 0 && s->held == 0;
}
