/* Which nodes of a scenario; their coming and going. */
#undef NDEBUG
#include "tests/sim/scenario.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Between two nodes that join: about as a lab starts them. */
#define JOIN_PACE (SIM_SECOND / 1000)
#define NODES_MAX 100000

static struct sim *network(struct scenario *s)
{
	if (!s->sim)
		words_fail(&s->words, "there are no nodes yet");
	return s->sim;
}

void crowd_finish(struct crowd *c)
{
	free(c->list);
	*c = (struct crowd){0};
}

static struct crowd all_of(struct scenario *s, bool living)
{
	struct sim *sim = network(s);
	struct crowd c = {.list = calloc(sim_len(sim) + 1, sizeof(*c.list))};
	assert(c.list);
	for (size_t i = 0; i < sim_len(sim); i++)
		if (sim_alive(sim, i) == living)
			c.list[c.len++] = i;
	return c;
}

/* `n` of them by lot, in their order. */
static void draw(struct scenario *s, struct crowd *c, size_t n)
{
	size_t kept = 0;
	if (n > c->len)
		words_fail(&s->words, "there are only %zu of them", c->len);
	for (size_t i = 0; i < c->len && kept < n; i++)
		if (sim_random(s->sim) % (c->len - i) < n - kept)
			c->list[kept++] = c->list[i];
	c->len = kept;
}

static void only_range(struct crowd *c, size_t from, size_t to)
{
	size_t kept = 0;
	for (size_t i = 0; i < c->len; i++)
		if (c->list[i] >= from && c->list[i] <= to)
			c->list[kept++] = c->list[i];
	c->len = kept;
}

typedef bool is_fn(struct sim *sim, size_t node, int which);

static bool is_of_families(struct sim *sim, size_t node, int which)
{
	return sim_families(sim, node) == which;
}

static bool is_behind_nat(struct sim *sim, size_t node, int which)
{
	return sim_has_nat(sim, node) == which;
}

static bool is_on_side(struct sim *sim, size_t node, int which)
{
	return sim_side(sim, node) == which;
}

static void only(struct scenario *s, struct crowd *c, is_fn *is, int which)
{
	size_t kept = 0;
	for (size_t i = 0; i < c->len; i++)
		if (is(s->sim, c->list[i], which))
			c->list[kept++] = c->list[i];
	c->len = kept;
}

static void only_numbers(struct scenario *s, struct crowd *c)
{
	const char *text = words_next(&s->words, "a range of nodes");
	unsigned long from, to;
	char more;
	if (sscanf(text, "%lu-%lu%c", &from, &to, &more) != 2 || !from || to < from)
		words_fail(&s->words, "\"%s\" is not a range of nodes such as 1-5", text);
	only_range(c, from - 1, to - 1);
}

/* "10 nodes", "20%" */
static void only_some(struct scenario *s, struct crowd *c)
{
	struct value v = words_value(&s->words, "a choice of nodes");
	if (v.unit == UNIT_PERCENT && v.number >= 0 && v.number <= 1) {
		draw(s, c, (size_t)(v.number * (double)c->len + 0.5));
		return;
	}
	if (v.unit != UNIT_PLAIN || v.number < 0 ||
		!(words_take(&s->words, "nodes") || words_take(&s->words, "node")))
		words_fail(&s->words, "not a choice of nodes");
	draw(s, c, (size_t)v.number);
}

struct crowd crowd_named(struct scenario *s, bool living)
{
	struct words *w = &s->words;
	struct crowd c = all_of(s, living);
	if (words_take(w, "all") || words_take(w, "any")) {
	} else if (words_take(w, "node")) {
		size_t node = words_count(w, "the number of a node", 1, sim_len(s->sim)) - 1;
		only_range(&c, node, node);
	} else if (words_take(w, "nodes")) {
		only_numbers(s, &c);
	} else if (words_take(w, "side")) {
		only(s, &c, is_on_side, (int)words_count(w, "the number of a side", 1, 2) - 1);
	} else if (words_take(w, "new")) {
		only_range(&c, s->newest, SIZE_MAX);
	} else if (words_take(w, "nat")) {
		only(s, &c, is_behind_nat, true);
	} else if (words_take(w, "open")) {
		only(s, &c, is_behind_nat, false);
	} else if (words_take(w, "ipv4")) {
		only(s, &c, is_of_families, 4);
	} else if (words_take(w, "ipv6")) {
		only(s, &c, is_of_families, 6);
	} else if (words_take(w, "both")) {
		only(s, &c, is_of_families, 46);
	} else {
		only_some(s, &c);
	}
	if (!c.len)
		words_fail(w, "there is no such node that is %s", living ? "alive" : "dead");
	return c;
}

