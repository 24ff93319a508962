/* Requests over a Unix socket, one at a time for each connection. */
#include "fs/local_door.h"

#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/event_struct.h>
#include <libgen.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "fs/control.h"
#include "fs/local.h"
#include "fs/pace.h"
#include "fs/rate.h"
#include "fs/record.h"
#include "resolver/clock.h"
#include "resolver/share.h"

#define CLIENTS_MAX 128	  /* each has one request under way, and 66 kB at most before it */
#define CLIENTS_OF_ONE 16 /* of one user, so that nobody keeps the others out, but root */
#define IDLE_SECONDS 30	  /* to say a request, or to take a reply */

struct client {
	LIST_ENTRY(client) link;
	struct local_door *door;
	struct bufferevent *bev;
	uid_t uid;
	struct local_request request; /* the text is gone when it has been handled */
	struct ask *ask;	      /* under way */
	struct own_waiter durable;    /* likewise, if `waits` */
	struct event paid;	      /* a reply that waits for time (fs/pace) */
	bool waits, replying;
};

struct local_door {
	struct event_base *base;
	struct local_door_config config;
	char path[LOCAL_PATH_MAX];
	int fd;
	struct event readable;
	LIST_HEAD(, client) clients;
	unsigned clients_len;
	struct control_size sizes[CONTROL_FILES];
	struct rate *rate;
	struct pace pace;
};

static void client_destroy(struct client *c)
{
	if (c->ask)
		resolver_cancel(c->ask);
	if (c->waits)
		publish_wait_no_longer(c->door->config.publisher, &c->durable);
	event_del(&c->paid);
	LIST_REMOVE(c, link);
	c->door->clients_len--;
	bufferevent_free(c->bev);
	free(c);
}

/* ---- replies ---- */

/* False: the client is gone. */
static bool say(struct client *c, const struct local_reply *reply)
{
	struct local_reply small = {.error = reply->error};
	uint8_t *bytes;
	size_t len;
	int r = local_reply_write(reply, &bytes, &len);
	if (r == -EMSGSIZE) {
		small.error = -EMSGSIZE;
		r = local_reply_write(&small, &bytes, &len);
	}
	if (r == 0) {
		r = bufferevent_write(c->bev, bytes, len);
		free(bytes);
	}
	c->replying = true;
	if (r < 0)
		client_destroy(c);
	return r == 0;
}

static bool say_error(struct client *c, int error, const char *why)
{
	struct local_reply reply = {.error = error, .text = why, .len = strlen(why)};
	return say(c, &reply);
}

static bool say_answer(struct client *c, const struct answer *a)
{
	struct local_reply reply = {.error = a->error, .trust = a->trust};
	char *text = NULL;
	if (a->error == 0)
		reply.error = json_write(a, NULL, &text, &reply.len);
	reply.text = text;
	reply.message = a->message[1].bytes;
	reply.message_len = a->message[1].len;
	bool there = say(c, &reply);
	free(text);
	return there;
}

static bool say_explanation(struct client *c, int outcome)
{
	struct control_parts parts = {
		c->door->config.resolver, c->door->config.publisher, c->door->sizes};
	struct control_about about = {CONTROL_EXPLAIN, &c->request.question, c->uid, outcome};
	struct local_reply reply = {0};
	char *text = NULL;
	reply.error = control_about(&parts, &about, &text, &reply.len);
	reply.text = text;
	bool there = say(c, &reply);
	free(text);
	return there;
}

/* ---- requests ---- */

static void on_answer(void *ctx, const struct answer *a)
{
	struct client *c = ctx;
	c->ask = NULL;
	if (c->request.kind == LOCAL_EXPLAIN)
		say_explanation(c, a->error);
	else
		say_answer(c, a);
}

static bool ask(struct client *c)
{
	struct resolver *resolver = c->door->config.resolver;
	const struct question *q = &c->request.question;
	const struct answer *a = c->request.kind == LOCAL_ASK ? resolver_peek(resolver, q, c->uid)
							      : NULL;
	if (a) {
		resolver_given(resolver, a);
		return say_answer(c, a);
	}
	if (rate_take(c->door->rate, c->uid, clock_monotonic()) == 0)
		c->ask = resolver_ask(resolver, q, c->uid, on_answer, c);
	if (!c->ask)
		return say_error(c, -EAGAIN, "too many questions are under way");
	if (c->request.kind == LOCAL_EXPLAIN)
		resolver_ask_for(c->ask, control_asks_for(CONTROL_EXPLAIN));
	return true;
}

static void on_paid(evutil_socket_t fd, short what, void *ctx)
{
	struct client *c = ctx;
	(void)fd;
	(void)what;
	say_error(c, 0, "");
}

/* Durable, or not: whoever writes much has the reply when it is his turn again, and says nothing
 * more before that. False: the client is gone. */
