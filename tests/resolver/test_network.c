/* What one node publishes the others answer: names, zones, slots, pins, and what goes wrong. */
#undef NDEBUG
#include "tests/resolver/network_fixture.h"

static void test_plain_name(void **state)
{
	(void)state;
	connect_all(POLICY_GUARDED);
	assert_int_equal(ask(&nodes[2], 1000, "printer.alt").error, -ENOENT);
	assert_int_equal(put(&nodes[0], 1000, "printer.alt", 7), 0);
	struct heard h = ask(&nodes[0], 1000, "printer.alt");
	assert_int_equal(h.last, 7);
	assert_int_equal(h.trust, TRUST_SELF); /* at once, network or not */
	until_published(&nodes[0], 1000, "printer.alt");
	h = ask(&nodes[1], 1000, "printer.alt");
	assert_int_equal(h.error, 0);
	assert_int_equal(h.last, 7);
	assert_int_equal(h.trust, TRUST_TOFU);
	assert_int_equal(ask(&nodes[1], VIEW_DOOR, "printer.alt").last, 7);
	stop(&nodes[0]); /* the writer is gone: the others have it */
	struct question q = question_of("printer.alt");
	resolver_changed(nodes[1].resolver, &q);
	assert_int_equal(ask(&nodes[1], VIEW_DOOR, "printer.alt").last, 7);
}

static void test_key_name(void **state)
{
	(void)state;
	uint8_t key[NAME_KEY_LEN];
	char name[80] = "www.", other[80] = "www.";
	connect_all(POLICY_GUARDED);
	assert_int_equal(publish_key(nodes[0].publisher, 1000, key), 0);
	key_to_text(key, name + 4);
	assert_int_equal(publish_key(nodes[0].publisher, 1001, key), 0);
	key_to_text(key, other + 4);
	assert_int_equal(put(&nodes[0], 1000, other, 1), -EACCES);
	assert_int_equal(put(&nodes[0], 1000, name, 8), 0);
	assert_int_equal(ask(&nodes[0], 1001, name).last, 8); /* whoever asks: only one could write it */
	until_published(&nodes[0], 1000, name);
	struct heard h = ask(&nodes[2], VIEW_DOOR, name);
	assert_int_equal(h.last, 8);
	assert_int_equal(h.trust, TRUST_KEY);
	/* A second name of the key is the same zone; the first one stays. */
	char second[80] = "mail.";
	strcpy(second + 5, name + 4);
	assert_int_equal(put(&nodes[0], 1000, second, 9), 0);
	until_published(&nodes[0], 1000, second);
	assert_int_equal(ask(&nodes[1], VIEW_DOOR, second).last, 9);
	assert_int_equal(ask(&nodes[1], VIEW_DOOR, name).last, 8);
}

static void test_withdraw(void **state)
{
	(void)state;
	struct question q = question_of("gone.alt");
	connect_all(POLICY_GUARDED);
	assert_int_equal(publish_remove(nodes[0].publisher, 1000, &q), -ENOENT);
	assert_int_equal(put(&nodes[0], 1000, "gone.alt", 7), 0);
	until_published(&nodes[0], 1000, "gone.alt");
	assert_int_equal(ask(&nodes[1], VIEW_DOOR, "gone.alt").last, 7);
	assert_int_equal(publish_remove(nodes[0].publisher, 1000, &q), 0);
	/* Here it is gone at once, though the network still has it. */
	assert_int_equal(ask(&nodes[0], 1000, "gone.alt").error, -ENOENT);
	until_published(&nodes[0], 1000, "gone.alt");
	assert_int_equal(ask(&nodes[2], VIEW_DOOR, "gone.alt").error, -ENOENT);
	resolver_changed(nodes[1].resolver, &q); /* as if a minute had passed */
	assert_int_equal(ask(&nodes[1], VIEW_DOOR, "gone.alt").error, -ENOENT);
}

static void test_first_signer(void **state)
{
	(void)state;
	struct question q = question_of("fought.alt");
	connect_all(POLICY_GUARDED);
	assert_int_equal(put(&nodes[0], 1000, "fought.alt", 1), 0);
	until_published(&nodes[0], 1000, "fought.alt");
	assert_int_equal(ask(&nodes[2], VIEW_DOOR, "fought.alt").last, 1);
	assert_int_equal(put(&nodes[1], 1000, "fought.alt", 66), 0);
	until_published(&nodes[1], 1000, "fought.alt");
	resolver_changed(nodes[2].resolver, &q);
	assert_int_equal(ask(&nodes[2], VIEW_DOOR, "fought.alt").last, 1);
	/* Who withdraws leaves the name to nobody: another signer is not believed in his place. */
	assert_int_equal(publish_remove(nodes[0].publisher, 1000, &q), 0);
	until_published(&nodes[0], 1000, "fought.alt");
	resolver_changed(nodes[2].resolver, &q);
	assert_int_equal(ask(&nodes[2], VIEW_DOOR, "fought.alt").error, -ENOENT);
}

