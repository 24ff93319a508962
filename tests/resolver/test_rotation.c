/* resolver/rotation and publish_secret: a key names the one after it, its holder takes that in its
 * place, and who has pinned the old one goes on to the new one. */
#undef NDEBUG
#include "resolver/resolver_inside.h"
#include "tests/resolver/network_fixture.h"

static void next_is_read(void **state)
{
	(void)state;
	static const char key[] = "47pjoycnsrfmxikm95jh13y88e8qnhzu5kungjpxyepgt7a8krpy";
	static const char other[] = "yryyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyo";
	static const struct {
		const char *first, *second;
		bool found;
	} rows[] = {
		{"next=%s", NULL, true},
		{"next=%s", "v=1 pages=2 min=5", true},
		{"v=1 pages=2 min=5", "next=%s", true},
		{"next=%s since=2026", NULL, true},
		{"next=%s", "next=%s since=2026", true},
		{"next=%s", "next=!", false}, /* two keys */
		{"next=%s", "next=no", true},
		{"next=%sx", NULL, false},
		{"NEXT=%s", NULL, false},
		{" next=%s", NULL, false},
		{"next=", NULL, false},
		{"next=47pj", NULL, false},
		{"", NULL, false},
	};
	struct question q = {.type = TYPE_TXT, .class = CLASS_IN};
	uint8_t want[NAME_KEY_LEN], got[NAME_KEY_LEN];
	assert_int_equal(key_from_text(key, NAME_KEY_TEXT, want), 0);
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		const char *lines[] = {rows[i].first, rows[i].second};
		struct rrset *set = rrset_create(&q, 300);
		for (size_t n = 0; n < 2 && lines[n]; n++) {
			uint8_t rdata[256];
			int len = snprintf((char *)rdata + 1, 255, lines[n], key);
			if (strcmp(lines[n], "next=!") == 0)
				len = snprintf((char *)rdata + 1, 255, "next=%s", other);
			rdata[0] = (uint8_t)len;
			assert_int_equal(rrset_add(set, rdata, (size_t)len + 1), 0);
		}
		assert_int_equal(rotation_next(set, got), rows[i].found);
		if (rows[i].found)
			assert_memory_equal(got, want, sizeof(got));
		rrset_destroy(set);
	}
}

/* echo next=KEY > IN/TXT/_kadns.OLD */
static void name_next(struct node *n, uid_t uid, const uint8_t next[NAME_KEY_LEN])
{
	uint8_t key[NAME_KEY_LEN], rdata[64];
	struct question q;
	assert_int_equal(publish_key(n->publisher, uid, key), 0);
	pages_question(key, &q);
	struct rrset *set = rrset_create(&q, 300);
	memcpy(rdata + 1, "next=", 5);
	key_to_text(next, (char *)rdata + 6);
	rdata[0] = 5 + NAME_KEY_TEXT;
	assert_int_equal(rrset_add(set, rdata, rdata[0] + 1u), 0);
	assert_int_equal(publish_set(n->publisher, uid, set), 0);
	rrset_destroy(set);
	publish_push(n->publisher, uid, &q);
}

/* Users 1 to 6, each of whom names the next, and the last one the first. */
static void a_chain_ends(void **state)
{
	(void)state;
	uint8_t key[7][NAME_KEY_LEN], got[NAME_KEY_LEN];
	struct node *n = &nodes[0];
	start(n, POLICY_GUARDED);
	for (uid_t uid = 1; uid <= 6; uid++)
		assert_int_equal(publish_key(n->publisher, uid, key[uid]), 0);
	assert_int_equal(rotation_follow(n->resolver, key[1], got), 0);
	assert_memory_equal(got, key[1], sizeof(got));
	for (uid_t uid = 1; uid < 6; uid++)
		name_next(n, uid, key[uid + 1]);
	assert_int_equal(rotation_follow(n->resolver, key[5], got), 1);
	assert_memory_equal(got, key[6], sizeof(got));
	assert_int_equal(rotation_follow(n->resolver, key[2], got), 4);
	assert_memory_equal(got, key[6], sizeof(got));
	assert_int_equal(rotation_follow(n->resolver, key[1], got), ROTATION_MAX);
	assert_memory_equal(got, key[5], sizeof(got));
	/* Loops: of two, and of one. */
	name_next(n, 5, key[4]);
	assert_int_equal(rotation_follow(n->resolver, key[4], got), 1);
	assert_memory_equal(got, key[5], sizeof(got));
	assert_int_equal(rotation_follow(n->resolver, key[5], got), 1);
	assert_memory_equal(got, key[4], sizeof(got));
	assert_int_equal(rotation_follow(n->resolver, key[3], got), 2);
	assert_memory_equal(got, key[5], sizeof(got));
	name_next(n, 6, key[6]);
	assert_int_equal(rotation_follow(n->resolver, key[6], got), 0);
	assert_memory_equal(got, key[6], sizeof(got));
}

