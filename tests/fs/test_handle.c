/* Each user's share of what is open, and what is left for others. */
#undef NDEBUG
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "fs/handle.h"
#include "fs/memo.h"
#include "fs/tree.h"

#define OWNER 900

static struct handle_list *list;

static int setup(void **state)
{
	(void)state;
	return handle_list_create(OWNER, &list);
}

static int teardown(void **state)
{
	(void)state;
	handle_list_destroy(list);
	return 0;
}

static int open_as(uid_t uid, enum handle_kind kind)
{
	struct handle *h;
	return handle_create(list, kind, uid, &h);
}

static void test_drafts_of_a_user(void **state)
{
	(void)state;
	for (unsigned i = 0; i < HANDLE_USER_DRAFTS; i++)
		assert_int_equal(open_as(1001, HANDLE_DRAFT), 0);
	assert_int_equal(open_as(1001, HANDLE_DRAFT), -EDQUOT);
	assert_int_equal(open_as(1001, HANDLE_TEXT), 0);
	assert_int_equal(open_as(1002, HANDLE_DRAFT), 0);
}

static void test_drafts_of_all(void **state)
{
	(void)state;
	for (unsigned i = 0; i < HANDLE_DRAFTS / 4 * 3; i++)
		assert_int_equal(open_as(2000 + i / 60, HANDLE_DRAFT), 0);
	assert_int_equal(open_as(2000, HANDLE_DRAFT), -EDQUOT);
	assert_int_equal(open_as(2000, HANDLE_TEXT), 0);
	for (unsigned i = 0; i < HANDLE_DRAFTS / 8; i++)
		assert_int_equal(open_as(3000 + i, HANDLE_DRAFT), 0); /* their first */
	assert_int_equal(open_as(4000, HANDLE_DRAFT), -EDQUOT);
	for (unsigned i = 0; i < HANDLE_USER_DRAFTS; i++) {
		assert_int_equal(open_as(0, HANDLE_DRAFT), 0);
		assert_int_equal(open_as(OWNER, HANDLE_DRAFT), 0);
	}
	assert_int_equal(open_as(0, HANDLE_DRAFT), -EDQUOT);
}

static void test_files_of_all(void **state)
{
	(void)state;
	for (unsigned i = 0; i < HANDLE_FILES / 4 * 3; i++)
		assert_int_equal(open_as(2000 + i / 4000, HANDLE_TEXT), 0);
	assert_int_equal(open_as(2000, HANDLE_TEXT), -ENFILE);
	assert_int_equal(open_as(4000, HANDLE_TEXT), 0);
	assert_int_equal(open_as(4000, HANDLE_TEXT), -ENFILE);
	assert_int_equal(open_as(OWNER, HANDLE_TEXT), 0);
	assert_int_equal(open_as(OWNER, HANDLE_TEXT), 0);
}

static void test_bytes(void **state)
{
	(void)state;
	struct handle *h[3], *his, *root;
	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(handle_create(list, HANDLE_DRAFT, 1001 + i, &h[i]), 0);
		assert_int_equal(handle_charge(h[i], HANDLE_USER_BYTES), 0);
		assert_int_equal(handle_charge(h[i], 1), -ENFILE);
	}
	assert_int_equal(handle_create(list, HANDLE_DRAFT, 1, &his), 0);
	assert_int_equal(handle_charge(his, HANDLE_TOTAL_BYTES / 8), 0);
	assert_int_equal(handle_charge(his, 1), -ENFILE); /* he holds something now */
	assert_int_equal(handle_create(list, HANDLE_DRAFT, 0, &root), 0);
	assert_int_equal(handle_charge(root, HANDLE_TOTAL_BYTES / 8), 0);
	assert_int_equal(handle_charge(root, 1), -ENFILE);
	handle_destroy(h[0]);
	handle_destroy(h[1]);
	assert_int_equal(handle_charge(his, 1), 0);
}

/* ---- what others have open costs nobody ---- */

static struct tree *tree;

static struct node *node_of(const char *text)
{
	struct question q = {.class = CLASS_IN, .type = 1};
	struct node *node;
	assert_int_equal(name_from_text(text, strlen(text), &q.name), 0);
	assert_int_equal(tree_record(tree, &q, 1, &node), 0);
	return node;
}

static struct handle *open_on(struct node *node, enum handle_kind kind, uid_t uid)
{
	struct handle *h;
	assert_int_equal(handle_create(list, kind, uid, &h), 0);
	handle_set_node(h, node);
	return h;
}

