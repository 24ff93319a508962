/* What a cached answer over UDP costs: no allocation, and no system call but those that carry many
 * datagrams. The door runs in a process of its own, which the kernel ends at any other call, and whose
 * allocations the linker's --wrap counts. */
#undef NDEBUG
#include <arpa/inet.h>
#include <errno.h>
#include <event2/event.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "resolver/clock.h"
#include "resolver/dns_door.h"
#include "resolver/resolver_inside.h"
#include "tests/directory.h"

#define BURST 96 /* three batches of 32, or one and a half of 64 */
#define BURSTS 10
#define NAMES 100

struct counts {
	unsigned allocations, receives, sends;
};
static struct counts *counts; /* shared with the door's process */

void *__real_malloc(size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_malloc(size_t size)
{
	if (counts)
		counts->allocations++;
	return __real_malloc(size);
}

void *__real_calloc(size_t n, size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_calloc(size_t n, size_t size)
{
	if (counts)
		counts->allocations++;
	return __real_calloc(n, size);
}

int __real_recvmmsg(int fd, struct mmsghdr *m, unsigned n, int flags, struct timespec *t);
int __wrap_recvmmsg(int fd, struct mmsghdr *m, unsigned n, int flags, struct timespec *t);
int __wrap_recvmmsg(int fd, struct mmsghdr *m, unsigned n, int flags, struct timespec *t)
{
	counts->receives++;
	return __real_recvmmsg(fd, m, n, flags, t);
}

int __real_sendmmsg(int fd, struct mmsghdr *m, unsigned n, int flags);
int __wrap_sendmmsg(int fd, struct mmsghdr *m, unsigned n, int flags);
int __wrap_sendmmsg(int fd, struct mmsghdr *m, unsigned n, int flags)
{
	counts->sends++;
	return __real_sendmmsg(fd, m, n, flags);
}

#define ALLOW(call) \
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_##call, 0, 1), BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)

/* clock_gettime is a call only where the kernel's page for it has no clock of its own. */
static void allow_batches_only(void)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		ALLOW(recvmmsg),
		ALLOW(sendmmsg),
		ALLOW(epoll_wait),
		ALLOW(epoll_pwait),
		ALLOW(clock_gettime),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
	};
	struct sock_fprog program = {sizeof(code) / sizeof(*code), code};
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
		prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) < 0)
		_exit(9);
}

static struct question question(unsigned i)
{
	struct question q = {.type = TYPE_A, .class = CLASS_IN};
	char text[32];
	int len = snprintf(text, sizeof(text), "n%u.example", i);
	assert_int_equal(name_from_text(text, (size_t)len, &q.name), 0);
	return q;
}

static void hold(struct resolver *r, unsigned i)
{
	struct question q = question(i);
	struct rrset *set = rrset_create(&q, 300);
	struct answer *a;
	assert_int_equal(rrset_add(set, (const uint8_t[]){192, 0, 2, (uint8_t)i}, 4), 0);
	assert_int_equal(answer_from_rrset(&q, set, &a), 0);
	rrset_destroy(set);
	a->source = SOURCE_DNS;
	a->trust = TRUST_DNS;
	a->arrived = clock_monotonic();
	cache_add(r->cache, a, CACHE_DNS, a->arrived);
	answer_unref(a);
}

/* The door's process. It says the port, waits to be continued, and then only answers. */
static void serve(struct own *own, uint16_t port)
{
	struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = port,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	struct resolver_config config = {.policy = {.dht = true, .upstream = true,
						 .lookup_always = true, .tofu.len = 1},
		.deadline = SECOND, .cache_bytes = 1 << 20};
	struct resolver_parts parts = {.own = own};
	struct resolver *r;
	struct dns_door *door;
	struct event_base *base = event_base_new();
	config.policy.tofu.name[0].len = 1;
	assert_int_equal(resolver_create(base, &config, &parts, &r), 0);
	for (unsigned i = 0; i < NAMES; i++)
		hold(r, i);
	const struct allow nobody_else = {.len = 0};
	const struct dns_door_config at = {.address = (const struct sockaddr *)&in,
		.address_len = sizeof(in),
		.allow = &nobody_else};
	assert_int_equal(dns_door_open(base, r, &at, &door), 0);
	event_base_loop(base, EVLOOP_NONBLOCK); /* whatever the loop makes at its first turn */
	raise(SIGSTOP);
	*counts = (struct counts){0};
	allow_batches_only();
	event_base_dispatch(base);
	_exit(8);
}

