/* The mount: a libfuse session in an event loop. */
#include "fs/mount.h"

#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <linux/fuse.h>
#include <malloc.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/lsan_interface.h>
#endif

#include "fs/caller.h"
#include "fs/descriptors.h"
#include "fs/fs.h"
#include "fs/log.h"
#include "fs/ops.h"
#include "resolver/clock.h"

/* Requests read in one turn of the loop: enough to keep up with several clients, few enough that
 * DNS and the DHT do not wait long. 16 opens of what is known are a tenth of a millisecond; a page
 * of a listing, or a record of 64 kB that is written anew for its size, takes one alone, and a turn
 * of those ends sooner. */
#define BATCH 16
#define TURN_US 2000

/* One reader at a time is the usual: then the read that finds no second request is a system call in
 * vain for each request, so every so many turns only is it looked whether there are more by now. */
#define LOOK_TURNS 8

struct mount {
	struct fs *fs;
	struct fuse_session *session;
	struct fuse_buf buf;
	struct event *readable;
	unsigned turns;
	bool crowded; /* the last look has found several who wait */
	bool mounted;
	void (*ended)(void *ctx), (*unmount)(void *ctx);
	void *ended_ctx;
};

static void end(struct mount *m)
{
	event_del(m->readable);
	if (m->ended)
		m->ended(m->ended_ctx);
}

static uint32_t opcode(const struct mount *m)
{
	const struct fuse_in_header *head = m->buf.mem;
	return head->opcode;
}

/* What the kernel sends behind a call that has returned already comes before the next call's own
 * request. */
static bool is_waited_for(uint32_t opcode)
{
	switch (opcode) {
	case FUSE_FORGET:
	case FUSE_BATCH_FORGET:
	case FUSE_RELEASE:
	case FUSE_RELEASEDIR:
	case FUSE_INTERRUPT:
		return false;
	default:
		return true;
	}
}

/* A copy of what is in memory, and its end: for so little the clock is not read. */
static bool is_quick(uint32_t opcode)
{
	return opcode == FUSE_READ || opcode == FUSE_RELEASE;
}

static void on_readable(evutil_socket_t fd, short what, void *ctx)
{
	struct mount *m = ctx;
	unsigned waited_for = 0;
	bool looks = m->crowded || m->turns++ % LOOK_TURNS == 0;
	uint64_t begun = looks ? clock_monotonic() : 0;
	(void)fd;
	(void)what;
	for (int i = 0; i < BATCH && (looks || waited_for == 0); i++) {
		int n = fuse_session_receive_buf(m->session, &m->buf);
		if (n == -EINTR)
			continue;
		if (n == -EAGAIN)
			break;
		if (n <= 0 || fuse_session_exited(m->session)) { /* unmounted */
			end(m);
			return;
		}
		waited_for += is_waited_for(opcode(m));
		fuse_session_process_buf(m->session, &m->buf);
		if (looks && !is_quick(opcode(m)) && clock_monotonic() - begun > TURN_US)
			break;
	}
	m->crowded = waited_for > 1;
}

/* libfuse allocates each request anew, 136 bytes, and frees it with the reply. glibc keeps chunks
 * of up to 128 bytes for the next to ask, and merges larger ones with what is free beside them, to
 * cut them out again a moment later: a fifth of all instructions of a cat. This is as far as it
 * goes. */
#define KEPT_MAX (80 * sizeof(size_t) / 4)

static void keep_requests(void)
{
	mallopt(M_MXFAST, KEPT_MAX);
}

/* ---- the options of libfuse ---- */

static int add_option(struct fuse_args *args, const char *option)
{
	return fuse_opt_add_arg(args, "-o") < 0 || fuse_opt_add_arg(args, option) < 0 ? -ENOMEM : 0;
}

/* A source is a list by commas, which separate options too. */
static int add_source(struct fuse_args *args, const char *source)
{
	char *value = NULL, *option = NULL;
	if (asprintf(&value, "fsname=%s", source) < 0)
		return -ENOMEM;
	int r = fuse_opt_add_opt_escaped(&option, value) < 0 ? -ENOMEM : add_option(args, option);
	free(option);
	free(value);
	return r;
}

static int fill_args(struct fuse_args *args, const struct mount_config *config)
{
	int r = fuse_opt_add_arg(args, "kadns") < 0 ? -ENOMEM : 0;
	if (r == 0 && config->options && *config->options)
		r = add_option(args, config->options);
	if (r == 0)
		r = add_source(args, config->source);
	if (r == 0 && config->allow_other)
		r = add_option(args, "allow_other");
	if (r == 0 && config->read_only)
		r = add_option(args, "ro");
	if (r == 0 && config->auto_unmount)
		r = add_option(args, "auto_unmount");
	/* Last, so that no `suid` or `dev` of mount.fuse3 stands against them. */
	return r == 0 ? add_option(args, "subtype=kadns,nosuid,nodev,noexec") : r;
}

/* Why the mount could not be made: kadns says it in one line, with the words of who refused. */
static char said[256];
static bool started;

static void keep_words(const char *words, size_t len)
{
	snprintf(said, sizeof(said), "%.*s", (int)len, words);
	said[strcspn(said, "\n")] = '\0';
}

static void on_fuse_log(enum fuse_log_level level, const char *format, va_list args)
{
	char words[sizeof(said)];
	if (started || level > FUSE_LOG_WARNING) {
		log_va((int)level, format, args); /* its levels are those of syslog */
		return;
	}
	vsnprintf(words, sizeof(words), format, args);
	keep_words(words, strlen(words));
}

