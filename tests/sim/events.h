/* What will happen in a simulation, in order of time: a calendar. What is due within the next
 * millisecond is a heap; the second after that is a row of slots of a millisecond each, in no
 * order; what comes later is a heap again. A big network has a million events, and nearly all go
 * through the slots: a heap of that many would miss the cache on every level. An entry is 32 bytes.
 */
#ifndef SIM_EVENTS_H
#define SIM_EVENTS_H

#include "dht/id.h"

#include <stddef.h>

#define SIM_SLOTS 1024

enum sim_event_kind { SIM_ARRIVES, SIM_REFUSED, SIM_WAKES };

/* Allocated by length. */
struct sim_datagram {
	struct dht_endpoint from; /* of SIM_REFUSED: who refuses */
	uint16_t len;
	uint8_t bytes[];
};

struct sim_event {
	uint64_t at;
	uint64_t order; /* of birth: what happens at the same time happens in this order */
	uint32_t node;
	enum sim_event_kind kind;
	struct sim_datagram *datagram; /* NULL of SIM_WAKES; the calendar's until it is popped */
};

struct sim_event_list {
	struct sim_event *list;
	size_t len, cap;
};

struct sim_events {
	struct sim_event_list soon, later; /* heaps */
	struct sim_event_list slots[SIM_SLOTS];
	size_t len;    /* of all */
	uint64_t slot; /* the last of those that are in `soon`, counted from time 0 */
	uint64_t born;
};

void sim_events_finish(struct sim_events *events);
void sim_events_push(struct sim_events *events, struct sim_event event); /* sets its order */
/* When the next one happens; UINT64_MAX: none will. */
uint64_t sim_events_next(struct sim_events *events);
/* There must be one. */
struct sim_event sim_events_pop(struct sim_events *events);

#endif
