/* What the signer's process answers, should it have been taken over. The first byte is the kind of
 * what it was asked. */
#undef NDEBUG
#include <assert.h>
#include <string.h>

#include "resolver/signer_frame.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static const enum frame_kind kinds[] = {FRAME_KEYS, FRAME_KEY, FRAME_PART, FRAME_CLAIM,
		FRAME_SECRET, FRAME_PUBLIC, FRAME_IMPORT};
	uint8_t again[SIGNER_REPLY_MAX];
	struct signer_reply reply;
	struct frame frame;
	enum frame_kind kind;

	if (len < 1)
		return 0;
	kind = kinds[data[0] % (sizeof(kinds) / sizeof(*kinds))];
	if (frame_open(data + 1, len - 1, &frame) < 0 ||
		signer_frame_get_reply(&frame, kind, &reply) < 0)
		return 0;
	assert(reply.error <= 0 && reply.error > -512);
	assert(reply.len == (reply.error || kind == FRAME_KEYS || kind == FRAME_IMPORT ? 0u
				    : kind == FRAME_PART || kind == FRAME_CLAIM	       ? 64u
										       : 32u));
	assert(signer_frame_put_reply(again, frame.id, &reply) == len - 1);
	assert(memcmp(again, data + 1, len - 1) == 0);
	return 0;
}
