/* What a node that stores slots says to a put (design, section 3). */
#include "resolver/claim.h"

#include <errno.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#define KRPC_CAS 301
#define KRPC_SEQ 302
#define CHECKS_MAX 8
#define AHEAD_MAX (600 * INT64_C(1000000))

static bool is_slot(const struct slot_put *put)
{
	uint8_t seed[32], key[32];
	size_t len = sizeof(key);
	EVP_PKEY *pkey;
	bool equal;

	if (put->salt_len != QUESTION_KEY_LEN)
		return false;
	slot_seed(put->salt, seed);
	pkey = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, seed, sizeof(seed));
	equal = pkey && EVP_PKEY_get_raw_public_key(pkey, key, &len) == 1 &&
		memcmp(key, put->key, sizeof(key)) == 0;
	EVP_PKEY_free(pkey);
	return equal;
}

/* A put says only the hash of its question. The held packet has the question itself, in the
 * records that belong there. 0, -ENOENT (none does, so there is nothing to defend), -ENOMEM. */
static int find_question(const struct slot_put *put, struct question *ret_question)
{
	struct packet_reader *reader = malloc(sizeof(*reader));
	uint8_t h[QUESTION_KEY_LEN];
	struct rr rr;
	int r = -ENOENT;

	if (!reader)
		return -ENOMEM;
	if (packet_open(reader, put->held, put->held_len) < 0)
		goto out;
	while (r < 0 && packet_next(reader, &rr) > 0) {
		*ret_question = (struct question){rr.owner, rr.type, rr.class};
		question_key(ret_question, h);
		if (memcmp(h, put->salt, sizeof(h)) == 0)
			r = 0;
	}
out:
	free(reader);
	return r;
}

/* Both packets are read into one slot, the held one first: what is in both costs no second check,
 * what is superseded is replaced, what is withdrawn is gone. `nodes` then tells which of the
 * held claims the second packet did not mention. */
static bool drops_a_claim(const struct slot_put *put, const struct question *q)
{
	unsigned budget = CHECKS_MAX;
	struct slot_reading reading = {.now = put->wall / 1000000, .budget = &budget};
	struct slot slot;
	bool dropped = false;

	slot_init(&slot, q);
	if (slot_add_packet(&slot, put->held, put->held_len, &reading) == 0) {
		for (size_t i = 0; i < slot.claims_len; i++)
			slot.claims[i].nodes = 0;
		/* A packet that is none mentions nothing. */
		slot_add_packet(&slot, put->offered, put->offered_len, &reading);
	}
	for (size_t i = 0; i < slot.claims_len; i++)
		dropped |= slot.claims[i].kind == CLAIM_KEY && slot.claims[i].nodes == 0;
	slot_finish(&slot);
	return dropped;
}

int slot_judge(const struct slot_put *put)
{
	struct question q;

	if (!is_slot(put))
		return 0;
	if (put->seq > put->wall && put->seq - put->wall > AHEAD_MAX)
		return KRPC_SEQ;
	if (!put->held || find_question(put, &q) < 0)
		return 0;
	return drops_a_claim(put, &q) ? KRPC_CAS : 0;
}
