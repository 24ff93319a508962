/* An alias that leads from one source to another, and what it leads to, as one answer. */
#include <errno.h>
#include <string.h>

#include "resolver/answer_build.h"
#include "resolver/clock.h"

static bool leads(const struct answer *a, struct question *ret_end)
{
	struct name chain[CHAIN_MAX];
	size_t links = answer_cnames(a, chain, CHAIN_MAX);
	if (links == 0 || links > CHAIN_MAX)
		return false;
	if (ret_end) {
		*ret_end = answer_question(a);
		ret_end->name = chain[links - 1];
	}
	return true;
}

/* Asked of each answer that is peeked at: those that do not lead on are told without a chain of names,
 * which is 3 kB to clear. */
bool answer_leads(const struct answer *a, struct question *ret_end)
{
	return a->source == SOURCE_DHT && a->error == -ENOENT && a->rcode == RCODE_NOERROR &&
	       leads(a, ret_end);
}

/* No name twice on the whole way: the question's, and where each alias leads. */
static int check_way(const struct answer *from, const struct answer *end)
{
	struct name way[1 + CHAIN_MAX];
	way[0] = answer_question(from).name;
	size_t len = 1 + answer_cnames(from, way + 1, CHAIN_MAX);
	if (len > CHAIN_MAX)
		return -ELOOP;
	size_t more = answer_cnames(end, way + len, CHAIN_MAX + 1 - len);
	if (len + more > 1 + CHAIN_MAX)
		return -ELOOP;
	for (size_t i = 1; i < len + more; i++)
		for (size_t k = 0; k < i; k++)
			if (name_equal(&way[i], &way[k]))
				return -ELOOP;
	return 0;
}

/* Seconds that have passed of its TTLs when the later of the two came. */
static void put_all(struct answer_build *b, const struct answer *a, uint32_t passed)
{
	struct packet_reader reader;
	struct rr rr;
	answer_open(a, &reader);
	while (packet_next(&reader, &rr) == 1) {
		rr.ttl = rr.ttl > passed ? rr.ttl - passed : 0;
		build_put(b, &rr);
	}
}

static uint32_t passed_until(const struct answer *a, uint64_t time)
{
	return time > a->arrived ? (uint32_t)((time - a->arrived) / SECOND) : 0;
}

static uint64_t later(const struct answer *a, const struct answer *b)
{
	return a->arrived > b->arrived ? a->arrived : b->arrived;
}

/* A denial without an SOA has less than its records have. */
static void bound_ttl(struct answer *a, const struct answer *part)
{
	uint32_t left = answer_ttl_left(part, a->arrived);
	if (left < a->ttl)
		a->ttl = left;
}

static int build(const struct answer *from, const struct answer *end, struct answer **ret_answer)
{
	const struct question q = answer_question(from);
	struct answer_build *b = build_begin(&q);
	if (!b)
		return -ENOMEM;
	put_all(b, from, passed_until(from, later(from, end)));
	put_all(b, end, passed_until(end, later(from, end)));
	return build_end(b, end->rcode, ret_answer);
}

int answer_from_joined(
	const struct answer *from, const struct answer *end, struct answer **ret_answer)
{
	struct question target;
	if (!answer_leads(from, &target) || !answer_is_to(end, &target))
		return -EINVAL;
	int r = check_way(from, end);
	if (r == 0)
		r = build(from, end, ret_answer);
	if (r < 0)
		return r;
	struct answer *a = *ret_answer;
	a->error = end->error;
	a->ede = end->ede;
	a->source = from->source;
	a->begins = from->trust;
	a->trust = from->trust > end->trust ? from->trust : end->trust;
	a->has_signer = from->has_signer;
	memcpy(a->signer, from->signer, sizeof(a->signer));
	a->seq = from->seq;
	a->time = from->time;
	a->arrived = later(from, end);
	a->expires = from->expires;
	if (end->expires && (!a->expires || end->expires < a->expires))
		a->expires = end->expires;
	bound_ttl(a, from);
	bound_ttl(a, end);
	return 0;
}
