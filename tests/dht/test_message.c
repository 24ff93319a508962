/* dht/message: packets as the BEPs print them, as others send them, and as nobody should. */
#undef NDEBUG
#include "dht/message.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define ID "2:id20:abcdefghij0123456789"
#define TARGET "20:mnopqrstuvwxyz123456"
#define K32 "32:kkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkk"
#define S64 "64:ssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssss"
#define QUERY(args, name) "d1:ad" args "e1:q" name "1:t2:aa1:y1:qe"
#define REPLY(results) "d1:rd" results "e1:t2:aa1:y1:re"
#define NODE4 "abcdefghij0123456789\xc0\x00\x02\x01\x1a\xe1"
#define NODE6 "abcdefghij0123456789\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\1\x1a\xe1"
#define TEXT(literal)                                                                              \
	{                                                                                          \
		literal, sizeof(literal) - 1                                                       \
	}

struct text {
	const char *data;
	size_t len;
};

/* From a copy that ends where the heap does; `struct bytes` point into it until it is freed. */
static int read_text(struct text text, struct dht_message *m, uint8_t **ret_copy)
{
	*ret_copy = malloc(text.len ? text.len : 1);
	assert_non_null(*ret_copy);
	memcpy(*ret_copy, text.data, text.len);
	return dht_message_read(*ret_copy, text.len, m);
}

static int result_of(struct text text)
{
	struct dht_message m;
	uint8_t *copy;
	int r = read_text(text, &m, &copy);
	free(copy);
	return r;
}

/* A message that has to be good, from a literal, which outlives it. */
static struct dht_message read_good(const char *literal)
{
	struct dht_message m;
	assert_int_equal(dht_message_read((const uint8_t *)literal, strlen(literal), &m), 0);
	return m;
}

static void assert_bytes(struct bytes s, const char *expected)
{
	assert_non_null(s.data);
	assert_int_equal(s.len, strlen(expected));
	assert_memory_equal(s.data, expected, s.len);
}

