/* Large claims: cut into immutable items, referred to by a TXT record, put together again. */
#include "resolver/claim.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "resolver/hash.h"
#include "resolver/slot_parts.h"

#define HEX_LEN 40
#define TEXT_MAX 255 /* of a character-string */
#define RDATA_MAX (1 + TEXT_MAX + CLAIM_PIECES_MAX * (1 + HEX_LEN))
/* A reference does not say when its claim ends. A key's claim lives a week at most; zones sign for
 * a month at most by custom, and a reference that outlived that would take room for ever. */
#define ZONE_LIFETIME (30 * 86400)

static const struct name reference_owner = {.len = 8, .wire = "\6_kadns"};

/* The DHT target of an immutable byte string: SHA-1 of its bencoded form. */
static void piece_target(const uint8_t *bytes, size_t len, uint8_t ret_sha1[20])
{
	uint8_t text[16 + CLAIM_PIECE_BYTES];
	int head = snprintf((char *)text, 16, "%zu:", len);

	memcpy(text + head, bytes, len);
	hash_sha1(text, (size_t)head + len, ret_sha1);
}

/* Bytes of piece i of a packet. */
static size_t piece_len(size_t packet_len, unsigned i)
{
	size_t left = packet_len - (size_t)i * CLAIM_PIECE_BYTES;

	return left < CLAIM_PIECE_BYTES ? left : CLAIM_PIECE_BYTES;
}

static unsigned piece_count(size_t packet_len)
{
	return (unsigned)((packet_len + CLAIM_PIECE_BYTES - 1) / CLAIM_PIECE_BYTES);
}

int pieces_cut(const uint8_t *bytes, size_t len, struct claim_pieces *pieces)
{
	if (len > CLAIM_BYTES_MAX)
		return -EFBIG;
	pieces->len = (uint16_t)len;
	pieces->count = piece_count(len);
	for (unsigned i = 0; i < pieces->count; i++)
		piece_target(
			bytes + (size_t)i * CLAIM_PIECE_BYTES, piece_len(len, i), pieces->sha1[i]);
	return 0;
}

int claim_cut(const struct claim *claim, uint8_t ret_packet[CLAIM_BYTES_MAX],
	struct claim_pieces *ret_pieces)
{
	int len;

	if (claim->kind == CLAIM_UNSIGNED)
		return -EINVAL;
	len = claim_write(claim, ret_packet, CLAIM_BYTES_MAX);
	if (len < 0)
		return len;
	*ret_pieces = (struct claim_pieces){.signer = claim->signer, .inception = claim->inception};
	pieces_cut(ret_packet, (size_t)len, ret_pieces);
	return len;
}

bool pieces_is_reference(const struct rr *rr)
{
	return rr->type == TYPE_TXT && rr->class == CLASS_IN &&
	       name_equal(&rr->owner, &reference_owner);
}

bool pieces_equal(const struct claim_pieces *a, const struct claim_pieces *b)
{
	return a->is_message == b->is_message && a->inception == b->inception && a->len == b->len &&
	       name_equal(&a->signer, &b->signer) && a->count == b->count &&
	       memcmp(a->sha1, b->sha1, a->count * sizeof(a->sha1[0])) == 0;
}

bool pieces_current(const struct claim_pieces *pieces, int64_t now)
{
	uint8_t key[NAME_KEY_LEN];
	int32_t life = signer_is_key(&pieces->signer, key) ? CLAIM_LIFETIME : ZONE_LIFETIME;
	int32_t age = serial_after((uint32_t)now, pieces->inception);

	return age >= -CLAIM_AHEAD_MAX && age <= life;
}

/* Text with a cursor: fields that are parted by single spaces. */
struct field {
	const char *at;
	size_t len;
};

static bool next_field(struct field *rest, struct field *ret_field)
{
	const char *space = rest->len ? memchr(rest->at, ' ', rest->len) : NULL;
	size_t len = space ? (size_t)(space - rest->at) : rest->len;

	if (len == 0)
		return false;
	*ret_field = (struct field){rest->at, len};
	len += space ? 1 : 0;
	rest->at += len;
	rest->len -= len;
	return true;
}

static bool field_is(const struct field *f, const char *text)
{
	return f->len == strlen(text) && memcmp(f->at, text, f->len) == 0;
}

static bool field_number(const struct field *f, uint32_t most, uint32_t *ret_number)
{
	uint64_t n = 0;

	if (f->len > 10) /* digits of 2^32 */
		return false;
	for (size_t i = 0; i < f->len; i++) {
		if (f->at[i] < '0' || f->at[i] > '9')
			return false;
		n = n * 10 + (uint64_t)(f->at[i] - '0');
	}
	*ret_number = (uint32_t)n;
	return n <= most;
}

/* The first word says of what the pieces are. */
static const char *word_of(bool is_message)
{
	return is_message ? "answer" : "claim";
}

