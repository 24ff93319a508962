/* The kernel's list of mounts, and which of them are kadns's: any look at a mount itself would be
 * answered by its daemon, or by nobody. */
#ifndef FS_MOUNTINFO_H
#define FS_MOUNTINFO_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct mountinfo {
	const char *path; /* absolute */
	bool safe;	  /* nosuid, nodev and noexec */
	uid_t uid;	  /* who mounted: without allow_other he alone is answered */
	gid_t gid;
};

/* A line of /proc/self/mountinfo, which it changes. False: no mount of kadns's. */
bool mountinfo_read(char *line, struct mountinfo *ret_info);

/* Calls fn with each mount of kadns's, in the order of mounting, until it returns true; whether it
 * did. A list that cannot be read is empty. */
typedef bool mountinfo_fn(void *ctx, const struct mountinfo *info);
bool mountinfo_find(mountinfo_fn *fn, void *ctx);

#endif
