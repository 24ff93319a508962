/* Many users wait for names that nobody answers.
 *
 *   many_opens DIR USERS OPENS DOMAINS SECONDS
 *
 * Each of USERS uids, from 20000 on, opens OPENS names of its own in DIR, a process each, all at
 * once. The names of a user are below one domain, and there are DOMAINS of them. Prints `waiting` when all are on their way into open(2), then sleeps SECONDS and ends them.
 * A process each and not a thread: it is what a shell does, and no limit of threads stands before.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define FIRST_UID 20000

struct shared {
	atomic_uint ended;
	int begun[2]; /* a pipe: a byte of each child that is about to open */
	const char *dir;
	unsigned domains;
};

static void child(struct shared *s, unsigned user, unsigned n)
{
	char path[4096];
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	snprintf(path, sizeof(path), "%s/u%u-%u.silent%u.example", s->dir, user, n,
		user % s->domains);
	if (setresgid(FIRST_UID + user, FIRST_UID + user, FIRST_UID + user) < 0 ||
		setresuid(FIRST_UID + user, FIRST_UID + user, FIRST_UID + user) < 0)
		_exit(1);
	if (write(s->begun[1], "", 1) != 1)
		_exit(1);
	int fd = open(path, O_RDONLY);
	atomic_fetch_add(&s->ended, 1);
	_exit(fd < 0);
}

int main(int argc, char **argv)
{
	if (argc != 6) {
		fprintf(stderr, "usage: many_opens DIR USERS OPENS DOMAINS SECONDS\n");
		return 2;
	}
	unsigned users = (unsigned)atoi(argv[2]), opens = (unsigned)atoi(argv[3]);
	unsigned domains = (unsigned)atoi(argv[4]);
	struct shared *s = mmap(
		NULL, sizeof(*s), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (s == MAP_FAILED || users == 0 || opens == 0 || domains == 0 || pipe(s->begun) < 0)
		return 1;
	s->dir = argv[1];
	s->domains = domains;
	setpgid(0, 0);
	signal(SIGTERM, SIG_IGN); /* it goes to the whole group at the end */
	for (unsigned i = 0; i < users * opens; i++) {
		pid_t pid = fork();
		if (pid == 0) {
			signal(SIGTERM, SIG_DFL);
			child(s, i % users, i / users);
		}
		if (pid < 0) {
			perror("many_opens: fork");
			break;
		}
	}
	for (unsigned begun = 0; begun < users * opens; begun++)
		if (read(s->begun[0], &(char){0}, 1) != 1)
			return 1;
	puts("waiting");
	fflush(stdout);
	sleep((unsigned)atoi(argv[5]));
	printf("ended early: %u\n", atomic_load(&s->ended));
	kill(0, SIGTERM);
	while (wait(NULL) > 0)
		;
	return 0;
}
