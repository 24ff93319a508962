/* resolver/signed_copy: what may be left in a slot of what DNS said, and what is taken from one. Whether
 * a signature holds is not its business (tests/net/test_mirror.py). */
#undef NDEBUG
#include "resolver/signed_copy.h"

#include "resolver/judge_frame.h"
#include "resolver/slot_parts.h"
#include "tests/resolver/claim_fixture.h"

#define SIG "/300/1799990000/1800100000" /* original TTL, inception, expiration */

struct wire {
	uint8_t bytes[PACKET_MAX];
	size_t len;
};

static struct wire message(const char *question, unsigned rcode, const char *const *lines)
{
	struct wire m;
	struct packet_writer w;
	struct question q = question_of(question);
	packet_begin(&w, m.bytes, sizeof(m.bytes), true);
	packet_put_question(&w, &q);
	for (; *lines; lines++)
		put_line(&w, *lines);
	int len = packet_end(&w, 0, (uint16_t)(FLAG_QR | rcode));
	assert_true(len > 0);
	m.len = (size_t)len;
	return m;
}
#define MESSAGE(question, rcode, ...)                                                              \
	message(question, rcode, (const char *const[]){__VA_ARGS__, NULL})

static int examine(const char *question, const struct wire *m, struct signed_copy_facts *facts)
{
	struct question q = question_of(question);
	uint8_t *exact = malloc(m->len); /* so that a read behind its end is found */
	memcpy(exact, m->bytes, m->len);
	int r = signed_copy_examine(&q, exact, m->len, NOW, facts);
	free(exact);
	return r;
}

#define A "an a.example 300 A 192.0.2.1"
#define A_SIG "an a.example 300 RRSIG A/2/example" SIG
#define SOA "au example 60 SOA 60"
#define SOA_SIG "au example 60 RRSIG SOA/1/example" SIG
#define NSEC "au a.example 60 NSEC c.example"
#define NSEC_SIG "au a.example 60 RRSIG NSEC/2/example" SIG

static void only_what_is_signed(void **state)
{
	(void)state;
	struct {
		const char *what, *question;
		unsigned rcode;
		struct wire m;
		int want;
		bool denies;
	} rows[] = {
		{"a set", "a.example A", 0, MESSAGE("a.example A", 0, A, A_SIG), 0, false},
		{"no such name", "b.example A", 3,
			MESSAGE("b.example A", 3, SOA, SOA_SIG, NSEC, NSEC_SIG), 0, true},
		{"no such type", "a.example A", 0,
			MESSAGE("a.example A", 0, SOA, SOA_SIG, NSEC, NSEC_SIG), 0, true},
		{"from a wildcard", "a.example A", 0,
			MESSAGE("a.example A", 0, A, "an a.example 300 RRSIG A/1/example" SIG, NSEC,
				NSEC_SIG),
			0, false},
		{"what a DNAME makes", "a.b.example A", 0,
			MESSAGE("a.b.example A", 0, "an b.example 300 DNAME example",
				"an b.example 300 RRSIG DNAME/2/example" SIG,
				"an a.b.example 300 CNAME a.example", A, A_SIG),
			0, false},
		{"an alias without one", "b.example A", 0,
			MESSAGE("b.example A", 0, "an b.example 300 CNAME a.example", A, A_SIG),
			-EBADMSG, false},
		{"a DNAME elsewhere", "b.example A", 0,
			MESSAGE("b.example A", 0, "an c.example 300 DNAME example",
				"an c.example 300 RRSIG DNAME/2/example" SIG,
				"an b.example 300 CNAME a.example", A, A_SIG),
			-EBADMSG, false},
		{"unsigned", "a.example A", 0, MESSAGE("a.example A", 0, A), -EBADMSG, false},
		{"a proof beside it", "a.example A", 0,
			MESSAGE("a.example A", 0, A, NSEC, NSEC_SIG), -EBADMSG, false},
		{"its signature elsewhere", "a.example A", 0,
			MESSAGE("a.example A", 0, A, "au a.example 300 RRSIG A/2/example" SIG),
			-EBADMSG, false},
		{"a signature of another type", "a.example A", 0,
			MESSAGE("a.example A", 0, A, "an a.example 300 RRSIG AAAA/2/example" SIG),
			-EBADMSG, false},
		{"of another name", "a.example A", 0,
			MESSAGE("a.example A", 0, A, "an b.example 300 RRSIG A/2/example" SIG),
			-EBADMSG, false},
		{"more than asked for", "a.example A", 0,
			MESSAGE("a.example A", 0, A, A_SIG, "ad a.example 300 A 192.0.2.2"), -EBADMSG,
			false},
		{"the same, signed", "a.example A", 0,
			MESSAGE("a.example A", 0, A, A_SIG, "ad b.example 300 A 192.0.2.2",
				"ad b.example 300 RRSIG A/2/example" SIG),
			-EBADMSG, false},
		{"another question", "b.example A", 0, MESSAGE("a.example A", 0, A, A_SIG),
			-EBADMSG, false},
		{"a failure", "a.example A", 2, MESSAGE("a.example A", 2, A, A_SIG), -EBADMSG,
			false},
		{"nothing at all", "a.example A", 0, message("a.example A", 0, (const char *[]){NULL}),
			-EBADMSG, false},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct signed_copy_facts facts;
		int got = examine(rows[i].question, &rows[i].m, &facts);
		if (got != rows[i].want || (got == 0 && facts.denies != rows[i].denies))
			fail_msg("%s: %d", rows[i].what, got);
	}
}

