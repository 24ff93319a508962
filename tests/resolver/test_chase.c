/* Aliases that lead from one source to another: followed for who asks, within bounds, and loops end. */
#undef NDEBUG
#include "tests/resolver/network_fixture.h"

#define KEYS 8 /* users of node 0, each with a zone */
static char keys[KEYS][NAME_KEY_TEXT + 1];

/* LABEL.KEY of a user; of -1: LABEL as it is. */
static struct name name_in(const char *label, int user)
{
	char text[128];
	struct name n;
	int len = user < 0 ? snprintf(text, sizeof(text), "%s", label)
			   : snprintf(text, sizeof(text), "%s.%s", label, keys[user]);
	assert_int_equal(name_from_text(text, (size_t)len, &n), 0);
	return n;
}

static void publish(uid_t uid, const struct name *name, uint16_t type, const void *rdata, size_t len)
{
	struct question q = {*name, type, CLASS_IN};
	struct rrset *set = rrset_create(&q, 300);
	assert_int_equal(rrset_add(set, rdata, len), 0);
	assert_int_equal(publish_set(nodes[0].publisher, uid, set), 0);
	rrset_destroy(set);
	publish_push(nodes[0].publisher, uid, &q);
	const struct own_record *r;
	while ((r = own_find(nodes[0].own, uid, &q)) && !r->published)
		event_base_loop(base, EVLOOP_ONCE);
}

static void alias(int user, const char *label, const char *to_label, int to_user)
{
	struct name from = name_in(label, user), to = name_in(to_label, to_user);
	publish((uid_t)(1000 + user), &from, TYPE_CNAME, to.wire, to.len);
}

static void address(int user, const char *label, const char *bytes)
{
	struct name name = name_in(label, user);
	publish((uid_t)(1000 + user), &name, TYPE_A, bytes, 4);
}

static void begin(void)
{
	connect_all(POLICY_GUARDED);
	for (int i = 0; i < KEYS; i++)
		key_of(&nodes[0], (uid_t)(1000 + i), keys[i]);
}

static struct heard ask_name(struct node *n, const char *label, int user)
{
	char text[128];
	snprintf(text, sizeof(text), user < 0 ? "%s" : "%s.%s", label, user < 0 ? "" : keys[user]);
	return ask(n, VIEW_DOOR, text);
}

static const struct answer *peek(struct node *n, const char *label, int user)
{
	struct question q = {name_in(label, user), TYPE_A, CLASS_IN};
	return resolver_peek(n->resolver, &q, VIEW_DOOR);
}

static unsigned lookups(struct node *n)
{
	struct dht_counters c;
	dht_counters(dht_udp_node(n->udp), &c);
	return (unsigned)c.gets;
}

static void test_to_another_key(void **state)
{
	(void)state;
	begin();
	alias(0, "www", "web", 1);
	address(1, "web", "\xc0\0\2\7");
	struct heard h = ask_name(&nodes[1], "www", 0);
	assert_int_equal(h.error, 0);
	assert_int_equal(h.last, 7);
	assert_int_equal(h.trust, TRUST_KEY);
	/* Then it is in memory, as one answer, of the first key. */
	unsigned before = lookups(&nodes[1]);
	const struct answer *a = peek(&nodes[1], "www", 0);
	struct name chain[2], web = name_in("web", 1);
	char signer[NAME_KEY_TEXT + 1];
	assert_non_null(a);
	assert_ptr_equal(peek(&nodes[1], "www", 0), a);
	assert_int_equal(answer_cnames(a, chain, 2), 1);
	assert_true(name_equal(&chain[0], &web));
	key_to_text(a->signer, signer);
	assert_string_equal(signer, keys[0]);
	assert_false(a->validated);
	assert_in_range(answer_ttl_left(a, clock_monotonic()), 1, 300);
	assert_int_equal(lookups(&nodes[1]), before);
	/* The end has its own life: what is known of it is taken from memory. */
	assert_int_equal(ask_name(&nodes[2], "web", 1).last, 7);
	before = lookups(&nodes[2]);
	assert_int_equal(ask_name(&nodes[2], "www", 0).last, 7);
	assert_int_equal(lookups(&nodes[2]), before + 1);
	/* Who asks for the alias is given that. */
	struct question q = {name_in("www", 0), TYPE_CNAME, CLASS_IN};
	struct heard alone = {0};
	assert_non_null(resolver_ask(nodes[2].resolver, &q, VIEW_DOOR, on_answer, &alone));
	while (!alone.done)
		event_base_loop(base, EVLOOP_ONCE);
	assert_int_equal(alone.count, 1);
}

