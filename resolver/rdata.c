/* RDATA by field: the table of types, and the plain fields there and back. */
#include "resolver/rdata.h"

#include "resolver/question.h"

#include <arpa/inet.h>
#include <errno.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

int rdata_put(struct rdata *r, const void *bytes, size_t len)
{
	if (len > sizeof(r->bytes) - r->len)
		return -EFBIG;
	if (len)
		memcpy(r->bytes + r->len, bytes, len);
	r->len += len;
	return 0;
}

int rdata_put_u16(struct rdata *r, uint16_t number)
{
	uint8_t wire[2] = {(uint8_t)(number >> 8), (uint8_t)number};
	return rdata_put(r, wire, sizeof(wire));
}

int rdata_put_string(struct rdata *r, const void *bytes, size_t len)
{
	if (len > 255)
		return -EINVAL;
	uint8_t n = (uint8_t)len;
	int rc = rdata_put(r, &n, 1);
	return rc < 0 ? rc : rdata_put(r, bytes, len);
}

bool rdata_is_tag(const uint8_t *bytes, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		uint8_t folded = bytes[i] | 0x20;
		if (!(bytes[i] >= '0' && bytes[i] <= '9') && !(folded >= 'a' && folded <= 'z'))
			return false;
	}
	return len > 0;
}