/* "claim TYPE SIGNER INCEPTION LENGTH" */
static int parse_head(const struct question *q, struct field text, struct claim_pieces *ret_pieces)
{
	uint8_t key[NAME_KEY_LEN];
	char type[TYPE_TEXT_MAX];
	struct field f[5];
	uint32_t len;

	for (size_t i = 0; i < 5; i++)
		if (!next_field(&text, &f[i]))
			return -EBADMSG;
	ret_pieces->is_message = field_is(&f[0], word_of(true));
	if (text.len || (!ret_pieces->is_message && !field_is(&f[0], word_of(false))) ||
		!field_is(&f[1], type_to_text(q->type, type)) || f[2].at[f[2].len - 1] != '.' ||
		name_from_text(f[2].at, f[2].len, &ret_pieces->signer) < 0 ||
		!field_number(&f[3], UINT32_MAX, &ret_pieces->inception) ||
		!field_number(&f[4], CLAIM_BYTES_MAX, &len) || len <= PACKET_HEADER)
		return -EBADMSG;
	/* The alias at a name may be made above it, and what it leads to be signed elsewhere: but
	 * never by a key. */
	if (!signer_may(&ret_pieces->signer, &q->name) ||
		(ret_pieces->is_message && signer_is_key(&ret_pieces->signer, key)))
		return -EBADMSG;
	ret_pieces->len = (uint16_t)len;
	ret_pieces->count = piece_count(len);
	return 0;
}

static int hex_digit(uint8_t c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static int parse_sha1(const uint8_t hex[HEX_LEN], uint8_t ret_sha1[20])
{
	for (size_t i = 0; i < 20; i++) {
		int high = hex_digit(hex[2 * i]), low = hex_digit(hex[2 * i + 1]);

		if (high < 0 || low < 0)
			return -EBADMSG;
		ret_sha1[i] = (uint8_t)(high << 4 | low);
	}
	return 0;
}

int pieces_parse(
	const struct question *q, const uint8_t *rdata, size_t len, struct claim_pieces *ret_pieces)
{
	size_t at;

	*ret_pieces = (struct claim_pieces){0};
	if (len < 1 || rdata[0] >= len)
		return -EBADMSG;
	if (parse_head(q, (struct field){(const char *)rdata + 1, rdata[0]}, ret_pieces) < 0)
		return -EBADMSG;
	at = 1u + rdata[0];
	if (len - at != ret_pieces->count * (1u + HEX_LEN))
		return -EBADMSG;
	for (unsigned i = 0; i < ret_pieces->count; i++, at += 1 + HEX_LEN)
		if (rdata[at] != HEX_LEN || parse_sha1(rdata + at + 1, ret_pieces->sha1[i]) < 0)
			return -EBADMSG;
	return 0;
}

void pieces_put(
	const struct claim_pieces *pieces, const struct question *q, struct packet_writer *w)
{
	char signer[NAME_TEXT_MAX], type[TYPE_TEXT_MAX], head[NAME_TEXT_MAX + 64];
	char rdata[RDATA_MAX + 1]; /* and the NUL of the last snprintf */
	struct rr rr = {.owner = reference_owner,
		.type = TYPE_TXT,
		.class = CLASS_IN,
		.section = PACKET_ANSWER,
		.rdata = (const uint8_t *)rdata};
	size_t at;
	int n;

	name_to_absolute(&pieces->signer, signer);
	n = snprintf(head, sizeof(head), "%s %s %s %u %u", word_of(pieces->is_message),
		type_to_text(q->type, type), signer, pieces->inception, pieces->len);
	if (n > TEXT_MAX) {
		w->full = true; /* a zone's name so odd that its escapes fit no character-string */
		return;
	}
	rdata[0] = (char)n;
	memcpy(rdata + 1, head, (size_t)n);
	at = 1u + (size_t)n;
	for (unsigned i = 0; i < pieces->count; i++) {
		rdata[at++] = HEX_LEN;
		for (size_t j = 0; j < 20; j++, at += 2)
			snprintf(rdata + at, 3, "%02x", pieces->sha1[i][j]);
	}
	rr.rdata_len = (uint16_t)at;
	packet_put(w, &rr);
}

int pieces_join(
	const struct claim_pieces *pieces, const struct claim_piece *fetched, uint8_t *ret_bytes)
{
	uint8_t sha1[20];

	if (pieces->len > CLAIM_BYTES_MAX || pieces->count != piece_count(pieces->len))
		return -EBADMSG;
	for (unsigned i = 0; i < pieces->count; i++) {
		if (fetched[i].len != piece_len(pieces->len, i))
			return -EBADMSG;
		piece_target(fetched[i].bytes, fetched[i].len, sha1);
		if (memcmp(sha1, pieces->sha1[i], sizeof(sha1)) != 0)
			return -EBADMSG;
		memcpy(ret_bytes + (size_t)i * CLAIM_PIECE_BYTES, fetched[i].bytes, fetched[i].len);
	}
	return 0;
}

int slot_add_pieces(struct slot *slot, const struct claim_pieces *pieces,
	const struct claim_piece *fetched, const struct slot_reading *reading)
{
	uint8_t packet[CLAIM_BYTES_MAX];

	if (pieces->is_message || pieces_join(pieces, fetched, packet) < 0)
		return -EBADMSG;
	return slot_read(slot, packet, pieces->len, reading, pieces);
}