/* Each is read, and written again byte for byte. */
static void reads_and_writes(void **state)
{
	(void)state;
	static const struct text row[] = {
		/* the examples of BEP 5 */
		TEXT(QUERY(ID, "4:ping")),
		TEXT(REPLY(ID)),
		TEXT(QUERY(ID "6:target" TARGET, "9:find_node")),
		TEXT(REPLY(ID "5:nodes26:" NODE4)),
		TEXT(QUERY(ID "9:info_hash" TARGET, "9:get_peers")),
		TEXT(REPLY(ID "5:token8:aoeusnth6:valuesl6:axje.u6:idhtnme")),
		TEXT(REPLY(ID "5:nodes26:" NODE4 "5:token8:aoeusnth")),
		TEXT(QUERY(ID "12:implied_porti1e9:info_hash" TARGET
			      "4:porti6881e5:token8:aoeusnth",
			"13:announce_peer")),
		TEXT("d1:eli201e23:A Generic Error Ocurrede1:t2:aa1:y1:ee"),
		/* BEP 32 */
		TEXT(QUERY(ID "6:target" TARGET "4:wantl2:n42:n6e", "9:find_node")),
		TEXT(QUERY(ID "6:target" TARGET "4:wantl2:n6e", "9:find_node")),
		TEXT(REPLY(ID "5:nodes0:6:nodes638:" NODE6)),
		TEXT(REPLY(ID "5:nodes52:" NODE4 NODE4 "6:nodes638:" NODE6)),
		TEXT(REPLY(ID "6:nodes60:")),
		TEXT(REPLY(ID "6:valuesl18:\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\1\x1a\xe1"
			      "6:axje.ue")),
		/* BEP 42, 43 and a client */
		TEXT("d2:ip6:\x7c\x1f\x4b\x15\x1a\xe1"
		     "1:rd" ID "e1:t4:\0\1\2\3"
		     "1:v4:KD01"
		     "1:y1:re"),
		TEXT("d2:ip18:\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\1\x1a\xe1"
		     "1:rd" ID "e1:t1:x1:y1:re"),
		TEXT("d1:ad" ID "e1:q4:ping2:roi1e1:t20:abcdefghij01234567891:v4:KD011:y1:qe"),
		/* BEP 44 */
		TEXT(QUERY(ID "3:seqi0e6:target" TARGET, "3:get")),
		TEXT(QUERY(ID "6:target" TARGET, "3:get")),
		TEXT(QUERY(ID "6:target" TARGET "5:token0:1:v12:Hello World!", "3:put")),
		TEXT(QUERY("3:casi7e" ID "1:k" K32 "4:salt6:foobar3:seqi8e3:sig" S64
			   "6:target" TARGET "5:token2:xy1:vd1:ali1eee",
			"3:put")),
		TEXT(REPLY(ID "1:k" K32 "5:nodes0:3:seqi9223372036854775807e3:sig" S64
			      "5:token4:abcd1:v5:hello")),
		TEXT(REPLY(ID "5:nodes0:3:seqi3e5:token4:abcd")),
		/* libtorrent sends `r` and `ip` in errors */
		TEXT("d1:eli203e13:invalid tokene2:ip6:\x7f\0\0\1\x1a\xe1"
		     "1:rd" ID "e1:t2:aa1:y1:ee"),
		/* BEP 51 */
		TEXT(QUERY(ID "6:target" TARGET, "17:sample_infohashes")),
		TEXT(REPLY(ID "8:intervali21600e5:nodes0:3:numi0e7:samples0:")),
		TEXT(REPLY(ID "8:intervali60e3:numi5e7:samples40:"
			      "01234567890123456789"
			      "98765432109876543210")),
	};
	for (size_t i = 0; i < sizeof(row) / sizeof(*row); i++) {
		struct dht_message m;
		uint8_t *copy, buf[DHT_DATAGRAM_MAX];
		if (read_text(row[i], &m, &copy) != 0)
			fail_msg("refused: %s", row[i].data);
		assert_int_equal(dht_message_write(&m, buf, sizeof(buf)), row[i].len);
		assert_memory_equal(buf, row[i].data, row[i].len);
		free(copy);
	}
}

static void reads_queries(void **state)
{
	(void)state;
	struct dht_message m = read_good(
		"d1:ad3:casi7e" ID "1:k" K32 "4:salt6:foobar3:seqi8e3:sig" S64
		"5:token2:xy1:vd1:ali1eeee1:q3:put2:roi1e1:t4:wxyz1:v4:LT201:y1:qe");
	assert_int_equal(m.kind, DHT_QUERY);
	assert_int_equal(m.method, DHT_PUT);
	assert_bytes(m.transaction, "wxyz");
	assert_bytes(m.client, "LT20");
	assert_true(m.read_only && m.has_id && m.has_key && m.has_sig && m.has_seq && m.has_cas);
	assert_memory_equal(m.id.b, "abcdefghij0123456789", 20);
	assert_true(m.seq == 8 && m.cas == 7);
	assert_bytes(m.salt, "foobar");
	assert_bytes(m.token, "xy");
	assert_bytes(m.value, "d1:ali1eee"); /* the raw text, a dict as well as a string */
	assert_false(m.has_target);
	assert_int_equal(m.you.family, 0);

	m = read_good(QUERY(ID "9:info_hash" TARGET "4:porti1e5:token1:x", "13:announce_peer"));
	assert_int_equal(m.method, DHT_ANNOUNCE_PEER);
	assert_true(m.has_target && !m.implied_port && m.port == 1);
	assert_memory_equal(m.target.b, "mnopqrstuvwxyz123456", 20);
	m = read_good(QUERY(ID "12:implied_porti1e9:info_hash" TARGET "4:porti99999e5:token1:x",
		"13:announce_peer"));
	assert_true(m.implied_port && m.port == 0);

	m = read_good(QUERY(ID "6:target" TARGET "4:wantl2:n62:n92:x4i4e0:e", "3:get"));
	assert_true(!m.want4 && m.want6 && !m.read_only && !m.has_seq);
	m = read_good("d1:ad" ID "e1:q4:ping2:roi2e1:t2:aa1:y1:qe");
	assert_false(m.read_only);
}

