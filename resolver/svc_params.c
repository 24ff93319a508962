/* SvcParams of SVCB and HTTPS (RFC 9460): keys, items and their wire form. */
#include "resolver/svc_params.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* IANA's registry, "Service Parameter Keys (SvcParamKeys)"; the index is the key. */
static const struct {
	const char *name;
	enum svc_kind kind;
} keys[] = {
	{"mandatory", SVC_KEYS},
	{"alpn", SVC_STRINGS},
	{"no-default-alpn", SVC_EMPTY},
	{"port", SVC_PORT},
	{"ipv4hint", SVC_IPV4},
	{"ech", SVC_BASE64},
	{"ipv6hint", SVC_IPV6},
	{"dohpath", SVC_OPAQUE},
	{"ohttp", SVC_EMPTY},
};
#define KEYS (sizeof(keys) / sizeof(keys[0]))
#define KEY_INVALID 65535 /* RFC 9460, 14.3.2 */

enum svc_kind svc_kind(uint16_t key)
{
	return key < KEYS ? keys[key].kind : SVC_OPAQUE;
}

bool svc_is_list(enum svc_kind kind)
{
	return kind == SVC_KEYS || kind == SVC_STRINGS || kind == SVC_IPV4 || kind == SVC_IPV6;
}

const char *svc_key_to_text(uint16_t key, char ret_text[SVC_KEY_TEXT_MAX])
{
	if (key < KEYS)
		return keys[key].name;
	snprintf(ret_text, SVC_KEY_TEXT_MAX, "key%u", key);
	return ret_text;
}

bool svc_key_from_text(const char *text, size_t len, uint16_t *ret_key)
{
	for (uint16_t key = 0; key < KEYS; key++) {
		if (strlen(keys[key].name) == len && memcmp(keys[key].name, text, len) == 0) {
			*ret_key = key;
			return true;
		}
	}
	uint32_t number;
	if (len < 4 || memcmp(text, "key", 3) != 0 || (text[3] == '0' && len > 4) ||
		zone_number((struct zone_token){text + 3, len - 3}, KEY_INVALID - 1, &number) < 0)
		return false;
	*ret_key = (uint16_t)number;
	return true;
}

void svc_params_begin(struct svc_params *p)
{
	p->count = 0;
	p->values.len = 0;
	p->open = NULL;
}

int svc_params_key(struct svc_params *p, uint16_t key)
{
	unsigned i = p->count;
	while (i > 0 && p->param[i - 1].key > key)
		i--;
	if (key == KEY_INVALID || p->count == SVC_PARAMS_MAX ||
		(i > 0 && p->param[i - 1].key == key))
		return -EINVAL;
	memmove(p->param + i + 1, p->param + i, (p->count - i) * sizeof(p->param[0]));
	p->param[i] = (struct svc_param){.key = key, .at = p->values.len};
	p->open = p->param + i;
	p->count++;
	return 0;
}

static int put_key(struct rdata *r, const char *text, size_t len)
{
	uint16_t key;
	/* "mandatory" must not name itself (RFC 9460, section 8). */
	if (!svc_key_from_text(text, len, &key) || key == 0)
		return -EINVAL;
	return rdata_put_u16(r, key);
}

int svc_params_item(struct svc_params *p, const char *bytes, size_t len)
{
	struct rdata *r = &p->values;
	struct zone_token word = {bytes, len};
	size_t before = r->len;
	enum svc_kind kind = svc_kind(p->open->key);
	int rc = -EINVAL;
	if (p->open->len && !svc_is_list(kind))
		return -EINVAL;
	switch (kind) {
	case SVC_KEYS:
		rc = put_key(r, bytes, len);
		break;
	case SVC_STRINGS:
		rc = len ? rdata_put_string(r, bytes, len) : -EINVAL;
		break;
	case SVC_EMPTY:
		break;
	case SVC_PORT:
		rc = rdata_put_plain(r, FIELD_U16, word);
		break;
	case SVC_IPV4:
		rc = rdata_put_plain(r, FIELD_IPV4, word);
		break;
	case SVC_IPV6:
		rc = rdata_put_plain(r, FIELD_IPV6, word);
		break;
	case SVC_BASE64:
		rc = rdata_put_base64(r, bytes, len);
		break;
	case SVC_OPAQUE:
		rc = rdata_put(r, bytes, len);
		break;
	}
	p->open->len += r->len - before;
	return rc;
}

static int compare_keys(const void *a, const void *b)
{
	return memcmp(a, b, 2);
}

/* Rising, each once, and each present: what is mandatory and absent makes the record useless. */
static int put_mandatory(const struct svc_params *p, const struct svc_param *param, struct rdata *r)
{
	uint8_t *list = r->bytes + r->len;
	if (rdata_put(r, p->values.bytes + param->at, param->len) < 0)
		return -EFBIG;
	qsort(list, param->len / 2, 2, compare_keys);
	unsigned i = 0;
	for (size_t at = 0; at < param->len; at += 2) {
		uint16_t key = (uint16_t)(list[at] << 8 | list[at + 1]);
		while (i < p->count && p->param[i].key < key)
			i++;
		if (i == p->count || p->param[i].key != key)
			return -EINVAL;
		i++; /* so that a second mention is not found */
	}
	return 0;
}

