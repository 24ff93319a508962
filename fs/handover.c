/* A descriptor by SCM_RIGHTS. */
#include "fs/handover.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define WORD "unix:"
#define PATIENCE_MS 10000 /* a dead mount there is looked at first, for two seconds at most */

union control {
	struct cmsghdr align;
	char bytes[CMSG_SPACE(sizeof(int))];
};

bool handover_is_asked(const char *mountpoint)
{
	return strncmp(mountpoint, WORD, strlen(WORD)) == 0;
}

int handover_address(const char *path, struct sockaddr_un *ret_address)
{
	*ret_address = (struct sockaddr_un){.sun_family = AF_UNIX};
	if (strlen(path) >= sizeof(ret_address->sun_path))
		return -ENAMETOOLONG;
	memcpy(ret_address->sun_path, path, strlen(path) + 1);
	return 0;
}

int handover_give(int connection, int device, const char *text)
{
	union control control = {.bytes = {0}};
	struct iovec iov = {.iov_base = (char *)text, .iov_len = strlen(text) + 1};
	struct msghdr message = {.msg_iov = &iov, .msg_iovlen = 1};
	if (device >= 0) {
		message.msg_control = control.bytes;
		message.msg_controllen = sizeof(control.bytes);
		struct cmsghdr *head = CMSG_FIRSTHDR(&message);
		head->cmsg_level = SOL_SOCKET;
		head->cmsg_type = SCM_RIGHTS;
		head->cmsg_len = CMSG_LEN(sizeof(device));
		memcpy(CMSG_DATA(head), &device, sizeof(device));
	}
	return sendmsg(connection, &message, MSG_NOSIGNAL) < 0 ? -errno : 0;
}

/* What came, as a text with its end, and the descriptor or -1. */
static int receive(struct handover *h, char *ret_text, size_t size)
{
	union control control;
	struct iovec iov = {.iov_base = ret_text, .iov_len = size};
	struct msghdr message = {.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control.bytes,
		.msg_controllen = sizeof(control.bytes)};
	struct pollfd wait = {.fd = h->connection, .events = POLLIN};
	if (poll(&wait, 1, PATIENCE_MS) <= 0)
		return -ETIMEDOUT;
	ssize_t n = recvmsg(h->connection, &message, MSG_CMSG_CLOEXEC);
	if (n < 0)
		return -errno;
	const struct cmsghdr *head = CMSG_FIRSTHDR(&message);
	if (head && head->cmsg_type == SCM_RIGHTS && head->cmsg_len == CMSG_LEN(sizeof(int)))
		memcpy(&h->device, CMSG_DATA(head), sizeof(int));
	return n == 0 ? -ECONNRESET : ret_text[n - 1] != '\0' ? -EBADMSG : 0;
}

static int fail(struct handover *h, int error, const char *why)
{
	if (h->device >= 0)
		close(h->device);
	if (h->connection >= 0)
		close(h->connection);
	h->device = h->connection = -1;
	snprintf(h->why, sizeof(h->why), "%.*s", (int)sizeof(h->why) - 1, why);
	return error;
}

int handover_take(const char *mountpoint, struct handover *ret_handover)
{
	struct handover *h = ret_handover;
	struct sockaddr_un address;
	char text[PATH_MAX];
	h->device = -1;
	h->connection = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	int r = h->connection < 0 ? -errno : handover_address(mountpoint + strlen(WORD), &address);
	if (r == 0 && connect(h->connection, (struct sockaddr *)&address, sizeof(address)) < 0)
		r = -errno;
	if (r < 0)
		return fail(h, r, strerror(-r));
	r = receive(h, text, sizeof(text));
	if (r == -ETIMEDOUT)
		return fail(h, r, "kadns-mount does not answer");
	if (r < 0)
		return fail(h, r, strerror(-r));
	if (h->device < 0)
		return fail(h, -EBUSY, text);
	if (text[0] != '/')
		return fail(h, -EBADMSG, "kadns-mount says no mountpoint");
	snprintf(h->path, sizeof(h->path), "%s", text);
	return 0;
}
