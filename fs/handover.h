/* A mount that another process makes for this one: kadns-mount, which is root, opens /dev/fuse,
 * mounts and hands the descriptor over a Unix socket, so that the daemon can be one that may do
 * none of that.
 *
 * MOUNTPOINT is `unix:SOCKET` then. As long as the connection stands the mount does; when it ends,
 * however that comes, kadns-mount unmounts. One packet from there: with a descriptor the
 * mountpoint, without one why there is none; each a text with its NUL. */
#ifndef FS_HANDOVER_H
#define FS_HANDOVER_H

#include <limits.h>
#include <stdbool.h>

struct handover {
	int connection; /* to be kept open */
	int device;
	char path[PATH_MAX]; /* of the mount */
	char why[256];	     /* on an error: in words */
};

bool handover_is_asked(const char *mountpoint);
/* 0 or -errno. */
int handover_take(const char *mountpoint, struct handover *ret_handover);

/* The other side: sends the packet, with `device` where that is one (else -1). 0 or -errno. */
int handover_give(int connection, int device, const char *text);
/* The socket's address. 0 or -ENAMETOOLONG. */
struct sockaddr_un;
int handover_address(const char *path, struct sockaddr_un *ret_address);

#endif
