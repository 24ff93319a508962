/* For LD_PRELOAD: a disk that takes its time, or fails. Each fsync(2) and fdatasync(2) of the
 * program is counted in the file $SLOW_DISK, which says what becomes of it: 8 bytes count, then 4
 * bytes of microseconds that it takes, then 4 bytes of errno, 0 for none. Behind these, where the
 * file is that long, 8 bytes of the one inode that all this is about (0: any), 4 bytes of errno for
 * pwrite(2), 0 for none, and 4 bytes count of those that failed so. */
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

int fsync(int fd);
int fdatasync(int fd);
ssize_t pwrite64(int fd, const void *bytes, size_t len, off64_t at);

/* A shorter file ends in its page, which reads as zero behind it. */
static struct disk {
	_Atomic uint64_t syncs;
	_Atomic uint32_t delay, error;
	_Atomic uint64_t inode;
	_Atomic uint32_t write_error, write_errors;
} * disk;

__attribute__((constructor)) static void find_disk(void)
{
	const char *path = getenv("SLOW_DISK");
	int fd = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
	void *map = fd < 0 ? MAP_FAILED
			   : mmap(NULL, sizeof(*disk), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (map != MAP_FAILED)
		disk = map;
	if (fd >= 0)
		close(fd);
}

static bool is_meant(int fd)
{
	struct stat st;
	uint64_t inode = atomic_load(&disk->inode);
	return !inode || (fstat(fd, &st) == 0 && st.st_ino == inode);
}

static int slow(long call, int fd)
{
	if (!disk)
		return (int)syscall(call, fd);
	atomic_fetch_add(&disk->syncs, 1);
	usleep(atomic_load(&disk->delay));
	int error = (int)atomic_load(&disk->error);
	if (error && is_meant(fd)) {
		errno = error;
		return -1;
	}
	return (int)syscall(call, fd);
}

int fsync(int fd)
{
	return slow(SYS_fsync, fd);
}

int fdatasync(int fd)
{
	return slow(SYS_fdatasync, fd);
}

ssize_t pwrite64(int fd, const void *bytes, size_t len, off64_t at)
{
	int error = disk ? (int)atomic_load(&disk->write_error) : 0;
	if (error && is_meant(fd)) {
		atomic_fetch_add(&disk->write_errors, 1);
		errno = error;
		return -1;
	}
	return syscall(SYS_pwrite64, fd, bytes, len, at);
}
