/* seccomp by a filter written out here, Landlock by its system calls, and limits. No library:
 * libseccomp would be one more thing to link for what is a table. */
#include "resolver/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

/* ---- Landlock ---- */

/* As the kernel has them by now; the headers of Debian 12 know the first member only. */
struct landlock_rules {
	uint64_t files, net, scoped;
};
/* Packed, and so without the hole that a struct would have behind it. */
struct landlock_beneath {
	uint64_t files;
	int32_t dir_fd;
} __attribute__((packed));
/* WRITE_FILE, READ_FILE, READ_DIR, REMOVE_FILE, MAKE_REG: what keys need. */
#define LANDLOCK_KEEPS (1 << 1 | 1 << 2 | 1 << 3 | 1 << 5 | 1 << 8)
#define LANDLOCK_CREATE_RULESET 444
#define LANDLOCK_ADD_RULE 445
#define LANDLOCK_BENEATH 1 /* a kind of rule */
#define LANDLOCK_RESTRICT_SELF 446
#define LANDLOCK_VERSION 1 /* a flag: tell the version */

/* No file, wherever, should the filter below be lacking; from version 6 on no abstract Unix socket
 * and no signal to who is not confined likewise. Best effort: without Landlock the filter below has
 * to do. But for those in dir_fd, if that is one. */
static int deny_files(int dir_fd)
{
	/* How many rights of files each version knows; it refuses those that it does not. */
	static const unsigned rights[] = {0, 13, 14, 15, 15, 16};
	long version = syscall(LANDLOCK_CREATE_RULESET, NULL, 0, LANDLOCK_VERSION);
	struct landlock_rules rules = {0};
	struct landlock_beneath beneath = {.files = LANDLOCK_KEEPS, .dir_fd = dir_fd};
	long fd;
	int r = 0;

	if (version < 1)
		return 0;
	rules.files = (UINT64_C(1) << rights[version < 5 ? version : 5]) - 1;
	rules.scoped = version >= 6 ? 3 : 0;
	fd = syscall(LANDLOCK_CREATE_RULESET, &rules,
		version >= 6 ? sizeof(rules) : sizeof(rules.files), 0);
	if (fd < 0)
		return -errno;
	if (dir_fd >= 0 && syscall(LANDLOCK_ADD_RULE, (int)fd, LANDLOCK_BENEATH, &beneath, 0))
		r = -errno;
	if (r == 0 && syscall(LANDLOCK_RESTRICT_SELF, (int)fd, 0))
		r = -errno;
	close((int)fd);
	return r;
}

/* ---- seccomp ---- */

#if defined(__x86_64__)
#define ARCHITECTURE AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define ARCHITECTURE AUDIT_ARCH_AARCH64
#elif defined(__riscv) && __riscv_xlen == 64
#define ARCHITECTURE AUDIT_ARCH_RISCV64
#endif

#ifdef ARCHITECTURE

/* What any program of ours calls. Names that newer architectures do not have are left out there. */
static const int allowed[] = {
	/* memory; mmap(2) and mprotect(2) are looked at below */
	SYS_munmap,
	SYS_mremap,
	SYS_madvise,
	SYS_brk,
	/* time, chance, oneself */
	SYS_clock_gettime,
	SYS_clock_getres,
	SYS_clock_nanosleep,
	SYS_nanosleep,
	SYS_gettimeofday,
	SYS_getrandom,
	SYS_getpid,
	SYS_gettid,
	SYS_getuid,
	SYS_geteuid,
	SYS_getgid,
	SYS_getegid,
	SYS_getrusage,
	SYS_sysinfo,
	SYS_uname,
	SYS_sched_yield,
	SYS_sched_getaffinity,
	SYS_futex,
	SYS_rt_sigaction,
	SYS_rt_sigprocmask,
	SYS_rt_sigreturn,
	SYS_sigaltstack,
	SYS_restart_syscall,
	SYS_readlinkat,
	SYS_exit,
	SYS_exit_group,
};

