/* What a job has put is kept alive by the DHT node; a look that shows something newer, or another
 * value of the same seq, runs the job: it merges that, and signs with a higher seq. */
#include <stdlib.h>
#include <string.h>

#include "resolver/clock.h"
#include "resolver/job.h"

struct job_kept {
	struct job *job;
	struct dht_published *published;
	int64_t seq;
	enum job_keeping keeping;
};

static void on_refresh(void *ctx, const struct dht_result *result)
{
	struct job_kept *k = ctx;
	bool gone = !result->error && result->holders + result->stored == 0;
	if (k->keeping == KEEP_WATCHED && (result->seq_seen > k->seq || result->contested || gone))
		job_in_turn(k->job);
}

static void drop(struct job *job, size_t at)
{
	struct job_kept *k = job->kept[at];
	if (k)
		dht_unpublish(job->publisher->dht, k->published);
	free(k);
	job->kept[at] = NULL;
}

void job_keep_first(struct job *job, size_t len)
{
	while (job->kept_len > len)
		drop(job, --job->kept_len);
}

void job_drop(struct job *job)
{
	job_keep_first(job, 0);
	free(job->kept);
	job->kept = NULL;
}

static bool make_room(struct job *job, size_t at)
{
	if (at < job->kept_len)
		return true;
	struct job_kept **grown = reallocarray(job->kept, at + 1, sizeof(struct job_kept *));
	if (!grown)
		return false;
	memset(grown + job->kept_len, 0, (at + 1 - job->kept_len) * sizeof(struct job_kept *));
	job->kept = grown;
	job->kept_len = at + 1;
	return true;
}

/* Without memory it is not kept alive until the job runs again: that is in a day at the latest. */
void job_keep(struct job *job, size_t at, const struct dht_item *item, uint64_t put,
	enum job_keeping keeping)
{
	if (!make_room(job, at))
		return;
	drop(job, at);
	struct job_kept *k = calloc(1, sizeof(*k));
	if (!k)
		return;
	*k = (struct job_kept){.job = job, .seq = item->seq, .keeping = keeping};
	if (dht_publish(job->publisher->dht, item, put, on_refresh, k, &k->published) < 0) {
		free(k);
		return;
	}
	job->kept[at] = k;
}

void job_keep_found(struct job *job, size_t at, const struct dht_item *item)
{
	/* When its nodes were last sent it is not known, but they were when it was signed. */
	int64_t age = clock_signing() - item->seq;
	uint64_t now = clock_monotonic();
	if (at < job->kept_len && job->kept[at] && job->kept[at]->seq == item->seq)
		return;
	job_keep(job, at, item, age >= 0 && (uint64_t)age < now ? now - (uint64_t)age : 0,
		KEEP_WATCHED);
}

uint64_t job_rest_of_day(const struct job *job, int64_t seq)
{
	uint64_t day = job->publisher->config.resign;
	int64_t left = seq + (int64_t)day - clock_signing();
	if (left <= 0)
		return 0;
	return (uint64_t)left < day ? (uint64_t)left : day; /* more: the clock stands in the past */
}

bool job_said(const struct job *job, const struct merge_edit *edit)
{
	const struct own_record *record = own_find(job->publisher->own, edit->uid, &edit->question);
	return record && record->published && !edit->inception &&
	       !receipt_is_owed(job->publisher, record);
}
