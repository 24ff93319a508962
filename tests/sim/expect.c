/* What must hold in a scenario. */
#undef NDEBUG
#include "tests/sim/scenario.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Measurements of operations */

static const struct {
	const char *name;
	enum unit unit;
} kinds[MEASURED_KINDS] = {
	[MEASURED_SUCCESS] = {"success", UNIT_PERCENT},
	[MEASURED_OLDER] = {"older", UNIT_PERCENT},
	[MEASURED_TIME] = {"time", UNIT_TIME},
	[MEASURED_FIRST] = {"first", UNIT_TIME},
	[MEASURED_SIXTH] = {"sixth", UNIT_TIME},
	[MEASURED_QUERIES] = {"queries", UNIT_PLAIN},
	[MEASURED_COPIES] = {"copies", UNIT_PLAIN},
};

static enum measured kind_named(const struct words *w, const char *name)
{
	for (size_t i = 0; i < MEASURED_KINDS; i++)
		if (!strcmp(name, kinds[i].name))
			return (enum measured)i;
	words_fail(w, "\"%s\" is not measured", name);
}

/* Tables: of each living node the number of entries of a kind. */

enum entries { ENTRIES_ALL, ENTRIES_GOOD, ENTRIES_DEAD, ENTRIES_NAT, ENTRIES_READ_ONLY };

static const char *const entry_names[] = {
	[ENTRIES_ALL] = "size",
	[ENTRIES_GOOD] = "good",
	[ENTRIES_DEAD] = "dead",
	[ENTRIES_NAT] = "nat",
	[ENTRIES_READ_ONLY] = "read-only",
};

struct counting {
	struct sim *sim;
	enum entries which;
	unsigned count;
};

static void count_entry(void *ctx, const struct dht_node_info *info)
{
	struct counting *c = ctx;
	size_t node = sim_node_of(c->sim, &info->contact.endpoint);
	switch (c->which) {
	case ENTRIES_ALL:
		c->count++;
		break;
	case ENTRIES_GOOD:
		c->count += info->failures == 0;
		break;
	case ENTRIES_DEAD:
		c->count += !sim_alive(c->sim, node);
		break;
	case ENTRIES_NAT:
		c->count += sim_has_nat(c->sim, node);
		break;
	case ENTRIES_READ_ONLY:
		c->count += sim_is_read_only(c->sim, node);
		break;
	}
}

static struct samples count_entries(struct scenario *s, const char *name)
{
	struct samples counts = {0};
	size_t which = 0;
	while (strcmp(entry_names[which], name))
		if (++which == sizeof(entry_names) / sizeof(*entry_names))
			words_fail(&s->words, "\"%s\" of tables is not measured", name);
	for (size_t i = 0; i < sim_len(s->sim); i++) {
		struct counting c = {.sim = s->sim, .which = (enum entries)which};
		if (!sim_alive(s->sim, i))
			continue;
		dht_each_node(sim_dht(s->sim, i), count_entry, &c);
		samples_add(&counts, c.count);
	}
	return counts;
}

/* Of each record the living nodes that keep it, in whatever version. */
static struct samples count_copies(struct scenario *s, const struct records *r)
{
	struct samples counts = {0};
	for (size_t i = 0; i < r->len; i++) {
		struct dht_item item;
		struct dht_id target;
		records_wanted(r, i, &item);
		dht_item_target(&item, &target);
		samples_add(&counts, (double)sim_copies(s->sim, &target));
	}
	return counts;
}

/* Packets a second and living node since the last `wait` began. */
static struct samples count_traffic(struct scenario *s)
{
	struct samples traffic = {0};
	size_t living = 0;
	for (size_t i = 0; i < sim_len(s->sim); i++)
		living += sim_alive(s->sim, i);
	double seconds = (double)(sim_now(s->sim) - s->waited_from) / 1e6;
	if (seconds <= 0)
		words_fail(&s->words, "traffic is measured over the `wait` before");
	samples_add(&traffic,
		(double)(sim_packets(s->sim) - s->waited_packets) / seconds / (double)living);
	return traffic;
}

static struct samples copy_of(const struct samples *s)
{
	struct samples copy = {0};
	for (size_t i = 0; i < s->len; i++)
		samples_add(&copy, s->list[i]);
	return copy;
}

