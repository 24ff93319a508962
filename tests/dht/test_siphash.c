/* SipHash, as published. */
#undef NDEBUG
#include "dht/siphash.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

/* Appendix A of the SipHash paper, and two lines of its reference vectors. */
static void siphash_vectors(void **state)
{
	(void)state;
	uint8_t key[16], data[64];
	for (uint8_t i = 0; i < 16; i++)
		key[i] = i;
	for (uint8_t i = 0; i < 64; i++)
		data[i] = i;
	assert_true(dht_siphash(key, data, 15) == 0xa129ca6149be45e5);
	assert_true(dht_siphash(key, data, 0) == 0x726fdb47dd0e0e31);
	assert_true(dht_siphash(key, data, 8) == 0x93f5f5799a932462);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(siphash_vectors),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