/* Own records: the writer's first to the writer only; the daemon owner's for all. */
static void test_views(void **state)
{
	(void)state;
	struct question q = question_of("view.alt");
	start(&nodes[0], POLICY_STRICT); /* claims of keys do not answer: own records only */
	assert_int_equal(put(&nodes[0], 1000, "view.alt", 1), 0);
	assert_int_equal(ask(&nodes[0], 1000, "view.alt").last, 1);
	assert_int_equal(ask(&nodes[0], 1001, "view.alt").error, -ENOENT);
	assert_int_equal(ask(&nodes[0], VIEW_DOOR, "view.alt").error, -ENOENT);
	assert_int_equal(put(&nodes[0], 12345, "view.alt", 2), 0);
	assert_int_equal(ask(&nodes[0], 1000, "view.alt").last, 1);
	assert_int_equal(ask(&nodes[0], 1001, "view.alt").last, 2);
	assert_int_equal(ask(&nodes[0], VIEW_DOOR, "view.alt").last, 2);
	assert_non_null(resolver_peek(nodes[0].resolver, &q, VIEW_DOOR));
	assert_true(resolver_published_here(nodes[0].resolver, &q));
}

struct listed {
	const char *name;
	unsigned times;
};

static bool want_addresses(void *ctx, const struct question *q)
{
	(void)ctx;
	return q->type == TYPE_A;
}

static void show_name(void *ctx, const struct resolver_entry *e)
{
	struct listed *l = ctx;
	char text[NAME_TEXT_MAX];
	name_to_text(&e->question.name, text);
	l->times += strcmp(text, l->name) == 0;
}

static bool lists(struct node *n, uid_t view, const char *name)
{
	struct listed l = {.name = name};
	struct resolver_walk walk = {
		.view = view, .wants = want_addresses, .show = show_name, .ctx = &l};
	while (resolver_list(n->resolver, &walk))
		;
	assert_true(l.times <= 1);
	return l.times;
}

/* A pin answers from the key's zone: to who has it; root's and the owner's to all, and after a
 * restart. */
static void test_pins(void **state)
{
	(void)state;
	char good[NAME_KEY_TEXT + 1], other[NAME_KEY_TEXT + 1];
	struct question q = question_of("www.pinned.alt");
	connect_all(POLICY_GUARDED);
	key_of(&nodes[0], 1000, good);
	key_of(&nodes[0], 1001, other);
	assert_int_equal(put(&nodes[0], 1000, "www.pinned.alt", 7), 0); /* and N.KEY with it */
	until_published(&nodes[0], 1000, "www.pinned.alt");
	assert_int_equal(put(&nodes[0], 1001, "www.pinned.alt", 66), 0);
	until_published(&nodes[0], 1001, "www.pinned.alt");
	struct node *n = &nodes[1];
	assert_int_equal(pin(n, 1000, "%s pinned.alt strict\n%s as alice\n", good), 0);
	assert_int_equal(pin(n, 1001, "%s .\n", other), 0);
	struct heard h = ask(n, 1000, "www.pinned.alt");
	assert_int_equal(h.last, 7);
	assert_int_equal(h.trust, TRUST_PIN);
	assert_int_equal(resolver_peek(n->resolver, &q, 1000)->trust, TRUST_PIN);
	assert_true(lists(n, 1000, "www.pinned.alt"));
	h = ask(n, 1001, "www.pinned.alt"); /* a pin for everything is for him alone */
	assert_int_equal(h.last, 66);
	assert_int_equal(h.trust, TRUST_PIN);
	assert_int_equal(ask(n, 1002, "www.pinned.alt").trust, TRUST_TOFU);
	assert_int_equal(ask(n, VIEW_DOOR, "www.pinned.alt").trust, TRUST_TOFU);
	assert_int_equal(ask(n, 1000, "www.pinned.alt").last, 7); /* nothing of theirs is in his way */
	assert_true(resolver_published_here(n->resolver, &q));
	/* The zone lacks it: strict is the end, otherwise the next rule. */
	assert_int_equal(put(&nodes[0], 12345, "new.pinned.alt", 9), 0);
	until_published(&nodes[0], 12345, "new.pinned.alt");
	assert_int_equal(ask(n, 1000, "new.pinned.alt").error, -ENOENT);
	assert_int_equal(ask(n, 1001, "new.pinned.alt").last, 9);
	assert_int_equal(ask(n, 1001, "new.pinned.alt").trust, TRUST_TOFU);
	/* A nickname is the key: what has been published under it, wherever that is. */
	char name[80] = "mail.";
	strcpy(name + 5, good);
	assert_int_equal(put(&nodes[0], 1000, name, 8), 0);
	until_published(&nodes[0], 1000, name);
	h = ask(n, 1000, "mail.alice.alt");
	assert_int_equal(h.last, 8);
	assert_int_equal(h.trust, TRUST_PIN);
	assert_int_equal(ask(n, 1002, "mail.alice.alt").error, -ENOENT);
	assert_true(lists(n, 1000, "mail.alice.alt"));
	assert_false(lists(n, 1002, "mail.alice.alt"));
	/* On the writer's own machine it needs no network. */
	assert_int_equal(pin(&nodes[0], 1003, "%s as alice\n", good), 0);
	struct question mail = question_of("mail.alice.alt");
	assert_int_equal(resolver_peek(nodes[0].resolver, &mail, 1003)->trust, TRUST_PIN);
	assert_false(resolver_peek(nodes[0].resolver, &mail, 1003)->has_owner);
	/* The owner's pins hold for all, behind one's own. */
	assert_int_equal(pin(n, 12345, "%s www.pinned.alt\n", good), 0);
	assert_int_equal(ask(n, 1002, "www.pinned.alt").last, 7);
	assert_int_equal(ask(n, VIEW_DOOR, "www.pinned.alt").trust, TRUST_PIN);
	assert_int_equal(ask(n, 1001, "www.pinned.alt").last, 66);
	stop(n);
	start(n, POLICY_GUARDED);
	join(n, &nodes[0]);
	while (known(n) < 2)
		event_base_loop(base, EVLOOP_ONCE);
	assert_int_equal(ask(n, 1002, "www.pinned.alt").last, 7);
	assert_int_equal(ask(n, 1001, "www.pinned.alt").last, 66);
	assert_int_equal(ask(n, 1000, "new.pinned.alt").error, -ENOENT);
	/* What was decided under a pin goes with it. */
	assert_int_equal(ask(n, 1002, "www.pinned.alt").trust, TRUST_PIN);
	assert_int_equal(resolver_set_pins(n->resolver, 12345, NULL), 0);
	assert_int_equal(ask(n, 1002, "www.pinned.alt").trust, TRUST_TOFU);
	assert_int_equal(resolver_set_pins(n->resolver, 1001, NULL), 0);
	assert_int_equal(resolver_peek(n->resolver, &q, 1002)->trust, TRUST_TOFU);
	assert_int_equal(ask(n, 1001, "www.pinned.alt").trust, TRUST_TOFU);
	assert_int_equal(ask(n, 1000, "www.pinned.alt").trust, TRUST_PIN);
	/* An own record is before every pin. */
	assert_int_equal(put(n, 1000, "www.pinned.alt", 5), 0);
	assert_int_equal(ask(n, 1000, "www.pinned.alt").trust, TRUST_SELF);
}

