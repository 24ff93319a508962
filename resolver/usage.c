/* What each user has published here. */
#include "resolver/usage.h"

#include <errno.h>
#include <stdlib.h>

#include "resolver/share.h"

#define CHAINS 256 /* uids are given in rows, so their low bits spread them */

struct count {
	size_t standing, withdrawn, bytes;
};

struct user {
	uid_t uid;
	struct count count;
	struct user *next;
};

struct usage {
	unsigned quota;
	uid_t owner;
	struct count all;
	struct user *chains[CHAINS];
};

int usage_create(unsigned quota, uid_t owner, struct usage **ret_usage)
{
	struct usage *u = calloc(1, sizeof(*u));
	if (!u)
		return -ENOMEM;
	u->quota = quota;
	u->owner = owner;
	*ret_usage = u;
	return 0;
}

void usage_destroy(struct usage *u)
{
	if (!u)
		return;
	for (size_t i = 0; i < CHAINS; i++)
		for (struct user *user = u->chains[i], *next; user; user = next) {
			next = user->next;
			free(user);
		}
	free(u);
}

static struct user *find(const struct usage *u, uid_t uid)
{
	struct user *user = u->chains[uid % CHAINS];
	while (user && user->uid != uid)
		user = user->next;
	return user;
}

static size_t bytes_of(const struct rrset *set)
{
	return set ? set->question.name.len + set->data_len : 0;
}

/* Are `more`, after `used` by all and `his` by this user, within both bounds? */
static bool fits(const struct usage *u, uid_t uid, size_t limit, const size_t used[2], size_t more)
{
	size_t total = share_limit(limit * USAGE_USERS, uid, u->owner, used[1]);
	return used[1] + more <= limit && used[0] + more <= total;
}

int usage_check(
	const struct usage *u, uid_t uid, const struct rrset *before, const struct rrset *after)
{
	static const struct count none;
	const struct user *user = find(u, uid);
	const struct count *his = user ? &user->count : &none;
	size_t was = bytes_of(before), is = bytes_of(after);
	size_t bytes_max = (size_t)u->quota * USAGE_RECORD_BYTES + RRSET_BYTES_MAX;
	size_t tombstones_max = (size_t)u->quota * USAGE_TOMBSTONES;
	if (!before &&
		(!fits(u, uid, u->quota, (size_t[]){u->all.standing, his->standing}, 1) ||
			!fits(u, uid, tombstones_max,
				(size_t[]){u->all.withdrawn, his->withdrawn}, 1)))
		return -EDQUOT;
	if (is > was && !fits(u, uid, bytes_max, (size_t[]){u->all.bytes, his->bytes}, is - was))
		return -EDQUOT;
	return 0;
}

/* Users who have nothing any more make room for those who come. */
static void drop_idle(struct usage *u, unsigned chain)
{
	struct user **link = &u->chains[chain];
	while (*link) {
		struct user *user = *link;
		if (user->count.standing || user->count.withdrawn) {
			link = &user->next;
			continue;
		}
		*link = user->next;
		free(user);
	}
}

int usage_reserve(struct usage *u, uid_t uid)
{
	unsigned chain = uid % CHAINS;
	if (find(u, uid))
		return 0;
	drop_idle(u, chain);
	struct user *user = calloc(1, sizeof(*user));
	if (!user)
		return -ENOMEM;
	user->uid = uid;
	user->next = u->chains[chain];
	u->chains[chain] = user;
	return 0;
}

static void count(struct count *c, const struct rrset *set, size_t one)
{
	*(set ? &c->standing : &c->withdrawn) += one; /* 1, or its negative, which wraps */
	c->bytes += one * bytes_of(set);
}

void usage_add(struct usage *u, uid_t uid, const struct rrset *set)
{
	struct user *user = find(u, uid);
	if (!user)
		return; /* not reached: it is reserved */
	count(&user->count, set, 1);
	count(&u->all, set, 1);
}

void usage_remove(struct usage *u, uid_t uid, const struct rrset *set)
{
	struct user *user = find(u, uid);
	if (!user)
		return; /* not reached: it was added */
	count(&user->count, set, (size_t)-1);
	count(&u->all, set, (size_t)-1);
}
