/* The zones that are special, and what is answered for them here. */
#include "resolver/special.h"

#include <errno.h>
#include <string.h>

#include "resolver/answer_build.h"
#include "resolver/clock.h"

/* A suffix in wire form. sizeof counts the NUL of the literal, which is the root label. */
struct zone {
	enum special special;
	size_t len;
	const char *wire;
};
#define HERE(wire)                                                                                 \
	{                                                                                          \
		SPECIAL_HERE, sizeof(wire), wire                                                   \
	}
#define LAN(wire)                                                                                  \
	{                                                                                          \
		SPECIAL_LAN, sizeof(wire), wire                                                    \
	}

#define IN_ADDR "\007in-addr\004arpa"
#define IP6 "\003ip6\004arpa"
#define ZEROS8 "\0010\0010\0010\0010\0010\0010\0010\0010"
#define LOOPBACK4 "\0011\0010\0010\003127" IN_ADDR
#define LOOPBACK6 "\0011\0010\0010\0010\0010\0010\0010\0010" ZEROS8 ZEROS8 ZEROS8 IP6

#define LOCALHOST "\011localhost"
#define RESOLVER_ARPA "\010resolver\004arpa"
static const struct zone localhost = HERE(LOCALHOST);
static const struct zone resolver_arpa = HERE(RESOLVER_ARPA);

/* Of one label; `test` is the first. */
static const struct zone tops[] = {
	HERE("\004test"),
	HERE(LOCALHOST),
	HERE("\005local"),
	HERE("\005onion"),
	HERE("\007invalid"),
	{SPECIAL_PRIVATE, sizeof("\010internal"), "\010internal"},
};

static const struct zone below_arpa[] = {
	HERE(RESOLVER_ARPA),
	HERE("\004home\004arpa"),
	HERE("\0010" IN_ADDR),
	HERE("\003127" IN_ADDR),
	HERE("\003255\003255\003255\003255" IN_ADDR),
	HERE(ZEROS8 ZEROS8 ZEROS8 ZEROS8 IP6),
	HERE(LOOPBACK6),
	LAN("\00210" IN_ADDR),
	LAN("\003254\003169" IN_ADDR),
	LAN("\003168\003192" IN_ADDR),
	LAN("\0012\0010\003192" IN_ADDR),
	LAN("\003100\00251\003198" IN_ADDR),
	LAN("\003113\0010\003203" IN_ADDR),
	LAN("\001c\001f" IP6),
	LAN("\001d\001f" IP6),
	LAN("\0018\001e\001f" IP6),
	LAN("\0019\001e\001f" IP6),
	LAN("\001a\001e\001f" IP6),
	LAN("\001b\001e\001f" IP6),
	LAN("\0018\001b\001d\0010\0011\0010\0010\0012" IP6),
};

static void take(const struct zone *z, struct name *ret_name)
{
	ret_name->len = (uint8_t)z->len;
	memcpy(ret_name->wire, z->wire, z->len);
}

static bool is_under(const struct name *name, const struct zone *z)
{
	size_t at = 0;

	while (name->len - at > z->len)
		at += 1u + name->wire[at];
	return name->len - at == z->len && memcmp(name->wire + at, z->wire, z->len) == 0;
}

/* 16 to 31.172.in-addr.arpa, 64 to 127.100.in-addr.arpa: zones of one shape. */
static bool is_range(const struct name *name, struct name *ret_zone)
{
	static const struct {
		struct zone parent;
		unsigned first, last;
	} ranges[] = {{LAN("\003172" IN_ADDR), 16, 31}, {LAN("\003100" IN_ADDR), 64, 127}};

	for (size_t i = 0; i < sizeof(ranges) / sizeof(*ranges); i++) {
		unsigned octet = 0;

		if (!is_under(name, &ranges[i].parent) || name->len == ranges[i].parent.len)
			continue;
		name_parent(name, name_labels(name) - 4, ret_zone);
		for (unsigned k = 1; k <= ret_zone->wire[0]; k++) {
			unsigned digit = (unsigned)ret_zone->wire[k] - '0';

			octet = digit > 9 || (k == 1 && digit == 0) || octet > 99
					? 1000
					: 10 * octet + digit;
		}
		return octet >= ranges[i].first && octet <= ranges[i].last;
	}
	return false;
}

/* Its last label, as a name; of the root, that itself. */
static const uint8_t *top_of(const struct name *name, size_t *ret_len)
{
	size_t at = 0;

	while (at + 1u + name->wire[at] + 1u < name->len)
		at += 1u + name->wire[at];
	*ret_len = name->len - at;
	return name->wire + at;
}

/* Asked of each name that is looked up: of all but a few the last label says that it is in none. */
enum special special_of(const struct name *name, bool test_zones, struct name *ret_zone)
{
	size_t len;
	const uint8_t *top = top_of(name, &len);

