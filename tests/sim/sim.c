/* Many nodes in one process, in virtual time. */
#undef NDEBUG
#include "tests/sim/sim.h"
#include "tests/sim/events.h"
#include "tests/sim/items.h"
#include "tests/sim/path.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* BEP 44: what nobody puts again is forgotten. */
#define ITEM_LIFETIME (7200 * SIM_SECOND)
/* Many routers forget a UDP mapping after a minute or less. */
#define NAT_LIFETIME (60 * SIM_SECOND)
/* A lie may be longer than the truth. */
#define DATAGRAM_MAX 1500
#define JITTER 20 /* up to one part of so many */
/* The wall clock of all when a simulation begins: June 2025. */
#define WALL_AT_START (1750000000 * (int64_t)SIM_SECOND)

struct member {
	struct sim *sim;
	struct dht *dht; /* NULL: dead */
	uint32_t number;
	int side, verdict;
	uint8_t families;
	bool refuse, nat, read_only;
	struct dht_id id;
	int64_t clock_ahead;
	sim_lie_fn *lie;
	sim_hear_fn *hear;
	struct dht_endpoint moved; /* family 0: it is where its number says */
	uint64_t wake_at;
	struct sim_items items;
	uint64_t *opened; /* behind a NAT: when it last wrote to which node */
	size_t opened_len;
	struct dht_endpoint *saved; /* its table at its last end */
	size_t saved_len;
};

struct sim {
	struct sim_config config;
	uint64_t seed, now, began, random, packets;
	struct member **members;
	size_t len, cap;
	struct sim_events events;
	size_t *moved; /* nodes that are elsewhere than their numbers say */
	size_t moved_len;
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

static struct sim_addresses addresses(const struct sim *sim)
{
	return (struct sim_addresses){
		.mainline = sim->config.mainline, .own_nets = sim->config.own_nets};
}

void sim_endpoint(
	const struct sim *sim, size_t node, uint8_t family, struct dht_endpoint *ret_endpoint)
{
	struct sim_addresses a = addresses(sim);
	if (node < sim->len && sim->members[node]->moved.family == family)
		*ret_endpoint = sim->members[node]->moved;
	else
		sim_address(&a, node, family, ret_endpoint);
}

size_t sim_node_of(const struct sim *sim, const struct dht_endpoint *endpoint)
{
	struct sim_addresses a = addresses(sim);
	for (size_t i = 0; i < sim->moved_len; i++)
		if (dht_endpoint_equal(&sim->members[sim->moved[i]]->moved, endpoint))
			return sim->moved[i];
	size_t node = sim_node_at(&a, endpoint);
	return node < sim->len ? node : SIZE_MAX;
}

static bool has_family(const struct member *m, uint8_t family)
{
	return m->families == 46 || m->families == family;
}

/* NAT */

static void open_nat(struct member *m, size_t to)
{
	if (to >= m->opened_len) {
		size_t len = m->sim->len;
		m->opened = realloc(m->opened, len * sizeof(*m->opened));
		assert(m->opened);
		memset(m->opened + m->opened_len, 0, (len - m->opened_len) * sizeof(*m->opened));
		m->opened_len = len;
	}
	m->opened[to] = m->sim->now;
}

static bool nat_lets_in(const struct member *m, const struct dht_endpoint *from)
{
	size_t node = sim_node_of(m->sim, from);
	return node < m->opened_len && m->opened[node] &&
	       m->sim->now - m->opened[node] <= NAT_LIFETIME;
}

/* What a node needs of the world */

static uint64_t op_now(void *self)
{
	return ((struct member *)self)->sim->now;
}

int64_t sim_wall(const struct sim *sim)
{
	return WALL_AT_START + (int64_t)(sim->now - sim->began);
}

static int64_t op_wall(void *self)
{
	const struct member *m = self;
	return sim_wall(m->sim) + m->clock_ahead;
}

static void op_random(void *self, void *buf, size_t len)
{
	for (size_t i = 0; i < len; i++)
		((uint8_t *)buf)[i] = (uint8_t)sim_random(((struct member *)self)->sim);
}

static uint64_t delay(struct sim *sim, size_t from, size_t to)
{
	uint32_t half = sim_rtt(sim->seed, from, to, sim->config.rtt_min, sim->config.rtt_max) / 2;
	return half + sim_random(sim) % (half / JITTER + 1);
}

static struct sim_datagram *make_datagram(size_t cap)
{
	struct sim_datagram *d = malloc(sizeof(*d) + cap);
	assert(d);
	d->len = 0;
	return d;
}

/* NULL: swallowed by its sender's lie. */
static struct sim_datagram *sent_by(
	struct member *m, uint8_t family, const uint8_t *bytes, size_t len)
{
	struct sim_datagram *d = make_datagram(m->lie ? DATAGRAM_MAX : len);
	memcpy(d->bytes, bytes, len);
	d->len = (uint16_t)(m->lie ? m->lie(m->sim, m->number, d->bytes, len, DATAGRAM_MAX) : len);
	sim_endpoint(m->sim, m->number, family, &d->from);
	if (d->len)
		return d;
	free(d);
	return NULL;
}

static void op_send(void *self, const struct dht_endpoint *to, const uint8_t *datagram, size_t len)
{
	struct member *m = self;
	struct sim *sim = m->sim;
	sim->packets++;
	size_t node = sim_node_of(sim, to);
	assert(len <= DATAGRAM_MAX);
	if (node == SIZE_MAX || !has_family(m, to->family))
		return;
	if (m->nat)
		open_nat(m, node);
	const struct member *other = sim->members[node];
	if (!has_family(other, to->family) || sim_random(sim) % 1000 < sim->config.loss ||
		other->side != m->side)
		return;
	struct sim_event e = {.at = sim->now + delay(sim, m->number, node),
		.kind = SIM_ARRIVES,
		.node = (uint32_t)node};
	if (!other->dht && other->refuse) {
		e.kind = SIM_REFUSED;
		e.node = m->number;
		e.datagram = make_datagram(len); /* quoted */
		memcpy(e.datagram->bytes, datagram, len);
		e.datagram->len = (uint16_t)len;
		e.datagram->from = *to;
	} else {
		e.datagram = sent_by(m, to->family, datagram, len);
	}
	if (e.datagram)
		sim_events_push(&sim->events, e);
}

static void op_wake(void *self, uint64_t at)
{
	struct member *m = self;
	if (at >= m->wake_at)
		return;
	m->wake_at = at;
	sim_events_push(&m->sim->events,
		(struct sim_event){.at = at, .kind = SIM_WAKES, .node = m->number});
}

static int op_find(void *self, const struct dht_id *target, const struct dht_endpoint *from,
	struct dht_item *ret_item)
{
	(void)from;
	struct member *m = self;
	const struct dht_item *item = sim_items_find(&m->items, target, m->sim->now);
	if (!item)
		return -ENOENT;
	*ret_item = *item;
	return 0;
}

static int op_keep(void *self, const struct dht_id *target, const struct dht_item *item,
	const struct dht_endpoint *from)
{
	(void)from;
	struct member *m = self;
	uint64_t lifetime = m->sim->config.item_lifetime;
	sim_items_keep(
		&m->items, target, item, m->sim->now + (lifetime ? lifetime : ITEM_LIFETIME));
	return 0;
}

static int op_judge(void *self, const struct dht_item *held, const struct dht_item *offered)
{
	(void)held;
	assert(offered);
	return ((struct member *)self)->verdict;
}

static void op_own_id(void *self, const struct dht_id *id)
{
	((struct member *)self)->id = *id;
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
		.judge = op_judge,
		.own_id = op_own_id};
	struct dht_config config = {.id = m->id,
		.mainline = m->sim->config.mainline,
		.limits = m->sim->config.limits,
		.read_only = m->read_only};
	m->wake_at = UINT64_MAX;
	int r = dht_create(&config, &ops, m, &m->dht);
	assert(r == 0);
}

