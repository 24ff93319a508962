/* Replies in batches: sendmmsg, and one message of it for what goes to one client. */
#include "resolver/dns_udp.h"

#include <errno.h>
#include <netinet/udp.h>
#include <string.h>

/* UDP_MAX_SEGMENTS of the kernel is 64 or more, which a batch does not exceed; what a run has in
 * bytes goes through IP as one datagram. */
#define RUN_BYTES_MAX 60000
_Static_assert(DNS_UDP_BATCH <= 64, "the kernel cuts up no more");
_Static_assert(
	CMSG_SPACE(sizeof(struct in6_pktinfo)) + CMSG_SPACE(sizeof(uint16_t)) <= DNS_UDP_CONTROL,
	"where from, and how long each is");

/* Runs that may still grow are found by the client's port: of two that share a place one ends
 * early. */
#define OPEN_RUNS 16
#define NO_RUN UINT8_MAX

void dns_udp_reply(struct dns_udp *udp, unsigned i, size_t len)
{
	udp->reply[udp->replies++] = (struct dns_udp_reply){
		.slot = (uint8_t)i, .len = (uint16_t)len};
}

/* To the same client, from the same address of ours. */
static bool is_same_way(const struct dns_udp *udp, unsigned a, unsigned b)
{
	const struct msghdr *x = &udp->in[a].msg_hdr, *y = &udp->in[b].msg_hdr;
	return x->msg_namelen == y->msg_namelen && x->msg_controllen == y->msg_controllen &&
	       memcmp(x->msg_name, y->msg_name, x->msg_namelen) == 0 &&
	       (!x->msg_controllen ||
		       memcmp(x->msg_control, y->msg_control, x->msg_controllen) == 0);
}

/* The port is at one place in both families. */
static unsigned place_of(const struct dns_udp *udp, unsigned slot)
{
	return ntohs(udp->slots[slot].peer.v4.sin_port) % OPEN_RUNS;
}
_Static_assert(offsetof(struct sockaddr_in, sin_port) == offsetof(struct sockaddr_in6, sin6_port),
	"IPv4 as IPv6");

static bool takes(
	const struct dns_udp *udp, const struct dns_udp_run *run, const struct dns_udp_reply *reply)
{
	return !run->closed && reply->len <= run->size &&
	       run->bytes + reply->len <= RUN_BYTES_MAX && is_same_way(udp, run->slot, reply->slot);
}

/* Gives each reply its run. How many there are. */
static unsigned make_runs(struct dns_udp *udp)
{
	uint8_t open[OPEN_RUNS];
	unsigned runs = 0;
	memset(open, NO_RUN, sizeof(open));
	for (unsigned i = 0; i < udp->replies; i++) {
		struct dns_udp_reply *reply = &udp->reply[i];
		uint8_t *place = &open[place_of(udp, reply->slot)];
		if (udp->in_pieces || *place == NO_RUN || !takes(udp, &udp->runs[*place], reply)) {
			*place = (uint8_t)runs;
			struct dns_udp_run *run = &udp->runs[runs++];
			run->slot = reply->slot;
			run->len = 0;
			run->closed = false;
			run->size = reply->len;
			run->bytes = 0;
		}
		struct dns_udp_run *run = &udp->runs[*place];
		reply->run = *place;
		run->len++;
		run->bytes = (uint16_t)(run->bytes + reply->len);
		run->closed = reply->len < run->size;
	}
	return runs;
}

/* What the kernel is told of a run: as of one reply, and how long each is. */
static void put_control(const struct dns_udp *udp, struct dns_udp_run *run, struct msghdr *m)
{
	const struct msghdr *in = &udp->in[run->slot].msg_hdr;
	struct cmsghdr *c = (struct cmsghdr *)(run->control + in->msg_controllen);
	m->msg_controllen = in->msg_controllen;
	if (run->len > 1) {
		c->cmsg_level = IPPROTO_UDP;
		c->cmsg_type = UDP_SEGMENT;
		c->cmsg_len = CMSG_LEN(sizeof(run->size));
		memcpy(CMSG_DATA(c), &run->size, sizeof(run->size));
		m->msg_controllen += CMSG_SPACE(sizeof(run->size));
	}
	if (in->msg_controllen)
		memcpy(run->control, in->msg_control, in->msg_controllen);
	m->msg_control = m->msg_controllen ? run->control : NULL;
}

/* The messages of the runs, and their parts in one list. */
static void lay_out(struct dns_udp *udp, unsigned runs)
{
	struct iovec *part = udp->parts;
	for (unsigned i = 0; i < runs; i++) {
		struct dns_udp_run *run = &udp->runs[i];
		const struct msghdr *in = &udp->in[run->slot].msg_hdr;
		struct msghdr *m = &udp->out[i].msg_hdr;
		*m = (struct msghdr){
			.msg_name = in->msg_name, .msg_namelen = in->msg_namelen, .msg_iov = part};
		put_control(udp, run, m);
		part += run->len;
	}
	for (unsigned i = 0; i < udp->replies; i++) {
		const struct dns_udp_reply *reply = &udp->reply[i];
		struct msghdr *m = &udp->out[reply->run].msg_hdr;
		m->msg_iov[m->msg_iovlen++] = (struct iovec){
			udp->slots[reply->slot].reply, reply->len};
	}
}

/* A run that the kernel refuses to cut up: by one message for each of its replies. */
static unsigned send_pieces(struct dns_udp *udp, const struct mmsghdr *run)
{
	unsigned taken = 0;
	struct msghdr m = run->msg_hdr;
	m.msg_controllen -= CMSG_SPACE(sizeof(uint16_t));
	m.msg_control = m.msg_controllen ? m.msg_control : NULL;
	m.msg_iovlen = 1;
	for (size_t i = 0; i < run->msg_hdr.msg_iovlen; i++) {
		m.msg_iov = run->msg_hdr.msg_iov + i;
		taken += sendmsg(udp->fd, &m, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0;
	}
	return taken;
}

/* One that could not be sent; errno says why. EIO: the interface of that way computes no sums, as a
 * tunnel's; EMSGSIZE: its packets are too short; EINVAL: so too, or a kernel before 4.18. Others
 * may have a better way, but who knows. Whatever else it is, the client asks again. */
static unsigned send_refused(struct dns_udp *udp, const struct mmsghdr *run)
{
	bool uncut = errno == EIO || errno == EMSGSIZE || errno == EINVAL;
	if (!uncut || run->msg_hdr.msg_iovlen == 1)
		return 0;
	udp->in_pieces = true;
	return send_pieces(udp, run);
}

unsigned dns_udp_send(struct dns_udp *udp)
{
	unsigned runs = make_runs(udp), taken = 0;
	lay_out(udp, runs);
	for (unsigned at = 0; at < runs;) {
		int sent = sendmmsg(udp->fd, udp->out + at, runs - at, MSG_DONTWAIT | MSG_NOSIGNAL);
		if (sent <= 0) /* one that cannot be sent holds up no other */
			taken += send_refused(udp, &udp->out[at++]);
		for (; sent > 0; sent--)
			taken += (unsigned)udp->out[at++].msg_hdr.msg_iovlen;
	}
	udp->replies = 0;
	return taken;
}
