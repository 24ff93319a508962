/* The parent's side of the validator against children that die, lie, hang, and one that works:
 * this program itself, started again. No network is needed. */
#undef NDEBUG
#include "resolver/clock.h"
#include "resolver/frame.h"
#include "resolver/upstream.h"
#include "resolver/validator.h"

#include <dirent.h>
#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cmocka.h>

/* -- the fake child ----------------------------------------------------------------------- */

/* What it does is told by config.user, "fake:MODE"; config.root_hints is a file of its own. */
#define FAKE "fake:"

static const uint8_t message[12] = {0, 0, 0x81, 0x80};

static size_t put_answer(uint8_t *buf, uint64_t id, struct frame_answer answer)
{
	if (answer.error == 0 && !answer.message) {
		answer.message = message;
		answer.len = sizeof(message);
	}
	return frame_put_answer(buf, id, &answer);
}

/* Lies by name: a frame that is made right and then changed. */
static size_t put_lie(uint8_t *buf, uint64_t id, const char *lie)
{
	size_t len = put_answer(buf, id, (struct frame_answer){.bogus = true, .why = "why"});
	uint32_t *kind = (uint32_t *)buf, *frame_len = (uint32_t *)(buf + 4);
	uint16_t *flags = (uint16_t *)(buf + FRAME_HEAD + 4);
	uint16_t *why_len = (uint16_t *)(buf + FRAME_HEAD + 6);

	if (strcmp(lie, "longer") == 0)
		++*frame_len;
	else if (strcmp(lie, "shorter") == 0)
		--*frame_len;
	else if (strcmp(lie, "huge length") == 0)
		*frame_len = UINT32_MAX;
	else if (strcmp(lie, "half a head") == 0)
		len = 7;
	else if (strcmp(lie, "head only") == 0)
		*frame_len = 0, len = FRAME_HEAD;
	else if (strcmp(lie, "kind 0") == 0)
		*kind = 0;
	else if (strcmp(lie, "kind 7") == 0)
		*kind = FRAME_COUNTERS + 1;
	else if (strcmp(lie, "a list of servers") == 0)
		*kind = FRAME_SERVERS;
	else if (strcmp(lie, "half a counter") == 0)
		*kind = FRAME_COUNTERS;
	else if (strcmp(lie, "a question") == 0)
		*kind = FRAME_ASK;
	else if (strcmp(lie, "why past the end") == 0)
		*why_len = 200;
	else if (strcmp(lie, "why over the limit") == 0)
		*why_len = 0xffff;
	else if (strcmp(lie, "message eaten by why") == 0)
		*why_len = 3 + 1;
	else if (strcmp(lie, "secure and bogus") == 0)
		*flags |= 3;
	else if (strcmp(lie, "bogus and unvalidated") == 0)
		*flags |= 6;
	else if (strcmp(lie, "unknown flag") == 0)
		*flags |= 8;
	else if (strcmp(lie, "positive error") == 0)
		len = put_answer(buf, id, (struct frame_answer){.error = 5});
	else if (strcmp(lie, "strange error") == 0)
		len = put_answer(buf, id, (struct frame_answer){.error = -EPERM});
	else if (strcmp(lie, "error with data") == 0)
		len = put_answer(buf, id,
			(struct frame_answer){.error = -ETIMEDOUT, .message = message, .len = 12});
	else if (strcmp(lie, "cancelled by nobody") == 0)
		len = put_answer(buf, id, (struct frame_answer){.error = -ECANCELED});
	else if (strcmp(lie, "other id") == 0)
		len = put_answer(buf, id ^ (1 << 20), (struct frame_answer){.error = 0});
	else if (strcmp(lie, "empty slot") == 0)
		len = put_answer(buf, id ^ 1, (struct frame_answer){.error = 0});
	else if (strcmp(lie, "oversize") == 0)
		memset(buf, 0, len = FRAME_MAX + 1);
	return len;
}

static void count_start(const char *path)
{
	int fd = open(path, O_WRONLY | O_APPEND);

	if (fd >= 0 && write(fd, "x", 1) == 1)
		close(fd);
}

