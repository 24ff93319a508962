/* Zone of a key: a list of record sets, in the order of the packet.
 *
 * A packet has at most some seventy records (996 bytes), so every search is a walk over the list.
 * One that is about to be laid on pages may have thousands: the walk passes over numbers that stand
 * side by side, and looks only at sets whose number is that of the question. */
#include "resolver/zone.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "resolver/hash.h"

/* pkarr allows a packet of 1000 bytes where it does not pass through the DHT (relays). */
#define READ_MAX 1000
/* Aliases followed inside one zone; a loop ends here too. */
#define LINKS_MAX 8
/* How long others may believe that a name is not there: a withdrawn or new name is known
 * everywhere within a minute (design, section 5). */
#define NEGATIVE_TTL 60

struct zone {
	struct name origin; /* "<key>." */
	bool partial;
	size_t len, cap;
	struct rrset **sets;
	uint32_t *marks; /* of each set, as mark_of */
};

void zone_set_partial(struct zone *zone)
{
	zone->partial = true;
}

int zone_create(const uint8_t key[NAME_KEY_LEN], struct zone **ret_zone)
{
	struct zone *zone = calloc(1, sizeof(*zone));

	if (!zone)
		return -ENOMEM;
	key_to_name(key, &zone->origin);
	*ret_zone = zone;
	return 0;
}

void zone_destroy(struct zone *zone)
{
	if (!zone)
		return;
	for (size_t i = 0; i < zone->len; i++)
		rrset_destroy(zone->sets[i]);
	free(zone->sets);
	free(zone->marks);
	free(zone);
}

static bool belongs(const struct zone *zone, const struct question *q)
{
	return q->class == CLASS_IN && !type_is_meta(q->type) &&
	       name_under(&q->name, &zone->origin);
}

/* Whoever holds the key may make all of them alike, and slow down the reading of his own zone. */
static uint32_t mark_of(const struct question *q)
{
	return (uint32_t)hash_bytes(q->name.wire, q->name.len, q->type);
}

/* Where the set of this owner and type stands, or zone->len. */
static size_t place(const struct zone *zone, const struct question *q)
{
	uint32_t mark = mark_of(q);
	size_t i = 0;

	while (i < zone->len &&
		(zone->marks[i] != mark || !question_equal(&zone->sets[i]->question, q)))
		i++;
	return i;
}

/* Takes over `set`, or destroys it. */
static int append(struct zone *zone, struct rrset *set)
{
	if (zone->len == zone->cap) {
		size_t cap = zone->cap ? 2 * zone->cap : 8;
		struct rrset **sets = reallocarray(zone->sets, cap, sizeof(*sets));
		uint32_t *marks = reallocarray(zone->marks, cap, sizeof(*marks));

		if (sets)
			zone->sets = sets;
		if (marks)
			zone->marks = marks;
		if (!sets || !marks) {
			rrset_destroy(set);
			return -ENOMEM;
		}
		zone->cap = cap;
	}
	zone->marks[zone->len] = mark_of(&set->question);
	zone->sets[zone->len++] = set;
	return 0;
}

/* One record of a stranger's packet. What cannot be used is left out and is no error. */
static int read_record(struct zone *zone, const struct rr *rr)
{
	struct question q = {.name = rr->owner, .type = rr->type, .class = rr->class};
	size_t i;
	int r;

	if (rr->section != PACKET_ANSWER || !belongs(zone, &q))
		return 0;
	i = place(zone, &q);
	if (i == zone->len) {
		struct rrset *set = rrset_create(&q, rr->ttl);

		r = set ? append(zone, set) : -ENOMEM;
		if (r < 0)
			return r;
	}
	/* RFC 2181, section 5.2: one set, one TTL; the least is what every record allows. */
	if (rr->ttl < zone->sets[i]->ttl)
		zone->sets[i]->ttl = rr->ttl;
	return rrset_add(zone->sets[i], rr->rdata, rr->rdata_len);
}

/* Steps over a record that packet_next refused for its RDATA: another class gives a type another
 * form, and one odd record is no reason to lose the zone. */
static int skip_record(struct packet_reader *r)
{
	struct name owner;
	size_t at = r->offset, rdata_len;
	unsigned section = 0;

	while (section < 2 && !r->left[section])
		section++;
	if (name_from_wire(r->message, r->len, &at, &owner) < 0 || r->len - at < 10)
		return -EBADMSG;
	rdata_len = (size_t)r->message[at + 8] << 8 | r->message[at + 9];
	at += 10;
	if (rdata_len > r->len - at)
		return -EBADMSG;
	r->offset = at + rdata_len;
	r->left[section]--;
	return 0;
}

static int read_records(struct zone *zone, struct packet_reader *r)
{
	struct question skipped;
	struct rr rr;
	int n;

	for (unsigned i = 0; i < r->header.count[0]; i++)
		if (packet_question(r, &skipped, NULL) < 0)
			return -EBADMSG;
	while ((n = packet_next(r, &rr)) != 0) {
		n = n > 0 ? read_record(zone, &rr) : skip_record(r);
		if (n < 0)
			return n;
	}
	return 0;
}

