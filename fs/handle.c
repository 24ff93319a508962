/* Open files, and each user's share of them. */
#include "fs/handle.h"

#include <errno.h>
#include <stdlib.h>

#include "fs/control.h"
#include "fs/draft.h"
#include "fs/listing.h"
#include "fs/pin_draft.h"
#include "fs/scratch.h"
#include "resolver/share.h"
#include "fs/tree.h"
#include "fs/watch.h"

struct user { /* who has something open; there are few, so it is a list */
	uid_t uid;
	size_t handles, drafts, bytes;
	struct user *next;
};

struct handle_list {
	struct handle *first;
	struct user *users;
	uid_t owner;
	size_t handles, drafts, bytes;
};

int handle_list_create(uid_t owner, struct handle_list **ret_list)
{
	*ret_list = calloc(1, sizeof(**ret_list));
	if (!*ret_list)
		return -ENOMEM;
	(*ret_list)->owner = owner;
	return 0;
}

void handle_list_destroy(struct handle_list *list)
{
	if (!list)
		return;
	while (list->first)
		handle_destroy(list->first);
	free(list);
}

static struct user *find_user(struct handle_list *list, uid_t uid)
{
	struct user *u = list->users;
	while (u && u->uid != uid)
		u = u->next;
	if (!u && (u = calloc(1, sizeof(*u)))) {
		u->uid = uid;
		u->next = list->users;
		list->users = u;
	}
	return u;
}

static void drop_user(struct handle_list *list, struct user *user)
{
	struct user **link = &list->users;
	while (*link != user)
		link = &(*link)->next;
	*link = user->next;
	free(user);
}

/* One handle more for this user. */
static int check_share(
	const struct handle_list *list, const struct user *user, enum handle_kind kind)
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
	struct user *user = find_user(list, uid);
	if (!user)
		return -ENOMEM;
	int r = check_share(list, user, kind);
	struct handle *h = r == 0 ? calloc(1, sizeof(*h)) : NULL;
	if (!h) {
		if (!user->handles)
			drop_user(list, user);
		return r < 0 ? r : -ENOMEM;
	}
	*h = (struct handle){
		.kind = kind, .uid = uid, .list = list, .next = list->first, .prev = &list->first};
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
	struct user *user = find_user(h->list, h->uid);
	if (!user)
		return; /* not reached: it exists while it has a handle */
	handle_uncharge(h);
	h->list->handles--;
	h->list->drafts -= h->kind == HANDLE_DRAFT;
	user->drafts -= h->kind == HANDLE_DRAFT;
	if (--user->handles == 0)
		drop_user(h->list, user);
}

void handle_destroy(struct handle *h)
{
	if (!h)
		return;
	watch_destroy(h->watch); /* it has a part of what is charged */
	leave_list(h);
	if (h->node)
		h->node->handles--;
	if (h->scratch) {
		scratch_close(h->scratch);
		scratch_unref(h->scratch);
	}
	draft_destroy(h->draft);
	control_input_destroy(h->input);
	pin_draft_destroy(h->pins);
	listing_destroy(h->listing);
	free(h->text);
	free(h);
}

int handle_charge(struct handle *h, size_t bytes)
{
	struct user *user = find_user(h->list, h->uid);
	if (!user)
		return -ENOMEM;
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
	struct user *user = find_user(h->list, h->uid);
	if (!user)
		return; /* not reached, as above */
	user->bytes -= bytes;
	h->list->bytes -= bytes;
	h->charged -= bytes;
}

void handle_uncharge(struct handle *h)
{
	handle_discharge(h, h->charged);
}

int handle_set_text(struct handle *h, char *text, size_t len)
{
	handle_discharge(h, h->text_len);
	free(h->text);
	h->text = NULL;
	h->text_len = 0;
	int r = handle_charge(h, len);
	if (r < 0) {
		free(text);
		return r;
	}
	h->text = text;
	h->text_len = len;
	return 0;
}

void handle_set_node(struct handle *h, struct node *node)
{
	h->node = node;
	node->handles++;
}

struct handle *handle_find(
	struct handle_list *list, enum handle_kind kind, const struct node *node, uid_t uid)
{
	if (!node->handles) /* most look-ups end here, however many files are open */
		return NULL;
	struct handle *h = list->first;
	while (h && !(h->kind == kind && h->node == node && h->uid == uid))
		h = h->next;
	return h;
}

void handle_each(struct handle_list *list, enum handle_kind kind, handle_each_fn *fn, void *ctx)
{
	for (struct handle *h = list->first; h; h = h->next)
		if (h->kind == kind)
			fn(ctx, h);
}

struct handle *handle_find_only(struct handle_list *list, const struct node *node)
{
	struct handle *found = NULL;
	for (struct handle *h = node->handles ? list->first : NULL; h; h = h->next) {
		if (h->node != node)
			continue;
		if (found && found->uid != h->uid)
			return NULL;
		if (!found)
			found = h;
	}
	return found;
}
