/* Requests to the starter. */
#include "fs/starter_ask.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "fs/caller.h"
#include "fs/notify.h"
#include "fs/starter_frame.h"
#include "resolver/bound.h"
#include "resolver/child.h"
#include "resolver/confine.h"

static int starter = -1;
static pid_t starter_pid;

static int receive(uint64_t id, struct starter_packet *answer, struct starter_reply *ret_reply)
{
	struct pollfd p = {.fd = starter, .events = POLLIN};
	struct frame frame;
	int r;
	while ((r = starter_receive(starter, answer)) == -EAGAIN)
		if (poll(&p, 1, -1) < 0 && errno != EINTR)
			return -errno;
	if (r < 0)
		return r;
	r = frame_open(answer->bytes, answer->len, &frame);
	if (r == 0 && frame.id != id)
		r = -EBADMSG;
	return r < 0 ? r : starter_frame_get_reply(&frame, ret_reply);
}

/* Without a starter there is nobody who would start us again, or unmount: the kernel is about to
 * end us, and what was asked has no answer. */
static int ask(const struct starter_request *request, struct starter_packet *packet,
	struct starter_reply *ret_reply)
{
	static uint8_t bytes[STARTER_FRAME_MAX];
	static uint64_t id;
	packet->bytes = bytes;
	packet->len = starter_frame_put(bytes, ++id, request);
	int r = starter_send(starter, packet);
	packet->len = sizeof(bytes);
	packet->fds_len = 0;
	if (r == 0)
		r = receive(id, packet, ret_reply);
	if (r == 0)
		r = ret_reply->error;
	if (r < 0)
		starter_packet_close(packet);
	return r;
}

/* For what has no descriptors. */
static int ask_plainly(enum frame_kind kind, int32_t number, uint64_t ino, uint64_t *ret_value)
{
	struct starter_request request = {.kind = kind, .number = number, .ino = ino};
	struct starter_packet packet = {0};
	struct starter_reply reply;
	int r = ask(&request, &packet, &reply);
	if (r == 0)
		*ret_value = reply.value;
	starter_packet_close(&packet);
	return r;
}

/* ---- children ---- */

static int ask_child(const char *argument, int child_fd, bool heard, struct child *ret_child)
{
	struct starter_request request = {.kind = FRAME_SPAWN, .number = heard};
	struct starter_packet packet = {0};
	struct starter_reply reply;
	(void)child_fd; /* that of all of them */
	if (strlen(argument) >= sizeof(request.text))
		return -ENAMETOOLONG;
	strcpy(request.text, argument);
	int r = ask(&request, &packet, &reply);
	if (r == 0 && packet.fds_len != (heard ? 2 : 1)) {
		starter_packet_close(&packet);
		r = -EBADMSG;
	}
	if (r == 0)
		*ret_child = (struct child){.pid = (pid_t)reply.value,
			.fd = packet.fds[0],
			.words = heard ? packet.fds[1] : -1};
	return r;
}

static void ask_kill(pid_t pid)
{
	uint64_t none;
	ask_plainly(FRAME_KILL, pid, 0, &none);
}

/* ---- ports ---- */

int starter_bind(int fd, const struct sockaddr *address, unsigned len)
{
	struct starter_request request = {.kind = FRAME_BIND, .address_len = len};
	struct starter_packet packet = {.fds = {fd}, .fds_len = 1};
	struct starter_reply reply;
	memcpy(&request.address, address, len);
	int r = ask(&request, &packet, &reply);
	if (r == 0 && packet.fds_len == 1 && dup3(packet.fds[0], fd, O_CLOEXEC) < 0)
		r = -errno;
	starter_packet_close(&packet);
	errno = -r;
	return r < 0 ? -1 : 0;
}

/* ---- callers, the manager, the mount ---- */

static long ask_call(pid_t thread)
{
	uint64_t call;
	return ask_plainly(FRAME_CALL, thread, 0, &call) == 0 ? (long)call : -1;
}

static bool ask_holds(pid_t thread, uint64_t ino)
{
	uint64_t holds;
	return ask_plainly(FRAME_HOLDS, thread, ino, &holds) == 0 && holds;
}

static bool ask_killed(pid_t thread)
{
	uint64_t killed;
	return ask_plainly(FRAME_KILLED, thread, 0, &killed) == 0 && killed;
}

static void ask_tell(enum notify_word word)
{
	uint64_t none;
	ask_plainly(FRAME_TELL, (int32_t)word, 0, &none);
}

int starter_mount(int *ret_fd, uint64_t *ret_device)
{
	struct starter_request request = {.kind = FRAME_MOUNT};
	struct starter_packet packet = {0};
	struct starter_reply reply;
	int r = ask(&request, &packet, &reply);
	if (r == 0 && packet.fds_len == 0)
		r = -EBADMSG;
	if (r == 0) {
		/* One before it stays open until we die (fs/place). */
		*ret_fd = packet.fds[packet.fds_len - 1];
		*ret_device = reply.value;
	}
	return r;
}

void starter_unmount(void)
{
	uint64_t none;
	ask_plainly(FRAME_UNMOUNT, 0, 0, &none);
}

void starter_serving(void)
{
	uint64_t none;
	ask_plainly(FRAME_SERVING, 0, 0, &none);
}

/* Had it ended before it was the one whose end is ours, nobody would be left to end us. */
int starter_confine(const char *user, const char **ret_what)
{
	int r = confine(user, ret_what);
	if (r < 0)
		return r;
#ifdef __SANITIZE_ADDRESS__
	prctl(PR_SET_DUMPABLE, 1, 0, 0, 0); /* it looks for leaks as a debugger would */
#endif
	*ret_what = "starter";
	return getppid() == starter_pid ? 0 : -ESRCH;
}

void starter_ask_through(int socket, pid_t pid, bool mount)
{
	static const struct child_ways children = {ask_child, ask_kill};
	static const struct caller_ways callers = {ask_call, ask_holds, ask_killed};
	starter = socket;
	starter_pid = pid;
	child_through(&children);
	bound_by(starter_bind);
	notify_through(ask_tell);
	if (mount && geteuid() == 0)
		caller_through(&callers);
}
