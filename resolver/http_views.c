/* A DNS reply as JSON. */
#include "resolver/http_views.h"

#include "resolver/packet.h"
#include "resolver/rdata_fields.h"
#include "resolver/rdata_text.h"

#include <string.h>

#define OPTION_EDE 15 /* RFC 8914 */

static void put_name(struct text *t, const struct name *name)
{
	char buf[NAME_TEXT_MAX];
	size_t len = name_to_absolute(name, buf);
	text_json_string(t, buf, len);
}

/* One record, and `ctx` says how. */
typedef void record_fn(const struct rr *rr, struct text *t);

/* The records of a section as a list. OPT is none: it says something of the message. */
static void put_section(const uint8_t *reply, size_t len, enum packet_section section,
	record_fn *put, struct text *t)
{
	struct packet_reader r;
	struct rr rr;
	bool first = true;
	text_puts(t, "[");
	if (packet_open(&r, reply, len) == 0)
		while (packet_next(&r, &rr) == 1) {
			if (rr.section != section || rr.type == TYPE_OPT)
				continue;
			if (!first)
				text_puts(t, ",");
			first = false;
			put(&rr, t);
		}
	text_puts(t, "]");
}

static void put_data(const struct rr *rr, struct text *t)
{
	struct text data = {0};
	rdata_to_text(rr->type, rr->rdata, rr->rdata_len, &data);
	text_json_string(t, data.bytes, data.len);
	t->failed |= data.failed;
	text_destroy(&data);
}

static bool section_has(const uint8_t *reply, size_t len, enum packet_section section)
{
	struct packet_reader r;
	struct rr rr;
	if (packet_open(&r, reply, len) == 0)
		while (packet_next(&r, &rr) == 1)
			if (rr.section == section && rr.type != TYPE_OPT)
				return true;
	return false;
}

/* ---- dns-json ---- */

static void put_dns_json_record(const struct rr *rr, struct text *t)
{
	text_puts(t, "{\"name\":");
	put_name(t, &rr->owner);
	text_format(t, ",\"type\":%u,\"TTL\":%u,\"data\":", rr->type, rr->ttl);
	put_data(rr, t);
	text_puts(t, "}");
}

/* The extended errors in an OPT, as Google writes them. */
static void put_extended_errors(const struct rr *opt, struct text *t)
{
	bool first = true;
	for (size_t at = 0; opt->rdata_len - at >= 4;) {
		const uint8_t *p = opt->rdata + at;
		size_t n = (size_t)p[2] << 8 | p[3];
		if (n > opt->rdata_len - at - 4)
			break;
		at += 4 + n;
		if ((p[0] << 8 | p[1]) != OPTION_EDE || n < 2)
			continue;
		text_format(t, "%s{\"info_code\":%u", first ? ",\"extended_dns_errors\":[" : ",",
			(unsigned)(p[4] << 8 | p[5]));
		first = false;
		if (n > 2) {
			text_puts(t, ",\"extra_text\":");
			text_json_string(t, (const char *)p + 6, n - 2);
		}
		text_puts(t, "}");
	}
	if (!first)
		text_puts(t, "]");
}

static void put_opt(const uint8_t *reply, size_t len, struct text *t)
{
	struct packet_reader r;
	struct rr rr;
	if (packet_open(&r, reply, len) == 0)
		while (packet_next(&r, &rr) == 1)
			if (rr.type == TYPE_OPT)
				put_extended_errors(&rr, t);
}

static const char *truth(unsigned flag)
{
	return flag ? "true" : "false";
}

void view_dns_json(const uint8_t *reply, size_t len, struct text *t)
{
	static const char *const names[] = {"Answer", "Authority", "Additional"};
	struct packet_reader r;
	struct question q;
	if (packet_open(&r, reply, len) < 0) {
		t->failed = true;
		return;
	}
	unsigned flags = r.header.flags;
	text_format(t, "{\"Status\":%u,\"TC\":%s,\"RD\":%s,\"RA\":%s,\"AD\":%s,\"CD\":%s",
		flags & 0xf, truth(flags & FLAG_TC), truth(flags & FLAG_RD), truth(flags & FLAG_RA),
		truth(flags & FLAG_AD), truth(flags & FLAG_CD));
	if (packet_question(&r, &q, NULL) == 0) {
		text_puts(t, ",\"Question\":[{\"name\":");
		put_name(t, &q.name);
		text_format(t, ",\"type\":%u}]", q.type);
	}
	for (int i = 0; i < 3; i++) {
		if (!section_has(reply, len, (enum packet_section)i))
			continue;
		text_format(t, ",\"%s\":", names[i]);
		put_section(reply, len, (enum packet_section)i, put_dns_json_record, t);
	}
	put_opt(reply, len, t);
	text_puts(t, "}\n");
}

/* ---- RFC 8427 ---- */

/* The words of RFC 3597 come out of the frozen table where it has none, as everywhere. */
static void put_type_and_class(const char *prefix, uint16_t type, uint16_t class, struct text *t)
{
	char word[TYPE_TEXT_MAX];
	text_format(t, "\"%sTYPE\":%u,\"%sTYPEname\":\"%s\"", prefix, type, prefix,
		type_to_text(type, word));
	text_format(t, ",\"%sCLASS\":%u,\"%sCLASSname\":\"%s\"", prefix, class, prefix,
		class_to_text(class, word));
}

