/* Requests to the signer and its answers, as bytes. */
#include "resolver/signer_frame.h"

#include <errno.h>
#include <string.h>

#include "resolver/signer_file.h"

struct part_head {
	int64_t seq;
	uint32_t uid, page;
	uint8_t key[NAME_KEY_LEN];
};
_Static_assert(sizeof(struct part_head) == 48, "no padding");

/* Then the name, then the records as a record set has them: each with its length before. */
struct claim_head {
	uint32_t uid, inception, expiration, ttl;
	uint16_t type, class;
	uint8_t key[NAME_KEY_LEN];
};
_Static_assert(sizeof(struct claim_head) == 52, "no padding");

/* No answer of ours has another one; and whom the file system answers knows none above. */
#define ERRNO_MAX 511

static int put_part(uint8_t *buf, uint64_t id, const struct signer_request *r)
{
	struct part_head head = {
		.seq = r->part.seq, .uid = (uint32_t)r->owner.uid, .page = r->part.page};

	if (r->part.len > ZONE_BYTES_MAX)
		return -EFBIG;
	memcpy(head.key, r->owner.key, sizeof(head.key));
	memcpy(buf + FRAME_HEAD, &head, sizeof(head));
	memcpy(buf + FRAME_HEAD + sizeof(head), r->part.packet, r->part.len);
	return (int)frame_put_head(buf, FRAME_PART, id, sizeof(head) + r->part.len);
}

static int put_claim(uint8_t *buf, uint64_t id, const struct signer_request *r)
{
	const struct rrset *set = r->claim.set;
	const struct question *q = &set->question;
	struct claim_head head = {.uid = (uint32_t)r->owner.uid,
		.inception = r->claim.inception,
		.expiration = r->claim.expiration,
		.ttl = set->ttl,
		.type = q->type,
		.class = q->class};
	size_t at = FRAME_HEAD;

	if (set->data_len > RRSET_BYTES_MAX)
		return -EFBIG;
	memcpy(head.key, r->owner.key, sizeof(head.key));
	memcpy(buf + at, &head, sizeof(head));
	at += sizeof(head);
	memcpy(buf + at, q->name.wire, q->name.len);
	at += q->name.len;
	if (set->data_len)
		memcpy(buf + at, set->data, set->data_len);
	at += set->data_len;
	return (int)frame_put_head(buf, FRAME_CLAIM, id, at - FRAME_HEAD);
}

int signer_frame_put(uint8_t *buf, uint64_t id, const struct signer_request *r)
{
	uint32_t uid = (uint32_t)r->owner.uid;
	size_t len;

	if (r->kind == FRAME_PART)
		return put_part(buf, id, r);
	if (r->kind == FRAME_CLAIM)
		return put_claim(buf, id, r);
	if (r->kind == FRAME_PUBLIC || r->kind == FRAME_IMPORT) {
		memcpy(buf + FRAME_HEAD, &uid, sizeof(uid));
		memcpy(buf + FRAME_HEAD + sizeof(uid), r->seed, SEED_LEN);
		return (int)frame_put_head(buf, r->kind, id, sizeof(uid) + SEED_LEN);
	}
	if (r->kind == FRAME_KEY || r->kind == FRAME_SECRET) {
		memcpy(buf + FRAME_HEAD, &uid, sizeof(uid));
		return (int)frame_put_head(buf, r->kind, id, sizeof(uid));
	}
	len = strlen(r->dir) + 1;
	if (len > SIGNER_DIR_MAX)
		return -ENAMETOOLONG;
	memcpy(buf + FRAME_HEAD, r->dir, len);
	return (int)frame_put_head(buf, FRAME_KEYS, id, len);
}

static int get_dir(const struct frame *frame, struct signer_request *r)
{
	size_t len = frame->len;

	if (len < 2 || len > SIGNER_DIR_MAX ||
		memchr(frame->payload, '\0', len) != frame->payload + len - 1)
		return -EBADMSG;
	r->dir = (const char *)frame->payload;
	return 0;
}

static int get_key(const struct frame *frame, struct signer_request *r)
{
	uint32_t uid;

	if (frame->len != sizeof(uid))
		return -EBADMSG;
	memcpy(&uid, frame->payload, sizeof(uid));
	r->owner.uid = uid;
	return 0;
}

static int get_seed(const struct frame *frame, struct signer_request *r)
{
	uint32_t uid;

	if (frame->len != sizeof(uid) + SEED_LEN)
		return -EBADMSG;
	memcpy(&uid, frame->payload, sizeof(uid));
	r->owner.uid = uid;
	r->seed = frame->payload + sizeof(uid);
	return 0;
}

static int get_part(const struct frame *frame, struct signer_request *r)
{
	struct part_head head;

	if (frame->len < sizeof(head) || frame->len > sizeof(head) + ZONE_BYTES_MAX)
		return -EBADMSG;
	memcpy(&head, frame->payload, sizeof(head));
	r->owner.uid = head.uid;
	memcpy(r->owner.key, head.key, sizeof(head.key));
	r->part = (struct signer_part){.page = head.page,
		.packet = frame->payload + sizeof(head),
		.len = frame->len - sizeof(head),
		.seq = head.seq};
	return 0;
}

