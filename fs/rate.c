/* Look-ups a second: a bucket each, kept as the moment at which it will be full again. */
#include "fs/rate.h"

#include <errno.h>
#include <stdlib.h>

#include "resolver/share.h"
#include "resolver/clock.h"

#define DEPTH (RATE_BURST * SECOND)
#define CHAINS 256 /* uids are given in rows, so their low bits spread them */

struct bucket { /* who has a full one is not kept */
	uid_t uid;
	uint64_t full;
	struct bucket *next;
};

struct rate {
	uint64_t each, all; /* microseconds for which a look-up empties a bucket */
	uint64_t full;	    /* of the bucket of all */
	uid_t owner;
	struct bucket *chains[CHAINS];
	unsigned cursor; /* the chain to look through next */
	size_t users;
};

int rate_create(unsigned per_second, uid_t owner, struct rate **ret_rate)
{
	struct rate *rate = calloc(1, sizeof(*rate));
	if (!rate)
		return -ENOMEM;
	rate->each = SECOND / per_second;
	rate->all = SECOND / (per_second * RATE_USERS);
	rate->owner = owner;
	*ret_rate = rate;
	return 0;
}

/* Drops the full buckets of a chain. */
static void sweep(struct rate *rate, unsigned chain, uint64_t now)
{
	struct bucket **link = &rate->chains[chain];
	while (*link) {
		struct bucket *b = *link;
		if (b->full > now) {
			link = &b->next;
			continue;
		}
		*link = b->next;
		free(b);
		rate->users--;
	}
}

void rate_destroy(struct rate *rate)
{
	if (!rate)
		return;
	for (unsigned i = 0; i < CHAINS; i++)
		sweep(rate, i, UINT64_MAX);
	free(rate);
}

/* How much is gone from a bucket, in microseconds until it is full. */
static uint64_t gone(uint64_t full, uint64_t now)
{
	return full > now ? full - now : 0;
}

int rate_take(struct rate *rate, uid_t uid, uint64_t now)
{
	unsigned chain = uid % CHAINS;
	/* Each call makes one bucket at most and looks through two chains, so what is kept are
	 * those that are not full, and few others. */
	sweep(rate, rate->cursor++ % CHAINS, now);
	sweep(rate, chain, now);
	struct bucket *b = rate->chains[chain];
	while (b && b->uid != uid)
		b = b->next;
	uint64_t his = b ? gone(b->full, now) : 0, all = gone(rate->full, now);
	if (his + rate->each > DEPTH || all + rate->all > share_limit(DEPTH, uid, rate->owner, his))
		return -EAGAIN;
	if (!b) {
		b = calloc(1, sizeof(*b));
		if (!b)
			return -ENOMEM;
		b->uid = uid;
		b->next = rate->chains[chain];
		rate->chains[chain] = b;
		rate->users++;
	}
	b->full = now + his + rate->each;
	rate->full = now + all + rate->all;
	return 0;
}

size_t rate_users(const struct rate *rate)
{
	return rate->users;
}
