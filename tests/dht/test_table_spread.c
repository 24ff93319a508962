/* The routing table: who gives way to whom; one node an address, few a subnet. */
#undef NDEBUG
#include "table_world.h"

/* A node of its own public /24 whose id is one of its address (BEP 42), or is not. */
static struct dht_contact public(unsigned number, bool verified)
{
	struct dht_contact c = {.endpoint = {.family = 4, .ip = {45}, .port = 4001}};
	struct dht_id random;
	c.endpoint.ip[1] = (uint8_t)(number >> 8);
	c.endpoint.ip[2] = (uint8_t)number;
	c.endpoint.ip[3] = 1;
	do {
		for (size_t i = 0; i < DHT_ID_LEN; i++)
			random.b[i] = some_byte();
		dht_id_made(&c.endpoint, random.b, &c.id);
		c.id.b[1] ^= verified ? 0 : 0x55;
	} while (c.id.b[0] < 128); /* in the first bucket */
	return c;
}

static void limit(struct dht_table *t)
{
	dht_table_finish(t);
	dht_table_init(t, &own, true, true);
}

static unsigned of_bucket(const struct dht_table *t, bool verified)
{
	unsigned n = 0;
	for (size_t i = 0; i < t->buckets[0].len; i++)
		n += t->buckets[0].nodes[i].verified == verified;
	return n;
}

static void the_verified_displace_the_others(void **state)
{
	struct dht_table *t = *state;
	limit(t);
	for (unsigned i = 0; i < 200; i++) {
		struct dht_contact c = public(i, false);
		assert_int_equal(enter(t, &c, HOUR), i < 128);
	}
	for (unsigned i = 200; i < 300; i++) {
		struct dht_contact c = public(i, true);
		assert_true(dht_table_wants(t, &c));
		assert_true(enter(t, &c, 2 * HOUR));
	}
	assert_int_equal(of_bucket(t, true), 100);
	for (unsigned i = 300; i < 340; i++) {
		struct dht_contact c = public(i, true);
		enter(t, &c, 2 * HOUR);
	}
	assert_int_equal(of_bucket(t, true), 128);
	assert_int_equal(t->len, 128);
	/* Nor do these give way to the unverified, however fast; and their spares neither. */
	for (unsigned i = 400; i < 500; i++) {
		struct dht_contact c = public(i, false);
		assert_false(dht_table_wants(t, &c));
		assert_false(dht_table_answered(t, &c, 2 * HOUR, 1, NULL));
	}
	for (size_t i = 0; i < t->buckets[0].spares_len; i++)
		assert_true(t->buckets[0].spares[i].verified);
	/* Where limits are off, nobody looks at that. */
	dht_table_finish(t);
	dht_table_init(t, &own, true, false);
	for (unsigned i = 0; i < 128; i++) {
		struct dht_contact c = public(i, false);
		assert_true(enter(t, &c, HOUR));
	}
	struct dht_contact c = public(200, true);
	assert_false(enter(t, &c, 2 * HOUR));
}

static void the_verified_are_named_first(void **state)
{
	struct dht_table *t = *state;
	struct dht_contact got[8], far = public(1, true), near = public(2, false);
	struct dht_id target = near.id;
	limit(t);
	enter(t, &far, 1);
	enter(t, &near, 1);
	assert_int_equal(dht_table_named(t, &target, got, 8), 2);
	assert_true(dht_id_equal(&got[0].id, &far.id));
	assert_true(dht_id_equal(&got[1].id, &near.id));
	assert_int_equal(dht_table_named(t, &target, got, 1), 1);
	assert_true(dht_id_equal(&got[0].id, &far.id));
	assert_int_equal(dht_table_nearest(t, &target, 0, got, 8), 2);
	assert_true(dht_id_equal(&got[0].id, &near.id));
	dht_table_silent(t, &far);
	assert_int_equal(dht_table_named(t, &target, got, 8), 1);
	t->limits = false;
	enter(t, &far, 2);
	dht_table_named(t, &target, got, 8);
	assert_true(dht_id_equal(&got[0].id, &near.id));
}

