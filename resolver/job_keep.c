/* What a job has put is kept alive by the DHT node; a look that shows something newer, or another
 * value of the same seq, runs the job: it merges that, and signs with a higher seq.
 */
#include <stdlib.h>
#include <string.h>

#include "resolver/clock.h"
#include "resolver/job.h"

static void on_refresh(void *ctx, const struct dht_result *result)
{
	struct job *job = ctx;
	bool gone = !result->error && result->holders + result->stored == 0;
	if (result->seq_seen > job->kept_seq || result->contested || gone)
		job_in_turn(job);
}

/* Nothing to be done: the job makes new pieces, with its claim, in a day. */
static void on_piece_refresh(void *ctx, const struct dht_result *result)
{
	(void)ctx;
	(void)result;
}

static void drop_pieces(struct job *job)
{
	for (size_t i = 0; i < job->kept_pieces_len; i++)
		dht_unpublish(job->publisher->dht, job->kept_pieces[i]);
	free(job->kept_pieces);
	job->kept_pieces = NULL;
	job->kept_pieces_len = 0;
}

void job_drop(struct job *job)
{
	dht_unpublish(job->publisher->dht, job->kept);
	job->kept = NULL;
	drop_pieces(job);
}

/* Without memory it is not kept alive until the job runs again: that is in a day at the latest. */
static void keep_pieces(struct job *job, uint64_t put)
{
	const struct merge_edits *edits = &job->edits;
	drop_pieces(job);
	job->kept_pieces = calloc(edits->pieces_len, sizeof(*job->kept_pieces));
	for (size_t i = 0; job->kept_pieces && i < edits->pieces_len; i++) {
		struct dht_item item = {.is_mutable = false};
		if (dht_item_set_string(&item, edits->pieces[i].bytes, edits->pieces[i].len) == 0 &&
			dht_publish(job->publisher->dht, &item, put, on_piece_refresh, job,
				&job->kept_pieces[job->kept_pieces_len]) == 0)
			job->kept_pieces_len++;
	}
}

void job_keep(struct job *job, const struct dht_item *item, uint64_t put)
{
	dht_unpublish(job->publisher->dht, job->kept);
	job->kept = NULL;
	job->kept_seq = item->seq;
	if (job->kind == JOB_SLOT && job->edits.pieces_len)
		keep_pieces(job, put);
	if (dht_publish(job->publisher->dht, item, put, on_refresh, job, &job->kept) < 0)
		job->kept = NULL;
}

uint64_t job_rest_of_day(const struct job *job, int64_t seq)
{
	int64_t left = seq + (int64_t)job->publisher->config.resign - clock_wall();
	return left > 0 ? (uint64_t)left : 0;
}

/* Every edit that went into the merge has reached the network before, and nothing was signed for
 * it now. */
static bool said_all(const struct job *job)
{
	for (size_t i = 0; i < job->edits.len; i++) {
		const struct merge_edit *e = &job->edits.edit[i];
		const struct own_record *record = own_find(
			job->publisher->own, e->uid, &e->question);
		if (!record || !record->published || e->inception)
			return false;
	}
	return !job->edits.pieces_len && !job->edits.again && !job->copy;
}

/* A slot stands in the order of whoever wrote last, so it is not compared byte by byte: what all
 * nodes hold alike and no claim had to be added to is as good as what we would write. */
bool job_adopt(struct job *job, const struct own_put *last, const uint8_t *packet, size_t len)
{
	const struct job_packet *held = job->packets;
	const struct dht_item *newest = job->newest;
	if (job->packets_len != 1 || newest->seq < last->seq || !said_all(job) ||
		job_rest_of_day(job, newest->seq) == 0)
		return false;
	if (job->kind == JOB_ZONE && (held->len != len || memcmp(held->bytes, packet, len) != 0))
		return false;
	/* When its nodes were last sent it is not known, but they were when it was signed. */
	int64_t age = clock_wall() - newest->seq;
	uint64_t now = clock_monotonic();
	job_keep(job, newest, age >= 0 && (uint64_t)age < now ? now - (uint64_t)age : 0);
	job->failures = job->conflicts = 0;
	job->hurried = false;
	return true;
}
