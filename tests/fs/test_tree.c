/* Inode numbers, look-up counts, what is dropped, and the short memory of what is not there. */
#undef NDEBUG
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "fs/scratch.h"
#include "fs/tree.h"
#include "resolver/clock.h"

#define SEED 0x0123456789abcdefull

static struct tree *tree;

static int setup(void **state)
{
	(void)state;
	return tree_create(SEED, &tree);
}

static int teardown(void **state)
{
	(void)state;
	tree_destroy(tree);
	return 0;
}

static struct question question(const char *name, uint16_t type)
{
	struct question q = {.type = type, .class = CLASS_IN};
	assert_int_equal(name_from_text(name, strlen(name), &q.name), 0);
	return q;
}

static struct question numbered(unsigned i)
{
	char name[64];
	snprintf(name, sizeof(name), "n%u.example.com", i);
	return question(name, TYPE_A);
}

static struct node *record(const char *name, uint16_t type)
{
	struct question q = question(name, type);
	struct node *node;
	assert_int_equal(tree_record(tree, &q, 0, &node), 0);
	return node;
}

static void test_fixed(void **state)
{
	(void)state;
	assert_int_equal(tree_find(tree, TREE_ROOT)->kind, NODE_ROOT);
	assert_int_equal(tree_find(tree, TREE_CONTROL)->kind, NODE_CONTROL);
	assert_null(tree_find(tree, 0));
	assert_null(tree_find(tree, 99));
	tree_forget(tree, tree_find(tree, TREE_ROOT), UINT64_MAX);
	assert_non_null(tree_find(tree, TREE_ROOT));
}

static void test_same_name_same_number(void **state)
{
	(void)state;
	struct node *node = record("www.example.com", TYPE_A);
	uint64_t ino = node->ino;
	tree_look(tree, node, 0);
	assert_ptr_equal(record("WWW.example.com", TYPE_A), node);
	assert_ptr_not_equal(record("www.example.com", TYPE_AAAA), node);
	tree_forget(tree, node, 1);
	assert_null(tree_find(tree, ino));
	assert_int_equal(record("www.example.com", TYPE_A)->ino, ino);
	struct question q = question("www.example.com", TYPE_A);
	assert_int_equal(tree_ino_record(tree, &q), ino);
}

static void test_question_comes_back(void **state)
{
	(void)state;
	struct question q = question("mail.example.com", TYPE_MX), back;
	node_question(record("mail.example.com", TYPE_MX), &back);
	assert_true(question_equal(&q, &back));
	q.name.len = 1; /* the root */
	q.name.wire[0] = 0;
	struct node *node;
	assert_int_equal(tree_record(tree, &q, 0, &node), 0);
	node_question(node, &back);
	assert_true(question_equal(&q, &back));
}

static void test_forget_counts(void **state)
{
	(void)state;
	struct node *node = record("a.example", TYPE_A);
	uint64_t ino = node->ino;
	for (int i = 0; i < 3; i++)
		tree_look(tree, node, 0);
	tree_forget(tree, node, 2);
	assert_non_null(tree_find(tree, ino));
	tree_forget(tree, node, 5); /* more than there are: no wrap-around */
	assert_null(tree_find(tree, ino));
	assert_int_equal(tree_nodes(tree), 0);
}

static void test_open_node_stays(void **state)
{
	(void)state;
	struct node *node = record("a.example", TYPE_A);
	tree_look(tree, node, 0);
	node->handles++;
	tree_forget(tree, node, 1);
	assert_ptr_equal(tree_find(tree, node->ino), node);
	node->handles--;
	tree_forget(tree, node, 0);
	assert_int_equal(tree_nodes(tree), 0);
}

