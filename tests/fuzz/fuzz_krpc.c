/* Fuzz target: KRPC messages. What is read can be written, what is written can be read, and
 * reading that and writing once more changes nothing. Then the same bytes go through whole nodes,
 * with limits and without: one bounded answer to a query, none to anything else, nothing kept
 * that does not prove itself, and to those who never showed that they are there no more bytes than
 * promise P19 allows. */
#undef NDEBUG
#include "dht/dht.h"
#include "dht/message.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void assert_sound(const struct dht_message *m)
{
	assert(m->transaction.len >= 1 && m->transaction.len <= DHT_TRANSACTION_MAX);
	assert(m->nodes_len <= DHT_NODES_MAX && m->peers_len <= DHT_PEERS_MAX);
	assert(m->has_id || m->kind == DHT_ERROR);
	assert(!m->has_key || m->key.len == 32);
	assert(!m->has_sig || m->sig.len == 64);
	for (size_t i = 0; i < m->nodes_len; i++)
		assert(m->nodes[i].endpoint.family == 4 || m->nodes[i].endpoint.family == 6);
	for (size_t i = 0; i < m->peers_len; i++)
		assert(m->peers[i].family == 4 || m->peers[i].family == 6);
	if (m->value.data) { /* goes to others as it is */
		struct bencode value;
		assert(bencode_open(m->value.data, m->value.len, &value) == 0);
	}
}

static void read_and_write(const uint8_t *data, size_t len)
{
	struct dht_message m;
	int r = dht_message_read(data, len, &m);
	if (r == -EPROTO) {
		assert(m.kind == DHT_QUERY && m.error == DHT_E_PROTOCOL);
		assert(m.transaction.len >= 1 && m.transaction.len <= DHT_TRANSACTION_MAX);
	}
	if (r != 0) {
		assert(r == -EPROTO || r == -EBADMSG);
		return;
	}
	assert_sound(&m);

	size_t cap = 2 * len + 256; /* a default or two may be written out */
	uint8_t *once = malloc(cap), *twice = malloc(cap);
	assert(once && twice);
	int first = dht_message_write(&m, once, cap);
	if (m.kind == DHT_QUERY && m.method == DHT_METHOD_UNKNOWN) {
		assert(first == -EINVAL);
	} else {
		assert(first > 0);
		assert(dht_message_read(once, (size_t)first, &m) == 0);
		assert_sound(&m);
		assert(dht_message_write(&m, twice, cap) == first);
		assert(memcmp(once, twice, (size_t)first) == 0);
	}
	free(once);
	free(twice);
}

/* ---- through a node ---- */

struct node {
	struct dht *dht;
	uint64_t now, random;
	struct dht_endpoint asker;
	size_t replies, bytes; /* to the asker's subnet, since `clear` */
	uint8_t last[DHT_DATAGRAM_MAX];
	size_t last_len; /* of the last reply */
	struct dht_item item;
	struct dht_id target;
	bool keeps; /* item and target are set */
};

static uint64_t node_now(void *self)
{
	return ((struct node *)self)->now;
}

static int64_t node_wall(void *self)
{
	return (int64_t)((struct node *)self)->now;
}

static void node_random(void *self, void *buf, size_t len)
{
	struct node *n = self;
	for (size_t i = 0; i < len; i++) {
		n->random = n->random * 6364136223846793005 + 1442695040888963407;
		((uint8_t *)buf)[i] = (uint8_t)(n->random >> 56);
	}
}

/* Whatever a stranger sends, what leaves is for him, well-formed and of bounded length. */
static void node_send(
	void *self, const struct dht_endpoint *to, const uint8_t *datagram, size_t len)
{
	struct node *n = self;
	struct dht_message m;
	assert(dht_endpoint_equal(to, &n->asker));
	assert(dht_message_read(datagram, len, &m) == 0);
	assert(len <= DHT_REPLY_MAX && !(m.kind != DHT_QUERY && m.read_only));
	assert(to->family == 4 || len <= DHT_REPLY6_MAX || (m.value.data && m.nodes_len == 0));
	n->bytes += len;
	if (m.kind == DHT_QUERY) { /* is the stranger there? */
		assert(m.method == DHT_PING);
		return;
	}
	assert(m.client.len == 4 && dht_endpoint_equal(&m.you, to));
	n->replies++;
	memcpy(n->last, datagram, len);
	n->last_len = len;
}

static void node_wake(void *self, uint64_t at)
{
	assert(at >= ((struct node *)self)->now);
}

static int node_find(void *self, const struct dht_id *target, const struct dht_endpoint *from,
	struct dht_item *ret_item)
{
	struct node *n = self;
	(void)from;
	if (!n->keeps || !dht_id_equal(target, &n->target))
		return -ENOENT;
	*ret_item = n->item;
	return 0;
}

