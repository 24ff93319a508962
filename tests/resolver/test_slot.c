/* resolver/slot: claims of several nodes merged, written, cut into pieces, withdrawn; what a node
 * that stores a slot defends. */
#undef NDEBUG
#include "resolver/slot_parts.h"
#include "tests/resolver/claim_fixture.h"

static struct packet written(const struct slot *slot, const uint8_t *first)
{
	struct packet p;
	int len = slot_write(slot, first, p.bytes);
	assert_true(len >= PACKET_HEADER);
	assert_true(len <= SLOT_BYTES_MAX);
	p.len = (size_t)len;
	return p;
}

static void add(struct board *b, struct claim claim)
{
	assert_int_equal(slot_add(&b->slot, &claim), 0);
	assert_null(claim.set);
}

static void read(struct board *b, struct packet p)
{
	assert_int_equal(board_add(b, &p), 0);
}

static uint32_t inception_of(const struct board *b, unsigned signer)
{
	const struct claim *c = slot_claim_of(&b->slot, key_of(signer));
	return c ? c->inception : 0;
}

static void of_a_key_the_latest_stays(void **state)
{
	(void)state;
	struct board b;
	board_init(&b);
	read(&b, PACKET(claim_by(1, 5)));
	read(&b, PACKET(claim_by(1, 0)));
	assert_int_equal(inception_of(&b, 1), NOW - 3600 + 5);
	assert_int_equal(b.budget, 99); /* the older one cost no check */
	read(&b, PACKET(claim_by(1, 9), claim_by(1, 7)));
	assert_int_equal(inception_of(&b, 1), NOW - 3600 + 9);
	assert_int_equal(b.slot.claims_len, 1);
	/* Another set with the same inception: the first that was seen. */
	uint32_t inception = NOW - 3600 + 9;
	read(&b, PACKET(claim_over(1, addresses(NAME, 300, 99, 1), inception, inception + 50)));
	assert_memory_equal(slot_claim_of(&b.slot, key_of(1))->set->data + 2, "\300\0\2\1", 4);
	slot_finish(&b.slot);
}

static void a_forged_later_claim_drives_nothing_out(void **state)
{
	(void)state;
	struct board b;
	struct claim forged = claim_by(1, 100);
	forged.rrsig[forged.rrsig_len - 1] ^= 1;
	board_init(&b);
	read(&b, PACKET(claim_by(1, 0)));
	read(&b, PACKET(forged));
	assert_int_equal(inception_of(&b, 1), NOW - 3600);
	slot_finish(&b.slot);
}

static void nodes_are_counted_once_a_packet(void **state)
{
	(void)state;
	struct board b;
	board_init(&b);
	read(&b, PACKET(claim_by(1, 0), claim_by(1, 0), claim_by(2, 0)));
	read(&b, PACKET(claim_by(1, 0)));
	b.how.nodes = 4;
	read(&b, PACKET(claim_by(1, 0), claim_by(1, 5)));
	assert_int_equal(slot_claim_of(&b.slot, key_of(1))->nodes, 6);
	assert_int_equal(slot_claim_of(&b.slot, key_of(2))->nodes, 1);
	assert_int_equal(b.budget, 97); /* the same bytes again cost nothing */
	slot_finish(&b.slot);
}

static void the_budget_ends(void **state)
{
	(void)state;
	struct board b;
	board_init(&b);
	b.budget = 2;
	read(&b, PACKET(claim_by(1, 0), claim_by(2, 0), claim_by(3, 0)));
	assert_int_equal(b.slot.claims_len, 2);
	assert_int_equal(b.budget, 0);
	slot_finish(&b.slot);
}

static bool knows_40(void *ctx, const uint8_t key[NAME_KEY_LEN])
{
	++*(unsigned *)ctx;
	return memcmp(key, key_of(40), NAME_KEY_LEN) == 0;
}

