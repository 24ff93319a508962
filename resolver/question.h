/* A question: NAME, TYPE, CLASS, and the key that it has had on the DHT since 2009.
 *
 * Mnemonics come from a frozen table in question.c, not from a library: a library that learns
 * a new mnemonic would move records to other keys. Unknown ones are TYPEn, CLASSn (RFC 3597). */
#ifndef RESOLVER_QUESTION_H
#define RESOLVER_QUESTION_H

#include "resolver/name.h"

enum { /* the types that the code names */
	TYPE_A = 1, TYPE_NS = 2, TYPE_CNAME = 5, TYPE_SOA = 6, TYPE_PTR = 12, TYPE_HINFO = 13,
	TYPE_MX = 15, TYPE_TXT = 16, TYPE_SIG = 24, TYPE_KEY = 25, TYPE_AAAA = 28, TYPE_SRV = 33,
	TYPE_NAPTR = 35, TYPE_DNAME = 39, TYPE_OPT = 41, TYPE_DS = 43, TYPE_SSHFP = 44,
	TYPE_RRSIG = 46, TYPE_NSEC = 47, TYPE_DNSKEY = 48, TYPE_NSEC3 = 50, TYPE_NSEC3PARAM = 51,
	TYPE_TLSA = 52, TYPE_SVCB = 64, TYPE_HTTPS = 65, TYPE_TKEY = 249, TYPE_TSIG = 250,
	TYPE_IXFR = 251, TYPE_AXFR = 252, TYPE_ANY = 255, TYPE_CAA = 257,
};
enum { CLASS_IN = 1, CLASS_CH = 3, CLASS_HS = 4, CLASS_NONE = 254, CLASS_ANY = 255 };

enum { RCODE_NOERROR = 0, RCODE_FORMERR = 1, RCODE_SERVFAIL = 2, RCODE_NXDOMAIN = 3,
	RCODE_NOTIMP = 4, RCODE_REFUSED = 5, RCODE_BADVERS = 16, RCODE_BADCOOKIE = 23 };

struct question {
	struct name name;
	uint16_t type, class;
};

/* Text of a type or class; the buffers hold any result with its NUL. */
#define TYPE_TEXT_MAX 16
const char *type_to_text(uint16_t type, char ret_text[TYPE_TEXT_MAX]);
const char *class_to_text(uint16_t class, char ret_text[TYPE_TEXT_MAX]);
/* Upper-case mnemonic or TYPEn / CLASSn (n without leading zeros, and not of a type that has
 * a mnemonic: one directory, one name). false: unknown. */
bool type_from_text(const char *text, size_t len, uint16_t *ret_type);
bool class_from_text(const char *text, size_t len, uint16_t *ret_class);
/* Meta types and query types, which are never a record: 0, OPT, TKEY, TSIG, IXFR, AXFR, MAILB,
 * MAILA, ANY. */
bool type_is_meta(uint16_t type);

bool question_equal(const struct question *a, const struct question *b);
uint64_t question_hash(const struct question *q, uint64_t seed);

/* H = SHA1("dns://CLASS/TYPE/NAME"), the key of 2009. */
#define QUESTION_KEY_LEN 20
void question_key(const struct question *q, uint8_t ret_key[QUESTION_KEY_LEN]);

#endif
