/* Asks conventional DNS through resolver/upstream and prints what came, for the shell scripts of
 * this folder.
 *
 *   ask_upstream [OPTION…] NAME TYPE [NAME TYPE…]
 *     -u WORD   an upstream, repeatable, in order
 *     -r FILE   root hints; lifts the block on "test." and on servers on loopback
 *     -i NAME   an insecure zone, repeatable
 *     -t FILE   trust anchor        -c FILE   resolv.conf       -U USER   the child's user
 *     -w MS     give up after so long (4000)
 *     -k MS     kill -9 the child so long after the question
 *     -p        print the child's process id to stderr and keep on until stdin ends
 *
 * One line a question: NAME TYPE RESULT SECURITY DATA… MS, where RESULT is the rcode or an errno's
 * name, SECURITY is secure, insecure, bogus, unvalidated, and DATA are addresses of A and AAAA,
 * or `+` for a record of another type. */
#include "resolver/clock.h"
#include "resolver/packet.h"
#include "resolver/upstream.h"

#include <arpa/inet.h>
#include <errno.h>
#include <event2/event.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct run {
	struct event_base *base;
	struct upstream *upstream;
	struct upstream_query *query;
	const char *name, *type;
	uint64_t begun;
};

static void print_data(const uint8_t *message, size_t len, uint16_t type)
{
	static struct packet_reader reader;
	char text[INET6_ADDRSTRLEN];
	struct question q;
	struct rr rr;

	if (packet_open(&reader, message, len) || packet_question(&reader, &q, NULL))
		return;
	while (packet_next(&reader, &rr) == 1) {
		if (rr.section != PACKET_ANSWER || rr.type != type)
			continue;
		if (type == TYPE_A || type == TYPE_AAAA)
			printf(" %s", inet_ntop(type == TYPE_A ? AF_INET : AF_INET6, rr.rdata, text,
					      sizeof(text)));
		else
			printf(" +");
	}
}

static const char *security(const struct upstream_reply *r)
{
	if (r->unvalidated)
		return "unvalidated";
	if (r->bogus)
		return "bogus";
	return r->secure ? "secure" : "insecure";
}

static void finish(struct run *run)
{
	printf(" %u\n", (unsigned)((clock_monotonic() - run->begun) / 1000));
	fflush(stdout);
	event_base_loopbreak(run->base);
}

static void on_reply(void *ctx, const struct upstream_reply *r)
{
	struct run *run = ctx;
	uint16_t type = 0;

	run->query = NULL;
	type_from_text(run->type, strlen(run->type), &type);
	printf("%s %s ", run->name, run->type);
	if (r->error) {
		printf("%s -", strerrorname_np(-r->error));
	} else {
		printf("%u %s", r->message[3] & 0xfu, security(r));
		print_data(r->message, r->len, type);
		if (r->bogus)
			fprintf(stderr, "%s: %s\n", run->name, r->why);
	}
	finish(run);
}

static void on_deadline(evutil_socket_t fd, short what, void *ctx)
{
	struct run *run = ctx;

	(void)fd;
	(void)what;
	upstream_cancel(run->query);
	printf("%s %s DEADLINE -", run->name, run->type);
	finish(run);
}

static void on_kill(evutil_socket_t fd, short what, void *ctx)
{
	struct run *run = ctx;

	(void)fd;
	(void)what;
	kill(upstream_child_pid(run->upstream), SIGKILL);
}

static int ask(struct run *run, struct event *deadline, unsigned wait_ms, struct event *killer,
	int kill_ms)
{
	struct timeval wait = {wait_ms / 1000, (suseconds_t)(wait_ms % 1000) * 1000};
	struct timeval kill_at = {kill_ms / 1000, (suseconds_t)(kill_ms % 1000) * 1000};
	struct question q = {.class = CLASS_IN};

	if (name_from_text(run->name, strlen(run->name), &q.name) ||
		!type_from_text(run->type, strlen(run->type), &q.type)) {
		fprintf(stderr, "ask_upstream: %s %s: no question\n", run->name, run->type);
		return 2;
	}
	run->begun = clock_monotonic();
	event_add(deadline, &wait);
	if (kill_ms >= 0)
		event_add(killer, &kill_at);
	if (upstream_ask(run->upstream, &q, on_reply, run, &run->query))
		return 1;
	event_base_dispatch(run->base);
	event_del(deadline);
	return 0;
}

static int usage(void)
{
	fprintf(stderr, "usage: ask_upstream [-u WORD]… [-r FILE] [-i NAME]… [-t FILE] [-c FILE] [-U USER] "
			"[-w MS] [-k MS] [-p] NAME TYPE…\n");
	return 2;
}

int main(int argc, char **argv)
{
	struct upstream_config config = {0};
	struct upstream_counters counters;
	struct run run = {0};
	struct event *deadline, *killer;
	unsigned wait_ms = 4000;
	int option, status, kill_ms = -1;
	bool linger = false;

	if (upstream_child(argc, argv, &status))
		return status;
	while ((option = getopt(argc, argv, "u:r:i:t:c:U:w:k:p")) != -1) {
		switch (option) {
		case 'u':
			if (config.list_len == UPSTREAM_MAX)
				return usage();
			config.list[config.list_len++] = optarg;
			break;
		case 'r':
			config.root_hints = optarg;
			config.test_zones = config.loopback_servers = true;
			break;
		case 'i':
			if (config.insecure_len == UPSTREAM_INSECURE_MAX ||
				name_from_text(optarg, strlen(optarg),
					&config.insecure[config.insecure_len++]))
				return usage();
			break;
		case 't':
			config.trust_anchor = optarg;
			break;
		case 'c':
			config.resolv_conf = optarg;
			break;
		case 'U':
			config.user = optarg;
			break;
		case 'w':
			wait_ms = (unsigned)atoi(optarg);
			break;
		case 'k':
			kill_ms = atoi(optarg);
			break;
		case 'p':
			linger = true;
			break;
		default:
			return usage();
		}
	}
	run.base = event_base_new();
	status = upstream_create(run.base, &config, &run.upstream);
	if (status) {
		fprintf(stderr, "ask_upstream: %s\n", strerror(-status));
		return 1;
	}
	deadline = evtimer_new(run.base, on_deadline, &run);
	killer = evtimer_new(run.base, on_kill, &run);
	for (; optind + 1 < argc && !status; optind += 2) {
		run.name = argv[optind];
		run.type = argv[optind + 1];
		status = ask(&run, deadline, wait_ms, killer, kill_ms);
		kill_ms = -1;
	}
	if (linger) {
		fprintf(stderr, "child %d\n", upstream_child_pid(run.upstream));
		while (getchar() != EOF)
			;
	}
	upstream_counters(run.upstream, &counters);
	if (counters.restarts)
		fprintf(stderr, "restarts %llu\n", (unsigned long long)counters.restarts);
	event_free(deadline);
	event_free(killer);
	upstream_destroy(run.upstream);
	event_base_free(run.base);
	return status;
}
