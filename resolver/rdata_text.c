/* Zone-file text of one RDATA: the types of the table, TXT without quotes, `\#`. */
#include "resolver/rdata_text.h"

#include "resolver/question.h"
#include "resolver/rdata_ldns.h"
#include "resolver/svc_params.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* ---- from text ---- */

/* RFC 3597, section 5, behind the `\#`. */
static int read_generic(struct zone_line *line, struct rdata *r)
{
	struct zone_token word;
	uint32_t length;
	if (zone_token_next(line, &word) != 1 || zone_number(word, UINT16_MAX, &length) < 0)
		return -EINVAL;
	int rc;
	while ((rc = zone_token_next(line, &word)) == 1)
		if ((rc = rdata_put_hex(r, word.text, word.len)) < 0)
			return rc;
	return rc < 0 || r->len != length ? -EINVAL : 0;
}

/* Every byte stands for itself: `v=spf1 -all`, `v=DKIM1; k=rsa`, `C:\` need no quoting. */
static int read_whole_string(const char *text, size_t len, struct rdata *r)
{
	do {
		size_t n = len < 255 ? len : 255;
		if (rdata_put_string(r, text, n) < 0)
			return -EFBIG;
		text += n;
		len -= n;
	} while (len);
	return 0;
}

static int read_string(struct zone_token word, struct rdata *r)
{
	uint8_t bytes[255];
	int n = zone_string(word, bytes, sizeof(bytes));
	return n < 0 ? -EINVAL : rdata_put_string(r, bytes, (size_t)n);
}

static int read_strings(struct zone_line *line, struct zone_token word, struct rdata *r)
{
	int rc;
	do {
		if ((rc = read_string(word, r)) < 0)
			return rc;
	} while ((rc = zone_token_next(line, &word)) == 1);
	return rc;
}

static int read_hex(struct zone_line *line, struct zone_token word, struct rdata *r)
{
	/* Pieces may be cut anywhere, between the digits of a byte too. */
	char *digits = malloc(line->len);
	size_t n = 0;
	int rc = digits ? 1 : -ENOMEM;
	while (rc == 1) {
		memcpy(digits + n, word.text, word.len);
		n += word.len;
		rc = zone_token_next(line, &word);
	}
	if (rc == 0)
		rc = rdata_put_hex(r, digits, n);
	free(digits);
	return rc;
}

/* A value-list (RFC 9460, appendix A.1): commas part items, `\,` and `\\` escape in them. */
static int read_param_items(struct svc_params *p, uint8_t *value, size_t len)
{
	if (!svc_is_list(svc_kind(p->open->key)))
		return svc_params_item(p, (char *)value, len);
	size_t n = 0; /* the item is unescaped in place, from `value` on */
	for (size_t i = 0; i <= len; i++) {
		if (i == len || value[i] == ',') {
			int rc = svc_params_item(p, (char *)value, n);
			if (rc < 0)
				return rc;
			n = 0;
			continue;
		}
		if (value[i] == '\\' && ++i == len)
			return -EINVAL;
		value[n++] = value[i];
	}
	return 0;
}

static int read_param(struct svc_params *p, struct zone_token word, uint8_t *value)
{
	const char *equals = memchr(word.text, '=', word.len);
	size_t key_len = equals ? (size_t)(equals - word.text) : word.len;
	uint16_t key;
	if (!svc_key_from_text(word.text, key_len, &key) || svc_params_key(p, key) < 0)
		return -EINVAL;
	if (!equals)
		return 0;
	int n = zone_string(
		(struct zone_token){equals + 1, word.len - key_len - 1}, value, UINT16_MAX);
	return n < 0 ? n : read_param_items(p, value, (size_t)n);
}

