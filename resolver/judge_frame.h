/* What the node and the DHT validator say to each other beside questions and answers (frame.h):
 * what is wanted of slots, and what is given. */
#ifndef RESOLVER_JUDGE_FRAME_H
#define RESOLVER_JUDGE_FRAME_H

#include "resolver/frame.h"

/* From it: in the case `id` this is wanted. buf holds FRAME_ASK_MAX. */
size_t judge_frame_put_want(uint8_t *buf, uint64_t id, const struct question *q);
int judge_frame_get_want(const struct frame *frame, struct question *ret_question);

/* To it: a message, as the answer to that; length 0: nobody has one. buf holds FRAME_MAX. */
struct judge_gift {
	struct question question;
	const uint8_t *message;
	size_t len;
};
size_t judge_frame_put_gift(uint8_t *buf, uint64_t id, const struct judge_gift *gift);
int judge_frame_get_gift(const struct frame *frame, struct judge_gift *ret_gift);

#endif
