/* The counter of one question. */
#include "resolver/work.h"

#include <stdlib.h>

struct work *work_create(void)
{
	struct work *w = malloc(sizeof(*w));
	if (w)
		*w = (struct work){.refs = 1,
			.upstream = WORK_UPSTREAM,
			.dht = {.packets = WORK_PACKETS, .checks = WORK_CHECKS},
			.chain = WORK_CHAIN};
	return w;
}

struct work *work_ref(struct work *w)
{
	w->refs++;
	return w;
}

void work_unref(struct work *w)
{
	if (w && --w->refs == 0)
		free(w);
}

bool work_upstream(struct work *w)
{
	if (w->upstream == 0)
		return false;
	w->upstream--;
	return true;
}