static long starts(const char *path)
{
	struct stat st;

	return stat(path, &st) ? -1 : (long)st.st_size;
}

/* "answer": at once. Everything else is a way to fail. */
static void fake_ask(const char *mode, const char *path, uint64_t id)
{
	static uint8_t buf[FRAME_MAX + 1];
	size_t len;

	if (strcmp(mode, "dies when asked") == 0)
		raise(SIGKILL);
	if (strcmp(mode, "dies once") == 0 && starts(path) == 1)
		raise(SIGKILL);
	if (strcmp(mode, "closes once") == 0 && starts(path) == 1) {
		close(VALIDATOR_FD);
		for (;;)
			pause();
	}
	if (strncmp(mode, "mute", 4) == 0)
		return;
	if (strncmp(mode, "lie ", 4) == 0)
		len = put_lie(buf, id, mode + 4);
	else if (strcmp(mode, "late") == 0)
		len = put_answer(buf, id, (struct frame_answer){.error = -ETIMEDOUT});
	else if (strcmp(mode, "dirty why") == 0)
		len = put_answer(
			buf, id, (struct frame_answer){.bogus = true, .why = "\033[2J\n\377%s"});
	else
		len = put_answer(buf, id, (struct frame_answer){.secure = true});
	send(VALIDATOR_FD, buf, len, MSG_NOSIGNAL);
	if (strcmp(mode, "answers twice") == 0)
		send(VALIDATOR_FD, buf, len, MSG_NOSIGNAL);
}

static int fake_child(void)
{
	static uint8_t words[FRAME_MAX], buf[FRAME_SERVERS_MAX], out[FRAME_MAX];
	struct upstream_config config;
	struct frame frame;
	struct question q;
	const char *mode;
	ssize_t n = recv(VALIDATOR_FD, words, sizeof(words), 0);

	if (n <= 0 || frame_open(words, (size_t)n, &frame) || frame_get_config(&frame, &config))
		return 1;
	mode = config.user + strlen(FAKE);
	if (config.root_hints)
		count_start(config.root_hints);
	if (strcmp(mode, "dies at once") == 0)
		return 1;
	if (strcmp(mode, "deaf") == 0)
		for (;;)
			pause();
	while ((n = recv(VALIDATOR_FD, buf, sizeof(buf), 0)) > 0) {
		if (frame_open(buf, (size_t)n, &frame))
			return 1;
		if (frame.kind == FRAME_ASK && frame_get_ask(&frame, &q) == 0)
			fake_ask(mode, config.root_hints, frame.id);
		if (frame.kind == FRAME_CANCEL && strcmp(mode, "mute") == 0)
			send(VALIDATOR_FD, out,
				put_answer(
					out, frame.id, (struct frame_answer){.error = -ECANCELED}),
				MSG_NOSIGNAL);
	}
	return 0;
}

static bool am_fake(void)
{
	static uint8_t words[FRAME_MAX];
	struct upstream_config config;
	struct frame frame;
	ssize_t n = recv(VALIDATOR_FD, words, sizeof(words), MSG_PEEK);

	return n > 0 && frame_open(words, (size_t)n, &frame) == 0 &&
	       frame_get_config(&frame, &config) == 0 && config.user &&
	       strncmp(config.user, FAKE, strlen(FAKE)) == 0;
}

/* -- the parent --------------------------------------------------------------------------- */

struct fixture {
	struct event_base *base;
	struct event *guard;
	struct upstream *u;
	char path[40];
	unsigned replies, wanted;
	struct upstream_reply last;
	char why[FRAME_WHY_MAX + 1];
};

/* By its name: under valgrind /proc/self/exe is valgrind. */
static const char *program;

static struct question question(const char *name, uint16_t type)
{
	struct question q = {.type = type, .class = CLASS_IN};

	assert_int_equal(name_from_text(name, strlen(name), &q.name), 0);
	return q;
}