int zone_read(
	const uint8_t key[NAME_KEY_LEN], const uint8_t *packet, size_t len, struct zone **ret_zone)
{
	struct packet_reader *reader = NULL;
	struct zone *zone = NULL;
	int r;

	if (len > READ_MAX)
		return -EBADMSG;
	reader = malloc(sizeof(*reader)); /* 64 kB: not for the stack */
	r = reader ? zone_create(key, &zone) : -ENOMEM;
	if (r < 0)
		goto out;
	r = packet_open(reader, packet, len);
	if (r < 0)
		goto out;
	/* Flags say nothing here: readers of pkarr take a packet whose signer forgot QR. */
	r = read_records(zone, reader);
	if (r < 0)
		goto out;
	*ret_zone = zone;
	zone = NULL;
out:
	zone_destroy(zone);
	free(reader);
	return r;
}

int zone_write_with(
	const struct zone *zone, const struct rrset *with, uint8_t ret_packet[ZONE_BYTES_MAX])
{
	struct packet_writer w;

	packet_begin(&w, ret_packet, ZONE_BYTES_MAX, true);
	if (with)
		rrset_put(with, NULL, PACKET_ANSWER, &w);
	for (size_t i = 0; i < zone->len; i++)
		if (!with || !question_equal(&zone->sets[i]->question, &with->question))
			rrset_put(zone->sets[i], NULL, PACKET_ANSWER, &w);
	return packet_end(&w, 0, FLAG_QR);
}

int zone_write(const struct zone *zone, uint8_t ret_packet[ZONE_BYTES_MAX])
{
	return zone_write_with(zone, NULL, ret_packet);
}

int zone_set(struct zone *zone, const struct rrset *set)
{
	struct rrset *copy;
	size_t i;

	if (!belongs(zone, &set->question) || set->count == 0)
		return -EINVAL;
	copy = rrset_copy(set);
	if (!copy)
		return -ENOMEM;
	i = place(zone, &set->question);
	if (i == zone->len)
		return append(zone, copy);
	rrset_destroy(zone->sets[i]);
	zone->sets[i] = copy;
	return 0;
}

int zone_remove(struct zone *zone, const struct question *q)
{
	size_t i = place(zone, q);

	if (i == zone->len)
		return -ENOENT;
	rrset_destroy(zone->sets[i]);
	zone->len--;
	memmove(&zone->sets[i], &zone->sets[i + 1], (zone->len - i) * sizeof(*zone->sets));
	memmove(&zone->marks[i], &zone->marks[i + 1], (zone->len - i) * sizeof(*zone->marks));
	return 0;
}

const struct rrset *zone_find(const struct zone *zone, const struct question *q)
{
	size_t i = place(zone, q);

	return i < zone->len ? zone->sets[i] : NULL;
}

size_t zone_sets(const struct zone *zone)
{
	return zone->len;
}

const struct rrset *zone_at(const struct zone *zone, size_t i)
{
	return i < zone->len ? zone->sets[i] : NULL;
}

/* A name exists when it or a name below it has a record (RFC 4592, 2.2.2); the key always does. */
static bool exists(const struct zone *zone, const struct name *name)
{
	if (name_equal(name, &zone->origin))
		return true;
	for (size_t i = 0; i < zone->len; i++)
		if (name_under(&zone->sets[i]->question.name, name))
			return true;
	return false;
}

/* The name whose records answer for `name`: itself, or the wildcard below its closest encloser
 * (RFC 4592, 3.3.1). False: the name does not exist and no wildcard stands for it. */
static bool source_of_synthesis(
	const struct zone *zone, const struct name *name, struct name *ret_source)
{
	static const struct name star = {.len = 3, .wire = {1, '*', 0}};
	struct name encloser = *name;

	*ret_source = *name;
	if (exists(zone, name))
		return true;
	do
		name_parent(&encloser, 1, &encloser);
	while (!exists(zone, &encloser));
	return name_join(&star, &encloser, ret_source) == 0 && exists(zone, ret_source);
}

/* The set that answers `q`, or the CNAME that stands there instead; NULL: neither.
 * *ret_exists says whether the name is there at all. */
static const struct rrset *look_up(
	const struct zone *zone, const struct question *q, bool *ret_exists)
{
	struct question at = *q;
	const struct rrset *set;

	*ret_exists = belongs(zone, q) && source_of_synthesis(zone, &q->name, &at.name);
	if (!*ret_exists)
		return NULL;
	set = zone_find(zone, &at);
	if (set)
		return set;
	at.type = TYPE_CNAME;
	return zone_find(zone, &at);
}

