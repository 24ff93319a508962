/* Queries of ours that wait for an answer: matched on the transaction id and the full
 * endpoint, timed by measured round trips.
 *
 * A query has two ends. After the time in which answers usually come it is *stalled*: who
 * waits for it goes on without it (this is what makes dead nodes cheap). Its answer still
 * counts until it expires. */
#ifndef DHT_QUERY_H
#define DHT_QUERY_H

#include <sys/queue.h>

#include "dht/heap.h"
#include "dht/message.h"

struct dht;
struct dht_lookup;

/* What a query is for, and so who is told of its end. */
enum dht_purpose {
	DHT_FOR_TABLE,	/* is that node there? */
	DHT_FOR_JOIN,	/* is there anybody at this address? The only one without an id to expect */
	DHT_FOR_SEARCH, /* a look-up asks */
	DHT_FOR_STORE,	/* a look-up stores */
};

struct dht_query {
	struct dht_due due;	   /* it stalls then, and then expires; first, see heap.h */
	struct dht_query *next;	   /* in its chain */
	struct dht_query *next_to; /* in the chain of its endpoint */
	TAILQ_ENTRY(dht_query) stalled_entry; /* once it is stalled */
	uint64_t number;		      /* of all that were ever sent */
	uint8_t transaction[4];
	enum dht_purpose purpose;
	enum dht_method method;
	bool stalled;
	bool exempted; /* a datagram has been let in in its name */
	struct dht_contact to;
	struct dht_lookup *lookup; /* NULL: none, or it has ended */
	uint64_t sent;
};

/* More cannot be under way: four seconds' worth of a thousand packets a second. Of those for which
 * nobody waits any more the oldest gives way, so that only others fill it. */
#define DHT_QUERIES_MAX 4096
#define DHT_QUERY_CHAINS 64
#define DHT_QUERY_CHAINS_TO 256 /* walked for each datagram that comes in */
#define DHT_RTT_SAMPLES 64

struct dht_queries {
	struct dht_query *chains[DHT_QUERY_CHAINS];
	struct dht_query *chains_to[DHT_QUERY_CHAINS_TO]; /* by endpoint */
	uint8_t key[16]; /* of that hash: those who name endpoints to us do not choose the chain */
	struct dht_heap heap;
	TAILQ_HEAD(, dht_query) stalled; /* the first that stalled first */
	size_t stalled_len;
	uint64_t sent;		       /* ever */
	uint32_t rtt[DHT_RTT_SAMPLES]; /* the latest round trips, a ring */
	size_t rtt_len;		       /* ever measured */
	uint64_t timeout;	       /* what follows from them */
	uint32_t silence;	       /* share of queries that stalled of late, of 2^16 */
};

void dht_query_init(struct dht *dht);
void dht_query_finish(struct dht *dht);

/* Sends `body` as a query; kind, transaction, id, client, read_only and want are filled in
 * here. 0, -ENOBUFS: there is no room, or the message does not fit. */
int dht_query_send(struct dht *dht, const struct dht_contact *to, struct dht_message *body,
	enum dht_purpose purpose, struct dht_lookup *lookup);
/* Is there room for one more? */
bool dht_query_room(const struct dht *dht);
/* Those that somebody waits for. */
size_t dht_query_awaited(const struct dht *dht);
/* The query that this answer belongs to, or NULL. */
struct dht_query *dht_query_match(
	struct dht *dht, const struct dht_endpoint *from, struct bytes transaction);
/* It was answered after so many microseconds; `replied`: by a reply, not an error. */
void dht_query_answered(struct dht *dht, const struct dht_query *q, uint32_t rtt, bool replied);
/* Forgets it. */
void dht_query_drop(struct dht *dht, struct dht_query *q);
void dht_query_drop_lookup(struct dht *dht, const struct dht_lookup *lookup);
/* Nobody listens there: all that is under way to it stalls and expires. */
void dht_query_refused(struct dht *dht, const struct dht_endpoint *at);
/* Is that a quotation of a query under way to that endpoint? Told as in dht_query_exempts. */
bool dht_query_is_quoted(
	struct dht *dht, const struct dht_endpoint *to, const uint8_t *quoted, size_t len);
/* Stalls and expires what is due; tells those concerned. */
void dht_query_run(struct dht *dht, uint64_t now);
uint64_t dht_query_due(const struct dht *dht); /* UINT64_MAX: nothing is under way */

/* How many of a hundred queries were not answered in time, of late. */
unsigned dht_query_silence(const struct dht *dht);

/* Is a query to that endpoint under way? */
bool dht_query_to(const struct dht *dht, const struct dht_endpoint *at);
/* Can that datagram be the answer to a query under way? Told without parsing, by where it comes
 * from and by the random bytes that an answer has to carry: nobody who did not see the query can
 * forge that. True once for each query: whom we asked may send one answer, and not a flood. */
bool dht_query_exempts(
	struct dht *dht, const struct dht_endpoint *from, const uint8_t *datagram, size_t len);

#endif
