/* Which zones are kept alive, for whom, and whose turn it is. */
#include <errno.h>
#include <event2/event.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "dht/dht.h"
#include "resolver/clock.h"
#include "resolver/hash.h"
#include "resolver/keep_inside.h"
#include "resolver/own.h"
#include "resolver/share.h"
#include "resolver/text.h"

#define TURN (SECOND / 5) /* between looks whether somebody's turn has come */
#define PAUSE (60 * SECOND)

/* ---- users ---- */

bool keeper_is_trusted(const struct keeper *k, uid_t uid)
{
	return uid == 0 || uid == k->config.owner;
}

static struct keep_user *user_of(const struct keeper *k, uid_t uid)
{
	for (size_t i = 0; i < k->users_len; i++)
		if (k->users[i].uid == uid)
			return &k->users[i];
	return NULL;
}

const struct keep_list *keeper_of(const struct keeper *k, uid_t uid)
{
	const struct keep_user *user = user_of(k, uid);
	return user ? user->list : NULL;
}

/* Who has fewer than before is never refused. */
static int may_have(const struct keeper *k, uid_t uid, size_t len)
{
	size_t held = keep_list_len(keeper_of(k, uid)), others = 0;
	if (len <= held || keeper_is_trusted(k, uid))
		return 0;
	for (size_t i = 0; i < k->users_len; i++)
		if (!keeper_is_trusted(k, k->users[i].uid) && k->users[i].uid != uid)
			others += k->users[i].list->len;
	size_t most = share_limit(KEEP_KEYS_MAX, uid, k->config.owner, held);
	return len > KEEP_USER_KEYS || others + len > most ? -EDQUOT : 0;
}

static int make_room(struct keeper *k, uid_t uid)
{
	if (user_of(k, uid) || k->users_len < k->users_cap)
		return 0;
	size_t cap = k->users_cap ? k->users_cap * 2 : 4;
	struct keep_user *users = reallocarray(k->users, cap, sizeof(*users));
	if (!users)
		return -ENOMEM;
	k->users = users;
	k->users_cap = cap;
	return 0;
}

/* There is room. */
static void replace(struct keeper *k, uid_t uid, const struct keep_list *list)
{
	struct keep_user *user = user_of(k, uid);
	struct keep_list *held = keep_list_len(list) ? keep_list_ref(list) : NULL;
	if (!user && held) {
		k->users[k->users_len++] = (struct keep_user){uid, held};
		return;
	}
	if (!user)
		return;
	keep_list_unref(user->list);
	user->list = held;
	if (!held)
		*user = k->users[--k->users_len];
}

/* ---- zones ---- */

/* Users choose the keys: who could foresee the bucket would fill one. */
static struct keep_zone **bucket_of(struct keeper *k, const uint8_t key[NAME_KEY_LEN])
{
	return &k->buckets[hash_bytes(key, NAME_KEY_LEN, k->seed) % KEEP_BUCKETS];
}

struct keep_zone *keeper_zone(const struct keeper *k, const uint8_t key[NAME_KEY_LEN])
{
	struct keep_zone *zone = k->buckets[hash_bytes(key, NAME_KEY_LEN, k->seed) % KEEP_BUCKETS];
	while (zone && memcmp(zone->key, key, NAME_KEY_LEN) != 0)
		zone = zone->chain;
	return zone;
}

static bool is_wanted(const struct keeper *k, const uint8_t key[NAME_KEY_LEN])
{
	for (size_t i = 0; i < k->users_len; i++)
		if (keep_list_has(k->users[i].list, key))
			return true;
	return false;
}

/* What the zones of a list hold, but for this one. */
static size_t pages_of(
	const struct keeper *k, const struct keep_list *list, const struct keep_zone *but)
{
	const struct keep_zone *zone;
	size_t sum = 0;
	TAILQ_FOREACH(zone, &k->zones, link)
	if (zone != but && zone->pages_len && (!list || keep_list_has(list, zone->key)))
		sum += zone->pages_len;
	return sum;
}

static size_t room_of(const struct keeper *k, const struct keep_user *user,
	const struct keep_zone *zone, size_t all)
{
	bool trusted = keeper_is_trusted(k, user->uid);
	size_t own = trusted ? 0 : pages_of(k, user->list, zone);
	size_t most = share_limit(KEEP_PAGES_MAX, user->uid, k->config.owner, own);
	size_t room = most > all ? most - all : 0, left = KEEP_USER_PAGES - own;
	if (trusted)
		return room;
	return own >= KEEP_USER_PAGES ? 0 : left < room ? left : room;
}

