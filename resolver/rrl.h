/* Response rate limiting: how many answers a network gets that has not shown that it asked.
 *
 * The table has a fixed size and forgets nobody early: a network is a place in it, by a keyed hash.
 * Two that fall on one place share its rate, and whoever is over it is sent to TCP, not away; so a
 * flood from every network there is fills the table and costs the others one round trip. A table
 * that evicted would give each forged network its ten answers anew. */
#ifndef RESOLVER_RRL_H
#define RESOLVER_RRL_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#define RRL_PER_SECOND 10
#define RRL_PLACES 16384 /* 128 kB; together at most 163,840 answers a second */
#define RRL_KEY_LEN 16

struct rrl {
	uint8_t key[RRL_KEY_LEN];
	uint64_t next[RRL_PLACES]; /* microseconds: when what was taken will have been earned */
};

/* One answer more for the /24 or /56 of `peer` at `now` (monotonic, microseconds)? */
bool rrl_take(struct rrl *rrl, const struct sockaddr *peer, uint64_t now);

#endif
