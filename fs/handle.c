/* Open files, and each user's share of them. */
#include "fs/handle.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/random.h>

#include "fs/control.h"
#include "fs/draft.h"
#include "fs/listing.h"
#include "fs/memo.h"
#include "fs/opened.h"
#include "fs/list_draft.h"
#include "fs/scratch.h"
#include "fs/secret.h"
#include "resolver/share.h"
#include "fs/tree.h"
#include "fs/watch.h"

#define USER_CHAINS 1024 /* uids are given in rows, so their low bits spread them */

struct handle_user { /* who has something open */
	uid_t uid;
	size_t handles, drafts, bytes;
	struct handle_user *next; /* in his chain */
};

struct handle_list {
	struct handle *first;
	struct handle_user *users[USER_CHAINS];
	struct handle_user
		*idle; /* the last to close all that he had: he is likely to come again */
	size_t user_steps;
	struct opened opened;
	uid_t owner;
	size_t handles, drafts, bytes;
};

int handle_list_create(uid_t owner, struct handle_list **ret_list)
{
	struct handle_list *list = calloc(1, sizeof(*list));
	if (!list)
		return -ENOMEM;
	list->owner = owner;
	if (getrandom(&list->opened.seed, sizeof(list->opened.seed), 0) !=
		sizeof(list->opened.seed)) {
		free(list);
		return -EIO;
	}
	*ret_list = list;
	return 0;
}

/* Found or made. */
static struct handle_user *take_user(struct handle_list *list, uid_t uid)
{
	struct handle_user **chain = &list->users[uid % USER_CHAINS], *u = *chain;
	for (; u && u->uid != uid; u = u->next)
		list->user_steps++;
	if (!u && (u = calloc(1, sizeof(*u)))) {
		u->uid = uid;
		u->next = *chain;
		*chain = u;
	}
	return u;
}

/* Forgets who has nothing open, if he still has not. */
static void drop_idle(struct handle_list *list)
{
	struct handle_user *user = list->idle;
	list->idle = NULL;
	if (!user || user->handles)
		return;
	struct handle_user **link = &list->users[user->uid % USER_CHAINS];
	for (; *link != user; link = &(*link)->next)
		list->user_steps++;
	*link = user->next;
	free(user);
}

/* One of them is kept: who opens one file after another is not made and forgotten each time. */
static void rest_user(struct handle_list *list, struct handle_user *user)
{
	if (user == list->idle)
		return;
	drop_idle(list);
	list->idle = user;
}

void handle_list_destroy(struct handle_list *list)
{
	if (!list)
		return;
	while (list->first)
		handle_destroy(list->first);
	drop_idle(list);
	free(list);
}

/* One handle more for this user. */
static int check_share(
	const struct handle_list *list, const struct handle_user *user, enum handle_kind kind)
{
	uid_t uid = user->uid;
	if (user->handles >= HANDLE_USER_FILES ||
		list->handles >= share_limit(HANDLE_FILES, uid, list->owner, user->handles))
		return -ENFILE;
	if (kind == HANDLE_DRAFT &&
		(user->drafts >= HANDLE_USER_DRAFTS ||
			list->drafts >= share_limit(HANDLE_DRAFTS, uid, list->owner, user->drafts)))
		return -EDQUOT;
	return 0;
}

int handle_create(
	struct handle_list *list, enum handle_kind kind, uid_t uid, struct handle **ret_handle)
{
	struct handle_user *user = take_user(list, uid);
	if (!user)
		return -ENOMEM;
	int r = check_share(list, user, kind);
	struct handle *h = r == 0 ? malloc(sizeof(*h)) : NULL;
	if (!h) {
		if (!user->handles)
			rest_user(list, user);
		return r < 0 ? r : -ENOMEM;
	}
	*h = (struct handle){.kind = kind,
		.uid = uid,
		.user = user,
		.list = list,
		.next = list->first,
		.prev = &list->first};
	if (h->next)
		h->next->prev = &h->next;
	list->first = h;
	list->handles++;
	list->drafts += kind == HANDLE_DRAFT;
	user->handles++;
	user->drafts += kind == HANDLE_DRAFT;
	*ret_handle = h;
	return 0;
}

static void leave_list(struct handle *h)
{
	*h->prev = h->next;
	if (h->next)
		h->next->prev = h->prev;
	struct handle_user *user = h->user;
	handle_uncharge(h);
	h->list->handles--;
	h->list->drafts -= h->kind == HANDLE_DRAFT;
	user->drafts -= h->kind == HANDLE_DRAFT;
	if (--user->handles == 0)
		rest_user(h->list, user);
}

static void free_text(struct handle *h)
{
	if (h->shared)
		memo_text_unref(h->shared);
	else
		free((char *)h->text);
}

void handle_destroy(struct handle *h)
{
	if (!h)
		return;
	watch_destroy(h->watch); /* it has a part of what is charged */
	if (h->node)
		opened_leave(&h->list->opened, h);
	leave_list(h);
	if (h->scratch) {
		scratch_close(h->scratch);
		scratch_unref(h->scratch);
	}
	draft_destroy(h->draft);
	control_input_destroy(h->input);
	list_draft_destroy(h->lines);
	secret_draft_destroy(h->secret);
	listing_destroy(h->listing);
	free_text(h);
	free(h);
}

int handle_charge(struct handle *h, size_t bytes)
{
	struct handle_user *user = h->user;
	size_t limit = share_limit(HANDLE_TOTAL_BYTES, h->uid, h->list->owner, user->bytes);
	if (bytes > HANDLE_USER_BYTES - user->bytes || h->list->bytes > limit ||
		bytes > limit - h->list->bytes)
		return -ENFILE;
	user->bytes += bytes;
	h->list->bytes += bytes;
	h->charged += bytes;
	return 0;
}

void handle_discharge(struct handle *h, size_t bytes)
{
	h->user->bytes -= bytes;
	h->list->bytes -= bytes;
	h->charged -= bytes;
}

void handle_uncharge(struct handle *h)
{
	handle_discharge(h, h->charged);
}

static void drop_text(struct handle *h)
{
	handle_discharge(h, h->text_len);
	free_text(h);
	h->text = NULL;
	h->shared = NULL;
	h->text_len = 0;
}

int handle_set_text(struct handle *h, char *text, size_t len)
{
	drop_text(h);
	int r = handle_charge(h, len);
	if (r < 0) {
		free(text);
		return r;
	}
	h->text = text;
	h->text_len = len;
	return 0;
}

int handle_share_text(struct handle *h, struct memo_text *text)
{
	memo_text_ref(text); /* before the last one goes, which may be the same */
	drop_text(h);
	int r = handle_charge(h, text->len);
	if (r < 0) {
		memo_text_unref(text);
		return r;
	}
	h->text = text->bytes;
	h->text_len = text->len;
	h->shared = text;
	return 0;
}

void handle_set_node(struct handle *h, struct node *node)
{
	h->node = node;
	opened_enter(&h->list->opened, h);
}

struct handle *handle_find(
	struct handle_list *list, enum handle_kind kind, const struct node *node, uid_t uid)
{
	return opened_find(&list->opened, kind, node, uid);
}

struct handle *handle_find_only(struct handle_list *list, const struct node *node)
{
	return opened_find_only(&list->opened, node);
}

void handle_each(struct handle_list *list, enum handle_kind kind, handle_each_fn *fn, void *ctx)
{
	for (struct handle *h = list->first; h; h = h->next)
		if (h->kind == kind)
			fn(ctx, h);
}

size_t handle_list_steps(const struct handle_list *list)
{
	return list->user_steps + list->opened.steps;
}