/* Unknown methods are read as far as a target goes, and no farther. */
static void reads_unknown_methods(void **state)
{
	(void)state;
	struct dht_message m = read_good(QUERY(ID "6:target" TARGET "5:tokeni1e", "6:get_v9"));
	assert_int_equal(m.method, DHT_METHOD_UNKNOWN);
	assert_true(m.has_target);
	m = read_good(QUERY(ID "9:info_hash" TARGET, "4:vote"));
	assert_true(m.method == DHT_METHOD_UNKNOWN && m.has_target);
	m = read_good(QUERY(ID "6:target3:abc", "4:vote"));
	assert_true(m.method == DHT_METHOD_UNKNOWN && !m.has_target);
	m = read_good(QUERY(ID, "0:"));
	assert_int_equal(m.method, DHT_METHOD_UNKNOWN);
	m = read_good(QUERY(ID, "5:pings"));
	assert_int_equal(m.method, DHT_METHOD_UNKNOWN);
	m = read_good(QUERY(ID, "3:pin"));
	assert_int_equal(m.method, DHT_METHOD_UNKNOWN);
	uint8_t buf[256];
	assert_int_equal(dht_message_write(&m, buf, sizeof(buf)), -EINVAL);
}

static void reads_replies(void **state)
{
	(void)state;
	static const char text[] = "d2:ip6:\x7c\x1f\x4b\x15\x1a\xe1"
				   "1:rd" ID "5:nodes26:" NODE4 "6:nodes638:" NODE6
				   "5:token1:t6:valuesl6:\1\2\3\4\0\5"
				   "5:short18:\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\1\x1a\xe1"
				   "i1ele0:ee1:t2:aa1:y1:re";
	struct dht_message m;
	assert_int_equal(dht_message_read((const uint8_t *)text, sizeof(text) - 1, &m), 0);
	char endpoint[DHT_ENDPOINT_TEXT];
	dht_endpoint_to_text(&m.you, endpoint);
	assert_string_equal(endpoint, "124.31.75.21:6881");
	assert_true(m.kind == DHT_REPLY && m.has_id && m.want4 && m.want6);
	assert_int_equal(m.nodes_len, 2);
	dht_endpoint_to_text(&m.nodes[0].endpoint, endpoint);
	assert_string_equal(endpoint, "192.0.2.1:6881");
	dht_endpoint_to_text(&m.nodes[1].endpoint, endpoint);
	assert_string_equal(endpoint, "[2001:db8::1]:6881");
	assert_memory_equal(m.nodes[1].id.b, "abcdefghij0123456789", 20);
	assert_int_equal(m.peers_len, 2); /* what is neither 6 nor 18 bytes is skipped */
	dht_endpoint_to_text(&m.peers[0], endpoint);
	assert_string_equal(endpoint, "1.2.3.4:5");
	assert_int_equal(m.peers[1].family, 6);

	m = read_good("d2:ip5:short1:rd" ID "e1:t2:aa1:vi7e1:y1:re"); /* courtesies got wrong */
	assert_true(m.you.family == 0 && m.client.len == 0);
}

static void reads_errors(void **state)
{
	(void)state;
	struct dht_message m = read_good("d1:eli302e3:olde1:t2:aa1:y1:ee");
	assert_true(m.kind == DHT_ERROR && m.error == DHT_E_SEQ && !m.has_id);
	assert_bytes(m.error_text, "old");
	m = read_good("d1:eli302ee1:t2:aa1:y1:ee");
	assert_int_equal(m.error_text.len, 0);
	m = read_good("d1:eli-5e0:e1:t2:aa1:y1:ee");
	assert_int_equal(m.error, DHT_E_GENERIC);
	m = read_good("d1:eli4294967597e0:e1:t2:aa1:y1:ee"); /* 2^32 + 301 */
	assert_int_equal(m.error, DHT_E_GENERIC);
	/* `y` decides, not what else is there */
	m = read_good("d1:eli203e1:xe1:rd" ID "e1:t2:aa1:y1:ee");
	assert_true(m.kind == DHT_ERROR && m.has_id);
	m = read_good("d1:eli203e1:xe1:rd" ID "e1:t2:aa1:y1:re");
	assert_int_equal(m.kind, DHT_REPLY);
	m = read_good("d1:eli203e1:xe1:rd2:id3:abce1:t2:aa1:y1:ee");
	assert_false(m.has_id);
}

