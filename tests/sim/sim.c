/* Many nodes in one process, in virtual time. */
#undef NDEBUG
#include "tests/sim/sim.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct stored {
	struct dht_id target;
	struct dht_item item;
};

struct member {
	struct sim *sim;
	size_t number;
	struct dht *dht; /* NULL: dead */
	struct dht_id id;
	int families;
	bool refuse;
	int side, verdict;
	sim_lie_fn *lie;
	uint64_t wake_at;
	struct stored *items;
	size_t items_len;
};

enum event_kind { ARRIVES, REFUSED, WAKES };

struct event {
	uint64_t at, order;
	enum event_kind kind;
	size_t node;
	struct dht_endpoint from; /* of REFUSED: who refuses */
	size_t len;
	uint8_t *datagram;
};

struct sim {
	struct sim_config config;
	uint64_t now, random, order, packets;
	struct member **members;
	size_t len;
	struct event *heap;
	size_t heap_len, heap_cap;
};

uint64_t sim_now(const struct sim *sim)
{
	return sim->now;
}

uint64_t sim_packets(const struct sim *sim)
{
	return sim->packets;
}

uint64_t sim_random(struct sim *sim) /* splitmix64 */
{
	uint64_t z = sim->random += 0x9e3779b97f4a7c15;
	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return z ^ z >> 31;
}

/* Events: a heap by time, then by order of birth. */

static bool before(const struct event *a, const struct event *b)
{
	return a->at != b->at ? a->at < b->at : a->order < b->order;
}

static void push(struct sim *sim, struct event e)
{
	if (sim->heap_len == sim->heap_cap) {
		sim->heap_cap = sim->heap_cap ? sim->heap_cap * 2 : 1024;
		sim->heap = realloc(sim->heap, sim->heap_cap * sizeof(e));
		assert(sim->heap);
	}
	e.order = sim->order++;
	size_t at = sim->heap_len++;
	for (size_t up; at > 0 && before(&e, &sim->heap[up = (at - 1) / 2]); at = up)
		sim->heap[at] = sim->heap[up];
	sim->heap[at] = e;
}

static struct event pop(struct sim *sim)
{
	struct event first = sim->heap[0], last = sim->heap[--sim->heap_len];
	size_t at = 0;
	for (size_t down; (down = 2 * at + 1) < sim->heap_len; at = down) {
		if (down + 1 < sim->heap_len && before(&sim->heap[down + 1], &sim->heap[down]))
			down++;
		if (!before(&sim->heap[down], &last))
			break;
		sim->heap[at] = sim->heap[down];
	}
	sim->heap[at] = last;
	return first;
}

/* Addresses: the number of the node is in them. */

void sim_endpoint(
	const struct sim *sim, size_t node, uint8_t family, struct dht_endpoint *ret_endpoint)
{
	*ret_endpoint = (struct dht_endpoint){.family = family, .port = 4001};
	uint8_t *ip = ret_endpoint->ip;
	size_t number = node + 1;
	ip[0] = sim->config.mainline ? 45 : 10;
	if (family == 6) {
		ip[0] = sim->config.mainline ? 0x2a : 0xfd;
		ip += 12;
	}
	ip[1] = (uint8_t)(number >> 16);
	ip[2] = (uint8_t)(number >> 8);
	ip[3] = (uint8_t)number;
}

static size_t node_at(const struct sim *sim, const struct dht_endpoint *e)
{
	const uint8_t *ip = e->family == 6 ? e->ip + 12 : e->ip;
	size_t number = (size_t)ip[1] << 16 | (size_t)ip[2] << 8 | ip[3];
	struct dht_endpoint real;
	if (!number || number > sim->len)
		return SIZE_MAX;
	sim_endpoint(sim, number - 1, e->family, &real);
	return dht_endpoint_equal(&real, e) ? number - 1 : SIZE_MAX;
}

static bool has_family(const struct member *m, uint8_t family)
{
	return m->families == 46 || m->families == family;
}

/* What a node needs of the world */

static uint64_t op_now(void *self)
{
	return ((struct member *)self)->sim->now;
}

