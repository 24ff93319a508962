/* What will happen in a simulation. */
#undef NDEBUG
#include "tests/sim/events.h"

#include <assert.h>
#include <stdlib.h>

static bool before(const struct sim_event *a, const struct sim_event *b)
{
	return a->at != b->at ? a->at < b->at : a->order < b->order;
}

void sim_events_finish(struct sim_events *events)
{
	while (events->len)
		free(events->heap[--events->len].datagram);
	free(events->heap);
}

void sim_events_push(struct sim_events *events, struct sim_event event)
{
	if (events->len == events->cap) {
		events->cap = events->cap ? events->cap * 2 : 1024;
		events->heap = realloc(events->heap, events->cap * sizeof(event));
		assert(events->heap);
	}
	struct sim_event *heap = events->heap;
	event.order = events->born++;
	size_t at = events->len++;
	for (size_t up; at > 0 && before(&event, &heap[up = (at - 1) / 2]); at = up)
		heap[at] = heap[up];
	heap[at] = event;
}

struct sim_event sim_events_pop(struct sim_events *events)
{
	struct sim_event *heap = events->heap, first = heap[0], last = heap[--events->len];
	size_t at = 0;
	for (size_t down; (down = 2 * at + 1) < events->len; at = down) {
		if (down + 1 < events->len && before(&heap[down + 1], &heap[down]))
			down++;
		if (!before(&heap[down], &last))
			break;
		heap[at] = heap[down];
	}
	heap[at] = last;
	return first;
}
