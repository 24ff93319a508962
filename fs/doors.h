/* The doors of the program: one for each dns=, dot=, http= and https=, and the certificate of those
 * that speak TLS. */
#ifndef FS_DOORS_H
#define FS_DOORS_H

#include "fs/config.h"
#include "resolver/dns_door.h"

struct doors {
	struct tls_server *tls; /* NULL: none speaks it */
	struct dns_door *door[DOOR_KINDS * CONFIG_LIST_MAX];
	size_t len;
};

/* Each logs what it cannot do, and returns a negative errno.
 *
 * Reads the certificate: as who was started it is read, and later too. */
int doors_open_tls(struct doors *d, const struct config *c);
/* Opens the sockets. The configuration stands as long as they do. */
int doors_open(struct doors *d, const struct config *c, struct event_base *base,
	struct resolver *resolver, struct upstream *upstream);
void doors_close(struct doors *d);

#endif
