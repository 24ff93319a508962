/* Reading a slot: a stranger's packet becomes claims, in two steps.
 *
 * First the whole packet is split into candidates, which costs no signature check, so that a
 * packet with garbage at its end adds nothing. Then candidates are taken, known signers first. */
#include "resolver/claim.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "resolver/slot_parts.h"

/* Claims that one packet can bring in; six of keys fit into 996 bytes. */
#define CANDIDATES_MAX 16
/* Bytes of any signature of DNSSEC (RFC 8624). Without that a packet would have room for more of a
 * zone's claims, which are not checked here, than a reader takes. */
#define SIGNATURE_MIN 64

/* The run of records that is being read, and the RRSIGs behind it. */
struct run {
	struct rrset *set; /* NULL: no run is open */
	bool sound;	   /* of our name and type, one TTL */
	uint8_t *rrsig;	   /* as in struct claim */
	size_t rrsig_len;
};

struct reader {
	const struct question *question;
	const struct slot_reading *how;
	struct run run;
	size_t found_len;
	struct claim found[CANDIDATES_MAX];
	size_t references_len;
	struct claim_pieces references[SLOT_STRANGERS_MAX];
	struct packet_reader packet;
};

static void close_run(struct run *run)
{
	rrset_destroy(run->set);
	free(run->rrsig);
	*run = (struct run){0};
}

static int append_rrsig(uint8_t **list, size_t *list_len, const uint8_t *rdata, size_t len)
{
	uint8_t *grown = realloc(*list, *list_len + 2 + len);

	if (!grown)
		return -ENOMEM;
	grown[*list_len] = (uint8_t)(len >> 8);
	grown[*list_len + 1] = (uint8_t)len;
	memcpy(grown + *list_len + 2, rdata, len);
	*list = grown;
	*list_len += 2 + len;
	return 0;
}

static int open_run(struct reader *r, const struct rr *rr)
{
	struct question q = {.name = rr->owner, .type = rr->type, .class = rr->class};

	r->run.set = rrset_create(&q, rr->ttl);
	if (!r->run.set)
		return -ENOMEM;
	r->run.sound = question_equal(&q, r->question);
	return 0;
}

/* A new place among the candidates with a copy of the run's set; NULL: none left, or no memory
 * (*err says). */
static struct claim *new_candidate(struct reader *r, int *err)
{
	struct claim *c;

	*err = 0;
	if (r->found_len == CANDIDATES_MAX)
		return NULL;
	c = &r->found[r->found_len];
	*c = (struct claim){.set = rrset_copy(r->run.set)};
	if (!c->set) {
		*err = -ENOMEM;
		return NULL;
	}
	r->found_len++;
	return c;
}

/* Another RRSIG of a zone that signs with two algorithms, or is changing keys. */
static struct claim *candidate_of_zone(struct reader *r, size_t from, const struct name *signer)
{
	for (size_t i = from; i < r->found_len; i++)
		if (r->found[i].kind == CLAIM_ZONE && name_equal(&r->found[i].signer, signer))
			return &r->found[i];
	return NULL;
}

static void leave_out(const struct slot_reading *how, const struct claim *claim,
	enum claim_verdict why)
{
	if (how->left_out)
		how->left_out(how->left_out_ctx, claim, why);
}

static enum claim_verdict why_not_current(const struct claim *claim, int64_t now)
{
	return serial_after(claim->expiration, (uint32_t)now) < 0 ? CLAIM_EXPIRED : CLAIM_EARLY;
}

static bool fits(const struct rrsig *sig, const struct rrset *set)
{
	return sig->type == set->question.type && sig->labels == name_labels(&set->question.name) &&
	       sig->ttl == set->ttl && serial_after(sig->expiration, sig->inception) >= 0 &&
	       signer_may(&sig->signer, &set->question.name);
}

/* One RRSIG over the run, whose candidates begin at `from`. */
static int add_rrsig(struct reader *r, size_t from, const uint8_t *rdata, size_t len)
{
	struct claim times = {.set = r->run.set}, *c = NULL;
	struct rrsig sig;
	int err;

	if (rrsig_parse(rdata, len, &sig) < 0)
		return 0;
	times.signer = sig.signer;
	times.inception = sig.inception;
	times.expiration = sig.expiration;
	times.kind = signer_is_key(&sig.signer, times.key) ? CLAIM_KEY : CLAIM_ZONE;
	if (!fits(&sig, r->run.set) || len - sig.signature < SIGNATURE_MIN) {
		leave_out(r->how, &times, CLAIM_MALFORMED);
		return 0;
	}
	if (!claim_current(&times, r->how->now)) {
		leave_out(r->how, &times, why_not_current(&times, r->how->now));
		return 0;
	}
	if (times.kind == CLAIM_ZONE)
		c = candidate_of_zone(r, from, &sig.signer);
	if (c) {
		if (serial_after(sig.inception, c->inception) > 0)
			c->inception = sig.inception;
		if (serial_after(c->expiration, sig.expiration) > 0)
			c->expiration = sig.expiration;
		return append_rrsig(&c->rrsig, &c->rrsig_len, rdata, len);
	}
	c = new_candidate(r, &err);
	if (!c)
		return err;
	c->kind = times.kind;
	memcpy(c->key, times.key, NAME_KEY_LEN);
	c->signer = sig.signer;
	c->inception = sig.inception;
	c->expiration = sig.expiration;
	return append_rrsig(&c->rrsig, &c->rrsig_len, rdata, len);
}

