/* Requests that wait: a list, one timer each. */
#include "fs/pending.h"

#include <errno.h>
#include <event2/event.h>
#include <stdlib.h>
#include <sys/time.h>

#include "fs/caller.h"
#include "fs/rate.h"
#include "resolver/share.h"
#include "resolver/clock.h"

#define CHECK_MS 100 /* the kernel tells of one signal only; a later SIGKILL is seen by looking */

struct pending {
	struct publish_receipt receipt; /* its first member; of who waits for one */
	bool receives;
	struct pending_list *list;
	struct pending *next, **prev;
	struct pending_caller caller;
	struct ask *ask;
	pending_fn *fn;
	void *ctx;
	struct event *deadline;
	struct event *check; /* after an interrupt that did not end it */
	uint64_t since;
};

struct pending_list {
	struct event_base *base;
	struct resolver *resolver;
	struct publisher *publisher;
	struct rate *rate;
	struct timeval deadline; /* of those that ask */
	struct timeval patience; /* of those that wait for a receipt */
	uid_t owner;
	struct pending *first;
	size_t count;
	struct pending_counters counters;
};

int pending_create(struct event_base *base, const struct pending_config *config,
	struct pending_list **ret_list)
{
	struct pending_list *list = calloc(1, sizeof(*list));
	int r = list ? rate_create(config->lookups, config->owner, &list->rate) : -ENOMEM;
	if (r < 0) {
		free(list);
		return r;
	}
	list->base = base;
	list->resolver = config->resolver;
	list->publisher = config->publisher;
	list->owner = config->owner;
	list->patience.tv_sec = (time_t)(config->deadline / SECOND);
	list->patience.tv_usec = (suseconds_t)(config->deadline % SECOND);
	/* A second for the resolver to be first: it has the better error. */
	list->deadline = list->patience;
	list->deadline.tv_sec++;
	*ret_list = list;
	return 0;
}

static void free_pending(struct pending *p)
{
	if (p->deadline)
		event_free(p->deadline);
	if (p->check)
		event_free(p->check);
	free(p);
}

/* Everything ends here, so nothing can end twice: what could call again is gone before fn runs. */
static void finish(struct pending *p, int error, const struct answer *a)
{
	pending_fn *fn = p->fn;
	void *ctx = p->ctx;
	*p->prev = p->next;
	if (p->next)
		p->next->prev = p->prev;
	p->list->count--;
	p->list->counters.interrupted += error == -EINTR;
	if (p->ask)
		resolver_cancel(p->ask);
	if (p->receives)
		publish_receipt_no_longer(p->list->publisher, &p->receipt);
	free_pending(p);
	fn(ctx, error, a);
}

static void on_answer(void *ctx, const struct answer *a)
{
	struct pending *p = ctx;
	p->ask = NULL; /* it ends with this call */
	finish(p, a->error, a);
}

static void on_receipt(struct publish_receipt *receipt, int error)
{
	struct pending *p = (struct pending *)receipt;
	p->receives = false;
	finish(p, error, NULL);
}

static void on_deadline(evutil_socket_t fd, short what, void *ctx)
{
	(void)fd;
	(void)what;
	finish(ctx, -ETIMEDOUT, NULL);
}

static void on_check(evutil_socket_t fd, short what, void *ctx)
{
	struct pending *p = ctx;
	(void)fd;
	(void)what;
	if (caller_signal(p->caller.pid) == CALLER_ENDING)
		finish(p, -EINTR, NULL);
}

static bool is_full(const struct pending_list *list, uid_t uid)
{
	size_t same = 0;
	for (const struct pending *p = list->first; p; p = p->next)
		same += p->caller.uid == uid;
	return same >= PENDING_USER_MAX ||
	       list->count >= share_limit(PENDING_MAX, uid, list->owner, same);
}

/* Who has too many waiting is not charged for one more that nobody asks. */
static int admit(struct pending_list *list, uid_t uid)
{
	if (is_full(list, uid)) {
		list->counters.crowded++;
		return -EAGAIN;
	}
	int r = rate_take(list->rate, uid, clock_monotonic());
	list->counters.hasty += r == -EAGAIN;
	return r;
}

/* In no list yet; NULL: no memory. */
static struct pending *make(struct pending_list *list, const struct pending *what,
	const struct timeval *deadline)
{
	struct pending *p = malloc(sizeof(*p));
	if (!p)
		return NULL;
	*p = *what;
	p->list = list;
	p->since = clock_monotonic();
	p->deadline = evtimer_new(list->base, on_deadline, p);
	if (!p->deadline || evtimer_add(p->deadline, deadline) < 0) {
		free_pending(p);
		return NULL;
	}
	return p;
}

static void enter(struct pending *p)
{
	struct pending_list *list = p->list;
	p->next = list->first;
	p->prev = &list->first;
	if (p->next)
		p->next->prev = &p->next;
	list->first = p;
	list->count++;
}

int pending_ask(struct pending_list *list, const struct question *q,
	const struct pending_caller *caller, pending_fn *fn, void *ctx,
	struct pending **ret_pending)
{
	int r = admit(list, caller->uid);
	if (r < 0)
		return r;
	struct pending what = {.caller = *caller, .fn = fn, .ctx = ctx};
	struct pending *p = make(list, &what, &list->deadline);
	if (!p)
		return -ENOMEM;
	p->ask = resolver_ask(list->resolver, q, caller->uid, on_answer, p);
	if (!p->ask) {
		free_pending(p);
		list->counters.crowded++;
		return -EAGAIN; /* too many asks, by whomever */
	}
	list->counters.asked++;
	enter(p);
	*ret_pending = p;
	return 0;
}

int pending_receipt(struct pending_list *list, const struct question *q,
	const struct pending_caller *caller, pending_fn *fn, void *ctx,
	struct pending **ret_pending)
{
	struct pending what = {.caller = *caller, .fn = fn, .ctx = ctx, .receives = true,
		.receipt = {.uid = caller->uid, .question = *q, .fn = on_receipt}};
	if (is_full(list, caller->uid)) {
		list->counters.crowded++;
		return -EAGAIN;
	}
	struct pending *p = make(list, &what, &list->patience);
	if (!p)
		return -ENOMEM;
	int r = publish_receipt(list->publisher, &p->receipt);
	if (r != -EINPROGRESS) {
		free_pending(p);
		return r;
	}
	list->counters.receipts++;
	enter(p);
	*ret_pending = p;
	return -EINPROGRESS;
}

void pending_want(struct pending *p, enum ask_for want)
{
	resolver_ask_for(p->ask, want);
}

void pending_interrupt(struct pending *p)
{
	bool waited = clock_monotonic() - p->since > PENDING_PATIENCE_MS * SECOND / 1000;
	enum caller_signal signal = caller_signal(p->caller.pid);
	if (signal == CALLER_ENDING || (signal == CALLER_CALL && waited)) {
		finish(p, -EINTR, NULL);
		return;
	}
	const struct timeval every = {0, CHECK_MS * 1000};
	if (!p->check)
		p->check = event_new(p->list->base, -1, EV_PERSIST, on_check, p);
	if (!p->check || event_add(p->check, &every) < 0)
		finish(p, -EINTR, NULL);
}

void pending_destroy(struct pending_list *list)
{
	if (!list)
		return;
	while (list->first)
		finish(list->first, -ECONNABORTED, NULL);
	rate_destroy(list->rate);
	free(list);
}

size_t pending_count(const struct pending_list *list)
{
	return list->count;
}

void pending_counters(const struct pending_list *list, struct pending_counters *ret_counters)
{
	*ret_counters = list->counters;
}
