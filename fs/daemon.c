/* The parent stays until the mount answers, so that `kadns none /dns && cat /dns/…` works. */
#include "fs/daemon.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static int ready_pipe = -1;
static FILE *own_stderr;

static void wait_for_child(pid_t child, int pipe_end, const char *mountpoint)
{
	char byte;
	ssize_t n;
	do {
		n = read(pipe_end, &byte, 1);
	} while (n < 0 && errno == EINTR);
	if (n != 1) {
		int status = 0;
		while (waitpid(child, &status, 0) < 0 && errno == EINTR)
			;
		if (WIFSIGNALED(status))
			fprintf(stderr, "kadns: ended by signal %d at start\n", WTERMSIG(status));
		_exit(1);
	}
	/* The root of the mount is answered by the daemon itself, from memory. */
	struct stat st;
	if (mountpoint && stat(mountpoint, &st) < 0) {
		fprintf(stderr, "kadns: %s: %s\n", mountpoint, strerror(errno));
		_exit(1);
	}
	_exit(0);
}

/* Descriptors 0 to 2 are /dev/null from the start, so that no child of ours holds the pipe of a
 * `$(kadns ...)` open; what we have to say of the start goes where stderr was. */
static int detach(void)
{
	int keep = fcntl(2, F_DUPFD_CLOEXEC, 3), null = open("/dev/null", O_RDWR | O_CLOEXEC);
	FILE *there = keep < 0 ? NULL : fdopen(keep, "w");
	if (!there || null < 0)
		return -errno;
	setvbuf(there, NULL, _IONBF, 0);
	own_stderr = stderr;
	stderr = there;
	for (int fd = 0; fd < 3; fd++)
		dup2(null, fd);
	if (null > 2)
		close(null);
	return 0;
}

int daemon_start(const char *mountpoint)
{
	int ends[2];
	if (pipe2(ends, O_CLOEXEC) < 0)
		return -errno;
	pid_t child = fork();
	if (child < 0) {
		int error = -errno;
		close(ends[0]);
		close(ends[1]);
		return error;
	}
	if (child > 0) {
		close(ends[1]);
		wait_for_child(child, ends[0], mountpoint);
	}
	close(ends[0]);
	ready_pipe = ends[1];
	setsid();
	int r = detach();
	return r == 0 && chdir("/") < 0 ? -errno : r;
}

void daemon_ready(void)
{
	if (ready_pipe < 0)
		return;
	FILE *there = stderr;
	stderr = own_stderr;
	fclose(there);
	/* The parent may be gone already; then nobody waits for the byte. */
	ssize_t n = write(ready_pipe, "", 1);
	(void)n;
	close(ready_pipe);
	ready_pipe = -1;
}
