/* resolver/claim: the signing of claims, and which claims are believed. */
#undef NDEBUG
#include "tests/resolver/claim_fixture.h"

static void unhex(const char *hex, uint8_t *ret_bytes)
{
	for (size_t i = 0; i < strlen(hex) / 2; i++) {
		unsigned byte;
		assert_int_equal(sscanf(hex + 2 * i, "%2x", &byte), 1);
		ret_bytes[i] = (uint8_t)byte;
	}
}

/* Design, section 3. */
static void slots_have_the_keys_of_the_design(void **state)
{
	(void)state;
	struct question q = question_of(NAME);
	uint8_t h[20], seed[32], key[32], expected[32];
	struct dht_id target;
	char hex[41];
	question_key(&q, h);
	unhex("47584edb278951576ad69c873567159659aff358", expected);
	assert_memory_equal(h, expected, 20);
	slot_seed(h, seed);
	unhex("28a33c22a8897037c6624dbc25c90b4a9237372c006535b00e17bbc7dab08d56", expected);
	assert_memory_equal(seed, expected, 32);
	assert_int_equal(dht_key_of_seed(seed, key), 0);
	unhex("49a1c44121e339c58f1a3472ab808acded4ec7c4fef034b842471d6075d1ebcf", expected);
	assert_memory_equal(key, expected, 32);
	dht_mutable_target(key, h, sizeof(h), &target);
	dht_id_to_hex(&target, hex);
	assert_string_equal(hex, "1224de7a365f1a1ae5ec6dd195b7a48b6f6ebaf7");
}

/* RFC 4034, 3.1.8.1, written out by hand for one record. */
static void signs_what_the_rfc_says(void **state)
{
	(void)state;
	struct rrset *set = addresses(NAME, 300, 7, 1);
	uint8_t *bytes;
	size_t len, rrsig_len;
	assert_int_equal(claim_to_sign(set, key_of(1), 0x01020304, 0x01020304 + WEEK, &bytes, &len,
				 &rrsig_len),
		0);
	assert_int_equal(rrsig_len, 18 + 54);
	assert_memory_equal(bytes, "\0\1\17\2\0\0\1\54\1\13\75\204\1\2\3\4", 16);
	/* Key tags as dnspython 2.3 computes them for DNSKEY 256 3 15. */
	assert_int_equal(bytes[16] << 8 | bytes[17], 15733);
	struct name signer;
	key_to_name(key_of(1), &signer);
	assert_memory_equal(bytes + 18, signer.wire, 54);
	assert_int_equal(len, 72 + 13 + 10 + 4);
	assert_memory_equal(bytes + 72, "\7printer\3alt\0\0\1\0\1\0\0\1\54\0\4\300\0\2\7", 27);
	free(bytes);
	rrset_destroy(set);
}

/* RFC 4034, 6.2 and 6.3: lower case in old types, order after that, no record twice. */
static void signs_in_canonical_form(void **state)
{
	(void)state;
	struct question q = question_of("printer.alt MX");
	struct rrset *set = rrset_create(&q, 60);
	uint8_t *bytes;
	size_t len, rrsig_len;
	assert_int_equal(rrset_add(set, (const uint8_t *)"\0\12\1Z", 5), 0);
	assert_int_equal(rrset_add(set, (const uint8_t *)"\0\12\1a", 5), 0);
	assert_int_equal(rrset_add(set, (const uint8_t *)"\0\12\1A", 5), 0);
	assert_int_equal(set->count, 3);
	assert_int_equal(claim_to_sign(set, key_of(1), NOW, NOW + 1, &bytes, &len, &rrsig_len), 0);
	assert_int_equal(len - rrsig_len, 2 * (13 + 10 + 5));
	assert_memory_equal(bytes + rrsig_len + 23, "\0\12\1a", 5);
	assert_memory_equal(bytes + rrsig_len + 51, "\0\12\1z", 5);
	free(bytes);
	rrset_destroy(set);

	/* New types keep their case (RFC 3597, section 7). */
	q = question_of("printer.alt SVCB");
	set = rrset_create(&q, 60);
	assert_int_equal(rrset_add(set, (const uint8_t *)"\0\0\1Z", 5), 0);
	assert_int_equal(claim_to_sign(set, key_of(1), NOW, NOW + 1, &bytes, &len, &rrsig_len), 0);
	assert_memory_equal(bytes + rrsig_len + 23, "\0\0\1Z", 5);
	free(bytes);
	rrset_destroy(set);
}