static int add_copy(struct reader *r)
{
	uint32_t time = (uint32_t)r->how->packet_time;
	struct claim *c, times = {.kind = CLAIM_UNSIGNED,
				 .inception = time,
				 .expiration = time + r->run.set->ttl};
	int err;

	if (!r->how->allow_unsigned) {
		times.set = r->run.set;
		leave_out(r->how, &times, CLAIM_COPY);
		return 0;
	}
	if (!claim_current(&times, r->how->now))
		return 0;
	c = new_candidate(r, &err);
	if (!c)
		return err;
	c->kind = CLAIM_UNSIGNED;
	c->inception = times.inception;
	c->expiration = times.expiration;
	return 0;
}

/* The run is complete: it becomes a candidate for each signer. */
static int finish_run(struct reader *r)
{
	struct run *run = &r->run;
	size_t from = r->found_len, len;
	int err = 0;

	if (run->set && run->sound && claim_check_set(run->set) == 0) {
		if (run->rrsig_len == 0)
			err = add_copy(r);
		for (size_t at = 0; err == 0 && at < run->rrsig_len; at += 2 + len) {
			len = (size_t)run->rrsig[at] << 8 | run->rrsig[at + 1];
			err = add_rrsig(r, from, run->rrsig + at + 2, len);
		}
	}
	close_run(run);
	return err;
}

static bool continues(const struct run *run, const struct rr *rr)
{
	const struct question *q;

	if (!run->set || run->rrsig_len > 0)
		return false;
	q = &run->set->question;
	return q->type == rr->type && q->class == rr->class && name_equal(&q->name, &rr->owner);
}

static int read_rrsig(struct reader *r, const struct rr *rr)
{
	struct run *run = &r->run;

	if (!run->set)
		return 0;
	/* Over another owner, or with another TTL than its set (RFC 4034, 3): what it is over
	 * cannot be told, and the run must not pass for an unsigned one. */
	if (!name_equal(&rr->owner, &run->set->question.name) ||
		rr->class != run->set->question.class || rr->ttl != run->set->ttl)
		run->sound = false;
	return append_rrsig(&run->rrsig, &run->rrsig_len, rr->rdata, rr->rdata_len);
}

static int read_reference(struct reader *r, const struct rr *rr)
{
	struct claim_pieces pieces;
	int err = finish_run(r);

	if (err == 0 && r->references_len < SLOT_STRANGERS_MAX &&
		pieces_parse(r->question, rr->rdata, rr->rdata_len, &pieces) == 0 &&
		pieces_current(&pieces, r->how->now))
		r->references[r->references_len++] = pieces;
	return err;
}

static int read_record(struct reader *r, const struct rr *rr)
{
	int err;

	if (rr->type == TYPE_RRSIG)
		return read_rrsig(r, rr);
	if (pieces_is_reference(rr))
		return read_reference(r, rr);
	if (!continues(&r->run, rr)) {
		err = finish_run(r);
		if (err == 0)
			err = open_run(r, rr);
		if (err < 0)
			return err;
	}
	if (rr->ttl != r->run.set->ttl)
		r->run.sound = false;
	err = rrset_add(r->run.set, rr->rdata, rr->rdata_len);
	return err == -EFBIG || err == -EINVAL ? -EBADMSG : err;
}

/* The packet is of our own making on every node, so anything else than its form is refused. */
static int split(struct reader *r, const uint8_t *packet, size_t len)
{
	const struct packet_header *h = &r->packet.header;
	struct rr rr;
	int n;

	if (packet_open(&r->packet, packet, len) < 0 || h->id != 0 || h->flags != FLAG_QR ||
		h->count[0] || h->count[2] || h->count[3])
		return -EBADMSG;
	while ((n = packet_next(&r->packet, &rr)) > 0) {
		n = read_record(r, &rr);
		if (n < 0)
			return n;
	}
	if (n < 0 || !packet_at_end(&r->packet))
		return -EBADMSG;
	return finish_run(r);
}

static bool is_known(const struct slot_reading *how, const struct claim *claim)
{
	return claim->kind == CLAIM_KEY && how->known && how->known(how->known_ctx, claim->key);
}

/* Others than known signers, of this kind. */
static size_t strangers(
	const struct slot *slot, const struct slot_reading *how, enum claim_kind kind)
{
	size_t n = 0;

	for (size_t i = 0; i < slot->claims_len; i++)
		n += slot->claims[i].kind == kind && !is_known(how, &slot->claims[i]);
	return n;
}

