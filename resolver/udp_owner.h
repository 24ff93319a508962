/* Whose socket a datagram on loopback came from, by what the kernel says of its sockets
 * (sock_diag(7)). A datagram by itself carries no name, and loopback is open to every user of the
 * machine. */
#ifndef RESOLVER_UDP_OWNER_H
#define RESOLVER_UDP_OWNER_H

#include <netinet/in.h>
#include <stddef.h>
#include <sys/types.h>

/* A descriptor to ask by, or a negative errno. */
int udp_owner_open(void);
/* Who owns the socket at `from` that is connected to `to`. Only such a one counts: another user can
 * bind the same port at another address of loopback, and say with IP_PKTINFO that he sends from the
 * address of somebody's server, which is connected to nobody. */
struct udp_owner {
	struct sockaddr_in from;
	int error; /* 0; -ENOENT: there is none any more; -ENOTCONN: it is not connected to `to`;
		    * -EOPNOTSUPP: the kernel does not tell; others of the descriptor */
	uid_t uid;
};
#define UDP_OWNERS_MAX 64 /* their answers fit the least that a descriptor holds */
/* All of them by one question. It does not wait: the kernel answers at once. */
void udp_owners(int fd, const struct sockaddr_in *to, struct udp_owner *list, size_t len);

#endif
