/* resolv.conf and server addresses: what is taken, what is passed over, and when it is read again. */
#undef NDEBUG
#include "resolver/resolv_conf.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

/* The servers of a file, "ADDR@PORT ADDR@PORT". */
static const char *parse(const char *text, size_t len)
{
	static char all[RESOLV_CONF_SERVERS_MAX * SERVER_ADDRESS_TEXT_MAX];
	char one[SERVER_ADDRESS_TEXT_MAX];
	struct resolv_conf conf;

	resolv_conf_parse(text, len, &conf);
	all[0] = '\0';
	for (size_t i = 0; i < conf.count; i++) {
		if (i)
			strcat(all, " ");
		strcat(all, server_address_to_text(&conf.servers[i], one));
	}
	return all;
}

#define check(text, want) assert_string_equal(parse(text, sizeof(text) - 1), want)

static void takes_name_servers(void **state)
{
	(void)state;
	check("nameserver 10.0.0.1\n", "10.0.0.1@53");
	check("nameserver 10.0.0.1", "10.0.0.1@53");
	check("nameserver\t 10.0.0.1 \t\r\n", "10.0.0.1@53");
	check("search a b\nnameserver 10.0.0.2\noptions edns0\nnameserver 2001:DB8::1\n",
		"10.0.0.2@53 2001:db8::1@53");
	check("nameserver 10.0.0.1 # the router\n", "10.0.0.1@53");
	check("nameserver fe80::1%lo\n", "fe80::1%lo@53");
}

static void passes_over_the_rest(void **state)
{
	(void)state;
	check("# nameserver 10.0.0.9\n;nameserver 10.0.0.9\nnameserver 10.0.0.1\n", "10.0.0.1@53");
	check(" nameserver 10.0.0.9\nnameserver 10.0.0.1\n", "10.0.0.1@53");
	check("nameservers 10.0.0.9\nnameserve 10.0.0.9\nNAMESERVER 10.0.0.9\nnameserver 10.0.0.1\n",
		"10.0.0.1@53");
	check("nameserver 10.0.0.1:5353\nnameserver [::1]\nnameserver 10.1\nnameserver 010.0.0.1\n"
	      "nameserver dns.example\nnameserver 1.2.3.4.5\nnameserver\nnameserver ::1::\n",
		"127.0.0.1@53");
	check("nameserver fe80::1%nosuchif\n", "127.0.0.1@53");
	check("nameserver 10.0.0.1\0nameserver 10.0.0.2\n", "127.0.0.1@53");
	check("nameserver 10.0.0.1\nnameserver 10.0.0.1\nnameserver 10.0.0.2\n",
		"10.0.0.1@53 10.0.0.2@53");
	check("nameserver 10.0.0.1\nnameserver 10.0.0.2\nnameserver 10.0.0.3\nnameserver 10.0.0.4\n",
		"10.0.0.1@53 10.0.0.2@53 10.0.0.3@53");
}

static void none_means_this_host(void **state)
{
	(void)state;
	check("", "127.0.0.1@53");
	check("\n\n", "127.0.0.1@53");
	check("search example\n", "127.0.0.1@53");
}

/* Every cut of a file, in a buffer of exactly its size: a read past the end is seen by ASan. */
static void survives_any_cut(void **state)
{
	static const char text[] = "nameserver fe80::1%lo\r\nnameserver 10.0.0.1\n#";

	(void)state;
	for (size_t len = 0; len < sizeof(text); len++) {
		char *cut = malloc(len ? len : 1);

		memcpy(cut, text, len);
		parse(cut, len);
		free(cut);
	}
}

static void address_forms(void **state)
{
	static const struct {
		const char *text, *want;
	} good[] = {
		{"192.0.2.1", "192.0.2.1@53"},
		{"192.0.2.1:5353", "192.0.2.1@5353"},
		{"192.0.2.1:65535", "192.0.2.1@65535"},
		{"::1", "::1@53"},
		{"[::1]", "::1@53"},
		{"[::1]:5353", "::1@5353"},
		{"[fe80::1%lo]:53", "fe80::1%lo@53"},
	};
	static const char *const bad[] = {"", ":", ":53", "192.0.2.1:", "192.0.2.1:0",
		"192.0.2.1:65536", "192.0.2.1:+53", "192.0.2.1: 53", "192.0.2.1:99999999999",
		"192.0.2", "192.0.2.256", "[192.0.2.1]:53", "[::1", "::1]", "[]", "[]:53", "[::1]53",
		"[::1]:", "[::1]:x", "a.example", "192.0.2.1@53", " 192.0.2.1", "192.0.2.1 ",
		"1111:2222:3333:4444:5555:6666:7777:8888:9999", "fe80::1%", "::ffff:1.2.3.4.5",
		"fe80::1%aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"};
	char text[SERVER_ADDRESS_TEXT_MAX];
	struct server_address a;

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++) {
		assert_int_equal(server_address_parse(good[i].text, strlen(good[i].text), &a), 0);
		assert_string_equal(server_address_to_text(&a, text), good[i].want);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert_int_equal(server_address_parse(bad[i], strlen(bad[i]), &a), -EINVAL);
}

static void route_to_loopback(void **state)
{
	struct server_address a;

	(void)state;
	assert_int_equal(server_address_parse("127.0.0.1", 9, &a), 0);
	assert_int_equal(server_address_route(&a), 0);
}

