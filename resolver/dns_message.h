/* What a DNS server reads and writes: one query in, one reply out; bytes only, no sockets.
 *
 * Both doors that speak DNS use it, over UDP and over TCP. Reading follows RFC 1035, 6891, 9619 to
 * the letter, because every laxness here is somebody's trick. */
#ifndef RESOLVER_DNS_MESSAGE_H
#define RESOLVER_DNS_MESSAGE_H

#include "resolver/answer.h"
#include "resolver/cookie.h"

#define DNS_UDP_MAX 1232  /* RFC 9715: no fragments, whatever the client says it takes */
#define DNS_UDP_PLAIN 512 /* without EDNS */
#define DNS_OPT_MAX 128	  /* OPT with a cookie, a time and an extended error, as we write it */
#define DNS_OPT_DO 0x8000

/* The ways to a door, each of which counts for itself: `dns.NAME.` in .kadns/status. */
enum dns_via { DNS_UDP, DNS_TCP, DNS_TLS, DNS_HTTP, DNS_HTTPS, DNS_VIAS };

struct dns_query {
	uint16_t id, flags; /* as they came */
	struct question question;
	struct name cased; /* the name as the client spelled it, to be echoed (0x20) */
	bool has_question; /* false: there is nothing to echo */
	bool edns, dnssec_ok;
	uint16_t udp_size;
	/* The options that it carried. */
	bool asks_keepalive, asks_padding;
	uint8_t cookie_len, cookie[COOKIE_MAX]; /* length 0: none */

	/* The door's notes: none of them is in the message. */
	enum dns_via via;
	bool far;	/* from another machine */
	bool known;	/* it showed a cookie of ours: it is where it says */
	uint64_t asked; /* monotonic, microseconds: when it came */
	/* What the door adds to the OPT of the reply. */
	bool replies_cookie, pads; /* pads: the transport is encrypted (RFC 8467) */
	uint8_t reply_cookie[COOKIE_LEN];
	uint16_t keepalive; /* how long it may be idle, in tenths of a second; 0: not said */
};

enum dns_reading {
	DNS_DROP,  /* no query: nothing is sent */
	DNS_ASK,   /* answer it */
	DNS_ERROR, /* *ret_rcode says what to reply (16: BADVERS; 0: a cookie was all it asked for)
		    */
};
enum dns_reading dns_query_read(
	const uint8_t *message, size_t len, struct dns_query *ret_query, uint8_t *ret_rcode);

/* Each writes a whole reply and returns its length. Over `limit` bytes an answer is cut to its
 * question with TC set, never within a record set (RFC 2181). `buf` holds DNS_SHORT_MAX bytes, and
 * `limit`.
 *
 * An error leaves out of its OPT what does not fit `limit`; 0 when even the question does not. */
#define DNS_SHORT_MAX (PACKET_HEADER + NAME_WIRE_MAX + 4 + DNS_OPT_MAX)
size_t dns_reply_error(
	const struct dns_query *q, uint8_t rcode, int ede, uint8_t *buf, size_t limit);
/* No answer, but by TCP there is one: in no more than `limit` bytes, or 0. */
size_t dns_reply_cut(const struct dns_query *q, uint8_t *buf, size_t limit);
size_t dns_reply_answer(const struct dns_query *q, const struct answer *a, uint64_t now,
	uint8_t *buf, size_t limit);
/* Largest reply that this query takes over UDP. */
size_t dns_udp_limit(const struct dns_query *q);

/* ANY is answered with one small record that says why (RFC 8482). It fits DNS_UDP_PLAIN bytes, and
 * `limit` is no less. */
size_t dns_reply_any(const struct dns_query *q, uint8_t *buf, size_t limit);

#endif
