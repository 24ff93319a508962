/* One case in the DHT validator: a context of libunbound, and the source that it asks. */
#ifndef RESOLVER_TRIAL_H
#define RESOLVER_TRIAL_H

#include "resolver/judge_frame.h"

struct event_base;
struct trial;

struct trial_env {
	struct event_base *base;
	const char *trust_anchor; /* as text */
	bool test_zones;
	/* libunbound wants this: trial_give is called later. */
	void (*wants)(void *ctx, struct trial *trial, const struct question *q);
	/* The answer, secure or an error; the trial is over, and frees itself. Maybe from
	 * trial_start. */
	void (*done)(void *ctx, struct trial *trial, const struct frame_answer *answer);
	void *ctx;
};
/* 0, -ENOMEM, -EINVAL (libunbound refuses a setting), or what the socket says. */
int trial_create(const struct trial_env *env, uint64_t id, const struct question *q,
	struct trial **ret_trial);
void trial_start(struct trial *t);
/* `done` is not called. Not from a callback. */
void trial_destroy(struct trial *t);
uint64_t trial_id(const struct trial *t);
/* To all that have asked for it since it was given last; length 0: SERVFAIL. */
void trial_give(struct trial *t, const struct judge_gift *gift);

#endif
