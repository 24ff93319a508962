/* Reading queries and writing replies. */
#include "resolver/dns_message.h"

#include <errno.h>
#include <string.h>

#include "resolver/dns_opt.h"
#include "resolver/trace.h"
#include "resolver/upstream.h"

#define FLAG_OPCODE 0x7800
#define FLAG_Z 0x0040

static uint16_t get16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static void put16(uint8_t *p, unsigned n)
{
	p[0] = (uint8_t)(n >> 8);
	p[1] = (uint8_t)n;
}

static void put32(uint8_t *p, uint32_t n)
{
	put16(p, n >> 16);
	put16(p + 2, n & 0xffff);
}

/* ---- reading ---- */

/* The additional section: at most one OPT, of the root. A key of ours for TSIG there is not, and
 * more than one TSIG is somebody's attack on a parser. */
static bool read_additional(
	struct packet_reader *r, struct dns_query *q, uint8_t *ret_version, uint8_t *ret_rcode)
{
	struct rr rr __attribute__((uninitialized)); /* of the record that packet_next read */
	int more;
	*ret_rcode = RCODE_FORMERR;
	while ((more = packet_next(r, &rr)) > 0) {
		if (rr.type == TYPE_TSIG) {
			*ret_rcode = RCODE_REFUSED;
			return false;
		}
		if (rr.type != TYPE_OPT)
			continue;
		if (q->edns || rr.owner.len != 1)
			return false;
		q->edns = true;
		q->udp_size = rr.class;
		q->dnssec_ok = (rr.ttl & DNS_OPT_DO) != 0;
		*ret_version = (uint8_t)(rr.ttl >> 16);
		/* What options another version has is not for us to say. */
		if (*ret_version == 0 && !dns_opt_read(q, rr.rdata, rr.rdata_len))
			return false;
	}
	return more == 0 && packet_at_end(r);
}

/* Types and classes that are no question to a resolver of records. */
static bool is_refused(const struct question *q)
{
	return q->class != CLASS_IN || (type_is_meta(q->type) && q->type != TYPE_ANY);
}

enum dns_reading dns_query_read(
	const uint8_t *message, size_t len, struct dns_query *ret_query, uint8_t *ret_rcode)
{
	struct packet_reader r __attribute__((uninitialized)); /* 2 kB, which packet_open sets up */
	struct dns_query *q = ret_query;
	uint8_t version = 0;
	memset(q, 0, sizeof(*q));
	if (packet_open(&r, message, len) < 0 || r.header.flags & FLAG_QR)
		return DNS_DROP;
	q->id = r.header.id;
	q->flags = r.header.flags;
	*ret_rcode = RCODE_NOTIMP;
	if (q->flags & FLAG_OPCODE)
		return DNS_ERROR;
	*ret_rcode = RCODE_FORMERR;
	/* None at all is a client that asks for a cookie (RFC 7873, 5.4; RFC 9619). */
	if (r.header.count[0] > 1 ||
		(r.header.count[0] == 1 && packet_question(&r, &q->question, &q->cased) < 0))
		return DNS_ERROR;
	q->has_question = r.header.count[0] == 1;
	if (q->flags & FLAG_TC || r.header.count[1] || r.header.count[2] ||
		!read_additional(&r, q, &version, ret_rcode))
		return DNS_ERROR;
	*ret_rcode = RCODE_BADVERS;
	if (version)
		return DNS_ERROR;
	if (!q->has_question) {
		*ret_rcode = q->cookie_len ? RCODE_NOERROR : RCODE_FORMERR;
		return DNS_ERROR;
	}
	*ret_rcode = RCODE_REFUSED;
	return is_refused(&q->question) ? DNS_ERROR : DNS_ASK;
}

size_t dns_udp_limit(const struct dns_query *q)
{
	if (!q->edns || q->udp_size <= DNS_UDP_PLAIN)
		return DNS_UDP_PLAIN;
	return q->udp_size < DNS_UDP_MAX ? q->udp_size : DNS_UDP_MAX;
}

/* ---- writing ---- */

/* Header and question; the counts of the other sections stay 0 but for the OPT. */
static size_t put_head(const struct dns_query *q, unsigned flags, uint8_t *buf)
{
	memset(buf, 0, PACKET_HEADER);
	put16(buf, q->id);
	put16(buf + 2, flags);
	if (!q->has_question)
		return PACKET_HEADER;
	buf[5] = 1;
	memcpy(buf + PACKET_HEADER, q->cased.wire, q->cased.len);
	size_t at = PACKET_HEADER + q->cased.len;
	put16(buf + at, q->question.type);
	put16(buf + at + 2, q->question.class);
	return at + 4;
}