/* No test here takes that long; one that does has failed. */
static void on_guard(evutil_socket_t fd, short what, void *ctx)
{
	struct fixture *f = ctx;

	(void)fd;
	(void)what;
	event_base_loopbreak(f->base);
}

static void start_config(struct fixture *f, struct upstream_config *config)
{
	static const struct timeval limit = {.tv_sec = 20};
	int fd;

	memset(f, 0, sizeof(*f));
	strcpy(f->path, "/tmp/test_upstream.XXXXXX");
	fd = mkstemp(f->path);
	assert_true(fd >= 0);
	assert_int_equal(fchmod(fd, 0644), 0); /* the child is somebody else */
	close(fd);
	config->root_hints = f->path;
	config->program = program;
	f->base = event_base_new();
	f->guard = evtimer_new(f->base, on_guard, f);
	event_add(f->guard, &limit);
	assert_int_equal(upstream_create(f->base, config, &f->u), 0);
}

static void start(struct fixture *f, const char *mode, unsigned patience_ms)
{
	char user[128];
	struct upstream_config config = {
		.list = {"recursive"}, .list_len = 1, .user = user, .patience_ms = patience_ms};

	snprintf(user, sizeof(user), FAKE "%s", mode);
	start_config(f, &config);
}

static void stop(struct fixture *f)
{
	int pid = upstream_child_pid(f->u);

	upstream_destroy(f->u);
	if (pid > 0) {
		assert_int_equal(kill(pid, 0), -1);
		assert_int_equal(errno, ESRCH);
	}
	event_free(f->guard);
	event_base_free(f->base);
	unlink(f->path);
}

static void on_reply(void *ctx, const struct upstream_reply *reply)
{
	struct fixture *f = ctx;

	f->last = *reply;
	snprintf(f->why, sizeof(f->why), "%s", reply->why);
	if (reply->error == 0) {
		assert_int_equal(reply->len, sizeof(message));
		assert_memory_equal(reply->message, message, sizeof(message));
	}
	if (++f->replies == f->wanted)
		event_base_loopbreak(f->base);
}

static struct upstream_query *ask(struct fixture *f)
{
	struct question q = question("www.example", TYPE_A);
	struct upstream_query *query;
	unsigned before = f->replies;

	assert_int_equal(upstream_ask(f->u, &q, on_reply, f, &query), 0);
	assert_int_equal(f->replies, before); /* never before upstream_ask has returned */
	return query;
}

static void run(struct fixture *f, unsigned wanted)
{
	f->wanted = wanted;
	event_base_dispatch(f->base);
	assert_int_equal(f->replies, wanted);
}

static struct upstream_counters counters(const struct fixture *f)
{
	struct upstream_counters c;

	upstream_counters(f->u, &c);
	return c;
}

static void one_is_answered(void **state)
{
	struct fixture f;

	(void)state;
	start(&f, "answer", 0);
	ask(&f);
	run(&f, 1);
	assert_int_equal(f.last.error, 0);
	assert_true(f.last.secure && !f.last.bogus && !f.last.unvalidated);
	assert_int_equal(counters(&f).asked, 1);
	assert_int_equal(counters(&f).answered, 1);
	assert_int_equal(counters(&f).in_flight, 0);
	stop(&f);
}

/* The servers were too slow for the child: that is counted apart from other failures. */
static void one_is_late(void **state)
{
	struct fixture f;

	(void)state;
	start(&f, "late", 0);
	ask(&f);
	run(&f, 1);
	assert_int_equal(f.last.error, -ETIMEDOUT);
	assert_int_equal(counters(&f).timeouts, 1);
	assert_int_equal(counters(&f).failed, 0);
	stop(&f);
}

/* More than a socket holds: what the child has not read waits in the table, and no more than that.
 */
