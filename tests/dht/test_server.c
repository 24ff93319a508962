/* Items kept for others: every rule of a storing node (BEP 44), in its order. */
#undef NDEBUG
#include "tests/dht/world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <cmocka.h>

static struct world world;
static struct dht_endpoint asker;
static struct dht_item item;
static struct dht_id target;
static uint8_t token[8];

static int setup(void **state)
{
	*state = &world;
	world_start(&world, false, false);
	asker = endpoint("10.1.2.3:6881");
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	world_end(&world);
	return 0;
}

static struct dht_message ask(struct world *w, struct dht_message *m)
{
	struct dht_message answer;
	const struct packet *p = world_tell(w, &asker, m);
	assert_non_null(p);
	assert_int_equal(dht_message_read(p->data, p->len, &answer), 0);
	return answer;
}

static struct dht_message get(struct world *w)
{
	struct dht_message m = query(DHT_GET);
	m.has_target = true;
	m.target = target;
	return ask(w, &m);
}

/* A token for `target` as it stands. */
static void take_token(struct world *w)
{
	struct dht_message answer = get(w);
	assert_int_equal(answer.token.len, sizeof(token));
	memcpy(token, answer.token.data, sizeof(token));
	world_clear(w);
}

/* `item`, signed anew, as a put that ought to succeed. */
static struct dht_message put_of(struct world *w, int64_t seq, const char *text)
{
	static const uint8_t seed[DHT_SEED_LEN] = "a seed";
	item.seq = seq;
	item.is_mutable = true;
	assert_int_equal(dht_item_set_string(&item, text, strlen(text)), 0);
	assert_int_equal(dht_item_sign(&item, seed), 0);
	dht_item_target(&item, &target);
	take_token(w);
	struct dht_message m = query(DHT_PUT);
	m.token = (struct bytes){token, sizeof(token)};
	m.value = (struct bytes){item.value, item.value_len};
	m.has_key = m.has_sig = m.has_seq = true;
	m.key = (struct bytes){item.key, DHT_KEY_LEN};
	m.sig = (struct bytes){item.sig, DHT_SIG_LEN};
	m.salt = (struct bytes){item.salt, item.salt_len};
	m.seq = seq;
	m.has_target = true;
	m.target = target;
	return m;
}

static int code_of(struct world *w, struct dht_message *m)
{
	struct dht_message answer = ask(w, m);
	world_clear(w);
	return answer.kind == DHT_REPLY ? 0 : answer.error;
}

static void mutable_items_are_kept_and_returned(void **state)
{
	struct world *w = *state;
	memcpy(item.salt, "salt", item.salt_len = 4);
	struct dht_message m = put_of(w, 7, "hello");
	assert_int_equal(code_of(w, &m), 0);
	struct dht_message answer = get(w);
	assert_int_equal(answer.value.len, item.value_len);
	assert_memory_equal(answer.value.data, item.value, item.value_len);
	assert_memory_equal(answer.key.data, item.key, DHT_KEY_LEN);
	assert_memory_equal(answer.sig.data, item.sig, DHT_SIG_LEN);
	assert_int_equal(answer.seq, 7);
	assert_int_equal(answer.salt.len, 0);
	/* libtorrent's put names no target. */
	m = put_of(w, 8, "hello");
	m.has_target = false;
	assert_int_equal(code_of(w, &m), 0);
	item.salt_len = 0;
	struct dht_counters c;
	dht_counters(w->dht, &c);
	assert_int_equal(c.items_kept, 2);
	assert_int_equal(c.verifications, 2);
}

static void with_seq_only_newer_ones_are_returned(void **state)
{
	struct world *w = *state;
	struct dht_message m = put_of(w, 7, "hello"), ask_newer = query(DHT_GET);
	assert_int_equal(code_of(w, &m), 0);
	ask_newer.has_target = ask_newer.has_seq = true;
	ask_newer.target = target;
	for (ask_newer.seq = 6; ask_newer.seq <= 8; ask_newer.seq++) {
		struct dht_message answer = ask(w, &ask_newer);
		assert_true(answer.has_seq);
		assert_int_equal(answer.seq, 7);
		assert_int_equal(answer.value.len != 0, ask_newer.seq < 7);
		assert_int_equal(answer.has_key, ask_newer.seq < 7);
		assert_int_equal(answer.token.len, 8);
	}
}

