/* A user's seed leaves and comes: what becomes of what he has published under the key before. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "resolver/job.h"
#include "resolver/policy.h"
#include "resolver/publish.h"
#include "resolver/rotation.h"

int publish_secret(struct publisher *p, uid_t uid, uint8_t ret_seed[SIGNER_SEED_LEN])
{
	return signer_secret(p->signer, uid, ret_seed);
}

int publish_public(
	struct publisher *p, const uint8_t seed[SIGNER_SEED_LEN], uint8_t ret_key[NAME_KEY_LEN])
{
	return signer_public(p->signer, seed, ret_key);
}

struct import {
	struct publisher *publisher;
	uid_t uid;
	uint8_t before[NAME_KEY_LEN], next[NAME_KEY_LEN];
	bool same;
	bool others;		  /* other nodes that hear, or have heard, of it */
	struct question *records; /* all of the user's */
	size_t len, cap;
	int error;
};

/* Has the zone of this key named the new one to all who read it? */
static bool has_named(const struct import *i, const uint8_t key[NAME_KEY_LEN])
{
	const struct own_record *record;
	uint8_t next[NAME_KEY_LEN];
	struct question q;
	pages_question(key, &q);
	record = own_find(i->publisher->own, i->uid, &q);
	return record && record->set && rotation_next(record->set, next) &&
	       memcmp(next, i->next, sizeof(next)) == 0;
}

/* Does the network, if there is one, still lack what this record says? Under another key it would
 * not hear of it. */
static bool is_untold(const struct import *i, const struct own_record *record)
{
	const struct publisher *p = i->publisher;
	return !record->published && i->others &&
	       policy_tells_dht(p->config.policy, &record->question.name);
}

/* A record under the key before goes with it: the zone that has it stands, signed, and is not ours
 * to change any more. */
static bool goes(const struct import *i, const struct own_record *record)
{
	uint8_t key[NAME_KEY_LEN];
	if (!record->set && !i->same)
		return true; /* nobody waits to hear of it (is_untold) */
	return name_key(&record->question.name, key) && memcmp(key, i->next, sizeof(key)) != 0;
}

static void judge(void *ctx, const struct own_record *record)
{
	struct import *i = ctx;
	uint8_t key[NAME_KEY_LEN];
	if (!name_key(&record->question.name, key))
		memcpy(key, i->before, sizeof(key));
	bool moves = memcmp(key, i->next, sizeof(key)) != 0;
	if (moves && (is_untold(i, record) || (record->set && !has_named(i, key))))
		i->error = -EBUSY;
	if (i->len == i->cap) {
		size_t cap = i->cap ? i->cap * 2 : 16;
		struct question *grown = reallocarray(i->records, cap, sizeof(*grown));
		if (!grown) {
			i->error = -ENOMEM;
			return;
		}
		i->records = grown;
		i->cap = cap;
	}
	i->records[i->len++] = record->question;
}

static int carry(struct import *i, const struct question *q)
{
	struct own *own = i->publisher->own;
	const struct own_record *record = own_find(own, i->uid, q);
	int64_t now = clock_signing();
	int r = 0;
	if (!goes(i, record)) {
		if (i->same)
			return 0;
		struct rrset *set = rrset_copy(record->set);
		r = set ? own_set(own, i->uid, set, now) : -ENOMEM;
		rrset_destroy(set);
		return r;
	}
	if (record->set)
		r = own_withdraw(own, i->uid, q, now);
	record = own_find(own, i->uid, q);
	return r < 0 ? r : own_published(own, i->uid, q, record->written, now, 0);
}

/* What this node says itself: the records under its own names are said anew, by the new key. */
static int carry_all(struct import *i)
{
	struct publisher *p = i->publisher;
	own_begin(p->own);
	int r = 0;
	for (size_t n = 0; r == 0 && n < i->len; n++)
		r = carry(i, &i->records[n]);
	int end = own_end(p->own);
	for (size_t n = 0; n < i->len; n++)
		p->config.changed(p->config.changed_ctx, &i->records[n]);
	struct job *job = p->dht && i->len ? job_zone(p, i->uid) : NULL;
	if (job)
		job_schedule(job, 0);
	return r < 0 ? r : end;
}

int publish_import(struct publisher *p, uid_t uid, const uint8_t seed[SIGNER_SEED_LEN])
{
	struct import i = {.publisher = p, .uid = uid};
	struct job *job = job_find(p, JOB_ZONE, uid, NULL);
	struct dht_counters dht = {0};
	int r = signer_public(p->signer, seed, i.next);
	if (r == 0)
		r = signer_key(p->signer, uid, i.before);
	if (r < 0)
		return r;
	if (p->dht)
		dht_counters(p->dht, &dht);
	i.others = p->met || dht.nodes;
	own_each_by(p->own, uid, judge, &i);
	i.same = memcmp(i.before, i.next, sizeof(i.next)) == 0;
	r = i.error;
	if (r == 0 && !i.same && job && job->state != JOB_WAITING)
		r = -EBUSY; /* it is being signed and put at this moment */
	if (r == 0 && !i.same && job)
		job_destroy(job);
	if (r == 0)
		r = signer_import(p->signer, uid, seed);
	/* The same once more: of what a crash has left undone. */
	if (r == 0)
		r = carry_all(&i);
	free(i.records);
	receipts_look(p);
	return r;
}