static void drops_junk(void **state)
{
	(void)state;
	static const char *const junk[] = {"", "le", "i1e", "de", "d1:t2:aae", "d1:y1:qe", "hello",
		"d1:ad" ID "e1:q4:ping1:t0:1:y1:qe",			   /* t empty */
		"d1:ad" ID "e1:q4:ping1:t21:abcdefghij012345678901:y1:qe", /* t too long */
		"d1:ad" ID "e1:q4:ping1:ti7e1:y1:qe", "d1:ad" ID "e1:q4:ping1:y1:qe",
		"d1:ad" ID "e1:q4:ping1:t2:aae", "d1:ad" ID "e1:q4:ping1:t2:aa1:y1:xe",
		"d1:ad" ID "e1:q4:ping1:t2:aa1:y0:e", "d1:ad" ID "e1:q4:ping1:t2:aa1:y2:qqe",
		"d1:ad" ID "e1:q4:ping1:t2:aa1:yi1ee", "d1:ad" ID "e1:t2:aa1:y1:qe", /* no method */
		"d1:ad" ID "e1:qi1e1:t2:aa1:y1:qe", "d1:t2:aa1:y1:re", /* no results */
		"d1:rle1:t2:aa1:y1:re", "d1:r0:1:t2:aa1:y1:re", REPLY(""), REPLY("2:id3:abc"),
		REPLY("2:idi1e"), REPLY(ID "5:nodes25:abcdefghij0123456789abcde"),
		REPLY(ID "5:nodes27:abcdefghij0123456789abcdefg"), REPLY(ID "5:nodesle"),
		REPLY(ID "6:nodes626:abcdefghij0123456789abcdef"), REPLY(ID "1:k3:abc"),
		REPLY(ID "3:sig3:abc"), REPLY(ID "3:seq1:7"),
		REPLY(ID "3:seqi9223372036854775808e"), REPLY(ID "5:tokeni7e"),
		REPLY(ID "8:intervali-1e7:samples0:"), REPLY(ID "8:intervali21601e7:samples0:"),
		"d1:t2:aa1:y1:ee", "d1:ele1:t2:aa1:y1:ee", "d1:e3:bad1:t2:aa1:y1:ee",
		"d1:el3:badi203ee1:t2:aa1:y1:ee", "d1:eli99999999999999999999eee1:t2:aa1:y1:ee",
		"d1:rd" ID "e1:y1:r1:t2:aae",	 /* keys out of order */
		"d1:rd" ID ID "e1:t2:aa1:y1:re", /* twice */
		/* not canonical elsewhere, or not even bencode there */
		QUERY(ID "5:token1:x1:vi-0e", "3:get"), QUERY(ID "5:token1:x1:wi-0e", "3:put"),
		QUERY(ID "3:seqi01e5:token1:x1:v1:x", "3:put"), REPLY(ID "1:vi-0e"),
		QUERY(ID "5:token1:x1:vi-e", "3:put"), QUERY(ID "5:token1:x1:vd1:ae", "3:put"),
		QUERY(ID "5:token1:x1:v09:hello", "3:put"),
		QUERY(ID "5:token1:x1:vi-0e1:a0:", "3:put"),
		"d1:ad" ID "5:token1:x1:vi-0ee1:q3:put1:t2:aa1:y1:re",
		"d1:ad" ID "5:token1:x1:v1:xe1:bd1:vi-0ee1:q3:put1:t2:aa1:y1:qe",
		REPLY(ID "7:samples19:0123456789012345678"), REPLY(ID "3:numi-1e7:samples0:"),
		QUERY(ID, "4:ping") "x", " " QUERY(ID, "4:ping"), "d1:rd" ID "e1:t02:aa1:y1:re"};
	for (size_t i = 0; i < sizeof(junk) / sizeof(*junk); i++) {
		struct text text = {junk[i], strlen(junk[i])};
		if (result_of(text) != -EBADMSG)
			fail_msg("not dropped: %s", junk[i]);
	}
}