static int read_params(struct zone_line *line, struct rdata *r)
{
	struct svc_params *p = malloc(sizeof(*p));
	uint8_t *value = malloc(UINT16_MAX);
	struct zone_token word;
	int rc = -ENOMEM;
	if (!p || !value)
		goto out;
	svc_params_begin(p);
	while ((rc = zone_token_next(line, &word)) == 1)
		if ((rc = read_param(p, word, value)) < 0)
			goto out;
	if (rc == 0)
		rc = svc_params_end(p, r);
out:
	free(value);
	free(p);
	return rc;
}

static int read_bytes(struct zone_token word, struct rdata *r)
{
	int n = zone_string(word, r->bytes + r->len, sizeof(r->bytes) - r->len);
	if (n > 0)
		r->len += (size_t)n;
	return n < 0 ? n : 0;
}

static int read_field(struct zone_line *line, enum field_kind kind, struct rdata *r)
{
	struct zone_token word;
	if (kind == FIELD_PARAMS)
		return read_params(line, r);
	if (zone_token_next(line, &word) != 1)
		return -EINVAL;
	switch (kind) {
	case FIELD_TAG:
		return rdata_put_tag(r, word.text, word.len);
	case FIELD_STRING:
		return read_string(word, r);
	case FIELD_STRINGS:
		return read_strings(line, word, r);
	case FIELD_BYTES:
		return read_bytes(word, r);
	case FIELD_HEX:
		return read_hex(line, word, r);
	case FIELD_U8:
	case FIELD_U16:
	case FIELD_U32:
	case FIELD_IPV4:
	case FIELD_IPV6:
	case FIELD_NAME:
	case FIELD_PARAMS:
		break;
	}
	return rdata_put_plain(r, kind, word);
}

static int read_fields(
	const struct field *fields, size_t count, struct zone_line *line, struct rdata *r)
{
	struct zone_token word;
	for (size_t i = 0; i < count; i++) {
		int rc = read_field(line, fields[i].kind, r);
		if (rc < 0)
			return rc;
	}
	return zone_token_next(line, &word) == 0 ? 0 : -EINVAL;
}

int rdata_from_text(
	uint16_t type, const char *text, size_t len, struct rdata *ret_rdata, const char **ret_why)
{
	struct zone_line line = {text, len, 0};
	struct zone_token word;
	const struct field *fields;
	ret_rdata->len = 0;
	*ret_why = "the data does not have the form of its type";
	if (zone_token_next(&line, &word) == 1 && word.len == 2 && memcmp(word.text, "\\#", 2) == 0)
		return read_generic(&line, ret_rdata);
	if (type == TYPE_TXT && (len == 0 || text[0] != '"'))
		return read_whole_string(text, len, ret_rdata);
	line.pos = 0;
	size_t count = rdata_fields(type, &fields);
	if (count)
		return read_fields(fields, count, &line, ret_rdata);
	return rdata_ldns_read(type, text, len, ret_rdata, ret_why);
}

/* ---- to text ---- */

static int print_strings(struct text *t, const uint8_t *rdata, size_t len, size_t *offset)
{
	const uint8_t *bytes;
	size_t n;
	do {
		if (rdata_string(rdata, len, offset, &bytes, &n) < 0)
			return -EINVAL;
		text_zone_string(t, bytes, n);
		if (*offset < len)
			text_puts(t, " ");
	} while (*offset < len);
	return 0;
}

static int print_tag(struct text *t, const uint8_t *rdata, size_t len, size_t *offset)
{
	const uint8_t *bytes;
	size_t n;
	if (rdata_string(rdata, len, offset, &bytes, &n) < 0 || !rdata_is_tag(bytes, n))
		return -EINVAL;
	text_put(t, (const char *)bytes, n);
	return 0;
}

