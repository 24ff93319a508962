/* HUP: the configuration is read again, and what of it can change under way does. */
#ifndef FS_RELOAD_H
#define FS_RELOAD_H

#include "fs/config.h"
#include "resolver/hosts.h"

/* What is needed to read it again, and what is told of it. */
struct reload {
	int argc;
	char **argv;
	const char *directory;	   /* where the program was started */
	struct upstream *upstream; /* NULL: upstream=none */
	struct hosts *hosts;
};

/* upstream=, insecure_zone= and hosts=, and the files behind them: resolv.conf, the hosts file.
 * With a mistake in it all stays as it was. Nothing that is under way is lost. Says in the log how
 * it went. */
void reload(const struct reload *what);

#endif
