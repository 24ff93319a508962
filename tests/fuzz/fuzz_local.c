/* A frame of the Unix socket, as a request and as a reply; what is read is written as it was. */
#undef NDEBUG
#include "fs/local.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void check_again(const uint8_t *data, size_t len, uint8_t *bytes, size_t written)
{
	assert(written == LOCAL_LENGTH + len && local_length(bytes) == len);
	assert(memcmp(bytes + LOCAL_LENGTH, data, len) == 0);
	free(bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct local_request request;
	struct local_reply reply;
	uint8_t *bytes;
	size_t written;
	if (local_request_read(data, len, &request) == 0) {
		assert(request.len <= JSON_INPUT_MAX);
		assert(local_request_write(&request, &bytes, &written) == 0);
		/* The name is in lower case then. */
		assert(written == LOCAL_LENGTH + len);
		struct local_request again;
		assert(local_request_read(bytes + LOCAL_LENGTH, written - LOCAL_LENGTH, &again) ==
			0);
		assert(question_equal(&again.question, &request.question));
		free(bytes);
	}
	if (local_reply_read(data, len, &reply) == 0) {
		assert(reply.error <= 0 && reply.len + reply.message_len <= len);
		assert(local_reply_write(&reply, &bytes, &written) == 0);
		check_again(data, len, bytes, written);
	}
	return 0;
}
