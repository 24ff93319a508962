/* A user who takes what he can get of a mount, until SIGTERM.
 *
 *   mount_flood [-s] KIND DIR UID PROCESSES THREADS
 *
 * Each thread of each process does the same again and again, as UID, or with -s as a user of its
 * process's own, from UID on. KIND: spin (nothing but CPU), lookups (opens names that nobody has
 * asked for), writes (a record of his, of fifty), drafts (opens files to write, half writes them
 * and keeps a hundred open), listings (of DIR with all attributes), private (makes and removes
 * private files). At the end it prints how many system calls of the kind it made and how many were
 * refused. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define PROCESSES_MAX 64
#define DRAFTS_KEPT 100

struct shared {
	atomic_ulong calls, refused;
};
static struct shared *shared;
static const char *dir;

static void count(bool good)
{
	atomic_fetch_add(&shared->calls, 1);
	if (!good)
		atomic_fetch_add(&shared->refused, 1);
}

static bool is_refusal(int error)
{
	return error == EAGAIN || error == EDQUOT || error == ENFILE;
}

static void spin(unsigned long n)
{
	for (volatile unsigned long i = 0; i < 100000; i++)
		;
	count(n > 0);
}

static void look_up(unsigned long n)
{
	char path[256];
	snprintf(path, sizeof(path), "%s/f%d-%lu-%lx.slow.example.test", dir, (int)getpid(), n,
		(unsigned long)pthread_self());
	int fd = open(path, O_RDONLY);
	count(fd >= 0 || !is_refusal(errno));
	if (fd >= 0)
		close(fd);
}

static void write_record(unsigned long n)
{
	char path[256], text[32];
	snprintf(path, sizeof(path), "%s/flood%lu.alt", dir, n % 50);
	int len = snprintf(text, sizeof(text), "192.0.2.%lu\n", n % 250);
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
	count(fd >= 0 && write(fd, text, (size_t)len) == len);
	if (fd >= 0)
		close(fd);
}

static void write_draft(unsigned long n)
{
	static _Thread_local int kept[DRAFTS_KEPT];
	static const char half[] = "{\"data\":[\"192.0.2.1\",";
	char path[256];
	int *fd = &kept[n % DRAFTS_KEPT];
	if (*fd > 0)
		close(*fd);
	snprintf(path, sizeof(path), "%s/draft%lu.alt", dir, n % DRAFTS_KEPT);
	*fd = open(path, O_WRONLY | O_CREAT, 0644);
	count(*fd >= 0 && write(*fd, half, sizeof(half) - 1) == (ssize_t)sizeof(half) - 1);
}

static void list(unsigned long n)
{
	DIR *d = opendir(dir);
	struct stat st;
	(void)n;
	count(d != NULL);
	if (!d)
		return;
	for (struct dirent *e; (e = readdir(d));)
		fstatat(dirfd(d), e->d_name, &st, AT_SYMLINK_NOFOLLOW);
	closedir(d);
}

static void make_private(unsigned long n)
{
	char path[256];
	snprintf(path, sizeof(path), "%s/private%lu", dir, n % 100);
	int fd = open(path, O_WRONLY | O_CREAT, 0600);
	count(fd >= 0);
	if (fd >= 0)
		close(fd);
	if (n % 3 == 0)
		unlink(path);
}

static const struct kind {
	const char *name;
	void (*once)(unsigned long n);
} kinds[] = {
	{"spin", spin},
	{"lookups", look_up},
	{"writes", write_record},
	{"drafts", write_draft},
	{"listings", list},
	{"private", make_private},
};

static void *flood(void *ctx)
{
	const struct kind *kind = ctx;
	for (unsigned long n = 1;; n++)
		kind->once(n);
	return NULL;
}

static void child(const struct kind *kind, uid_t uid, unsigned threads)
{
	pthread_t thread;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (setgroups(0, NULL) < 0 || setresgid(uid, uid, uid) < 0 || setresuid(uid, uid, uid) < 0)
		_exit(1);
	for (unsigned i = 1; i < threads; i++)
		if (pthread_create(&thread, NULL, flood, (void *)kind) != 0)
			_exit(1);
	flood((void *)kind);
}

static const struct kind *find_kind(const char *name)
{
	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++)
		if (strcmp(kinds[i].name, name) == 0)
			return &kinds[i];
	return NULL;
}

int main(int argc, char **argv)
{
	bool several = argc > 1 && strcmp(argv[1], "-s") == 0;
	argv += several;
	if (argc - several != 6)
		return 2;
	const struct kind *kind = find_kind(argv[1]);
	uid_t uid = (uid_t)atoi(argv[3]);
	unsigned processes = (unsigned)atoi(argv[4]), threads = (unsigned)atoi(argv[5]);
	if (!kind || processes == 0 || processes > PROCESSES_MAX || threads == 0)
		return 2;
	dir = argv[2];
	shared = mmap(
		NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (shared == MAP_FAILED)
		return 1;
	sigset_t term;
	sigemptyset(&term);
	sigaddset(&term, SIGTERM);
	sigprocmask(SIG_BLOCK, &term, NULL);
	pid_t pids[PROCESSES_MAX];
	for (unsigned i = 0; i < processes; i++)
		if ((pids[i] = fork()) == 0)
			child(kind, several ? uid + i : uid, threads);
	int number;
	sigwait(&term, &number);
	printf("%lu %lu\n", atomic_load(&shared->calls), atomic_load(&shared->refused));
	fflush(stdout);
	for (unsigned i = 0; i < processes; i++)
		kill(pids[i], SIGKILL);
	while (wait(NULL) > 0)
		;
	return 0;
}
