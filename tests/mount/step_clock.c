/* For /etc/ld.so.preload: a clock on the wall that is set while programs run. The file of a
 * program's clock is what /run/step_clock is when it starts: 8 bytes of seconds that this clock is
 * ahead, and 8 of seconds that the machine has slept, which count for CLOCK_BOOTTIME too. */
#include <fcntl.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static struct {
	_Atomic int64_t ahead, slept;
} * set;

__attribute__((constructor)) static void find_clock(void)
{
	int fd = open("/run/step_clock", O_RDONLY | O_CLOEXEC);
	void *map = fd < 0 ? MAP_FAILED : mmap(NULL, sizeof(*set), PROT_READ, MAP_SHARED, fd, 0);
	if (map != MAP_FAILED)
		set = map;
	if (fd >= 0)
		close(fd);
}

int clock_gettime(clockid_t id, struct timespec *ret_time)
{
	int r = (int)syscall(SYS_clock_gettime, id, ret_time);
	bool wall = id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE;
	if (set && r == 0 && (wall || id == CLOCK_BOOTTIME))
		ret_time->tv_sec += atomic_load(&set->slept);
	if (set && r == 0 && wall)
		ret_time->tv_sec += atomic_load(&set->ahead);
	return r;
}

int gettimeofday(struct timeval *restrict ret_time, void *restrict zone)
{
	struct timespec t;
	int r = clock_gettime(CLOCK_REALTIME, &t);
	(void)zone;
	if (r == 0)
		*ret_time = (struct timeval){.tv_sec = t.tv_sec, .tv_usec = t.tv_nsec / 1000};
	return r;
}

time_t time(time_t *ret_seconds)
{
	struct timespec t;
	time_t seconds = clock_gettime(CLOCK_REALTIME, &t) == 0 ? t.tv_sec : (time_t)-1;
	if (ret_seconds)
		*ret_seconds = seconds;
	return seconds;
}
