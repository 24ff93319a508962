/* DNS messages as text, for tests: one record a line, in and out alike.
 *
 *   an www.example 300 CNAME web.example       section (an, au, ad), owner, TTL, type, data
 *   an web.example 60 A 192.0.2.1              CNAME, DNAME, NS: a name; TXT: a word
 *   an web.example 60 RRSIG A/2/example        type covered / labels / signer
 *   an web.example 60 RRSIG A/2/example/60/1/2 the same / original TTL / inception / expiration
 *   au example 900 SOA 300                     MINIMUM
 *   au a.example 900 NSEC b.example            the next name; NSEC3: a number, which is its hash
 *   ad . 0 OPT 1                               upper bits of the rcode
 */
#ifndef TESTS_MESSAGE_TEXT_H
#define TESTS_MESSAGE_TEXT_H

#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "resolver/answer.h"

#define MESSAGE_TEXT_MAX (1 << 20)

static inline struct name name_of(const char *text)
{
	struct name name;
	assert_int_equal(name_from_text(text, strlen(text), &name), 0);
	return name;
}

/* "www.example A" */
static inline struct question question_of(const char *text)
{
	struct question q = {.class = CLASS_IN};
	const char *type = strchr(text, ' ') + 1;
	char name[NAME_TEXT_MAX];
	snprintf(name, sizeof(name), "%.*s", (int)(type - 1 - text), text);
	q.name = name_of(name);
	assert_true(type_from_text(type, strlen(type), &q.type));
	return q;
}

static inline void append(uint8_t *rdata, size_t *len, const void *bytes, size_t n)
{
	memcpy(rdata + *len, bytes, n);
	*len += n;
}

static inline void append_name(uint8_t *rdata, size_t *len, const char *text)
{
	struct name name = name_of(text);
	append(rdata, len, name.wire, name.len);
}

static inline void rrsig_from_text(char *text, uint8_t *rdata, size_t *len)
{
	uint16_t type;
	char *labels = strchr(text, '/'), *signer = strchr(labels + 1, '/');
	unsigned long ttl = 0, inception = 0, expiration = 0;
	*labels++ = *signer++ = '\0';
	char *times = strchr(signer, '/');
	if (times) {
		*times++ = '\0';
		assert_int_equal(sscanf(times, "%lu/%lu/%lu", &ttl, &inception, &expiration), 3);
	}
	assert_true(type_from_text(text, strlen(text), &type));
	uint8_t fixed[18] = {(uint8_t)(type >> 8), (uint8_t)type, 13, (uint8_t)atoi(labels)};
	uint32_t numbers[] = {
		htonl((uint32_t)ttl), htonl((uint32_t)expiration), htonl((uint32_t)inception)};
	memcpy(fixed + 4, numbers, sizeof(numbers));
	append(rdata, len, fixed, sizeof(fixed));
	static const char signature[64] = "signature";
	append_name(rdata, len, signer);
	append(rdata, len, signature, sizeof(signature));
}

static inline void rdata_from_text(uint16_t type, char *text, uint8_t *rdata, size_t *len)
{
	static const uint8_t bitmap[] = {0, 1, 0x40};
	uint32_t number = htonl((uint32_t)strtoul(text, NULL, 10));
	switch (type) {
	case TYPE_A:
		assert_int_equal(inet_pton(AF_INET, text, rdata), 1);
		*len = 4;
		break;
	case TYPE_TXT:
		rdata[(*len)++] = (uint8_t)strlen(text);
		append(rdata, len, text, strlen(text));
		break;
	case TYPE_SOA:
		append(rdata, len, "\0\0\0\0\0\1\0\0\0\2\0\0\0\3\0\0\0\4", 18);
		append(rdata, len, &number, 4);
		break;
	case TYPE_RRSIG:
		rrsig_from_text(text, rdata, len);
		break;
	case TYPE_NSEC:
		append_name(rdata, len, text);
		append(rdata, len, bitmap, sizeof(bitmap));
		break;
	case TYPE_NSEC3:
		append(rdata, len, "\1\0\0\0\0\4", 6);
		append(rdata, len, &number, 4);
		append(rdata, len, bitmap, sizeof(bitmap));
		break;
	case TYPE_OPT:
		break;
	default:
		append_name(rdata, len, text);
	}
}