static void public_of(
	uint8_t byte, uint8_t ret_seed[SIGNER_SEED_LEN], uint8_t ret_key[NAME_KEY_LEN])
{
	memset(ret_seed, byte, SIGNER_SEED_LEN);
	assert_int_equal(dht_key_of_seed(ret_seed, ret_key), 0);
}

static const struct own_record *marker_of(
	struct node *n, uid_t uid, const uint8_t key[NAME_KEY_LEN])
{
	struct question q;
	pages_question(key, &q);
	return own_find(n->own, uid, &q);
}

struct met {
	const char *name;
	unsigned times;
};

static bool want_all(void *ctx, const struct question *q)
{
	(void)ctx;
	(void)q;
	return true;
}

static void meet(struct met *m, const struct question *q)
{
	struct question sought = question_of(m->name);
	m->times += q && q->type == sought.type && name_equal(&q->name, &sought.name);
}

static void on_listed(void *ctx, const struct resolver_entry *e)
{
	meet(ctx, &e->question);
}

static void on_told(void *ctx, const struct resolver_change *change)
{
	meet(ctx, change->question);
}

static unsigned listed(struct node *n, uid_t view, const char *name)
{
	struct met m = {.name = name};
	struct resolver_walk w = {.view = view, .wants = want_all, .show = on_listed, .ctx = &m};
	while (resolver_list(n->resolver, &w))
		continue;
	return m.times;
}

/* How often who watches `name` hears that the key's own name has changed. */
static unsigned told(struct node *n, const char *name, const uint8_t key[NAME_KEY_LEN])
{
	struct met m = {.name = name};
	char text[NAME_KEY_TEXT + 1], below[NAME_KEY_TEXT + 8];
	key_to_text(key, text);
	snprintf(below, sizeof(below), "www.%s", text);
	struct question q = question_of(below);
	resolver_watch(n->resolver, on_told, &m);
	sources_tell(n->resolver, &q);
	resolver_watch(n->resolver, NULL, NULL);
	return m.times;
}

