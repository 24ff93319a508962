/* Putting the parts of a zone, in their order, and the end of a run. */
#include <errno.h>
#include <limits.h>
#include <string.h>

#include "resolver/clock.h"
#include "resolver/job_zone_inside.h"
#include "resolver/zone_relays.h"

#define PUTS_AT_ONCE 4
/* Until a zone that another daemon writes too is looked at again, and up to a quarter more. One
 * item is looked up in that time: of many pages each comes less often. */
#define LOOK_SHARED (45 * SECOND)

/* ---- the end ---- */

uint64_t job_zone_until_whole(const struct job *job)
{
	uint64_t now = clock_monotonic();
	return job->whole_due > now ? job->whole_due - now : 0;
}

static const struct job_part *part_of(const struct zone_run *run, unsigned page)
{
	for (size_t i = 0; i < run->parts_len; i++)
		if (run->parts[i].page == page)
			return &run->parts[i];
	return NULL;
}

/* What is written next stands on that, should the network show something older, and by that is told
 * what others have changed since: so what they have put counts too, once it has been read. */
static void note_taken(struct job_part *part)
{
	const uint8_t *packet;
	struct dht_id target;
	struct own_put *last = &part->last;
	dht_item_get_string(&part->item, &packet, &last->packet_len);
	memcpy(last->packet, packet, last->packet_len);
	last->taken = part->item.seq;
	dht_item_target(&part->item, &target);
	own_set_taken(part->job->publisher->own, target.b, last);
}

/* Is it on another node? What nobody else has is nothing to build on, for others build without. */
static bool is_there(const struct job_part *part)
{
	return part->done && (part->stands || part->taken);
}

static void note_all_taken(struct job *job)
{
	struct zone_run *run = job->zone;
	own_begin(job->publisher->own);
	for (size_t i = 0; i < run->parts_len; i++)
		if (is_there(&run->parts[i]) && run->parts[i].item.seq > run->parts[i].last.taken)
			note_taken(&run->parts[i]);
	own_end(job->publisher->own);
}

/* What was put for the sake of who waits, though it stood there. */
static void mark_waited_for(struct job *job)
{
	const struct zone_run *run = job->zone;
	for (size_t i = 0; i < run->parts_len; i++) {
		const struct job_part *part = &run->parts[i];
		const struct receipt_place place = {part->page, run->pages->len};
		if (part->done && !part->stands && part->taken)
			receipt_mark_on(job->publisher, job->uid, &place, part->taken);
	}
}

static void mark_edits(struct job *job)
{
	struct publisher *p = job->publisher;
	own_begin(p->own);
	for (size_t i = 0; i < job->edits.len; i++) {
		const struct merge_edit *e = &job->edits.edit[i];
		const struct job_part *part = part_of(job->zone, e->page);
		if (part && part->stands)
			own_zoned(p->own, e->uid, &e->question, e->written, part->item.seq);
		else if (part && part->done)
			job_mark_taken(job, e, part->taken, part->item.seq);
		if (part && part->done && e->conflict)
			publish_prevail(p, e);
	}
	mark_waited_for(job);
	own_end(p->own);
	publish_zone_done(p, &job->edits);
}

/* A record that is missing on a page may just have moved to another: only if the zone packet is
 * still the one that was read it is withdrawn. */
static void yield(struct job *job)
{
	const struct merge_edits *yields = &job->zone->yields;
	for (size_t i = 0; i < yields->len; i++)
		publish_yield(job->publisher, &yields->edit[i]);
}

static void keep_alive(struct job *job)
{
	struct zone_run *run = job->zone;
	uint64_t now = clock_monotonic();
	job_keep_first(job, 1 + run->pages->len);
	for (size_t i = 0; i < run->parts_len; i++) {
		const struct job_part *part = &run->parts[i];
		size_t at = part->page == PAGES_HEAD ? 0 : part->page + 1u;
		if (part->stands)
			job_keep_found(job, at, &part->item);
		else if (part->done && part->taken)
			job_keep(job, at, &part->item, now, KEEP_WATCHED);
	}
}

/* When all parts are to be read again: when the first of them is a day old. */
static void note_whole(struct job *job)
{
	struct zone_run *run = job->zone;
	int64_t oldest = INT64_MAX;
	if (!run->whole)
		return;
	for (size_t i = 0; i < run->parts_len; i++)
		if (run->parts[i].item.seq < oldest)
			oldest = run->parts[i].item.seq;
	job->whole_due = clock_monotonic() + job_rest_of_day(job, oldest);
}

/* Has another daemon put any of it lately? */
static bool is_shared(const struct zone_run *run, unsigned writer)
{
	int64_t since = clock_signing() - OWN_GONE_LIFETIME;
	for (size_t i = 0; i < run->parts_len; i++) {
		const struct zone_seen *seen = &run->pages->seen[run->parts[i].page].seen;
		for (unsigned k = 0; k < seen->len && seen->seq[k] > since; k++)
			if (zone_seq_writer(seen->seq[k]) != writer)
				return true;
	}
	return false;
}

/* What another daemon of the key has withdrawn, or changed, is to go here too, within a minute. */
static uint64_t look_again(const struct job *job)
{
	uint64_t delay = job_look_again(job, job_zone_until_whole(job));
	uint64_t shared = LOOK_SHARED * (1 + job->zone->pages->len);
	return shared < delay && is_shared(job->zone, own_writer(job->publisher->own)) ? shared
										       : delay;
}