static void put_rfc8427_record(const struct rr *rr, struct text *t)
{
	char word[TYPE_TEXT_MAX];
	text_puts(t, "{\"NAME\":");
	put_name(t, &rr->owner);
	text_puts(t, ",");
	put_type_and_class("", rr->type, rr->class, t);
	text_format(t, ",\"TTL\":%u,\"RDLENGTH\":%u,\"RDATAHEX\":\"", rr->ttl, rr->rdata_len);
	text_hex(t, rr->rdata, rr->rdata_len);
	text_format(t, "\",\"rdata%s\":", type_to_text(rr->type, word));
	put_data(rr, t);
	text_puts(t, "}");
}

void view_rfc8427(const uint8_t *reply, size_t len, struct text *t)
{
	static const char *const names[] = {"answerRRs", "authorityRRs", "additionalRRs"};
	static const struct {
		const char *name;
		unsigned flag;
	} bits[] = {{"QR", FLAG_QR}, {"AA", FLAG_AA}, {"TC", FLAG_TC}, {"RD", FLAG_RD},
		{"RA", FLAG_RA}, {"AD", FLAG_AD}, {"CD", FLAG_CD}};
	struct packet_reader r;
	struct question q;
	if (packet_open(&r, reply, len) < 0) {
		t->failed = true;
		return;
	}
	text_format(t, "{\"ID\":%u,\"Opcode\":%u,\"RCODE\":%u", r.header.id,
		r.header.flags >> 11 & 0xf, r.header.flags & 0xf);
	for (size_t i = 0; i < sizeof(bits) / sizeof(bits[0]); i++)
		text_format(t, ",\"%s\":%d", bits[i].name, (r.header.flags & bits[i].flag) != 0);
	text_format(t, ",\"QDCOUNT\":%u,\"ANCOUNT\":%u,\"NSCOUNT\":%u,\"ARCOUNT\":%u",
		r.header.count[0], r.header.count[1], r.header.count[2], r.header.count[3]);
	if (packet_question(&r, &q, NULL) == 0) {
		text_puts(t, ",\"QNAME\":");
		put_name(t, &q.name);
		text_puts(t, ",");
		put_type_and_class("Q", q.type, q.class, t);
	}
	for (int i = 0; i < 3; i++) {
		text_format(t, ",\"%s\":", names[i]);
		put_section(reply, len, (enum packet_section)i, put_rfc8427_record, t);
	}
	text_puts(t, "}\n");
}

/* ---- 2009 ---- */

static void put_payload(const struct rr *rr, struct text *t)
{
	rdata_to_payload(rr->type, rr->ttl, rr->rdata, rr->rdata_len, t);
}

static void put_header_2009(const struct rr *rr, struct text *t)
{
	char word[TYPE_TEXT_MAX], name[NAME_TEXT_MAX];
	size_t len = name_to_text(&rr->owner, name); /* without its final dot, as it was then */
	text_puts(t, "{\"__type__\":\"RRHeader\",\"name\":");
	text_json_string(t, name, len);
	text_format(t, ",\"type\":\"%s\"", type_to_text(rr->type, word));
	text_format(t, ",\"cls\":\"%s\",\"ttl\":%u,\"payload\":", class_to_text(rr->class, word),
		rr->ttl);
	put_payload(rr, t);
	text_puts(t, ",\"auth\":false}");
}

void view_proxy_2009(const uint8_t *reply, size_t len, struct text *t)
{
	for (int i = 0; i < 3; i++) {
		text_puts(t, i ? "," : "[");
		put_section(reply, len, (enum packet_section)i, put_header_2009, t);
	}
	text_puts(t, "]");
}

void view_short_2009(const uint8_t *reply, size_t len, struct text *t)
{
	put_section(reply, len, PACKET_ANSWER, put_payload, t);
}

const char *view_error_2009(unsigned rcode, bool late, unsigned *ret_status)
{
	switch (rcode) {
	case RCODE_NOERROR:
		return NULL;
	case RCODE_NXDOMAIN:
		*ret_status = 404;
		return "DNSNameError";
	case RCODE_REFUSED:
		*ret_status = 403;
		return "DNSQueryRefusedError";
	case RCODE_SERVFAIL:
		*ret_status = late ? 408 : 502;
		return late ? "DNSQueryTimeoutError" : "DNSServerError";
	default:
		*ret_status = 500;
		return "DNSUnknownError";
	}
}

/* ---- how long it is good ---- */

static uint32_t least(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

/* RFC 2308: how long a denial is good. */
static uint32_t soa_ttl(const struct rr *rr)
{
	if (rr->rdata_len < 20)
		return 0;
	const uint8_t *p = rr->rdata + rr->rdata_len - 4;
	return least(rr->ttl,
		(uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | (uint32_t)p[3]);
}

uint32_t view_max_age(const uint8_t *reply, size_t len)
{
	struct packet_reader r;
	struct rr rr;
	uint32_t answers = UINT32_MAX, denial = UINT32_MAX;
	if (packet_open(&r, reply, len) < 0)
		return 0;
	unsigned rcode = r.header.flags & 0xf;
	while (packet_next(&r, &rr) == 1) {
		if (rr.section == PACKET_ANSWER)
			answers = least(answers, rr.ttl);
		else if (rr.section == PACKET_AUTHORITY && rr.type == TYPE_SOA)
			denial = least(denial, soa_ttl(&rr));
	}
	if (rcode != RCODE_NOERROR && rcode != RCODE_NXDOMAIN)
		return 0;
	/* A chain that ends in a denial is good for as long as both are. */
	uint32_t age = least(answers, denial);
	return age == UINT32_MAX ? 0 : age;
}
