/* Extended attributes of a record. */
#include "fs/xattr.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* Each writes its value, "" where there is none. */
static void put_trust(const struct answer *a, char value[XATTR_VALUE])
{
	snprintf(value, XATTR_VALUE, "%s", answer_trust_text(a->trust));
}

static void put_signer(const struct answer *a, char value[XATTR_VALUE])
{
	if (a->has_signer)
		key_to_text(a->signer, value);
}

static void put_seq(const struct answer *a, char value[XATTR_VALUE])
{
	if (a->seq)
		snprintf(value, XATTR_VALUE, "%" PRId64, a->seq);
}

static void put_source(const struct answer *a, char value[XATTR_VALUE])
{
	snprintf(value, XATTR_VALUE, "%s", answer_source_text(a->source));
}

static void put_expires(const struct answer *a, char value[XATTR_VALUE])
{
	if (a->expires)
		snprintf(value, XATTR_VALUE, "%" PRId64, a->expires);
}

static void put_ttl(const struct answer *a, char value[XATTR_VALUE])
{
	snprintf(value, XATTR_VALUE, "%" PRIu32, a->ttl);
}

static const struct {
	const char *name;
	void (*put)(const struct answer *a, char value[XATTR_VALUE]);
} attributes[] = {
	{"user.kadns.expires", put_expires},
	{"user.kadns.seq", put_seq},
	{"user.kadns.signer", put_signer},
	{"user.kadns.source", put_source},
	{"user.kadns.trust", put_trust},
	{"user.kadns.ttl", put_ttl},
};
#define ATTRIBUTES (sizeof(attributes) / sizeof(*attributes))

int xattr_get(
	const struct answer *a, const char *name, char ret_value[XATTR_VALUE], size_t *ret_len)
{
	ret_value[0] = '\0';
	for (size_t i = 0; i < ATTRIBUTES; i++)
		if (strcmp(name, attributes[i].name) == 0)
			attributes[i].put(a, ret_value);
	*ret_len = strlen(ret_value);
	return *ret_len ? 0 : -ENODATA;
}

size_t xattr_list(const struct answer *a, char ret_names[XATTR_NAMES])
{
	size_t len = 0;
	for (size_t i = 0; i < ATTRIBUTES; i++) {
		char value[XATTR_VALUE] = "";
		size_t n = strlen(attributes[i].name) + 1;
		attributes[i].put(a, value);
		if (!*value || n > XATTR_NAMES - len)
			continue;
		memcpy(ret_names + len, attributes[i].name, n);
		len += n;
	}
	return len;
}