const char *mount_why(void)
{
	return strncmp(said, "fuse: ", 6) == 0 ? said + 6 : said;
}

/* fusermount3, which mounts for who is not root, says on its stderr why it would not. That is a
 * pipe of ours meanwhile; non-blocking, so that nothing it says can stop it. */
static int mount_and_listen(struct fuse_session *session, const char *mountpoint)
{
	char words[sizeof(said)];
	int ends[2], own = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);
	if (own < 0 || pipe2(ends, O_CLOEXEC | O_NONBLOCK) < 0) {
		close(own);
		return fuse_session_mount(session, mountpoint);
	}
	dup2(ends[1], STDERR_FILENO);
	close(ends[1]);
	int r = fuse_session_mount(session, mountpoint);
	dup2(own, STDERR_FILENO);
	close(own);
	ssize_t n = read(ends[0], words, sizeof(words));
	if (n > 0)
		keep_words(words, (size_t)n);
	close(ends[0]);
	return r;
}

/* libfuse leaves its end open, and to itself. */
static int take_watched(void)
{
	int fd = descriptors_of_others(-1);
	if (fd >= 0)
		fcntl(fd, F_SETFD, FD_CLOEXEC);
	return fd;
}

int mount_make(const struct mount_config *config, int *ret_device, int *ret_watched)
{
	static const struct fuse_lowlevel_ops nothing;
	struct fuse_args args = FUSE_ARGS_INIT(0, NULL);
	struct fuse_session *session = NULL;
	fuse_set_log_func(on_fuse_log);
	started = false;
	int r = fill_args(&args, config);
	if (r == 0) {
		session = fuse_session_new(&args, &nothing, sizeof(nothing), NULL);
		r = session ? 0 : -EINVAL;
	}
	fuse_opt_free_args(&args);
	/* libfuse frees the path as it unmounts, and not else: some bytes for each node. */
#ifdef __SANITIZE_ADDRESS__
	__lsan_disable();
#endif
	if (r == 0 && mount_and_listen(session, config->mountpoint) != 0)
		r = -EPERM;
#ifdef __SANITIZE_ADDRESS__
	__lsan_enable();
#endif
	if (r == 0) {
		*ret_device = fcntl(fuse_session_fd(session), F_DUPFD_CLOEXEC, 3);
		r = *ret_device < 0 ? -errno : 0;
	}
	*ret_watched = r == 0 && config->auto_unmount ? take_watched() : -1;
	if (session)
		fuse_session_destroy(session); /* closes its own, and leaves the mount */
	return r;
}

static int mount_session(struct mount *m, const struct mount_config *config)
{
	fuse_set_log_func(on_fuse_log);
	struct fuse_args args = FUSE_ARGS_INIT(0, NULL);
	int r = fill_args(&args, config);
	if (r == 0) {
		struct fuse_lowlevel_ops table = ops_table; /* libfuse copies it */
		if (config->xattr)
			ops_with_xattr(&table);
		m->session = fuse_session_new(&args, &table, sizeof(table), m->fs);
		r = m->session ? 0 : -EINVAL; /* mount_why() knows which option */
	}
	fuse_opt_free_args(&args);
	if (r == 0 && mount_and_listen(m->session, config->mountpoint) != 0)
		r = -EPERM; /* mount_why() knows more */
	m->mounted = r == 0;
	started = m->mounted;
	return r;
}

/* Between the loop's poll and our read a request can vanish, and a read that blocks would stop
 * the doors and the DHT too. */
static int watch(struct mount *m, struct event_base *base)
{
	int fd = fuse_session_fd(m->session);
	int flags = fcntl(fd, F_GETFL);
	if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0 ||
		fcntl(fd, F_SETFD, FD_CLOEXEC) < 0)
		return -errno;
	m->readable = event_new(base, fd, EV_READ | EV_PERSIST, on_readable, m);
	if (!m->readable || event_add(m->readable, NULL) < 0)
		return -ENOMEM;
	return 0;
}

int mount_create(struct event_base *base, const struct mount_config *config, struct resolver *r,
	struct publisher *p, struct mount **ret_mount)
{
	struct fs_config fs_config = {.resolver = r,
		.publisher = p,
		.deadline = config->deadline,
		.lookups = config->lookups,
		.root_secrets = config->root_secrets,
		.owner = config->daemon_owner,
		.waiters = &ops_waiters};
	struct mount *m = calloc(1, sizeof(*m));
	if (!m)
		return -ENOMEM;
	keep_requests();
	m->ended = config->ended;
	m->unmount = config->unmount;
	m->ended_ctx = config->ended_ctx;
	int error = fs_create(base, &fs_config, &m->fs);
	if (error == 0)
		error = mount_session(m, config);
	if (error == 0)
		error = watch(m, base);
	if (error == 0)
		m->fs->device = config->device ? config->device : caller_device(config->path);
	if (error < 0) {
		mount_destroy(m);
		return error;
	}
	*ret_mount = m;
	return 0;
}

void mount_destroy(struct mount *m)
{
	if (!m)
		return;
	fs_stop(m->fs); /* while there is a session to answer through */
	if (m->readable)
		event_free(m->readable);
	if (m->mounted && m->unmount)
		m->unmount(m->ended_ctx);
	else if (m->mounted)
		fuse_session_unmount(m->session);
	if (m->session)
		fuse_session_destroy(m->session);
	free(m->buf.mem);
	fs_destroy(m->fs);
	free(m);
}
