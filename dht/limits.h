/* What strangers may have of us: packets and bytes of each source, bytes of all, and bytes in
 * return.
 *
 * A packet's source address is a claim. A source is *verified* when it has lately shown that it
 * receives what is sent to it: it answered a query of ours, or brought a token that we gave out.
 * All others share small budgets, so that we are of little use for flooding whoever an attacker
 * writes as the sender; the verified have budgets of their own, so that a flood of forged
 * packets does not starve them.
 *
 * Every limit is a bucket that refills: nothing is remembered of a source beyond it, so who forges
 * the packets of another harms him no longer than he keeps sending, and does not even then silence
 * him: of fifty a second, forged or his own, all are heard, of five hundred a tenth. Answers to our
 * own queries do not count: they never come here, so our look-ups know nothing of it. What he loses
 * is our answers to his; he has seven other nodes to ask. Who he is could be told by a token of
 * ours in what he sends, but only puts have one, and to look for it in each packet of a flood is
 * what the limit is to spare us; a rate kept back for whoever showed one lately would be the
 * forger's as well, for both write the same address.
 *
 * The memory is bounded: 50 kB, and 400 more where thousands of sources have shown that. Buckets are
 * found by a keyed hash of the source; sources that share one share its limit, and none can tell
 * which those are. */
#ifndef DHT_LIMITS_H
#define DHT_LIMITS_H

#include "dht/id.h"

#define DHT_LIMITS_KEY_LEN 16

/* Packets a second of one source (an IPv4 address, an IPv6 /64), and at once. A client that looks
 * up or stores sends us a handful; a busy one behind a big NAT is verified by its first put. */
#define DHT_LIMITS_RATE 10
#define DHT_LIMITS_BURST 50
#define DHT_LIMITS_RATE_VERIFIED 50
#define DHT_LIMITS_BURST_VERIFIED 200

/* Bytes a second that are looked at, of all unverified sources, of all verified ones; as much at
 * once. About 2,500 and 20,000 queries: the second is a good part of a core, the first is not. */
#define DHT_LIMITS_IN 250000
#define DHT_LIMITS_IN_VERIFIED 2000000

/* The longest datagram that is sent to strangers. */
#define DHT_LIMITS_OUT_LONGEST 1400
/* Bytes sent to unverified sources in any one second: to a /24 (IPv6: a /56), and to all. Each is
 * made of a burst, a rate and the longest datagram, which together are the most that a second can
 * hold. */
#define DHT_LIMITS_OUT 5000
#define DHT_LIMITS_OUT_ALL 64000
/* Bytes a second to a verified source, and as much at once: some sixty answers to a get, and no
 * flood of large ones for who is there but did not ask for them. */
#define DHT_LIMITS_OUT_VERIFIED 20000

/* A node in our table stays verified: upkeep.c asks it within that time. */
#define DHT_LIMITS_PROOF_LIFE ((uint64_t)90 * 60 * 1000000)

struct dht_limits;

enum dht_admission { DHT_ADMIT, DHT_OVER_RATE, DHT_OVER_BUDGET };

/* `by_ip`: as on the Internet a source is an address or a /64, and proofs of one /24 or /48 drive
 * out each other. Else, on loopback and private networks, it is an address and port. */
int dht_limits_create(
	const uint8_t key[DHT_LIMITS_KEY_LEN], bool by_ip, struct dht_limits **ret_limits);
void dht_limits_destroy(struct dht_limits *limits); /* NULL is fine */

/* A datagram of that many bytes came: may it be looked at? If so it counts. */
enum dht_admission dht_limits_in(
	struct dht_limits *limits, const struct dht_endpoint *from, size_t len, uint64_t now);
/* May a datagram be sent there, unasked for as far as we know? Of whatever length: what it is short
 * of is owed, and the next waits for that. Else small datagrams would always find room before large
 * ones did, and an answer would be made before it is known that it cannot be sent. */
bool dht_limits_room(const struct dht_limits *limits, const struct dht_endpoint *to, uint64_t now);
/* The same; so many bytes count as sent if so. */
bool dht_limits_out(
	struct dht_limits *limits, const struct dht_endpoint *to, size_t len, uint64_t now);

/* It receives what is sent to it. */
void dht_limits_proved(struct dht_limits *limits, const struct dht_endpoint *at, uint64_t now);
bool dht_limits_verified(
	const struct dht_limits *limits, const struct dht_endpoint *at, uint64_t now);

#endif
