/* The list of upstreams: from words, resolv.conf and our own doors to servers, and their counters.
 */
#undef NDEBUG
#include "resolver/upstream_list.h"
#include "tests/directory.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static char path[] = "/tmp/test_upstream_list.XXXXXX";
static char said[4][200];
static size_t said_len;

static void say(void *ctx, const char *line)
{
	(void)ctx;
	assert_true(said_len < 4);
	snprintf(said[said_len++], sizeof(said[0]), "%s", line);
}

static void write_conf(const char *text)
{
	assert_int_equal(directory_put_file(path, text), 0);
}

static struct upstream_config config_of(const char *const *words)
{
	struct upstream_config config = {.resolv_conf = path, .say = say};

	while (words[config.list_len]) {
		config.list[config.list_len] = words[config.list_len];
		config.list_len++;
	}
	return config;
}

#define WORDS(...) ((const char *const[]){__VA_ARGS__, NULL})

static struct upstream_list *make(const char *const *words)
{
	struct upstream_config config = config_of(words);
	struct upstream_list *list;

	said_len = 0;
	assert_int_equal(upstream_list_create(&config, &list), 0);
	return list;
}

/* "ID LABEL" of each. */
static const char *shown(const struct upstream_list *list)
{
	static char text[4000];
	const struct frame_servers *s = upstream_list_servers(list);
	size_t at = 0;

	text[0] = '\0';
	for (size_t i = 0; i < s->len; i++)
		at += (size_t)snprintf(text + at, sizeof(text) - at, "%s%u %s", i ? ", " : "",
			s->servers[i].id, s->servers[i].label);
	return text;
}

static void in_the_order_of_the_words(void **state)
{
	struct upstream_list *list;

	(void)state;
	write_conf("nameserver 10.0.0.1\nnameserver 10.0.0.2\n");
	list = make(WORDS("192.0.2.1", "system", "corp@10.1.1.1", "recursive", "system"));
	assert_string_equal(shown(list),
		"1 192.0.2.1, 2 10.0.0.1@53, 3 10.0.0.2@53, 4 corp@10.1.1.1, "
		"5 recursive");
	assert_int_equal(upstream_list_servers(list)->servers[3].zone.len, 6);
	assert_int_equal(upstream_list_servers(list)->servers[4].recursive, 1);
	upstream_list_destroy(list);
	list = make(WORDS("192.0.2.1", "192.0.2.1", "corp@192.0.2.1", "corp@192.0.2.1"));
	assert_string_equal(shown(list), "1 192.0.2.1, 2 corp@192.0.2.1");
	upstream_list_destroy(list);
}

static int relay(void *ctx, const char *word, struct server_address *ret_address)
{
	assert_string_equal(word, "tls://192.0.2.1#dns.example");
	return ctx ? *(int *)ctx : server_address_parse("127.0.0.1:4053", 14, ret_address);
}

/* Who may hear of this network's addresses: neighbours, and who was named for a zone. What counts
 * is who is spoken to, not the relay on loopback. */
static void neighbours(void **state)
{
	static const struct {
		const char *word;
		uint8_t lan;
	} rows[] = {{"192.0.2.1", 0}, {"8.8.8.8:5353", 0}, {"[2001:db8::1]:53", 0},
		{"recursive", 0}, {"172.32.0.1", 0}, {"10.1.1.1", 1}, {"172.31.0.1", 1},
		{"192.168.1.1", 1}, {"169.254.1.1", 1}, {"127.0.0.53", 1}, {"::1", 1},
		{"fd00::1", 1}, {"fe80::1%lo", 1}, {"corp@192.0.2.1", 1},
		{"10.in-addr.arpa@192.0.2.1", 1}, {"corp@recursive", 0}};
	struct upstream_config config = config_of(WORDS("tls://192.0.2.1#dns.example"));
	struct upstream_list *list;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		list = make(WORDS(rows[i].word));
		assert_int_equal(upstream_list_servers(list)->servers[0].lan, rows[i].lan);
		upstream_list_destroy(list);
	}
	write_conf("nameserver 10.0.0.1\nnameserver 9.9.9.9\n");
	list = make(WORDS("system"));
	assert_int_equal(upstream_list_servers(list)->servers[0].lan, 1);
	assert_int_equal(upstream_list_servers(list)->servers[1].lan, 0);
	upstream_list_destroy(list);
	config.relay = relay;
	assert_int_equal(upstream_list_create(&config, &list), 0);
	assert_int_equal(upstream_list_servers(list)->servers[0].lan, 0);
	upstream_list_destroy(list);
}

