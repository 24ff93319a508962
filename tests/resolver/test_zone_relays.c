/* All relays together, and the DHT beside them: whom zone_relays and zone_lookup ask, whom they
 * wait for, and what counts. Relays and DHT are played here; time leaps. */
#undef NDEBUG
#include "resolver/zone_relays.h"

#include <errno.h>
#include <event2/event.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "dht/dht.h"
#include "resolver/relay_client.h"
#include "resolver/zone_lookup.h"
#include "tests/leap.h"

#define MOMENT (LEAP_SECOND * 4 / 10) /* longer than anybody is waited for who is not the first */

/* ---- relays: an ask each at a time ---- */

struct relay_client {
	const char *text;
	int error; /* what an ask of it is answered with at once */
	relay_said_fn *fn;
	void *ctx;
	bool fresh, puts;
	unsigned cancelled;
};
static struct relay_client relays[ZONE_RELAYS_MAX];
static size_t relays_len;

int __wrap_relay_client_create(
	struct event_base *, const struct relay_client_config *, struct relay_client **);
void __wrap_relay_client_destroy(struct relay_client *);
const char *__wrap_relay_client_text(const struct relay_client *);
int __wrap_relay_client_get(struct relay_client *, const uint8_t[DHT_KEY_LEN], bool,
	relay_said_fn *, void *, struct relay_ask **);
int __wrap_relay_client_put(struct relay_client *, const struct dht_item *, relay_said_fn *, void *,
	struct relay_ask **);
void __wrap_relay_client_cancel(struct relay_ask *);
int __wrap_dht_get_mutable(struct dht *, const uint8_t *, const uint8_t *, size_t, dht_get_fn *,
	void *, struct dht_lookup **);
void __wrap_dht_cancel(struct dht *, struct dht_lookup *);
void __wrap_dht_counters(const struct dht *, struct dht_counters *);

int __wrap_relay_client_create(struct event_base *base, const struct relay_client_config *config,
	struct relay_client **ret_client)
{
	(void)base;
	if (strcmp(config->text, "none") == 0)
		return -EINVAL;
	relays[relays_len] = (struct relay_client){.text = config->text};
	*ret_client = &relays[relays_len++];
	return 0;
}

void __wrap_relay_client_destroy(struct relay_client *c)
{
	assert_null(c->fn); /* its asks were cancelled first */
	relays_len--;
}

const char *__wrap_relay_client_text(const struct relay_client *c)
{
	return c->text;
}

int __wrap_relay_client_get(struct relay_client *c, const uint8_t key[DHT_KEY_LEN], bool fresh,
	relay_said_fn *fn, void *ctx, struct relay_ask **ret_ask)
{
	(void)key;
	if (c->error)
		return c->error;
	assert_null(c->fn);
	c->fn = fn;
	c->ctx = ctx;
	c->fresh = fresh;
	c->puts = false;
	*ret_ask = (struct relay_ask *)c;
	return 0;
}

int __wrap_relay_client_put(struct relay_client *c, const struct dht_item *item, relay_said_fn *fn,
	void *ctx, struct relay_ask **ret_ask)
{
	int r = __wrap_relay_client_get(c, item->key, false, fn, ctx, ret_ask);
	c->puts = true;
	return r;
}

void __wrap_relay_client_cancel(struct relay_ask *ask)
{
	struct relay_client *c = (struct relay_client *)ask;
	c->fn = NULL;
	c->cancelled++;
}

/* A packet of that time; equal times are told apart by what they hold. */
static struct dht_item packet(int64_t seq, uint8_t byte)
{
	struct dht_item item = {.is_mutable = true, .seq = seq};
	assert_int_equal(dht_item_set_string(&item, &byte, 1), 0);
	return item;
}

static void says(size_t i, enum relay_outcome outcome, int64_t seq, uint8_t byte)
{
	struct dht_item item = packet(seq, byte);
	struct relay_said said = {.outcome = outcome, .item = &item};
	relay_said_fn *fn = relays[i].fn;
	assert_non_null(fn);
	relays[i].fn = NULL;
	fn(relays[i].ctx, &said);
}

/* ---- the DHT ---- */

static struct {
	dht_get_fn *fn;
	void *ctx;
	unsigned cancelled;
	uint64_t heard;
} dht;

