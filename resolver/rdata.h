/* RDATA by field: the table of the types that kadns takes apart, and the plain fields.
 *
 * One table serves zone text, JSON by field and the layout of 2009 (whose names for the
 * fields are kept where it had them). Types outside it are hex in JSON and ldns's in zone text. */
#ifndef RESOLVER_RDATA_H
#define RESOLVER_RDATA_H

#include "resolver/text.h"
#include "resolver/zone_token.h"

/* One RDATA in the making. As long as the wire allows: an object for the heap. */
struct rdata {
	size_t len;
	uint8_t bytes[65535];
};
int rdata_put(struct rdata *r, const void *bytes, size_t len); /* 0 or -EFBIG */
int rdata_put_u16(struct rdata *r, uint16_t number);
/* One <character-string> (RFC 1035 3.3): -EINVAL above 255 bytes. */
int rdata_put_string(struct rdata *r, const void *bytes, size_t len);
/* A CAA tag (RFC 8659, 4.1): letters and digits, at least one. */
bool rdata_is_tag(const uint8_t *bytes, size_t len);
int rdata_put_tag(struct rdata *r, const char *text, size_t len);
/* Digits in pairs; -EINVAL. */
int rdata_put_hex(struct rdata *r, const char *digits, size_t len);
/* Base64 with its padding, nothing else, at least one byte. 0, -EINVAL, -EFBIG, -ENOMEM. */
int rdata_put_base64(struct rdata *r, const char *text, size_t len);

enum field_kind {
	FIELD_U8,
	FIELD_U16,
	FIELD_U32,
	FIELD_IPV4,
	FIELD_IPV6,
	FIELD_NAME,   /* not compressed, case kept */
	FIELD_TAG,    /* CAA: a character-string of letters and digits, written without quotes */
	FIELD_STRING, /* a character-string */
	/* The following take what is left of the RDATA. */
	FIELD_STRINGS, /* one character-string or more */
	FIELD_BYTES,   /* CAA: a text without a length */
	FIELD_HEX,     /* one byte or more */
	FIELD_PARAMS,  /* SVCB */
};
struct field {
	const char *name;
	const char *alias; /* octoDNS's or 2009's name for it, read but never written; or NULL */
	enum field_kind kind;
};
#define FIELDS_MAX 7 /* SOA */
/* The fields of a type and their number; 0: a type that is not in the table. */
size_t rdata_fields(uint16_t type, const struct field **ret_fields);

/* Plain fields, U8 to NAME, look the same in zone text and in a JSON string. Names
 * are absolute whether or not they end in a dot: a file knows no origin. 0, -EINVAL, -EFBIG. */
int rdata_put_plain(struct rdata *r, enum field_kind kind, struct zone_token word);
/* Prints the field at *offset and moves on; -EINVAL when the RDATA does not have it. */
int rdata_print_plain(
	struct text *t, enum field_kind kind, const uint8_t *rdata, size_t len, size_t *offset);
/* The character-string at *offset, and moves on; -EINVAL. */
int rdata_string(const uint8_t *rdata, size_t len, size_t *offset, const uint8_t **ret_bytes,
	size_t *ret_len);

#endif
