/* HUP: the configuration is read again, and what of it can change under way does. */
#ifndef FS_RELOAD_H
#define FS_RELOAD_H

#include "fs/config.h"
#include "resolver/hosts.h"
#include "resolver/resolver.h"
#include "resolver/relays.h"
#include "resolver/tls_server.h"

/* What is needed to read it again, and what is told of it. */
struct reload {
	int argc;
	char **argv;
	const char *directory;	   /* where the program was started */
	struct upstream *upstream; /* NULL: upstream=none */
	struct relays *relays; /* of it; likewise */
	struct hosts *hosts;
	struct resolver *resolver;
	struct tls_server *tls; /* NULL: no door speaks TLS */
	struct policy *policy; /* the program's own, for who holds a pointer to it */
};

/* The lines of pin= as one list; each was good by itself. NULL in *ret_list: there are none.
 * -ENOMEM. */
int reload_pins(const struct config *c, struct pin_list **ret_list);
/* upstream=, insecure_zone=, hosts=, tls_cert=, tls_key= and the files behind them: resolv.conf,
 * the hosts file, certificate and key; pin=, trust=, lookup=, tofu= and private_ok=. What was
 * answered under the former ones is forgotten. With a mistake in it all stays as it was. Nothing
 * that is under way is lost. Says in the log how it went. */
void reload(const struct reload *what);

#endif
