/* Frames of the Unix socket. */
#include "fs/local.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define REQUEST_HEAD 5 /* kind, type, class; then the name */
#define REPLY_HEAD 9   /* error, trust, length of the text */

int local_path(bool of_root, unsigned port, char ret_path[LOCAL_PATH_MAX])
{
	const char *base = of_root ? "/run" : getenv("XDG_RUNTIME_DIR");
	ret_path[0] = '\0';
	if (!base || base[0] != '/')
		return -ENOENT;
	int n = snprintf(ret_path, LOCAL_PATH_MAX, "%s/kadns/%u", base, port);
	if (n >= 0 && n < LOCAL_PATH_MAX)
		return 0;
	ret_path[0] = '\0';
	return -ENAMETOOLONG;
}

static unsigned get16(const uint8_t *p)
{
	return (unsigned)p[0] << 8 | p[1];
}

static void put16(uint8_t *p, unsigned n)
{
	p[0] = (uint8_t)(n >> 8);
	p[1] = (uint8_t)n;
}

static uint32_t get32(const uint8_t *p)
{
	return (uint32_t)get16(p) << 16 | get16(p + 2);
}

static void put32(uint8_t *p, uint32_t n)
{
	put16(p, n >> 16);
	put16(p + 2, n & 0xffff);
}

size_t local_length(const uint8_t head[LOCAL_LENGTH])
{
	return get32(head);
}

int local_request_read(const uint8_t *frame, size_t len, struct local_request *ret_request)
{
	struct local_request *q = ret_request;
	size_t at = REQUEST_HEAD;
	if (len < REQUEST_HEAD || len > LOCAL_REQUEST_MAX || frame[0] < LOCAL_ASK ||
		frame[0] > LOCAL_WITHDRAW)
		return -EBADMSG;
	q->kind = frame[0];
	q->question.type = (uint16_t)get16(frame + 1);
	q->question.class = (uint16_t)get16(frame + 3);
	/* No pointer can point backwards to anything that is a name, for what stands before it is
	 * the head; one that does is what the fuzzer tries. */
	int r = name_from_wire(frame, len, &at, &q->question.name);
	if (r < 0 || at != REQUEST_HEAD + (size_t)q->question.name.len)
		return -EBADMSG;
	q->text = (const char *)frame + at;
	q->len = len - at;
	return q->len > JSON_INPUT_MAX || (q->kind != LOCAL_PUBLISH && q->len) ? -EBADMSG : 0;
}

int local_reply_read(const uint8_t *frame, size_t len, struct local_reply *ret_reply)
{
	if (len < REPLY_HEAD || len > LOCAL_REPLY_MAX || frame[4] > TRUST_OPEN)
		return -EBADMSG;
	size_t text = get32(frame + 5);
	int32_t error = (int32_t)get32(frame);
	if (text > len - REPLY_HEAD || error > 0 || error < -4095)
		return -EBADMSG;
	*ret_reply = (struct local_reply){.error = error,
		.trust = frame[4],
		.text = (const char *)frame + REPLY_HEAD,
		.len = text,
		.message = frame + REPLY_HEAD + text,
		.message_len = len - REPLY_HEAD - text};
	return 0;
}

/* Room for a frame of `len` bytes, with its length in its place. */
static uint8_t *make_frame(size_t len)
{
	uint8_t *bytes = malloc(LOCAL_LENGTH + len);
	if (bytes)
		put32(bytes, (uint32_t)len);
	return bytes;
}

static void put_bytes(uint8_t **at, const void *bytes, size_t len)
{
	if (len)
		memcpy(*at, bytes, len);
	*at += len;
}

int local_request_write(const struct local_request *q, uint8_t **ret_bytes, size_t *ret_len)
{
	const struct name *name = &q->question.name;
	size_t len = REQUEST_HEAD + (size_t)name->len + q->len;
	if (q->len > JSON_INPUT_MAX)
		return -EMSGSIZE;
	uint8_t *bytes = make_frame(len), *at = bytes + LOCAL_LENGTH + REQUEST_HEAD;
	if (!bytes)
		return -ENOMEM;
	bytes[LOCAL_LENGTH] = (uint8_t)q->kind;
	put16(bytes + LOCAL_LENGTH + 1, q->question.type);
	put16(bytes + LOCAL_LENGTH + 3, q->question.class);
	put_bytes(&at, name->wire, name->len);
	put_bytes(&at, q->text, q->len);
	*ret_bytes = bytes;
	*ret_len = LOCAL_LENGTH + len;
	return 0;
}

int local_reply_write(const struct local_reply *r, uint8_t **ret_bytes, size_t *ret_len)
{
	size_t len = REPLY_HEAD + r->len + r->message_len;
	if (len > LOCAL_REPLY_MAX)
		return -EMSGSIZE;
	uint8_t *bytes = make_frame(len), *at = bytes + LOCAL_LENGTH + REPLY_HEAD;
	if (!bytes)
		return -ENOMEM;
	put32(bytes + LOCAL_LENGTH, (uint32_t)r->error);
	bytes[LOCAL_LENGTH + 4] = (uint8_t)r->trust;
	put32(bytes + LOCAL_LENGTH + 5, (uint32_t)r->len);
	put_bytes(&at, r->text, r->len);
	put_bytes(&at, r->message, r->message_len);
	*ret_bytes = bytes;
	*ret_len = LOCAL_LENGTH + len;
	return 0;
}
