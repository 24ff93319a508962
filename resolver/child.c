/* posix_spawn of ourselves: not fork, which would hold copies of our descriptors (the mount's
 * among them) and of our memory until the exec. */
#include "resolver/child.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

static const struct child_ways *through;
static char *const nothing[] = {NULL};
static char *const *given_environment = nothing;

void child_through(const struct child_ways *ways)
{
	through = ways;
}

void child_environment(char *const *environment)
{
	given_environment = environment;
}

const char *child_user(const char *asked)
{
	const char *user = getenv(CHILD_USER);

	return user ? user : asked;
}

void child_kill(pid_t pid)
{
	if (through)
		through->kill(pid);
	else
		kill(pid, SIGKILL);
}

/* What the child gets of ours. */
struct gift {
	int socket;
	int words; /* its stderr; -1: ours */
};

/* Nothing but stderr and the socket. */
static int set_descriptors(
	posix_spawn_file_actions_t *actions, const struct gift *gift, int child_fd)
{
	int r = posix_spawn_file_actions_addopen(actions, 0, "/dev/null", O_RDONLY, 0);

	if (!r)
		r = posix_spawn_file_actions_addopen(actions, 1, "/dev/null", O_WRONLY, 0);
	if (!r)
		r = posix_spawn_file_actions_adddup2(actions, gift->socket, child_fd);
	if (!r && gift->words >= 0)
		r = posix_spawn_file_actions_adddup2(actions, gift->words, STDERR_FILENO);
	if (!r)
		r = posix_spawn_file_actions_addclosefrom_np(actions, child_fd + 1);
	return r;
}

/* Our signal mask and handlers are ours. So is our terminal: one that has been taken over could
 * type into it (TIOCSTI). */
static int set_attributes(posix_spawnattr_t *attributes)
{
	sigset_t none, all;
	int r;

	sigemptyset(&none);
	sigfillset(&all);
	r = posix_spawnattr_setflags(
		attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSID);
	if (!r)
		r = posix_spawnattr_setsigmask(attributes, &none);
	if (!r)
		r = posix_spawnattr_setsigdefault(attributes, &all);
	return r;
}

static int execute(const char *program, const char *argument, const struct gift *gift, int child_fd,
	pid_t *ret_pid)
{
	char *const argv[] = {(char *)"kadns", (char *)argument, NULL};
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
	r = set_descriptors(&actions, gift, child_fd);
	if (!r)
		r = set_attributes(&attributes);
	if (!r)
		r = posix_spawn(ret_pid, program, &actions, &attributes, argv, given_environment);
	posix_spawnattr_destroy(&attributes);
	posix_spawn_file_actions_destroy(&actions);
	return -r;
}

/* Out of the way of the descriptors that the child will have, should ours have been closed. */
static int move_up(int fd, int child_fd)
{
	int moved = fcntl(fd, F_DUPFD_CLOEXEC, child_fd + 1), error = errno;

	close(fd);
	return moved < 0 ? -error : moved;
}

static int make_socket(int child_fd, int *ret_ours, int *ret_theirs)
{
	int pair[2], r;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair))
		return -errno;
	*ret_ours = pair[0];
	r = move_up(pair[1], child_fd);
	if (r < 0)
		return r;
	*ret_theirs = r;
	return fcntl(pair[0], F_SETFL, O_NONBLOCK) ? -errno : 0;
}

/* Our end only does not wait: a child that finds the pipe full may, its work is its own. */
static int make_pipe(int child_fd, int *ret_ours, int *ret_theirs)
{
	int pair[2], r;

	if (pipe2(pair, O_CLOEXEC))
		return -errno;
	*ret_ours = pair[0];
	r = move_up(pair[1], child_fd);
	if (r < 0)
		return r;
	*ret_theirs = r;
	return fcntl(pair[0], F_SETFL, O_NONBLOCK) ? -errno : 0;
}

static void close_open(int fd)
{
	if (fd >= 0)
		close(fd);
}

int spawn_child(const char *program, const char *argument, int child_fd, bool heard,
	struct child *ret_child)
{
	struct child child = {.fd = -1, .words = -1};
	struct gift gift = {.socket = -1, .words = -1};
	int r;

	if (through)
		return through->spawn(argument, child_fd, heard, ret_child);
	r = make_socket(child_fd, &child.fd, &gift.socket);
	if (!r && heard)
		r = make_pipe(child_fd, &child.words, &gift.words);
	if (!r)
		r = execute(program, argument, &gift, child_fd, &child.pid);
	close_open(gift.socket);
	close_open(gift.words);
	if (r) {
		close_open(child.fd);
		close_open(child.words);
		return r;
	}
	*ret_child = child;
	return 0;
}

void child_ignore_signals(void)
{
	static const int ignored[] = {SIGINT, SIGQUIT, SIGTERM, SIGHUP, SIGPIPE, SIGUSR1, SIGUSR2};

	for (size_t i = 0; i < sizeof(ignored) / sizeof(*ignored); i++)
		signal(ignored[i], SIG_IGN);
}