/* Built anew, record by record: only what has its type's shape gets in. What does not come out in
 * the order and form it came in was made by none of our sets. */
static int get_records(struct rrset *set, const uint8_t *bytes, size_t len)
{
	for (size_t at = 0, rdata_len; at < len; at += rdata_len) {
		int r;

		if (len - at < 2)
			return -EBADMSG;
		rdata_len = (size_t)bytes[at] << 8 | bytes[at + 1];
		at += 2;
		if (rdata_len > len - at)
			return -EBADMSG;
		r = rrset_add(set, bytes + at, rdata_len);
		if (r < 0)
			return r == -ENOMEM ? r : -EBADMSG;
	}
	return set->data_len == len && (!len || memcmp(set->data, bytes, len) == 0) ? 0 : -EBADMSG;
}

static int get_claim(const struct frame *frame, struct signer_request *r)
{
	struct claim_head head;
	struct question q;
	struct rrset *set;
	size_t at = sizeof(head);
	int error;

	if (frame->len < sizeof(head))
		return -EBADMSG;
	memcpy(&head, frame->payload, sizeof(head));
	q = (struct question){.type = head.type, .class = head.class};
	if (name_from_wire(frame->payload, frame->len, &at, &q.name) < 0 ||
		at != sizeof(head) + q.name.len || /* a pointer into what stands before it */
		memcmp(frame->payload + sizeof(head), q.name.wire, q.name.len) != 0)
		return -EBADMSG;
	set = rrset_create(&q, head.ttl);
	if (!set)
		return -ENOMEM;
	error = get_records(set, frame->payload + at, frame->len - at);
	if (error) {
		rrset_destroy(set);
		return error;
	}
	r->owner.uid = head.uid;
	memcpy(r->owner.key, head.key, sizeof(head.key));
	r->claim = (struct claim_request){set, head.inception, head.expiration};
	return 0;
}

int signer_frame_get(const struct frame *frame, struct signer_request *ret_request)
{
	*ret_request = (struct signer_request){.kind = frame->kind};
	switch (frame->kind) {
	case FRAME_KEYS:
		return get_dir(frame, ret_request);
	case FRAME_KEY:
	case FRAME_SECRET:
		return get_key(frame, ret_request);
	case FRAME_PUBLIC:
	case FRAME_IMPORT:
		return get_seed(frame, ret_request);
	case FRAME_PART:
		return get_part(frame, ret_request);
	case FRAME_CLAIM:
		return get_claim(frame, ret_request);
	case FRAME_CONFIG:
	case FRAME_ASK:
	case FRAME_CANCEL:
	case FRAME_ANSWER:
	case FRAME_SERVERS:
	case FRAME_COUNTERS:
	case FRAME_SIGNED:
	case FRAME_SPAWN:
	case FRAME_KILL:
	case FRAME_BIND:
	case FRAME_MOUNT:
	case FRAME_UNMOUNT:
	case FRAME_SERVING:
	case FRAME_TELL:
	case FRAME_CALL:
	case FRAME_HOLDS:
	case FRAME_KILLED:
	case FRAME_DONE:
	case FRAME_WANT:
	case FRAME_GIFT:
		break;
	}
	return -EBADMSG;
}

void signer_request_finish(struct signer_request *request)
{
	rrset_destroy((struct rrset *)request->claim.set);
	request->claim.set = NULL;
}

size_t signer_frame_put_reply(uint8_t *buf, uint64_t id, const struct signer_reply *reply)
{
	int32_t error = reply->error;

	memcpy(buf + FRAME_HEAD, &error, sizeof(error));
	memcpy(buf + FRAME_HEAD + sizeof(error), reply->bytes, reply->len);
	return frame_put_head(buf, FRAME_SIGNED, id, sizeof(error) + reply->len);
}

/* What there is in an answer to a request that was granted. */
static size_t reply_bytes(enum frame_kind kind)
{
	if (kind == FRAME_KEYS || kind == FRAME_IMPORT)
		return 0;
	if (kind == FRAME_KEY || kind == FRAME_PUBLIC)
		return NAME_KEY_LEN;
	return kind == FRAME_SECRET ? SEED_LEN : SIGNER_REPLY_BYTES;
}

int signer_frame_get_reply(
	const struct frame *frame, enum frame_kind kind, struct signer_reply *ret_reply)
{
	size_t expected = reply_bytes(kind);
	int32_t error;

	if (frame->kind != FRAME_SIGNED || frame->len < sizeof(error))
		return -EBADMSG;
	memcpy(&error, frame->payload, sizeof(error));
	if (error > 0 || error < -ERRNO_MAX)
		return -EBADMSG;
	if (frame->len - sizeof(error) != (error ? 0 : expected))
		return -EBADMSG;
	*ret_reply = (struct signer_reply){.error = error, .len = frame->len - sizeof(error)};
	memcpy(ret_reply->bytes, frame->payload + sizeof(error), ret_reply->len);
	return 0;
}
