/* Whole gets and puts in virtual time, and the items for them. */
#undef NDEBUG
#include "tests/sim/sim.h"

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

void sim_nowhere(uint64_t who, struct dht_item *ret_item)
{
	*ret_item = (struct dht_item){.is_mutable = true};
	/* All but `who` is the same: keys of a few bits would be points of small order, which nobody
	 * answers for. */
	memset(ret_item->key, 0x5a, sizeof(ret_item->key));
	memcpy(ret_item->key, &who, sizeof(who));
}

static void end(struct sim_operation *o, const struct dht_result *result)
{
	assert(!o->done);
	o->answer.result = *result;
	o->answer.took = sim_now(o->sim) - o->began;
	o->answer.sixth = result->enough ? result->enough : o->answer.took;
	o->done = true;
}

static void on_get(void *ctx, const struct dht_item *item, const struct dht_endpoint *from,
	const struct dht_result *result)
{
	struct sim_operation *o = ctx;
	struct sim_answer *a = &o->answer;
	if (result) {
		assert(!item);
		end(o, result);
		return;
	}
	if (!a->values && !a->own)
		a->first = sim_now(o->sim) - o->began;
	if (!a->best.value_len || item->seq > a->best.seq)
		a->best = *item;
	a->values += from != NULL;
	a->own |= from == NULL;
}

static void on_put(void *ctx, const struct dht_result *result)
{
	end(ctx, result);
}

static void begin(struct sim *sim, struct sim_operation *o)
{
	memset(o, 0, sizeof(*o));
	o->sim = sim;
	o->began = sim_now(sim);
}

void sim_begin_get(struct sim *sim, size_t node, const struct dht_item *wanted,
	struct sim_operation *ret_operation)
{
	struct dht_id target;
	struct dht_lookup *lookup;
	struct dht *dht = sim_dht(sim, node);
	begin(sim, ret_operation);
	dht_item_target(wanted, &target);
	int r = wanted->is_mutable
			? dht_get_mutable(dht, wanted->key, wanted->salt, wanted->salt_len, on_get,
				  ret_operation, &lookup)
			: dht_get_immutable(dht, &target, on_get, ret_operation, &lookup);
	assert(r == 0);
}

void sim_begin_read_back(struct sim *sim, size_t node, const struct dht_item *item,
	struct sim_operation *ret_operation)
{
	struct dht_lookup *lookup;
	begin(sim, ret_operation);
	int r = dht_read_back(sim_dht(sim, node), item, on_get, ret_operation, &lookup);
	assert(r == 0);
}

void sim_begin_put(struct sim *sim, size_t node, const struct dht_item *item, unsigned flags,
	struct sim_operation *ret_operation)
{
	struct dht_lookup *lookup;
	begin(sim, ret_operation);
	int r = dht_put(sim_dht(sim, node), item, flags, on_put, ret_operation, &lookup);
	assert(r == 0);
}

/* Longer than a look-up may take under whatever circumstances. */
#define LONGEST (120 * SIM_SECOND)

void sim_end(struct sim_operation *o)
{
	while (!o->done && sim_step(o->sim, o->began + LONGEST))
		;
	assert(o->done);
}

void sim_get(
	struct sim *sim, size_t node, const struct dht_item *wanted, struct sim_answer *ret_answer)
{
	struct sim_operation o;
	sim_begin_get(sim, node, wanted, &o);
	sim_end(&o);
	*ret_answer = o.answer;
}

void sim_put(struct sim *sim, size_t node, const struct dht_item *item, unsigned flags,
	struct sim_answer *ret_answer)
{
	struct sim_operation o;
	sim_begin_put(sim, node, item, flags, &o);
	sim_end(&o);
	*ret_answer = o.answer;
}
