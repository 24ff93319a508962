/* Options: defaults by network, lists, files, and every mistake in one line that names it. */
#undef NDEBUG
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "fs/config.h"

static char complaint[1024];

/* Reads a command line, given as words; what it says on stderr is kept. */
static int read_line(struct config *c, const char *line)
{
	static char copy[1024];
	char *argv[32] = {(char *)"kadns"}, *rest = copy, *word;
	int argc = 1, saved = dup(2), ends[2];
	snprintf(copy, sizeof(copy), "%s", line);
	while ((word = strsep(&rest, " ")))
		if (*word)
			argv[argc++] = word;
	assert_int_equal(pipe(ends), 0);
	fflush(stderr);
	dup2(ends[1], 2);
	close(ends[1]);
	int r = config_read(argc, argv, c);
	fflush(stderr);
	dup2(saved, 2);
	close(saved);
	fcntl(ends[0], F_SETFL, O_NONBLOCK);
	ssize_t n = read(ends[0], complaint, sizeof(complaint) - 1);
	complaint[n > 0 ? n : 0] = 0;
	close(ends[0]);
	return r;
}

static void test_defaults(void **state)
{
	(void)state;
	struct config c;
	struct name anything, alt;
	setenv("XDG_STATE_HOME", "/x", 1);
	assert_int_equal(read_line(&c, "none /dns"), 0);
	assert_string_equal(complaint, "");
	assert_int_equal(c.port, 4001);
	assert_string_equal(c.source, "none");
	assert_string_equal(c.mountpoint, "/dns");
	assert_string_equal(c.state, geteuid() == 0 ? "/var/lib/kadns/4001" : "/x/kadns/4001");
	assert_int_equal(c.door[DOOR_DNS].len, 1);
	assert_false(c.dns_asked);
	assert_int_equal(c.upstream_len, 1);
	assert_string_equal(c.upstream[0], "system");
	assert_int_equal(c.deadline, 4000000);
	assert_int_equal(c.quota, 1000);
	assert_int_equal(c.lookups, 100);
	assert_int_equal(c.policy.mode, POLICY_GUARDED);
	assert_true(c.policy.lookup_always && c.policy.dht && c.policy.upstream);
	assert_int_equal(name_from_text("x.example", 9, &anything), 0);
	assert_int_equal(name_from_text("alt", 3, &alt), 0);
	assert_true(name_under(&anything, &c.policy.tofu.name[0]));
	assert_true(name_equal(&alt, &c.policy.private_ok.name[0]));
	config_finish(&c);
	/* The public network is told no more than must be, and gets no more than is its due. */
	assert_int_equal(read_line(&c, "mainline /dns"), 0);
	assert_true(c.mainline && c.limits);
	assert_false(c.policy.lookup_always);
	assert_int_equal(c.policy.tofu.len, 1);
	assert_true(name_equal(&alt, &c.policy.tofu.name[0]));
	assert_int_equal(c.policy.private_ok.len, 0);
	config_finish(&c);
}

static void test_options(void **state)
{
	(void)state;
	struct config c;
	assert_int_equal(read_line(&c, "-o port=4002,dns=127.0.0.1:1054,dns=[::1]:1054 -oro "
		"--upstream=192.0.2.1 --upstream=recursive -o trust=open,tofu=none,lookup=rescue,deadline=250ms,"
		"quota=5,lookups=9,state=/tmp/a\\,b,_netdev,x-systemd.automount,private_ok=corp.example,xattr 127.0.0.1:4001 /mnt"), 0);
	assert_int_equal(c.port, 4002);
	assert_int_equal(c.bind_len, 2); /* IPv4 and IPv6 */
	assert_int_equal(c.door[DOOR_DNS].len, 2);
	assert_true(c.dns_asked && c.read_only && c.xattr);
	assert_string_equal(c.door[DOOR_DNS].at[1].text, "[::1]:1054");
	assert_int_equal(c.allow.len, 0); /* on loopback nobody else can ask */
	assert_int_equal(c.upstream_len, 2);
	assert_string_equal(c.upstream[1], "recursive");
	assert_int_equal(c.policy.mode, POLICY_OPEN);
	assert_int_equal(c.policy.tofu.len, 0);
	assert_false(c.policy.lookup_always);
	assert_int_equal(c.deadline, 250000);
	assert_int_equal(c.quota, 5);
	assert_int_equal(c.lookups, 9);
	assert_string_equal(c.state, "/tmp/a,b");
	config_finish(&c);
	assert_int_equal(read_line(&c, "--no-dht --no-mount --upstream=none -o dns=off"), 0);
	assert_false(c.dht || c.mount || c.policy.upstream);
	assert_string_equal(c.source, "none");
	assert_int_equal(c.door[DOOR_DNS].len, 0);
	config_finish(&c);
	assert_int_equal(read_line(&c, "-o dht=off /dns"), 0);
	assert_string_equal(c.mountpoint, "/dns");
	config_finish(&c);
}

