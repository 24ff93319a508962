/* The user's own records in memory: a hash table, and chains of those who wrote them. */
#include "resolver/own_table.h"

#include <errno.h>
#include <stdlib.h>

#define BUCKETS_MIN_BITS 6
#define BUCKETS_MIN (1u << BUCKETS_MIN_BITS)

static struct own_node **bucket_of(const struct own_table *t, uint64_t hash)
{
	return &t->buckets[hash >> t->shift];
}

static void link_node(struct own_table *t, struct own_node *n)
{
	const struct question *q = &n->record.question;
	struct own_node **at = bucket_of(t, n->hash);
	n->next = *at;
	*at = n;
	sieve_note(&t->sieve, n->hash >> t->shift, sieve_bit(q->class, q->type));
}

static int grow(struct own_table *t)
{
	struct own_table old = *t;
	size_t len = t->buckets_len ? t->buckets_len * 2 : BUCKETS_MIN;
	struct own_node **buckets = calloc(len, sizeof(*buckets));
	struct sieve sieve;
	if (!buckets || sieve_init(&sieve, len) < 0) {
		free(buckets);
		return -ENOMEM;
	}
	t->buckets = buckets;
	t->buckets_len = len;
	t->shift = old.buckets_len ? old.shift - 1 : 64 - BUCKETS_MIN_BITS;
	t->sieve = sieve;
	for (size_t i = 0; i < old.buckets_len; i++)
		for (struct own_node *n = old.buckets[i], *next; n; n = next) {
			next = n->next;
			link_node(t, n);
		}
	free(old.buckets);
	sieve_finish(&old.sieve);
	return 0;
}

int own_table_init(struct own_table *t, uint64_t seed)
{
	*t = (struct own_table){.seed = seed};
	return grow(t);
}

void own_table_finish(struct own_table *t)
{
	for (size_t i = 0; i < t->buckets_len; i++)
		for (struct own_node *n = t->buckets[i], *next; n; n = next) {
			next = n->next;
			own_node_destroy(n);
		}
	free(t->buckets);
	sieve_finish(&t->sieve);
}

int own_table_new(
	struct own_table *t, uid_t uid, const struct question *q, struct own_node **ret_node)
{
	if (t->records >= t->buckets_len && grow(t) < 0)
		return -ENOMEM;
	struct own_node *n = calloc(1, sizeof(*n));
	if (!n)
		return -ENOMEM;
	n->hash = question_hash(q, t->seed);
	n->record.uid = uid;
	n->record.question = *q;
	*ret_node = n;
	return 0;
}

void own_table_insert(struct own_table *t, struct own_node *n)
{
	struct own_node **at = &t->users[n->record.uid % OWN_USER_CHAINS];
	link_node(t, n);
	n->user_next = *at;
	n->user_prev = at;
	if (n->user_next)
		n->user_next->user_prev = &n->user_next;
	*at = n;
	t->records++;
}

void own_table_remove(struct own_table *t, struct own_node *n)
{
	struct own_node **at = bucket_of(t, n->hash);
	while (*at != n)
		at = &(*at)->next;
	*at = n->next;
	*n->user_prev = n->user_next;
	if (n->user_next)
		n->user_next->user_prev = n->user_prev;
	t->records--;
	own_node_destroy(n);
}

void own_node_destroy(struct own_node *n)
{
	if (n)
		rrset_destroy(n->record.set);
	free(n);
}

struct own_node *own_table_bucket(
	const struct own_table *t, const struct question *q, uint64_t *ret_hash)
{
	*ret_hash = 0;
	if (!t->records) /* of most machines: that costs each question nothing */
		return NULL;
	*ret_hash = question_hash(q, t->seed);
	return *bucket_of(t, *ret_hash);
}

struct own_node *own_table_find(const struct own_table *t, uid_t uid, const struct question *q)
{
	uint64_t hash;
	for (struct own_node *n = own_table_bucket(t, q, &hash); n; n = n->next)
		if (n->hash == hash && n->record.uid == uid &&
			question_equal(&n->record.question, q))
			return n;
	return NULL;
}
