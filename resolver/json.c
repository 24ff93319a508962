/* Reading a draft: how far it is, and what record set it says. */
#include "resolver/json.h"

#include "resolver/json_reading.h"
#include "resolver/json_scan.h"
#include "resolver/rdata_fields.h"
#include "resolver/rdata_text.h"

#include <errno.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* ---- drafts ---- */

static bool opens_json(char c)
{
	return c == '{' || c == '[';
}

static enum json_draft draft_of_values(const char *text, size_t len)
{
	struct json_scan scan;
	for (size_t at = 0; at < len; at = json_skip_space(text, len, at)) {
		enum json_draft d = opens_json(text[at]) ? json_scan(text + at, len - at, &scan)
							 : JSON_IMPOSSIBLE;
		if (d != JSON_COMPLETE)
			return d;
		at += scan.len;
	}
	return JSON_COMPLETE;
}

/* Lines that hold nothing yet do not make a record: `(echo '; mine'; echo 192.0.2.1) > f` is two
 * writes, and the first is no mistake. */
static enum json_draft draft_of_text(const char *text, size_t len)
{
	bool record = false, comment = false, fresh = true;
	for (size_t i = 0; i < len; i++) {
		uint8_t c = (uint8_t)text[i];
		if (c == '\n') {
			fresh = true;
		} else if ((c < 0x20 && c != '\t' && c != '\r') || c == 0x7f) {
			return JSON_IMPOSSIBLE;
		} else if (fresh && c != ' ' && c != '\t' && c != '\r') {
			comment = c == ';';
			record |= !comment;
			fresh = false;
		}
	}
	return record && text[len - 1] == '\n' ? JSON_COMPLETE : JSON_PARTIAL;
}

enum json_draft json_draft(const char *text, size_t len)
{
	size_t at = json_skip_space(text, len, 0);
	if (len > JSON_INPUT_MAX)
		return JSON_IMPOSSIBLE;
	if (at == len)
		return JSON_EMPTY;
	if (opens_json(text[at]))
		return draft_of_values(text + at, len - at);
	return draft_of_text(text + at, len - at);
}

/* ---- what the parts share ---- */

static const char too_many[] = "there are more than 2048 records";

int json_refuse(struct json_reading *r, const char *why)
{
	r->why = why;
	return -EINVAL;
}

int json_give_ttl(struct json_reading *r, int64_t ttl)
{
	if (ttl < 0 || ttl > TTL_MAX)
		return json_refuse(r, "the TTL is not in 0 to 2147483647");
	/* One set has one TTL (RFC 2181, section 5.2); to pick one of two would be a guess. */
	if (r->has_ttl && r->set->ttl != ttl)
		return json_refuse(r, "the records have different TTLs");
	r->has_ttl = true;
	r->set->ttl = (uint32_t)ttl;
	return 0;
}

int json_add(struct json_reading *r, struct rrset *set)
{
	if (++r->records > JSON_RECORDS_MAX) {
		r->why = too_many;
		return -EFBIG;
	}
	int rc = rrset_add(set, r->rdata.bytes, r->rdata.len);
	if (rc == -EINVAL)
		r->why = "the data does not have the form of its type";
	else if (rc == -EFBIG)
		r->why = "the set is larger than a DNS message";
	return rc;
}

int json_add_text(struct json_reading *r, struct rrset *set, const char *text, size_t len)
{
	int rc = rdata_from_text(r->question->type, text, len, &r->rdata, &r->why);
	if (rc == -EFBIG)
		r->why = "a record is larger than a DNS message";
	return rc < 0 ? rc : json_add(r, set);
}

int json_add_fields(struct json_reading *r, struct rrset *set, struct json_object *object)
{
	int rc = rdata_from_fields(r->question->type, object, &r->rdata, &r->why);
	return rc < 0 ? rc : json_add(r, set);
}

static bool names(
	const char *text, size_t len, const char *mnemonic, const char *prefix, uint16_t number)
{
	char generic[TYPE_TEXT_MAX];
	snprintf(generic, sizeof(generic), "%s%u", prefix, number);
	return (len == strlen(mnemonic) && strncasecmp(text, mnemonic, len) == 0) ||
	       (len == strlen(generic) && strncasecmp(text, generic, len) == 0);
}

bool json_names_type(const char *text, size_t len, uint16_t type)
{
	char mnemonic[TYPE_TEXT_MAX];
	return names(text, len, type_to_text(type, mnemonic), "TYPE", type);
}

