/* Requests that wait for an answer.
 *
 * Each ends exactly once: with the answer, with the deadline, because the caller was interrupted,
 * or because the mount goes. It knows no FUSE: who waits is a function and its context. */
#ifndef FS_PENDING_H
#define FS_PENDING_H

#include <sys/types.h>

#include "resolver/resolver.h"

struct event_base;
struct pending;
struct pending_list;

/* One user's share of the resolver's 4096 asks: a shell loop in the background is 10, and a user
 * who fills his share keeps nobody else from asking. */
#define PENDING_USER_MAX 64
/* Of all users: 2,000 of them at once in the three quarters that resolver/share gives to users who wait
 * already; the rest of RESOLVER_ASKS_MAX is the doors'. */
#define PENDING_MAX 2688

/* The answer, borrowed for the call, when error is 0 or the answer's own error; else NULL: -EINTR,
 * -ETIMEDOUT, -ECONNABORTED. */
typedef void pending_fn(void *ctx, int error, const struct answer *a);

struct pending_config {
	struct resolver *resolver;
	struct publisher *publisher;
	uint64_t
		deadline; /* the resolver's own; no request is kept longer than this and a second */
	unsigned lookups; /* a second, for one user (fs/rate) */
	uid_t owner;	  /* the daemon's user */
};
int pending_create(struct event_base *base, const struct pending_config *config,
	struct pending_list **ret_list);
/* Ends all that wait. */
void pending_destroy(struct pending_list *list);

struct pending_caller {
	uid_t uid;
	pid_t pid; /* the thread that waits */
};
/* fn is called once, never before this returns. -EAGAIN: this user, or all, have too many waiting,
 * or have asked for too many lately; -ENOMEM. */
int pending_ask(struct pending_list *list, const struct question *q,
	const struct pending_caller *caller, pending_fn *fn, void *ctx,
	struct pending **ret_pending);

/* The same for the receipt of a record of the caller's: 0 and -ENOENT, as publish_receipt has them,
 * at once; -EINPROGRESS: fn will be called once with one of them, or with -ETIMEDOUT at the
 * resolver's own deadline. Nobody is asked anything, so it counts for no rate. */
int pending_receipt(struct pending_list *list, const struct question *q,
	const struct pending_caller *caller, pending_fn *fn, void *ctx,
	struct pending **ret_pending);

/* Of one that was just made: what its answer must wait for. */
void pending_want(struct pending *p, enum ask_for want);

/* A signal came for the caller. Ends the wait (-EINTR), at once or within a tenth of a second, when
 * the signal is to end the program, or when it has waited long enough that a program may use an
 * alarm to give up; other signals leave it waiting, whenever they come (fs/caller). */
#define PENDING_PATIENCE_MS 200
void pending_interrupt(struct pending *p);

size_t pending_count(const struct pending_list *list);
struct pending_counters {
	uint64_t asked;
	uint64_t receipts; /* that were waited for */
	uint64_t crowded; /* refused, too many being under way */
	uint64_t hasty;	  /* refused for the rate */
	uint64_t interrupted;
};
void pending_counters(const struct pending_list *list, struct pending_counters *ret_counters);

#endif