/* Pins that change while a question waits: the question keeps those that it was begun with. */
static void test_pins_change_meanwhile(void **state)
{
	(void)state;
	char good[NAME_KEY_TEXT + 1];
	struct question q = question_of("www.pinned.alt");
	connect_all(POLICY_GUARDED);
	key_of(&nodes[0], 1000, good);
	assert_int_equal(put(&nodes[0], 1000, "www.pinned.alt", 7), 0);
	until_published(&nodes[0], 1000, "www.pinned.alt");
	struct node *n = &nodes[1];
	struct heard first = {0}, second = {0};
	assert_int_equal(pin(n, 1000, "%s pinned.alt strict\n", good), 0);
	assert_non_null(resolver_ask(n->resolver, &q, 1000, on_answer, &first));
	assert_int_equal(resolver_set_pins(n->resolver, 1000, NULL), 0);
	assert_non_null(resolver_ask(n->resolver, &q, 1000, on_answer, &second));
	while (!first.done || !second.done)
		event_base_loop(base, EVLOOP_ONCE);
	assert_int_equal(first.trust, TRUST_PIN);
	assert_int_equal(second.trust, TRUST_TOFU);
}

/* A set whose claim is over 600 bytes lies in pieces; so does one that grew to that, and it
 * shrinks again. */
static void test_large(void **state)
{
	(void)state;
	struct question q = question_of("large.alt");
	static const unsigned sizes[] = {1, 50, 1, 55};
	connect_all(POLICY_GUARDED);
	for (size_t round = 0; round < sizeof(sizes) / sizeof(*sizes); round++) {
		struct rrset *set = rrset_create(&q, 300);
		for (unsigned i = 0; i < sizes[round]; i++)
			assert_int_equal(rrset_add(set, (const uint8_t[]){192, 0, (uint8_t)i, (uint8_t)round}, 4), 0);
		assert_int_equal(publish_set(nodes[0].publisher, 1000, set), 0);
		rrset_destroy(set);
		publish_push(nodes[0].publisher, 1000, &q);
		until_published(&nodes[0], 1000, "large.alt");
		for (int i = 1; i < NODES; i++) {
			resolver_changed(nodes[i].resolver, &q);
			struct heard h = ask(&nodes[i], VIEW_DOOR, "large.alt");
			assert_int_equal(h.error, 0);
			assert_int_equal(h.count, sizes[round]);
			assert_int_equal(h.last, round);
		}
	}
	struct rrset *set = rrset_create(&q, 300);
	for (unsigned i = 0; i < 60; i++)
		assert_int_equal(rrset_add(set, (const uint8_t[]){192, 0, (uint8_t)i, 1}, 4), 0);
	assert_int_equal(publish_set(nodes[0].publisher, 1000, set), -EFBIG); /* over 996 bytes */
	rrset_destroy(set);
	assert_int_equal(publish_standing(nodes[0].publisher, 1000, &q)->count, 55);
}

static int put_many(const char *name, unsigned count)
{
	struct question q = question_of(name);
	struct rrset *set = rrset_create(&q, 2 * CLAIM_TTL_MAX); /* said for a day */
	for (unsigned i = 0; i < count; i++)
		assert_int_equal(rrset_add(set, (const uint8_t[]){192, (uint8_t)(i >> 8), (uint8_t)i, 1}, 4), 0);
	int r = publish_set(nodes[0].publisher, 1000, set);
	rrset_destroy(set);
	return r;
}

