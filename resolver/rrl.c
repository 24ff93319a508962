/* Rates by network, each a single number: the time at which it has earned what it took. */
#include "resolver/rrl.h"

#include <netinet/in.h>

#include "dht/siphash.h"

#define COST (UINT64_C(1000000) / RRL_PER_SECOND)
#define BURST (UINT64_C(1000000) - COST) /* ten at once, then one for each tenth of a second */
#define PREFIX4 3			 /* bytes: /24, what one network announces at least */
#define PREFIX6 7			 /* /56, what one household is given */

_Static_assert(DHT_SIPHASH_KEY_LEN == RRL_KEY_LEN, "one key");

bool rrl_take(struct rrl *rrl, const struct sockaddr *peer, uint64_t now)
{
	const struct sockaddr_in *in = (const struct sockaddr_in *)peer;
	const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)peer;
	uint64_t hash = peer->sa_family == AF_INET
				? dht_siphash(rrl->key, (const uint8_t *)&in->sin_addr, PREFIX4)
				: dht_siphash(rrl->key, in6->sin6_addr.s6_addr, PREFIX6);
	uint64_t *next = &rrl->next[hash % RRL_PLACES];
	uint64_t at = *next > now ? *next : now;
	if (at - now > BURST)
		return false;
	*next = at + COST;
	return true;
}