static void as_many_as_the_table_holds(void **state)
{
	struct question q = question("www.example", TYPE_A);
	struct upstream_query *query;
	struct fixture f;

	(void)state;
	start(&f, "answer", 0);
	for (unsigned i = 0; i < UPSTREAM_IN_FLIGHT_MAX; i++)
		ask(&f);
	assert_int_equal(upstream_ask(f.u, &q, on_reply, &f, &query), -EBUSY);
	run(&f, UPSTREAM_IN_FLIGHT_MAX);
	assert_int_equal(counters(&f).answered, UPSTREAM_IN_FLIGHT_MAX);
	assert_int_equal(counters(&f).restarts, 0);
	ask(&f);
	run(&f, UPSTREAM_IN_FLIGHT_MAX + 1);
	stop(&f);
}

/* A child that does not read at all: the table is the bound, and time ends it. */
static void deaf_child(void **state)
{
	struct question q = question("www.example", TYPE_A);
	struct upstream_query *query;
	struct fixture f;

	(void)state;
	start(&f, "deaf", 100);
	for (unsigned i = 0; i < UPSTREAM_IN_FLIGHT_MAX; i++)
		ask(&f);
	assert_int_equal(upstream_ask(f.u, &q, on_reply, &f, &query), -EBUSY);
	run(&f, UPSTREAM_IN_FLIGHT_MAX);
	assert_int_equal(f.last.error, -EREMOTEIO);
	assert_true(counters(&f).restarts >= 1);
	stop(&f);
}

static void asked_again_once(void **state)
{
	static const char *const modes[] = {"dies once", "closes once"};

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct fixture f;

		start(&f, modes[i], 0);
		ask(&f);
		ask(&f);
		run(&f, 2);
		assert_int_equal(f.last.error, 0);
		assert_int_equal(counters(&f).restarts, 1);
		assert_int_equal(starts(f.path), 2);
		stop(&f);
	}
}

static void not_twice(void **state)
{
	struct fixture f;

	(void)state;
	start(&f, "dies when asked", 0);
	ask(&f);
	run(&f, 1);
	assert_int_equal(f.last.error, -EREMOTEIO);
	assert_int_equal(counters(&f).failed, 1);
	assert_int_equal(counters(&f).restarts, 2);
	stop(&f);
}

static void stop_soon(evutil_socket_t fd, short what, void *ctx)
{
	(void)fd;
	(void)what;
	event_base_loopbreak(ctx);
}

static void run_for(struct fixture *f, int ms)
{
	struct timeval t = {.tv_usec = ms * 1000};

	event_base_once(f->base, -1, EV_TIMEOUT, stop_soon, f->base, &t);
	event_base_dispatch(f->base);
}

/* After 10 ms, 20, 40, 80: five starts in 300 ms, a sixth would take 310. */
static void dying_child_does_not_spin(void **state)
{
	struct fixture f;

	(void)state;
	start(&f, "dies at once", 0);
	run_for(&f, 300);
	assert_in_range(starts(f.path), 2, 5);
	ask(&f);
	upstream_cancel(ask(&f));
	stop(&f);
	assert_int_equal(f.replies, 0);
}

static void program_that_is_not_there(void **state)
{
	struct upstream_config config = {.program = "/nonexistent/kadns"};
	struct event_base *base = event_base_new();
	struct upstream *u;

	(void)state;
	assert_int_equal(upstream_create(base, &config, &u), -ENOENT);
	config = (struct upstream_config){.root_hints = "/nonexistent/hints"};
	assert_int_equal(upstream_create(base, &config, &u), -ENOENT);
	config = (struct upstream_config){.list = {"tls://192.0.2.1"}, .list_len = 1};
	assert_int_equal(upstream_create(base, &config, &u), -EINVAL);
	event_base_free(base);
}

