/* Queries of ours that wait for an answer. */
#include "dht/engine.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "dht/siphash.h"
#include "dht/sort.h"

#define MILLISECOND ((uint64_t)1000)
#define SECOND (1000 * MILLISECOND)

/* Before anything is measured, and never more than: nobody wants to wait longer. */
#define TIMEOUT_FIRST SECOND
#define TIMEOUT_MAX (2 * SECOND)
/* mldht's rule is the faster tenth plus 100 ms, or nine tenths. The slack is for a busy host. */
#define TIMEOUT_SLACK (100 * MILLISECOND)
/* Who answered before is judged by its own times (RFC 6298): paths keep theirs. Whoever is
 * wrongly thought silent costs one packet, so the slack is less; a miss among dead nodes ends a
 * tenth sooner by that. */
#define NODE_SLACK (50 * MILLISECOND)
#define SAMPLES_ENOUGH 4
#define SAMPLES_PER_ESTIMATE 8
/* An answer after more than this is of no use to anyone. */
#define LIFETIME (3 * SECOND)
/* Where the transaction of an answer is looked for unread: one place, and a client's version may
 * look like another. */
#define CARRIED_PLACES 4

void dht_query_init(struct dht *dht)
{
	TAILQ_INIT(&dht->queries.stalled);
	dht->queries.timeout = TIMEOUT_FIRST;
	dht->ops.random(dht->self, dht->queries.key, sizeof(dht->queries.key));
}

void dht_query_finish(struct dht *dht)
{
	struct dht_queries *qs = &dht->queries;
	for (size_t i = 0; i < qs->heap.len; i++)
		free(qs->heap.list[i]); /* where a query begins */
	dht_heap_finish(&qs->heap);
}

/* Transaction ids are our own random bytes: one of them is hash enough. */
static struct dht_query **chain_of(struct dht_queries *qs, const uint8_t *transaction)
{
	return &qs->chains[transaction[0] % DHT_QUERY_CHAINS];
}

static struct dht_query **chain_to(const struct dht_queries *qs, const struct dht_endpoint *at)
{
	uint8_t text[18]; /* the longest compact form */
	uint64_t sum = dht_siphash(qs->key, text, dht_endpoint_write(at, text));
	return (struct dht_query **)&qs->chains_to[sum % DHT_QUERY_CHAINS_TO];
}

static void link_query(struct dht_queries *qs, struct dht_query *q)
{
	struct dht_query **chain = chain_of(qs, q->transaction),
			 **to = chain_to(qs, &q->to.endpoint);
	q->next = *chain;
	*chain = q;
	q->next_to = *to;
	*to = q;
}

static void unlink_query(struct dht_queries *qs, struct dht_query *q)
{
	struct dht_query **at = chain_of(qs, q->transaction);
	while (*at != q)
		at = &(*at)->next;
	*at = q->next;
	for (at = chain_to(qs, &q->to.endpoint); *at != q;)
		at = &(*at)->next_to;
	*at = q->next_to;
}

/* How long an answer of that node may take. */
static uint64_t timeout_of(struct dht *dht, const struct dht_contact *to)
{
	const struct dht_node *node = dht_table_find(dht_table_of(dht, &to->endpoint), to);
	uint64_t timeout = dht->queries.timeout;
	if (node && node->rtt) {
		uint64_t least = node->rtt + NODE_SLACK;
		uint64_t usual = node->rtt + 4 * (uint64_t)node->rttvar;
		/* A busy start makes round trips vary for long: not longer than others, then. */
		timeout = usual < timeout ? usual : timeout;
		timeout = least > timeout ? least : timeout;
	}
	return timeout < TIMEOUT_MAX ? timeout : TIMEOUT_MAX;
}

static int send_query(struct dht *dht, struct dht_query *q, struct dht_message *body)
{
	body->kind = DHT_QUERY;
	body->transaction = (struct bytes){q->transaction, sizeof(q->transaction)};
	body->client = (struct bytes){(const uint8_t *)DHT_CLIENT, 4};
	body->read_only = dht_is_read_only(dht);
	body->has_id = true;
	body->id = dht->config.id;
	body->want4 = body->want6 = dht_has_family(dht, 0) && dht_has_family(dht, 1);
	uint64_t before = dht->counters.bytes_out;
	int r = dht_send_message(dht, &q->to.endpoint, body, DHT_DATAGRAM_MAX);
	if (q->lookup)
		q->lookup->result.bytes += (unsigned)(dht->counters.bytes_out - before);
	dht->counters.queries_out += r == 0;
	return r;
}

