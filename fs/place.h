/* Where the daemon mounts, and the mount there: made by the starter for each node anew.
 *
 * It is one of three: a directory, which is mounted on here; what kadns-mount is asked for
 * (unix:SOCKET, fs/handover); a descriptor of a mount that somebody else has made (/dev/fd/N),
 * once. */
#ifndef FS_PLACE_H
#define FS_PLACE_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

#include "fs/config.h"
#include "fs/handover.h"

struct place {
	const struct config *config;
	char path[PATH_MAX]; /* absolute: the daemon leaves the directory it was started in */
	int lock;	     /* the directory, locked until something is mounted there; -1: not */
	struct handover handover; /* its descriptors, or -1 */
	int watched;		  /* with auto_unmount (fs/mount.h): of the last mount; or -1 */
	bool mounted;		  /* and a node has it */
	bool dead;		  /* one that died has left its mount */
	uint64_t device;	  /* of the mount; 0: not known */
};

/* Looks at it, and with kadns-mount takes what it has mounted. Says what is wrong. 0 or -errno. */
int place_open(struct place *p, const struct config *config);
/* The descriptor of a mount for a node, which is the caller's. The node has a copy of `watched`, too:
 * who dies last ends the mount. Says what is wrong. 0 or -errno. */
int place_mount(struct place *p, int *ret_device);
/* Takes the mount away while its node lives; another's that was mounted there since is let be. */
void place_unmount(struct place *p);
/* Its node is dead. */
void place_lost(struct place *p);
/* The end: what a dead node has left there is taken away. */
void place_close(struct place *p);
/* In a node: closes what is the starter's. */
void place_leave(struct place *p);

#endif
