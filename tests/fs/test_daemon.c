/* The parent of a daemon: it reports what became of the start, and leaves nothing of a failed one.
 */
#undef NDEBUG
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <poll.h>
#include <stdbool.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fs/daemon.h"

/* Starts a daemon that says it is ready and stays until *ret_alive is closed, the other end of
 * which it holds; the status of the parent that was left. */
static int start(const char *mountpoint, int *ret_alive)
{
	int ends[2], status;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
	pid_t pid = fork();
	if (pid == 0) {
		close(ends[0]);
		close(STDERR_FILENO); /* what it says of the mountpoint */
		if (daemon_start(mountpoint) == 0) {
			daemon_ready();
			char byte;
			_exit(read(ends[1], &byte, 1) != 0);
		}
		_exit(0);
	}
	close(ends[1]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	*ret_alive = ends[0];
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static bool ends_within(int alive, int ms)
{
	struct pollfd p = {.fd = alive, .events = POLLIN};
	bool ended = poll(&p, 1, ms) == 1;
	close(alive);
	return ended;
}

static void test_no_mount_to_be_seen(void **state)
{
	(void)state;
	int alive;
	assert_int_equal(start("/nonexistent/mountpoint", &alive), 1);
	assert_true(ends_within(alive, 10000));
}

static void test_a_good_start(void **state)
{
	(void)state;
	int alive;
	assert_int_equal(start(NULL, &alive), 0);
	assert_false(ends_within(alive, 50));
	assert_int_equal(start("/", &alive), 0);
	assert_false(ends_within(alive, 50));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_no_mount_to_be_seen),
		cmocka_unit_test(test_a_good_start),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