int rdata_put_tag(struct rdata *r, const char *text, size_t len)
{
	if (!rdata_is_tag((const uint8_t *)text, len))
		return -EINVAL;
	return rdata_put_string(r, text, len);
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

int rdata_put_hex(struct rdata *r, const char *digits, size_t len)
{
	if (len % 2)
		return -EINVAL;
	for (size_t i = 0; i < len; i += 2) {
		int high = hex_digit(digits[i]), low = hex_digit(digits[i + 1]);
		if (high < 0 || low < 0)
			return -EINVAL;
		uint8_t byte = (uint8_t)(high << 4 | low);
		if (rdata_put(r, &byte, 1) < 0)
			return -EFBIG;
	}
	return 0;
}

/* EVP_DecodeBlock is lax about padding and spaces; what it made is strict if it encodes to the
 * same text again. */
int rdata_put_base64(struct rdata *r, const char *text, size_t len)
{
	if (len == 0 || len % 4 || len > sizeof(r->bytes))
		return -EINVAL;
	uint8_t *bytes = malloc(len), *again = malloc(len + 1);
	int rc = bytes && again ? -EINVAL : -ENOMEM;
	int n = rc == -EINVAL ? EVP_DecodeBlock(bytes, (const uint8_t *)text, (int)len) : -1;
	if (n > 0) {
		n -= (text[len - 1] == '=') + (text[len - 2] == '=');
		EVP_EncodeBlock(again, bytes, n);
		if (memcmp(again, text, len) == 0)
			rc = rdata_put(r, bytes, (size_t)n);
	}
	free(bytes);
	free(again);
	return rc;
}

static const struct field fields_a[] = {{"address", NULL, FIELD_IPV4}};
static const struct field fields_aaaa[] = {{"address", NULL, FIELD_IPV6}};
static const struct field fields_name[] = {{"name", NULL, FIELD_NAME}};
static const struct field fields_soa[] = {
	{"mname", NULL, FIELD_NAME},
	{"rname", NULL, FIELD_NAME},
	{"serial", NULL, FIELD_U32},
	{"refresh", NULL, FIELD_U32},
	{"retry", NULL, FIELD_U32},
	{"expire", NULL, FIELD_U32},
	{"minimum", NULL, FIELD_U32},
};
static const struct field fields_txt[] = {{"strings", "data", FIELD_STRINGS}};
static const struct field fields_mx[] = {
	{"preference", "priority", FIELD_U16},
	{"exchange", "value", FIELD_NAME},
};
static const struct field fields_srv[] = {
	{"priority", NULL, FIELD_U16},
	{"weight", NULL, FIELD_U16},
	{"port", NULL, FIELD_U16},
	{"target", NULL, FIELD_NAME},
};
static const struct field fields_caa[] = {
	{"flags", NULL, FIELD_U8},
	{"tag", NULL, FIELD_TAG},
	{"value", NULL, FIELD_BYTES},
};
static const struct field fields_svcb[] = {
	{"priority", "svcpriority", FIELD_U16},
	{"target", "targetname", FIELD_NAME},
	{"params", "svcparams", FIELD_PARAMS},
};
static const struct field fields_tlsa[] = {
	{"usage", "certificate_usage", FIELD_U8},
	{"selector", NULL, FIELD_U8},
	{"matching_type", NULL, FIELD_U8},
	{"certificate", "certificate_association_data", FIELD_HEX},
};
static const struct field fields_sshfp[] = {
	{"algorithm", NULL, FIELD_U8},
	{"fingerprint_type", NULL, FIELD_U8},
	{"fingerprint", NULL, FIELD_HEX},
};
static const struct field fields_ds[] = {
	{"key_tag", NULL, FIELD_U16},
	{"algorithm", NULL, FIELD_U8},
	{"digest_type", NULL, FIELD_U8},
	{"digest", NULL, FIELD_HEX},
};
static const struct field fields_naptr[] = {
	{"order", NULL, FIELD_U16},
	{"preference", NULL, FIELD_U16},
	{"flags", NULL, FIELD_STRING},
	{"service", NULL, FIELD_STRING},
	{"regexp", NULL, FIELD_STRING},
	{"replacement", NULL, FIELD_NAME},
};

#define LAYOUT(type, fields)                                                                       \
	{                                                                                          \
		(type), sizeof(fields) / sizeof((fields)[0]), (fields)                             \
	}
static const struct layout {
	uint16_t type;
	size_t count;
	const struct field *fields;
} layouts[] = {
	LAYOUT(TYPE_A, fields_a),
	LAYOUT(TYPE_NS, fields_name),
	LAYOUT(TYPE_CNAME, fields_name),
	LAYOUT(TYPE_SOA, fields_soa),
	LAYOUT(TYPE_PTR, fields_name),
	LAYOUT(TYPE_MX, fields_mx),
	LAYOUT(TYPE_TXT, fields_txt),
	LAYOUT(TYPE_AAAA, fields_aaaa),
	LAYOUT(TYPE_SRV, fields_srv),
	LAYOUT(TYPE_NAPTR, fields_naptr),
	LAYOUT(TYPE_DNAME, fields_name),
	LAYOUT(TYPE_DS, fields_ds),
	LAYOUT(TYPE_SSHFP, fields_sshfp),
	LAYOUT(TYPE_TLSA, fields_tlsa),
	LAYOUT(TYPE_SVCB, fields_svcb),
	LAYOUT(TYPE_HTTPS, fields_svcb),
	LAYOUT(TYPE_CAA, fields_caa),
};

size_t rdata_fields(uint16_t type, const struct field **ret_fields)
{
	for (size_t i = 0; i < sizeof(layouts) / sizeof(layouts[0]); i++) {
		if (layouts[i].type == type) {
			*ret_fields = layouts[i].fields;
			return layouts[i].count;
		}
	}
	return 0;
}

static int put_number(struct rdata *r, struct zone_token word, unsigned bytes)
{
	uint32_t number = 0;
	if (zone_number(word, UINT32_MAX >> (32 - 8 * bytes), &number) < 0)
		return -EINVAL;
	number = htonl(number);
	return rdata_put(r, (uint8_t *)&number + 4 - bytes, bytes);
}

static int put_address(struct rdata *r, struct zone_token word, int family)
{
	char text[INET6_ADDRSTRLEN];
	uint8_t address[16];
	if (word.len >= sizeof(text) || memchr(word.text, 0, word.len))
		return -EINVAL;
	memcpy(text, word.text, word.len);
	text[word.len] = 0;
	if (inet_pton(family, text, address) != 1)
		return -EINVAL;
	return rdata_put(r, address, family == AF_INET ? 4 : 16);
}

/* Not name_from_text: that one folds case, and the case of a name in RDATA is the publisher's. */
static int put_name(struct rdata *r, struct zone_token word)
{
	uint8_t wire[NAME_WIRE_MAX];
	size_t label = 0, n = 1; /* where this label's length stands, and how much is filled */
	if (word.len == 0 || (word.len == 1 && word.text[0] == '@'))
		return -EINVAL; /* no origin, so nothing that `@` could mean */
	if (word.len == 1 && word.text[0] == '.')
		return rdata_put(r, "", 1);
	for (size_t i = 0; i < word.len;) {
		uint8_t c = (uint8_t)word.text[i];
		if (c != '.') {
			int byte = zone_unescape(word.text, word.len, &i);
			if (c <= 0x20 || c >= 0x7f || c == '"' || byte < 0 || n - label > 63 ||
				n >= NAME_WIRE_MAX - 1)
				return -EINVAL;
			wire[n++] = (uint8_t)byte;
			if (i < word.len)
				continue;
		}
		if (n - label == 1)
			return -EINVAL;
		wire[label] = (uint8_t)(n - label - 1);
		label = n++;
		i += c == '.';
	}
	wire[label] = 0;
	return rdata_put(r, wire, n);
}

int rdata_put_plain(struct rdata *r, enum field_kind kind, struct zone_token word)
{
	switch (kind) {
	case FIELD_U8:
		return put_number(r, word, 1);
	case FIELD_U16:
		return put_number(r, word, 2);
	case FIELD_U32:
		return put_number(r, word, 4);
	case FIELD_IPV4:
		return put_address(r, word, AF_INET);
	case FIELD_IPV6:
		return put_address(r, word, AF_INET6);
	case FIELD_NAME:
		return put_name(r, word);
	case FIELD_TAG:
	case FIELD_STRING:
	case FIELD_STRINGS:
	case FIELD_BYTES:
	case FIELD_HEX:
	case FIELD_PARAMS:
		break;
	}
	return -EINVAL;
}

static int print_number(struct text *t, unsigned bytes, const uint8_t *rdata, size_t len)
{
	uint32_t number = 0;
	if (len < bytes)
		return -EINVAL;
	for (unsigned i = 0; i < bytes; i++)
		number = number << 8 | rdata[i];
	text_number(t, number);
	return (int)bytes;
}

static int print_ipv4(struct text *t, const uint8_t *rdata, size_t len)
{
	if (len < 4)
		return -EINVAL;
	for (int i = 0; i < 4; i++) {
		if (i)
			text_put(t, ".", 1);
		text_number(t, rdata[i]);
	}
	return 4;
}

static int print_ipv6(struct text *t, const uint8_t *rdata, size_t len)
{
	char address[INET6_ADDRSTRLEN];
	if (len < 16 || !inet_ntop(AF_INET6, rdata, address, sizeof(address)))
		return -EINVAL;
	text_puts(t, address);
	return 16;
}

static void print_name_byte(struct text *t, uint8_t byte)
{
	char c = (char)byte;
	if (byte <= 0x20 || byte >= 0x7f) {
		text_format(t, "\\%03u", byte);
		return;
	}
	if (strchr("\\.\"$;()@", c))
		text_put(t, "\\", 1);
	text_put(t, &c, 1);
}

static int print_name(struct text *t, const uint8_t *rdata, size_t len)
{
	if (len && rdata[0] == 0) {
		text_puts(t, ".");
		return 1;
	}
	for (size_t i = 0; i < len && i < NAME_WIRE_MAX;) {
		size_t label = rdata[i++];
		if (label == 0)
			return (int)i;
		if (label > 63 || label > len - i)
			return -EINVAL;
		for (size_t end = i + label; i < end; i++)
			print_name_byte(t, rdata[i]);
		text_puts(t, ".");
	}
	return -EINVAL;
}

int rdata_print_plain(
	struct text *t, enum field_kind kind, const uint8_t *rdata, size_t len, size_t *offset)
{
	int n = -EINVAL;
	rdata += *offset;
	len -= *offset;
	switch (kind) {
	case FIELD_U8:
		n = print_number(t, 1, rdata, len);
		break;
	case FIELD_U16:
		n = print_number(t, 2, rdata, len);
		break;
	case FIELD_U32:
		n = print_number(t, 4, rdata, len);
		break;
	case FIELD_IPV4:
		n = print_ipv4(t, rdata, len);
		break;
	case FIELD_IPV6:
		n = print_ipv6(t, rdata, len);
		break;
	case FIELD_NAME:
		n = print_name(t, rdata, len);
		break;
	case FIELD_TAG:
	case FIELD_STRING:
	case FIELD_STRINGS:
	case FIELD_BYTES:
	case FIELD_HEX:
	case FIELD_PARAMS:
		break;
	}
	if (n < 0)
		return n;
	*offset += (size_t)n;
	return 0;
}

int rdata_string(const uint8_t *rdata, size_t len, size_t *offset, const uint8_t **ret_bytes,
	size_t *ret_len)
{
	if (*offset >= len || rdata[*offset] > len - *offset - 1)
		return -EINVAL;
	*ret_len = rdata[*offset];
	*ret_bytes = rdata + *offset + 1;
	*offset += 1 + *ret_len;
	return 0;
}
