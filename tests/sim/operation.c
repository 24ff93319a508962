/* Whole gets and puts in virtual time, and the items for them. */
#undef NDEBUG
#include "tests/sim/sim.h"
#include "dht/lookup.h"

#include <assert.h>
#include <string.h>

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

/* Acknowledgements after which a put counts as done in measurements: libtorrent's were taken
 * at that one too. */
#define ACKNOWLEDGED 6

struct operation {
	struct sim *sim;
	struct sim_answer *answer;
	struct dht_lookup *lookup;
	uint64_t began;
	bool done;
};

static void finish(struct operation *o, const struct dht_result *result)
{
	assert(!o->done);
	o->answer->result = *result;
	o->answer->took = sim_now(o->sim) - o->began;
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
		o->answer->first = sim_now(o->sim) - o->began;
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

static void run_to_end(struct operation *o)
{
	uint64_t end = o->began + LONGEST;
	while (!o->done && sim_step(o->sim, end))
		if (!o->done && !o->answer->sixth && o->lookup->result.stored >= ACKNOWLEDGED)
			o->answer->sixth = sim_now(o->sim) - o->began;
	assert(o->done);
	if (!o->answer->sixth)
		o->answer->sixth = o->answer->took;
}

void sim_get(
	struct sim *sim, size_t node, const struct dht_item *wanted, struct sim_answer *ret_answer)
{
	struct dht_id target;
	struct operation o = {.sim = sim, .answer = ret_answer, .began = sim_now(sim)};
	memset(ret_answer, 0, sizeof(*ret_answer));
	dht_item_target(wanted, &target);
	struct dht *dht = sim_dht(sim, node);
	int r = wanted->is_mutable ? dht_get_mutable(dht, wanted->key, wanted->salt,
					     wanted->salt_len, on_get, &o, &o.lookup)
				   : dht_get_immutable(dht, &target, on_get, &o, &o.lookup);
	assert(r == 0);
	run_to_end(&o);
}

void sim_put(struct sim *sim, size_t node, const struct dht_item *item, unsigned flags,
	struct sim_answer *ret_answer)
{
	struct operation o = {.sim = sim, .answer = ret_answer, .began = sim_now(sim)};
	memset(ret_answer, 0, sizeof(*ret_answer));
	int r = dht_put(sim_dht(sim, node), item, flags, on_put, &o, &o.lookup);
	assert(r == 0);
	run_to_end(&o);
}
