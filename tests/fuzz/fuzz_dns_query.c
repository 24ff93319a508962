/* What a stranger sends to the DNS door: read, and answered in both ways. */
#undef NDEBUG
#include <assert.h>
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "resolver/dns_message.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void check_reply(const struct dns_query *q, const uint8_t *reply, size_t len)
{
	struct packet_reader r;
	struct rr rr;
	assert(packet_open(&r, reply, len) == 0);
	assert(r.header.id == q->id && r.header.flags & FLAG_QR && !(r.header.flags & 0x0440));
	int more;
	while ((more = packet_next(&r, &rr)) > 0)
		;
	assert(more == 0 && packet_at_end(&r));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct dns_query q;
	uint8_t rcode = 0, reply[PACKET_MAX];
	switch (dns_query_read(data, len, &q, &rcode)) {
	case DNS_DROP:
		return 0;
	case DNS_ERROR:
		check_reply(&q, reply, dns_reply_error(&q, rcode, reply, sizeof(reply)));
		return 0;
	case DNS_ASK:
		break;
	}
	struct answer *a = q.question.type == TYPE_ANY ? dns_any_answer(&q.question) :
		answer_without(&q.question, -ENOENT, RCODE_NXDOMAIN, 22, 60, true);
	assert(a);
	size_t limit = dns_udp_limit(&q);
	size_t n = dns_reply_answer(&q, a, 1, reply, limit);
	assert(n <= limit);
	check_reply(&q, reply, n);
	answer_unref(a);
	return 0;
}
