/* One upstream: its contexts, its health, and the probe for DNSSEC. */
#include "resolver/server.h"

#include "resolver/clock.h"
#include "resolver/packet.h"

#include <errno.h>
#include <event2/event.h>
#include <event2/event_struct.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

/* How often a silent server is tried. A context made for that costs 5 ms. */
#define RETRY_PAUSE (10 * SECOND)
/* A server that fails to answer the probe is not probed again for each question. */
#define PROBE_PAUSE (30 * SECOND)
/* What is asked and not answered within that has fallen silent. */
#define SILENCE (1200 * (SECOND / 1000))
/* libunbound asks a forwarder no more that it holds dead. Then a context that knows nothing of that
 * takes over, which costs 5 ms; so not for every question. */
#define RENEW_PAUSE (1 * SECOND)
/* One that strips DNSSEC may be replaced by one that does not. */
#define STRIPS_FOR (600 * SECOND)

/* `. DNSKEY` first. A server that fails at it may be dead, or too old to know the type: the
 * second question, `. NS`, tells. One that was named for a zone may know nothing else: its SOA. */
enum probe_stage { PROBE_NONE, PROBE_DNSKEY, PROBE_NS, PROBE_ZONE };

struct server {
	const struct server_config *config;
	struct server_entry entry;
	bool forwards, warned, ip6;
	char forward[SERVER_ADDRESS_TEXT_MAX];
	struct ub_ctx *validating, *plain;
	enum server_dnssec dnssec;
	enum probe_stage stage;
	bool probe_again; /* the second stage is to be asked, from the loop */
	uint64_t probed_at;
	struct ub_query probe;
	struct event settle; /* libunbound is not to be asked from its own callback */
	uint64_t last_answer, retried, renewed;
	bool down, held_dead;
	bool asking; /* in ub_context_ask: what answers now was in its cache */
	bool renewing;
	unsigned live, held, abandoned;
	struct domain_share domains;
	struct server_counters counters;
};

static void on_settle(evutil_socket_t fd, short what, void *arg);

int server_create(const struct server_config *config, const struct server_entry *entry,
	struct server **ret_server)
{
	struct server *s = calloc(1, sizeof(*s));

	if (!s)
		return -ENOMEM;
	s->config = config;
	s->entry = *entry;
	s->counters.id = entry->id;
	if (!entry->recursive) {
		s->forwards = true;
		server_address_to_text(&entry->address, s->forward);
	}
	if (entry->unproven)
		s->dnssec = DNSSEC_STRIPS; /* for good: there is nothing to probe */
	if (getrandom(&s->domains.seed, sizeof(s->domains.seed), 0) < 0) {
		free(s);
		return -EIO;
	}
	event_assign(&s->settle, config->base, -1, 0, on_settle, s);
	*ret_server = s;
	return 0;
}

static void drop_contexts(struct server *s)
{
	if (s->validating)
		ub_context_destroy(s->validating);
	if (s->plain)
		ub_context_destroy(s->plain);
	s->validating = s->plain = NULL;
}

/* Begins anew, with what libunbound has cached and found out gone. What is under way is asked
 * again; there is no other way to end what nobody waits for. */
static void renew(struct server *s)
{
	s->held_dead = false;
	s->renewed = clock_monotonic();
	s->renewing = true;
	drop_contexts(s);
	s->renewing = false;
	event_active(&s->settle, EV_TIMEOUT, 0);
}

void server_shut(struct server *s)
{
	drop_contexts(s);
	event_del(&s->settle);
}

void server_destroy(struct server *s)
{
	if (!s)
		return;
	server_shut(s);
	free(s);
}

const struct server_entry *server_entry(const struct server *s)
{
	return &s->entry;
}

void server_update(struct server *s, const struct server_entry *entry)
{
	bool loops = entry->loops && !s->entry.loops;

	s->entry = *entry;
	if (loops)
		drop_contexts(s);
}

void server_counters(const struct server *s, struct server_counters *ret_counters)
{
	*ret_counters = s->counters;
	ret_counters->down = s->down;
	ret_counters->dnssec = s->dnssec;
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
		return s->entry.address.addr.ss_family == AF_INET6;
	return route_to("2001:503:ba3e::2:30") == 0;
}

static int check_route(const struct server *s)
{
	if (s->forwards)
		return server_address_route(&s->entry.address);
	if (s->config->loopback_servers || route_to("198.41.0.4") == 0)
		return 0;
	return route_to("2001:503:ba3e::2:30");
}

static int make_context(struct server *s, const char *trust_anchor, struct ub_ctx **ctx)
{
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
		.lan = s->entry.lan,
		.test_zones = s->config->test_zones,
		.loopback_servers = s->config->loopback_servers,
		.sockets = s->config->live_max,
	};
	int r;

	if (*ctx)
		return 0;
	r = !s->forwards && !config.root_hints ? -ENOENT : ub_context_create(&config, ctx);
	if (r && !s->warned) {
		s->warned = true;
		fprintf(stderr, "kadns: upstream %s: %s\n", s->entry.label,
			r == -ENOENT ? "no root hints" : strerror(-r));
	}
	return r ? -EREMOTEIO : 0;
}

