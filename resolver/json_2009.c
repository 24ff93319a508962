/* Records in the JSON of 2009, one by one into a message. */
#include "resolver/json_2009.h"

#include <errno.h>
#include <json-c/json.h>
#include <string.h>
#include <strings.h>

#include "resolver/json_reading.h"
#include "resolver/json_scan.h"
#include "resolver/rdata_fields.h"

struct making {
	struct packet_writer writer;
	struct question question;
	unsigned records;
	bool missing; /* a record that was asked for could not be written then */
	const char *why;
	struct rdata rdata;
};

static int refuse(struct making *m, const char *why)
{
	m->why = why;
	return -EBADMSG;
}

/* NULL: there is none, or no text. */
static const char *text_of(struct json_object *object, const char *key, size_t *ret_len)
{
	struct json_object *value;

	if (!json_object_object_get_ex(object, key, &value) ||
		!json_object_is_type(value, json_type_string))
		return NULL;
	*ret_len = (size_t)json_object_get_string_len(value);
	return json_object_get_string(value);
}

/* Twisted's TTLs are numbers; anything that is none, or is no TTL, is not kept. */
static uint32_t ttl_of(struct json_object *record)
{
	struct json_object *value;

	if (!json_object_object_get_ex(record, "ttl", &value) ||
		!json_object_is_type(value, json_type_int))
		return 0;
	int64_t ttl = json_object_get_int64(value);
	return ttl < 0 || ttl > TTL_MAX ? 0 : (uint32_t)ttl;
}

static bool is_unwritten(struct json_object *payload)
{
	struct json_object *flag;

	return json_object_object_get_ex(payload, "notimplemented", &flag);
}

static int read_head(struct making *m, struct json_object *record, struct rr *rr)
{
	size_t name_len, type_len;
	const char *name = text_of(record, "name", &name_len), *type;

	type = text_of(record, "type", &type_len);
	if (!name || name_from_text(name, name_len, &rr->owner))
		return refuse(m, "a record in its JSON has no name");
	if (!type || !type_from_text(type, type_len, &rr->type) || type_is_meta(rr->type))
		return refuse(m, "a record in its JSON has no type");
	rr->ttl = ttl_of(record);
	rr->class = CLASS_IN;
	return 0;
}

static int put_record(struct making *m, struct json_object *record, enum packet_section section)
{
	struct json_object *payload;
	struct rr rr = {.section = section};
	size_t class_len;
	const char *class = text_of(record, "cls", &class_len), *why;

	if (++m->records > JSON_RECORDS_MAX)
		return refuse(m, "there are too many records in its JSON");
	if (!json_object_is_type(record, json_type_object))
		return refuse(m, "a record in its JSON is no object");
	if (class && !json_names_class(class, class_len, CLASS_IN))
		return 0;
	int r = read_head(m, record, &rr);
	if (r < 0)
		return r;
	if (!json_object_object_get_ex(record, "payload", &payload) ||
		!json_object_is_type(payload, json_type_object))
		return refuse(m, "a record in its JSON has no payload");
	if (is_unwritten(payload)) {
		m->missing = m->missing ||
			     (section == PACKET_ANSWER &&
				     (rr.type == m->question.type || m->question.type == TYPE_ANY));
		return 0;
	}
	r = rdata_from_fields(rr.type, payload, &m->rdata, &why);
	if (r == -ENOMEM)
		return r;
	if (r < 0 || !packet_rdata_valid(rr.type, m->rdata.bytes, m->rdata.len))
		return refuse(m, "a record in its JSON has not the fields of its type");
	rr.rdata = m->rdata.bytes;
	rr.rdata_len = (uint16_t)m->rdata.len;
	packet_put(&m->writer, &rr);
	return 0;
}

static int put_lists(struct making *m, struct json_object *lists)
{
	if (!json_object_is_type(lists, json_type_array) || json_object_array_length(lists) != 3)
		return refuse(m, "its JSON is not three lists");
	for (size_t i = 0; i < 3; i++) {
		struct json_object *list = json_object_array_get_idx(lists, i);

		if (!json_object_is_type(list, json_type_array))
			return refuse(m, "its JSON is not three lists");
		for (size_t k = 0; k < json_object_array_length(list); k++) {
			int r = put_record(
				m, json_object_array_get_idx(list, k), (enum packet_section)i);
			if (r < 0)
				return r;
		}
	}
	return 0;
}

/* json_scan bounds depth and sees to it that the value ends before json-c has it. */
static int put_text(struct making *m, const char *text, size_t len)
{
	struct json_scan scan;
	size_t at = json_skip_space(text, len, 0);
	bool oom = false;

	if (len > JSON_INPUT_MAX || at == len || text[at] != '[' ||
		json_scan(text + at, len - at, &scan) != JSON_COMPLETE ||
		json_skip_space(text, len, at + scan.len) != len)
		return refuse(m, "what it sends is no JSON of 2009");
	struct json_object *lists = json_parse(text + at, scan.len, &oom);
	if (!lists)
		return oom ? -ENOMEM : refuse(m, "what it sends is no JSON of 2009");
	int r = put_lists(m, lists);
	json_object_put(lists);
	return r;
}

/* -EBADMSG: no status of 2009. */
static int rcode_of(long status)
{
	switch (status) {
	case 200:
		return RCODE_NOERROR;
	case 400:
		return RCODE_FORMERR;
	case 403:
		return RCODE_REFUSED;
	case 404:
		return RCODE_NXDOMAIN;
	case 408:
	case 500:
	case 502:
		return RCODE_SERVFAIL;
	default:
		return -EBADMSG;
	}
}

/* A page of 404 that any web server has for any path is no word about a name: in 2009 the body of
 * an error was JSON that said so, too. */
static bool is_error_of_2009(const struct reply_2009 *reply)
{
	static const char word[] = "\"__type__\"";

	return reply->len && memmem(reply->text, reply->len, word, strlen(word));
}

int json_2009_message(const struct reply_2009 *reply, const uint8_t *question, size_t question_len,
	uint8_t *ret_message, const char **ret_why)
{
	static struct making m; /* large for a stack; there is one thread */
	struct packet_reader reader;
	int rcode = rcode_of(reply->status), r = 0;

	m.records = 0;
	m.missing = false;
	*ret_why = m.why = "no memory";
	if (packet_open(&reader, question, question_len) < 0 ||
		packet_question(&reader, &m.question, NULL) < 0)
		rcode = -EBADMSG;
	if (rcode < 0 || (rcode == RCODE_NXDOMAIN && !is_error_of_2009(reply))) {
		*ret_why = "its HTTP status is none of 2009";
		return -EBADMSG;
	}
	packet_begin(&m.writer, ret_message, PACKET_MAX, true);
	packet_put_question(&m.writer, &m.question);
	if (rcode == RCODE_NOERROR)
		r = put_text(&m, reply->text, reply->len);
	if (r < 0) {
		*ret_why = m.why;
		return r;
	}
	uint16_t flags = FLAG_QR | FLAG_RA | (reader.header.flags & (FLAG_RD | FLAG_CD));
	if (m.missing) {
		packet_begin(&m.writer, ret_message, PACKET_MAX, false);
		packet_put_question(&m.writer, &m.question);
		rcode = RCODE_SERVFAIL;
	}
	int len = packet_end(&m.writer, 0, (uint16_t)(flags | rcode));
	*ret_why = "its records do not fit a DNS message";
	return len < 0 ? -EBADMSG : len;
}
