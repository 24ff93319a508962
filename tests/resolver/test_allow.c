/* allow=NET, read and looked up. */
#undef NDEBUG
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "resolver/allow.h"

static struct sockaddr_storage address_of(const char *text)
{
	struct sockaddr_storage s = {.ss_family = strchr(text, ':') ? AF_INET6 : AF_INET};
	void *to = s.ss_family == AF_INET ? (void *)&((struct sockaddr_in *)&s)->sin_addr :
					    (void *)&((struct sockaddr_in6 *)&s)->sin6_addr;
	assert_int_equal(inet_pton(s.ss_family, text, to), 1);
	return s;
}

static bool permits(const struct allow *allow, const char *text)
{
	struct sockaddr_storage s = address_of(text);
	return allow_permits(allow, (struct sockaddr *)&s);
}

static void test_parse(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		int error;
		unsigned bits;
	} rows[] = {
		{"192.0.2.0/24", 0, 24}, {"192.0.2.1", 0, 32}, {"0.0.0.0/0", 0, 0}, {"::/0", 0, 0},
		{"2001:db8::/32", 0, 32}, {"2001:db8::1", 0, 128}, {"10.0.0.0/8", 0, 8},
		{"192.0.2.128/25", 0, 25},
		{"192.0.2.1/24", -EDOM, 0}, {"10.1.2.3/8", -EDOM, 0}, {"192.0.2.128/24", -EDOM, 0},
		{"2001:db8::1/64", -EDOM, 0}, {"1.0.0.0/0", -EDOM, 0},
		{"", -EINVAL, 0}, {"/", -EINVAL, 0}, {"/24", -EINVAL, 0}, {"192.0.2.0/", -EINVAL, 0},
		{"192.0.2.0/33", -EINVAL, 0}, {"192.0.2.0/024", -EINVAL, 0}, {"192.0.2.0/+24", -EINVAL, 0},
		{"192.0.2.0/-1", -EINVAL, 0}, {"192.0.2.0/24x", -EINVAL, 0}, {"192.0.2.0/24/24", -EINVAL, 0},
		{"192.0.2/24", -EINVAL, 0}, {"192.0.2.0 /24", -EINVAL, 0}, {"::/129", -EINVAL, 0},
		{"::/4294967296", -EINVAL, 0}, {"fe80::1%lo/64", -EINVAL, 0}, {"any", -EINVAL, 0},
		{"[::]/0", -EINVAL, 0}, {"192.0.2.0/255.255.255.0", -EINVAL, 0},
		{"1111:2222:3333:4444:5555:6666:7777:8888:9999:aaaa:bbbb", -EINVAL, 0},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct allow_net net;
		int error = allow_parse(rows[i].text, &net);
		if (error != rows[i].error || (error == 0 && net.bits != rows[i].bits))
			fail_msg("%s: %d, %u bits", rows[i].text, error, net.bits);
	}
}

static void test_permits(void **state)
{
	(void)state;
	static const char *const nets[] = {"192.0.2.0/24", "198.51.100.128/25", "203.0.113.7",
		"2001:db8:1::/48", "2001:db8:2::8000/113"};
	struct allow allow = {.len = 0}, none = {.len = 0};
	for (size_t i = 0; i < sizeof(nets) / sizeof(*nets); i++)
		assert_int_equal(allow_parse(nets[i], &allow.nets[allow.len++]), 0);
	static const char *const in[] = {"192.0.2.0", "192.0.2.255", "198.51.100.128",
		"203.0.113.7", "2001:db8:1::", "2001:db8:1:ffff::1", "2001:db8:2::ffff"};
	static const char *const out[] = {"192.0.1.255", "192.0.3.0", "198.51.100.127",
		"203.0.113.6", "0.0.0.0", "2001:db8:0:ffff::", "2001:db8:2::7fff", "::", "::2",
		"128.0.0.1", "126.255.255.255", "::ffff:127.0.0.1", "::ffff:192.0.2.1"};
	for (size_t i = 0; i < sizeof(in) / sizeof(*in); i++) {
		assert_true(permits(&allow, in[i]));
		assert_false(permits(&none, in[i]));
	}
	for (size_t i = 0; i < sizeof(out) / sizeof(*out); i++)
		assert_false(permits(&allow, out[i]));
	/* Loopback always, whatever the list. */
	assert_true(permits(&none, "127.0.0.1") && permits(&none, "127.255.255.255") && permits(&none, "::1"));
	/* The bytes of an IPv4 network are no network of IPv6. */
	struct allow all = {.len = 1};
	assert_int_equal(allow_parse("0.0.0.0/0", &all.nets[0]), 0);
	assert_true(permits(&all, "8.8.8.8"));
	assert_false(permits(&all, "2001:db8::1"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parse),
		cmocka_unit_test(test_permits),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
