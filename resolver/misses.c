/* Places, and a rate that is a single number: the time at which what was begun is earned. */
#include "resolver/misses.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/random.h>

#include "dht/siphash.h"

#define COST (UINT64_C(1000000) / MISSES_PER_SECOND)
#define PREFIX6 8 /* bytes: /64, which one host may have to itself */

_Static_assert(DHT_SIPHASH_KEY_LEN == MISSES_KEY_LEN, "one key");

int misses_init(struct misses *m)
{
	memset(m, 0, sizeof(*m));
	return getrandom(m->key, sizeof(m->key), 0) == sizeof(m->key) ? 0 : -EIO;
}

void misses_behind(struct misses *m, uint64_t now)
{
	m->behind_until = now + MISSES_BEHIND_FOR;
}

bool misses_is_behind(const struct misses *m, uint64_t now)
{
	return now < m->behind_until;
}

static uint16_t *count_of(struct misses *m, const struct sockaddr *source)
{
	const struct sockaddr_in *in = (const struct sockaddr_in *)source;
	const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)source;
	uint64_t hash = source->sa_family == AF_INET
				? dht_siphash(m->key, (const uint8_t *)&in->sin_addr,
					  sizeof(in->sin_addr))
				: dht_siphash(m->key, in6->sin6_addr.s6_addr, PREFIX6);
	return &m->of_source[hash % MISSES_SOURCES];
}

/* What is begun while nobody waits counts too: a flood has used up its burst when it begins to
 * hurt. */
static bool take_rate(struct misses *m, uint64_t now)
{
	uint64_t at = m->next > now ? m->next : now;
	bool over = at - now > MISSES_BURST * COST;
	if (over && misses_is_behind(m, now))
		return false;
	if (!over)
		m->next = at + COST;
	return true;
}

bool misses_take(struct misses *m, const struct sockaddr *source, uint64_t now)
{
	uint16_t *count = count_of(m, source);
	size_t max = misses_is_behind(m, now) ? MISSES_BEHIND_MAX : MISSES_MAX;
	if (m->len >= max || *count >= max / 2 || !take_rate(m, now))
		return false;
	m->len++;
	++*count;
	return true;
}

void misses_give_back(struct misses *m, const struct sockaddr *source)
{
	m->len--;
	--*count_of(m, source);
}
