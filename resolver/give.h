/* A directory, and the files in it, that root makes another user's. */
#ifndef RESOLVER_GIVE_H
#define RESOLVER_GIVE_H

#include <sys/types.h>

/* The directory, and what lies in it: plain files of one name that are who the directory was. So
 * nothing of anybody else's is given away, whoever could write there until now. A directory in it
 * is left alone. 0 or -errno. */
int give_directory(int dir_fd, uid_t uid, gid_t gid);

#endif