bool json_names_class(const char *text, size_t len, uint16_t class)
{
	char mnemonic[TYPE_TEXT_MAX];
	return names(text, len, class_to_text(class, mnemonic), "CLASS", class);
}

struct json_object *json_parse(const char *text, size_t len, bool *ret_oom)
{
	/* Deeper by one than the scanner allows: a scalar counts as a level of its own here. */
	struct json_tokener *tokener = json_tokener_new_ex(JSON_DEPTH_MAX + 1);
	*ret_oom = !tokener;
	if (!tokener)
		return NULL;
	json_tokener_set_flags(tokener, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
	struct json_object *value = json_tokener_parse_ex(tokener, text, (int)len);
	if (json_tokener_get_error(tokener) != json_tokener_success) {
		json_object_put(value);
		value = NULL;
	}
	json_tokener_free(tokener);
	return value;
}

/* ---- the whole draft ---- */

/* Members of all objects in the tree; as deep as JSON_DEPTH_MAX, which the scanner saw to. */
static size_t count_members(struct json_object *value)
{
	size_t n = 0;
	if (json_object_is_type(value, json_type_array)) {
		for (size_t i = 0; i < json_object_array_length(value); i++)
			n += count_members(json_object_array_get_idx(value, i));
	} else if (json_object_is_type(value, json_type_object)) {
		json_object_object_foreach(value, key, member)
		{
			(void)key;
			n += 1 + count_members(member);
		}
	}
	return n;
}

static int read_values(struct json_reading *r, const char *text, size_t len)
{
	struct json_scan scan;
	for (size_t at = 0; at < len; at = json_skip_space(text, len, at)) {
		enum json_draft d = opens_json(text[at]) ? json_scan(text + at, len - at, &scan)
							 : JSON_IMPOSSIBLE;
		if (d == JSON_PARTIAL)
			return json_refuse(r, "the JSON value does not end");
		bool oom = false;
		struct json_object *value = d == JSON_COMPLETE
						    ? json_parse(text + at, scan.len, &oom)
						    : NULL;
		if (!value)
			return oom ? -ENOMEM : json_refuse(r, "this is not JSON");
		/* json-c keeps the last of two members with the same key, and is silent about it.
		 */
		int rc = count_members(value) == scan.members
				 ? json_read_value(r, value)
				 : json_refuse(r, "an object has a key twice");
		json_object_put(value);
		if (rc < 0)
			return rc;
		at += scan.len;
	}
	return 0;
}

int json_check(const struct rrset *set, const char **ret_why)
{
	uint16_t type = set->question.type;
	if (set->count == 0) {
		*ret_why = "there is no record in it";
		return -EINVAL;
	}
	/* RFC 1034, 3.6.2 and RFC 6672, 2.4; of an SOA there is one because a zone has one. */
	if (set->count > 1 && (type == TYPE_CNAME || type == TYPE_DNAME || type == TYPE_SOA)) {
		*ret_why = "a name has only one record of this type";
		return -EINVAL;
	}
	if (set->count > JSON_RECORDS_MAX) {
		*ret_why = too_many;
		return -EFBIG;
	}
	return 0;
}

static int read_draft(struct json_reading *r, const char *text, size_t len)
{
	size_t at = json_skip_space(text, len, 0);
	if (at == len)
		return json_refuse(r, "there is nothing in it");
	int rc = opens_json(text[at]) ? read_values(r, text + at, len - at)
				      : json_read_lines(r, text + at, len - at);
	return rc < 0 ? rc : json_check(r->set, &r->why);
}

int json_read(const char *text, size_t len, const struct question *q, const struct rrset *standing,
	struct rrset **ret_set, const char **ret_why)
{
	const char *ignored;
	const char **why = ret_why ? ret_why : &ignored;
	*why = "it is longer than 65536 bytes";
	if (len > JSON_INPUT_MAX)
		return -EFBIG;
	*why = "this type is for questions, not for records";
	if (type_is_meta(q->type))
		return -EINVAL;
	*why = "there is no memory";
	struct json_reading *r = malloc(sizeof(*r));
	if (!r)
		return -ENOMEM;
	r->question = q;
	r->standing = standing;
	r->has_ttl = false;
	r->records = 0;
	r->why = *why;
	r->set = rrset_create(q, TTL_DEFAULT);
	int rc = r->set ? read_draft(r, text, len) : -ENOMEM;
	if (rc < 0)
		rrset_destroy(r->set);
	else
		*ret_set = r->set;
	*why = rc < 0 ? r->why : NULL;
	free(r);
	return rc;
}
