/* posix_spawn of ourselves: not fork, which would hold copies of our descriptors (the mount's
 * among them) and of our memory until the exec. */
#include "resolver/child.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <unistd.h>

/* Nothing of ours but stderr and the socket, whose end comes in as `theirs`. */
static int set_descriptors(posix_spawn_file_actions_t *actions, int theirs, int child_fd)
{
	int r = posix_spawn_file_actions_addopen(actions, 0, "/dev/null", O_RDONLY, 0);

	if (!r)
		r = posix_spawn_file_actions_addopen(actions, 1, "/dev/null", O_WRONLY, 0);
	if (!r)
		r = posix_spawn_file_actions_adddup2(actions, theirs, child_fd);
	if (!r)
		r = posix_spawn_file_actions_addclosefrom_np(actions, child_fd + 1);
	return r;
}

/* Our signal mask and handlers are ours. */
static int set_signals(posix_spawnattr_t *attributes)
{
	sigset_t none, all;
	int r;

	sigemptyset(&none);
	sigfillset(&all);
	r = posix_spawnattr_setflags(attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
	if (!r)
		r = posix_spawnattr_setsigmask(attributes, &none);
	if (!r)
		r = posix_spawnattr_setsigdefault(attributes, &all);
	return r;
}

static int execute(const char *program, const char *argument, int theirs, int child_fd, pid_t *pid)
{
	char *const argv[] = {(char *)"kadns", (char *)argument, NULL};
	char *const environment[] = {NULL};
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	int r;

	r = posix_spawn_file_actions_init(&actions);
	if (r)
		return -r;
	r = posix_spawnattr_init(&attributes);
	if (r) {
		posix_spawn_file_actions_destroy(&actions);
		return -r;
	}
	r = set_descriptors(&actions, theirs, child_fd);
	if (!r)
		r = set_signals(&attributes);
	if (!r)
		r = posix_spawn(pid, program, &actions, &attributes, argv, environment);
	posix_spawnattr_destroy(&attributes);
	posix_spawn_file_actions_destroy(&actions);
	return -r;
}

int spawn_child(
	const char *program, const char *argument, int child_fd, pid_t *ret_pid, int *ret_fd)
{
	int pair[2], theirs, r;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair))
		return -errno;
	/* Out of the way of the descriptors that the child will have, should ours have been closed.
	 */
	theirs = fcntl(pair[1], F_DUPFD_CLOEXEC, child_fd + 1);
	r = theirs < 0 ? -errno : 0;
	close(pair[1]);
	if (!r && fcntl(pair[0], F_SETFL, O_NONBLOCK))
		r = -errno;
	if (!r)
		r = execute(program, argument, theirs, child_fd, ret_pid);
	if (theirs >= 0)
		close(theirs);
	if (r) {
		close(pair[0]);
		return r;
	}
	*ret_fd = pair[0];
	return 0;
}
