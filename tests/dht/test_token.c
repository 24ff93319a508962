/* Write tokens: to whom, for what, how long. */
#undef NDEBUG
#include "dht/token.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

static struct dht_endpoint at(const char *text)
{
	struct dht_endpoint e;
	assert_int_equal(dht_endpoint_from_text(text, &e), 0);
	return e;
}

static void bound_to_address_and_target(void **state)
{
	(void)state;
	struct dht_tokens t = {.secret = {"0123456789abcde", "fedcba987654321"}};
	struct dht_id target = {"target"}, other = {"tarket"};
	struct dht_endpoint asker = at("192.0.2.1:6881"), port = at("192.0.2.1:1024"),
			    neighbour = at("192.0.2.2:6881"), six = at("[c000:201::]:6881");
	uint8_t token[DHT_TOKEN_LEN + 1] = {0};
	dht_token_make(&t, &asker, &target, token);
	assert_true(dht_token_holds(&t, &asker, &target, token, DHT_TOKEN_LEN));
	assert_true(dht_token_holds(&t, &port, &target, token, DHT_TOKEN_LEN));
	assert_false(dht_token_holds(&t, &neighbour, &target, token, DHT_TOKEN_LEN));
	assert_false(dht_token_holds(&t, &six, &target, token, DHT_TOKEN_LEN));
	assert_false(dht_token_holds(&t, &asker, &other, token, DHT_TOKEN_LEN));
	assert_false(dht_token_holds(&t, &asker, &target, token, DHT_TOKEN_LEN - 1));
	assert_false(dht_token_holds(&t, &asker, &target, token, DHT_TOKEN_LEN + 1));
	assert_false(dht_token_holds(&t, &asker, &target, NULL, 0));
	for (unsigned bit = 0; bit < DHT_TOKEN_LEN * 8; bit++) {
		token[bit / 8] ^= (uint8_t)(1 << bit % 8);
		assert_false(dht_token_holds(&t, &asker, &target, token, DHT_TOKEN_LEN));
		token[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
}

static void two_turns_end_it(void **state)
{
	(void)state;
	struct dht_tokens t = {.secret = {"0123456789abcde", "fedcba987654321"}};
	const uint8_t first[16] = "a new secret...", second[16] = "and another....";
	struct dht_id target = {"target"};
	struct dht_endpoint asker = at("[2001:db8::1]:6881");
	uint8_t token[DHT_TOKEN_LEN];
	dht_token_make(&t, &asker, &target, token);
	dht_tokens_turn(&t, first);
	assert_true(dht_token_holds(&t, &asker, &target, token, sizeof(token)));
	dht_tokens_turn(&t, second);
	assert_false(dht_token_holds(&t, &asker, &target, token, sizeof(token)));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bound_to_address_and_target),
		cmocka_unit_test(two_turns_end_it),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