/* It is for whichever of those who want it has the most room left. */
unsigned keeper_room(const struct keeper *k, const struct keep_zone *zone)
{
	size_t all = pages_of(k, NULL, zone), most = 0;
	for (size_t i = 0; i < k->users_len; i++) {
		if (!keep_list_has(k->users[i].list, zone->key))
			continue;
		size_t room = room_of(k, &k->users[i], zone, all);
		most = room > most ? room : most;
	}
	return most < PAGES_MAX ? (unsigned)most : PAGES_MAX;
}

static struct keep_zone *make_zone(struct keeper *k, const uint8_t key[NAME_KEY_LEN])
{
	struct keep_zone *zone, **bucket = bucket_of(k, key);
	if (keep_zone_create(k, key, &zone) < 0)
		return NULL;
	TAILQ_INSERT_TAIL(&k->zones, zone, link);
	k->zones_len++;
	zone->chain = *bucket;
	*bucket = zone;
	return zone;
}

/* Without memory a key is not kept until its list is written anew, or kadns started. */
static void add_zones(struct keeper *k, const struct keep_list *list)
{
	for (size_t i = 0; i < keep_list_len(list); i++) {
		struct keep_zone *zone = keeper_zone(k, list->keys[i]);
		if (!zone)
			zone = make_zone(k, list->keys[i]);
		if (zone)
			zone->wanted++;
	}
}

static void drop_zone(struct keep_zone *zone)
{
	struct keeper *k = zone->keeper;
	struct keep_zone **at = bucket_of(k, zone->key);
	while (*at != zone)
		at = &(*at)->chain;
	*at = zone->chain;
	TAILQ_REMOVE(&k->zones, zone, link);
	k->zones_len--;
	if (zone->in_line)
		TAILQ_REMOVE(&k->line, zone, turn);
	if (zone->reading)
		keeper_left(k);
	keep_zone_destroy(zone);
}

/* What no list names any more goes; a copy that a crash leaves on disk goes at the next start. That
 * nobody else wants it is looked at again, for a list may have been read when there was no memory.
 */
static void leave_zones(struct keeper *k, const struct keep_list *list)
{
	for (size_t i = 0; i < keep_list_len(list); i++) {
		struct keep_zone *zone = keeper_zone(k, list->keys[i]);
		if (!zone || (zone->wanted && --zone->wanted) || is_wanted(k, zone->key))
			continue;
		own_forget_copies(k->config.own, zone->key);
		drop_zone(zone);
	}
}

int keeper_set(struct keeper *k, uid_t uid, const struct keep_list *list)
{
	struct text t = {0};
	int r = may_have(k, uid, keep_list_len(list));
	if (r == 0)
		r = make_room(k, uid);
	if (r < 0)
		return r;
	keep_list_write(list, &t);
	r = t.failed ? -ENOMEM : own_set_keep(k->config.own, uid, t.bytes, t.len);
	text_destroy(&t);
	if (r < 0)
		return r;
	const struct keep_list *held = keeper_of(k, uid);
	struct keep_list *before = held ? keep_list_ref(held) : NULL;
	replace(k, uid, list);
	add_zones(k, list);
	leave_zones(k, before);
	keep_list_unref(before);
	return 0;
}

/* ---- turns ---- */

static bool has_network(const struct keeper *k)
{
	struct dht_counters c;
	dht_counters(k->config.dht, &c);
	return c.nodes || k->config.relays;
}

static void wait_for_turns(struct keeper *k)
{
	static const struct timeval t = {.tv_usec = TURN};
	if (!TAILQ_EMPTY(&k->line) && !event_pending(&k->turn, EV_TIMEOUT, NULL))
		event_add(&k->turn, &t);
}

static void take_turns(struct keeper *k)
{
	struct keep_zone *zone;
	while (k->running < KEEP_RUNNING_MAX && (zone = TAILQ_FIRST(&k->line)) &&
		dht_republish_may(k->config.dht)) {
		TAILQ_REMOVE(&k->line, zone, turn);
		zone->in_line = false;
		k->running++;
		zone->reading = true;
		keep_zone_run(zone);
	}
}