/* A door that others can reach is not opened for all of them by saying nothing. */
static void test_allow(void **state)
{
	(void)state;
	struct config c;
	static const char *const open[] = {"-o dns=0.0.0.0:53", "-o dns=[::]:53", "-o dns=192.0.2.1:53",
		"-o dns=127.0.0.1:53,dns=192.0.2.1:53", "-o dns=[::ffff:127.0.0.1]:53"};
	for (size_t i = 0; i < sizeof(open) / sizeof(*open); i++) {
		char line[128];
		snprintf(line, sizeof(line), "%s none /a", open[i]);
		assert_true(read_line(&c, line) < 0);
		assert_non_null(strstr(complaint, "is not on loopback: say who may ask, with allow=NET"));
		snprintf(line, sizeof(line), "%s,allow=10.0.0.0/8 none /a", open[i]);
		assert_int_equal(read_line(&c, line), 0);
		assert_int_equal(c.allow.len, 1);
		config_finish(&c);
	}
	assert_int_equal(read_line(&c, "-o dns=127.1.2.3:53,dns=[::1]:53 none /a"), 0);
	config_finish(&c);
	assert_int_equal(read_line(&c, "-o dns=192.0.2.1:53,dns=off none /a"), 0);
	config_finish(&c);
	assert_int_equal(read_line(&c, "-o dns=0.0.0.0:53,allow=10.0.0.0/8,allow=2001:db8::/32 none /a"), 0);
	assert_int_equal(c.allow.len, 2);
	assert_int_equal(c.allow.nets[0].bits, 8);
	assert_int_equal(c.allow.nets[1].family, AF_INET6);
	config_finish(&c);
}

static void test_tls(void **state)
{
	(void)state;
	struct config c;
	assert_int_equal(read_line(&c, "-o upstream=tls://192.0.2.1#dns.example none /a"), 0);
	config_finish(&c);
	assert_int_equal(read_line(&c, "-o upstream=corp@tls://[2001:db8::1]:8853#a.example none /a"), 0);
	assert_string_equal(c.upstream[0], "corp@tls://[2001:db8::1]:8853#a.example");
	config_finish(&c);
	assert_true(read_line(&c, "-o upstream=tls://192.0.2.1 none /a") < 0);
	assert_non_null(strstr(complaint, "certificate"));
	assert_true(read_line(&c, "-o upstream=tls://dns.example#dns.example none /a") < 0);
	assert_non_null(strstr(complaint, "not a name"));
	/* A door needs both files, and must not be one's own upstream. */
	assert_true(read_line(&c, "-o dot=127.0.0.1:853 none /a") < 0);
	assert_non_null(strstr(complaint, "dot=127.0.0.1:853 needs tls_cert=FILE"));
	assert_true(read_line(&c, "-o dot=127.0.0.1:853,tls_cert=/dev/null none /a") < 0);
	assert_non_null(strstr(complaint, "needs tls_key=FILE"));
#define DOOR "-o tls_cert=/dev/null,tls_key=/dev/null,dot=127.0.0.1:853,"
	assert_true(read_line(&c, DOOR "upstream=tls://127.0.0.1#dns.example none /a") < 0);
	assert_non_null(strstr(complaint, "that is our own door, dot=127.0.0.1:853"));
	assert_int_equal(read_line(&c, DOOR "upstream=tls://127.0.0.1:854#dns.example none /a"), 0);
	config_finish(&c);
	assert_int_equal(read_line(&c, DOOR "dot=[::1]:853 none /a"), 0);
	assert_int_equal(c.door[DOOR_DOT].len, 2);
	assert_string_equal(c.tls_cert, "/dev/null");
	config_finish(&c);
	assert_int_equal(read_line(&c, DOOR "dot=off none /a"), 0);
	assert_int_equal(c.door[DOOR_DOT].len, 0);
	config_finish(&c);
	assert_true(read_line(&c, "-o tls_key=/nowhere/at.all none /a") < 0);
	assert_true(read_line(&c, DOOR "dot=192.0.2.1:853 none /a") < 0);
	assert_non_null(strstr(complaint, "say who may ask"));
}

