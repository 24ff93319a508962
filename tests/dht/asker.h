/* Somebody who asks one node, and puts: what the tests of serving share. */
#ifndef TESTS_DHT_ASKER_H
#define TESTS_DHT_ASKER_H

#include "tests/dht/world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <cmocka.h>

static struct world world;
static struct dht_endpoint asker;
static struct dht_item item;
static struct dht_id target;
static uint8_t token[8];

static inline int setup(void **state)
{
	*state = &world;
	world_start(&world, false, false);
	asker = endpoint("10.1.2.3:6881");
	return 0;
}

static inline int teardown(void **state)
{
	(void)state;
	world_end(&world);
	return 0;
}

static inline struct dht_message ask(struct world *w, struct dht_message *m)
{
	struct dht_message answer;
	const struct packet *p = world_tell(w, &asker, m);
	assert_non_null(p);
	assert_int_equal(dht_message_read(p->data, p->len, &answer), 0);
	return answer;
}

static inline struct dht_message get(struct world *w)
{
	struct dht_message m = query(DHT_GET);
	m.has_target = true;
	m.target = target;
	return ask(w, &m);
}

/* A token for `target` as it stands. */
static inline void take_token(struct world *w)
{
	struct dht_message answer = get(w);
	assert_int_equal(answer.token.len, sizeof(token));
	memcpy(token, answer.token.data, sizeof(token));
	world_clear(w);
}

/* `item`, signed anew, as a put that ought to succeed. */
static inline struct dht_message put_of(struct world *w, int64_t seq, const char *text)
{
	static const uint8_t seed[DHT_SEED_LEN] = "a seed";
	item.seq = seq;
	item.is_mutable = true;
	assert_int_equal(dht_item_set_string(&item, text, strlen(text)), 0);
	assert_int_equal(dht_item_sign(&item, seed), 0);
	dht_item_target(&item, &target);
	take_token(w);
	struct dht_message m = query(DHT_PUT);
	m.token = (struct bytes){token, sizeof(token)};
	m.value = (struct bytes){item.value, item.value_len};
	m.has_key = m.has_sig = m.has_seq = true;
	m.key = (struct bytes){item.key, DHT_KEY_LEN};
	m.sig = (struct bytes){item.sig, DHT_SIG_LEN};
	m.salt = (struct bytes){item.salt, item.salt_len};
	m.seq = seq;
	m.has_target = true;
	m.target = target;
	return m;
}

static inline int code_of(struct world *w, struct dht_message *m)
{
	struct dht_message answer = ask(w, m);
	world_clear(w);
	return answer.kind == DHT_REPLY ? 0 : answer.error;
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

#endif
