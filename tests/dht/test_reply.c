/* What replies are made of (BEP 5, 32, 42, 43, 51): families, lengths, courtesies. */
#undef NDEBUG
#include "dht/engine.h"
#include "tests/dht/asker.h"

/* `asker` announces itself for `target` under that port. */
static void announce(struct world *w, uint16_t port)
{
	struct dht_message m = query(DHT_GET_PEERS);
	m.has_target = true;
	m.target = target;
	struct dht_message answer = ask(w, &m);
	memcpy(token, answer.token.data, 8);
	world_clear(w);
	m = query(DHT_ANNOUNCE_PEER);
	m.has_target = true;
	m.target = target;
	m.port = port;
	m.token = (struct bytes){token, 8};
	assert_int_equal(code_of(w, &m), 0);
}

static struct dht_message get_peers(struct world *w, bool want4, bool want6)
{
	struct dht_message m = query(DHT_GET_PEERS);
	m.has_target = true;
	m.target = target;
	m.want4 = want4;
	m.want6 = want6;
	world_clear(w);
	return ask(w, &m);
}

/* Over IPv4 an IPv4 peer is announced, and found by who asks over IPv4, whatever nodes he wants. */
static void peers_are_of_the_family_asked_over(void **state)
{
	struct world *w = *state;
	target = id_of(3, 3);
	announce(w, 1000);
	asker = endpoint("[fd00::5]:6881");
	announce(w, 2000);
	struct dht_message answer = get_peers(w, true, false);
	assert_int_equal(answer.peers_len, 1);
	assert_true(answer.peers[0].family == 6 && answer.peers[0].port == 2000);
	assert_true(answer.want4 && !answer.want6);
	asker = endpoint("10.1.2.3:6881");
	answer = get_peers(w, false, true);
	assert_int_equal(answer.peers_len, 1);
	assert_true(answer.peers[0].family == 4 && answer.peers[0].port == 1000);
	assert_true(!answer.want4 && answer.want6);
}

/* However much there is to say, a datagram is no longer than the path carries it whole, and the
 * way on is in it. */
static void replies_fit(void **state)
{
	struct world *w = *state;
	char text[40];
	target = id_of(3, 3);
	for (unsigned i = 1; i <= 60; i++) {
		if (i <= 12) {
			struct dht_contact c = {.id = id_of((uint8_t)(i * 20), 3)};
			snprintf(text, sizeof(text), "10.9.%u.1:4001", i);
			c.endpoint = endpoint(text);
			world_befriend(w, &c);
			snprintf(text, sizeof(text), "[fd00:%x::1]:4001", i);
			c.endpoint = endpoint(text);
			world_befriend(w, &c);
			world_clear(w);
		}
		snprintf(text, sizeof(text), "[fd00:%x::5]:6881", i);
		asker = endpoint(text);
		announce(w, 2000);
		snprintf(text, sizeof(text), "10.7.%u.5:6881", i);
		asker = endpoint(text);
		announce(w, 1000);
	}
	struct dht_message answer = get_peers(w, true, true);
	assert_int_equal(answer.peers_len, 50);
	assert_int_equal(answer.nodes_len, 16);
	assert_in_range(w->sent[0].len, 1000, DHT_REPLY_MAX);
	asker = endpoint("[fd00:1::5]:6881");
	answer = get_peers(w, false, false);
	assert_int_equal(answer.peers_len, 25);
	assert_int_equal(answer.nodes_len, 8);
	assert_in_range(w->sent[0].len, 800, DHT_REPLY6_MAX);
	answer = get_peers(w, true, true);
	assert_true(answer.nodes_len >= 14); /* nodes6 make room */
	assert_in_range(w->sent[0].len, 1100, DHT_REPLY6_MAX);
	/* The largest item leaves no room for nodes on IPv6. */
	char value[997] = {0};
	memset(value, 'x', 996);
	asker = endpoint("10.1.2.3:6881");
	struct dht_message m = put_of(w, 7, value);
	assert_int_equal(code_of(w, &m), 0);
	answer = get(w);
	assert_int_equal(answer.value.len, 1000);
	assert_true(answer.nodes_len >= 3);
	assert_true(w->sent[0].len <= DHT_REPLY_MAX);
	world_clear(w);
	asker = endpoint("[fd00:1::5]:6881");
	answer = get(w);
	assert_int_equal(answer.value.len, 1000);
	assert_int_equal(answer.nodes_len, 0);
	assert_true(w->sent[0].len <= DHT_REPLY_MAX);
}

/* What pubky and jech ask of a reply: the transaction as it was, four bytes of client, no `ro`. */
static void replies_are_plain(void **state)
{
	struct world *w = *state;
	static const uint8_t t[20] = {0xff, 'd', 0, 'e', [19] = 1};
	target = id_of(3, 3);
	for (enum dht_method method = DHT_PING; method < DHT_METHOD_UNKNOWN; method++)
		for (size_t len = 1; len <= sizeof(t); len++) {
			struct dht_message m = query(method);
			m.transaction = (struct bytes){t, len};
			m.has_target = true;
			m.target = target;
			m.read_only = true;
			m.token = BYTES("nonsense");
			m.value = BYTES("0:");
			m.port = 1;
			world_clear(w);
			struct dht_message answer = ask(w, &m); /* a reply or an error */
			assert_int_equal(answer.transaction.len, len);
			assert_memory_equal(answer.transaction.data, t, len);
			assert_memory_equal(answer.client.data, DHT_CLIENT, 4);
			assert_true(dht_endpoint_equal(&answer.you, &asker));
			assert_null(memmem(w->sent[0].data, w->sent[0].len, "2:ro", 4));
		}
}

/* BEP 51, and the nodes that go with it. */
static void sampled_are_the_info_hashes_that_we_hold(void **state)
{
	struct world *w = *state;
	struct dht_message sample = query(DHT_SAMPLE_INFOHASHES), answer;
	sample.has_target = true;
	sample.target = id_of(1, 1);
	for (unsigned i = 0; i < 30; i++) {
		target = id_of(0xee, (uint8_t)i);
		announce(w, 1);
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(peers_are_of_the_family_asked_over),
		TEST(replies_fit),
		TEST(replies_are_plain),
		TEST(sampled_are_the_info_hashes_that_we_hold),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
