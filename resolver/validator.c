/* The validator process: frames in, libunbound asked in the order of the list, frames out. */
#include "resolver/validator.h"

#include "resolver/chain.h"
#include "resolver/child.h"
#include "resolver/confine.h"
#include "resolver/frame.h"
#include "resolver/root_text.h"
#include "resolver/sandbox.h"

#include <errno.h>
#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

/* A loop that has not turned for so long is stuck in libunbound, on a packet made for that: the
 * kernel ends us, and the parent starts another. */
#define STUCK_S 12
/* Frames read before libunbound's sockets get their turn again. */
#define READ_BURST 64

/* Descriptors, where the administrator allows as many: a quarter for each of two servers. */
#define FILES_MAX (UPSTREAM_IN_FLIGHT_MAX * 4)
#define SOCKETS_MIN 16 /* libunbound's own number; less is no resolver */

#define ROOT_HINTS "/usr/share/dns/root.hints"
#define TRUST_ANCHOR "/usr/share/dns/root.key"
#define FILE_MAX_BYTES (1 << 18) /* of either; real ones have a few kilobytes */

struct validator {
	int fd;
	struct event_base *base;
	struct event *readable, *tick;
	struct server_config server_config;
	char *root_hints, *trust_anchor; /* as text */
	unsigned live;
	struct server_list *servers;
	/* By id modulo its size: the parent never has two questions in one place. */
	struct chain *chains[UPSTREAM_IN_FLIGHT_MAX];
	unsigned chain_count;
	struct chain_env env;
	struct frame_servers lists;
	uint8_t frame[FRAME_MAX];
};
_Static_assert(FRAME_SERVERS_MAX <= FRAME_MAX && FRAME_COUNTERS_MAX <= FRAME_MAX, "any frame fits");

/* Blocks while the parent does not read: then there is nothing better to do than to stop. A parent
 * that is stopped for longer than STUCK_S finds a new child when it goes on. */
static void send_frame(struct validator *v, size_t len)
{
	ssize_t n;

	do
		n = send(v->fd, v->frame, len, MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		event_base_loopbreak(v->base);
}

static void start_tick(struct validator *v)
{
	static const struct timeval second = {.tv_sec = 1};

	if (!event_pending(v->tick, EV_TIMEOUT, NULL)) {
		alarm(STUCK_S);
		event_add(v->tick, &second);
	}
}

/* How the servers do, for the status of the node. */
static void tell_counters(struct validator *v)
{
	struct server_counters counters[SERVERS_MAX];
	size_t len = server_list_count(v->servers);

	for (size_t i = 0; i < len; i++)
		server_counters(server_list_get(v->servers, i), &counters[i]);
	send_frame(v, frame_put_counters(v->frame, counters, len));
}

static void on_tick(evutil_socket_t fd, short what, void *arg)
{
	struct validator *v = arg;

	(void)fd;
	(void)what;
	alarm(0);
	tell_counters(v);
	if (server_list_bury(v->servers) || v->chain_count || v->env.ask.attempts)
		start_tick(v);
}

static void forget(struct validator *v, uint64_t id)
{
	v->chains[id % UPSTREAM_IN_FLIGHT_MAX] = NULL;
	v->chain_count--;
}

static void on_done(void *ctx, struct chain *chain, const struct frame_answer *answer)
{
	struct validator *v = ctx;

	forget(v, chain_id(chain));
	send_frame(v, frame_put_answer(v->frame, chain_id(chain), answer));
}

static void refuse(struct validator *v, uint64_t id, int error)
{
	send_frame(v, frame_put_answer(v->frame, id, &(struct frame_answer){.error = error}));
}

/* 0, or -EBADMSG for what the parent would not send. */
static int begin_ask(struct validator *v, const struct frame *frame)
{
	struct chain **slot = &v->chains[frame->id % UPSTREAM_IN_FLIGHT_MAX];
	struct question question;

	if (frame_get_ask(frame, &question) || *slot)
		return -EBADMSG;
	/* A zone transfer, or a record that is no data, is not for libunbound to ask for. */
	if ((type_is_meta(question.type) && question.type != TYPE_ANY) ||
		chain_create(&v->env, frame->id, &question, slot)) {
		refuse(v, frame->id, -EREMOTEIO);
		return 0;
	}
	v->chain_count++;
	start_tick(v);
	chain_start(*slot);
	return 0;
}

static void cancel_ask(struct validator *v, uint64_t id)
{
	struct chain *chain = v->chains[id % UPSTREAM_IN_FLIGHT_MAX];

	/* Our answer and the parent's change of mind may have crossed. */
	if (!chain || chain_id(chain) != id)
		return;
	forget(v, id);
	chain_destroy(chain);
	refuse(v, id, -ECANCELED);
}

static int replace_servers(struct validator *v, const struct frame *frame)
{
	int r = frame_get_servers(frame, &v->lists);

	if (!r)
		r = server_list_replace(v->servers, &v->lists);
	for (size_t i = 0; i < UPSTREAM_IN_FLIGHT_MAX && !r; i++)
		if (v->chains[i])
			chain_listed(v->chains[i]);
	return r;
}

static int handle_frame(struct validator *v, const uint8_t *buf, size_t len)
{
	struct frame frame;
	int r = frame_open(buf, len, &frame);

	if (r)
		return r;
	switch (frame.kind) {
	case FRAME_ASK:
		return begin_ask(v, &frame);
	case FRAME_CANCEL:
		cancel_ask(v, frame.id);
		return 0;
	case FRAME_SERVERS:
		return replace_servers(v, &frame);
	case FRAME_CONFIG:
	case FRAME_ANSWER:
	case FRAME_COUNTERS:
	case FRAME_KEYS:
	case FRAME_KEY:
	case FRAME_PART:
	case FRAME_CLAIM:
	case FRAME_SIGNED:
		break;
	}
	return -EBADMSG;
}

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct validator *v = arg;
	uint8_t buf[FRAME_SERVERS_MAX + 1]; /* what is longer is cut, and so no frame */

	(void)what;
	for (int i = 0; i < READ_BURST; i++) {
		ssize_t n = recv(fd, buf, sizeof(buf), MSG_DONTWAIT);

		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			return;
		if (n <= 0 || handle_frame(v, buf, (size_t)n)) {
			event_base_loopbreak(v->base);
			return;
		}
	}
}