static void test_directories(void **state)
{
	(void)state;
	struct node *class, *type, *other;
	assert_int_equal(tree_class(tree, CLASS_IN, 0, &class), 0);
	assert_int_equal(tree_type(tree, CLASS_IN, TYPE_A, 0, &type), 0);
	assert_int_equal(tree_type(tree, CLASS_CH, TYPE_A, 0, &other), 0);
	assert_int_equal(class->ino, tree_ino_class(CLASS_IN));
	assert_int_equal(type->ino, tree_ino_type(CLASS_IN, TYPE_A));
	assert_true(type->ino != other->ino && type->ino != class->ino);
	assert_int_equal(type->type, TYPE_A);
	assert_int_equal(other->class, CLASS_CH);
	assert_int_equal(tree_ino_type(65535, 65535) & tree_ino_class(65535), 65535);
	struct node *status, *key, *again;
	assert_int_equal(tree_control(tree, CONTROL_STATUS, &status), 0);
	assert_int_equal(tree_control(tree, CONTROL_KEY, &key), 0);
	assert_int_equal(tree_control(tree, CONTROL_KEY, &again), 0);
	assert_ptr_equal(key, again);
	assert_int_equal(key->control, CONTROL_KEY);
	assert_int_equal(status->control, CONTROL_STATUS);
	assert_int_equal(key->ino, tree_ino_control(CONTROL_KEY));
}

/* The kernel may use a directory for an hour after we have dropped its node. */
static void test_held_directory_is_made_again(void **state)
{
	(void)state;
	struct node *node = tree_remake(tree, tree_ino_type(CLASS_CH, 65280), 0);
	assert_non_null(node);
	assert_int_equal(node->kind, NODE_TYPE);
	assert_int_equal(node->class, CLASS_CH);
	assert_int_equal(node->type, 65280);
	assert_int_equal(tree_remake(tree, tree_ino_class(77), 0)->class, 77);
	assert_null(tree_remake(tree, tree_ino_class(77) | 1ull << 50, 0));
	assert_null(tree_remake(tree, 12345, 0));
	struct question q = numbered(1);
	assert_null(tree_remake(tree, tree_ino_record(tree, &q), 0));
}

static void test_many_names(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 10000; i++) {
		struct question q = numbered(i);
		struct node *node;
		assert_int_equal(tree_record(tree, &q, 0, &node), 0);
		tree_look(tree, node, 0);
	}
	assert_int_equal(tree_nodes(tree), 10000);
	for (unsigned i = 0; i < 10000; i++) {
		struct question q = numbered(i), back;
		struct node *node = tree_find(tree, tree_ino_record(tree, &q));
		node_question(node, &back);
		assert_true(question_equal(&q, &back));
		tree_forget(tree, node, 1);
	}
	assert_int_equal(tree_nodes(tree), 0);
}

/* More names than the kernel is allowed to make us remember: the longest unused go. */
static void test_full_tree_drops_the_oldest(void **state)
{
	(void)state;
	struct question first = numbered(0), second = numbered(1), q;
	struct node *node;
	for (unsigned i = 0; i < TREE_NODES_MAX; i++) {
		q = numbered(i);
		assert_int_equal(tree_record(tree, &q, 1000, &node), 0);
		tree_look(tree, node, 1000);
	}
	tree_find(tree, tree_ino_record(tree, &first))->handles++;
	q = numbered(TREE_NODES_MAX);
	/* Too young: the kernel may still use each of them without a LOOKUP. */
	assert_int_equal(tree_record(tree, &q, 1000 + TREE_KEEP_SECONDS * SECOND, &node), -ENFILE);
	uint64_t later = 1001 + TREE_KEEP_SECONDS * SECOND;
	assert_int_equal(tree_record(tree, &q, later, &node), 0);
	assert_int_equal(tree_nodes(tree), TREE_NODES_MAX);
	assert_non_null(tree_find(tree, tree_ino_record(tree, &first))); /* open */
	assert_null(tree_find(tree, tree_ino_record(tree, &second)));
	/* One that was looked up again is young again. */
	struct question third = numbered(2), fourth = numbered(3);
	tree_look(tree, tree_find(tree, tree_ino_record(tree, &third)), later);
	q = numbered(TREE_NODES_MAX + 1);
	assert_int_equal(tree_record(tree, &q, later, &node), 0);
	assert_non_null(tree_find(tree, tree_ino_record(tree, &third)));
	assert_null(tree_find(tree, tree_ino_record(tree, &fourth)));
	/* The kernel forgets one that was dropped and made again: all its counts at once. */
	assert_int_equal(tree_record(tree, &second, later, &node), 0);
	tree_look(tree, node, later);
	tree_forget(tree, node, 2);
	assert_null(tree_find(tree, tree_ino_record(tree, &second)));
	tree_find(tree, tree_ino_record(tree, &first))->handles--;
}