/* A plain name that is too long to stand in a zone: what no claim holds is refused when it is
 * written, and the largest that one does goes out. */
static void test_largest(void **state)
{
	(void)state;
	char name[228];
	memset(name, 'a', sizeof(name));
	for (unsigned at = 60; at < 200; at += 61)
		name[at] = '.';
	snprintf(name + sizeof(name) - 5, 5, ".alt");
	struct question q = question_of(name);
	connect_all(POLICY_GUARDED);
	assert_int_equal(put_many(name, 1000), -EFBIG);
	assert_null(publish_standing(nodes[0].publisher, 1000, &q));
	unsigned count = 400;
	while (put_many(name, count + 1) == 0)
		count++;
	/* Each beside a reference to the name, 16 bytes; name and signature once. */
	assert_in_range(count * 16, CLAIM_BYTES_MAX - 600, CLAIM_BYTES_MAX);
	assert_int_equal(put_many(name, count + 1), -EFBIG);
	publish_push(nodes[0].publisher, 1000, &q);
	until_published(&nodes[0], 1000, name);
	assert_int_equal(ask(&nodes[1], VIEW_DOOR, name).count, count);
	assert_int_equal(publish_remove(nodes[0].publisher, 1000, &q), 0);
	publish_push(nodes[0].publisher, 1000, &q);
	until_published(&nodes[0], 1000, name);
	resolver_changed(nodes[1].resolver, &q);
	assert_int_equal(ask(&nodes[1], VIEW_DOOR, name).error, -ENOENT);
}

static struct dht_counters counters(struct node *n)
{
	struct dht_counters c;
	dht_counters(dht_udp_node(n->udp), &c);
	return c;
}

static struct publish_counters published(struct node *n)
{
	struct publish_counters c;
	publish_counters(n->publisher, &c);
	return c;
}

/* What was put is looked after: untouched while it stands, put again byte for byte where a node
 * has forgotten it. */
static void test_kept_alive(void **state)
{
	(void)state;
	looks = 30000;
	connect_all(POLICY_GUARDED);
	assert_int_equal(put(&nodes[0], 1000, "again.alt", 7), 0);
	until_published(&nodes[0], 1000, "again.alt");
	while (counters(&nodes[0]).refreshes < 6)
		event_base_loop(base, EVLOOP_ONCE);
	assert_int_equal(counters(&nodes[0]).published, 2);
	assert_int_equal(counters(&nodes[0]).refresh_puts, 0);
	forget(&nodes[2]);
	start(&nodes[2], POLICY_GUARDED);
	join(&nodes[2], &nodes[0]);
	while (counters(&nodes[0]).refresh_puts < 2)
		event_base_loop(base, EVLOOP_ONCE);
	looks = 0;
	assert_int_equal(published(&nodes[0]).zones_put, 1); /* nothing was signed again */
	assert_int_equal(published(&nodes[0]).slots_put, 1);
	stop(&nodes[0]);
	stop(&nodes[1]);
	assert_int_equal(ask(&nodes[2], VIEW_DOOR, "again.alt").last, 7);
}

static void on_stored(void *ctx, const struct dht_result *result)
{
	*(struct dht_result *)ctx = *result;
}

/* Somebody who knows the name, and so the key of its slot, puts something there. */
static struct dht_result put_into_slot(struct node *n, const char *name, int64_t seq)
{
	struct question q = question_of(name);
	struct dht_item item = {.is_mutable = true, .salt_len = QUESTION_KEY_LEN, .seq = seq};
	struct dht_result result = {.error = 1};
	struct dht_lookup *lookup;
	uint8_t seed[32];
	question_key(&q, item.salt);
	slot_seed(item.salt, seed);
	assert_int_equal(dht_item_set_string(&item, "anything", 8), 0);
	assert_int_equal(dht_item_sign(&item, seed), 0);
	assert_int_equal(
		dht_put(dht_udp_node(n->udp), &item, 0, on_stored, &result, &lookup), 0);
	while (result.error == 1)
		event_base_loop(base, EVLOOP_ONCE);
	return result;
}

/* A seq from the future would shut out all others until then: no node keeps it in a slot. */
static void test_slot_from_the_future(void **state)
{
	(void)state;
	const int64_t minute = 60 * INT64_C(1000000);
	connect_all(POLICY_GUARDED);
	struct dht_result r = put_into_slot(&nodes[0], "early.alt", clock_wall() + 11 * minute);
	assert_int_equal(r.refused_seq, NODES); /* ours among them */
	assert_int_equal(r.stored, 0);
	assert_false(r.stored_here);
	for (int i = 0; i < NODES; i++)
		assert_int_equal(counters(&nodes[i]).store_items, 0);
	r = put_into_slot(&nodes[0], "early.alt", clock_wall() + 9 * minute);
	assert_int_equal(r.stored, NODES - 1);
	assert_true(r.stored_here);
	for (int i = 0; i < NODES; i++)
		assert_int_equal(counters(&nodes[i]).store_items, 1);
}

