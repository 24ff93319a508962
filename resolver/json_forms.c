/* JSON values that say a record set: our own line, {"ttl","data"}, octoDNS, PowerDNS. */
#include "resolver/json_reading.h"

#include <errno.h>
#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>

/* The members of a set, by what they are. A member that is not here is refused: a `tll` that goes
 * unseen publishes the default TTL. */
enum member {
	MEMBER_NAME,
	MEMBER_CLASS,
	MEMBER_TYPE,
	MEMBER_TTL,
	MEMBER_DATA,
	MEMBER_RDATA,  /* our own */
	MEMBER_VALUES, /* octoDNS: value, values */
	MEMBER_RECORDS,
	MEMBER_CHANGE,	/* PowerDNS */
	MEMBER_IGNORED, /* what a read adds */
	MEMBER_KINDS,
};
static const struct {
	const char *name;
	enum member member;
} members[] = {
	{"name", MEMBER_NAME},
	{"class", MEMBER_CLASS},
	{"type", MEMBER_TYPE},
	{"ttl", MEMBER_TTL},
	{"data", MEMBER_DATA},
	{"rdata", MEMBER_RDATA},
	{"value", MEMBER_VALUES},
	{"values", MEMBER_VALUES},
	{"records", MEMBER_RECORDS},
	{"changetype", MEMBER_CHANGE},
	{"comments", MEMBER_IGNORED},
	{"cname", MEMBER_IGNORED},
	{"source", MEMBER_IGNORED},
	{"trust", MEMBER_IGNORED},
	{"signer", MEMBER_IGNORED},
	{"seq", MEMBER_IGNORED},
	{"expires", MEMBER_IGNORED},
	{"replicas", MEMBER_IGNORED},
	{"published", MEMBER_IGNORED},
	{"next", MEMBER_IGNORED},
};

static bool is_string(struct json_object *value)
{
	return json_object_is_type(value, json_type_string);
}

static size_t length_of(struct json_object *string)
{
	return (size_t)json_object_get_string_len(string);
}

/* octoDNS wants `;` in TXT values written as `\;`. Nothing else of its text is escaped. */
static int add_octodns_text(struct json_reading *r, struct rrset *set, const char *text, size_t len)
{
	char *plain = malloc(len + 1);
	size_t n = 0;
	if (!plain)
		return -ENOMEM;
	for (size_t i = 0; i < len; i++)
		if (text[i] != '\\' || i + 1 == len || text[i + 1] != ';')
			plain[n++] = text[i];
	int rc = json_add_text(r, set, plain, n);
	free(plain);
	return rc;
}

static int add_element(
	struct json_reading *r, struct rrset *set, struct json_object *element, enum member member)
{
	if (json_object_is_type(element, json_type_object))
		return json_add_fields(r, set, element);
	if (!is_string(element))
		return json_refuse(r, "data is neither a string nor an object");
	const char *text = json_object_get_string(element);
	if (member == MEMBER_VALUES && r->question->type == TYPE_TXT && text[0] != '"')
		return add_octodns_text(r, set, text, length_of(element));
	return json_add_text(r, set, text, length_of(element));
}

/* One element, or a list of them. */
static int add_elements(
	struct json_reading *r, struct rrset *set, struct json_object *value, enum member member)
{
	if (!json_object_is_type(value, json_type_array))
		return add_element(r, set, value, member);
	for (size_t i = 0; i < json_object_array_length(value); i++) {
		int rc = add_element(r, set, json_object_array_get_idx(value, i), member);
		if (rc < 0)
			return rc;
	}
	return 0;
}

static int add_set(struct json_reading *r, const struct rrset *from)
{
	size_t cursor = 0, len;
	const uint8_t *rdata;
	while (rrset_next(from, &cursor, &rdata, &len)) {
		int rc = rrset_add(r->set, rdata, len);
		if (rc < 0) {
			r->why = "the set is larger than a DNS message";
			return rc;
		}
	}
	return 0;
}