/* Every lie costs the child its life, and the question its second chance. */
static void liars_are_killed(void **state)
{
	static const char *const lies[] = {"longer", "shorter", "huge length", "half a head",
		"head only", "kind 0", "kind 7", "a list of servers", "half a counter",
		"a question", "why past the end", "why over the limit", "message eaten by why",
		"secure and bogus", "bogus and unvalidated", "unknown flag", "positive error",
		"strange error", "error with data", "cancelled by nobody", "other id", "empty slot",
		"oversize"};

	(void)state;
	for (size_t i = 0; i < sizeof(lies) / sizeof(*lies); i++) {
		char mode[64];
		struct fixture f;

		snprintf(mode, sizeof(mode), "lie %s", lies[i]);
		start(&f, mode, 0);
		ask(&f);
		run(&f, 1);
		if (f.last.error != -EREMOTEIO)
			fail_msg("lie \"%s\" was believed", lies[i]);
		assert_int_equal(counters(&f).restarts, 2);
		stop(&f);
	}
}

static void answering_twice_is_a_lie(void **state)
{
	struct fixture f;

	(void)state;
	start(&f, "answers twice", 0);
	ask(&f);
	run(&f, 1);
	assert_int_equal(f.last.error, 0);
	ask(&f); /* the second answer to the first is read now; this one is asked of a new child */
	run(&f, 2);
	assert_true(counters(&f).restarts >= 1);
	stop(&f);
}

static void why_is_printable(void **state)
{
	struct fixture f;

	(void)state;
	start(&f, "dirty why", 0);
	ask(&f);
	run(&f, 1);
	assert_true(f.last.bogus);
	assert_int_equal(counters(&f).bogus, 1);
	assert_string_equal(f.why, "?[2J??%s");
	stop(&f);
}

static void hanging_child_is_replaced(void **state)
{
	struct fixture f;

	(void)state;
	start(&f, "mute", 80);
	ask(&f);
	run(&f, 1);
	assert_int_equal(f.last.error, -EREMOTEIO);
	assert_int_equal(counters(&f).restarts, 2);
	stop(&f);
}

/* Runs until the child has owned up to every question. */
static void drain(struct fixture *f)
{
	for (int i = 0; i < 1000 && counters(f).in_flight; i++)
		run_for(f, 2);
}

static void no_callback_after_cancel(void **state)
{
	struct fixture f;

	(void)state;
	start(&f, "mute", 0);
	for (int i = 0; i < 100; i++)
		upstream_cancel(ask(&f));
	drain(&f);
	assert_int_equal(f.replies, 0);
	assert_int_equal(counters(&f).in_flight, 0);
	assert_int_equal(counters(&f).restarts, 0);
	stop(&f);
}

static void on_moved(void *ctx)
{
	++*(unsigned *)ctx;
}

/* Nobody asks, as all that is wanted is in memory; what that says is of another network then. */
static void another_network_is_noticed_without_a_question(void **state)
{
	struct fixture f;
	char conf[] = "/tmp/kadns-resolv-XXXXXX";
	int fd = mkstemp(conf);
	unsigned moved = 0;
	struct timeval patience = {.tv_sec = 10};
	struct upstream_config config = {
		.list = {"system"}, .list_len = 1, .user = FAKE "mute", .resolv_conf = conf};

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(write(fd, "nameserver 192.0.2.1\n", 21), 21);
	start_config(&f, &config);
	upstream_watch(f.u, on_moved, &moved);
	assert_int_equal(pwrite(fd, "nameserver 192.0.2.2\n\n", 22, 0), 22);
	event_base_loopexit(f.base, &patience);
	while (!moved && !event_base_got_exit(f.base))
		event_base_loop(f.base, EVLOOP_ONCE);
	assert_int_equal(moved, 1);
	stop(&f);
	close(fd);
	unlink(conf);
}

/* Cancelled before it was said: the child, which dies of any question, never hears of it. */
static void cancel_while_there_is_no_child(void **state)
{
	struct fixture f;

	(void)state;
	start(&f, "dies at once", 0);
	upstream_cancel(ask(&f));
	drain(&f);
	upstream_cancel(ask(&f));
	assert_int_equal(counters(&f).in_flight, 0);
	assert_int_equal(f.replies, 0);
	stop(&f);
}