/* Once a day it is all signed anew. */
static void test_resign(void **state)
{
	(void)state;
	resign = 30000;
	connect_all(POLICY_GUARDED);
	resign = 0;
	assert_int_equal(put(&nodes[0], 1000, "anew.alt", 7), 0);
	while (published(&nodes[0]).slots_put < 3 || published(&nodes[0]).zones_put < 3)
		event_base_loop(base, EVLOOP_ONCE);
	assert_int_equal(ask(&nodes[2], VIEW_DOOR, "anew.alt").last, 7);
}

/* What a put of node 0 is told, and a get finds, while `crowded`: the linker has the calls of dht/
 * go through here. */
static bool crowded, hidden;
static unsigned gets_ended, read_backs;
static dht_put_fn *told;

static void tell_crowded(void *ctx, const struct dht_result *result)
{
	struct dht_result r = *result;
	r.crowded |= crowded;
	told(ctx, &r);
}

int __real_dht_put(struct dht *dht, const struct dht_item *item, unsigned flags, dht_put_fn *fn,
	void *ctx, struct dht_lookup **ret_lookup);
int __wrap_dht_put(struct dht *dht, const struct dht_item *item, unsigned flags, dht_put_fn *fn,
	void *ctx, struct dht_lookup **ret_lookup);
int __wrap_dht_put(struct dht *dht, const struct dht_item *item, unsigned flags, dht_put_fn *fn,
	void *ctx, struct dht_lookup **ret_lookup)
{
	if (!crowded)
		return __real_dht_put(dht, item, flags, fn, ctx, ret_lookup);
	assert_true(!told || told == fn);
	told = fn;
	return __real_dht_put(dht, item, flags, tell_crowded, ctx, ret_lookup);
}

static dht_get_fn *shown;

static void show_end(void *ctx, const struct dht_item *item, const struct dht_endpoint *from,
	const struct dht_result *result)
{
	gets_ended += result != NULL;
	if (!hidden)
		shown(ctx, item, from, result);
	else if (result) {
		struct dht_result r = *result;
		r.held = 0;
		shown(ctx, NULL, NULL, &r);
	}
}

int __real_dht_get_mutable(struct dht *dht, const uint8_t key[DHT_KEY_LEN], const uint8_t *salt,
	size_t salt_len, dht_get_fn *fn, void *ctx, struct dht_lookup **ret_lookup);
int __wrap_dht_get_mutable(struct dht *dht, const uint8_t key[DHT_KEY_LEN], const uint8_t *salt,
	size_t salt_len, dht_get_fn *fn, void *ctx, struct dht_lookup **ret_lookup);
int __wrap_dht_get_mutable(struct dht *dht, const uint8_t key[DHT_KEY_LEN], const uint8_t *salt,
	size_t salt_len, dht_get_fn *fn, void *ctx, struct dht_lookup **ret_lookup)
{
	if (!crowded)
		return __real_dht_get_mutable(dht, key, salt, salt_len, fn, ctx, ret_lookup);
	/* One job at a time: its read, then its reading back. */
	shown = fn;
	return __real_dht_get_mutable(dht, key, salt, salt_len, show_end, ctx, ret_lookup);
}

int __real_dht_read_back(struct dht *dht, const struct dht_item *item, dht_get_fn *fn, void *ctx,
	struct dht_lookup **ret_lookup);
int __wrap_dht_read_back(struct dht *dht, const struct dht_item *item, dht_get_fn *fn, void *ctx,
	struct dht_lookup **ret_lookup);
int __wrap_dht_read_back(struct dht *dht, const struct dht_item *item, dht_get_fn *fn, void *ctx,
	struct dht_lookup **ret_lookup)
{
	if (!crowded)
		return __real_dht_read_back(dht, item, fn, ctx, ret_lookup);
	read_backs++;
	shown = fn;
	return __real_dht_read_back(dht, item, show_end, ctx, ret_lookup);
}

/* Where ids were made up a put counts when it was read back, from nodes that count. */
static void test_read_back(void **state)
{
	(void)state;
	connect_all(POLICY_GUARDED);
	uint8_t key[NAME_KEY_LEN];
	char name[80] = "www.";
	assert_int_equal(publish_key(nodes[0].publisher, 1000, key), 0);
	key_to_text(key, name + 4);
	struct question q = question_of(name);
	crowded = hidden = true;
	assert_int_equal(put(&nodes[0], 1000, name, 7), 0);
	while (published(&nodes[0]).failures < 1)
		event_base_loop(base, EVLOOP_ONCE);
	assert_int_equal(gets_ended, 2);
	assert_int_equal(read_backs, 1);
	assert_false(own_find(nodes[0].own, 1000, &q)->published);
	hidden = false;
	until_published(&nodes[0], 1000, name);
	assert_int_equal(read_backs, 2);
	crowded = false;
	assert_int_equal(ask(&nodes[2], VIEW_DOOR, name).last, 7);
}

