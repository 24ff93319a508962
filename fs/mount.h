/* The mount: libfuse's low-level session as one more event of the loop.
 *
 * Only this module and fs/ops see libfuse. The descriptor is non-blocking; requests are read in
 * bounded batches; the end of the session (umount, fusermount3 -u) ends the loop. */
#ifndef FS_MOUNT_H
#define FS_MOUNT_H

#include "resolver/publish.h"
#include "resolver/resolver.h"

struct event_base;
struct mount;

struct mount_config {
	const char *mountpoint, *source;
	const char *path;    /* where it is, should `mountpoint` be a descriptor's */
	const char *options; /* more -o options for libfuse, by commas; NULL none */
	bool allow_other, read_only, auto_unmount, xattr;
	bool root_secrets; /* fs/secret */
	uint64_t deadline; /* microseconds; no request is kept longer than this and a second */
	unsigned lookups;  /* a second, that one user may have asked (fs/rate) */
	uid_t daemon_owner;
	void (*ended)(void *ctx); /* the kernel ended the session: somebody unmounted */
	/* Who has mounted does it; NULL: we have. Not NULL with a descriptor's mountpoint only. */
	void (*unmount)(void *ctx);
	void *ended_ctx; /* of both */
	uint64_t device; /* of the mount, where who has mounted knows it; or 0 */
};

/* Has a starter (mount.fuse3 -o setuid=USER,drop_privileges) mounted already? It hands us the
 * descriptor, /dev/fd/N, which is no path to look at. Its mount is not ours to take away. */
bool mount_is_given(const char *mountpoint);
/* Looks at the mountpoint before anything is opened: a dead kadns mount (ENOTCONN) is detached; a
 * live one is -EBUSY; missing -ENOENT; no directory -ENOTDIR; not empty -ENOTEMPTY; not ours to
 * mount on (not the owner, when not root) -EACCES; mounted by a starter, but without nosuid, nodev
 * and noexec -EPERM. ret_why (static) says it for a user. *ret_lock is to be closed when the mount
 * is made, so that no other kadns mounts there meanwhile; -1 is none, and may be so with 0. */
int mount_prepare(const char *mountpoint, int *ret_lock, const char **ret_why);

/* Detaches what is mounted there. 0 or -errno. */
int mount_detach(const char *path);
/* Takes dead mounts of a kadns away; one that lives stays, and is -EBUSY. */
int mount_clear(const char *path, const char **ret_why);

/* Mounts as mount_create would, for another process that is handed the descriptor: no copy of it
 * stays here but *ret_device. With auto_unmount there is *ret_watched (else -1): who holds it is
 * watched by fusermount3, which takes a dead mount away when nobody does any more. 0 or -errno: see
 * mount_why(). */
int mount_make(const struct mount_config *config, int *ret_device, int *ret_watched);
/* Mounts: nosuid, nodev, noexec, type fuse.kadns, source as given. The mount answers as soon as
 * the loop runs. */
int mount_create(struct event_base *base, const struct mount_config *config, struct resolver *r,
	struct publisher *p, struct mount **ret_mount);
/* What libfuse said when mount_create failed, without its newline; "" when it said nothing. */
const char *mount_why(void);
/* Unmounts (lazily when busy) and frees; every pending request is answered. NULL is fine. */
void mount_destroy(struct mount *m);

#endif