static bool end_change(struct client *c, int error)
{
	uint64_t wait = error ? 0 : pace_wait(&c->door->pace, c->uid, clock_monotonic());
	struct timeval t = {
		.tv_sec = (time_t)(wait / SECOND), .tv_usec = (suseconds_t)(wait % SECOND)};
	publish_push(c->door->config.publisher, c->uid, &c->request.question);
	if (wait && event_add(&c->paid, &t) == 0)
		return true;
	return say_error(c, error, "");
}

static void on_durable(struct own_waiter *w, int error)
{
	struct client *c = (struct client *)((char *)w - offsetof(struct client, durable));
	c->waits = false;
	end_change(c, error);
}

static bool written(struct client *c)
{
	c->durable = (struct own_waiter){.fn = on_durable};
	c->waits = publish_wait(c->door->config.publisher, &c->durable);
	return c->waits || end_change(c, 0);
}

static bool publish(struct client *c)
{
	const struct local_door_config *config = &c->door->config;
	const struct question *q = &c->request.question;
	const struct rrset *standing = publish_standing(config->publisher, c->uid, q);
	struct rrset *set = NULL;
	const char *why = NULL;
	int r = json_read(c->request.text, c->request.len, q, standing, &set, &why);
	if (r == 0)
		r = publish_set(config->publisher, c->uid, set);
	rrset_destroy(set);
	return r < 0 ? say_error(c, r, why ? why : "") : written(c);
}

static bool withdraw(struct client *c)
{
	struct publisher *publisher = c->door->config.publisher;
	const struct question *q = &c->request.question;
	int r = publish_remove(publisher, c->uid, q);
	/* Under his key it is what another machine with it has written, as with rm. */
	if (r == -ENOENT && publish_remove_theirs(publisher, c->uid, q) == 0)
		r = 0;
	return r < 0 ? say_error(c, r,
			       r == -ENOENT
				       ? "there is no record of yours; what another machine with "
					 "your key wrote is withdrawn as NAME.<your key>"
				       : "")
		     : written(c);
}

/* What it cost is known before the reply goes: it waits for the disk, or for time. */
static bool change_paced(struct client *c)
{
	struct local_door *door = c->door;
	uid_t uid = c->uid;
	uint64_t begin = clock_monotonic();
	bool there = c->request.kind == LOCAL_PUBLISH ? publish(c) : withdraw(c);
	uint64_t end = clock_monotonic();
	pace_spent(&door->pace, uid, end - begin, end);
	return there;
}

static bool change(struct client *c)
{
	const struct local_door_config *config = &c->door->config;
	if (config->read_only)
		return say_error(c, -EROFS, "");
	int r = record_is_allowed(
		config->resolver, config->publisher, &c->request.question, c->uid);
	if (r < 0)
		return say_error(c, r, "");
	return change_paced(c);
}

static bool handle(struct client *c)
{
	const struct question *q = &c->request.question;
	switch (c->request.kind) {
	case LOCAL_ASK:
	case LOCAL_EXPLAIN:
		if (type_is_meta(q->type) || q->class == 0)
			return say_error(c, -EINVAL, "no type or class of a record");
		return ask(c);
	case LOCAL_PUBLISH:
	case LOCAL_WITHDRAW:
		return change(c);
	}
	return true;
}

/* False: the client is gone. */
static bool take_request(struct client *c, const uint8_t *frame, size_t len)
{
	if (local_request_read(frame, len, &c->request) == 0)
		return handle(c);
	client_destroy(c);
	return false;
}

static bool is_busy(const struct client *c)
{
	return c->ask || c->waits || event_pending(&c->paid, EV_TIMEOUT, NULL);
}

/* The next request, when there is no other under way and no reply still to be taken. */
static void take_next(struct client *c)
{
	struct evbuffer *in = bufferevent_get_input(c->bev);
	uint8_t head[LOCAL_LENGTH];
	if (is_busy(c) || c->replying ||
		evbuffer_copyout(in, head, sizeof(head)) < (ev_ssize_t)sizeof(head))
		return;
	size_t len = local_length(head);
	if (len > LOCAL_REQUEST_MAX) {
		client_destroy(c);
		return;
	}
	if (evbuffer_get_length(in) < LOCAL_LENGTH + len)
		return;
	uint8_t *frame = evbuffer_pullup(in, (ev_ssize_t)(LOCAL_LENGTH + len));
	if (!frame) {
		client_destroy(c);
		return;
	}
	if (take_request(c, frame + LOCAL_LENGTH, len))
		evbuffer_drain(in, LOCAL_LENGTH + len);
}

static void on_read(struct bufferevent *bev, void *ctx)
{
	(void)bev;
	take_next(ctx);
}

static void on_written(struct bufferevent *bev, void *ctx)
{
	struct client *c = ctx;
	(void)bev;
	c->replying = false;
	take_next(c);
}

