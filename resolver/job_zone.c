/* One run of a zone: read its packet, and those of its pages on which something changes; merge;
 * put what has changed. Whoever reads meanwhile finds everything:
 *
 *   - new pages are put before the zone packet that speaks of them, and the old ones, from which
 *     half of the records have moved, after it;
 *   - where there are fewer pages than before, those that remain come first and hold it all.
 *
 * Another daemon may hold the same key. What it put since is seen by cas, part by part; that the
 * zone was laid on other pages meanwhile, by what the zone packet and new pages are when all has
 * been put and is read back. So that the order of two parts can be told by their seq, a page's is
 * above that of the zone packet under which it was written, and that one's above those of all pages
 * that are not spoken of any more.
 *
 * A run without an edit reads all pages: those that are lost, old, or no longer what stands here
 * are put anew, the others are kept alive as they are. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "resolver/clock.h"
#include "resolver/job_zone_inside.h"

void job_zone_stop(struct job *job)
{
	struct zone_run *run = job->zone;
	if (!run)
		return;
	zone_fetch_finish(&run->fetch);
	for (size_t i = 0; i < run->parts_len; i++)
		if (run->parts[i].lookup)
			dht_cancel(job->publisher->dht, run->parts[i].lookup);
	free(run->parts);
	pages_destroy(run->pages);
	merge_edits_finish(&run->yields);
	free(run);
	job->zone = NULL;
}

static int merge(struct job *job)
{
	struct zone_run *run = job->zone;
	size_t len = 1 + run->fetch.pages_len;
	struct merge_part *parts = calloc(len, sizeof(*parts));
	struct own_put *last = calloc(len, sizeof(*last));
	int r = parts && last ? 0 : -ENOMEM;
	for (size_t i = 0; r == 0 && i < len; i++) {
		const struct zone_part *read = i ? run->fetch.pages[i - 1] : &run->fetch.head;
		r = job_zone_last(job, read->page, &last[i]);
		if (r == 0)
			parts[i] = job_zone_base(run, read, &last[i]);
		if (r == 0 && job_zone_is_outrun(job, read, &last[i]))
			publish_outrun(job->publisher, job->uid);
	}
	if (r == 0) {
		struct merge_zone m = {.own = job->publisher->own,
			.signer = job->publisher->signer,
			.uid = job->uid,
			.now = clock_signing(),
			.parts = parts,
			.parts_len = len};
		merge_edits_finish(&job->edits);
		r = merge_zone(&m, &run->pages, &job->edits);
	}
	free(last);
	free(parts);
	return r;
}

/* The zone has no room for what is written now: plain names have their slots. */
static void zone_is_full(struct job *job)
{
	for (size_t i = 0; i < job->edits.len; i++) {
		const struct merge_edit *e = &job->edits.edit[i];
		if (!e->under_key)
			publish_slot(job->publisher, &e->question);
	}
}

/* What another daemon of this key has said since holds here too: once the run has come to its end.
 */
static int put_off_yielding(struct job *job)
{
	struct merge_edits *edits = &job->edits, *yields = &job->zone->yields;
	size_t kept = 0;
	yields->edit = calloc(edits->len + 1, sizeof(*yields->edit));
	if (!yields->edit)
		return -ENOMEM;
	for (size_t i = 0; i < edits->len; i++) {
		if (edits->edit[i].overruled || edits->edit[i].gone)
			yields->edit[yields->len++] = edits->edit[i];
		else
			edits->edit[kept++] = edits->edit[i];
	}
	edits->len = kept;
	return 0;
}

/* ---- reading ---- */

/* How many pages there are, as the zone packet says on which the merge will build. */
static int pages_before(struct job *job, unsigned *ret_pages)
{
	struct zone_run *run = job->zone;
	struct pages_marker marker = {0};
	struct own_put last;
	struct zone *head;
	int r = job_zone_last(job, PAGES_HEAD, &last);
	if (r < 0)
		return r;
	struct merge_part base = job_zone_base(run, &run->fetch.head, &last);
	r = zone_read(run->fetch.key, base.bytes, base.len, &head);
	if (r == 0) {
		pages_marker(head, run->fetch.key, &marker);
		zone_destroy(head);
	}
	*ret_pages = marker.pages;
	run->min = marker.min;
	return r == -EBADMSG ? 0 : r;
}