int __wrap_dht_get_mutable(struct dht *d, const uint8_t *key, const uint8_t *salt, size_t salt_len,
	dht_get_fn *fn, void *ctx, struct dht_lookup **ret_lookup)
{
	(void)d;
	(void)key;
	(void)salt;
	(void)salt_len;
	dht.fn = fn;
	dht.ctx = ctx;
	*ret_lookup = (struct dht_lookup *)&dht;
	return 0;
}

void __wrap_dht_cancel(struct dht *d, struct dht_lookup *lookup)
{
	(void)d;
	(void)lookup;
	dht.fn = NULL;
	dht.cancelled++;
}

void __wrap_dht_counters(const struct dht *d, struct dht_counters *ret_counters)
{
	(void)d;
	*ret_counters = (struct dht_counters){.replies_in = dht.heard};
}

static void dht_ends(int error)
{
	struct dht_result result = {.error = error};
	dht_get_fn *fn = dht.fn;
	dht.fn = NULL;
	fn(dht.ctx, NULL, NULL, &result);
}

/* ---- who asks ---- */

static struct event_base *base;
static struct zone_relays *z;
static unsigned told;
static struct zone_relays_result result;
static struct dht_item found;

static void on_result(void *ctx, const struct zone_relays_result *r)
{
	(void)ctx;
	told++;
	result = *r;
	if (r->item)
		found = *r->item;
}

static int begin(void **state)
{
	struct zone_relays_config config = {.url = {"a", "b", "c"}, .len = 3};
	(void)state;
	base = event_base_new();
	told = 0;
	memset(&dht, 0, sizeof(dht));
	return zone_relays_create(base, &config, &z);
}

static int end(void **state)
{
	(void)state;
	zone_relays_destroy(z);
	event_base_free(base);
	return relays_len == 0 ? 0 : -1;
}

static void get(void)
{
	struct zone_relays_op *op;
	uint8_t key[DHT_KEY_LEN] = {1};
	assert_int_equal(zone_relays_get(z, key, false, on_result, NULL, &op), 0);
}

static void put(void)
{
	struct zone_relays_op *op;
	struct dht_item item = packet(5, 1);
	assert_int_equal(zone_relays_put(z, &item, on_result, NULL, &op), 0);
}

static void has(const char *from, int64_t seq, uint8_t byte)
{
	struct dht_item item = packet(seq, byte);
	assert_int_equal(told, 1);
	assert_int_equal(result.error, 0);
	assert_string_equal(result.from, from);
	assert_int_equal(found.seq, seq);
	assert_memory_equal(found.value, item.value, item.value_len);
	told = 0;
}

/* ---- relays ---- */

/* The newest counts, whoever has it, and whoever is first; an older one replaces nothing. */
static void test_newest(void **state)
{
	(void)state;
	get();
	says(1, RELAY_FOUND, 10, 1);
	says(0, RELAY_FOUND, 9, 2);
	says(2, RELAY_FOUND, 11, 3);
	has("c", 11, 3);
	get();
	says(1, RELAY_FOUND, 10, 1);
	says(0, RELAY_MISSING, 0, 0);
	says(2, RELAY_FORGED, 99, 9);
	has("b", 10, 1);
	/* Of one time: the same for each order. */
	get();
	says(0, RELAY_FOUND, 10, 1);
	says(1, RELAY_FOUND, 10, 2);
	says(2, RELAY_FAILED, 0, 0);
	struct dht_item first = found;
	told = 0;
	get();
	says(1, RELAY_FOUND, 10, 2);
	says(0, RELAY_FOUND, 10, 1);
	says(2, RELAY_FAILED, 0, 0);
	assert_true(dht_item_equal(&first, &found));
}

/* Who is slower than the first by a moment is not waited for; without a first one, each is. */
static void test_waits(void **state)
{
	(void)state;
	get();
	says(0, RELAY_MISSING, 0, 0);
	leap(base, 3 * LEAP_SECOND);
	assert_int_equal(told, 0);
	says(1, RELAY_FOUND, 10, 1);
	assert_int_equal(told, 0);
	leap(base, MOMENT);
	has("b", 10, 1);
	assert_int_equal(relays[2].cancelled, 1);
}

