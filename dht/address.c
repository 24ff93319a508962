/* At which address others see us. */
#include "dht/address.h"

#include <string.h>

#define SECOND ((uint64_t)1000000)
#define MINUTE (60 * SECOND)

/* A round ends with fifty votes or, where that many do not come, after this long with a majority of
 * all nodes that we know: where few are asked those few may be liars, though most are not. Without
 * one it goes on, and after half an hour anew: else who voted before our address changed would
 * stand against those who voted after for ever. */
#define ROUND (5 * MINUTE)
#define ROUND_MAX (30 * MINUTE)
/* Fewer voters than this must all agree, and two are no network: both may be the same liar. */
#define VOTERS_MIN 3
#define VOTERS_MANY 8
/* While no address is known we need not wait for fifty: a third of liars would come to lead by
 * that many with a chance of 1 in 250, and be outvoted in the next rounds. */
#define LEAD_AT_FIRST 8
/* In a network that has not enough nodes for that lead two thirds of all that we know are enough,
 * once there was time to meet more of them than those we joined by and whom they name first. */
#define SMALL_NETWORK (5 * SECOND)

/* One host has a whole /64 of IPv6. */
static uint64_t voter_of(const struct dht_endpoint *e)
{
	uint64_t voter = 0;
	memcpy(&voter, e->ip, e->family == 4 ? 4 : 8);
	return voter;
}

static bool has_voted(const struct dht_address *a, const struct dht_endpoint *e)
{
	uint64_t voter = voter_of(e);
	for (size_t i = 0; i < a->voters_len; i++)
		if (a->voters[i] == voter)
			return true;
	return false;
}

static void count(
	struct dht_address *a, const struct dht_endpoint *voter, const struct dht_endpoint *said)
{
	size_t i = 0;
	while (i < a->candidates_len && !dht_endpoint_same_ip(&a->candidates[i].at, said))
		i++;
	if (i == a->candidates_len)
		a->candidates[a->candidates_len++] = (struct dht_address_candidate){.at = *said};
	a->candidates[i].votes++;
	a->voters[a->voters_len] = voter_of(voter);
	a->named[a->voters_len] = (uint8_t)i;
	a->ports[a->voters_len++] = said->port;
}

/* The port that most of the candidate's voters see; 0: each sees another, as behind a NAT that
 * gives each peer its own, and none of them is ours. */
static uint16_t port_of(const struct dht_address *a, const struct dht_address_candidate *c)
{
	for (size_t i = 0; i < a->voters_len; i++) {
		unsigned votes = 0;
		if (&a->candidates[a->named[i]] != c)
			continue;
		for (size_t j = i; j < a->voters_len; j++)
			votes += a->named[j] == a->named[i] && a->ports[j] == a->ports[i];
		if (2 * votes > c->votes)
			return a->ports[i];
	}
	return 0;
}

/* The candidate that leads, and the votes of the one after it. */
static const struct dht_address_candidate *leader_of(
	const struct dht_address *a, unsigned *ret_second)
{
	const struct dht_address_candidate *first = NULL;
	*ret_second = 0;
	for (size_t i = 0; i < a->candidates_len; i++) {
		const struct dht_address_candidate *c = &a->candidates[i];
		if (!first || c->votes > first->votes) {
			*ret_second = first ? first->votes : 0;
			first = c;
		} else if (c->votes > *ret_second) {
			*ret_second = c->votes;
		}
	}
	return first;
}

/* libtorrent's rule: half as many votes again as the second. */
static bool is_clear(const struct dht_address *a, unsigned first, unsigned second)
{
	if (a->voters_len < VOTERS_MANY)
		return second == 0;
	return 2 * first > 3 * second;
}

/* May the first address be believed before the round is over? */
static bool is_enough(const struct dht_address *a, unsigned first, size_t nodes, uint64_t now)
{
	size_t all = nodes > a->voters_len ? nodes : a->voters_len;
	if (2 * first >= a->voters_len + LEAD_AT_FIRST)
		return true;
	return now - a->began >= SMALL_NETWORK && a->voters_len >= VOTERS_MANY &&
	       3 * first >= 2 * all;
}

static bool is_won(const struct dht_address *a, unsigned first, size_t nodes, uint64_t now)
{
	size_t all = nodes > a->voters_len ? nodes : a->voters_len;
	if (a->voters_len == DHT_ADDRESS_VOTES)
		return true;
	if (!a->known.family && is_enough(a, first, nodes, now))
		return true;
	return now - a->began >= ROUND && a->voters_len >= VOTERS_MIN && 2 * first > all;
}

static bool elect(struct dht_address *a, const struct dht_address_candidate *c)
{
	struct dht_endpoint winner = c->at, before = a->known;
	winner.port = port_of(a, c);
	bool change = !dht_endpoint_same_ip(&winner, &a->known);
	if (change && a->known.family && !dht_endpoint_same_ip(&winner, &a->challenger)) {
		a->challenger = winner;
		return false;
	}
	a->challenger = (struct dht_endpoint){0};
	a->known = winner;
	return !dht_endpoint_equal(&before, &winner);
}

bool dht_address_vote(struct dht_address *a, const struct dht_endpoint *voter,
	const struct dht_endpoint *said, size_t nodes, uint64_t now)
{
	if (said->family != voter->family || !dht_endpoint_usable(said) || dht_endpoint_local(said))
		return false;
	if (!a->voters_len)
		a->began = now;
	/* Where all have voted nobody is left to end the round but who has. */
	if (!has_voted(a, voter))
		count(a, voter, said);
	unsigned second;
	const struct dht_address_candidate *first = leader_of(a, &second);
	bool won = is_won(a, first->votes, nodes, now);
	if (!won && now - a->began < ROUND_MAX)
		return false;
	bool changed = false;
	if (won && is_clear(a, first->votes, second))
		changed = elect(a, first);
	else
		a->challenger = (struct dht_endpoint){0};
	a->voters_len = a->candidates_len = 0;
	return changed;
}
