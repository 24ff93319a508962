/* Whose socket a datagram came from. */
#undef NDEBUG
#include <arpa/inet.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "resolver/udp_owner.h"

#define SOMEBODY 12345

static int at_loopback(uint32_t host, struct sockaddr_in *ret_at)
{
	socklen_t len = sizeof(*ret_at);
	int fd = socket(AF_INET, SOCK_DGRAM, 0);
	*ret_at = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(host)};
	assert_int_equal(bind(fd, (struct sockaddr *)ret_at, sizeof(*ret_at)), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)ret_at, &len), 0);
	return fd;
}

/* A child that becomes somebody else, if it can, sends, and waits for its end. */
static pid_t sender(const struct sockaddr_in *to, uid_t uid, int *ret_hold)
{
	int hold[2];
	assert_int_equal(pipe(hold), 0);
	pid_t pid = fork();
	if (pid == 0) {
		char byte;
		close(hold[1]);
		if (uid != getuid() && setuid(uid) < 0)
			_exit(1);
		int fd = socket(AF_INET, SOCK_DGRAM, 0);
		if (connect(fd, (const struct sockaddr *)to, sizeof(*to)) < 0 ||
			send(fd, "x", 1, 0) != 1)
			_exit(2);
		_exit(read(hold[0], &byte, 1) == 0 ? 0 : 3);
	}
	close(hold[0]);
	*ret_hold = hold[1];
	return pid;
}

static void check(uid_t uid)
{
	struct sockaddr_in at, from;
	socklen_t len = sizeof(from);
	char byte;
	int status, hold, fd = at_loopback(INADDR_LOOPBACK + 77, &at), diag = udp_owner_open();
	pid_t pid = sender(&at, uid, &hold);
	uid_t got = 1;
	assert_true(diag >= 0);
	assert_int_equal(recvfrom(fd, &byte, 1, 0, (struct sockaddr *)&from, &len), 1);
	int r = udp_owner(diag, &from, &at, &got);
	close(hold);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	if (r == -EOPNOTSUPP) {
		print_message("the kernel does not tell\n");
	} else {
		assert_int_equal(r, 0);
		assert_int_equal(got, uid);
		assert_int_equal(udp_owner(diag, &from, &at, &got), -ENOENT); /* it is gone */
	}
	close(fd);
	close(diag);
}

static void test_owner(void **state)
{
	(void)state;
	check(getuid());
	if (getuid() == 0)
		check(SOMEBODY);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_owner)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