static void immutable_items(void **state)
{
	struct world *w = *state;
	struct dht_message m = query(DHT_PUT);
	struct dht_item text = {0};
	dht_item_set_string(&text, "Hello World!", 12);
	dht_item_target(&text, &target);
	take_token(w);
	m.token = (struct bytes){token, sizeof(token)};
	m.value = (struct bytes){text.value, text.value_len};
	assert_int_equal(code_of(w, &m), 0);
	struct dht_message answer = get(w);
	assert_int_equal(answer.value.len, 15);
	assert_false(answer.has_key || answer.has_sig || answer.has_seq);
	/* A target that the value does not have, as pubky's `target`. */
	m.has_target = true;
	m.target = id_of(1, 1);
	assert_int_equal(code_of(w, &m), DHT_E_PROTOCOL);
}

static void the_token_comes_first(void **state)
{
	struct world *w = *state;
	struct dht_message m = put_of(w, 7, "hello");
	uint8_t big[1001] = "997:";
	token[3] ^= 1;
	assert_int_equal(code_of(w, &m), DHT_E_PROTOCOL);
	m.value = (struct bytes){big, sizeof(big)};
	assert_int_equal(code_of(w, &m), DHT_E_PROTOCOL);
	token[3] ^= 1;
	assert_int_equal(code_of(w, &m), DHT_E_VALUE_BIG);
	assert_int_equal(w->items_len, 0);
	/* Of another address, of another target, or too old. */
	m = put_of(w, 7, "hello");
	asker = endpoint("10.1.2.4:6881");
	assert_int_equal(code_of(w, &m), DHT_E_PROTOCOL);
	asker = endpoint("10.1.2.3:9"); /* another port is fine */
	assert_int_equal(code_of(w, &m), 0);
	m = put_of(w, 8, "hello");
	w->now += 299 * WORLD_SECOND;
	assert_int_equal(code_of(w, &m), 0);
	m = put_of(w, 9, "hello");
	w->now += 601 * WORLD_SECOND;
	assert_int_equal(code_of(w, &m), DHT_E_PROTOCOL);
}

static void sizes(void **state)
{
	struct world *w = *state;
	char text[997];
	uint8_t salt[65] = {0};
	memset(text, 'x', 996);
	text[996] = 0;
	struct dht_message m = put_of(w, 7, text); /* 996 bytes: 1000 of bencode */
	assert_int_equal(m.value.len, 1000);
	assert_int_equal(code_of(w, &m), 0);
	assert_int_equal(get(w).value.len, 1000);
	/* Over IPv6 it goes as well, though it fits no packet that every path carries. */
	asker = endpoint("[fd00::1]:6881");
	struct dht_message answer = get(w);
	assert_int_equal(answer.value.len, 1000);
	asker = endpoint("10.1.2.3:6881");
	/* A salt of 65 bytes, with a token for just that target. */
	m = put_of(w, 8, "hello");
	dht_mutable_target(item.key, salt, sizeof(salt), &target);
	take_token(w);
	m.salt = (struct bytes){salt, sizeof(salt)};
	m.target = target;
	assert_int_equal(code_of(w, &m), DHT_E_SALT_BIG);
}

/* As libtorrent 2.0.8 takes it (facts/dht.md, A9): unsigned, filed under the key's target. */
static void a_key_without_signature_is_refused(void **state)
{
	struct world *w = *state;
	put_of(w, 7, "genuine");
	struct dht_item kept = item;
	struct dht_message m = put_of(w, 7, "genuine");
	assert_int_equal(code_of(w, &m), 0);
	for (unsigned without = 1; without < 4; without++) {
		m = put_of(w, 8, "forged");
		m.has_sig = !(without & 1);
		m.has_seq = !(without & 2);
		if (!m.has_sig)
			m.sig = (struct bytes){NULL, 0};
		assert_int_equal(code_of(w, &m), DHT_E_PROTOCOL);
	}
	assert_int_equal(w->items_len, 1);
	assert_memory_equal(w->items[0].item.value, kept.value, kept.value_len);
}

static void signatures(void **state)
{
	struct world *w = *state;
	struct dht_message m = put_of(w, 7, "hello");
	struct dht_counters c;
	item.sig[0] ^= 1;
	assert_int_equal(code_of(w, &m), DHT_E_SIGNATURE);
	item.sig[0] ^= 1;
	m.seq = 8; /* signed is 7 */
	assert_int_equal(code_of(w, &m), DHT_E_SIGNATURE);
	m.seq = -1;
	assert_int_equal(code_of(w, &m), DHT_E_PROTOCOL);
	m.seq = 7;
	assert_int_equal(code_of(w, &m), 0);
	dht_counters(w->dht, &c);
	assert_int_equal(c.verifications, 3);
	assert_int_equal(c.values_bad, 2);
	/* Byte for byte what is held: taken, and not verified again. */
	for (unsigned i = 0; i < 5; i++)
		assert_int_equal(code_of(w, &m), 0);
	dht_counters(w->dht, &c);
	assert_int_equal(c.verifications, 3);
	/* All but the signature: that is verified. */
	item.sig[0] ^= 1;
	assert_int_equal(code_of(w, &m), DHT_E_SIGNATURE);
}

