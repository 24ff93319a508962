/* resolver/trace and slot_choose: what is kept of each claim of a slot, why it was taken or not,
 * and that strangers cannot make it grow. */
#undef NDEBUG
#include "tests/resolver/claim_fixture.h"

#include "resolver/slot_choose.h"

static void left_out(void *ctx, const struct claim *claim, enum claim_verdict why)
{
	trace_claim(ctx, claim, why);
}

struct traced {
	struct board board;
	struct trace *trace;
	struct policy policy;
};

static void begin(struct traced *t, enum policy_mode mode)
{
	board_init(&t->board);
	t->trace = trace_create();
	assert_non_null(t->trace);
	t->board.how.left_out = left_out;
	t->board.how.left_out_ctx = t->trace;
	t->board.how.allow_unsigned = mode == POLICY_OPEN;
	t->policy = (struct policy){.mode = mode, .dht = true};
}

static void end(struct traced *t)
{
	slot_finish(&t->board.slot);
	trace_destroy(t->trace);
}

static void read(struct traced *t, struct packet p)
{
	assert_int_equal(board_add(&t->board, &p), 0);
}

static const struct claim *choose(struct traced *t, const uint8_t *known)
{
	struct slot_choice choice = {&t->board.slot, &t->policy, NULL, known};
	return slot_choose(&choice, t->trace);
}

/* How often this verdict fell on this key. */
static unsigned count(const struct traced *t, unsigned signer, enum claim_verdict verdict)
{
	unsigned n = 0;
	for (size_t i = 0; i < t->trace->claims_len; i++) {
		const struct trace_claim *c = &t->trace->claims[i];
		n += c->verdict == verdict && memcmp(c->claim.key, key_of(signer), 32) == 0;
	}
	return n;
}

static void the_first_signer_and_the_others(void **state)
{
	(void)state;
	struct traced t;
	begin(&t, POLICY_GUARDED);
	t.board.how.nodes = 3;
	read(&t, PACKET(claim_by(2, 0)));
	t.board.how.nodes = 1;
	read(&t, PACKET(claim_by(1, 0), zone_claim("alt", 2, NOW - 60, 1)));
	const struct claim *best = choose(&t, NULL);
	assert_memory_equal(best->key, key_of(2), 32);
	assert_int_equal(t.trace->claims_len, 3);
	assert_int_equal(t.trace->claims[0].verdict, CLAIM_TAKEN); /* the winner has its place */
	assert_int_equal(t.trace->claims[0].claim.nodes, 3);
	assert_int_equal(t.trace->claims[0].claim.set->count, 1);
	assert_null(t.trace->claims[0].claim.rrsig);
	assert_int_equal(count(&t, 1, CLAIM_NOT_FIRST), 1);
	assert_int_equal(t.trace->claims[2].verdict + t.trace->claims[1].verdict,
		CLAIM_OF_ZONE + CLAIM_NOT_FIRST);
	end(&t);
}

static void another_signer_is_remembered(void **state)
{
	(void)state;
	struct traced t;
	begin(&t, POLICY_GUARDED);
	read(&t, PACKET(claim_by(1, 0), claim_by(2, 0), claim_by(3, 0)));
	assert_null(choose(&t, key_of(9)));
	for (unsigned signer = 1; signer <= 3; signer++)
		assert_int_equal(count(&t, signer, CLAIM_OTHER_SIGNER), 1);
	end(&t);
	begin(&t, POLICY_GUARDED);
	read(&t, PACKET(claim_by(1, 0), claim_by(2, 0)));
	assert_memory_equal(choose(&t, key_of(2))->key, key_of(2), 32);
	assert_int_equal(count(&t, 2, CLAIM_REMEMBERED), 1);
	assert_int_equal(count(&t, 1, CLAIM_OTHER_SIGNER), 1);
	end(&t);
}

static void the_latest_with_trust_open(void **state)
{
	(void)state;
	struct traced t;
	begin(&t, POLICY_OPEN);
	read(&t, PACKET(claim_by(1, 0), claim_by(2, 9)));
	assert_memory_equal(choose(&t, key_of(1))->key, key_of(2), 32);
	assert_int_equal(count(&t, 2, CLAIM_LATEST), 1);
	assert_int_equal(count(&t, 1, CLAIM_NOT_LATEST), 1);
	end(&t);
}

static struct claim at(unsigned signer, int64_t inception, int64_t life)
{
	return claim_over(signer, addresses(NAME, 300, 1, 1), (uint32_t)inception,
		(uint32_t)(inception + life));
}

