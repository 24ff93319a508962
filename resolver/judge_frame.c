/* Frames of the DHT validator. Either end checks what the other sends, as in frame.c. */
#include "resolver/judge_frame.h"

#include <errno.h>
#include <string.h>

#define GIFT_MESSAGE_MAX (FRAME_MAX - FRAME_ASK_MAX)

size_t judge_frame_put_want(uint8_t *buf, uint64_t id, const struct question *q)
{
	size_t len = frame_put_ask(buf, id, q);

	return frame_put_head(buf, FRAME_WANT, id, len - FRAME_HEAD);
}

int judge_frame_get_want(const struct frame *frame, struct question *ret_question)
{
	struct frame ask = *frame;

	if (frame->kind != FRAME_WANT)
		return -EBADMSG;
	ask.kind = FRAME_ASK;
	return frame_get_ask(&ask, ret_question);
}

size_t judge_frame_put_gift(uint8_t *buf, uint64_t id, const struct judge_gift *gift)
{
	size_t at = frame_put_ask(buf, id, &gift->question);

	if (gift->len && gift->len <= GIFT_MESSAGE_MAX) {
		memcpy(buf + at, gift->message, gift->len);
		at += gift->len;
	}
	return frame_put_head(buf, FRAME_GIFT, id, at - FRAME_HEAD);
}

int judge_frame_get_gift(const struct frame *frame, struct judge_gift *ret_gift)
{
	struct question *q = &ret_gift->question;
	uint16_t head[2];
	size_t offset = sizeof(head);

	if (frame->kind != FRAME_GIFT || frame->len < sizeof(head))
		return -EBADMSG;
	memcpy(head, frame->payload, sizeof(head));
	q->type = head[0];
	q->class = head[1];
	if (name_from_wire(frame->payload, frame->len, &offset, &q->name) ||
		offset != sizeof(head) + q->name.len)
		return -EBADMSG;
	ret_gift->message = frame->payload + offset;
	ret_gift->len = frame->len - offset;
	return 0;
}
