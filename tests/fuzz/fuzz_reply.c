/* Fuzz target: what answers our own queries. A node that knows one other gets, puts and looks for
 * peers; whatever it sends to whomever is answered by the input, with the transaction and the id
 * that are expected, or by nothing. All that is delivered is what was asked for and verifies, each
 * look-up ends once, and costs no more than it may. */
#undef NDEBUG
#include "dht/lookup.h"
#include "dht/message.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

#define SECOND ((uint64_t)1000000)
#define LONGEST (120 * SECOND) /* of a look-up */
#define PENDING_MAX 256

struct asked {
	struct dht_endpoint to;
	uint8_t transaction[4];
};

struct node {
	struct dht *dht;
	uint64_t now, random, due;
	const struct dht_message *answer; /* NULL: silence */
	struct asked asked[PENDING_MAX];
	size_t asked_len;
	unsigned ended;
	struct dht_id wanted; /* by the get of an immutable item */
};

static const uint8_t seed[DHT_SEED_LEN] = {9};
static uint8_t key[DHT_KEY_LEN];

static uint64_t op_now(void *self)
{
	return ((struct node *)self)->now;
}

static int64_t op_wall(void *self)
{
	return (int64_t)((struct node *)self)->now;
}

static void op_random(void *self, void *buf, size_t len)
{
	struct node *n = self;
	for (size_t i = 0; i < len; i++) {
		n->random = n->random * 6364136223846793005 + 1442695040888963407;
		((uint8_t *)buf)[i] = (uint8_t)(n->random >> 56);
	}
}

static void op_send(void *self, const struct dht_endpoint *to, const uint8_t *datagram, size_t len)
{
	struct node *n = self;
	struct dht_message m;
	assert(dht_message_read(datagram, len, &m) == 0);
	assert(m.kind == DHT_QUERY && m.transaction.len == 4);
	if (n->asked_len == PENDING_MAX)
		return; /* lost */
	struct asked *a = &n->asked[n->asked_len++];
	a->to = *to;
	memcpy(a->transaction, m.transaction.data, 4);
}

static void op_wake(void *self, uint64_t at)
{
	struct node *n = self;
	n->due = at < n->due ? at : n->due;
}

static int op_find(void *self, const struct dht_id *target, const struct dht_endpoint *from,
	struct dht_item *ret_item)
{
	(void)self;
	(void)target;
	(void)from;
	(void)ret_item;
	return -ENOENT;
}

static int op_keep(void *self, const struct dht_id *target, const struct dht_item *item,
	const struct dht_endpoint *from)
{
	(void)self;
	(void)target;
	assert(!from && dht_item_verify(item) == 0);
	return 0;
}

static void end(struct node *n, const struct dht_result *result)
{
	assert(result->queries <= DHT_LOOKUP_PACKETS);
	n->ended++;
}

static void on_mutable(void *ctx, const struct dht_item *item, const struct dht_endpoint *from,
	const struct dht_result *result)
{
	if (result) {
		end(ctx, result);
		return;
	}
	assert(from && item->is_mutable && !memcmp(item->key, key, DHT_KEY_LEN));
	assert(!item->salt_len && item->seq >= 0 && dht_item_verify(item) == 0);
}

static void on_immutable(void *ctx, const struct dht_item *item, const struct dht_endpoint *from,
	const struct dht_result *result)
{
	struct node *n = ctx;
	struct dht_id target;
	if (result) {
		end(n, result);
		return;
	}
	assert(from && !item->is_mutable);
	dht_item_target(item, &target);
	assert(dht_id_equal(&target, &n->wanted));
}

static void on_peers(
	void *ctx, const struct dht_endpoint *peers, size_t len, const struct dht_result *result)
{
	if (result)
		end(ctx, result);
	else
		assert(peers && len > 0 && len <= DHT_PEERS_MAX);
}

static void on_put(void *ctx, const struct dht_result *result)
{
	end(ctx, result);
}

/* Who is named in the answer is who it says there; anybody else has one id. */
static struct dht_id id_at(const struct node *n, const struct dht_endpoint *at)
{
	struct dht_id id = {{0x44}};
	for (size_t i = 0; i < n->answer->nodes_len; i++)
		if (dht_endpoint_equal(&n->answer->nodes[i].endpoint, at))
			id = n->answer->nodes[i].id;
	return id;
}

static void answer(struct node *n)
{
	struct asked a = n->asked[--n->asked_len];
	uint8_t text[4096];
	if (!n->answer)
		return;
	struct dht_message m = *n->answer;
	m.transaction = (struct bytes){a.transaction, sizeof(a.transaction)};
	m.has_id = true;
	m.id = id_at(n, &a.to);
	int len = dht_message_write(&m, text, sizeof(text));
	if (len > 0)
		dht_receive(n->dht, &a.to, text, (size_t)len);
}

/* Until all look-ups have ended. */
static void live(struct node *n, unsigned lookups)
{
	uint64_t until = n->now + LONGEST;
	while (n->ended < lookups) {
		assert(n->now < until);
		if (n->asked_len) {
			n->now += 1000;
			answer(n);
		} else {
			n->now = n->due > n->now ? n->due : n->now + 1;
			n->due = UINT64_MAX;
			op_wake(n, dht_run(n->dht));
		}
	}
	assert(n->ended == lookups);
}

static void begin(struct node *n)
{
	struct dht_item item = {.is_mutable = true, .seq = 3};
	struct dht_lookup *l;
	struct dht_id info_hash = {{0x45}};
	struct bytes v = n->answer ? n->answer->value : (struct bytes){0};
	if (v.len > 0)
		dht_sha1(v.data, v.len, &n->wanted);
	assert(dht_item_set_string(&item, "ours", 4) == 0 && dht_item_sign(&item, seed) == 0);
	memcpy(key, item.key, DHT_KEY_LEN);
	assert(dht_get_mutable(n->dht, key, NULL, 0, on_mutable, n, &l) == 0);
	assert(dht_get_immutable(n->dht, &n->wanted, on_immutable, n, &l) == 0);
	assert(dht_get_peers(n->dht, &info_hash, on_peers, n, &l) == 0);
	assert(dht_put(n->dht, &item, 0, on_put, n, &l) == 0);
	assert(dht_put(n->dht, &item, DHT_PUT_CAS, on_put, n, &l) == 0);
}

static void run(const struct dht_message *m, bool public)
{
	static const struct dht_ops ops = {.now = op_now,
		.wall = op_wall,
		.random = op_random,
		.send = op_send,
		.wake = op_wake,
		.find = op_find,
		.keep = op_keep};
	struct dht_config config = {.id = {{0x55}}, .limits = public, .mainline = public};
	struct dht_message pong = {.kind = DHT_REPLY};
	struct dht_endpoint at;
	struct node n = {.now = SECOND, .due = SECOND, .answer = &pong};
	assert(dht_endpoint_from_text(public ? "45.1.2.3:4001" : "10.1.2.3:4001", &at) == 0);
	assert(dht_create(&config, &ops, &n, &n.dht) == 0);
	assert(dht_add_node(n.dht, &at) == 0);
	answer(&n); /* so that there is somebody to ask */
	n.answer = m;
	begin(&n);
	live(&n, 5);
	/* And once more, with what was learned. */
	n.ended = 0;
	begin(&n);
	live(&n, 5);
	dht_destroy(n.dht);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct dht_message m;
	int r = dht_message_read(data, len, &m);
	if (r == 0 && m.kind != DHT_QUERY)
		run(&m, len % 2);
	return 0;
}