static void subnets_are_spread(void **state)
{
	struct dht_table *t = *state;
	limit(t);
	struct dht_contact first = public(7, true), second = public(7, false), third;
	second.endpoint.ip[3] = 2;
	assert_true(enter(t, &first, 1));
	assert_false(dht_table_wants(t, &second));
	assert_false(enter(t, &second, 1));
	/* Silence makes room. */
	for (unsigned i = 0; i < 3; i++)
		dht_table_silent(t, &first);
	assert_true(dht_table_wants(t, &second));
	assert_true(enter(t, &second, 2));
	assert_null(dht_table_find(t, &first));
	/* And so does the right id. */
	assert_true(enter(t, &first, 3));
	assert_null(dht_table_find(t, &second));
	assert_int_equal(t->len, 1);
	for (unsigned i = 100; i < 227; i++) {
		struct dht_contact c = public(i, true);
		assert_true(enter(t, &c, 1));
	}
	/* Spares are spread as well: one /24 does not wait eight times. */
	for (unsigned i = 0; i < 8; i++) {
		third = public(300, true);
		third.endpoint.ip[3] = (uint8_t)(i + 1);
		enter(t, &third, 4);
	}
	assert_int_equal(t->buckets[0].spares_len, 1);
}

/* It is nobody else in its subnet: who it was goes when it answers, and until then stays. */
static void another_id_is_no_second_node_of_a_subnet(void **state)
{
	struct dht_table *t = *state;
	struct dht_contact was = public(7, true), is = public(7, false), other = was;
	limit(t);
	enter(t, &was, 1);
	assert_true(dht_table_wants(t, &is));
	assert_non_null(dht_table_find(t, &was));
	other.id = is.id;
	other.endpoint.port++;
	assert_false(dht_table_wants(t, &other));
	assert_true(enter(t, &is, 2));
	assert_null(dht_table_find(t, &was));
	assert_int_equal(t->len, 1);
}

/* One owner with an address in every bucket that there is. */
static void no_owner_has_many_nodes(void **state)
{
	struct dht_table *t = *state;
	limit(t);
	for (unsigned i = 0; i < 300; i++) { /* the table has a dozen buckets by these */
		struct dht_contact c = contact(i, i % 12);
		c.endpoint.ip[0] = 45;
		c.endpoint.ip[1] = (uint8_t)i;
		c.endpoint.ip[2] = (uint8_t)(i >> 8);
		enter(t, &c, 1);
	}
	assert_true(t->buckets_len > 6);
	static const uint8_t owner[2][5] = {{46, 1, 2}, {0x20, 0x01, 0x0d, 0xb8, 0x77}};
	for (unsigned six = 0; six < 2; six++) {
		size_t before = t->len;
		unsigned taken = 0;
		for (unsigned i = 0; i < 200; i++) {
			struct dht_contact c = contact(i, 8 + i % 40);
			c.endpoint = (struct dht_endpoint){.family = six ? 6 : 4, .port = 1};
			memcpy(c.endpoint.ip, owner[six], six ? 5 : 3);
			c.endpoint.ip[six ? 7 : 3] = (uint8_t)(i + 1); /* IPv6: a /64 each */
			taken += enter(t, &c, 1);
		}
		assert_true(taken >= 1 && taken <= 4);
		assert_int_equal(t->len, before + taken);
	}
}

static void much_faster_is_better_than_young(void **state)
{
	struct dht_table *t = *state;
	struct dht_contact slow = contact(0, 0), c;
	dht_table_answered(t, &slow, HOUR, 900000, NULL);
	for (unsigned i = 1; i < 128; i++) {
		c = contact(i, 0);
		assert_true(enter(t, &c, HOUR));
	}
	c = contact(200, 0);
	assert_false(dht_table_answered(t, &c, HOUR + 5 * MINUTE, 300000, NULL));
	c = contact(201, 0);
	assert_false(dht_table_answered(t, &c, HOUR + 31 * MINUTE, 1000, NULL)); /* an old friend */
	c = contact(202, 0);
	assert_true(dht_table_answered(t, &c, HOUR + 5 * MINUTE, 1000, NULL));
	assert_null(dht_table_find(t, &slow));
	assert_int_equal(t->len, 128);
	/* It is a spare now, and the slowest of them: others come first. */
	struct dht_contact dying = c;
	for (unsigned i = 0; i < 3; i++)
		dht_table_silent(t, &dying);
	c = contact(201, 0);
	assert_int_equal(t->len, 128);
	assert_null(dht_table_find(t, &slow));
}