static void on_turn(evutil_socket_t fd, short what, void *ctx)
{
	struct keeper *k = ctx;
	(void)fd;
	(void)what;
	if (has_network(k))
		take_turns(k);
	wait_for_turns(k);
}

void keeper_left(struct keeper *k)
{
	k->running--;
}

void keeper_in_turn(struct keep_zone *zone)
{
	if (zone->in_line)
		return;
	zone->in_line = true;
	TAILQ_INSERT_TAIL(&zone->keeper->line, zone, turn);
	wait_for_turns(zone->keeper);
}

/* ---- life ---- */

static int load_list(void *ctx, uid_t uid, const char *text, size_t len)
{
	struct keeper *k = ctx;
	struct keep_input in = {.text = text, .len = len};
	struct pins_mistake mistake;
	struct keep_list *list;
	int r = keep_list_read(&in, &mistake, &list);
	if (r < 0)
		return r == -ENOMEM ? r : -EBADMSG;
	r = make_room(k, uid);
	if (r == 0)
		replace(k, uid, list);
	keep_list_unref(list);
	return r;
}

struct unwanted {
	const struct keeper *keeper;
	bool found;
	uint8_t key[NAME_KEY_LEN];
};

static void find_unwanted(void *ctx, const uint8_t key[NAME_KEY_LEN])
{
	struct unwanted *u = ctx;
	if (u->found || is_wanted(u->keeper, key))
		return;
	u->found = true;
	memcpy(u->key, key, NAME_KEY_LEN);
}

static void drop_unwanted_copies(struct keeper *k)
{
	struct unwanted u;
	do {
		u = (struct unwanted){.keeper = k};
		own_each_copied(k->config.own, find_unwanted, &u);
	} while (u.found && own_forget_copies(k->config.own, u.key) == 0);
}

static void add_all(struct keeper *k)
{
	for (size_t i = 0; i < k->users_len; i++)
		add_zones(k, k->users[i].list);
}

static void unload(struct keeper *k)
{
	struct keep_zone *zone;
	while ((zone = TAILQ_FIRST(&k->zones)))
		drop_zone(zone);
	for (size_t i = 0; i < k->users_len; i++)
		keep_list_unref(k->users[i].list);
	free(k->users);
	k->users = NULL;
	k->users_len = k->users_cap = 0;
}

int keeper_create(const struct keeper_config *config, struct keeper **ret_keeper)
{
	struct keeper *k = calloc(1, sizeof(*k));
	if (!k)
		return -ENOMEM;
	k->config = *config;
	if (!k->config.pause)
		k->config.pause = PAUSE;
	TAILQ_INIT(&k->zones);
	TAILQ_INIT(&k->line);
	event_assign(&k->turn, config->base, -1, 0, on_turn, k);
	int r = getrandom(&k->seed, sizeof(k->seed), 0) == sizeof(k->seed) ? 0 : -EIO;
	if (r == 0)
		r = own_each_keep(config->own, load_list, k);
	if (r < 0) {
		keeper_destroy(k);
		return r;
	}
	add_all(k);
	drop_unwanted_copies(k);
	*ret_keeper = k;
	return 0;
}

void keeper_destroy(struct keeper *k)
{
	if (!k)
		return;
	unload(k);
	event_del(&k->turn);
	free(k);
}

/* Where they cannot be read all stays as it was. */
void keeper_reload(struct keeper *k)
{
	struct keeper fresh = {.config = k->config};
	TAILQ_INIT(&fresh.zones);
	int r = own_each_keep(k->config.own, load_list, &fresh);
	if (r < 0) {
		unload(&fresh);
		return;
	}
	unload(k);
	k->users = fresh.users;
	k->users_len = fresh.users_len;
	k->users_cap = fresh.users_cap;
	add_all(k);
}

void keeper_counters(const struct keeper *k, struct keep_counters *ret_counters)
{
	const struct keep_zone *zone;
	*ret_counters = k->counters;
	ret_counters->keys = k->zones_len;
	TAILQ_FOREACH(zone, &k->zones, link)
	{
		ret_counters->parts += (zone->head != NULL) + keep_zone_pages(zone);
		ret_counters->missing += !keep_zone_is_whole(zone);
	}
}
