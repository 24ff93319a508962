/* An answer: records, TTL, where from, who signed, how far to trust; or why there is none.
 *
 * Immutable and counted by reference: the cache, the doors and open files share one. The
 * records stand in a DNS message made by our own writer (never a stranger's bytes), with its
 * TTLs found beforehand, so that the DNS door patches and sends. */
#ifndef RESOLVER_ANSWER_H
#define RESOLVER_ANSWER_H

#include "resolver/rrset.h"

enum answer_source { SOURCE_NONE, SOURCE_OWN, SOURCE_HOSTS, SOURCE_LOCAL, SOURCE_DHT, SOURCE_DNS };
/* Design, section 4; the words of JSON "trust". */
enum answer_trust {
	/* From the surest on: a chain is worth its last. */
	TRUST_NONE, TRUST_SELF, TRUST_PIN, TRUST_DNSSEC_KEY, TRUST_DNSSEC, TRUST_KEY, TRUST_TOFU,
	TRUST_DNS, TRUST_OPEN,
};
const char *answer_source_text(enum answer_source s); /* "own" "hosts" "local" "dht" "dns"; "none" */
const char *answer_trust_text(enum answer_trust t);   /* "self" "pin" …; "none" */

/* RFC 8914 info codes. */
enum {
	EDE_NONE = -1,
	EDE_OTHER = 0,
	EDE_STALE = 3,
	EDE_INDETERMINATE = 5, /* the upstream strips what a validator needs */
	EDE_BOGUS = 6,
	EDE_SIGNATURE_EXPIRED = 7,
	EDE_SIGNATURE_EARLY = 8,
	EDE_DNSKEY_MISSING = 9,
	EDE_RRSIGS_MISSING = 10,
	EDE_NSEC_MISSING = 12,
	EDE_FILTERED = 17,
	EDE_PROHIBITED = 18,
	EDE_STALE_DENIAL = 19, /* Stale NXDOMAIN Answer */
	EDE_NOT_AUTHORITATIVE = 20, /* also: a question without RD (RFC 8914, 4.21) */
	EDE_NO_AUTHORITY = 22,
	EDE_NO_REPLY = 23,
	EDE_INVALID_DATA = 24,
};

struct answer {
	/* What a reply from memory reads stands first, in two cache lines. */
	unsigned refs;
	int error;           /* 0: there are records; else what a file says: -ENOENT (NXDOMAIN,
	                      * NODATA, a miss), -ETIMEDOUT, -EREMOTEIO (SERVFAIL), -EBADMSG (bogus),
	                      * -ENETUNREACH */
	int ede;
	enum answer_source source;
	enum answer_trust trust;
	enum answer_trust begins; /* of joined ones: the trust in the first alias; else TRUST_NONE */
	uint32_t ttl;        /* least of the TTLs in message[1], so that none of them runs below 0
	                      * before it; of a negative: RFC 2308 */
	uint64_t arrived;    /* monotonic, microseconds: from here TTL counts down */
	uint8_t rcode;       /* what the DNS door says: 0, 2 or 3 */
	bool validated;      /* DNSSEC, here: AD may be set */
	bool bogus;          /* error is -EBADMSG; the records stand, for CD=1 */
	bool remembered;     /* the resolver's note: its signer has been remembered */
	bool has_owner;      /* written here, by this user of this machine */
	bool has_signer;
	bool lacks_name;     /* a denial by a key's zone, which has no record of the name at all */
	/* [0] without DNSSEC records, [1] with them (the same bytes when there are none). Whole
	 * messages: ID 0; QR, RD, RA and the rcode, no other flag; the question in lower case; the
	 * chain in order and the set, each followed by its RRSIGs; authority; no OPT. The question
	 * stands nowhere else: it would be a third of the memory of an ordinary answer. */
	struct answer_message {
		uint8_t *bytes;
		size_t len;
		uint16_t *ttls;  /* offsets of TTL fields */
		size_t ttls_len;
	} message[2];

	uint8_t signer[NAME_KEY_LEN];
	int64_t seq;         /* of the DHT item; 0 none */
	uint32_t owner;
	int64_t time;        /* seconds since 1970: of signing (own, DHT) or of arrival (DNS) */
	int64_t expires;     /* seconds since 1970; 0: never (own records) */
	/* Of own records that others are told of (publish_stand): how far that has come. */
	int64_t published, next;
	unsigned replicas;
	bool goes_out;
	struct trace *trace; /* how it was come by (trace.h); NULL: not known */
};

/* From a message that came from an upstream: keeps what answers the question (the CNAME and
 * DNAME chain, the set, their RRSIGs; SOA, NSEC, NSEC3 and RRSIGs of the authority section for a
 * denial; NSEC, NSEC3 and RRSIGs for an answer from a wildcard) and nothing else. Caps TTLs (a day;
 * negatives 3 h, and 0 without an SOA or a proof; failures 5 s). source DNS, trust DNS; the caller
 * sets validated, bogus, times. Error and rcode follow from the message: 0 for the set; -ENOENT
 * with rcode 0 or 3 where there is none; -EREMOTEIO with rcode 2 and no records for any other
 * rcode, a chain that loops or has over 11 links, and what fits no message of ours or no
 * struct rrset.
 * 0, -EBADMSG (not a whole answer to this question), -ENOMEM. */
