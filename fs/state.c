/* The state directory, before anything lies in it. */
#include "fs/state.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fs/log.h"

/* Leaves room for the names of the files in it. */
#define STATE_PATH_MAX (PATH_MAX - 96)

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

static int check_directory(const char *path)
{
	struct stat st;
	if (stat(path, &st) < 0)
		return say(path, -errno);
	if (!S_ISDIR(st.st_mode))
		return say(path, -ENOTDIR);
	if (st.st_uid != geteuid() || (st.st_mode & 022)) {
		log_line(LOG_ERR, "%s: others may write there: it must be ours alone", path);
		return -EPERM;
	}
	return 0;
}

static int lock_directory(const char *path, int *ret_lock)
{
	char file[PATH_MAX];
	snprintf(file, sizeof(file), "%s/lock", path);
	int fd = open(file, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return say(file, -errno);
	*ret_lock = fd;
	if (flock(fd, LOCK_EX | LOCK_NB) == 0)
		return 0;
	log_line(LOG_ERR, "%s: another kadns is using it", path);
	return -EBUSY;
}

int state_open(const char *path, int *ret_lock)
{
	int r = make_directories(path);
	umask(077);
	if (r < 0)
		return say(path, r);
	r = check_directory(path);
	return r < 0 ? r : lock_directory(path, ret_lock);
}

int state_sign(int lock)
{
	if (ftruncate(lock, 0) < 0 || dprintf(lock, "%d\n", (int)getpid()) < 0)
		return say("lock", -errno);
	return 0;
}