/* After a restart it is looked for first; what the network has as it should be is not put again. */
static void test_restart(void **state)
{
	(void)state;
	connect_all(POLICY_GUARDED);
	assert_int_equal(put(&nodes[0], 1000, "stays.alt", 7), 0);
	until_published(&nodes[0], 1000, "stays.alt");
	stop(&nodes[0]);
	start(&nodes[0], POLICY_GUARDED);
	assert_int_equal(published(&nodes[0]).turns, 2);
	join(&nodes[0], &nodes[1]);
	while (counters(&nodes[0]).published < 2)
		event_base_loop(base, EVLOOP_ONCE);
	assert_int_equal(counters(&nodes[0]).puts, 0);
	assert_int_equal(counters(&nodes[0]).gets, 2);
	struct publisher *p = nodes[0].publisher;
	assert_int_equal(p->turns.len, 0);
	while (event_pending(&p->turn_timer, EV_TIMEOUT, NULL)) /* which is not added once more */
		event_base_loop(base, EVLOOP_ONCE);
	/* All others have forgotten: it is put again. */
	for (int i = 0; i < NODES; i++)
		forget(&nodes[i]);
	connect_all(POLICY_GUARDED);
	while (published(&nodes[0]).zones_put < 1 || published(&nodes[0]).slots_put < 1)
		event_base_loop(base, EVLOOP_ONCE);
	assert_int_equal(ask(&nodes[2], VIEW_DOOR, "stays.alt").last, 7);
}

/* The key of a slot is public: a stranger signs another value with our seq, for a node that has
 * forgotten ours. It is found out, and outdone. */
static void test_contested(void **state)
{
	(void)state;
	struct question q = question_of("contested.alt");
	uint8_t seed[DHT_SEED_LEN], salt[QUESTION_KEY_LEN], key[DHT_KEY_LEN];
	struct dht_endpoint stranger;
	struct dht_item item;
	struct dht_id target;
	looks = 30000;
	connect_all(POLICY_GUARDED);
	looks = 0;
	assert_int_equal(put(&nodes[0], 1000, "contested.alt", 7), 0);
	until_published(&nodes[0], 1000, "contested.alt");
	question_key(&q, salt);
	slot_seed(salt, seed);
	assert_int_equal(dht_key_of_seed(seed, key), 0);
	dht_mutable_target(key, salt, sizeof(salt), &target);
	assert_int_equal(dht_store_find(nodes[1].store, &target, NULL, clock_wall(), &item), 0);
	forget(&nodes[2]);
	start(&nodes[2], POLICY_GUARDED);
	assert_int_equal(dht_item_set_string(&item, (const uint8_t *)"a lie", 5), 0);
	assert_int_equal(dht_item_sign(&item, seed), 0);
	assert_int_equal(dht_endpoint_from_text("127.0.0.9:9", &stranger), 0);
	assert_int_equal(dht_store_keep(nodes[2].store, &target, &item, &stranger, clock_wall()), 0);
	join(&nodes[2], &nodes[0]);
	while (published(&nodes[0]).slots_put < 2)
		event_base_loop(base, EVLOOP_ONCE);
	int64_t seq = item.seq;
	assert_int_equal(dht_store_find(nodes[2].store, &target, NULL, clock_wall(), &item), 0);
	assert_true(item.seq > seq);
	assert_int_equal(ask(&nodes[2], VIEW_DOOR, "contested.alt").last, 7);
}

/* A job has its turn while an edit of the same zone waits for the second to pass: it runs once. */
static void test_turn_and_edit(void **state)
{
	(void)state;
	start(&nodes[1], POLICY_GUARDED);
	start(&nodes[0], POLICY_GUARDED);
	struct publisher *p = nodes[0].publisher;
	struct question q = question_of("twice.alt");
	assert_int_equal(put(&nodes[0], 1000, "twice.alt", 1), 0);
	struct job *job = TAILQ_FIRST(&p->jobs);
	assert_true(event_pending(&job->timer, EV_TIMEOUT, NULL));
	join(&nodes[0], &nodes[1]); /* who does not answer before the loop runs */
	job_in_turn(job);
	job_take_turns(p);
	assert_int_equal(job->state, JOB_READING);
	assert_int_equal(p->running, 1);
	assert_false(event_pending(&job->timer, EV_TIMEOUT, NULL));
	struct dht_lookup *lookup = job->lookup;
	event_get_callback(&job->timer)(-1, EV_TIMEOUT, job); /* the loop found it due before */
	assert_ptr_equal(job->lookup, lookup);
	assert_int_equal(p->running, 1);
	while (own_find(nodes[0].own, 1000, &q)->published == 0)
		event_base_loop(base, EVLOOP_ONCE);
	while (p->running)
		event_base_loop(base, EVLOOP_ONCE);
}

/* Two daemons that publish the same name do not go on outbidding each other: what the last wrote
 * holds both claims, so the other keeps that alive. */
static void test_shared_slot(void **state)
{
	(void)state;
	looks = 30000;
	connect_all(POLICY_GUARDED);
	looks = 0;
	assert_int_equal(put(&nodes[0], 1000, "shared.alt", 1), 0);
	until_published(&nodes[0], 1000, "shared.alt");
	assert_int_equal(put(&nodes[1], 1000, "shared.alt", 2), 0);
	until_published(&nodes[1], 1000, "shared.alt");
	uint64_t gets = counters(&nodes[0]).gets, refreshes;
	while (counters(&nodes[0]).gets == gets) /* its look has shown something newer */
		event_base_loop(base, EVLOOP_ONCE);
	refreshes = counters(&nodes[0]).refreshes;
	while (counters(&nodes[0]).refreshes < refreshes + 6)
		event_base_loop(base, EVLOOP_ONCE);
	assert_int_equal(counters(&nodes[0]).published, 2);
	assert_int_equal(published(&nodes[0]).slots_put, 1);
	assert_int_equal(published(&nodes[1]).slots_put, 1);
	assert_int_equal(counters(&nodes[0]).gets, gets + 1);
}

