/* What will happen in a simulation: a heap by time. An entry is 32 bytes, for a big network has
 * a million of them. */
#ifndef SIM_EVENTS_H
#define SIM_EVENTS_H

#include "dht/id.h"

#include <stddef.h>

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
	struct sim_datagram *datagram; /* NULL of SIM_WAKES; the heap's until it is popped */
};

struct sim_events {
	struct sim_event *heap;
	size_t len, cap;
	uint64_t born;
};

void sim_events_finish(struct sim_events *events);
void sim_events_push(struct sim_events *events, struct sim_event event); /* sets its order */
struct sim_event sim_events_pop(struct sim_events *events);

#endif
