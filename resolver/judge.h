/* The judge: whether what lies in slots is what DNS says, proven from the root.
 *
 * It is the DHT validator (dht_validator.h), a process that holds libunbound and asks nobody but
 * us, by a socketpair: we look for what it wants, in slots (resolver/rescue). It is started with
 * the first case, and ends when there has been none for a while: while DNS answers there is none. A
 * case is one question. When the process dies its cases have failed, and the next case starts
 * another. */
#ifndef RESOLVER_JUDGE_H
#define RESOLVER_JUDGE_H

#include "resolver/upstream.h"

struct event_base;
struct judge;
struct judge_case;

#define JUDGE_CASES_MAX 16    /* at a time: a context of libunbound each, some 2 MB */
#define JUDGE_WAITING_MAX 512 /* in line behind them */

/* Of the config: root_hints is not looked at, nor the list. */
int judge_create(
	struct event_base *base, const struct upstream_config *config, struct judge **ret_judge);
void judge_destroy(struct judge *j); /* no callback afterwards; NULL is fine */

struct judge_verdict {
	bool secure;	 /* `message` is the answer, and proven */
	const char *why; /* not; printable ASCII; may be "" */
	const uint8_t *message;
	size_t len;
};
struct judge_fns {
	/* It wants the answer to this: judge_give is called, in here or later. The same is wanted
	 * again when what was given is no good. */
	void (*wants)(void *ctx, const struct question *q);
	/* Once, at the end; borrowed. The case is gone then. */
	void (*done)(void *ctx, const struct judge_verdict *verdict);
};
/* Neither is called before this has returned. -EBUSY, -ENOMEM. `fns` stands. */
int judge_ask(struct judge *j, const struct question *q, const struct judge_fns *fns, void *ctx,
	struct judge_case **ret_case);
/* len 0: nobody has it. */
void judge_give(struct judge_case *c, const struct question *q, const uint8_t *message, size_t len);
void judge_cancel(struct judge_case *c); /* no callback afterwards */

struct judge_counters {
	uint64_t asked, secure, wanted, restarts;
	bool running;
};
void judge_counters(const struct judge *j, struct judge_counters *ret_counters);

#endif