/* The last one given wins, as for every option that is no list. */
static void test_dht_and_limits(void **state)
{
	(void)state;
	static const struct {
		const char *line;
		bool dht, read_only, limits;
	} rows[] = {
		{"none /a", true, false, false},
		{"mainline /a", true, false, true},
		{"-o limits=on none /a", true, false, true},
		{"-o limits=off mainline /a", true, false, false},
		{"-o limits=off,limits=on mainline /a", true, false, true},
		{"-o dht=on none /a", true, false, false},
		{"--dht=read-only none /a", true, true, false},
		{"-o dht=read-only mainline /a", true, true, true},
		{"-o dht=read-only,dht=on none /a", true, false, false},
		{"-o dht=off,dht=read-only none /a", true, true, false},
		{"-o dht=read-only --no-dht none /a", false, false, false},
		{"-o dht=off /a", false, false, false},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct config c;
		assert_int_equal(read_line(&c, rows[i].line), 0);
		if (c.dht != rows[i].dht || c.dht_read_only != rows[i].read_only ||
			c.limits != rows[i].limits || c.read_only)
			fail_msg("%s", rows[i].line);
		config_finish(&c);
	}
}

static void test_file(void **state)
{
	(void)state;
	struct config c;
	char path[] = "/tmp/kadns-conf-XXXXXX", line[128];
	int fd = mkstemp(path);
	FILE *f = fdopen(fd, "w");
	fputs("# a comment\n\n  port=4005\r\nupstream=192.0.2.1\nupstream=192.0.2.2\ndns=127.0.0.1:5\nro\nquota=7\n", f);
	fclose(f);
	snprintf(line, sizeof(line), "-c %s -o upstream=192.0.2.3,quota=8 none /dns", path);
	assert_int_equal(read_line(&c, line), 0);
	assert_int_equal(c.port, 4005);
	assert_int_equal(c.quota, 8); /* the command line wins */
	assert_int_equal(c.upstream_len, 1); /* and its list replaces the file's */
	assert_string_equal(c.upstream[0], "192.0.2.3");
	assert_int_equal(c.door[DOOR_DNS].len, 1); /* the file's list replaces the default */
	assert_string_equal(c.door[DOOR_DNS].at[0].text, "127.0.0.1:5");
	assert_true(c.read_only);
	config_finish(&c);
	f = fopen(path, "w");
	fputs("quota=7\nport=4x\n", f);
	fclose(f);
	snprintf(line, sizeof(line), "-c %s none /dns", path);
	assert_true(read_line(&c, line) < 0);
	assert_non_null(strstr(complaint, ":2: port=4x"));
	f = fopen(path, "w");
	fputs("quota=7\n# all of us\ndns=192.0.2.1:53\n", f);
	fclose(f);
	assert_true(read_line(&c, line) < 0);
	assert_non_null(strstr(complaint, ":3: dns=192.0.2.1:53 is not on loopback"));
	unlink(path);
}

#define KEY "47pjoycnsrfmxikm95jh13y88e8qnhzu5kungjpxyepgt7a8krpy"

/* In a file a pin's words are as they are; of a list the command line's counts. */
static void test_pins(void **state)
{
	(void)state;
	struct config c;
	char path[] = "/tmp/kadns-test-XXXXXX", line[200];
	int fd = mkstemp(path);
	assert_true(fd >= 0);
	FILE *f = fdopen(fd, "w");
	fputs("pin=" KEY " example.com strict\npin=" KEY " as alice\n", f);
	fclose(f);
	snprintf(line, sizeof(line), "-c %s none /dns", path);
	assert_int_equal(read_line(&c, line), 0);
	assert_int_equal(c.pin_len, 2);
	assert_string_equal(c.pin[0], KEY " example.com strict");
	config_finish(&c);
	char arg[] = "--pin=" KEY " org", c_flag[] = "-c", none[] = "none", at[] = "/dns", me[] = "kadns";
	char *argv[] = {me, c_flag, path, arg, none, at, NULL};
	assert_int_equal(config_read(6, argv, &c), 0);
	assert_int_equal(c.pin_len, 1);
	assert_string_equal(c.pin[0], KEY " org");
	config_finish(&c);
	unlink(path);
}

