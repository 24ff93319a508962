/* Queries of others: what we know of nodes, items and peers. Replies and errors are never
 * answered, nor is junk, so nobody can make two nodes talk to each other for ever. */
#include "dht/engine.h"

#include <errno.h>
#include <string.h>

/* So that beside the peers a packet of DHT_REPLY6_MAX has room for nodes. */
#define PEERS6_MAX (DHT_PEERS_MAX / 2)

_Static_assert(DHT_REPLY_MAX <= DHT_LIMITS_OUT_LONGEST, "what a second may hold, limits.c counts");

/* What is being answered. */
struct service {
	struct dht *dht;
	const struct dht_endpoint *from;
	const struct dht_message *query;
	struct dht_message *reply;
	uint8_t token[DHT_TOKEN_LEN]; /* the reply points to these */
	struct dht_item item;
	struct dht_sample sample;
};

static void add_nodes(struct service *s)
{
	const struct dht_message *q = s->query;
	bool asked = q->want4 || q->want6;
	bool want[2] = {
		asked ? q->want4 : s->from->family == 4, asked ? q->want6 : s->from->family == 6};
	struct dht_message *r = s->reply;
	r->want4 = want[0];
	r->want6 = want[1];
	for (unsigned family = 0; family < 2; family++)
		if (want[family])
			r->nodes_len += dht_table_named(&s->dht->tables[family], &q->target,
				r->nodes + r->nodes_len, DHT_K);
}

static void turn_tokens(struct dht *dht)
{
	uint64_t age = dht_now(dht) - dht->tokens_turned;
	uint8_t fresh[DHT_TOKEN_SECRET_LEN];
	if (age < DHT_TOKEN_TURN)
		return;
	/* After a long silence the one before is too old as well. */
	for (unsigned i = age < 2 * DHT_TOKEN_TURN; i < 2; i++) {
		dht->ops.random(dht->self, fresh, sizeof(fresh));
		dht_tokens_turn(&dht->tokens, fresh);
	}
	dht->tokens_turned = dht_now(dht);
}

static void add_token(struct service *s)
{
	turn_tokens(s->dht);
	dht_token_make(&s->dht->tokens, s->from, &s->query->target, s->token);
	s->reply->token = (struct bytes){s->token, sizeof(s->token)};
}

static bool token_holds(struct service *s, const struct dht_id *target)
{
	turn_tokens(s->dht);
	bool holds = dht_token_holds(
		&s->dht->tokens, s->from, target, s->query->token.data, s->query->token.len);
	if (holds)
		dht_source_proved(s->dht, s->from);
	return holds;
}

static int serve_find_node(struct service *s)
{
	if (!s->query->has_target)
		return DHT_E_PROTOCOL;
	add_nodes(s);
	return 0;
}

static int serve_get_peers(struct service *s)
{
	if (!s->query->has_target)
		return DHT_E_PROTOCOL;
	struct dht_message *r = s->reply;
	dht_peers_expire(s->dht->peers, dht_now(s->dht));
	r->peers_len = dht_peers_find(s->dht->peers, &s->query->target, s->from->family, r->peers,
		s->from->family == 4 ? DHT_PEERS_MAX : PEERS6_MAX);
	add_token(s);
	add_nodes(s);
	return 0;
}

/* BEP 51: for who makes an index of all there is. */
static int serve_sample(struct service *s)
{
	dht_peers_sample(s->dht->peers, dht_now(s->dht), &s->sample);
	s->reply->has_samples = true;
	s->reply->samples = (struct bytes){s->sample.hashes, s->sample.len * DHT_ID_LEN};
	s->reply->num = (int64_t)s->sample.num;
	s->reply->interval = s->sample.seconds;
	return serve_find_node(s);
}

static int serve_announce_peer(struct service *s)
{
	const struct dht_message *q = s->query;
	struct dht_endpoint peer = *s->from;
	if (!q->has_target || !token_holds(s, &q->target))
		return DHT_E_PROTOCOL;
	if (!q->implied_port)
		peer.port = q->port;
	if (!peer.port)
		return DHT_E_PROTOCOL;
	int r = dht_peers_add(s->dht->peers, &q->target, &peer, dht_now(s->dht));
	return r < 0 ? DHT_E_SERVER : 0;
}

/* Does the signature hold? Checked once for each item, byte for byte, that is held. */
static bool holds(struct dht *dht, const struct dht_item *item)
{
	if (!item->is_mutable)
		return true; /* its target was found to be its hash */
	if (dht_verified_has(&dht->verified, item))
		return true;
	dht->counters.verifications++;
	if (dht_item_verify(item) == 0) {
		dht_verified_add(&dht->verified, item);
		return true;
	}
	dht->counters.values_bad++;
	return false;
}

