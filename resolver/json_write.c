/* Writing: the line for an answer. Every byte of it is made in text.c, so that nothing of a
 * stranger's reaches a terminal unescaped. */
#include "resolver/json.h"

#include "resolver/rdata_fields.h"
#include "resolver/rdata_text.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define CNAMES_MAX 16 /* longer chains are no answer to begin with */

static void put_name(struct text *t, const struct name *name)
{
	char buf[NAME_TEXT_MAX];
	size_t len = name_to_absolute(name, buf);
	text_json_string(t, buf, len);
}

static void put_data(struct text *t, const struct rrset *set)
{
	struct text line = {0};
	size_t cursor = 0, len;
	const uint8_t *rdata;
	text_puts(t, ",\"data\":[");
	while (rrset_next(set, &cursor, &rdata, &len)) {
		line.len = 0;
		rdata_to_text(set->question.type, rdata, len, &line);
		text_json_string(t, line.bytes, line.len);
		if (cursor < set->data_len)
			text_puts(t, ",");
	}
	text_puts(t, "]");
	t->failed |= line.failed;
	text_destroy(&line);
}

static void put_rdata(struct text *t, const struct rrset *set)
{
	size_t cursor = 0, len;
	const uint8_t *rdata;
	text_puts(t, ",\"rdata\":[");
	while (rrset_next(set, &cursor, &rdata, &len)) {
		rdata_to_fields(set->question.type, rdata, len, t);
		if (cursor < set->data_len)
			text_puts(t, ",");
	}
	text_puts(t, "]");
}

static void put_cnames(struct text *t, const struct answer *a)
{
	struct name chain[CNAMES_MAX];
	size_t n = answer_cnames(a, chain, CNAMES_MAX);
	if (n == 0)
		return;
	text_puts(t, ",\"cname\":[");
	for (size_t i = 0; i < n && i < CNAMES_MAX; i++) {
		if (i)
			text_puts(t, ",");
		put_name(t, &chain[i]);
	}
	text_puts(t, "]");
}

static void put_origin(struct text *t, const struct answer *a)
{
	text_format(t, ",\"source\":\"%s\",\"trust\":\"%s\"", answer_source_text(a->source),
		answer_trust_text(a->trust));
	if (a->has_signer) {
		char key[NAME_KEY_TEXT + 1];
		key_to_text(a->signer, key);
		text_format(t, ",\"signer\":\"%s\"", key);
	}
	if (a->seq)
		text_format(t, ",\"seq\":%lld", (long long)a->seq);
	if (a->expires)
		text_format(t, ",\"expires\":%lld", (long long)a->expires);
}

int json_write(const struct answer *a, const char *extra, char **ret_text, size_t *ret_len)
{
	const struct question q = answer_question(a);
	char class[TYPE_TEXT_MAX], type[TYPE_TEXT_MAX];
	struct rrset *set;
	struct text t = {0};
	if (a->error)
		return a->error;
	int rc = answer_rrset(a, &set);
	if (rc < 0)
		return rc;
	text_puts(&t, "{\"name\":");
	put_name(&t, &q.name);
	text_format(&t, ",\"class\":\"%s\",\"type\":\"%s\",\"ttl\":%u",
		class_to_text(q.class, class), type_to_text(q.type, type), a->ttl);
	put_data(&t, set);
	put_rdata(&t, set);
	put_cnames(&t, a);
	put_origin(&t, a);
	if (extra && *extra) {
		text_puts(&t, ",");
		text_puts(&t, extra);
	}
	text_puts(&t, "}\n");
	rrset_destroy(set);
	if (t.failed) {
		text_destroy(&t);
		return -ENOMEM;
	}
	*ret_text = t.bytes;
	*ret_len = t.len;
	return 0;
}

int json_rdata_text(
	uint16_t type, uint16_t class, const uint8_t *rdata, size_t len, char **ret_text)
{
	struct text t = {0};
	(void)class; /* no class has an RDATA format of its own here */
	rdata_to_text(type, rdata, len, &t);
	text_put(&t, "", 1);
	if (t.failed) {
		text_destroy(&t);
		return -ENOMEM;
	}
	*ret_text = t.bytes;
	return 0;
}
