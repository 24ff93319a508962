/* RDATA by field: out as JSON text, in from json-c's objects. */
#include "resolver/rdata_fields.h"

#include "resolver/question.h"
#include "resolver/svc_params.h"

#include <errno.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- out ---- */

static int write_text(struct text *t, const uint8_t *bytes, size_t len)
{
	if (!text_is_utf8(bytes, len))
		return -EINVAL;
	text_json_string(t, (const char *)bytes, len);
	return 0;
}

static int write_string(struct text *t, const uint8_t *rdata, size_t len, size_t *offset)
{
	const uint8_t *bytes;
	size_t n;
	if (rdata_string(rdata, len, offset, &bytes, &n) < 0)
		return -EINVAL;
	return write_text(t, bytes, n);
}

static int write_strings(struct text *t, const uint8_t *rdata, size_t len, size_t *offset)
{
	text_puts(t, "[");
	do {
		if (write_string(t, rdata, len, offset) < 0)
			return -EINVAL;
		if (*offset < len)
			text_puts(t, ",");
	} while (*offset < len);
	text_puts(t, "]");
	return 0;
}

static int write_quoted_plain(
	struct text *t, enum field_kind kind, const uint8_t *rdata, size_t len, size_t *offset)
{
	struct text plain = {0};
	int rc = rdata_print_plain(&plain, kind, rdata, len, offset);
	if (rc == 0)
		text_json_string(t, plain.bytes, plain.len);
	t->failed |= plain.failed;
	text_destroy(&plain);
	return rc;
}

static int write_param(struct text *t, uint16_t key, const uint8_t *value, size_t len)
{
	enum svc_kind kind = svc_kind(key);
	struct text item = {0};
	char buf[SVC_KEY_TEXT_MAX];
	size_t offset = 0;
	int rc;
	text_format(t, "\"%s\":%s", svc_key_to_text(key, buf), svc_is_list(kind) ? "[" : "");
	if (len == 0)
		text_puts(t, kind == SVC_EMPTY ? "true" : "\"\"");
	while ((rc = svc_item_next(kind, value, len, &offset, &item)) == 1) {
		if (kind == SVC_PORT)
			text_put(t, item.bytes, item.len);
		else
			rc = write_text(t, (const uint8_t *)item.bytes, item.len);
		if (rc < 0)
			break;
		if (offset < len)
			text_puts(t, ",");
		item.len = 0;
	}
	if (svc_is_list(kind))
		text_puts(t, "]");
	t->failed |= item.failed;
	text_destroy(&item);
	return rc;
}

static int write_params(struct text *t, const uint8_t *rdata, size_t len, size_t *offset)
{
	const uint8_t *value;
	uint16_t key;
	size_t n;
	int rc = svc_params_check(rdata + *offset, len - *offset);
	if (rc < 0)
		return rc;
	text_puts(t, "{");
	while ((rc = svc_params_next(rdata, len, offset, &key, &value, &n)) == 1) {
		if ((rc = write_param(t, key, value, n)) < 0)
			return rc;
		if (*offset < len)
			text_puts(t, ",");
	}
	text_puts(t, "}");
	return rc;
}

static int write_field(
	struct text *t, enum field_kind kind, const uint8_t *rdata, size_t len, size_t *offset)
{
	size_t at = *offset;
	switch (kind) {
	case FIELD_U8:
	case FIELD_U16:
	case FIELD_U32:
		return rdata_print_plain(t, kind, rdata, len, offset);
	case FIELD_IPV4:
	case FIELD_IPV6:
	case FIELD_NAME:
		return write_quoted_plain(t, kind, rdata, len, offset);
	case FIELD_TAG:
		if (at == len || rdata[at] > len - at - 1 ||
			!rdata_is_tag(rdata + at + 1, rdata[at]))
			return -EINVAL;
		return write_string(t, rdata, len, offset);
	case FIELD_STRING:
		return write_string(t, rdata, len, offset);
	case FIELD_STRINGS:
		return write_strings(t, rdata, len, offset);
	case FIELD_BYTES:
		*offset = len;
		return write_text(t, rdata + at, len - at);
	case FIELD_HEX:
		if (at == len)
			return -EINVAL;
		*offset = len;
		text_puts(t, "\"");
		text_hex(t, rdata + at, len - at);
		text_puts(t, "\"");
		return 0;
	case FIELD_PARAMS:
		return write_params(t, rdata, len, offset);
	}
	return -EINVAL;
}

static int write_fields(
	struct text *t, const struct field *fields, size_t count, const uint8_t *rdata, size_t len)
{
	size_t offset = 0;
	for (size_t i = 0; i < count; i++) {
		text_puts(t, i ? ",\"" : "\"");
		text_puts(t, fields[i].name);
		text_puts(t, "\":");
		int rc = write_field(t, fields[i].kind, rdata, len, &offset);
		if (rc < 0)
			return rc;
	}
	return count && offset == len ? 0 : -EINVAL;
}