/* Two writers at the same moment: one is told, reads again, and both stand in the end. */
static void test_conflict(void **state)
{
	(void)state;
	char name[32];
	connect_all(POLICY_OPEN);
	for (unsigned i = 0; published(&nodes[0]).conflicts + published(&nodes[1]).conflicts == 0; i++) {
		snprintf(name, sizeof(name), "both%u.alt", i);
		assert_int_equal(put(&nodes[0], 1000, name, 1), 0);
		assert_int_equal(put(&nodes[1], 1000, name, 2), 0);
		until_published(&nodes[0], 1000, name);
		until_published(&nodes[1], 1000, name);
	}
	assert_true(published(&nodes[0]).conflicts + published(&nodes[1]).conflicts >= 1);
	struct question q = question_of(name);
	assert_int_equal(own_find(nodes[0].own, 1000, &q)->replicas, 2);
	assert_int_equal(own_find(nodes[1].own, 1000, &q)->replicas, 2);
}

/* What can never be published is refused when it is written. */
static void test_refused(void **state)
{
	(void)state;
	struct question rrsig = question_of("a.alt"), chaos = rrsig;
	start(&nodes[0], POLICY_GUARDED);
	assert_int_equal(put(&nodes[0], 1000, "\\042.alt", 1), -EINVAL);
	rrsig.type = TYPE_RRSIG;
	chaos.class = CLASS_CH;
	assert_int_equal(publish_may(nodes[0].publisher, 1000, &rrsig), -EPERM);
	assert_int_equal(publish_may(nodes[0].publisher, 1000, &chaos), -EPERM);
}

/* The network shows an older zone than the one that was put: what was withdrawn stays so. */
static void test_old_zone(void **state)
{
	(void)state;
	uint8_t key[NAME_KEY_LEN];
	char gone[80] = "gone.", kept[80] = "kept.", next[80] = "next.";
	connect_all(POLICY_GUARDED);
	assert_int_equal(publish_key(nodes[0].publisher, 1000, key), 0);
	key_to_text(key, gone + 5);
	key_to_text(key, kept + 5);
	key_to_text(key, next + 5);
	assert_int_equal(put(&nodes[0], 1000, gone, 1), 0);
	assert_int_equal(put(&nodes[0], 1000, kept, 2), 0);
	until_published(&nodes[0], 1000, gone);
	until_published(&nodes[0], 1000, kept);
	stop(&nodes[2]); /* it keeps the old packet */
	struct question q = question_of(gone);
	assert_int_equal(publish_remove(nodes[0].publisher, 1000, &q), 0);
	until_published(&nodes[0], 1000, gone);
	forget(&nodes[1]); /* it had the new one */
	forget(&nodes[0]);
	connect_all(POLICY_GUARDED);
	assert_int_equal(put(&nodes[0], 1000, next, 3), 0);
	until_published(&nodes[0], 1000, next);
	for (int i = 1; i < NODES; i++) {
		assert_int_equal(ask(&nodes[i], VIEW_DOOR, next).last, 3);
		assert_int_equal(ask(&nodes[i], VIEW_DOOR, kept).last, 2);
		assert_int_equal(ask(&nodes[i], VIEW_DOOR, gone).error, -ENOENT);
	}
}

static void count(void *ctx, const struct answer *a)
{
	(void)a;
	++*(unsigned *)ctx;
}

/* Equal questions share their look-ups: of the slot, and of that of an alias. */
static void test_joined(void **state)
{
	(void)state;
	struct question q = question_of("joined.alt");
	struct dht_counters before, after;
	unsigned answers = 0;
	connect_all(POLICY_GUARDED);
	dht_counters(dht_udp_node(nodes[2].udp), &before);
	for (int i = 0; i < 50; i++)
		assert_non_null(resolver_ask(nodes[2].resolver, &q, 1000, count, &answers));
	struct ask *cancelled = resolver_ask(nodes[2].resolver, &q, 1000, count, &answers);
	resolver_cancel(cancelled);
	while (answers < 50)
		event_base_loop(base, EVLOOP_ONCE);
	dht_counters(dht_udp_node(nodes[2].udp), &after);
	assert_int_equal(after.gets - before.gets, 2);
	assert_int_equal(answers, 50);
}

static void test_open(void **state)
{
	(void)state;
	connect_all(POLICY_OPEN);
	/* A copy of what DNS said, unsigned, answers others ... */
	struct question q = question_of("copied.example");
	struct rrset *set = rrset_create(&q, 300);
	assert_int_equal(rrset_add(set, (const uint8_t[]){192, 0, 2, 55}, 4), 0);
	publish_copy(nodes[0].publisher, set);
	rrset_destroy(set);
	struct publish_counters c;
	do {
		event_base_loop(base, EVLOOP_ONCE);
		publish_counters(nodes[0].publisher, &c);
	} while (c.slots_put == 0);
	struct heard h = ask(&nodes[2], VIEW_DOOR, "copied.example");
	assert_int_equal(h.last, 55);
	assert_int_equal(h.trust, TRUST_OPEN);
	/* ... until somebody claims the name: anyone may, which is why open is for closed networks. */
	assert_int_equal(put(&nodes[1], 1000, "copied.example", 66), 0);
	until_published(&nodes[1], 1000, "copied.example");
	resolver_changed(nodes[2].resolver, &q);
	assert_int_equal(ask(&nodes[2], VIEW_DOOR, "copied.example").last, 66);
}