/* Nine strangers and more, by several nodes: eight are kept, and whoever is known besides. */
static void strangers_are_eight(void **state)
{
	(void)state;
	struct board b;
	unsigned asked = 0;
	board_init(&b);
	for (unsigned s = 1; s <= 12; s += 4)
		read(&b, PACKET(claim_by(s, 0), claim_by(s + 1, 0), claim_by(s + 2, 0),
				 claim_by(s + 3, 0)));
	assert_int_equal(b.slot.claims_len, SLOT_STRANGERS_MAX);
	assert_int_equal(b.budget, 100 - SLOT_STRANGERS_MAX);
	read(&b, PACKET(claim_by(40, 0)));
	assert_null(slot_claim_of(&b.slot, key_of(40)));
	b.how.known = knows_40;
	b.how.known_ctx = &asked;
	read(&b, PACKET(claim_by(40, 0)));
	assert_non_null(slot_claim_of(&b.slot, key_of(40)));
	assert_true(asked > 0);
	/* A stranger that is held may still say something newer. */
	read(&b, PACKET(claim_by(3, 60)));
	assert_int_equal(inception_of(&b, 3), NOW - 3600 + 60);
	slot_finish(&b.slot);

	/* The known come first, wherever they stand in the packet. */
	board_init(&b);
	b.how.known = knows_40;
	b.how.known_ctx = &asked;
	b.budget = 1;
	read(&b, PACKET(claim_by(1, 0), claim_by(2, 0), claim_by(40, 0)));
	assert_non_null(slot_claim_of(&b.slot, key_of(40)));
	assert_int_equal(b.slot.claims_len, 1);
	slot_finish(&b.slot);
}

static void writes_what_it_read(void **state)
{
	(void)state;
	struct board a, b;
	uint8_t buf[SLOT_BYTES_MAX];
	board_init(&a);
	assert_int_equal(slot_write(&a.slot, NULL, buf), PACKET_HEADER);
	assert_memory_equal(buf, "\0\0\200\0\0\0\0\0\0\0\0\0", 12);
	assert_int_equal(slot_write(&a.slot, key_of(1), buf), -ENOENT);
	for (unsigned s = 1; s <= 4; s++)
		add(&a, claim_by(s, (int)s));
	struct packet p = written(&a.slot, key_of(2));
	assert_int_equal(p.bytes[7], 4 * 2); /* nothing twice */
	board_init(&b);
	read(&b, p);
	assert_int_equal(b.slot.claims_len, 4);
	/* The chosen one first, then by inception. */
	static const uint8_t order[] = {2, 4, 3, 1};
	for (size_t i = 0; i < 4; i++)
		assert_memory_equal(b.slot.claims[i].key, key_of(order[i]), NAME_KEY_LEN);
	slot_finish(&a.slot);
	slot_finish(&b.slot);
}

/* Of what a zone is said to have signed, which only a validator can judge, a reader takes all that
 * a packet can hold: what is dated later pushes nothing out. What is too short for any signature
 * would leave room for more. */
static void a_packet_holds_no_more_of_a_zone(void **state)
{
	(void)state;
	struct board b;
	struct packet_writer w;
	struct packet p;
	unsigned fit = 0;
	packet_begin(&w, p.bytes, SLOT_BYTES_MAX, true);
	for (; !w.full; fit++) {
		struct claim c = zone_claim(".", 2, NOW - fit, (uint8_t)fit);
		put_raw(&c, &w);
		claim_finish(&c);
	}
	fit--; /* the last did not */
	packet_begin(&w, p.bytes, SLOT_BYTES_MAX, true);
	for (unsigned i = 0; i < fit; i++) {
		struct claim c = zone_claim(".", 2, NOW - i, (uint8_t)i);
		put_raw(&c, &w);
		claim_finish(&c);
	}
	p.len = (size_t)packet_end(&w, 0, FLAG_QR);
	board_init(&b);
	read(&b, p);
	assert_int_equal(b.slot.claims_len, fit);
	slot_finish(&b.slot);
	/* One byte less. */
	struct claim c = zone_claim(".", 2, NOW, 7);
	c.rrsig_len--;
	c.rrsig[1]--;
	board_init(&b);
	read(&b, PACKET(c));
	assert_int_equal(b.slot.claims_len, 0);
	slot_finish(&b.slot);
}

/* What DNS has just said is written whatever else is there and dated later, behind claims of keys.
 */