static void whatever_is_cut_off(void **state)
{
	(void)state;
	struct wire m = MESSAGE("b.example A", 3, SOA, SOA_SIG, NSEC, NSEC_SIG);
	struct signed_copy_facts facts;
	for (size_t len = m.len; len-- > 0;) {
		struct wire cut = {.len = len};
		memcpy(cut.bytes, m.bytes, len);
		assert_int_equal(examine("b.example A", &cut, &facts), -EBADMSG);
	}
	m.bytes[m.len++] = 0;
	assert_int_equal(examine("b.example A", &m, &facts), -EBADMSG);
}

static void no_more_records_than_are_worth_it(void **state)
{
	(void)state;
	char text[SIGNED_COPY_RECORDS_MAX + 1][48];
	const char *lines[SIGNED_COPY_RECORDS_MAX + 2] = {A_SIG};
	struct signed_copy_facts facts;
	for (unsigned i = 1; i <= SIGNED_COPY_RECORDS_MAX; i++) {
		snprintf(text[i], sizeof(text[i]), "an a.example 300 A 192.0.2.%u", i);
		lines[i] = text[i];
	}
	struct wire m = message("a.example A", 0, lines);
	assert_int_equal(examine("a.example A", &m, &facts), -EBADMSG);
	lines[SIGNED_COPY_RECORDS_MAX] = NULL;
	m = message("a.example A", 0, lines);
	assert_int_equal(examine("a.example A", &m, &facts), 0);
}

static void the_first_signature_that_ends(void **state)
{
	(void)state;
	struct wire m = MESSAGE("b.example A", 3, "au example 60 SOA 60",
		"au example 60 RRSIG SOA/1/example/60/1799000000/1800000500",
		"au a.example 60 NSEC c.example",
		"au a.example 60 RRSIG NSEC/2/example/60/1799999000/1800000100");
	struct signed_copy_facts facts;
	struct name signers[4];
	assert_int_equal(examine("b.example A", &m, &facts), 0);
	assert_true(facts.inception == 1799000000 && facts.until == 1800000100 && facts.denies);
	assert_int_equal(signed_copy_signers(m.bytes, m.len, signers, 4), 1);
	assert_true(name_equal(&signers[0], &facts.signer));
	m = MESSAGE("a.test A", 0, "an a.test 60 CNAME a.example", "an a.test 60 RRSIG CNAME/2/test" SIG,
		A, A_SIG);
	assert_int_equal(signed_copy_signers(m.bytes, m.len, signers, 4), 2);
	assert_int_equal(signed_copy_signers(m.bytes, m.len, signers, 1), 1);
	assert_int_equal(examine("a.test A", &m, &facts), 0);
	struct name test = name_of("test");
	assert_true(name_equal(&facts.signer, &test) && !facts.denies);
}

/* ---- claims ---- */

