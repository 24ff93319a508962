/* The hosts file: what it says, what it does not, what it costs, and when it is read again. */
#undef NDEBUG
#include "resolver/hosts.h"
#include "resolver/question.h"
#include "tests/directory.h"

#include <arpa/inet.h>
#include <errno.h>
#include <event2/event.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static struct hosts_table *table;
static struct hosts_passed passed;

static void parse(const char *text)
{
	hosts_table_destroy(table);
	assert_int_equal(hosts_parse(text, strlen(text), 7, &table, &passed), 0);
}

static struct question question(const char *name, const char *type)
{
	struct question q = {.class = CLASS_IN};

	assert_int_equal(name_from_text(name, strlen(name), &q.name), 0);
	assert_true(type_from_text(type, strlen(type), &q.type));
	return q;
}

static void put_rdata(char *text, size_t cap, uint16_t type, const uint8_t *rdata, size_t len)
{
	size_t at = strlen(text), offset = 0;
	struct name name;

	if (type == TYPE_A || type == TYPE_AAAA) {
		assert_int_equal(len, type == TYPE_A ? 4 : 16);
		assert_non_null(inet_ntop(type == TYPE_A ? AF_INET : AF_INET6, rdata, text + at,
			(socklen_t)(cap - at)));
		return;
	}
	assert_int_equal(type, TYPE_PTR);
	assert_int_equal(name_from_wire(rdata, len, &offset, &name), 0);
	assert_int_equal(offset, len);
	assert_true(cap - at > NAME_TEXT_MAX);
	name_to_absolute(&name, text + at);
}

/* "A B": these records; "none": it says that there are none; "-": it says nothing. */
static const char *ask(const char *name, const char *type)
{
	static char text[8192];
	struct question q = question(name, type);
	const uint8_t *rdata;
	struct rrset *set;
	size_t len, cursor = 0;
	int r = hosts_find(table, &q, &set);

	assert_true(r == -ENOENT || hosts_may_have(table, &q));
	if (r == -ENOENT)
		return "-";
	assert_int_equal(r, 0);
	if (!set)
		return "none";
	text[0] = '\0';
	assert_int_equal(set->ttl, HOSTS_TTL);
	assert_true(name_equal(&set->question.name, &q.name));
	while (rrset_next(set, &cursor, &rdata, &len)) {
		if (text[0])
			strcat(text, " ");
		put_rdata(text, sizeof(text), q.type, rdata, len);
	}
	rrset_destroy(set);
	return text;
}

#define check(name, type, want) assert_string_equal(ask(name, type), want)

static void a_usual_one(void **state)
{
	(void)state;
	parse("127.0.0.1\tlocalhost\n127.0.1.1\thost.example.org\thost\r\n\n# comment\n"
	      "::1     localhost ip6-localhost # loopback\n192.168.1.5 Printer.Home.\n");
	assert_int_equal(passed.lines, 0);
	assert_int_equal(hosts_names(table), 5);
	check("localhost", "A", "127.0.0.1");
	check("localhost", "AAAA", "::1");
	check("host.example.org", "A", "127.0.1.1");
	check("host", "A", "127.0.1.1");
	check("printer.home", "A", "192.168.1.5");
	check("PRINTER.home", "A", "192.168.1.5");
	check("ip6-localhost", "AAAA", "::1");
	/* A name that is there has no other address than those that are there. */
	check("printer.home", "AAAA", "none");
	check("printer.home", "HTTPS", "none");
	check("printer.home", "SVCB", "none");
	/* What a hosts file cannot say is not its business. */
	check("printer.home", "MX", "-");
	check("printer.home", "TXT", "-");
	check("printer.home", "PTR", "-");
	/* Nor is a name above or below. */
	check("home", "A", "-");
	check("x.printer.home", "A", "-");
	check("example.org", "A", "-");
}

/* RFC 6761: localhost is both loopback addresses, though a file names one. */
static void localhost(void **state)
{
	(void)state;
	parse("127.0.0.1 localhost a.localhost localhost.example\n");
	check("localhost", "A", "127.0.0.1");
	check("localhost", "AAAA", "-");
	check("a.localhost", "AAAA", "-");
	check("localhost", "HTTPS", "none");
	check("localhost.example", "AAAA", "none");
}

static void other_classes(void **state)
{
	struct question q;
	struct rrset *set;

	(void)state;
	parse("10.0.0.1 a.example\n");
	q = question("a.example", "A");
	q.class = CLASS_CH;
	assert_int_equal(hosts_find(table, &q, &set), -ENOENT);
}

