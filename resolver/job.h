/* One publishing job: a zone or a slot on its way to the network.
 *
 *   waiting   for its time: a second after the edit, a back-off, a day after the last put, for
 *             what is published is signed anew daily; without an edit, for its turn then
 *   reading   the newest version from the network
 *   storing   what is read and merged, until this machine's disk has it: what were lost with the
 *             next power cut, or is refused by the disk a moment later, is told to nobody
 *   putting   the pieces of a large claim; then the merge of that and the own edits, with cas;
 * where ids were made up to be next to it, it is read back before it counts
 *
 * What the network took, or held already as it should be, is kept alive by the DHT node from then
 * on (dht_publish), until this job puts something else or the network shows something newer.
 *
 * A zone is put at relays (relay=) while the DHT cannot be reached, and looked for there once an
 * hour; slots wait.
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

#define JOB_PACKETS_MAX 8   /* different versions of a slot that one read keeps */
#define JOB_CONFLICTS_MAX 6 /* then what some nodes took counts, whatever the others hold */
#define JOB_RUNNING_MAX 16  /* at a time; the rest waits */
#define JOB_CHECKS_MAX 64   /* signature checks that one merge may cost */
/* A run costs up to a millisecond of signing and checking, and where there is no network nothing
 * else holds it up: two in ten milliseconds leave the loop to those who read. */
#define JOB_STARTS_MAX 2
#define JOB_STARTS_PAUSE (SECOND / 100)

struct job;
TAILQ_HEAD(job_list, job);
struct job_line {
	struct job_list jobs;
	size_t len;
};

enum job_kind { JOB_ZONE, JOB_SLOT };
enum job_state { JOB_WAITING, JOB_READING, JOB_STORING, JOB_PUTTING };

struct job {
	TAILQ_ENTRY(job) link;
	struct job *chain; /* of its bucket */
	uint64_t hash;
	struct publisher *publisher;
	enum job_kind kind;
	uid_t uid;		  /* JOB_ZONE */
	struct question question; /* JOB_SLOT */
	struct rrset *copy;	  /* JOB_SLOT, trust=open: a set that DNS gave */
	int64_t copied;		  /* seconds since 1970: when */
	enum job_state state;
	bool again;   /* an edit came while it ran */
	bool alone;   /* waits until there is a network */
	bool hurried; /* an edit waits; else its bytes are of the budget for republishing */
	bool copier;  /* made for a copy, or so it seems: counted */
	struct job_line *line; /* the line that it stands in, or NULL */
	TAILQ_ENTRY(job) turn;
	unsigned conflicts, failures;
	uint64_t due;	  /* monotonic, microseconds; when waiting */
	uint64_t started; /* monotonic: its last run; 0: none */
	struct event timer;
	struct dht_lookup *lookup;
	struct zone_lookup *zone;	 /* JOB_ZONE, while it is read */
	struct zone_relays_op *relayed;	 /* JOB_ZONE: it is put at relays */
	struct own_waiter durable; /* JOB_STORING: for the edits, and for the seq */
	struct dht_item item;	   /* target of the job, then what is put */
	struct job_packet {
		int64_t seq;
		uint16_t len;
		uint8_t bytes[SLOT_BYTES_MAX];
	} * packets; /* JOB_PACKETS_MAX, while it runs; zone: [0] is the newest */
	size_t packets_len;
	int64_t seq_seen;	 /* highest of the values that verified; what a node merely names
				  * could be anyone's number */
	struct dht_item *newest; /* of what was read, while it runs; seq -1: nothing was */
	struct merge_edits edits;
	struct dht_published *kept, **kept_pieces; /* what the DHT node keeps alive */
	size_t kept_pieces_len;
	int64_t kept_seq;
	size_t piece;	/* the next to be put */
	unsigned taken; /* nodes that took it, until it was read back */
};

struct publisher {
	struct event_base *base;
	struct own *own;
	struct signer *signer;
	struct dht *dht;
	struct publish_config config;
	struct job_list jobs;
	struct job **buckets;
	size_t buckets_len, jobs_len; /* the former: 0 or a power of two */
	uint64_t seed;
	/* Those whose time has come, the first come first: with an edit, for a place; without,
	 * for the budget. */
	struct job_line hurried, turns;
	struct event place, turn_timer;
	unsigned running;
	unsigned copiers;  /* jobs that are there for a copy */
	struct event tick; /* looks whether there is a network by now */
	unsigned lonely;   /* looks in a row that found none */
	uint64_t asleep;   /* how long the machine has slept since it was started */
	struct publish_counters counters;
};

/* jobs.c: the jobs that there are. Finds or makes one; NULL: no memory. */
struct job *job_zone(struct publisher *p, uid_t uid);
struct job *job_slot(struct publisher *p, const struct question *q);
/* Runs it `delay` microseconds from now, or sooner if that was due already, but not within `pace`
 * of its last run; when it is running, once more after it. */
void job_schedule(struct job *job, uint64_t delay);
/* How long until it may run again? */
uint64_t job_pause(const struct job *job);
/* Runs it when there is a network and the budget for republishing allows. */
void job_in_turn(struct job *job);
/* Starts those whose turn it is. */
void job_take_turns(struct publisher *p);
/* Ends a run: on_timer comes in about that time. */
void job_wait(struct job *job, uint64_t delay);
/* It runs; it does no longer, and another may. */
void job_take_place(struct job *job);
void job_leave_place(struct job *job);
/* A job without records and without a copy to store has nothing left to say. */
bool job_wanted(const struct job *job);
void job_give_copy(struct job *job, struct rrset *copy); /* takes it over */
void job_drop_copy(struct job *job);
void job_destroy(struct job *job);
void jobs_init(struct publisher *p);
void jobs_finish(struct publisher *p);
/* The machine has slept: timers have stood still, the clock has not. */
void jobs_woke(struct publisher *p);

/* job.c: what one does. The caller has seen that there is a place. */
void job_start(struct job *job);
void job_stop(struct job *job);

/* job_keep.c: what was put, or was found to be there as it should be, is kept alive from now on. */
void job_keep(struct job *job, const struct dht_item *item, uint64_t put);
void job_drop(struct job *job);
/* Does the network hold all that is to be said? Then that is kept alive as it is. */
bool job_adopt(struct job *job, const struct own_put *last, const uint8_t *packet, size_t len);
/* How long after `seq`, which names a time, is it to be put anew? */
uint64_t job_rest_of_day(const struct job *job, int64_t seq);

/* job_relayed.c: may it be put at relays? Puts the zone there, if the DHT is silent and there are any. -ENETUNREACH: not. */
bool job_has_relays(const struct job *job);
int job_put_relayed(struct job *job);
/* So long at most from now until the job looks whether what relays took is still there. */
uint64_t job_rest(const struct job *job, uint64_t delay);
/* job.c: what became of it. `taken`: nodes, or relays, that have it; 0: there are no others. */
void job_succeeded(struct job *job, unsigned taken);
void job_failed(struct job *job);
/* job.c: another writer was faster. True: it runs again. */
bool job_conflicts(struct job *job);

/* publish.c: a zone job is through, whatever came of it: slots of its edits are next. */
void publish_zone_done(struct publisher *p, const struct merge_edits *edits);

#endif
