/* What /proc says of a caller's signals. */
#undef NDEBUG
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fs/caller.h"

struct masks {
	int thread, process; /* pending; 0 none */
	int blocked, ignored, caught;
};

static unsigned long long bit(int signal)
{
	return signal ? 1ull << (signal - 1) : 0;
}

static bool ends(struct masks m)
{
	char text[512];
	int n = snprintf(text, sizeof(text),
		"Name:\tcat\nState:\tS (sleeping)\nTgid:\t42\nSigQ:\t1/100\nSigPnd:\t%016llx\n"
		"ShdPnd:\t%016llx\nSigBlk:\t%016llx\nSigIgn:\t%016llx\nSigCgt:\t%016llx\n",
		bit(m.thread), bit(m.process), bit(m.blocked), bit(m.ignored), bit(m.caught));
	return caller_status_ends(text, (size_t)n);
}

static void test_signals(void **state)
{
	(void)state;
	static const struct {
		struct masks masks;
		bool ends;
	} rows[] = {
		{{0}, false},
		{{.process = SIGINT}, true},
		{{.thread = SIGINT}, true},
		{{.process = SIGINT, .caught = SIGINT}, true}, /* ^C in python */
		{{.process = SIGTERM, .caught = SIGTERM}, true},
		{{.process = SIGKILL}, true},
		{{.process = SIGINT, .blocked = SIGINT}, false},
		{{.process = SIGHUP, .ignored = SIGHUP}, false}, /* nohup */
		{{.thread = SIGURG, .caught = SIGURG}, false},	 /* Go's scheduler */
		{{.thread = SIGURG}, false},			 /* ignored by default */
		{{.process = SIGCHLD, .caught = SIGCHLD}, false},
		{{.process = SIGWINCH, .caught = SIGWINCH}, false},
		{{.process = SIGALRM, .caught = SIGALRM}, false},
		{{.process = SIGALRM}, true}, /* its default ends the program */
		{{.process = SIGUSR1}, true},
		{{.process = SIGUSR1, .caught = SIGUSR1}, false},
		{{.process = SIGCONT}, false},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		if (ends(rows[i].masks) != rows[i].ends)
			fail_msg("row %zu", i);
}

static void test_odd_text(void **state)
{
	(void)state;
	assert_true(caller_status_ends("", 0)); /* the process has gone */
	assert_false(caller_status_ends("SigPnd:\n", 8));
	assert_false(caller_status_ends("SigPndX:\t0000000000000002\n", 26));
	assert_true(caller_status_ends("SigPnd:\t0000000000000002", 24)); /* no final newline */
}

static void test_this_process(void **state)
{
	(void)state;
	assert_int_equal(caller_process(getpid()), getpid());
	assert_int_equal(caller_process(0), 0);
	assert_int_equal(caller_process(-5), -5);
	assert_true(caller_is_ending(0)); /* in a namespace that we cannot see */
	assert_false(caller_is_ending(getpid()));
}

static void test_two_names(void **state)
{
	(void)state;
	assert_true(caller_gives_two_names(0)); /* nobody can say */
	assert_true(caller_gives_two_names(-1));
	int fds[2];
	assert_int_equal(pipe(fds), 0);
	pid_t child = fork();
	if (child == 0) {
		char byte;
		_exit(read(fds[0], &byte, 1) < 0);
	}
	bool gives = true; /* until it waits in read(2) */
	for (int i = 0; gives && i < 1000000; i++)
		gives = caller_gives_two_names(child);
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	close(fds[0]);
	close(fds[1]);
	if (geteuid() == 0)
		assert_false(gives);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_signals),
		cmocka_unit_test(test_odd_text),
		cmocka_unit_test(test_this_process),
		cmocka_unit_test(test_two_names),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
