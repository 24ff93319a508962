/* The hosts file: read when it changes, and answers made of it. */
#include "resolver/hosts.h"

#include "resolver/clock.h"
#include "resolver/watched_file.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define KEPT 64 /* answers, by their question: a reader looks several times */

struct hosts {
	char *path; /* NULL: none */
	uint64_t seed, looked_at;
	hosts_say_fn *say;
	void *say_ctx;
	struct watched_file file;
	struct hosts_table *table;
	struct answer *kept[KEPT];
	struct hosts_counters counters;
};

static void drop_kept(struct hosts *h)
{
	for (size_t i = 0; i < KEPT; i++) {
		answer_unref(h->kept[i]);
		h->kept[i] = NULL;
	}
}

static void say_passed(const struct hosts *h, const struct hosts_passed *p)
{
	char line[4400];

	if (p->lines) {
		snprintf(line, sizeof(line),
			"%s:%zu: not an address and names: passed over (%zu such lines)", h->path,
			p->first, p->lines);
		h->say(h->say_ctx, line);
	}
	if (p->left_out) {
		snprintf(line, sizeof(line), "%s: too much: %zu names are left out", h->path,
			p->left_out);
		h->say(h->say_ctx, line);
	}
}

/* Without memory what was read before stands. */
static void load(struct hosts *h, const char *text, size_t len)
{
	struct hosts_table *table;
	struct hosts_passed passed;

	if (hosts_parse(text ? text : "", len, h->seed, &table, &passed)) {
		h->say(h->say_ctx, "hosts file: out of memory");
		return;
	}
	drop_kept(h);
	hosts_table_destroy(h->table);
	h->table = table;
	h->counters.names = hosts_names(table);
	h->counters.loads++;
	if (len == HOSTS_BYTES_MAX)
		h->say(h->say_ctx, "hosts file: only its first 16 MB are read");
	say_passed(h, &passed);
}

static void refresh(struct hosts *h)
{
	uint64_t now = clock_monotonic();
	char *text;
	size_t len;

	if (!h->path || (h->looked_at && now - h->looked_at < SECOND))
		return;
	h->looked_at = now;
	if (!watched_file_changed(&h->file, HOSTS_BYTES_MAX, &text, &len))
		return;
	load(h, text, len);
	free(text);
}

int hosts_open(
	const char *path, uint64_t seed, hosts_say_fn *say, void *ctx, struct hosts **ret_hosts)
{
	struct hosts *h = calloc(1, sizeof(*h));

	if (!h)
		return -ENOMEM;
	h->seed = seed;
	h->say = say;
	h->say_ctx = ctx;
	if (hosts_reopen(h, path)) {
		hosts_close(h);
		return -ENOMEM;
	}
	*ret_hosts = h;
	return 0;
}

void hosts_close(struct hosts *h)
{
	if (!h)
		return;
	drop_kept(h);
	hosts_table_destroy(h->table);
	free(h->path);
	free(h);
}

int hosts_reopen(struct hosts *h, const char *path)
{
	char *copy = path ? strdup(path) : NULL;

	if (path && !copy)
		return -ENOMEM;
	if (!path || !h->path || strcmp(path, h->path) != 0) {
		drop_kept(h);
		hosts_table_destroy(h->table);
		h->table = NULL;
		h->counters.names = 0;
		h->file = (struct watched_file){0};
	}
	free(h->path);
	h->path = copy;
	h->file.path = copy;
	h->looked_at = 0;
	refresh(h);
	return 0;
}

static struct answer *make_answer(const struct hosts *h, const struct question *q)
{
	struct answer *a = NULL;
	struct rrset *set;

	if (!h->table || hosts_find(h->table, q, &set))
		return NULL;
	if (!set)
		a = answer_without(q, -ENOENT, RCODE_NOERROR, EDE_NONE, HOSTS_TTL, true);
	else if (answer_from_rrset(q, set, &a))
		a = NULL;
	rrset_destroy(set);
	if (!a)
		return NULL;
	a->source = SOURCE_HOSTS;
	a->trust = TRUST_SELF;
	a->time = clock_wall() / (int64_t)SECOND;
	return a;
}

const struct answer *hosts_answer(struct hosts *h, const struct question *q)
{
	struct answer **kept;

	if (!h)
		return NULL;
	refresh(h);
	kept = &h->kept[question_hash(q, h->seed) % KEPT];
	if (!*kept || !question_equal(&(*kept)->question, q)) {
		struct answer *a = make_answer(h, q);

		if (!a)
			return NULL;
		answer_unref(*kept);
		*kept = a;
	}
	/* It never counts down, whoever holds it. */
	(*kept)->arrived = clock_monotonic();
	h->counters.answers++;
	return *kept;
}

void hosts_counters(const struct hosts *h, struct hosts_counters *ret_counters)
{
	*ret_counters = h->counters;
}