/* What libunbound, libevent and the C library call on the way from a question to an answer. */
static const int networked[] = {
	/* descriptors that are there already */
	SYS_read,
	SYS_write,
	SYS_readv,
	SYS_writev,
	SYS_close,
	SYS_fstat,
	SYS_lseek,
	SYS_fcntl,
	SYS_dup,
	SYS_dup3,
	SYS_pipe2,
	SYS_eventfd2,
#ifdef SYS_newfstatat
	SYS_newfstatat, /* fstat, as the C library has it */
#endif
	SYS_faccessat,
	/* the network; socket(2) is looked at below */
	SYS_bind,
	SYS_connect,
	SYS_getsockname,
	SYS_getpeername,
	SYS_getsockopt,
	SYS_setsockopt,
	SYS_sendto,
	SYS_sendmsg,
	SYS_sendmmsg,
	SYS_recvfrom,
	SYS_recvmsg,
	SYS_recvmmsg,
	SYS_shutdown,
	SYS_socketpair,
	/* the loop */
	SYS_epoll_create1,
	SYS_epoll_ctl,
	SYS_epoll_pwait,
	SYS_ppoll,
	SYS_pselect6,
	SYS_timerfd_create,
	SYS_timerfd_settime,
	SYS_setitimer,
#ifdef SYS_epoll_wait
	SYS_epoll_wait,
	SYS_poll,
	SYS_select,
	SYS_alarm,
	SYS_time,
	SYS_access,
	SYS_pipe,
	SYS_dup2,
	SYS_readlink,
#endif
#ifdef SYS_epoll_pwait2
	SYS_epoll_pwait2,
#endif
};

/* What keeping a few files takes, with descriptors that are there. */
static const int filing[] = {
	SYS_read,
	SYS_write,
	SYS_recvfrom,
	SYS_sendto,
	SYS_close,
	SYS_fstat,
	SYS_pread64,
	SYS_pwrite64,
	SYS_fchmod,
	SYS_fsync,
};

/* Calls that depend on an argument: it and `mask` must be `value`, or one of two. */
struct judged {
	int call;
	unsigned argument;
	uint32_t mask, value, other;
};
static const struct judged judged[] = {
	{SYS_mmap, 2, PROT_EXEC, 0, 0},
	{SYS_mprotect, 2, PROT_EXEC, 0, 0},
};
static const struct judged judged_networked[] = {
	{SYS_socket, 0, UINT32_MAX, AF_INET, AF_INET6},
	/* The name of an interface, for an address with a scope. */
	{SYS_ioctl, 1, UINT32_MAX, 0x8910 /* SIOCGIFNAME */, FIONBIO},
};

#define COUNT(a) (sizeof(a) / sizeof(*(a)))
#define JUDGED_FILES 4
#define FILTER_MAX                                                                                 \
	(5 + 2 * (COUNT(allowed) + COUNT(networked) + COUNT(filing)) +                             \
		7 * (COUNT(judged) + COUNT(judged_networked) + JUDGED_FILES))

struct filter {
	struct sock_filter code[FILTER_MAX];
	unsigned short len;
};

static void put(struct filter *f, uint16_t code, uint32_t k, uint8_t yes, uint8_t no)
{
	f->code[f->len++] = (struct sock_filter){.code = code, .jt = yes, .jf = no, .k = k};
}

static void put_load(struct filter *f, size_t offset)
{
	put(f, BPF_LD | BPF_W | BPF_ABS, (uint32_t)offset, 0, 0);
}

static void put_return(struct filter *f, uint32_t action)
{
	put(f, BPF_RET | BPF_K, action, 0, 0);
}

static void put_allowed(struct filter *f, const int *calls, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		put(f, BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)calls[i], 0, 1);
		put_return(f, SECCOMP_RET_ALLOW);
	}
}

