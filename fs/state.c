/* The state directory, before anything lies in it. */
#include "fs/state.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pwd.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fs/log.h"
#include "resolver/give.h"

/* Leaves room for the names of the files in it. */
#define STATE_PATH_MAX (PATH_MAX - 96)
/* The kernel ends a node whose starter was killed at once, unless it waits for the disk. */
#define ORPHAN_MS 10000

static int say(const char *path, int error)
{
	log_line(LOG_ERR, "%s: %s", path, strerror(-error));
	return error;
}

int state_absolute(char **path)
{
	char here[PATH_MAX], *whole = NULL;
	size_t len = strlen(*path);
	while (len > 1 && (*path)[len - 1] == '/')
		(*path)[--len] = '\0';
	if ((*path)[0] != '/') {
		if (!getcwd(here, sizeof(here)))
			return say(*path, -errno);
		if (asprintf(&whole, "%s/%s", here, *path) < 0)
			return say(*path, -ENOMEM);
		free(*path);
		*path = whole;
	}
	return strlen(*path) > STATE_PATH_MAX ? say("state", -ENAMETOOLONG) : 0;
}

/* Where a path that need not exist yet would lie: its part that does, resolved; and the rest. */
static int would_lie_at(const char *path, char ret_at[PATH_MAX])
{
	char head[PATH_MAX], *slash;
	if (snprintf(head, sizeof(head), "%s", path) >= (int)sizeof(head))
		return -ENAMETOOLONG;
	while (!realpath(head, ret_at)) {
		slash = strrchr(head, '/');
		if (errno != ENOENT || !slash || slash == head)
			return -errno;
		*slash = '\0';
	}
	size_t len = strlen(ret_at), rest = strlen(head);
	if (len + strlen(path + rest) >= PATH_MAX)
		return -ENAMETOOLONG;
	strcpy(ret_at + len, path + rest);
	return 0;
}

int state_check_apart(const char *path, const char *mountpoint)
{
	char at[PATH_MAX];
	size_t len = strlen(mountpoint);
	int r = would_lie_at(path, at);
	if (r < 0)
		return say(path, r);
	if (strncmp(at, mountpoint, len) == 0 && (at[len] == '/' || !at[len])) {
		log_line(LOG_ERR, "%s: the state directory cannot lie in the mount", path);
		return -ELOOP;
	}
	return 0;
}

int state_check_files(const struct config *c, const char *mountpoint)
{
	const char *const paths[] = {c->state, c->hosts, c->file, c->tls_cert, c->tls_key};
	int r = 0;
	for (size_t i = 0; r == 0 && i < sizeof(paths) / sizeof(*paths); i++)
		if (paths[i])
			r = state_check_apart(paths[i], mountpoint);
	return r;
}

/* Makes the directories of a path: the last one for us alone, those above as others may read. */
static int make_directories(const char *path)
{
	char part[PATH_MAX];
	snprintf(part, sizeof(part), "%s", path);
	for (char *slash = part + 1; (slash = strchr(slash, '/')); slash++) {
		*slash = '\0';
		int r = mkdir(part, 0755);
		*slash = '/';
		if (r < 0 && errno != EEXIST)
			return -errno;
	}
	return mkdir(part, 0700) < 0 && errno != EEXIST ? -errno : 0;
}

static int check_directory(const char *path, uid_t user)
{
	struct stat st;
	if (stat(path, &st) < 0)
		return say(path, -errno);
	if (!S_ISDIR(st.st_mode))
		return say(path, -ENOTDIR);
	if ((st.st_uid != geteuid() && st.st_uid != user) || (st.st_mode & 022)) {
		log_line(LOG_ERR, "%s: others may write there: it must be ours alone", path);
		return -EPERM;
	}
	return 0;
}

/* Who has signed it is gone. What he has started may be about to be. */
static bool is_orphaned(int fd)
{
	char text[16] = "";
	ssize_t n = pread(fd, text, sizeof(text) - 1, 0);
	long pid = n > 0 ? atol(text) : 0;
	return pid > 0 && kill((pid_t)pid, 0) < 0 && errno == ESRCH;
}

/* The directory may be another user's by now, and this file is written to as root: a second name of
 * a file from elsewhere is none of ours. */
static int check_lock(int fd, uid_t user)
{
	struct stat st;
	if (fstat(fd, &st) < 0)
		return -errno;
	return S_ISREG(st.st_mode) && st.st_nlink == 1 &&
			       (st.st_uid == geteuid() || st.st_uid == user)
		       ? 0
		       : -EPERM;
}

static int lock_directory(const char *path, uid_t user, int *ret_lock)
{
	char file[PATH_MAX];
	snprintf(file, sizeof(file), "%s/lock", path);
	int fd = open(file, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return say(file, -errno);
	*ret_lock = fd;
	int r = check_lock(fd, user);
	if (r < 0)
		return say(file, r);
	for (unsigned waited = 0; flock(fd, LOCK_EX | LOCK_NB) < 0; waited++) {
		if (waited == ORPHAN_MS || !is_orphaned(fd)) {
			log_line(LOG_ERR, "%s: another kadns is using it", path);
			return -EBUSY;
		}
		usleep(1000);
	}
	return 0;
}

static int give(const char *path, const struct passwd *user)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	int r = give_directory(fd, user->pw_uid, user->pw_gid);
	close(fd);
	return r == -EINVAL ? 0 : r; /* a user namespace that has no such user: see confine() */
}

int state_open(const char *path, const char *user, int *ret_lock)
{
	const struct passwd *pw = user ? getpwnam(user) : NULL;
	uid_t uid = pw ? pw->pw_uid : geteuid();
	int r = make_directories(path);
	umask(077);
	if (r < 0)
		return say(path, r);
	r = check_directory(path, uid);
	if (r == 0)
		r = lock_directory(path, uid, ret_lock);
	if (r == 0 && pw && (r = give(path, pw)) < 0)
		say(path, r);
	return r;
}

int state_sign(int lock)
{
	if (ftruncate(lock, 0) < 0 || dprintf(lock, "%d\n", (int)getpid()) < 0)
		return say("lock", -errno);
	return 0;
}
