/* Publishing: what a user writes here becomes known to the network, and stays so.
 *
 * A write is durable on this machine a moment after publish_set (own), and on its way to the
 * network a moment later: a name under the writer's key changes his zone; a plain name N goes as a
 * claim into N's slot and as N.<key> into his zone. Edits of one zone or slot are one job: read the
 * newest, merge, sign, put with cas, again when another writer was faster. It runs once a second at
 * most: whoever writes more often has the last of it said. The DHT node keeps alive what was put;
 * it is signed anew daily. After a restart what is published is looked for, and put again only
 * where it is missing or no longer what stands here. */
#ifndef RESOLVER_PUBLISH_H
#define RESOLVER_PUBLISH_H

#include "dht/dht.h"
#include "resolver/own.h"
#include "resolver/signer.h"

struct event_base;
struct publisher;

/* dht may be NULL (dht=off): records are answered here only. `changed` is told of every question
 * whose own record came, changed or went, so that caches forget what they hold. */
struct publish_config {
	const struct policy *policy; /* names that are never told to the DHT stay here */
	uint64_t resign;	     /* microseconds until a zone or slot is put anew; 0: a day */
	uint64_t pace; /* microseconds between two runs of one zone or slot; 0: a second */
	/* How what was put is kept alive; 0 in it: as the node does by itself. */
	struct dht_republish_limits republish;
	void (*changed)(void *ctx, const struct question *q);
	void *changed_ctx;
	/* Another daemon has the same key and says otherwise; NULL: not told. */
	void (*say)(void *ctx, const char *line);
	void *say_ctx;
	/* Where zones are put while the DHT cannot be reached; NULL: nowhere. */
	struct zone_relays *relays;
};
int publish_create(struct event_base *base, struct own *own, struct signer *signer, struct dht *dht,
	const struct publish_config *config, struct publisher **ret_publisher);
void publish_destroy(struct publisher *p);

/* The receipt for a record of this uid's: the network has it when as many nodes took it as are to
 * hold it, and, where there are two others, a look by another way has found it (resolver/job.h).
 * publish_receipt: 0, it has, or nobody else is to have it: the name stays here, or no other node
 * has ever answered. -ENOENT: there is no such record. -EINPROGRESS: r->fn will be called, from the
 * loop, with one of the two; the record goes out at once. r is the caller's, and must live until
 * then; the caller ends a wait that lasts too long, and bounds how many there are. */
#define PUBLISH_COPIES 8 /* nodes that are to hold it, where so many can be reached */
struct publish_receipt {
	TAILQ_ENTRY(publish_receipt) link;
	uid_t uid;
	struct question question;
	void (*fn)(struct publish_receipt *r, int error);
};
int publish_receipt(struct publisher *p, struct publish_receipt *r);
void publish_receipt_no_longer(struct publisher *p, struct publish_receipt *r);
/* Where a record stands. */
struct publish_state {
	unsigned replicas; /* nodes that took it; 0: none yet */
	int64_t published; /* seconds since 1970: when they did; 0: not yet */
	int64_t next;	   /* when it is put, looked at or signed anew next; 0: it waits for a
			    * network, or is told to nobody */
};
/* False: it is told to nobody. */
bool publish_stand(const struct publisher *p, const struct own_record *record,
	struct publish_state *ret_state);
/* -ENOENT. */
int publish_state(
	struct publisher *p, uid_t uid, const struct question *q, struct publish_state *ret_state);

/* May this uid write here? 0; -EACCES: the name is under another's key; -EPERM: class is not IN, or
 * RRSIG, NSEC, NSEC3 and such, which no user writes; -EINVAL: a wildcard outside a key. */
int publish_may(struct publisher *p, uid_t uid, const struct question *q);
/* Written when it returns 0, durable when publish_wait says. As publish_may, and -EFBIG (does not
 * fit a zone or a claim), -EDQUOT, -ENOSPC, -EIO. Goes to the network by publish_push, or a second
 * later by itself. */
int publish_set(struct publisher *p, uid_t uid, const struct rrset *set);
/* Withdraws the uid's record; -ENOENT when it has none. */
int publish_remove(struct publisher *p, uid_t uid, const struct question *q);
/* The same for what he has not written here, under his key: a version of his zone has it that another
 * daemon of it put. -EPERM: the name is not under his key, or class is not IN. */
int publish_remove_theirs(struct publisher *p, uid_t uid, const struct question *q);
/* Both at once: the record of `from` goes, and the set, of another question, comes; or neither,
 * also after a crash. */
int publish_move(
	struct publisher *p, uid_t uid, const struct question *from, const struct rrset *set);
/* To the network now (the writer closed the file). */
void publish_push(struct publisher *p, uid_t uid, const struct question *q);
/* own_commits, own_wait, own_wait_no_longer and own_settle of what is written here, pins too. */
uint64_t publish_commits(const struct publisher *p);
bool publish_wait(struct publisher *p, struct own_waiter *w);
void publish_wait_no_longer(struct publisher *p, struct own_waiter *w);
int publish_settle(struct publisher *p, uint64_t limit);
/* What this uid has published here, or NULL; valid until the next change. */
const struct rrset *publish_standing(struct publisher *p, uid_t uid, const struct question *q);
/* Has a local user withdrawn what this key (of his) said of q? The network may still repeat it. */
bool publish_withdrawn(
	struct publisher *p, const struct question *q, const uint8_t key[NAME_KEY_LEN]);
/* The uid's public key; made on first use. */
int publish_key(struct publisher *p, uid_t uid, uint8_t ret_key[NAME_KEY_LEN]);

/* publish_secret.c: the uid's seed, made on first use; see signer_secret. */
int publish_secret(struct publisher *p, uid_t uid, uint8_t ret_seed[SIGNER_SEED_LEN]);
int publish_public(
	struct publisher *p, const uint8_t seed[SIGNER_SEED_LEN], uint8_t ret_key[NAME_KEY_LEN]);
/* Makes this the uid's seed. Where he has records, his zone must have named the new key already
 * (rotation.h), to the network too: then those under the key before leave this machine, their zone
 * standing as it was signed last, and all others are signed anew. -EBUSY: it has not, or is being
 * put. Else as signer_import, and what own_set fails with: then the same once more goes on. */
int publish_import(struct publisher *p, uid_t uid, const uint8_t seed[SIGNER_SEED_LEN]);

/* For struct dht_ops: may `offered` replace `held` on this node? Slots follow slot_judge, all
 * other items BEP 44 alone. */
struct dht_item;
int publish_judge(void *self, const struct dht_item *held, const struct dht_item *offered);

/* trust=open: stores a set that DNS gave, unsigned, into its slot, unless a claim is there. */
void publish_copy(struct publisher *p, const struct rrset *set);

struct publish_counters {
	uint64_t zones_put, slots_put, pages_put, conflicts,
		failures; /* pages: of zones, see there */
	uint64_t yielded; /* records that another daemon of their key has changed or withdrawn */
	uint64_t prevailed; /* records that he had changed too, and ours was the later */
	uint64_t outrun; /* times that a zone was found to have gone on from a copy of this state */
	uint64_t signatures;	  /* made for them with users' keys */
	uint64_t signer_restarts; /* of the process that makes them */
	size_t turns;		  /* zones and slots that wait for the budget for republishing */
	size_t queued; /* records, withdrawn ones too, of which the network does not know yet */
};
void publish_counters(const struct publisher *p, struct publish_counters *ret_counters);

#endif
