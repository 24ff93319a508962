/* Nodes that are all next to one target. */
#undef NDEBUG
#include "tests/sim/sybils.h"
#include "dht/estimate.h"
#include "tests/sim/liars.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define WHO 77

/* In a /40 there is an address for nearly every prefix: 4,096 are tried. A /24 has 256 for all. */
#define TRIED6 4096
#define TRIED4 8

struct world {
	const struct sim_sybils_case *c;
	struct sim *sim;
	size_t *honest, *sybils; /* sybils NULL: they are yet to come */
	uint64_t who;		 /* who writes */
	struct dht_id target;
};

/* The honest nodes are so far apart. */
static uint64_t spacing_of(const struct world *w)
{
	return UINT64_MAX / (w->c->honest + 1);
}

static bool is_in_ring(const struct world *w, const struct dht_id *id)
{
	uint64_t d = dht_distance(&w->target, id) / (spacing_of(w) / 10);
	return d >= w->c->ring_from && d < w->c->ring_to;
}

/* The nearest that BEP 42 allows, or one in the ring. */
static void choose_address(const struct world *w, size_t number, bool ring,
	struct dht_endpoint *ret_at, struct dht_id *ret_id)
{
	const struct sim_sybils_case *c = w->c;
	struct dht_endpoint at = {.family = c->family, .port = 4001, .ip = {0x2a, 0x7f, 1, 1}};
	struct dht_id id, random = w->target;
	bool four = c->family == 4, wide = c->net == SIM_WIDE_NET;
	unsigned own = c->net == SIM_MANY_NETS ? 2 : four ? 3 - wide : 5 - wide;
	if (four)
		at.ip[0] = 45;
	at.ip[own] = (uint8_t)(number + 1);
	for (unsigned i = 0; i < (four && !ring ? TRIED4 : TRIED6); i++) {
		if (!four) {
			at.ip[6] = (uint8_t)(i >> 8);
			at.ip[7] = (uint8_t)i;
		} else if (ring) {
			at.ip[3] = (uint8_t)(i / TRIED4);
		}
		random.b[19] = (uint8_t)i;
		dht_id_made(&at, random.b, &id);
		if (i > 0 && !(ring && is_in_ring(w, &id)) &&
			(ring || dht_id_nearer(&w->target, ret_id, &id) < 0))
			continue;
		*ret_id = id;
		*ret_at = at;
	}
}

/* Of the rest the bits are random. */
static struct dht_id random_id(const struct world *w, unsigned bits)
{
	struct dht_id id = w->target;
	for (unsigned bit = bits; bit < 8 * DHT_ID_LEN; bit++)
		if (sim_random(w->sim) & 1)
			id.b[bit / 8] ^= (uint8_t)(0x80 >> bit % 8);
	return id;
}

static struct dht_id id_in_ring(const struct world *w)
{
	struct dht_id id = random_id(w, 64);
	uint64_t tenth = spacing_of(w) / 10;
	uint64_t d = tenth * w->c->ring_from +
		     sim_random(w->sim) % (tenth * (w->c->ring_to - w->c->ring_from));
	for (unsigned i = 0; i < 8; i++)
		id.b[i] = w->target.b[i] ^ (uint8_t)(d >> (56 - 8 * i));
	return id;
}

static size_t make_sybil(const struct world *w, size_t number)
{
	const struct sim_sybils_case *c = w->c;
	struct dht_endpoint at;
	struct dht_id id;
	size_t node = sim_add(w->sim, c->family);
	bool ring = number + c->in_ring >= c->sybils;
	if (c->net != SIM_ANY_ID) {
		choose_address(w, number, ring, &at, &id);
	} else {
		sim_endpoint(w->sim, node, c->family, &at);
		id = ring ? id_in_ring(w) : random_id(w, c->bits);
	}
	sim_move(w->sim, node, &at, &id);
	sim_join(w->sim, node, 0);
	return node;
}

static void make_honest(const struct world *w)
{
	const struct sim_sybils_case *c = w->c;
	for (size_t i = 1; i < c->honest; i++) {
		w->honest[i] = sim_add(w->sim, c->family);
		sim_join(w->sim, w->honest[i], 0);
		sim_run(w->sim, 1000);
	}
	/* Ids follow addresses there, which takes longer. */
	sim_run(w->sim, (c->config.mainline ? 60 : 10) * SIM_SECOND);
}

static void make_sybils(struct world *w)
{
	w->sybils = calloc(w->c->sybils, sizeof(*w->sybils));
	assert(w->sybils);
	for (size_t i = 0; i < w->c->sybils; i++)
		w->sybils[i] = make_sybil(w, i);
}

static void set_writer(struct world *w, uint64_t who)
{
	struct dht_item item;
	w->who = who;
	sim_mutable(who, 1, "wanted by many", &item);
	dht_item_target(&item, &w->target);
}

/* The distance of the honest node that is nearest. */
static uint64_t nearest_honest(const struct world *w)
{
	uint64_t nearest = UINT64_MAX;
	for (size_t i = 0; i < w->c->honest; i++) {
		const struct dht_id *id = dht_own_id(sim_dht(w->sim, w->honest[i]));
		uint64_t d = dht_distance(&w->target, id);
		nearest = d < nearest ? d : nearest;
	}
	return nearest;
}