static void drops_every_prefix(void **state)
{
	(void)state;
	static const struct text whole = TEXT(
		REPLY(ID "1:k" K32 "5:nodes26:" NODE4 "6:nodes638:" NODE6 "3:seqi9e3:sig" S64
			 "5:token4:abcd1:v5:hello6:valuesl6:axje.ue"));
	assert_int_equal(result_of(whole), 0);
	for (size_t len = 0; len < whole.len; len++)
		assert_int_equal(result_of((struct text){whole.data, len}), -EBADMSG);
}

static void names_bad_arguments(void **state)
{
	(void)state;
	static const char *const bad[] = {
		"d1:q4:ping1:t2:aa1:y1:qe",
		"d1:ale1:q4:ping1:t2:aa1:y1:qe",
		QUERY("", "4:ping"),
		QUERY("2:id19:abcdefghij012345678", "4:ping"),
		QUERY("2:id21:abcdefghij01234567890", "4:ping"),
		QUERY("2:idi1e", "4:ping"),
		QUERY("", "7:unknown"),
		QUERY(ID, "9:find_node"),
		QUERY(ID "6:target19:mnopqrstuvwxyz12345", "9:find_node"),
		QUERY(ID "6:targetle", "9:find_node"),
		QUERY(ID "9:info_hash" TARGET, "9:find_node"),
		QUERY(ID, "9:get_peers"),
		QUERY(ID "6:target" TARGET, "9:get_peers"),
		QUERY(ID, "3:get"),
		QUERY(ID "3:seq1:16:target" TARGET, "3:get"),
		QUERY(ID "6:target" TARGET "4:want2:n4", "3:get"),
		QUERY(ID, "17:sample_infohashes"),
		/* announce_peer: no token, no info_hash, no port, ports that are none */
		QUERY(ID "9:info_hash" TARGET "4:porti1e", "13:announce_peer"),
		QUERY(ID "4:porti1e5:token1:x", "13:announce_peer"),
		QUERY(ID "9:info_hash" TARGET "5:token1:x", "13:announce_peer"),
		QUERY(ID "9:info_hash" TARGET "4:porti0e5:token1:x", "13:announce_peer"),
		QUERY(ID "9:info_hash" TARGET "4:porti65536e5:token1:x", "13:announce_peer"),
		QUERY(ID "9:info_hash" TARGET "4:porti-1e5:token1:x", "13:announce_peer"),
		QUERY(ID "12:implied_porti0e9:info_hash" TARGET "5:token1:x", "13:announce_peer"),
		QUERY(ID "9:info_hash" TARGET "4:port1:15:token1:x", "13:announce_peer"),
		/* put: no token, no value, wrong lengths */
		QUERY(ID "1:v1:x", "3:put"),
		QUERY(ID "5:token1:x", "3:put"),
		QUERY(ID "5:tokeni1e1:v1:x", "3:put"),
		QUERY(ID "1:k3:abc3:seqi1e3:sig" S64 "5:token1:x1:v1:x", "3:put"),
		QUERY(ID "1:k" K32 "3:seqi1e3:sig3:abc5:token1:x1:v1:x", "3:put"),
		QUERY(ID "1:k" K32 "3:seqi9223372036854775808e3:sig" S64 "5:token1:x1:v1:x",
			"3:put"),
		QUERY(ID "1:k" K32 "4:salti1e3:seqi1e3:sig" S64 "5:token1:x1:v1:x", "3:put"),
		QUERY("3:cas1:1" ID "1:k" K32 "3:seqi1e3:sig" S64 "5:token1:x1:v1:x", "3:put"),
		/* values that are not canonical, and what is wrong beside them */
		QUERY(ID "5:token1:x1:vi-0e", "3:put"),
		QUERY(ID "5:token1:x1:vi007e", "3:put"),
		QUERY(ID "5:token1:x1:v05:hello", "3:put"),
		QUERY(ID "5:token1:x1:vd1:b1:x1:a1:ye", "3:put"),
		QUERY(ID "5:token1:x1:vd1:a1:x1:a1:ye", "3:put"),
		QUERY(ID "5:token1:x1:vld1:cl05:helloeee4:want2:n4", "3:put"),
		QUERY("5:token1:x1:vi-0e", "3:put"),
	};
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		struct dht_message m;
		uint8_t *copy;
		if (read_text((struct text){bad[i], strlen(bad[i])}, &m, &copy) != -EPROTO)
			fail_msg("not named: %s", bad[i]);
		assert_int_equal(m.kind, DHT_QUERY);
		assert_int_equal(m.error, DHT_E_PROTOCOL);
		assert_bytes(m.transaction, "aa");
		free(copy);
	}
}