static int try_to_sign(struct rrset *set, uint32_t inception, uint32_t expiration)
{
	uint8_t *bytes = NULL, sig[64] = {0};
	size_t len, rrsig_len;
	struct claim claim;
	int r = claim_to_sign(set, key_of(1), inception, expiration, &bytes, &len, &rrsig_len);
	free(bytes);
	int made = claim_make(set, key_of(1), inception, expiration, sig, &claim);
	assert_int_equal(made, r);
	if (made == 0)
		claim_finish(&claim);
	rrset_destroy(set);
	return r;
}

static void refuses_to_sign(void **state)
{
	(void)state;
	assert_int_equal(try_to_sign(addresses(NAME, 86400, 1, 1), NOW, NOW + WEEK), 0);
	assert_int_equal(try_to_sign(addresses(NAME, 86401, 1, 1), NOW, NOW + WEEK), -EINVAL);
	assert_int_equal(try_to_sign(addresses(NAME, 300, 1, 1), NOW, NOW + WEEK + 1), -EINVAL);
	assert_int_equal(try_to_sign(addresses(NAME, 300, 1, 1), NOW, NOW), 0);
	assert_int_equal(try_to_sign(addresses(NAME, 300, 1, 1), NOW, NOW - 1), -EINVAL);
	assert_int_equal(
		try_to_sign(addresses(NAME, 300, 1, 1), UINT32_MAX, 10), 0); /* year 2106 */
	assert_int_equal(try_to_sign(addresses("*.alt A", 300, 1, 1), NOW, NOW + 1), -EINVAL);
	assert_int_equal(try_to_sign(addresses("a.*.alt A", 300, 1, 1), NOW, NOW + 1), -EINVAL);
	assert_int_equal(try_to_sign(addresses("*a.alt A", 300, 1, 1), NOW, NOW + 1), 0);
	assert_int_equal(try_to_sign(addresses(NAME, 300, 1, 0), NOW, NOW + 1), -EINVAL);
	struct rrset *set = addresses(NAME, 300, 1, 1);
	set->question.type = TYPE_RRSIG;
	assert_int_equal(try_to_sign(set, NOW, NOW + 1), -EINVAL);
	set = addresses(NAME, 300, 1, 1);
	set->question.type = TYPE_ANY;
	assert_int_equal(try_to_sign(set, NOW, NOW + 1), -EINVAL);
	/* 16 bytes a record and 12 for the header, the RRSIG and the name: 8 pieces of 996. */
	assert_int_equal(try_to_sign(addresses(NAME, 300, 0, 487), NOW, NOW + 1), 0);
	assert_int_equal(try_to_sign(addresses(NAME, 300, 0, 488), NOW, NOW + 1), -EFBIG);
}

/* ---- what a reader believes ---- */

static void reads_a_claim(void **state)
{
	(void)state;
	struct board b;
	board_init(&b);
	struct packet p = PACKET(claim_by(1, 0));
	assert_int_equal(board_add(&b, &p), 0);
	assert_int_equal(b.slot.claims_len, 1);
	const struct claim *c = slot_claim_of(&b.slot, key_of(1));
	assert_non_null(c);
	assert_int_equal(c->kind, CLAIM_KEY);
	assert_int_equal(c->inception, NOW - 3600);
	assert_int_equal(c->expiration, NOW - 3600 + WEEK);
	assert_int_equal(c->nodes, 1);
	assert_int_equal(c->set->count, 1);
	assert_memory_equal(c->set->data + 2, "\300\0\2\1", 4);
	assert_null(slot_claim_of(&b.slot, key_of(2)));
	slot_finish(&b.slot);
}

