/* Puts and gets of a scenario, measured. */
#undef NDEBUG
#include "tests/sim/scenario.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RECORDS_MAX 10000

void samples_add(struct samples *s, double number)
{
	if (s->len == s->cap) {
		s->cap = s->cap ? s->cap * 2 : 64;
		s->list = realloc(s->list, s->cap * sizeof(*s->list));
		assert(s->list);
	}
	s->list[s->len++] = number;
}

void samples_clear(struct samples *s)
{
	free(s->list);
	*s = (struct samples){0};
}

static void measure_anew(struct measurements *m)
{
	for (size_t i = 0; i < MEASURED_KINDS; i++)
		samples_clear(&m->of[i]);
}

static void measure(struct measurements *m, const struct sim_answer *a, bool success)
{
	samples_add(&m->of[MEASURED_SUCCESS], success);
	samples_add(&m->of[MEASURED_TIME], (double)a->took);
	samples_add(&m->of[MEASURED_QUERIES], a->result.queries);
}

static struct records *find_records(struct scenario *s, const char *name)
{
	struct records *r = s->records;
	while (r && strcmp(r->name, name))
		r = r->next;
	return r;
}

struct records *records_named(struct scenario *s, const char *name)
{
	struct records *r = find_records(s, name);
	if (!r)
		words_fail(&s->words, "nothing was put as \"%s\"", name);
	return r;
}

static struct records *add_records(struct scenario *s, const char *name, size_t len)
{
	struct records *r = calloc(1, sizeof(*r) + len * sizeof(r->of[0]));
	assert(r);
	if (strlen(name) >= sizeof(r->name))
		words_fail(&s->words, "\"%s\" is too long a name", name);
	strcpy(r->name, name);
	r->len = len;
	r->key = s->keys;
	s->keys += len;
	r->next = s->records;
	s->records = r;
	return r;
}

void records_finish(struct scenario *s)
{
	for (struct records *r; (r = s->records);) {
		s->records = r->next;
		free(r);
	}
	measure_anew(&s->put);
	measure_anew(&s->get);
	measure_anew(&s->miss);
}

#define TEXT_MAX 100

static void write_text(const struct records *r, size_t at, int64_t version, char text[TEXT_MAX])
{
	snprintf(
		text, TEXT_MAX, "%s, the %zuth, version %lld", r->name, at + 1, (long long)version);
}

static void make_item(struct records *r, size_t at, int64_t version, struct dht_item *ret_item)
{
	char text[TEXT_MAX];
	write_text(r, at, version, text);
	if (r->immutable)
		sim_immutable(text, ret_item);
	else
		sim_mutable(r->key + at, version, text, ret_item);
	memcpy(r->of[at].key, ret_item->key, DHT_KEY_LEN);
}

/* Its version 1 is as good as any. */
void records_wanted(const struct records *r, size_t at, struct dht_item *ret_item)
{
	char text[TEXT_MAX];
	write_text(r, at, 1, text);
	sim_immutable(text, ret_item);
	ret_item->is_mutable = !r->immutable;
	memcpy(ret_item->key, r->of[at].key, DHT_KEY_LEN);
}

static void on_refresh(void *ctx, const struct dht_result *result)
{
	(void)ctx;
	(void)result;
}

/* Its writer looks after it from now on, while it lives. */
static void publish(struct scenario *s, size_t writer, const struct dht_item *item)
{
	struct dht_published *published;
	int r = dht_publish(
		sim_dht(s->sim, writer), item, sim_now(s->sim), on_refresh, NULL, &published);
	assert(r == 0);
}

