/* What keep.c, keep_zone.c and keep_file.c share; nobody else includes it. */
#ifndef RESOLVER_KEEP_INSIDE_H
#define RESOLVER_KEEP_INSIDE_H

#include <event2/event_struct.h>
#include <sys/queue.h>

#include "resolver/keep.h"
#include "resolver/zone_fetch.h"

#define KEEP_RUNNING_MAX 4 /* zones that are read at a time */
#define KEEP_BUCKETS 1024

/* The zone packet or a page. */
struct keep_part {
	struct keep_zone *zone;
	unsigned page; /* PAGES_HEAD: the zone packet */
	int64_t seq;
	struct dht_published *published; /* NULL: nothing is held */
	bool changed;	 /* the network has shown something newer, or another value of its seq */
	unsigned copies; /* nodes that have it, at the last look; 0: none yet */
};

struct keep_zone {
	TAILQ_ENTRY(keep_zone) link, turn;
	struct keep_zone *chain; /* of its bucket */
	unsigned wanted;	 /* lists that name it */
	struct keeper *keeper;
	uint8_t key[NAME_KEY_LEN];
	struct keep_part *head, **pages; /* pages_len, of which any may be NULL */
	unsigned pages_len;		 /* that may be held */
	struct pages_marker marker;	 /* as the packet that is held says */
	int64_t load;			 /* the next page that is read from disk; -1: all were */
	bool in_line, reading;
	bool again;	   /* something newer was shown while it was read */
	bool head_read;	   /* in this run */
	unsigned next;	   /* page that is looked at next, modulo pages_len */
	unsigned left;	   /* pages that this run has not looked at yet */
	unsigned missed;   /* that it has not found */
	unsigned failures; /* runs in a row that left something missing */
	uint64_t read;	   /* monotonic: when its last run began; 0: never */
	uint64_t due;	   /* monotonic: of the next */
	int64_t looked;	   /* seconds since 1970: when its last run ended; 0: never */
	struct zone_fetch fetch;
	struct event timer;
};

struct keeper {
	struct keeper_config config;
	/* Users with a list are few: an array. */
	struct keep_user {
		uid_t uid;
		struct keep_list *list; /* never empty */
	} * users;
	size_t users_len, users_cap;
	TAILQ_HEAD(keep_zones, keep_zone) zones, line;
	size_t zones_len;
	struct keep_zone *buckets[KEEP_BUCKETS];
	uint64_t seed;
	unsigned running;
	struct event turn;
	struct keep_counters counters;
};

bool keeper_is_trusted(const struct keeper *k, uid_t uid); /* root, or the daemon's owner */
struct keep_zone *keeper_zone(const struct keeper *k, const uint8_t key[NAME_KEY_LEN]);
/* How many pages of it there is room for. */
unsigned keeper_room(const struct keeper *k, const struct keep_zone *zone);
/* It stands in line from now on; it is read no longer. */
void keeper_in_turn(struct keep_zone *zone);
void keeper_left(struct keeper *k);

/* keep_zone.c */
int keep_zone_create(
	struct keeper *k, const uint8_t key[NAME_KEY_LEN], struct keep_zone **ret_zone);
void keep_zone_destroy(struct keep_zone *zone);
void keep_zone_run(struct keep_zone *zone);		/* its turn has come */
unsigned keep_zone_pages(const struct keep_zone *zone); /* that are held, of this time */
bool keep_zone_is_whole(const struct keep_zone *zone);

#endif