static bool reaches(const char *address, const char *door)
{
	struct server_address a, d;

	assert_int_equal(server_address_parse(address, strlen(address), &a), 0);
	assert_int_equal(server_address_parse(door, strlen(door), &d), 0);
	return server_address_reaches(&a, &d);
}

static void what_reaches_a_door(void **state)
{
	(void)state;
	assert_true(reaches("127.0.0.1", "127.0.0.1:53"));
	assert_true(reaches("0.0.0.0", "127.0.0.1:53"));
	assert_true(reaches("127.0.0.1", "0.0.0.0:53"));
	assert_true(reaches("127.9.8.7", "0.0.0.0:53"));
	assert_true(reaches("127.0.0.1", "[::]:53")); /* it takes IPv4 too, if it may */
	assert_true(reaches("::1", "[::]:53"));
	assert_true(reaches("::", "[::1]:53"));
	assert_true(reaches("::ffff:127.0.0.1", "127.0.0.1:53"));
	assert_false(reaches("127.0.0.53", "127.0.0.1:53"));
	assert_false(reaches("127.0.0.1", "127.0.0.1:1053"));
	assert_false(reaches("192.0.2.1", "0.0.0.0:53"));
	assert_false(reaches("2001:db8::1", "[::]:53"));
	assert_false(reaches("::1", "127.0.0.1:53"));
}

static void write_file(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

static void read_again_when_changed(void **state)
{
	char path[] = "/tmp/test_resolv_conf.XXXXXX", other[sizeof(path) + 4], target[sizeof(path) + 8];
	struct watched_file file = {.path = path};
	char text[SERVER_ADDRESS_TEXT_MAX];
	struct resolv_conf conf;
	int fd = mkstemp(path);

	(void)state;
	assert_true(fd >= 0);
	close(fd);
	snprintf(other, sizeof(other), "%s.new", path);
	write_file(path, "nameserver 10.0.0.1\n");
	assert_true(resolv_conf_changed(&file, &conf));
	assert_string_equal(server_address_to_text(&conf.servers[0], text), "10.0.0.1@53");
	assert_false(resolv_conf_changed(&file, &conf));

	/* Replaced, as resolvconf and NetworkManager do it: same size, perhaps the same second. */
	write_file(other, "nameserver 10.0.0.2\n");
	assert_int_equal(rename(other, path), 0);
	assert_true(resolv_conf_changed(&file, &conf));
	assert_string_equal(server_address_to_text(&conf.servers[0], text), "10.0.0.2@53");

	/* A link that is turned elsewhere, as systemd-resolved and resolvconf(8) have it: the target
	 * may be older, and as long. */
	write_file(other, "nameserver 10.0.0.4\n");
	snprintf(target, sizeof(target), "%s.target", path);
	assert_int_equal(rename(path, target), 0);
	assert_int_equal(symlink(other, path), 0);
	assert_true(resolv_conf_changed(&file, &conf));
	assert_string_equal(server_address_to_text(&conf.servers[0], text), "10.0.0.4@53");
	assert_false(resolv_conf_changed(&file, &conf));
	assert_int_equal(unlink(path), 0);
	assert_int_equal(symlink(target, path), 0);
	assert_true(resolv_conf_changed(&file, &conf));
	assert_string_equal(server_address_to_text(&conf.servers[0], text), "10.0.0.2@53");

	/* Gone, or the link leads nowhere, or to what is no file: what it said stands. */
	assert_int_equal(unlink(target), 0);
	assert_false(resolv_conf_changed(&file, &conf));
	assert_int_equal(unlink(path), 0);
	assert_false(resolv_conf_changed(&file, &conf));
	assert_int_equal(mkfifo(path, 0600), 0); /* must not block */
	assert_false(resolv_conf_changed(&file, &conf));
	assert_int_equal(unlink(path), 0);
	write_file(path, "nameserver 10.0.0.3\n");
	assert_true(resolv_conf_changed(&file, &conf));
	assert_string_equal(server_address_to_text(&conf.servers[0], text), "10.0.0.3@53");
	unlink(other);
	unlink(path);
}

/* Not there at the first look: as an empty one, once; and read when it comes. */
static void comes_later(void **state)
{
	char path[] = "/tmp/test_resolv_conf.XXXXXX", text[SERVER_ADDRESS_TEXT_MAX];
	struct watched_file file = {.path = path};
	struct resolv_conf conf;

	(void)state;
	close(mkstemp(path));
	unlink(path);
	assert_true(resolv_conf_changed(&file, &conf));
	assert_string_equal(server_address_to_text(&conf.servers[0], text), "127.0.0.1@53");
	assert_false(resolv_conf_changed(&file, &conf));
	write_file(path, "nameserver 10.0.0.1\n");
	assert_true(resolv_conf_changed(&file, &conf));
	assert_string_equal(server_address_to_text(&conf.servers[0], text), "10.0.0.1@53");
	unlink(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(takes_name_servers),
		cmocka_unit_test(passes_over_the_rest),
		cmocka_unit_test(none_means_this_host),
		cmocka_unit_test(survives_any_cut),
		cmocka_unit_test(address_forms),
		cmocka_unit_test(route_to_loopback),
		cmocka_unit_test(read_again_when_changed),
		cmocka_unit_test(comes_later),
		cmocka_unit_test(what_reaches_a_door),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
