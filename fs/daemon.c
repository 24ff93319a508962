/* The parent stays until the mount answers, so that `kadns none /dns && cat /dns/…` works. */
#include "fs/daemon.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fs/descriptors.h"
#include "fs/log.h"

static int ready_pipe = -1;

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
			log_line(LOG_ERR, "ended by signal %d at start", WTERMSIG(status));
		_exit(1);
	}
	/* The root of the mount is answered by the daemon itself, from memory. */
	struct stat st;
	if (mountpoint && stat(mountpoint, &st) < 0) {
		log_line(LOG_ERR, "%s: %s", mountpoint, strerror(errno));
		kill(child, SIGTERM); /* a start that has failed leaves no daemon and no mount */
		_exit(1);
	}
	_exit(0);
}

void daemon_fill_descriptors(void)
{
	int fd;
	do {
		fd = open("/dev/null", O_RDWR);
	} while (fd >= 0 && fd < 3);
	if (fd >= 0)
		close(fd);
}

void daemon_close_inherited(int keep)
{
	for (int fd; (fd = descriptors_of_others(keep)) >= 0;)
		close(fd);
}

/* What was said while it started, fusermount3's words among it, belongs on the terminal. */
static int drop_input_and_output(void)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (null < 0)
		return -errno;
	dup2(null, STDIN_FILENO);
	dup2(null, STDOUT_FILENO);
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
	int r = drop_input_and_output();
	return r == 0 && chdir("/") < 0 ? -errno : r;
}

void daemon_quiet(void)
{
	if (ready_pipe < 0)
		return;
	dup2(STDOUT_FILENO, STDERR_FILENO);
	close(ready_pipe);
	ready_pipe = -1;
}

void daemon_ready(void)
{
	if (ready_pipe < 0)
		return;
	dup2(STDOUT_FILENO, STDERR_FILENO);
	/* The parent may be gone already; then nobody waits for the byte. */
	ssize_t n = write(ready_pipe, "", 1);
	(void)n;
	daemon_quiet();
}
