/* Forged values and answers; see forgeries.h. */
#undef NDEBUG
#include "tests/sim/forgeries.h"
#include "dht/closest.h"
#include "dht/message.h"
#include "tests/sim/rewrite.h"

#include <assert.h>
#include <string.h>

/* Puts that use one token, which holds for five minutes at least. */
#define PUTS_A_TOKEN 100
#define SPOOFED_EVERY 20 /* microseconds */

static enum sim_forgery forgery; /* what the liars return: a lie has no context of its own */
static struct dht_item genuine, others, immutable;

const char *sim_forgery_name(enum sim_forgery kind)
{
	static const char *const names[] = {
		[SIM_OF_OTHER_KEY] = "of another key",
		[SIM_WITHOUT_SIG] = "without sig",
		[SIM_WITHOUT_SEQ] = "without seq",
		[SIM_OF_NEGATIVE_SEQ] = "of a negative seq",
		[SIM_OF_OTHER_HASH] = "of another hash",
		[SIM_ALTERED_VALUE] = "value altered",
		[SIM_ALTERED_SIG] = "sig altered",
		[SIM_ALTERED_SEQ] = "seq altered",
		[SIM_OF_OTHER_SALT] = "of another salt",
	};
	return names[kind];
}

struct sim *sim_forgers(const struct sim_config *config, size_t n)
{
	sim_mutable(9, 5, "genuine", &genuine);
	sim_mutable(10, 5, "of another key", &others);
	sim_immutable("immutable", &immutable);
	return sim_network(config, n);
}

static void alter(struct sim *sim, uint8_t *bytes, size_t len)
{
	uint64_t random = sim_random(sim);
	bytes[(random >> 8) % len] ^= (uint8_t)(1u << (random & 7));
}

static struct dht_item forged_item(struct sim *sim, enum sim_forgery kind)
{
	struct dht_item item = genuine;
	if (kind == SIM_OF_OTHER_KEY)
		item = others;
	if (kind == SIM_OF_OTHER_HASH)
		item = immutable;
	if (kind == SIM_ALTERED_VALUE || kind == SIM_OF_OTHER_HASH) /* it stays a string: "7:…" */
		alter(sim, item.value + 2, item.value_len - 2u);
	if (kind == SIM_ALTERED_SIG)
		alter(sim, item.sig, DHT_SIG_LEN);
	if (kind == SIM_ALTERED_SEQ)
		item.seq += 1 + (int64_t)(sim_random(sim) % 1000);
	if (kind == SIM_OF_NEGATIVE_SEQ)
		item.seq = -1 - item.seq;
	return item;
}

/* The message has this value; its parts point to it. */
static void carry(struct dht_message *m, const struct dht_item *item, enum sim_forgery kind)
{
	m->value = (struct bytes){item->value, item->value_len};
	m->has_key = m->has_sig = item->is_mutable;
	if (item->is_mutable) {
		m->key = (struct bytes){item->key, DHT_KEY_LEN};
		m->sig = (struct bytes){item->sig, DHT_SIG_LEN};
	}
	if (kind == SIM_WITHOUT_SIG) {
		m->has_sig = false;
		m->sig = (struct bytes){0};
	}
	m->has_seq = item->is_mutable && kind != SIM_WITHOUT_SEQ;
	m->seq = item->seq;
}

static size_t return_forgery(
	struct sim *sim, size_t node, uint8_t *datagram, size_t len, size_t cap)
{
	struct dht_message m;
	(void)node;
	if (dht_message_read(datagram, len, &m) < 0 || m.kind != DHT_REPLY || !m.token.len)
		return len;
	struct dht_item item = forged_item(sim, forgery);
	carry(&m, &item, forgery);
	return sim_rewrite(&m, datagram, cap);
}

/* What is asked for, or written over. */
static struct dht_item wanted_of(enum sim_forgery kind)
{
	struct dht_item wanted = kind == SIM_OF_OTHER_HASH ? immutable : genuine;
	if (kind == SIM_OF_OTHER_SALT)
		memcpy(wanted.salt, "salt", wanted.salt_len = 4);
	return wanted;
}

static struct dht_counters counters_of(struct sim *sim)
{
	struct dht_counters c;
	dht_counters(sim_dht(sim, 0), &c);
	return c;
}

static void note_checks(struct sim_forged *f, uint64_t checks)
{
	f->checked += checks;
	f->least = checks < f->least ? checks : f->least;
	f->most = checks > f->most ? checks : f->most;
}

void sim_forged_gets(
	struct sim *sim, enum sim_forgery kind, uint64_t values, struct sim_forged *ret_forged)
{
	struct sim_forged f = {.least = UINT64_MAX};
	struct dht_item wanted = wanted_of(kind);
	forgery = kind;
	for (size_t i = 1; i < sim_len(sim); i++)
		sim_set_lie(sim, i, return_forgery);
	while (f.met < values) {
		struct sim_answer a;
		struct dht_counters before = counters_of(sim), after;
		sim_get(sim, 0, &wanted, &a);
		after = counters_of(sim);
		f.met += after.values_bad - before.values_bad;
		f.accepted += a.values + a.own + (a.result.seq_seen != -1);
		note_checks(&f, after.verifications - before.verifications);
	}
	for (size_t i = 1; i < sim_len(sim); i++)
		sim_set_lie(sim, i, NULL);
	*ret_forged = f;
}

/* ---- puts ---- */

static uint8_t token[DHT_TOKEN_MAX];
static size_t token_len;