static void test_nobody(void **state)
{
	struct zone_relays_op *op = (struct zone_relays_op *)&base;
	uint8_t key[DHT_KEY_LEN] = {1};
	(void)state;
	get();
	says(0, RELAY_FAILED, 0, 0);
	says(1, RELAY_MISSING, 0, 0);
	says(2, RELAY_FORGED, 0, 0);
	assert_int_equal(result.error, -ENOENT);
	assert_string_equal(result.from, "b");
	assert_null(result.item);
	get();
	says(0, RELAY_FAILED, 0, 0);
	says(1, RELAY_FORGED, 0, 0);
	says(2, RELAY_FAILED, 0, 0);
	assert_int_equal(result.error, -ENETUNREACH);
	/* Those that have failed a moment ago are not asked, and if all have nobody is. */
	relays[0].error = relays[2].error = -EAGAIN;
	get();
	assert_null(relays[0].fn);
	says(1, RELAY_FOUND, 1, 1);
	assert_int_equal(told, 3);
	assert_string_equal(result.from, "b");
	relays[1].error = -EBUSY;
	assert_int_equal(zone_relays_get(z, key, false, on_result, NULL, &op), -ENETUNREACH);
	assert_null(op);
	assert_int_equal(told, 3);
}

/* It is put to all; one that knows a newer one outweighs those that took it. */
static void test_puts(void **state)
{
	(void)state;
	put();
	assert_true(relays[0].puts && relays[1].puts && relays[2].puts);
	says(0, RELAY_TAKEN, 0, 0);
	says(1, RELAY_FAILED, 0, 0);
	assert_int_equal(told, 0);
	says(2, RELAY_TAKEN, 0, 0);
	assert_int_equal(result.error, 0);
	assert_int_equal(result.taken, 2);
	put();
	says(0, RELAY_TAKEN, 0, 0);
	says(1, RELAY_NEWER, 0, 0);
	says(2, RELAY_TAKEN, 0, 0);
	assert_int_equal(result.error, -ESTALE);
	put();
	for (size_t i = 0; i < 3; i++)
		says(i, RELAY_FAILED, 0, 0);
	assert_int_equal(result.error, -ENETUNREACH);
	assert_int_equal(told, 3);
}

static void test_ends(void **state)
{
	struct zone_relays_op *op;
	struct zone_relays_config config = {.url = {"a", "none"}, .len = 2};
	struct zone_relays *none;
	uint8_t key[DHT_KEY_LEN] = {1};
	(void)state;
	assert_int_equal(zone_relays_get(z, key, true, on_result, NULL, &op), 0);
	assert_true(relays[0].fresh);
	zone_relays_cancel(op);
	zone_relays_cancel(NULL);
	assert_int_equal(relays[2].cancelled, 1);
	get(); /* what is under way ends with them, without a word */
	assert_int_equal(zone_relays_create(base, &config, &none), -EINVAL);
}

static void test_status(void **state)
{
	char text[2048] = "";
	(void)state;
	get();
	says(0, RELAY_FOUND, 1, 1);
	says(1, RELAY_FORGED, 1, 1);
	says(2, RELAY_FAILED, 1, 1);
	put();
	says(0, RELAY_TAKEN, 1, 1);
	says(1, RELAY_NEWER, 1, 1);
	says(2, RELAY_MISSING, 1, 1);
	FILE *f = fmemopen(text, sizeof(text), "w");
	zone_relays_status(z, f);
	fclose(f);
	static const char *const wanted[] = {"relays 3", "needed 0", "gets 1", "found 1",
		"missing 1", "puts 1", "taken 1", "newer 1", "forged 1", "failed 1"};
	char *at = text;
	for (size_t i = 0; i < sizeof(wanted) / sizeof(*wanted); i++, at = strchr(at, '\n') + 1) {
		char name[64], value[64], both[140];
		assert_int_equal(sscanf(at, "zone_relay.%63s %63s", name, value), 2);
		snprintf(both, sizeof(both), "%s %s", name, value);
		assert_string_equal(both, wanted[i]);
	}
}

/* ---- beside the DHT ---- */

static unsigned items, ends;
static int64_t newest;
static int end_error;
static const char *relay;
static struct zone_lookup *lookup;

