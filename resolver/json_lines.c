/* Text: one record a line, `[TTL] RDATA` or `[owner] [TTL] [class] TYPE RDATA`.
 *
 * Where a first number could be a TTL or belong to the data, the line is read both ways, and
 * refused if both make sense; what is a TTL is never guessed. */
#include "resolver/json_reading.h"
#include "resolver/json_scan.h"
#include "resolver/rdata_text.h"

#include <errno.h>
#include <json-c/json.h>
#include <string.h>

/* `[owner] [TTL] [class] TYPE` of a master file's line (RFC 1035, 5.1). */
struct prefix {
	bool has_owner, has_ttl, has_class;
	struct zone_token owner;
	uint32_t ttl;
	size_t end; /* where RDATA begins */
};

static bool names_any_type(struct zone_token word, uint16_t own)
{
	uint16_t type;
	return type_from_text(word.text, word.len, &type) ||
	       json_names_type(word.text, word.len, own);
}

static bool names_any_class(struct zone_token word, uint16_t own)
{
	uint16_t class;
	return class_from_text(word.text, word.len, &class) ||
	       json_names_class(word.text, word.len, own);
}

static size_t skip_blanks(const char *text, size_t len, size_t at)
{
	while (at < len && (text[at] == ' ' || text[at] == '\t'))
		at++;
	return at;
}

/* 1, 0: the line has no such beginning, -EINVAL: it has, but is of another class or type. */
static int read_prefix(struct json_reading *r, const char *text, size_t len, struct prefix *p)
{
	const struct question *q = r->question;
	struct zone_line line = {text, len, 0};
	struct zone_token word;
	*p = (struct prefix){0};
	for (int i = 0; zone_token_next(&line, &word) == 1; i++) {
		if (!p->has_ttl && zone_number(word, UINT32_MAX, &p->ttl) == 0) {
			p->has_ttl = true;
		} else if (!p->has_class && names_any_class(word, q->class)) {
			p->has_class = true;
			if (!json_names_class(word.text, word.len, q->class))
				return json_refuse(r, "the class is not that of the file");
		} else if (names_any_type(word, q->type)) {
			p->end = skip_blanks(text, len, line.pos);
			if (json_names_type(word.text, word.len, q->type))
				return 1;
			return json_refuse(r, "the type is not that of the file");
		} else if (i == 0) {
			p->has_owner = true;
			p->owner = word;
		} else {
			return 0;
		}
	}
	return 0;
}

static bool names_owner(const struct json_reading *r, struct zone_token word)
{
	struct name name;
	return name_from_text(word.text, word.len, &name) == 0 &&
	       name_equal(&name, &r->question->name);
}

static int add_behind_prefix(
	struct json_reading *r, const struct prefix *p, const char *text, size_t len)
{
	int rc = 0;
	if (p->has_owner && !names_owner(r, p->owner))
		return json_refuse(r, "the owner is not the name of the file");
	if (p->has_ttl)
		rc = json_give_ttl(r, p->ttl);
	return rc < 0 ? rc : json_add_text(r, r->set, text + p->end, len - p->end);
}

static bool is_rdata(struct json_reading *r, const char *text, size_t len)
{
	uint16_t type = r->question->type;
	return rdata_from_text(type, text, len, &r->rdata, &r->why) == 0 &&
	       packet_rdata_valid(type, r->rdata.bytes, r->rdata.len);
}

/* Whether the line begins with a number, and where what follows it begins. */
static bool read_ttl(const char *text, size_t len, uint32_t *ret_ttl, size_t *ret_end)
{
	struct zone_line line = {text, len, 0};
	struct zone_token word;
	if (zone_token_next(&line, &word) != 1 || zone_number(word, UINT32_MAX, ret_ttl) < 0)
		return false;
	*ret_end = skip_blanks(text, len, line.pos);
	return *ret_end < len;
}

/* A TXT line is one string, whole, unless it cannot be meant so: when a quote opens it, when a TTL
 * stands before the quote, when it is a master file's line with owner and type. */
static int read_txt_line(struct json_reading *r, const char *text, size_t len)
{
	struct prefix p;
	uint32_t ttl;
	size_t end;
	if (text[0] == '"')
		return json_add_text(r, r->set, text, len);
	if (read_ttl(text, len, &ttl, &end) && text[end] == '"' &&
		is_rdata(r, text + end, len - end)) {
		int rc = json_give_ttl(r, ttl);
		return rc < 0 ? rc : json_add(r, r->set);
	}
	int found = read_prefix(r, text, len, &p);
	if (found && p.has_owner &&
		(p.owner.text[p.owner.len - 1] == '.' || names_owner(r, p.owner)))
		return found < 0 ? found : add_behind_prefix(r, &p, text, len);
	return json_add_text(r, r->set, text, len);
}

static int read_plain_line(struct json_reading *r, const char *text, size_t len)
{
	struct prefix p;
	uint32_t ttl = 0;
	size_t end = 0;
	bool numbered = read_ttl(text, len, &ttl, &end);
	bool behind_ttl = numbered && is_rdata(r, text + end, len - end);
	bool whole = is_rdata(r, text, len);
	if (whole && behind_ttl)
		return json_refuse(r, "the first number may be a TTL or data: write JSON");
	if (whole)
		return json_add(r, r->set);
	if (behind_ttl) {
		int rc = json_give_ttl(r, ttl);
		return rc < 0 ? rc : json_add_text(r, r->set, text + end, len - end);
	}
	const char *why = r->why;
	int found = read_prefix(r, text, len, &p);
	if (found == 0)
		return json_refuse(r, why);
	return found < 0 ? found : add_behind_prefix(r, &p, text, len);
}

/* A line that is exactly one JSON string means its content: 1 when it is, 0 when not. */
static int read_json_line(struct json_reading *r, const char *text, size_t len)
{
	struct json_scan scan;
	bool oom;
	if (text[0] != '"' || json_scan(text, len, &scan) != JSON_COMPLETE || scan.len != len)
		return 0;
	struct json_object *value = json_parse(text, len, &oom);
	if (!value)
		return oom ? -ENOMEM : 0;
	int rc = json_add_text(r, r->set, json_object_get_string(value),
		(size_t)json_object_get_string_len(value));
	json_object_put(value);
	return rc < 0 ? rc : 1;
}

static int read_line(struct json_reading *r, const char *text, size_t len)
{
	size_t start = skip_blanks(text, len, 0);
	text += start;
	len -= start;
	while (len && (text[len - 1] == ' ' || text[len - 1] == '\t' || text[len - 1] == '\r'))
		len--;
	if (len == 0 || text[0] == ';')
		return 0;
	int rc = read_json_line(r, text, len);
	if (rc)
		return rc < 0 ? rc : 0;
	return r->question->type == TYPE_TXT ? read_txt_line(r, text, len)
					     : read_plain_line(r, text, len);
}

int json_read_lines(struct json_reading *r, const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		uint8_t c = (uint8_t)text[i];
		if ((c < 0x20 && c != '\t' && c != '\n' && c != '\r') || c == 0x7f)
			return json_refuse(r, "there is a control character in it");
	}
	while (len) {
		const char *newline = memchr(text, '\n', len);
		size_t n = newline ? (size_t)(newline - text) : len;
		int rc = read_line(r, text, n);
		if (rc < 0)
			return rc;
		n += newline != NULL;
		text += n;
		len -= n;
	}
	return 0;
}
