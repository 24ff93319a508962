/* Opens, reads and closes one file again and again, and says how long that took.
 *
 *   open_read_close [-c|-s] PATH PROCESSES N
 *
 * Each of the processes does it N times, after a short warm-up, all at the same time. Prints
 * `P50 P99 RATE`: microseconds from before open to after close, and how many a second by all
 * processes together. -c: the system calls of cat(1), which asks for the size and reads until
 * there is no more; without it one read. -s: stat alone. */
#include <fcntl.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define WARM_UP 100
#define READ_SIZE 131072 /* cat's */
#define PROCESSES_MAX 64
#define N_MAX 10000000

struct shared {
	atomic_uint ready;
	atomic_bool go;
	uint32_t took[]; /* nanoseconds: those of process 0, of process 1, ... */
};

static uint64_t now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

enum calls { CALLS_READ, CALLS_CAT, CALLS_STAT };

/* False when there is nothing to read. */
static bool once(const char *path, enum calls calls)
{
	static char buf[READ_SIZE];
	struct stat st;
	bool as_cat = calls == CALLS_CAT;
	if (calls == CALLS_STAT)
		return stat(path, &st) == 0;
	int fd = open(path, O_RDONLY);
	if (fd < 0)
		return false;
	if (as_cat && fstat(fd, &st) < 0)
		return false;
	ssize_t n = read(fd, buf, sizeof(buf));
	bool good = n > 0;
	while (as_cat && n > 0)
		n = read(fd, buf, sizeof(buf));
	return close(fd) == 0 && good && n >= 0;
}

static int client(struct shared *s, const char *path, enum calls calls, uint32_t *took, unsigned n)
{
	for (unsigned i = 0; i < WARM_UP; i++)
		if (!once(path, calls))
			return 1;
	atomic_fetch_add(&s->ready, 1);
	while (!atomic_load(&s->go))
		sched_yield();
	for (unsigned i = 0; i < n; i++) {
		uint64_t begun = now();
		if (!once(path, calls))
			return 1;
		took[i] = (uint32_t)(now() - begun);
	}
	return 0;
}

/* The nanoseconds from the start to the end of the slowest; 0 when one failed. */
static uint64_t run(
	struct shared *s, const char *path, enum calls calls, unsigned processes, unsigned n)
{
	bool good = true;
	for (unsigned i = 0; i < processes; i++) {
		pid_t pid = fork();
		if (pid == 0)
			_exit(client(s, path, calls, s->took + (size_t)i * n, n));
		good = good && pid > 0;
	}
	/* One that failed in its warm-up never gets ready: its end is what ends the waiting. */
	unsigned ended = 0;
	int status;
	while (good && atomic_load(&s->ready) < processes) {
		if (waitpid(-1, &status, WNOHANG) > 0) {
			good = false;
			ended++;
		}
		sched_yield();
	}
	uint64_t begun = now();
	atomic_store(&s->go, true);
	while (ended < processes && waitpid(-1, &status, 0) > 0) {
		good = good && status == 0;
		ended++;
	}
	return good ? now() - begun : 0;
}

static int by_size(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
	return (x > y) - (x < y);
}

int main(int argc, char **argv)
{
	enum calls calls = CALLS_READ;
	if (argc == 5 && strcmp(argv[1], "-c") == 0)
		calls = CALLS_CAT;
	else if (argc == 5 && strcmp(argv[1], "-s") == 0)
		calls = CALLS_STAT;
	bool flag = calls != CALLS_READ;
	argv += flag;
	if (argc - flag != 4) {
		fprintf(stderr, "usage: open_read_close [-c|-s] PATH PROCESSES N\n");
		return 2;
	}
	unsigned long processes = strtoul(argv[2], NULL, 10), n = strtoul(argv[3], NULL, 10);
	if (processes < 1 || processes > PROCESSES_MAX || n < 1 || n > N_MAX)
		return 2;
	size_t all = processes * n;
	struct shared *s = mmap(NULL, sizeof(*s) + all * sizeof(*s->took), PROT_READ | PROT_WRITE,
		MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (s == MAP_FAILED)
		return 1;
	uint64_t took = run(s, argv[1], calls, (unsigned)processes, (unsigned)n);
	if (!took) {
		fprintf(stderr, "open_read_close: %s cannot be read\n", argv[1]);
		return 1;
	}
	qsort(s->took, all, sizeof(*s->took), by_size);
	printf("%.1f %.1f %.0f\n", s->took[all / 2] / 1e3, s->took[all * 99 / 100] / 1e3,
		(double)all * 1e9 / (double)took);
	return 0;
}
