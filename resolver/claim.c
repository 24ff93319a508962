/* Claims of a key: made, written, verified (RFC 4034, sections 3 and 6; RFC 8080).
 *
 * Verifying makes the bytes that an honest signer would have signed, and the RDATA that he would
 * have written, and compares: whatever is odd about an RRSIG (labels, original TTL, key tag,
 * algorithm, a signer in capitals) differs there. */
#include "resolver/claim.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "resolver/claim_check.h"
#include "resolver/packet_shape.h"

#define ALGORITHM_ED25519 15
#define SIG_LEN 64
#define RRSIG_FIXED 18 /* before the signer's name */
#define KEY_NAME_LEN (1 + NAME_KEY_TEXT + 1)
#define KEY_RRSIG_LEN (RRSIG_FIXED + KEY_NAME_LEN + SIG_LEN)

static void put16(uint8_t *at, unsigned value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
}

static void put32(uint8_t *at, uint32_t value)
{
	put16(at, value >> 16);
	put16(at + 2, value & 0xffff);
}

static uint32_t get32(const uint8_t *at)
{
	return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

int32_t serial_after(uint32_t a, uint32_t b)
{
	return (int32_t)(a - b);
}

int64_t serial_time(uint32_t serial, int64_t now)
{
	return now + serial_after(serial, (uint32_t)now);
}

int rrsig_parse(const uint8_t *rdata, size_t len, struct rrsig *ret_rrsig)
{
	size_t at = RRSIG_FIXED;

	/* A compressed signer is against RFC 4034, 3.1.7, and would be read against the wrong
	 * bytes. */
	if (len < RRSIG_FIXED || name_from_wire(rdata, len, &at, &ret_rrsig->signer) < 0 ||
		at != RRSIG_FIXED + (size_t)ret_rrsig->signer.len || at == len)
		return -EBADMSG;
	ret_rrsig->type = (uint16_t)(rdata[0] << 8 | rdata[1]);
	ret_rrsig->algorithm = rdata[2];
	ret_rrsig->labels = rdata[3];
	ret_rrsig->ttl = get32(rdata + 4);
	ret_rrsig->expiration = get32(rdata + 8);
	ret_rrsig->inception = get32(rdata + 12);
	ret_rrsig->tag = (uint16_t)(rdata[16] << 8 | rdata[17]);
	ret_rrsig->signature = at;
	return 0;
}

/* RFC 4034, appendix B, of the DNSKEY RDATA `256 3 15 <key>`. */
static uint16_t key_tag(const uint8_t key[NAME_KEY_LEN])
{
	uint32_t sum = 256 + (3 << 8 | ALGORITHM_ED25519);

	for (size_t i = 0; i < NAME_KEY_LEN; i += 2)
		sum += (uint32_t)key[i] << 8 | key[i + 1];
	return (uint16_t)(sum + (sum >> 16));
}

/* A wildcard's signature holds for every name below it: nobody may say that much of a plain name.
 */
static bool has_star(const struct name *name)
{
	for (size_t at = 0; name->wire[at]; at += 1u + name->wire[at])
		if (name->wire[at] == 1 && name->wire[at + 1] == '*')
			return true;
	return false;
}

int claim_check_set(const struct rrset *set)
{
	const struct question *q = &set->question;

	if (set->count == 0 || set->ttl > CLAIM_TTL_MAX || q->type == TYPE_RRSIG ||
		type_is_meta(q->type) || has_star(&q->name))
		return -EINVAL;
	return 0;
}

/* Everything before the signature of a key's RRSIG; returns the length. */
static size_t rrsig_begin(const struct rrset *set, const uint8_t key[NAME_KEY_LEN],
	uint32_t inception, uint32_t expiration, uint8_t ret_rdata[KEY_RRSIG_LEN])
{
	struct name signer;

	key_to_name(key, &signer);
	put16(ret_rdata, set->question.type);
	ret_rdata[2] = ALGORITHM_ED25519;
	ret_rdata[3] = (uint8_t)name_labels(&set->question.name);
	put32(ret_rdata + 4, set->ttl);
	put32(ret_rdata + 8, expiration);
	put32(ret_rdata + 12, inception);
	put16(ret_rdata + 16, key_tag(key));
	memcpy(ret_rdata + RRSIG_FIXED, signer.wire, KEY_NAME_LEN);
	return RRSIG_FIXED + KEY_NAME_LEN;
}

/* RFC 4034, 6.2 and RFC 6840, 5.1: names in the RDATA of the old types are signed in lower case.
 * They are the types whose names RFC 3597 lets a reader expand: `d` and `D` of the shapes. (Of
 * A6, historic since RFC 6563, we know no shape; it is signed as it is.) */
static void fold_rdata(uint16_t type, uint8_t *rdata, size_t len)
{
	const char *field = packet_shape(type);
	size_t at = 0;

	for (; field && *field; field++) {
		int n = packet_field(*field, rdata + at, len - at);

		if (n < 0)
			return;
		if (*field == 'd' || *field == 'D') {
			/* A length byte is at most 63, under every letter. */
			for (size_t i = at; i < at + (size_t)n; i++)
				if (rdata[i] >= 'A' && rdata[i] <= 'Z')
					rdata[i] += 'a' - 'A';
		}
		at += (size_t)n;
	}
}

/* The set in canonical form. Folding can change the order and make two records one, so the set
 * is built anew. */
static int canonical_set(const struct rrset *set, struct rrset **ret_set)
{
	struct rrset *canonical = rrset_create(&set->question, set->ttl);
	uint8_t *rdata = malloc(set->data_len);
	const uint8_t *from;
	size_t cursor = 0, len;
	int r = canonical && rdata ? 0 : -ENOMEM;

	while (r == 0 && rrset_next(set, &cursor, &from, &len)) {
		if (len)
			memcpy(rdata, from, len);
		fold_rdata(set->question.type, rdata, len);
		r = rrset_add(canonical, rdata, len);
	}
	free(rdata);
	if (r < 0)
		rrset_destroy(canonical);
	else
		*ret_set = canonical;
	return r;
}

/* A claim larger than its pieces can hold is refused before anyone signs it. */
static int check_size(const struct rrset *set, const uint8_t rrsig[KEY_RRSIG_LEN])
{
	uint8_t buf[CLAIM_BYTES_MAX], list[2 + KEY_RRSIG_LEN];
	struct claim claim = {
		.set = (struct rrset *)(uintptr_t)set, .rrsig = list, .rrsig_len = sizeof(list)};
	int r;

	put16(list, KEY_RRSIG_LEN);
	memcpy(list + 2, rrsig, KEY_RRSIG_LEN);
	r = claim_write(&claim, buf, sizeof(buf));
	return r < 0 ? r : 0;
}

/* Owner, class, type, original TTL and RDATA of each record, in canonical order, behind the
 * RDATA of the RRSIG (RFC 4034, 3.1.8.1). */
static int signed_bytes(const struct rrset *set, const uint8_t *rrsig, size_t rrsig_len,
	uint8_t **ret_bytes, size_t *ret_len)
{
	const struct name *owner = &set->question.name;
	size_t cursor = 0, len, at = rrsig_len;
	const uint8_t *rdata;
	uint8_t *bytes = malloc(rrsig_len + set->count * (owner->len + 8u) + set->data_len);

	if (!bytes)
		return -ENOMEM;
	memcpy(bytes, rrsig, rrsig_len);
	while (rrset_next(set, &cursor, &rdata, &len)) {
		memcpy(bytes + at, owner->wire, owner->len);
		at += owner->len;
		put16(bytes + at, set->question.type);
		put16(bytes + at + 2, set->question.class);
		put32(bytes + at + 4, set->ttl);
		put16(bytes + at + 8, (unsigned)len);
		at += 10;
		if (len)
			memcpy(bytes + at, rdata, len);
		at += len;
	}
	*ret_bytes = bytes;
	*ret_len = at;
	return 0;
}

int claim_to_sign(const struct rrset *set, const uint8_t key[NAME_KEY_LEN], uint32_t inception,
	uint32_t expiration, uint8_t **ret_bytes, size_t *ret_len, size_t *ret_rrsig_len)
{
	int32_t life = serial_after(expiration, inception);
	uint8_t rrsig[KEY_RRSIG_LEN] = {0};
	struct rrset *canonical;
	size_t rrsig_len;
	int r;

	if (claim_check_set(set) < 0 || life < 0 || life > CLAIM_LIFETIME)
		return -EINVAL;
	rrsig_len = rrsig_begin(set, key, inception, expiration, rrsig);
	r = check_size(set, rrsig);
	if (r < 0)
		return r;
	r = canonical_set(set, &canonical);
	if (r < 0)
		return r;
	r = signed_bytes(canonical, rrsig, rrsig_len, ret_bytes, ret_len);
	*ret_rrsig_len = rrsig_len;
	rrset_destroy(canonical);
	return r;
}

int claim_make(const struct rrset *set, const uint8_t key[NAME_KEY_LEN], uint32_t inception,
	uint32_t expiration, const uint8_t sig[SIG_LEN], struct claim *ret_claim)
{
	int32_t life = serial_after(expiration, inception);
	struct claim claim = {.kind = CLAIM_KEY, .inception = inception, .expiration = expiration};
	size_t begin;

	if (claim_check_set(set) < 0 || life < 0 || life > CLAIM_LIFETIME)
		return -EINVAL;
	claim.rrsig_len = 2 + KEY_RRSIG_LEN;
	claim.rrsig = malloc(claim.rrsig_len);
	claim.set = rrset_copy(set);
	if (!claim.rrsig || !claim.set) {
		claim_finish(&claim);
		return -ENOMEM;
	}
	memcpy(claim.key, key, NAME_KEY_LEN);
	key_to_name(key, &claim.signer);
	put16(claim.rrsig, KEY_RRSIG_LEN);
	begin = rrsig_begin(set, key, inception, expiration, claim.rrsig + 2);
	memcpy(claim.rrsig + 2 + begin, sig, SIG_LEN);
	if (check_size(set, claim.rrsig + 2) < 0) {
		claim_finish(&claim);
		return -EFBIG;
	}
	*ret_claim = claim;
	return 0;
}

int claim_copy(const struct rrset *set, int64_t time, struct claim *ret_claim)
{
	struct claim claim = {.kind = CLAIM_UNSIGNED,
		.inception = (uint32_t)time,
		.expiration = (uint32_t)time + set->ttl};

	if (claim_check_set(set) < 0)
		return -EINVAL;
	claim.set = rrset_copy(set);
	if (!claim.set)
		return -ENOMEM;
	*ret_claim = claim;
	return 0;
}

void claim_finish(struct claim *claim)
{
	if (!claim)
		return;
	rrset_destroy(claim->set);
	free(claim->rrsig);
	*claim = (struct claim){0};
}

void claim_put(const struct claim *claim, struct packet_writer *w)
{
	struct rr rr = {.owner = claim->set->question.name,
		.type = TYPE_RRSIG,
		.class = claim->set->question.class,
		.ttl = claim->set->ttl,
		.section = PACKET_ANSWER};

	rrset_put(claim->set, NULL, PACKET_ANSWER, w);
	for (size_t at = 0; at < claim->rrsig_len; at += 2u + rr.rdata_len) {
		rr.rdata_len = (uint16_t)(claim->rrsig[at] << 8 | claim->rrsig[at + 1]);
		rr.rdata = claim->rrsig + at + 2;
		packet_put(w, &rr);
	}
}

int claim_write(const struct claim *claim, uint8_t *buf, size_t cap)
{
	struct packet_writer w;

	packet_begin(&w, buf, cap, true);
	claim_put(claim, &w);
	return packet_end(&w, 0, FLAG_QR);
}

bool claim_withdraws(const struct claim *claim)
{
	return claim->kind == CLAIM_KEY && claim->inception == claim->expiration;
}

bool claim_equal(const struct claim *a, const struct claim *b)
{
	return a->kind == b->kind && a->set->ttl == b->set->ttl &&
	       question_equal(&a->set->question, &b->set->question) &&
	       rrset_same_data(a->set, b->set) && a->rrsig_len == b->rrsig_len &&
	       (a->rrsig_len == 0 || memcmp(a->rrsig, b->rrsig, a->rrsig_len) == 0);
}

bool claim_current(const struct claim *claim, int64_t now)
{
	uint32_t end = claim->expiration;

	if (claim_withdraws(claim))
		end += CLAIM_LIFETIME;
	return serial_after(claim->inception, (uint32_t)now) <= CLAIM_AHEAD_MAX &&
	       serial_after(end, (uint32_t)now) >= 0;
}

static bool signature_holds(const uint8_t key[NAME_KEY_LEN], const uint8_t sig[SIG_LEN],
	const uint8_t *bytes, size_t len)
{
	EVP_PKEY *pkey = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, key, NAME_KEY_LEN);
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	bool holds = pkey && ctx && EVP_DigestVerifyInit(ctx, NULL, NULL, NULL, pkey) == 1 &&
		     EVP_DigestVerify(ctx, sig, SIG_LEN, bytes, len) == 1;

	EVP_MD_CTX_free(ctx);
	EVP_PKEY_free(pkey);
	ERR_clear_error(); /* a stranger's bad signature is no news to the TLS of this thread */
	return holds;
}

int claim_verify(const struct claim *claim)
{
	const uint8_t *rdata = claim->rrsig + 2;
	uint8_t *bytes;
	size_t len, begin;
	int r;

	if (claim->kind != CLAIM_KEY || claim->rrsig_len != 2 + KEY_RRSIG_LEN)
		return -EBADMSG;
	r = claim_to_sign(
		claim->set, claim->key, claim->inception, claim->expiration, &bytes, &len, &begin);
	if (r < 0)
		return r == -ENOMEM ? r : -EBADMSG;
	if (memcmp(bytes, rdata, begin) != 0 ||
		!signature_holds(claim->key, rdata + begin, bytes, len))
		r = -EBADMSG;
	free(bytes);
	return r;
}
