/* A reply of the HTTP server of 2009: a digit for its status, and the body. */
#undef NDEBUG
#include "resolver/json_2009.h"

#include <assert.h>
#include <errno.h>

#include "resolver/packet.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

/* What it makes is a message that our own reader reads, whole. */
static void check_message(const uint8_t *message, size_t len)
{
	struct packet_reader reader;
	struct rr rr;
	int more;
	assert(packet_open(&reader, message, len) == 0);
	assert(reader.header.count[0] == 1 && reader.header.flags & FLAG_QR);
	assert(!(reader.header.flags & FLAG_AD));
	while ((more = packet_next(&reader, &rr)) > 0)
		assert(rr.class == CLASS_IN && !type_is_meta(rr.type));
	assert(more == 0 && packet_at_end(&reader));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static const uint8_t question[] = "\0\0\1\0\0\1\0\0\0\0\0\0\3www\3old\0\0\1\0";
	static const long status[] = {200, 400, 403, 404, 408, 500, 502, 301, 0, -1};
	static uint8_t message[PACKET_MAX];
	const char *why = NULL;
	if (len == 0 || data[0] < '0' || data[0] > '9')
		return 0;
	struct reply_2009 reply = {status[data[0] - '0'], (const char *)data + 1, len - 1};
	/* The literal has a NUL behind it, which is the second byte of the class. */
	uint8_t asked[sizeof(question)];
	for (size_t i = 0; i < sizeof(question); i++)
		asked[i] = question[i];
	asked[sizeof(question) - 1] = CLASS_IN;
	int n = json_2009_message(&reply, asked, sizeof(asked), message, &why);
	assert(why);
	if (n < 0)
		assert(n == -EBADMSG || n == -ENOMEM);
	else
		check_message(message, (size_t)n);
	return 0;
}
