/* The least that a FUSE file system can do for open, read, close: what tests/bench/fs.sh measures
 * kadns against.
 *
 *   minimal_fs [-e] TEXT NAME TIMEOUT MOUNTPOINT     until it is unmounted
 *
 * MOUNTPOINT/IN/A/NAME reads as the file TEXT. The kernel may keep the name and its attributes
 * for TIMEOUT seconds, the directories for an hour, as kadns says of its own. Like kadns it has
 * direct_io and tells the kernel that what is only read needs no FLUSH; unlike kadns it does nothing
 * in between: one thread, one reply for each request, all from memory.
 *
 * With -e the descriptor is one event of a libevent loop, non-blocking and read until there is no
 * more, as it must be in a program that has sockets and timers too: like for like. Without it the
 * loop is libfuse's own, whose read waits: the least that can be, and not to be had by kadns. */
#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <fuse_lowlevel.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define DIRECTORY_TIMEOUT 3600.0
#define BATCH 16 /* requests in one turn of the loop, as in fs/mount.c */

enum { ROOT = FUSE_ROOT_ID, CLASS, TYPE, RECORD };

struct minimal {
	const char *name;
	double timeout;
	char text[65536];
	size_t len;
};

static struct minimal *state(fuse_req_t req)
{
	return fuse_req_userdata(req);
}

static double fill(const struct minimal *m, fuse_ino_t ino, struct stat *ret_stat)
{
	*ret_stat = (struct stat){.st_ino = ino, .st_mode = S_IFDIR | 0555, .st_nlink = 2};
	if (ino != RECORD)
		return DIRECTORY_TIMEOUT;
	ret_stat->st_mode = S_IFREG | 0644;
	ret_stat->st_nlink = 1;
	ret_stat->st_size = (off_t)m->len;
	return m->timeout;
}

static void lookup(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	const struct minimal *m = state(req);
	const char *const children[] = {[ROOT] = "IN", [CLASS] = "A", [TYPE] = m->name};
	if (parent > TYPE || strcmp(name, children[parent]) != 0) {
		fuse_reply_err(req, ENOENT);
		return;
	}
	struct fuse_entry_param e = {.ino = parent + 1};
	e.entry_timeout = e.attr_timeout = fill(m, e.ino, &e.attr);
	fuse_reply_entry(req, &e);
}

static void getattr(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	struct stat st;
	(void)fi;
	double timeout = fill(state(req), ino, &st);
	fuse_reply_attr(req, &st, timeout);
}

static void open_record(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	if (ino != RECORD || (fi->flags & O_ACCMODE) != O_RDONLY) {
		fuse_reply_err(req, ino == RECORD ? EACCES : EISDIR);
		return;
	}
	fi->direct_io = 1;
	fi->noflush = 1;
	fuse_reply_open(req, fi);
}

static void read_record(
	fuse_req_t req, fuse_ino_t ino, size_t size, off_t offset, struct fuse_file_info *fi)
{
	const struct minimal *m = state(req);
	(void)ino;
	(void)fi;
	size_t left = (size_t)offset < m->len ? m->len - (size_t)offset : 0;
	fuse_reply_buf(req, m->text + (m->len - left), size < left ? size : left);
}

static void release(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	(void)ino;
	(void)fi;
	fuse_reply_err(req, 0);
}

static int read_text(const char *path, struct minimal *m)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, m->text, sizeof(m->text));
	if (fd >= 0)
		close(fd);
	m->len = n > 0 ? (size_t)n : 0;
	return n > 0 ? 0 : -1;
}

struct loop {
	struct fuse_session *session;
	struct fuse_buf buf;
	struct event_base *base;
};

static void on_readable(evutil_socket_t fd, short what, void *ctx)
{
	struct loop *l = ctx;
	(void)fd;
	(void)what;
	for (int i = 0; i < BATCH; i++) {
		int n = fuse_session_receive_buf(l->session, &l->buf);
		if (n == -EINTR)
			continue;
		if (n == -EAGAIN)
			return;
		if (n <= 0) {
			event_base_loopbreak(l->base);
			return;
		}
		fuse_session_process_buf(l->session, &l->buf);
	}
}

static int loop_by_libevent(struct fuse_session *session)
{
	struct loop l = {.session = session, .base = event_base_new()};
	int fd = fuse_session_fd(session);
	fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
	struct event *readable = event_new(l.base, fd, EV_READ | EV_PERSIST, on_readable, &l);
	event_add(readable, NULL);
	int r = event_base_dispatch(l.base);
	event_free(readable);
	event_base_free(l.base);
	free(l.buf.mem);
	return r;
}

static int serve(struct minimal *m, const char *mountpoint, bool by_libevent)
{
	static const struct fuse_lowlevel_ops ops = {
		.lookup = lookup,
		.getattr = getattr,
		.open = open_record,
		.read = read_record,
		.release = release,
	};
	char program[] = "minimal_fs", flag[] = "-o",
	     options[] = "fsname=minimal,nosuid,nodev,noexec";
	char *words[] = {program, flag, options};
	struct fuse_args args = FUSE_ARGS_INIT(3, words);
	struct fuse_session *session = fuse_session_new(&args, &ops, sizeof(ops), m);
	int r = -1;
	if (session && fuse_session_mount(session, mountpoint) == 0) {
		r = by_libevent ? loop_by_libevent(session) : fuse_session_loop(session);
		fuse_session_unmount(session);
	}
	if (session)
		fuse_session_destroy(session);
	fuse_opt_free_args(&args);
	return r;
}

int main(int argc, char **argv)
{
	static struct minimal m;
	bool by_libevent = argc == 6 && strcmp(argv[1], "-e") == 0;
	argv += by_libevent;
	if (argc - by_libevent != 5 || read_text(argv[1], &m) < 0) {
		fprintf(stderr, "usage: minimal_fs [-e] TEXT NAME TIMEOUT MOUNTPOINT\n");
		return 2;
	}
	m.name = argv[2];
	m.timeout = atof(argv[3]);
	return serve(&m, argv[4], by_libevent) < 0;
}