/* What was true when the contexts were made and is no more: a server that stripped DNSSEC is tried
 * again, and a recursion that began without a way to IPv6, or with one, begins anew. Whatever is
 * under way: who keeps one slow question there could otherwise keep validation off. */
static void freshen(struct server *s)
{
	bool ip6 = has_ip6(s), old = s->dnssec == DNSSEC_STRIPS && !s->entry.unproven &&
				     clock_monotonic() - s->probed_at > STRIPS_FOR;

	if (old)
		s->dnssec = DNSSEC_UNKNOWN;
	if (old || ip6 != s->ip6)
		renew(s);
	s->ip6 = ip6;
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

static void settle(struct server *s, enum server_dnssec dnssec)
{
	/* A secure answer that came meanwhile has settled it for good. */
	if (s->dnssec == DNSSEC_PROBING)
		s->dnssec = dnssec;
	if (s->dnssec == DNSSEC_STRIPS && !s->warned) {
		s->warned = true;
		fprintf(stderr, "kadns: upstream %s %s: its answers are used without validation\n",
			s->entry.label,
			s->stage == PROBE_ZONE ? "answers for its zone alone" : "strips DNSSEC");
	}
	s->stage = PROBE_NONE;
}

static void begin_live(struct server *s)
{
	s->live++;
	++*s->config->all_live;
}

static void end_live(struct server *s)
{
	s->live--;
	--*s->config->all_live;
}

static void probe_answered(void *arg, const struct ub_answer *answer)
{
	struct server *s = arg;

	end_live(s);
	if (!answer->failed)
		s->last_answer = clock_monotonic();
	if (s->stage == PROBE_DNSKEY && !answer->failed)
		settle(s, has_rrsig(answer->message, answer->len) ? DNSSEC_PASSES : DNSSEC_STRIPS);
	else if (!answer->failed)
		settle(s, DNSSEC_STRIPS);
	else if (!s->entry.loops &&
		 (s->stage == PROBE_DNSKEY || (s->stage == PROBE_NS && s->entry.zone.len > 1)))
		s->probe_again = true;
	else
		settle(s, DNSSEC_UNKNOWN);
	event_active(&s->settle, EV_TIMEOUT, 0);
}

static void probe(struct server *s, enum probe_stage stage)
{
	struct question q = {.name = {.len = 1},
		.type = stage == PROBE_DNSKEY ? TYPE_DNSKEY : TYPE_NS,
		.class = CLASS_IN};

	if (stage == PROBE_ZONE) {
		q.name = s->entry.zone;
		q.type = TYPE_SOA;
	}
	s->stage = stage;
	s->probe = (struct ub_query){.fn = probe_answered, .arg = s};
	begin_live(s);
	if (make_context(s, NULL, &s->plain) || ub_context_ask(s->plain, &q, &s->probe))
		probe_answered(s, &(struct ub_answer){.failed = true});
}

static void on_settle(evutil_socket_t fd, short what, void *arg)
{
	struct server *s = arg;

	(void)fd;
	(void)what;
	if (s->held_dead)
		renew(s);
	if (s->entry.loops && s->stage == PROBE_NONE)
		settle(s, DNSSEC_UNKNOWN);
	if (s->dnssec == DNSSEC_PROBING && s->stage == PROBE_NONE) {
		s->probed_at = clock_monotonic();
		probe(s, PROBE_DNSKEY);
		return;
	}
	if (s->probe_again) {
		s->probe_again = false;
		probe(s, s->stage + 1);
		return;
	}
	if (s->stage != PROBE_NONE)
		return;
	if (s->dnssec == DNSSEC_PASSES && s->plain) {
		ub_context_destroy(s->plain);
		s->plain = NULL;
	}
	/* libunbound would ask on for the signatures that do not come. This calls back for what is
	 * under way there, which waits for `settled` then. */
	if (s->dnssec == DNSSEC_STRIPS && s->validating) {
		ub_context_destroy(s->validating);
		s->validating = NULL;
	}
	s->config->settled(s->config->ctx, s);
}

static bool may_probe(const struct server *s)
{
	return s->forwards && s->dnssec == DNSSEC_UNKNOWN &&
	       (s->probed_at == 0 || clock_monotonic() - s->probed_at >= PROBE_PAUSE);
}

static void begin_probe(struct server *s)
{
	s->dnssec = DNSSEC_PROBING;
	event_active(&s->settle, EV_TIMEOUT, 0);
}

/* An answer of the validating context that may be due to a server that strips. */
static enum server_outcome suspect(struct server *s, enum server_outcome outcome)
{
	switch (s->dnssec) {
	case DNSSEC_PASSES:
		return outcome;
	case DNSSEC_UNKNOWN:
		/* It has not even the root's keys: nothing that it says proves anything. */
		if (!may_probe(s))
			return SERVER_FAILED;
		begin_probe(s);
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
	if (s->entry.loops && answer->failed)
		return SERVER_FAILED;
	if (s->renewing || (s->held_dead && answer->failed))
		return SERVER_WAIT;
	if (query->plain)
		return answer->failed ? SERVER_FAILED : SERVER_UNVALIDATED;
	if (answer->secure)
		s->dnssec = DNSSEC_PASSES;
	if (s->forwards && (answer->failed || answer->bogus))
		return suspect(s, answer->failed ? SERVER_FAILED : SERVER_VALIDATED);
	return answer->failed ? SERVER_FAILED : SERVER_VALIDATED;
}

/* What libunbound had in its cache, or knows by itself, tells nothing of the server. Of eight
 * measurements the newest counts as much as one. */
static void note_answer(struct server *s, const struct server_query *query)
{
	uint64_t now = clock_monotonic();
	int64_t took = (int64_t)(now - query->begun);

	s->counters.answered++;
	if (s->asking)
		return;
	s->last_answer = now;
	s->down = false;
	if (s->counters.rtt == 0)
		s->counters.rtt = (uint32_t)took;
	else
		s->counters.rtt = (uint32_t)(s->counters.rtt + (took - s->counters.rtt) / 8);
}

/* Without a word from the server, as far as anybody can tell. In recursion others have failed. */
static void note_failure(struct server *s, const struct server_query *query)
{
	uint64_t now = clock_monotonic();

	s->counters.failed++;
	if (!s->forwards)
		return;
	if (now - query->begun >= SILENCE)
		server_silent(s, query->begun);
	if (!s->asking || now - s->renewed < RENEW_PAUSE)
		return;
	s->held_dead = true;
	event_active(&s->settle, EV_TIMEOUT, 0);
}

static void end_query(struct server *s, const struct server_query *query)
{
	end_live(s);
	domain_share_give(&s->domains, &query->places);
	s->abandoned -= query->abandoned;
}

static void answered(void *arg, const struct ub_answer *answer)
{
	struct server_query *query = arg;
	struct server *s = query->server;

	end_query(s, query);
	if (!answer->failed)
		note_answer(s, query);
	else if (!s->renewing)
		note_failure(s, query);
	query->fn(query->arg, judge(s, query, answer), answer);
}

void server_abandon(struct server_query *query)
{
	query->abandoned = true;
	query->server->abandoned++;
}

static bool is_full(const struct server *s)
{
	return s->live >= s->config->live_max || *s->config->all_live >= s->config->all_live_max;
}

/* A place for the question. 0, -EBUSY, -EDQUOT. While half of all places are free, a domain of
 * which much is asked keeps nobody out. */
static int begin_query(struct server *s, const struct question *q, struct server_query *query)
{
	unsigned max = s->config->live_max;
	int r;

	if (is_full(s) && s->abandoned > s->live / 2)
		renew(s);
	if (is_full(s))
		return -EBUSY;
	r = domain_share_take(
		&s->domains, &q->name, s->live < max / 2 ? UINT_MAX : max, &query->places);
	if (r)
		return r;
	begin_live(s);
	s->abandoned += query->abandoned;
	return 0;
}

int server_ask(struct server *s, const struct question *q, struct server_query *query)
{
	const char *anchor = s->config->trust_anchor;
	struct ub_ctx **ctx;
	int r;

	freshen(s);
	r = check_route(s);
	if (r)
		return r;
	query->server = s;
	query->plain = !anchor || s->dnssec == DNSSEC_STRIPS;
	query->begun = clock_monotonic();
	query->ub = (struct ub_query){.fn = answered, .arg = query};
	ctx = query->plain ? &s->plain : &s->validating;
	r = begin_query(s, q, query);
	if (r)
		return r;
	r = make_context(s, query->plain ? NULL : anchor, ctx);
	if (r) {
		end_query(s, query);
		return r;
	}
	/* Beside the first question: one that waits for libunbound to find out takes seconds. */
	if (!query->plain && may_probe(s))
		begin_probe(s);
	s->counters.asked++;
	s->asking = true;
	r = ub_context_ask(*ctx, q, &query->ub); /* the query may be gone then, answered */
	s->asking = false;
	if (r)
		end_query(s, query);
	return r;
}

void server_silent(struct server *s, uint64_t since)
{
	if (s->last_answer >= since || s->down)
		return;
	s->down = true;
	s->retried = clock_monotonic();
}

bool server_is_down(const struct server *s)
{
	return s->down;
}

bool server_retry(struct server *s)
{
	uint64_t now = clock_monotonic();

	if (!s->down || now - s->retried < RETRY_PAUSE)
		return false;
	s->retried = now;
	/* libunbound does not ask for a minute what it has found dead. */
	renew(s);
	return true;
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

bool server_is_busy(const struct server *s)
{
	return s->live > 0;
}