static struct member *add_member(struct sim *sim)
{
	if (sim->len == sim->cap) {
		sim->cap = sim->cap ? sim->cap * 2 : 64;
		sim->members = realloc(sim->members, sim->cap * sizeof(*sim->members));
		assert(sim->members);
	}
	struct member *m = calloc(1, sizeof(*m));
	assert(m);
	sim->members[sim->len++] = m;
	return m;
}

size_t sim_add(struct sim *sim, int families)
{
	struct member *m = add_member(sim);
	m->sim = sim;
	m->number = (uint32_t)sim->len - 1;
	m->families = (uint8_t)families;
	op_random(m, m->id.b, sizeof(m->id.b));
	start(m);
	return m->number;
}

size_t sim_len(const struct sim *sim)
{
	return sim->len;
}

int sim_families(const struct sim *sim, size_t node)
{
	return sim->members[node]->families;
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

static void save_node(void *ctx, const struct dht_node_info *node)
{
	struct member *m = ctx;
	if (node->failures)
		return;
	m->saved = realloc(m->saved, (m->saved_len + 1) * sizeof(*m->saved));
	assert(m->saved);
	m->saved[m->saved_len++] = node->contact.endpoint;
}

void sim_kill(struct sim *sim, size_t node, bool refuse)
{
	struct member *m = sim->members[node];
	assert(m->dht);
	m->saved_len = 0;
	dht_each_node(m->dht, save_node, m);
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

void sim_rejoin(struct sim *sim, size_t node)
{
	struct member *m = sim->members[node];
	for (size_t i = 0; i < m->saved_len; i++)
		dht_add_node(m->dht, &m->saved[i]);
}

void sim_set_side(struct sim *sim, size_t node, int side)
{
	sim->members[node]->side = side;
}

int sim_side(const struct sim *sim, size_t node)
{
	return sim->members[node]->side;
}

void sim_set_nat(struct sim *sim, size_t node, bool nat)
{
	sim->members[node]->nat = nat;
}

bool sim_has_nat(const struct sim *sim, size_t node)
{
	return sim->members[node]->nat;
}

void sim_set_read_only(struct sim *sim, size_t node)
{
	struct member *m = sim->members[node];
	m->read_only = true;
	dht_destroy(m->dht);
	start(m);
}

bool sim_is_read_only(const struct sim *sim, size_t node)
{
	return sim->members[node]->read_only;
}

void sim_move(struct sim *sim, size_t node, const struct dht_endpoint *to, const struct dht_id *id)
{
	struct member *m = sim->members[node];
	sim->moved = realloc(sim->moved, (sim->moved_len + 1) * sizeof(*sim->moved));
	assert(sim->moved && !m->moved.family);
	sim->moved[sim->moved_len++] = node;
	m->moved = *to;
	m->id = *id;
	dht_destroy(m->dht);
	start(m);
}

void sim_set_clock(struct sim *sim, size_t node, int64_t ahead)
{
	sim->members[node]->clock_ahead = ahead;
}

void sim_set_loss(struct sim *sim, unsigned of_a_thousand)
{
	sim->config.loss = of_a_thousand;
}

void sim_set_lie(struct sim *sim, size_t node, sim_lie_fn *lie)
{
	sim->members[node]->lie = lie;
}

void sim_set_hear(struct sim *sim, size_t node, sim_hear_fn *hear)
{
	sim->members[node]->hear = hear;
}

void sim_send(struct sim *sim, size_t node, const struct dht_endpoint *to, const uint8_t *datagram,
	size_t len)
{
	op_send(sim->members[node], to, datagram, len);
}

void sim_set_verdict(struct sim *sim, size_t node, int code)
{
	sim->members[node]->verdict = code;
}

void sim_inject(struct sim *sim, const struct dht_endpoint *from, size_t node,
	const uint8_t *datagram, size_t len)
{
	struct sim_datagram *d = make_datagram(len);
	memcpy(d->bytes, datagram, len);
	d->len = (uint16_t)len;
	d->from = *from;
	sim_events_push(&sim->events, (struct sim_event){.at = sim->now,
					      .kind = SIM_ARRIVES,
					      .node = (uint32_t)node,
					      .datagram = d});
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

static void happen(struct sim *sim, const struct sim_event *e)
{
	struct member *m = sim->members[e->node];
	const struct sim_datagram *d = e->datagram;
	if (!m->dht)
		return;
	switch (e->kind) {
	case SIM_ARRIVES:
		if ((!m->nat || nat_lets_in(m, &d->from)) &&
			!(m->hear && m->hear(sim, e->node, &d->from, d->bytes, d->len)))
			dht_receive(m->dht, &d->from, d->bytes, d->len);
		break;
	case SIM_REFUSED:
		dht_refused(m->dht, &d->from, d->bytes, d->len);
		break;
	case SIM_WAKES:
		wake_up(sim, m, e->at);
		break;
	}
}

bool sim_step(struct sim *sim, uint64_t end)
{
	if (sim_events_next(&sim->events) > end) {
		sim->now = end;
		return false;
	}
	struct sim_event e = sim_events_pop(&sim->events);
	sim->now = e.at;
	happen(sim, &e);
	free(e.datagram);
	return true;
}

void sim_run(struct sim *sim, uint64_t microseconds)
{
	uint64_t end = sim->now + microseconds;
	while (sim_step(sim, end))
		;
}

struct sim *sim_create(const struct sim_config *config)
{
	struct sim *sim = calloc(1, sizeof(*sim));
	assert(sim);
	sim->config = *config;
	const char *seed = getenv("SIM_SEED");
	sim->seed = config->seed ? config->seed : seed ? strtoull(seed, NULL, 0) : 1;
	sim->random = sim->seed;
	sim->now = sim->began = 1000 * SIM_SECOND; /* not from zero, as real clocks */
	printf("# simulation: SIM_SEED=%llu\n", (unsigned long long)sim->seed);
	return sim;
}

void sim_destroy(struct sim *sim)
{
	if (!sim)
		return;
	for (size_t i = 0; i < sim->len; i++) {
		struct member *m = sim->members[i];
		dht_destroy(m->dht);
		sim_items_finish(&m->items);
		free(m->opened);
		free(m->saved);
		free(m);
	}
	sim_events_finish(&sim->events);
	free(sim->moved);
	free(sim->members);
	free(sim);
}

const struct dht_item *sim_item(struct sim *sim, size_t node, const struct dht_id *target)
{
	return sim_items_find(&sim->members[node]->items, target, sim->now);
}

size_t sim_copies(struct sim *sim, const struct dht_id *target)
{
	size_t copies = 0;
	for (size_t i = 0; i < sim->len; i++)
		copies += sim->members[i]->dht && sim_item(sim, i, target);
	return copies;
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
