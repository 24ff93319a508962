/* Writing lines without waiting for who reads them. */
#include "fs/log_output.h"

#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#include "fs/log.h"

#define LINE_MAX_WHOLE (LOG_LINE_MAX + 128) /* with time, name and level; below PIPE_BUF */

static unsigned lost_stderr, lost_syslog;

/* " [lost lines: N]", or nothing. */
static const char *lost_text(unsigned lost, char text[32])
{
	text[0] = '\0';
	if (lost)
		snprintf(text, 32, " [lost lines: %u]", lost);
	return text;
}

/* poll says that a pipe takes PIPE_BUF bytes, and a terminal a line, without waiting; O_NONBLOCK
 * would be set for everybody who shares the descriptor. */
static void put_stderr(const char *line, int len)
{
	struct pollfd p = {.fd = STDERR_FILENO, .events = POLLOUT};
	if (poll(&p, 1, 0) == 1 && p.revents & POLLOUT &&
		write(STDERR_FILENO, line, (size_t)len) == len)
		lost_stderr = 0;
	else
		lost_stderr++;
}

void log_to_terminal(int level, const char *line)
{
	char whole[LINE_MAX_WHOLE], lost[32];
	bool error = level <=
		     LOG_ERR; /* what a command prints is an error unless it says otherwise */
	int n = snprintf(whole, sizeof(whole), "kadns: %s%s%s%s\n",
		error ? "" : log_level_to_text(level), error ? "" : ": ", line,
		lost_text(lost_stderr, lost));
	put_stderr(whole, n);
}

/* The journal says in JOURNAL_STREAM which descriptor is its own. */
static bool is_journal(void)
{
	const char *stream = getenv("JOURNAL_STREAM");
	unsigned long long device, inode;
	struct stat st;
	return stream && sscanf(stream, "%llu:%llu", &device, &inode) == 2 &&
	       fstat(STDERR_FILENO, &st) == 0 && st.st_dev == device && st.st_ino == inode;
}

void log_to_stderr(int level, const char *line)
{
	char whole[LINE_MAX_WHOLE], lost[32], when[32];
	const char *missing = lost_text(lost_stderr, lost);
	time_t now = time(NULL);
	struct tm tm;
	int n;
	gmtime_r(&now, &tm);
	strftime(when, sizeof(when), "%Y-%m-%dT%H:%M:%SZ", &tm);
	if (is_journal())
		n = snprintf(whole, sizeof(whole), "<%d>%s%s\n", level, line, missing);
	else
		n = snprintf(whole, sizeof(whole), "%s kadns: %s: %s%s\n", when,
			log_level_to_text(level), line, missing);
	put_stderr(whole, n);
}

/* syslog(3) waits while the log daemon's queue is full; this does not. -1: nobody listens. */
static int connect_log(void)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = "/dev/log"};
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd >= 0 && connect(fd, (const struct sockaddr *)&address, sizeof(address)) == 0)
		return fd;
	if (fd >= 0)
		close(fd);
	return -1;
}

static bool send_log(const char *line, int len)
{
	static int fd = -1;
	/* A log daemon that was started again has a new socket: tried once more. */
	for (int i = 0; i < 2; i++) {
		if (fd < 0)
			fd = connect_log();
		if (fd < 0)
			return false;
		if (send(fd, line, (size_t)len, MSG_NOSIGNAL | MSG_DONTWAIT) == len)
			return true;
		if (errno == EAGAIN)
			return false;
		close(fd);
		fd = -1;
	}
	return false;
}

/* RFC 3164, as the C library writes it; the level is in the priority, and in words for those who
 * read the file that the priority does not reach. */
void log_to_syslog(int level, const char *line)
{
	char whole[LINE_MAX_WHOLE], lost[32], when[32];
	time_t now = time(NULL);
	struct tm tm;
	localtime_r(&now, &tm);
	strftime(when, sizeof(when), "%b %e %H:%M:%S", &tm);
	int n = snprintf(whole, sizeof(whole), "<%d>%s kadns[%d]: %s: %s%s", LOG_DAEMON | level,
		when, (int)getpid(), log_level_to_text(level), line, lost_text(lost_syslog, lost));
	if (send_log(whole, n))
		lost_syslog = 0;
	else
		lost_syslog++;
}

void log_to_both(int level, const char *line)
{
	log_to_terminal(level, line);
	log_to_syslog(level, line);
}
