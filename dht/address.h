/* At which address others see us, learned by votes: the `ip` of replies to queries of ours
 * (BEP 42). It decides which ids are ours to have, so no minority may bend it: a voter is an IP
 * (IPv6: a /64) that answered us, and votes once a round; a round has fifty votes, or a majority of
 * all nodes that we know; a first address needs a clear lead, or two thirds of a network that is too
 * small for one, and one that is known is given up only for one that has won two rounds in a row. */
#ifndef DHT_ADDRESS_H
#define DHT_ADDRESS_H

#include "dht/id.h"

/* Votes of a round. Candidates are as many, so that liars who name an address each crowd no
 * honest vote out. */
#define DHT_ADDRESS_VOTES 50

struct dht_address_candidate {
	struct dht_endpoint at; /* the port means nothing */
	uint8_t votes;
};

struct dht_address {
	struct dht_endpoint known;	/* family 0: none yet; port 0: each sees another (NAT) */
	struct dht_endpoint challenger; /* won the last round */
	uint64_t began;			/* the round's first vote */
	uint64_t voters[DHT_ADDRESS_VOTES];
	uint8_t named[DHT_ADDRESS_VOTES]; /* the candidate of each */
	uint16_t ports[DHT_ADDRESS_VOTES];
	struct dht_address_candidate candidates[DHT_ADDRESS_VOTES];
	size_t voters_len, candidates_len;
};

/* `voter`, one of `nodes` of its family that we know, says that it sees us at `said`. Local
 * addresses do not count: a neighbour in a private network tells nothing about the Internet. True
 * when `known` is another than before. */
bool dht_address_vote(struct dht_address *a, const struct dht_endpoint *voter,
	const struct dht_endpoint *said, size_t nodes, uint64_t now);

#endif
