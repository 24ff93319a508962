/* Who announced what (BEP 5): for each info-hash the peers that listen for it. Bounded: what
 * strangers announce costs at most about 3 MB. */
#ifndef DHT_PEERS_H
#define DHT_PEERS_H

#include "dht/id.h"

#define DHT_PEERS_HASHES_MAX 1024 /* one home user's share of the network is far less */
#define DHT_PEERS_EACH_MAX 100	  /* a reply holds 50; two addresses' worth of choice */

struct dht_peers;

int dht_peers_create(struct dht_peers **ret_peers);
void dht_peers_destroy(struct dht_peers *peers);

/* Remembers the peer for half an hour (announcers come again every 15 minutes or so). The
 * oldest makes room. 0 or -ENOMEM. */
int dht_peers_add(struct dht_peers *peers, const struct dht_id *info_hash,
	const struct dht_endpoint *peer, uint64_t now);
/* Forgets what has not been announced again. */
void dht_peers_expire(struct dht_peers *peers, uint64_t now);
/* Peers of info_hash with addresses of that family, the latest first. */
size_t dht_peers_find(const struct dht_peers *peers, const struct dht_id *info_hash, uint8_t family,
	struct dht_endpoint *ret_peers, size_t cap);

#endif