/* A child that hangs and ignores cancels is found out by them. */
static void cancelled_questions_are_owed_too(void **state)
{
	struct fixture f;

	(void)state;
	start(&f, "mute and stubborn", 80);
	upstream_cancel(ask(&f));
	drain(&f);
	assert_int_equal(f.replies, 0);
	assert_int_equal(counters(&f).in_flight, 0);
	assert_int_equal(counters(&f).restarts, 1);
	stop(&f);
}

static void ask_from_callback(void *ctx, const struct upstream_reply *reply)
{
	struct fixture *f = ctx;

	/* The bytes that were lent stand although another question goes out meanwhile. */
	ask(f);
	on_reply(f, reply);
}

static void callback_may_ask(void **state)
{
	struct question q = question("www.example", TYPE_A);
	struct upstream_query *query;
	struct fixture f;

	(void)state;
	start(&f, "answer", 0);
	assert_int_equal(upstream_ask(f.u, &q, ask_from_callback, &f, &query), 0);
	run(&f, 2);
	stop(&f);
}

struct pair {
	struct fixture *f;
	struct upstream_query *other;
};

static void cancel_other(void *ctx, const struct upstream_reply *reply)
{
	struct pair *p = ctx;

	upstream_cancel(p->other);
	on_reply(p->f, reply);
}

/* While the questions of a dead child are failed, one callback cancels the next in the list. */
static void callback_may_cancel(void **state)
{
	struct question q = question("www.example", TYPE_A);
	struct upstream_query *query;
	struct fixture f;
	struct pair p = {.f = &f};

	(void)state;
	start(&f, "dies when asked", 0);
	assert_int_equal(upstream_ask(f.u, &q, cancel_other, &p, &query), 0);
	p.other = ask(&f);
	run(&f, 1);
	drain(&f);
	assert_int_equal(f.replies, 1);
	stop(&f);
}

static void destroyed_with_questions_in_flight(void **state)
{
	struct fixture f;

	(void)state;
	start(&f, "mute", 0);
	for (int i = 0; i < 1000; i++)
		ask(&f);
	stop(&f);
	assert_int_equal(f.replies, 0);
}

/* -- the real child ----------------------------------------------------------------------- */

/* loopback_servers: not even a route is needed. */
static const struct upstream_config real_config = {
	.list = {"recursive"}, .list_len = 1, .loopback_servers = true};

static void keep_rcode(void *ctx, const struct upstream_reply *reply)
{
	struct fixture *f = ctx;

	f->last = *reply;
	if (reply->error == 0)
		assert_int_equal(reply->message[3] & 0xf, RCODE_NOERROR);
	if (++f->replies == f->wanted)
		event_base_loopbreak(f->base);
}

/* libunbound answers localhost. by itself, so this goes all the way and asks nobody. */
static void real_child_answers(void **state)
{
	struct upstream_config config = real_config;
	struct question q = question("localhost", TYPE_A);
	struct upstream_query *query;
	struct fixture f;

	(void)state;
	start_config(&f, &config);
	assert_int_equal(upstream_ask(f.u, &q, keep_rcode, &f, &query), 0);
	run(&f, 1);
	assert_int_equal(f.last.error, 0);
	assert_false(f.last.secure || f.last.bogus);
	q.type = TYPE_AXFR;
	assert_int_equal(upstream_ask(f.u, &q, keep_rcode, &f, &query), 0);
	run(&f, 2);
	assert_int_equal(f.last.error, -EREMOTEIO);
	assert_int_equal(counters(&f).restarts, 0);
	stop(&f);
}

/* The value of a line of /proc/PID/status. */
static void process_status(int pid, const char *key, char *ret_value, size_t cap)
{
	char path[64], line[256];
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	f = fopen(path, "r");
	assert_non_null(f);
	*ret_value = '\0';
	while (fgets(line, sizeof(line), f))
		if (strncmp(line, key, strlen(key)) == 0)
			snprintf(ret_value, cap, "%s", line + strlen(key) + 1);
	fclose(f);
	ret_value[strcspn(ret_value, "\n")] = '\0';
}

/* Does the process have this file open? Without root a process that is not dumpable is closed to
 * us, which is as good. */