/* Every bit of a claim's packet, turned over: never another claim than the true one. */
static void believes_nothing_that_was_altered(void **state)
{
	(void)state;
	struct packet good = PACKET(claim_by(1, 0));
	struct claim expected = claim_by(1, 0);
	unsigned left = 0;
	for (size_t bit = 0; bit < good.len * 8; bit++) {
		struct board b;
		struct packet bad = good;
		bad.bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
		board_init(&b);
		board_add(&b, &bad);
		for (size_t i = 0; i < b.slot.claims_len; i++) {
			/* Upper case in the owner is folded away: the same claim. */
			assert_int_equal(b.slot.claims[i].kind, CLAIM_KEY);
			assert_true(rrset_same_data(b.slot.claims[i].set, expected.set));
			assert_memory_equal(
				b.slot.claims[i].rrsig, expected.rrsig, expected.rrsig_len);
			left++;
		}
		slot_finish(&b.slot);
	}
	assert_int_equal(left, strlen("printeralt"));
	claim_finish(&expected);
}

/* Reads one packet into an empty slot, and says how many claims came of it. */
static size_t believed(struct packet p)
{
	struct board b;
	board_init(&b);
	assert_int_equal(board_add(&b, &p), 0);
	size_t n = b.slot.claims_len;
	slot_finish(&b.slot);
	return n;
}

static size_t times(uint32_t inception, uint32_t expiration)
{
	return believed(PACKET(claim_over(1, addresses(NAME, 300, 1, 1), inception, expiration)));
}

static void believes_only_in_its_time(void **state)
{
	(void)state;
	assert_int_equal(times(NOW - 100, NOW), 1);
	assert_int_equal(times(NOW - 100, NOW - 1), 0);
	assert_int_equal(times(NOW - WEEK, NOW), 1);
	assert_int_equal(times(NOW + 3600, NOW + 3601), 1);
	assert_int_equal(times(NOW + 3601, NOW + 3602), 0);
}

/* A claim whose RRSIG says something else than it should, and is signed so. */
struct lie {
	size_t at; /* offset in the RRSIG */
	uint8_t value;
};

static struct claim lying(struct rrset *set, struct lie lie)
{
	struct claim c = claim_over(1, set, NOW - 10, NOW + WEEK - 10);
	uint8_t *bytes, *rdata = c.rrsig + 2;
	size_t len, begin;
	assert_int_equal(
		claim_to_sign(c.set, key_of(1), c.inception, c.expiration, &bytes, &len, &begin),
		0);
	bytes[lie.at] = rdata[lie.at] = lie.value;
	sign_bytes(1, bytes, len, rdata + begin);
	free(bytes);
	return c;
}

static void believes_only_its_own_form(void **state)
{
	(void)state;
	static const struct lie lies[] = {
		{1, TYPE_TXT},	      /* type covered */
		{2, 8},		      /* algorithm */
		{3, 1},		      /* labels: as if of *.alt */
		{3, 3}, {4, 1},	      /* original TTL */
		{7, 0x2d}, {8, 0xff}, /* expires after more than a week */
		{16, 0xff},	      /* key tag */
		{18 + 5, 'Y'},	      /* the signer in capitals, or another key */
	};
	for (size_t i = 0; i < sizeof(lies) / sizeof(*lies); i++)
		assert_int_equal(believed(PACKET(lying(addresses(NAME, 300, 1, 1), lies[i]))), 0);
	/* And the trick itself is right: a lie that says the truth is believed. */
	assert_int_equal(
		believed(PACKET(lying(addresses(NAME, 300, 1, 1), (struct lie){3, 2}))), 1);
}

static void believes_only_over_its_question(void **state)
{
	(void)state;
	struct rrset *ch = addresses(NAME, 300, 1, 1);
	ch->question.class = CLASS_CH;
	assert_int_equal(believed(PACKET(claim_over(1, ch, NOW, NOW + 1))), 0);
	assert_int_equal(
		believed(PACKET(claim_over(1, addresses("other.alt A", 300, 1, 1), NOW, NOW + 1))),
		0);
	assert_int_equal(
		believed(PACKET(claim_over(1, addresses("alt A", 300, 1, 1), NOW, NOW + 1))), 0);
	assert_int_equal(believed(PACKET(claim_over(
				 1, addresses("x.printer.alt A", 300, 1, 1), NOW, NOW + 1))),
		0);
	/* Signed for one name, shown under another. */
	struct claim moved = claim_over(1, addresses("server1.alt A", 300, 1, 1), NOW, NOW + 1);
	moved.set->question = question_of(NAME);
	assert_int_equal(believed(PACKET(moved)), 0);
	struct claim longer = claim_over(1, addresses(NAME, 300, 1, 1), NOW, NOW + 1);
	longer.set->ttl = 301;
	assert_int_equal(believed(PACKET(longer)), 0);
	struct claim more = claim_over(1, addresses(NAME, 300, 1, 1), NOW, NOW + 1);
	assert_int_equal(rrset_add(more.set, (const uint8_t *)"\300\0\2\2", 4), 0);
	assert_int_equal(believed(PACKET(more)), 0);
	struct claim foreign = claim_by(1, 0), other = claim_by(2, 0);
	memcpy(foreign.rrsig + 2 + 18, other.rrsig + 2 + 18, 54);
	claim_finish(&other);
	assert_int_equal(believed(PACKET(foreign)), 0);
}