static void put_judged(struct filter *f, const struct judged *calls, size_t len)
{
	for (const struct judged *j = calls; j < calls + len; j++) {
		put(f, BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)j->call, 0, 6);
		/* The lower half, on machines whose lower half comes first; the kernel's own
		 * arguments have 32 bits, or fewer. */
		put_load(f, offsetof(struct seccomp_data, args[j->argument]));
		put(f, BPF_ALU | BPF_AND | BPF_K, j->mask, 0, 0);
		put(f, BPF_JMP | BPF_JEQ | BPF_K, j->value, 1, 0);
		put(f, BPF_JMP | BPF_JEQ | BPF_K, j->other, 0, 1);
		put_return(f, SECCOMP_RET_ALLOW);
		put_return(f, SECCOMP_RET_ERRNO | EPERM);
	}
}

/* By the descriptor, so no path begins at the root or in the working directory. */
static void put_files(struct filter *f, int dir_fd)
{
	uint32_t dir = (uint32_t)dir_fd;
	const struct judged calls[JUDGED_FILES] = {
		{SYS_openat, 0, UINT32_MAX, dir, dir},
		{SYS_unlinkat, 0, UINT32_MAX, dir, dir},
		{SYS_renameat2, 0, UINT32_MAX, dir, dir},
		/* fstat, as the C library has it */
		{SYS_newfstatat, 3, UINT32_MAX, AT_EMPTY_PATH, AT_EMPTY_PATH},
	};

	put_judged(f, calls, COUNT(calls));
	put_allowed(f, filing, COUNT(filing));
}

static void make_filter(struct filter *f, int dir_fd)
{
	put_load(f, offsetof(struct seccomp_data, arch));
	put(f, BPF_JMP | BPF_JEQ | BPF_K, ARCHITECTURE, 1, 0);
	put_return(f, SECCOMP_RET_KILL_PROCESS);
	put_load(f, offsetof(struct seccomp_data, nr));
	if (dir_fd >= 0) {
		put_files(f, dir_fd);
	} else {
		put_allowed(f, networked, COUNT(networked));
		put_judged(f, judged_networked, COUNT(judged_networked));
	}
	put_allowed(f, allowed, COUNT(allowed));
	put_judged(f, judged, COUNT(judged));
	put_return(f, SECCOMP_RET_ERRNO | EPERM);
}
_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "put_load takes the lower half");

static int deny_calls(int dir_fd)
{
	struct filter f = {.len = 0};
	struct sock_fprog program = {.filter = f.code};

	make_filter(&f, dir_fd);
	program.len = f.len;
	if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0) == 0)
		return 0;
	return errno == EINVAL || errno == ENOSYS ? 0 : -errno; /* built without it */
}

#else

static int deny_calls(int dir_fd)
{
	(void)dir_fd;
	return 0;
}

#endif

/* ---- limits ---- */

/* What the filter forbids anyway, for kernels without it; and memory: what libunbound may need at
 * worst, some 6 MB for each of 43 servers (35 of a list, eight of former ones) and 14 kB for each
 * of 4096 questions, and half as much again. Sanitizers map terabytes. */
static int set_limits(void)
{
	static const struct {
		int what;
		rlim_t max;
	} limits[] = {
		{RLIMIT_NPROC, 0},
		{RLIMIT_MEMLOCK, 0},
#ifndef __SANITIZE_ADDRESS__
		{RLIMIT_DATA, (rlim_t)480 << 20},
#endif
	};

	for (size_t i = 0; i < sizeof(limits) / sizeof(*limits); i++) {
		struct rlimit limit = {limits[i].max, limits[i].max};

		if (setrlimit((__rlimit_resource_t)limits[i].what, &limit))
			return -errno;
	}
	return 0;
}

int sandbox_enter_files(int dir_fd, const char **ret_what)
{
	int r;

	*ret_what = "setrlimit";
	r = set_limits();
	if (r)
		return r;
	*ret_what = "Landlock";
	r = deny_files(dir_fd);
	if (r)
		return r;
	*ret_what = "seccomp";
	return deny_calls(dir_fd);
}

int sandbox_enter(const char **ret_what)
{
	return sandbox_enter_files(-1, ret_what);
}