/* put|get|miss KIND, tables KIND, copies NAME, traffic */
static struct samples subject(struct scenario *s, enum unit *ret_unit)
{
	struct words *w = &s->words;
	struct measurements *measured = words_take(w, "put")	? &s->put
					: words_take(w, "get")	? &s->get
					: words_take(w, "miss") ? &s->miss
								: NULL;
	*ret_unit = UNIT_PLAIN;
	if (measured) {
		enum measured kind = kind_named(w, words_next(w, "what is measured"));
		*ret_unit = kinds[kind].unit;
		return copy_of(&measured->of[kind]);
	}
	if (words_take(w, "tables"))
		return count_entries(s, words_next(w, "what is counted in tables"));
	if (words_take(w, "copies"))
		return count_copies(s, records_named(s, words_next(w, "the name of records")));
	if (words_take(w, "traffic"))
		return count_traffic(s);
	words_fail(w, "\"%s\" cannot be expected", words_next(w, "what is expected"));
}

static int by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

static double percentile(const struct samples *s, size_t percent)
{
	size_t at = s->len * percent / 100;
	return s->list[at < s->len ? at : s->len - 1];
}

static double mean_of(const struct samples *s)
{
	double sum = 0;
	for (size_t i = 0; i < s->len; i++)
		sum += s->list[i];
	return sum / (double)s->len;
}

static double statistic_of(const struct words *w, const struct samples *s, const char *name)
{
	if (!s->len)
		words_fail(w, "nothing of that kind was measured yet");
	qsort(s->list, s->len, sizeof(*s->list), by_size);
	if (!strcmp(name, "min"))
		return s->list[0];
	if (!strcmp(name, "max"))
		return s->list[s->len - 1];
	if (!strcmp(name, "p50"))
		return percentile(s, 50);
	if (!strcmp(name, "p90"))
		return percentile(s, 90);
	if (!strcmp(name, "p99"))
		return percentile(s, 99);
	return mean_of(s);
}

static const char *statistic_named(struct words *w)
{
	static const char *const names[] = {"min", "max", "p50", "p90", "p99", "mean"};
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (words_take(w, names[i]))
			return names[i];
	return "mean";
}

static bool holds(const struct words *w, double is, const char *operator, double wanted)
{
	/* A mean of thirds is no whole number: far below what anybody writes. */
	double slack = 1e-9 * (wanted > 1 ? wanted : 1);
	if (!strcmp(operator, "<="))
		return is <= wanted + slack;
	if (!strcmp(operator, ">="))
		return is >= wanted - slack;
	if (!strcmp(operator, "="))
		return is >= wanted - slack && is <= wanted + slack;
	words_fail(w, "\"%s\" is none of <= >= =", operator);
}

static void print_words(FILE *to, const struct words *w, size_t len)
{
	for (size_t i = 0; i < len; i++)
		fprintf(to, " %s", w->list[i]);
}

/* expect SUBJECT [min|mean|p50|p90|p99|max] <=|>=|= VALUE. Those that do not hold are counted, so
 * that one run tells all of them. */
void scenario_expect(struct scenario *s)
{
	struct words *w = &s->words;
	struct value is;
	char text[VALUE_TEXT];
	if (!s->sim)
		words_fail(w, "there are no nodes yet");
	struct samples samples = subject(s, &is.unit);
	is.number = statistic_of(w, &samples, statistic_named(w));
	size_t said = w->next;
	const char *operator= words_next(w, "<=, >= or =");
	struct value wanted = words_value(w, "a value");
	words_end(w);
	if (wanted.unit != is.unit)
		words_fail(w, "\"%s\" is of another kind than what is measured", w->list[said + 1]);
	bool good = holds(w, is.number, operator, wanted.number);
	value_to_text(&is, text);
	if (good) {
		printf("#");
		print_words(stdout, w, w->len);
		printf(": %s\n", text);
	} else {
		s->failures++;
		fflush(stdout);
		fprintf(stderr, "%s:%u: not so:", w->file, w->line);
		print_words(stderr, w, w->len);
		fprintf(stderr, " (it is %s)\n", text);
	}
	samples_clear(&samples);
}