int answer_from_message(const struct question *q, const uint8_t *message, size_t len,
	struct answer **ret_answer);
/* From one record set of the question's type and class. Its owner is the question's name, or a
 * wildcard that covers it; in the answer it is the question's name. The TTL is the set's, however
 * long: a file shows what was written. The caller sets source, trust, times.
 * 0, -EINVAL (not such a set), -EFBIG (no message holds it), -ENOMEM. */
int answer_from_rrset(const struct question *q, const struct rrset *set, struct answer **ret_answer);
/* The question's CNAME, and behind it what was answered for its target: error, rcode, ede and
 * arrived are the target's, ttl the least of both. The caller sets source, trust, times.
 * 0, -EINVAL (not the target's CNAME), -ELOOP (also when over 11 links), -EFBIG, -ENOMEM. */
int answer_from_cname(const struct question *q, const struct rrset *cname,
	const struct answer *target, struct answer **ret_answer);
/* answer_joined.c. What was answered for the name to which the aliases of `from` lead, behind them: an
 * answer to the same question. error, rcode and ede are those of `end`; ttl and expires the least of
 * both; trust the lesser, and `begins` that of `from`; everything else, but the trace, is as in
 * `from`. It is neither validated nor bogus. -EINVAL (not the end of these aliases), -ELOOP (also
 * when over 11 links), -EFBIG, -ENOMEM. */
int answer_from_joined(
	const struct answer *from, const struct answer *end, struct answer **ret_answer);
/* Does it end with an alias that leads to another question, which its source does not answer: out of
 * the zone of a key, or from a claim? ret_end may be NULL: each open asks, and a question is 260 bytes
 * to clear. */
bool answer_leads(const struct answer *a, struct question *ret_end);
/* What was answered for another name, as the answer to this one: the records of that name are the
 * question's, those further along a chain stay as they are. Everything but trust, owner and trace is
 * as in `from`. 0, -EFBIG, -ENOMEM. */
int answer_from_renamed(const struct question *q, const struct answer *from,
	struct answer **ret_answer);
/* No records: error, rcode, ede as given; with `soa` a made SOA stands in authority (owner: the
 * last label of the question, MINIMUM = ttl), so that resolvers cache it. NULL: no memory. */
struct answer *answer_without(const struct question *q, int error, uint8_t rcode, int ede,
	uint32_t ttl, bool soa);

/* What stands in for an answer of DNS that has ended, while nobody can say more (RFC 8767): its
 * copy from `now` on, all TTLs ANSWER_STALE_TTL, with the extended error "stale" and without its
 * trace. What was proven then is not proven now: it is neither secure nor validated. The caller
 * sets `expires`. NULL: no memory. */
#define ANSWER_STALE_TTL 30
struct answer *answer_stale(const struct answer *a, uint64_t now);

/* Takes so many seconds off its TTLs, before anybody else has it. */
void answer_age(struct answer *a, uint32_t seconds);
/* No TTL in it is longer than that, likewise. */
void answer_cap(struct answer *a, uint32_t ttl);

/* What it answers. */
struct question answer_question(const struct answer *a);
bool answer_is_to(const struct answer *a, const struct question *q);

struct answer *answer_ref(const struct answer *a);
/* RFC 8914, 4.4 and 4.20: what is stale, of records or that there are none, and that there is no
 * such name. */
static inline int answer_stale_code(const struct answer *a)
{
	return a->rcode == RCODE_NXDOMAIN ? EDE_STALE_DENIAL : EDE_STALE;
}
static inline bool answer_is_stale(const struct answer *a)
{
	return a->ede == EDE_STALE || a->ede == EDE_STALE_DENIAL;
}
void answer_unref(const struct answer *a); /* NULL is fine */
size_t answer_size(const struct answer *a); /* bytes of memory, messages included */

/* The set that the question asked for; its owner is the end of the CNAME chain. 0, -ENOENT
 * (there is none), -ENOMEM. */
int answer_rrset(const struct answer *a, struct rrset **ret_set);
/* Targets of the CNAME chain in order, as many as fit; returns how many there are (11 at most). */
size_t answer_cnames(const struct answer *a, struct name *ret_names, size_t cap);

/* answer_signed.c. The zone that signed what answers the question, be it a denial, or the alias that
 * stands there: the signer of its first RRSIG. That the signature holds is `validated`. */
bool answer_signer_zone(const struct answer *a, struct name *ret_zone);
bool answer_is_signed_by(const struct answer *a, const struct name *zone);
/* When the first of all its signatures ends, in seconds since 1970; 0: it has none. */
int64_t answer_signed_until(const struct answer *a, int64_t now);

/* Seconds of TTL that are left at `now` (monotonic, microseconds); 0 when it is over. */
uint32_t answer_ttl_left(const struct answer *a, uint64_t now);

#endif
