/* Answers from the zone of a key, read part by part. */
#include "resolver/fetch_zone.h"

#include <errno.h>
#include <string.h>

#include "resolver/clock.h"
#include "resolver/rotation.h"

#define ZONE_STALE (7 * 86400 * (int64_t)SECOND) /* a zone that was not signed anew since */
/* Between the zone packet and the page the zone may have been laid on other pages. A page that has
 * not been written for that long does not come from this. */
#define RELAID (300 * (int64_t)SECOND)
#define LINKS_MAX 2 /* aliases that are followed to other pages: two look-ups each */

static void count(struct fetch_zone *z)
{
	z->lookups += z->parts.lookups;
	z->queries += z->parts.sum.queries;
	z->bytes += z->parts.sum.bytes;
	z->answered += z->parts.sum.answered;
	z->holders += z->parts.sum.holders;
	z->relay = z->parts.relay;
}

static void end(struct fetch_zone *z, struct answer *a)
{
	count(z);
	zone_fetch_finish(&z->parts);
	z->done(z->ctx, a);
}

/* Nobody answered, or could be asked, be it for want of memory: that says nothing about the name. */
static bool is_silent(const struct fetch_zone *z, const struct zone_part *part)
{
	bool alone = part->error == -EHOSTUNREACH && !z->env->joined;
	return !part->found && part->error && !alone;
}

static struct answer *unreachable(const struct fetch_zone *z)
{
	return answer_without(&z->question, -ENETUNREACH, RCODE_SERVFAIL, EDE_NO_AUTHORITY,
		FETCH_FAILURE_TTL, false);
}

static struct answer *miss(const struct fetch_zone *z, int ede)
{
	return answer_without(&z->question, -ENOENT, RCODE_NOERROR, ede, FETCH_MISS_TTL, true);
}

/* ---- pages ---- */

/* Where the set would stand, and an alias. What stands in the zone packet is here already. */
static size_t pages_of(const struct fetch_zone *z, const struct question *q, unsigned ret_pages[2])
{
	struct question alias = *q;
	unsigned place = pages_place(q, z->marker.pages);
	size_t len = 0;
	if (place == PAGES_HEAD)
		return 0;
	ret_pages[len++] = place;
	alias.type = TYPE_CNAME;
	place = pages_place(&alias, z->marker.pages);
	if (place != ret_pages[0])
		ret_pages[len++] = place;
	return len;
}

/* Adds what belongs on this page. There may be more on it: what has stood there before the zone was
 * laid on more pages. */
static int add_page(const struct fetch_zone *z, struct zone *zone, const struct zone_part *part)
{
	const struct rrset *set;
	struct zone *page;
	size_t len;
	const uint8_t *bytes = zone_part_bytes(part, &len);
	if (!part->found || part->item.seq < z->marker.min)
		return 0;
	int r = zone_read(z->parts.key, bytes, len, &page);
	if (r < 0)
		return r == -ENOMEM ? r : 0;
	for (size_t i = 0; r == 0 && (set = zone_at(page, i)); i++)
		if (pages_place(&set->question, z->marker.pages) == part->page)
			r = zone_set(zone, set);
	zone_destroy(page);
	return r;
}

/* The part that speaks for the question. */
static const struct zone_part *authority(const struct fetch_zone *z)
{
	return zone_fetch_part(&z->parts, pages_place(&z->question, z->marker.pages));
}

static int start(struct fetch_zone *z);

/* Was the zone laid anew while it was read? */
static bool is_relaid(const struct fetch_zone *z, const struct answer *a)
{
	int64_t seq = authority(z)->item.seq;
	return a->error == -ENOENT && !z->again && authority(z)->found &&
	       seq > z->parts.head.item.seq && seq > clock_wall() - RELAID;
}

static bool read_again(struct fetch_zone *z)
{
	count(z);
	zone_fetch_finish(&z->parts);
	z->again = true;
	z->marker = (struct pages_marker){0};
	return start(z) == 0;
}

/* ---- answering ---- */

/* `part` speaks for what is answered. */
static void sign_off(const struct fetch_zone *z, const struct zone_part *part, struct answer *a)
{
	int64_t seq = part->found ? part->item.seq : z->parts.head.item.seq;
	a->has_signer = true;
	memcpy(a->signer, z->parts.key, sizeof(a->signer));
	a->seq = seq;
	a->time = seq / (int64_t)SECOND;
	a->expires = clock_wall() / (int64_t)SECOND + a->ttl;
	if (seq < clock_wall() - ZONE_STALE)
		a->ede = answer_stale_code(a);
}