static void several_addresses(void **state)
{
	(void)state;
	parse("10.0.0.2 a.example b.example\n10.0.0.1 a.example\n10.0.0.2 c.example a.example\n"
	      "2001:db8::2 a.example\n");
	check("a.example", "A", "10.0.0.1 10.0.0.2");
	check("a.example", "AAAA", "2001:db8::2");
	check("c.example", "A", "10.0.0.2");
}

static void names_of_addresses(void **state)
{
	(void)state;
	parse("10.0.0.2 a.example b.example\n10.0.0.2 c.example\n10.0.0.3 a.example\n"
	      "2001:db8::a1 six.example\n0.0.0.0 ad.example\n:: ad.example\n"
	      "224.0.0.1 all.example\nff02::1 all.example\n");
	check("2.0.0.10.in-addr.arpa", "PTR", "a.example.");
	check("3.0.0.10.in-addr.arpa", "PTR", "a.example.");
	check("1.a.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa", "PTR",
		"six.example.");
	check("1.A.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.B.D.0.1.0.0.2.IP6.arpa", "PTR",
		"six.example.");
	/* Nobody's: they stand there to block names. */
	check("0.0.0.0.in-addr.arpa", "PTR", "-");
	check("0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.ip6.arpa", "PTR",
		"-");
	check("1.0.0.224.in-addr.arpa", "PTR", "-");
	check("1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.2.0.f.f.ip6.arpa", "PTR",
		"-");
	/* Not the names of addresses, or otherwise written. */
	check("02.0.0.10.in-addr.arpa", "PTR", "-");
	check("258.0.0.10.in-addr.arpa", "PTR", "-");
	check("0002.0.0.10.in-addr.arpa", "PTR", "-");
	check("x.0.0.10.in-addr.arpa", "PTR", "-");
	check("0.0.10.in-addr.arpa", "PTR", "-");
	check("5.2.0.0.10.in-addr.arpa", "PTR", "-");
	check("2.0.0.10.in-addr.example", "PTR", "-");
	check("1.g.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa", "PTR",
		"-");
	check("11.a.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa", "PTR",
		"-");
}

static void lines_passed_over(void **state)
{
	static const char key[] = "ybndrfg8ejkmcpqxot1uwisza345h769ybndrfg8ejkmcpqxot1o";
	static const char *const bad[] = {"10.0.0.1", "a.example", "10.0.0.256 a.example",
		"fe80::1%lo a.example", "10.1 a.example", "010.0.0.1 a.example", "10.0.0.1 .",
		"10.0.0.1 a..example", "10.0.0.1 a.example\\046b", "10.0.0.1 b\xc3\xbc.example",
		"10.0.0.1:53 a.example", "::1::2 a.example", "10.0.0.1, a.example"};
	char text[400];

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		snprintf(text, sizeof(text), "10.0.0.9 good.example\n\n%s\n10.0.0.8 too.example",
			bad[i]);
		parse(text);
		assert_int_equal(passed.lines, 1);
		assert_int_equal(passed.first, 3);
		check("good.example", "A", "10.0.0.9");
		check("too.example", "A", "10.0.0.8");
		check("a.example", "A", "-");
	}
	/* The names before a bad one stand, as they do for the C library. */
	parse("10.0.0.1 a.example b_ad! c.example\n");
	assert_int_equal(passed.lines, 1);
	check("a.example", "A", "10.0.0.1");
	check("c.example", "A", "-");
	/* Only its key speaks for a name under a key. */
	snprintf(text, sizeof(text), "10.0.0.1 www.%s\n10.0.0.2 %s\n", key, key);
	parse(text);
	assert_int_equal(passed.lines, 2);
	assert_int_equal(hosts_names(table), 0);
}

/* Every cut of a file, in a buffer of exactly its size: a read past the end is seen by ASan. */
static void survives_any_cut(void **state)
{
	static const char text[] = "10.0.0.1 a.example # b\r\n\t2001:db8::1\tsix.example six\n#";

	(void)state;
	for (size_t len = 0; len < sizeof(text); len++) {
		char *cut = malloc(len ? len : 1);

		memcpy(cut, text, len);
		hosts_table_destroy(table);
		assert_int_equal(hosts_parse(cut, len, 7, &table, &passed), 0);
		free(cut);
	}
}

