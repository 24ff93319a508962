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
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fs/mountinfo.h"

#define LOCK_MS 5000  /* a start takes a tenth of it */
#define GIVEN_MS 200  /* a dead mount says so at once; a new one says nothing yet */
#define ALIVE_MS 2000 /* a busy kadns answers in some milliseconds, a dead one's mount at once */

extern char **environ;

/* Is a kadns mounted on top of a path? The topmost, which is listed last, is whom a look meets. */
struct search {
	const char *path;
	bool found;
	uid_t uid;
	gid_t gid;
};

static bool is_there(void *ctx, const struct mountinfo *info)
{
	struct search *s = ctx;
	if (strcmp(info->path, s->path) == 0) {
		s->found = true;
		s->uid = info->uid;
		s->gid = info->gid;
	}
	return false;
}

static struct search own_mount(const char *path)
{
	struct search s = {.path = path};
	mountinfo_find(is_there, &s);
	return s;
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

int mount_detach(const char *path)
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

/* Without allow_other the kernel answers nobody else than who mounted, not even root, and neither
 * a living daemon nor a dead one can be told from that. The way to the mount is walked as root. */
static int statfs_as(const char *path, uid_t uid, gid_t gid)
{
	struct statfs st;
	int fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (geteuid() == 0 && (setresgid(gid, gid, gid) < 0 || setresuid(uid, uid, uid) < 0))
		return -errno;
	return fstatfs(fd, &st) < 0 ? -errno : 0;
}

/* In a process of its own: a kadns that is stopped answers nobody, and statfs waits without end.
 * 0 or the error of statfs; -ETIMEDOUT. */
static int statfs_within(const struct search *mount, int ms)
{
	int pipe_fds[2], error = -ETIMEDOUT;
	if (pipe2(pipe_fds, O_CLOEXEC) < 0)
		return -errno;
	pid_t pid = fork();
	if (pid == 0) {
		error = statfs_as(mount->path, mount->uid, mount->gid);
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
int mount_clear(const char *path, const char **ret_why)
{
	struct search mount;
	while ((mount = own_mount(path)).found) { /* they may be stacked */
		/* statfs always asks the daemon; stat may be answered from what the kernel kept. */
		if (statfs_within(&mount, ALIVE_MS) != -ENOTCONN) {
			*ret_why = "a kadns is mounted there already";
			return -EBUSY;
		}
		if (mount_detach(path) < 0) {
			*ret_why = "a dead kadns mount is there and cannot be unmounted";
			return -EBUSY;
		}
	}
	return 0;
}

/* Two that start at the same instant would both see nothing and mount one upon the other: the
 * second waits until the first has mounted. Anybody who may read the directory can hold this lock,
 * so it is waited for, but not required. */
static int lock_directory(const char *path)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	for (int waited = 0; fd >= 0 && waited < LOCK_MS; waited += LOCK_MS / 100) {
		if (flock(fd, LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK)
			break;
		usleep(LOCK_MS / 100 * 1000);
	}
	return fd;
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

/* ---- what a starter has mounted ---- */

bool mount_is_given(const char *mountpoint)
{
	return strncmp(mountpoint, "/dev/fd/", strlen("/dev/fd/")) == 0;
}

static bool is_unsafe(void *ctx, const struct mountinfo *info)
{
	struct search mount = {.path = info->path, .uid = info->uid, .gid = info->gid};
	(void)ctx;
	/* Which mount the descriptor belongs to the kernel does not say. Ours waits for its first
	 * answer, others' daemons would have refused it, so it is any that is not dead. */
	return !info->safe && info->uid == geteuid() &&
	       statfs_within(&mount, GIVEN_MS) != -ENOTCONN;
}

static bool is_ours(void *ctx, const struct mountinfo *info)
{
	(void)ctx;
	return info->uid == geteuid();
}

static int check_given(const char **ret_why)
{
	*ret_why = "";
	if (!mountinfo_find(is_ours, NULL))
		*ret_why = "the mount that was handed over is not to be found";
	else if (mountinfo_find(is_unsafe, NULL))
		*ret_why = "mounted without nosuid,nodev,noexec: umount it, and mount with "
			   "-o nosuid,nodev,noexec";
	return **ret_why ? -EPERM : 0;
}

int mount_prepare(const char *mountpoint, int *ret_lock, const char **ret_why)
{
	*ret_why = "";
	*ret_lock = -1;
	if (mount_is_given(mountpoint))
		return check_given(ret_why);
	char *path = absolute(mountpoint);
	if (!path) {
		*ret_why = "the mountpoint does not exist";
		return -ENOENT;
	}
	int r = mount_clear(path, ret_why);
	if (r == 0) {
		*ret_lock = lock_directory(path);
		r = mount_clear(path, ret_why); /* who had the lock has mounted */
	}
	if (r == 0)
		r = check_directory(path, ret_why);
	free(path);
	return r;
}
