/* The real world of a node: UDP sockets on a libevent loop, the clock, getrandom, the store.
 *
 * Reads in batches and answers each batch by one system call; an ICMP refusal (IP_RECVERR), or the
 * kernel's own word that no way leads there, is told to the engine; its timer is one event;
 * the store is flushed once a second when there is something to flush, less often where the disk
 * refuses; the table is saved by saved_table. */
#ifndef DHT_UDP_H
#define DHT_UDP_H

#include "dht/dht.h"
#include "dht/store.h"

struct event_base;
struct dht_udp;

#define DHT_UDP_BIND_MAX 8

struct dht_udp_config {
	struct dht_endpoint bind[DHT_UDP_BIND_MAX]; /* port 0: the kernel chooses */
	size_t bind_len;
	bool mainline, read_only, limits; /* as in struct dht_config */
	int (*judge)(void *self, const struct dht_item *held, const struct dht_item *offered);
	void *judge_self;
};

/* Opens the sockets, makes the engine with the store's id, offers it the saved nodes.
 * -EADDRINUSE and the like come from bind(2); ret_failed (may be NULL) then names which. The IPv6
 * wildcard beside other addresses is left out where the machine has no IPv6. */
int dht_udp_create(struct event_base *base, const struct dht_udp_config *config,
	struct dht_store *store, struct dht_udp **ret_udp, struct dht_endpoint *ret_failed);
/* Saves the table and flushes the store, which stays the caller's; its event base has to live
 * still. NULL is fine. */
void dht_udp_destroy(struct dht_udp *udp);

struct dht *dht_udp_node(struct dht_udp *udp);
/* How many nodes the last run, or this one, has saved: at the start those that are being asked. */
size_t dht_udp_saved(const struct dht_udp *udp);
/* The port in use (the kernel's choice for port 0), host order. */
uint16_t dht_udp_port(const struct dht_udp *udp);

#endif
