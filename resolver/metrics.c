/* Lines of the status to metrics: the name tells which, and what its labels are. */
#include "resolver/metrics.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NAME_MAX_LEN 96
#define LABELS_MAX 2

/* A part in capitals stands for any word, which becomes a label. A name that goes on behind a
 * pattern with a final dot does so in the metric. The first that fits. */
static const struct pattern {
	const char *pattern, *metric, *labels[LABELS_MAX];
} patterns[] = {
	{"dns.DOOR.took.TIME", "dns_took", {"door", "within"}},
	{"dns.DOOR.from.SOURCE", "dns_from", {"door", "source"}},
	{"dns.DOOR.", "dns_", {"door"}},
	{"dht.in.KIND.", "dht_in_", {"kind"}},
	{"dht.out.KIND.", "dht_out_", {"kind"}},
	{"upstream.N.server", "upstream_server", {"number"}},
	{"upstream.N.", "upstream_server_", {"number"}},
	{"", "", {NULL}},
};

/* What goes up and down; all other numbers only grow, until a restart. */
static const char *const gauges[] = {
	"asks_waiting",
	"bootstrap_addresses",
	"bootstrap_names",
	"bootstrap_names_resolved",
	"bootstrap_nodes",
	"bootstrap_retry_in",
	"cache_bytes",
	"cache_entries",
	"cache_traces",
	"dht_lookups",
	"dht_nodes",
	"dht_read_only",
	"dht_size4",
	"dht_size6",
	"hosts_names",
	"keep_keys",
	"keep_missing",
	"keep_parts",
	"mount_waiting",
	"mount_watches",
	"pins",
	"pkarr_held",
	"publish_queued",
	"records_own",
	"relay_servers",
	"republish_items",
	"republish_turns",
	"store_bytes",
	"store_items",
	"store_memory",
	"upstream_in_flight",
	"upstream_server_down",
	"upstream_server_rtt_us",
};

struct word {
	const char *at;
	size_t len;
};

struct sample {
	char metric[NAME_MAX_LEN]; /* without its prefix and suffix */
	const struct pattern *pattern;
	struct word name, value, label[LABELS_MAX];
	size_t order; /* in the status */
};

static bool is_wild(const char *pattern)
{
	return *pattern >= 'A' && *pattern <= 'Z';
}

static size_t until(const char *at, size_t len, char c)
{
	const char *end = memchr(at, c, len);
	return end ? (size_t)(end - at) : len;
}

/* What of the name is left behind the pattern; false: it does not fit. */
static bool fits(const struct pattern *p, struct sample *s, struct word *ret_rest)
{
	struct word rest = s->name;
	size_t labels = 0;
	for (const char *at = p->pattern; *at;) {
		if (is_wild(at)) {
			size_t n = until(rest.at, rest.len, '.');
			/* A server is a number: upstream.asked is no word of one. */
			if (n == 0 || (*at == 'N' && (*rest.at < '0' || *rest.at > '9')))
				return false;
			s->label[labels++] = (struct word){rest.at, n};
			rest.at += n;
			rest.len -= n;
			at += strcspn(at, ".");
		} else if (rest.len && *rest.at == *at) {
			rest.at++;
			rest.len--;
			at++;
		} else {
			return false;
		}
	}
	*ret_rest = rest;
	return rest.len == 0 || *p->pattern == '\0' || p->pattern[strlen(p->pattern) - 1] == '.';
}

static void read_name(struct sample *s)
{
	const struct pattern *p = patterns;
	struct word rest;
	while (!fits(p, s, &rest))
		p++; /* the last one fits all */
	s->pattern = p;
	snprintf(s->metric, sizeof(s->metric), "%s%.*s", p->metric, (int)rest.len, rest.at);
	for (char *c = s->metric; *c; c++)
		if (*c == '.')
			*c = '_';
}