static void test_full_of_open_files(void **state)
{
	(void)state;
	struct node *node;
	struct question q;
	for (unsigned i = 0; i < TREE_NODES_MAX; i++) {
		q = numbered(i);
		assert_int_equal(tree_record(tree, &q, 0, &node), 0);
		node->handles++;
	}
	q = numbered(TREE_NODES_MAX);
	assert_int_equal(tree_record(tree, &q, UINT32_MAX, &node), -ENFILE);
}

static void test_absent(void **state)
{
	(void)state;
	struct question q = question("a.example", TYPE_A), other = question("a.example", TYPE_TXT);
	assert_false(tree_is_absent(tree, &q, 1, 0));
	tree_absent(tree, &q, 1, 100);
	assert_true(tree_is_absent(tree, &q, 1, 100));
	assert_false(tree_is_absent(tree, &other, 1, 100));
	assert_false(tree_is_absent(tree, &q, 2, 100)); /* another user's view */
	assert_true(tree_is_absent(tree, &q, 1, 99 + TREE_ABSENT_SECONDS * SECOND));
	assert_false(tree_is_absent(tree, &q, 1, 100 + TREE_ABSENT_SECONDS * SECOND));
	tree_absent(tree, &q, 1, 100);
	tree_present(tree, &other, 1);
	tree_present(tree, &q, 2);
	assert_true(tree_is_absent(tree, &q, 1, 100));
	tree_present(tree, &q, 1);
	assert_false(tree_is_absent(tree, &q, 1, 100));
	/* Whatever one user has heard, and nobody else; then all. */
	tree_absent(tree, &q, 1, 100);
	tree_absent(tree, &other, 1, 100);
	tree_absent(tree, &q, 2, 100);
	tree_present_of(tree, 1);
	assert_false(tree_is_absent(tree, &q, 1, 100) || tree_is_absent(tree, &other, 1, 100));
	assert_true(tree_is_absent(tree, &q, 2, 100));
	tree_present_all(tree);
	assert_false(tree_is_absent(tree, &q, 2, 100));
}

static void test_scratch_node_holds_its_file(void **state)
{
	(void)state;
	struct scratch *s;
	struct scratch_file *f;
	struct scratch_where where = {1000, CLASS_IN, TYPE_A};
	struct node *node;
	assert_int_equal(scratch_create(900, &s), 0);
	assert_int_equal(scratch_make(s, &where, "t", 1, &f), 0);
	assert_int_equal(tree_scratch(tree, f, &node), 0);
	struct node *again;
	assert_int_equal(tree_scratch(tree, f, &again), 0);
	assert_ptr_equal(node, again);
	assert_int_equal(node->ino, f->ino);
	tree_look(tree, node, 0);
	scratch_unlink(f);
	assert_ptr_equal(node->scratch, f);
	/* It is there, though without a name or a handle nothing can be in it. */
	assert_int_equal(scratch_files(s), 0);
	assert_int_equal(scratch_write(f, "still", 5, 0), -ENOENT);
	tree_forget(tree, node, 1);
	assert_int_equal(scratch_files(s), 0);
	scratch_destroy(s);
}

/* More than 2^32 of them, in the life of a mount that writes through editors: each number is used
 * once, and no kind's numbers run into another's. */
static void test_numbers_do_not_come_again(void **state)
{
	(void)state;
	struct scratch *s;
	const struct scratch_where where = {1000, CLASS_IN, TYPE_A};
	uint64_t last = 0, record_ino = record("a.example", TYPE_A)->ino;
	assert_int_equal(scratch_create(900, &s), 0);
	for (int i = 0; i < 1000; i++) {
		struct scratch_file *f;
		struct node *node;
		assert_int_equal(scratch_make(s, &where, "t", 1, &f), 0);
		assert_int_equal(tree_scratch(tree, f, &node), 0);
		assert_true(node->ino > last && node->ino > UINT32_MAX);
		last = node->ino;
		tree_look(tree, node, 0);
		scratch_unlink(f);
		tree_forget(tree, node, 1);
		assert_null(tree_find(tree, last));
	}
	assert_true(tree_ino_type(65535, 65535) < tree_ino_class(0));
	assert_true(tree_ino_class(65535) < last && last < (1ull << 62));
	assert_true(record_ino >= 1ull << 62);
	scratch_destroy(s);
}

