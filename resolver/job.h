/* One publishing job: a zone or a slot on its way to the network.
 *
 *   waiting   for its time: a second after the edit, a back-off, a day after the last put, for
 *             what is published is signed anew daily; without an edit, for its turn then
 *   reading   the newest version from the network
 *   putting   the pieces of a large claim; then the merge of that and the own edits, with cas
 *
 * What the network took, or held already as it should be, is kept alive by the DHT node from then
 * on (dht_publish), until this job puts something else or the network shows something newer.
 *
 * A conflict (another writer was faster) reads again; nobody reachable waits for the network;
 * an edit that comes while the job runs makes it run once more. */
#ifndef RESOLVER_JOB_H
#define RESOLVER_JOB_H

#include <event2/event_struct.h>
#include <sys/queue.h>

#include "dht/dht.h"
#include "resolver/merge.h"
#include "resolver/publish.h"

#define JOB_PACKETS_MAX 8     /* different versions of a slot that one read keeps */
#define JOB_CONFLICTS_MAX 6   /* then what some nodes took counts, whatever the others hold */
#define JOB_RUNNING_MAX 16    /* at a time; the rest waits */
#define JOB_CHECKS_MAX 64     /* signature checks that one merge may cost */

enum job_kind { JOB_ZONE, JOB_SLOT };
enum job_state { JOB_WAITING, JOB_READING, JOB_PUTTING };

struct job {
	TAILQ_ENTRY(job) link;
	struct publisher *publisher;
	enum job_kind kind;
	uid_t uid;                 /* JOB_ZONE */
	struct question question;  /* JOB_SLOT */
	struct rrset *copy;        /* JOB_SLOT, trust=open: a set that DNS gave */
	int64_t copied;            /* seconds since 1970: when */
	enum job_state state;
	bool again;                /* an edit came while it ran */
	bool alone;                /* waits until there is a network */
	bool hurried;              /* an edit waits; else its bytes are of the budget for republishing */
	bool in_turn;              /* it is in the publisher's list of those that wait for their turn */
	TAILQ_ENTRY(job) turn;
	unsigned conflicts, failures;
	uint64_t due;              /* monotonic, microseconds; when waiting */
	struct event timer;
	struct dht_lookup *lookup;
	struct dht_item item;      /* target of the job, then what is put */
	struct job_packet {
		int64_t seq;
		uint16_t len;
		uint8_t bytes[SLOT_BYTES_MAX];
	} *packets;                /* JOB_PACKETS_MAX, while it runs; zone: [0] is the newest */
	size_t packets_len;
	int64_t seq_seen;          /* highest of the values that verified; what a node merely names
	                            * could be anyone's number */
	struct dht_item *newest;   /* of what was read, while it runs; seq -1: nothing was */
	struct merge_edits edits;
	struct dht_published *kept, **kept_pieces; /* what the DHT node keeps alive */
	size_t kept_pieces_len;
	int64_t kept_seq;
	size_t piece;              /* the next to be put */
};
TAILQ_HEAD(job_list, job);

struct publisher {
	struct event_base *base;
	struct own *own;
	struct signer *signer;
	struct dht *dht;
	struct publish_config config;
	struct job_list jobs;
	struct job_list turns;     /* those without an edit, the first come first */
	struct event turn_timer;
	unsigned running;
	struct event tick;         /* looks whether there is a network by now */
	struct publish_counters counters;
};

/* Finds or makes the job; NULL: no memory. copy is taken over. */
struct job *job_zone(struct publisher *p, uid_t uid);
struct job *job_slot(struct publisher *p, const struct question *q);
/* Runs it `delay` microseconds from now, or sooner if that was due already; at once after it ends
 * when it is running. */
void job_schedule(struct job *job, uint64_t delay);
/* Runs it when there is a network and the budget for republishing allows. */
void job_in_turn(struct job *job);
void job_destroy(struct job *job);

/* job_keep.c: what was put, or was found to be there as it should be, is kept alive from now on. */
void job_keep(struct job *job, const struct dht_item *item, uint64_t put);
void job_drop(struct job *job);
/* Does the network hold all that is to be said? Then that is kept alive as it is. */
bool job_adopt(struct job *job, const struct own_put *last, const uint8_t *packet, size_t len);
/* How long after `seq`, which names a time, is it to be put anew? */
uint64_t job_rest_of_day(const struct job *job, int64_t seq);
/* Starts those whose turn it is. */
void job_take_turns(struct publisher *p);

/* publish.c: a zone job is through, whatever came of it: slots of the uid's edits are next. */
void publish_zone_done(struct publisher *p, uid_t uid);

#endif
