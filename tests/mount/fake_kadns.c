/* A mount of the real fs/ over the fake resolver: fake_kadns [-d MS] [-t SECONDS] [-o OPTIONS]
 * [-u OWNER] [-l LOOKUPS A SECOND] [-n NAMES] [-x] MOUNTPOINT. Stays in the foreground; prints "ready"
 * when the mount is there. -n: so many names in memory, of which the odd ones come and go.
 * -x: with xattr. SIGUSR1 is fake_turn. */
#include <event2/event.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fs/log.h"
#include "fs/log_output.h"
#include "fs/mount.h"
#include "fs/rate.h"
#include "resolver/clock.h"
#include "tests/fs/fake_resolver.h"

static void on_end(void *ctx)
{
	event_base_loopbreak(ctx);
}

static void on_signal(evutil_socket_t fd, short what, void *ctx)
{
	(void)fd;
	(void)what;
	event_base_loopbreak(ctx);
}

static void on_turn(evutil_socket_t fd, short what, void *ctx)
{
	(void)fd;
	(void)what;
	(void)ctx;
	fake_turn();
}

static int serve(const struct mount_config *config, struct event_base *base)
{
	struct mount *mount;
	const char *why;
	int place, r = mount_prepare(config->mountpoint, &place, &why);
	if (r < 0) {
		fprintf(stderr, "fake_kadns: %s: %s\n", config->mountpoint, why);
		return 1;
	}
	r = mount_create(base, config, fake_resolver(base), fake_publisher(), &mount);
	close(place);
	if (r < 0) {
		fprintf(stderr, "fake_kadns: %s\n", strerror(-r));
		return 1;
	}
	puts("ready");
	fflush(stdout);
	event_base_dispatch(base);
	mount_destroy(mount);
	return 0;
}

/* A hundred times a second each third of the odd names goes, and another one comes. */
static bool comes_and_goes(unsigned number)
{
	return number % 2 && (number / 2 + clock_monotonic() / (SECOND / 100)) % 3 == 0;
}

int main(int argc, char **argv)
{
	struct mount_config config = {.source = "none,of it",
		.allow_other = geteuid() == 0,
		.deadline = 4 * SECOND,
		.lookups = RATE_DEFAULT,
		.daemon_owner = geteuid(),
		.ended = on_end};
	for (int c; (c = getopt(argc, argv, "d:l:n:t:o:u:x")) != -1;) {
		if (c == 'd')
			fake.delay_ms = (unsigned)atoi(optarg);
		else if (c == 't')
			config.deadline = (uint64_t)atoi(optarg) * SECOND;
		else if (c == 'l')
			config.lookups = (unsigned)atoi(optarg);
		else if (c == 'n')
			fake.many = (unsigned)atoi(optarg);
		else if (c == 'o')
			config.options = optarg;
		else if (c == 'x')
			config.xattr = true;
		else if (c == 'u')
			config.daemon_owner = (uid_t)atoi(optarg);
		else
			return 2;
	}
	if (optind != argc - 1)
		return 2;
	config.mountpoint = config.path = argv[optind];
	fake.gone = comes_and_goes;
	log_open(LOG_NOTICE, log_to_stderr, clock_awake);
	signal(SIGPIPE, SIG_IGN);
	struct event_base *base = event_base_new();
	struct event *term = evsignal_new(base, SIGTERM, on_signal, base);
	struct event *turn = evsignal_new(base, SIGUSR1, on_turn, NULL);
	config.ended_ctx = base;
	evsignal_add(term, NULL);
	evsignal_add(turn, NULL);
	int status = serve(&config, base);
	event_free(term);
	event_free(turn);
	event_base_free(base);
	fake_destroy();
	return status;
}
