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

static int owner_of(
	int diag, const struct sockaddr_in *from, const struct sockaddr_in *to, uid_t *ret_uid)
{
	struct udp_owner owner = {.from = *from};
	udp_owners(diag, to, &owner, 1);
	*ret_uid = owner.uid;
	return owner.error;
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
	int r = owner_of(diag, &from, &at, &got);
	close(hold);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	if (r == -EOPNOTSUPP) {
		print_message("the kernel does not tell\n");
	} else {
		assert_int_equal(r, 0);
		assert_int_equal(got, uid);
		assert_int_equal(owner_of(diag, &from, &at, &got), -ENOENT); /* it is gone */
	}
	close(fd);
	close(diag);
}

/* Somebody's server, and a datagram that says it came from there: by the other's own socket, which
 * has its port at another address (IP_PKTINFO). */
static void test_forged(void **state)
{
	struct sockaddr_in at, server, own, from;
	socklen_t len = sizeof(from);
	char byte = 0, control[CMSG_SPACE(sizeof(struct in_pktinfo))] = {0};
	uid_t got;
	(void)state;
	int fd = at_loopback(INADDR_LOOPBACK + 77, &at), diag = udp_owner_open();
	int victim = at_loopback(INADDR_LOOPBACK + 78, &server);
	int forger = socket(AF_INET, SOCK_DGRAM, 0);
	own = server;
	own.sin_addr.s_addr = htonl(INADDR_LOOPBACK + 79);
	assert_int_equal(bind(forger, (struct sockaddr *)&own, sizeof(own)), 0);
	struct iovec part = {.iov_base = &byte, .iov_len = 1};
	struct msghdr m = {.msg_name = &at,
		.msg_namelen = sizeof(at),
		.msg_iov = &part,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control)};
	struct cmsghdr *c = CMSG_FIRSTHDR(&m);
	struct in_pktinfo say = {.ipi_spec_dst = server.sin_addr};
	c->cmsg_level = IPPROTO_IP;
	c->cmsg_type = IP_PKTINFO;
	c->cmsg_len = CMSG_LEN(sizeof(say));
	memcpy(CMSG_DATA(c), &say, sizeof(say));
	assert_int_equal(sendmsg(forger, &m, 0), 1);
	assert_int_equal(recvfrom(fd, &byte, 1, 0, (struct sockaddr *)&from, &len), 1);
	assert_int_equal(from.sin_addr.s_addr, server.sin_addr.s_addr); /* so it seems */
	int r = owner_of(diag, &from, &at, &got);
	assert_true(r == -ENOTCONN || r == -EOPNOTSUPP);
	close(fd);
	close(diag);
	close(victim);
	close(forger);
}

/* As many as there can be, every third of which is gone, or at another port. */
static void test_many(void **state)
{
	struct udp_owner list[UDP_OWNERS_MAX] = {0};
	struct sockaddr_in at;
	int fds[UDP_OWNERS_MAX], fd = at_loopback(INADDR_LOOPBACK + 77, &at);
	int diag = udp_owner_open();
	(void)state;
	for (int i = 0; i < UDP_OWNERS_MAX; i++) {
		socklen_t len = sizeof(list[i].from);
		fds[i] = socket(AF_INET, SOCK_DGRAM, 0);
		assert_int_equal(connect(fds[i], (struct sockaddr *)&at, sizeof(at)), 0);
		assert_int_equal(getsockname(fds[i], (struct sockaddr *)&list[i].from, &len), 0);
	}
	for (int i = 0; i < UDP_OWNERS_MAX; i += 3)
		close(fds[i]);
	for (int round = 0; round < 2; round++) {
		udp_owners(diag, &at, list, UDP_OWNERS_MAX);
		for (int i = 0; i < UDP_OWNERS_MAX && list[1].error != -EOPNOTSUPP; i++) {
			assert_int_equal(list[i].error, i % 3 ? 0 : -ENOENT);
			assert_true(i % 3 == 0 || list[i].uid == getuid());
		}
	}
	for (int i = 0; i < UDP_OWNERS_MAX; i++)
		if (i % 3)
			close(fds[i]);
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
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_owner),
		cmocka_unit_test(test_forged), cmocka_unit_test(test_many)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