static void bounds(void **state)
{
	enum { NAMES = 5 }; /* in a line */
	size_t cap = HOSTS_PAIRS_MAX * 16, at = 0;
	char *text = malloc(cap);

	(void)state;
	/* One name with many addresses: each is searched among the former. */
	for (unsigned i = 0; i < 1000; i++)
		at += (size_t)snprintf(
			text + at, cap - at, "10.0.%u.%u a.example\n", i / 256, i % 256);
	parse(text);
	assert_int_equal(passed.left_out, 1000 - HOSTS_ADDRESSES_MAX);
	at = 0;
	for (unsigned i = 0; i < HOSTS_PAIRS_MAX + NAMES; i += NAMES)
		at += (size_t)snprintf(text + at, cap - at,
			"0.0.0.0 n%u.ad n%u.ad n%u.ad n%u.ad n%u.ad\n", i, i + 1, i + 2, i + 3,
			i + 4);
	parse(text);
	assert_int_equal(passed.left_out, NAMES);
	assert_int_equal(hosts_names(table), HOSTS_PAIRS_MAX);
	check("n0.ad", "A", "0.0.0.0");
	check("n399999.ad", "A", "0.0.0.0");
	check("n400000.ad", "A", "-");
	free(text);
}

/* ---- the file ---- */

static char path[] = "/tmp/test_hosts.XXXXXX";
static char said[200];
static unsigned said_count;

static void say(void *ctx, const char *line)
{
	(void)ctx;
	snprintf(said, sizeof(said), "%s", line);
	said_count++;
}

static void write_file(const char *text)
{
	assert_int_equal(directory_put_file(path, text), 0);
}

static struct hosts_config config = {.path = path, .seed = 7, .say = say};

static void answers_of_a_file(void **state)
{
	struct question q = question("a.example", "A"), six = question("a.example", "AAAA");
	struct question other = question("b.example", "A");
	struct hosts_counters c;
	const struct answer *a;
	struct hosts *h;

	(void)state;
	assert_null(hosts_answer(NULL, &q));
	write_file("10.0.0.1 a.example\nwhat\n");
	assert_int_equal(hosts_open(&config, &h), 0);
	assert_int_equal(said_count, 1);
	assert_non_null(strstr(said, ":2: not an address and names"));
	a = hosts_answer(h, &q);
	assert_non_null(a);
	assert_int_equal(a->error, 0);
	assert_int_equal(a->source, SOURCE_HOSTS);
	assert_int_equal(a->trust, TRUST_SELF);
	assert_int_equal(a->ttl, HOSTS_TTL);
	assert_false(a->has_owner || a->validated);
	assert_ptr_equal(hosts_answer(h, &q), a); /* once made */
	a = hosts_answer(h, &six);
	assert_int_equal(a->error, -ENOENT);
	assert_int_equal(a->rcode, RCODE_NOERROR);
	assert_null(hosts_answer(h, &other));
	hosts_counters(h, &c);
	assert_int_equal(c.names, 1);
	assert_int_equal(c.answers, 3);
	assert_int_equal(c.loads, 1);
	/* Looked at again at once when it is said so; the same file is not read twice. */
	assert_int_equal(hosts_reopen(h, path), 0);
	hosts_counters(h, &c);
	assert_int_equal(c.loads, 1);
	write_file("10.0.0.2 b.example\n");
	assert_int_equal(hosts_reopen(h, path), 0);
	assert_null(hosts_answer(h, &q));
	assert_non_null(hosts_answer(h, &other));
	/* Gone for a moment, as where it is replaced: what it said stands. */
	unlink(path);
	said_count = 0;
	assert_int_equal(hosts_reopen(h, path), 0);
	assert_non_null(hosts_answer(h, &other));
	write_file("10.0.0.2 b.example\n");
	assert_int_equal(hosts_reopen(h, path), 0);
	unlink(path);
	assert_int_equal(hosts_reopen(h, path), 0);
	assert_non_null(hosts_answer(h, &other));
	assert_int_equal(said_count, 0);
	/* For good: nothing does, which is said once. */
	for (int i = 0; i < 3; i++) {
		assert_int_equal(hosts_reopen(h, path), 0);
		assert_null(hosts_answer(h, &other));
	}
	assert_int_equal(said_count, 1);
	assert_non_null(strstr(said, "is gone"));
	hosts_counters(h, &c);
	assert_int_equal(c.names, 0);
	/* Back, the same. None: nothing does. */
	write_file("10.0.0.2 b.example\n");
	assert_int_equal(hosts_reopen(h, path), 0);
	assert_non_null(hosts_answer(h, &other));
	assert_int_equal(hosts_reopen(h, NULL), 0);
	assert_null(hosts_answer(h, &other));
	hosts_close(h);
}