/* Every server's context knows the zones of the others, so all begin anew with them. */
static void other_zones(void **state)
{
	struct upstream_list *list = make(WORDS("192.0.2.1", "corp@10.1.1.1"));
	struct upstream_config config = config_of(WORDS("corp@10.1.1.1", "192.0.2.1"));

	(void)state;
	assert_int_equal(upstream_list_reload(list, &config), 0);
	assert_string_equal(shown(list), "2 corp@10.1.1.1, 1 192.0.2.1");
	config = config_of(WORDS("192.0.2.1", "corp@10.1.1.1", "lab@10.1.1.2"));
	assert_int_equal(upstream_list_reload(list, &config), 0);
	assert_string_equal(shown(list), "3 192.0.2.1, 4 corp@10.1.1.1, 5 lab@10.1.1.2");
	config = config_of(WORDS("192.0.2.1"));
	assert_int_equal(upstream_list_reload(list, &config), 0);
	assert_string_equal(shown(list), "6 192.0.2.1");
	upstream_list_destroy(list);
}

static void bad_words(void **state)
{
	static const char *const bad[] = {"192.0.2.1:", "corp@system", "none"};
	struct upstream_config config;
	struct upstream_list *list;

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		config = config_of(WORDS("192.0.2.1", bad[i]));
		assert_int_equal(upstream_list_create(&config, &list), -EINVAL);
	}
	config = config_of(WORDS("tls://192.0.2.1#dns.example"));
	assert_int_equal(upstream_list_create(&config, &list), -EOPNOTSUPP);
	config = config_of(WORDS("192.0.2.1"));
	config.list_len = UPSTREAM_MAX + 1;
	assert_int_equal(upstream_list_create(&config, &list), -EINVAL);
}

static void relays(void **state)
{
	struct upstream_config config = config_of(WORDS("corp@tls://192.0.2.1#dns.example"));
	struct upstream_list *list;
	char text[SERVER_ADDRESS_TEXT_MAX];
	int error = -EMFILE;

	(void)state;
	config.relay = relay;
	assert_int_equal(upstream_list_create(&config, &list), 0);
	assert_string_equal(shown(list), "1 corp@tls://192.0.2.1#dns.example");
	assert_string_equal(
		server_address_to_text(&upstream_list_servers(list)->servers[0].address, text),
		"127.0.0.1@4053");
	upstream_list_destroy(list);
	config.relay_ctx = &error;
	assert_int_equal(upstream_list_create(&config, &list), -EMFILE);
}

static int any_relay(void *ctx, const char *word, struct server_address *ret_address)
{
	(void)ctx;
	/* By the last octet of tls://192.0.2.N#… */
	char text[] = "127.9.9.9";
	text[8] = word[14];
	return server_address_parse(text, 9, ret_address);
}

static const char *ails(void *ctx, const struct server_address *address)
{
	char text[SERVER_ADDRESS_TEXT_MAX];
	server_address_to_text(address, text);
	return text[8] == *(const char *)ctx ? "refused" : "";
}