/* A loop of two zones, and one of a zone with itself by way of another; an end that nobody has. */
static void test_loops_and_nothing(void **state)
{
	(void)state;
	begin();
	alias(0, "www", "nobody", 1);
	alias(0, "out", "www.example.com", -1); /* no upstream, and no claim */
	assert_int_equal(ask_name(&nodes[1], "www", 0).error, -ENOENT);
	assert_int_equal(answer_cnames(peek(&nodes[1], "www", 0), NULL, 0), 1);
	assert_int_equal(ask_name(&nodes[1], "out", 0).error, -ENOENT);
	alias(0, "a", "b", 1);
	alias(1, "b", "a", 0);
	alias(2, "x", "y", 3);
	alias(3, "y", "y", 3);
	assert_int_equal(ask_name(&nodes[1], "a", 0).error, -EREMOTEIO);
	assert_int_equal(ask_name(&nodes[1], "b", 1).error, -EREMOTEIO);
	assert_int_equal(ask_name(&nodes[1], "x", 2).error, -EREMOTEIO);
	/* From memory it costs nothing, and ends too. */
	unsigned before = lookups(&nodes[1]);
	assert_int_equal(ask_name(&nodes[1], "a", 0).error, -EREMOTEIO);
	assert_int_equal(lookups(&nodes[1]), before);
}

static void test_long_way(void **state)
{
	(void)state;
	begin();
	for (int i = 0; i + 1 < KEYS; i++)
		alias(i, "www", "www", i + 1);
	address(KEYS - 1, "www", "\xc0\0\2\7");
	/* Five zones, but no more. */
	assert_int_equal(ask_name(&nodes[1], "www", KEYS - 5).last, 7);
	assert_int_equal(ask_name(&nodes[2], "www", KEYS - 6).error, -EREMOTEIO);
	/* Nor from memory. */
	assert_int_equal(ask_name(&nodes[1], "www", KEYS - 6).error, -EREMOTEIO);
	assert_null(peek(&nodes[1], "www", KEYS - 6));
	assert_int_equal(peek(&nodes[1], "www", KEYS - 5)->error, 0);
}

/* An alias of a plain name, read from the zone of its first signer, may not lead to private addresses;
 * one under a key is the key's, as an address would be. */
static void test_private(void **state)
{
	(void)state;
	begin();
	struct question evil = {name_in("evil.alt", -1), TYPE_A, CLASS_IN};
	address(1, "router", "\x0a\0\0\1");
	alias(0, "www", "router", 1);
	assert_int_equal(ask_name(&nodes[1], "www", 0).error, 0);
	publish(1002, &evil.name, TYPE_A, "\xc0\0\2\7", 4);
	assert_int_equal(ask_name(&nodes[1], "evil.alt", -1).last, 7);
	struct name to = name_in("router", 1);
	assert_int_equal(publish_remove(nodes[0].publisher, 1002, &evil), 0);
	publish(1002, &evil.name, TYPE_CNAME, to.wire, to.len);
	resolver_changed(nodes[1].resolver, &evil); /* as if a minute had passed */
	assert_int_equal(ask_name(&nodes[1], "evil.alt", -1).error, -ENOENT);
	assert_int_equal(peek(&nodes[1], "evil.alt", -1)->ede, EDE_FILTERED);
	/* Nor may his zone say one itself, though nobody would keep it from answering for his key. */
	assert_int_equal(publish_remove(nodes[0].publisher, 1002, &(struct question){evil.name, TYPE_CNAME, CLASS_IN}), 0);
	publish(1002, &evil.name, TYPE_A, "\xc0\xa8\0\1", 4);
	resolver_changed(nodes[1].resolver, &evil);
	assert_int_equal(ask_name(&nodes[1], "evil.alt", -1).error, -ENOENT);
	assert_int_equal(peek(&nodes[1], "evil.alt", -1)->ede, EDE_FILTERED);
	assert_int_equal(ask_name(&nodes[1], "evil.alt", 2).error, 0);
}