/* Target of a CNAME set. */
static bool cname_target(const struct rrset *set, struct name *ret_target)
{
	const uint8_t *rdata;
	size_t cursor = 0, len, offset = 0;

	return rrset_next(set, &cursor, &rdata, &len) &&
	       name_from_wire(rdata, len, &offset, ret_target) == 0;
}

/* Is there a record of this name, of whatever type? A name that only others are below has none. */
static bool has_record(const struct zone *zone, const struct question *q)
{
	struct name at;

	if (!belongs(zone, q) || !source_of_synthesis(zone, &q->name, &at))
		return false;
	for (size_t i = 0; i < zone->len; i++)
		if (name_equal(&zone->sets[i]->question.name, &at))
			return true;
	return false;
}

/* What stands for `q` itself, be it a denial. Never NULL but for memory. */
static int answer_here(
	const struct question *q, const struct rrset *set, bool there, struct answer **ret_answer)
{
	if (set)
		return answer_from_rrset(q, set, ret_answer);
	*ret_answer = answer_without(
		q, -ENOENT, there ? RCODE_NOERROR : RCODE_NXDOMAIN, EDE_NONE, NEGATIVE_TTL, true);
	return *ret_answer ? 0 : -ENOMEM;
}

/* Follows aliases from *set, the one that stands for at[0], as far as this zone has them. Returns
 * the number of links; at[n] is the end of the chain, and *set and *there speak of it. */
static unsigned follow(const struct zone *zone, struct question at[LINKS_MAX + 1],
	const struct rrset *link[LINKS_MAX], const struct rrset **set, bool *there)
{
	unsigned n = 0;

	while (n < LINKS_MAX && *set && (*set)->question.type != at[0].type) {
		struct question next = at[0];

		if (!cname_target(*set, &next.name))
			break;
		link[n] = *set;
		at[++n] = next;
		*set = look_up(zone, &next, there);
	}
	return n;
}

/* Puts the links before the answer of the chain's end, the last one first. Takes over `a`. */
static int prepend(
	const struct question *at, const struct rrset *const *link, unsigned n, struct answer **a)
{
	while (n-- > 0) {
		struct answer *longer = NULL;
		int r = answer_from_cname(&at[n], link[n], *a, &longer);

		answer_unref(*a);
		*a = longer;
		if (r < 0)
			return r;
	}
	return 0;
}

int zone_answer(const struct zone *zone, const struct question *q, struct answer **ret_answer)
{
	struct question at[LINKS_MAX + 1] = {*q};
	const struct rrset *link[LINKS_MAX];
	struct answer *a = NULL;
	bool there;
	const struct rrset *set = look_up(zone, q, &there);
	unsigned n = follow(zone, at, link, &set, &there);
	bool outside = !name_under(&at[n].name, &zone->origin);
	int r;

	/* Of a part of a zone nobody can say that a name is not in it. */
	there |= zone->partial;
	/* Of a name outside the zone it knows nothing, not even that it is not there. */
	if (n > 0 && (outside || (zone->partial && !set))) {
		a = answer_without(&at[n], -ENOENT, RCODE_NOERROR, EDE_NONE, NEGATIVE_TTL, false);
		r = a ? 0 : -ENOMEM;
	} else if (n == LINKS_MAX && set && set->question.type != q->type) {
		r = -ELOOP;
	} else {
		r = answer_here(&at[n], set, there, &a);
	}
	if (r == 0)
		r = prepend(at, link, n, &a);
	/* A loop of aliases, or several at one name: nobody can use it, and no waiting will help.
	 */
	if (r < 0 && r != -ENOMEM) {
		a = answer_without(q, -EREMOTEIO, RCODE_SERVFAIL, EDE_NONE, NEGATIVE_TTL, false);
		r = a ? 0 : -ENOMEM;
	}
	if (r < 0)
		return r;
	a->source = SOURCE_DHT;
	a->trust = TRUST_KEY;
	a->has_signer = name_key(&zone->origin, a->signer);
	a->lacks_name = a->error && !zone->partial && !has_record(zone, q);
	*ret_answer = a;
	return 0;
}

bool zone_leads(const struct zone *zone, const struct question *q, struct question *ret_end)
{
	struct question at[LINKS_MAX + 1] = {*q};
	const struct rrset *link[LINKS_MAX];
	bool there;
	const struct rrset *set = look_up(zone, q, &there);
	unsigned n = follow(zone, at, link, &set, &there);

	*ret_end = at[n];
	return n > 0 && !set && name_under(&at[n].name, &zone->origin);
}

int zone_compare(int64_t seq_a, const uint8_t *a, size_t a_len, int64_t seq_b, const uint8_t *b,
	size_t b_len)
{
	size_t least = a_len < b_len ? a_len : b_len;
	int order;

	if (seq_a != seq_b)
		return seq_a > seq_b ? 1 : -1;
	order = least ? memcmp(a, b, least) : 0;
	if (order == 0)
		order = (a_len > b_len) - (a_len < b_len);
	return order;
}