/* `jq '.data[0]="…"'` leaves the old rdata beside the new data: what was edited is meant. */
static int add_edited(struct json_reading *r, const struct rrset *data, const struct rrset *rdata)
{
	if (rrset_same_data(data, rdata))
		return add_set(r, data);
	if (r->standing && rrset_same_data(rdata, r->standing))
		return add_set(r, data);
	if (r->standing && rrset_same_data(data, r->standing))
		return add_set(r, rdata);
	return json_refuse(r, "data and rdata differ, and it is not clear which one was changed");
}

static int add_both(struct json_reading *r, struct json_object *data, struct json_object *rdata)
{
	struct rrset *from_data = rrset_create(r->question, 0);
	struct rrset *from_rdata = rrset_create(r->question, 0);
	int rc = from_data && from_rdata ? 0 : -ENOMEM;
	if (rc == 0)
		rc = add_elements(r, from_data, data, MEMBER_DATA);
	if (rc == 0)
		rc = add_elements(r, from_rdata, rdata, MEMBER_RDATA);
	if (rc == 0)
		rc = add_edited(r, from_data, from_rdata);
	rrset_destroy(from_data);
	rrset_destroy(from_rdata);
	return rc;
}

/* PowerDNS: {"content":"…","disabled":false}. What is disabled is not served there either. */
static int add_record(struct json_reading *r, struct json_object *record)
{
	struct json_object *content = NULL;
	bool disabled = false;
	if (!json_object_is_type(record, json_type_object))
		return json_refuse(r, "an element of records is not an object");
	json_object_object_foreach(record, key, value)
	{
		if (strcmp(key, "content") == 0 && is_string(value))
			content = value;
		else if (strcmp(key, "disabled") == 0 &&
			 json_object_is_type(value, json_type_boolean))
			disabled = json_object_get_boolean(value);
		else if (strcmp(key, "modified_at") != 0)
			return json_refuse(r, "an element of records has an unknown member");
	}
	if (!content)
		return json_refuse(r, "an element of records has no content");
	return disabled ? 0
			: json_add_text(
				  r, r->set, json_object_get_string(content), length_of(content));
}

static int add_records(struct json_reading *r, struct json_object *records)
{
	if (!json_object_is_type(records, json_type_array))
		return json_refuse(r, "records is not a list");
	for (size_t i = 0; i < json_object_array_length(records); i++) {
		int rc = add_record(r, json_object_array_get_idx(records, i));
		if (rc < 0)
			return rc;
	}
	return 0;
}

static bool is_own_name(const struct json_reading *r, struct json_object *value)
{
	struct name name;
	return is_string(value) &&
	       name_from_text(json_object_get_string(value), length_of(value), &name) == 0 &&
	       name_equal(&name, &r->question->name);
}

static bool is_own_type(const struct json_reading *r, struct json_object *value)
{
	return is_string(value) &&
	       json_names_type(json_object_get_string(value), length_of(value), r->question->type);
}

/* Sorts the members by what they are; several spellings of one are as bad as a key twice. */
static int sort_members(struct json_reading *r, struct json_object *object,
	struct json_object *ret_found[MEMBER_KINDS])
{
	json_object_object_foreach(object, key, value)
	{
		size_t i = 0;
		while (i < sizeof(members) / sizeof(members[0]) &&
			strcmp(members[i].name, key) != 0)
			i++;
		if (i == sizeof(members) / sizeof(members[0]))
			return json_refuse(r, "there is a member that is not known");
		enum member member = members[i].member;
		if (member == MEMBER_IGNORED)
			continue;
		if (!value)
			return json_refuse(r, "a member is null");
		if (ret_found[member])
			return json_refuse(r, "value and values are given");
		ret_found[member] = value;
	}
	return 0;
}