/* Z is never copied; CD and RD are the client's; RA is what we are. */
static unsigned reply_flags(const struct dns_query *q, unsigned rcode)
{
	return FLAG_QR | FLAG_RA | (q->flags & (FLAG_OPCODE | FLAG_RD | FLAG_CD)) | (rcode & 0xf);
}

/* The OPT is the last record. */
static size_t put_opt(const struct dns_query *q, const struct dns_opt *opt, uint8_t *buf,
	size_t len, size_t limit)
{
	memcpy(buf + len, opt->bytes, opt->len);
	put16(buf + 10, opt->len ? 1 : 0);
	len += opt->len;
	return q->pads && q->asks_padding ? dns_opt_pad(buf, len, opt->len, limit) : len;
}

/* A reply without records. */
static size_t put_short(const struct dns_query *q, struct dns_outcome outcome, unsigned flags,
	uint8_t *buf, size_t limit)
{
	struct dns_opt opt;
	size_t len = put_head(q, reply_flags(q, outcome.rcode) | flags, buf);
	if (len > limit)
		return 0;
	dns_opt_fit(q, outcome, limit - len, &opt);
	return put_opt(q, &opt, buf, len, limit);
}

size_t dns_reply_error(
	const struct dns_query *q, uint8_t rcode, int ede, uint8_t *buf, size_t limit)
{
	return put_short(q, dns_outcome_of(rcode, ede), 0, buf, limit);
}

size_t dns_reply_cut(const struct dns_query *q, uint8_t *buf, size_t limit)
{
	return put_short(q, dns_outcome_of(RCODE_NOERROR, EDE_NONE), FLAG_TC, buf, limit);
}

/* What DNSSEC does not say with AD is said here: by whose word this is so. */
static const char *words_of_trust(enum answer_trust trust)
{
	switch (trust) {
	case TRUST_SELF:
		return "kadns: self";
	case TRUST_PIN:
		return "kadns: pin";
	case TRUST_DNSSEC_KEY:
		return "kadns: dnssec-key";
	case TRUST_KEY:
		return "kadns: key";
	case TRUST_TOFU:
		return "kadns: tofu";
	case TRUST_OPEN:
		return "kadns: open";
	case TRUST_DNSSEC: /* and not from DNS: it does not answer */
		return "kadns: dnssec copy";
	case TRUST_NONE:
	case TRUST_DNS:
		break;
	}
	return NULL;
}

/* Why an upstream behind a relay fails, by what ails that, or one that asks us; .kadns/explain has the
 * whole. */
static const char *words_of_failure(const struct answer *a)
{
	static const char *const kinds[][4] = {
		{": certificate: ", "kadns: certificate of the TLS upstream",
			"kadns: certificate of the HTTPS upstream", ""},
		{": refused", "kadns: TLS upstream refuses", "kadns: HTTPS upstream refuses",
			"kadns: HTTP upstream refuses"},
		{": timeout", "kadns: TLS upstream does not answer",
			"kadns: HTTPS upstream does not answer",
			"kadns: HTTP upstream does not answer"},
		{"", "kadns: TLS upstream fails", "kadns: HTTPS upstream fails",
			"kadns: HTTP upstream fails"},
	};
	if (a->ede != EDE_NO_REPLY || !a->error || !a->trace || !a->trace->why)
		return NULL;
	const char *why = a->trace->why; /* SERVER: REASON */
	if (strstr(why, UPSTREAM_WHY_LOOP))
		return "kadns: the upstream asks us";
	size_t spoken = strncmp(why, "tls:", 4) == 0 ? 1 : strncmp(why, "https:", 6) == 0 ? 2 : 3;
	size_t i = 0;
	while (!strstr(why, kinds[i][0]))
		i++;
	return kinds[i][spoken];
}

static struct dns_outcome outcome_of(const struct answer *a, unsigned rcode)
{
	const char *words = NULL;
	int ede = a->ede;
	bool speaks = a->error == 0 || (a->error == -ENOENT && a->validated);
	if (ede == EDE_NONE && speaks && a->source != SOURCE_DNS) {
		words = words_of_trust(a->trust);
		ede = words ? EDE_OTHER : ede;
	} else {
		words = words_of_failure(a);
	}
	return words ? (struct dns_outcome){rcode, ede, words} : dns_outcome_of(rcode, ede);
}

