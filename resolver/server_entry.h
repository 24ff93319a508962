/* One server in the list of upstreams, as the resolver's process tells the validator of it, and
 * what the validator tells back. */
#ifndef RESOLVER_SERVER_ENTRY_H
#define RESOLVER_SERVER_ENTRY_H

#include "resolver/name.h"
#include "resolver/resolv_conf.h"
#include "resolver/server_address.h"
#include "resolver/upstream.h"

/* "system" said twice counts once; each other word is one server. */
#define SERVERS_MAX (UPSTREAM_MAX + RESOLV_CONF_SERVERS_MAX)

struct server_entry {
	uint32_t id; /* of this server for as long as it stands in the list, and never another's:
		      * its contexts and what is known of it belong to the id */
	struct name zone;  /* for these names only; the root: for those that are of no such zone */
	uint8_t recursive; /* 0 or 1, and no bool: it is read from a frame */
	uint8_t unproven;  /* 0 or 1, likewise: what is spoken there has no room for DNSSEC */
	uint8_t lan;	 /* likewise: a forwarder that may hear of this network's addresses, for it
			  * is in this network itself, or was named for a zone */
	uint8_t relayed; /* likewise: the address is that of a relay of the node's */
	uint8_t loops;	 /* likewise: it asks us what we ask it, so nothing is asked of it */
	struct server_address address; /* of a forwarder */
	char label[UPSTREAM_LABEL_MAX];
};

/* What the node has asked of it, and how it does. */
enum server_dnssec { DNSSEC_UNKNOWN, DNSSEC_PROBING, DNSSEC_PASSES, DNSSEC_STRIPS };
struct server_counters {
	uint32_t id;
	uint32_t rtt; /* microseconds from question to answer, of late; 0: none yet */
	uint64_t asked, answered, failed;
	uint32_t down; /* it is passed over, for it has fallen silent */
	uint32_t dnssec;
};

#endif