static void what_dns_says_finds_room(void **state)
{
	(void)state;
	struct board a, b;
	struct claim_pieces forged = {.is_message = true,
				    .signer = {.len = 1},
				    .len = 900,
				    .count = 1},
			    genuine = forged;
	board_init(&a);
	read(&a, PACKET(claim_by(1, 0)));
	for (uint8_t i = 0; i < 8; i++)
		read(&a, PACKET(zone_claim(".", 2, NOW + i, i)));
	add(&a, zone_claim(".", 2, NOW - 60, 99));
	struct claim said = zone_claim(".", 2, NOW - 60, 99);
	board_init(&b);
	read(&b, written(&a.slot, NULL));
	assert_true(b.slot.claims_len > 4);
	assert_non_null(slot_claim_of(&b.slot, key_of(1)));
	assert_true(claim_equal(&b.slot.claims[1], &said));
	slot_finish(&b.slot);
	/* The same for what lies in pieces; and twice is once. */
	for (uint8_t i = 0; i < 12; i++) {
		forged.inception = NOW + i;
		forged.sha1[0][0] = i;
		slot_add_reference(&a.slot, &forged);
	}
	genuine.inception = NOW - 60;
	genuine.sha1[0][0] = 99;
	for (int i = 0; i < 2; i++)
		assert_int_equal(slot_refer(&a.slot, &genuine), 0);
	assert_int_equal(a.slot.pieces_len, SLOT_STRANGERS_MAX);
	board_init(&b);
	read(&b, written(&a.slot, NULL));
	assert_true(b.slot.pieces_len > 0 && pieces_equal(&b.slot.pieces[0], &genuine));
	for (size_t i = 1; i < b.slot.pieces_len; i++)
		assert_false(pieces_equal(&b.slot.pieces[i], &genuine));
	claim_finish(&said);
	slot_finish(&a.slot);
	slot_finish(&b.slot);
}

static void five_claims_fit_and_the_first_always_does(void **state)
{
	(void)state;
	struct board a, b;
	board_init(&a);
	for (unsigned s = 1; s <= 8; s++)
		add(&a, claim_by(s, (int)s));
	board_init(&b);
	read(&b, written(&a.slot, key_of(1)));
	assert_true(b.slot.claims_len >= 5);
	assert_non_null(slot_claim_of(&b.slot, key_of(1)));
	assert_non_null(slot_claim_of(&b.slot, key_of(8)));
	assert_null(slot_claim_of(&b.slot, key_of(2)));
	slot_finish(&a.slot);
	slot_finish(&b.slot);
}

static void a_claim_is_dropped(void **state)
{
	(void)state;
	struct board b;
	board_init(&b);
	add(&b, claim_by(1, 0));
	add(&b, claim_by(2, 0));
	assert_false(slot_drop(&b.slot, key_of(3)));
	assert_true(slot_drop(&b.slot, key_of(1)));
	assert_false(slot_drop(&b.slot, key_of(1)));
	assert_int_equal(b.slot.claims_len, 1);
	assert_non_null(slot_claim_of(&b.slot, key_of(2)));
	slot_finish(&b.slot);
}

static void an_unsigned_copy_stands_alone_or_not(void **state)
{
	(void)state;
	struct board a, b;
	struct claim copy;
	struct rrset *set = addresses(NAME, 300, 5, 2);
	board_init(&a);
	assert_int_equal(claim_copy(set, NOW, &copy), 0);
	add(&a, copy);
	board_init(&b);
	b.how.allow_unsigned = true;
	read(&b, written(&a.slot, NULL));
	assert_int_equal(b.slot.claims_len, 1);
	slot_finish(&b.slot);
	add(&a, claim_by(1, 0));
	board_init(&b);
	b.how.allow_unsigned = true;
	read(&b, written(&a.slot, NULL));
	assert_int_equal(b.slot.claims_len, 1);
	assert_int_equal(b.slot.claims[0].kind, CLAIM_KEY);
	slot_finish(&a.slot);
	slot_finish(&b.slot);
	rrset_destroy(set);
}

/* ---- withdrawing ---- */

static void a_withdrawal_hides_the_claim_on_every_node(void **state)
{
	(void)state;
	struct board b;
	uint32_t last;
	board_init(&b);
	read(&b, PACKET(claim_by(1, 0), claim_by(2, 0)));
	read(&b, PACKET(withdrawal_by(1, 1)));
	read(&b, PACKET(claim_by(1, 0))); /* a node that lags */
	assert_null(slot_claim_of(&b.slot, key_of(1)));
	assert_non_null(slot_claim_of(&b.slot, key_of(2)));
	assert_int_equal(b.budget, 97); /* which costs no check */
	assert_true(slot_last_inception(&b.slot, key_of(1), &last));
	assert_int_equal(last, NOW - 3600 + 1);
	assert_true(slot_last_inception(&b.slot, key_of(2), &last));
	assert_false(slot_last_inception(&b.slot, key_of(3), &last));
	/* The other order of arrival, through a packet that we wrote. */
	struct packet p = written(&b.slot, NULL);
	slot_finish(&b.slot);
	board_init(&b);
	read(&b, p);
	read(&b, PACKET(claim_by(1, 0)));
	assert_null(slot_claim_of(&b.slot, key_of(1)));
	/* Until the signer says something new. */
	read(&b, PACKET(claim_by(1, 2)));
	assert_int_equal(inception_of(&b, 1), NOW - 3600 + 2);
	assert_int_equal(b.slot.withdrawn_len, 0);
	slot_finish(&b.slot);
}

