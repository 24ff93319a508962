/* Zone-file text of the rarer types, by ldns; the only file that includes it for that. */
#include "resolver/rdata_ldns.h"

#include <errno.h>
#include <ldns/ldns.h>
#include <stdlib.h>
#include <string.h>

/* Does ldns know this type, and can it be let near it? The upper half of its table are
 * placeholders; WKS goes to getservbyname(), so that its text would depend on the machine; NULL
 * has no text form. */
static bool is_known(uint16_t type)
{
	const ldns_rr_descriptor *d = ldns_rr_descript(type);
	return d && d->_name && d->_type == type && type != LDNS_RR_TYPE_WKS &&
	       type != LDNS_RR_TYPE_NULL;
}

/* The largest number of a plain integer field; 0 for other fields. */
static uint32_t number_max(ldns_rdf_type type)
{
	return type == LDNS_RDF_TYPE_INT8    ? UINT8_MAX
	       : type == LDNS_RDF_TYPE_INT16 ? UINT16_MAX
	       : type == LDNS_RDF_TYPE_INT32 ? UINT32_MAX
					     : 0;
}

static bool takes_quotes(ldns_rdf_type type)
{
	return type == LDNS_RDF_TYPE_STR || type == LDNS_RDF_TYPE_LONG_STR;
}

/* Fields and words go side by side; numbers come before the field that takes several words (a
 * bitmap, a blob), so the walk may lose step behind it without missing one. */
static int check_words(const ldns_rr *rr, const char *text, size_t len)
{
	struct zone_line line = {text, len, 0};
	struct zone_token word;
	size_t i = 0;
	int rc;
	while ((rc = zone_token_next(&line, &word)) == 1) {
		const ldns_rdf *field = i < ldns_rr_rd_count(rr) ? ldns_rr_rdf(rr, i++) : NULL;
		ldns_rdf_type type = field ? ldns_rdf_get_type(field) : LDNS_RDF_TYPE_NONE;
		uint32_t max = number_max(type), number;
		if (max && zone_number(word, max, &number) < 0)
			return -EINVAL;
		if (memchr(word.text, '"', word.len) && !takes_quotes(type))
			return -EINVAL;
		if (word.len == 1 && word.text[0] == '@') /* there is no origin */
			return -EINVAL;
	}
	return rc;
}

/* Nothing of the text but printable ASCII reaches ldns; the lexer refuses parentheses and open
 * quotes, and a comment ends what is copied. */
static char *compose(uint16_t type, const char *text, size_t len)
{
	struct zone_line line = {text, len, 0};
	struct zone_token word;
	size_t cap = len + 32;
	int rc;
	for (size_t i = 0; i < len; i++)
		if ((uint8_t)text[i] >= 0x7f || ((uint8_t)text[i] < 0x20 && text[i] != '\t'))
			return NULL;
	while ((rc = zone_token_next(&line, &word)) == 1)
		;
	char *composed = rc == 0 ? malloc(cap) : NULL;
	if (composed)
		snprintf(composed, cap, ". 0 IN TYPE%u %.*s", type, (int)line.pos, text);
	return composed;
}

/* What ldns 1.8.3 would lose memory over, a few bytes for each line that a user may write as often
 * as he likes. (With IPSECKEY it does so over every mistake: read_ipseckey.) */
static bool leaks(uint16_t type, const char *text, size_t len)
{
	struct zone_line line = {text, len, 0};
	struct zone_token word;
	uint32_t number;
	if (type != LDNS_RR_TYPE_CERT || zone_token_next(&line, &word) != 1)
		return false;
	/* A certificate type of 0 in any spelling; mnemonics begin with a letter. */
	return strchr("+-0123456789", word.text[0]) &&
	       (zone_number(word, UINT16_MAX, &number) < 0 || number == 0);
}

/* Precedence, gateway type, algorithm, gateway, key (RFC 4025, section 3). */
static int read_ipseckey(const char *text, size_t len, struct rdata *r)
{
	static const enum field_kind gateways[] = {FIELD_NAME, FIELD_IPV4, FIELD_IPV6, FIELD_NAME};
	struct zone_line line = {text, len, 0};
	struct zone_token word;
	for (int i = 0; i < 3; i++)
		if (zone_token_next(&line, &word) != 1 || rdata_put_plain(r, FIELD_U8, word) < 0)
			return -EINVAL;
	uint8_t gateway = r->bytes[1];
	if (gateway >= sizeof(gateways) / sizeof(gateways[0]) || zone_token_next(&line, &word) != 1)
		return -EINVAL;
	if (gateway == 0) /* none: written as the root, and no byte on the wire */
		word.len = word.len == 1 && word.text[0] == '.' ? 1 : 0;
	if (rdata_put_plain(r, gateways[gateway], word) < 0)
		return -EINVAL;
	r->len -= gateway == 0;
	int rc = zone_token_next(&line, &word);
	if (rc == 1)
		rc = rdata_put_base64(r, word.text, word.len);
	return rc < 0 || zone_token_next(&line, &word) != 0 ? -EINVAL : 0;
}

