/* Who waits for which question. */
#include "resolver/relay_again.h"

#include <stdlib.h>
#include <string.h>

#include "resolver/clock.h"
#include "resolver/hash.h"
#include "resolver/packet.h"

#define PLACES 512 /* a relay has twice as many questions under way at most, and few as a rule */
/* No relay takes longer; and what one has dropped without a word is to be asked anew. */
#define UNDER_WAY (6 * SECOND)

struct place {
	uint64_t question, since;
	size_t len; /* 0: nobody waits */
	struct relay_asker askers[RELAY_ASKERS_MAX];
};

struct relay_again {
	uint64_t seed;
	struct place places[PLACES];
};

struct relay_again *relay_again_create(uint64_t seed)
{
	struct relay_again *again = calloc(1, sizeof(*again));

	if (again)
		again->seed = seed;
	return again;
}

void relay_again_destroy(struct relay_again *again)
{
	free(again);
}

/* As any spelling of it: the reply may have another. With CD=1 it asks for something else. */
static uint64_t hash_question(
	const struct relay_again *again, const uint8_t *question, size_t len, bool checking_off)
{
	uint8_t bytes[NAME_WIRE_MAX + 4];
	size_t n = len - PACKET_HEADER < sizeof(bytes) ? len - PACKET_HEADER : sizeof(bytes);

	for (size_t i = 0; i < n; i++) {
		uint8_t c = question[PACKET_HEADER + i];

		bytes[i] = c >= 'A' && c <= 'Z' ? c | 0x20 : c;
	}
	return hash_bytes(bytes, n, again->seed + checking_off);
}

static bool same_asker(const struct relay_asker *a, const struct relay_asker *b)
{
	return a->id == b->id && a->from.sin_port == b->from.sin_port &&
	       a->from.sin_addr.s_addr == b->from.sin_addr.s_addr;
}

bool relay_again_ask(struct relay_again *again, const uint8_t *question, size_t len,
	const struct relay_asker *asker)
{
	uint64_t hash = hash_question(again, question, len, question[3] & FLAG_CD);
	uint64_t now = clock_monotonic();
	struct place *p = &again->places[hash % PLACES];

	if (p->len && now - p->since < UNDER_WAY) {
		if (p->question != hash)
			return false;
		/* Of more than there is room for the last but one has lost patience. */
		p->askers[p->len < RELAY_ASKERS_MAX ? p->len++ : RELAY_ASKERS_MAX - 1] = *asker;
		return true;
	}
	*p = (struct place){.question = hash, .since = now, .len = 1, .askers = {*asker}};
	return false;
}

size_t relay_again_end(struct relay_again *again, const uint8_t *question, size_t len,
	const struct relay_asker *asker, struct relay_asker ret_others[RELAY_ASKERS_MAX - 1])
{
	/* Not every server gives the CD bit back. */
	for (int checking_off = 0; checking_off < 2; checking_off++) {
		uint64_t hash = hash_question(again, question, len, checking_off);
		struct place *p = &again->places[hash % PLACES];
		size_t others = p->len - 1;

		if (p->len == 0 || p->question != hash || !same_asker(&p->askers[0], asker))
			continue;
		memcpy(ret_others, p->askers + 1, others * sizeof(*ret_others));
		p->len = 0;
		return others;
	}
	return 0;
}