static void a_forged_withdrawal_hides_nothing(void **state)
{
	(void)state;
	struct board b;
	struct claim forged = withdrawal_by(1, 1);
	forged.rrsig[20 + 2 + 54] ^= 1;
	board_init(&b);
	read(&b, PACKET(claim_by(1, 0)));
	read(&b, PACKET(forged, withdrawal_by(1, -1)));
	assert_int_equal(inception_of(&b, 1), NOW - 3600);
	assert_int_equal(b.slot.withdrawn_len, 0);
	slot_finish(&b.slot);
}

static void a_withdrawal_ends_when_nothing_older_can_live(void **state)
{
	(void)state;
	struct board b;
	board_init(&b);
	read(&b, PACKET(claim_over(1, addresses(NAME, 1, 1, 1), NOW - WEEK, NOW - WEEK)));
	assert_int_equal(b.slot.withdrawn_len, 1);
	read(&b, PACKET(claim_over(2, addresses(NAME, 1, 1, 1), NOW - WEEK - 1, NOW - WEEK - 1)));
	assert_int_equal(b.slot.withdrawn_len, 1);
	/* Strangers' withdrawals are bounded too. */
	for (unsigned s = 10; s < 30; s++)
		read(&b, PACKET(withdrawal_by(s, 0)));
	assert_int_equal(b.slot.withdrawn_len, SLOT_STRANGERS_MAX);
	slot_finish(&b.slot);
}

/* ---- large claims ---- */

struct large {
	struct claim claim;
	uint8_t packet[CLAIM_BYTES_MAX];
	int len;
	struct claim_pieces pieces;
	struct claim_piece fetched[CLAIM_PIECES_MAX];
};

static void large_init(struct large *l, unsigned count)
{
	l->claim = claim_over(1, addresses(NAME, 300, 0, count), NOW - 5, NOW + 5000);
	l->len = claim_cut(&l->claim, l->packet, &l->pieces);
	assert_true(l->len > 0);
	for (unsigned i = 0; i < l->pieces.count; i++) {
		size_t at = (size_t)i * CLAIM_PIECE_BYTES, left = (size_t)l->len - at;
		l->fetched[i] = (struct claim_piece){
			l->packet + at, left < CLAIM_PIECE_BYTES ? left : CLAIM_PIECE_BYTES};
	}
}

static void pieces_are_immutable_items(void **state)
{
	(void)state;
	struct large l;
	large_init(&l, 200);
	assert_int_equal(l.pieces.count, 4);
	for (unsigned i = 0; i < l.pieces.count; i++) {
		struct dht_item item = {.is_mutable = false};
		struct dht_id target;
		assert_int_equal(
			dht_item_set_string(&item, l.fetched[i].bytes, l.fetched[i].len), 0);
		dht_item_target(&item, &target);
		assert_memory_equal(target.b, l.pieces.sha1[i], 20);
	}
	claim_finish(&l.claim);
}

static void a_large_claim_goes_there_and_back(void **state)
{
	(void)state;
	struct large l;
	struct board a, b;
	large_init(&l, 487);
	assert_int_equal(l.pieces.count, CLAIM_PIECES_MAX);
	struct rrset *set = rrset_copy(l.claim.set);
	board_init(&a);
	add(&a, l.claim);
	add(&a, claim_by(2, 0));
	struct packet p = written(&a.slot, key_of(1));
	board_init(&b);
	read(&b, p);
	assert_null(slot_claim_of(&b.slot, key_of(1)));
	assert_int_equal(b.slot.pieces_len, 1);
	assert_memory_equal(&b.slot.pieces[0].sha1, &l.pieces.sha1, sizeof(l.pieces.sha1));
	assert_int_equal(b.slot.pieces[0].len, l.len);
	/* A writer that did not fetch it keeps the reference. */
	struct packet again = written(&b.slot, NULL);
	struct board c;
	board_init(&c);
	read(&c, again);
	assert_int_equal(c.slot.pieces_len, 1);
	slot_finish(&c.slot);

	assert_int_equal(slot_add_pieces(&b.slot, &b.slot.pieces[0], l.fetched, &b.how), 0);
	assert_non_null(slot_claim_of(&b.slot, key_of(1)));
	assert_true(rrset_same_data(slot_claim_of(&b.slot, key_of(1))->set, set));
	/* One that did writes the same reference. */
	again = written(&b.slot, key_of(1));
	assert_int_equal(again.len, p.len);
	assert_memory_equal(again.bytes, p.bytes, p.len);
	assert_true(slot_drop(&b.slot, key_of(1)));
	assert_int_equal(b.slot.pieces_len, 0);
	slot_finish(&a.slot);
	slot_finish(&b.slot);
	rrset_destroy(set);
}

