/* Nodes that are all next to one target. */
#undef NDEBUG
#include "tests/sim/sybils.h"
#include "tests/sim/liars.h"

#include <assert.h>
#include <stdlib.h>

#define WHO 77

/* In a /40 there is an address for nearly every prefix: 4,096 are tried. A /24 has 256 for all. */
#define TRIED6 4096
#define TRIED4 8

/* The nearest that BEP 42 allows. */
static void choose_address(const struct sim_sybils_case *c, const struct dht_id *target,
	size_t number, struct dht_endpoint *ret_at, struct dht_id *ret_id)
{
	struct dht_endpoint at = {.family = c->family, .port = 4001, .ip = {0x2a, 0x7f, 1, 1}};
	struct dht_id id, random = *target;
	if (c->family == 4)
		at.ip[0] = 45;
	at.ip[c->net == SIM_MANY_NETS ? 2 : c->family == 4 ? 3 : 5] = (uint8_t)(number + 1);
	for (unsigned i = 0; i < (c->family == 4 ? TRIED4 : TRIED6); i++) {
		if (c->family == 6) {
			at.ip[6] = (uint8_t)(i >> 8);
			at.ip[7] = (uint8_t)i;
		}
		random.b[19] = (uint8_t)i;
		dht_id_made(&at, random.b, &id);
		if (i > 0 && dht_id_nearer(target, ret_id, &id) < 0)
			continue;
		*ret_id = id;
		*ret_at = at;
	}
}

static struct dht_id random_id(struct sim *sim, const struct dht_id *target, unsigned bits)
{
	struct dht_id id = *target;
	for (unsigned bit = bits; bit < 8 * DHT_ID_LEN; bit++)
		if (sim_random(sim) & 1)
			id.b[bit / 8] ^= (uint8_t)(0x80 >> bit % 8);
	return id;
}

static size_t make_sybil(struct sim *sim, const struct sim_sybils_case *c,
	const struct dht_id *target, size_t number)
{
	struct dht_endpoint at;
	struct dht_id id;
	size_t node = sim_add(sim, c->family);
	if (c->net != SIM_ANY_ID) {
		choose_address(c, target, number, &at, &id);
	} else {
		sim_endpoint(sim, node, c->family, &at);
		id = random_id(sim, target, c->bits);
	}
	sim_move(sim, node, &at, &id);
	sim_join(sim, node, 0);
	return node;
}

static void make_honest(struct sim *sim, const struct sim_sybils_case *c, size_t *honest)
{
	for (size_t i = 1; i < c->honest; i++) {
		honest[i] = sim_add(sim, c->family);
		sim_join(sim, honest[i], 0);
		sim_run(sim, 1000);
	}
	/* Ids follow addresses there, which takes longer. */
	sim_run(sim, (c->config.mainline ? 60 : 10) * SIM_SECOND);
}

static void make_sybils(struct sim *sim, const struct sim_sybils_case *c,
	const struct dht_id *target, size_t *sybils)
{
	for (size_t i = 0; i < c->sybils; i++)
		sybils[i] = make_sybil(sim, c, target, i);
}

/* The next of the honest ones, or who has just come, told of by that one. */
static size_t honest_node(
	struct sim *sim, const struct sim_sybils_case *c, const size_t *honest, size_t turn)
{
	if (!c->newcomers)
		return honest[turn % c->honest];
	size_t node = sim_add(sim, c->family);
	sim_join(sim, node, honest[turn % c->honest]);
	sim_run(sim, SIM_SECOND);
	return node;
}

static void put_and_get(struct sim *sim, const struct sim_sybils_case *c, const size_t *honest,
	size_t round, struct sim_sybils_outcome *o)
{
	struct dht_item item;
	struct sim_answer a;
	sim_mutable(WHO, (int64_t)(2 + round), "wanted by many", &item);
	sim_put(sim, honest_node(sim, c, honest, round), &item, 0, &a);
	o->put_queries += a.result.queries;
	sim_get(sim, honest_node(sim, c, honest, round * 7 + 3), &item, &a);
	o->found += a.values > 0 && a.best.seq == item.seq;
	o->holders += a.result.holders;
	o->read_queries += a.result.queries;
	if (a.result.queries > o->read_queries_max)
		o->read_queries_max = a.result.queries;
}

void sim_sybils_run(const struct sim_sybils_case *c, struct sim_sybils_outcome *ret_outcome)
{
	struct sim *sim = sim_create(&c->config);
	struct dht_item item;
	struct dht_id target;
	size_t *honest = calloc(c->honest, sizeof(*honest));
	size_t *sybils = calloc(c->sybils, sizeof(*sybils));
	assert(honest && sybils);
	*ret_outcome = (struct sim_sybils_outcome){0};
	sim_mutable(WHO, 1, "wanted by many", &item);
	dht_item_target(&item, &target);
	honest[0] = sim_add(sim, c->family);
	if (c->from_birth) {
		make_sybils(sim, c, &target, sybils);
		make_honest(sim, c, honest);
	} else {
		make_honest(sim, c, honest);
		make_sybils(sim, c, &target, sybils);
	}
	struct sim_liars *liars = sim_liars_create(sim, SIM_SILENT, sybils, c->sybils);
	sim_run(sim, 10 * SIM_SECOND);
	for (size_t i = 0; i < c->rounds; i++)
		put_and_get(sim, c, honest, i, ret_outcome);
	sim_liars_destroy(liars);
	sim_destroy(sim);
	free(sybils);
	free(honest);
}
