/* Datagrams to $NOTIFY_SOCKET. */
#include "fs/notify.h"

#include <errno.h>
#include <event2/event.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/statfs.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fs/log.h"
#include "resolver/child.h"
#include "resolver/clock.h"

#define CHILD_FD 3
#define FUSE_MAGIC 0x65735546 /* statfs(2); what lies below the mountpoint answers too */

static int to = -1; /* connected; -1: nobody wants to know */

static notify_fn *through;

void notify_through(notify_fn *fn)
{
	through = fn;
}

static void send_text(const char *what)
{
	if (to >= 0 && send(to, what, strlen(what), MSG_NOSIGNAL) < 0)
		log_line(LOG_WARNING, "the service manager is not told: %s", strerror(errno));
}

void notify_tell(enum notify_word word)
{
	char reloading[64];
	if (through) {
		through(word);
		return;
	}
	switch (word) {
	case NOTIFY_SERVING:
		send_text("READY=1\nSTATUS=in service");
		break;
	case NOTIFY_RELOADING:
		snprintf(reloading, sizeof(reloading), "RELOADING=1\nMONOTONIC_USEC=%" PRIu64,
			clock_monotonic());
		send_text(reloading);
		break;
	case NOTIFY_RELOADED:
		send_text("READY=1");
		break;
	case NOTIFY_STOPPING:
		send_text("STOPPING=1");
		break;
	}
}

/* Our children are not to speak for us. */
void notify_open(void)
{
	const char *path = getenv("NOTIFY_SOCKET");
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	size_t len = path ? strlen(path) : 0;
	if (to >= 0 || len < 2 || len >= sizeof(address.sun_path) ||
		(path[0] != '/' && path[0] != '@'))
		return;
	memcpy(address.sun_path, path, len);
	if (path[0] == '@') /* abstract */
		address.sun_path[0] = '\0';
	to = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (to >= 0 && connect(to, (struct sockaddr *)&address,
			       (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len)) < 0) {
		close(to);
		to = -1;
	}
	/* A process that is forked sees the place where it stood, too. */
	explicit_bzero(getenv("NOTIFY_SOCKET"), len);
	unsetenv("NOTIFY_SOCKET");
}

/* ---- does the mount answer? ----
 *
 * Only the loop can answer, so this process cannot ask itself. The other one says a byte, or ends.
 */

bool notify_child(int argc, char **argv, int *ret_status)
{
	struct statfs st;
	if (argc != 2 || strncmp(argv[1], NOTIFY_ARGUMENT, strlen(NOTIFY_ARGUMENT)) != 0)
		return false;
	*ret_status = statfs(argv[1] + strlen(NOTIFY_ARGUMENT), &st) < 0 ||
		      st.f_type != FUSE_MAGIC || send(CHILD_FD, "", 1, MSG_NOSIGNAL) != 1;
	return true;
}

static struct looking {
	struct event *said;
	struct child child;
} looking;

static void on_said(evutil_socket_t fd, short what, void *ctx)
{
	char byte;
	(void)what;
	(void)ctx;
	bool answers = recv(fd, &byte, 1, MSG_DONTWAIT) == 1;
	event_free(looking.said);
	close(fd);
	waitpid(looking.child.pid, NULL, 0); /* it has nothing else to do but to end */
	if (answers)
		notify_tell(NOTIFY_SERVING);
	else
		log_line(LOG_ERR, "the mount does not answer");
}

void notify_when_ready(struct event_base *base, const char *path)
{
	char argument[4200];
	notify_open();
	if (to < 0)
		return;
	if (!path) {
		notify_tell(NOTIFY_SERVING);
		return;
	}
	int r = snprintf(argument, sizeof(argument), NOTIFY_ARGUMENT "%s", path) <
				(int)sizeof(argument)
			? spawn_child("/proc/self/exe", argument, CHILD_FD, false, &looking.child)
			: -ENAMETOOLONG;
	if (r == 0) {
		looking.said = event_new(base, looking.child.fd, EV_READ, on_said, NULL);
		r = looking.said && event_add(looking.said, NULL) == 0 ? 0 : -ENOMEM;
	}
	if (r < 0)
		log_line(LOG_ERR, "the service manager is not told: %s", strerror(-r));
}