struct crowd crowd_by(struct scenario *s)
{
	return words_take(&s->words, "by") ? crowd_named(s, true) : all_of(s, true);
}

size_t crowd_any(struct scenario *s, const struct crowd *c)
{
	assert(c->len);
	size_t first = sim_random(s->sim) % c->len;
	/* Some may have gone meanwhile, where nodes come and go. */
	for (size_t i = 0; i < c->len; i++)
		if (sim_alive(s->sim, c->list[(first + i) % c->len]))
			return c->list[(first + i) % c->len];
	words_fail(&s->words, "all of them are gone");
}

/* Sessions last a time without memory: the chance to go is the same at each moment. */
static void begin_session(struct scenario *s, size_t node)
{
	if (node >= s->ends_len) {
		s->ends = realloc(s->ends, (node + 1) * sizeof(*s->ends));
		assert(s->ends);
		s->ends_len = node + 1;
	}
	double chance = ((double)(sim_random(s->sim) >> 11) + 1) / 0x1p53;
	s->ends[node] = s->session ? sim_now(s->sim) + (uint64_t)(-log(chance) * s->session)
				   : UINT64_MAX;
}

static bool share_family(struct sim *sim, size_t one, size_t other)
{
	int a = sim_families(sim, one), b = sim_families(sim, other);
	return a == b || a == 46 || b == 46;
}

/* A living node that a newcomer can be told of: one that can be reached. */
static void join_by_any(struct scenario *s, size_t node, const struct crowd *by)
{
	struct crowd fit = {.list = calloc(by->len + 1, sizeof(*fit.list))};
	assert(fit.list);
	for (size_t i = 0; i < by->len; i++) {
		size_t other = by->list[i];
		if (other != node && share_family(s->sim, node, other) &&
			sim_side(s->sim, other) == sim_side(s->sim, node) &&
			!sim_has_nat(s->sim, other) && !sim_is_read_only(s->sim, other))
			fit.list[fit.len++] = other;
	}
	if (fit.len)
		sim_join(s->sim, node, crowd_any(s, &fit));
	crowd_finish(&fit);
}

/* One goes, and one of its kind comes. */
static void replace(struct scenario *s, size_t node)
{
	sim_kill(s->sim, node, false);
	size_t fresh = sim_add(s->sim, sim_families(s->sim, node));
	sim_set_nat(s->sim, fresh, sim_has_nat(s->sim, node));
	sim_set_side(s->sim, fresh, sim_side(s->sim, node));
	if (sim_is_read_only(s->sim, node))
		sim_set_read_only(s->sim, fresh);
	begin_session(s, fresh);
	struct crowd living = all_of(s, true);
	/* Who is told of one that goes at the next moment is alone for ever: of two. */
	join_by_any(s, fresh, &living);
	join_by_any(s, fresh, &living);
	crowd_finish(&living);
}

/* The living node whose session ends first, and when. */
static size_t next_to_go(const struct scenario *s, uint64_t *ret_at)
{
	size_t first = SIZE_MAX;
	for (size_t i = 0; i < s->ends_len; i++)
		if (sim_alive(s->sim, i) && (first == SIZE_MAX || s->ends[i] < *ret_at)) {
			first = i;
			*ret_at = s->ends[i];
		}
	return first;
}

