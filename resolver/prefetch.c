/* Asking anew for popular names before their answers end. */
#include "resolver/prefetch.h"

#include <event2/event.h>
#include <event2/event_struct.h>
#include <stdlib.h>

#include "resolver/clock.h"
#include "resolver/resolver_inside.h"

#define TICK (SECOND / 10)

struct prefetch {
	struct resolver *resolver;
	struct event timer;			   /* under way while names wait */
	struct question waiting[PREFETCH_WAITING]; /* a ring */
	size_t first, waiting_len;
	size_t under_way;
	uint64_t begun, dropped;
};

/* Where there is something to begin and room for it. */
static void wait_a_tick(struct prefetch *p)
{
	if (!p->waiting_len || p->under_way == PREFETCH_UNDER_WAY ||
		event_pending(&p->timer, EV_TIMEOUT, NULL))
		return;
	struct timeval t = {.tv_usec = (suseconds_t)TICK};
	event_add(&p->timer, &t);
}

static void on_tick(evutil_socket_t fd, short what, void *ctx)
{
	(void)fd;
	(void)what;
	struct prefetch *p = ctx;
	for (int i = 0; i < PREFETCH_A_TICK && p->waiting_len && p->under_way < PREFETCH_UNDER_WAY;
		i++) {
		const struct question *q = &p->waiting[p->first];
		p->first = (p->first + 1) % PREFETCH_WAITING;
		p->waiting_len--;
		if (resolver_refresh(p->resolver, q)) {
			p->under_way++;
			p->begun++;
		}
	}
	wait_a_tick(p);
}

struct prefetch *prefetch_create(struct resolver *r)
{
	struct prefetch *p = calloc(1, sizeof(*p));
	if (!p)
		return NULL;
	p->resolver = r;
	event_assign(&p->timer, r->base, -1, 0, on_tick, p);
	return p;
}

void prefetch_destroy(struct prefetch *p)
{
	if (!p)
		return;
	event_del(&p->timer);
	free(p);
}

void prefetch_note(struct prefetch *p, const struct question *q)
{
	if (p->waiting_len == PREFETCH_WAITING) {
		p->dropped++;
		return;
	}
	p->waiting[(p->first + p->waiting_len++) % PREFETCH_WAITING] = *q;
	wait_a_tick(p);
}

void prefetch_done(struct prefetch *p)
{
	p->under_way--;
	wait_a_tick(p);
}

uint64_t prefetch_begun(const struct prefetch *p)
{
	return p->begun;
}

uint64_t prefetch_dropped(const struct prefetch *p)
{
	return p->dropped;
}
