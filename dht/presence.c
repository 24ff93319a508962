/* How we are to others. */
#include "dht/engine.h"

#include <string.h>

/* On a network of one's own an id of one's own choice is as good as any. */
static bool matters(const struct dht *dht)
{
	return dht->config.mainline || dht->config.limits;
}

int dht_presence_init(struct dht *dht)
{
	uint64_t salt;
	if (!matters(dht) || dht->config.read_only)
		return 0;
	dht->ops.random(dht->self, &salt, sizeof(salt));
	return dht_reach_init(&dht->presence.reach, salt, dht_now(dht));
}

void dht_presence_finish(struct dht *dht)
{
	dht_reach_finish(&dht->presence.reach);
}

void dht_presence_wrote(struct dht *dht, const struct dht_endpoint *to)
{
	dht_reach_wrote(&dht->presence.reach, to);
}

void dht_presence_answered(
	struct dht *dht, const struct dht_endpoint *from, const struct dht_message *m)
{
	struct dht_presence *p = &dht->presence;
	struct dht_address *a = &p->addresses[from->family == 6];
	uint64_t now = dht_now(dht);
	struct dht_endpoint before = a->known;
	dht_reach_answered(&p->reach);
	size_t nodes = dht->tables[from->family == 6].len;
	if (!dht_address_vote(a, from, &m->you, nodes, now))
		return;
	p->id_doubtful = true;
	/* Another port of the same host is none of a move: the trial need not begin anew. */
	if (before.family && !dht_endpoint_same_ip(&before, &a->known))
		dht_reach_moved(&p->reach, now);
	dht_upkeep_by(dht, now);
}

void dht_presence_asked(struct dht *dht, const struct dht_endpoint *from)
{
	struct dht_presence *p = &dht->presence;
	dht_reach_asked(&p->reach, from);
	if (p->was_read_only && !p->reach.read_only)
		dht_upkeep_by(dht, dht_now(dht));
}

/* The tables keep their nodes. What we keep for others, the tokens that we gave out and those that
 * we got are bound to addresses and targets, not to our id. Without memory all stays as it is. */
static void change_id(struct dht *dht, const struct dht_id *id)
{
	struct dht_table fresh[2];
	if (dht_table_around(&dht->tables[0], id, &fresh[0]) < 0)
		return;
	if (dht_table_around(&dht->tables[1], id, &fresh[1]) < 0) {
		dht_table_finish(&fresh[0]);
		return;
	}
	for (unsigned i = 0; i < 2; i++) {
		dht_table_finish(&dht->tables[i]);
		dht->tables[i] = fresh[i];
	}
	dht->config.id = *id;
	dht->counters.id_changes++;
	dht_upkeep_moved(dht);
	if (dht->ops.own_id)
		dht->ops.own_id(dht->self, id);
}

/* Where we have both, IPv4 decides: one id serves both networks, and there are more nodes there
 * to hold it against us. */
static void fit_id(struct dht *dht)
{
	const struct dht_address *a = dht->presence.addresses;
	const struct dht_endpoint *e = a[0].known.family ? &a[0].known : &a[1].known;
	dht->presence.id_doubtful = false;
	if (!matters(dht) || dht_id_fits(&dht->config.id, e))
		return;
	struct dht_id random, id;
	dht->ops.random(dht->self, random.b, sizeof(random.b));
	dht_id_made(e, random.b, &id);
	change_id(dht, &id);
}

uint64_t dht_presence_run(struct dht *dht, uint64_t now)
{
	struct dht_presence *p = &dht->presence;
	uint64_t due;
	if (p->id_doubtful)
		fit_id(dht);
	dht_reach_run(&p->reach, now, &due);
	/* A server again: those near to us are to know. */
	if (p->was_read_only && !p->reach.read_only)
		dht_upkeep_moved(dht);
	p->was_read_only = p->reach.read_only;
	return due;
}

void dht_external(const struct dht *dht, unsigned family, struct dht_endpoint *ret_endpoint)
{
	*ret_endpoint = dht->presence.addresses[family == 6].known;
}

bool dht_is_read_only(const struct dht *dht)
{
	return dht->config.read_only || dht->presence.reach.read_only;
}