/* Records in any order, and twice: the packet keeps no order that the signature needs. */
static void order_and_duplicates_do_not_matter(void **state)
{
	(void)state;
	struct claim c = claim_over(1, addresses(NAME, 300, 1, 2), NOW, NOW + 9);
	struct packet_writer w;
	struct packet p;
	struct rr rr = {.owner = c.set->question.name,
		.type = TYPE_A,
		.class = CLASS_IN,
		.ttl = 300,
		.rdata_len = 4};
	packet_begin(&w, p.bytes, sizeof(p.bytes), true);
	for (const char *last = "\2\1\2"; *last; last++) {
		uint8_t rdata[4] = {192, 0, 2, (uint8_t)*last};
		rr.rdata = rdata;
		packet_put(&w, &rr);
	}
	rr.type = TYPE_RRSIG;
	rr.rdata = c.rrsig + 2;
	rr.rdata_len = (uint16_t)(c.rrsig_len - 2);
	packet_put(&w, &rr);
	p.len = (size_t)packet_end(&w, 0, FLAG_QR);
	claim_finish(&c);
	assert_int_equal(believed(p), 1);
}

/* One run, two RRSIGs: both vouch for it; a third that does not hold takes nothing away. */
static void two_signers_of_one_run_are_two_claims(void **state)
{
	(void)state;
	struct claim a = claim_over(1, addresses(NAME, 300, 9, 3), NOW, NOW + 9);
	struct claim b = claim_over(2, addresses(NAME, 300, 9, 3), NOW, NOW + 9);
	struct board board;
	board_init(&board);
	a.rrsig = realloc(a.rrsig, 3 * a.rrsig_len);
	memcpy(a.rrsig + a.rrsig_len, b.rrsig, b.rrsig_len);
	memcpy(a.rrsig + 2 * a.rrsig_len, b.rrsig, b.rrsig_len);
	a.rrsig[3 * a.rrsig_len - 1] ^= 1;
	a.rrsig_len *= 3;
	struct packet p = PACKET(a);
	assert_int_equal(board_add(&board, &p), 0);
	assert_int_equal(board.slot.claims_len, 2);
	assert_non_null(slot_claim_of(&board.slot, key_of(1)));
	assert_true(rrset_same_data(slot_claim_of(&board.slot, key_of(2))->set, b.set));
	claim_finish(&b);
	slot_finish(&board.slot);
}

/* RRSIGs without a run, over another owner, with another TTL: no claim, and no unsigned copy. */
static void stray_rrsigs_make_no_claim(void **state)
{
	(void)state;
	for (int kind = 0; kind < 4; kind++) {
		struct claim c = claim_by(1, 0);
		struct packet_writer w;
		struct packet p;
		struct board b;
		struct rr rr = {.owner = c.set->question.name,
			.type = TYPE_RRSIG,
			.class = CLASS_IN,
			.ttl = 300,
			.rdata = c.rrsig + 2,
			.rdata_len = (uint16_t)(c.rrsig_len - 2)};
		packet_begin(&w, p.bytes, sizeof(p.bytes), true);
		if (kind > 0)
			rrset_put(c.set, NULL, PACKET_ANSWER, &w);
		if (kind == 1)
			rr.owner = name_of("other.alt");
		if (kind == 2)
			rr.ttl = 60;
		if (kind == 3)
			rr.class = CLASS_CH;
		packet_put(&w, &rr);
		p.len = (size_t)packet_end(&w, 0, FLAG_QR);
		board_init(&b);
		b.how.allow_unsigned = true;
		assert_int_equal(board_add(&b, &p), 0);
		assert_int_equal(b.slot.claims_len, 0);
		slot_finish(&b.slot);
		claim_finish(&c);
	}
}

