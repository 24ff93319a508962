/* What the signer's process answers, should it have been taken over. The first byte is the kind of
 * what it was asked. */
#undef NDEBUG
#include <assert.h>
#include <string.h>

#include "resolver/signer_frame.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	uint8_t again[SIGNER_REPLY_MAX];
	struct signer_reply reply;
	struct frame frame;
	enum frame_kind kind;

	if (len < 1)
		return 0;
	kind = FRAME_KEYS + data[0] % 4;
	if (frame_open(data + 1, len - 1, &frame) < 0 ||
		signer_frame_get_reply(&frame, kind, &reply) < 0)
		return 0;
	assert(reply.error <= 0 && reply.error > -512);
	assert(reply.len == (reply.error || kind == FRAME_KEYS ? 0u
				    : kind == FRAME_KEY	       ? 32u
							       : 64u));
	assert(signer_frame_put_reply(again, frame.id, &reply) == len - 1);
	assert(memcmp(again, data + 1, len - 1) == 0);
	return 0;
}