static bool hear_token(struct sim *sim, size_t node, const struct dht_endpoint *from,
	const uint8_t *datagram, size_t len)
{
	struct dht_message m;
	(void)node;
	if (sim_node_of(sim, from) != 0 || dht_message_read(datagram, len, &m) < 0 ||
		m.kind == DHT_QUERY)
		return false;
	if (m.token.len && m.token.len <= sizeof(token))
		memcpy(token, m.token.data, token_len = m.token.len);
	return true;
}

static void tell(struct sim *sim, struct dht_message *m)
{
	uint8_t text[DHT_DATAGRAM_MAX];
	struct dht_endpoint from;
	sim_endpoint(sim, 1, 4, &from);
	m->kind = DHT_QUERY;
	m->transaction = (struct bytes){(const uint8_t *)"f", 1};
	m->has_id = true;
	m->id = *dht_own_id(sim_dht(sim, 1));
	int len = dht_message_write(m, text, sizeof(text));
	assert(len > 0);
	sim_inject(sim, &from, 0, text, (size_t)len);
}

static void fetch_token(struct sim *sim, const struct dht_id *target)
{
	struct dht_message m = {.method = DHT_GET, .has_target = true, .target = *target};
	token_len = 0;
	tell(sim, &m);
	sim_run(sim, SIM_SECOND);
	assert(token_len > 0);
}

static void put_forgery(struct sim *sim, enum sim_forgery kind, const struct dht_item *wanted)
{
	struct dht_item item = forged_item(sim, kind);
	struct dht_message m = {.method = DHT_PUT, .token = {token, token_len}};
	if (kind == SIM_OF_OTHER_KEY) /* what that one has signed, in the name of this one */
		memcpy(item.key, genuine.key, DHT_KEY_LEN);
	carry(&m, &item, kind);
	m.salt = (struct bytes){wanted->salt, wanted->salt_len};
	m.has_target = true;
	dht_item_target(wanted, &m.target);
	tell(sim, &m);
}

void sim_forged_puts(
	struct sim *sim, enum sim_forgery kind, uint64_t values, struct sim_forged *ret_forged)
{
	struct sim_forged f = {.least = UINT64_MAX};
	struct dht_item wanted = wanted_of(kind);
	struct dht_id target;
	dht_item_target(&wanted, &target);
	sim_set_hear(sim, 1, hear_token);
	for (; f.met < values; f.met++) {
		struct dht_counters before, after;
		if (f.met % PUTS_A_TOKEN == 0)
			fetch_token(sim, &target);
		before = counters_of(sim);
		put_forgery(sim, kind, &wanted);
		sim_run(sim, 0); /* what is there now */
		after = counters_of(sim);
		assert(after.in[DHT_PUT].packets == before.in[DHT_PUT].packets + 1);
		f.accepted += after.items_kept - before.items_kept;
		note_checks(&f, after.verifications - before.verifications);
	}
	f.accepted += sim_item(sim, 0, &target) != NULL;
	sim_set_hear(sim, 1, NULL);
	*ret_forged = f;
}

/* ---- answers to nothing ---- */

static uint8_t asked[4]; /* the transaction of the last query */

/* No lie: the first node's own queries are looked at. */
static size_t note_transaction(
	struct sim *sim, size_t node, uint8_t *datagram, size_t len, size_t cap)
{
	struct dht_message m;
	(void)sim;
	(void)node;
	(void)cap;
	if (dht_message_read(datagram, len, &m) == 0 && m.kind == DHT_QUERY &&
		m.transaction.len == sizeof(asked))
		memcpy(asked, m.transaction.data, sizeof(asked));
	return len;
}

static void spoof(struct sim *sim, uint64_t number)
{
	struct dht_endpoint from;
	uint64_t random = sim_random(sim);
	size_t node = 1 + (random >> 32) % (sim_len(sim) - 1);
	bool elsewhere = number % 2;
	struct dht_message m = {.kind = DHT_REPLY,
		.transaction = {elsewhere ? asked : (const uint8_t *)&random, sizeof(asked)},
		.has_id = true,
		.id = *dht_own_id(sim_dht(sim, node)),
		.token = {(const uint8_t *)"spoofed", 7}};
	uint8_t text[DHT_DATAGRAM_MAX];
	sim_endpoint(sim, node, 4, &from);
	from.port ^= elsewhere;
	carry(&m, &genuine, SIM_FORGERIES);
	int len = dht_message_write(&m, text, sizeof(text));
	assert(len > 0);
	sim_inject(sim, &from, 0, text, (size_t)len);
}

/* True: it was taken for the answer to a query. */
static bool is_taken(struct sim *sim, uint64_t number)
{
	uint64_t junk = counters_of(sim).junk;
	spoof(sim, number);
	sim_run(sim, 0);
	return counters_of(sim).junk == junk;
}

/* A random transaction is that of a query under way to that very node once in some billions. */
void sim_spoofed_answers(struct sim *sim, uint64_t answers, struct sim_forged *ret_forged)
{
	struct sim_forged f = {0};
	struct sim_operation get;
	sim_set_lie(sim, 0, note_transaction);
	sim_begin_get(sim, 0, &genuine, &get);
	for (; f.met < answers; f.met++) {
		f.accepted += is_taken(sim, f.met);
		sim_run(sim, SPOOFED_EVERY);
		if (!get.done)
			continue;
		f.accepted += get.answer.values + get.answer.own;
		assert(get.answer.result.answered > 0);
		sim_begin_get(sim, 0, &genuine, &get);
	}
	sim_end(&get);
	f.accepted += get.answer.values + get.answer.own;
	sim_set_lie(sim, 0, NULL);
	*ret_forged = f;
}
