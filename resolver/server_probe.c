/* Does an upstream let DNSSEC through? What is asked to find that out, and what follows. */
#include "resolver/server_inside.h"

#include "resolver/clock.h"
#include "resolver/packet.h"
#include "resolver/udp_relay.h"

#include <event2/event.h>
#include <stdio.h>

/* A server that fails to answer the probe is not probed again for each question. */
#define PROBE_PAUSE (30 * SECOND)
/* Of what a question costs the server nothing is to be twice: the keys that the probe and the
 * validator want, and what is asked once more when it is known what the server is. */
#define KEEP_PROBING (10 * SECOND)
#define KEEP_SETTLED (SECOND / 2)

static void keep_answers(const struct server *s, uint64_t time)
{
	if (s->relay)
		udp_relay_keep(s->relay, clock_monotonic() + time);
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
	keep_answers(s, KEEP_SETTLED);
	s->stage = PROBE_NONE;
}

static void probe_answered(void *arg, const struct ub_answer *answer)
{
	struct server *s = arg;

	server_end_live(s);
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
	server_begin_live(s);
	if (server_make_context(s, NULL, &s->plain) || ub_context_ask(s->plain, &q, &s->probe))
		probe_answered(s, &(struct ub_answer){.failed = true});
}

void server_on_settle(evutil_socket_t fd, short what, void *arg)
{
	struct server *s = arg;

	(void)fd;
	(void)what;
	if (s->held_dead)
		server_renew(s);
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

bool server_may_probe(const struct server *s)
{
	return s->forwards && s->dnssec == DNSSEC_UNKNOWN &&
	       (s->probed_at == 0 || clock_monotonic() - s->probed_at >= PROBE_PAUSE);
}

void server_begin_probe(struct server *s)
{
	s->dnssec = DNSSEC_PROBING;
	keep_answers(s, KEEP_PROBING);
	event_active(&s->settle, EV_TIMEOUT, 0);
}

enum server_outcome server_suspect(struct server *s, enum server_outcome outcome)
{
	/* Who says nothing strips nothing. */
	if (outcome == SERVER_FAILED && s->down)
		return outcome;
	switch (s->dnssec) {
	case DNSSEC_PASSES:
		return outcome;
	case DNSSEC_UNKNOWN:
		/* It has not even the root's keys: nothing that it says proves anything. */
		if (!server_may_probe(s))
			return SERVER_FAILED;
		server_begin_probe(s);
		return outcome == SERVER_FAILED ? SERVER_UNSURE : SERVER_WAIT;
	case DNSSEC_PROBING:
		return outcome == SERVER_FAILED ? SERVER_UNSURE : SERVER_WAIT;
	case DNSSEC_STRIPS: /* asked before that was known */
		event_active(&s->settle, EV_TIMEOUT, 0);
		return SERVER_WAIT;
	}
	return outcome;
}