/* Nothing is kept that does not prove itself. */
static int node_keep(void *self, const struct dht_id *target, const struct dht_item *item,
	const struct dht_endpoint *from)
{
	struct node *n = self;
	struct bencode value;
	struct dht_id found;
	dht_item_target(item, &found);
	assert(from && dht_id_equal(&found, target));
	assert(item->value_len <= DHT_VALUE_MAX && item->salt_len <= DHT_SALT_MAX);
	assert(bencode_open(item->value, item->value_len, &value) == 0);
	assert(item->seq >= 0 && dht_item_verify(item) == 0);
	n->item = *item;
	n->target = *target;
	n->keeps = true;
	return 0;
}

static void node_start(struct node *n, bool limits, const char *asker)
{
	static const struct dht_ops ops = {.now = node_now,
		.wall = node_wall,
		.random = node_random,
		.send = node_send,
		.wake = node_wake,
		.find = node_find,
		.keep = node_keep};
	struct dht_config config = {.id = {{0x55}}, .limits = limits, .mainline = limits};
	*n = (struct node){.now = 1000000};
	assert(dht_endpoint_from_text(asker, &n->asker) == 0);
	assert(dht_create(&config, &ops, n, &n->dht) == 0);
}

static void tell(struct node *n, const uint8_t *data, size_t len)
{
	n->replies = n->bytes = 0;
	dht_receive(n->dht, &n->asker, data, len);
}

/* One answer to a query, none to anything else. */
static void ask_once(struct node *n, const uint8_t *data, size_t len)
{
	struct dht_message m;
	int r = dht_message_read(data, len, &m);
	bool query = r == -EPROTO || (r == 0 && m.kind == DHT_QUERY);
	struct bytes t = m.transaction;
	tell(n, data, len);
	assert(n->replies == query && (query || n->bytes == 0));
	if (!query)
		return;
	assert(dht_message_read(n->last, n->last_len, &m) == 0);
	assert(m.transaction.len == t.len && memcmp(m.transaction.data, t.data, t.len) == 0);
}

/* The token that the message ought to have; false if it needs none. */
static bool fetch_token(struct node *n, const struct dht_message *m, uint8_t ret_token[8])
{
	struct dht_message ask = {.kind = DHT_QUERY,
		.method = m->method == DHT_PUT ? DHT_GET : DHT_GET_PEERS,
		.transaction = {(const uint8_t *)"t", 1},
		.has_id = true,
		.read_only = true,
		.has_target = true,
		.target = m->target};
	struct dht_item item = {.value_len = (uint16_t)m->value.len};
	uint8_t text[256];
	if (m->kind != DHT_QUERY || m->token.len != 8 || m->value.len > DHT_VALUE_MAX ||
		(m->method != DHT_PUT && m->method != DHT_ANNOUNCE_PEER))
		return false;
	if (m->method == DHT_PUT && m->has_key) {
		dht_mutable_target(m->key.data, m->salt.data, m->salt.len, &ask.target);
	} else if (m->method == DHT_PUT) {
		memcpy(item.value, m->value.data, m->value.len);
		dht_item_target(&item, &ask.target);
	}
	int len = dht_message_write(&ask, text, sizeof(text));
	assert(len > 0);
	tell(n, text, (size_t)len);
	assert(n->replies == 1 && dht_message_read(n->last, n->last_len, &ask) == 0);
	assert(ask.token.len == 8);
	memcpy(ret_token, ask.token.data, 8);
	return true;
}

/* As it is, and once more with the token that it lacks. */
static void serve(const uint8_t *data, size_t len, bool limits, const char *asker)
{
	struct node n;
	struct dht_message m;
	uint8_t token[8], *mended = malloc(len + 1);
	assert(mended);
	node_start(&n, limits, asker);
	ask_once(&n, data, len);
	n.replies = n.bytes = 0; /* somebody says that we have sent him that */
	dht_refused(n.dht, &n.asker, data, len);
	assert(n.bytes == 0);
	if (dht_message_read(data, len, &m) == 0 && fetch_token(&n, &m, token)) {
		memcpy(mended, data, len);
		memcpy(mended + (m.token.data - data), token, 8);
		ask_once(&n, mended, len);
		ask_once(&n, mended, len);
	}
	dht_destroy(n.dht);
	free(mended);
}

/* The same again and again from all over a /24, none of which ever shows that it is there. */
static void flood(const uint8_t *data, size_t len, const char *asker, size_t host)
{
	struct node n;
	size_t sum = 0;
	node_start(&n, true, asker);
	for (unsigned i = 0; i < 40; i++, n.now += 24999) {
		n.asker.ip[host] = (uint8_t)(1 + i);
		tell(&n, data, len);
		sum += n.bytes;
	}
	assert(sum <= 5000);
	dht_destroy(n.dht);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	bool six = len % 2; /* so that it does not take twice the time */
	const char *local = six ? "[fd00::1]:4001" : "10.1.2.3:4001";
	const char *far = six ? "[2a00::1]:4001" : "45.1.2.3:4001";
	read_and_write(data, len);
	serve(data, len, false, local);
	serve(data, len, true, far);
	flood(data, len, far, six ? 7 : 3);
	return 0;
}
