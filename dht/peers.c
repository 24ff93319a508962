/* Who announced what. */
#include "dht/peers.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "dht/siphash.h"

#define SECOND ((uint64_t)1000000)
#define LIFETIME (1800 * SECOND)
#define CHAINS 256
#define OWNERS 1024

struct peer {
	struct dht_endpoint endpoint;
	uint64_t announced;
};

struct peer_list {
	struct peer *peers; /* the latest last */
	size_t len, cap;
};

struct swarm {
	struct swarm *next; /* in its chain */
	TAILQ_ENTRY(swarm) link;
	struct dht_id info_hash;
	uint64_t announced;	   /* last */
	size_t owner;		   /* whose it is, of OWNERS */
	struct peer_list lists[2]; /* IPv4, IPv6 */
};

struct dht_peers {
	uint8_t key[DHT_PEERS_KEY_LEN];
	bool by_subnet;
	uint64_t now; /* of the last call */
	struct swarm *chains[CHAINS];
	TAILQ_HEAD(, swarm) swarms; /* the last announced last */
	size_t len;
	unsigned owned[OWNERS]; /* swarms of each announcer, found by a hash */
	bool has_sample;
	uint64_t drawn, draws; /* when; numbers drawn ever */
	struct dht_sample sample;
};

int dht_peers_create(
	const uint8_t key[DHT_PEERS_KEY_LEN], bool by_subnet, struct dht_peers **ret_peers)
{
	struct dht_peers *peers = calloc(1, sizeof(*peers));
	if (!peers)
		return -ENOMEM;
	memcpy(peers->key, key, sizeof(peers->key));
	peers->by_subnet = by_subnet;
	TAILQ_INIT(&peers->swarms);
	*ret_peers = peers;
	return 0;
}

/* Keyed, so that nobody chooses info-hashes that all share a chain. */
static struct swarm **chain_of(const struct dht_peers *peers, const struct dht_id *info_hash)
{
	uint64_t sum = dht_siphash(peers->key, info_hash->b, sizeof(info_hash->b));
	return (struct swarm **)&peers->chains[sum % CHAINS];
}

static struct swarm *find(const struct dht_peers *peers, const struct dht_id *info_hash)
{
	struct swarm *s = *chain_of(peers, info_hash);
	while (s && !dht_id_equal(&s->info_hash, info_hash))
		s = s->next;
	return s;
}

static void drop_swarm(struct dht_peers *peers, struct swarm *s)
{
	struct swarm **at = chain_of(peers, &s->info_hash);
	while (*at != s)
		at = &(*at)->next;
	*at = s->next;
	TAILQ_REMOVE(&peers->swarms, s, link);
	peers->owned[s->owner]--;
	peers->len--;
	free(s->lists[0].peers);
	free(s->lists[1].peers);
	free(s);
}

void dht_peers_destroy(struct dht_peers *peers)
{
	struct swarm *s;
	if (!peers)
		return;
	while ((s = TAILQ_FIRST(&peers->swarms)))
		drop_swarm(peers, s);
	free(peers);
}

/* The leading bytes that two announcers share when they count as one. */
static size_t subnet_len(const struct dht_endpoint *e)
{
	return e->family == 4 ? 3 : 7;
}

static size_t address_len(const struct dht_endpoint *e)
{
	return e->family == 4 ? 4 : 8;
}

/* Two announcers that share a number are treated as one: a little unfair to them, and none can
 * tell who they are. */
static size_t owner_of(const struct dht_peers *peers, const struct dht_endpoint *e)
{
	uint8_t text[9] = {e->family};
	memcpy(text + 1, e->ip, peers->by_subnet ? subnet_len(e) : address_len(e));
	return dht_siphash(peers->key, text, sizeof(text)) % OWNERS;
}

/* Each announcer's share of the swarms is bounded by what the others leave, so that who announces
 * everything drives out himself and nobody else. */
static void make_room(struct dht_peers *peers)
{
	struct swarm *s, *victim = TAILQ_FIRST(&peers->swarms);
	TAILQ_FOREACH(s, &peers->swarms, link)
	if (peers->owned[s->owner] > peers->owned[victim->owner])
		victim = s;
	drop_swarm(peers, victim);
}

static struct swarm *add_swarm(
	struct dht_peers *peers, const struct dht_id *info_hash, size_t owner)
{
	struct swarm *s = calloc(1, sizeof(*s));
	if (!s)
		return NULL;
	if (peers->len == DHT_PEERS_HASHES_MAX)
		make_room(peers);
	struct swarm **chain = chain_of(peers, info_hash);
	s->next = *chain;
	s->info_hash = *info_hash;
	s->owner = owner;
	*chain = s;
	TAILQ_INSERT_TAIL(&peers->swarms, s, link);
	peers->owned[owner]++;
	peers->len++;
	return s;
}

/* A swarm belongs to that of its announcers who has the fewest: who was the first to announce what
 * others listen for does not take it down with his own. */
