/* Items kept for others: every rule of a storing node (BEP 44), in its order. */
#undef NDEBUG
#include "tests/dht/asker.h"

#include <openssl/bn.h>
#include <openssl/sha.h>

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

/* R = sB for an honest R: with a key A = 0 that is a signature of everything, since sB = R + hA. */
static void sign_for_nobody(uint8_t ret_sig[DHT_SIG_LEN])
{
	static const char order[] =
		"1000000000000000000000000000000014def9dea2f79cd65812631a5cf5d3ed";
	static const uint8_t seed[DHT_SEED_LEN] = "a seed";
	uint8_t a[64];
	BIGNUM *s = NULL, *l = NULL;
	BN_CTX *ctx = BN_CTX_new();
	SHA512(seed, sizeof(seed), a);
	a[0] &= 0xf8;
	a[31] = (a[31] & 0x3f) | 0x40;
	assert_int_equal(dht_key_of_seed(seed, ret_sig), 0);
	assert_true(BN_hex2bn(&l, order) && (s = BN_lebin2bn(a, 32, NULL)) &&
		    BN_mod(s, s, l, ctx) && BN_bn2lebinpad(s, ret_sig + 32, 32) == 32);
	BN_free(s);
	BN_free(l);
	BN_CTX_free(ctx);
}

/* Keys and signatures that are no honest signer's; OpenSSL lets the first two pass. */
static void points_of_small_order(void **state)
{
	static const uint8_t neutral[32] = {1}, beyond_prime[32] = {0xee, [1 ... 30] = 0xff, 0x7f};
	struct world *w = *state;
	struct dht_message m = put_of(w, 7, "hello");
	const uint8_t *points[] = {neutral, beyond_prime};
	for (size_t i = 0; i < 2; i++) {
		memcpy(item.key, points[i], 32);
		sign_for_nobody(item.sig);
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
	static const char *const values[] = {
		"i-0e", "i007e", "05:hello", "d1:b1:x1:a1:ye", "d1:a1:x1:a1:ye", "ld1:bi0e1:a0:ee"};
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
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
