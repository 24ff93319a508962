/* A world for one node under test: a clock that we turn, random bytes that count up, a store of
 * a few items, and all that the node sends, kept to be looked at. */
#ifndef TESTS_DHT_WORLD_H
#define TESTS_DHT_WORLD_H

#include "dht/dht.h"
#include "dht/message.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#define WORLD_SECOND ((uint64_t)1000000)

struct packet {
	struct dht_endpoint to;
	size_t len;
	uint8_t data[1500];
};

struct world {
	struct dht *dht;
	uint64_t now, woken; /* woken: the earliest time asked for; UINT64_MAX: none */
	uint64_t random;
	struct packet sent[256];
	size_t sent_len;
	struct {
		struct dht_id target;
		struct dht_item item;
		struct dht_endpoint from; /* family 0: the node itself */
	} items[8];
	size_t items_len;
	int find_error, keep_error, verdict;
	unsigned judged;
	unsigned finds, asks; /* items looked for, and in whose name that counts */
	bool renews; /* knows an item that it holds without reading it */
	unsigned renewed;
};

static inline uint64_t world_now(void *self)
{
	return ((struct world *)self)->now;
}

static inline int64_t world_wall(void *self)
{
	return (int64_t)((struct world *)self)->now + 1750000000000000;
}

static inline void world_random(void *self, void *buf, size_t len)
{
	struct world *w = self;
	for (size_t i = 0; i < len; i++) {
		w->random = w->random * 6364136223846793005 + 1442695040888963407;
		((uint8_t *)buf)[i] = (uint8_t)(w->random >> 56);
	}
}

static inline void world_send(
	void *self, const struct dht_endpoint *to, const uint8_t *datagram, size_t len)
{
	struct world *w = self;
	assert(w->sent_len < sizeof(w->sent) / sizeof(*w->sent) && len <= 1500);
	struct packet *p = &w->sent[w->sent_len++];
	p->to = *to;
	p->len = len;
	memcpy(p->data, datagram, len);
}

static inline void world_wake(void *self, uint64_t at)
{
	struct world *w = self;
	assert(at >= w->now);
	w->woken = at < w->woken ? at : w->woken;
}

static inline int world_find(void *self, const struct dht_id *target,
	const struct dht_endpoint *from, struct dht_item *ret_item)
{
	struct world *w = self;
	w->finds++;
	w->asks += from != NULL;
	if (w->find_error)
		return w->find_error;
	for (size_t i = 0; i < w->items_len; i++)
		if (dht_id_equal(&w->items[i].target, target)) {
			*ret_item = w->items[i].item;
			return 0;
		}
	return -ENOENT;
}

static inline int world_keep(void *self, const struct dht_id *target, const struct dht_item *item,
	const struct dht_endpoint *from)
{
	struct world *w = self;
	size_t at = 0;
	if (w->keep_error)
		return w->keep_error;
	while (at < w->items_len && !dht_id_equal(&w->items[at].target, target))
		at++;
	assert(at < 8);
	w->items_len += at == w->items_len;
	w->items[at].target = *target;
	w->items[at].item = *item;
	w->items[at].from = from ? *from : (struct dht_endpoint){0};
	return 0;
}

static inline int world_renew(void *self, const struct dht_id *target, const struct dht_item *item,
	const struct dht_endpoint *from)
{
	struct world *w = self;
	(void)from;
	for (size_t i = 0; w->renews && i < w->items_len; i++)
		if (dht_id_equal(&w->items[i].target, target) &&
			dht_item_equal(&w->items[i].item, item)) {
			w->renewed++;
			return 0;
		}
	return -ENOENT;
}

static inline int world_judge(
	void *self, const struct dht_item *held, const struct dht_item *offered)
{
	struct world *w = self;
	(void)held;
	assert(offered);
	w->judged++;
	return w->verdict;
}

static inline void world_start_as(struct world *w, const struct dht_config *as)
{
	static const struct dht_ops ops = {.now = world_now,
		.wall = world_wall,
		.random = world_random,
		.send = world_send,
		.wake = world_wake,
		.find = world_find,
		.keep = world_keep,
		.renew = world_renew,
		.judge = world_judge};
	struct dht_config config = *as;
	memset(w, 0, sizeof(*w));
	memset(config.id.b, 0x55, sizeof(config.id.b));
	w->now = 1000 * WORLD_SECOND;
	w->woken = UINT64_MAX;
	int r = dht_create(&config, &ops, w, &w->dht);
	assert(r == 0);
}

static inline void world_start(struct world *w, bool mainline, bool read_only)
{
	struct dht_config config = {.mainline = mainline, .read_only = read_only};
	world_start_as(w, &config);
}

static inline void world_end(struct world *w)
{
	dht_destroy(w->dht);
}

static inline struct dht_endpoint endpoint(const char *text)
{
	struct dht_endpoint e;
	int r = dht_endpoint_from_text(text, &e);
	assert(r == 0);
	return e;
}

static inline struct dht_id id_of(uint8_t first, uint8_t rest)
{
	struct dht_id id;
	memset(id.b, rest, sizeof(id.b));
	id.b[0] = first;
	return id;
}

/* Turns the clock and lets the node do what is due. */
static inline void world_pass(struct world *w, uint64_t microseconds)
{
	uint64_t end = w->now + microseconds;
	uint64_t next = dht_run(w->dht);
	w->woken = UINT64_MAX;
	while (next <= end) {
		w->now = next > w->now ? next : w->now + 1;
		next = dht_run(w->dht);
		if (w->woken < next)
			next = w->woken;
		w->woken = UINT64_MAX;
	}
	w->now = end;
}

/* Sends a message to the node. The packet that it sends back at once, or NULL. */
static inline const struct packet *world_tell(
	struct world *w, const struct dht_endpoint *from, const struct dht_message *m)
{
	uint8_t datagram[2048];
	int len = dht_message_write(m, datagram, sizeof(datagram));
	assert(len > 0);
	size_t before = w->sent_len;
	dht_receive(w->dht, from, datagram, (size_t)len);
	bool answered = w->sent_len > before && dht_endpoint_equal(&w->sent[before].to, from);
	return answered ? &w->sent[before] : NULL;
}

#define BYTES(text) ((struct bytes){(const uint8_t *)(text), sizeof(text) - 1})

static inline struct dht_message query(enum dht_method method)
{
	struct dht_message m = {.kind = DHT_QUERY,
		.method = method,
		.transaction = BYTES("aaaa"),
		.client = BYTES("TEST"),
		.has_id = true,
		.id = id_of(0x77, 1)};
	return m;
}

static inline void world_clear(struct world *w)
{
	w->sent_len = 0;
}

/* A node that answers every ping, at that endpoint under that id: known to the node hereafter. */
static inline void world_befriend(struct world *w, const struct dht_contact *c)
{
	struct dht_message asks = query(DHT_PING), sent, answer;
	size_t before = w->sent_len;
	asks.id = c->id;
	world_tell(w, &c->endpoint, &asks);
	for (size_t i = before; i < w->sent_len; i++) {
		struct packet *p = &w->sent[i];
		if (dht_message_read(p->data, p->len, &sent) < 0 || sent.kind != DHT_QUERY ||
			sent.method != DHT_PING)
			continue;
		answer = (struct dht_message){.kind = DHT_REPLY,
			.transaction = sent.transaction,
			.has_id = true,
			.id = c->id,
			.client = BYTES("TEST")};
		world_tell(w, &c->endpoint, &answer);
	}
}

#endif