static void keeps_what_zones_say_for_the_validator(void **state)
{
	(void)state;
	struct board b;
	char below_key[80];
	assert_int_equal(believed(PACKET(zone_claim("alt", 2, NOW - 9, 1))), 1);
	assert_int_equal(believed(PACKET(zone_claim(".", 2, NOW - 9, 1))), 1);
	assert_int_equal(believed(PACKET(zone_claim("printer.alt", 2, NOW - 9, 1))), 1);
	assert_int_equal(believed(PACKET(zone_claim("example", 2, NOW - 9, 1))), 0);
	assert_int_equal(believed(PACKET(zone_claim("x.printer.alt", 2, NOW - 9, 1))), 0);
	assert_int_equal(believed(PACKET(zone_claim("alt", 1, NOW - 9, 1))), 0); /* a wildcard's */
	assert_int_equal(believed(PACKET(zone_claim("alt", 2, NOW - 31 * 86400, 1))), 0);
	assert_int_equal(believed(PACKET(zone_claim("alt", 2, NOW + 4000, 1))), 0);
	strcpy(below_key, "x.");
	key_to_text(key_of(1), below_key + 2);
	assert_int_equal(believed(PACKET(zone_claim(below_key, 2, NOW - 9, 1))), 0);

	/* Expires before it begins, another type, another original TTL. */
	struct claim wrong = zone_claim("alt", 2, NOW + 100, 1);
	uint32_t sooner = htonl(NOW + 50);
	memcpy(wrong.rrsig + 2 + 8, &sooner, 4);
	assert_int_equal(believed(PACKET(wrong)), 0);
	wrong = zone_claim("alt", 2, NOW, 1);
	wrong.rrsig[2 + 1] = TYPE_TXT;
	assert_int_equal(believed(PACKET(wrong)), 0);
	wrong = zone_claim("alt", 2, NOW, 1);
	wrong.rrsig[2 + 7]++;
	assert_int_equal(believed(PACKET(wrong)), 0);

	board_init(&b);
	b.budget = 0; /* costs no check */
	struct packet p = PACKET(zone_claim("alt", 2, NOW - 9, 1), zone_claim("alt", 2, NOW - 8, 2),
		zone_claim("alt", 2, NOW - 9, 1));
	assert_int_equal(board_add(&b, &p), 0);
	/* A forged later one does not drive out the true one: both are candidates. */
	assert_int_equal(b.slot.claims_len, 2);
	assert_int_equal(b.slot.claims[0].kind, CLAIM_ZONE);
	assert_int_equal(b.slot.claims[0].nodes, 1);
	assert_int_equal(b.slot.claims[1].inception, NOW - 8);
	/* Nor does it keep one out that was validated here. */
	struct claim valid = zone_claim("alt", 2, NOW - 20, 3);
	assert_int_equal(slot_add(&b.slot, &valid), 0);
	assert_int_equal(b.slot.claims_len, 3);
	slot_finish(&b.slot);

	board_init(&b);
	for (uint8_t mark = 0; mark < 2 * SLOT_STRANGERS_MAX; mark++) {
		p = PACKET(zone_claim("alt", 2, NOW - 9, mark));
		assert_int_equal(board_add(&b, &p), 0);
	}
	assert_int_equal(b.slot.claims_len, SLOT_STRANGERS_MAX);
	slot_finish(&b.slot);
}

static void a_zones_two_algorithms_are_one_claim(void **state)
{
	(void)state;
	struct board b;
	struct claim one = zone_claim("alt", 2, NOW - 9, 1), two = zone_claim("alt", 2, NOW - 5, 2);
	one.rrsig = realloc(one.rrsig, one.rrsig_len + two.rrsig_len);
	memcpy(one.rrsig + one.rrsig_len, two.rrsig, two.rrsig_len);
	one.rrsig_len += two.rrsig_len;
	claim_finish(&two);
	size_t len = one.rrsig_len;
	struct packet p = PACKET(one);
	board_init(&b);
	assert_int_equal(board_add(&b, &p), 0);
	assert_int_equal(b.slot.claims_len, 1);
	assert_int_equal(b.slot.claims[0].rrsig_len, len);
	assert_int_equal(b.slot.claims[0].inception, NOW - 5);
	assert_int_equal(b.slot.claims[0].expiration, NOW - 9 + 30 * 86400);
	slot_finish(&b.slot);
}

