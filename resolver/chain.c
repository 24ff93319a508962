/* Following aliases from one zone of split DNS to another. */
#include "resolver/chain.h"

#include "resolver/chain_link.h"

#include <errno.h>
#include <event2/event.h>
#include <event2/event_struct.h>
#include <stdlib.h>
#include <string.h>

struct chain {
	struct chain_env *env;
	uint64_t id;
	struct question question; /* as it came */
	struct question now;	  /* what `ask` is about: what the links lead to, or its alias */
	struct ask *ask;	  /* NULL: between two */
	struct event next;	  /* libunbound must not be asked from its own callback */
	int failed;		  /* what came of it, where its alias is asked for */
	bool insecure, unvalidated;
	struct chain_link *links; /* CHAIN_LINKS_MAX, or NULL: 19 kB that hardly any question needs */
	size_t len;
};

uint64_t chain_id(const struct chain *c)
{
	return c->id;
}

void chain_destroy(struct chain *c)
{
	if (!c)
		return;
	ask_destroy(c->ask);
	event_del(&c->next);
	for (size_t i = 0; i < c->len; i++)
		free((uint8_t *)(uintptr_t)c->links[i].message.bytes);
	free(c->links);
	free(c);
}

static void finish(struct chain *c, const struct frame_answer *answer)
{
	c->env->done(c->env->ctx, c, answer);
	chain_destroy(c);
}

static void fail(struct chain *c, int error)
{
	finish(c, &(struct frame_answer){.error = error});
}

/* With what the links say before it, and no surer than they are. */
static void finish_joined(struct chain *c, const struct frame_answer *answer, bool whole)
{
	static uint8_t buf[PACKET_MAX]; /* much for a stack; there is one thread */
	struct chain_message last = {answer->message, answer->len};
	struct frame_answer joined = *answer;
	int len = chain_join(&c->question, c->links, c->len, whole ? &last : NULL, buf);

	if (len < 0) {
		fail(c, -EREMOTEIO);
		return;
	}
	joined.secure = answer->secure && !c->insecure;
	joined.unvalidated = answer->unvalidated || c->unvalidated;
	joined.message = buf;
	joined.len = (size_t)len;
	finish(c, &joined);
}

static void ask_next(struct chain *c, const struct name *name, uint16_t type)
{
	c->now.name = *name;
	c->now.type = type;
	event_active(&c->next, EV_TIMEOUT, 0);
}

static void on_next(evutil_socket_t fd, short what, void *arg)
{
	struct chain *c = arg;

	(void)fd;
	(void)what;
	if (ask_create(&c->env->ask, (uint64_t)(uintptr_t)c, &c->now, &c->ask))
		fail(c, -EREMOTEIO);
	else
		ask_start(c->ask);
}

static int add_link(struct chain *c, const struct frame_answer *answer, const struct chain_way *way)
{
	uint8_t *copy;

	if (c->len == CHAIN_LINKS_MAX)
		return -ELOOP;
	if (!c->links)
		c->links = calloc(CHAIN_LINKS_MAX, sizeof(*c->links));
	copy = c->links ? malloc(answer->len) : NULL;
	if (!copy)
		return -ENOMEM;
	memcpy(copy, answer->message, answer->len);
	c->links[c->len++] = (struct chain_link){{copy, answer->len}, *way};
	c->insecure |= !answer->secure;
	c->unvalidated |= answer->unvalidated;
	return 0;
}

/* The alias that was asked for alone, because what it leads to failed. */
static void take_alias(
	struct chain *c, const struct frame_answer *answer, const struct chain_way *way)
{
	if (way->len == 0)
		fail(c, c->failed);
	else if (add_link(c, answer, way))
		fail(c, -EREMOTEIO);
	else if (answer->bogus)
		finish_joined(c, answer, false);
	else
		ask_next(c, &way->target, c->question.type);
}

static bool is_for_alias(const struct chain *c)
{
	return c->now.type != c->question.type;
}

static void take_answer(struct chain *c, const struct frame_answer *answer)
{
	const struct chain_message message = {answer->message, answer->len};
	struct chain_way way;

	if (chain_follow(c->env->ask.servers, &c->now, &message, &way))
		fail(c, -EREMOTEIO);
	else if (is_for_alias(c))
		take_alias(c, answer, &way);
	else if (!way.leaves && c->len == 0)
		finish(c, answer);
	else if (!way.leaves)
		finish_joined(c, answer, true);
	else if (answer->bogus) /* perhaps for what the wrong server says of the end of it */
		ask_next(c, &c->now.name, TYPE_CNAME);
	else if (add_link(c, answer, &way))
		fail(c, -EREMOTEIO);
	else
		ask_next(c, &way.target, c->question.type);
}

static void on_answer(void *ctx, struct ask *ask, const struct frame_answer *answer)
{
	struct chain *c = (struct chain *)(uintptr_t)ask_id(ask);
	bool follows = server_list_has_zones(c->env->ask.servers) &&
		       c->question.type != TYPE_CNAME && c->question.type != TYPE_ANY;

	(void)ctx;
	c->ask = NULL;
	if (!follows || (answer->error && answer->error != -EREMOTEIO) ||
		(answer->error && is_for_alias(c))) {
		finish(c, answer);
	} else if (answer->error) {
		/* A server's context does not ask for names of others, and so fails at an alias
		 * of one. */
		c->failed = answer->error;
		ask_next(c, &c->now.name, TYPE_CNAME);
	} else {
		take_answer(c, answer);
	}
}

void chain_env_init(struct chain_env *env)
{
	env->ask.done = on_answer;
	env->ask.ctx = env;
}

int chain_create(struct chain_env *env, uint64_t id, const struct question *question,
	struct chain **ret_chain)
{
	struct chain *c = calloc(1, sizeof(*c));

	if (!c)
		return -ENOMEM;
	c->env = env;
	c->id = id;
	c->question = c->now = *question;
	event_assign(&c->next, env->ask.base, -1, 0, on_next, c);
	if (ask_create(&env->ask, (uint64_t)(uintptr_t)c, question, &c->ask)) {
		free(c);
		return -ENOMEM;
	}
	*ret_chain = c;
	return 0;
}

void chain_start(struct chain *c)
{
	ask_start(c->ask);
}

void chain_settled(struct chain *c, const struct server *server)
{
	if (c->ask)
		ask_settled(c->ask, server);
}

void chain_listed(struct chain *c)
{
	if (c->ask)
		ask_listed(c->ask);
}
