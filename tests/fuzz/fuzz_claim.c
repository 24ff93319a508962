/* resolver/claim under hostile slots: what is read is current, of the question, bounded in number
 * and in signature checks; it can be written and read again; and judging ends in a verdict.
 *
 * The first two bytes of the input are the length of a first packet; the rest is a second one that
 * meets it in the same slot. */
#undef NDEBUG
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "resolver/slot_choose.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

#define NOW 1800000000
#define CHECKS 16

static const struct question question = {
	.name = {.len = 13, .wire = "\7printer\3alt"}, .type = TYPE_A, .class = CLASS_IN};
/* Design, section 3: the slot's key. */
static const uint8_t slot_key[32] = {0x49, 0xa1, 0xc4, 0x41, 0x21, 0xe3, 0x39, 0xc5, 0x8f, 0x1a,
	0x34, 0x72, 0xab, 0x80, 0x8a, 0xcd, 0xed, 0x4e, 0xc7, 0xc4, 0xfe, 0xf0, 0x34, 0xb8, 0x42,
	0x47, 0x1d, 0x60, 0x75, 0xd1, 0xeb, 0xcf};

static void check(const struct slot *slot, unsigned budget)
{
	size_t keys = 0;

	assert(budget <= CHECKS);
	assert(slot->pieces_len <= SLOT_STRANGERS_MAX);
	for (size_t i = 0; i < slot->claims_len; i++) {
		const struct claim *c = &slot->claims[i];

		assert(question_equal(&c->set->question, &question) && c->set->count > 0);
		assert(c->set->ttl <= CLAIM_TTL_MAX && c->nodes > 0);
		keys += c->kind == CLAIM_KEY;
		if (c->kind == CLAIM_KEY)
			assert(slot_claim_of(slot, c->key) == c);
	}
	assert(keys <= SLOT_STRANGERS_MAX && keys <= CHECKS - budget);
	assert(slot->claims_len <= 2 * SLOT_STRANGERS_MAX + 1);
}

static void write_again(const struct slot *slot, const struct slot_reading *reading)
{
	uint8_t packet[SLOT_BYTES_MAX];
	struct slot again;
	int n = slot_write(slot, NULL, packet);

	assert(n >= PACKET_HEADER);
	slot_init(&again, &question);
	*reading->budget = CHECKS;
	assert(slot_add_packet(&again, packet, (size_t)n, reading) == 0);
	assert(again.claims_len <= slot->claims_len && again.pieces_len <= slot->pieces_len);
	slot_finish(&again);
}

static void judge(const uint8_t *held, size_t held_len, const uint8_t *offered, size_t offered_len)
{
	uint8_t h[QUESTION_KEY_LEN];
	struct slot_put put = {.key = slot_key,
		.salt = h,
		.salt_len = sizeof(h),
		.held = held,
		.held_len = held_len,
		.offered = offered,
		.offered_len = offered_len,
		.seq = NOW * INT64_C(1000000),
		.wall = NOW * INT64_C(1000000)};
	int verdict;

	question_key(&question, h);
	verdict = slot_judge(&put);
	assert(verdict == 0 || verdict == 301);
	put.offered = held;
	put.offered_len = held_len;
	assert(slot_judge(&put) == 0);
}

static void left_out(void *ctx, const struct claim *claim, enum claim_verdict why)
{
	assert(why >= CLAIM_COPY && claim->set);
	trace_claim(ctx, claim, why);
}

/* Whatever is claimed: one is chosen or none, and what is kept of it is bounded. */
static void choose(const struct slot *slot, struct trace *trace, enum policy_mode mode)
{
	const struct policy policy = {.mode = mode};
	const struct slot_choice choice = {.slot = slot, .policy = &policy};
	const struct claim *best = slot_choose(&choice, trace);

	assert(!best || best->kind != CLAIM_ZONE);
	assert(trace->claims_len <= TRACE_CLAIMS_MAX && trace->claims_bytes <= TRACE_BYTES_MAX);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	unsigned budget = CHECKS;
	struct slot_reading reading = {
		.now = NOW, .packet_time = NOW, .allow_unsigned = true, .budget = &budget,
		.left_out = left_out};
	struct trace *trace;
	struct slot slot;
	size_t first;

	if (len < 2)
		return 0;
	first = (size_t)data[0] << 8 | data[1];
	data += 2;
	len -= 2;
	if (first > len)
		first = len;
	reading.left_out_ctx = trace = trace_create();
	assert(trace);
	slot_init(&slot, &question);
	slot_add_packet(&slot, data, first, &reading);
	slot_add_packet(&slot, data + first, len - first, &reading);
	check(&slot, budget);
	write_again(&slot, &reading);
	choose(&slot, trace, POLICY_GUARDED);
	choose(&slot, trace, POLICY_OPEN);
	slot_finish(&slot);
	trace_destroy(trace);
	judge(data, first, data + first, len - first);
	return 0;
}