static int64_t op_wall(void *self)
{
	return (int64_t)(1750000000 * SIM_SECOND + ((struct member *)self)->sim->now);
}

static void op_random(void *self, void *buf, size_t len)
{
	for (size_t i = 0; i < len; i++)
		((uint8_t *)buf)[i] = (uint8_t)sim_random(((struct member *)self)->sim);
}

static uint64_t delay(struct sim *sim)
{
	uint32_t span = sim->config.delay_max - sim->config.delay_min;
	return sim->config.delay_min + (span ? sim_random(sim) % span : 0);
}

static void op_send(void *self, const struct dht_endpoint *to, const uint8_t *datagram, size_t len)
{
	struct member *m = self;
	struct sim *sim = m->sim;
	sim->packets++;
	size_t node = node_at(sim, to), me = m->number;
	assert(len <= 1500);
	if (node == SIZE_MAX || !has_family(m, to->family))
		return;
	struct member *other = sim->members[node];
	if (!has_family(other, to->family) || sim_random(sim) % 1000 < sim->config.loss ||
		other->side != m->side)
		return;
	struct event e = {.at = sim->now + delay(sim), .kind = ARRIVES, .node = node};
	if (!other->dht && other->refuse) {
		e.kind = REFUSED;
		e.node = me;
		e.from = *to;
		push(sim, e);
		return;
	}
	e.datagram = malloc(1500);
	assert(e.datagram);
	memcpy(e.datagram, datagram, len);
	e.len = m->lie ? m->lie(sim, me, e.datagram, len, 1500) : len;
	sim_endpoint(sim, me, to->family, &e.from);
	if (e.len)
		push(sim, e);
	else
		free(e.datagram);
}

static void op_wake(void *self, uint64_t at)
{
	struct member *m = self;
	if (at >= m->wake_at)
		return;
	m->wake_at = at;
	push(m->sim, (struct event){.at = at, .kind = WAKES, .node = m->number});
}

static struct stored *find_stored(struct member *m, const struct dht_id *target)
{
	for (size_t i = 0; i < m->items_len; i++)
		if (dht_id_equal(&m->items[i].target, target))
			return &m->items[i];
	return NULL;
}

static int op_find(void *self, const struct dht_id *target, const struct dht_endpoint *from,
	struct dht_item *ret_item)
{
	(void)from;
	struct stored *s = find_stored(self, target);
	if (!s)
		return -ENOENT;
	*ret_item = s->item;
	return 0;
}

static int op_keep(void *self, const struct dht_id *target, const struct dht_item *item,
	const struct dht_endpoint *from)
{
	(void)from;
	struct member *m = self;
	struct stored *s = find_stored(m, target);
	if (!s) {
		m->items = realloc(m->items, (m->items_len + 1) * sizeof(*m->items));
		assert(m->items);
		s = &m->items[m->items_len++];
		s->target = *target;
	}
	s->item = *item;
	return 0;
}

static int op_judge(void *self, const struct dht_item *held, const struct dht_item *offered)
{
	(void)held;
	assert(offered);
	return ((struct member *)self)->verdict;
}

/* Nodes */

static void start(struct member *m)
{
	static const struct dht_ops ops = {.now = op_now,
		.wall = op_wall,
		.random = op_random,
		.send = op_send,
		.wake = op_wake,
		.find = op_find,
		.keep = op_keep,
		.judge = op_judge};
	struct dht_config config = {.id = m->id, .mainline = m->sim->config.mainline};
	m->wake_at = UINT64_MAX;
	int r = dht_create(&config, &ops, m, &m->dht);
	assert(r == 0);
}

size_t sim_add(struct sim *sim, int families)
{
	struct member *m = calloc(1, sizeof(*m));
	sim->members = realloc(sim->members, (sim->len + 1) * sizeof(*sim->members));
	assert(m && sim->members);
	sim->members[sim->len] = m;
	m->sim = sim;
	m->number = sim->len;
	m->families = families;
	op_random(m, m->id.b, sizeof(m->id.b));
	start(m);
	return sim->len++;
}