static struct claim forged_by(unsigned signer)
{
	struct claim c = claim_by(signer, 0);
	c.rrsig[c.rrsig_len - 1] ^= 1;
	return c;
}

/* The label count stands in the fourth byte of an RRSIG. */
static struct claim malformed_by(unsigned signer)
{
	struct claim c = claim_by(signer, 0);
	c.rrsig[2 + 3]++;
	return c;
}

static struct claim unsigned_copy(void)
{
	struct claim c;
	struct rrset *set = addresses(NAME, 300, 5, 1);
	assert_int_equal(claim_copy(set, NOW, &c), 0);
	rrset_destroy(set);
	return c;
}

static void what_is_left_out_is_told_of(void **state)
{
	(void)state;
	struct traced t;
	begin(&t, POLICY_GUARDED);
	read(&t, PACKET(at(1, (int64_t)NOW - 2 * WEEK, WEEK), at(2, (int64_t)NOW + 7200, WEEK),
			 forged_by(3), malformed_by(4), claim_by(5, 9)));
	read(&t, PACKET(claim_by(5, 0), withdrawal_by(6, 5), unsigned_copy()));
	assert_non_null(choose(&t, NULL));
	assert_int_equal(count(&t, 1, CLAIM_EXPIRED), 1);
	assert_int_equal(count(&t, 2, CLAIM_EARLY), 1);
	assert_int_equal(count(&t, 3, CLAIM_FORGED), 1);
	assert_int_equal(count(&t, 4, CLAIM_MALFORMED), 1);
	assert_int_equal(count(&t, 5, CLAIM_SUPERSEDED), 1);
	assert_int_equal(count(&t, 5, CLAIM_TAKEN), 1);
	assert_int_equal(count(&t, 6, CLAIM_WITHDRAWN), 1);
	assert_int_equal(t.trace->claims_len, 8);
	unsigned copies = 0;
	for (size_t i = 0; i < 8; i++)
		copies += t.trace->claims[i].verdict == CLAIM_COPY;
	assert_int_equal(copies, 1);
	/* The same again, as other nodes have it, is nothing new. */
	read(&t, PACKET(at(1, (int64_t)NOW - 2 * WEEK, WEEK), forged_by(3)));
	assert_int_equal(t.trace->claims_len, 8);
	assert_int_equal(t.trace->claims_left_out, 0);
	end(&t);
}

static void what_was_not_looked_at(void **state)
{
	(void)state;
	struct traced t;
	begin(&t, POLICY_GUARDED);
	for (unsigned s = 1; s <= 8; s += 4)
		read(&t, PACKET(claim_by(s, 0), claim_by(s + 1, 0), claim_by(s + 2, 0),
				 claim_by(s + 3, 0)));
	read(&t, PACKET(claim_by(20, 0)));
	assert_int_equal(count(&t, 20, CLAIM_NO_ROOM), 1);
	end(&t);
	begin(&t, POLICY_GUARDED);
	t.board.budget = 1;
	read(&t, PACKET(claim_by(1, 0), claim_by(2, 0)));
	assert_int_equal(count(&t, 2, CLAIM_NO_CHECKS), 1);
	end(&t);
}

/* However much strangers write: sixteen claims, 8 kB of records, the rest is counted. */
static void it_is_bounded(void **state)
{
	(void)state;
	struct trace *trace = trace_create();
	size_t empty = trace_size(trace);
	struct rrset *set = addresses(NAME, 300, 1, 200);
	assert_true(empty > 0 && empty < 256);
	for (unsigned i = 0; i < 100; i++) {
		struct claim c = {.kind = CLAIM_KEY,
			.set = set,
			.signer = name_of("x.example"),
			.inception = i};
		trace_claim(trace, &c, CLAIM_EXPIRED);
	}
	assert_int_equal(trace->claims_len, TRACE_CLAIMS_MAX);
	assert_int_equal(trace->claims_left_out, 100 - TRACE_CLAIMS_MAX);
	assert_true(trace->claims_bytes > 0 && trace->claims_bytes <= TRACE_BYTES_MAX);
	assert_non_null(trace->claims[0].claim.set);
	assert_null(trace->claims[TRACE_CLAIMS_MAX - 1].claim.set);
	assert_true(trace_size(trace) < TRACE_BYTES_MAX + 16384);
	rrset_destroy(set);
	trace_why(trace, "first");
	trace_why(trace, "");
	trace_why(trace, NULL);
	assert_string_equal(trace->why, "first");
	trace_why(trace, "second");
	assert_string_equal(trace->why, "second");
	trace_destroy(trace);
}

/* A flood of claims that anybody can make, before what counts is known: it is pushed out, records
 * first, and never pushes out. */