static void one_set_is_a_claim(void **state)
{
	(void)state;
	struct wire m = MESSAGE("a.example A", 0, "an a.example 17 A 192.0.2.1",
		"an a.example 17 RRSIG A/2/example/300/1799990000/1800100000",
		"an a.example 17 RRSIG A/2/example/300/1799990500/1800000600"),
		    again;
	struct question q = question_of("a.example A");
	struct signed_copy_facts facts;
	struct claim c;
	struct packet p;
	struct board b;
	assert_int_equal(signed_copy_to_claim(&q, m.bytes, m.len, &c), 0);
	assert_true(c.kind == CLAIM_ZONE && c.set->ttl == 300);
	assert_true(c.inception == 1799990500 && c.expiration == 1800000600);
	/* It is what a reader of slots takes for one. */
	board_init(&b);
	b.slot.question = q;
	int len = claim_write(&c, p.bytes, sizeof(p.bytes));
	p.len = (size_t)len;
	assert_int_equal(board_add(&b, &p), 0);
	assert_true(b.slot.claims_len == 1 && claim_equal(&b.slot.claims[0], &c));
	/* And the message again, but for its TTL. */
	len = signed_copy_from_claim(&b.slot.claims[0], again.bytes, sizeof(again.bytes));
	again.len = (size_t)len;
	assert_int_equal(examine("a.example A", &again, &facts), 0);
	assert_true(facts.inception == 1799990000 && facts.until == 1800000600 && !facts.denies);
	slot_finish(&b.slot);
	claim_finish(&c);
}

static void what_no_claim_says(void **state)
{
	(void)state;
	const struct {
		const char *question;
		struct wire m;
	} rows[] = {
		{"b.example A", MESSAGE("b.example A", 3, SOA, SOA_SIG, NSEC, NSEC_SIG)},
		{"a.example A", MESSAGE("a.example A", 0, A,
					"an a.example 300 RRSIG A/1/example" SIG, NSEC, NSEC_SIG)},
		{"a.example A", MESSAGE("a.example A", 0, A,
					"an a.example 300 RRSIG A/1/example" SIG)},
		{"a.test A", MESSAGE("a.test A", 0, "an a.test 60 CNAME a.example",
				     "an a.test 60 RRSIG CNAME/2/test" SIG, A, A_SIG)},
		{"a.example A", MESSAGE("a.example A", 0, A,
					"an a.example 300 RRSIG A/2/example/172800/1799990000/1800100000")},
		{"a.example A", MESSAGE("a.example A", 0, A, A_SIG,
					"an a.example 300 RRSIG A/2/a.example" SIG)},
		{"a.example A", MESSAGE("a.example A", 0, A, A_SIG,
					"an a.example 300 RRSIG A/2/example/60/1799990000/1800100000")},
		{"a.example A", MESSAGE("a.example A", 0, A)},
		{"a.example A", MESSAGE("a.example A", 0, A_SIG)},
		{"a.example A", MESSAGE("a.example A", 0, A, "an a.example 300 RRSIG A/2/test" SIG)},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct question q = question_of(rows[i].question);
		struct claim c;
		if (signed_copy_to_claim(&q, rows[i].m.bytes, rows[i].m.len, &c) != -EINVAL)
			fail_msg("row %zu", i);
	}
}

/* ---- messages in pieces ---- */

static struct claim_pieces cut(const struct wire *m, struct claim_piece *pieces)
{
	struct signed_copy_facts facts;
	struct claim_pieces p;
	assert_int_equal(examine("b.example A", m, &facts), 0);
	assert_int_equal(signed_copy_cut(&facts, m->bytes, m->len, &p), 0);
	for (unsigned i = 0; i < p.count; i++) {
		size_t at = (size_t)i * CLAIM_PIECE_BYTES, len = m->len - at;
		pieces[i] = (struct claim_piece){
			m->bytes + at, len < CLAIM_PIECE_BYTES ? len : CLAIM_PIECE_BYTES};
	}
	return p;
}

static void a_message_comes_back_as_it_was(void **state)
{
	(void)state;
	struct wire m = MESSAGE("b.example A", 3, SOA, SOA_SIG, NSEC, NSEC_SIG);
	struct question q = question_of("b.example A"), other = question_of("c.example A");
	struct claim_piece pieces[CLAIM_PIECES_MAX];
	struct signed_copy_facts facts;
	uint8_t back[CLAIM_BYTES_MAX];
	struct claim_pieces p = cut(&m, pieces), wrong;
	assert_int_equal(signed_copy_join(&q, &p, pieces, NOW, back, &facts), 0);
	assert_memory_equal(back, m.bytes, m.len);
	assert_int_equal(signed_copy_join(&other, &p, pieces, NOW, back, &facts), -EBADMSG);
	/* What the reference says of it must be so. */
	wrong = p;
	wrong.inception++;
	assert_int_equal(signed_copy_join(&q, &wrong, pieces, NOW, back, &facts), -EBADMSG);
	wrong = p;
	wrong.signer = name_of("b.example");
	assert_int_equal(signed_copy_join(&q, &wrong, pieces, NOW, back, &facts), -EBADMSG);
	wrong = p;
	wrong.is_message = false;
	assert_int_equal(signed_copy_join(&q, &wrong, pieces, NOW, back, &facts), -EBADMSG);
	wrong = p;
	wrong.sha1[0][0] ^= 1;
	assert_int_equal(signed_copy_join(&q, &wrong, pieces, NOW, back, &facts), -EBADMSG);
	m.len = CLAIM_BYTES_MAX + 1;
	assert_int_equal(signed_copy_cut(&facts, m.bytes, m.len, &wrong), -EFBIG);
}