static void put_all(struct scenario *s, struct records *r, int64_t version, const struct crowd *by)
{
	measure_anew(&s->put);
	for (size_t i = 0; i < r->len; i++) {
		struct dht_item item;
		struct sim_answer a;
		scenario_wait(s, 0);
		make_item(r, i, version, &item);
		size_t writer = crowd_any(s, by);
		sim_put(s->sim, writer, &item, 0, &a);
		if (r->kept && version == r->version)
			publish(s, writer, &item);
		bool taken = a.result.stored || a.result.stored_here;
		if (taken && version > r->of[i].acknowledged)
			r->of[i].acknowledged = version;
		measure(&s->put, &a, taken);
		samples_add(&s->put.of[MEASURED_SIXTH], (double)a.sixth);
		samples_add(&s->put.of[MEASURED_COPIES],
			a.result.stored + (double)a.result.stored_here);
	}
}

/* put NAME [N] [immutable] [kept] [by WHO]: N new records, or a new version of those that there are
 */
void scenario_put(struct scenario *s)
{
	struct words *w = &s->words;
	const char *name = words_next(w, "a name for the records");
	struct records *r = find_records(s, name);
	if (!r) {
		r = add_records(
			s, name, words_count(w, "the number of new records", 1, RECORDS_MAX));
		r->immutable = words_take(w, "immutable");
		r->kept = words_take(w, "kept");
	} else if (r->immutable) {
		words_fail(w, "\"%s\" is immutable: it has one version", name);
	}
	struct crowd by = crowd_by(s);
	words_end(w);
	put_all(s, r, ++r->version, &by);
	crowd_finish(&by);
}

/* keep NAME [older] [by WHO]: the same bytes once more; `older`: those of the version before */
void scenario_keep(struct scenario *s)
{
	struct words *w = &s->words;
	struct records *r = records_named(s, words_next(w, "the name of records"));
	bool older = words_take(w, "older");
	if (older && r->version < 2)
		words_fail(w, "\"%s\" has no older version", r->name);
	struct crowd by = crowd_by(s);
	words_end(w);
	put_all(s, r, r->version - older, &by);
	crowd_finish(&by);
}

/* Is what was found what was written, and no older than what was acknowledged? */
static bool is_right(const struct records *r, size_t at, const struct sim_answer *a)
{
	struct dht_item item;
	char text[TEXT_MAX];
	if (!a->values && !a->own)
		return false;
	write_text(r, at, r->immutable ? 1 : a->best.seq, text);
	sim_immutable(text, &item);
	return a->best.seq >= (r->immutable ? 0 : r->of[at].acknowledged) &&
	       a->best.value_len == item.value_len &&
	       !memcmp(a->best.value, item.value, item.value_len);
}

/* get NAME [by WHO]: each of the records once */
void scenario_get(struct scenario *s)
{
	struct words *w = &s->words;
	struct records *r = records_named(s, words_next(w, "the name of records"));
	struct crowd by = crowd_by(s);
	words_end(w);
	measure_anew(&s->get);
	for (size_t i = 0; i < r->len; i++) {
		struct dht_item wanted;
		struct sim_answer a;
		scenario_wait(s, 0);
		records_wanted(r, i, &wanted);
		sim_get(s->sim, crowd_any(s, &by), &wanted, &a);
		bool found = a.values || a.own;
		measure(&s->get, &a, is_right(r, i, &a));
		samples_add(&s->get.of[MEASURED_OLDER],
			found && !r->immutable && a.best.seq < r->of[i].acknowledged);
		if (found)
			samples_add(&s->get.of[MEASURED_FIRST], (double)a.first);
	}
	crowd_finish(&by);
}

/* miss N [by WHO]: gets of what nobody ever wrote; a success is to find nothing, having asked */
void scenario_miss(struct scenario *s)
{
	size_t n = words_count(&s->words, "a number of gets", 1, RECORDS_MAX);
	struct crowd by = crowd_by(s);
	words_end(&s->words);
	measure_anew(&s->miss);
	for (size_t i = 0; i < n; i++) {
		struct dht_item nowhere;
		struct sim_answer a;
		scenario_wait(s, 0);
		sim_nowhere(s->keys++, &nowhere);
		sim_get(s->sim, crowd_any(s, &by), &nowhere, &a);
		measure(&s->miss, &a, !a.values && !a.own && !a.result.error);
	}
	crowd_finish(&by);
}