static void on_settled(void *ctx, struct server *server)
{
	struct validator *v = ctx;

	for (size_t i = 0; i < UPSTREAM_IN_FLIGHT_MAX; i++)
		if (v->chains[i])
			chain_settled(v->chains[i], server);
}

/* Each question on the wire has a socket of its own; the soft limit may be 1024. How many one
 * server may take: of two all may be taken, and as many are left for TCP and the rest. */
static unsigned raise_file_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit))
		return SOCKETS_MIN;
	limit.rlim_cur = limit.rlim_max < FILES_MAX ? limit.rlim_max : FILES_MAX;
	setrlimit(RLIMIT_NOFILE, &limit);
	return limit.rlim_cur / 4 > SOCKETS_MIN ? (unsigned)limit.rlim_cur / 4 : SOCKETS_MIN;
}

/* Read now, for no file can be opened any more when libunbound is told of it, at the first question.
 * One that was named must be there, or DNSSEC would be off where it was asked for. */
static int keep_file(const char *named, const char *path, char **ret_text)
{
	int r = root_text_read(named ? named : path, FILE_MAX_BYTES, ret_text);

	return named ? r : 0;
}

/* A host without dns-root-data resolves unvalidated, and says so. */
static int keep_files(struct validator *v, const struct upstream_config *config)
{
	int r = keep_file(config->trust_anchor, TRUST_ANCHOR, &v->trust_anchor);

	if (!r && !v->trust_anchor)
		fprintf(stderr, "kadns: no %s; nothing is validated\n", TRUST_ANCHOR);
	return r ? r : keep_file(config->root_hints, ROOT_HINTS, &v->root_hints);
}

static int setup(struct validator *v, const struct upstream_config *config, unsigned sockets)
{
	v->base = event_base_new();
	if (!v->base)
		return -ENOMEM;
	v->server_config = (struct server_config){
		.base = v->base,
		.root_hints = v->root_hints,
		.trust_anchor = v->trust_anchor,
		.test_zones = config->test_zones,
		.loopback_servers = config->loopback_servers,
		.live_max = sockets,
		.all_live_max = sockets * 2,
		.all_live = &v->live,
		.settled = on_settled,
		.ctx = v,
	};
	v->readable = event_new(v->base, v->fd, EV_READ | EV_PERSIST, on_readable, v);
	v->tick = evtimer_new(v->base, on_tick, v);
	if (!v->readable || !v->tick || event_add(v->readable, NULL))
		return -ENOMEM;
	v->servers = server_list_create(&v->server_config);
	v->env = (struct chain_env){
		.ask = {.base = v->base, .servers = v->servers}, .done = on_done, .ctx = v};
	chain_env_init(&v->env);
	return v->servers ? 0 : -ENOMEM;
}

static void finish(struct validator *v)
{
	alarm(0);
	for (size_t i = 0; i < UPSTREAM_IN_FLIGHT_MAX; i++)
		chain_destroy(v->chains[i]);
	server_list_destroy(v->servers); /* calls back for every attempt, which is freed then */
	if (v->readable)
		event_free(v->readable);
	if (v->tick)
		event_free(v->tick);
	if (v->base)
		event_base_free(v->base);
	free(v->root_hints);
	free(v->trust_anchor);
}

/* The first frame, waited for. 0, -EPIPE when the parent is gone, -EBADMSG. */
static int receive_config(int fd, uint8_t *buf, struct upstream_config *ret_config)
{
	struct frame frame;
	ssize_t n = recv(fd, buf, FRAME_MAX, 0);

	if (n <= 0)
		return -EPIPE;
	if (frame_open(buf, (size_t)n, &frame))
		return -EBADMSG;
	return frame_get_config(&frame, ret_config);
}

#define BEHIND_THE_DOORS 5 /* of nice(2): a quarter, while the others want all */

int validator_main(int fd)
{
	struct validator *v = calloc(1, sizeof(*v));
	uint8_t *words = malloc(FRAME_MAX); /* what the config points into */
	struct upstream_config config;
	const char *what = "configuration";
	unsigned sockets = SOCKETS_MIN;
	int r = v && words ? 0 : -ENOMEM;

	child_ignore_signals();
	/* Where both want the same processor, what the other has in memory goes first. */
	(void)!nice(BEHIND_THE_DOORS);
	prctl(PR_SET_NAME, "kadns-validator", 0, 0, 0);
	if (!r)
		r = receive_config(fd, words, &config);
	if (!r) {
		sockets = raise_file_limit();
		r = confine(config.user ? config.user : "nobody", &what);
	}
	if (!r) {
		v->fd = fd;
		what = "root hints or trust anchor";
		r = keep_files(v, &config);
	}
	if (!r) {
		what = "setup";
		r = setup(v, &config, sockets);
	}
	if (!r)
		r = sandbox_enter(&what);
	if (!r)
		event_base_dispatch(v->base);
	else if (r != -EPIPE)
		fprintf(stderr, "kadns: validator: %s: %s\n", what, strerror(-r));
	if (v)
		finish(v);
	free(v);
	free(words);
	return r ? 1 : 0;
}
