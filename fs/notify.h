/* What a service manager is told, sd_notify(3): in service when the mount answers, and not before.
 */
#ifndef FS_NOTIFY_H
#define FS_NOTIFY_H

#include <stdbool.h>

struct event_base;

/* Finds who wants to know, from the environment, and takes it out of there. */
void notify_open(void);
enum notify_word {
	NOTIFY_SERVING,
	NOTIFY_RELOADING,
	NOTIFY_RELOADED,
	NOTIFY_STOPPING,
};
typedef void notify_fn(enum notify_word word);
/* Nothing where nobody wants to know. */
notify_fn notify_tell;
/* Who tells it from now on: it listens to the process only that it has started. */
void notify_through(notify_fn *fn);
/* Tells it NOTIFY_SERVING: when `path` answers (NULL: there is no mount), which takes the loop.
 * Nothing where nobody wants to know. */
void notify_when_ready(struct event_base *base, const char *path);

#define NOTIFY_ARGUMENT "--answers=" /* and a path */
/* To be called first in main(): true when this process was only to look at a path for that; it is
 * to exit with *ret_status. */
bool notify_child(int argc, char **argv, int *ret_status);

#endif
