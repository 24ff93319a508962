/* The state directory: made, ours alone, used by one daemon at a time. Each function says what is
 * wrong, in one line, and returns 0 or -errno. */
#ifndef FS_STATE_H
#define FS_STATE_H

#include "fs/config.h"

/* Replaces a path by an absolute one: the daemon works in /. */
int state_absolute(char **path);
/* A daemon that keeps its database in its own mount would wait for itself. Both absolute. */
int state_check_apart(const char *path, const char *mountpoint);
/* The same of all that is read while the mount is there. */
int state_check_files(const struct config *c, const char *mountpoint);
/* Makes the directory where it is missing, checks who may write there, and locks it: the lock is
 * the kernel's and goes with the processes. As root `user` is whose it becomes, with what lies in
 * it (NULL: nobody else's). */
int state_open(const char *path, const char *user, int *ret_lock);
/* Writes into the lock which process it is, once that is known. */
int state_sign(int lock);

#endif