/* A store that knows what it holds is not asked for it, nor is the judge. */
static void a_refresh_reads_nothing(void **state)
{
	struct world *w = *state;
	struct dht_message m = put_of(w, 7, "hello");
	w->renews = true;
	assert_int_equal(code_of(w, &m), 0);
	assert_true(dht_endpoint_equal(&w->items[0].from, &asker));
	assert_int_equal(w->renewed, 0);
	w->find_error = -EIO;
	w->verdict = DHT_E_CAS;
	assert_int_equal(code_of(w, &m), 0);
	assert_int_equal(w->renewed, 1);
	/* Another signature, or a cas that does not hold, goes the long way. */
	m.has_cas = true;
	m.cas = 7;
	assert_int_equal(code_of(w, &m), 0);
	m.cas = 6;
	assert_int_equal(code_of(w, &m), DHT_E_SERVER);
	m.has_cas = false;
	item.sig[0] ^= 1;
	assert_int_equal(code_of(w, &m), DHT_E_SERVER);
	assert_int_equal(w->renewed, 2);
}

static void older_and_other_values(void **state)
{
	struct world *w = *state;
	struct dht_message m = put_of(w, 7, "hello");
	assert_int_equal(code_of(w, &m), 0);
	m = put_of(w, 6, "older");
	assert_int_equal(code_of(w, &m), DHT_E_SEQ);
	m = put_of(w, 7, "same seq, other value");
	assert_int_equal(code_of(w, &m), DHT_E_SEQ);
	m = put_of(w, 8, "newer");
	m.has_cas = true;
	m.cas = 6;
	assert_int_equal(code_of(w, &m), DHT_E_CAS);
	m.cas = 7;
	assert_int_equal(code_of(w, &m), 0);
	assert_int_equal(w->items[0].item.seq, 8);
	assert_int_equal(w->items_len, 1);
}

static void the_judge_and_the_disk(void **state)
{
	struct world *w = *state;
	struct dht_message m = put_of(w, 7, "hello");
	w->verdict = DHT_E_CAS;
	assert_int_equal(code_of(w, &m), DHT_E_CAS);
	assert_int_equal(w->judged, 1);
	m = put_of(w, 7, "hello");
	item.sig[0] ^= 1;
	assert_int_equal(code_of(w, &m), DHT_E_SIGNATURE);
	assert_int_equal(w->judged, 1); /* not asked about what fails before */
	w->verdict = 0;
	w->keep_error = -ENOSPC;
	m = put_of(w, 7, "hello");
	assert_int_equal(code_of(w, &m), DHT_E_SERVER);
	w->keep_error = 0;
	assert_int_equal(code_of(w, &m), 0);
}

/* What cannot be read may be newer than what is offered: it is not overwritten. */
static void an_unreadable_disk_is_not_an_empty_one(void **state)
{
	struct world *w = *state;
	struct dht_message older = put_of(w, 6, "older"), m;
	struct dht_item old = item;
	m = put_of(w, 7, "hello");
	assert_int_equal(code_of(w, &m), 0);
	older.value = (struct bytes){old.value, old.value_len};
	older.sig = (struct bytes){old.sig, DHT_SIG_LEN};
	w->find_error = -EIO;
	assert_int_equal(code_of(w, &older), DHT_E_SERVER);
	assert_int_equal(get(w).value.len, 0);
	w->find_error = 0;
	assert_int_equal(code_of(w, &older), DHT_E_SEQ);
	assert_int_equal(get(w).seq, 7);
}

/* A row whose bytes were turned on the disk must not keep the genuine item out. */
static void a_damaged_row_gives_way(void **state)
{
	struct world *w = *state;
	struct dht_message m = put_of(w, 7, "hello");
	assert_int_equal(code_of(w, &m), 0);
	w->items[0].item.seq = 1000;
	assert_int_equal(code_of(w, &m), 0);
	assert_int_equal(get(w).seq, 7);
	w->items[0].item.value[3] ^= 1; /* the same seq, another value */
	assert_int_equal(code_of(w, &m), 0);
	m.has_cas = true;
	m.cas = 3;
	w->items[0].item.seq = 5;
	assert_int_equal(code_of(w, &m), 0);
	m.seq = 6; /* what is offered must hold all the same */
	w->items[0].item.seq = 1000;
	assert_int_equal(code_of(w, &m), DHT_E_SIGNATURE);
}

