/* One publishing job: a zone or a slot on its way to the network.
 *
 *   waiting   for its time: a second after the edit, a back-off, a day after the last put, for
 *             what is published is signed anew daily; without an edit, for its turn then
 *   reading   the newest version from the network: of a zone those parts (zone_pages.h) that the
 *             edits change, or all of them
 *   storing   what is read and merged, until this machine's disk has it: what were lost with the
 *             next power cut, or is refused by the disk a moment later, is told to nobody
 *   putting   the merge of that and the own edits, with cas: a slot after the pieces of its large
 *             claims; a zone's new pages, its packet, then pages from which records have moved;
 *             what was put for an edit is read back before it counts, and the rest is where ids
 *             were made up to be next to it
 *
 * What the network took, or held already as it should be, is kept alive by the DHT node from then
 * on (dht_publish), until this job puts something else or the network shows something newer.
 *
 * A zone is put at relays (relay=) while the DHT cannot be reached, and looked for there once an
 * hour; slots wait, and so does a zone of pages, which no relay has.
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
#include "resolver/zone_fetch.h"

#define JOB_PACKETS_MAX 8   /* different versions of a slot that one read keeps */
#define JOB_CONFLICTS_MAX 6 /* then what some nodes took counts, whatever the others hold */
#define JOB_RUNNING_MAX 16  /* at a time; the rest waits */
#define JOB_CHECKS_MAX 64   /* signature checks that one merge may cost */
/* With so many others it is worth while to see whether one finds what is put: with fewer there is
 * no other path. */
#define JOB_SEEN_MIN 2
/* A run costs up to a millisecond of signing and checking, and where there is no network nothing
 * else holds it up: two in ten milliseconds leave the loop to those who read. */
#define JOB_STARTS_MAX 2
#define JOB_STARTS_PAUSE (SECOND / 100)

struct job;
struct job_kept;
struct zone_run;
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
	struct own_waiter durable; /* JOB_STORING: for the edits, and for the seq */
	struct merge_edits edits;
	/* JOB_ZONE: while it runs (job_zone.c), and when all its parts are to be read again
	 * (monotonic; 0: they were not since the start). */
	struct zone_run *zone;
	uint64_t whole_due;
	struct zone_relays_op *relayed; /* JOB_ZONE: it is put at relays */
	/* JOB_SLOT. */
	struct dht_lookup *lookup;
	struct dht_item item; /* its target, then what is put */
	struct job_packet {
		int64_t seq;
		uint16_t len;
		uint8_t bytes[SLOT_BYTES_MAX];
	} * packets; /* JOB_PACKETS_MAX, while it runs */
	size_t packets_len;
	int64_t seq_seen;	 /* highest of the values that verified; what a node merely names
				  * could be anyone's number */
	struct dht_item *newest; /* of what was read, while it runs; seq -1: nothing was */
	size_t piece;		 /* the next to be put */
	unsigned taken;		 /* nodes that took it, until it was read back */
	/* What the DHT node keeps alive: the slot and its pieces, the zone packet and its pages. */
	struct job_kept **kept;
	size_t kept_len;
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
	/* receipt.c: who waits for one; whether any other node was ever there to give one. */
	TAILQ_HEAD(, publish_receipt) receipts;
	struct event receipts_due;
	bool met;
};

/* jobs.c: the jobs that there are. Finds or makes one; NULL: no memory. */
struct job *job_zone(struct publisher *p, uid_t uid);
struct job *job_slot(struct publisher *p, const struct question *q);
/* NULL: there is none. q is of slots, uid of zones. */
struct job *job_find(
	const struct publisher *p, enum job_kind kind, uid_t uid, const struct question *q);
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

/* job.c: what all have in common. The caller of job_start has seen that there is a place. */
void job_start(struct job *job);
void job_stop(struct job *job);
/* Ends a run; the next comes after `delay`, or at once when an edit came meanwhile. */
void job_rest(struct job *job, uint64_t delay);
void job_fail(struct job *job); /* the next comes later and later */
/* What no edit asked for is republishing, and shares its budget. */
void job_account(struct job *job, unsigned bytes);
/* How far ahead of the clock a value may be that is read. */
int64_t job_ahead_max(const struct job *job);
/* The seq of what is put next: above all that was `seen`, and time; it is written before it is
 * used, so that it is used once. -EOVERFLOW: somebody who holds the key went far ahead; following
 * him would burn it. */
