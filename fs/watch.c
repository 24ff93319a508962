/* Who waits for a record to change. */
#include "fs/watch.h"

#include <errno.h>
#include <event2/event.h>
#include <stdlib.h>
#include <sys/queue.h>

#include "fs/record.h"
#include "resolver/share.h"
#include "resolver/clock.h"

/* Watches are few; answers, for each of which one bucket is looked at, many. */
#define BUCKETS 256

/* A question that was asked for a watch. It outlives the watch: what waits cannot be taken back. */
struct watch_ask {
	struct watch *watch; /* NULL: gone */
};

struct watch {
	LIST_ENTRY(watch) link;
	struct watch_list *list;
	struct handle *handle;
	struct question question;
	/* What memory said last: which version (0: that there is nothing), and the answer; NULL
	 * where its user has no room for it. */
	uint64_t version;
	const struct answer *latest;
	void *waiter;
	struct watch_ask *ask;
	uint64_t asked; /* when last; monotonic */
	struct event *timer;
};

struct watch_list {
	struct fs *fs;
	struct event_base *base;
	struct watch_waiters waiters;
	struct watch_counters counters;
	LIST_HEAD(, watch) buckets[BUCKETS];
};

int watch_list_create(struct event_base *base, struct fs *fs, const struct watch_waiters *waiters,
	struct watch_list **ret_list)
{
	struct watch_list *list = calloc(1, sizeof(*list));
	if (!list)
		return -ENOMEM;
	list->fs = fs;
	list->base = base;
	list->waiters = *waiters;
	*ret_list = list;
	return 0;
}

void watch_list_destroy(struct watch_list *list)
{
	free(list);
}

/* By the node's number, which is a keyed hash already. */
static size_t bucket_of(const struct watch_list *list, const struct question *q)
{
	return tree_ino_record(list->fs->tree, q) % BUCKETS;
}

/* ---- looking ---- */

static bool has_changed(const struct watch *w)
{
	return w->version != w->handle->version;
}

static void forget_latest(struct watch *w)
{
	if (w->latest)
		handle_discharge(w->handle, answer_size(w->latest));
	answer_unref(w->latest);
	w->latest = NULL;
}

static void remember(struct watch *w, const struct answer *a)
{
	forget_latest(w);
	if (a && handle_charge(w->handle, answer_size(a)) == 0)
		w->latest = answer_ref(a);
}

static void wake(struct watch *w)
{
	void *waiter = w->waiter;
	w->waiter = NULL;
	if (!waiter)
		return;
	w->list->counters.wakes++;
	w->list->waiters.wake(waiter);
}

/* A network that fails withdraws nothing. */
static void judge(struct watch *w, int error, const struct answer *a)
{
	if (error && error != -ENOENT)
		return;
	const struct answer *now = error ? NULL : a;
	uint64_t before = w->version;
	if (now != w->latest || !now)
		w->version = memo_version(w->list->fs->memo, now);
	remember(w, now);
	if (w->version != before && has_changed(w))
		wake(w);
}

/* Does memory know? And the answer, borrowed, where there is one. */
static bool recall(struct watch *w, const struct answer **ret_answer)
{
	int error;
	bool known = record_recall_fresh(
		w->list->fs, &w->question, w->handle->uid, &error, ret_answer);
	if (known)
		judge(w, error, *ret_answer);
	return known;
}

static void look_in(struct watch *w, uint64_t microseconds)
{
	struct timeval t = {.tv_sec = (time_t)(microseconds / SECOND),
		.tv_usec = (suseconds_t)(microseconds % SECOND)};
	event_add(w->timer, &t);
}

/* When may it ask again? An answer with a TTL of 0 is never in memory, but wakes the other watches
 * of its name: each look of theirs would be a question, which wakes this one. */
static uint64_t pause_left(const struct watch *w)
{
	uint64_t since = clock_monotonic() - w->asked, pause = WATCH_SECONDS_LEAST * SECOND;
	return w->asked && since < pause ? pause - since : 0;
}

static void look_when_over(struct watch *w)
{
	uint64_t left = w->latest ? answer_ttl_left(w->latest, clock_monotonic()) : 0;
	if (left < WATCH_SECONDS_LEAST)
		left = WATCH_SECONDS_LEAST;
	look_in(w, (left < WATCH_SECONDS_MOST ? left : WATCH_SECONDS_MOST) * SECOND);
}

static void on_answer(void *ctx, int error, const struct answer *a)
{
	struct watch *w = ((struct watch_ask *)ctx)->watch;
	free(ctx);
	if (!w)
		return;
	w->ask = NULL;
	if (a)
		judge(w, error, a);
	if (w->waiter)
		look_when_over(w);
}

