/* What a process in the sandbox may not do, each tried by a process of its own, and what it may. */
#undef NDEBUG
#include "resolver/confine.h"
#include "resolver/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

/* An act returns 0 when it went well, else errno. */
typedef int act(void);

static int as_errno(long result)
{
	return result < 0 ? errno : 0;
}

static int executes(void)
{
	char *const argv[] = {(char *)"true", NULL};

	return as_errno(execv("/bin/true", argv));
}

static int forks(void)
{
	return as_errno(syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0));
}

static int traces(void)
{
	return as_errno(ptrace(PTRACE_ATTACH, getppid(), NULL, NULL));
}

static int reads_memory(void)
{
	char byte;
	struct iovec here = {&byte, 1}, there = {(void *)&errno, 1};

	return as_errno(process_vm_readv(getppid(), &here, 1, &there, 1, 0));
}

static int signals(void)
{
	return as_errno(kill(getppid(), 0));
}

static int reads_file(void)
{
	return as_errno(open("/etc/passwd", O_RDONLY));
}

static int makes_file(void)
{
	return as_errno(open("/tmp/test_sandbox.made", O_WRONLY | O_CREAT, 0600));
}

static int removes_file(void)
{
	return as_errno(unlink("/tmp/test_sandbox.made"));
}

static int lists_directory(void)
{
	return as_errno(open("/etc", O_RDONLY | O_DIRECTORY));
}

static int unix_socket(void)
{
	return as_errno(socket(AF_UNIX, SOCK_STREAM, 0));
}

static int packet_socket(void)
{
	return as_errno(socket(AF_PACKET, SOCK_RAW, 0));
}

static int netlink_socket(void)
{
	return as_errno(socket(AF_NETLINK, SOCK_RAW, 0));
}

static int makes_code(void)
{
	void *at = mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return at == MAP_FAILED ? errno : 0;
}

static int turns_into_code(void)
{
	void *at = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return at == MAP_FAILED ? 0 : as_errno(mprotect(at, 4096, PROT_READ | PROT_EXEC));
}

static int new_namespace(void)
{
	return as_errno(syscall(SYS_unshare, 0x10000000 /* CLONE_NEWUSER */));
}

static int internet_socket(void)
{
	int udp = socket(AF_INET, SOCK_DGRAM, 0), tcp = socket(AF_INET6, SOCK_STREAM, 0);

	if (udp < 0 || (tcp < 0 && errno != EAFNOSUPPORT))
		return errno;
	return 0;
}

static int allocates(void)
{
	char *much = malloc(10 << 20);

	if (!much)
		return ENOMEM;
	memset(much, 1, 10 << 20);
	free(much);
	return 0;
}

static int like_the_validator(const char **ret_why)
{
	int r = confine("nobody", ret_why);

	return r ? r : sandbox_enter(ret_why);
}

static int (*enter)(const char **ret_why) = like_the_validator;

/* What it was in a process like the validator, or the signer: its errno. */
static int try_inside(act *what)
{
	int status;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		const char *why;

		if (enter(&why)) {
			fprintf(stderr, "%s: %s\n", why, strerror(errno));
			_exit(255);
		}
		_exit(what());
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_not_equal(WEXITSTATUS(status), 255);
	return WEXITSTATUS(status);
}

static void forbidden(void **state)
{
	static act *const acts[] = {executes, forks, traces, reads_memory, signals, reads_file,
		lists_directory, makes_file, removes_file, unix_socket, packet_socket, netlink_socket, makes_code,
		turns_into_code, new_namespace};

	(void)state;
	for (size_t i = 0; i < sizeof(acts) / sizeof(*acts); i++) {
		int r = try_inside(acts[i]);

		if (r != EPERM)
			fail_msg("act %zu: %s", i, strerror(r));
	}
}

static void allowed(void **state)
{
	(void)state;
	assert_int_equal(try_inside(internet_socket), 0);
	assert_int_equal(try_inside(allocates), 0);
}

/* The directory of a process that keeps files. */
static int files;
static char there[] = "/tmp/test_sandbox.XXXXXX";

static int keeps_file(void)
{
	int r, fd = openat(files, "key", O_WRONLY | O_CREAT | O_EXCL, 0600);

	if (fd < 0)
		return errno;
	r = pwrite(fd, "k", 1, 0) != 1 || fsync(fd) || renameat2(files, "key", files, "kept", RENAME_NOREPLACE);
	if (r == 0)
		r = openat(files, ".", O_RDONLY | O_DIRECTORY) < 0;
	return r ? errno : as_errno(unlinkat(files, "kept", 0));
}

static int leaves_directory(void)
{
	return as_errno(openat(files, "/etc/passwd", O_RDONLY));
}

static int climbs_out(void)
{
	return as_errno(openat(files, "../test_sandbox.made", O_WRONLY | O_CREAT, 0600));
}

static int reads_metadata(void)
{
	struct stat st;

	return as_errno(stat("/etc/passwd", &st));
}

static int any_socket(void)
{
	return as_errno(socket(AF_INET, SOCK_DGRAM, 0));
}

static int pair_of_sockets(void)
{
	int pair[2];

	return as_errno(socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
}

static int confine_with_files(const char **ret_why)
{
	int r = confine(NULL, ret_why);

	return r ? r : sandbox_enter_files(files, ret_why);
}

/* By the filter: EPERM; by Landlock: EACCES, and then only where the kernel has that. */
static void files_of_one_directory(void **state)
{
	static act *const acts[] = {executes, forks, traces, reads_memory, signals, reads_file,
		lists_directory, makes_file, removes_file, unix_socket, any_socket, pair_of_sockets,
		makes_code, turns_into_code, new_namespace, reads_metadata};

	(void)state;
	assert_non_null(mkdtemp(there));
	files = open(there, O_RDONLY | O_DIRECTORY);
	assert_true(files >= 0);
	enter = confine_with_files;
	assert_int_equal(try_inside(allocates), 0);
	assert_int_equal(try_inside(keeps_file), 0);
	for (size_t i = 0; i < sizeof(acts) / sizeof(*acts); i++) {
		int r = try_inside(acts[i]);

		if (r != EPERM)
			fail_msg("act %zu: %s", i, strerror(r));
	}
	if (syscall(444 /* landlock_create_ruleset */, NULL, 0, 1 /* its version */) >= 1) {
		assert_int_equal(try_inside(leaves_directory), EACCES);
		assert_int_equal(try_inside(climbs_out), EACCES);
	}
	close(files);
	assert_int_equal(rmdir(there), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(forbidden),
		cmocka_unit_test(allowed),
		cmocka_unit_test(files_of_one_directory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