/* A record keeps its number through FORGET, rm and a new record of its name. */
static void test_record_keeps_its_number(void **state)
{
	(void)state;
	struct node *node = record("b.example", TYPE_A);
	uint64_t ino = node->ino;
	for (int i = 0; i < 100; i++) {
		char other[32];
		snprintf(other, sizeof(other), "o%d.example", i);
		assert_true(record(other, TYPE_A)->ino != ino);
		node = record("b.example", TYPE_A);
		assert_int_equal(node->ino, ino);
		tree_look(tree, node, 0);
		tree_forget(tree, node, 1);
		assert_null(tree_find(tree, ino));
	}
}

static void test_panel(void **state)
{
	(void)state;
	struct question q = question("www.example.com", TYPE_A);
	struct node *of[2], *top, *class, *type, *again, *twin = record("www.example.com", TYPE_A);
	const enum control_file files[2] = {CONTROL_EXPLAIN, CONTROL_CLAIMS};
	for (int i = 0; i < 2; i++) {
		assert_int_equal(tree_panel_file(tree, files[i], &q, 0, &of[i]), 0);
		assert_int_equal(of[i]->kind, NODE_PANEL_FILE);
		assert_int_equal(of[i]->control, files[i]);
		assert_ptr_not_equal(of[i], twin);
		struct question back;
		node_question(of[i], &back);
		assert_true(question_equal(&q, &back));
	}
	assert_ptr_not_equal(of[0], of[1]);
	assert_int_equal(tree_panel_file(tree, CONTROL_EXPLAIN, &q, 0, &again), 0);
	assert_ptr_equal(again, of[0]);
	assert_int_equal(tree_panel_dir(tree, CONTROL_CLAIMS, (uint16_t[2]){0, 0}, 0, &top), 0);
	assert_int_equal(tree_panel_dir(tree, CONTROL_CLAIMS, (uint16_t[2]){1, 0}, 0, &class), 0);
	assert_int_equal(tree_panel_dir(tree, CONTROL_CLAIMS, (uint16_t[2]){1, 28}, 0, &type), 0);
	assert_true(top != class && class != type);
	assert_int_equal(tree_panel_dir(tree, CONTROL_EXPLAIN, (uint16_t[2]){1, 28}, 0, &again), 0);
	assert_ptr_not_equal(again, type);
	assert_int_equal(type->ino, tree_ino_panel_dir(CONTROL_CLAIMS, 1, 28));
}

/* The kernel uses a directory for an hour without a LOOKUP. */
static void test_panel_directory_comes_back(void **state)
{
	(void)state;
	uint64_t ino = tree_ino_panel_dir(CONTROL_EXPLAIN, CLASS_IN, TYPE_AAAA);
	assert_null(tree_find(tree, ino));
	struct node *node = tree_remake(tree, ino, 0);
	assert_non_null(node);
	assert_int_equal(node->kind, NODE_PANEL_DIR);
	assert_int_equal(node->control, CONTROL_EXPLAIN);
	assert_int_equal(node->class, CLASS_IN);
	assert_int_equal(node->type, TYPE_AAAA);
	assert_null(tree_remake(tree, tree_ino_panel_dir(CONTROL_FILES, CLASS_IN, TYPE_A), 0));
}

int main(void)
{
#define CASE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
	const struct CMUnitTest tests[] = {
		CASE(test_fixed),
		CASE(test_same_name_same_number),
		CASE(test_question_comes_back),
		CASE(test_forget_counts),
		CASE(test_open_node_stays),
		CASE(test_directories),
		CASE(test_held_directory_is_made_again),
		CASE(test_many_names),
		CASE(test_full_tree_drops_the_oldest),
		CASE(test_full_of_open_files),
		CASE(test_absent),
		CASE(test_scratch_node_holds_its_file),
		CASE(test_numbers_do_not_come_again),
		CASE(test_record_keeps_its_number),
		CASE(test_panel),
		CASE(test_panel_directory_comes_back),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