/* What one cat of bob's costs: he is found nowhere, opens, reads, closes. */
static size_t steps_of_bob(struct node *node)
{
	size_t before = handle_list_steps(list);
	assert_null(handle_find(list, HANDLE_DRAFT, node, 1002));
	struct handle *h = open_on(node, HANDLE_TEXT, 1002);
	assert_int_equal(handle_charge(h, 100), 0);
	assert_ptr_equal(handle_find(list, HANDLE_TEXT, node, 1002), h);
	handle_find_only(list, node);
	handle_destroy(h);
	assert_null(handle_find(list, HANDLE_TEXT, node, 1002));
	return handle_list_steps(list) - before;
}

static void test_cost_of_others(void **state)
{
	(void)state;
	struct node *node = node_of("www.example.com"), *other = node_of("x.example.com");
	size_t alone = steps_of_bob(node);
	for (unsigned i = 0; i < HANDLE_USER_FILES; i++)
		open_on(i % 2 ? node : other, HANDLE_TEXT, 5000);
	assert_in_range(steps_of_bob(node), 0, alone + 20);
	/* 36,000 uids with one each, all on the same file, and 9,000 on another. */
	for (unsigned i = 0; i < 36000; i++)
		open_on(node, HANDLE_TEXT, 100000 + i);
	for (unsigned i = 0; i < 9000; i++)
		open_on(other, i % 2 ? HANDLE_TEXT : HANDLE_DIR, 200000 + i);
	/* 60,000 in chains of 1,024 (users) and 16,384 (handles): some ten times what they hold. */
	assert_in_range(steps_of_bob(node), 0, alone + 1000);
	assert_in_range(steps_of_bob(other), 0, alone + 1000);
}

/* Of those who have closed all that they had one is remembered, and no more: in the chain that they
 * share nobody is met. */
static void test_users_who_left(void **state)
{
	(void)state;
	struct node *node = node_of("www.example.com");
	for (unsigned i = 0; i < 100; i++)
		handle_destroy(open_on(node, HANDLE_TEXT, 5 + 1024 * i));
	/* One stays while another comes and goes, who is the last to have left then. */
	struct handle *h = open_on(node, HANDLE_TEXT, 5);
	handle_destroy(open_on(node, HANDLE_TEXT, 5 + 1024));
	handle_destroy(h);
	handle_destroy(open_on(node, HANDLE_TEXT, 5));
	size_t before = handle_list_steps(list);
	h = open_on(node, HANDLE_TEXT, 5 + 1024 * 200);
	assert_in_range(handle_list_steps(list) - before, 0, 2);
	assert_int_equal(handle_charge(h, HANDLE_USER_BYTES), 0); /* nothing is still counted */
	handle_destroy(h);
}

static void test_find(void **state)
{
	(void)state;
	struct node *a = node_of("a.alt"), *b = node_of("b.alt");
	struct handle *h[6];
	assert_null(handle_find_only(list, a));
	for (int i = 0; i < 3; i++)
		h[i] = open_on(a, HANDLE_TEXT, 1001);
	assert_ptr_equal(handle_find(list, HANDLE_TEXT, a, 1001), h[2]);
	assert_ptr_equal(h[2]->older, h[1]);
	assert_null(handle_find(list, HANDLE_TEXT, b, 1001));
	assert_null(handle_find(list, HANDLE_TEXT, a, 1002));
	assert_null(handle_find(list, HANDLE_DRAFT, a, 1001));
	assert_ptr_equal(handle_find_only(list, a), h[2]);
	h[3] = open_on(a, HANDLE_DRAFT, 1001);
	assert_ptr_equal(handle_find_only(list, a), h[3]);
	h[4] = open_on(a, HANDLE_TEXT, 1002);
	assert_null(handle_find_only(list, a));
	h[5] = open_on(b, HANDLE_TEXT, 1002);
	assert_ptr_equal(handle_find_only(list, b), h[5]);
	/* From the middle, from the young end, from the old one. */
	handle_destroy(h[1]);
	assert_ptr_equal(handle_find(list, HANDLE_TEXT, a, 1001), h[2]);
	assert_ptr_equal(h[2]->older, h[0]);
	handle_destroy(h[2]);
	assert_ptr_equal(handle_find(list, HANDLE_TEXT, a, 1001), h[0]);
	handle_destroy(h[4]);
	assert_int_equal(handle_find_only(list, a)->uid, 1001);
	handle_destroy(h[0]);
	assert_null(handle_find(list, HANDLE_TEXT, a, 1001));
	assert_ptr_equal(handle_find_only(list, a), h[3]);
	handle_destroy(h[3]);
	assert_null(handle_find_only(list, a));
	assert_int_equal(a->handles, 0);
	assert_int_equal(b->handles, 1);
}

