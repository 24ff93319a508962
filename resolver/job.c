/* What one publishing job does: read, merge, sign, put, and again. */
#include "resolver/job.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "resolver/clock.h"
#include "resolver/policy.h"
#include "resolver/zone_lookup.h"

static void read_done(void *ctx, const struct dht_item *item, const struct dht_endpoint *from,
	const struct dht_result *result);
static void put_done(void *ctx, const struct dht_result *result);

void job_stop(struct job *job)
{
	free(job->packets);
	free(job->newest);
	job->packets = NULL;
	job->newest = NULL;
	job->packets_len = 0;
	job->seq_seen = 0;
	job->piece = 0;
	merge_edits_finish(&job->edits);
	job->lookup = NULL;
	job->zone = NULL;
	job->relayed = NULL;
	if (job->state == JOB_STORING)
		own_wait_no_longer(job->publisher->own, &job->durable);
	if (job->state != JOB_WAITING)
		job_leave_place(job);
	job->state = JOB_WAITING;
}

/* Ends a run; the job waits for the next. */
static void rest(struct job *job, uint64_t delay)
{
	bool again = job->again;
	job_stop(job);
	job->hurried |= again;
	job->again = false;
	if (again)
		job_wait(job, job_pause(job));
	else if (!job->alone || delay == 0)
		job_wait(job, delay);
}

void job_failed(struct job *job)
{
	job->publisher->counters.failures++;
	unsigned shift = job->failures < 6 ? job->failures : 6;
	job->failures++;
	rest(job, (5 * SECOND) << shift);
}

/* ---- reading ---- */

static int read_newest(struct job *job)
{
	struct publisher *p = job->publisher;
	const struct zone_lookup_config config = {
		.base = p->base, .dht = p->dht, .relays = p->config.relays, .fresh = true};
	if (job->kind == JOB_ZONE)
		return zone_lookup(&config, job->item.key, read_done, job, &job->zone);
	return dht_get_mutable(p->dht, job->item.key, job->item.salt, job->item.salt_len, read_done,
		job, &job->lookup);
}

void job_start(struct job *job)
{
	struct publisher *p = job->publisher;
	uint8_t key[DHT_KEY_LEN];
	int r;
	job->started = clock_monotonic();
	job->packets = calloc(JOB_PACKETS_MAX, sizeof(*job->packets));
	job->newest = calloc(1, sizeof(*job->newest));
	memset(&job->item, 0, sizeof(job->item));
	job->item.is_mutable = true;
	if (job->kind == JOB_ZONE) {
		r = signer_key(p->signer, job->uid, key);
	} else {
		uint8_t seed[DHT_SEED_LEN];
		question_key(&job->question, job->item.salt);
		job->item.salt_len = QUESTION_KEY_LEN;
		slot_seed(job->item.salt, seed);
		r = dht_key_of_seed(seed, key);
	}
	if (r == 0 && (!job->packets || !job->newest))
		r = -ENOMEM;
	if (r == 0) {
		job->newest->seq = -1;
		memcpy(job->item.key, key, sizeof(key));
		r = read_newest(job);
	}
	job->state = JOB_READING;
	job_take_place(job);
	if (r < 0)
		job_failed(job);
}

static void keep_packet(struct job *job, int64_t seq, const uint8_t *bytes, size_t len)
{
	struct job_packet *at = NULL;
	for (size_t i = 0; i < job->packets_len; i++)
		if (job->packets[i].len == len && memcmp(job->packets[i].bytes, bytes, len) == 0)
			return;
	if (job->kind == JOB_ZONE && job->packets_len == 1) {
		const struct job_packet *held = &job->packets[0];
		if (zone_compare(seq, bytes, len, held->seq, held->bytes, held->len) > 0)
			at = &job->packets[0];
	} else if (job->packets_len < JOB_PACKETS_MAX) {
		at = &job->packets[job->packets_len++];
	}
	if (!at)
		return;
	at->seq = seq;
	at->len = (uint16_t)len;
	memcpy(at->bytes, bytes, len);
}

/* ---- merging and putting ---- */

/* How far ahead of the clock a value may be: a zone a day, as readers hold it too; a slot, whose
 * key is everyone's, ten minutes, as nodes of ours hold it. */
static int64_t ahead_max(const struct job *job)
{
	return (job->kind == JOB_ZONE ? 24 * 3600 : 600) * (int64_t)SECOND;
}

