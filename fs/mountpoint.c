/* The place to mount on, looked at before anything is opened. */
#include "fs/mount.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/wait.h>
#include <unistd.h>

#define OWN_TYPE "fuse.kadns"
#define ALIVE_MS 2000 /* a busy kadns answers in some milliseconds, a dead one's mount at once */

extern char **environ;

/* mountinfo writes blanks, backslashes and newlines as \ooo. In place. */
static void unescape(char *text)
{
	char *to = text;
	for (const char *from = text; *from; to++) {
		unsigned byte;
		if (from[0] == '\\' && sscanf(from + 1, "%3o", &byte) == 1) {
			*to = (char)byte;
			from += 4;
		} else {
			*to = *from++;
		}
	}
	*to = '\0';
}

/* ID PARENT MAJOR:MINOR ROOT MOUNTPOINT OPTIONS [TAGS] - TYPE SOURCE SUPEROPTIONS */
static bool is_own_mount(char *line, const char *path)
{
	char *rest = strstr(line, " - ");
	if (!rest || strncmp(rest + 3, OWN_TYPE " ", strlen(OWN_TYPE " ")) != 0)
		return false;
	char *field = line;
	for (int i = 0; i < 4 && field; i++)
		if ((field = strchr(field, ' ')))
			field++;
	char *end = field ? strchr(field, ' ') : NULL;
	if (!end)
		return false;
	*end = '\0';
	unescape(field);
	return strcmp(field, path) == 0;
}

/* Is a kadns mounted on top of `path`? Found in a list, because any look at the path itself would
 * be answered by that kadns, or by nobody. */
static bool has_own_mount(const char *path)
{
	FILE *f = fopen("/proc/self/mountinfo", "re");
	if (!f)
		return false;
	char *line = NULL;
	size_t cap = 0;
	bool found = false;
	while (!found && getline(&line, &cap, f) > 0)
		found = is_own_mount(line, path);
	free(line);
	fclose(f);
	return found;
}

/* Mounts are listed by where a link points to. A mountpoint is a directory, dead or alive. */
static char *follow_link(char *path)
{
	char target[1];
	if (!path || readlink(path, target, sizeof(target)) < 0)
		return path;
	char *end = realpath(path, NULL);
	free(path);
	return end;
}

/* The absolute path, without a look at what is mounted there: only the parent is resolved. */
static char *absolute(const char *mountpoint)
{
	char *copy = strdup(mountpoint);
	if (!copy)
		return NULL;
	size_t len = strlen(copy);
	while (len > 1 && copy[len - 1] == '/')
		copy[--len] = '\0';
	char *slash = strrchr(copy, '/');
	char *name = slash ? slash + 1 : copy;
	char *path = NULL;
	if (!*name || strcmp(name, ".") == 0 || strcmp(name, "..") == 0) {
		path = realpath(copy, NULL);
	} else {
		char *last = strdup(name);
		if (slash)
			slash[slash == copy] = '\0'; /* keeps a lone "/" */
		char *parent = realpath(slash ? copy : ".", NULL);
		if (!parent || !last ||
			asprintf(&path, "%s/%s", strcmp(parent, "/") ? parent : "", last) < 0)
			path = NULL;
		free(parent);
		free(last);
	}
	free(copy);
	return follow_link(path);
}

static int detach(const char *path)
{
	if (geteuid() == 0)
		return umount2(path, MNT_DETACH) < 0 ? -errno : 0;
	const char *argv[] = {"fusermount3", "-u", "-z", "--", path, NULL};
	pid_t pid;
	int status;
	int r = posix_spawnp(&pid, argv[0], NULL, NULL, (char **)argv, environ);
	if (r != 0)
		return -r;
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -errno;
	return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : -EPERM;
}

/* In a process of its own: a kadns that is stopped answers nobody, and statfs waits without end.
 * 0 or the error of statfs; -ETIMEDOUT. */
static int statfs_within(const char *path, int ms)
{
	int pipe_fds[2], error = -ETIMEDOUT;
	if (pipe2(pipe_fds, O_CLOEXEC) < 0)
		return -errno;
	pid_t pid = fork();
	if (pid == 0) {
		struct statfs st;
		error = statfs(path, &st) < 0 ? -errno : 0;
		_exit(write(pipe_fds[1], &error, sizeof(error)) != sizeof(error));
	}
	int fork_error = -errno;
	struct pollfd poll_fd = {.fd = pipe_fds[0], .events = POLLIN};
	close(pipe_fds[1]);
	if (pid > 0) {
		if (poll(&poll_fd, 1, ms) > 0 &&
			read(pipe_fds[0], &error, sizeof(error)) != sizeof(error))
			error = -EIO;
		kill(pid, SIGKILL);
		/* One whose request has been read may not be killed; it ends with the mount. */
		waitpid(pid, NULL, error == -ETIMEDOUT ? WNOHANG : 0);
	}
	close(pipe_fds[0]);
	return pid < 0 ? fork_error : error;
}

/* A mount of ours whose daemon has died is taken away; one that lives is not disturbed. */
static int clear_own_mounts(const char *path, const char **ret_why)
{
	while (has_own_mount(path)) { /* they may be stacked */
		/* statfs always asks the daemon; stat may be answered from what the kernel kept. */
		if (statfs_within(path, ALIVE_MS) != -ENOTCONN) {
			*ret_why = "a kadns is mounted there already";
			return -EBUSY;
		}
		if (detach(path) < 0) {
			*ret_why = "a dead kadns mount is there and cannot be unmounted";
			return -EBUSY;
		}
	}
	return 0;
}

static int check_empty(const char *path, const char **ret_why)
{
	DIR *dir = opendir(path);
	if (!dir) {
		*ret_why = "the mountpoint cannot be looked at";
		return -errno;
	}
	const struct dirent *entry;
	bool empty = true;
	while (empty && (entry = readdir(dir)))
		empty = strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0;
	closedir(dir);
	if (!empty)
		*ret_why = "the mountpoint is not empty";
	return empty ? 0 : -ENOTEMPTY;
}

static int check_directory(const char *path, const char **ret_why)
{
	struct stat st;
	if (stat(path, &st) < 0) {
		*ret_why = errno == ENOENT    ? "the mountpoint does not exist"
			   : errno == ENOTDIR ? "the mountpoint is no directory"
					      : "the mountpoint cannot be looked at";
		return -errno;
	}
	if (!S_ISDIR(st.st_mode)) {
		*ret_why = "the mountpoint is no directory";
		return -ENOTDIR;
	}
	if (geteuid() != 0 && st.st_uid != geteuid()) {
		*ret_why = "the mountpoint is another user's";
		return -EACCES;
	}
	return check_empty(path, ret_why);
}

int mount_prepare(const char *mountpoint, const char **ret_why)
{
	*ret_why = "";
	/* A starter has mounted already and hands us the descriptor. */
	if (strncmp(mountpoint, "/dev/fd/", strlen("/dev/fd/")) == 0)
		return 0;
	char *path = absolute(mountpoint);
	if (!path) {
		*ret_why = "the mountpoint does not exist";
		return -ENOENT;
	}
	int r = clear_own_mounts(path, ret_why);
	if (r == 0)
		r = check_directory(path, ret_why);
	free(path);
	return r;
}
