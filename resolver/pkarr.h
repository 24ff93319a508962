/* A relay of pkarr: zones of keys, whole and signed, from the DHT and to it, for those who speak
 * HTTP only (facts: pkarr, 1.5).
 *
 * It holds the packets that were read or put last, beside the answers that the resolver makes of
 * them: a relay hands on the signer's bytes, which answers do not have. Nothing older ever takes
 * the place of something newer, here or on the DHT, and nothing unsigned is taken at all. */
#ifndef RESOLVER_PKARR_H
#define RESOLVER_PKARR_H

#include <sys/socket.h>

#include "resolver/pkarr_packet.h"

struct dht;
struct pkarr;
struct pkarr_job;

/* A zone changed: `old` is what was held of it, or NULL. */
typedef void pkarr_changed_fn(void *ctx, const struct dht_item *old, const struct dht_item *now);
struct pkarr_config {
	bool joined; /* others are to be known: a put that no other node takes has failed */
	pkarr_changed_fn *changed;
	void *ctx;
};
/* -ENOMEM, -EIO (no random bytes). */
int pkarr_create(struct dht *dht, const struct pkarr_config *config, struct pkarr **ret_pkarr);
void pkarr_destroy(struct pkarr *p); /* jobs end without a callback; before the DHT */

/* May this client have one more look-up, or put, now (monotonic, microseconds)? What is held costs
 * nothing and needs no leave. */
bool pkarr_may(struct pkarr *p, const struct sockaddr *client, uint64_t now);

struct pkarr_held {
	struct dht_item item;
	int64_t seen;	  /* on the DHT, or put there: microseconds since 1970 */
	uint32_t max_age; /* seconds */
};
/* What is held of this key; borrowed until the next call. NULL: nothing. */
const struct pkarr_held *pkarr_held(struct pkarr *p, const uint8_t key[DHT_KEY_LEN]);
bool pkarr_fresh(const struct pkarr_held *held, int64_t wall);

struct pkarr_result {
	/* 0; -ENOENT: nobody has it; -ENETUNREACH: no node answered. And of a put -ESTALE: a newer
	 * one is known; -EIO: no node took it. */
	int error;
	const struct pkarr_held *held; /* get: what the DHT has; for the call */
	int64_t invalid; /* get: seq of what supersedes it and is no DNS; -1: nothing does */
	unsigned stored; /* put: nodes that have it, this one too */
};
typedef void pkarr_fn(void *ctx, const struct pkarr_result *result);
/* Calls fn once, after it has returned. -EBUSY: too many are under way; -ENOMEM. */
int pkarr_get(struct pkarr *p, const uint8_t key[DHT_KEY_LEN], pkarr_fn *fn, void *ctx,
	struct pkarr_job **ret_job);
/* `item` is one of pkarr_read. It is looked for first, so that nothing newer is overwritten. As
 * above, and -ESTALE: a newer one is held; -EINVAL: its time is more than a day ahead. */
int pkarr_put(struct pkarr *p, const struct dht_item *item, pkarr_fn *fn, void *ctx,
	struct pkarr_job **ret_job);
/* Nobody waits any more: no callback. What is being put is put nevertheless. */
void pkarr_leave(struct pkarr_job *job);

struct pkarr_counters {
	uint64_t gets, puts; /* that went to the DHT */
	uint64_t refused;    /* puts of something older */
	uint64_t limited;    /* clients that asked too often */
	size_t held;
};
void pkarr_counters(const struct pkarr *p, struct pkarr_counters *ret_counters);

#endif