size_t sim_len(const struct sim *sim)
{
	return sim->len;
}

struct dht *sim_dht(struct sim *sim, size_t node)
{
	return sim->members[node]->dht;
}

void sim_join(struct sim *sim, size_t node, size_t by)
{
	for (uint8_t family = 4; family <= 6; family += 2) {
		struct dht_endpoint e;
		sim_endpoint(sim, by, family, &e);
		if (has_family(sim->members[node], family) && has_family(sim->members[by], family))
			dht_add_node(sim_dht(sim, node), &e);
	}
}

void sim_kill(struct sim *sim, size_t node, bool refuse)
{
	struct member *m = sim->members[node];
	dht_destroy(m->dht);
	m->dht = NULL;
	m->refuse = refuse;
	m->wake_at = UINT64_MAX;
}

bool sim_alive(const struct sim *sim, size_t node)
{
	return sim->members[node]->dht;
}

void sim_restart(struct sim *sim, size_t node, bool keep_id)
{
	struct member *m = sim->members[node];
	assert(!m->dht);
	if (!keep_id)
		op_random(m, m->id.b, sizeof(m->id.b));
	start(m);
}

void sim_set_side(struct sim *sim, size_t node, int side)
{
	sim->members[node]->side = side;
}

void sim_set_lie(struct sim *sim, size_t node, sim_lie_fn *lie)
{
	sim->members[node]->lie = lie;
}

void sim_set_verdict(struct sim *sim, size_t node, int code)
{
	sim->members[node]->verdict = code;
}

void sim_inject(struct sim *sim, const struct dht_endpoint *from, size_t node,
	const uint8_t *datagram, size_t len)
{
	struct event e = {.at = sim->now,
		.kind = ARRIVES,
		.node = node,
		.from = *from,
		.len = len,
		.datagram = malloc(len ? len : 1)};
	assert(e.datagram);
	memcpy(e.datagram, datagram, len);
	push(sim, e);
}

/* Time */

static void wake_up(struct sim *sim, struct member *m, uint64_t at)
{
	if (m->wake_at != at)
		return; /* it wanted to be woken earlier, and was */
	m->wake_at = UINT64_MAX;
	uint64_t next = dht_run(m->dht);
	assert(next >= sim->now);
	if (next != UINT64_MAX)
		op_wake(m, next > sim->now ? next : sim->now + 1);
}

static void happen(struct sim *sim, struct event *e)
{
	struct member *m = sim->members[e->node];
	if (m->dht) {
		switch (e->kind) {
		case ARRIVES:
			dht_receive(m->dht, &e->from, e->datagram, e->len);
			break;
		case REFUSED:
			dht_refused(m->dht, &e->from);
			break;
		case WAKES:
			wake_up(sim, m, e->at);
			break;
		}
	}
	free(e->datagram);
}

bool sim_run_until(struct sim *sim, const bool *done, uint64_t microseconds)
{
	uint64_t end = sim->now + microseconds;
	while (!*done && sim->heap_len && sim->heap[0].at <= end) {
		struct event e = pop(sim);
		sim->now = e.at;
		happen(sim, &e);
	}
	if (!*done)
		sim->now = end;
	return *done;
}

void sim_run(struct sim *sim, uint64_t microseconds)
{
	bool never = false;
	sim_run_until(sim, &never, microseconds);
}

struct sim *sim_create(const struct sim_config *config)
{
	struct sim *sim = calloc(1, sizeof(*sim));
	assert(sim);
	sim->config = *config;
	const char *seed = getenv("SIM_SEED");
	sim->random = config->seed ? config->seed : seed ? strtoull(seed, NULL, 0) : 1;
	sim->now = 1000 * SIM_SECOND; /* a clock that does not start at zero, as real ones */
	printf("# simulation: SIM_SEED=%llu\n", (unsigned long long)sim->random);
	return sim;
}

void sim_destroy(struct sim *sim)
{
	if (!sim)
		return;
	for (size_t i = 0; i < sim->len; i++) {
		dht_destroy(sim->members[i]->dht);
		free(sim->members[i]->items);
		free(sim->members[i]);
	}
	while (sim->heap_len)
		free(sim->heap[--sim->heap_len].datagram);
	free(sim->heap);
	free(sim->members);
	free(sim);
}

