/* What the signer's process is asked, should whoever asks have taken over the node: what is read is
 * written as it was, and a part or a claim goes on to the checks that precede a signature. */
#undef NDEBUG
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "resolver/signer_frame.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void check_claim(const struct signer_request *r)
{
	size_t bytes_len, rrsig_len;
	uint8_t *bytes;

	assert(r->claim.set->data_len <= RRSET_BYTES_MAX);
	if (claim_to_sign(r->claim.set, r->owner.key, r->claim.inception, r->claim.expiration,
		    &bytes, &bytes_len, &rrsig_len) == 0)
		free(bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static uint8_t again[SIGNER_FRAME_MAX];
	struct signer_request request;
	struct frame frame;

	if (len > SIGNER_FRAME_MAX || frame_open(data, len, &frame) < 0 ||
		signer_frame_get(&frame, &request) < 0)
		return 0;
	assert(signer_frame_put(again, frame.id, &request) == (int)len);
	assert(memcmp(again, data, len) == 0);
	if (request.kind == FRAME_PART)
		assert(request.part.len <= ZONE_BYTES_MAX);
	if (request.kind == FRAME_CLAIM)
		check_claim(&request);
	signer_request_finish(&request);
	return 0;
}
