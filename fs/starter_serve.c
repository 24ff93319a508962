/* Requests of the node. */
#include "fs/starter_serve.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fs/caller.h"
#include "fs/daemon.h"
#include "fs/notify.h"
#include "resolver/child.h"
#include "resolver/dht_validator.h"
#include "resolver/signer_process.h"
#include "resolver/validator.h"

/* ---- children ---- */

#define CHILD_FD 3
_Static_assert(SIGNER_FD == CHILD_FD && DHT_VALIDATOR_FD == CHILD_FD, "all of them find it there");

/* Their users, and where the keys are: what the node says of that does not count. */
static int set_environment(struct starter_serve *s, const char *user)
{
	free(s->environment[0]);
	s->environment[0] = NULL;
	return user && asprintf(&s->environment[0], CHILD_USER "=%s", user) < 0 ? -ENOMEM : 0;
}

static bool is_path_of_ours(const struct starter_serve *s, const char *argument)
{
	size_t len = strlen(NOTIFY_ARGUMENT);
	return s->config->config->mount && strncmp(argument, NOTIFY_ARGUMENT, len) == 0 &&
	       strcmp(argument + len, s->config->place->path) == 0;
}

/* Where it finds whom it becomes: the array begins later when nobody is to be told. */
static int choose(struct starter_serve *s, const char *argument)
{
	const struct processes *users = s->config->users;
	bool signer = strcmp(argument, SIGNER_ARGUMENT) == 0;
	if (!signer && strcmp(argument, VALIDATOR_ARGUMENT) != 0 &&
		strcmp(argument, DHT_VALIDATOR_ARGUMENT) != 0 && !is_path_of_ours(s, argument))
		return -EBADMSG;
	int r = set_environment(s, signer ? users->signer : users->validator);
	if (r == 0)
		child_environment(s->environment + (s->environment[0] ? 0 : 1));
	return r;
}

static int spawn(struct starter_serve *s, const struct starter_request *request,
	struct starter_packet *answer, uint64_t *ret_pid)
{
	struct child child;
	size_t place = 0;
	int r = choose(s, request->text);
	while (place < STARTER_CHILDREN_MAX && s->children[place])
		place++;
	if (r == 0 && place == STARTER_CHILDREN_MAX)
		r = -EAGAIN;
	if (r == 0)
		r = spawn_child(
			"/proc/self/exe", request->text, CHILD_FD, request->number != 0, &child);
	if (r < 0)
		return r;
	s->children[place] = child.pid;
	answer->fds[answer->fds_len++] = child.fd;
	if (child.words >= 0)
		answer->fds[answer->fds_len++] = child.words;
	*ret_pid = (uint64_t)child.pid;
	return 0;
}

static int kill_child(struct starter_serve *s, pid_t pid)
{
	for (size_t i = 0; i < STARTER_CHILDREN_MAX; i++)
		if (pid > 0 && s->children[i] == pid)
			return kill(pid, SIGKILL) < 0 ? -errno : 0;
	return -ESRCH;
}

void starter_serve_reaped(struct starter_serve *s, pid_t pid)
{
	for (size_t i = 0; i < STARTER_CHILDREN_MAX; i++)
		if (s->children[i] == pid)
			s->children[i] = 0;
}

void starter_serve_lost(struct starter_serve *s)
{
	for (size_t i = 0; i < STARTER_CHILDREN_MAX; i++)
		if (s->children[i])
			kill(s->children[i], SIGKILL);
}

/* ---- ports ---- */

static in_port_t port_of(const struct sockaddr_storage *a)
{
	return a->ss_family == AF_INET ? ((const struct sockaddr_in *)a)->sin_port
				       : ((const struct sockaddr_in6 *)a)->sin6_port;
}

static bool is_node_address(const struct config *c, const struct starter_request *request)
{
	struct server_address asked = {.addr = request->address, .len = request->address_len};
	if (port_of(&request->address) != htons(c->port))
		return false;
	for (size_t i = 0; c->dht && i < c->bind_len; i++) {
		struct server_address at = c->bind[i].at;
		if (at.addr.ss_family == AF_INET)
			((struct sockaddr_in *)&at.addr)->sin_port = htons(c->port);
		else
			((struct sockaddr_in6 *)&at.addr)->sin6_port = htons(c->port);
		if (server_address_equal(&at, &asked))
			return true;
	}
	return false;
}

static bool is_configured(const struct config *c, const struct starter_request *request)
{
	struct server_address asked = {.addr = request->address, .len = request->address_len};
	for (enum door_kind kind = 0; kind < DOOR_KINDS; kind++)
		for (size_t i = 0; i < c->door[kind].len; i++)
			if (server_address_equal(&c->door[kind].at[i].at, &asked))
				return true;
	return is_node_address(c, request);
}

static struct starter_port *find_port(
	struct starter_serve *s, const struct starter_request *request, int type)
{
	for (size_t i = 0; i < s->ports_len; i++)
		if (s->ports[i].type == type && s->ports[i].len == request->address_len &&
			memcmp(&s->ports[i].address, &request->address, request->address_len) == 0)
			return &s->ports[i];
	return NULL;
}

/* Of the socket that came a copy is kept, for the node after this one. Where the kernel chooses the
 * port nobody knows of it, and the next may have another. */
static int keep_port(
	struct starter_serve *s, const struct starter_request *request, int fd, int type)
{
	if (port_of(&request->address) == 0)
		return 0;
	if (s->ports_len == STARTER_PORTS_MAX)
		return -ENOSPC;
	s->ports[s->ports_len++] = (struct starter_port){
		.address = request->address, .len = request->address_len, .type = type, .fd = fd};
	return 1;
}

