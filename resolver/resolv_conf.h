/* The name servers of resolv.conf(5), and whether the file has changed since. */
#ifndef RESOLVER_RESOLV_CONF_H
#define RESOLVER_RESOLV_CONF_H

#include "resolver/server_address.h"
#include "resolver/watched_file.h"

#define RESOLV_CONF_SERVERS_MAX 3 /* MAXNS: what the C library reads, it ignores the rest */

struct resolv_conf {
	struct server_address servers[RESOLV_CONF_SERVERS_MAX];
	size_t count;
};

/* Lines that are no name server, or name one that is no address, are passed over, as the C library
 * does. A file that names none means the server on this host, 127.0.0.1. */
void resolv_conf_parse(const char *text, size_t len, struct resolv_conf *ret_conf);

/* Reads the file if it is another than last time, true then. One that is not there at the first
 * look is an empty one; one that vanishes later says what it said. */
bool resolv_conf_changed(struct watched_file *file, struct resolv_conf *ret_conf);

#endif
