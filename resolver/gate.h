/* The gate of a DNS door: who is answered, who is sent to TCP, who gets nothing.
 *
 * This machine is answered always. Others are, if `allow=` names them; without a cookie of ours
 * they get ten answers a second and /24, and then no more bytes than they sent. So nobody can use
 * the door to send a stranger more than he could send himself. */
#ifndef RESOLVER_GATE_H
#define RESOLVER_GATE_H

#include "resolver/allow.h"
#include "resolver/cookie.h"
#include "resolver/dns_message.h"
#include "resolver/rrl.h"

struct gate {
	const struct allow *allow;
	struct cookie_secrets cookies;
	struct rrl *rrl;
	struct rrl *late; /* the same of answers that had to be waited for, when they go out */
};

struct gate_time {
	uint64_t now;  /* monotonic, microseconds */
	uint32_t wall; /* seconds since 1970 */
};

/* `allow` stands as long as the gate. 0, -ENOMEM, -EIO (no random bytes); gate_finish in any case.
 */
int gate_init(struct gate *g, const struct allow *allow, const struct gate_time *t);
void gate_finish(struct gate *g);
/* Now and then, before a batch: gives the cookies a new secret once a day. */
void gate_tick(struct gate *g, const struct gate_time *t);

enum gate_verdict {
	GATE_ANSWER,
	GATE_STRANGER, /* not allowed: REFUSED, in no more bytes than came */
	GATE_CUT,      /* over the rate: TC, likewise */
	GATE_COOKIE,   /* over the rate, with an old or false cookie: BADCOOKIE and a good one */
	GATE_DROP,
};
/* Both note in the query whether it comes from afar, and the cookie of its reply. */
enum gate_verdict gate_udp(struct gate *g, const struct sockaddr *peer, const struct gate_time *t,
	struct dns_query *q);
/* An answer that the first let in, and that comes only now (monotonic, microseconds): GATE_ANSWER
 * or GATE_CUT. Who can make answers late, by a slow server of his own, could ask ten a second for
 * seconds and have them all go to a victim at once (DNSBomb). */
enum gate_verdict gate_late(
	struct gate *g, const struct sockaddr *peer, uint64_t now, const struct dns_query *q);
/* A connection shows by itself that its other end is where it says; who is not allowed has none. */
void gate_tcp(struct gate *g, const struct sockaddr *peer, const struct gate_time *t,
	struct dns_query *q);
/* One address of IPv4, one /64 of IPv6: who is one client where places are shared out. */
bool gate_same_client(const struct sockaddr *a, const struct sockaddr *b);

#endif