static void what_is_over_600_bytes_is_referred_to(void **state)
{
	(void)state;
	for (unsigned count = 20; count < 30; count++) {
		struct claim c = claim_over(1, addresses(NAME, 300, 0, count), NOW, NOW + 9);
		uint8_t buf[SLOT_BYTES_MAX];
		int len = claim_write(&c, buf, sizeof(buf));
		struct board a, b;
		board_init(&a);
		add(&a, c);
		board_init(&b);
		read(&b, written(&a.slot, NULL));
		assert_int_equal(b.slot.pieces_len, len > CLAIM_INLINE_MAX);
		assert_int_equal(b.slot.claims_len, len <= CLAIM_INLINE_MAX);
		slot_finish(&a.slot);
		slot_finish(&b.slot);
	}
}

static void a_later_claim_ends_a_reference(void **state)
{
	(void)state;
	struct large l;
	struct board a, b;
	large_init(&l, 60);
	board_init(&a);
	add(&a, l.claim);
	board_init(&b);
	read(&b, written(&a.slot, NULL));
	/* Fetched, it is written as the same reference, once. */
	assert_int_equal(slot_add_pieces(&b.slot, &b.slot.pieces[0], l.fetched, &b.how), 0);
	struct packet p = written(&b.slot, NULL);
	assert_int_equal(p.bytes[7], 1);
	add(&b, claim_over(1, addresses(NAME, 300, 1, 1), NOW - 4, NOW + 9));
	assert_int_equal(b.slot.pieces_len, 0);
	read(&b, p); /* and does not come back */
	assert_int_equal(b.slot.pieces_len, 0);
	slot_finish(&a.slot);
	slot_finish(&b.slot);
}

static void wrong_pieces_are_refused(void **state)
{
	(void)state;
	struct large l;
	struct board b;
	large_init(&l, 100);
	board_init(&b);
	for (unsigned i = 0; i < l.pieces.count; i++) {
		struct claim_piece good = l.fetched[i];
		l.fetched[i].len--;
		assert_int_equal(slot_add_pieces(&b.slot, &l.pieces, l.fetched, &b.how), -EBADMSG);
		l.fetched[i] = (struct claim_piece){(const uint8_t *)"x", 1};
		assert_int_equal(slot_add_pieces(&b.slot, &l.pieces, l.fetched, &b.how), -EBADMSG);
		l.fetched[i] = good;
		l.pieces.sha1[i][19] ^= 1;
		assert_int_equal(slot_add_pieces(&b.slot, &l.pieces, l.fetched, &b.how), -EBADMSG);
		l.pieces.sha1[i][19] ^= 1;
	}
	struct claim_pieces wrong = l.pieces;
	wrong.len++;
	assert_int_equal(slot_add_pieces(&b.slot, &wrong, l.fetched, &b.how), -EBADMSG);
	wrong = l.pieces;
	wrong.count--;
	assert_int_equal(slot_add_pieces(&b.slot, &wrong, l.fetched, &b.how), -EBADMSG);
	wrong = l.pieces;
	wrong.len = UINT16_MAX;
	wrong.count = 66;
	assert_int_equal(slot_add_pieces(&b.slot, &wrong, l.fetched, &b.how), -EBADMSG);
	/* Right bytes, but not what the reference promised. */
	wrong = l.pieces;
	wrong.inception++;
	assert_int_equal(slot_add_pieces(&b.slot, &wrong, l.fetched, &b.how), -EBADMSG);
	wrong = l.pieces;
	key_to_name(key_of(2), &wrong.signer);
	assert_int_equal(slot_add_pieces(&b.slot, &wrong, l.fetched, &b.how), -EBADMSG);
	assert_int_equal(b.slot.claims_len, 0);
	assert_int_equal(b.budget, 100);
	assert_int_equal(slot_add_pieces(&b.slot, &l.pieces, l.fetched, &b.how), 0);
	assert_int_equal(b.slot.claims_len, 1);
	claim_finish(&l.claim);
	slot_finish(&b.slot);
}

