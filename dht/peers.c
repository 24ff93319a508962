/* Who announced what. */
#include "dht/peers.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "dht/siphash.h"

#define SECOND ((uint64_t)1000000)
#define LIFETIME (1800 * SECOND)
#define CHAINS 256
/* Announcers are told apart by a hash: two that share a number are treated as one, a little unfair
 * to them, and none can tell who they are. */
#define OWNERS 1024

struct peer {
	struct dht_endpoint endpoint;
	uint16_t owner; /* of OWNERS */
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
	struct peer_list lists[2]; /* IPv4, IPv6 */
};

struct dht_peers {
	uint8_t key[DHT_PEERS_KEY_LEN];
	bool by_subnet;
	uint64_t now; /* of the last call */
	struct swarm *chains[CHAINS];
	TAILQ_HEAD(, swarm) swarms; /* the last announced last */
	size_t len;
	unsigned owned[OWNERS]; /* peers of each announcer in all swarms, found by a hash */
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

static void forget(struct dht_peers *peers, struct peer_list *l, size_t at)
{
	peers->owned[l->peers[at].owner]--;
	l->len--;
	memmove(&l->peers[at], &l->peers[at + 1], (l->len - at) * sizeof(*l->peers));
}

static void finish_list(struct dht_peers *peers, struct peer_list *l)
{
	while (l->len > 0)
		forget(peers, l, l->len - 1);
	free(l->peers);
}

static void drop_swarm(struct dht_peers *peers, struct swarm *s)
{
	struct swarm **at = chain_of(peers, &s->info_hash);
	while (*at != s)
		at = &(*at)->next;
	*at = s->next;
	TAILQ_REMOVE(&peers->swarms, s, link);
	peers->len--;
	finish_list(peers, &s->lists[0]);
	finish_list(peers, &s->lists[1]);
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

/* What one announcer has: of IPv6 a machine has a whole /64, and a home the /56 that counts like a
 * /24. */
static const struct width {
	size_t four, six;
} machine = {4, 8}, site = {3, 7};

static uint16_t owner_of(const struct dht_peers *peers, const struct dht_endpoint *e)
{
	uint8_t text[DHT_PREFIX_MAX];
	const struct width *w = peers->by_subnet ? &site : &machine;
	size_t len = dht_endpoint_prefix(e, w->four, w->six, text);
	return (uint16_t)(dht_siphash(peers->key, text, len) % OWNERS);
}

static bool lives(const struct dht_peers *peers, const struct peer *p)
{
	return p->announced + LIFETIME > peers->now;
}

/* What the smallest of a swarm's announcers has of all peers; if that is not above `enough`, then
 * anything that is not. */
static unsigned smallest_share(
	const struct dht_peers *peers, const struct swarm *s, unsigned enough)
{
	unsigned least = UINT_MAX;
	for (unsigned family = 0; family < 2; family++) {
		const struct peer_list *l = &s->lists[family];
		for (size_t i = l->len; i-- > 0 && least > enough;)
			if (lives(peers, &l->peers[i]) && peers->owned[l->peers[i].owner] < least)
				least = peers->owned[l->peers[i].owner];
	}
	return least;
}

/* A swarm counts as that of its smallest announcer: who announces everything drives out what only
 * he, or others as greedy, announce, and does not take down with it what a modest one listens for
 * too. Of the greediest one's swarms the oldest goes. */
static void make_room(struct dht_peers *peers)
{
	struct swarm *s, *victim = NULL;
	unsigned most = 0;
	TAILQ_FOREACH(s, &peers->swarms, link)
	{
		unsigned share = smallest_share(peers, s, most);
		if (victim && share <= most)
			continue;
		victim = s;
		most = share;
	}
	drop_swarm(peers, victim);
}

static struct swarm *add_swarm(struct dht_peers *peers, const struct dht_id *info_hash)
{
	struct swarm *s = calloc(1, sizeof(*s));
	if (!s)
		return NULL;
	if (peers->len == DHT_PEERS_HASHES_MAX)
		make_room(peers);
	struct swarm **chain = chain_of(peers, info_hash);
	s->next = *chain;
	s->info_hash = *info_hash;
	*chain = s;
	TAILQ_INSERT_TAIL(&peers->swarms, s, link);
	peers->len++;
	return s;
}

/* Makes room for one more where there are `most` that share so much of their address with `e`. */
static void thin(struct dht_peers *peers, struct peer_list *l, const struct dht_endpoint *e,
	const struct width *width, size_t most)
{
	size_t seen = 0;
	for (size_t i = l->len; i-- > 0;)
		if (dht_endpoint_same_prefix(&l->peers[i].endpoint, e, width->four, width->six) &&
			++seen >= most)
			forget(peers, l, i);
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

static int add_peer(struct dht_peers *peers, struct peer_list *l, const struct dht_endpoint *peer)
{
	uint16_t owner = owner_of(peers, peer);
	for (size_t i = 0; i < l->len; i++)
		if (dht_endpoint_equal(&l->peers[i].endpoint, peer)) {
			forget(peers, l, i);
			break;
		}
	while (l->len > 0 && !lives(peers, &l->peers[0]))
		forget(peers, l, 0);
	thin(peers, l, peer, &machine, DHT_PEERS_PORTS_MAX);
	if (peers->by_subnet)
		thin(peers, l, peer, &site, DHT_PEERS_SUBNET_MAX);
	if (l->len == DHT_PEERS_EACH_MAX)
		forget(peers, l, 0);
	if (!reserve(l))
		return -ENOMEM;
	l->peers[l->len++] = (struct peer){*peer, owner, peers->now};
	peers->owned[owner]++;
	return 0;
}

int dht_peers_add(struct dht_peers *peers, const struct dht_id *info_hash,
	const struct dht_endpoint *peer, uint64_t now)
{
	dht_peers_expire(peers, now);
	struct swarm *s = find(peers, info_hash);
	if (!s && !(s = add_swarm(peers, info_hash)))
		return -ENOMEM;
	int r = add_peer(peers, &s->lists[peer->family == 6], peer);
	if (r < 0) {
		if (s->lists[0].len + s->lists[1].len == 0)
			drop_swarm(peers, s);
		return r;
	}
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
		if (lives(peers, &l->peers[i]))
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
	/* One that could hold more tells nothing about which there are: all are in it. */
	size_t whole = peers->len < DHT_SAMPLE_MAX ? peers->len : DHT_SAMPLE_MAX;
	if (!peers->has_sample || peers->sample.len < whole ||
		peers->drawn + DHT_SAMPLE_TIME <= now) {
		peers->has_sample = true;
		peers->drawn = now;
		draw(peers);
	}
	*ret_sample = peers->sample;
	ret_sample->num = peers->len;
	uint64_t left = peers->drawn + DHT_SAMPLE_TIME - now;
	ret_sample->seconds = (unsigned)((left + SECOND - 1) / SECOND);
}