static void finish(struct job *job)
{
	struct zone_run *run = job->zone;
	unsigned taken = UINT_MAX;
	/* Pages that no zone packet speaks of yet are nowhere to be seen. */
	bool ended = !run->failed && !run->conflict;
	note_all_taken(job);
	if (!run->changed && (ended || run->pages->marker.pages == run->pages->len))
		mark_edits(job);
	if (!run->changed && ended)
		yield(job);
	if ((run->conflict || run->changed) && job_conflict(job))
		return;
	job->conflicts = 0;
	if (run->failed || run->changed) {
		job_fail(job);
		return;
	}
	for (size_t i = 0; i < run->parts_len; i++) {
		const struct job_part *part = &run->parts[i];
		if (part->stands)
			continue;
		job->publisher->counters.pages_put += part->page != PAGES_HEAD;
		if (part->taken < taken)
			taken = part->taken;
	}
	job->publisher->counters.zones_put += taken != UINT_MAX;
	note_whole(job);
	if (taken && job_wanted(job))
		keep_alive(job);
	job_succeeded(job, taken, look_again(job));
}

bool job_zone_adopt(struct job *job)
{
	struct zone_run *run = job->zone;
	for (size_t i = 0; i < run->parts_len; i++)
		if (!run->parts[i].stands)
			return false;
	if (run->yields.len && run->pages->marker.pages)
		return false; /* the zone packet is read once more */
	yield(job);
	note_all_taken(job);
	mark_edits(job);
	note_whole(job);
	keep_alive(job);
	job_adopted(job, look_again(job));
	return true;
}

/* ---- putting ---- */

static int put_more(struct job *job);

static void part_ended(struct job_part *part, bool taken)
{
	struct job *job = part->job;
	struct zone_run *run = job->zone;
	part->done = taken;
	run->failed |= !taken && !run->conflict;
	run->running--;
	if (put_more(job) < 0)
		run->failed = true;
	if (run->running == 0)
		finish(job);
}

/* Where ids were made up those that took it may be liars who keep nothing, or return it to us
 * alone. What nodes return that are not suspect, found by another way, others will find too. */
static void read_back_done(void *ctx, const struct dht_item *item, const struct dht_endpoint *from,
	const struct dht_result *result)
{
	struct job_part *part = ctx;
	struct zone_run *run = part->job->zone;
	(void)from;
	if (item)
		return;
	part->lookup = NULL;
	job_account(part->job, result->bytes);
	bool newer = result->seq_seen > part->item.seq;
	/* Who has put a page since has merged it, unless that was before there was a zone packet
	 * that told him what stood on it. */
	if (newer && (part->page == PAGES_HEAD || run->pages->marker.pages != run->pages->len))
		run->changed = true;
	if (part->taken == 0)
		part->taken = result->held;
	bool held = result->held > 0 && result->seq_seen == part->item.seq;
	part_ended(part, newer || held || result->error == -EHOSTUNREACH);
}

static void put_done(void *ctx, const struct dht_result *result)
{
	struct job_part *part = ctx;
	struct job *job = part->job;
	part->lookup = NULL;
	part->taken = result->stored;
	job_account(job, result->bytes);
	if ((result->refused_cas || result->refused_seq) && job->conflicts < JOB_CONFLICTS_MAX) {
		job->zone->conflict = true;
		part_ended(part, false);
		return;
	}
	part->crowded = result->crowded;
	part_ended(part, (result->crowded && !result->error) || result->stored ||
				 (result->error == -EHOSTUNREACH && !job_has_relays(job)));
}

/* What was put for an edit, where there are others who may have it; and the zone packet, since it
 * may speak of other pages by now. */
static bool is_read_back(const struct job_part *part)
{
	if (part->page == PAGES_HEAD && part->stands)
		return true;
	return !part->stands &&
	       (part->crowded || (part->job->hurried && part->taken >= JOB_SEEN_MIN));
}

static int put_part(struct job_part *part)
{
	struct job *job = part->job;
	struct dht *dht = job->publisher->dht;
	int r = job->zone->rank == RANKS
			? dht_read_back(dht, &part->item, read_back_done, part, &part->lookup)
			: dht_put(dht, &part->item, DHT_PUT_CAS, put_done, part, &part->lookup);
	job->zone->running += r == 0;
	return r;
}

static bool is_next(const struct zone_run *run, const struct job_part *part)
{
	return run->rank == RANKS ? is_read_back(part) : part->rank == run->rank && !part->done;
}

/* The next parts of this rank; when all are put, those of the next rank. */
static int put_more(struct job *job)
{
	struct zone_run *run = job->zone;
	while (run->rank <= RANKS && !run->failed && !run->conflict) {
		while (run->next < run->parts_len && run->running < PUTS_AT_ONCE) {
			struct job_part *part = &run->parts[run->next++];
			int r = is_next(run, part) ? put_part(part) : 0;
			if (r < 0)
				return r;
		}
		if (run->running)
			return 0;
		run->rank++;
		run->next = 0;
	}
	return 0;
}

/* There is one part, and it was put at relays. */
void job_zone_relayed(struct job *job, const struct zone_relays_result *result)
{
	struct zone_run *run = job->zone;
	struct job_part *head = &run->parts[0];
	run->conflict = result->error == -ESTALE && job->conflicts < JOB_CONFLICTS_MAX;
	head->taken = result->taken;
	head->done = result->taken > 0 && !run->conflict;
	run->failed = result->taken == 0;
	finish(job);
}

/* Nobody is there to take it. Nor does this node: whoever is met next would find here what has a
 * higher seq than his, and knows nothing of it. */
static int put_nothing(struct job *job)
{
	for (size_t i = 0; i < job->zone->parts_len; i++)
		job->zone->parts[i].done = true;
	finish(job);
	return 0;
}

int job_zone_put(struct job *job)
{
	const struct zone_run *run = job->zone;
	if (run->alone)
		return put_nothing(job);
	if (run->pages->len == 0 && job_put_relayed(job, &run->parts[0].item) == 0)
		return 0;
	return put_more(job);
}
