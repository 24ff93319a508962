/* The lines of .kadns/claims: what lies in a plain name's slot. */
#include <errno.h>
#include <string.h>

#include "resolver/claim_check.h"
#include "resolver/clock.h"
#include "resolver/explain.h"
#include "resolver/rdata_text.h"
#include "resolver/resolver_inside.h"
#include "resolver/text.h"
#include "resolver/trace.h"

bool explain_claims_held(struct resolver *r, const struct question *q)
{
	return policy_when(&r->config.policy, q, CACHE_SLOT) == ASK_NEVER ||
	       memory_cached(r, q, CACHE_SLOT, true);
}

static const char *kind_text(enum claim_kind kind)
{
	switch (kind) {
	case CLAIM_KEY:
		return "key";
	case CLAIM_ZONE:
		return "zone";
	case CLAIM_UNSIGNED:
		return "none";
	}
	return "none";
}

static void put_data(struct text *t, const struct rrset *set)
{
	struct text line = {0};
	size_t cursor = 0, len;
	const uint8_t *rdata;
	text_format(t, ",\"ttl\":%u,\"data\":[", set->ttl);
	for (size_t i = 0; rrset_next(set, &cursor, &rdata, &len); i++) {
		text_puts(t, i ? "," : "");
		line.len = 0;
		rdata_to_text(set->question.type, rdata, len, &line);
		text_json_string(t, line.bytes, line.len);
	}
	text_puts(t, "]");
	t->failed |= line.failed;
	text_destroy(&line);
}

/* A key's signer is shown as a key, so that it can be compared with that of a record. */
static void put_signer(struct text *t, const struct claim *claim)
{
	char name[NAME_TEXT_MAX];
	if (claim->kind == CLAIM_UNSIGNED)
		return;
	text_puts(t, ",\"signer\":");
	if (claim->kind == CLAIM_KEY) {
		key_to_text(claim->key, name);
		text_json_string(t, name, NAME_KEY_TEXT);
	} else {
		text_json_string(t, name, name_to_absolute(&claim->signer, name));
	}
}

static void put_claim(struct text *t, const struct trace_claim *c, bool own)
{
	const struct claim *claim = &c->claim;
	int64_t now = clock_wall() / (int64_t)SECOND;
	text_format(t, "{\"signed\":\"%s\"", kind_text(claim->kind));
	put_signer(t, claim);
	text_format(t, ",\"inception\":%lld", (long long)serial_time(claim->inception, now));
	if (c->verdict != CLAIM_NOT_FETCHED) /* of which only the beginning is known */
		text_format(t, ",\"expiration\":%lld",
			(long long)serial_time(claim->expiration, now));
	if (claim->nodes)
		text_format(t, ",\"nodes\":%u", claim->nodes);
	if (claim->set)
		put_data(t, claim->set);
	if (own)
		text_puts(t, ",\"own\":true");
	text_format(t, ",\"verdict\":\"%s\"}\n", claim_verdict_text(c->verdict));
}

int explain_claims(
	struct resolver *r, const struct explain_question *e, char **ret_text, size_t *ret_len)
{
	struct text t = {0};
	uint8_t key[NAME_KEY_LEN];
	/* Who has never written here has no claim of his own, and perhaps no key yet: it must not
	 * be made for this. */
	bool has_key = e->view != VIEW_DOOR && r->parts.publisher &&
		       own_find(r->parts.own, e->view, e->question) &&
		       publish_key(r->parts.publisher, e->view, key) == 0;
	if (policy_when(&r->config.policy, e->question, CACHE_SLOT) == ASK_NEVER)
		return -EOPNOTSUPP;
	const struct answer *a = memory_cached(r, e->question, CACHE_SLOT, true);
	if (!a)
		return e->outcome ? e->outcome : -EAGAIN;
	if (a->error && a->error != -ENOENT)
		return a->error;
	for (size_t i = 0; a->trace && i < a->trace->claims_len; i++) {
		const struct trace_claim *c = &a->trace->claims[i];
		bool own = has_key && c->claim.kind == CLAIM_KEY &&
			   memcmp(key, c->claim.key, sizeof(key)) == 0;
		put_claim(&t, c, own);
	}
	text_put(&t, "", 1); /* so that there is a text when there is no claim */
	if (t.failed) {
		text_destroy(&t);
		return -ENOMEM;
	}
	r->counters.explained++;
	*ret_text = t.bytes;
	*ret_len = t.len - 1;
	return 0;
}
