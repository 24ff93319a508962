/* What the tests of json*.c and rdata*.c share: reading a draft, and what must come of it. */
#ifndef TESTS_JSON_FIXTURE_H
#define TESTS_JSON_FIXTURE_H

#include "resolver/json.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static inline struct question ask(const char *name, uint16_t type)
{
	struct question q = {.type = type, .class = CLASS_IN};
	assert_int_equal(name_from_text(name, strlen(name), &q.name), 0);
	return q;
}

/* Reads from a copy of exactly its length, so that a sanitizer sees one byte too many. */
static inline int read_copy(const char *text, const struct question *q,
	const struct rrset *standing, struct rrset **ret_set, const char **ret_why)
{
	size_t len = strlen(text);
	char *copy = malloc(len ? len : 1);
	assert_non_null(copy);
	memcpy(copy, text, len);
	int rc = json_read(copy, len, q, standing, ret_set, ret_why);
	free(copy);
	return rc;
}

static inline struct rrset *read_ok(uint16_t type, const char *text)
{
	struct question q = ask("mail.example", type);
	struct rrset *set = NULL;
	const char *why = NULL;
	int rc = read_copy(text, &q, NULL, &set, &why);
	if (rc < 0)
		fail_msg("%s: %d %s", text, rc, why);
	return set;
}

/* "TTL text|text|…" of what was read. */
static inline void expect(uint16_t type, const char *text, const char *wanted)
{
	struct rrset *set = read_ok(type, text);
	char got[4096];
	size_t n = (size_t)snprintf(got, sizeof(got), "%u", set->ttl), cursor = 0, len;
	const uint8_t *rdata;
	while (rrset_next(set, &cursor, &rdata, &len)) {
		char *line;
		assert_int_equal(json_rdata_text(type, CLASS_IN, rdata, len, &line), 0);
		n += (size_t)snprintf(got + n, sizeof(got) - n, "|%s", line);
		free(line);
	}
	rrset_destroy(set);
	if (strcmp(got, wanted) != 0)
		fail_msg("%s\n  gave   %s\n  wanted %s", text, got, wanted);
}

static inline void refuse(uint16_t type, const char *text, const char *why_part)
{
	struct question q = ask("mail.example", type);
	struct rrset *set = NULL;
	const char *why = NULL;
	int rc = read_copy(text, &q, NULL, &set, &why);
	if (rc != -EINVAL || set || !why || !strstr(why, why_part))
		fail_msg("%s: %d, %s; not \"%s\"", text, rc, why ? why : "no reason", why_part);
}

#endif
