/* Asking sock_diag for one socket. */
#include "resolver/udp_owner.h"

#include <errno.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

int udp_owner_open(void)
{
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_SOCK_DIAG);

	return fd < 0 ? -errno : fd;
}

/* The kernel looks for the socket that a datagram from `to` to `from` would reach: the sender's. */
static int ask(
	int fd, uint32_t serial, const struct sockaddr_in *from, const struct sockaddr_in *to)
{
	struct {
		struct nlmsghdr head;
		struct inet_diag_req_v2 body;
	} request = {
		.head = {.nlmsg_len = sizeof(request),
			.nlmsg_type = SOCK_DIAG_BY_FAMILY,
			.nlmsg_flags = NLM_F_REQUEST,
			.nlmsg_seq = serial},
		.body = {.sdiag_family = AF_INET,
			.sdiag_protocol = IPPROTO_UDP,
			.idiag_states = UINT32_MAX,
			.id = {.idiag_sport = to->sin_port,
				.idiag_dport = from->sin_port,
				.idiag_src = {to->sin_addr.s_addr},
				.idiag_dst = {from->sin_addr.s_addr},
				.idiag_cookie = {INET_DIAG_NOCOOKIE, INET_DIAG_NOCOOKIE}}},
	};

	return send(fd, &request, sizeof(request), MSG_DONTWAIT | MSG_NOSIGNAL) < 0 ? -errno : 0;
}

static int read_error(const struct nlmsgerr *e)
{
	/* Without its module the kernel knows no such protocol. */
	return e->error == -ENOENT || e->error == 0 ? -ENOENT : -EOPNOTSUPP;
}

int udp_owner(int fd, const struct sockaddr_in *from, const struct sockaddr_in *to, uid_t *ret_uid)
{
	union {
		struct nlmsghdr head;
		uint8_t bytes[4096];
	} reply;
	static uint32_t serial;
	int r = ask(fd, ++serial, from, to);
	ssize_t n;

	if (r)
		return r;
	do /* what an earlier question has left, if it had no room for its answer, is not for us */
		n = recv(fd, &reply, sizeof(reply), MSG_DONTWAIT);
	while (n >= (ssize_t)sizeof(reply.head) && reply.head.nlmsg_seq != serial);
	if (n < 0)
		return -errno;
	if (!NLMSG_OK(&reply.head, (size_t)n))
		return -EBADMSG;
	if (reply.head.nlmsg_type == NLMSG_ERROR &&
		reply.head.nlmsg_len >= NLMSG_LENGTH(sizeof(struct nlmsgerr)))
		return read_error(NLMSG_DATA(&reply.head));
	if (reply.head.nlmsg_type != SOCK_DIAG_BY_FAMILY ||
		reply.head.nlmsg_len < NLMSG_LENGTH(sizeof(struct inet_diag_msg)))
		return -EBADMSG;
	struct inet_diag_msg m;
	memcpy(&m, NLMSG_DATA(&reply.head), sizeof(m));
	if (m.id.idiag_sport != from->sin_port)
		return -EBADMSG;
	if (m.id.idiag_dst[0] != to->sin_addr.s_addr || m.id.idiag_dport != to->sin_port)
		return -ENOTCONN;
	*ret_uid = m.idiag_uid;
	return 0;
}
