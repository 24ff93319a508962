/* What the node and the starter say to each other, should either have been taken over: what is read
 * is written as it was. */
#undef NDEBUG
#include <assert.h>
#include <string.h>

#include "fs/starter_frame.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static uint8_t again[STARTER_FRAME_MAX];
	static struct starter_request request;
	struct starter_reply reply;
	struct frame frame;

	if (len > STARTER_FRAME_MAX || frame_open(data, len, &frame) < 0)
		return 0;
	if (starter_frame_get(&frame, &request) == 0) {
		assert(starter_frame_put(again, frame.id, &request) == len);
		assert(memcmp(again, data, len) == 0);
		assert(strlen(request.text) < STARTER_TEXT_MAX);
		assert(request.address_len <= sizeof(request.address));
	}
	if (starter_frame_get_reply(&frame, &reply) == 0) {
		assert(starter_frame_put_reply(again, frame.id, &reply) == len);
		assert(memcmp(again, data, len) == 0);
		assert(reply.error <= 0);
	}
	return 0;
}
