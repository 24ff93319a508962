/* What a stranger sends to the DNS door: read, and answered in both ways. */
#undef NDEBUG
#include <assert.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "resolver/gate.h"

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

/* As it would be answered in as many bytes as it has, and with everything that a door can add. */
static void check_errors(struct dns_query *q, size_t len, uint8_t rcode)
{
	uint8_t reply[DNS_SHORT_MAX];
	size_t n = dns_reply_cut(q, reply, len);
	assert(n <= len);
	if (n)
		check_reply(q, reply, n);
	n = dns_reply_error(q, RCODE_REFUSED, EDE_PROHIBITED, reply, len);
	assert(n <= len);
	check_reply(q, reply, dns_reply_error(q, rcode, EDE_NONE, reply, sizeof(reply)));
}

/* The gate of a door on an address of the network: the query as of somebody elsewhere. */
static void pass_gate(struct dns_query *q)
{
	static struct allow all = {.nets = {{.family = AF_INET}}, .len = 1};
	static struct gate gate;
	const struct gate_time t = {.now = 1000000, .wall = 1700000000};
	const struct sockaddr_in peer = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(0xc0000201)};
	if (!gate.rrl)
		assert(gate_init(&gate, &all, &t) == 0);
	gate_udp(&gate, (const struct sockaddr *)&peer, &t, q);
	assert(q->far && q->replies_cookie == (q->cookie_len != 0));
	assert(q->cookie_len == 0 || cookie_len_valid(q->cookie_len));
	assert(memcmp(q->cookie, q->reply_cookie, q->cookie_len ? COOKIE_CLIENT_LEN : 0) == 0);
	q->keepalive = 100;
	q->pads = true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct dns_query q;
	uint8_t rcode = 0, reply[PACKET_MAX];
	enum dns_reading reading = dns_query_read(data, len, &q, &rcode);
	if (reading != DNS_DROP)
		pass_gate(&q);
	switch (reading) {
	case DNS_DROP:
		return 0;
	case DNS_ERROR:
		check_errors(&q, len, rcode);
		return 0;
	case DNS_ASK:
		check_errors(&q, len, RCODE_NOERROR);
		break;
	}
	size_t limit = dns_udp_limit(&q), n;
	if (q.question.type == TYPE_ANY) {
		n = dns_reply_any(&q, reply, limit);
	} else {
		struct answer *a =
			answer_without(&q.question, -ENOENT, RCODE_NXDOMAIN, 22, 60, true);
		assert(a);
		n = dns_reply_answer(&q, a, 1, reply, limit);
		answer_unref(a);
	}
	assert(n <= limit);
	check_reply(&q, reply, n);
	return 0;
}
