/* What is remembered of addresses beyond one look-up. */
#include "dht/habits.h"

#include <stdlib.h>
#include <string.h>

#define SECOND ((uint64_t)1000000)
#define MINUTE (60 * SECOND)

/* One lost packet does not make a node silent, nor one lost `get` a node that does not know it. */
#define STRIKES 2
#define EVIDENCE 2
#define SILENT_TIME MINUTE
/* A node that was gone and came back would look as if it had ignored what was asked meanwhile. */
#define EVIDENCE_TIME (10 * SECOND)
/* Programs are replaced, and addresses change hands. */
#define NO_GET_TIME (60 * MINUTE)

void dht_habits_init(struct dht_habits *h, const uint8_t key[DHT_SIPHASH_KEY_LEN])
{
	*h = (struct dht_habits){0};
	memcpy(h->key, key, sizeof(h->key));
}

void dht_habits_finish(struct dht_habits *h)
{
	free(h->places);
	h->places = NULL;
}

static struct dht_habit *set_of(const struct dht_habits *h, const struct dht_endpoint *at)
{
	uint8_t text[18]; /* the longest compact form */
	uint64_t sum = dht_siphash(h->key, text, dht_endpoint_write(at, text));
	return &h->places[sum % DHT_HABIT_SETS * DHT_HABIT_PLACES];
}

static struct dht_habit *find(const struct dht_habits *h, const struct dht_endpoint *at)
{
	if (!h->places)
		return NULL;
	struct dht_habit *set = set_of(h, at);
	for (size_t i = 0; i < DHT_HABIT_PLACES; i++)
		if (dht_endpoint_equal(&set[i].at, at))
			return &set[i];
	return NULL;
}

/* Its place, or that of whoever was heard of longest ago; NULL: no memory, nothing is learned. */
static struct dht_habit *place_for(struct dht_habits *h, const struct dht_endpoint *at)
{
	struct dht_habit *habit = find(h, at);
	if (habit)
		return habit;
	if (!h->places)
		h->places = calloc((size_t)DHT_HABIT_SETS * DHT_HABIT_PLACES, sizeof(*h->places));
	if (!h->places)
		return NULL;
	habit = set_of(h, at);
	for (size_t i = 1; i < DHT_HABIT_PLACES; i++)
		if (set_of(h, at)[i].last < habit->last)
			habit = &set_of(h, at)[i];
	*habit = (struct dht_habit){.at = *at};
	return habit;
}

void dht_habits_unanswered(
	struct dht_habits *h, const struct dht_endpoint *at, bool was_get, uint64_t now)
{
	struct dht_habit *habit = place_for(h, at);
	if (!habit)
		return;
	if (habit->strikes < UINT8_MAX)
		habit->strikes++;
	habit->get_unanswered |= was_get;
	habit->last = now;
}

void dht_habits_answered(
	struct dht_habits *h, const struct dht_endpoint *at, bool was_get, uint64_t now)
{
	struct dht_habit *habit = find(h, at);
	if (!habit)
		return;
	habit->strikes = 0;
	if (was_get) {
		habit->evidence = 0;
		habit->no_get = 0;
	} else if (habit->get_unanswered && now - habit->last < EVIDENCE_TIME) {
		habit->evidence++;
		if (habit->evidence >= EVIDENCE)
			dht_habits_refused_get(h, at, now);
	}
	habit->get_unanswered = false;
}

void dht_habits_refused_get(struct dht_habits *h, const struct dht_endpoint *at, uint64_t now)
{
	struct dht_habit *habit = place_for(h, at);
	if (!habit)
		return;
	habit->evidence = 0;
	habit->no_get = habit->last = now;
}

bool dht_habits_silent(const struct dht_habits *h, const struct dht_endpoint *at, uint64_t now)
{
	const struct dht_habit *habit = find(h, at);
	return habit && habit->strikes >= STRIKES && now - habit->last < SILENT_TIME;
}

bool dht_habits_no_get(const struct dht_habits *h, const struct dht_endpoint *at, uint64_t now)
{
	const struct dht_habit *habit = find(h, at);
	return habit && habit->no_get && now - habit->no_get < NO_GET_TIME;
}
