/* The starter's loop: signals, what the node asks, and a new node for one that died. */
#include "fs/starter.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fs/log.h"
#include "fs/mount.h"
#include "fs/starter_ask.h"
#include "fs/starter_serve.h"
#include "resolver/clock.h"

/* Between two nodes that came to nothing; before one that follows a node which lasted for the
 * longer of them there is none. */
#define RESTART_MIN (SECOND / 10)
#define RESTART_MAX (10 * SECOND)
/* A node that was told to end has three seconds for its disk (FS_SETTLE), and less for all else.
 * One that takes so long hangs, and would for ever. */
#define END_PATIENCE (20 * SECOND)

struct starter {
	const struct starter_config *config;
	struct starter_serve serve;
	sigset_t before; /* the signals that were blocked when we came */
	int signals, socket;
	pid_t node; /* 0: none */
	uint64_t started, not_before, delay;
	uint64_t killed_at; /* when the end is enforced, once more; 0: nobody has asked for it */
	bool again, over;
	int result;
};

/* ---- the node ---- */

static void close_one(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

/* In the new process. A session of its own: terminals send their signals to all of a group, and
 * here they come once, from us; and who has taken over a node has no terminal of root's that he
 * could type into (TIOCSTI). */
static void become_node(struct starter *s, int socket, pid_t starter)
{
	close_one(&s->signals);
	close_one(&s->socket);
	place_leave(s->config->place);
	starter_serve_finish(&s->serve);
	setsid();
	prctl(PR_SET_NAME, "kadns-node", 0, 0, 0);
	sigprocmask(SIG_SETMASK, &s->before, NULL);
	starter_ask_through(socket, starter, s->config->config->mount);
	exit(s->config->node(s->config->ctx, s->again));
}

static int start_node(struct starter *s)
{
	int pair[2];
	pid_t us = getpid();
	s->started = clock_monotonic();
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return -errno;
	s->node = fork();
	if (s->node == 0) {
		close(pair[0]);
		become_node(s, pair[1], us);
	}
	close(pair[1]);
	if (s->node < 0) {
		s->node = 0;
		close(pair[0]);
		return -errno;
	}
	s->socket = pair[0];
	return 0;
}

static void wait_a_while(struct starter *s)
{
	uint64_t now = clock_monotonic();
	if (now - s->started >= RESTART_MAX)
		s->delay = 0;
	s->not_before = now + s->delay;
	s->delay = s->delay == 0		? RESTART_MIN
		   : s->delay * 2 < RESTART_MAX ? s->delay * 2
						: RESTART_MAX;
}

static void say_death(int status, const char *then)
{
	if (WIFSIGNALED(status))
		log_line(LOG_ERR, "the node was ended by signal %d%s", WTERMSIG(status), then);
	else
		log_line(LOG_ERR, "the node has ended with status %d%s", WEXITSTATUS(status), then);
}

/* One that says 0 has ended as it should: it was told to, or somebody has unmounted. One that never
 * was in service has said why, and would say it again. */
static void node_ended(struct starter *s, int status)
{
	bool once = s->config->config->mount && mount_is_given(s->config->place->path);
	s->node = 0;
	close_one(&s->socket);
	starter_serve_lost(&s->serve);
	if (s->config->config->mount)
		place_lost(s->config->place);
	s->over = true;
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return;
	s->result = -EIO;
	if (!s->serve.served) {
		if (WIFSIGNALED(status))
			log_line(LOG_ERR, "ended by signal %d at start", WTERMSIG(status));
	} else if (s->killed_at || once) {
		if (WIFSIGNALED(status))
			say_death(status, "");
	} else {
		say_death(status, "; it is started again");
		s->over = false;
		s->result = 0;
		wait_a_while(s);
	}
}

/* ---- signals ---- */

static void reap(struct starter *s)
{
	int status;
	pid_t pid;
	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		starter_serve_reaped(&s->serve, pid);
		if (pid == s->node)
			node_ended(s, status);
	}
}

static void end(struct starter *s)
{
	if (!s->killed_at)
		s->killed_at = clock_monotonic() + END_PATIENCE;
	s->over = s->over || !s->node;
}

static void on_signal(struct starter *s)
{
	struct signalfd_siginfo info;
	if (read(s->signals, &info, sizeof(info)) != sizeof(info))
		return;
	int number = (int)info.ssi_signo;
	if (number == SIGCHLD) {
		reap(s);
		return;
	}
	if (number == SIGTERM || number == SIGINT || number == SIGQUIT)
		end(s);
	s->again = s->again || number == SIGHUP;
	if (s->node)
		kill(s->node, number);
}

static int open_signals(struct starter *s)
{
	static const int numbers[] = {SIGTERM, SIGINT, SIGQUIT, SIGHUP, SIGUSR1, SIGCHLD};
	sigset_t ours;
	sigemptyset(&ours);
	for (size_t i = 0; i < sizeof(numbers) / sizeof(*numbers); i++)
		sigaddset(&ours, numbers[i]);
	signal(SIGCHLD, SIG_DFL); /* whoever has called us may have ignored it */
	if (sigprocmask(SIG_BLOCK, &ours, &s->before) < 0)
		return -errno;
	for (size_t i = 0; i < sizeof(numbers) / sizeof(*numbers); i++)
		sigdelset(&s->before, numbers[i]);
	s->signals = signalfd(-1, &ours, SFD_CLOEXEC | SFD_NONBLOCK);
	return s->signals < 0 ? -errno : 0;
}

/* ---- the loop ---- */

/* Until something is to be done without anybody's asking; -1: there is nothing. */
static int patience(const struct starter *s)
{
	uint64_t now = clock_monotonic(), due = s->node ? s->killed_at : s->not_before;
	if (s->node && !due)
		return -1;
	return due <= now ? 0 : (int)((due - now) / 1000) + 1;
}

static void hear_node(struct starter *s)
{
	bool served = s->serve.served;
	int r = starter_serve_one(&s->serve, s->node, s->socket);
	if (!served && s->serve.served)
		s->config->served(s->config->ctx);
	if (r == 0 || r == -EAGAIN)
		return;
	/* It is dying, or not what it was: what it says no more counts. */
	close_one(&s->socket);
}

static void turn(struct starter *s)
{
	if (!s->node && clock_monotonic() >= s->not_before && start_node(s) < 0)
		wait_a_while(s);
	struct pollfd fds[2] = {
		{.fd = s->signals, .events = POLLIN}, {.fd = s->socket, .events = POLLIN}};
	if (poll(fds, 2, patience(s)) > 0) {
		if (fds[1].revents)
			hear_node(s);
		if (fds[0].revents)
			on_signal(s);
	}
	if (s->node && s->killed_at && clock_monotonic() >= s->killed_at) {
		kill(s->node, SIGKILL);
		s->killed_at += SECOND; /* one that waits for a disk is not dead at once */
	}
}

int starter_run(const struct starter_config *config)
{
	struct starter s = {.config = config, .signals = -1, .socket = -1};
	int r = open_signals(&s);
	if (r == 0)
		r = starter_serve_init(&s.serve, config);
	if (r == 0)
		r = start_node(&s);
	while (r == 0 && !s.over)
		turn(&s);
	if (config->config->mount)
		place_close(config->place);
	if (*config->local)
		unlink(config->local);
	starter_serve_finish(&s.serve);
	close_one(&s.signals);
	close_one(&s.socket);
	return r < 0 ? r : s.result;
}