static bool is_number(struct word w)
{
	for (size_t i = 0; i < w.len; i++)
		if (w.at[i] < '0' || w.at[i] > '9')
			return false;
	return w.len > 0;
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static bool is_gauge(const char *metric)
{
	return bsearch(
		&metric, gauges, sizeof(gauges) / sizeof(*gauges), sizeof(*gauges), compare_names);
}

/* As the metric is called. Words are facts: 1, with the word as a label. */
static const char *suffix_of(const struct sample *s)
{
	size_t n = strlen(s->metric);
	if (!is_number(s->value))
		return "_info";
	if (is_gauge(s->metric) || (n > 6 && strcmp(s->metric + n - 6, "_total") == 0))
		return "";
	return "_total";
}

/* "_us" is what Prometheus counts in seconds. */
static size_t in_microseconds(const struct sample *s)
{
	size_t n = strlen(s->metric);
	return n > 3 && strcmp(s->metric + n - 3, "_us") == 0 ? n - 3 : 0;
}

static void put_full_name(struct text *t, const struct sample *s)
{
	size_t n = in_microseconds(s);
	if (n)
		text_format(t, "kadns_%.*s_seconds%s", (int)n, s->metric, suffix_of(s));
	else
		text_format(t, "kadns_%s%s", s->metric, suffix_of(s));
}

static void put_label(struct text *t, const char *between, struct word key, struct word value)
{
	text_format(t, "%s%.*s=\"", between, (int)key.len, key.at);
	for (size_t i = 0; i < value.len; i++) {
		if (value.at[i] == '"' || value.at[i] == '\\')
			text_put(t, "\\", 1);
		text_put(t, &value.at[i], 1);
	}
	text_put(t, "\"", 1);
}

/* The line of the manual, which tells what it is: one text, not two. */
static void put_help(struct text *t, const struct sample *s)
{
	const char *type = is_number(s->value) && !is_gauge(s->metric) ? "counter" : "gauge";
	size_t skip = 0;
	for (const char *at = s->pattern->pattern; *at; at++) /* of the name, as many dots */
		skip += *at == '.' ? until(s->name.at + skip, s->name.len - skip, '.') + 1 : 0;
	text_puts(t, "# HELP ");
	put_full_name(t, s);
	text_puts(t, " Line ");
	text_puts(t, s->pattern->pattern);
	if (s->pattern->pattern[0] == '\0' ||
		s->pattern->pattern[strlen(s->pattern->pattern) - 1] == '.')
		text_put(t, s->name.at + skip, s->name.len - skip);
	text_puts(t, " of .kadns/status, see kadns-files(7).\n# TYPE ");
	put_full_name(t, s);
	text_format(t, " %s\n", type);
}

static void put_sample(struct text *t, const struct sample *s)
{
	const char *between = "{";
	put_full_name(t, s);
	for (size_t i = 0; i < LABELS_MAX && s->pattern->labels[i]; i++) {
		const char *key = s->pattern->labels[i];
		put_label(t, between, (struct word){key, strlen(key)}, s->label[i]);
		between = ",";
	}
	if (!is_number(s->value)) {
		const char *dot = memrchr(s->name.at, '.', s->name.len);
		const char *key = dot ? dot + 1 : s->name.at;
		put_label(t, between, (struct word){key, (size_t)(s->name.at + s->name.len - key)},
			s->value);
		between = ",";
	}
	text_puts(t, *between == ',' ? "} " : " ");
	if (!is_number(s->value))
		text_puts(t, "1");
	else if (in_microseconds(s))
		text_format(t, "%.6f", strtod(s->value.at, NULL) / 1e6);
	else
		text_put(t, s->value.at, s->value.len);
	text_put(t, "\n", 1);
}

/* All lines of one metric stand together, so that they are told as one. */
static int compare_samples(const void *a, const void *b)
{
	const struct sample *x = a, *y = b;
	int order = strcmp(x->metric, y->metric);
	if (order == 0)
		order = (x->order > y->order) - (x->order < y->order);
	return order;
}

static size_t read_samples(const char *status, size_t len, struct sample *samples)
{
	size_t n = 0;
	for (size_t at = 0; at < len;) {
		size_t line = until(status + at, len - at, '\n'), name, value;
		name = until(status + at, line, ' ');
		for (value = name; value < line && status[at + value] == ' ';)
			value++;
		samples[n] = (struct sample){.name = {status + at, name},
			.value = {status + at + value, line - value},
			.order = n};
		if (value < line) {
			read_name(&samples[n]);
			n++;
		}
		at += line + 1;
	}
	return n;
}

void metrics_write(const char *status, size_t len, struct text *ret_text)
{
	size_t lines = 1;
	for (size_t i = 0; i < len; i++)
		lines += status[i] == '\n';
	struct sample *samples = calloc(lines, sizeof(*samples));
	if (!samples) {
		ret_text->failed = true;
		return;
	}
	size_t n = read_samples(status, len, samples);
	qsort(samples, n, sizeof(*samples), compare_samples);
	for (size_t i = 0; i < n; i++) {
		if (i == 0 || strcmp(samples[i - 1].metric, samples[i].metric) != 0)
			put_help(ret_text, &samples[i]);
		put_sample(ret_text, &samples[i]);
	}
	free(samples);
}