static void unsigned_copies_need_leave_and_live_for_their_ttl(void **state)
{
	(void)state;
	struct claim copy;
	struct rrset *set = addresses(NAME, 300, 5, 1), *long_lived = addresses(NAME, 86401, 5, 1);
	struct board b;
	assert_int_equal(claim_copy(set, NOW, &copy), 0);
	assert_int_equal(claim_copy(long_lived, NOW, &copy), -EINVAL);
	struct packet p = PACKET(copy);
	board_init(&b);
	assert_int_equal(board_add(&b, &p), 0);
	assert_int_equal(b.slot.claims_len, 0);
	b.how.allow_unsigned = true;
	b.how.packet_time = NOW - 301;
	assert_int_equal(board_add(&b, &p), 0);
	assert_int_equal(b.slot.claims_len, 0);
	b.how.packet_time = NOW - 300;
	assert_int_equal(board_add(&b, &p), 0);
	assert_int_equal(b.slot.claims_len, 1);
	assert_int_equal(b.slot.claims[0].kind, CLAIM_UNSIGNED);
	assert_int_equal(b.slot.claims[0].inception, NOW - 300);
	b.how.packet_time = NOW + 9;
	assert_int_equal(board_add(&b, &p), 0);
	assert_int_equal(b.slot.claims_len, 1);
	assert_int_equal(b.slot.claims[0].expiration, NOW + 309);
	slot_finish(&b.slot);
	rrset_destroy(set);
	rrset_destroy(long_lived);
}

static void refuses_what_is_no_slot(void **state)
{
	(void)state;
	struct packet good = PACKET(claim_by(1, 0), claim_by(2, 0)), bad;
	struct board b;
	board_init(&b);
	for (size_t cut = 0; cut < good.len; cut++)
		assert_int_equal(board_read(&b, good.bytes, cut), -EBADMSG);
	for (size_t at = 0; at < 12; at++) { /* id, flags, and every count */
		bad = good;
		bad.bytes[at] ^= 1;
		assert_int_equal(board_add(&b, &bad), -EBADMSG);
	}
	bad = good;
	bad.bytes[bad.len++] = 0; /* a byte behind the last record */
	assert_int_equal(board_add(&b, &bad), -EBADMSG);
	bad = PACKET(claim_by(1, 0), claim_by(2, 0), claim_by(3, 0), claim_by(4, 0), claim_by(5, 0),
		claim_by(6, 0));
	assert_true(bad.len > SLOT_BYTES_MAX);
	assert_int_equal(board_add(&b, &bad), -EBADMSG);
	uint8_t large[12] = {0, 0, 0x80};
	assert_int_equal(board_read(&b, large, 12), 0); /* an empty slot */
	assert_int_equal(b.slot.claims_len, 0);
	assert_int_equal(b.budget, 100);
	slot_finish(&b.slot);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(slots_have_the_keys_of_the_design),
		cmocka_unit_test(signs_what_the_rfc_says),
		cmocka_unit_test(signs_in_canonical_form),
		cmocka_unit_test(refuses_to_sign),
		cmocka_unit_test(reads_a_claim),
		cmocka_unit_test(believes_nothing_that_was_altered),
		cmocka_unit_test(believes_only_in_its_time),
		cmocka_unit_test(believes_only_its_own_form),
		cmocka_unit_test(believes_only_over_its_question),
		cmocka_unit_test(order_and_duplicates_do_not_matter),
		cmocka_unit_test(two_signers_of_one_run_are_two_claims),
		cmocka_unit_test(stray_rrsigs_make_no_claim),
		cmocka_unit_test(keeps_what_zones_say_for_the_validator),
		cmocka_unit_test(a_zones_two_algorithms_are_one_claim),
		cmocka_unit_test(unsigned_copies_need_leave_and_live_for_their_ttl),
		cmocka_unit_test(refuses_what_is_no_slot),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
