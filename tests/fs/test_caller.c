/* What /proc says of a caller's signals. */
#undef NDEBUG
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
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

static enum caller_signal signal_of(struct masks m)
{
	char text[512];
	int n = snprintf(text, sizeof(text),
		"Name:\tcat\nState:\tS (sleeping)\nTgid:\t42\nSigQ:\t1/100\nSigPnd:\t%016llx\n"
		"ShdPnd:\t%016llx\nSigBlk:\t%016llx\nSigIgn:\t%016llx\nSigCgt:\t%016llx\n",
		bit(m.thread), bit(m.process), bit(m.blocked), bit(m.ignored), bit(m.caught));
	return caller_signal_of(text, (size_t)n);
}

static void test_signals(void **state)
{
	(void)state;
	static const struct {
		struct masks masks;
		enum caller_signal signal;
	} rows[] = {
		{{0}, CALLER_NONE},
		{{.process = SIGINT}, CALLER_ENDING},
		{{.thread = SIGINT}, CALLER_ENDING},
		{{.process = SIGINT, .caught = SIGINT}, CALLER_ENDING}, /* ^C in python */
		{{.process = SIGTERM, .caught = SIGTERM}, CALLER_ENDING},
		{{.process = SIGKILL}, CALLER_ENDING},
		{{.process = SIGINT, .blocked = SIGINT}, CALLER_NONE},
		{{.process = SIGHUP, .ignored = SIGHUP}, CALLER_NONE}, /* nohup */
		{{.thread = SIGURG, .caught = SIGURG}, CALLER_MILD},   /* Go's scheduler */
		{{.thread = SIGURG}, CALLER_MILD},		       /* ignored by default */
		{{.process = SIGCHLD, .caught = SIGCHLD}, CALLER_MILD},
		{{.process = SIGWINCH, .caught = SIGWINCH}, CALLER_MILD},
		{{.process = SIGALRM, .caught = SIGALRM}, CALLER_CALL},
		{{.process = SIGALRM}, CALLER_ENDING}, /* its default ends the program */
		{{.process = SIGUSR1}, CALLER_ENDING},
		{{.process = SIGUSR1, .caught = SIGUSR1}, CALLER_CALL},
		{{.process = SIGCONT}, CALLER_MILD},
		{{.process = SIGTSTP}, CALLER_MILD}, /* ^Z */
		{{.process = SIGTSTP, .caught = SIGTSTP}, CALLER_CALL},
		{{.process = SIGTTIN}, CALLER_MILD},
		{{.process = SIGTTIN, .caught = SIGTTIN}, CALLER_CALL},
		{{.process = SIGTTOU}, CALLER_MILD},
		{{.process = SIGTTOU, .caught = SIGTTOU}, CALLER_CALL},
		{{.thread = SIGSTOP}, CALLER_MILD}, /* a debugger */
		{{.thread = SIGSTOP, .process = SIGTERM}, CALLER_ENDING},
		{{.thread = SIGURG, .process = SIGALRM, .caught = SIGALRM}, CALLER_CALL},
		{{.thread = SIGURG, .process = SIGTERM}, CALLER_ENDING},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		if (signal_of(rows[i].masks) != rows[i].signal)
			fail_msg("row %zu", i);
}

static void test_odd_text(void **state)
{
	(void)state;
	assert_int_equal(caller_signal_of("", 0), CALLER_ENDING); /* the process has gone */
	assert_int_equal(caller_signal_of("SigPnd:\n", 8), CALLER_NONE);
	assert_int_equal(caller_signal_of("SigPndX:\t0000000000000002\n", 26), CALLER_NONE);
	/* No final newline. */
	assert_int_equal(caller_signal_of("SigPnd:\t0000000000000002", 24), CALLER_ENDING);
}

static void test_this_process(void **state)
{
	(void)state;
	assert_int_equal(caller_process(getpid()), getpid());
	assert_int_equal(caller_process(0), 0);
	assert_int_equal(caller_process(-5), -5);
	assert_int_equal(caller_signal(0), CALLER_ENDING); /* in a namespace that we cannot see */
	assert_int_equal(caller_signal(getpid()), CALLER_NONE);
}

static void test_two_names(void **state)
{
	(void)state;
	assert_true(caller_gives_two_names(0)); /* nobody can say */
	assert_true(caller_gives_two_names(-1));
	assert_false(caller_makes_no_file(0));
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
	assert_false(caller_makes_no_file(child));
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	close(fds[0]);
	close(fds[1]);
	if (geteuid() == 0)
		assert_false(gives);
}

/* Stops a child at each of its system calls: what is said of it while it is in one of them? */
static void watch_calls(void (*call)(void), bool *ret_two_names, bool *ret_no_file)
{
	int status;
	*ret_two_names = *ret_no_file = false;
	pid_t child = fork();
	if (child == 0) {
		ptrace(PTRACE_TRACEME, 0, NULL, NULL);
		raise(SIGSTOP);
		call();
		_exit(0);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFSTOPPED(status));
	assert_int_equal(ptrace(PTRACE_SETOPTIONS, child, NULL, PTRACE_O_TRACESYSGOOD), 0);
	while (ptrace(PTRACE_SYSCALL, child, NULL, NULL) == 0 &&
		waitpid(child, &status, 0) == child && WIFSTOPPED(status)) {
		if (WSTOPSIG(status) != (SIGTRAP | 0x80))
			continue;
		*ret_two_names |= caller_gives_two_names(child);
		*ret_no_file |= caller_makes_no_file(child);
	}
	assert_true(WIFEXITED(status));
}

/* None of them succeeds; the number is all that is looked at. */
static void call_open(void)
{
	assert_int_equal(open("", O_CREAT | O_WRONLY, 0600), -1);
}
static void call_unlink(void)
{
	assert_int_equal(unlink(""), -1);
}
static void call_mkdir(void)
{
	assert_int_equal(mkdir("", 0700), -1);
}
static void call_mkdirat(void)
{
	assert_int_equal(mkdirat(AT_FDCWD, "", 0700), -1);
}
static void call_mknod(void)
{
	assert_int_equal(mknod("", S_IFIFO, 0), -1);
}
static void call_symlink(void)
{
	assert_int_equal(symlink("x", ""), -1);
}
static void call_symlinkat(void)
{
	assert_int_equal(symlinkat("x", AT_FDCWD, ""), -1);
}
static void call_link(void)
{
	assert_int_equal(link("", ""), -1);
}
static void call_linkat(void)
{
	assert_int_equal(linkat(AT_FDCWD, "", AT_FDCWD, "", 0), -1);
}
static void call_rename(void)
{
	assert_int_equal(rename("", ""), -1);
}
static void call_renameat(void)
{
	assert_int_equal(renameat(AT_FDCWD, "", AT_FDCWD, ""), -1);
}
static void call_renameat2(void)
{
	assert_int_equal(renameat2(AT_FDCWD, "", AT_FDCWD, "", RENAME_NOREPLACE), -1);
}

static void test_calls(void **state)
{
	(void)state;
	static const struct {
		void (*call)(void);
		bool two_names, no_file;
	} rows[] = {
		{call_open, false, false},
		{call_unlink, false, false},
		{call_mkdir, false, true},
		{call_mkdirat, false, true},
		{call_mknod, false, true},
		{call_symlink, false, true},
		{call_symlinkat, false, true},
		{call_link, true, true},
		{call_linkat, true, true},
		{call_rename, true, false},
		{call_renameat, true, false},
		{call_renameat2, true, false},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		bool two_names, no_file;
		watch_calls(rows[i].call, &two_names, &no_file);
		if (two_names != rows[i].two_names || no_file != rows[i].no_file)
			fail_msg("row %zu", i);
	}
}

static void *tell_thread(void *ends)
{
	const int *fds = ends;
	pid_t thread = gettid();
	char byte;
	if (write(fds[1], &thread, sizeof(thread)) == sizeof(thread))
		(void)!read(fds[1], &byte, 1); /* until it has been looked at */
	return NULL;
}

/* FUSE gives the number of a thread, and any of them may close what another has opened. */
static void test_threads(void **state)
{
	(void)state;
	int ends[2];
	pthread_t thread;
	pid_t number;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
	assert_int_equal(pthread_create(&thread, NULL, tell_thread, ends), 0);
	assert_int_equal(read(ends[0], &number, sizeof(number)), sizeof(number));
	assert_int_not_equal(number, getpid());
	assert_int_equal(caller_process(number), getpid());
	close(ends[0]);
	pthread_join(thread, NULL);
	close(ends[1]);
}

static void test_handed_on(void **state)
{
	(void)state;
	struct stat st;
	FILE *file = tmpfile();
	assert_non_null(file);
	int fd = fileno(file);
	assert_true(fd < 32);
	assert_int_equal(fstat(fd, &st), 0);
	assert_true(caller_holds(getpid(), st.st_dev, st.st_ino));
	assert_false(caller_holds(getpid(), st.st_dev, st.st_ino + 1));
	assert_false(caller_holds(getpid(), st.st_dev + 1, st.st_ino)); /* one's own file system */
	assert_false(caller_holds(getpid(), 0, st.st_ino));
	assert_false(caller_holds(0, st.st_dev, st.st_ino));
	assert_int_equal(dup2(fd, 100), 100);
	fclose(file);
	assert_false(caller_holds(getpid(), st.st_dev, st.st_ino)); /* far up: not looked for */
	close(100);
	assert_int_equal(stat("/", &st), 0);
	assert_int_equal(caller_device("/"), st.st_dev);
	assert_int_equal(caller_device("/no/such/place"), 0);
}

/* Not waited for yet, so /proc knows how it ended. */
static bool killed(int signal, int status)
{
	siginfo_t info;
	pid_t child = fork();
	if (child == 0) {
		raise(signal);
		_exit(status);
	}
	assert_int_equal(waitid(P_PID, (id_t)child, &info, WEXITED | WNOWAIT), 0);
	bool yes = caller_is_killed(child);
	assert_int_equal(waitpid(child, &status, 0), child);
	return yes;
}

static void test_killed(void **state)
{
	(void)state;
	assert_true(killed(SIGKILL, 0));
	assert_true(killed(SIGTERM, 0));
	assert_false(killed(SIGWINCH, 0));
	assert_false(killed(SIGWINCH, 255));
	assert_false(caller_is_killed(getpid()));
	assert_false(caller_is_killed(0));
	assert_false(caller_is_killed(-1));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_signals),
		cmocka_unit_test(test_odd_text),
		cmocka_unit_test(test_this_process),
		cmocka_unit_test(test_two_names),
		cmocka_unit_test(test_calls),
		cmocka_unit_test(test_threads),
		cmocka_unit_test(test_handed_on),
		cmocka_unit_test(test_killed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
