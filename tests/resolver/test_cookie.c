/* Server cookies: RFC 9018's own vectors, time, rotation, and what a forger may try. */
#undef NDEBUG
#include <arpa/inet.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "resolver/cookie.h"

static struct sockaddr_storage address_of(const char *text)
{
	struct sockaddr_storage s = {.ss_family = strchr(text, ':') ? AF_INET6 : AF_INET};
	void *to = s.ss_family == AF_INET ? (void *)&((struct sockaddr_in *)&s)->sin_addr :
					    (void *)&((struct sockaddr_in6 *)&s)->sin6_addr;
	assert_int_equal(inet_pton(s.ss_family, text, to), 1);
	return s;
}

static size_t unhex(const char *hex, uint8_t *ret)
{
	size_t n = 0;
	unsigned byte;
	for (; *hex; hex += 2, n++) {
		assert_int_equal(sscanf(hex, "%2x", &byte), 1);
		ret[n] = (uint8_t)byte;
	}
	return n;
}

static bool check_at(const struct cookie_secrets *s, const char *peer, const uint8_t *cookie,
	size_t len, uint32_t now, uint8_t ret[COOKIE_LEN])
{
	struct sockaddr_storage a = address_of(peer);
	struct cookie_seen seen = {(struct sockaddr *)&a, cookie, len};
	return cookie_check(s, &seen, now, ret);
}

/* RFC 9018, appendix A. */
static void test_vectors(void **state)
{
	(void)state;
	uint8_t secret[COOKIE_SECRET_LEN], former[COOKIE_SECRET_LEN], cookie[COOKIE_MAX], got[COOKIE_LEN], want[COOKIE_LEN];
	struct cookie_secrets s = {.since = 0};
	/* A.1: a client's half alone. */
	unhex("e5e973e5a6b2a43f48e7dc849e37bfcf", secret);
	cookie_rotate(&s, secret, 1559731985);
	unhex("2464c4abcf10c957", cookie);
	unhex("2464c4abcf10c957010000005cf79f111f8130c3eee29480", want);
	assert_false(check_at(&s, "198.51.100.100", cookie, 8, 1559731985, got));
	assert_memory_equal(got, want, sizeof(want));
	/* A.2: the same client 40 minutes later is given a new one. */
	memcpy(cookie, want, sizeof(want));
	unhex("2464c4abcf10c957010000005cf7a871d4a564a1442aca77", want);
	assert_true(check_at(&s, "198.51.100.100", cookie, COOKIE_LEN, 1559734385, got));
	assert_memory_equal(got, want, sizeof(want));
	/* A.3: reserved bytes may be anything, and are hashed as they are. (The appendix asks when it is
	 * two hours old, which section 4.3 refuses; the new one is the same.) */
	unhex("fc93fc62807ddb8601abcdef5cf78f71a314227b6679ebf5", cookie);
	unhex("fc93fc62807ddb86010000005cf7a9acf73a7810aca2381e", want);
	assert_true(check_at(&s, "203.0.113.203", cookie, COOKIE_LEN, 1559727985 + 3599, got));
	assert_false(check_at(&s, "203.0.113.203", cookie, COOKIE_LEN, 1559734700, got));
	assert_memory_equal(got, want, sizeof(want));
	/* A.4: IPv6, and a secret that has been changed since. */
	unhex("dd3bdf9344b678b185a6f5cb60fca715", former);
	unhex("445536bcd2513298075a5d379663c962", secret);
	s = (struct cookie_secrets){.since = 0};
	cookie_rotate(&s, former, 1559741000);
	cookie_rotate(&s, secret, 1559741900);
	unhex("22681ab97d52c298010000005cf7c57926556bd0934c72f8", cookie);
	unhex("22681ab97d52c298010000005cf7c609a6bb79d16625507a", want);
	assert_true(check_at(&s, "2001:db8:220:1:59de:d0f4:8769:82b8", cookie, COOKIE_LEN, 1559741961, got));
	assert_memory_equal(got, want, sizeof(want));
}

#define NOW 1700000000u

static void given(struct cookie_secrets *s, uint32_t now, uint8_t ret[COOKIE_LEN])
{
	uint8_t secret[COOKIE_SECRET_LEN] = "0123456789abcdef";
	*s = (struct cookie_secrets){.since = 0};
	cookie_rotate(s, secret, now);
	assert_false(check_at(s, "192.0.2.1", (const uint8_t *)"CLIENT01", 8, now, ret));
}

