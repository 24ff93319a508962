/* What a relay passes on: a datagram from loopback, and a server's message as its reply. The first
 * two bytes say how long the datagram is. */
#undef NDEBUG
#include "resolver/relay_message.h"

#include <assert.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void ask(const uint8_t *query, size_t len, const uint8_t *reply, size_t reply_len)
{
	uint8_t padded[RELAY_QUERY_MAX], servfail[RELAY_QUERY_MAX];
	int question_len = relay_query_read(query, len);

	if (question_len < 0)
		return;
	assert((size_t)question_len <= len && question_len >= PACKET_HEADER + 5);
	size_t whole = relay_query_pad(query, len, padded);
	assert(whole == len || (whole % RELAY_PAD_BLOCK == 0 && whole <= RELAY_QUERY_MAX));
	assert(relay_query_read(padded, whole) == question_len);
	relay_servfail(query, (size_t)question_len, servfail);
	assert(relay_is_reply(servfail, (size_t)question_len, query, (size_t)question_len));
	if (relay_is_reply(reply, reply_len, query, (size_t)question_len))
		assert(reply_len >= (size_t)question_len);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	if (len < 2)
		return 0;
	size_t query_len = (size_t)data[0] << 8 | data[1];
	if (query_len > len - 2)
		query_len = len - 2;
	ask(data + 2, query_len, data + 2 + query_len, len - 2 - query_len);
	return 0;
}