static size_t references_in(const char *text)
{
	char strings[600];
	uint8_t rdata[600];
	size_t len = 0;
	struct packet p;
	struct packet_writer w;
	struct board b;
	snprintf(strings, sizeof(strings), "%s", text);
	for (char *s = strtok(strings, "|"); s; s = strtok(NULL, "|")) {
		rdata[len++] = (uint8_t)strlen(s);
		append(rdata, &len, s, strlen(s));
	}
	struct rr rr = {.owner = name_of("_kadns"),
		.type = TYPE_TXT,
		.class = CLASS_IN,
		.rdata = rdata,
		.rdata_len = (uint16_t)len};
	packet_begin(&w, p.bytes, sizeof(p.bytes), true);
	packet_put(&w, &rr);
	p.len = (size_t)packet_end(&w, 0, FLAG_QR);
	board_init(&b);
	read(&b, p);
	size_t n = b.slot.pieces_len;
	slot_finish(&b.slot);
	return n;
}

#define SHA "|0123456789abcdef0123456789abcdef01234567"

static void references_are_read_strictly(void **state)
{
	(void)state;
	/* NOW is 1800000000. */
	assert_int_equal(references_in("claim A alt. 1799999999 700" SHA), 1);
	assert_int_equal(references_in("claim A . 1799999999 997" SHA SHA), 1);
	assert_int_equal(references_in("claim A alt. 1799999999 997" SHA), 0);
	assert_int_equal(references_in("claim A alt. 1799999999 996" SHA SHA), 0);
	assert_int_equal(references_in("claim A alt. 1799999999 700"), 0);
	assert_int_equal(
		references_in("claim A alt. 1799999999 7969" SHA SHA SHA SHA SHA SHA SHA SHA SHA),
		0);
	assert_int_equal(
		references_in("claim A alt. 1799999999 7968" SHA SHA SHA SHA SHA SHA SHA SHA), 1);
	assert_int_equal(references_in("claim A alt. 1799999999 12" SHA), 0);
	assert_int_equal(references_in("claim A alt. 1799999999 0"), 0);
	assert_int_equal(references_in("claim A alt. 1799999999 -700" SHA), 0);
	assert_int_equal(references_in("claim A alt. 1799999999 +700" SHA), 0);
	assert_int_equal(references_in("claim A alt. 1799999999 4294967996" SHA), 0);
	assert_int_equal(references_in("claim A alt. 6094967295 700" SHA), 0);
	assert_int_equal(references_in("claim A alt. 1799999999  700" SHA), 0);
	assert_int_equal(references_in("claim A alt. 1799999999 700 x" SHA), 0);
	assert_int_equal(references_in("claim A alt. 1799999999" SHA), 0);
	assert_int_equal(references_in("claim TXT alt. 1799999999 700" SHA), 0);
	assert_int_equal(references_in("claim A alt 1799999999 700" SHA), 0);
	assert_int_equal(references_in("claim A example. 1799999999 700" SHA), 0);
	assert_int_equal(references_in("v=1 pages=2 min=3"), 0);
	assert_int_equal(references_in("claim A alt. 1800003601 700" SHA), 0); /* too far ahead */
	assert_int_equal(references_in("claim A alt. 1790000000 700" SHA), 0); /* too old */
	assert_int_equal(
		references_in(
			"claim A alt. 1799999999 700|0123456789ABCDEF0123456789abcdef01234567"),
		0);
	assert_int_equal(
		references_in(
			"claim A alt. 1799999999 700|0123456789abcdef0123456789abcdef0123456"),
		0);
	char of_key[400], key[NAME_KEY_TEXT + 1];
	key_to_text(key_of(1), key);
	snprintf(of_key, sizeof(of_key), "claim A %s. 1799999999 700" SHA, key);
	assert_int_equal(references_in(of_key), 1);
	snprintf(of_key, sizeof(of_key), "claim A %s. 1799395199 700" SHA,
		key); /* a week, 1 s ago */
	assert_int_equal(references_in(of_key), 0);
	snprintf(of_key, sizeof(of_key), "claim A x.%s. 1799999999 700" SHA, key);
	assert_int_equal(references_in(of_key), 0);
}

/* Six references that key 1 may have written, or anyone. */
static struct packet references_from(uint32_t inception)
{
	struct packet_writer w;
	struct packet p;
	char text[200], key[NAME_KEY_TEXT + 1];
	uint8_t rdata[256];
	key_to_text(key_of(1), key);
	packet_begin(&w, p.bytes, sizeof(p.bytes), true);
	for (unsigned i = 0; i < 6; i++) {
		size_t len = 0;
		snprintf(text, sizeof(text), "claim A %s. %u 700", key, inception + i);
		rdata[len++] = (uint8_t)strlen(text);
		append(rdata, &len, text, strlen(text));
		append(rdata, &len,
			"\50"
			"0123456789abcdef0123456789abcdef01234567",
			41);
		struct rr rr = {.owner = name_of("_kadns"),
			.type = TYPE_TXT,
			.class = CLASS_IN,
			.rdata = rdata,
			.rdata_len = (uint16_t)len};
		packet_put(&w, &rr);
	}
	p.len = (size_t)packet_end(&w, 0, FLAG_QR);
	return p;
}