/* What follows from the token's coming first: the caller says what is wrong with these. */
static void leaves_the_order_to_the_caller(void **state)
{
	(void)state;
	struct dht_message m = read_good(
		QUERY(ID "1:k" K32 "3:seqi-1e3:sig" S64 "5:token1:x1:v1:x", "3:put"));
	assert_true(m.seq == -1);
	m = read_good(QUERY(ID "1:k" K32 "5:token1:x1:v1:x", "3:put"));
	assert_true(m.has_key && !m.has_sig && !m.has_seq);
}

/* A value is looked at leniently only so far: as deep and as long as all others. */
static void lenience_is_bounded(void **state)
{
	(void)state;
	char text[3000];
	struct dht_message m;
	for (unsigned depth = 1; depth <= 20; depth++) {
		int len = snprintf(text, sizeof(text),
			"d1:ad" ID "5:token1:x1:v%.*si-0e%.*se1:q3:put1:t2:aa1:y1:qe", depth,
			"llllllllllllllllllll", depth, "eeeeeeeeeeeeeeeeeeee");
		int r = dht_message_read((uint8_t *)text, (size_t)len, &m);
		assert_int_equal(r, depth <= BENCODE_DEPTH_MAX - 2 ? -EPROTO : -EBADMSG);
	}
	for (unsigned n = 400; n <= 600; n += 100) {
		int len = snprintf(text, sizeof(text), "d1:ad" ID "5:token1:x1:vl");
		for (unsigned i = 0; i < n; i++)
			len += snprintf(text + len, sizeof(text) - (size_t)len, "i00e");
		len += snprintf(text + len, sizeof(text) - (size_t)len, "ee1:q3:put1:t2:aa1:y1:qe");
		int r = dht_message_read((uint8_t *)text, (size_t)len, &m);
		assert_int_equal(r, n == 400 ? -EPROTO : -EBADMSG);
	}
}

/* Sizes are for the caller to judge, after the token. */
static void leaves_sizes_to_the_caller(void **state)
{
	(void)state;
	char text[1500];
	int len = snprintf(text, sizeof(text),
		"d1:ad" ID "1:k" K32 "4:salt65:%065d3:seqi1e3:sig" S64 "5:token1:x1:v1000:%01000de"
		"1:q3:put1:t2:aa1:y1:qe",
		0, 0);
	struct dht_message m;
	assert_int_equal(dht_message_read((uint8_t *)text, (size_t)len, &m), 0);
	assert_int_equal(m.salt.len, 65);
	assert_int_equal(m.value.len, 1005);
}

static void put_contacts(struct bencode_writer *w, const char *key, size_t each, size_t n)
{
	uint8_t packed[20 * 38];
	for (size_t i = 0; i < n * each; i++)
		packed[i] = (uint8_t)(i / each + 1);
	bencode_put_key(w, key);
	bencode_put_string(w, packed, n * each);
}