void scenario_wait(struct scenario *s, uint64_t microseconds)
{
	uint64_t end = sim_now(s->sim) + microseconds, at = 0;
	for (size_t node; (node = next_to_go(s, &at)) != SIZE_MAX && at <= end;) {
		if (at > sim_now(s->sim))
			sim_run(s->sim, at - sim_now(s->sim));
		replace(s, node);
	}
	if (end > sim_now(s->sim))
		sim_run(s->sim, end - sim_now(s->sim));
}

/* nodes N [ipv4|ipv6|both] [nat] [read-only] [by WHO] */
void scenario_nodes(struct scenario *s)
{
	struct words *w = &s->words;
	size_t n = words_count(w, "a number of nodes", 1, NODES_MAX);
	int families = words_take(w, "ipv6") ? 6 : words_take(w, "both") ? 46 : 4;
	if (families == 4)
		words_take(w, "ipv4");
	bool nat = words_take(w, "nat"), read_only = words_take(w, "read-only");
	if (!s->sim)
		s->sim = sim_create(&s->config);
	struct crowd by = {0};
	if (words_take(w, "by"))
		by = crowd_named(s, true);
	words_end(w);
	s->newest = sim_len(s->sim);
	for (size_t i = 0; i < n; i++) {
		size_t node = sim_add(s->sim, families);
		sim_set_nat(s->sim, node, nat);
		if (read_only)
			sim_set_read_only(s->sim, node);
		begin_session(s, node);
		if (by.len)
			join_by_any(s, node, &by);
		else if (node > 0)
			sim_join(s->sim, node, 0);
		sim_run(s->sim, JOIN_PACE);
	}
	crowd_finish(&by);
}

/* kill WHO [refusing] */
void scenario_kill(struct scenario *s)
{
	struct crowd c = crowd_named(s, true);
	bool refuse = words_take(&s->words, "refusing");
	words_end(&s->words);
	for (size_t i = 0; i < c.len; i++)
		sim_kill(s->sim, c.list[i], refuse);
	crowd_finish(&c);
}

/* restart WHO: under the same id, with its items and the table that it had */
void scenario_restart(struct scenario *s)
{
	struct crowd c = crowd_named(s, false);
	words_end(&s->words);
	for (size_t i = 0; i < c.len; i++) {
		sim_restart(s->sim, c.list[i], true);
		sim_rejoin(s->sim, c.list[i]);
		begin_session(s, c.list[i]);
		sim_run(s->sim, JOIN_PACE);
	}
	crowd_finish(&c);
}

/* churn MEAN|off: nodes live so long on average, and others come in their place */
void scenario_churn(struct scenario *s)
{
	s->session = 0;
	if (!words_take(&s->words, "off"))
		s->session = words_of_unit(&s->words, "the mean length of a session", UNIT_TIME);
	words_end(&s->words);
	for (size_t i = 0; i < sim_len(network(s)); i++)
		begin_session(s, i);
}

/* partition WHO: they are side 2 from now on, the others side 1 */
void scenario_partition(struct scenario *s)
{
	struct crowd c = crowd_named(s, true);
	words_end(&s->words);
	for (size_t i = 0; i < c.len; i++)
		sim_set_side(s->sim, c.list[i], 1);
	crowd_finish(&c);
}

void scenario_heal(struct scenario *s)
{
	words_end(&s->words);
	for (size_t i = 0; i < sim_len(network(s)); i++)
		sim_set_side(s->sim, i, 0);
}

static int64_t start_of_year(double year)
{
	return (int64_t)((year - 1970) * 365.2425 * 86400e6);
}

/* clock WHO +10y|-10y|1970|right */
void scenario_clock(struct scenario *s)
{
	struct crowd c = crowd_named(s, true);
	int64_t ahead = 0;
	if (!words_take(&s->words, "right")) {
		struct value v = words_value(&s->words, "a time or a year");
		ahead = v.unit == UNIT_TIME ? (int64_t)v.number
					    : start_of_year(v.number) - sim_wall(s->sim);
	}
	words_end(&s->words);
	for (size_t i = 0; i < c.len; i++)
		sim_set_clock(s->sim, c.list[i], ahead);
	crowd_finish(&c);
}
