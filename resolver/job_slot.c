/* One run of a slot: read what all nodes hold, merge the claims, put the pieces of large ones, then
 * the slot. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "resolver/clock.h"
#include "resolver/job.h"
#include "resolver/policy.h"

void job_slot_stop(struct job *job)
{
	free(job->packets);
	free(job->newest);
	job->packets = NULL;
	job->newest = NULL;
	job->packets_len = 0;
	job->seq_seen = 0;
	job->piece = 0;
	job->lookup = NULL;
}

/* ---- reading ---- */

static void keep_packet(struct job *job, int64_t seq, const uint8_t *bytes, size_t len)
{
	for (size_t i = 0; i < job->packets_len; i++)
		if (job->packets[i].len == len && memcmp(job->packets[i].bytes, bytes, len) == 0)
			return;
	if (job->packets_len == JOB_PACKETS_MAX)
		return;
	struct job_packet *at = &job->packets[job->packets_len++];
	at->seq = seq;
	at->len = (uint16_t)len;
	memcpy(at->bytes, bytes, len);
}

/* A copy of what DNS said goes only onto an empty board, and not when it is old. */
static int add_copy(struct job *job, struct slot *slot, bool *ret_idle)
{
	struct claim claim;
	if (!job->copy)
		return 0;
	*ret_idle = slot->claims_len ||
		    clock_wall() / (int64_t)SECOND >= job->copied + job->copy->ttl;
	if (*ret_idle)
		return 0;
	int r = claim_copy(job->copy, job->copied, &claim);
	return r < 0 ? r : slot_add(slot, &claim);
}

/* ---- merging and putting ---- */

static int merge(struct job *job, uint8_t *ret_packet, bool *ret_idle)
{
	struct publisher *p = job->publisher;
	int64_t now = clock_signing();
	unsigned budget = JOB_CHECKS_MAX;
	struct slot slot;
	slot_init(&slot, &job->question);
	int r = 0;
	for (size_t i = 0; r == 0 && i < job->packets_len; i++) {
		struct slot_reading reading = {.now = now / (int64_t)SECOND,
			.packet_time = job->packets[i].seq / (int64_t)SECOND,
			.allow_unsigned = p->config.policy->mode == POLICY_OPEN,
			.budget = &budget};
		r = slot_add_packet(&slot, job->packets[i].bytes, job->packets[i].len, &reading);
		if (r == -EBADMSG)
			r = 0; /* junk on the board is no reason to stay away from it */
	}
	if (r == 0)
		r = add_copy(job, &slot, ret_idle);
	if (r == 0 && !*ret_idle)
		r = merge_slot(p->own, p->signer, &slot, now, ret_packet, &job->edits);
	slot_finish(&slot);
	return r;
}

/* A slot stands in the order of whoever wrote last, so it is not compared byte by byte: what all
 * nodes hold alike and no claim had to be added to is as good as what we would write. */
static bool as_it_should_be(const struct job *job, const struct own_put *last)
{
	for (size_t i = 0; i < job->edits.len; i++)
		if (!job_said(job, &job->edits.edit[i]))
			return false;
	return job->packets_len == 1 && job->newest->seq >= last->seq && !job->edits.pieces_len &&
	       !job->edits.again && !job->copy && job_rest_of_day(job, job->newest->seq) > 0;
}

static int sign(struct job *job, const uint8_t *packet, size_t len)
{
	struct dht_item *item = &job->item;
	uint8_t seed[DHT_SEED_LEN];
	int r = dht_item_set_string(item, packet, len);
	if (r < 0)
		return r;
	slot_seed(item->salt, seed);
	return dht_item_sign(item, seed);
}

static int merge_and_put(struct job *job)
{
	uint8_t packet[SLOT_BYTES_MAX];
	struct own_put last;
	struct dht_id target;
	bool idle = false;
	dht_item_target(&job->item, &target);
	int r = own_last_put(job->publisher->own, target.b, &last);
	if (r < 0)
		return r;
	int len = merge(job, packet, &idle);
	if (len < 0)
		return len;
	if (idle) {
		job_drop_copy(job);
		job_rest(job, 0);
		return 0;
	}
	if (as_it_should_be(job, &last)) {
		job_keep_found(job, 0, job->newest);
		job_adopted(job, job_rest_of_day(job, job->newest->seq));
		return 0;
	}
	r = job_next_put(job, &target, job->seq_seen, &last);
	job->item.seq = last.seq;
	if (r == 0)
		r = sign(job, packet, (size_t)len);
	return r < 0 ? r : job_store(job);
}

static void read_done(void *ctx, const struct dht_item *item, const struct dht_endpoint *from,
	const struct dht_result *result)
{
	(void)from;
	struct job *job = ctx;
	if (item) {
		const uint8_t *bytes;
		size_t len;
		if (item->seq > clock_latest() + job_ahead_max(job))
			return;
		if (item->seq > job->seq_seen)
			job->seq_seen = item->seq;
		if (item->seq > job->newest->seq)
			*job->newest = *item;
		if (dht_item_get_string(item, &bytes, &len) == 0 && len <= SLOT_BYTES_MAX)
			keep_packet(job, item->seq, bytes, len);
		return;
	}
	job->lookup = NULL;
	job_account(job, result->bytes);
	if (result->error == -ENETUNREACH || merge_and_put(job) < 0)
		job_fail(job);
}