static void takes_sixteen_nodes(void **state)
{
	(void)state;
	static const struct {
		size_t sent4, sent6, taken4, taken6;
	} row[] = {{16, 0, 16, 0}, {17, 0, 16, 0}, {20, 0, 16, 0}, {0, 20, 0, 16}, {20, 20, 8, 8},
		{20, 1, 8, 1}, {3, 20, 3, 13}, {8, 8, 8, 8}};
	for (size_t i = 0; i < sizeof(row) / sizeof(*row); i++) {
		uint8_t buf[2000];
		struct bencode_writer w;
		bencode_begin(&w, buf, sizeof(buf));
		bencode_put_raw(&w, "d1:rd" ID, 5 + sizeof(ID) - 1);
		put_contacts(&w, "nodes", 26, row[i].sent4);
		put_contacts(&w, "nodes6", 38, row[i].sent6);
		bencode_put_raw(&w, "e1:t2:aa1:y1:re", 15);
		struct dht_message m;
		assert_int_equal(dht_message_read(buf, (size_t)bencode_end(&w), &m), 0);
		assert_int_equal(m.nodes_len, row[i].taken4 + row[i].taken6);
		for (size_t n = 0; n < m.nodes_len; n++) {
			bool four = n < row[i].taken4;
			assert_int_equal(m.nodes[n].endpoint.family, four ? 4 : 6);
			assert_int_equal(m.nodes[n].id.b[0], four ? n + 1 : n - row[i].taken4 + 1);
		}
	}
}

static void takes_fifty_peers(void **state)
{
	(void)state;
	uint8_t buf[1000];
	struct bencode_writer w;
	bencode_begin(&w, buf, sizeof(buf));
	bencode_put_raw(&w, "d1:rd" ID "6:valuesl", 5 + sizeof(ID) - 1 + 9);
	for (int i = 0; i < DHT_PEERS_MAX + 1; i++)
		bencode_put_string(&w, "axje.u", 6);
	bencode_put_raw(&w, "ee1:t2:aa1:y1:re", 16);
	struct dht_message m;
	assert_int_equal(dht_message_read(buf, (size_t)bencode_end(&w), &m), 0);
	assert_int_equal(m.peers_len, DHT_PEERS_MAX);
}

/* A reply to get with the largest value and eight nodes of each family. */
static struct dht_message large_reply(const uint8_t *value, size_t len)
{
	static const uint8_t filler[64];
	struct dht_message m = {.kind = DHT_REPLY,
		.transaction = {filler, 4},
		.client = {filler, 4},
		.has_id = true,
		.you = {.family = 6, .port = 1},
		.token = {filler, 8},
		.value = {value, len},
		.key = {filler, 32},
		.sig = {filler, 64},
		.has_key = true,
		.has_sig = true,
		.has_seq = true,
		.seq = INT64_MAX,
		.want4 = true,
		.want6 = true,
		.nodes_len = DHT_NODES_MAX};
	for (size_t i = 0; i < m.nodes_len; i++) /* mixed, to see that each keeps its order */
		m.nodes[i] = (struct dht_contact){.id = {{(uint8_t)i}},
			.endpoint = {.family = i % 2 ? 6 : 4, .ip = {1}, .port = 1}};
	return m;
}