/* The same in any order: against a list that is walked. */
static void test_find_at_random(void **state)
{
	(void)state;
	enum { LIVE = 200, NODES = 3, UIDS = 5 };
	struct node *nodes[NODES] = {node_of("a.alt"), node_of("b.alt"), node_of("c.alt")};
	struct handle *live[LIVE] = {0}; /* by opening */
	srand(7);
	for (unsigned round = 0, n = 0; round < 20000; round++) {
		if (n == LIVE || (n && rand() % 2)) {
			unsigned i = (unsigned)rand() % n;
			handle_destroy(live[i]);
			n--;
			memmove(live + i, live + i + 1, (n - i) * sizeof(*live));
		} else {
			live[n++] = open_on(nodes[rand() % NODES],
				rand() % 2 ? HANDLE_TEXT : HANDLE_DIR, (uid_t)(rand() % UIDS));
		}
		const struct node *node = nodes[rand() % NODES];
		uid_t uid = (uid_t)(rand() % UIDS);
		unsigned i = n, uids = 0;
		for (unsigned u = 0; u < UIDS; u++)
			for (unsigned k = 0; k < n; k++)
				if (live[k]->node == node && live[k]->uid == u) {
					uids++;
					break;
				}
		while (i > 0 && !(live[i - 1]->node == node && live[i - 1]->uid == uid &&
					live[i - 1]->kind == HANDLE_TEXT))
			i--;
		assert_ptr_equal(handle_find(list, HANDLE_TEXT, node, uid), i ? live[i - 1] : NULL);
		assert_int_equal(handle_find_only(list, node) != NULL, uids == 1);
	}
}

static int setup_tree(void **state)
{
	return tree_create(1, &tree) < 0 ? -1 : setup(state);
}

static int teardown_tree(void **state)
{
	teardown(state); /* handles refer to nodes */
	tree_destroy(tree);
	return 0;
}

static struct memo_text *text_of(const char *words)
{
	struct memo_text *text = malloc(sizeof(*text));
	assert_non_null(text);
	*text = (struct memo_text){.len = strlen(words), .refs = 1, .bytes = strdup(words)};
	return text;
}

/* A text that several show counts for each, and goes with the last. */
static void test_shared_text(void **state)
{
	(void)state;
	struct memo_text *text = text_of("{}\n");
	struct handle *a, *b;
	assert_int_equal(handle_create(list, HANDLE_TEXT, 1000, &a), 0);
	assert_int_equal(handle_create(list, HANDLE_TEXT, 1000, &b), 0);
	assert_int_equal(handle_share_text(a, text), 0);
	assert_int_equal(handle_share_text(b, text), 0);
	assert_int_equal(a->charged + b->charged, 6);
	memo_text_unref(text);
	assert_int_equal(handle_share_text(a, a->shared), 0); /* the same once more */
	assert_int_equal(text->refs, 2);
	handle_destroy(a);
	assert_int_equal(text->refs, 1);
	assert_memory_equal(b->text, "{}\n", 3);
	/* One of its own comes in its place; and one for which there is no room leaves none. */
	memo_text_ref(text);
	assert_int_equal(handle_set_text(b, strdup("own"), 3), 0);
	assert_int_equal(text->refs, 1);
	assert_null(b->shared);
	text->len = HANDLE_USER_BYTES + 1;
	assert_int_equal(handle_share_text(b, text), -ENFILE);
	assert_null(b->text);
	assert_int_equal(b->charged + b->text_len, 0);
	assert_int_equal(text->refs, 1);
	memo_text_unref(text);
	handle_destroy(b);
}

int main(void)
{
#define CASE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
#define TREE_CASE(test) cmocka_unit_test_setup_teardown(test, setup_tree, teardown_tree)
	const struct CMUnitTest tests[] = {
		CASE(test_drafts_of_a_user),
		CASE(test_drafts_of_all),
		CASE(test_files_of_all),
		CASE(test_bytes),
		CASE(test_shared_text),
		TREE_CASE(test_cost_of_others),
		TREE_CASE(test_users_who_left),
		TREE_CASE(test_find),
		TREE_CASE(test_find_at_random),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