static int bind_port(struct starter_serve *s, const struct starter_request *request,
	struct starter_packet *came, struct starter_packet *answer)
{
	int type, fd;
	socklen_t len = sizeof(type);
	if (!is_configured(s->config->config, request))
		return -EACCES;
	fd = came->fds[0];
	if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len) < 0)
		return -errno;
	const struct starter_port *port = find_port(s, request, type);
	if (port) {
		answer->fds[answer->fds_len++] = fcntl(port->fd, F_DUPFD_CLOEXEC, 3);
		return 0;
	}
	if (bind(fd, (const struct sockaddr *)&request->address, request->address_len) < 0)
		return -errno;
	int r = keep_port(s, request, fd, type);
	if (r == 1)
		came->fds[0] = -1;
	return r < 0 ? r : 0;
}

/* ---- all ---- */

static int mount_node(struct starter_serve *s, struct starter_packet *answer, uint64_t *ret_device)
{
	int r, device;
	if (!s->config->config->mount)
		return -EBADMSG;
	r = place_mount(s->config->place, &device);
	if (r < 0)
		return r;
	/* First, and so by the lower number: the kernel lets go of the files of the dead from the
	 * last on, and who is told by this one looks whether the mount is dead. */
	if (s->config->place->watched >= 0)
		answer->fds[answer->fds_len++] = fcntl(
			s->config->place->watched, F_DUPFD_CLOEXEC, 3);
	answer->fds[answer->fds_len++] = device;
	*ret_device = s->config->place->device;
	return 0;
}

static int serve(struct starter_serve *s, const struct starter_request *request,
	struct starter_packet *came, struct starter_packet *answer, uint64_t *ret_value)
{
	switch (request->kind) {
	case FRAME_SPAWN:
		return spawn(s, request, answer, ret_value);
	case FRAME_KILL:
		return kill_child(s, request->number);
	case FRAME_BIND:
		return bind_port(s, request, came, answer);
	case FRAME_MOUNT:
		return mount_node(s, answer, ret_value);
	case FRAME_UNMOUNT:
		if (s->config->config->mount)
			place_unmount(s->config->place);
		return 0;
	case FRAME_SERVING:
		s->served = true;
		return 0;
	case FRAME_TELL:
		if (request->number < NOTIFY_SERVING || request->number > NOTIFY_STOPPING)
			return -EBADMSG;
		notify_tell((enum notify_word)request->number);
		return 0;
	case FRAME_CALL:
		*ret_value = (uint64_t)caller_call(request->number);
		return 0;
	case FRAME_HOLDS:
		*ret_value = s->config->config->mount &&
			     caller_holds(request->number, (dev_t)s->config->place->device,
				     request->ino);
		return 0;
	case FRAME_KILLED:
		*ret_value = caller_is_killed(request->number);
		return 0;
	default: /* the reader has let through none of the others */
		return -EBADMSG;
	}
}

/* A socket with FRAME_BIND, and nothing else ever. */
static int check_descriptors(
	const struct starter_request *request, const struct starter_packet *came)
{
	int type;
	socklen_t len = sizeof(type);
	if (came->fds_len != (request->kind == FRAME_BIND))
		return -EBADMSG;
	return came->fds_len && getsockopt(came->fds[0], SOL_SOCKET, SO_TYPE, &type, &len) < 0
		       ? -EBADMSG
		       : 0;
}

/* To close what a stranger chose may take as long as he likes: a file waits for its file system,
 * which may be his own mount, and ends with him; a socket for its peer, unless it is told not to.
 */
static void close_what_came(struct starter_packet *came)
{
	static const struct linger none;
	for (size_t i = 0; i < came->fds_len; i++)
		setsockopt(came->fds[i], SOL_SOCKET, SO_LINGER, &none, sizeof(none));
	starter_packet_close(came);
}

int starter_serve_one(struct starter_serve *s, pid_t node, int socket)
{
	static uint8_t in[STARTER_FRAME_MAX], out[STARTER_REPLY_MAX];
	static struct starter_request request;
	struct starter_packet came = {.bytes = in, .len = sizeof(in)}, answer = {.bytes = out};
	struct starter_reply reply = {0};
	struct frame frame;
	int r = starter_receive(socket, &came);
	if (r == 0)
		r = frame_open(in, came.len, &frame);
	if (r == 0)
		r = starter_frame_get(&frame, &request);
	if (r == 0)
		r = check_descriptors(&request, &came);
	if (r == 0) {
		reply.error = serve(s, &request, &came, &answer, &reply.value);
		answer.len = starter_frame_put_reply(out, frame.id, &reply);
		r = starter_send(socket, &answer) < 0 ? -EPIPE : 0;
	}
	if (r == -EBADMSG)
		kill(node, SIGKILL);
	close_what_came(&came);
	starter_packet_close(&answer); /* the node has its own by now */
	return r;
}

int starter_serve_init(struct starter_serve *s, const struct starter_config *config)
{
	*s = (struct starter_serve){.config = config};
	return asprintf(&s->environment[1], SIGNER_KEYS "=%s/keys", config->config->state) < 0
		       ? -ENOMEM
		       : 0;
}

void starter_serve_finish(struct starter_serve *s)
{
	while (s->ports_len)
		close(s->ports[--s->ports_len].fd);
	free(s->environment[0]);
	free(s->environment[1]);
}