/* A copy that is stored leaves nothing behind here; not more are under way than may be. */
static void test_copies(void **state)
{
	(void)state;
	connect_all(POLICY_OPEN);
	struct publisher *p = nodes[0].publisher;
	for (unsigned i = 0; i < 200; i++)
		copy(&nodes[0], i);
	assert_int_equal(p->jobs_len, 64);
	while (published(&nodes[0]).slots_put < 64 || p->jobs_len)
		event_base_loop(base, EVLOOP_ONCE);
	assert_int_equal(p->copiers, 0);
	copy(&nodes[0], 200);
	assert_int_equal(p->jobs_len, 1);
	while (p->jobs_len)
		event_base_loop(base, EVLOOP_ONCE);
	/* One that stays, as a record of the user's, counts no more. */
	copy(&nodes[0], 201);
	assert_int_equal(put(&nodes[0], 1000, "copied201.example", 1), 0);
	until_published(&nodes[0], 1000, "copied201.example");
	while (p->running)
		event_base_loop(base, EVLOOP_ONCE);
	assert_int_equal(p->copiers, 0);
	assert_int_equal(p->jobs_len, 2);
}

/* Jobs whose time has come and for whom there is no place stand in line, and do nothing. */
static void test_places(void **state)
{
	(void)state;
	enum { RECORDS = 60 };
	char name[32];
	size_t line = 0;
	connect_all(POLICY_GUARDED);
	struct publisher *p = nodes[0].publisher;
	for (unsigned i = 0; i < RECORDS; i++) {
		snprintf(name, sizeof(name), "place%u.alt", i);
		assert_int_equal(put(&nodes[0], 1000, name, 1), 0);
	}
	while (published(&nodes[0]).queued) {
		struct job *job;
		event_base_loop(base, EVLOOP_ONCE);
		assert_true(p->running <= JOB_RUNNING_MAX);
		line = p->hurried.len > line ? p->hurried.len : line;
		TAILQ_FOREACH (job, &p->hurried.jobs, turn)
			assert_false(event_pending(&job->timer, EV_TIMEOUT, NULL));
	}
	assert_true(line >= 20);
	assert_int_equal(p->hurried.len, 0);
	assert_int_equal(p->turns.len, 0);
}

/* However many there are, one is found among a few. */
static void test_many_jobs(void **state)
{
	(void)state;
	enum { JOBS = 3000 };
	static struct job *jobs[JOBS];
	char name[32];
	start(&nodes[0], POLICY_GUARDED);
	struct publisher *p = nodes[0].publisher;
	for (unsigned round = 0; round < 2; round++)
		for (unsigned i = 0; i < JOBS; i++) {
			snprintf(name, sizeof(name), "many%u.alt", i);
			struct question q = question_of(name);
			struct job *job = i % 10 ? job_slot(p, &q) : job_zone(p, i);
			assert_true(job && (round == 0 || job == jobs[i]));
			jobs[i] = job;
		}
	assert_int_equal(p->jobs_len, JOBS);
	for (size_t i = 0; i < p->buckets_len; i++) {
		unsigned chain = 0;
		for (struct job *job = p->buckets[i]; job; job = job->chain)
			chain++;
		assert_true(chain < 20);
	}
	for (unsigned i = 0; i < JOBS; i += 2)
		job_destroy(jobs[i]);
	struct question q = question_of("many1.alt");
	assert_ptr_equal(job_slot(p, &q), jobs[1]);
	assert_int_equal(p->jobs_len, JOBS / 2);
}

/* While the machine sleeps the loop's timers stand still, and the world goes on: what became due
 * meanwhile is done then, by the publisher and by the DHT node. */
static void test_slept(void **state)
{
	(void)state;
	resign = 3600 * SECOND;
	connect_all(POLICY_GUARDED);
	resign = 0;
	assert_int_equal(put(&nodes[0], 1000, "slept.alt", 7), 0);
	until_published(&nodes[0], 1000, "slept.alt");
	while (nodes[0].publisher->running)
		event_base_loop(base, EVLOOP_ONCE);
	slept += 3 * 3600 * LEAP_SECOND;
	passed += 10 * LEAP_SECOND; /* after waking up */
	while (published(&nodes[0]).zones_put < 2 || published(&nodes[0]).slots_put < 2 ||
		counters(&nodes[0]).refreshes < 1)
		event_base_loop(base, EVLOOP_ONCE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_plain_name, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_key_name, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_withdraw, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_first_signer, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_views, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_pins, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_pins_change_meanwhile, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_large, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_largest, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_slot_from_the_future, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_kept_alive, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_resign, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_read_back, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_restart, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_contested, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_turn_and_edit, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_shared_slot, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_conflict, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_refused, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_old_zone, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_joined, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_open, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_copies, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_places, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_many_jobs, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_slept, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
