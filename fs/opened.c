/* Who has what open. */
#include "fs/opened.h"

#include "fs/tree.h"

#define SPREAD 0x9e3779b97f4a7c15ull /* 2^64 by the golden ratio: neighbours end far apart */

static struct handle **bucket_of(
	struct opened *o, enum handle_kind kind, const struct node *node, uid_t uid)
{
	uint64_t key = ((uint64_t)uid << 3 | kind) * SPREAD ^ o->seed;
	key = (key ^ key >> 32 ^ node->ino) * SPREAD;
	key = (key ^ key >> 32 ^ o->seed) * SPREAD;
	return &o->buckets[key >> 32 & (OPENED_BUCKETS - 1)];
}

/* Where the youngest of these is linked, or would be. */
static struct handle **link_of(
	struct opened *o, enum handle_kind kind, const struct node *node, uid_t uid)
{
	struct handle **link = bucket_of(o, kind, node, uid);
	while (*link && !((*link)->kind == kind && (*link)->node == node && (*link)->uid == uid)) {
		o->steps++;
		link = &(*link)->in_bucket;
	}
	return link;
}

/* ---- the chain of a node: one handle for each kind and uid, the youngest first ---- */

static void enter_node(struct handle *h)
{
	struct node *node = h->node;
	h->beside = node->opened;
	h->beside_link = &node->opened;
	if (h->beside)
		h->beside->beside_link = &h->beside;
	node->opened = h;
}

static void leave_node(struct handle *h)
{
	*h->beside_link = h->beside;
	if (h->beside)
		h->beside->beside_link = h->beside_link;
}

/* `h` has stood for its like, and `heir` does so now, at the same place. */
static void take_place(struct handle *heir, struct handle *h)
{
	heir->beside = h->beside;
	heir->beside_link = h->beside_link;
	*heir->beside_link = heir;
	if (heir->beside)
		heir->beside->beside_link = &heir->beside;
}

void opened_enter(struct opened *o, struct handle *h)
{
	struct handle **link = link_of(o, h->kind, h->node, h->uid);
	struct handle *older = *link;
	h->older = older;
	h->younger = NULL;
	h->in_bucket = older ? older->in_bucket : NULL;
	*link = h;
	if (older) {
		older->younger = h;
		leave_node(older);
	}
	enter_node(h);
	h->node->handles++;
}

void opened_leave(struct opened *o, struct handle *h)
{
	h->node->handles--;
	if (h->older)
		h->older->younger = h->younger;
	if (h->younger) {
		h->younger->older = h->older;
		return;
	}
	struct handle **link = link_of(o, h->kind, h->node, h->uid);
	*link = h->older ? h->older : h->in_bucket;
	if (h->older) {
		h->older->in_bucket = h->in_bucket;
		take_place(h->older, h);
	} else {
		leave_node(h);
	}
}

struct handle *opened_find(
	struct opened *o, enum handle_kind kind, const struct node *node, uid_t uid)
{
	if (!node->opened) /* most look-ups end here, however many files are open */
		return NULL;
	o->steps++;
	return *link_of(o, kind, node, uid);
}

/* A user has a handle of each kind there at most, so a second user is met soon. */
struct handle *opened_find_only(struct opened *o, const struct node *node)
{
	for (struct handle *h = node->opened; h; h = h->beside) {
		o->steps++;
		if (h->uid != node->opened->uid)
			return NULL;
	}
	return node->opened;
}
