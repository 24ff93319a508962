/* Can strangers reach us? */
#include "dht/reach.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define MINUTE ((uint64_t)60 * 1000000)

/* A trial takes that long at least: others have to hear of us first, from whom we asked. */
#define TRIAL (15 * MINUTE)
/* A NAT forgets whom we wrote to within some minutes (RFC 4787 asks for two at least), so who was
 * not written to for this long, up to twice, is a stranger again. */
#define GENERATION (15 * MINUTE)
/* Addresses written to before silence tells something. In a smaller network we know everybody, and
 * there are no strangers. */
#define ADDRESSES_MIN 256
/* And the cable is not out. */
#define ANSWERS_MIN 64
#define TRY_AGAIN (60 * MINUTE)

int dht_reach_init(struct dht_reach *r, uint64_t salt, uint64_t now)
{
	*r = (struct dht_reach){.salt = salt, .turned = now, .since = now};
	for (size_t i = 0; i < 2; i++) {
		r->written[i] = calloc(DHT_REACH_BITS / 64, sizeof(*r->written[i]));
		if (!r->written[i]) {
			dht_reach_finish(r);
			return -ENOMEM;
		}
	}
	return 0;
}

void dht_reach_finish(struct dht_reach *r)
{
	for (size_t i = 0; i < 2; i++) {
		free(r->written[i]);
		r->written[i] = NULL;
	}
}

/* An IP, since many a NAT lets in whatever port of it; on one's own machine and network, where
 * many nodes share an IP, and no NAT is between them, the port counts. */
static uint64_t hash_of(const struct dht_reach *r, const struct dht_endpoint *e)
{
	uint64_t h = r->salt, part[2];
	memcpy(part, e->ip, sizeof(part));
	uint64_t words[] = {part[0], part[1], dht_endpoint_local(e) ? e->port : 0};
	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++) {
		h = (h ^ words[i]) * 0x9e3779b97f4a7c15;
		h ^= h >> 29;
	}
	return h;
}

/* A Bloom filter: whoever was written to is found, few others are. */
static bool is_marked(const uint64_t *bits, uint64_t hash)
{
	size_t a = hash % DHT_REACH_BITS, b = (hash >> 32) % DHT_REACH_BITS;
	return bits[a / 64] >> a % 64 & bits[b / 64] >> b % 64 & 1;
}

static void mark(uint64_t *bits, uint64_t hash)
{
	size_t a = hash % DHT_REACH_BITS, b = (hash >> 32) % DHT_REACH_BITS;
	bits[a / 64] |= (uint64_t)1 << a % 64;
	bits[b / 64] |= (uint64_t)1 << b % 64;
}

static bool was_written_to(const struct dht_reach *r, uint64_t hash)
{
	return is_marked(r->written[0], hash) || is_marked(r->written[1], hash);
}

void dht_reach_wrote(struct dht_reach *r, const struct dht_endpoint *to)
{
	if (!r->written[0])
		return;
	uint64_t hash = hash_of(r, to);
	if (!was_written_to(r, hash))
		r->addresses++;
	mark(r->written[0], hash);
}

void dht_reach_answered(struct dht_reach *r)
{
	r->answers++;
}

void dht_reach_asked(struct dht_reach *r, const struct dht_endpoint *from)
{
	if (!r->written[0] || r->reached || was_written_to(r, hash_of(r, from)))
		return;
	r->reached = true;
	r->read_only = false;
}

static void try_again(struct dht_reach *r, uint64_t now)
{
	r->since = now;
	r->addresses = r->answers = 0;
	r->reached = r->read_only = false;
}

void dht_reach_moved(struct dht_reach *r, uint64_t now)
{
	if (r->written[0])
		try_again(r, now);
}

static void turn(struct dht_reach *r, uint64_t now)
{
	uint64_t age = now - r->turned;
	if (age < GENERATION)
		return;
	/* After a long silence the one before is too old as well. */
	for (unsigned i = age < 2 * GENERATION; i < 2; i++) {
		uint64_t *old = r->written[1];
		r->written[1] = r->written[0];
		r->written[0] = old;
		memset(old, 0, DHT_REACH_BITS / 8);
	}
	r->turned = now;
}

void dht_reach_run(struct dht_reach *r, uint64_t now, uint64_t *ret_due)
{
	*ret_due = UINT64_MAX;
	if (!r->written[0])
		return;
	turn(r, now);
	*ret_due = r->turned + GENERATION;
	if (r->read_only) {
		if (now - r->since >= TRY_AGAIN)
			try_again(r, now);
		return;
	}
	r->read_only = !r->reached && now - r->since >= TRIAL && r->addresses >= ADDRESSES_MIN &&
		       r->answers >= ANSWERS_MIN;
	if (r->read_only)
		r->since = now;
}