static void write_hex(struct text *t, const uint8_t *rdata, size_t len)
{
	text_puts(t, "\"hex\":\"");
	text_hex(t, rdata, len);
	text_puts(t, "\"");
}

void rdata_to_fields(uint16_t type, const uint8_t *rdata, size_t len, struct text *t)
{
	const struct field *fields;
	size_t count = rdata_fields(type, &fields);
	text_puts(t, "{");
	size_t before = t->len;
	if (write_fields(t, fields, count, rdata, len) < 0) {
		t->len = before;
		write_hex(t, rdata, len);
	}
	text_puts(t, "}");
}

/* ---- out, as in 2009 ---- */

static int write_name_of_2009(struct text *t, const uint8_t *rdata, size_t len, size_t *offset)
{
	struct text name = {0};
	int rc = rdata_print_plain(&name, FIELD_NAME, rdata, len, offset);
	if (rc == 0) /* the root keeps its dot: no reader takes an empty name */
		text_json_string(t, name.bytes, name.len > 1 ? name.len - 1 : name.len);
	t->failed |= name.failed;
	text_destroy(&name);
	return rc;
}

static int write_strings_of_2009(struct text *t, const uint8_t *rdata, size_t len, size_t *offset)
{
	if (len && rdata[0] == len - 1)
		return write_string(t, rdata, len, offset);
	return write_strings(t, rdata, len, offset);
}

static int write_payload(
	struct text *t, const struct field *fields, size_t count, const uint8_t *rdata, size_t len)
{
	size_t offset = 0;
	for (size_t i = 0; i < count; i++) {
		const struct field *f = &fields[i];
		bool strings = f->kind == FIELD_STRINGS;
		text_puts(t, "\"");
		text_puts(t, strings ? f->alias : f->name);
		text_puts(t, "\":");
		int rc = strings		 ? write_strings_of_2009(t, rdata, len, &offset)
			 : f->kind == FIELD_NAME ? write_name_of_2009(t, rdata, len, &offset)
						 : write_field(t, f->kind, rdata, len, &offset);
		if (rc < 0)
			return rc;
		text_puts(t, ",");
	}
	return count && offset == len ? 0 : -EINVAL;
}

void rdata_to_payload(uint16_t type, uint32_t ttl, const uint8_t *rdata, size_t len, struct text *t)
{
	const struct field *fields;
	char word[TYPE_TEXT_MAX];
	size_t count = rdata_fields(type, &fields);
	text_puts(t, "{\"__type__\":\"Record_");
	text_puts(t, type_to_text(type, word));
	text_puts(t, "\",");
	size_t before = t->len;
	if (write_payload(t, fields, count, rdata, len) < 0) {
		t->len = before;
		write_hex(t, rdata, len);
		text_puts(t, ",");
	}
	text_puts(t, "\"ttl\":");
	text_number(t, ttl);
	text_puts(t, "}");
}

/* ---- in ---- */

static struct zone_token string_of(struct json_object *value)
{
	return (struct zone_token){
		json_object_get_string(value), (size_t)json_object_get_string_len(value)};
}

static bool is_string(struct json_object *value)
{
	return json_object_is_type(value, json_type_string);
}

/* A JSON number as the digits that a zone file would have; json-c clamps what is beyond 64 bits,
 * which is out of every field's range either way. */
static int read_number(struct json_object *value, enum field_kind kind, struct rdata *r)
{
	char digits[24];
	if (!json_object_is_type(value, json_type_int))
		return -EINVAL;
	int n = snprintf(digits, sizeof(digits), "%lld", (long long)json_object_get_int64(value));
	return rdata_put_plain(r, kind, (struct zone_token){digits, (size_t)n});
}

/* A list, or one string for a list of one; each string goes to fn. */
typedef int string_fn(void *ctx, const char *bytes, size_t len);
static int each_string(struct json_object *value, string_fn *fn, void *ctx)
{
	if (is_string(value))
		return fn(ctx, string_of(value).text, string_of(value).len);
	if (!json_object_is_type(value, json_type_array) || json_object_array_length(value) == 0)
		return -EINVAL;
	for (size_t i = 0; i < json_object_array_length(value); i++) {
		struct json_object *item = json_object_array_get_idx(value, i);
		int rc = is_string(item) ? fn(ctx, string_of(item).text, string_of(item).len)
					 : -EINVAL;
		if (rc < 0)
			return rc;
	}
	return 0;
}

static int put_one_string(void *ctx, const char *bytes, size_t len)
{
	return rdata_put_string(ctx, bytes, len);
}