static int check_question(struct json_reading *r, struct json_object *const found[MEMBER_KINDS])
{
	struct json_object *class = found[MEMBER_CLASS];
	if (found[MEMBER_NAME] && !is_own_name(r, found[MEMBER_NAME]))
		return json_refuse(r, "the name is not that of the file");
	if (found[MEMBER_TYPE] && !is_own_type(r, found[MEMBER_TYPE]))
		return json_refuse(r, "the type is not that of the file");
	if (class && !(is_string(class) && json_names_class(json_object_get_string(class),
						   length_of(class), r->question->class)))
		return json_refuse(r, "the class is not that of the file");
	/* DELETE would be rm's. */
	if (found[MEMBER_CHANGE] &&
		!(is_string(found[MEMBER_CHANGE]) &&
			strcmp(json_object_get_string(found[MEMBER_CHANGE]), "REPLACE") == 0))
		return json_refuse(r, "changetype is not REPLACE");
	if (!found[MEMBER_TTL])
		return 0;
	if (!json_object_is_type(found[MEMBER_TTL], json_type_int))
		return json_refuse(r, "the TTL is not a whole number");
	return json_give_ttl(r, json_object_get_int64(found[MEMBER_TTL]));
}

static int read_set(struct json_reading *r, struct json_object *object)
{
	struct json_object *found[MEMBER_KINDS] = {NULL};
	int rc = sort_members(r, object, found);
	if (rc == 0)
		rc = check_question(r, found);
	if (rc < 0)
		return rc;
	struct json_object *data = found[MEMBER_DATA], *rdata = found[MEMBER_RDATA];
	int forms = (data || rdata) + (found[MEMBER_VALUES] != NULL) +
		    (found[MEMBER_RECORDS] != NULL);
	if (forms != 1)
		return json_refuse(
			r, forms ? "several members hold data" : "there is no data in the object");
	if (found[MEMBER_VALUES])
		return add_elements(r, r->set, found[MEMBER_VALUES], MEMBER_VALUES);
	if (found[MEMBER_RECORDS])
		return add_records(r, found[MEMBER_RECORDS]);
	if (data && rdata)
		return add_both(r, data, rdata);
	return data ? add_elements(r, r->set, data, MEMBER_DATA)
		    : add_elements(r, r->set, rdata, MEMBER_RDATA);
}

/* A PowerDNS zone or patch: the set of this name and type, the others are not ours. */
static int read_rrsets(struct json_reading *r, struct json_object *rrsets)
{
	if (!json_object_is_type(rrsets, json_type_array))
		return json_refuse(r, "rrsets is not a list");
	for (size_t i = 0; i < json_object_array_length(rrsets); i++) {
		struct json_object *set = json_object_array_get_idx(rrsets, i), *name, *type;
		if (!json_object_is_type(set, json_type_object) ||
			!json_object_object_get_ex(set, "name", &name) ||
			!json_object_object_get_ex(set, "type", &type))
			return json_refuse(r, "an element of rrsets has no name and type");
		int rc = is_own_name(r, name) && is_own_type(r, type) ? read_set(r, set) : 0;
		if (rc < 0)
			return rc;
	}
	return 0;
}

static int read_object(struct json_reading *r, struct json_object *object)
{
	struct json_object *rrsets;
	if (json_object_object_get_ex(object, "__type__", NULL))
		return json_read_payload(r, object);
	if (json_object_object_get_ex(object, "Answer", NULL) ||
		json_object_object_get_ex(object, "Status", NULL))
		return json_read_dns_json(r, object);
	if (!json_object_object_get_ex(object, "rrsets", &rrsets))
		return read_set(r, object);
	if (json_object_object_length(object) != 1)
		return json_refuse(r, "there is a member beside rrsets");
	return read_rrsets(r, rrsets);
}

int json_read_value(struct json_reading *r, struct json_object *value)
{
	if (json_object_is_type(value, json_type_object))
		return read_object(r, value);
	if (json_object_array_length(value) &&
		json_object_is_type(json_object_array_get_idx(value, 0), json_type_array))
		return json_read_2009(r, value);
	for (size_t i = 0; i < json_object_array_length(value); i++) {
		struct json_object *element = json_object_array_get_idx(value, i);
		int rc = json_object_is_type(element, json_type_object)
				 ? read_object(r, element)
				 : add_element(r, r->set, element, MEMBER_DATA);
		if (rc < 0)
			return rc;
	}
	return 0;
}