static void large_values_leave_nodes_out(void **state)
{
	(void)state;
	uint8_t value[1000], buf[2000];
	struct bencode_writer w;
	static const uint8_t data[996];
	bencode_begin(&w, value, sizeof(value));
	bencode_put_string(&w, data, sizeof(data));
	struct dht_message m = large_reply(value, w.len), back;
	size_t before = DHT_NODES_MAX;
	int whole = dht_message_write(&m, buf, sizeof(buf));
	assert_true(whole > DHT_DATAGRAM_MAX);
	for (int cap = whole; cap >= 0; cap--) {
		int len = dht_message_write(&m, buf, (size_t)cap);
		if (len < 0) {
			assert_int_equal(len, -ENOBUFS);
			assert_int_equal(before, 0); /* only when no node is left to leave out */
			assert_in_range(cap, 1232, DHT_REPLY_MAX);
			return;
		}
		assert_true(len <= cap);
		assert_int_equal(dht_message_read(buf, (size_t)len, &back), 0);
		assert_int_equal(back.value.len, 1000);
		assert_true(back.nodes_len == before || back.nodes_len == before - 1);
		assert_true(back.want4 && back.want6);
		before = back.nodes_len;
		for (size_t i = 0; i < back.nodes_len; i++) { /* nodes6 go first, from the end */
			bool four = i < 8;
			assert_int_equal(back.nodes[i].endpoint.family, four ? 4 : 6);
			assert_int_equal(back.nodes[i].id.b[0], four ? 2 * i : 2 * (i - 8) + 1);
		}
	}
	fail();
}

static void refuses_to_write_nonsense(void **state)
{
	(void)state;
	uint8_t buf[256], t[DHT_TRANSACTION_MAX + 1] = {0};
	struct dht_message m = {.kind = DHT_QUERY, .method = DHT_PING, .transaction = {t, 0}};
	assert_int_equal(dht_message_write(&m, buf, sizeof(buf)), -EINVAL);
	m.transaction.len = sizeof(t);
	assert_int_equal(dht_message_write(&m, buf, sizeof(buf)), -EINVAL);
	for (m.transaction.len = 1; m.transaction.len <= DHT_TRANSACTION_MAX; m.transaction.len++) {
		int len = dht_message_write(&m, buf, sizeof(buf));
		struct dht_message back;
		assert_true(len > 0);
		assert_int_equal(dht_message_read(buf, (size_t)len, &back), 0);
		assert_int_equal(back.transaction.len, m.transaction.len);
	}
	m.transaction.len = 4;
	assert_int_equal(dht_message_write(&m, buf, 10), -ENOBUFS);
}

static void leaves_out_what_must_not_be_sent(void **state)
{
	(void)state;
	uint8_t buf[256];
	/* an empty salt is no salt (BEP 44) */
	struct dht_message m = read_good(QUERY(ID "4:salt0:5:token1:x1:v1:y", "3:put"));
	static const char unsalted[] = QUERY(ID "5:token1:x1:v1:y", "3:put");
	assert_int_equal(dht_message_write(&m, buf, sizeof(buf)), sizeof(unsalted) - 1);
	assert_memory_equal(buf, unsalted, sizeof(unsalted) - 1);
	/* pubky ignores a reply with `ro` */
	m = read_good(REPLY(ID));
	m.read_only = true;
	assert_int_equal(dht_message_write(&m, buf, sizeof(buf)), sizeof(REPLY(ID)) - 1);
	assert_memory_equal(buf, REPLY(ID), sizeof(REPLY(ID)) - 1);
}

static void methods_have_names(void **state)
{
	(void)state;
	assert_string_equal(dht_method_name(DHT_PING), "ping");
	assert_string_equal(dht_method_name(DHT_SAMPLE_INFOHASHES), "sample_infohashes");
	assert_null(dht_method_name(DHT_METHOD_UNKNOWN));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_and_writes),
		cmocka_unit_test(reads_queries),
		cmocka_unit_test(reads_unknown_methods),
		cmocka_unit_test(reads_replies),
		cmocka_unit_test(reads_errors),
		cmocka_unit_test(drops_junk),
		cmocka_unit_test(drops_every_prefix),
		cmocka_unit_test(names_bad_arguments),
		cmocka_unit_test(leaves_the_order_to_the_caller),
		cmocka_unit_test(lenience_is_bounded),
		cmocka_unit_test(leaves_sizes_to_the_caller),
		cmocka_unit_test(takes_sixteen_nodes),
		cmocka_unit_test(takes_fifty_peers),
		cmocka_unit_test(large_values_leave_nodes_out),
		cmocka_unit_test(refuses_to_write_nonsense),
		cmocka_unit_test(leaves_out_what_must_not_be_sent),
		cmocka_unit_test(methods_have_names),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
