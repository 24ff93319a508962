/* Who may ask a door: this machine always, others by `allow=NET`.
 *
 * A resolver that answers the whole Internet is an amplifier for whoever forges a sender, so a door
 * that others can reach answers those only whom the configuration names. */
#ifndef RESOLVER_ALLOW_H
#define RESOLVER_ALLOW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#define ALLOW_MAX 32 /* networks; they are tried one after the other, for each packet */

struct allow_net {
	sa_family_t family;
	uint8_t bits;
	uint8_t address[16]; /* 4 bytes of it for IPv4 */
};

struct allow {
	struct allow_net nets[ALLOW_MAX];
	size_t len;
};

/* ADDR or ADDR/BITS, IPv4 or IPv6. -EINVAL: not one; -EDOM: bits behind the prefix are set, as in
 * 10.1.2.3/8, which may mean a host or sixteen million. */
int allow_parse(const char *text, struct allow_net *ret_net);
bool allow_is_loopback(const struct sockaddr *address);
/* Loopback is allowed whatever the list says. */
bool allow_permits(const struct allow *allow, const struct sockaddr *address);

#endif