/* A reference in a slot: written, read, and which it drives out. */
static void a_slot_refers_to_it(void **state)
{
	(void)state;
	struct wire m = MESSAGE("b.example A", 3, SOA, SOA_SIG, NSEC, NSEC_SIG);
	struct claim_piece pieces[CLAIM_PIECES_MAX];
	struct claim_pieces p = cut(&m, pieces), later = p, of_key = p;
	struct board b;
	struct packet packet;
	board_init(&b);
	b.slot.question = question_of("b.example A");
	assert_int_equal(slot_refer(&b.slot, &p), 0);
	later.inception++;
	assert_int_equal(slot_refer(&b.slot, &later), 0);
	assert_true(b.slot.pieces_len == 1 && pieces_equal(&b.slot.pieces[0], &later));
	int len = slot_write(&b.slot, NULL, packet.bytes);
	packet.len = (size_t)len;
	slot_finish(&b.slot);
	assert_int_equal(board_add(&b, &packet), 0);
	assert_true(b.slot.pieces_len == 1 && pieces_equal(&b.slot.pieces[0], &later));
	assert_true(b.slot.pieces[0].is_message);
	/* It is no claim, and none is made of it. */
	assert_int_equal(slot_add_pieces(&b.slot, &p, pieces, &b.how), -EBADMSG);
	slot_finish(&b.slot);
	/* No key signs such a message. */
	key_to_name(key_of(1), &of_key.signer);
	struct packet_writer w;
	struct question q = question_of("b.example A");
	packet_begin(&w, packet.bytes, sizeof(packet.bytes), true);
	pieces_put(&of_key, &q, &w);
	len = packet_end(&w, 0, FLAG_QR);
	packet.len = (size_t)len;
	assert_int_equal(board_add(&b, &packet), 0);
	assert_int_equal(b.slot.pieces_len, 0);
	slot_finish(&b.slot);
}

/* ---- frames of the judge ---- */

static void frames_of_the_judge(void **state)
{
	(void)state;
	static uint8_t buf[FRAME_MAX];
	struct question q = question_of("b.example A"), got;
	struct judge_gift gift = {q, (const uint8_t *)"message", 7}, back;
	struct frame frame;
	size_t len = judge_frame_put_want(buf, 9, &q);
	assert_int_equal(frame_open(buf, len, &frame), 0);
	assert_true(frame.kind == FRAME_WANT && frame.id == 9);
	assert_int_equal(judge_frame_get_want(&frame, &got), 0);
	assert_true(question_equal(&q, &got));
	assert_int_equal(judge_frame_get_gift(&frame, &back), -EBADMSG);
	len = judge_frame_put_gift(buf, 9, &gift);
	assert_int_equal(frame_open(buf, len, &frame), 0);
	assert_int_equal(judge_frame_get_gift(&frame, &back), 0);
	assert_true(question_equal(&q, &back.question) && back.len == 7);
	assert_memory_equal(back.message, "message", 7);
	assert_int_equal(judge_frame_get_want(&frame, &got), -EBADMSG);
	for (size_t cut_at = 0; cut_at < 4u + q.name.len; cut_at++) {
		frame.len = cut_at;
		assert_int_equal(judge_frame_get_gift(&frame, &back), -EBADMSG);
	}
	frame.len = 4u + q.name.len; /* nobody has it */
	assert_int_equal(judge_frame_get_gift(&frame, &back), 0);
	assert_int_equal(back.len, 0);
	gift.len = FRAME_MAX;
	assert_true(judge_frame_put_gift(buf, 9, &gift) < 100);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_what_is_signed),
		cmocka_unit_test(whatever_is_cut_off),
		cmocka_unit_test(no_more_records_than_are_worth_it),
		cmocka_unit_test(the_first_signature_that_ends),
		cmocka_unit_test(one_set_is_a_claim),
		cmocka_unit_test(what_no_claim_says),
		cmocka_unit_test(a_message_comes_back_as_it_was),
		cmocka_unit_test(a_slot_refers_to_it),
		cmocka_unit_test(frames_of_the_judge),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