/* What the disk has turned is not sent on; what is sent on was checked once and not each time. */
static void a_damaged_row_is_not_served(void **state)
{
	struct world *w = *state;
	struct dht_message m = put_of(w, 7, "hello");
	struct dht_counters before, after;
	assert_int_equal(code_of(w, &m), 0);
	dht_counters(w->dht, &before);
	for (unsigned i = 0; i < 50; i++) {
		assert_int_equal(get(w).value.len, 7);
		world_clear(w);
	}
	dht_counters(w->dht, &after);
	assert_int_equal(after.verifications, before.verifications);
	static const size_t at[] = {offsetof(struct dht_item, value) + 3,
		offsetof(struct dht_item, sig) + 10, offsetof(struct dht_item, seq),
		offsetof(struct dht_item, key) + 1};
	for (size_t i = 0; i < sizeof(at) / sizeof(*at); i++) {
		uint8_t *byte = (uint8_t *)&w->items[0].item + at[i];
		*byte ^= 4;
		struct dht_message answer = get(w);
		assert_true(answer.value.len == 0 && !answer.has_seq && !answer.has_key);
		assert_int_equal(answer.token.len, 8);
		*byte ^= 4;
		assert_int_equal(get(w).value.len, 7);
		world_clear(w);
	}
	dht_counters(w->dht, &after);
	assert_int_equal(after.values_bad, 4);
	assert_int_equal(after.verifications, before.verifications + 4);
	/* A row of the last run is checked when it is first asked for. */
	struct world *next = malloc(sizeof(*next));
	assert_non_null(next);
	world_start(next, false, false);
	next->items[0] = w->items[0];
	next->items_len = 1;
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(get(next).value.len, 7);
	dht_counters(next->dht, &after);
	assert_int_equal(after.verifications, 1);
	world_end(next);
	free(next);
}

/* A put that breaks several rules is refused by the first of them, in the order of BEP 44. Each row
 * mends one thing more. */
static void rules_come_in_order(void **state)
{
	struct world *w = *state;
	static uint8_t big[1001] = "997:", salt[65];
	static const uint8_t bad_token[8] = "nonsense";
	struct dht_message m = put_of(w, 7, "held");
	assert_int_equal(code_of(w, &m), 0);
	m = put_of(w, 8, "offered");
	struct bytes value = m.value, sig = m.sig;
	/* 1: the token, for the target that k and salt make; all else is wrong too. */
	dht_mutable_target(item.key, salt, sizeof(salt), &target);
	take_token(w);
	m.salt = (struct bytes){salt, sizeof(salt)};
	m.value = (struct bytes){big, sizeof(big)};
	m.sig = (struct bytes){NULL, 0};
	m.has_sig = false;
	m.seq = -1;
	m.has_cas = true;
	m.cas = 3;
	m.token = (struct bytes){bad_token, 8};
	assert_int_equal(code_of(w, &m), 203);
	m.token = (struct bytes){token, 8};
	assert_int_equal(code_of(w, &m), 205); /* 2: the value's length */
	m.value = value;
	assert_int_equal(code_of(w, &m), 207); /* 3: the salt's */
	m.salt = (struct bytes){NULL, 0};
	dht_mutable_target(item.key, salt, 0, &target);
	take_token(w);
	assert_int_equal(code_of(w, &m), 203); /* 4: k without sig */
	m.sig = sig;
	m.has_sig = true;
	m.target.b[0] ^= 1;
	assert_int_equal(code_of(w, &m), 203); /* 5: another target */
	m.target.b[0] ^= 1;
	assert_int_equal(code_of(w, &m), 203); /* 6: seq below 0 */
	m.seq = 6;
	assert_int_equal(code_of(w, &m), 206); /* 7: the signature, which is over 8 */
	struct dht_message older = put_of(w, 6, "older");
	older.has_cas = true;
	older.cas = 3;
	assert_int_equal(code_of(w, &older), 301); /* 8: cas, then seq */
	older.cas = 7;
	assert_int_equal(code_of(w, &older), 302);
	m = put_of(w, 7, "other");
	assert_int_equal(code_of(w, &m), 302);
	m = put_of(w, 8, "offered");
	m.has_cas = true;
	m.cas = 7;
	assert_int_equal(code_of(w, &m), 0);
	assert_int_equal(get(w).seq, 8);
}

