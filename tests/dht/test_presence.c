/* dht/presence: what the votes of others change, and what they do not. */
#undef NDEBUG
#include "dht/engine.h"
#include "world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>

static struct world w;

/* Others, each of another host, say so until it is believed. */
static void believe(const char *said)
{
	static unsigned voters;
	struct dht_message m = {.you = endpoint(said)};
	struct dht_endpoint known;
	for (unsigned i = 0; i < 3 * DHT_ADDRESS_VOTES; i++, voters++) {
		struct dht_endpoint from = endpoint("45.0.0.1:6881");
		from.ip[1] = (uint8_t)(voters >> 8);
		from.ip[2] = (uint8_t)voters;
		dht_presence_answered(w.dht, &from, &m);
		dht_external(w.dht, 4, &known);
		if (dht_endpoint_equal(&known, &m.you))
			return;
	}
	fail();
}

static void another_port_is_no_move(void **state)
{
	(void)state;
	struct dht_config config = {.mainline = true, .limits = true};
	world_start_as(&w, &config);
	believe("198.51.100.7:4001");
	/* We are known not to be reached: it takes its time until we try again, if we stay. */
	w.dht->presence.reach.read_only = true;
	believe("198.51.100.7:4002");
	assert_true(dht_is_read_only(w.dht));
	believe("198.51.100.8:4002");
	assert_false(dht_is_read_only(w.dht));
	world_end(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(another_port_is_no_move),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
