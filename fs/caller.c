/* What /proc tells of a caller. */
#include "fs/caller.h"

#include <fcntl.h>
#include <inttypes.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

/* Shells and sudo hand on 0 to 2 and, with `3>file`, a few more. Who has thousands open costs us no
 * more than these: a look at each descriptor of a process that has a million would be a second of
 * the loop, for each fstat. */
#define HANDED_ON_MAX 32

#define STATUS_MAX 8192 /* /proc/PID/status is some 1,500 bytes; many groups make it longer */

static ssize_t read_proc(pid_t thread, const char *file, char *ret_text, size_t cap)
{
	char path[64];
	snprintf(path, sizeof(path), "/proc/%d/%s", (int)thread, file);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	ssize_t n = read(fd, ret_text, cap - 1);
	close(fd);
	ret_text[n > 0 ? n : 0] = '\0';
	return n;
}

/* The value of a line `KEY:\tVALUE`, or NULL. */
static const char *find_line(const char *status, const char *key)
{
	size_t n = strlen(key);
	for (const char *line = status; line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (strncmp(line, key, n) == 0 && line[n] == ':')
			return line + n + 1;
	}
	return NULL;
}

static uint64_t signal_set(const char *status, const char *key)
{
	const char *value = find_line(status, key);
	return value ? strtoull(value, NULL, 16) : 0;
}

static uint64_t bit(int signal)
{
	return 1ull << (signal - 1);
}

pid_t caller_process(pid_t thread)
{
	char status[STATUS_MAX];
	if (thread <= 0 || read_proc(thread, "status", status, sizeof(status)) <= 0)
		return thread;
	const char *value = find_line(status, "Tgid");
	long process = value ? strtol(value, NULL, 10) : 0;
	return process > 0 ? (pid_t)process : thread;
}

enum caller_signal caller_signal_of(const char *status, size_t len)
{
	if (len == 0)
		return CALLER_ENDING;
	uint64_t pending = signal_set(status, "SigPnd") | signal_set(status, "ShdPnd");
	uint64_t caught = signal_set(status, "SigCgt");
	uint64_t deaf = signal_set(status, "SigIgn") | signal_set(status, "SigBlk");
	/* The default of these is to do nothing, or to stop and go on, not to end. A debugger that
	 * attaches, or `kill -STOP`, sends SIGSTOP; ^Z and jobs in the background the other three,
	 * which an editor may catch to tidy the screen. */
	uint64_t stops = bit(SIGSTOP) | ((bit(SIGTSTP) | bit(SIGTTIN) | bit(SIGTTOU)) & ~caught);
	uint64_t mild = bit(SIGCHLD) | bit(SIGURG) | bit(SIGWINCH) | bit(SIGCONT) | stops;
	uint64_t meant = bit(SIGHUP) | bit(SIGINT) | bit(SIGQUIT) | bit(SIGTERM) | bit(SIGKILL);
	pending &= ~deaf;
	if ((pending & meant) || (pending & ~caught & ~mild))
		return CALLER_ENDING;
	if (pending & ~mild)
		return CALLER_CALL;
	return pending ? CALLER_MILD : CALLER_NONE;
}

enum caller_signal caller_signal(pid_t thread)
{
	char status[STATUS_MAX];
	ssize_t n = thread > 0 ? read_proc(thread, "status", status, sizeof(status)) : -1;
	return n <= 0 ? CALLER_ENDING : caller_signal_of(status, (size_t)n);
}

static const struct caller_ways *through;

void caller_through(const struct caller_ways *ways)
{
	through = ways;
}

/* A thread that has asked us goes to sleep next; on another processor we may be the faster. */
#define LOOKS_MAX 50

/* /proc/PID/syscall begins with the number, "running", or -1. Only who may trace the thread may
 * read it: root may. */
long caller_call(pid_t thread)
{
	char text[256], *end;
	int looks = 0;
	if (through)
		return through->call(thread);
	do {
		if (looks)
			sched_yield();
		if (thread <= 0 || read_proc(thread, "syscall", text, sizeof(text)) <= 0)
			return -1;
	} while (*text == 'r' && ++looks < LOOKS_MAX);
	long number = strtol(text, &end, 10);
	return end == text ? -1 : number;
}

/* Newer architectures have only the calls with directories. */
bool caller_gives_two_names(pid_t thread)
{
	switch (caller_call(thread)) {
#ifdef SYS_rename
	case SYS_rename:
	case SYS_link:
#endif
#ifdef SYS_renameat
	case SYS_renameat:
#endif
	case SYS_renameat2:
	case SYS_linkat:
	case -1:
		return true;
	}
	return false;
}

bool caller_makes_no_file(pid_t thread)
{
	switch (caller_call(thread)) {
#ifdef SYS_mkdir
	case SYS_mkdir:
	case SYS_mknod:
	case SYS_symlink:
	case SYS_link:
#endif
	case SYS_mkdirat:
	case SYS_mknodat:
	case SYS_symlinkat:
	case SYS_linkat:
		return true;
	}
	return false;
}

/* The last number of /proc/PID/stat is the exit code, which is there before files are closed. Its
 * low bits are the signal's number. */
bool caller_is_killed(pid_t thread)
{
	char text[1024];
	if (through)
		return through->killed(thread);
	if (thread <= 0 || read_proc(thread, "stat", text, sizeof(text)) <= 0)
		return false;
	const char *last = strrchr(text, ' ');
	return last && strtol(last, NULL, 10) & 0x7f;
}

/* What the kernel has in memory: an inode of ours would ask us, and we are the ones who ask. */
static bool stat_kept(const char *path, struct statx *ret_stat)
{
	return statx(AT_FDCWD, path, AT_STATX_DONT_SYNC | AT_NO_AUTOMOUNT, 0, ret_stat) == 0;
}

dev_t caller_device(const char *mountpoint)
{
	struct statx st;
	return stat_kept(mountpoint, &st) ? makedev(st.stx_dev_major, st.stx_dev_minor) : 0;
}

/* The number alone proves nothing: a user may have a file system of his own that gives any. */
static bool is_descriptor(pid_t thread, int fd, dev_t device, uint64_t ino)
{
	char path[64];
	struct statx st;
	snprintf(path, sizeof(path), "/proc/%d/fd/%d", (int)thread, fd);
	return stat_kept(path, &st) && makedev(st.stx_dev_major, st.stx_dev_minor) == device &&
	       st.stx_ino == ino;
}

/* fdinfo first: it says the number without a look at the file, which may be of a dead server. */
bool caller_holds(pid_t thread, dev_t device, uint64_t ino)
{
	if (through)
		return through->holds(thread, ino);
	for (int fd = 0; thread > 0 && device && fd < HANDED_ON_MAX; fd++) {
		char file[32], text[512];
		snprintf(file, sizeof(file), "fdinfo/%d", fd);
		const char *number = read_proc(thread, file, text, sizeof(text)) > 0
					     ? find_line(text, "ino")
					     : NULL;
		if (number && strtoull(number, NULL, 10) == ino &&
			is_descriptor(thread, fd, device, ino))
			return true;
	}
	return false;
}