static int put_fields(const ldns_rr *rr, struct rdata *r)
{
	for (size_t i = 0; i < ldns_rr_rd_count(rr); i++) {
		const ldns_rdf *field = ldns_rr_rdf(rr, i);
		if (!field)
			return -EINVAL;
		int rc = rdata_put(r, ldns_rdf_data(field), ldns_rdf_size(field));
		if (rc < 0)
			return rc;
	}
	return 0;
}

int rdata_ldns_read(
	uint16_t type, const char *text, size_t len, struct rdata *r, const char **ret_why)
{
	if (!is_known(type)) {
		*ret_why = "data of this type is written as \\# LENGTH HEX";
		return -EINVAL;
	}
	if (type == LDNS_RR_TYPE_IPSECKEY)
		return read_ipseckey(text, len, r);
	if (leaks(type, text, len))
		return -EINVAL;
	ldns_rr *rr = NULL;
	char *composed = compose(type, text, len);
	int rc = -EINVAL;
	if (composed && ldns_rr_new_frm_str(&rr, composed, 0, NULL, NULL) == LDNS_STATUS_OK) {
		rc = ldns_rr_get_type(rr) == (ldns_rr_type)type ? check_words(rr, text, len)
								: -EINVAL;
		if (rc == 0)
			rc = put_fields(rr, r);
		ldns_rr_free(rr);
	}
	free(composed);
	return rc;
}

/* ldns_wire2rdf wants the RDATA behind its length, as on the wire. */
static ldns_rr *to_ldns(uint16_t type, const uint8_t *rdata, size_t len)
{
	ldns_rr *rr = ldns_rr_new();
	uint8_t *wire = malloc(len + 2);
	size_t pos = 0;
	if (rr && wire) {
		wire[0] = (uint8_t)(len >> 8);
		wire[1] = (uint8_t)len;
		memcpy(wire + 2, rdata, len);
		ldns_rr_set_type(rr, type);
		ldns_rr_set_class(rr, LDNS_RR_CLASS_IN);
		if (ldns_wire2rdf(rr, wire, len + 2, &pos) == LDNS_STATUS_OK && pos == len + 2) {
			free(wire);
			return rr;
		}
	}
	free(wire);
	ldns_rr_free(rr);
	return NULL;
}

/* ldns passes tabs in strings as they are. */
static bool is_printable(const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (text[i] < 0x20 || text[i] >= 0x7f)
			return false;
	return true;
}

static int print_fields(const ldns_rr *rr, struct text *t)
{
	for (size_t i = 0; i < ldns_rr_rd_count(rr); i++) {
		char *field = ldns_rr_rdf(rr, i) ? ldns_rdf2str(ldns_rr_rdf(rr, i)) : NULL;
		if (!field)
			return -EINVAL;
		size_t n = strlen(field);
		while (n && field[n - 1] == ' ') /* behind bitmaps, salts and address prefixes */
			n--;
		bool printable = is_printable(field, n);
		if (i)
			text_puts(t, " ");
		if (printable)
			text_put(t, field, n);
		free(field);
		if (!printable)
			return -EINVAL;
	}
	return 0;
}

static bool means(
	uint16_t type, const char *text, size_t text_len, const uint8_t *rdata, size_t len)
{
	struct rdata *again = malloc(sizeof(*again));
	const char *why;
	if (!again)
		return false;
	again->len = 0;
	bool same = rdata_ldns_read(type, text, text_len, again, &why) == 0 && again->len == len &&
		    memcmp(again->bytes, rdata, len) == 0;
	free(again);
	return same;
}

int rdata_ldns_print(uint16_t type, const uint8_t *rdata, size_t len, struct text *t)
{
	if (!is_known(type) || len == 0 || len > UINT16_MAX)
		return -EINVAL;
	ldns_rr *rr = to_ldns(type, rdata, len);
	if (!rr)
		return -EINVAL;
	size_t before = t->len;
	int rc = print_fields(rr, t);
	ldns_rr_free(rr);
	/* Reading it again costs 13 us, for types that are rare; it also sees that all is
	 * printable. */
	if (rc == 0 && !t->failed && !means(type, t->bytes + before, t->len - before, rdata, len))
		rc = -EINVAL;
	return rc;
}
