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

struct request {
	struct nlmsghdr head;
	struct inet_diag_req_v2 body;
};
_Static_assert(sizeof(struct request) % NLMSG_ALIGNTO == 0, "one stands behind another");

/* The kernel looks for the socket that a datagram from `to` to `from` would reach: the sender's. */
static struct request request_for(
	uint32_t serial, const struct sockaddr_in *from, const struct sockaddr_in *to)
{
	return (struct request){
		.head = {.nlmsg_len = sizeof(struct request),
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
}

union reply {
	struct nlmsghdr head;
	uint8_t bytes[512];
};

static int read_error(const struct nlmsgerr *e)
{
	/* Without its module the kernel knows no such protocol. */
	return e->error == -ENOENT || e->error == 0 ? -ENOENT : -EOPNOTSUPP;
}

static int read_reply(
	const union reply *reply, size_t len, const struct sockaddr_in *to, struct udp_owner *owner)
{
	struct inet_diag_msg m;

	if (!NLMSG_OK(&reply->head, len))
		return -EBADMSG;
	if (reply->head.nlmsg_type == NLMSG_ERROR &&
		reply->head.nlmsg_len >= NLMSG_LENGTH(sizeof(struct nlmsgerr)))
		return read_error(NLMSG_DATA(&reply->head));
	if (reply->head.nlmsg_type != SOCK_DIAG_BY_FAMILY ||
		reply->head.nlmsg_len < NLMSG_LENGTH(sizeof(m)))
		return -EBADMSG;
	memcpy(&m, NLMSG_DATA(&reply->head), sizeof(m));
	if (m.id.idiag_sport != owner->from.sin_port)
		return -EBADMSG;
	if (m.id.idiag_dst[0] != to->sin_addr.s_addr || m.id.idiag_dport != to->sin_port)
		return -ENOTCONN;
	owner->uid = m.idiag_uid;
	return 0;
}

void udp_owners(int fd, const struct sockaddr_in *to, struct udp_owner *list, size_t len)
{
	static struct request requests[UDP_OWNERS_MAX]; /* there is one thread */
	static union reply replies[UDP_OWNERS_MAX];
	static uint32_t serial;
	struct mmsghdr in[UDP_OWNERS_MAX] = {0};
	struct iovec parts[UDP_OWNERS_MAX];
	uint32_t first = serial + 1;
	int n;

	for (size_t i = 0; i < len; i++) {
		requests[i] = request_for(++serial, &list[i].from, to);
		parts[i] = (struct iovec){&replies[i], sizeof(replies[i])};
		in[i].msg_hdr.msg_iov = &parts[i];
		in[i].msg_hdr.msg_iovlen = 1;
		list[i].error = -EAGAIN;
	}
	if (send(fd, requests, len * sizeof(*requests), MSG_DONTWAIT | MSG_NOSIGNAL) < 0) {
		for (size_t i = 0; i < len; i++)
			list[i].error = -errno;
		return;
	}
	/* What an earlier question has left, if it had no room for its answers, is not for us. */
	while ((n = recvmmsg(fd, in, (unsigned)len, MSG_DONTWAIT, NULL)) > 0)
		for (int i = 0; i < n; i++) {
			uint32_t which = replies[i].head.nlmsg_seq - first;

			if (in[i].msg_len >= sizeof(replies[i].head) && which < len)
				list[which].error = read_reply(
					&replies[i], in[i].msg_len, to, &list[which]);
		}
}
