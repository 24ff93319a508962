/* Mounts, lets a child use the mount, and unmounts, again and again in one process, where a leak
 * shows.
 *
 *   mount_cycles CYCLES MOUNTPOINT
 *
 * Prints its memory, descriptors and threads after the first hundredth of the cycles and at the
 * end. The mount is that of fs/, the resolver that of tests/fs/fake_resolver.h. */
#include <dirent.h>
#include <event2/event.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fs/mount.h"
#include "fs/rate.h"
#include "resolver/clock.h"
#include "tests/fs/fake_resolver.h"

/* A child, as the process itself would wait for itself: it reads, writes and leaves a file open. */
static int use(const char *mountpoint)
{
	char path[4096], text[512];
	snprintf(path, sizeof(path), "%s/IN/A/www.example.com", mountpoint);
	int fd = open(path, O_RDONLY);
	bool good = fd >= 0 && read(fd, text, sizeof(text)) > 0;
	snprintf(path, sizeof(path), "%s/IN/A/cycle.alt", mountpoint);
	int draft = open(path, O_WRONLY | O_CREAT, 0644);
	good = good && draft >= 0 && write(draft, "192.0.2.1\n", 10) == 10;
	return good ? 0 : 1;
}

static int cycle(const struct mount_config *config, struct event_base *base)
{
	struct mount *mount;
	int status = 0;
	if (mount_create(base, config, fake_resolver(base), fake_publisher(), &mount) < 0)
		return 1;
	pid_t pid = fork();
	if (pid == 0)
		_exit(use(config->mountpoint));
	while (pid > 0 && waitpid(pid, &status, WNOHANG) == 0)
		event_base_loop(base, EVLOOP_ONCE | EVLOOP_NONBLOCK);
	mount_destroy(mount);
	return pid < 0 || status != 0;
}

static void print_size(unsigned cycles)
{
	char line[128];
	unsigned fds = 0;
	DIR *dir = opendir("/proc/self/fd");
	while (dir && readdir(dir))
		fds++;
	if (dir)
		closedir(dir);
	printf("cycles %u fds %u", cycles, fds);
	FILE *f = fopen("/proc/self/status", "re");
	while (f && fgets(line, sizeof(line), f)) {
		line[strcspn(line, "\n")] = '\0';
		if (strncmp(line, "VmRSS", 5) == 0 || strncmp(line, "Threads", 7) == 0)
			printf(" %s", line);
	}
	if (f)
		fclose(f);
	putchar('\n');
	fflush(stdout);
}

static int run_cycles(const struct mount_config *config, struct event_base *base, unsigned cycles)
{
	for (unsigned i = 1; i <= cycles; i++) {
		if (cycle(config, base) != 0) {
			printf("cycle %u failed\n", i);
			return 1;
		}
		if (i == cycles / 100 || i == cycles)
			print_size(i);
	}
	return 0;
}

int main(int argc, char **argv)
{
	if (argc != 3 || atoi(argv[1]) < 100) {
		fprintf(stderr, "usage: mount_cycles CYCLES MOUNTPOINT\n");
		return 2;
	}
	const struct mount_config config = {.source = "none",
		.mountpoint = argv[2],
		.allow_other = true,
		.deadline = 4 * SECOND,
		.lookups = RATE_DEFAULT,
		.daemon_owner = geteuid()};
	signal(SIGPIPE, SIG_IGN);
	struct event_base *base = event_base_new();
	int status = run_cycles(&config, base, (unsigned)atoi(argv[1]));
	event_base_free(base);
	fake_destroy();
	return status;
}