/* Who asks has gone, or everybody has, while the end of the aliases is being asked for. */
static void test_gone(void **state)
{
	(void)state;
	struct heard h = {0};
	begin();
	alias(0, "www", "web", 1);
	address(1, "web", "\xc0\0\2\7");
	struct question q = {name_in("www", 0), TYPE_A, CLASS_IN};
	for (int i = 1; i < NODES; i++) {
		unsigned before = lookups(&nodes[i]);
		struct ask *asked = resolver_ask(nodes[i].resolver, &q, VIEW_DOOR, on_answer, &h);
		assert_non_null(asked);
		while (lookups(&nodes[i]) < before + 2)
			event_base_loop(base, EVLOOP_ONCE);
		assert_false(h.done);
		if (i == 1)
			resolver_cancel(asked);
	}
}

/* A claim of an alias stands in a slot of its own, and is looked for where that of the type has none. */
static void test_claim(void **state)
{
	(void)state;
	begin();
	address(1, "web", "\xc0\0\2\7");
	address(2, "router", "\x0a\0\0\1");
	struct name to = name_in("web", 1), name = name_in("www.alt", -1);
	struct name home = name_in("router", 2), evil = name_in("evil.alt", -1);
	publish(1000, &name, TYPE_CNAME, to.wire, to.len);
	publish(1000, &evil, TYPE_CNAME, home.wire, home.len);
	struct heard h = ask_name(&nodes[1], "www.alt", -1);
	assert_int_equal(h.error, 0);
	assert_int_equal(h.last, 7);
	assert_int_equal(h.trust, TRUST_TOFU);
	unsigned before = lookups(&nodes[1]);
	assert_int_equal(peek(&nodes[1], "www.alt", -1)->error, 0);
	assert_int_equal(lookups(&nodes[1]), before);
	/* Its signer is the first one of the name, then. */
	uint8_t key[NAME_KEY_LEN];
	assert_int_equal(own_first_signer(nodes[1].own, &name, key), 0);
	/* Where an alias may not lead it does not. */
	assert_int_equal(ask_name(&nodes[1], "evil.alt", -1).error, -ENOENT);
	assert_int_equal(own_first_signer(nodes[1].own, &evil, key), -ENOENT);
}

/* Who has a pin for the end is answered by it; others are not. */
static void test_view(void **state)
{
	(void)state;
	begin();
	alias(0, "www", "printer.alt", -1);
	struct name printer = name_in("printer.alt", -1);
	publish(1001, &printer, TYPE_A, "\xc0\0\2\1", 4);
	publish(1002, &printer, TYPE_A, "\xc0\0\2\2", 4);
	char text[128];
	snprintf(text, sizeof(text), "www.%s", keys[0]);
	assert_int_equal(pin(&nodes[1], 1300, "%s printer.alt\n", keys[2]), 0);
	assert_int_equal(pin(&nodes[1], 1301, "%s printer.alt\n", keys[1]), 0);
	struct heard h = ask(&nodes[1], 1300, text);
	assert_int_equal(h.last, 2);
	assert_int_equal(h.trust, TRUST_KEY);
	assert_int_equal(ask(&nodes[1], 1301, text).last, 1);
	h = ask(&nodes[1], VIEW_DOOR, text);
	assert_int_equal(h.error, 0);
	assert_int_equal(h.trust, TRUST_TOFU);
	/* The alias is read through a pin, too. */
	assert_int_equal(pin(&nodes[1], 1302, "%s as carol\n", keys[0]), 0);
	h = ask(&nodes[1], 1302, "www.carol.alt");
	assert_int_equal(h.error, 0);
	assert_int_equal(h.trust, TRUST_TOFU);
	assert_int_equal(ask(&nodes[1], 1302, "www.carol.alt").count, 1);
}

int main(void)
{
#define CASE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		CASE(test_to_another_key),
		CASE(test_loops_and_nothing),
		CASE(test_long_way),
		CASE(test_private),
		CASE(test_gone),
		CASE(test_claim),
		CASE(test_view),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