/* A forged reference costs its writer nothing, so it must win nothing. */
static void a_reference_drives_out_no_claim(void **state)
{
	(void)state;
	struct board b, back;
	board_init(&b);
	read(&b, PACKET(claim_by(1, 0)));
	read(&b, references_from(NOW));
	read(&b, references_from(NOW));
	assert_int_equal(b.slot.pieces_len, 6);
	read(&b, references_from(NOW + 100));
	assert_int_equal(b.slot.pieces_len, SLOT_STRANGERS_MAX);
	assert_int_equal(inception_of(&b, 1), NOW - 3600);
	/* The claim of the key, which nodes defend, is written before any of them. */
	board_init(&back);
	read(&back, written(&b.slot, NULL));
	assert_int_equal(inception_of(&back, 1), NOW - 3600);
	assert_true(back.slot.pieces_len < b.slot.pieces_len);
	slot_finish(&b.slot);
	slot_finish(&back.slot);
}

/* ---- what a node defends ---- */

static int judge(const struct packet *held, const struct packet *offered)
{
	static const char question[] = NAME;
	struct question q = question_of(question);
	uint8_t h[20], seed[32], key[32];
	question_key(&q, h);
	slot_seed(h, seed);
	assert_int_equal(dht_key_of_seed(seed, key), 0);
	struct slot_put put = {.key = key,
		.salt = h,
		.salt_len = 20,
		.offered = offered->bytes,
		.offered_len = offered->len,
		.wall = NOW * INT64_C(1000000),
		.seq = NOW * INT64_C(1000000)};
	if (held) {
		put.held = held->bytes;
		put.held_len = held->len;
	}
	int r = slot_judge(&put);
	/* Under any other key or salt it is no slot, and none of our business. */
	key[0] ^= 1;
	assert_int_equal(slot_judge(&put), 0);
	key[0] ^= 1;
	put.salt_len = 19;
	assert_int_equal(slot_judge(&put), 0);
	put.salt_len = 0;
	assert_int_equal(slot_judge(&put), 0);
	return r;
}

static int judged(struct packet held, struct packet offered)
{
	return judge(&held, &offered);
}

static void a_node_defends_claims(void **state)
{
	(void)state;
	struct packet empty = {.bytes = {0, 0, 0x80}, .len = 12},
		      garbage = {.bytes = "no packet", .len = 9};
	struct packet one = PACKET(claim_by(1, 0)), nothing = {.len = 0};
	assert_int_equal(judge(NULL, &one), 0);
	assert_int_equal(judge(NULL, &garbage), 0);
	assert_int_equal(judge(&one, &one), 0);
	assert_int_equal(judge(&one, &empty), 301);
	assert_int_equal(judge(&one, &garbage), 301);
	assert_int_equal(judge(&one, &nothing), 301);
	assert_int_equal(judge(&garbage, &one), 0);
	assert_int_equal(judge(&garbage, &empty), 0);
	assert_int_equal(judge(&nothing, &empty), 0);
	assert_int_equal(judged(one, PACKET(claim_by(2, 0))), 301);
	assert_int_equal(judged(one, PACKET(claim_by(2, 0), claim_by(1, 0))), 0);
	assert_int_equal(judged(one, PACKET(claim_by(1, 1))), 0);
	assert_int_equal(judged(one, PACKET(claim_by(1, -1))), 301);
	assert_int_equal(judged(one, PACKET(withdrawal_by(1, 1))), 0);
	assert_int_equal(judged(one, PACKET(withdrawal_by(1, -1))), 301);
	assert_int_equal(judged(one, PACKET(withdrawal_by(2, 1))), 301);
	struct claim forged = claim_by(1, 9);
	forged.rrsig[100] ^= 1;
	assert_int_equal(judged(one, PACKET(forged)), 301);
	forged = withdrawal_by(1, 9);
	forged.rrsig[100] ^= 1;
	assert_int_equal(judged(one, PACKET(forged)), 301);
}