static void settle_owner(struct dht_peers *peers, struct swarm *s, size_t owner)
{
	if (peers->owned[owner] + 1 >= peers->owned[s->owner])
		return;
	peers->owned[s->owner]--;
	peers->owned[owner]++;
	s->owner = owner;
}

static void forget(struct peer_list *l, size_t at)
{
	l->len--;
	memmove(&l->peers[at], &l->peers[at + 1], (l->len - at) * sizeof(*l->peers));
}

/* Leaves at most `most` whose first `bytes` of address are those of `e`. */
static void thin(struct peer_list *l, const struct dht_endpoint *e, size_t bytes, size_t most)
{
	size_t seen = 0;
	for (size_t i = l->len; i-- > 0;)
		if (memcmp(l->peers[i].endpoint.ip, e->ip, bytes) == 0 && ++seen > most)
			forget(l, i);
}

static bool reserve(struct peer_list *l)
{
	if (l->len < l->cap)
		return true;
	size_t cap = l->cap ? l->cap * 2 : 2;
	struct peer *grown = realloc(l->peers, cap * sizeof(*grown));
	if (!grown)
		return false;
	l->peers = grown;
	l->cap = cap;
	return true;
}

static int add_peer(
	const struct dht_peers *peers, struct peer_list *l, const struct dht_endpoint *peer)
{
	for (size_t i = 0; i < l->len; i++)
		if (dht_endpoint_equal(&l->peers[i].endpoint, peer)) {
			forget(l, i);
			break;
		}
	while (l->len > 0 && l->peers[0].announced + LIFETIME <= peers->now)
		forget(l, 0);
	thin(l, peer, address_len(peer), DHT_PEERS_PORTS_MAX - 1);
	if (peers->by_subnet)
		thin(l, peer, subnet_len(peer), DHT_PEERS_SUBNET_MAX - 1);
	if (l->len == DHT_PEERS_EACH_MAX)
		forget(l, 0);
	if (!reserve(l))
		return -ENOMEM;
	l->peers[l->len++] = (struct peer){*peer, peers->now};
	return 0;
}

int dht_peers_add(struct dht_peers *peers, const struct dht_id *info_hash,
	const struct dht_endpoint *peer, uint64_t now)
{
	dht_peers_expire(peers, now);
	size_t owner = owner_of(peers, peer);
	struct swarm *s = find(peers, info_hash);
	if (!s && !(s = add_swarm(peers, info_hash, owner)))
		return -ENOMEM;
	int r = add_peer(peers, &s->lists[peer->family == 6], peer);
	if (r < 0) {
		if (s->lists[0].len + s->lists[1].len == 0)
			drop_swarm(peers, s);
		return r;
	}
	settle_owner(peers, s, owner);
	s->announced = now;
	TAILQ_REMOVE(&peers->swarms, s, link);
	TAILQ_INSERT_TAIL(&peers->swarms, s, link);
	return 0;
}

void dht_peers_expire(struct dht_peers *peers, uint64_t now)
{
	struct swarm *s;
	peers->now = now;
	while ((s = TAILQ_FIRST(&peers->swarms)) && s->announced + LIFETIME <= now)
		drop_swarm(peers, s);
}

size_t dht_peers_find(const struct dht_peers *peers, const struct dht_id *info_hash, uint8_t family,
	struct dht_endpoint *ret_peers, size_t cap)
{
	const struct swarm *s = find(peers, info_hash);
	if (!s)
		return 0;
	const struct peer_list *l = &s->lists[family == 6];
	size_t len = 0;
	for (size_t i = l->len; i-- > 0 && len < cap;)
		if (l->peers[i].announced + LIFETIME > peers->now)
			ret_peers[len++] = l->peers[i].endpoint;
	return len;
}

/* Algorithm R (Vitter 1985): each swarm has the same chance to be among the drawn. */
static void draw(struct dht_peers *peers)
{
	struct dht_sample *sample = &peers->sample;
	struct swarm *s;
	size_t seen = 0;
	sample->len = 0;
	TAILQ_FOREACH(s, &peers->swarms, link)
	{
		uint64_t number[2] = {++peers->draws, seen};
		size_t at = sample->len;
		if (at == DHT_SAMPLE_MAX)
			at = dht_siphash(peers->key, (const uint8_t *)number, sizeof(number)) %
			     (seen + 1);
		else
			sample->len++;
		if (at < DHT_SAMPLE_MAX)
			memcpy(sample->hashes + at * DHT_ID_LEN, s->info_hash.b, DHT_ID_LEN);
		seen++;
	}
}

void dht_peers_sample(struct dht_peers *peers, uint64_t now, struct dht_sample *ret_sample)
{
	dht_peers_expire(peers, now);
	if (!peers->has_sample || peers->drawn + DHT_SAMPLE_TIME <= now) {
		peers->has_sample = true;
		peers->drawn = now;
		draw(peers);
	}
	*ret_sample = peers->sample;
	ret_sample->num = peers->len;
	uint64_t left = peers->drawn + DHT_SAMPLE_TIME - now;
	ret_sample->seconds = (unsigned)((left + SECOND - 1) / SECOND);
}
