/* Who announced what (BEP 5): for each info-hash the peers that listen for it, the two address
 * families apart. Bounded: what strangers announce costs at most about 4 MB, and no announcer
 * gets more of a swarm, or of all swarms, than is left when all the others have their share. */
#ifndef DHT_PEERS_H
#define DHT_PEERS_H

#include "dht/id.h"

#define DHT_PEERS_HASHES_MAX 1024 /* one home user's share of the network is far less */
#define DHT_PEERS_EACH_MAX 60	  /* of a family; a reply holds 50 */
/* Peers of one address (IPv6: of a /64) in a swarm: several machines behind one NAT. */
#define DHT_PEERS_PORTS_MAX 4
/* Peers of one /24 (IPv6: a /56) in a swarm, where subnets are limited. */
#define DHT_PEERS_SUBNET_MAX 8

/* BEP 51: a sample stands for a quarter of an hour, within which announcers come again. */
#define DHT_SAMPLE_MAX 20
#define DHT_SAMPLE_TIME ((uint64_t)900 * 1000000)

#define DHT_PEERS_KEY_LEN 16

struct dht_peers;

/* `key` is secret, for hashing. `by_subnet`: an announcer is a /24 or /56, and not an address. */
int dht_peers_create(
	const uint8_t key[DHT_PEERS_KEY_LEN], bool by_subnet, struct dht_peers **ret_peers);
void dht_peers_destroy(struct dht_peers *peers);

/* Remembers the peer for half an hour (announcers come again every 15 minutes or so). Where its
 * address, its subnet or its family has as many in the swarm as it may, the oldest of that goes.
 * Where there are too many swarms, the oldest goes of those whose announcers all have the most
 * peers here. 0 or -ENOMEM. */
int dht_peers_add(struct dht_peers *peers, const struct dht_id *info_hash,
	const struct dht_endpoint *peer, uint64_t now);
/* Forgets what has not been announced again; `find` is as of the last call. Cheap: swarms are kept
 * in the order in which they end. */
void dht_peers_expire(struct dht_peers *peers, uint64_t now);
/* Peers of info_hash with addresses of that family, the latest first. */
size_t dht_peers_find(const struct dht_peers *peers, const struct dht_id *info_hash, uint8_t family,
	struct dht_endpoint *ret_peers, size_t cap);

/* Info-hashes drawn at random, the same ones until the next draw; while there are fewer than a
 * sample holds, all. */
struct dht_sample {
	uint8_t hashes[DHT_SAMPLE_MAX * DHT_ID_LEN];
	size_t len;	  /* of them */
	size_t num;	  /* swarms that there are now */
	unsigned seconds; /* until the next draw, at least 1 */
};
void dht_peers_sample(struct dht_peers *peers, uint64_t now, struct dht_sample *ret_sample);

#endif
