/* Signers and claims for tests: keys from seeds, claims that are signed for real, and packets that
 * can be spoilt. Time stands still at NOW. */
#ifndef TESTS_CLAIM_FIXTURE_H
#define TESTS_CLAIM_FIXTURE_H

#include <errno.h>

#include "dht/item.h"
#include "resolver/claim.h"
#include "tests/resolver/message_text.h"

#include <openssl/evp.h>

#define NOW 1800000000u
#define WEEK CLAIM_LIFETIME
#define NAME "printer.alt A"

static inline void seed_of(unsigned signer, uint8_t ret_seed[32])
{
	memset(ret_seed, 0x5a, 32);
	ret_seed[0] = (uint8_t)signer;
}

static inline const uint8_t *key_of(unsigned signer)
{
	static uint8_t keys[64][32];
	uint8_t seed[32];
	seed_of(signer, seed);
	assert_int_equal(dht_key_of_seed(seed, keys[signer]), 0);
	return keys[signer];
}

static inline void sign_bytes(
	unsigned signer, const uint8_t *bytes, size_t len, uint8_t ret_sig[64])
{
	uint8_t seed[32];
	size_t sig_len = 64;
	seed_of(signer, seed);
	EVP_PKEY *pkey = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, seed, 32);
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	assert_int_equal(EVP_DigestSignInit(ctx, NULL, NULL, NULL, pkey), 1);
	assert_int_equal(EVP_DigestSign(ctx, ret_sig, &sig_len, bytes, len), 1);
	EVP_MD_CTX_free(ctx);
	EVP_PKEY_free(pkey);
}

/* `count` addresses 192.0.2.last and on. */
static inline struct rrset *addresses(
	const char *question, uint32_t ttl, uint8_t last, unsigned count)
{
	struct question q = question_of(question);
	struct rrset *set = rrset_create(&q, ttl);
	assert_non_null(set);
	for (unsigned i = 0; i < count; i++) {
		uint8_t rdata[4] = {192, 0, (uint8_t)(2 + (last + i) / 256), (uint8_t)(last + i)};
		assert_int_equal(rrset_add(set, rdata, 4), 0);
	}
	return set;
}

/* Takes over `set`. */
static inline struct claim claim_over(
	unsigned signer, struct rrset *set, uint32_t inception, uint32_t expiration)
{
	struct claim claim;
	uint8_t *bytes, sig[64];
	size_t len, rrsig_len;
	assert_int_equal(
		claim_to_sign(set, key_of(signer), inception, expiration, &bytes, &len, &rrsig_len),
		0);
	sign_bytes(signer, bytes, len, sig);
	assert_int_equal(claim_make(set, key_of(signer), inception, expiration, sig, &claim), 0);
	free(bytes);
	rrset_destroy(set);
	return claim;
}

/* The usual claim: one address 192.0.2.<signer>, signed an hour before NOW plus `later`. */
static inline struct claim claim_by(unsigned signer, int later)
{
	uint32_t inception = NOW - 3600 + (uint32_t)later;
	return claim_over(
		signer, addresses(NAME, 300, (uint8_t)signer, 1), inception, inception + WEEK);
}

static inline struct claim withdrawal_by(unsigned signer, int later)
{
	uint32_t inception = NOW - 3600 + (uint32_t)later;
	return claim_over(signer, addresses(NAME, 300, (uint8_t)signer, 1), inception, inception);
}

/* A zone's claim: form is checked here, truth is the validator's. */
static inline struct claim zone_claim(
	const char *signer, uint8_t labels, uint32_t inception, uint8_t mark)
{
	struct claim c = {
		.kind = CLAIM_ZONE, .set = addresses(NAME, 300, 77, 1), .signer = name_of(signer)};
	struct name name = name_of(signer);
	uint8_t rdata[400] = {0, TYPE_A, 13, labels, 0, 0, 1, 0x2c};
	uint32_t times_be[2] = {htonl(inception + 30 * 86400), htonl(inception)};
	memcpy(rdata + 8, times_be, 8);
	memcpy(rdata + 18, name.wire, name.len);
	memset(rdata + 18 + name.len, mark, 64);
	c.rrsig_len = 2u + 18 + name.len + 64;
	c.rrsig = malloc(c.rrsig_len);
	c.rrsig[0] = 0;
	c.rrsig[1] = (uint8_t)(c.rrsig_len - 2);
	memcpy(c.rrsig + 2, rdata, c.rrsig_len - 2);
	return c;
}

/* A packet of claims, one behind the other, as they are; finishes them. */
struct packet {
	uint8_t bytes[SLOT_BYTES_MAX + 64];
	size_t len;
};

static inline void put_raw(const struct claim *claim, struct packet_writer *w)
{
	struct rr rr = {.owner = claim->set->question.name,
		.type = TYPE_RRSIG,
		.class = claim->set->question.class,
		.ttl = claim->set->ttl};
	rrset_put(claim->set, NULL, PACKET_ANSWER, w);
	for (size_t at = 0; at < claim->rrsig_len; at += 2u + rr.rdata_len) {
		rr.rdata_len = (uint16_t)(claim->rrsig[at] << 8 | claim->rrsig[at + 1]);
		rr.rdata = claim->rrsig + at + 2;
		packet_put(w, &rr);
	}
}

static inline struct packet packet_of(struct claim *claims, size_t count)
{
	struct packet p;
	struct packet_writer w;
	packet_begin(&w, p.bytes, sizeof(p.bytes), true);
	for (size_t i = 0; i < count; i++) {
		put_raw(&claims[i], &w);
		claim_finish(&claims[i]);
	}
	int len = packet_end(&w, 0, FLAG_QR);
	assert_true(len > 0);
	p.len = (size_t)len;
	return p;
}
#define PACKET(...)                                                                                \
	packet_of((struct claim[]){__VA_ARGS__},                                                   \
		sizeof((struct claim[]){__VA_ARGS__}) / sizeof(struct claim))

/* A slot that reads with a budget of its own. */
struct board {
	struct slot slot;
	unsigned budget;
	struct slot_reading how;
};

static inline void board_init(struct board *b)
{
	struct question q = question_of(NAME);
	memset(b, 0, sizeof(*b));
	slot_init(&b->slot, &q);
	b->budget = 100;
	b->how = (struct slot_reading){.now = NOW, .packet_time = NOW, .budget = &b->budget};
}

/* From a block exactly as long, so that a read behind its end is found. */
static inline int board_read(struct board *b, const uint8_t *bytes, size_t len)
{
	uint8_t *exact = malloc(len ? len : 1);
	assert_non_null(exact);
	if (len)
		memcpy(exact, bytes, len);
	int r = slot_add_packet(&b->slot, exact, len, &b->how);
	free(exact);
	return r;
}

static inline int board_add(struct board *b, const struct packet *p)
{
	return board_read(b, p->bytes, p->len);
}

#endif