/* The whole of it, as kadns-files.7 has it. */
static void pins_follow_a_key(void **state)
{
	(void)state;
	struct node *n = &nodes[0], *reader = &nodes[2];
	uint8_t before[NAME_KEY_LEN], next[NAME_KEY_LEN], seed[SIGNER_SEED_LEN];
	char old[NAME_KEY_TEXT + 1], below[NAME_KEY_TEXT + 8];
	connect_all(POLICY_GUARDED);
	key_of(n, 1000, old);
	assert_int_equal(key_from_text(old, NAME_KEY_TEXT, before), 0);
	public_of(7, seed, next);
	snprintf(below, sizeof(below), "under.%s", old);
	assert_int_equal(put(n, 1000, "www.pinned.alt", 7), 0);
	assert_int_equal(put(n, 1000, below, 9), 0);
	until_published(n, 1000, "www.pinned.alt");
	until_published(n, 1000, below);
	/* Somebody takes the key for that of the name, since it is the first. */
	struct heard h = ask(&nodes[1], 1000, "www.pinned.alt");
	assert_int_equal(h.last, 7);
	assert_int_equal(h.trust, TRUST_TOFU);
	assert_int_equal(publish_import(n->publisher, 1000, seed), -EBUSY); /* nobody would know */
	name_next(n, 1000, next);
	assert_int_equal(publish_import(n->publisher, 1000, seed), -EBUSY); /* nobody knows yet */
	while (!marker_of(n, 1000, before)->published)
		event_base_loop(base, EVLOOP_ONCE);
	public_of(8, seed, next);
	assert_int_equal(publish_import(n->publisher, 1000, seed), -EBUSY); /* another */
	public_of(7, seed, next);
	int r;
	while ((r = publish_import(n->publisher, 1000, seed)) == -EBUSY)
		event_base_loop(base, EVLOOP_ONCE); /* the job is about to end */
	assert_int_equal(r, 0);
	uint8_t key[NAME_KEY_LEN];
	assert_int_equal(publish_key(n->publisher, 1000, key), 0);
	assert_memory_equal(key, next, sizeof(key));
	assert_null(marker_of(n, 1000, before));
	struct question q = question_of(below);
	assert_null(own_find(n->own, 1000, &q));
	assert_int_equal(put(n, 1000, "www.pinned.alt", 8), 0);
	until_published(n, 1000, "www.pinned.alt");

	assert_int_equal(pin(reader, 1000, "%s pinned.alt strict\n%s as alice\n", old), 0);
	h = ask(reader, 1000, "www.pinned.alt");
	assert_int_equal(h.error, 0);
	assert_int_equal(h.last, 8);
	assert_int_equal(h.trust, TRUST_PIN);
	q = question_of("www.pinned.alt");
	assert_memory_equal(resolver_peek(reader->resolver, &q, 1000)->signer, next, sizeof(next));
	/* It is listed under the name by which it was pinned, and who polls that hears of it. */
	assert_int_equal(ask(reader, 1000, "www.alice.alt").error, -ENOENT);
	assert_int_equal(listed(reader, 1000, "www.pinned.alt"), 1);
	assert_int_equal(listed(reader, 1001, "www.pinned.alt"), 0);
	assert_int_equal(told(reader, "www.alice.alt", next), 1);
	assert_int_equal(told(reader, "www.alice.alt", before), 1);
	uint8_t others[NAME_KEY_LEN] = {9};
	assert_int_equal(told(reader, "www.alice.alt", others), 0);
	/* What stands under the old key is what that key has signed. */
	h = ask(reader, 1000, below);
	assert_int_equal(h.last, 9);
	assert_int_equal(h.trust, TRUST_KEY);
	assert_int_equal(ask(reader, 1000, "under.alice.alt").error, -ENOENT);
	/* So does who remembers the old key, after a restart too: another's claim counts for
	 * nothing. */
	assert_int_equal(put(reader, 1001, "www.pinned.alt", 66), 0);
	until_published(reader, 1001, "www.pinned.alt");
	stop(&nodes[1]);
	start(&nodes[1], POLICY_GUARDED);
	join(&nodes[1], n);
	join(&nodes[1], reader);
	while (known(&nodes[1]) < 2)
		event_base_loop(base, EVLOOP_ONCE);
	h = ask(&nodes[1], 1000, "www.pinned.alt");
	assert_int_equal(h.error, 0);
	assert_int_equal(h.last, 8);
	assert_int_equal(h.trust, TRUST_TOFU);
	q = question_of("www.pinned.alt");
	assert_memory_equal(resolver_peek(nodes[1].resolver, &q, 1000)->signer, next, sizeof(next));
	/* Once more is nothing. */
	assert_int_equal(publish_import(n->publisher, 1000, seed), 0);
	assert_non_null(publish_standing(n->publisher, 1000, &q));
}

/* Who has published nothing takes what he likes; what nobody was to hear of goes with him. */
static void a_seed_comes_and_goes(void **state)
{
	(void)state;
	struct node *n = &nodes[0];
	uint8_t seed[SIGNER_SEED_LEN], got[SIGNER_SEED_LEN], key[NAME_KEY_LEN], next[NAME_KEY_LEN];
	start(n, POLICY_GUARDED);
	public_of(3, seed, next);
	assert_int_equal(publish_import(n->publisher, 1000, seed), 0);
	assert_int_equal(publish_key(n->publisher, 1000, key), 0);
	assert_memory_equal(key, next, sizeof(key));
	assert_int_equal(publish_secret(n->publisher, 1000, got), 0);
	assert_memory_equal(got, seed, sizeof(seed));
	assert_int_equal(publish_secret(n->publisher, 1001, got), 0);
	assert_memory_not_equal(got, seed, sizeof(seed));
	/* A record that nobody else has ever heard of: its removal neither. */
	struct question q = question_of("lone.alt");
	assert_int_equal(put(n, 1000, "lone.alt", 1), 0);
	public_of(4, seed, next);
	assert_int_equal(publish_import(n->publisher, 1000, seed), -EBUSY);
	assert_int_equal(publish_remove(n->publisher, 1000, &q), 0);
	assert_non_null(own_find(n->own, 1000, &q));
	int r;
	while ((r = publish_import(n->publisher, 1000, seed)) == -EBUSY)
		event_base_loop(base, EVLOOP_ONCE);
	assert_int_equal(r, 0);
	assert_null(own_find(n->own, 1000, &q));
	assert_int_equal(publish_key(n->publisher, 1000, key), 0);
	assert_memory_equal(key, next, sizeof(key));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(next_is_read),
		cmocka_unit_test_setup_teardown(a_chain_ends, set_up, tear_down),
		cmocka_unit_test_setup_teardown(pins_follow_a_key, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_seed_comes_and_goes, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
