/* Who waits for a record to change. */
#include "fs/watch.h"

#include <errno.h>
#include <event2/event.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "fs/record.h"
#include "resolver/share.h"
#include "resolver/clock.h"
#include "resolver/json.h"

#define BUCKETS 256 /* watches are few; answers, for each of which one bucket is looked at, many   \
		     */
#define CNAMES_MAX 11

/* A question that was asked for a watch. It outlives the watch: what waits cannot be taken back. */
struct watch_ask {
	struct watch *watch; /* NULL: gone */
};

struct watch {
	LIST_ENTRY(watch) link;
	struct watch_list *list;
	struct handle *handle;
	struct question question;
	/* What memory said last; NULL where it said that there is nothing. */
	const struct answer *latest;
	bool known;   /* it has said something since the first poll */
	bool changed; /* and since the last read */
	bool gone;    /* what was read last is that there is nothing */
	void *waiter;
	struct watch_ask *ask;
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

/* ---- what is a change ---- */

static bool same_chain(const struct answer *a, const struct answer *b)
{
	struct name x[CNAMES_MAX], y[CNAMES_MAX];
	size_t n = answer_cnames(a, x, CNAMES_MAX);
	if (n != answer_cnames(b, y, CNAMES_MAX))
		return false;
	for (size_t i = 0; i < n && i < CNAMES_MAX; i++)
		if (!name_equal(&x[i], &y[i]))
			return false;
	return true;
}

/* Without memory to compare they count as different: who waits looks for himself. */
static bool same_data(const struct answer *a, const struct answer *b)
{
	struct rrset *x = NULL, *y = NULL;
	bool same = answer_rrset(a, &x) == 0 && answer_rrset(b, &y) == 0 && rrset_same_data(x, y);
	rrset_destroy(x);
	rrset_destroy(y);
	return same;
}

static bool same(const struct answer *a, const struct answer *b)
{
	if (a == b || !a || !b)
		return a == b;
	if (a->source != b->source || a->trust != b->trust || a->has_owner != b->has_owner ||
		a->owner != b->owner || a->has_signer != b->has_signer ||
		memcmp(a->signer, b->signer, sizeof(a->signer)) != 0)
		return false;
	if (a->source != SOURCE_DNS && a->ttl != b->ttl) /* DNS counts down */
		return false;
	return same_chain(a, b) && same_data(a, b);
}

/* Of the version that the handle was opened with only the text is left. */
static bool is_text(const struct handle *h, const struct answer *a)
{
	char *text;
	size_t len;
	if (!a || json_write(a, NULL, &text, &len) < 0)
		return false;
	bool same_text = len == h->text_len && memcmp(text, h->text, len) == 0;
	free(text);
	return same_text;
}

/* ---- looking ---- */

static void forget_latest(struct watch *w)
{
	if (w->latest)
		handle_discharge(w->handle, answer_size(w->latest));
	answer_unref(w->latest);
	w->latest = NULL;
	w->known = false;
}

/* What the user has no room for is compared as if nothing had been known. */
static void remember(struct watch *w, const struct answer *a)
{
	forget_latest(w);
	w->known = !a || handle_charge(w->handle, answer_size(a)) == 0;
	if (a && w->known)
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
	bool stands = w->known ? same(w->latest, now) : is_text(w->handle, now);
	remember(w, now);
	if (stands)
		return;
	w->changed = true;
	wake(w);
}

static bool recall(struct watch *w)
{
	int error;
	const struct answer *a;
	bool known = record_recall_fresh(w->list->fs, &w->question, w->handle->uid, &error, &a);
	if (known)
		judge(w, error, a);
	return known;
}

static void look_in(struct watch *w, uint64_t seconds)
{
	struct timeval t = {.tv_sec = (time_t)seconds};
	event_add(w->timer, &t);
}

static void look_when_over(struct watch *w)
{
	uint64_t left = w->latest ? answer_ttl_left(w->latest, clock_monotonic()) : 0;
	if (left < WATCH_SECONDS_LEAST)
		left = WATCH_SECONDS_LEAST;
	look_in(w, left < WATCH_SECONDS_MOST ? left : WATCH_SECONDS_MOST);
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
	bool known = recall(w);
	if (!w->waiter)
		return; /* woken */
	if (!known && !w->ask)
		ask(w);
	look_when_over(w);
}

/* Later, not now: whoever brought the change may hold an answer that looking would take back. */
void watch_changed(void *ctx, const struct question *q)
{
	struct watch_list *list = ctx;
	struct watch *w;
	if (!list->counters.watches)
		return;
	LIST_FOREACH(w, &list->buckets[bucket_of(list, q)], link)
	if (w->waiter && question_equal(&w->question, q))
		look_in(w, 0);
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
	bool known = recall(w); /* an old waiter hears of it too */
	if (!waiter)
		return w->changed;
	set_waiter(w, waiter);
	/* Memory may have let go of what was opened: then who waits asks. */
	if (known || w->ask)
		look_when_over(w);
	else
		look_in(w, 0);
	return w->changed;
}

int watch_take(struct watch *w, const struct answer **ret_answer)
{
	recall(w);
	*ret_answer = NULL;
	if (w->changed && w->known) {
		*ret_answer = w->latest;
		w->gone = !w->latest;
	}
	w->changed = false;
	return w->gone ? -ENOENT : 0;
}

void watch_counters(const struct watch_list *list, struct watch_counters *ret_counters)
{
	*ret_counters = list->counters;
}