/* A connection that is idle waits for nobody; one that waits for us is not idle. */
static void on_event(struct bufferevent *bev, short what, void *ctx)
{
	struct client *c = ctx;
	if (what & BEV_EVENT_TIMEOUT && what & BEV_EVENT_READING && is_busy(c))
		bufferevent_enable(bev, EV_READ);
	else
		client_destroy(c);
}

/* ---- connections ---- */

static bool has_place(const struct local_door *door, uid_t uid)
{
	const struct client *c;
	size_t of_him = 0;
	LIST_FOREACH(c, &door->clients, link)
	of_him += c->uid == uid;
	return door->clients_len < share_limit(CLIENTS_MAX, uid, door->config.owner, of_him) &&
	       (uid == 0 || of_him < CLIENTS_OF_ONE);
}

static void welcome(struct local_door *door, int fd)
{
	static const struct timeval idle = {.tv_sec = IDLE_SECONDS};
	struct ucred peer;
	socklen_t len = sizeof(peer);
	struct client *c = NULL;
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) == 0 && has_place(door, peer.uid))
		c = calloc(1, sizeof(*c));
	if (c)
		c->bev = bufferevent_socket_new(door->base, fd, BEV_OPT_CLOSE_ON_FREE);
	if (!c || !c->bev) {
		free(c);
		close(fd);
		return;
	}
	c->door = door;
	c->uid = peer.uid;
	event_assign(&c->paid, door->base, -1, 0, on_paid, c);
	LIST_INSERT_HEAD(&door->clients, c, link);
	door->clients_len++;
	bufferevent_setcb(c->bev, on_read, on_written, on_event, c);
	/* No more of it than one request. */
	bufferevent_setwatermark(c->bev, EV_READ, 0, LOCAL_LENGTH + LOCAL_REQUEST_MAX);
	bufferevent_set_timeouts(c->bev, &idle, &idle);
	bufferevent_enable(c->bev, EV_READ | EV_WRITE);
}

static void on_readable(evutil_socket_t listener, short what, void *ctx)
{
	(void)what;
	for (int i = 0; i < 16; i++) {
		int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
		if (fd < 0)
			return;
		welcome(ctx, fd);
	}
}

/* ---- the socket ---- */

/* Does anybody answer there? What a kadns left that was killed may be removed. */
static bool is_alive(const struct sockaddr_un *at)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	bool alive = fd >= 0 && (connect(fd, (const struct sockaddr *)at, sizeof(*at)) == 0 ||
					errno == EAGAIN);
	if (fd >= 0)
		close(fd);
	return alive;
}

int local_door_listen(const char *path, int *ret_fd)
{
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	char directory[LOCAL_PATH_MAX];
	if (strlen(path) >= sizeof(directory))
		return -ENAMETOOLONG;
	strcpy(at.sun_path, path);
	strcpy(directory, path);
	if (mkdir(dirname(directory), 0755) < 0 && errno != EEXIST)
		return -errno;
	if (is_alive(&at))
		return -EADDRINUSE;
	if (unlink(at.sun_path) < 0 && errno != ENOENT)
		return -errno;
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	/* For all users of this machine, as the mount is. By the mask: chmod would follow a link,
	 * and the directory may be that of the service's user, who could put one there. */
	mode_t mask = umask(0111);
	int r = bind(fd, (struct sockaddr *)&at, sizeof(at)) < 0 ? -errno : 0;
	umask(mask);
	if (r == 0 && listen(fd, 64) < 0)
		r = -errno;
	if (r < 0) {
		close(fd);
		return r;
	}
	*ret_fd = fd;
	return 0;
}

int local_door_claim(uid_t owner, unsigned port, char *ret_path, int *ret_fd)
{
	return local_path(owner == 0, port, ret_path) < 0 ? 0 : local_door_listen(ret_path, ret_fd);
}

int local_door_open(struct event_base *base, const struct local_door_config *config,
	struct local_door **ret_door)
{
	struct local_door *door = calloc(1, sizeof(*door));
	if (!door)
		return -ENOMEM;
	door->base = base;
	door->config = *config;
	door->fd = config->listens ? config->listens : -1;
	LIST_INIT(&door->clients);
	strncpy(door->path, config->path, sizeof(door->path) - 1);
	int r = rate_create(config->lookups, config->owner, &door->rate);
	if (r == 0 && door->fd < 0)
		r = local_door_listen(door->path, &door->fd);
	if (r < 0) {
		local_door_close(door);
		return r;
	}
	event_assign(&door->readable, base, door->fd, EV_READ | EV_PERSIST, on_readable, door);
	event_add(&door->readable, NULL);
	*ret_door = door;
	return 0;
}

void local_door_close(struct local_door *door)
{
	if (!door)
		return;
	while (!LIST_EMPTY(&door->clients))
		client_destroy(LIST_FIRST(&door->clients));
	if (event_initialized(&door->readable))
		event_del(&door->readable);
	if (door->fd >= 0) {
		close(door->fd);
		unlink(door->path);
	}
	rate_destroy(door->rate);
	free(door);
}
