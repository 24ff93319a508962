/* The DNS door's datagrams, many by one system call: the kernel's share of a cached answer is most
 * of its cost, and half of that is entering the kernel. */
#ifndef RESOLVER_DNS_UDP_H
#define RESOLVER_DNS_UDP_H

#include <netinet/in.h>
#include <sys/socket.h>

#include "resolver/dns_message.h"

#define DNS_UDP_BATCH 64
#define DNS_UDP_QUERY 4096 /* a longer one is no query of ours; read so far, so known as such */
/* The kernel counts double, and some 800 bytes for a query: room for as many as a flood sends in
 * the 8 ms that other programs may have the processor. Its usual room is over in 3; with more, who
 * is served late would be served too late. What net.core.rmem_max forbids it takes away. */
#define DNS_UDP_ROOM (320 * 1024)
#define DNS_UDP_CONTROL 64 /* one IP_PKTINFO or IPV6_PKTINFO, and of replies one UDP_SEGMENT */

/* A datagram and its reply. */
struct dns_udp_slot {
	union dns_udp_peer {
		struct sockaddr any;
		struct sockaddr_in v4;
		struct sockaddr_in6 v6;
	} peer;
	struct iovec in;
	uint8_t control[DNS_UDP_CONTROL] __attribute__((aligned(8)));
	uint8_t reply[DNS_UDP_MAX + DNS_OPT_MAX];
	uint8_t query[DNS_UDP_QUERY];
};

/* A reply that is to be sent, in the order in which they were made. */
struct dns_udp_reply {
	uint8_t slot, run;
	uint16_t len;
};
/* Replies to one client, of one length but for the last, which may be shorter: the kernel takes
 * them as one, and its way from here to him is gone once for all of them (UDP_SEGMENT). Other
 * resolvers, who ask for many from one port, are most of who ask so much that it counts. */
struct dns_udp_run {
	uint8_t slot; /* of the first: whose peer it is */
	uint8_t len;  /* replies */
	bool closed;  /* by a shorter one, or full */
	uint16_t size, bytes;
	uint8_t control[DNS_UDP_CONTROL] __attribute__((aligned(8)));
};

struct dns_udp {
	int fd;
	bool wildcard;	/* bound to every address: a reply must come from the one that was asked */
	bool in_pieces; /* the kernel cannot cut a run up: each reply is sent for itself */
	unsigned used;	/* slots to be made ready again: the kernel has written into them */
	unsigned replies;
	struct dns_udp_reply reply[DNS_UDP_BATCH];
	struct dns_udp_run runs[DNS_UDP_BATCH];
	struct iovec parts[DNS_UDP_BATCH]; /* of the replies, run by run */
	struct mmsghdr in[DNS_UDP_BATCH], out[DNS_UDP_BATCH];
	struct dns_udp_slot slots[DNS_UDP_BATCH];
};

/* Binds a socket. 0 or -errno. */
int dns_udp_open(const struct sockaddr *address, socklen_t len, struct dns_udp **ret_udp);
void dns_udp_close(struct dns_udp *udp); /* NULL is fine */

/* Reads what is there, at most a batch: in[i] and slots[i] are datagram i. How many; 0: none. */
unsigned dns_udp_receive(struct dns_udp *udp);
/* To be sent to where datagram i came from: `len` bytes of its slot's reply. */
void dns_udp_reply(struct dns_udp *udp, unsigned i, size_t len);
/* Sends the replies. What the kernel has no room for is lost, as any datagram may be: the client
 * asks again. Returns how many it took. */
unsigned dns_udp_send(struct dns_udp *udp);

#endif