static void cas_with_nothing_stored_is_ignored(void **state)
{
	struct world *w = *state;
	struct dht_message m = put_of(w, 7, "hello");
	m.has_cas = true;
	m.cas = 99;
	assert_int_equal(code_of(w, &m), 0);
	m.has_cas = false;
	assert_int_equal(code_of(w, &m), 0);
}

/* Keys and signatures that are no honest signer's: with the first, one signature holds for very
 * many messages. OpenSSL lets them pass. */
static void points_of_small_order(void **state)
{
	static const uint8_t neutral[32] = {1}, beyond_prime[32] = {0xee, [1 ... 30] = 0xff, 0x7f};
	struct world *w = *state;
	struct dht_message m = put_of(w, 7, "hello");
	const uint8_t *points[] = {neutral, beyond_prime};
	for (size_t i = 0; i < 2; i++) {
		memcpy(item.key, points[i], 32);
		memset(item.sig, 0, sizeof(item.sig));
		memcpy(item.sig, neutral, 32); /* R = 0, s = 0: sB = R + hA for A = 0 */
		dht_item_target(&item, &target);
		take_token(w);
		m.target = target;
		assert_int_equal(code_of(w, &m), 206);
	}
	m = put_of(w, 7, "hello");
	memcpy(item.sig, beyond_prime, 32);
	assert_int_equal(code_of(w, &m), 206);
	assert_int_equal(w->items_len, 0);
}

/* A value that is not canonical, in a datagram that is: refused by name, and nothing kept. */
static void values_have_one_spelling(void **state)
{
	struct world *w = *state;
	static const char *const values[] = {"i-0e", "i007e", "05:hello", "d1:b1:x1:a1:ye",
		"d1:a1:x1:a1:ye", "ld1:bi0e1:a0:ee"};
	for (size_t i = 0; i < sizeof(values) / sizeof(*values); i++) {
		struct dht_item text = {.value_len = (uint16_t)strlen(values[i])};
		memcpy(text.value, values[i], text.value_len);
		dht_item_target(&text, &target);
		take_token(w);
		struct dht_message m = query(DHT_PUT);
		m.token = (struct bytes){token, 8};
		m.value = (struct bytes){text.value, text.value_len};
		assert_int_equal(code_of(w, &m), 203);
	}
	assert_int_equal(w->items_len, 0);
}

/* BEP 51, and the nodes that go with it. */
static void sampled_are_the_info_hashes_that_we_hold(void **state)
{
	struct world *w = *state;
	struct dht_message sample = query(DHT_SAMPLE_INFOHASHES), answer;
	sample.has_target = true;
	sample.target = id_of(1, 1);
	for (unsigned i = 0; i < 30; i++) {
		struct dht_message m = query(DHT_GET_PEERS);
		m.has_target = true;
		target = m.target = id_of(0xee, (uint8_t)i);
		answer = ask(w, &m);
		memcpy(token, answer.token.data, 8);
		world_clear(w);
		m = query(DHT_ANNOUNCE_PEER);
		m.has_target = true;
		m.target = target;
		m.port = 1;
		m.token = (struct bytes){token, 8};
		assert_int_equal(code_of(w, &m), 0);
	}
	answer = ask(w, &sample);
	assert_true(answer.has_samples);
	assert_int_equal(answer.samples.len, 20 * 20);
	assert_int_equal(answer.num, 30);
	assert_int_equal(answer.interval, 900);
	assert_true(answer.want4);
	for (size_t i = 0; i < 20; i++)
		assert_int_equal(answer.samples.data[20 * i], 0xee);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(mutable_items_are_kept_and_returned),
		TEST(with_seq_only_newer_ones_are_returned),
		TEST(immutable_items),
		TEST(the_token_comes_first),
		TEST(sizes),
		TEST(a_key_without_signature_is_refused),
		TEST(signatures),
		TEST(a_refresh_reads_nothing),
		TEST(older_and_other_values),
		TEST(the_judge_and_the_disk),
		TEST(an_unreadable_disk_is_not_an_empty_one),
		TEST(a_damaged_row_gives_way),
		TEST(a_damaged_row_is_not_served),
		TEST(rules_come_in_order),
		TEST(cas_with_nothing_stored_is_ignored),
		TEST(points_of_small_order),
		TEST(values_have_one_spelling),
		TEST(sampled_are_the_info_hashes_that_we_hold),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
