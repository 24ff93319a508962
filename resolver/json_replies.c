/* Pasted replies: dns-json (Google, Cloudflare) and the three lists of 2009.
 *
 * Both are lists of records with owner, type and TTL of their own. What answers the file's name
 * and type is taken, at the end of the CNAMEs when there are some; the rest is passed over. */
#include "resolver/json_reading.h"

#include <errno.h>
#include <json-c/json.h>
#include <string.h>

#define CNAMES_MAX 16 /* so that a loop in what was pasted ends */

/* How a layout spells the parts of a record. */
struct spelling {
	const char *ttl, *data;
	bool by_field; /* data is an object of fields, whose "name" is a CNAME's target */
};
static const struct spelling dns_json = {"TTL", "data", false};
static const struct spelling of_2009 = {"ttl", "payload", true};

static bool read_name(struct json_object *object, const char *key, struct name *ret_name)
{
	struct json_object *value;
	return json_object_object_get_ex(object, key, &value) &&
	       json_object_is_type(value, json_type_string) &&
	       name_from_text(json_object_get_string(value),
		       (size_t)json_object_get_string_len(value), ret_name) == 0;
}

/* dns-json gives the number, 2009 the mnemonic. */
static bool has_type(struct json_object *record, uint16_t type)
{
	struct json_object *value;
	if (!json_object_object_get_ex(record, "type", &value))
		return false;
	if (json_object_is_type(value, json_type_int))
		return json_object_get_int64(value) == type;
	return json_object_is_type(value, json_type_string) &&
	       json_names_type(json_object_get_string(value),
		       (size_t)json_object_get_string_len(value), type);
}

static bool is_record(struct json_object *record, const struct name *owner, uint16_t type)
{
	struct name name;
	return json_object_is_type(record, json_type_object) && has_type(record, type) &&
	       read_name(record, "name", &name) && name_equal(&name, owner);
}

static bool find_target(struct json_object *list, const struct spelling *as, struct name *name)
{
	struct json_object *record, *payload;
	for (size_t i = 0; i < json_object_array_length(list); i++) {
		record = json_object_array_get_idx(list, i);
		if (!is_record(record, name, TYPE_CNAME))
			continue;
		if (!as->by_field)
			return read_name(record, as->data, name);
		return json_object_object_get_ex(record, as->data, &payload) &&
		       json_object_is_type(payload, json_type_object) &&
		       read_name(payload, "name", name);
	}
	return false;
}

static int add_record(struct json_reading *r, struct json_object *record, const struct spelling *as)
{
	struct json_object *ttl, *data, *class;
	if (json_object_object_get_ex(record, "cls", &class) &&
		!(json_object_is_type(class, json_type_string) &&
			json_names_class(json_object_get_string(class),
				(size_t)json_object_get_string_len(class), r->question->class)))
		return json_refuse(r, "the class is not that of the file");
	if (json_object_object_get_ex(record, as->ttl, &ttl)) {
		if (!json_object_is_type(ttl, json_type_int))
			return json_refuse(r, "the TTL is not a whole number");
		int rc = json_give_ttl(r, json_object_get_int64(ttl));
		if (rc < 0)
			return rc;
	}
	if (!json_object_object_get_ex(record, as->data, &data) ||
		!json_object_is_type(data, as->by_field ? json_type_object : json_type_string))
		return json_refuse(r, "a record of the reply has no data");
	if (as->by_field)
		return json_add_fields(r, r->set, data);
	return json_add_text(
		r, r->set, json_object_get_string(data), (size_t)json_object_get_string_len(data));
}

static int add_answers(struct json_reading *r, struct json_object *list, const struct spelling *as)
{
	struct name owner = r->question->name;
	uint16_t type = r->question->type;
	if (!json_object_is_type(list, json_type_array))
		return json_refuse(r, "the answers are not a list");
	for (int i = 0; type != TYPE_CNAME && i < CNAMES_MAX; i++)
		if (!find_target(list, as, &owner))
			break;
	for (size_t i = 0; i < json_object_array_length(list); i++) {
		struct json_object *record = json_object_array_get_idx(list, i);
		int rc = is_record(record, &owner, type) ? add_record(r, record, as) : 0;
		if (rc < 0)
			return rc;
	}
	return 0;
}

int json_read_dns_json(struct json_reading *r, struct json_object *reply)
{
	struct json_object *status, *answer;
	if (json_object_object_get_ex(reply, "Status", &status) &&
		!(json_object_is_type(status, json_type_int) && json_object_get_int64(status) == 0))
		return json_refuse(r, "the reply is an error");
	if (!json_object_object_get_ex(reply, "Answer", &answer))
		return json_refuse(r, "the reply has no answer");
	return add_answers(r, answer, &dns_json);
}

int json_read_2009(struct json_reading *r, struct json_object *lists)
{
	return add_answers(r, json_object_array_get_idx(lists, 0), &of_2009);
}

/* What /SHORT gave in 2009: {"__type__":"Record_A","address":"…","ttl":…}. */
int json_read_payload(struct json_reading *r, struct json_object *payload)
{
	static const char prefix[] = "Record_";
	struct json_object *type = NULL, *ttl;
	json_object_object_get_ex(payload, "__type__", &type);
	const char *text = json_object_is_type(type, json_type_string)
				   ? json_object_get_string(type)
				   : "";
	if (strncmp(text, prefix, strlen(prefix)) != 0 ||
		!json_names_type(
			text + strlen(prefix), strlen(text) - strlen(prefix), r->question->type))
		return json_refuse(r, "the type is not that of the file");
	if (json_object_object_get_ex(payload, "ttl", &ttl)) {
		if (!json_object_is_type(ttl, json_type_int))
			return json_refuse(r, "the TTL is not a whole number");
		int rc = json_give_ttl(r, json_object_get_int64(ttl));
		if (rc < 0)
			return rc;
	}
	return json_add_fields(r, r->set, payload);
}