static void test_time(void **state)
{
	(void)state;
	struct cookie_secrets s;
	uint8_t cookie[COOKIE_LEN], got[COOKIE_LEN];
	static const struct {
		int32_t age;
		bool good, same;
	} rows[] = {
		{0, true, true}, {1799, true, true}, {1800, true, false}, {3600, true, false},
		{3601, false, false}, {-300, true, true}, {-301, false, false}, {86400, false, false},
		{INT32_MAX, false, false}, {INT32_MIN, false, false},
	};
	/* The clock of serial numbers may pass its end. */
	static const uint32_t starts[] = {NOW, UINT32_MAX - 100, 50};
	for (size_t k = 0; k < 3; k++)
		for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
			given(&s, starts[k], cookie);
			bool good = check_at(&s, "192.0.2.1", cookie, COOKIE_LEN,
				starts[k] + (uint32_t)rows[i].age, got);
			assert_int_equal(good, rows[i].good);
			assert_int_equal(memcmp(cookie, got, COOKIE_LEN) == 0, rows[i].same);
			/* Whatever it was: what comes back is good from now on. */
			assert_true(check_at(&s, "192.0.2.1", got, COOKIE_LEN, starts[k] + (uint32_t)rows[i].age, got));
		}
}

static void test_forged(void **state)
{
	(void)state;
	struct cookie_secrets s;
	uint8_t cookie[COOKIE_MAX] = {0}, got[COOKIE_LEN];
	given(&s, NOW, cookie);
	assert_true(check_at(&s, "192.0.2.1", cookie, COOKIE_LEN, NOW, got));
	/* A stranger's cookie is of no use at another address, the next one or the other family's. */
	assert_false(check_at(&s, "192.0.2.2", cookie, COOKIE_LEN, NOW, got));
	assert_false(check_at(&s, "::ffff:192.0.2.1", cookie, COOKIE_LEN, NOW, got));
	/* No bit of it may differ; not the client's half, the time or the reserved bytes either. */
	for (size_t bit = 0; bit < COOKIE_LEN * 8; bit++) {
		cookie[bit / 8] ^= (uint8_t)(1 << bit % 8);
		assert_false(check_at(&s, "192.0.2.1", cookie, COOKIE_LEN, NOW, got));
		cookie[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	/* Nor its length. */
	for (size_t len = 8; len <= COOKIE_MAX; len++)
		assert_int_equal(check_at(&s, "192.0.2.1", cookie, len, NOW, got), len == COOKIE_LEN);
	for (size_t len = 0; len < 300; len++)
		assert_int_equal(cookie_len_valid(len), len == 8 || (len >= 16 && len <= 40));
}

static void test_rotation(void **state)
{
	(void)state;
	struct cookie_secrets s;
	uint8_t cookie[COOKIE_LEN], got[COOKIE_LEN], zero[COOKIE_SECRET_LEN] = {0}, forged[COOKIE_LEN];
	given(&s, NOW, cookie);
	assert_false(cookie_secret_is_old(&s, NOW));
	assert_false(cookie_secret_is_old(&s, NOW + 86399));
	assert_true(cookie_secret_is_old(&s, NOW + 86400));
	/* There is no former secret at first: one of zeros opens nothing. */
	struct cookie_secrets of_zeros = {.since = 0};
	cookie_rotate(&of_zeros, zero, NOW);
	assert_false(check_at(&of_zeros, "192.0.2.1", cookie, COOKIE_LEN, NOW, forged));
	assert_false(check_at(&s, "192.0.2.1", forged, COOKIE_LEN, NOW, got));
	/* What the former secret gave is good once more, and replaced. */
	cookie_rotate(&s, (const uint8_t *)"fedcba9876543210", NOW + 10);
	assert_true(check_at(&s, "192.0.2.1", cookie, COOKIE_LEN, NOW + 10, got));
	assert_memory_not_equal(got, cookie, COOKIE_LEN);
	assert_true(check_at(&s, "192.0.2.1", got, COOKIE_LEN, NOW + 10, got));
	cookie_rotate(&s, (const uint8_t *)"again-a-secret--", NOW + 20);
	assert_false(check_at(&s, "192.0.2.1", cookie, COOKIE_LEN, NOW + 20, got));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_vectors),
		cmocka_unit_test(test_time),
		cmocka_unit_test(test_forged),
		cmocka_unit_test(test_rotation),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