size_t dht_query_awaited(const struct dht *dht)
{
	return dht->queries.heap.len - dht->queries.stalled_len;
}

bool dht_query_room(const struct dht *dht)
{
	return dht_query_awaited(dht) < DHT_QUERIES_MAX;
}

/* No answer of it counts any more. */
static void expire(struct dht *dht, struct dht_query *q)
{
	dht->counters.timeouts++;
	dht_query_drop(dht, q);
}

int dht_query_send(struct dht *dht, const struct dht_contact *to, struct dht_message *body,
	enum dht_purpose purpose, struct dht_lookup *lookup)
{
	struct dht_queries *qs = &dht->queries;
	if (!dht_query_room(dht))
		return -ENOBUFS;
	if (qs->heap.len >= DHT_QUERIES_MAX)
		expire(dht, TAILQ_FIRST(&qs->stalled));
	struct dht_query *q = dht_heap_reserve(&qs->heap, qs->heap.len + 1) ? calloc(1, sizeof(*q))
									    : NULL;
	if (!q)
		return -ENOMEM;
	uint64_t now = dht_now(dht);
	*q = (struct dht_query){.purpose = purpose,
		.method = body->method,
		.number = qs->sent++,
		.to = *to,
		.lookup = lookup,
		.sent = now};
	dht->ops.random(dht->self, q->transaction, sizeof(q->transaction));
	dht_heap_add(&qs->heap, &q->due, now + timeout_of(dht, to));
	link_query(qs, q);
	int r = send_query(dht, q, body);
	if (r < 0) {
		dht_query_drop(dht, q);
		return r;
	}
	dht_table_asked(dht_table_of(dht, &to->endpoint), to, now);
	dht_presence_wrote(dht, &to->endpoint);
	return r;
}

struct dht_query *dht_query_match(
	struct dht *dht, const struct dht_endpoint *from, struct bytes transaction)
{
	if (transaction.len != sizeof(((struct dht_query *)0)->transaction))
		return NULL;
	struct dht_query *q = *chain_of(&dht->queries, transaction.data);
	while (q && (memcmp(q->transaction, transaction.data, transaction.len) ||
			    !dht_endpoint_equal(&q->to.endpoint, from)))
		q = q->next;
	return q;
}

void dht_query_drop(struct dht *dht, struct dht_query *q)
{
	unlink_query(&dht->queries, q);
	dht_heap_remove(&dht->queries.heap, &q->due);
	if (q->stalled) {
		TAILQ_REMOVE(&dht->queries.stalled, q, stalled_entry);
		dht->queries.stalled_len--;
	}
	free(q);
}

/* Its answers, should they still come, only tell the table that the node lives. */
void dht_query_drop_lookup(struct dht *dht, const struct dht_lookup *lookup)
{
	for (size_t i = 0; i < dht->queries.heap.len; i++) {
		struct dht_query *q = (struct dht_query *)dht->queries.heap.list[i];
		if (q->lookup == lookup)
			q->lookup = NULL;
	}
}

static void estimate(struct dht_queries *qs)
{
	uint64_t sorted[DHT_RTT_SAMPLES];
	size_t len = qs->rtt_len < DHT_RTT_SAMPLES ? qs->rtt_len : DHT_RTT_SAMPLES;
	for (size_t i = 0; i < len; i++)
		sorted[i] = qs->rtt[i];
	dht_sort(sorted, len);
	uint64_t fast = sorted[len / 10] + TIMEOUT_SLACK, most = sorted[len * 9 / 10];
	qs->timeout = fast > most ? fast : most;
}

/* An average over about the last thirty-two. */
static void note_end(struct dht_queries *qs, bool in_time)
{
	qs->silence -= qs->silence / 32;
	if (!in_time)
		qs->silence += 65536 / 32;
}

unsigned dht_query_silence(const struct dht *dht)
{
	return (dht->queries.silence * 100 + 32768) / 65536;
}

void dht_query_answered(struct dht *dht, const struct dht_query *q, uint32_t rtt, bool replied)
{
	struct dht_queries *qs = &dht->queries;
	/* A node that says with an error that it does not know `get` has not answered one. */
	if (replied || q->method != DHT_GET)
		dht_habits_answered(
			&dht->habits, &q->to.endpoint, q->method == DHT_GET, q->sent + rtt);
	if (!q->stalled)
		note_end(qs, true);
	qs->rtt[qs->rtt_len++ % DHT_RTT_SAMPLES] = rtt;
	if (qs->rtt_len == SAMPLES_ENOUGH || qs->rtt_len % SAMPLES_PER_ESTIMATE == 0)
		estimate(qs);
}

