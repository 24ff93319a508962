/* resolver/signed_copy under hostile messages: what is taken for signed has an RRSIG, ends when it says,
 * can be cut and joined, and is a claim or is not. */
#undef NDEBUG
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "resolver/signed_copy.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

#define NOW 1800000000

static const struct question question = {
	.name = {.len = 11, .wire = "\1b\7example"}, .type = TYPE_A, .class = CLASS_IN};

static void check_pieces(const uint8_t *data, size_t len, const struct signed_copy_facts *facts)
{
	static uint8_t back[CLAIM_BYTES_MAX];
	struct claim_piece fetched[CLAIM_PIECES_MAX];
	struct signed_copy_facts again;
	struct claim_pieces pieces;

	if (signed_copy_cut(facts, data, len, &pieces) < 0) {
		assert(len > CLAIM_BYTES_MAX);
		return;
	}
	assert(pieces.count <= CLAIM_PIECES_MAX);
	for (size_t i = 0, at = 0; i < pieces.count; i++, at += CLAIM_PIECE_BYTES)
		fetched[i] = (struct claim_piece){data + at,
			len - at < CLAIM_PIECE_BYTES ? len - at : CLAIM_PIECE_BYTES};
	assert(signed_copy_join(&question, &pieces, fetched, NOW, back, &again) == 0);
	assert(memcmp(back, data, len) == 0 && again.inception == facts->inception);
}

static void check_claim(const uint8_t *data, size_t len)
{
	static uint8_t back[PACKET_MAX];
	struct signed_copy_facts facts;
	struct claim claim;
	int n;

	if (signed_copy_to_claim(&question, data, len, &claim) < 0)
		return;
	assert(claim.kind == CLAIM_ZONE && claim.set->count > 0 && claim.rrsig_len > 0);
	assert(claim.set->ttl <= CLAIM_TTL_MAX);
	n = signed_copy_from_claim(&claim, back, sizeof(back));
	assert(n > 0 && signed_copy_examine(&question, back, (size_t)n, NOW, &facts) == 0);
	assert(!facts.denies);
	claim_finish(&claim);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct signed_copy_facts facts;
	struct name signers[4];

	if (signed_copy_examine(&question, data, len, NOW, &facts) == 0) {
		assert(signed_copy_signers(data, len, signers, 4) >= 1);
		check_pieces(data, len, &facts);
		check_claim(data, len);
	}
	return 0;
}
