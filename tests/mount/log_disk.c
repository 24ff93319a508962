/* For LD_PRELOAD: writes down what a program does to the files below $LOG_DISK_DIR, in the file
 * $LOG_DISK, in that order: what tests/net/power.py makes images of, as a power cut would leave them.
 * An entry is a struct entry, then its path, then its data. Of a sync there are two, when it begins
 * and when it has ended: what was written in between may not have been in it. */
#undef _FILE_OFFSET_BITS /* open(2) and open64 are two names here */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

int open64(const char *path, int flags, ...);
int open(const char *path, int flags, ...);
int fsync(int fd);
int fdatasync(int fd);
ssize_t pwrite64(int fd, const void *bytes, size_t len, off64_t at);
int ftruncate64(int fd, off64_t len);
int unlink(const char *path);
int rename(const char *from, const char *to);

enum { OPENED = 'O', WRITTEN = 'W', CUT = 'T', SYNCING = 'b', SYNCED = 'e', GONE = 'U', MOVED = 'R' };

struct entry {
	uint8_t what, unused[3];
	uint32_t path_len, data_len;
	uint32_t inode;
	uint64_t at;
};

static const char *dir;
static size_t dir_len;
static int log_fd = -1;
/* What is done and what is written down must have one order. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

__attribute__((constructor)) static void begin(void)
{
	const char *path = getenv("LOG_DISK");
	dir = getenv("LOG_DISK_DIR");
	if (!path || !dir)
		return;
	dir_len = strlen(dir);
	log_fd = (int)syscall(SYS_openat, AT_FDCWD, path, O_WRONLY | O_APPEND | O_CLOEXEC);
}

static bool is_below(const char *path)
{
	return log_fd >= 0 && strncmp(path, dir, dir_len) == 0;
}

static uint32_t inode_of(int fd)
{
	struct stat st;
	return fstat(fd, &st) == 0 ? (uint32_t)st.st_ino : 0;
}

static void note(int what, uint32_t inode, uint64_t at, const char *path, const void *data,
	size_t len)
{
	struct entry e = {.what = (uint8_t)what,
		.path_len = (uint32_t)strlen(path),
		.data_len = (uint32_t)len,
		.inode = inode,
		.at = at};
	const struct iovec parts[] = {{&e, sizeof(e)}, {(void *)(uintptr_t)path, e.path_len},
		{(void *)(uintptr_t)data, len}};
	int error = errno;
	if (syscall(SYS_writev, log_fd, parts, 3) < 0)
		abort();
	errno = error;
}

static int open_noted(const char *path, int flags, mode_t mode)
{
	pthread_mutex_lock(&lock);
	int fd = (int)syscall(SYS_openat, AT_FDCWD, path, flags, mode);
	if (fd >= 0 && is_below(path))
		note(OPENED, inode_of(fd), 0, path, NULL, 0);
	pthread_mutex_unlock(&lock);
	return fd;
}

static mode_t mode_of(int flags, va_list more)
{
	return flags & (O_CREAT | O_TMPFILE) ? (mode_t)va_arg(more, unsigned) : 0;
}

int open64(const char *path, int flags, ...)
{
	va_list more;
	va_start(more, flags);
	mode_t mode = mode_of(flags, more);
	va_end(more);
	return open_noted(path, flags | O_LARGEFILE, mode);
}

int open(const char *path, int flags, ...)
{
	va_list more;
	va_start(more, flags);
	mode_t mode = mode_of(flags, more);
	va_end(more);
	return open_noted(path, flags, mode);
}

/* Not under the lock: others go on meanwhile. */
static int sync_noted(long call, int fd)
{
	uint32_t inode = log_fd >= 0 ? inode_of(fd) : 0;
	if (inode)
		note(SYNCING, inode, 0, "", NULL, 0);
	int r = (int)syscall(call, fd);
	if (inode && r == 0)
		note(SYNCED, inode, 0, "", NULL, 0);
	return r;
}

int fsync(int fd)
{
	return sync_noted(SYS_fsync, fd);
}

int fdatasync(int fd)
{
	return sync_noted(SYS_fdatasync, fd);
}

ssize_t pwrite64(int fd, const void *bytes, size_t len, off64_t at)
{
	pthread_mutex_lock(&lock);
	ssize_t n = syscall(SYS_pwrite64, fd, bytes, len, at);
	if (n > 0 && log_fd >= 0)
		note(WRITTEN, inode_of(fd), (uint64_t)at, "", bytes, (size_t)n);
	pthread_mutex_unlock(&lock);
	return n;
}

int ftruncate64(int fd, off64_t len)
{
	pthread_mutex_lock(&lock);
	int r = (int)syscall(SYS_ftruncate, fd, len);
	if (r == 0 && log_fd >= 0)
		note(CUT, inode_of(fd), (uint64_t)len, "", NULL, 0);
	pthread_mutex_unlock(&lock);
	return r;
}

int unlink(const char *path)
{
	pthread_mutex_lock(&lock);
	int r = (int)syscall(SYS_unlinkat, AT_FDCWD, path, 0);
	if (r == 0 && is_below(path))
		note(GONE, 0, 0, path, NULL, 0);
	pthread_mutex_unlock(&lock);
	return r;
}

int rename(const char *from, const char *to)
{
	pthread_mutex_lock(&lock);
	int r = (int)syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, 0);
	if (r == 0 && is_below(from))
		note(MOVED, 0, 0, from, to, strlen(to));
	pthread_mutex_unlock(&lock);
	return r;
}