static void tell_stalled(struct dht *dht, const struct dht_query *q)
{
	switch (q->purpose) {
	case DHT_FOR_TABLE:
	case DHT_FOR_JOIN:
		dht_upkeep_ended(dht, q, false);
		break;
	case DHT_FOR_SEARCH:
		if (q->lookup)
			dht_lookup_stalled(q->lookup, q);
		break;
	case DHT_FOR_STORE:
		if (q->lookup)
			dht_put_stalled(q->lookup, q);
		break;
	}
}

/* `q` stays until it expires; what it is told to may start and end other queries. */
static void stall(struct dht *dht, struct dht_query *q, uint64_t now)
{
	struct dht_query copy = *q;
	q->stalled = true;
	TAILQ_INSERT_TAIL(&dht->queries.stalled, q, stalled_entry);
	dht->queries.stalled_len++;
	note_end(&dht->queries, false);
	dht_heap_move(&dht->queries.heap, &q->due, q->sent + LIFETIME);
	dht_habits_unanswered(&dht->habits, &copy.to.endpoint, copy.method == DHT_GET, now);
	dht_upkeep_silent(dht, &copy.to);
	dht_upkeep_by(dht, now + SECOND);
	tell_stalled(dht, &copy);
}

void dht_query_run(struct dht *dht, uint64_t now)
{
	struct dht_queries *qs = &dht->queries;
	while (qs->heap.len && qs->heap.list[0]->at <= now) {
		struct dht_query *q = (struct dht_query *)qs->heap.list[0];
		if (q->stalled)
			expire(dht, q);
		else
			stall(dht, q, now);
	}
}

/* One of those with a number below that. */
static struct dht_query *find_to(
	const struct dht *dht, const struct dht_endpoint *at, uint64_t number)
{
	struct dht_query *q = *chain_to(&dht->queries, at);
	while (q && (q->number >= number || !dht_endpoint_equal(&q->to.endpoint, at)))
		q = q->next_to;
	return q;
}

bool dht_query_to(const struct dht *dht, const struct dht_endpoint *at)
{
	return find_to(dht, at, dht->queries.sent);
}

/* The query to that endpoint whose transaction the datagram carries: `t` of four bytes, as
 * canonical bencode has it. Only the client's version and the kind come after it, so it is looked
 * for from the end, and in no more than a few places, whatever junk holds. */
static struct dht_query *find_carried(
	struct dht *dht, const struct dht_endpoint *at, const uint8_t *datagram, size_t len)
{
	static const char key[] = "1:t4:";
	const size_t key_len = sizeof(key) - 1;
	unsigned places = CARRIED_PLACES;
	for (size_t i = len < key_len + 4 ? 0 : len - key_len - 3; i-- > 0 && places > 0;) {
		if (memcmp(datagram + i, key, key_len) != 0)
			continue;
		places--;
		struct bytes transaction = {datagram + i + key_len, 4};
		struct dht_query *q = dht_query_match(dht, at, transaction);
		if (q)
			return q;
	}
	return NULL;
}

bool dht_query_exempts(
	struct dht *dht, const struct dht_endpoint *from, const uint8_t *datagram, size_t len)
{
	struct dht_query *q = find_carried(dht, from, datagram, len);
	bool first = q && !q->exempted;
	if (q)
		q->exempted = true;
	return first;
}

/* Linux quotes 520 bytes over IPv4 and 1184 over IPv6, so all of a question but not of a long put;
 * others may quote nothing at all. Such queries are found out by time. */
bool dht_query_is_quoted(
	struct dht *dht, const struct dht_endpoint *to, const uint8_t *quoted, size_t len)
{
	return find_carried(dht, to, quoted, len) != NULL;
}

/* Whom a failure is told to may ask the same address again, and that query is refused by a
 * later ICMP of its own: so only those sent before now are taken. */
void dht_query_refused(struct dht *dht, const struct dht_endpoint *at)
{
	uint64_t next = dht->queries.sent;
	for (struct dht_query *q; (q = find_to(dht, at, next));) {
		struct dht_query copy = *q;
		dht_query_drop(dht, q);
		if (copy.stalled)
			continue;
		dht_habits_unanswered(
			&dht->habits, &copy.to.endpoint, false, dht_now(dht)); /* all are refused */
		dht_upkeep_silent(dht, &copy.to);
		if (copy.lookup && copy.purpose == DHT_FOR_SEARCH)
			dht_lookup_failed(copy.lookup, &copy, NULL, 0);
		else
			tell_stalled(dht, &copy);
	}
}

uint64_t dht_query_due(const struct dht *dht)
{
	return dht_heap_due(&dht->queries.heap);
}
