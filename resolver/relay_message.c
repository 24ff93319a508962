/* Queries and replies on their way. */
#include "resolver/relay_message.h"

#include <errno.h>
#include <string.h>

#define OPTION_PADDING 12
#define OPTION_HEAD 4

static unsigned get16(const uint8_t *p)
{
	return (unsigned)p[0] << 8 | p[1];
}

static void put16(uint8_t *p, size_t n)
{
	p[0] = (uint8_t)(n >> 8);
	p[1] = (uint8_t)n;
}

int relay_query_read(const uint8_t *message, size_t len)
{
	struct packet_reader r;
	struct question q;

	if (len > RELAY_QUERY_MAX || packet_open(&r, message, len) < 0 ||
		r.header.flags & (FLAG_QR | FLAG_TC) || r.header.count[0] != 1 ||
		packet_question(&r, &q, NULL) < 0)
		return -EBADMSG;
	/* A name that was compressed would be longer than what stands there. */
	if (r.offset != PACKET_HEADER + q.name.len + 4u)
		return -EBADMSG;
	return (int)r.offset;
}

/* Where the length of the OPT's RDATA stands, if that is the last record. 0: there is none. */
static size_t find_opt(const uint8_t *message, size_t len)
{
	struct packet_reader r;
	struct rr rr = {0};
	int more;

	if (packet_open(&r, message, len) < 0)
		return 0;
	while ((more = packet_next(&r, &rr)) > 0)
		;
	return more == 0 && packet_at_end(&r) && rr.type == TYPE_OPT ? len - rr.rdata_len - 2u : 0;
}

size_t relay_query_pad(const uint8_t *message, size_t len, uint8_t ret_padded[RELAY_QUERY_MAX])
{
	size_t opt = find_opt(message, len);
	size_t whole = (len + OPTION_HEAD + RELAY_PAD_BLOCK - 1) / RELAY_PAD_BLOCK *
		       RELAY_PAD_BLOCK;

	memcpy(ret_padded, message, len);
	if (!opt || whole > RELAY_QUERY_MAX)
		return len;
	memset(ret_padded + len, 0, whole - len);
	put16(ret_padded + len, OPTION_PADDING);
	put16(ret_padded + len + 2, whole - len - OPTION_HEAD);
	put16(ret_padded + opt, get16(message + opt) + whole - len);
	return whole;
}

static uint8_t lower(uint8_t c)
{
	return c >= 'A' && c <= 'Z' ? c | 0x20 : c;
}

bool relay_is_reply(
	const uint8_t *message, size_t len, const uint8_t *question, size_t question_len)
{
	if (len < question_len || get16(message + 4) != 1 || !(message[2] & 0x80) ||
		((message[2] ^ question[2]) & 0x78) ||
		memcmp(message + question_len - 4, question + question_len - 4, 4) != 0)
		return false;
	for (size_t i = PACKET_HEADER; i < question_len - 4; i++)
		if (lower(message[i]) != lower(question[i]))
			return false;
	return true;
}

void relay_servfail(const uint8_t *question, size_t question_len, uint8_t *ret_reply)
{
	memmove(ret_reply, question, question_len);
	ret_reply[2] = (uint8_t)((question[2] & 0x79) | 0x80);			/* QR, opcode, RD */
	ret_reply[3] = (uint8_t)((question[3] & 0x10) | 0x80 | RCODE_SERVFAIL); /* CD, RA */
	memset(ret_reply + 6, 0, 6);
}