static bool holds_file(int pid, const char *file)
{
	char dir_path[64], path[400], target[128];
	bool found = false;
	struct dirent *entry;
	DIR *dir;

	snprintf(dir_path, sizeof(dir_path), "/proc/%d/fd", pid);
	dir = opendir(dir_path);
	while (dir && (entry = readdir(dir))) {
		ssize_t n;

		snprintf(path, sizeof(path), "%s/%s", dir_path, entry->d_name);
		n = readlink(path, target, sizeof(target) - 1);
		target[n < 0 ? 0 : n] = '\0';
		found = found || strcmp(target, file) == 0;
	}
	if (dir)
		closedir(dir);
	return found;
}

static bool user_namespace_maps_all(void)
{
	unsigned inside, outside, count = 0;
	FILE *f = fopen("/proc/self/uid_map", "r");
	bool all = f && fscanf(f, "%u %u %u", &inside, &outside, &count) == 3 && count > 65534;

	if (f)
		fclose(f);
	return all;
}

static void real_child_is_confined(void **state)
{
	struct upstream_config config = real_config;
	struct question q = question("localhost", TYPE_A);
	struct upstream_query *query;
	struct fixture f;
	char value[128], file[] = "/tmp/test_upstream_stray.XXXXXX";
	int pid, first = mkstemp(file), stray;

	(void)state;
	assert_true(first >= 0);
	/* Not close-on-exec, as a careless library's, and not on the number that the socket gets.
	 */
	stray = fcntl(first, F_DUPFD, 20);
	close(first);
	start_config(&f, &config);
	assert_int_equal(upstream_ask(f.u, &q, keep_rcode, &f, &query), 0);
	run(&f, 1);
	pid = upstream_child_pid(f.u);
	process_status(pid, "Name:", value, sizeof(value));
	assert_string_equal(value, "kadns-validator");
	process_status(pid, "NoNewPrivs:", value, sizeof(value));
	assert_string_equal(value, "1");
	process_status(pid, "Seccomp:", value, sizeof(value));
	assert_string_equal(value, "2");
	process_status(pid, "CapEff:", value, sizeof(value));
	assert_string_equal(value, "0000000000000000");
	process_status(pid, "CapPrm:", value, sizeof(value));
	assert_string_equal(value, "0000000000000000");
	/* It works on what has gathered (child_take_turns), and is not behind: then each of its
	 * questions would be a switch of processes. */
	uint8_t attr[128];
	if (sched_getscheduler(0) == SCHED_OTHER &&
		syscall(SYS_sched_getattr, 0, attr, sizeof(attr), 0) == 0)
		assert_int_equal(sched_getscheduler(pid), SCHED_BATCH);
	assert_int_equal(getpriority(PRIO_PROCESS, (id_t)pid), getpriority(PRIO_PROCESS, 0));
	if (geteuid() == 0 && user_namespace_maps_all()) {
		process_status(pid, "Uid:", value, sizeof(value));
		assert_string_equal(value, "65534\t65534\t65534\t65534");
		process_status(pid, "Groups:", value, sizeof(value));
		assert_int_equal(value[strspn(value, " \t")], '\0');
	}
	assert_true(geteuid() != 0 || holds_file(getpid(), file));
	assert_false(holds_file(pid, file));
	unlink(file);
	close(stray);
	stop(&f);
}

/* The service manager's SIGTERM to all is the parent's business. */
static void real_child_outlives_signals_but_not_its_parent(void **state)
{
	struct upstream_config config = real_config;
	struct question q = question("localhost", TYPE_A);
	struct upstream_query *query;
	struct fixture f;

	(void)state;
	start_config(&f, &config);
	for (int i = 1; i <= 2; i++) {
		assert_int_equal(upstream_ask(f.u, &q, keep_rcode, &f, &query), 0);
		run(&f, (unsigned)i);
		kill(upstream_child_pid(f.u), SIGTERM);
		kill(upstream_child_pid(f.u), SIGINT);
	}
	assert_int_equal(f.last.error, 0);
	assert_int_equal(counters(&f).restarts, 0);
	stop(&f);
}