static inline void put_line(struct packet_writer *w, const char *line)
{
	char section[3], owner[NAME_TEXT_MAX], type[TYPE_TEXT_MAX], data[NAME_TEXT_MAX];
	uint8_t rdata[1024];
	struct rr rr = {.class = CLASS_IN, .rdata = rdata};
	size_t len = 0;
	int fields = sscanf(line, "%2s %1023s %u %15s %1023s", section, owner, &rr.ttl, type, data);
	assert_int_equal(fields, 5);
	rr.section = !strcmp(section, "an")   ? PACKET_ANSWER
		     : !strcmp(section, "au") ? PACKET_AUTHORITY
					      : PACKET_ADDITIONAL;
	rr.owner = name_of(owner);
	assert_true(type_from_text(type, strlen(type), &rr.type));
	rdata_from_text(rr.type, data, rdata, &len);
	rr.rdata_len = (uint16_t)len;
	if (rr.type == TYPE_OPT)
		rr.ttl = (uint32_t)atoi(data) << 24;
	packet_put(w, &rr);
}

/* Length of the message; it is compressed. */
static inline size_t message_from_text(const struct question *q, uint16_t flags, const char *lines,
	uint8_t ret_message[PACKET_MAX])
{
	struct packet_writer w;
	packet_begin(&w, ret_message, PACKET_MAX, true);
	packet_put_question(&w, q);
	for (const char *line = lines; *line; line = strchr(line, '\n') + 1)
		put_line(&w, line);
	int len = packet_end(&w, 0, flags);
	assert_true(len > 0);
	return (size_t)len;
}

static inline void name_text(const uint8_t *rdata, size_t len, size_t offset, char *ret_text)
{
	struct name name;
	assert_int_equal(name_from_wire(rdata, len, &offset, &name), 0);
	if (name.len > 1)
		name_to_text(&name, ret_text);
	else
		strcpy(ret_text, ".");
}

static inline void rdata_to_text(const struct rr *rr, char ret_text[NAME_TEXT_MAX + 32])
{
	char type[TYPE_TEXT_MAX];
	const uint8_t *d = rr->rdata;
	int used;
	switch (rr->type) {
	case TYPE_A:
		inet_ntop(AF_INET, d, ret_text, NAME_TEXT_MAX);
		break;
	case TYPE_TXT:
		sprintf(ret_text, "%.*s", d[0], (const char *)d + 1);
		break;
	case TYPE_SOA:
		d += rr->rdata_len - 4;
		sprintf(ret_text, "%u", (unsigned)d[0] << 24 | d[1] << 16 | d[2] << 8 | d[3]);
		break;
	case TYPE_RRSIG:
		used = sprintf(
			ret_text, "%s/%u/", type_to_text((uint16_t)(d[0] << 8 | d[1]), type), d[3]);
		name_text(d, rr->rdata_len, 18, ret_text + used);
		break;
	case TYPE_NSEC3:
		sprintf(ret_text, "%u", (unsigned)d[6] << 24 | d[7] << 16 | d[8] << 8 | d[9]);
		break;
	default:
		name_text(d, rr->rdata_len, 0, ret_text);
	}
}

/* All records, in their order; malloc'd. */
static inline char *message_to_text(const uint8_t *message, size_t len)
{
	static const char sections[][3] = {"an", "au", "ad"};
	struct packet_reader reader;
	struct question q;
	struct rr rr;
	char *text = malloc(MESSAGE_TEXT_MAX);
	size_t used = 0;
	int more;
	assert_non_null(text);
	text[0] = '\0';
	assert_int_equal(packet_open(&reader, message, len), 0);
	assert_int_equal(packet_question(&reader, &q, NULL), 0);
	while ((more = packet_next(&reader, &rr)) == 1) {
		char owner[NAME_TEXT_MAX], type[TYPE_TEXT_MAX], data[NAME_TEXT_MAX + 32];
		name_text(rr.owner.wire, rr.owner.len, 0, owner);
		rdata_to_text(&rr, data);
		assert_true(used + 3000 < MESSAGE_TEXT_MAX);
		used += (size_t)sprintf(text + used, "%s %s %u %s %s\n", sections[rr.section],
			owner, rr.ttl, type_to_text(rr.type, type), data);
	}
	assert_int_equal(more, 0);
	assert_true(packet_at_end(&reader));
	return text;
}

/* message[i] of an answer has these records and no others. */
static inline void assert_records(const struct answer *a, int i, const char *lines)
{
	char *text = message_to_text(a->message[i].bytes, a->message[i].len);
	assert_string_equal(text, lines);
	free(text);
}

#endif
