/* One question in the validator whose answer may lead, by aliases, from one zone of split DNS to
 * another: what an alias leads to is asked of the servers of its own name. libunbound would follow
 * it at the servers where it began, tell them names that are not theirs, and believe what they say
 * of those. */
#ifndef RESOLVER_CHAIN_H
#define RESOLVER_CHAIN_H

#include "resolver/ask.h"

struct chain;

/* What all of a validator share. */
struct chain_env {
	struct ask_env ask; /* base and servers are to be set */
	/* The answer; the chain is gone when this has returned. */
	void (*done)(void *ctx, struct chain *chain, const struct frame_answer *answer);
	void *ctx;
};
/* Sets up what is between the two. env stands until all attempts have ended. */
void chain_env_init(struct chain_env *env);

/* 0 or -ENOMEM. */
int chain_create(struct chain_env *env, uint64_t id, const struct question *question,
	struct chain **ret_chain);
/* Asks. The question may be answered, and gone, on return. */
void chain_start(struct chain *chain);
/* Nobody wants it any more; `done` is not called. NULL is nothing. */
void chain_destroy(struct chain *chain);
uint64_t chain_id(const struct chain *chain);
/* As ask_settled. */
void chain_settled(struct chain *chain, const struct server *server);
/* As ask_listed. */
void chain_listed(struct chain *chain);

#endif
