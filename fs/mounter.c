/* kadns-mount: mounts for a kadns that may not, and hands it the descriptor (fs/handover).
 *
 * Its service has the mount namespace of the machine, so that everybody sees the mount, and the
 * right to mount; that of the daemon has neither. One daemon at a time: what it is given is closed
 * here at once, for a copy that is kept would turn the daemon's death into a mount that hangs. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pwd.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "fs/handover.h"
#include "fs/mount.h"

#define PASSED 3 /* by a service manager: sd_listen_fds(3) */

struct mounter {
	const char *mountpoint, *source, *socket;
	uid_t uid; /* who may ask, and whose the mount is */
	gid_t gid;
	char path[PATH_MAX];
	int listens;
	bool mounted;
};

static volatile sig_atomic_t ended;

static void on_signal(int number)
{
	(void)number;
	ended = 1;
}

static int complain(const char *what, const char *why)
{
	fprintf(stderr, "kadns-mount: %s: %s\n", what, why);
	return -1;
}

/* ---- the mount ---- */

static void unmount(struct mounter *m)
{
	if (m->mounted && umount2(m->path, MNT_DETACH) < 0 && errno != EINVAL) /* others may have */
		complain(m->path, strerror(errno));
	m->mounted = false;
}

/* The descriptor, or -1 and why not. */
static int mount_for(struct mounter *m, const char **ret_why)
{
	char options[128];
	int lock, device;
	if (mount_prepare(m->path, &lock, ret_why) < 0)
		return -1;
	device = open("/dev/fuse", O_RDWR | O_CLOEXEC);
	if (device >= 0) {
		snprintf(options, sizeof(options),
			"fd=%d,rootmode=%o,user_id=%u,group_id=%u,allow_other", device, S_IFDIR,
			(unsigned)m->uid, (unsigned)m->gid);
		m->mounted = mount(m->source, m->path, "fuse.kadns",
				     MS_NOSUID | MS_NODEV | MS_NOEXEC, options) == 0;
	}
	if (!m->mounted)
		*ret_why = strerror(errno);
	if (lock >= 0)
		close(lock);
	if (m->mounted)
		return device;
	if (device >= 0)
		close(device);
	return -1;
}

/* ---- who asks ---- */

static int take_client(const struct mounter *m)
{
	struct ucred who;
	socklen_t len = sizeof(who);
	int client = accept4(m->listens, NULL, NULL, SOCK_CLOEXEC);
	if (client < 0)
		return -1;
	if (getsockopt(client, SOL_SOCKET, SO_PEERCRED, &who, &len) == 0 &&
		(who.uid == 0 || who.uid == m->uid))
		return client;
	handover_give(client, -1, "this mount is another user's");
	close(client);
	return -1;
}

/* It has what it asked for when this is its descriptor. */
static int serve(struct mounter *m, int client)
{
	const char *why = "";
	int device = mount_for(m, &why);
	int r = handover_give(client, device, device >= 0 ? m->path : why);
	if (device >= 0)
		close(device);
	if (device >= 0 && r == 0) {
		fprintf(stderr, "kadns-mount: %s is mounted\n", m->path);
		return client;
	}
	if (*why)
		complain(m->path, why);
	unmount(m);
	close(client);
	return -1;
}

static void refuse(const struct mounter *m)
{
	int client = take_client(m);
	if (client < 0)
		return;
	handover_give(client, -1, "a kadns is mounted there already");
	close(client);
}

static void loop(struct mounter *m)
{
	sigset_t none;
	int client = -1;
	sigemptyset(&none);
	while (!ended) {
		struct pollfd fds[2] = {
			{.fd = m->listens, .events = POLLIN}, {.fd = client, .events = POLLIN}};
		if (ppoll(fds, 2, NULL, &none) < 0)
			continue;		     /* a signal */
		if (client >= 0 && fds[1].revents) { /* it says nothing: that is its end */
			close(client);
			client = -1;
			unmount(m);
			fprintf(stderr, "kadns-mount: %s is unmounted\n", m->path);
		} else if (fds[0].revents && client >= 0) {
			refuse(m);
		} else if (fds[0].revents) {
			client = take_client(m);
			client = client >= 0 ? serve(m, client) : -1;
		}
	}
	unmount(m);
}

