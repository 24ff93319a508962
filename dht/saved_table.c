/* The table of nodes, saved; see saved_table.h. */
#include "dht/saved_table.h"

#include <event2/event.h>
#include <errno.h>
#include <stdlib.h>

#define SECOND UINT64_C(1000000)
#define SAVE_EVERY (300 * SECOND)
#define SAVE_SOON (3 * SECOND) /* the table has doubled: others are coming in just then */
#define NODES_SAVED_MAX 1000   /* more than eight a bucket in any real network */
/* Of these the last heard are asked at the start, JOIN_PARALLEL at a time: who finds none of a
 * hundred has been away for long, and the rest would not answer either. */
#define NODES_OFFERED_MAX 100
#define FAILURES_GONE 3 /* queries in a row without an answer: lost packets are rarer */

struct heard_node {
	uint64_t heard;
	struct dht_contact contact;
};

struct node_list {
	size_t heard_len, len;
	bool any_good;
	struct heard_node heard[NODES_SAVED_MAX];
	struct dht_contact nodes[NODES_SAVED_MAX]; /* the same, the last heard first */
};

static void collect_node(void *ctx, const struct dht_node_info *node)
{
	struct node_list *list = ctx;
	if (node->heard == 0 || node->failures >= FAILURES_GONE)
		return;
	list->any_good |= node->failures == 0;
	if (list->heard_len < NODES_SAVED_MAX)
		list->heard[list->heard_len++] = (struct heard_node){node->heard, node->contact};
}

static int last_heard_first(const void *a, const void *b)
{
	uint64_t x = ((const struct heard_node *)a)->heard;
	uint64_t y = ((const struct heard_node *)b)->heard;
	return (x < y) - (x > y);
}

static void collect_nodes(struct dht *dht, struct node_list *list)
{
	list->heard_len = list->len = 0;
	list->any_good = false;
	dht_each_node(dht, collect_node, list);
	qsort(list->heard, list->heard_len, sizeof(list->heard[0]), last_heard_first);
	for (; list->len < list->heard_len; list->len++)
		list->nodes[list->len] = list->heard[list->len].contact;
}

/* A table in which nobody answers any more, because the network is down, does not replace the saved
 * one: who was there yesterday is where to begin tomorrow. False: nothing was saved. */
static bool save(struct dht_saved_table *saved)
{
	struct node_list *list = malloc(sizeof(*list));
	if (!list)
		return false;
	collect_nodes(saved->dht, list);
	bool done = list->any_good &&
		    dht_store_save_nodes(saved->store, list->nodes, list->len) == 0;
	if (done)
		saved->len = list->len;
	free(list);
	return done;
}

static void arm(struct dht_saved_table *saved, uint64_t after)
{
	evtimer_add(saved->save, &(struct timeval){.tv_sec = (time_t)(after / SECOND)});
}

static void on_save(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	struct dht_saved_table *saved = arg;
	saved->soon = !save(saved);
	if (!saved->soon) {
		saved->retry = SAVE_SOON;
		arm(saved, SAVE_EVERY);
		return;
	}
	saved->retry = 2 * saved->retry < SAVE_EVERY ? 2 * saved->retry : SAVE_EVERY;
	arm(saved, saved->retry);
}

/* A table that has twice as many good nodes as the saved one is saved without delay: a machine that
 * is switched off by its plug may not live for five minutes. */
void dht_saved_table_note(struct dht_saved_table *saved)
{
	struct dht_counters counters;
	dht_counters(saved->dht, &counters);
	if (saved->soon || counters.nodes == 0 || counters.nodes < 2 * saved->len)
		return;
	saved->soon = true;
	arm(saved, SAVE_SOON);
}

/* The nodes of the last run, the last heard. An unreadable table is an empty one: the start goes
 * on. */
static int offer(struct dht_saved_table *saved)
{
	struct dht_contact *nodes = malloc(NODES_OFFERED_MAX * sizeof(*nodes));
	if (!nodes)
		return -ENOMEM;
	dht_store_load_nodes(saved->store, nodes, NODES_OFFERED_MAX, &saved->len);
	dht_add_nodes(saved->dht, nodes, saved->len);
	free(nodes);
	return 0;
}

int dht_saved_table_start(struct dht_saved_table *saved, struct event_base *base, struct dht *dht,
	struct dht_store *store)
{
	*saved = (struct dht_saved_table){.dht = dht, .store = store, .retry = SAVE_SOON};
	saved->save = evtimer_new(base, on_save, saved);
	if (!saved->save)
		return -ENOMEM;
	arm(saved, SAVE_EVERY);
	return offer(saved);
}

void dht_saved_table_stop(struct dht_saved_table *saved)
{
	if (!saved->save)
		return;
	save(saved);
	event_free(saved->save);
	saved->save = NULL;
}