static void a_spare_takes_the_place(void **state)
{
	struct dht_table *t = *state;
	struct dht_contact first = contact(0, 0), c;
	enter(t, &first, 1);
	for (unsigned i = 1; i < 128; i++) {
		c = contact(i, 0);
		assert_true(enter(t, &c, 1));
	}
	for (unsigned i = 200; i < 210; i++) {
		c = contact(i, 0);
		assert_false(enter(t, &c, 1)); /* the latest of them is the first spare */
	}
	dht_table_silent(t, &first);
	dht_table_silent(t, &first);
	assert_non_null(dht_table_find(t, &first));
	dht_table_silent(t, &first);
	assert_null(dht_table_find(t, &first));
	assert_non_null(dht_table_find(t, &c));
	assert_int_equal(t->len, 128);
}

static unsigned times_known(const struct dht_table *t, const struct dht_endpoint *e)
{
	unsigned n = 0;
	for (size_t i = 0; i < t->buckets_len; i++) {
		const struct dht_bucket *b = &t->buckets[i];
		for (size_t j = 0; j < b->len; j++)
			n += !memcmp(b->nodes[j].contact.endpoint.ip, e->ip, 16);
		for (size_t j = 0; j < b->spares_len; j++)
			n += !memcmp(b->spares[j].contact.endpoint.ip, e->ip, 16);
	}
	return n;
}

/* Neither as a spare, nor when a spare is promoted. */
static void one_node_an_address_among_spares_too(void **state)
{
	struct dht_table *t = *state;
	struct dht_contact inside[128], crowd;
	dht_table_finish(t);
	dht_table_init(t, &own, true, false);
	for (unsigned i = 0; i < 128; i++) {
		inside[i] = contact(i, 0);
		enter(t, &inside[i], 1);
	}
	for (unsigned i = 0; i < 8; i++) {
		crowd = contact(500, 0);
		crowd.endpoint.port = (uint16_t)(1000 + i);
		enter(t, &crowd, 2);
	}
	assert_int_equal(t->buckets[0].spares_len, 1);
	assert_int_equal(times_known(t, &crowd.endpoint), 1);
	/* The same machine gets in at another place. */
	struct dht_contact elsewhere = contact(500, 4);
	elsewhere.endpoint.port = 77;
	assert_true(enter(t, &elsewhere, 3));
	for (unsigned i = 0; i < 3; i++)
		dht_table_silent(t, &inside[5]);
	assert_null(dht_table_find(t, &crowd));
	assert_non_null(dht_table_find(t, &elsewhere));
}

/* The bucket is full, and the node a spare of it; the id that has its address in the table goes for
 * it, and who takes the free place is not the spare besides. */
static void who_answers_is_not_promoted_as_well(void **state)
{
	struct dht_table *t = *state;
	unsigned number = 0;
	dht_table_finish(t);
	dht_table_init(t, &own, true, false);
	for (unsigned shared = 0; shared < 6; shared++)
		for (unsigned i = 0; i < 129; i++) {
			struct dht_contact c = contact(number++, shared);
			dht_table_answered(t, &c, 1, shared == 4 ? 900000 : 1000, NULL);
		}
	struct dht_contact spare = contact(number, 4), rival = spare;
	rival.id.b[10] ^= 1;
	assert_false(dht_table_answered(t, &spare, 2, 500000, NULL));
	assert_true(dht_table_answered(t, &rival, 2, 100000, NULL));
	dht_table_answered(t, &spare, 2, 100000, NULL);
	assert_int_equal(times_known(t, &spare.endpoint), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_spare_takes_the_place),
		TEST(one_node_an_address_among_spares_too),
		TEST(the_verified_displace_the_others),
		TEST(the_verified_are_named_first),
		TEST(subnets_are_spread),
		TEST(another_id_is_no_second_node_of_a_subnet),
		TEST(no_owner_has_many_nodes),
		TEST(much_faster_is_better_than_young),
		TEST(who_answers_is_not_promoted_as_well),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