static void words_of_the_list(void **state)
{
	static const char *const good[] = {"system", "recursive", "192.0.2.1", "192.0.2.1:53",
		"::1", "[::1]:53", "tls://192.0.2.1#dns.example",
		"tls://192.0.2.1:8853#dns.example", "tls://[::1]#x", "corp.example@192.0.2.1",
		"lan@[::1]:5353", "Lan.@recursive", "corp@tls://192.0.2.1#dns.example",
		"https://192.0.2.1/dns-query", "https://192.0.2.1:8443/a/b-c_d~e.f%20#dns.example",
		"corp@https://[2001:db8::1]:443/dns-query#x", "https://192.0.2.1/PROXY",
		"http://192.0.2.1:8882/PROXY", "http://[::1]/x/PROXY#dns.example"};
	static const char *const bad[] = {"", "none", "System", "recursive ", "dns.example",
		"192.0.2.1:", "https://dns.example/dns-query", "https://192.0.2.1",
		"https://192.0.2.1#a", "https://192.0.2.1#a/dns-query", "https://",
		"https:///dns-query", "https://192.0.2.1/dns-query#",
		"https://192.0.2.1/dns-query#*.a",
		"https://192.0.2.1/dns-query?dns=", "https://192.0.2.1/dns-query{?dns}",
		"https://192.0.2.1/dns query", "https://192.0.2.1:0/x", "https://fe80::1%lo/x",
		"http://192.0.2.1/dns-query", "http://192.0.2.1/PROXY/", "http://192.0.2.1/proxy",
		"HTTPS://192.0.2.1/x", "tls://192.0.2.1", "tls://192.0.2.1#", "tls://dns.example#x",
		"tls://192.0.2.1#*.x", "tls://192.0.2.1:0#x", "tls://#x", "@192.0.2.1",
		".@192.0.2.1", "a..b@192.0.2.1", "corp@", "corp@system", "corp@none",
		"corp@dns.example", "corp@a@192.0.2.1", "192.0.2.1@corp"};
	const char *why;

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++)
		assert_int_equal(upstream_check(good[i], &why), 0);
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		why = NULL;
		assert_int_equal(upstream_check(bad[i], &why), -EINVAL);
		assert_non_null(why);
	}
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_is_answered),
		cmocka_unit_test(one_is_late),
		cmocka_unit_test(as_many_as_the_table_holds),
		cmocka_unit_test(deaf_child),
		cmocka_unit_test(asked_again_once),
		cmocka_unit_test(not_twice),
		cmocka_unit_test(dying_child_does_not_spin),
		cmocka_unit_test(program_that_is_not_there),
		cmocka_unit_test(liars_are_killed),
		cmocka_unit_test(answering_twice_is_a_lie),
		cmocka_unit_test(why_is_printable),
		cmocka_unit_test(hanging_child_is_replaced),
		cmocka_unit_test(no_callback_after_cancel),
		cmocka_unit_test(another_network_is_noticed_without_a_question),
		cmocka_unit_test(cancel_while_there_is_no_child),
		cmocka_unit_test(cancelled_questions_are_owed_too),
		cmocka_unit_test(callback_may_ask),
		cmocka_unit_test(callback_may_cancel),
		cmocka_unit_test(destroyed_with_questions_in_flight),
		cmocka_unit_test(real_child_answers),
		cmocka_unit_test(real_child_is_confined),
		cmocka_unit_test(real_child_outlives_signals_but_not_its_parent),
		cmocka_unit_test(words_of_the_list),
	};
	int status;

	if (argc == 2 && strcmp(argv[1], VALIDATOR_ARGUMENT) == 0 && am_fake())
		_exit(fake_child());
	/* _exit: LeakSanitizer cannot trace a process that has made itself untraceable. */
	if (upstream_child(argc, argv, &status))
		_exit(status);
	program = argv[0];
	return cmocka_run_group_tests(tests, NULL, NULL);
}