/* Who asks for an item makes it worth more to the store: not in the name of others, where many
 * addresses that anyone may have written would do it. */
static const struct dht_endpoint *counted(const struct service *s)
{
	const struct dht_limits *limits = s->dht->limits;
	return !limits || dht_limits_verified(limits, s->from, dht_now(s->dht)) ? s->from : NULL;
}

static int serve_get(struct service *s)
{
	const struct dht_message *q = s->query;
	struct dht_message *r = s->reply;
	struct dht_item *item = &s->item;
	if (!q->has_target)
		return DHT_E_PROTOCOL;
	add_token(s);
	add_nodes(s);
	/* Unreadable, damaged or absent: the nodes and the token are of use all the same. */
	if (s->dht->ops.find(s->dht->self, &q->target, counted(s), item) < 0 ||
		!holds(s->dht, item))
		return 0;
	r->has_seq = item->is_mutable;
	r->seq = item->seq;
	if (item->is_mutable && q->has_seq && item->seq <= q->seq)
		return 0; /* the asker has that, or newer */
	r->value = (struct bytes){item->value, item->value_len};
	if (item->is_mutable) {
		r->has_key = r->has_sig = true;
		r->key = (struct bytes){item->key, DHT_KEY_LEN};
		r->sig = (struct bytes){item->sig, DHT_SIG_LEN};
	}
	return 0;
}

/* The target that a put must have a token for. Not by way of an item: values and salts that
 * are too long to be one have a target as well, and the token is what is checked first. */
static void target_of(const struct dht_message *q, struct dht_id *ret_target)
{
	if (q->has_key)
		dht_mutable_target(q->key.data, q->salt.data, q->salt.len, ret_target);
	else
		dht_sha1(q->value.data, q->value.len, ret_target);
}

/* The checks of BEP 44 that need no stored item, in its order; 0 or a KRPC error code. */
static int read_put(struct service *s, struct dht_id *ret_target)
{
	const struct dht_message *q = s->query;
	struct dht_item *item = &s->item;
	if (!q->value.len)
		return DHT_E_PROTOCOL;
	target_of(q, ret_target);
	if (!token_holds(s, ret_target))
		return DHT_E_PROTOCOL;
	if (q->value.len > DHT_VALUE_MAX)
		return DHT_E_VALUE_BIG;
	if (q->has_key && q->salt.len > DHT_SALT_MAX)
		return DHT_E_SALT_BIG;
	/* A key makes it mutable. Taken for immutable for want of a signature, as libtorrent
	 * does, it would be stored under the target of what only the key may write. */
	if (q->has_key && (!q->has_sig || !q->has_seq))
		return DHT_E_PROTOCOL;
	if (q->has_target && !dht_id_equal(&q->target, ret_target))
		return DHT_E_PROTOCOL;
	if (q->has_key && q->seq < 0)
		return DHT_E_PROTOCOL;
	*item = (struct dht_item){.is_mutable = q->has_key, .value_len = (uint16_t)q->value.len};
	memcpy(item->value, q->value.data, q->value.len);
	if (!q->has_key)
		return 0;
	memcpy(item->key, q->key.data, DHT_KEY_LEN);
	memcpy(item->sig, q->sig.data, DHT_SIG_LEN);
	if (q->salt.len)
		memcpy(item->salt, q->salt.data, q->salt.len);
	item->salt_len = (uint8_t)q->salt.len;
	item->seq = q->seq;
	return 0;
}

static int may_replace(struct dht *dht, const struct dht_item *held, const struct dht_item *item,
	const int64_t *cas)
{
	int code = dht_item_supersedes(held, item, cas, cas ? *cas : 0);
	if (code == 0 && dht->ops.judge)
		code = dht->ops.judge(dht->self, held, item);
	return code;
}

int dht_keep_here(struct dht *dht, const struct dht_id *target, const struct dht_item *item,
	const int64_t *cas, const struct dht_endpoint *from)
{
	struct dht_item stored;
	/* What publishers send most is what we hold: its signature has been checked then, and the
	 * judge has let it pass. */
	bool cas_holds = !cas || *cas == item->seq;
	if (cas_holds && dht->ops.renew && dht->ops.renew(dht->self, target, item, from) == 0)
		return 0;
	int r = dht->ops.find(dht->self, target, NULL, &stored);
	if (r < 0 && r != -ENOENT)
		return DHT_E_SERVER; /* what we hold may be newer */
	const struct dht_item *held = r == 0 ? &stored : NULL;
	if (from && !(held && dht_item_equal(held, item)) && !holds(dht, item))
		return DHT_E_SIGNATURE;
	int code = may_replace(dht, held, item, cas);
	/* Disks lie: a damaged row must not keep the genuine item out. */
	if (held && (code == DHT_E_CAS || code == DHT_E_SEQ) && !holds(dht, held))
		code = may_replace(dht, NULL, item, cas);
	if (code == 0 && dht->ops.keep(dht->self, target, item, from) < 0)
		code = DHT_E_SERVER;
	return code;
}

