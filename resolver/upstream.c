/* The parent's side of conventional DNS: what it is made of, and what is asked of it. */
#include "resolver/upstream.h"

#include <errno.h>
#include <event2/event.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "resolver/hash.h"
#include "resolver/upstream_inside.h"
#include "resolver/upstream_word.h"
#include "resolver/validator.h"

/* The child answers all within 10 s, so one that has not by then hangs. */
#define PATIENCE (14 * SECOND)

int upstream_check(const char *word, const char **ret_why)
{
	struct upstream_word parsed;

	return upstream_word_parse(word, &parsed, ret_why);
}

/* Also while nothing is asked: where all that anybody wants is in memory, it would be what another
 * network said. */
static void on_look(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	upstream_refresh(arg);
	upstream_child_flush(arg);
}

static void follow_system(struct upstream *u)
{
	static const struct timeval second = {.tv_sec = 1};

	if (upstream_list_follows_system(u->list))
		event_add(u->look, &second);
	else
		event_del(u->look);
}

static int copy_config(struct upstream *u, const struct upstream_config *config)
{
	int len = frame_put_config(u->buffer, config);

	if (len < 0)
		return len;
	u->config = malloc((size_t)len);
	u->program = strdup(config->program ? config->program : "/proc/self/exe");
	if (!u->config || !u->program)
		return -ENOMEM;
	memcpy(u->config, u->buffer, (size_t)len);
	u->config_len = (size_t)len;
	u->patience = config->patience_ms ? config->patience_ms * (SECOND / 1000) : PATIENCE;
	/* Rarely enough to cost nothing, often enough to end not much later than said. */
	u->tick_period = clock_timeval(u->patience / 8);
	return 0;
}

/* What the user named must be there; better said now than by every question. */
static int check_config(const struct upstream_config *config)
{
	if (config->root_hints && access(config->root_hints, R_OK))
		return -errno;
	if (config->trust_anchor && access(config->trust_anchor, R_OK))
		return -errno;
	return 0;
}

int upstream_create(struct event_base *base, const struct upstream_config *config,
	struct upstream **ret_upstream)
{
	struct upstream *u;
	int r = check_config(config);

	if (r)
		return r;
	u = calloc(1, sizeof(*u));
	if (!u)
		return -ENOMEM;
	u->base = base;
	u->fd = -1;
	u->say = config->say;
	u->say_ctx = config->say_ctx;
	u->restart_delay = RESTART_MIN;
	upstream_loop_init(u);
	TAILQ_INIT(&u->outgoing);
	TAILQ_INIT(&u->sent);
	while (u->free_count < UPSTREAM_IN_FLIGHT_MAX) {
		u->free_slots[u->free_count] = (uint16_t)u->free_count;
		u->free_count++;
	}
	u->restart = evtimer_new(base, upstream_child_on_restart, u);
	u->tick = event_new(base, -1, EV_PERSIST, upstream_child_on_tick, u);
	u->look = event_new(base, -1, EV_PERSIST, on_look, u);
	r = u->restart && u->tick && u->look ? copy_config(u, config) : -ENOMEM;
	if (!r)
		r = upstream_list_create(config, &u->list);
	if (!r)
		r = upstream_child_start(u);
	if (r) {
		upstream_destroy(u);
		return r;
	}
	follow_system(u);
	*ret_upstream = u;
	return 0;
}

void upstream_destroy(struct upstream *u)
{
	struct upstream_query *q;

	if (!u)
		return;
	upstream_loop_finish(u);
	upstream_child_drop(u);
	/* A child that has become another user cannot be killed, but ends with its socket. */
	if (u->pid > 0)
		waitpid(u->pid, NULL, 0);
	while ((q = TAILQ_FIRST(&u->sent)) || (q = TAILQ_FIRST(&u->outgoing)))
		upstream_query_free(q);
	if (u->restart)
		event_free(u->restart);
	if (u->tick)
		event_free(u->tick);
	if (u->look)
		event_free(u->look);
	upstream_list_destroy(u->list);
	free(u->config);
	free(u->program);
	free(u);
}

int upstream_reload(struct upstream *u, const struct upstream_config *config)
{
	int r = upstream_list_reload(u->list, config);

	if (r)
		return r;
	follow_system(u);
	u->list_unsent = true;
	upstream_child_flush(u);
	return 0;
}

void upstream_watch(struct upstream *u, upstream_moved_fn *fn, void *ctx)
{
	u->moved = fn;
	u->moved_ctx = ctx;
}

uint64_t upstream_fingerprint(const struct upstream *u)
{
	return hash_bytes(u->config, u->config_len, upstream_list_fingerprint(u->list));
}

bool upstream_is_silent(const struct upstream *u)
{
	return upstream_list_is_silent(u->list);
}

bool upstream_has_zone(const struct upstream *u, const struct name *name)
{
	return upstream_list_has_zone(u->list, name);
}

bool upstream_is_insecure(const struct upstream *u, const struct name *name)
{
	return upstream_list_is_insecure(u->list, name);
}

void upstream_doors(struct upstream *u, const struct server_address *doors, size_t len)
{
	upstream_list_doors(u->list, doors, len);
	u->list_unsent = true;
	upstream_child_flush(u);
}

void upstream_each_server(const struct upstream *u, upstream_server_fn *fn, void *ctx)
{
	upstream_list_each(u->list, fn, ctx);
}

void upstream_counters(const struct upstream *u, struct upstream_counters *ret_counters)
{
	*ret_counters = u->counters;
}

int upstream_child_pid(const struct upstream *u)
{
	return (int)u->pid;
}

bool upstream_child(int argc, char **argv, int *ret_status)
{
	if (argc != 2 || strcmp(argv[1], VALIDATOR_ARGUMENT) != 0)
		return false;
	*ret_status = validator_main(VALIDATOR_FD);
	return true;
}
