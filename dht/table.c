/* The routing table of one address family: what is heard of a node, or is not, and what comes of
 * it.
 */
#include "dht/table.h"

#include <string.h>

#include "dht/table_inside.h"

#define SECOND ((uint64_t)1000000)
#define MINUTE (60 * SECOND)

/* Silences after which a node goes although nobody takes its place: about ten minutes. */
#define FAILURES_DROPPED 14
/* But a network that small remembers its members: when all are gone, the cable is out. */
#define REMEMBERED DHT_K
/* Forged packets shall not have us ask an honest node all the time. */
#define RETIRED_AGAIN MINUTE
/* Asking a whole bucket takes up to 128 packets, and strangers can bring it about. */
#define DOUBT_AGAIN (15 * MINUTE)

static void drop(struct dht_table *t, struct dht_node *node)
{
	struct dht_id id = node->contact.id;
	table_take_out(t, node);
	table_fill(t, &id);
}

static void doubt(struct dht_bucket *b, uint64_t now)
{
	if (b->doubted && now - b->doubted < DOUBT_AGAIN)
		return;
	b->doubted = now;
	for (size_t i = 0; i < b->len; i++)
		b->nodes[i].contested = true;
}

/* Someone else is where it was. */
static void evict(struct dht_table *t, struct dht_node *node, uint64_t now)
{
	size_t index = dht_table_bucket_of(t, &node->contact.id);
	drop(t, node);
	doubt(&t->buckets[index], now);
}

static void update(struct dht_node *node, uint64_t now, uint32_t rtt, const uint8_t *client)
{
	/* The weights of TCP's smoothed round-trip time (RFC 6298), but that a quicker answer
	 * counts by half: the way is as long as that, and what took longer has waited somewhere. */
	uint32_t off = rtt > node->rtt ? rtt - node->rtt : node->rtt - rtt;
	node->rttvar = node->rtt ? node->rttvar - node->rttvar / 4 + off / 4 : rtt / 4;
	if (!node->rtt)
		node->rtt = rtt;
	else if (rtt < node->rtt)
		node->rtt -= (node->rtt - rtt) / 2;
	else
		node->rtt += (rtt - node->rtt) / 8;
	node->heard = now;
	node->failures = 0;
	node->contested = false;
	if (client)
		memcpy(node->client, client, sizeof(node->client));
}

/* Nodes that went before a newcomer came in: an old id or address of its own, a fellow of its
 * subnet. Their places are filled after that, since the newcomer may be a spare itself. */
struct gone {
	struct dht_id id;
	bool doubtful; /* someone else is where it was */
};

struct gone_list {
	struct gone list[3];
	size_t len;
};

static void go(struct dht_table *t, struct dht_node *node, bool doubtful, struct gone_list *gone)
{
	gone->list[gone->len++] = (struct gone){node->contact.id, doubtful};
	table_take_out(t, node);
}

static void fill_all(struct dht_table *t, const struct gone_list *gone, uint64_t now)
{
	for (size_t i = 0; i < gone->len; i++) {
		const struct gone *g = &gone->list[i];
		table_fill(t, &g->id);
		if (g->doubtful)
			doubt(&t->buckets[dht_table_bucket_of(t, &g->id)], now);
	}
}

/* Somebody is there who is not `c`: an id at another address, or an address with another id.
 * The old one stays while it answers, so that an id cannot be stolen; whether it does is
 * asked at once. True when the place is free now. */
static bool gives_way(struct dht_table *t, struct dht_node *old, const struct dht_contact *c,
	struct gone_list *gone)
{
	bool same = dht_endpoint_equal(&old->contact.endpoint, &c->endpoint);
	if (same || old->failures) {
		go(t, old, same, gone);
		return true;
	}
	old->contested = true;
	dht_table_look_again(t);
	return false;
}

/* False: there is no place for it. */
static bool make_place(struct dht_table *t, const struct dht_node *fresh, struct gone_list *gone)
{
	const struct dht_contact *c = &fresh->contact;
	struct dht_node *old = table_find_id(t, &c->id), *fellow;
	if (old && !gives_way(t, old, c, gone))
		return false;
	old = table_find_address(t, &c->endpoint);
	if (old && !gives_way(t, old, c, gone))
		return false;
	if (!table_subnet_has_room(t, fresh, &fellow))
		return false;
	if (fellow)
		go(t, fellow, false, gone);
	return true;
}

bool dht_table_answered(struct dht_table *t, const struct dht_contact *c, uint64_t now,
	uint32_t rtt, const uint8_t *client)
{
	if (dht_id_equal(&c->id, &t->own))
		return false;
	struct dht_node *node = table_find(t, c);
	if (node) {
		bool was_lost = node->failures >= FAILURES_REPLACED;
		if (node->failures || node->contested)
			dht_table_look_again(t);
		update(node, now, rtt, client);
		return was_lost;
	}
	struct dht_node fresh = {.contact = *c,
		.asked = now,
		.since = now,
		.verified = dht_id_fits(&c->id, &c->endpoint)};
	update(&fresh, now, rtt, client);
	struct gone_list gone = {0};
	bool entered = make_place(t, &fresh, &gone) && table_insert(t, &fresh);
	fill_all(t, &gone, now);
	return entered;
}

void dht_table_asked(struct dht_table *t, const struct dht_contact *c, uint64_t now)
{
	struct dht_node *node = table_find(t, c);
	if (node)
		node->asked = now;
}

bool dht_table_seen(struct dht_table *t, const struct dht_contact *c, uint64_t now)
{
	struct dht_node *node = table_find(t, c);
	if (node)
		node->seen = now;
	return node;
}

void dht_table_retired(struct dht_table *t, const struct dht_contact *c, uint64_t now)
{
	struct dht_node *node = table_find(t, c);
	if (!node || node->contested || now - node->heard < RETIRED_AGAIN)
		return;
	node->contested = true;
	dht_table_look_again(t);
}

bool dht_table_silent(struct dht_table *t, const struct dht_contact *c)
{
	struct dht_node *node = table_find(t, c);
	if (!node)
		return false;
	if (node->failures < UINT8_MAX)
		node->failures++;
	dht_table_look_again(t);
	const struct dht_bucket *b = &t->buckets[dht_table_bucket_of(t, &c->id)];
	bool replaced = node->failures >= FAILURES_REPLACED && b->spares_len;
	bool dropped = node->failures >= FAILURES_DROPPED && t->len > REMEMBERED;
	if (replaced || dropped)
		drop(t, node);
	return replaced || dropped;
}

bool dht_table_remove(struct dht_table *t, const struct dht_contact *c, uint64_t now)
{
	struct dht_node *node = table_find(t, c);
	if (node)
		evict(t, node, now);
	return node;
}