/* Whose fault it is that a name was not answered: of those only that are asked for it. */
static void why_a_name_fails(void **state)
{
	struct upstream_config config = config_of(
		WORDS("tls://192.0.2.1#a.example", "192.0.2.9", "tls://192.0.2.2#a.example",
			"corp@tls://192.0.2.3#a.example", "lab.corp@192.0.2.9"));
	struct upstream_list *list;
	struct name other, corp, lab;
	char bad = '2';

	(void)state;
	assert_int_equal(name_from_text("www.example", 11, &other), 0);
	assert_int_equal(name_from_text("www.corp", 8, &corp), 0);
	assert_int_equal(name_from_text("www.lab.corp", 12, &lab), 0);
	config.relay = any_relay;
	config.relay_why = ails;
	config.relay_ctx = &bad;
	assert_int_equal(upstream_list_create(&config, &list), 0);
	assert_string_equal(upstream_list_why(list, &other), "tls://192.0.2.2#a.example: refused");
	assert_string_equal(upstream_list_why(list, &corp), "");
	bad = '3';
	assert_string_equal(upstream_list_why(list, &other), "");
	assert_string_equal(upstream_list_why(list, &corp), "tls://192.0.2.3#a.example: refused");
	assert_string_equal(upstream_list_why(list, &lab), "");
	upstream_list_destroy(list);
}

/* A relay that would lead to a door of ours is left out, though its own address is none. */
static void a_door_behind_a_relay(void **state)
{
	struct upstream_config config = config_of(
		WORDS("tls://192.0.2.1#a.example", "tls://192.0.2.2#a.example"));
	struct upstream_list *list;
	struct server_address door;

	(void)state;
	config.relay = any_relay;
	assert_int_equal(upstream_list_create(&config, &list), 0);
	assert_int_equal(server_address_parse("192.0.2.1:853", 13, &door), 0);
	said_len = 0;
	upstream_list_doors(list, &door, 1);
	assert_string_equal(shown(list), "2 tls://192.0.2.2#a.example");
	assert_int_equal(said_len, 1);
	upstream_list_destroy(list);
}

static void resolv_conf_changes(void **state)
{
	struct upstream_list *list;

	(void)state;
	write_conf("nameserver 10.0.0.1\n");
	list = make(WORDS("192.0.2.1", "system"));
	assert_string_equal(shown(list), "1 192.0.2.1, 2 10.0.0.1@53");
	/* Another network may well have the same address for another server. */
	write_conf("nameserver 10.0.0.1\nnameserver 10.0.0.2\n");
	assert_true(upstream_list_refresh(list));
	assert_string_equal(shown(list), "1 192.0.2.1, 3 10.0.0.1@53, 4 10.0.0.2@53");
	/* Not looked at twice in a second. */
	write_conf("nameserver 10.0.0.3\n");
	assert_false(upstream_list_refresh(list));
	upstream_list_destroy(list);
}

static void reload(void **state)
{
	struct upstream_list *list;
	struct upstream_config config;

	(void)state;
	write_conf("nameserver 10.0.0.1\n");
	list = make(WORDS("192.0.2.1", "system", "192.0.2.2"));
	assert_string_equal(shown(list), "1 192.0.2.1, 2 10.0.0.1@53, 3 192.0.2.2");
	/* What stays keeps what is known of it, wherever it stands now. */
	config = config_of(WORDS("192.0.2.2", "192.0.2.3", "system"));
	assert_int_equal(upstream_list_reload(list, &config), 0);
	assert_string_equal(shown(list), "3 192.0.2.2, 4 192.0.2.3, 2 10.0.0.1@53");
	/* A bad word changes nothing. */
	config = config_of(WORDS("192.0.2.9", "what"));
	assert_int_equal(upstream_list_reload(list, &config), -EINVAL);
	assert_string_equal(shown(list), "3 192.0.2.2, 4 192.0.2.3, 2 10.0.0.1@53");
	/* What is validated and what is not was settled when a server's contexts were made. */
	config = config_of(WORDS("192.0.2.2", "system"));
	config.insecure_len = 1;
	assert_int_equal(name_from_text("corp", 4, &config.insecure[0]), 0);
	assert_int_equal(upstream_list_reload(list, &config), 0);
	assert_string_equal(shown(list), "5 192.0.2.2, 6 10.0.0.1@53");
	assert_int_equal(upstream_list_servers(list)->insecure_len, 1);
	assert_int_equal(upstream_list_reload(list, &config), 0);
	assert_string_equal(shown(list), "5 192.0.2.2, 6 10.0.0.1@53");
	upstream_list_destroy(list);
}