static void comes_later(void **state)
{
	struct question q = question("a.example", "A");
	struct hosts *h;

	(void)state;
	unlink(path);
	assert_int_equal(hosts_open(&config, &h), 0);
	assert_null(hosts_answer(h, &q));
	write_file("10.0.0.1 a.example\n");
	assert_null(hosts_answer(h, &q)); /* not looked at twice in a second */
	assert_int_equal(hosts_reopen(h, path), 0);
	assert_non_null(hosts_answer(h, &q));
	hosts_close(h);
}

/* So many lines, the last of them `last`: one of 16 bytes each. */
static void write_many(const char *address, size_t lines, const char *last)
{
	FILE *f = fopen(path, "we");

	assert_non_null(f);
	for (size_t i = 1; i < lines; i++)
		fprintf(f, "%s n%06zu\n", address, i);
	fprintf(f, "%s %s\n", address, last);
	assert_int_equal(fclose(f), 0);
}

#define MANY 20000 /* of 16 bytes: ten slices */

static bool is_address(struct hosts *h, const char *name, uint8_t last_byte)
{
	struct question q = question(name, "A");
	const struct answer *a = hosts_answer(h, &q);
	const struct answer_message *m = a ? &a->message[1] : NULL;

	return a && !a->error && m->bytes[m->len - 1] == last_byte;
}

static void is_read_in_slices(void **state)
{
	struct hosts_counters c;
	struct hosts *h;
	int turns = 0;

	(void)state;
	write_many("10.0.0.1", MANY, "last.one");
	assert_int_equal(hosts_open(&config, &h), 0);
	assert_true(is_address(h, "last.one", 1)); /* at the start it is whole at once */
	write_many("10.0.0.2", MANY, "last.two");
	assert_int_equal(hosts_reopen(h, path), 0);
	for (hosts_counters(h, &c); c.loads == 1; hosts_counters(h, &c)) {
		/* The former is whole until the new one is, and nothing is of both. */
		assert_true(is_address(h, "n000001", 1));
		assert_true(is_address(h, "last.one", 1));
		assert_false(is_address(h, "last.two", 2));
		assert_int_equal(hosts_reopen(h, path), 0); /* does not begin it anew */
		assert_int_equal(event_base_loop(config.base, EVLOOP_ONCE), 0);
		turns++;
	}
	assert_in_range(turns, MANY * 16 / HOSTS_SLICE - 1, MANY * 16 / HOSTS_SLICE + 1);
	assert_true(is_address(h, "n000001", 2));
	assert_true(is_address(h, "last.two", 2));
	assert_false(is_address(h, "last.one", 1));
	assert_int_equal(c.names, MANY);
	/* Another file, none, and the end, in the middle of it. */
	write_many("10.0.0.3", MANY, "last.three");
	assert_int_equal(hosts_reopen(h, path), 0);
	assert_int_equal(hosts_reopen(h, "/nowhere"), 0);
	assert_false(is_address(h, "n000001", 2));
	assert_int_equal(hosts_reopen(h, path), 0);
	assert_int_equal(hosts_reopen(h, NULL), 0);
	assert_false(is_address(h, "n000001", 3));
	assert_int_equal(hosts_reopen(h, path), 0);
	write_many("10.0.0.4", MANY, "last.four");
	assert_int_equal(hosts_reopen(h, path), 0);
	assert_true(is_address(h, "n000001", 3));
	hosts_close(h);
	assert_int_equal(event_base_loop(config.base, EVLOOP_NONBLOCK), 1); /* nothing is left */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_usual_one),
		cmocka_unit_test(localhost),
		cmocka_unit_test(other_classes),
		cmocka_unit_test(several_addresses),
		cmocka_unit_test(names_of_addresses),
		cmocka_unit_test(lines_passed_over),
		cmocka_unit_test(survives_any_cut),
		cmocka_unit_test(bounds),
		cmocka_unit_test(answers_of_a_file),
		cmocka_unit_test(comes_later),
		cmocka_unit_test(is_read_in_slices),
	};
	int fd = mkstemp(path), r;

	assert_true(fd >= 0);
	close(fd);
	config.base = event_base_new();
	r = cmocka_run_group_tests(tests, NULL, NULL);
	event_base_free(config.base);
	unlink(path);
	hosts_table_destroy(table);
	return r;
}