/* With the user's share of questions and his pace: a refusal is a later look. */
static void ask(struct watch *w)
{
	struct pending_caller caller = {w->handle->uid, 0};
	struct pending *pending;
	struct watch_ask *watch_ask = malloc(sizeof(*watch_ask));
	w->asked = clock_monotonic();
	if (!watch_ask)
		return;
	watch_ask->watch = w;
	if (pending_ask(w->list->fs->pending, &w->question, &caller, on_answer, watch_ask,
		    &pending) < 0)
		free(watch_ask);
	else
		w->ask = watch_ask;
}

static void on_time(evutil_socket_t fd, short what, void *ctx)
{
	struct watch *w = ctx;
	(void)fd;
	(void)what;
	if (!w->waiter)
		return; /* the next poll looks for itself */
	w->list->counters.looks++;
	const struct answer *a;
	bool known = recall(w, &a);
	if (!w->waiter)
		return; /* woken */
	if (known || w->ask) {
		look_when_over(w);
	} else if (pause_left(w)) {
		look_in(w, pause_left(w));
	} else {
		ask(w);
		look_when_over(w);
	}
}

/* Later, not now: whoever brought the change may hold an answer that looking would take back. */
void watch_changed(void *ctx, const struct resolver_change *change)
{
	struct watch_list *list = ctx;
	const struct question *q = change->question;
	struct watch *w;
	if (!list->counters.watches)
		return;
	size_t from = q ? bucket_of(list, q) : 0, to = q ? from + 1 : BUCKETS;
	for (size_t i = from; i < to; i++) {
		LIST_FOREACH(w, &list->buckets[i], link)
		if (w->waiter && (!q || question_equal(&w->question, q)) &&
			(!change->pins || pins_change_concerns(
						  change->pins, &w->question.name, w->handle->uid)))
			look_in(w, 0);
	}
}

/* ---- watches ---- */

static int check_share(const struct watch_list *list, uid_t uid)
{
	size_t own = 0;
	const struct watch *w;
	for (size_t i = 0; i < BUCKETS; i++)
		LIST_FOREACH(w, &list->buckets[i], link)
	own += w->handle->uid == uid;
	return own >= WATCH_USER_MAX || list->counters.watches >=
						share_limit(WATCH_MAX, uid, list->fs->owner, own)
		       ? -EDQUOT
		       : 0;
}

int watch_create(struct watch_list *list, struct handle *h, struct watch **ret_watch)
{
	int r = check_share(list, h->uid);
	if (r < 0)
		return r;
	struct watch *w = calloc(1, sizeof(*w));
	if (!w)
		return -ENOMEM;
	w->list = list;
	w->handle = h;
	w->version = h->version;
	node_question(h->node, &w->question);
	w->timer = evtimer_new(list->base, on_time, w);
	if (!w->timer) {
		free(w);
		return -ENOMEM;
	}
	LIST_INSERT_HEAD(&list->buckets[bucket_of(list, &w->question)], w, link);
	list->counters.watches++;
	*ret_watch = w;
	return 0;
}

static void set_waiter(struct watch *w, void *waiter)
{
	if (w->waiter)
		w->list->waiters.drop(w->waiter);
	w->waiter = waiter;
}

void watch_destroy(struct watch *w)
{
	if (!w)
		return;
	set_waiter(w, NULL);
	forget_latest(w);
	if (w->ask)
		w->ask->watch = NULL;
	event_free(w->timer);
	LIST_REMOVE(w, link);
	w->list->counters.watches--;
	free(w);
}

bool watch_poll(struct watch *w, void *waiter)
{
	const struct answer *a;
	bool known = recall(w, &a); /* an old waiter hears of it too */
	if (!waiter)
		return has_changed(w);
	set_waiter(w, waiter);
	/* Memory may have let go of what was opened: then who waits asks. */
	if (known || w->ask)
		look_when_over(w);
	else
		look_in(w, pause_left(w));
	return has_changed(w);
}

int watch_take(struct watch *w, const struct answer **ret_answer)
{
	const struct answer *a = NULL;
	recall(w, &a);
	*ret_answer = NULL;
	if (has_changed(w)) {
		*ret_answer = w->latest ? w->latest : a;
		if (w->version && !*ret_answer)
			return -ENFILE; /* there was no room for it, and it is in memory no more */
		w->handle->version = w->version;
	}
	return w->version ? 0 : -ENOENT;
}

void watch_counters(const struct watch_list *list, struct watch_counters *ret_counters)
{
	*ret_counters = list->counters;
}