static void own_doors_are_left_out(void **state)
{
	struct server_address doors[2];
	struct upstream_list *list;

	(void)state;
	write_conf("nameserver 127.0.0.1\nnameserver 10.0.0.1\n");
	list = make(WORDS("system", "127.0.0.1:1053", "corp@[::1]:1053"));
	assert_string_equal(
		shown(list), "1 127.0.0.1@53, 2 10.0.0.1@53, 3 127.0.0.1:1053, 4 corp@[::1]:1053");
	assert_int_equal(server_address_parse("127.0.0.1", 9, &doors[0]), 0);
	assert_int_equal(server_address_parse("[::]:1053", 9, &doors[1]), 0);
	upstream_list_doors(list, doors, 2);
	assert_string_equal(shown(list), "2 10.0.0.1@53");
	assert_int_equal(said_len, 1);
	assert_string_equal(said[0], "upstream 127.0.0.1@53 is our own DNS door: it is left out");
	/* Nor when a later file says so, and silently then. */
	write_conf("nameserver 10.0.0.2\nnameserver 127.0.0.1\n");
	assert_true(upstream_list_refresh(list));
	assert_string_equal(shown(list), "5 10.0.0.2@53");
	assert_int_equal(said_len, 1);
	upstream_list_destroy(list);
}

struct sum {
	char text[400];
};

static bool is_left_out(const struct upstream_list *list, size_t i)
{
	return upstream_list_servers(list)->servers[i].loops;
}

static void one_that_asks_us(void **state)
{
	struct upstream_config config;
	struct upstream_list *list;
	struct server_address elsewhere;
	struct name www, corp, example, other;

	(void)state;
	assert_int_equal(name_from_text("example", 7, &example), 0);
	assert_int_equal(name_from_text("www.other", 9, &other), 0);
	assert_int_equal(server_address_parse("127.0.0.9", 9, &elsewhere), 0);
	assert_int_equal(name_from_text("www.example", 11, &www), 0);
	assert_int_equal(name_from_text("www.corp", 8, &corp), 0);
	write_conf("nameserver 10.0.0.1\nnameserver 10.0.0.2\n");
	list = make(WORDS("corp@192.0.2.1", "system", "recursive"));
	/* A zone's is asked for its names alone, recursion no loop; and each has its turn once in a
	 * while. */
	assert_int_equal(upstream_list_suspect(list, &corp, 0)->id, 1);
	assert_null(upstream_list_suspect(list, &corp, 0));
	assert_null(upstream_list_suspect(list, &corp, 1));
	assert_int_equal(upstream_list_suspect(list, &www, 0)->id, 2);
	assert_null(upstream_list_suspect(list, &www, 0));
	assert_int_equal(upstream_list_suspect(list, &www, 1)->id, 3);
	assert_null(upstream_list_suspect(list, &www, 2));
	assert_null(upstream_list_suspect(list, &www, 3));
	assert_string_equal(upstream_list_why(list, &www), "");
	upstream_list_loops(list, 2);
	upstream_list_loops(list, 77);
	assert_true(!is_left_out(list, 0) && is_left_out(list, 1) && !is_left_out(list, 2));
	assert_int_equal(said_len, 1);
	assert_non_null(strstr(said[0], "upstream 10.0.0.1@53 asks us"));
	assert_string_equal(upstream_list_why(list, &www), "10.0.0.1@53" UPSTREAM_WHY_LOOP);
	assert_string_equal(upstream_list_why(list, &corp), "");
	/* Of names below one domain it is said, but the server is asked on. */
	upstream_list_loops_below(list, 3, &example);
	upstream_list_loops_below(list, 3, &example);
	upstream_list_loops_below(list, 2, &example); /* it is left out as it is */
	assert_int_equal(said_len, 2);
	assert_string_equal(said[1], "upstream 10.0.0.2@53 asks us what we ask it below example");
	assert_false(is_left_out(list, 2));
	upstream_list_loops(list, 1);
	assert_string_equal(upstream_list_why(list, &corp), "corp@192.0.2.1" UPSTREAM_WHY_LOOP);
	assert_string_equal(upstream_list_why(list, &www), "10.0.0.1@53" UPSTREAM_WHY_LOOP);
	assert_false(upstream_list_retry(list));
	/* Another door is no reason to believe it again; who reloads has perhaps mended it. */
	upstream_list_doors(list, &elsewhere, 1);
	assert_true(is_left_out(list, 1));
	config = config_of(WORDS("corp@192.0.2.1", "system", "recursive"));
	assert_int_equal(upstream_list_reload(list, &config), 0);
	assert_string_equal(
		shown(list), "1 corp@192.0.2.1, 2 10.0.0.1@53, 3 10.0.0.2@53, 4 recursive");
	assert_false(is_left_out(list, 0) || is_left_out(list, 1));
	assert_string_equal(upstream_list_why(list, &www), "");
	upstream_list_loops_below(list, 3, &example);
	assert_string_equal(upstream_list_why(list, &www), "10.0.0.2@53" UPSTREAM_WHY_LOOP);
	assert_string_equal(upstream_list_why(list, &corp), "");
	assert_string_equal(upstream_list_why(list, &other), "");
	assert_int_equal(upstream_list_suspect(list, &www, 0)->id, 2);
	upstream_list_destroy(list);
}