/* The stored message with this client's id, flags and spelling, and TTLs counted down. Compressed
 * owners point at the question, so they take its case with it. */
static size_t put_stored(const struct dns_query *q, const struct answer_message *m,
	uint32_t elapsed, unsigned flags, uint8_t *buf)
{
	memcpy(buf, m->bytes, m->len);
	put16(buf, q->id);
	put16(buf + 2, flags);
	memcpy(buf + PACKET_HEADER, q->cased.wire, q->cased.len);
	for (size_t i = 0; i < m->ttls_len; i++) {
		uint8_t *p = buf + m->ttls[i];
		uint32_t ttl = (uint32_t)get16(p) << 16 | get16(p + 2);
		put32(p, ttl > elapsed ? ttl - elapsed : 0);
	}
	return m->len;
}

/* False: not in `room` bytes. Over UDP there is more room elsewhere, and only the words are left
 * out; over the others every option is, before the answer would be. */
static bool fit_opt(const struct dns_query *q, struct dns_outcome outcome, size_t room,
	struct dns_opt *ret_opt)
{
	if (q->via != DNS_UDP) {
		dns_opt_fit(q, outcome, room, ret_opt);
		return ret_opt->len || !q->edns;
	}
	dns_opt_write(q, outcome, ret_opt);
	if (ret_opt->len > room && outcome.words) {
		outcome.words = NULL;
		dns_opt_write(q, outcome, ret_opt);
	}
	return ret_opt->len <= room;
}

/* TC where TCP has room for it. Who is told TC over TCP would ask again for ever. */
static size_t put_too_long(const struct dns_query *q, struct dns_outcome outcome, unsigned ad,
	uint8_t *buf, size_t limit)
{
	if (q->via == DNS_UDP)
		return put_short(q, outcome, ad | FLAG_TC, buf, limit);
	return put_short(q, dns_outcome_of(RCODE_SERVFAIL, EDE_OTHER), 0, buf, limit);
}

size_t dns_reply_answer(
	const struct dns_query *q, const struct answer *a, uint64_t now, uint8_t *buf, size_t limit)
{
	bool checking_off = q->flags & FLAG_CD;
	const struct answer_message *m = &a->message[q->dnssec_ok];
	struct dns_opt opt;
	/* Bogus data go to those only who said that they check for themselves. */
	if (!m->bytes || (a->bogus && !checking_off) || (!a->bogus && a->rcode == RCODE_SERVFAIL))
		return put_short(q, outcome_of(a, RCODE_SERVFAIL), 0, buf, limit);
	unsigned rcode = m->bytes[3] & 0xf;
	unsigned ad = a->validated && (q->dnssec_ok || q->flags & FLAG_AD) ? FLAG_AD : 0;
	struct dns_outcome outcome = outcome_of(a, rcode);
	if (m->len > limit || !fit_opt(q, outcome, limit - m->len, &opt))
		return put_too_long(q, outcome, ad, buf, limit);
	uint64_t elapsed = now > a->arrived ? (now - a->arrived) / 1000000 : 0;
	size_t len = put_stored(q, m, elapsed > UINT32_MAX ? UINT32_MAX : (uint32_t)elapsed,
		reply_flags(q, rcode) | ad, buf);
	return put_opt(q, &opt, buf, len, limit);
}

size_t dns_reply_any(const struct dns_query *q, uint8_t *buf, size_t limit)
{
	/* Of the question's name; the text is the first string, the second is empty. */
	static const uint8_t hinfo[] = "\xc0\x0c\0\x0d\0\1\0\0\x0e\x10\0\x09\007RFC8482";
	struct dns_opt opt;
	size_t len = put_head(q, reply_flags(q, RCODE_NOERROR), buf);
	put16(buf + 6, 1);
	memcpy(buf + len, hinfo, sizeof(hinfo));
	len += sizeof(hinfo);
	dns_opt_fit(q, dns_outcome_of(RCODE_NOERROR, EDE_NONE), limit - len, &opt);
	return put_opt(q, &opt, buf, len, limit);
}
_Static_assert(PACKET_HEADER + NAME_WIRE_MAX + 4 + 12 + 9 + DNS_OPT_MAX <= DNS_UDP_PLAIN,
	"any ANY fits");
