/* A relay to a DNS server as all of them speak, over UDP, and over TCP where an answer does not
 * fit.
 *
 * libunbound speaks that too, but sends a question that gets no answer four times: twice as it is,
 * twice with CD=1, for it may have been held bogus. A question must not be sent to a server more
 * than three times (RFC 9520, 3.1), and of ours none is more than twice: once more where the first
 * was lost, or with CD=1 where the server said SERVFAIL. Nor does libunbound take a server for dead
 * any more because one name is slow there. */
#ifndef RESOLVER_UDP_RELAY_H
#define RESOLVER_UDP_RELAY_H

#include "resolver/relay.h"

struct udp_relay_config {
	const struct server_address *server;
	const char *text; /* the server, for people */
	unsigned max;	  /* questions under way, each with a socket */
	int owners;	  /* as in relay_config */
};

/* Every question is answered, with SERVFAIL if need be, within that many milliseconds. */
#define UDP_RELAY_TIME_MS 5500

/* 0 or a negative errno. */
int udp_relay_create(
	struct event_base *base, const struct udp_relay_config *config, struct relay **ret_relay);
/* Until then (clock_monotonic) a question that is asked again, or under way, is sent no second
 * time: what is said to it is given to all. With CD=1 that is also what was said without. */
void udp_relay_keep(struct relay *relay, uint64_t until);

#endif
