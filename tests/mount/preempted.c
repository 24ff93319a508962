/* preempted FILE: reads FILE while its runtime preempts it, as Go's does: a thread sends SIGURG to
 * the other every ten milliseconds, for which there is a handler with SA_RESTART. Begins with that
 * only after half a second if there is a second argument: then the first signal finds an open()
 * that has waited already. Prints what it read. */
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

static pthread_t reader;
static volatile sig_atomic_t handled;

static void on_signal(int number)
{
	(void)number;
	handled++;
}

static void *preempt(void *late)
{
	usleep(late ? 500000 : 0);
	for (;;) {
		pthread_kill(reader, SIGURG);
		usleep(10000);
	}
	return NULL;
}

int main(int argc, char **argv)
{
	struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
	pthread_t other;
	char text[4096];
	if (argc < 2)
		return 2;
	reader = pthread_self();
	sigaction(SIGURG, &action, NULL);
	if (pthread_create(&other, NULL, preempt, argc > 2 ? argv : NULL) != 0)
		return 2;
	int fd = open(argv[1], O_RDONLY);
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text));
	if (n < 0 || handled == 0) {
		perror(argv[1]);
		return 1;
	}
	return fwrite(text, 1, (size_t)n, stdout) == (size_t)n ? 0 : 1;
}
