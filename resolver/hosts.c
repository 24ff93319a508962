/* The hosts file: read when it changes, and answers made of it. */
#include "resolver/hosts.h"

#include "resolver/clock.h"
#include "resolver/watched_file.h"

#include <errno.h>
#include <event2/event.h>
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
	struct hosts_table *table;     /* NULL: nothing was read yet */
	struct hosts_reading *reading; /* the next one; NULL: none */
	char *text;		       /* what is being read */
	size_t text_len;
	struct event *next_slice;
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

static void replace(struct hosts *h, struct hosts_table *table)
{
	drop_kept(h);
	hosts_table_destroy(h->table);
	h->table = table;
	h->counters.names = table ? hosts_names(table) : 0;
}

static void stop_reading(struct hosts *h)
{
	event_del(h->next_slice);
	hosts_reading_destroy(h->reading);
	h->reading = NULL;
	free(h->text);
	h->text = NULL;
}

static void end_reading(struct hosts *h)
{
	struct hosts_passed passed;

	replace(h, hosts_reading_end(h->reading, &passed));
	h->reading = NULL;
	h->counters.loads++;
	if (h->text_len == HOSTS_BYTES_MAX)
		h->say(h->say_ctx, "hosts file: only its first 16 MB are read");
	say_passed(h, &passed);
	stop_reading(h);
}

/* Without memory what was read before stands. */
static void lack_memory(struct hosts *h)
{
	h->say(h->say_ctx, "hosts file: out of memory");
	stop_reading(h);
}

static void read_slice(struct hosts *h, size_t bytes)
{
	static const struct timeval next_turn = {0, 0};
	int r = hosts_reading_go_on(h->reading, bytes);

	if (r > 0)
		event_add(h->next_slice, &next_turn);
	else if (r == 0)
		end_reading(h);
	else
		lack_memory(h);
}

static void on_next_slice(evutil_socket_t fd, short what, void *ctx)
{
	(void)fd;
	(void)what;
	read_slice(ctx, HOSTS_SLICE);
}

static void say_gone(const struct hosts *h)
{
	char line[4400];

	snprintf(line, sizeof(line), "%s is gone: no name is answered from it", h->path);
	h->say(h->say_ctx, line);
}

static void refresh(struct hosts *h)
{
	uint64_t now = clock_monotonic();

	if (!h->path || h->reading || (h->looked_at && now - h->looked_at < SECOND))
		return;
	h->looked_at = now;
	if (!watched_file_changed(&h->file, HOSTS_BYTES_MAX, &h->text, &h->text_len))
		return;
	if (h->table && h->file.gone)
		say_gone(h);
	if (hosts_reading_begin(h->text ? h->text : "", h->text_len, h->seed, &h->reading))
		lack_memory(h);
	else /* at the start there is nothing else to answer from, and nobody asks yet */
		read_slice(h, h->table ? HOSTS_SLICE : h->text_len);
}

int hosts_open(const struct hosts_config *config, struct hosts **ret_hosts)
{
	struct hosts *h = calloc(1, sizeof(*h));

	if (!h)
		return -ENOMEM;
	h->seed = config->seed;
	h->say = config->say;
	h->say_ctx = config->ctx;
	h->next_slice = evtimer_new(config->base, on_next_slice, h);
	if (!h->next_slice || hosts_reopen(h, config->path)) {
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
	if (h->next_slice) {
		stop_reading(h);
		event_free(h->next_slice);
	}
	replace(h, NULL);
	free(h->path);
	free(h);
}

int hosts_reopen(struct hosts *h, const char *path)
{
	char *copy = path ? strdup(path) : NULL;

	if (path && !copy)
		return -ENOMEM;
	if (!path || !h->path || strcmp(path, h->path) != 0) {
		stop_reading(h);
		h->file = (struct watched_file){0};
	}
	if (!path)
		replace(h, NULL);
	free(h->path);
	h->path = copy;
	h->file.path = copy;
	h->file.may_go = true;
	h->looked_at = 0;
	refresh(h);
	return 0;
}

static struct answer *make_answer(const struct hosts *h, const struct question *q)
{
	struct answer *a = NULL;
	struct rrset *set;

	if (hosts_find(h->table, q, &set))
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
	if (!h->table || !hosts_may_have(h->table, q))
		return NULL;
	kept = &h->kept[question_hash(q, h->seed) % KEPT];
	if (!*kept || !answer_is_to(*kept, q)) {
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
