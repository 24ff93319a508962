/* Frames between the node and the starter. */
#include "fs/starter_frame.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <unistd.h>

struct request_head {
	int32_t number;
	uint32_t len; /* of what follows: a text with its NUL, or an address */
	uint64_t ino;
};
struct reply_body {
	int32_t error;
	uint32_t none;
	uint64_t value;
};
_Static_assert(FRAME_HEAD + sizeof(struct request_head) + STARTER_TEXT_MAX == STARTER_FRAME_MAX &&
		       FRAME_HEAD + sizeof(struct reply_body) == STARTER_REPLY_MAX,
	"no padding");

size_t starter_frame_put(uint8_t *buf, uint64_t id, const struct starter_request *r)
{
	struct request_head head = {.number = r->number, .ino = r->ino};
	const void *rest = r->text;
	if (r->kind == FRAME_SPAWN) {
		head.len = (uint32_t)strlen(r->text) + 1;
	} else if (r->kind == FRAME_BIND) {
		rest = &r->address;
		head.len = r->address_len;
	}
	memcpy(buf + FRAME_HEAD, &head, sizeof(head));
	memcpy(buf + FRAME_HEAD + sizeof(head), rest, head.len);
	return frame_put_head(buf, r->kind, id, sizeof(head) + head.len);
}

size_t starter_frame_put_reply(uint8_t *buf, uint64_t id, const struct starter_reply *reply)
{
	struct reply_body body = {.error = reply->error, .value = reply->value};
	memcpy(buf + FRAME_HEAD, &body, sizeof(body));
	return frame_put_head(buf, FRAME_DONE, id, sizeof(body));
}

static int get_text(const uint8_t *bytes, size_t len, struct starter_request *ret_request)
{
	if (len == 0 || len > STARTER_TEXT_MAX || memchr(bytes, '\0', len) != bytes + len - 1)
		return -EBADMSG;
	memcpy(ret_request->text, bytes, len);
	return 0;
}

static int get_address(const uint8_t *bytes, size_t len, struct starter_request *ret_request)
{
	if (len > sizeof(ret_request->address))
		return -EBADMSG;
	memcpy(&ret_request->address, bytes, len);
	ret_request->address_len = (socklen_t)len;
	if (len == sizeof(struct sockaddr_in) && ret_request->address.ss_family == AF_INET)
		return 0;
	if (len == sizeof(struct sockaddr_in6) && ret_request->address.ss_family == AF_INET6)
		return 0;
	return -EBADMSG;
}

int starter_frame_get(const struct frame *frame, struct starter_request *ret_request)
{
	struct request_head head;
	const uint8_t *rest = frame->payload + sizeof(head);
	if (frame->kind < FRAME_SPAWN || frame->kind >= FRAME_DONE || frame->len < sizeof(head))
		return -EBADMSG;
	memcpy(&head, frame->payload, sizeof(head));
	if (head.len != frame->len - sizeof(head))
		return -EBADMSG;
	*ret_request = (struct starter_request){
		.kind = frame->kind, .number = head.number, .ino = head.ino};
	if (frame->kind == FRAME_SPAWN)
		return get_text(rest, head.len, ret_request);
	if (frame->kind == FRAME_BIND)
		return get_address(rest, head.len, ret_request);
	return head.len == 0 ? 0 : -EBADMSG;
}

int starter_frame_get_reply(const struct frame *frame, struct starter_reply *ret_reply)
{
	struct reply_body body;
	if (frame->kind != FRAME_DONE || frame->len != sizeof(body))
		return -EBADMSG;
	memcpy(&body, frame->payload, sizeof(body));
	/* Errors that a caller could not tell from none, or from a pointer. */
	if (body.error > 0 || body.error < -4095 || body.none)
		return -EBADMSG;
	*ret_reply = (struct starter_reply){.error = body.error, .value = body.value};
	return 0;
}

/* ---- packets ---- */

union control {
	struct cmsghdr align;
	char bytes[CMSG_SPACE(STARTER_FDS_MAX * sizeof(int))];
};

int starter_send(int socket, const struct starter_packet *p)
{
	union control control = {.bytes = {0}};
	struct iovec iov = {.iov_base = p->bytes, .iov_len = p->len};
	struct msghdr message = {.msg_iov = &iov, .msg_iovlen = 1};
	if (p->fds_len) {
		message.msg_control = control.bytes;
		message.msg_controllen = CMSG_SPACE(p->fds_len * sizeof(int));
		struct cmsghdr *head = CMSG_FIRSTHDR(&message);
		head->cmsg_level = SOL_SOCKET;
		head->cmsg_type = SCM_RIGHTS;
		head->cmsg_len = CMSG_LEN(p->fds_len * sizeof(int));
		memcpy(CMSG_DATA(head), p->fds, p->fds_len * sizeof(int));
	}
	return sendmsg(socket, &message, MSG_NOSIGNAL | MSG_DONTWAIT) < 0 ? -errno : 0;
}

void starter_packet_close(struct starter_packet *p)
{
	for (size_t i = 0; i < p->fds_len; i++)
		if (p->fds[i] >= 0)
			close(p->fds[i]);
	p->fds_len = 0;
}

/* More descriptors than have room the kernel does not install. */
static void keep_descriptors(struct msghdr *message, struct starter_packet *p)
{
	const struct cmsghdr *head = CMSG_FIRSTHDR(message);
	p->fds_len = 0;
	if (!head || head->cmsg_level != SOL_SOCKET || head->cmsg_type != SCM_RIGHTS ||
		head->cmsg_len < CMSG_LEN(0))
		return;
	p->fds_len = (head->cmsg_len - CMSG_LEN(0)) / sizeof(int);
	if (p->fds_len > STARTER_FDS_MAX)
		p->fds_len = STARTER_FDS_MAX;
	memcpy(p->fds, CMSG_DATA(head), p->fds_len * sizeof(int));
}

int starter_receive(int socket, struct starter_packet *p)
{
	union control control;
	struct iovec iov = {.iov_base = p->bytes, .iov_len = p->len};
	struct msghdr message = {.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control.bytes,
		.msg_controllen = sizeof(control.bytes)};
	ssize_t n = recvmsg(socket, &message, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
	p->fds_len = 0;
	if (n < 0)
		return errno == EINTR ? -EAGAIN : errno == EAGAIN ? -EAGAIN : -EPIPE;
	keep_descriptors(&message, p);
	if (n > 0 && !(message.msg_flags & (MSG_TRUNC | MSG_CTRUNC))) {
		p->len = (size_t)n;
		return 0;
	}
	return n == 0 && p->fds_len == 0 ? -EPIPE : -EBADMSG;
}
