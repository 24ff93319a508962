/* One upstream: what is under way there, and whether it answers. */
#include "resolver/server_inside.h"

#include "resolver/clock.h"
#include "resolver/relay.h"

#include <errno.h>
#include <event2/event.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/random.h>

/* How often a silent server is tried. A context made for that costs 5 ms. */
#define RETRY_PAUSE (10 * SECOND)
/* What is asked and not answered within that has fallen silent. */
#define SILENCE (1200 * (SECOND / 1000))
/* libunbound asks a forwarder no more that it holds dead. Then a context that knows nothing of that
 * takes over, which costs 5 ms; so not for every question. */
#define RENEW_PAUSE (1 * SECOND)
/* The relay's socket holds a few hundred questions; more may come in one turn of the loop. */
#define UNREAD_MAX 64

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
	event_assign(&s->settle, config->base, -1, 0, server_on_settle, s);
	*ret_server = s;
	return 0;
}

void server_shut(struct server *s)
{
	server_drop_contexts(s);
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
		server_drop_contexts(s);
}

void server_counters(const struct server *s, struct server_counters *ret_counters)
{
	*ret_counters = s->counters;
	ret_counters->down = s->down;
	ret_counters->dnssec = s->dnssec;
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
		return server_suspect(s, answer->failed ? SERVER_FAILED : SERVER_VALIDATED);
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

void server_begin_live(struct server *s)
{
	s->live++;
	++*s->config->all_live;
}

void server_end_live(struct server *s)
{
	s->live--;
	--*s->config->all_live;
}

static void end_query(struct server *s, const struct server_query *query)
{
	server_end_live(s);
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
		server_renew(s);
	if (is_full(s))
		return -EBUSY;
	r = domain_share_take(
		&s->domains, &q->name, s->live < max / 2 ? UINT_MAX : max, &query->places);
	if (r)
		return r;
	server_begin_live(s);
	s->abandoned += query->abandoned;
	return 0;
}

int server_ask(struct server *s, const struct question *q, struct server_query *query)
{
	const char *anchor = s->config->trust_anchor;
	struct ub_ctx **ctx;
	int r;

	server_freshen(s);
	r = server_check_route(s);
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
	r = server_make_context(s, query->plain ? NULL : anchor, ctx);
	if (r) {
		end_query(s, query);
		return r;
	}
	/* Beside the first question: one that waits for libunbound to find out takes seconds. */
	if (!query->plain && server_may_probe(s))
		server_begin_probe(s);
	s->counters.asked++;
	s->asking = true;
	r = ub_context_ask(*ctx, q, &query->ub); /* the query may be gone then, answered */
	s->asking = false;
	if (r)
		end_query(s, query);
	if (s->relay && ++s->unread == UNREAD_MAX) {
		s->unread = 0;
		relay_read(s->relay);
	}
	return r;
}

void server_silent(struct server *s, uint64_t since)
{
	if (s->last_answer >= since || s->down)
		return;
	s->down = true;
	s->retried = clock_monotonic();
}

bool server_strips(const struct server *s)
{
	return s->dnssec == DNSSEC_STRIPS;
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
	server_renew(s);
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