static void put_server(void *ctx, size_t i, const struct upstream_server *s)
{
	struct sum *sum = ctx;
	size_t at = strlen(sum->text);

	snprintf(sum->text + at, sizeof(sum->text) - at, "%zu %s %llu %llu %llu %u %d %s; ", i,
		s->label, (unsigned long long)s->asked, (unsigned long long)s->answered,
		(unsigned long long)s->failed, s->rtt, s->down, s->dnssec);
}

static const char *counted(const struct upstream_list *list)
{
	static struct sum sum;

	sum.text[0] = '\0';
	upstream_list_each(list, put_server, &sum);
	return sum.text;
}

/* The counts go on when the validator dies, and go with the server when its place changes. */
static void counters(void **state)
{
	const struct server_counters told[] = {{.id = 2,
						       .rtt = 1500,
						       .asked = 10,
						       .answered = 7,
						       .failed = 3,
						       .down = 1,
						       .dnssec = DNSSEC_STRIPS},
		{.id = 77, .asked = 1000}};
	struct upstream_list *list;
	struct upstream_config config;

	(void)state;
	list = make(WORDS("192.0.2.1", "192.0.2.2"));
	upstream_list_count(list, told, 2);
	upstream_list_count(list, told, 2);
	assert_string_equal(counted(list), "0 192.0.2.1 0 0 0 0 0 unknown; "
					   "1 192.0.2.2 10 7 3 1500 1 strips; ");
	upstream_list_died(list);
	assert_string_equal(counted(list), "0 192.0.2.1 0 0 0 0 0 unknown; "
					   "1 192.0.2.2 10 7 3 0 0 unknown; ");
	upstream_list_count(list, told, 1);
	config = config_of(WORDS("192.0.2.2"));
	assert_int_equal(upstream_list_reload(list, &config), 0);
	assert_string_equal(counted(list), "0 192.0.2.2 20 14 6 1500 1 strips; ");
	upstream_list_destroy(list);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(in_the_order_of_the_words),
		cmocka_unit_test(neighbours),
		cmocka_unit_test(other_zones),
		cmocka_unit_test(bad_words),
		cmocka_unit_test(relays),
		cmocka_unit_test(why_a_name_fails),
		cmocka_unit_test(a_door_behind_a_relay),
		cmocka_unit_test(resolv_conf_changes),
		cmocka_unit_test(reload),
		cmocka_unit_test(own_doors_are_left_out),
		cmocka_unit_test(one_that_asks_us),
		cmocka_unit_test(counters),
	};
	int fd = mkstemp(path), r;

	assert_true(fd >= 0);
	close(fd);
	r = cmocka_run_group_tests(tests, NULL, NULL);
	unlink(path);
	return r;
}