/* ---- start ---- */

/* What one before has left. Whoever named another file, or a device, did not mean that to go. */
static int remove_socket(const char *path)
{
	struct stat st;
	if (lstat(path, &st) < 0)
		return errno == ENOENT ? 0 : -errno;
	if (!S_ISSOCK(st.st_mode))
		return -EEXIST;
	return unlink(path) < 0 ? -errno : 0;
}

static int listen_at(struct mounter *m)
{
	struct sockaddr_un address;
	const char *pid = getenv("LISTEN_PID"), *count = getenv("LISTEN_FDS");
	if (pid && count && atol(pid) == getpid() && strcmp(count, "1") == 0) {
		fcntl(PASSED, F_SETFD, FD_CLOEXEC);
		m->listens = PASSED;
		return 0;
	}
	if (!m->socket)
		return complain("--socket", "is needed where no service manager has opened one");
	if (handover_address(m->socket, &address) < 0)
		return complain(m->socket, strerror(ENAMETOOLONG));
	int r = remove_socket(m->socket);
	if (r < 0)
		return complain(m->socket, strerror(-r));
	m->listens = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	umask(0177);
	if (m->listens < 0 || bind(m->listens, (struct sockaddr *)&address, sizeof(address)) < 0 ||
		chown(m->socket, m->uid, m->gid) < 0 || listen(m->listens, 4) < 0)
		return complain(m->socket, strerror(errno));
	return 0;
}

static int take_user(struct mounter *m, const char *name)
{
	const struct passwd *user = getpwnam(name);
	if (!user)
		return complain(name, "there is no such user");
	m->uid = user->pw_uid;
	m->gid = user->pw_gid;
	return 0;
}

static int read_words(struct mounter *m, int argc, char **argv)
{
	static const char usage[] =
		"usage: kadns-mount [-u USER] [-s SOCKET] [-n NAME] MOUNTPOINT\n";
	for (int c; (c = getopt(argc, argv, "u:s:n:hV")) != -1;) {
		if (c == 'u' && take_user(m, optarg) < 0)
			return -1;
		if (c == 's')
			m->socket = optarg;
		if (c == 'n')
			m->source = optarg;
		if (c == 'h' || c == 'V') {
			fputs(c == 'h' ? usage : "kadns-mount " KADNS_VERSION "\n", stdout);
			exit(0);
		}
		if (c == '?') {
			fputs(usage, stderr);
			return -1;
		}
	}
	if (optind != argc - 1) {
		fputs(usage, stderr);
		return -1;
	}
	m->mountpoint = argv[optind];
	return 0;
}

int main(int argc, char **argv)
{
	static struct mounter m = {.source = "kadns", .listens = -1};
	const struct sigaction action = {.sa_handler = on_signal};
	sigset_t signals;
	if (read_words(&m, argc, argv) < 0)
		return 1;
	if (m.mountpoint[0] != '/' || strlen(m.mountpoint) >= sizeof(m.path))
		return complain(m.mountpoint, "an absolute path is needed") ? 1 : 0;
	snprintf(m.path, sizeof(m.path), "%s", m.mountpoint);
	if (geteuid() != 0)
		return complain("this", "is for root") ? 1 : 0;
	/* Outside of ppoll none comes. */
	sigemptyset(&signals);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGINT);
	sigprocmask(SIG_BLOCK, &signals, NULL);
	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGINT, &action, NULL);
	if (listen_at(&m) < 0)
		return 1;
	loop(&m);
	if (m.socket && m.listens != PASSED)
		remove_socket(m.socket);
	return 0;
}
