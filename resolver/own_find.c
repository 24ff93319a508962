/* Own records as they are read: from memory, of a question, of a user, or all. */
#include "resolver/own_inside.h"

const struct own_record *own_find(const struct own *own, uid_t uid, const struct question *q)
{
	const struct own_node *n = own_table_find(&own->table, uid, q);
	return n ? &n->record : NULL;
}

const struct own_record *own_any(const struct own *own, const struct question *q)
{
	uint64_t hash;
	const struct own_record *found = NULL;
	const struct own_node *n = own_table_bucket(&own->table, q, &hash);
	for (; n; n = n->next)
		if (n->hash == hash && n->record.set && question_equal(&n->record.question, q) &&
			(!found || n->record.uid < found->uid))
			found = &n->record;
	return found;
}

const struct own_record *own_first(
	const struct own *own, const struct question *q, const uid_t *uids, size_t len)
{
	uint64_t hash;
	const struct own_record *found = NULL;
	const struct own_node *n = own_table_bucket(&own->table, q, &hash);
	for (; n && len > 0; n = n->next) {
		if (n->hash != hash || !n->record.set || !question_equal(&n->record.question, q))
			continue;
		for (size_t i = 0; i < len; i++)
			if (n->record.uid == uids[i]) {
				found = &n->record;
				len = i; /* only of those before him, from here on */
			}
	}
	return found;
}

void own_each(const struct own *own, own_each_fn *fn, void *ctx)
{
	for (size_t i = 0; i < own->table.buckets_len; i++)
		for (const struct own_node *n = own->table.buckets[i]; n; n = n->next)
			fn(ctx, &n->record);
}

/* Those of the buckets of a word, which is as it should be afterwards. */
static void visit(const struct own_table *t, const struct own_walk *w, size_t word)
{
	uint64_t bits = 0;
	for (size_t i = word * SIEVE_BUCKETS; i < (word + 1) * SIEVE_BUCKETS; i++)
		for (const struct own_node *n = t->buckets[i]; n; n = n->next) {
			bits |= sieve_bit(n->record.question.class, n->record.question.type);
			w->fn(w->ctx, &n->record);
		}
	t->sieve.words[word] = bits;
}

bool own_walk(const struct own *own, struct own_walk *w)
{
	const struct own_table *t = &own->table;
	size_t at = (w->place >> t->shift) / SIEVE_BUCKETS;
	size_t end = at + OWN_WALK_PASSED / SIEVE_BUCKETS;
	if (end > t->sieve.len)
		end = t->sieve.len;
	for (int i = 0; i < OWN_WALK_BUCKETS / SIEVE_BUCKETS; i++) {
		at = sieve_next(&t->sieve, at, end, w->bits);
		if (at == end)
			break;
		visit(t, w, at++);
	}
	if (at == t->sieve.len)
		return false;
	w->place = (uint64_t)(at * SIEVE_BUCKETS) << t->shift;
	return true;
}

void own_each_by(const struct own *own, uid_t uid, own_each_fn *fn, void *ctx)
{
	const struct own_node *n = own->table.users[uid % OWN_USER_CHAINS];
	for (; n; n = n->user_next)
		if (n->record.uid == uid)
			fn(ctx, &n->record);
}

void own_each_of(const struct own *own, const struct question *q, own_each_fn *fn, void *ctx)
{
	uint64_t hash;
	const struct own_node *n = own_table_bucket(&own->table, q, &hash);
	for (; n; n = n->next)
		if (n->hash == hash && question_equal(&n->record.question, q))
			fn(ctx, &n->record);
}

size_t own_records(const struct own *own)
{
	return own->table.records;
}