/* One value, its items with commas between; quoted when a bare word could not say it. */
static void print_param_value(struct text *t, const struct text *value)
{
	static const char bare[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
				   "-._~:/{}?,=+*!&%";
	bool quote = value->len == 0;
	for (size_t i = 0; i < value->len && !quote; i++)
		quote = !value->bytes[i] || !strchr(bare, value->bytes[i]);
	if (quote)
		text_zone_string(t, (const uint8_t *)value->bytes, value->len);
	else
		text_put(t, value->bytes, value->len);
}

static void put_item(struct text *value, const struct text *item)
{
	if (value->len)
		text_puts(value, ",");
	for (size_t i = 0; i < item->len; i++) {
		if (item->bytes[i] == ',' || item->bytes[i] == '\\')
			text_puts(value, "\\");
		text_put(value, item->bytes + i, 1);
	}
}

static int print_param(struct text *t, uint16_t key, const uint8_t *wire, size_t len)
{
	enum svc_kind kind = svc_kind(key);
	struct text value = {0}, item = {0};
	char buf[SVC_KEY_TEXT_MAX];
	size_t offset = 0;
	int rc;
	text_format(t, " %s", svc_key_to_text(key, buf));
	while ((rc = svc_item_next(kind, wire, len, &offset, &item)) == 1) {
		if (svc_is_list(kind))
			put_item(&value, &item);
		else
			text_put(&value, item.bytes, item.len);
		item.len = 0;
	}
	if (rc == 0 && len) {
		text_puts(t, "=");
		print_param_value(t, &value);
	}
	t->failed |= value.failed || item.failed;
	text_destroy(&item);
	text_destroy(&value);
	return rc;
}

static int print_params(struct text *t, const uint8_t *rdata, size_t len, size_t *offset)
{
	const uint8_t *value;
	uint16_t key;
	size_t n;
	int rc = svc_params_check(rdata + *offset, len - *offset);
	if (rc < 0)
		return rc;
	while ((rc = svc_params_next(rdata, len, offset, &key, &value, &n)) == 1)
		if ((rc = print_param(t, key, value, n)) < 0)
			return rc;
	return rc;
}

static int print_field(
	struct text *t, enum field_kind kind, const uint8_t *rdata, size_t len, size_t *offset)
{
	const uint8_t *bytes;
	size_t n;
	switch (kind) {
	case FIELD_U8:
	case FIELD_U16:
	case FIELD_U32:
	case FIELD_IPV4:
	case FIELD_IPV6:
	case FIELD_NAME:
		return rdata_print_plain(t, kind, rdata, len, offset);
	case FIELD_TAG:
		return print_tag(t, rdata, len, offset);
	case FIELD_STRING:
		if (rdata_string(rdata, len, offset, &bytes, &n) < 0)
			return -EINVAL;
		text_zone_string(t, bytes, n);
		return 0;
	case FIELD_STRINGS:
		return print_strings(t, rdata, len, offset);
	case FIELD_BYTES:
		text_zone_string(t, rdata + *offset, len - *offset);
		*offset = len;
		return 0;
	case FIELD_HEX:
		if (*offset == len)
			return -EINVAL;
		text_hex(t, rdata + *offset, len - *offset);
		*offset = len;
		return 0;
	case FIELD_PARAMS:
		return print_params(t, rdata, len, offset);
	}
	return -EINVAL;
}

static int print_fields(
	struct text *t, const struct field *fields, size_t count, const uint8_t *rdata, size_t len)
{
	size_t offset = 0;
	for (size_t i = 0; i < count; i++) {
		if (i > 0 && fields[i].kind != FIELD_PARAMS)
			text_puts(t, " ");
		int rc = print_field(t, fields[i].kind, rdata, len, &offset);
		if (rc < 0)
			return rc;
	}
	return offset == len ? 0 : -EINVAL;
}

void rdata_to_text(uint16_t type, const uint8_t *rdata, size_t len, struct text *t)
{
	const struct field *fields;
	size_t before = t->len, count = rdata_fields(type, &fields);
	int rc = count ? print_fields(t, fields, count, rdata, len)
		       : rdata_ldns_print(type, rdata, len, t);
	if (rc == 0)
		return;
	t->len = before;
	text_format(t, "\\# %zu%s", len, len ? " " : "");
	text_hex(t, rdata, len);
}