static void test_mistakes(void **state)
{
	(void)state;
	static const struct {
		const char *line, *says;
	} rows[] = {
		{"", "SOURCE"}, {"none", "MOUNTPOINT"}, {"--no-mount", "SOURCE"},
		{"none /a /b", "/b"}, {"--no-mount none /a", "/a"},
		{"-o colour=blue none /a", "colour"}, {"--colour none /a", "colour"}, {"-x none /a", "-x"},
		{"-o", "-o"}, {"-c /nonexistent none /a", "/nonexistent"},
		{"-o port none /a", "port"}, {"-o port= none /a", "port"}, {"-o port=0 none /a", "port"},
		{"-o port=65536 none /a", "port"}, {"-o port=+5 none /a", "port"}, {"-o port=4x none /a", "port"},
		{"-o bind=1.2.3 none /a", "bind"}, {"-o bind=host none /a", "bind"},
		{"-o allow= none /a", "allow"}, {"-o allow=any none /a", "allow"}, {"-o allow=10.0.0.0/33 none /a", "allow"},
		{"-o allow=10.0.0.1/8 none /a", "bits are set behind the prefix"},
		{"-o allow_status=10.0.0.1/8 none /a", "allow_status=10.0.0.1/8: bits are set behind the prefix"}, {"-o allow_status= none /a", "allow_status"},
		{"-o dns=127.0.0.1 none /a", "dns"}, {"-o dns=localhost:53 none /a", "dns"}, {"-o dns=1.2.3.4:0 none /a", "dns"},
		{"-o upstream=nonsense none /a", "upstream"}, {"-o trust=yes none /a", "trust"},
		{"-o pin=" KEY " none /a", "a suffix follows"}, {"-o pin=# none /a", "pin"}, {"-o pin none /a", "pin"},
		{"-o tofu=a..b none /a", "tofu"}, {"-o lookup=never none /a", "lookup"},
		{"-o deadline=4 none /a", "deadline"}, {"-o deadline=31s none /a", "deadline"},
		{"-o deadline=99ms none /a", "deadline"}, {"-o deadline=99999999999999999999s none /a", "deadline"},
		{"-o quota=0 none /a", "quota"}, {"-o lookups=0 none /a", "lookups"},
		{"-o lookups=100001 none /a", "lookups"}, {"-o dht=maybe none /a", "dht"}, {"-o dht=readonly none /a", "dht"},
		{"-o limits none /a", "limits"}, {"-o limits=1 none /a", "limits"}, {"-o dht=Read-only none /a", "dht"}, {"-o ro=1 none /a", "ro"},
		{"-o xattr=on none /a", "xattr"},
		{"-o root_hints=/nonexistent none /a", "/nonexistent"}, {"-o trust_anchor=/nonexistent none /a", "/nonexistent"},
		{"-o log=loud none /a", "log"}, {"-o log none /a", "log"}, {"-o rw=1 none /a", "rw"}, {"-o user= none /a", "user"},
		{"-o default_permissions none /a", "default_permissions"},
		{"--no-dht 192.0.2.1:4001 /a", "dht=off"}, {"-fq none /a", "-fq"}, {"-o state= none /a", "state"},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct config c;
		if (read_line(&c, rows[i].line) == 0)
			fail_msg("accepted: %s", rows[i].line);
		char *end = strchr(complaint, '\n');
		if (!strstr(complaint, rows[i].says) || strncmp(complaint, "kadns: ", 7) != 0 || !end || end[1])
			fail_msg("%s: %s", rows[i].line, complaint);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_options),
		cmocka_unit_test(test_tls),
		cmocka_unit_test(test_dht_and_limits),
		cmocka_unit_test(test_file),
		cmocka_unit_test(test_pins),
		cmocka_unit_test(test_allow),
		cmocka_unit_test(test_mistakes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