/* Items */

const struct dht_item *sim_item(struct sim *sim, size_t node, const struct dht_id *target)
{
	struct stored *s = find_stored(sim->members[node], target);
	return s ? &s->item : NULL;
}

size_t sim_copies(struct sim *sim, const struct dht_id *target)
{
	size_t copies = 0;
	for (size_t i = 0; i < sim->len; i++)
		copies += sim->members[i]->dht && sim_item(sim, i, target);
	return copies;
}

void sim_mutable(uint64_t who, int64_t seq, const char *text, struct dht_item *ret_item)
{
	uint8_t seed[DHT_SEED_LEN] = {0};
	memcpy(seed, &who, sizeof(who));
	*ret_item = (struct dht_item){.is_mutable = true, .seq = seq};
	int r = dht_item_set_string(ret_item, text, strlen(text));
	assert(r == 0);
	r = dht_item_sign(ret_item, seed);
	assert(r == 0);
}

void sim_immutable(const char *text, struct dht_item *ret_item)
{
	*ret_item = (struct dht_item){0};
	int r = dht_item_set_string(ret_item, text, strlen(text));
	assert(r == 0);
}

/* Whole operations */

struct operation {
	struct sim *sim;
	struct sim_answer *answer;
	uint64_t began;
	bool done;
};

static void finish(struct operation *o, const struct dht_result *result)
{
	assert(!o->done);
	o->answer->result = *result;
	o->answer->took = o->sim->now - o->began;
	o->done = true;
}

static void on_get(void *ctx, const struct dht_item *item, const struct dht_endpoint *from,
	const struct dht_result *result)
{
	struct operation *o = ctx;
	if (result) {
		assert(!item);
		finish(o, result);
		return;
	}
	if (!o->answer->values && !o->answer->own)
		o->answer->first = o->sim->now - o->began;
	if (!o->answer->best.value_len || item->seq > o->answer->best.seq)
		o->answer->best = *item;
	o->answer->values += from != NULL;
	o->answer->own |= from == NULL;
}

static void on_put(void *ctx, const struct dht_result *result)
{
	finish(ctx, result);
}

/* Longer than a look-up may take under whatever circumstances. */
#define LONGEST (120 * SIM_SECOND)

void sim_get(
	struct sim *sim, size_t node, const struct dht_item *wanted, struct sim_answer *ret_answer)
{
	struct dht_lookup *l;
	struct dht_id target;
	struct operation o = {.sim = sim, .answer = ret_answer, .began = sim->now};
	memset(ret_answer, 0, sizeof(*ret_answer));
	dht_item_target(wanted, &target);
	int r = wanted->is_mutable ? dht_get_mutable(sim_dht(sim, node), wanted->key, wanted->salt,
					     wanted->salt_len, on_get, &o, &l)
				   : dht_get_immutable(sim_dht(sim, node), &target, on_get, &o, &l);
	assert(r == 0);
	bool ended = sim_run_until(sim, &o.done, LONGEST);
	assert(ended);
}

void sim_put(struct sim *sim, size_t node, const struct dht_item *item, unsigned flags,
	struct sim_answer *ret_answer)
{
	struct dht_lookup *l;
	struct operation o = {.sim = sim, .answer = ret_answer, .began = sim->now};
	memset(ret_answer, 0, sizeof(*ret_answer));
	int r = dht_put(sim_dht(sim, node), item, flags, on_put, &o, &l);
	assert(r == 0);
	bool ended = sim_run_until(sim, &o.done, LONGEST);
	assert(ended);
}

struct sim *sim_network(const struct sim_config *config, size_t n)
{
	struct sim *sim = sim_create(config);
	for (size_t i = 0; i < n; i++) {
		sim_add(sim, 4);
		if (i > 0)
			sim_join(sim, i, 0);
		sim_run(sim, 1000);
	}
	sim_run(sim, 10 * SIM_SECOND);
	return sim;
}