/* A target around which there is room for the ring, or nearly: one of 25 has it. */
static void choose_target(struct world *w)
{
	uint64_t best = 0, room = 0, most = spacing_of(w) / 10 * w->c->ring_to;
	for (uint64_t who = WHO; who < WHO + 200 && room < most; who++) {
		set_writer(w, who);
		uint64_t d = nearest_honest(w);
		best = d > room ? who : best;
		room = d > room ? d : room;
	}
	set_writer(w, best);
}

/* The next of the honest ones, or who has just come, told of by that one. */
static size_t honest_node(const struct world *w, size_t turn)
{
	if (!w->c->newcomers)
		return w->honest[turn % w->c->honest];
	size_t node = sim_add(w->sim, w->c->family);
	sim_join(w->sim, node, w->honest[turn % w->c->honest]);
	sim_run(w->sim, SIM_SECOND);
	return node;
}

static struct sim_answer read_back(const struct world *w, size_t node, const struct dht_item *item)
{
	struct sim_operation o;
	sim_begin_read_back(w->sim, node, item, &o);
	sim_end(&o);
	return o.answer;
}

/* One who has put a value is left with the Sybils that keep it. */
static void leave_alone(const struct world *w, struct sim_sybils_outcome *o)
{
	struct dht_item item;
	struct sim_answer a;
	size_t writer = honest_node(w, 0);
	sim_mutable(w->who, (int64_t)(2 + w->c->rounds), "wanted by many", &item);
	sim_put(w->sim, writer, &item, 0, &a);
	for (size_t i = 0; i < w->c->honest; i++)
		if (w->honest[i] != writer && sim_item(w->sim, w->honest[i], &w->target))
			sim_kill(w->sim, w->honest[i], false);
	a = read_back(w, writer, &item);
	o->left = a.result.holders;
	o->left_held = a.result.held;
}

static void put_and_get(const struct world *w, size_t round, struct sim_sybils_outcome *o)
{
	struct dht_item item;
	struct sim_answer a;
	sim_mutable(w->who, (int64_t)(2 + round), "wanted by many", &item);
	size_t writer = honest_node(w, round);
	sim_put(w->sim, writer, &item, 0, &a);
	o->put_queries += a.result.queries;
	if (w->c->two_faced)
		o->read_back += read_back(w, writer, &item).result.held > 0;
	sim_get(w->sim, honest_node(w, round * 7 + 3), &item, &a);
	o->found += a.values > 0 && a.best.seq == item.seq;
	o->holders += a.result.holders;
	o->read_queries += a.result.queries;
	if (a.result.queries > o->read_queries_max)
		o->read_queries_max = a.result.queries;
}

/* The case until its network has settled: of the sybils only those count that were there from birth.
 * It is compared byte by byte; padding that differs only makes a network settle once more. */
static struct sim_sybils_case settling_of(const struct sim_sybils_case *c)
{
	struct sim_sybils_case s;
	memset(&s, 0, sizeof(s));
	if (c->from_birth)
		s = *c;
	s.config = c->config;
	s.honest = c->honest;
	s.family = c->family;
	s.newcomers = s.two_faced = false;
	s.rounds = 0;
	return s;
}

static struct world make_world(const struct sim_sybils_case *c)
{
	struct world w = {.c = c, .sim = sim_create(&c->config)};
	w.honest = calloc(c->honest, sizeof(*w.honest));
	assert(w.honest);
	set_writer(&w, WHO);
	w.honest[0] = sim_add(w.sim, c->family);
	if (c->from_birth)
		make_sybils(&w);
	make_honest(&w);
	return w;
}

/* That of the last case, if this one's settles alike. */
static struct world settled_world(const struct sim_sybils_case *c)
{
	static struct sim_sybils_case settled;
	static struct world w;
	struct sim_sybils_case wanted = settling_of(c);
	if (!w.sim || memcmp(&settled, &wanted, sizeof(wanted)) != 0) {
		sim_destroy(w.sim);
		free(w.sybils);
		free(w.honest);
		w = make_world(c);
		settled = wanted;
	}
	w.c = c;
	return w;
}

static void put_and_get_all(void *ctx, void *outcome)
{
	struct world *w = ctx;
	const struct sim_sybils_case *c = w->c;
	struct sim_sybils_outcome *o = outcome;
	if (c->in_ring)
		choose_target(w);
	if (!w->sybils)
		make_sybils(w);
	struct sim_liars *liars = sim_liars_create(
		w->sim, c->two_faced ? SIM_TWO_FACED : SIM_SILENT, w->sybils, c->sybils);
	sim_run(w->sim, 10 * SIM_SECOND);
	for (size_t i = 0; i < c->rounds; i++)
		put_and_get(w, i, o);
	if (c->two_faced)
		leave_alone(w, o);
	sim_liars_destroy(liars);
}

void sim_sybils_run(const struct sim_sybils_case *c, struct sim_sybils_outcome *ret_outcome)
{
	struct world w = settled_world(c);
	*ret_outcome = (struct sim_sybils_outcome){0};
	sim_apart(put_and_get_all, &w, ret_outcome, sizeof(*ret_outcome));
}
