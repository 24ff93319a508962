/* Messages of a chain of aliases: where it leaves the zone whose servers were asked, what is kept
 * of a message up to there, and several of those as one answer. */
#ifndef RESOLVER_CHAIN_LINK_H
#define RESOLVER_CHAIN_LINK_H

#include "resolver/packet.h"
#include "resolver/server_list.h"

/* Aliases followed; a real chain has one or two, and a circle has no end. */
#define CHAIN_LINKS_MAX 8

struct chain_message {
	const uint8_t *bytes;
	size_t len;
};

/* The names of a chain as far as they belong to the servers that were asked. */
struct chain_way {
	struct name visited[CHAIN_LINKS_MAX];
	size_t len;
	struct name target; /* of the last alias */
	bool leaves;	    /* `target` is for other servers */
};
/* Follows the aliases of `q` in the message. 0 or -EBADMSG: no message, or too long a chain. */
int chain_follow(const struct server_list *servers, const struct question *q,
	const struct chain_message *message, struct chain_way *ret_way);

/* One message, as the answer to `q`: the answers to the links but for what stands beyond each
 * link's way, then the last message whole, with its rcode. NULL for `last`: the links alone.
 * ret_buf holds PACKET_MAX. Length, -EBADMSG or -EFBIG. */
struct chain_link {
	struct chain_message message;
	struct chain_way way;
};
int chain_join(const struct question *q, const struct chain_link *links, size_t len,
	const struct chain_message *last, uint8_t *ret_buf);

#endif