int job_next_put(struct job *job, const struct dht_id *target, int64_t seen, struct own_put *last);
/* All that was written before is durable, then job_slot_put or job_zone_put is called. */
int job_store(struct job *job);
/* Another writer was faster: it runs again soon. False: that has not helped often enough; the
 * nodes that took it decide (one node that always refuses must not void what seven took). */
bool job_conflict(struct job *job);
/* The run has ended well, `taken` being the nodes that have it; 0: there are no others. The next
 * comes after `delay`. */
void job_succeeded(struct job *job, unsigned taken, uint64_t delay);
/* All is as it should be already. */
void job_adopted(struct job *job, uint64_t delay);
/* The network has what was merged; of a zone since the version `dot`. */
void job_mark_taken(struct job *job, const struct merge_edit *edit, unsigned replicas, int64_t dot);

/* job_slot.c */
int job_slot_start(struct job *job);
int job_slot_put(struct job *job);
void job_slot_stop(struct job *job);

/* job_zone.c, job_zone_put.c */
int job_zone_start(struct job *job);
int job_zone_put(struct job *job);
void job_zone_stop(struct job *job);

/* job_relayed.c: may it be put at relays? Puts the zone packet there, if the DHT is silent and
 * there are any; then job_zone_relayed is called. -ENETUNREACH: not. */
struct zone_relays_result;
bool job_has_relays(const struct job *job);
int job_put_relayed(struct job *job, const struct dht_item *item);
void job_zone_relayed(struct job *job, const struct zone_relays_result *result);
/* So long at most from now until the job looks whether what relays took is still there. */
uint64_t job_look_again(const struct job *job, uint64_t delay);

/* job_keep.c: what was put, or was found to be there as it should be, is kept alive from now on. */
enum job_keeping { KEEP_WATCHED, KEEP_ONLY }; /* does something newer run the job? */
void job_keep(struct job *job, size_t at, const struct dht_item *item, uint64_t put,
	enum job_keeping keeping);
void job_keep_first(struct job *job, size_t len); /* no more than these from now on */
void job_drop(struct job *job);			  /* nothing any more */
/* The same for what was not put but found. */
void job_keep_found(struct job *job, size_t at, const struct dht_item *item);
uint64_t job_rest_of_day(const struct job *job, int64_t seq);
/* Has this edit reached the network before, as much of it as anybody waits for, and nothing been
 * signed for it now? */
bool job_said(const struct job *job, const struct merge_edit *edit);

/* receipt.c: what is published has changed, or what nodes there are: some may have waited for it.
 */
void receipts_look(struct publisher *p);
/* Does somebody wait until more nodes have it than took it? */
bool receipt_is_owed(const struct publisher *p, const struct own_record *record);
/* The same of any record of this uid's in his zone: on that page, or anywhere (NULL). */
struct receipt_place {
	unsigned page, pages;
};
bool receipt_is_owed_on(const struct publisher *p, uid_t uid, const struct receipt_place *place);
/* What stands there and is waited for has so many copies now. */
void receipt_mark_on(
	struct publisher *p, uid_t uid, const struct receipt_place *place, unsigned replicas);
void receipts_init(struct publisher *p);
void receipts_finish(struct publisher *p);

/* publish.c: a zone job is through, whatever came of it: slots of its edits are next. */
void publish_zone_done(struct publisher *p, const struct merge_edits *edits);
/* The slot of a plain name, now, whatever became of the zone. */
void publish_slot(struct publisher *p, const struct question *q);
/* This daemon's state has gone on elsewhere: it is another writer from now on. */
void publish_outrun(struct publisher *p, uid_t uid);
/* Its seqs were taken from a clock that stood ahead. */
void publish_clock_was_wrong(struct publisher *p, uid_t uid);
/* A record here becomes what another daemon of its key has made of it; or that is what was withdrawn
 * here, which he had changed. */
void publish_yield(struct publisher *p, const struct merge_edit *edit);
/* He had changed it, and what was said here is the later. */
void publish_prevail(struct publisher *p, const struct merge_edit *edit);

#endif