/* Counts the packet that is being read, once. */
static void seen(const struct slot *slot, struct claim *claim, const struct slot_reading *how)
{
	if (claim->packet != slot->packets)
		claim->nodes += how->nodes ? how->nodes : 1;
	claim->packet = slot->packets;
}

static bool as_late(const struct claim *held, const struct claim *claim)
{
	return held && serial_after(held->inception, claim->inception) >= 0;
}

/* Is there room? One that takes the place of an earlier one needs none. */
static bool room(const struct slot *slot, const struct claim *claim, const struct slot_reading *how)
{
	if (slot_held(slot, claim->key) || slot_held_withdrawal(slot, claim->key))
		return true;
	if (claim_withdraws(claim))
		return slot->withdrawn_len < SLOT_STRANGERS_MAX;
	return is_known(how, claim) || strangers(slot, how, CLAIM_KEY) < SLOT_STRANGERS_MAX;
}

/* The cheap reasons to leave a claim out come before its signature is checked. */
static int take_key(struct slot *slot, struct claim *claim, const struct slot_reading *how)
{
	struct claim *held = slot_held(slot, claim->key);
	int err;

	if (held && claim_equal(held, claim)) {
		seen(slot, held, how);
		return 0;
	}
	if (as_late(held, claim) || as_late(slot_held_withdrawal(slot, claim->key), claim)) {
		leave_out(how, claim, CLAIM_SUPERSEDED);
		return 0;
	}
	if (!room(slot, claim, how) || *how->budget == 0) {
		leave_out(how, claim, *how->budget == 0 ? CLAIM_NO_CHECKS : CLAIM_NO_ROOM);
		return 0;
	}
	--*how->budget;
	err = claim_verify(claim);
	if (err < 0 && err != -ENOMEM) {
		leave_out(how, claim, CLAIM_FORGED);
		return 0;
	}
	if (err < 0)
		return err;
	if (held) {
		claim->nodes = held->nodes;
		claim->packet = held->packet;
	}
	seen(slot, claim, how);
	return slot_add(slot, claim);
}

static int take_zone(struct slot *slot, struct claim *claim, const struct slot_reading *how)
{
	for (size_t i = 0; i < slot->claims_len; i++) {
		if (claim_equal(&slot->claims[i], claim)) {
			seen(slot, &slot->claims[i], how);
			return 0;
		}
	}
	if (strangers(slot, how, CLAIM_ZONE) >= SLOT_STRANGERS_MAX) {
		leave_out(how, claim, CLAIM_NO_ROOM);
		return 0;
	}
	seen(slot, claim, how);
	return slot_append(slot, claim);
}

static int take(struct slot *slot, struct claim *claim, const struct slot_reading *how)
{
	switch (claim->kind) {
	case CLAIM_KEY:
		return take_key(slot, claim, how);
	case CLAIM_ZONE:
		return take_zone(slot, claim, how);
	case CLAIM_UNSIGNED:
		seen(slot, claim, how);
		return slot_add(slot, claim);
	}
	return 0;
}

static int take_all(struct slot *slot, struct reader *r)
{
	int err = 0;

	slot->packets++;
	for (int known = 1; known >= 0; known--)
		for (size_t i = 0; err == 0 && i < r->found_len; i++)
			if (r->found[i].set && is_known(r->how, &r->found[i]) == known)
				err = take(slot, &r->found[i], r->how);
	for (size_t i = 0; err == 0 && i < r->references_len; i++)
		err = slot_add_reference(slot, &r->references[i]);
	return err;
}

/* Exactly the claim that a reference promised. */
static bool is_only(const struct reader *r, const struct claim_pieces *only)
{
	return r->found_len == 1 && r->references_len == 0 &&
	       r->found[0].inception == only->inception && r->found[0].kind != CLAIM_UNSIGNED &&
	       name_equal(&r->found[0].signer, &only->signer);
}

int slot_read(struct slot *slot, const uint8_t *packet, size_t len, const struct slot_reading *how,
	const struct claim_pieces *only)
{
	struct reader *r = calloc(1, sizeof(*r)); /* 70 kB: not for the stack */
	int err;

	if (!r)
		return -ENOMEM;
	r->question = &slot->question;
	r->how = how;
	err = split(r, packet, len);
	if (err == 0 && only && !is_only(r, only))
		err = -EBADMSG;
	if (err == 0)
		err = take_all(slot, r);
	close_run(&r->run);
	for (size_t i = 0; i < r->found_len; i++)
		claim_finish(&r->found[i]);
	free(r);
	return err;
}

int slot_add_packet(
	struct slot *slot, const uint8_t *packet, size_t len, const struct slot_reading *reading)
{
	if (len > SLOT_BYTES_MAX)
		return -EBADMSG;
	return slot_read(slot, packet, len, reading, NULL);
}