/* Every page of a zone is put, also one without a record: where it is lost nothing is known of what
 * stands on it, be it the set that was asked for or an alias in its place. */
static bool is_lost(const struct fetch_zone *z)
{
	for (size_t i = 0; i < z->parts.pages_len; i++) {
		const struct zone_part *part = z->parts.pages[i];
		if (!part->found || part->item.seq < z->marker.min)
			return true;
	}
	return false;
}

static void conclude(struct fetch_zone *z, struct answer *a)
{
	bool silent = a && a->error == -ENOENT && (is_silent(z, authority(z)) || is_lost(z));
	if (a && z->marker.pages && is_relaid(z, a)) {
		answer_unref(a);
		if (!read_again(z))
			z->done(z->ctx, unreachable(z));
		return;
	}
	if (silent) {
		answer_unref(a);
		a = unreachable(z);
	} else if (a) {
		sign_off(z, authority(z), a);
	}
	end(z, a);
}

/* Takes over `zone`: what the zone packet says, to which the pages are added. Aliases may lead to
 * other pages. 0: these are on their way. */
static int answer_from(struct fetch_zone *z, struct zone *zone, struct answer **ret_answer)
{
	struct question next;
	unsigned pages[2];
	int r = 0;
	for (size_t i = 0; r == 0 && i < z->parts.pages_len; i++)
		r = add_page(z, zone, z->parts.pages[i]);
	if (r == 0 && z->marker.pages) {
		zone_set_partial(zone);
		if (z->links < LINKS_MAX && zone_leads(zone, &z->question, &next)) {
			z->links++;
			r = zone_fetch_pages(&z->parts, pages, pages_of(z, &next, pages));
			if (r == 0) {
				zone_destroy(zone);
				return 0;
			}
		}
	}
	if (r >= 0)
		r = zone_answer(zone, &z->question, ret_answer);
	zone_destroy(zone);
	return r < 0 ? r : 1;
}

/* Whoever reads the zone for a pin goes on to the next key, and asks for nothing to learn of it. */
static void tell_rotation(const struct fetch_zone *z, const struct zone *head)
{
	uint8_t key[NAME_KEY_LEN];
	const struct rrset *set;
	struct question q;
	struct answer *a;
	pages_question(z->parts.key, &q);
	set = zone_find(head, &q);
	if (!z->env->rotated || !set || !rotation_next(set, key) ||
		question_equal(&q, &z->question) || zone_answer(head, &q, &a) < 0)
		return;
	sign_off(z, &z->parts.head, a);
	z->env->rotated(z->env->rotated_ctx, a);
}

static void on_read(void *ctx)
{
	struct fetch_zone *z = ctx;
	const struct zone_part *head = &z->parts.head;
	struct publisher *publisher = z->env->parts.publisher;
	struct answer *a = NULL;
	struct zone *zone;
	unsigned pages[2];
	size_t len;
	if (is_silent(z, head)) {
		end(z, unreachable(z));
		return;
	}
	if (!head->found ||
		(publisher && publish_withdrawn(publisher, &z->question, z->parts.key))) {
		end(z, miss(z, EDE_NONE));
		return;
	}
	const uint8_t *bytes = zone_part_bytes(head, &len);
	int r = zone_read(z->parts.key, bytes, len, &zone);
	if (r < 0) { /* a newer item that is no zone supersedes the zone (facts: pkarr, 1.3) */
		end(z, r == -ENOMEM ? NULL : miss(z, EDE_INVALID_DATA));
		return;
	}
	tell_rotation(z, zone);
	pages_marker(zone, z->parts.key, &z->marker);
	len = pages_of(z, &z->question, pages);
	r = z->marker.pages ? zone_fetch_pages(&z->parts, pages, len) : 1;
	if (r == 1)
		r = answer_from(z, zone, &a);
	else
		zone_destroy(zone);
	if (r != 0)
		conclude(z, r < 0 ? NULL : a);
}

static int start(struct fetch_zone *z)
{
	z->parts.config = (struct zone_lookup_config){.base = z->env->base,
		.dht = z->env->parts.dht,
		.relays = z->env->parts.relays,
		.allowance = z->allowance,
		.held = z->env->held};
	z->parts.done = on_read;
	z->parts.ctx = z;
	return zone_fetch_head(&z->parts);
}

int fetch_zone_start(struct fetch_zone *z)
{
	return name_key(&z->question.name, z->parts.key) ? start(z) : -EINVAL;
}

void fetch_zone_finish(struct fetch_zone *z)
{
	zone_fetch_finish(&z->parts);
}