static int merge_into_zone(struct job *job, const struct own_put *last, uint8_t *ret_packet)
{
	struct publisher *p = job->publisher;
	const struct job_packet *newest = job->packets_len ? &job->packets[0] : NULL;
	struct merge_zone m = {.own = p->own, .signer = p->signer, .uid = job->uid};
	m.all = !newest || newest->seq < last->seq;
	if (!m.all) {
		m.base = newest->bytes;
		m.base_len = newest->len;
	} else if (last->packet_len) {
		/* What the network shows is older than what we put: to build on it would bring back
		 * what was withdrawn since. */
		m.base = last->packet;
		m.base_len = last->packet_len;
	}
	return merge_zone(&m, ret_packet, &job->edits);
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

static int merge_into_slot(struct job *job, uint8_t *ret_packet, bool *ret_idle)
{
	struct publisher *p = job->publisher;
	int64_t now = clock_wall();
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

static int sign(struct job *job, const uint8_t *packet, size_t len)
{
	struct dht_item *item = &job->item;
	int r = dht_item_set_string(item, packet, len);
	if (r < 0)
		return r;
	if (job->kind == JOB_ZONE)
		return signer_zone(
			job->publisher->signer, job->uid, packet, len, item->seq, item->sig);
	uint8_t seed[DHT_SEED_LEN];
	slot_seed(item->salt, seed);
	return dht_item_sign(item, seed);
}

/* Above all that was seen, and time; written before it is used, so that it is used once.
 * -EOVERFLOW: somebody who holds the key went far ahead; following him would burn it. */
static int next_put(struct job *job, const struct dht_id *target, struct own_put *last,
	const uint8_t *packet, size_t len)
{
	int64_t now = clock_wall(), seen = job->seq_seen > last->seq ? job->seq_seen : last->seq;
	if (seen >= now + ahead_max(job))
		return -EOVERFLOW;
	last->seq = seen >= now ? seen + 1 : now;
	last->packet_len = job->kind == JOB_ZONE ? len : 0;
	memcpy(last->packet, packet, last->packet_len);
	job->item.seq = last->seq;
	return own_set_put(job->publisher->own, target->b, last);
}

static int put_next(struct job *job);

static void on_durable(struct own_waiter *w, int error)
{
	struct job *job = (struct job *)((char *)w - offsetof(struct job, durable));
	job->state = JOB_PUTTING;
	if (error < 0 || put_next(job) < 0)
		job_failed(job);
}

/* The seq has just been written, so there is something to wait for where commits wait for anything
 * at all; and it is the last, so that the edits that were merged are on the disk with it. */
static int store_and_put(struct job *job)
{
	job->durable.fn = on_durable;
	if (!own_wait(job->publisher->own, &job->durable))
		return put_next(job);
	job->state = JOB_STORING;
	return 0;
}

/* The zone has no room for what is written now: plain names have their slots. */
static void zone_is_full(struct job *job)
{
	own_begin(job->publisher->own);
	for (size_t i = 0; i < job->edits.len; i++) {
		const struct merge_edit *e = &job->edits.edit[i];
		if (!e->under_key)
			own_zoned(job->publisher->own, e->uid, &e->question, e->written);
	}
	own_end(job->publisher->own);
	publish_zone_done(job->publisher, &job->edits);
}

static int merge_and_put(struct job *job)
{
	uint8_t packet[ZONE_BYTES_MAX > SLOT_BYTES_MAX ? ZONE_BYTES_MAX : SLOT_BYTES_MAX];
	struct own_put last;
	struct dht_id target;
	bool idle = false;
	dht_item_target(&job->item, &target);
	int r = own_last_put(job->publisher->own, target.b, &last);
	if (r < 0)
		return r;
	int len = job->kind == JOB_ZONE ? merge_into_zone(job, &last, packet)
					: merge_into_slot(job, packet, &idle);
	if (len == -EFBIG && job->kind == JOB_ZONE)
		zone_is_full(job);
	if (len < 0)
		return len;
	if (idle) {
		job_drop_copy(job);
		rest(job, 0);
		return 0;
	}
	if (job_adopt(job, &last, packet, (size_t)len)) {
		rest(job, job_rest(job, job_rest_of_day(job, job->kept_seq)));
		return 0;
	}
	r = next_put(job, &target, &last, packet, (size_t)len);
	if (r == 0)
		r = sign(job, packet, (size_t)len);
	return r < 0 ? r : store_and_put(job);
}

/* What no edit asked for is republishing, and shares its budget. */
static void account(struct job *job, const struct dht_result *result)
{
	if (!job->hurried)
		dht_republish_spent(job->publisher->dht, result->bytes);
}

static void read_done(void *ctx, const struct dht_item *item, const struct dht_endpoint *from,
	const struct dht_result *result)
{
	(void)from;
	struct job *job = ctx;
	if (item) {
		const uint8_t *bytes;
		size_t len;
		if (item->seq > clock_wall() + ahead_max(job))
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
	job->zone = NULL;
	account(job, result);
	if (result->error == -ENETUNREACH || merge_and_put(job) < 0)
		job_failed(job);
}

static void mark_taken(struct job *job, unsigned replicas)
{
	struct publisher *p = job->publisher;
	int64_t now = clock_wall();
	own_begin(p->own);
	for (size_t i = 0; i < job->edits.len; i++) {
		const struct merge_edit *e = &job->edits.edit[i];
		const struct own_record *record = own_find(p->own, e->uid, &e->question);
		if (job->kind == JOB_ZONE)
			own_zoned(p->own, e->uid, &e->question, e->written);
		if (e->inception)
			own_claimed(p->own, e->uid, &e->question, e->inception);
		if (replicas == 0)
			continue; /* this node alone has it so far: not published */
		/* A plain name is published when its zone and its slot have it: this is the slot.
		 */
		if (job->kind == JOB_ZONE ? e->under_key : record && record->zoned == e->written)
			own_published(p->own, e->uid, &e->question, e->written, now, replicas);
	}
	own_end(p->own);
	if (replicas)
		job_drop_copy(job);
}

/* Refused by some: another writer was faster. Read again, soon; when that does not help, the
 * nodes that took it decide (one node that always refuses must not void what seven took). */
bool job_conflicts(struct job *job)
{
	job->publisher->counters.conflicts++;
	if (++job->conflicts <= JOB_CONFLICTS_MAX) {
		rest(job, SECOND / 50 << job->conflicts);
		return true;
	}
	job->conflicts = 0;
	return false;
}

static bool is_conflict(struct job *job, const struct dht_result *result)
{
	if (result->refused_cas || result->refused_seq)
		return job_conflicts(job);
	job->conflicts = 0;
	return false;
}

void job_succeeded(struct job *job, unsigned taken)
{
	struct publisher *p = job->publisher;
	job->failures = 0;
	job->alone = taken == 0;
	job->again |= job->edits.again;
	mark_taken(job, taken);
	if (job->kind == JOB_SLOT) {
		p->counters.slots_put++;
	} else {
		p->counters.zones_put++;
		publish_zone_done(p, &job->edits);
	}
	bool wanted = job_wanted(job);
	if (taken && wanted)
		job_keep(job, &job->item, clock_monotonic());
	job->hurried = false;
	rest(job, wanted ? job_rest(job, p->config.resign) : 0); /* what nothing is left of goes at once */
}

static void read_back_done(void *ctx, const struct dht_item *item, const struct dht_endpoint *from,
	const struct dht_result *result)
{
	struct job *job = ctx;
	(void)from;
	if (item)
		return;
	job->lookup = NULL;
	account(job, result);
	if (result->held == 0 || result->seq_seen < job->item.seq)
		job_failed(job);
	else
		job_succeeded(job, job->taken ? job->taken : result->held);
}

/* Where ids were made up those that took it may be liars who keep nothing, or return it to us
 * alone. What nodes return that are not suspect, found by another way, others will find too. */
static int read_back(struct job *job, unsigned taken)
{
	job->taken = taken;
	return dht_read_back(job->publisher->dht, &job->item, read_back_done, job, &job->lookup);
}

static void put_done(void *ctx, const struct dht_result *result)
{
	struct job *job = ctx;
	job->lookup = NULL;
	account(job, result);
	if (is_conflict(job, result))
		return;
	if (result->crowded && !result->error) {
		if (read_back(job, result->stored) < 0)
			job_failed(job);
	} else if (result->stored == 0 &&
		   (result->error != -EHOSTUNREACH || job_has_relays(job))) {
		job_failed(job); /* relays are tried again soon, they do not join as nodes do */
	} else {
		job_succeeded(job, result->stored);
	}
}

static void piece_done(void *ctx, const struct dht_result *result)
{
	struct job *job = ctx;
	job->lookup = NULL;
	account(job, result);
	if ((result->stored == 0 && result->error != -EHOSTUNREACH) || put_next(job) < 0)
		job_failed(job);
}

/* The pieces one after the other, then what refers to them. */
static int put_next(struct job *job)
{
	struct dht *dht = job->publisher->dht;
	job->state = JOB_PUTTING;
	if (job_put_relayed(job) == 0)
		return 0;
	if (job->piece == job->edits.pieces_len)
		return dht_put(dht, &job->item, DHT_PUT_CAS, put_done, job, &job->lookup);
	const struct merge_piece *piece = &job->edits.pieces[job->piece++];
	struct dht_item item = {.is_mutable = false};
	int r = dht_item_set_string(&item, piece->bytes, piece->len);
	return r < 0 ? r : dht_put(dht, &item, 0, piece_done, job, &job->lookup);
}