int svc_params_end(const struct svc_params *p, struct rdata *r)
{
	for (unsigned i = 0; i < p->count; i++) {
		const struct svc_param *param = &p->param[i];
		enum svc_kind kind = svc_kind(param->key);
		if (param->len == 0 && kind != SVC_EMPTY && kind != SVC_OPAQUE)
			return -EINVAL;
		if (param->len > UINT16_MAX || rdata_put_u16(r, param->key) < 0 ||
			rdata_put_u16(r, (uint16_t)param->len) < 0)
			return -EFBIG;
		int rc = kind == SVC_KEYS ? put_mandatory(p, param, r)
					  : rdata_put(r, p->values.bytes + param->at, param->len);
		if (rc < 0)
			return rc;
	}
	return 0;
}

int svc_params_next(const uint8_t *rdata, size_t len, size_t *offset, uint16_t *ret_key,
	const uint8_t **ret_value, size_t *ret_len)
{
	if (*offset == len)
		return 0;
	if (len - *offset < 4)
		return -EINVAL;
	const uint8_t *p = rdata + *offset;
	*ret_key = (uint16_t)(p[0] << 8 | p[1]);
	*ret_len = (size_t)p[2] << 8 | p[3];
	*ret_value = p + 4;
	if (*ret_len > len - *offset - 4)
		return -EINVAL;
	*offset += 4 + *ret_len;
	return 1;
}

static int print_key(struct text *t, const uint8_t *value, size_t len, size_t *offset)
{
	char buf[SVC_KEY_TEXT_MAX];
	if (len - *offset < 2)
		return -EINVAL;
	text_puts(t, svc_key_to_text((uint16_t)(value[*offset] << 8 | value[*offset + 1]), buf));
	*offset += 2;
	return 0;
}

int svc_item_next(
	enum svc_kind kind, const uint8_t *value, size_t len, size_t *offset, struct text *ret_item)
{
	const uint8_t *bytes;
	size_t n;
	int rc = -EINVAL;
	if (*offset == len)
		return 0;
	switch (kind) {
	case SVC_KEYS:
		rc = print_key(ret_item, value, len, offset);
		break;
	case SVC_STRINGS:
		rc = rdata_string(value, len, offset, &bytes, &n);
		if (rc == 0)
			text_put(ret_item, (const char *)bytes, n);
		break;
	case SVC_EMPTY:
		break;
	case SVC_PORT:
		rc = len == 2 ? rdata_print_plain(ret_item, FIELD_U16, value, len, offset)
			      : -EINVAL;
		break;
	case SVC_IPV4:
		rc = rdata_print_plain(ret_item, FIELD_IPV4, value, len, offset);
		break;
	case SVC_IPV6:
		rc = rdata_print_plain(ret_item, FIELD_IPV6, value, len, offset);
		break;
	case SVC_BASE64:
		text_base64(ret_item, value, len);
		*offset = len;
		rc = 0;
		break;
	case SVC_OPAQUE:
		text_put(ret_item, (const char *)value, len);
		*offset = len;
		rc = 0;
		break;
	}
	return rc < 0 ? rc : 1;
}

static int copy_param(struct svc_params *p, uint16_t key, const uint8_t *value, size_t len)
{
	struct text item = {0};
	size_t offset = 0;
	int rc = svc_params_key(p, key);
	if (rc == 0 && len == 0)
		return 0;
	while (rc == 0 && (rc = svc_item_next(svc_kind(key), value, len, &offset, &item)) == 1) {
		rc = item.failed ? -ENOMEM : svc_params_item(p, item.bytes, item.len);
		item.len = 0;
		if (rc == 0 && offset == len)
			break;
	}
	text_destroy(&item);
	return rc;
}

int svc_params_check(const uint8_t *params, size_t len)
{
	struct svc_params *p = malloc(sizeof(*p));
	struct rdata *again = malloc(sizeof(*again));
	const uint8_t *value;
	uint16_t key;
	size_t offset = 0, n;
	int rc = -ENOMEM;
	if (!p || !again)
		goto out;
	svc_params_begin(p);
	again->len = 0;
	while ((rc = svc_params_next(params, len, &offset, &key, &value, &n)) == 1)
		if ((rc = copy_param(p, key, value, n)) < 0)
			goto out;
	if (rc == 0)
		rc = svc_params_end(p, again);
	if (rc == 0 && (again->len != len || memcmp(again->bytes, params, len) != 0))
		rc = -EINVAL;
out:
	free(again);
	free(p);
	return rc;
}
