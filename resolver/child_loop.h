/* The loop of either validator's process: frames in, frames out, and its end when it is stuck. */
#ifndef RESOLVER_CHILD_LOOP_H
#define RESOLVER_CHILD_LOOP_H

#include "resolver/frame.h"

struct event;
struct event_base;

/* Zeroed at first; `fd` and the last three are set by who owns it. */
struct child_loop {
	int fd; /* to the node */
	struct event_base *base;
	struct event *readable, *tick;
	uint8_t in[FRAME_MAX + 1]; /* what is longer is cut, and so no frame */
	int (*handle)(void *ctx, const struct frame *frame); /* < 0: the node would not send this */
	/* A second after child_loop_work. True: there is work still, so call again. */
	bool (*ticked)(void *ctx);
	void *ctx;
};

/* The first frame, waited for; what it points to stands until the loop runs. 0, -EPIPE when the
 * node is gone, -EBADMSG. */
int child_loop_config(struct child_loop *loop, struct upstream_config *ret_config);
int child_loop_init(struct child_loop *loop); /* -ENOMEM; then child_loop_finish */
void child_loop_run(struct child_loop *loop); /* until the node is gone, or sends no frame */
void child_loop_finish(struct child_loop *loop);

/* Blocks while the node does not read: then there is nothing better to do than to stop. A node that
 * is stopped for longer than libunbound may be stuck finds a new child when it goes on. */
void child_loop_send(struct child_loop *loop, const uint8_t *frame, size_t len);
/* There is work: from now on the loop must turn. */
void child_loop_work(struct child_loop *loop);

#endif
