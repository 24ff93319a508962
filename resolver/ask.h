/* One question in the validator: asked of the servers in order until one has answered. */
#ifndef RESOLVER_ASK_H
#define RESOLVER_ASK_H

#include "resolver/frame.h"
#include "resolver/server_list.h"

struct ask;

/* What all questions of a validator share. */
struct ask_env {
	struct event_base *base;
	const struct server_list *servers;
	unsigned attempts; /* under way, those that nobody waits for any more included */
	/* The answer; the question is gone when this has returned. */
	void (*done)(void *ctx, struct ask *ask, const struct frame_answer *answer);
	void *ctx;
};

/* env stands until all attempts have ended. 0 or -ENOMEM. */
int ask_create(
	struct ask_env *env, uint64_t id, const struct question *question, struct ask **ret_ask);
/* Asks the first server. The question may be answered, and gone, on return. */
void ask_start(struct ask *ask);
/* Nobody wants it any more; `done` is not called. NULL is nothing. */
void ask_destroy(struct ask *ask);
uint64_t ask_id(const struct ask *ask);
/* It is known now what this server is: asks it again if that was waited for. From the loop. */
void ask_settled(struct ask *ask, const struct server *server);
/* The list is another: who waits for servers of the former one alone has the first of the new one
 * asked as well. From the loop. */
void ask_listed(struct ask *ask);

#endif