static void on_get(void *ctx, const struct dht_item *item, const struct dht_endpoint *from,
	const struct dht_result *r)
{
	(void)ctx;
	(void)from;
	if (item) {
		items++;
		newest = item->seq > newest ? item->seq : newest;
		return;
	}
	ends++;
	end_error = r->error;
	relay = zone_lookup_relay(lookup);
}

static void look_up(void)
{
	struct zone_lookup_config config = {.base = base, .relays = z};
	uint8_t key[DHT_KEY_LEN] = {1};
	items = ends = 0;
	newest = 0;
	assert_int_equal(zone_lookup(&config, key, on_get, NULL, &lookup), 0);
}

/* A DHT that answers is all that is asked. */
static void test_dht_answers(void **state)
{
	struct dht_item item = packet(4, 1);
	(void)state;
	look_up();
	leap(base, LEAP_SECOND / 2);
	dht.heard++;
	leap(base, 2 * LEAP_SECOND);
	assert_null(relays[0].fn);
	dht.fn(dht.ctx, &item, NULL, NULL);
	dht_ends(0);
	assert_int_equal(items, 1);
	assert_int_equal(ends, 1);
	assert_null(relay);
	assert_false(zone_relays_silent(z));
}

/* One that says nothing for a second is silent: relays are asked, and it is not waited for. */
static void test_dht_silent(void **state)
{
	(void)state;
	look_up();
	leap(base, LEAP_SECOND * 9 / 10);
	assert_null(relays[0].fn);
	leap(base, LEAP_SECOND / 5);
	assert_non_null(relays[0].fn);
	assert_true(zone_relays_silent(z));
	says(0, RELAY_FOUND, 7, 1);
	leap(base, MOMENT);
	assert_int_equal(ends, 1);
	assert_int_equal(end_error, 0);
	assert_int_equal(newest, 7);
	assert_string_equal(relay, "a");
	assert_int_equal(dht.cancelled, 1);
	/* The next one asks both at once. */
	look_up();
	assert_non_null(relays[0].fn);
	assert_non_null(dht.fn);
	zone_lookup_cancel(lookup);
	/* Until it is heard of again. */
	dht.heard++;
	look_up();
	assert_null(relays[0].fn);
	zone_lookup_cancel(lookup);
	zone_lookup_cancel(NULL);
}

/* It comes back while relays are asked: both are heard, and the newest counts. */
static void test_dht_late(void **state)
{
	struct dht_item item = packet(9, 1);
	(void)state;
	look_up();
	leap(base, LEAP_SECOND + LEAP_SECOND / 10);
	dht.heard++;
	says(0, RELAY_FOUND, 7, 1);
	leap(base, MOMENT);
	assert_int_equal(ends, 0);
	dht.fn(dht.ctx, &item, NULL, NULL);
	dht_ends(0);
	assert_int_equal(newest, 9);
	assert_int_equal(ends, 1);
	assert_null(relay); /* the answer does not hang on it */
}

static void test_dht_fails(void **state)
{
	(void)state;
	/* At once: relays are asked at once. */
	look_up();
	dht_ends(-ENETUNREACH);
	assert_int_equal(ends, 0);
	for (size_t i = 0; i < 3; i++)
		says(i, RELAY_MISSING, 0, 0);
	assert_int_equal(ends, 1);
	assert_int_equal(end_error, 0);
	assert_string_equal(relay, "a");
	/* They are of no use either: its own error stands. */
	look_up();
	for (size_t i = 0; i < 3; i++)
		says(i, RELAY_FAILED, 0, 0);
	assert_int_equal(ends, 0);
	dht_ends(-ENETUNREACH);
	assert_int_equal(ends, 1);
	assert_int_equal(end_error, -ENETUNREACH);
	assert_null(relay);
	/* And where none can be asked at all. */
	for (size_t i = 0; i < 3; i++)
		relays[i].error = -EAGAIN;
	look_up();
	dht_ends(-EHOSTUNREACH);
	assert_int_equal(ends, 1);
	assert_int_equal(end_error, -EHOSTUNREACH);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_newest),
		TEST(test_waits),
		TEST(test_nobody),
		TEST(test_puts),
		TEST(test_ends),
		TEST(test_status),
		TEST(test_dht_answers),
		TEST(test_dht_silent),
		TEST(test_dht_late),
		TEST(test_dht_fails),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
