/* One signed copy on its way into a slot: the slot is read from all nodes, the copy joins what
 * others have said there, its pieces are put, then the slot. */
#ifndef RESOLVER_MIRROR_PUT_H
#define RESOLVER_MIRROR_PUT_H

#include "resolver/answer.h"

struct dht;
struct mirror_put;

enum mirror_outcome {
	MIRROR_PUT,    /* nodes took it */
	MIRROR_ALIVE,  /* it is there already */
	MIRROR_FAILED, /* nobody took it, or no copy can be made of it */
};
/* Called once, never before mirror_put_start has returned. */
typedef void mirror_put_fn(void *ctx, struct mirror_put *put, enum mirror_outcome outcome);
/* Copies what it needs of `a`. -EINVAL: nothing may be put of it; -ENOMEM, -EBUSY. */
int mirror_put_start(struct dht *dht, const struct answer *a, mirror_put_fn *fn, void *ctx,
	struct mirror_put **ret_put);
void mirror_put_cancel(struct mirror_put *put); /* no callback afterwards */

#endif
