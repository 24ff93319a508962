/* For LD_PRELOAD: a disk that takes its time, or fails. Each fsync(2) and fdatasync(2) of the
 * program is counted in the file $SLOW_DISK, which says what becomes of it: 8 bytes count, then 4
 * bytes of microseconds that it takes, then 4 bytes of errno, 0 for none. */
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

int fsync(int fd);
int fdatasync(int fd);

static struct disk {
	_Atomic uint64_t syncs;
	_Atomic uint32_t delay, error;
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

static int slow(long call, int fd)
{
	if (!disk)
		return (int)syscall(call, fd);
	atomic_fetch_add(&disk->syncs, 1);
	usleep(atomic_load(&disk->delay));
	int error = (int)atomic_load(&disk->error);
	if (error) {
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
