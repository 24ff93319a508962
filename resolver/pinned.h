/* What pins answer: the record of the name under the pin's key, as the answer to the name that was
 * asked for. Of resolver.c, memory.c and explain.c; nobody else includes it.
 *
 * Nothing of it is cached: the zone's answer is, under the key's name, for everybody. A pin that
 * comes or goes is obeyed by the next question. */
#ifndef RESOLVER_PINNED_H
#define RESOLVER_PINNED_H

#include "resolver/resolver_inside.h"

/* Loads what users have pinned, and adds the daemon's options (may be NULL). -EBADMSG: the database
 * is damaged; -ENOMEM. */
int pinned_load(struct resolver *r, struct pin_list *options);
void pinned_finish(struct resolver *r);
/* The same again: the disk has lost what was written last. */
void pinned_reload(struct resolver *r);

/* Says in `parts` which pins this view has for the question, and which key works like one for all. They
 * live until the pins change, and those keys. */
void pinned_find(const struct resolver *r, const struct question *q, uid_t view,
	struct policy_part parts[CACHE_PARTS]);
/* What is asked in place of `q`, of that key's zone, or of the key's that it has passed on to as
 * far as is known (rotation.h). -ENOENT: no zone has such a record (its name would be too long, or
 * its class is not IN); -ENETUNREACH: dht=off. */
int pinned_question(struct resolver *r, const struct pin *pin, const struct question *q,
	struct question *ret_target);
/* That answer as one to `q`; NULL: no memory. And what stands for one where nothing can be asked,
 * for the reason that pinned_question gave. */
struct answer *pinned_answer(struct resolver *r, enum cache_part part, const struct pin *pin,
	const struct question *q, const struct answer *from);
struct answer *pinned_without(const struct question *q, int error);
/* From memory, own records of this machine first; NULL: not there. Borrowed as resolver_peek's. */
const struct answer *pinned_held(struct resolver *r, const struct question *q, enum cache_part part,
	const struct pin *pin, bool listed);
/* What the zone of the name's first signer said of it, who may be of this machine, is not known any
 * more. */
void pinned_forget(struct resolver *r, const struct question *q);
/* Every name that anybody reads so from `target`, whosever pins those are. */
void pinned_readers(struct resolver *r, const struct name *target, pin_reader_fn *fn, void *ctx);
/* Every name that this view reads through a pin from `target`, a name under a key. */
void pinned_names(
	struct resolver *r, const struct name *target, uid_t view, pin_reader_fn *fn, void *ctx);

#endif