static int serve_put(struct service *s)
{
	struct dht_id target;
	int code = read_put(s, &target);
	if (code == 0)
		code = dht_keep_here(s->dht, &target, &s->item,
			s->query->has_cas ? &s->query->cas : NULL, s->from);
	s->dht->counters.items_kept += code == 0;
	return code;
}

static int serve_method(struct service *s)
{
	switch (s->query->method) {
	case DHT_PING:
		return 0;
	case DHT_FIND_NODE:
		return serve_find_node(s);
	case DHT_GET_PEERS:
		return serve_get_peers(s);
	case DHT_ANNOUNCE_PEER:
		return serve_announce_peer(s);
	case DHT_GET:
		return serve_get(s);
	case DHT_PUT:
		return serve_put(s);
	case DHT_SAMPLE_INFOHASHES:
		return serve_sample(s);
	case DHT_METHOD_UNKNOWN:
		/* A later method that looks for nodes finds them. */
		return s->query->has_target ? serve_find_node(s) : DHT_E_METHOD;
	}
	return DHT_E_METHOD;
}

static struct bytes text_of(int code)
{
	static const struct {
		int code;
		const char *text;
	} texts[] = {
		{DHT_E_SERVER, "Server Error"},
		{DHT_E_PROTOCOL, "Protocol Error"},
		{DHT_E_METHOD, "Method Unknown"},
		{DHT_E_VALUE_BIG, "Message (v field) too big."},
		{DHT_E_SIGNATURE, "Invalid signature"},
		{DHT_E_SALT_BIG, "Salt (salt field) too big."},
		{DHT_E_CAS, "The CAS hash mismatched, re-read value and try again."},
		{DHT_E_SEQ, "Sequence number less than current."},
	};
	const char *text = "Generic Error";
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
		if (texts[i].code == code)
			text = texts[i].text;
	return (struct bytes){(const uint8_t *)text, strlen(text)};
}

static bool has_room(const struct dht *dht, const struct dht_endpoint *to)
{
	return !dht->limits || dht_limits_room(dht->limits, to, dht_now(dht));
}

/* Nothing is looked up for who cannot be answered. A put and an announcement may bring the token
 * that says they can. */
static bool worth_serving(
	struct dht *dht, const struct dht_endpoint *from, const struct dht_message *query)
{
	if (query->method == DHT_PUT || query->method == DHT_ANNOUNCE_PEER || has_room(dht, from))
		return true;
	dht->counters.drop_bytes++;
	return false;
}

/* The largest mutable values do not fit what every IPv6 path carries whole: they go alone. */
static void send_reply(struct dht *dht, const struct dht_endpoint *to, struct dht_message *reply)
{
	if (to->family == 4) {
		dht_send_message(dht, to, reply, DHT_REPLY_MAX);
	} else if (dht_send_message(dht, to, reply, DHT_REPLY6_MAX) < 0) {
		reply->nodes_len = 0;
		dht_send_message(dht, to, reply, DHT_REPLY_MAX);
	}
}

/* The ping that asks whether a stranger is there goes to an address that anyone may have
 * written: its bytes count like those of a reply. */
static void introduce(
	struct dht *dht, const struct dht_endpoint *from, const struct dht_message *query)
{
	struct dht_contact stranger = {.id = query->id, .endpoint = *from};
	if (!has_room(dht, from))
		return;
	uint64_t before = dht->counters.bytes_out;
	dht_upkeep_met(dht, &stranger, query->read_only);
	if (dht->limits && dht->counters.bytes_out > before)
		dht_limits_out(dht->limits, from, dht->counters.bytes_out - before, dht_now(dht));
}

void dht_serve(
	struct dht *dht, const struct dht_endpoint *from, const struct dht_message *query, int bad)
{
	dht_presence_asked(dht, from);
	if (dht_is_read_only(dht) || !worth_serving(dht, from, query))
		return;
	struct dht_message reply = {.kind = DHT_REPLY,
		.transaction = query->transaction,
		.client = {(const uint8_t *)DHT_CLIENT, 4},
		.has_id = true,
		.id = dht->config.id,
		.you = *from};
	struct service s = {.dht = dht, .from = from, .query = query, .reply = &reply};
	int code = bad ? bad : serve_method(&s);
	if (code) {
		reply = (struct dht_message){.kind = DHT_ERROR,
			.transaction = query->transaction,
			.client = reply.client,
			.has_id = true,
			.id = dht->config.id,
			.you = *from,
			.error = code,
			.error_text = text_of(code)};
	}
	send_reply(dht, from, &reply);
	if (query->has_id && !bad)
		introduce(dht, from, query);
}
