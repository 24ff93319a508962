/* One run of a zone, as job_zone.c, job_zone_part.c and job_zone_put.c see it. */
#ifndef RESOLVER_JOB_ZONE_INSIDE_H
#define RESOLVER_JOB_ZONE_INSIDE_H

#include "resolver/job.h"

/* One part that is put, or is found to be as it should be. */
struct job_part {
	struct job *job;
	unsigned page, rank;
	const struct zone_part *read; /* NULL: there was nothing to be read */
	struct own_put last;
	struct dht_item item;
	bool stands; /* nothing to be done */
	bool done;   /* put, or stands */
	unsigned taken;
	bool crowded;
	struct dht_lookup *lookup;
};

enum { RANK_FIRST, RANK_HEAD, RANK_LAST, RANKS }; /* then all is read back */

struct zone_run {
	struct zone_fetch fetch;
	bool whole;  /* every page is read */
	int64_t min; /* of the zone packet on which the merge builds: older pages are none */
	struct pages *pages;
	struct merge_edits yields; /* what others have said since, of records here */
	size_t parts_len;
	struct job_part *parts; /* the zone packet is the first */
	unsigned rank, running;
	size_t next;
	bool failed, conflict;
	bool changed;	    /* what was put is no longer what the zone is read from */
	bool alone;	    /* there is no other node */
	unsigned accounted; /* bytes of reading */
};

/* job_zone_part.c: what was put last at a part, and what a merge builds on (`last` outlives it). */
int job_zone_last(struct job *job, unsigned page, struct own_put *ret_last);
struct merge_part job_zone_base(
	const struct zone_run *run, const struct zone_part *read, const struct own_put *last);
/* Has somebody put it as this daemon, and later: from a copy of its state, or before that was
 * brought back from a backup? */
bool job_zone_is_outrun(
	const struct job *job, const struct zone_part *read, const struct own_put *last);
/* Writes all parts, takes their seqs (on the disk), signs them. */
int job_zone_prepare(struct job *job);

/* job_zone_put.c: ends the run where all parts stand as they should and nothing is left to be seen.
 */
bool job_zone_adopt(struct job *job);
uint64_t job_zone_until_whole(const struct job *job); /* how long until all parts are due */

#endif
