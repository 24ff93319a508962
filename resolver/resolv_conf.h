/* The name servers of resolv.conf(5), and whether the file has changed since. */
#ifndef RESOLVER_RESOLV_CONF_H
#define RESOLVER_RESOLV_CONF_H

#include "resolver/server_address.h"

#include <stdint.h>
#include <sys/types.h>

#define RESOLV_CONF_SERVERS_MAX 3 /* MAXNS: what the C library reads, it ignores the rest */

struct resolv_conf {
	struct server_address servers[RESOLV_CONF_SERVERS_MAX];
	size_t count;
};

/* Lines that are no name server, or name one that is no address, are passed over, as the C library
 * does. A file that names none means the server on this host, 127.0.0.1. */
void resolv_conf_parse(const char *text, size_t len, struct resolv_conf *ret_conf);

/* The file as it was when last looked at. Zero it before the first look. */
struct resolv_conf_file {
	const char *path;
	dev_t device;
	ino_t inode;
	off_t size;
	int64_t modified_ns;
	bool seen;
};
/* Reads the file if it is another than last time, true then; a file that cannot be read is an
 * empty one, and it is read again once it can be. */
bool resolv_conf_changed(struct resolv_conf_file *file, struct resolv_conf *ret_conf);

#endif