static void a_node_defends_only_what_holds(void **state)
{
	(void)state;
	struct packet empty = {.bytes = {0, 0, 0x80}, .len = 12};
	struct claim forged = claim_by(1, 0), copy;
	struct rrset *set = addresses(NAME, 300, 5, 1);
	forged.rrsig[100] ^= 1;
	struct packet bad = PACKET(forged);
	assert_int_equal(judge(&bad, &empty), 0);
	struct packet over = PACKET(claim_over(1, addresses(NAME, 300, 1, 1), NOW - 9, NOW - 1));
	assert_int_equal(judge(&over, &empty), 0);
	struct packet withdrawn = PACKET(withdrawal_by(1, 0));
	assert_int_equal(judge(&withdrawn, &empty), 0);
	struct packet zones = PACKET(zone_claim("alt", 2, NOW - 9, 1));
	assert_int_equal(judge(&zones, &empty), 0);
	struct packet elsewhere = PACKET(
		claim_over(1, addresses("other.alt A", 300, 1, 1), NOW, NOW + 9));
	assert_int_equal(judge(&elsewhere, &empty), 0);
	assert_int_equal(claim_copy(set, NOW, &copy), 0);
	struct packet unsigned_copy = PACKET(copy);
	assert_int_equal(judge(&unsigned_copy, &empty), 0);
	rrset_destroy(set);
}

/* A packet as full as it gets: an honest change passes, an erasure does not. */
static void a_full_slot_is_defended(void **state)
{
	(void)state;
	struct packet held = PACKET(
		claim_by(1, 0), claim_by(2, 0), claim_by(3, 0), claim_by(4, 0), claim_by(5, 0));
	assert_int_equal(judged(held, PACKET(claim_by(5, 9), claim_by(1, 0), claim_by(2, 0),
					      claim_by(3, 9), claim_by(4, 0))),
		0);
	assert_int_equal(judged(held, PACKET(claim_by(6, 0), claim_by(1, 0), claim_by(2, 0),
					      claim_by(3, 0), claim_by(4, 0))),
		301);
	/* All five superseded at once: more than eight checks, and refused for it. */
	assert_int_equal(judged(held, PACKET(claim_by(1, 9), claim_by(2, 9), claim_by(3, 9),
					      claim_by(4, 9), claim_by(5, 9))),
		301);
}

static void a_node_refuses_the_future(void **state)
{
	(void)state;
	struct question q = question_of(NAME);
	uint8_t h[20], seed[32], key[32], empty[12] = {0, 0, 0x80};
	question_key(&q, h);
	slot_seed(h, seed);
	assert_int_equal(dht_key_of_seed(seed, key), 0);
	struct slot_put put = {.key = key,
		.salt = h,
		.salt_len = 20,
		.offered = empty,
		.offered_len = 12,
		.wall = NOW * INT64_C(1000000)};
	put.seq = put.wall + 600 * 1000000;
	assert_int_equal(slot_judge(&put), 0);
	put.seq++;
	assert_int_equal(slot_judge(&put), 302);
	put.seq = INT64_MAX;
	assert_int_equal(slot_judge(&put), 302);
	put.seq = INT64_MIN;
	assert_int_equal(slot_judge(&put), 0);
	put.salt_len = 19;
	put.seq = INT64_MAX;
	assert_int_equal(slot_judge(&put), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(of_a_key_the_latest_stays),
		cmocka_unit_test(a_forged_later_claim_drives_nothing_out),
		cmocka_unit_test(nodes_are_counted_once_a_packet),
		cmocka_unit_test(the_budget_ends),
		cmocka_unit_test(strangers_are_eight),
		cmocka_unit_test(writes_what_it_read),
		cmocka_unit_test(a_packet_holds_no_more_of_a_zone),
		cmocka_unit_test(what_dns_says_finds_room),
		cmocka_unit_test(five_claims_fit_and_the_first_always_does),
		cmocka_unit_test(a_claim_is_dropped),
		cmocka_unit_test(an_unsigned_copy_stands_alone_or_not),
		cmocka_unit_test(a_withdrawal_hides_the_claim_on_every_node),
		cmocka_unit_test(a_forged_withdrawal_hides_nothing),
		cmocka_unit_test(a_withdrawal_ends_when_nothing_older_can_live),
		cmocka_unit_test(pieces_are_immutable_items),
		cmocka_unit_test(a_large_claim_goes_there_and_back),
		cmocka_unit_test(what_is_over_600_bytes_is_referred_to),
		cmocka_unit_test(a_later_claim_ends_a_reference),
		cmocka_unit_test(wrong_pieces_are_refused),
		cmocka_unit_test(references_are_read_strictly),
		cmocka_unit_test(a_reference_drives_out_no_claim),
		cmocka_unit_test(a_node_defends_claims),
		cmocka_unit_test(a_node_defends_only_what_holds),
		cmocka_unit_test(a_full_slot_is_defended),
		cmocka_unit_test(a_node_refuses_the_future),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