static void a_flood_gives_way(void **state)
{
	(void)state;
	struct traced t;
	begin(&t, POLICY_GUARDED);
	struct rrset *large = addresses(NAME, 300, 1, 120);
	for (unsigned i = 0; i < 100; i++) {
		struct claim c = {.kind = CLAIM_KEY,
			.set = large,
			.signer = name_of("x.example"),
			.inception = i};
		trace_claim(t.trace, &c, CLAIM_EXPIRED);
	}
	size_t flooded = t.trace->claims_bytes, left_out = t.trace->claims_left_out;
	assert_int_equal(t.trace->claims_len, TRACE_CLAIMS_MAX);
	assert_true(flooded + 600 > TRACE_BYTES_MAX);
	t.board.how.nodes = 3;
	read(&t, PACKET(claim_by(2, 0)));
	t.board.how.nodes = 1;
	read(&t, PACKET(claim_by(1, 0), withdrawal_by(6, 5)));
	assert_memory_equal(choose(&t, NULL)->key, key_of(2), 32);
	const enum claim_verdict want[] = {
		CLAIM_TAKEN, CLAIM_NOT_FIRST, CLAIM_WITHDRAWN, CLAIM_EXPIRED};
	for (size_t i = 0; i < 4; i++)
		assert_int_equal(t.trace->claims[i].verdict, want[i]);
	for (size_t i = 0; i < 2; i++)
		assert_int_equal(t.trace->claims[i].claim.set->count, 1);
	assert_int_equal(t.trace->claims_len, TRACE_CLAIMS_MAX);
	assert_int_equal(t.trace->claims_left_out, left_out + 3);
	struct claim chosen = {.kind = CLAIM_KEY, .set = large, .inception = 1000};
	for (; chosen.inception < 1030; chosen.inception++) /* of those that verify: the first */
		trace_claim(t.trace, &chosen, CLAIM_NOT_FIRST);
	assert_int_equal(t.trace->claims[0].verdict, CLAIM_TAKEN);
	assert_int_equal(t.trace->claims[0].claim.set->count, 1);
	assert_int_equal(t.trace->claims[3].claim.set->count, 120);
	assert_true(t.trace->claims_bytes <= TRACE_BYTES_MAX);
	assert_int_equal(count(&t, 1, CLAIM_NOT_FIRST), 1);
	assert_int_equal(t.trace->claims[TRACE_CLAIMS_MAX - 1].verdict, CLAIM_NOT_FIRST);
	rrset_destroy(large);
	end(&t);
}

/* A reference that was not followed: whose it is and from when, no more is known. */
static void a_reference_is_told_of(void **state)
{
	(void)state;
	struct traced t;
	begin(&t, POLICY_GUARDED);
	struct claim_pieces pieces = {.inception = NOW};
	key_to_name(key_of(3), &pieces.signer);
	t.board.slot.pieces = &pieces;
	t.board.slot.pieces_len = 1;
	assert_null(choose(&t, NULL));
	assert_int_equal(count(&t, 3, CLAIM_NOT_FETCHED), 1);
	assert_int_equal(t.trace->claims[0].claim.expiration, 0);
	assert_null(t.trace->claims[0].claim.set);
	t.board.slot.pieces = NULL;
	t.board.slot.pieces_len = 0;
	end(&t);
}

static void without_memory_there_is_none(void **state)
{
	(void)state;
	struct claim c = {.kind = CLAIM_KEY};
	trace_claim(NULL, &c, CLAIM_TAKEN);
	trace_why(NULL, "x");
	trace_destroy(NULL);
	assert_int_equal(trace_size(NULL), 0);
}

/* The words are our own: they go into JSON as they stand. */
static void words(void **state)
{
	(void)state;
	for (enum claim_verdict v = CLAIM_TAKEN; v <= CLAIM_NOT_FETCHED; v++) {
		const char *text = claim_verdict_text(v);
		assert_true(strlen(text) > 5 && strlen(text) < 100);
		for (const char *p = text; *p; p++)
			assert_true(*p >= ' ' && *p <= '~' && *p != '"' && *p != '\\');
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_first_signer_and_the_others),
		cmocka_unit_test(another_signer_is_remembered),
		cmocka_unit_test(the_latest_with_trust_open),
		cmocka_unit_test(what_is_left_out_is_told_of),
		cmocka_unit_test(what_was_not_looked_at),
		cmocka_unit_test(it_is_bounded),
		cmocka_unit_test(a_flood_gives_way),
		cmocka_unit_test(a_reference_is_told_of),
		cmocka_unit_test(without_memory_there_is_none),
		cmocka_unit_test(words),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
