/* What the cache gives up: its shares of memory, each a queue with second chances. */
#include "resolver/cache_inside.h"

#include <stdlib.h>

#include "resolver/trace.h"

#define PINNED_SHARE 2 /* no more of what is pinned than this part of the cache */
/* Nor of what came in a flood: 2 MB of 64, in which a name that is asked for again within half a
 * second is found, and stays. */
#define FLOOD_SHARE CACHE_ENTRY_SHARE
/* Entries in use that an eviction passes over, so that it takes bounded time. */
#define SECOND_CHANCES 16

static struct share *share_of(struct cache *cache, const struct entry *e)
{
	if (e->pinned)
		return &cache->pinned;
	return e->in_flood ? &cache->flood : &cache->shares[e->part][e->kind];
}

void cache_enqueue(struct cache *cache, struct entry *e)
{
	struct share *share = share_of(cache, e);
	e->newer = NULL;
	e->older = share->newest;
	if (share->newest)
		share->newest->newer = e;
	else
		share->oldest = e;
	share->newest = e;
	share->bytes += e->bytes;
}

static void dequeue(struct cache *cache, struct entry *e)
{
	struct share *share = share_of(cache, e);
	if (e->newer)
		e->newer->older = e->older;
	else
		share->newest = e->older;
	if (e->older)
		e->older->newer = e->newer;
	else
		share->oldest = e->newer;
	share->bytes -= e->bytes;
}

void cache_drop(struct cache *cache, struct entry **link)
{
	struct entry *e = *link;
	*link = e->next;
	dequeue(cache, e);
	cache->bytes -= e->bytes;
	cache->traces -= trace_size(e->answer->trace);
	cache->entries--;
	answer_unref(e->answer);
	free(e);
}

static void drop_oldest(struct cache *cache, struct share *share)
{
	struct entry *e = share->oldest;
	struct entry **link = &cache->buckets[e->hash & cache->mask];
	while (*link != e)
		link = &(*link)->next;
	cache_drop(cache, link);
}

/* Of those that may be cut: not what is pinned, and what came in a flood has a bound of its own. */
static struct share *largest_share(struct cache *cache)
{
	struct share *largest = &cache->shares[0][0];
	for (int part = 0; part < CACHE_PARTS; part++)
		for (int kind = 0; kind < KINDS; kind++)
			if (cache->shares[part][kind].bytes > largest->bytes)
				largest = &cache->shares[part][kind];
	return largest;
}

/* False: so many are in use one after the other that who is new, and may be asked for once, gives
 * way to them. They have had their chance by that: the next finds one that was not asked for
 * since. */
static bool evict(struct cache *cache, struct share *share, bool is_new)
{
	for (int i = 0; i < SECOND_CHANCES && share->oldest->used; i++) {
		struct entry *e = share->oldest;
		e->used = false;
		dequeue(cache, e);
		cache_enqueue(cache, e);
	}
	if (is_new && share->oldest->used)
		return false;
	drop_oldest(cache, share);
	return true;
}

/* The oldest that came in a flood is dropped, or joins the others if it was asked for again. */
static void end_of_flood(struct cache *cache)
{
	struct entry *e = cache->flood.oldest;
	if (!e->used) {
		drop_oldest(cache, &cache->flood);
		return;
	}
	dequeue(cache, e);
	e->in_flood = e->used = false;
	cache_enqueue(cache, e);
}

/* The pinned are half of it at most, what came in a flood a thirty-second part, and no entry is
 * more than that, so what is over its bytes always has something else to give up. */
bool cache_make_room(struct cache *cache, const struct entry *e, bool is_new)
{
	while (e->pinned && cache->pinned.bytes + e->bytes > cache->bytes_max / PINNED_SHARE)
		if (!evict(cache, &cache->pinned, is_new))
			return false;
	while (e->in_flood && cache->flood.bytes + e->bytes > cache->bytes_max / FLOOD_SHARE)
		end_of_flood(cache);
	while (cache->bytes + e->bytes > cache->bytes_max)
		if (!evict(cache, largest_share(cache), is_new))
			return false;
	return true;
}