static int put_one_item(void *ctx, const char *bytes, size_t len)
{
	return svc_params_item(ctx, bytes, len);
}

static int read_param(struct svc_params *p, uint16_t key, struct json_object *value)
{
	enum svc_kind kind = svc_kind(key);
	int rc = svc_params_key(p, key);
	if (rc < 0)
		return rc;
	if (kind == SVC_EMPTY) /* octoDNS writes null */
		return !value || json_object_is_type(value, json_type_null) ||
				       (json_object_is_type(value, json_type_boolean) &&
					       json_object_get_boolean(value))
			       ? 0
			       : -EINVAL;
	if (kind == SVC_PORT && json_object_is_type(value, json_type_int)) {
		const char *digits = json_object_to_json_string(value);
		return digits ? svc_params_item(p, digits, strlen(digits)) : -ENOMEM;
	}
	if (!svc_is_list(kind) && !is_string(value))
		return -EINVAL;
	return each_string(value, put_one_item, p);
}

static int read_params(struct json_object *value, struct rdata *r)
{
	struct svc_params *p = malloc(sizeof(*p));
	int rc = json_object_is_type(value, json_type_object) ? 0 : -EINVAL;
	if (!p)
		return -ENOMEM;
	svc_params_begin(p);
	if (rc == 0) {
		json_object_object_foreach(value, key_text, param)
		{
			uint16_t key;
			if (!svc_key_from_text(key_text, strlen(key_text), &key))
				rc = -EINVAL;
			if (rc < 0 || (rc = read_param(p, key, param)) < 0)
				break;
		}
	}
	if (rc == 0)
		rc = svc_params_end(p, r);
	free(p);
	return rc;
}

static int read_field(struct json_object *value, enum field_kind kind, struct rdata *r)
{
	struct zone_token word = {"", 0}; /* which only a text may be */
	if (is_string(value))
		word = string_of(value);
	switch (kind) {
	case FIELD_U8:
	case FIELD_U16:
	case FIELD_U32:
		return read_number(value, kind, r);
	case FIELD_IPV4:
	case FIELD_IPV6:
	case FIELD_NAME:
		return rdata_put_plain(r, kind, word);
	case FIELD_TAG:
		return rdata_put_tag(r, word.text, word.len);
	case FIELD_STRING:
		return is_string(value) ? rdata_put_string(r, word.text, word.len) : -EINVAL;
	case FIELD_STRINGS:
		return each_string(value, put_one_string, r);
	case FIELD_BYTES:
		return is_string(value) ? rdata_put(r, word.text, word.len) : -EINVAL;
	case FIELD_HEX:
		return word.len ? rdata_put_hex(r, word.text, word.len) : -EINVAL;
	case FIELD_PARAMS:
		return read_params(value, r);
	}
	return -EINVAL;
}

/* The member of a field by either name; *ret_used counts what was found. */
static bool find_member(struct json_object *object, const struct field *field,
	struct json_object **ret_value, int *ret_used)
{
	bool found = json_object_object_get_ex(object, field->name, ret_value) ||
		     (field->alias && json_object_object_get_ex(object, field->alias, ret_value));
	*ret_used += found;
	return found;
}

static int count_of_2009(struct json_object *object)
{
	if (!json_object_object_get_ex(object, "__type__", NULL))
		return 0;
	return json_object_object_get_ex(object, "ttl", NULL) ? 2 : 1;
}

int rdata_from_fields(
	uint16_t type, struct json_object *object, struct rdata *ret_rdata, const char **ret_why)
{
	const struct field *fields;
	struct json_object *value;
	int used = count_of_2009(object), members = json_object_object_length(object);
	size_t count = rdata_fields(type, &fields);
	ret_rdata->len = 0;
	*ret_why = "\"hex\" is not pairs of hexadecimal digits";
	if (json_object_object_get_ex(object, "hex", &value))
		return members == used + 1 && is_string(value)
			       ? rdata_put_hex(
					 ret_rdata, string_of(value).text, string_of(value).len)
			       : -EINVAL;
	*ret_why = "data of this type by field is {\"hex\":\"...\"}";
	if (count == 0)
		return -EINVAL;
	for (size_t i = 0; i < count; i++) {
		*ret_why = "a field of the data is missing";
		if (find_member(object, &fields[i], &value, &used)) {
			*ret_why = "a field of the data has a wrong value";
			int rc = read_field(value, fields[i].kind, ret_rdata);
			if (rc < 0)
				return rc;
		} else if (fields[i].kind != FIELD_PARAMS) { /* an alias record has none */
			return -EINVAL;
		}
	}
	*ret_why = "the data has a field that its type does not have";
	return used == members ? 0 : -EINVAL;
}
