/* The validator process: frames in, libunbound asked in the order of the list, frames out. */
#include "resolver/validator.h"

#include "resolver/chain.h"
#include "resolver/child.h"
#include "resolver/child_loop.h"
#include "resolver/confine.h"
#include "resolver/frame.h"
#include "resolver/root_text.h"
#include "resolver/sandbox.h"
#include "resolver/udp_owner.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

/* Descriptors, where the administrator allows as many: a third for each of two servers. */
#define FILES_MAX (UPSTREAM_IN_FLIGHT_MAX * 6)
#define SOCKETS_MIN 16 /* libunbound's own number; less is no resolver */

#define ROOT_HINTS "/usr/share/dns/root.hints"
#define FILE_MAX_BYTES (1 << 18) /* of either; real ones have a few kilobytes */

struct validator {
	struct child_loop loop;
	struct server_config server_config;
	int owners; /* udp_owner_open; not to be had in the sandbox. <= 0: none */
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

static void send_frame(struct validator *v, size_t len)
{
	child_loop_send(&v->loop, v->frame, len);
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

static bool on_tick(void *ctx)
{
	struct validator *v = ctx;

	tell_counters(v);
	return server_list_bury(v->servers) || v->chain_count || v->env.ask.attempts;
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
	child_loop_work(&v->loop);
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

static int handle_frame(void *ctx, const struct frame *frame)
{
	struct validator *v = ctx;

	switch (frame->kind) {
	case FRAME_ASK:
		return begin_ask(v, frame);
	case FRAME_CANCEL:
		cancel_ask(v, frame->id);
		return 0;
	case FRAME_SERVERS:
		return replace_servers(v, frame);
	case FRAME_CONFIG:
	case FRAME_ANSWER:
	case FRAME_COUNTERS:
	case FRAME_KEYS:
	case FRAME_KEY:
	case FRAME_PART:
	case FRAME_CLAIM:
	case FRAME_SECRET:
	case FRAME_PUBLIC:
	case FRAME_IMPORT:
	case FRAME_SIGNED:
	case FRAME_SPAWN:
	case FRAME_KILL:
	case FRAME_BIND:
	case FRAME_MOUNT:
	case FRAME_UNMOUNT:
	case FRAME_SERVING:
	case FRAME_TELL:
	case FRAME_CALL:
	case FRAME_HOLDS:
	case FRAME_KILLED:
	case FRAME_DONE:
	case FRAME_WANT:
	case FRAME_GIFT:
		break;
	}
	return -EBADMSG;
}

static void on_settled(void *ctx, struct server *server)
{
	struct validator *v = ctx;

	for (size_t i = 0; i < UPSTREAM_IN_FLIGHT_MAX; i++)
		if (v->chains[i])
			chain_settled(v->chains[i], server);
}

/* Each question on the wire has a socket of its own, and so has libunbound for the way to it; the
 * soft limit may be 1024. How many one server may take: of two all may be taken, and a third is
 * left for TCP and the rest. */
static unsigned raise_file_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit))
		return SOCKETS_MIN;
	limit.rlim_cur = limit.rlim_max < FILES_MAX ? limit.rlim_max : FILES_MAX;
	setrlimit(RLIMIT_NOFILE, &limit);
	return limit.rlim_cur / 6 > SOCKETS_MIN ? (unsigned)limit.rlim_cur / 6 : SOCKETS_MIN;
}

/* Read now, for no file can be opened any more when libunbound is told of it, at the first
 * question. One that was named must be there, or DNSSEC would be off where it was asked for. */
static int keep_file(const char *named, const char *path, char **ret_text)
{
	int r = root_text_read(named ? named : path, FILE_MAX_BYTES, ret_text);

	return named ? r : 0;
}

/* A host without dns-root-data resolves unvalidated, and says so. */
static int keep_files(struct validator *v, const struct upstream_config *config)
{
	int r = keep_file(config->trust_anchor, UPSTREAM_TRUST_ANCHOR, &v->trust_anchor);

	if (!r && !v->trust_anchor)
		fprintf(stderr, "kadns: no %s; nothing is validated\n", UPSTREAM_TRUST_ANCHOR);
	return r ? r : keep_file(config->root_hints, ROOT_HINTS, &v->root_hints);
}

static int setup(struct validator *v, const struct upstream_config *config, unsigned sockets)
{
	int r = child_loop_init(&v->loop);

	if (r)
		return r;
	v->server_config = (struct server_config){
		.base = v->loop.base,
		.root_hints = v->root_hints,
		.trust_anchor = v->trust_anchor,
		.test_zones = config->test_zones,
		.loopback_servers = config->loopback_servers,
		.live_max = sockets,
		.all_live_max = sockets * 2,
		.all_live = &v->live,
		.owners = v->owners,
		.settled = on_settled,
		.ctx = v,
	};
	v->servers = server_list_create(&v->server_config);
	v->env = (struct chain_env){
		.ask = {.base = v->loop.base, .servers = v->servers}, .done = on_done, .ctx = v};
	chain_env_init(&v->env);
	return v->servers ? 0 : -ENOMEM;
}

static void finish(struct validator *v)
{
	for (size_t i = 0; i < UPSTREAM_IN_FLIGHT_MAX; i++)
		chain_destroy(v->chains[i]);
	server_list_destroy(v->servers); /* calls back for every attempt, which is freed then */
	child_loop_finish(&v->loop);
	if (v->owners > 0)
		close(v->owners);
	free(v->root_hints);
	free(v->trust_anchor);
}

int validator_main(int fd)
{
	struct validator *v = calloc(1, sizeof(*v));
	struct upstream_config config;
	const char *what = "configuration";
	unsigned sockets = SOCKETS_MIN;
	int r = v ? 0 : -ENOMEM;

	child_ignore_signals();
	child_take_turns();
	prctl(PR_SET_NAME, "kadns-validator", 0, 0, 0);
	if (!r) {
		v->loop.fd = fd;
		v->loop.handle = handle_frame;
		v->loop.ticked = on_tick;
		v->loop.ctx = v;
		r = child_loop_config(&v->loop, &config);
	}
	if (!r) {
		sockets = raise_file_limit();
		r = confine(child_user(config.user ? config.user : "nobody"), &what);
	}
	if (!r) {
		v->owners = udp_owner_open();
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
		child_loop_run(&v->loop);
	else if (r != -EPIPE)
		fprintf(stderr, "kadns: validator: %s: %s\n", what, strerror(-r));
	if (v)
		finish(v);
	free(v);
	return r ? 1 : 0;
}
