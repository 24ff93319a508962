/* How the servers do: which of them ask us what we ask them, and what is counted of each. */
#include "resolver/upstream_list_inside.h"

#include "resolver/clock.h"

#include <stdio.h>

/* Then it may have been mended. Until then a question that has no other server fails at once. */
#define LOOP_PAUSE (60 * SECOND)
/* What looks like a loop may be two people with the same question, all day. */
#define PROBE_PAUSE (60 * SECOND)

const struct name *upstream_list_zone(const struct upstream_list *list, const struct name *name)
{
	static const struct name root = {.len = 1};
	const struct name *longest = &root;

	for (size_t i = 0; i < list->servers.len; i++) {
		const struct name *zone = &list->servers.servers[i].zone;

		if (zone->len > longest->len && name_under(name, zone))
			longest = zone;
	}
	return longest;
}

const struct server_entry *upstream_list_suspect(
	struct upstream_list *list, const struct name *name, size_t nth)
{
	const struct name *zone = upstream_list_zone(list, name);
	uint64_t now = clock_monotonic();

	for (size_t i = 0; i < list->servers.len; i++) {
		const struct server_entry *e = &list->servers.servers[i];
		struct loop *loop = &list->loops[i];

		if (!name_equal(&e->zone, zone) || e->loops || list->now[i].down || nth-- > 0)
			continue;
		if (e->recursive || (loop->probed && now - loop->probed < PROBE_PAUSE))
			return NULL;
		loop->probed = now;
		return e;
	}
	return NULL;
}

void upstream_list_loops(struct upstream_list *list, uint32_t id)
{
	char line[2 * UPSTREAM_LABEL_MAX];

	for (size_t i = 0; i < list->servers.len; i++) {
		struct server_entry *e = &list->servers.servers[i];

		if (e->id != id)
			continue;
		snprintf(line, sizeof(line),
			"upstream %s asks us what we ask it: it is left out for now", e->label);
		if (list->loops[i].until == 0)
			upstream_list_say(list, line);
		list->loops[i].until = clock_monotonic() + LOOP_PAUSE;
		e->loops = 1;
	}
}

void upstream_list_loops_below(struct upstream_list *list, uint32_t id, const struct name *domain)
{
	char text[NAME_TEXT_MAX], line[2 * UPSTREAM_LABEL_MAX + NAME_TEXT_MAX];

	name_to_text(domain, text);
	for (size_t i = 0; i < list->servers.len; i++) {
		const struct server_entry *e = &list->servers.servers[i];
		struct loop *loop = &list->loops[i];

		if (e->id != id || e->loops)
			continue;
		snprintf(line, sizeof(line), "upstream %s asks us what we ask it below %s",
			e->label, text);
		if (!name_equal(&loop->domain, domain))
			upstream_list_say(list, line);
		loop->domain = *domain;
		loop->domain_until = clock_monotonic() + LOOP_PAUSE;
	}
}

bool upstream_list_is_loop(const struct upstream_list *list, size_t i, const struct name *name)
{
	const struct loop *loop = &list->loops[i];

	return list->servers.servers[i].loops ||
	       (loop->domain_until > clock_monotonic() && name_under(name, &loop->domain));
}

bool upstream_list_retry(struct upstream_list *list)
{
	bool found = false;

	for (size_t i = 0; i < list->servers.len; i++) {
		struct server_entry *e = &list->servers.servers[i];

		if (!e->loops || list->loops[i].until > clock_monotonic())
			continue;
		e->loops = 0;
		list->loops[i].probed = 0;
		found = true;
	}
	return found;
}

void upstream_list_count(
	struct upstream_list *list, const struct server_counters *counters, size_t len)
{
	for (size_t i = 0; i < list->servers.len; i++)
		for (size_t k = 0; k < len; k++)
			if (counters[k].id == list->servers.servers[i].id)
				list->now[i] = counters[k];
}

void upstream_list_died(struct upstream_list *list)
{
	for (size_t i = 0; i < list->servers.len; i++) {
		list->before[i].asked += list->now[i].asked;
		list->before[i].answered += list->now[i].answered;
		list->before[i].failed += list->now[i].failed;
		list->now[i] = (struct server_counters){0};
	}
}

static const char *dnssec_text(enum server_dnssec dnssec)
{
	switch (dnssec) {
	case DNSSEC_UNKNOWN:
	case DNSSEC_PROBING:
		return "unknown";
	case DNSSEC_PASSES:
		return "passes";
	case DNSSEC_STRIPS:
		return "strips";
	}
	return "unknown";
}

void upstream_list_each(const struct upstream_list *list, upstream_server_fn *fn, void *ctx)
{
	for (size_t i = 0; i < list->servers.len; i++) {
		const struct server_counters *now = &list->now[i], *before = &list->before[i];
		const struct upstream_server server = {.label = list->servers.servers[i].label,
			.asked = before->asked + now->asked,
			.answered = before->answered + now->answered,
			.failed = before->failed + now->failed,
			.rtt = now->rtt,
			.down = now->down,
			.loops = list->servers.servers[i].loops,
			.dnssec = dnssec_text((enum server_dnssec)now->dnssec)};

		fn(ctx, i, &server);
	}
}