static int fetch_range(struct zone_run *run, unsigned from, unsigned to)
{
	unsigned pages[PAGES_MAX];
	size_t len = 0;
	for (unsigned i = from; i < to; i++)
		pages[len++] = i;
	return zone_fetch_pages(&run->fetch, pages, len);
}

/* Reads what of the zone has to be read: 0: that is on its way; 1: it is here. */
static int read_wanted(struct job *job)
{
	struct zone_run *run = job->zone;
	unsigned before, pages[PAGES_MAX];
	int r = pages_before(job, &before);
	if (r < 0)
		return r;
	if (before == 0)
		run->whole = true;
	if (run->whole)
		return fetch_range(run, 0, before);
	size_t len = merge_zone_wants(job->publisher->own, run->fetch.key, job->uid, before, pages);
	return zone_fetch_pages(&run->fetch, pages, len);
}

/* Somebody lays the zone on other pages at this moment: they are newer than the zone packet, which
 * does not speak of them. When that does not end he has not come to its end, and this run does it.
 */
static bool is_being_laid(const struct job *job)
{
	const struct zone_run *run = job->zone;
	for (size_t i = 0; i < run->fetch.pages_len; i++) {
		const struct zone_part *part = run->fetch.pages[i];
		if (part->page >= run->pages->marker.pages && part->found &&
			part->item.seq > run->fetch.head.item.seq)
			return true;
	}
	return false;
}

/* To take a part that did not arrive for one that is not there would be to overwrite it. */
static bool arrived(const struct zone_run *run)
{
	int error = run->fetch.head.error;
	for (size_t i = 0; i < run->fetch.pages_len && (!error || error == -EHOSTUNREACH); i++)
		error = run->fetch.pages[i]->error;
	return !error || error == -EHOSTUNREACH;
}

static int merge_and_put(struct job *job)
{
	struct zone_run *run = job->zone;
	int r = 1;
	if (!run->pages) {
		r = read_wanted(job);
		if (r <= 0)
			return r;
		if (!arrived(run)) /* none could be asked for */
			return -ENETUNREACH;
		r = merge(job);
		if (r == -EAGAIN && !run->whole) {
			run->whole = true;
			return merge_and_put(job);
		}
		if (r == -EFBIG)
			zone_is_full(job);
		if (r == 0)
			r = put_off_yielding(job);
		if (r < 0)
			return r;
		/* New pages: their places may hold what stood there once. */
		r = fetch_range(run, run->pages->marker.pages, run->pages->len);
	}
	if (r <= 0 || (is_being_laid(job) && job_conflict(job)))
		return r < 0 ? r : 0;
	r = job_zone_prepare(job);
	return r < 0 || job_zone_adopt(job) ? r : job_store(job);
}

static void on_read(void *ctx)
{
	struct job *job = ctx;
	struct zone_run *run = job->zone;
	run->alone = run->fetch.head.error == -EHOSTUNREACH && !job_has_relays(job);
	job_account(job, run->fetch.sum.bytes - run->accounted);
	run->accounted = run->fetch.sum.bytes;
	if (!arrived(run) || merge_and_put(job) < 0)
		job_fail(job);
}

int job_zone_start(struct job *job)
{
	struct zone_run *run = calloc(1, sizeof(*run));
	if (!run)
		return -ENOMEM;
	job->zone = run;
	const struct publisher *p = job->publisher;
	run->fetch.config = (struct zone_lookup_config){
		.base = p->base, .dht = p->dht, .relays = p->config.relays, .fresh = true};
	run->fetch.done = on_read;
	run->fetch.ctx = job;
	run->whole = !job->hurried || (job->whole_due && job_zone_until_whole(job) == 0) ||
		     receipt_is_owed_on(p, job->uid, NULL);
	int r = signer_key(p->signer, job->uid, run->fetch.key);
	return r < 0 ? r : zone_fetch_head(&run->fetch);
}
