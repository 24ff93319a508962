/* Reasons as libunbound words them, and one that a name would like to give. */
#undef NDEBUG
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "resolver/bogus.h"

static void test_reasons(void **state)
{
	(void)state;
	static const struct {
		const char *why;
		int ede;
	} rows[] = {
		{"validation failure <www.expired.test. A IN>: signature expired from 127.53.0.3 for key expired.test.", 7},
		{"validation failure <www.early.test. A IN>: signature before inception date from 127.53.0.3", 8},
		{"validation failure <www.nokey.test. A IN>: No DNSKEY record from 127.53.0.3 for key nokey.test.", 9},
		{"validation failure <www.badds.test. A IN>: no keys have a DS with algorithm ECDSAP256SHA256", 9},
		{"validation failure <a.test. A IN>: no signatures from 127.53.0.3", 10},
		{"validation failure <a.test. A IN>: NODATA response failed to prove NODATA status with NSEC/NSEC3", 12},
		{"validation failure <www.bogus.test. A IN>: ECDSA signature verification failed from 127.53.0.3", 6},
		{"validation failure <signature expired.no signatures.test. A IN>: ECDSA signature verification failed", 6},
		{"signature expired", 6}, {"", 6}, {NULL, 6},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		if (bogus_ede(rows[i].why) != rows[i].ede)
			fail_msg("%s: %d", rows[i].why, bogus_ede(rows[i].why));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_reasons),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
