/* Who announced what. */
#include "dht/peers.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define LIFETIME ((uint64_t)1800 * 1000000)
#define CHAINS 64

struct peer {
	struct dht_endpoint endpoint;
	uint64_t announced;
};

struct swarm {
	struct swarm *next; /* in its chain */
	struct dht_id info_hash;
	size_t len, cap;
	struct peer *peers; /* the latest last */
};

struct dht_peers {
	struct swarm *chains[CHAINS];
	size_t len;
};

int dht_peers_create(struct dht_peers **ret_peers)
{
	*ret_peers = calloc(1, sizeof(**ret_peers));
	return *ret_peers ? 0 : -ENOMEM;
}

static void free_swarm(struct swarm *s)
{
	free(s->peers);
	free(s);
}

void dht_peers_destroy(struct dht_peers *peers)
{
	if (!peers)
		return;
	for (size_t i = 0; i < CHAINS; i++)
		for (struct swarm *s = peers->chains[i], *next; s; s = next) {
			next = s->next;
			free_swarm(s);
		}
	free(peers);
}

/* Info-hashes that reach us share their first bits with our id; the last ones vary. Whoever
 * chooses them so that all share a chain makes the walk 1024 steps long, no more. */
static struct swarm **chain_of(const struct dht_peers *peers, const struct dht_id *info_hash)
{
	return (struct swarm **)&peers->chains[info_hash->b[DHT_ID_LEN - 1] % CHAINS];
}

static struct swarm *find(const struct dht_peers *peers, const struct dht_id *info_hash)
{
	struct swarm *s = *chain_of(peers, info_hash);
	while (s && !dht_id_equal(&s->info_hash, info_hash))
		s = s->next;
	return s;
}

static uint64_t latest(const struct swarm *s)
{
	return s->len ? s->peers[s->len - 1].announced : 0;
}

static void unlink_swarm(struct dht_peers *peers, struct swarm *s)
{
	struct swarm **at = chain_of(peers, &s->info_hash);
	while (*at != s)
		at = &(*at)->next;
	*at = s->next;
	peers->len--;
	free_swarm(s);
}

static void drop_oldest(struct dht_peers *peers)
{
	struct swarm *oldest = NULL;
	for (size_t i = 0; i < CHAINS; i++)
		for (struct swarm *s = peers->chains[i]; s; s = s->next)
			if (!oldest || latest(s) < latest(oldest))
				oldest = s;
	if (oldest)
		unlink_swarm(peers, oldest);
}

static struct swarm *add_swarm(struct dht_peers *peers, const struct dht_id *info_hash)
{
	if (peers->len == DHT_PEERS_HASHES_MAX)
		drop_oldest(peers);
	struct swarm *s = calloc(1, sizeof(*s));
	if (!s)
		return NULL;
	struct swarm **chain = chain_of(peers, info_hash);
	*s = (struct swarm){.next = *chain, .info_hash = *info_hash};
	*chain = s;
	peers->len++;
	return s;
}

static void forget(struct swarm *s, size_t at)
{
	s->len--;
	memmove(&s->peers[at], &s->peers[at + 1], (s->len - at) * sizeof(*s->peers));
}

static bool has_room(struct swarm *s)
{
	if (s->len < s->cap)
		return true;
	size_t cap = s->cap ? s->cap * 2 : 4;
	struct peer *grown = realloc(s->peers, cap * sizeof(*grown));
	if (!grown)
		return false;
	s->peers = grown;
	s->cap = cap;
	return true;
}

int dht_peers_add(struct dht_peers *peers, const struct dht_id *info_hash,
	const struct dht_endpoint *peer, uint64_t now)
{
	struct swarm *s = find(peers, info_hash);
	if (!s && !(s = add_swarm(peers, info_hash)))
		return -ENOMEM;
	for (size_t i = 0; i < s->len; i++)
		if (dht_endpoint_equal(&s->peers[i].endpoint, peer)) {
			forget(s, i);
			break;
		}
	if (s->len == DHT_PEERS_EACH_MAX)
		forget(s, 0);
	if (!has_room(s))
		return -ENOMEM;
	s->peers[s->len++] = (struct peer){*peer, now};
	return 0;
}

void dht_peers_expire(struct dht_peers *peers, uint64_t now)
{
	for (size_t i = 0; i < CHAINS; i++)
		for (struct swarm *s = peers->chains[i], *next; s; s = next) {
			next = s->next;
			while (s->len && s->peers[0].announced + LIFETIME <= now)
				forget(s, 0);
			if (!s->len)
				unlink_swarm(peers, s);
		}
}

size_t dht_peers_find(const struct dht_peers *peers, const struct dht_id *info_hash, uint8_t family,
	struct dht_endpoint *ret_peers, size_t cap)
{
	const struct swarm *s = find(peers, info_hash);
	size_t len = 0;
	for (size_t i = s ? s->len : 0; i-- > 0 && len < cap;)
		if (s->peers[i].endpoint.family == family)
			ret_peers[len++] = s->peers[i].endpoint;
	return len;
}
