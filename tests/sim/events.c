/* What will happen in a simulation. */
#undef NDEBUG
#include "tests/sim/events.h"

#include <assert.h>
#include <stdlib.h>

#define SLOT_BITS 10 /* a slot is 1,024 microseconds */

static void empty(struct sim_event_list *l)
{
	while (l->len)
		free(l->list[--l->len].datagram);
	free(l->list);
}

void sim_events_finish(struct sim_events *events)
{
	empty(&events->soon);
	empty(&events->later);
	for (size_t i = 0; i < SIM_SLOTS; i++)
		empty(&events->slots[i]);
}

static struct sim_event *append(struct sim_event_list *l)
{
	if (l->len == l->cap) {
		l->cap = l->cap ? l->cap * 2 : 16;
		l->list = realloc(l->list, l->cap * sizeof(*l->list));
		assert(l->list);
	}
	return &l->list[l->len++];
}

/* Heaps */

static bool before(const struct sim_event *a, const struct sim_event *b)
{
	return a->at != b->at ? a->at < b->at : a->order < b->order;
}

static void heap_push(struct sim_event_list *l, const struct sim_event *event)
{
	append(l);
	struct sim_event *heap = l->list;
	size_t at = l->len - 1;
	for (size_t up; at > 0 && before(event, &heap[up = (at - 1) / 2]); at = up)
		heap[at] = heap[up];
	heap[at] = *event;
}

static struct sim_event heap_pop(struct sim_event_list *l)
{
	struct sim_event *heap = l->list, first = heap[0], last = heap[--l->len];
	size_t at = 0;
	for (size_t down; (down = 2 * at + 1) < l->len; at = down) {
		if (down + 1 < l->len && before(&heap[down + 1], &heap[down]))
			down++;
		if (!before(&heap[down], &last))
			break;
		heap[at] = heap[down];
	}
	heap[at] = last;
	return first;
}

/* The calendar */

static void enter(struct sim_events *events, const struct sim_event *event)
{
	uint64_t slot = event->at >> SLOT_BITS;
	if (slot <= events->slot)
		heap_push(&events->soon, event);
	else if (slot <= events->slot + SIM_SLOTS)
		*append(&events->slots[slot % SIM_SLOTS]) = *event;
	else
		heap_push(&events->later, event);
}

/* The next slot's events are soon to happen, and the slot is free for those of a second later. */
static void turn_page(struct sim_events *events)
{
	bool all_later = events->len == events->later.len;
	events->slot = all_later ? events->later.list[0].at >> SLOT_BITS : events->slot + 1;
	struct sim_event_list *slot = &events->slots[events->slot % SIM_SLOTS];
	for (size_t i = 0; i < slot->len; i++)
		heap_push(&events->soon, &slot->list[i]);
	slot->len = 0;
	while (events->later.len &&
		events->later.list[0].at >> SLOT_BITS <= events->slot + SIM_SLOTS) {
		struct sim_event event = heap_pop(&events->later);
		enter(events, &event);
	}
}

void sim_events_push(struct sim_events *events, struct sim_event event)
{
	event.order = events->born++;
	events->len++;
	enter(events, &event);
}

uint64_t sim_events_next(struct sim_events *events)
{
	if (!events->len)
		return UINT64_MAX;
	while (!events->soon.len)
		turn_page(events);
	return events->soon.list[0].at;
}

struct sim_event sim_events_pop(struct sim_events *events)
{
	sim_events_next(events);
	assert(events->soon.len);
	events->len--;
	return heap_pop(&events->soon);
}
