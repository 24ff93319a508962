/* The parts of a zone: whether they stand as they should, and if not, what is to be put. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "resolver/clock.h"
#include "resolver/job_zone_inside.h"

/* Nobody can go above what was signed while the clock stood far ahead, and readers that see the
 * right time do not believe it. Nodes forget it after two hours; so do we, and say all anew. */
static int forget_last(struct job *job, const struct dht_id *target, struct own_put *last)
{
	struct own *own = job->publisher->own;
	*last = (struct own_put){0};
	job_drop(job); /* nodes are reminded of it no longer */
	int r = own_set_put(own, target->b, 0);
	if (r == 0)
		r = own_set_taken(own, target->b, last);
	if (r == 0)
		publish_clock_was_wrong(job->publisher, job->uid);
	return r;
}

int job_zone_last(struct job *job, unsigned page, struct own_put *ret_last)
{
	uint8_t salt[PAGES_SALT_MAX];
	struct dht_id target;
	size_t len = pages_salt(page, salt);
	dht_mutable_target(job->zone->fetch.key, salt, len, &target);
	int r = own_last_put(job->publisher->own, target.b, ret_last);
	if (r == 0 && clock_was_wrong(ret_last->seq))
		r = forget_last(job, &target, ret_last);
	return r;
}

/* A page that no reader believes is not there. */
static bool counts(const struct zone_run *run, const struct zone_part *read)
{
	return read && read->found && (read->page == PAGES_HEAD || read->item.seq >= run->min);
}

bool job_zone_is_outrun(
	const struct job *job, const struct zone_part *read, const struct own_put *last)
{
	const struct own *own = job->publisher->own;
	struct zone_seen seen = {0};
	struct zone *zone;
	size_t len;
	const uint8_t *bytes = zone_part_bytes(read, &len);
	if (!bytes)
		return false;
	/* Of many pages what was put last will do: to read them all twice is dear. */
	if (read->page == PAGES_HEAD && zone_read(job->zone->fetch.key, bytes, len, &zone) == 0) {
		pages_seen(zone, job->zone->fetch.key, &seen);
		zone_destroy(zone);
	}
	zone_seen_add(&seen, read->item.seq);
	return zone_seen_of(&seen, own_writer(own)) > last->seq ||
	       zone_seen_of(&seen, own_former_writer(own)) > last->seq;
}

/* What a merge builds on. `last` outlives it. */
struct merge_part job_zone_base(
	const struct zone_run *run, const struct zone_part *read, const struct own_put *last)
{
	struct merge_part part = {.page = read->page,
		.seq = read->found ? read->item.seq : 0,
		.last = last->packet,
		.last_len = last->packet_len,
		.last_seq = last->taken};
	part.all = !counts(run, read) || read->item.seq < last->taken;
	if (!part.all) {
		part.bytes = zone_part_bytes(read, &part.len);
		part.built = read->item.seq;
	} else {
		part.bytes = last->packet;
		part.len = last->packet_len;
		part.built = last->taken;
	}
	return part;
}

static bool edits_said(const struct job *job, unsigned page)
{
	for (size_t i = 0; i < job->edits.len; i++) {
		const struct merge_edit *e = &job->edits.edit[i];
		if (e->page == page && !job_said(job, e))
			return false;
	}
	return true;
}

/* The network has this part as it should be, and it is not a day old; nor does anybody wait until
 * more nodes have it than took it. */
static bool stands(const struct job_part *part, const uint8_t *packet, size_t len)
{
	const struct receipt_place place = {part->page, part->job->zone->pages->len};
	size_t held_len;
	const uint8_t *held = zone_part_bytes(part->read, &held_len);
	return held && counts(part->job->zone, part->read) && held_len == len &&
	       memcmp(held, packet, len) == 0 && part->read->item.seq >= part->last.taken &&
	       edits_said(part->job, part->page) &&
	       job_rest_of_day(part->job, part->read->item.seq) > 0 &&
	       !receipt_is_owed_on(part->job->publisher, part->job->uid, &place);
}

static int64_t later(int64_t seq, const struct zone_part *read)
{
	return read && read->found && read->item.seq > seq ? read->item.seq : seq;
}

/* The seq that this part has to be above. */
static int64_t seen_by(const struct zone_run *run, const struct job_part *part)
{
	int64_t seq = later(later(0, &run->fetch.head), part->read);
	if (part->page != PAGES_HEAD)
		return seq;
	for (size_t i = 0; i < run->fetch.pages_len; i++)
		if (run->fetch.pages[i]->page >= run->pages->len)
			seq = later(seq, run->fetch.pages[i]);
	return seq;
}

