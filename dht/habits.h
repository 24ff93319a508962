/* What is remembered of addresses beyond one look-up, by what they left unanswered. A cache:
 * the oldest of it is forgotten for what is new, and all of it after a while. */
#ifndef DHT_HABITS_H
#define DHT_HABITS_H

#include "dht/id.h"
#include "dht/siphash.h"

/* An address hashes to one of so many sets, of so many places: 20 kB, once there is anything to
 * remember. Mainline has more dead addresses than that; a look-up meets some dozens. */
#define DHT_HABIT_SETS 96
#define DHT_HABIT_PLACES 4

struct dht_habit {
	struct dht_endpoint at;
	uint8_t strikes;     /* queries in a row without an answer */
	uint8_t evidence;    /* that it does not know `get`, see dht_habits_answered */
	bool get_unanswered; /* a `get` was, and nothing else was heard since */
	uint64_t last;	     /* when one was unanswered */
	uint64_t no_get;     /* since when it is known not to know `get`; 0: it is not */
};

struct dht_habits {
	struct dht_habit *places;	  /* NULL: nothing to remember yet */
	uint8_t key[DHT_SIPHASH_KEY_LEN]; /* of the hash: those who name addresses do not choose
					     whom they drive out */
};

/* Random; all habits begin with none remembered. */
void dht_habits_init(struct dht_habits *h, const uint8_t key[DHT_SIPHASH_KEY_LEN]);

void dht_habits_finish(struct dht_habits *h);

/* A query was not answered in time. */
void dht_habits_unanswered(
	struct dht_habits *h, const struct dht_endpoint *at, bool was_get, uint64_t now);
/* A query was answered, by a reply. Who answers others but no `get`, several times over, does
 * not know it: transmission and aria2 are silent then. */
void dht_habits_answered(
	struct dht_habits *h, const struct dht_endpoint *at, bool was_get, uint64_t now);
/* It said that it does not know `get`. */
void dht_habits_refused_get(struct dht_habits *h, const struct dht_endpoint *at, uint64_t now);

/* Did it leave several queries of the last minute unanswered? Other nodes go on naming it until
 * they notice themselves; we need not ask each time. */
bool dht_habits_silent(const struct dht_habits *h, const struct dht_endpoint *at, uint64_t now);
/* A node that helps to find others but keeps nothing. */
bool dht_habits_no_get(const struct dht_habits *h, const struct dht_endpoint *at, uint64_t now);

#endif