int job_slot_start(struct job *job)
{
	uint8_t seed[DHT_SEED_LEN];
	struct dht_item *item = &job->item;
	job->packets = calloc(JOB_PACKETS_MAX, sizeof(*job->packets));
	job->newest = calloc(1, sizeof(*job->newest));
	if (!job->packets || !job->newest)
		return -ENOMEM;
	job->newest->seq = -1;
	memset(item, 0, sizeof(*item));
	item->is_mutable = true;
	question_key(&job->question, item->salt);
	item->salt_len = QUESTION_KEY_LEN;
	slot_seed(item->salt, seed);
	int r = dht_key_of_seed(seed, item->key);
	return r < 0 ? r
		     : dht_get_mutable(job->publisher->dht, item->key, item->salt, item->salt_len,
			       read_done, job, &job->lookup);
}

/* ---- the end ---- */

static void keep_alive(struct job *job)
{
	uint64_t now = clock_monotonic();
	job_keep(job, 0, &job->item, now, KEEP_WATCHED);
	if (!job->edits.pieces_len)
		return; /* those of an earlier run, if any, are still referred to */
	job_keep_first(job, 1);
	/* Nothing to be done where one is lost: the job makes new ones, with its claim, in a day.
	 */
	for (size_t i = 0; i < job->edits.pieces_len; i++) {
		const struct merge_piece *piece = &job->edits.pieces[i];
		struct dht_item item = {.is_mutable = false};
		if (dht_item_set_string(&item, piece->bytes, piece->len) == 0)
			job_keep(job, i + 1, &item, now, KEEP_ONLY);
	}
}

static void put_succeeded(struct job *job, unsigned taken)
{
	struct publisher *p = job->publisher;
	own_begin(p->own);
	for (size_t i = 0; i < job->edits.len; i++)
		job_mark_taken(job, &job->edits.edit[i], taken, 0);
	own_end(p->own);
	if (taken)
		job_drop_copy(job);
	p->counters.slots_put++;
	if (taken && job_wanted(job))
		keep_alive(job);
	job_succeeded(job, taken, p->config.resign);
}

static void read_back_done(void *ctx, const struct dht_item *item, const struct dht_endpoint *from,
	const struct dht_result *result)
{
	struct job *job = ctx;
	(void)from;
	if (item)
		return;
	job->lookup = NULL;
	job_account(job, result->bytes);
	if (result->held == 0 || result->seq_seen < job->item.seq)
		job_fail(job);
	else
		put_succeeded(job, job->taken ? job->taken : result->held);
}

/* Where ids were made up those that took it may be liars who keep nothing, or return it to us
 * alone. What nodes return that are not suspect, found by another way, others will find too. */
static int read_back(struct job *job, unsigned taken)
{
	job->taken = taken;
	return dht_read_back(job->publisher->dht, &job->item, read_back_done, job, &job->lookup);
}

/* What was put for an edit, where there are others who may have it: whoever waits for it is told
 * that it can be read (publish_receipt). */
static bool is_read_back(const struct job *job, const struct dht_result *result)
{
	return (result->crowded && !result->error) ||
	       (job->hurried && result->stored >= JOB_SEEN_MIN);
}

static void put_done(void *ctx, const struct dht_result *result)
{
	struct job *job = ctx;
	job->lookup = NULL;
	job_account(job, result->bytes);
	if (!result->refused_cas && !result->refused_seq)
		job->conflicts = 0;
	else if (job_conflict(job))
		return;
	if (is_read_back(job, result)) {
		if (read_back(job, result->stored) < 0)
			job_fail(job);
	} else if (result->stored == 0 && result->error != -EHOSTUNREACH) {
		job_fail(job);
	} else {
		put_succeeded(job, result->stored);
	}
}

static void piece_done(void *ctx, const struct dht_result *result)
{
	struct job *job = ctx;
	job->lookup = NULL;
	job_account(job, result->bytes);
	if ((result->stored == 0 && result->error != -EHOSTUNREACH) || job_slot_put(job) < 0)
		job_fail(job);
}

/* The pieces one after the other, then what refers to them. */
int job_slot_put(struct job *job)
{
	struct dht *dht = job->publisher->dht;
	if (job->piece == job->edits.pieces_len)
		return dht_put(dht, &job->item, DHT_PUT_CAS, put_done, job, &job->lookup);
	const struct merge_piece *piece = &job->edits.pieces[job->piece++];
	struct dht_item item = {.is_mutable = false};
	int r = dht_item_set_string(&item, piece->bytes, piece->len);
	return r < 0 ? r : dht_put(dht, &item, 0, piece_done, job, &job->lookup);
}