static int prepare(struct job_part *part, const uint8_t *packet, size_t len)
{
	struct job *job = part->job;
	struct dht_item *item = &part->item;
	struct dht_id target;
	part->stands = part->done = stands(part, packet, len);
	if (part->stands) {
		*item = part->read->item;
		return 0;
	}
	item->is_mutable = true;
	memcpy(item->key, job->zone->fetch.key, sizeof(item->key));
	item->salt_len = (uint8_t)pages_salt(part->page, item->salt);
	dht_item_target(item, &target);
	int r = job_next_put(job, &target, seen_by(job->zone, part), &part->last);
	item->seq = part->last.seq;
	return r < 0 ? r : dht_item_set_string(item, packet, len);
}

static int sign(struct job_part *part)
{
	const uint8_t *packet;
	size_t len;
	dht_item_get_string(&part->item, &packet, &len);
	struct signer_part signed_part = {part->page, packet, len, part->item.seq};
	return part->stands ? 0
			    : signer_zone(part->job->publisher->signer, part->job->uid,
				      &signed_part, part->item.sig);
}

/* From when on this part counts. What is put after the zone packet is read as it was until then,
 * or for longer, should this run not come to its end. */
static int64_t counts_from(const struct job_part *part)
{
	const struct zone_part *read = part->read;
	bool before = part->rank == RANK_LAST && read && read->found &&
		      read->item.seq < part->item.seq &&
		      read->item.seq >= part->job->zone->pages->marker.min;
	return before ? read->item.seq : part->item.seq;
}

/* Of these of all pages the least, once all are known; where not, what the zone packet said: a page
 * that was not read is none of former times. */
static int64_t marker_min(const struct zone_run *run)
{
	int64_t min = INT64_MAX;
	if (!run->whole && run->pages->marker.pages == run->pages->len)
		return run->pages->marker.min;
	for (size_t i = 1; i < run->parts_len; i++)
		if (counts_from(&run->parts[i]) < min)
			min = counts_from(&run->parts[i]);
	return run->parts_len > 1 ? min : 0;
}

static unsigned rank_of(const struct zone_run *run, unsigned page)
{
	unsigned before = run->pages->marker.pages;
	if (page == PAGES_HEAD)
		return RANK_HEAD;
	return before < run->pages->len && page < before ? RANK_LAST : RANK_FIRST;
}

static void list_parts(struct job *job)
{
	struct zone_run *run = job->zone;
	run->parts[run->parts_len++] = (struct job_part){
		.job = job, .page = PAGES_HEAD, .rank = RANK_HEAD, .read = &run->fetch.head};
	for (unsigned i = 0; i < run->pages->len; i++)
		if (run->pages->page[i])
			run->parts[run->parts_len++] = (struct job_part){.job = job,
				.page = i,
				.rank = rank_of(run, i),
				.read = zone_fetch_part(&run->fetch, i)};
}

static int prepare_part(struct zone_run *run, struct job_part *part, int64_t min)
{
	uint8_t packet[ZONE_BYTES_MAX];
	int r = job_zone_last(part->job, part->page, &part->last);
	int len = pages_write_as_read(run->pages, part->page, packet);
	/* Other words alone, of `min` and of what it was built on, are no reason to put it anew. */
	if (r == 0 && len > 0 && !stands(part, packet, (size_t)len))
		len = pages_write(run->pages, part->page, min, packet);
	if (r == 0 && len < 0)
		r = len;
	return r < 0 ? r : prepare(part, packet, (size_t)len);
}

/* Pages first: the zone packet names the oldest of them. */
int job_zone_prepare(struct job *job)
{
	struct zone_run *run = job->zone;
	run->parts = calloc(run->pages->len + 1u, sizeof(*run->parts));
	if (!run->parts)
		return -ENOMEM;
	list_parts(job);
	int r = 0;
	own_begin(job->publisher->own);
	for (size_t i = 1; r == 0 && i < run->parts_len; i++)
		r = prepare_part(run, &run->parts[i], 0);
	if (r == 0)
		r = prepare_part(run, &run->parts[0], marker_min(run));
	int end = own_end(job->publisher->own);
	for (size_t i = 0; r == 0 && end == 0 && i < run->parts_len; i++)
		r = sign(&run->parts[i]);
	return r < 0 ? r : end;
}
