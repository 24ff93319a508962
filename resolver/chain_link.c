/* Chains of aliases over several messages. */
#include "resolver/chain_link.h"

#include <errno.h>

/* Opens a message behind its question. */
static int open_records(struct packet_reader *reader, const struct chain_message *message)
{
	struct question q;
	int r = packet_open(reader, message->bytes, message->len);

	for (unsigned i = 0; !r && i < reader->header.count[0]; i++)
		r = packet_question(reader, &q, NULL);
	return r;
}

/* 1: an alias of this name, its target in *ret_target. 0: none. -EBADMSG. */
static int find_alias(const struct chain_message *message, const struct question *q,
	const struct name *owner, struct name *ret_target)
{
	struct packet_reader reader;
	struct rr rr;
	int r = open_records(&reader, message);

	if (r)
		return r;
	while ((r = packet_next(&reader, &rr)) == 1) {
		size_t offset = 0;

		if (rr.section == PACKET_ANSWER && rr.type == TYPE_CNAME && rr.class == q->class &&
			name_equal(&rr.owner, owner))
			return name_from_wire(rr.rdata, rr.rdata_len, &offset, ret_target)
				       ? -EBADMSG
				       : 1;
	}
	return r;
}

static void zone_of(const struct server_list *servers, const struct name *name, uint16_t type,
	struct name *ret_zone)
{
	struct question q = {.name = *name, .type = type, .class = CLASS_IN};

	server_list_zone(servers, &q, ret_zone);
}

int chain_follow(const struct server_list *servers, const struct question *q,
	const struct chain_message *message, struct chain_way *ret_way)
{
	struct chain_way *way = ret_way;
	struct name at = q->name, home, zone;
	int r;

	way->len = 0;
	way->leaves = false;
	zone_of(servers, &at, q->type, &home);
	while ((r = find_alias(message, q, &at, &way->target)) == 1) {
		if (way->len == CHAIN_LINKS_MAX)
			return -EBADMSG;
		way->visited[way->len++] = at;
		at = way->target;
		zone_of(servers, &at, q->type, &zone);
		way->leaves = !name_equal(&zone, &home);
		if (way->leaves || q->type == TYPE_CNAME)
			break;
	}
	return r < 0 ? r : 0;
}

/* Is this record of a link on its way? DNAMEs, from which aliases are made, stand above it. What
 * proves that a wildcard was rightly used stands in the authority section. */
static bool is_on_way(const struct chain_way *way, const struct rr *rr)
{
	if (rr->section == PACKET_AUTHORITY)
		return rr->type == TYPE_NSEC || rr->type == TYPE_NSEC3 || rr->type == TYPE_RRSIG;
	for (size_t i = 0; i < way->len; i++)
		if (name_equal(&rr->owner, &way->visited[i]) ||
			((rr->type == TYPE_DNAME || rr->type == TYPE_RRSIG) &&
				name_under(&way->visited[i], &rr->owner)))
			return true;
	return false;
}

/* `way` NULL: all of it. */
static int put_section(struct packet_writer *w, const struct chain_message *message,
	const struct chain_way *way, enum packet_section section)
{
	struct packet_reader reader;
	struct rr rr;
	int r = open_records(&reader, message);

	if (r)
		return r;
	while ((r = packet_next(&reader, &rr)) == 1)
		if (rr.section == section && (!way || is_on_way(way, &rr)))
			packet_put(w, &rr);
	return r;
}

int chain_join(const struct question *q, const struct chain_link *links, size_t len,
	const struct chain_message *last, uint8_t *ret_buf)
{
	struct packet_writer w;
	int r = 0;

	packet_begin(&w, ret_buf, PACKET_MAX, true);
	packet_put_question(&w, q);
	for (enum packet_section s = PACKET_ANSWER; s <= PACKET_AUTHORITY && !r; s++) {
		for (size_t i = 0; i < len && !r; i++)
			r = put_section(&w, &links[i].message, &links[i].way, s);
		if (last && !r)
			r = put_section(&w, last, NULL, s);
	}
	if (r)
		return r;
	return packet_end(
		&w, 0, (uint16_t)(FLAG_QR | FLAG_RD | FLAG_RA | (last ? last->bytes[3] & 0xf : 0)));
}
