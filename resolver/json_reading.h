/* One json_read in progress, shared by its parts: lines of text (json_lines.c) and JSON values
 * (json_forms.c, json_replies.c). Internal to json*.c. */
#ifndef RESOLVER_JSON_READING_H
#define RESOLVER_JSON_READING_H

#include "resolver/json.h"
#include "resolver/rdata.h"

struct json_object;

/* Of one draft, repetitions too. What the DHT carries of one set, 8 kB, has fewer than 512 records,
 * and our own line says each twice; a draft of 64 kB with 16,000 lines for ldns would take 0.4 s,
 * each time. */
#define JSON_RECORDS_MAX 2048

struct json_reading {
	const struct question *question;
	const struct rrset *standing; /* may be NULL */
	struct rrset *set;	      /* what was read so far */
	bool has_ttl;		      /* one was given; set->ttl is it */
	unsigned records;	      /* seen so far */
	const char *why;
	struct rdata rdata; /* for one record at a time */
};

/* Sets the reason, and is -EINVAL. */
int json_refuse(struct json_reading *r, const char *why);
/* A TTL that was given: in range, and the same as every other one. */
int json_give_ttl(struct json_reading *r, int64_t ttl);
/* Adds r->rdata. 0, -EINVAL, -EFBIG (also after JSON_RECORDS_MAX), -ENOMEM. */
int json_add(struct json_reading *r, struct rrset *set);
/* Adds zone text or an object of fields. */
int json_add_text(struct json_reading *r, struct rrset *set, const char *text, size_t len);
int json_add_fields(struct json_reading *r, struct rrset *set, struct json_object *object);

/* Does this word name the type (class) that is asked for? In any case, and as TYPEn (CLASSn) too.
 */
bool json_names_type(const char *text, size_t len, uint16_t type);
bool json_names_class(const char *text, size_t len, uint16_t class);

/* json-c, strict, for a value that json_scan found whole; NULL when it is none (*ret_oom tells). */
struct json_object *json_parse(const char *text, size_t len, bool *ret_oom);

/* Text, one record a line. */
int json_read_lines(struct json_reading *r, const char *text, size_t len);
/* An array or object in any of the forms. */
int json_read_value(struct json_reading *r, struct json_object *value);
/* Replies of others: dns-json's, and the three lists of 2009. */
int json_read_dns_json(struct json_reading *r, struct json_object *reply);
int json_read_2009(struct json_reading *r, struct json_object *lists);
int json_read_payload(struct json_reading *r, struct json_object *payload);

#endif