	for (size_t i = test_zones; i < sizeof(tops) / sizeof(*tops); i++)
		if (len == tops[i].len && memcmp(top, tops[i].wire, len) == 0) {
			take(&tops[i], ret_zone);
			return tops[i].special;
		}
	if (len != sizeof("\004arpa") || memcmp(top, "\004arpa", len) != 0)
		return SPECIAL_NOT;
	for (size_t i = 0; i < sizeof(below_arpa) / sizeof(*below_arpa); i++)
		if (is_under(name, &below_arpa[i])) {
			take(&below_arpa[i], ret_zone);
			return below_arpa[i].special;
		}
	return is_range(name, ret_zone) ? SPECIAL_LAN : SPECIAL_NOT;
}

bool special_answers(const struct question *q, bool test_zones, bool upstream)
{
	struct name zone;

	if (q->class != CLASS_IN)
		return false;
	switch (special_of(&q->name, test_zones, &zone)) {
	case SPECIAL_HERE:
		return !upstream || q->type != TYPE_DS || !name_equal(&q->name, &zone);
	case SPECIAL_LAN:
		return !upstream;
	case SPECIAL_NOT:
	case SPECIAL_PRIVATE:
		break;
	}
	return false;
}

/* ---- the answer ---- */

static void put(struct answer_build *b, const struct name *owner, enum packet_section section,
	uint16_t type, const void *rdata, size_t len)
{
	struct rr rr = {.owner = *owner,
		.type = type,
		.class = CLASS_IN,
		.ttl = SPECIAL_TTL,
		.section = section,
		.rdata = rdata,
		.rdata_len = (uint16_t)len};

	build_put(b, &rr);
}

static void put_soa(struct answer_build *b, const struct name *zone, enum packet_section section)
{
	static const char nobody[] = "\006nobody\007invalid"; /* with its NUL, the root */
	const uint32_t numbers[] = {1, 3600, 1200, 604800, SPECIAL_TTL};
	uint8_t rdata[NAME_WIRE_MAX + sizeof(nobody) + sizeof(numbers)];
	size_t len = zone->len;

	memcpy(rdata, zone->wire, len);
	memcpy(rdata + len, nobody, sizeof(nobody));
	len += sizeof(nobody);
	for (size_t i = 0; i < sizeof(numbers) / sizeof(*numbers); i++)
		for (int shift = 24; shift >= 0; shift -= 8)
			rdata[len++] = (uint8_t)(numbers[i] >> shift);
	put(b, zone, section, TYPE_SOA, rdata, len);
}

static bool is_loopback_pointer(const struct name *name)
{
	static const struct zone four = HERE(LOOPBACK4), six = HERE(LOOPBACK6);

	return (name->len == four.len && is_under(name, &four)) ||
	       (name->len == six.len && is_under(name, &six));
}

/* What the zone has of this name and type, which may be nothing. */
static bool put_records(struct answer_build *b, const struct question *q, const struct name *zone)
{
	static const uint8_t loopback4[] = {127, 0, 0, 1}, loopback6[16] = {[15] = 1};
	const enum packet_section answer = PACKET_ANSWER;
	bool of_localhost = is_under(zone, &localhost), apex = name_equal(&q->name, zone);

	if (of_localhost && q->type == TYPE_A)
		put(b, &q->name, answer, TYPE_A, loopback4, sizeof(loopback4));
	else if (of_localhost && q->type == TYPE_AAAA)
		put(b, &q->name, answer, TYPE_AAAA, loopback6, sizeof(loopback6));
	else if (q->type == TYPE_PTR && is_loopback_pointer(&q->name))
		put(b, &q->name, answer, TYPE_PTR, localhost.wire, localhost.len);
	else if (q->type == TYPE_SOA && apex)
		put_soa(b, zone, answer);
	else if (q->type == TYPE_NS && apex)
		put(b, zone, answer, TYPE_NS, zone->wire, zone->len);
	else
		return false;
	return true;
}

/* Is there something at this name, or below it, or (RFC 9462) is it to look so? */
static bool is_there(const struct name *name, const struct name *zone)
{
	struct name pointer;

	take(&(struct zone)HERE(LOOPBACK4), &pointer);
	return name_equal(name, zone) || is_under(zone, &localhost) ||
	       is_under(zone, &resolver_arpa) || name_under(&pointer, name);
}

struct answer *special_answer(const struct question *q, bool test_zones)
{
	struct answer_build *b = build_begin(q);
	struct answer *a;
	struct name zone;
	bool found, there;

	if (!b)
		return NULL;
	special_of(&q->name, test_zones, &zone);
	there = is_there(&q->name, &zone);
	found = put_records(b, q, &zone);
	if (!found)
		put_soa(b, &zone, PACKET_AUTHORITY);
	if (build_end(b, there ? RCODE_NOERROR : RCODE_NXDOMAIN, &a) < 0)
		return NULL;
	a->error = found ? 0 : -ENOENT;
	a->source = SOURCE_LOCAL;
	a->trust = TRUST_SELF;
	a->arrived = clock_monotonic();
	a->time = clock_wall() / (int64_t)SECOND;
	a->expires = a->time + a->ttl;
	return a;
}