static void stop(pid_t pid)
{
	int status;
	kill(pid, SIGSTOP);
	assert_int_equal(waitpid(pid, &status, WUNTRACED), pid);
	assert_true(WIFSTOPPED(status));
}

static void send_burst(int fd, unsigned *number)
{
	for (int i = 0; i < BURST; i++, ++*number) {
		uint8_t query[128];
		struct packet_writer w;
		struct question q = question(*number % NAMES);
		if (*number % 5 == 0) /* RFC 8482: as cheap, or it would be what to flood us with */
			q.type = TYPE_ANY;
		packet_begin(&w, query, sizeof(query), false);
		packet_put_question(&w, &q);
		int len = packet_end(&w, (uint16_t)*number, FLAG_RD);
		assert_int_equal(send(fd, query, (size_t)len, 0), len);
	}
}

static void a_hit_costs_no_allocation_and_a_share_of_two_calls(void **state)
{
	(void)state;
	char dir[DIRECTORY_CAP], path[96];
	struct own *own;
	int status, fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct sockaddr_in in = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t in_len = sizeof(in);
	struct timeval patience = {.tv_sec = 10};
	counts = mmap(NULL, sizeof(*counts), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_ptr_not_equal(counts, MAP_FAILED);
	assert_int_equal(directory_make(dir), 0);
	snprintf(path, sizeof(path), "%s/own.db", dir);
	assert_int_equal(own_open(path, 100, 0, 1, &own), 0);
	/* A port that is free a moment before. */
	assert_int_equal(bind(fd, (const struct sockaddr *)&in, sizeof(in)), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&in, &in_len), 0);
	close(fd);
	pid_t pid = fork();
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		serve(own, in.sin_port);
	}
	assert_int_equal(waitpid(pid, &status, WUNTRACED), pid);
	assert_true(WIFSTOPPED(status));
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	assert_int_equal(connect(fd, (const struct sockaddr *)&in, sizeof(in)), 0);
	unsigned sent = 0, answered = 0;
	for (int burst = 0; burst < BURSTS; burst++) {
		uint8_t reply[512];
		send_burst(fd, &sent);
		kill(pid, SIGCONT);
		for (int i = 0; i < BURST; i++, answered++) {
			ssize_t len = recv(fd, reply, sizeof(reply), 0);
			if (len < 0)
				break;
			assert_int_equal(reply[3] & 0xf, RCODE_NOERROR);
			assert_int_equal(reply[7], 1); /* an answer */
		}
		if (waitpid(pid, &status, WNOHANG) == pid) {
			print_error("the door ended: %s\n",
				WIFSIGNALED(status) ? strsignal(WTERMSIG(status)) : "by itself");
			fail();
		}
		stop(pid);
	}
	print_message("%u answers: %u allocations, %u recvmmsg, %u sendmmsg\n", answered,
		counts->allocations, counts->receives, counts->sends);
	assert_int_equal(answered, BURST * BURSTS);
	assert_int_equal(counts->allocations, 0);
	assert_in_range(counts->sends, 1, 4 * BURSTS);
	assert_in_range(counts->receives, 1, 8 * BURSTS);
	kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	close(fd);
	own_close(own);
	assert_int_equal(directory_remove(dir), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_hit_costs_no_allocation_and_a_share_of_two_calls),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
