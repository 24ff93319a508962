/* kadns: puts the parts together, runs the loop, takes them apart.
 *
 * The only file that sees dht/, resolver/ and fs/. The parts in the order of their making; they
 * are unmade in reverse, whatever went wrong in between. */
#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <limits.h>
#include <netinet/in.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <syslog.h>
#include <unistd.h>

#include "dht/udp.h"
#include "fs/bootstrap.h"
#include "fs/config.h"
#include "fs/daemon.h"
#include "fs/mount.h"
#include "resolver/dns_door.h"

#define CACHE_BYTES (16u << 20)

struct program {
	struct config config;
	struct bootstrap *bootstrap;
	int lock;
	char mountpoint[PATH_MAX]; /* absolute: the daemon leaves the directory it was started in */
	struct event_base *base;
	struct event *signals[4];
	struct own *own;
	struct signer *signer;
	struct dht_store *store;
	struct dht_udp *udp;
	struct upstream *upstream;
	struct publisher *publisher;
	struct resolver *resolver;
	struct dns_door *doors[CONFIG_LIST_MAX];
	struct mount *mount;
	bool unmounted; /* by somebody else */
};

static int say(const char *what, int error)
{
	fprintf(stderr, "kadns: %s: %s\n", what, strerror(-error));
	return error;
}

/* ---- the state directory ---- */

/* Makes the directories of a path: the last one for us alone, those above as others may read. */
static int make_directories(char *path)
{
	for (char *slash = path + 1; (slash = strchr(slash, '/')); slash++) {
		*slash = 0;
		int r = mkdir(path, 0755);
		*slash = '/';
		if (r < 0 && errno != EEXIST)
			return -errno;
	}
	return mkdir(path, 0700) < 0 && errno != EEXIST ? -errno : 0;
}

static int check_directory(const char *path)
{
	struct stat st;
	if (stat(path, &st) < 0)
		return say(path, -errno);
	if (!S_ISDIR(st.st_mode))
		return say(path, -ENOTDIR);
	if (st.st_uid != geteuid() || (st.st_mode & 022)) {
		fprintf(stderr, "kadns: %s: others may write there: it must be ours alone\n", path);
		return -EPERM;
	}
	return 0;
}

/* One daemon at a time: the lock is the kernel's and goes with the process. The file says which
 * process that is, once it has become a daemon. */
static int lock_state(struct program *p)
{
	char path[4200];
	snprintf(path, sizeof(path), "%s/lock", p->config.state);
	p->lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (p->lock < 0)
		return say(path, -errno);
	if (flock(p->lock, LOCK_EX | LOCK_NB) == 0)
		return 0;
	fprintf(stderr, "kadns: %s: another kadns is using it\n", p->config.state);
	return -EBUSY;
}

static int find_state(struct program *p)
{
	size_t len = strlen(p->config.state);
	if (len > 4000)
		return say("state", -ENAMETOOLONG);
	while (len > 1 && p->config.state[len - 1] == '/')
		p->config.state[--len] = 0;
	if (p->config.state[0] != '/') { /* the daemon works in / */
		char here[4096], *whole;
		if (!getcwd(here, sizeof(here)) || asprintf(&whole, "%s/%s", here, p->config.state) < 0)
			return say(p->config.state, -ENAMETOOLONG);
		free(p->config.state);
		p->config.state = whole;
	}
	return 0;
}

static int open_state(struct program *p)
{
	int r = make_directories(p->config.state);
	umask(077);
	if (r < 0)
		return say(p->config.state, r);
	r = check_directory(p->config.state);
	return r < 0 ? r : lock_state(p);
}

static int open_databases(struct program *p)
{
	char path[4200];
	uint64_t seed;
	if (getrandom(&seed, sizeof(seed), 0) != sizeof(seed))
		return say("getrandom", -errno);
	snprintf(path, sizeof(path), "%s/own.db", p->config.state);
	int r = own_open(path, p->config.quota, seed, &p->own);
	if (r == -EBADMSG)
		fprintf(stderr, "kadns: %s: not a database of kadns, or damaged\n", path);
	else if (r < 0)
		say(path, r);
	if (r < 0)
		return r;
	snprintf(path, sizeof(path), "%s/keys", p->config.state);
	r = signer_open(path, &p->signer);
	if (r == -EPERM)
		fprintf(stderr, "kadns: %s: must be ours alone (owner, mode 0700, no links)\n", path);
	else if (r < 0)
		say(path, r);
	if (r < 0 || !p->config.dht)
		return r;
	snprintf(path, sizeof(path), "%s/guests.db", p->config.state);
	struct dht_store_config store = {.limits = p->config.limits,
		.lifetime = p->config.mainline ? DHT_STORE_LIFETIME : DHT_STORE_LIFETIME_PRIVATE};
	r = dht_store_open(path, &store, &p->store);
	if (r == -EBADMSG)
		fprintf(stderr, "kadns: %s: not a database of kadns, or damaged (it holds others' records only: "
				"it may be deleted)\n", path);
	else if (r < 0)
		say(path, r);
	return r;
}

/* ---- the parts ---- */

_Static_assert(CONFIG_LIST_MAX <= DHT_UDP_BIND_MAX, "every bind= has its socket");

static struct dht_endpoint endpoint_of(const struct server_address *a, uint16_t port)
{
	struct dht_endpoint e = {.family = a->addr.ss_family == AF_INET ? 4 : 6, .port = port};
	if (e.family == 4)
		memcpy(e.ip, &((const struct sockaddr_in *)&a->addr)->sin_addr, 4);
	else
		memcpy(e.ip, &((const struct sockaddr_in6 *)&a->addr)->sin6_addr, 16);
	return e;
}

static int open_dht(struct program *p)
{
	struct dht_udp_config config = {.bind_len = p->config.bind_len,
		.mainline = p->config.mainline, .read_only = p->config.dht_read_only,
		.limits = p->config.limits, .judge = publish_judge};
	struct dht_endpoint failed = {0};
	for (size_t i = 0; i < config.bind_len; i++)
		config.bind[i] = endpoint_of(&p->config.bind[i].at, p->config.port);
	int r = dht_udp_create(p->base, &config, p->store, &p->udp, &failed);
	if (r == -EAFNOSUPPORT && config.bind_len == 2) { /* a machine without IPv6 */
		config.bind_len = 1;
		r = dht_udp_create(p->base, &config, p->store, &p->udp, &failed);
	}
	if (r < 0) {
		char text[DHT_ENDPOINT_TEXT];
		if (!failed.family)
			return say("DHT node", r);
		dht_endpoint_to_text(&failed, text);
		fprintf(stderr, "kadns: UDP %s: %s\n", text, strerror(-r));
	}
	return r;
}

/* The user that libunbound's process becomes: asked for, or `kadns` where it exists. */
static const char *validator_user(const struct program *p)
{
	if (p->config.user)
		return p->config.user;
	return getpwnam("kadns") ? "kadns" : "nobody";
}

/* The validator reads these files as another user, long after anybody looks at the terminal. Where
 * that user cannot be tried (a user namespace has nobody else) it is not the same machine's root
 * who could hide them. */
static int check_readable(const char *user, const char *path)
{
	const struct passwd *pw = getpwnam(user);
	if (!path || geteuid() != 0 || !pw || seteuid(pw->pw_uid) < 0)
		return 0;
	int r = eaccess(path, R_OK) < 0 ? -errno : 0;
	if (seteuid(0) < 0)
		return say("seteuid", -errno);
	if (r < 0)
		fprintf(stderr, "kadns: %s: %s cannot read it: %s\n", path, user, strerror(-r));
	return r;
}

/* Said before anything is opened; as an ordinary user nobody changes. */
static int check_user(const struct program *p)
{
	if (geteuid() != 0 || !p->config.user || getpwnam(p->config.user))
		return 0;
	fprintf(stderr, "kadns: user=%s: there is no such user\n", p->config.user);
	return -EINVAL;
}

static int open_upstream(struct program *p)
{
	struct upstream_config config = {.list_len = p->config.upstream_len,
		.root_hints = p->config.root_hints, .trust_anchor = p->config.trust_anchor,
		.user = validator_user(p), .test_zones = p->config.policy.test_zones,
		.loopback_servers = p->config.policy.test_zones};
	if (p->config.upstream_len == 0)
		return 0;
	memcpy(config.list, p->config.upstream, sizeof(config.list));
	int r = check_readable(config.user, config.root_hints);
	if (r == 0)
		r = check_readable(config.user, config.trust_anchor);
	if (r < 0)
		return r;
	r = upstream_create(p->base, &config, &p->upstream);
	return r < 0 ? say("upstream", r) : 0;
}

static void changed(void *ctx, const struct question *q)
{
	struct program *p = ctx;
	if (p->resolver)
		resolver_changed(p->resolver, q);
}

static int open_resolver(struct program *p)
{
	struct dht *dht = p->udp ? dht_udp_node(p->udp) : NULL;
	struct publish_config publish = {.policy = &p->config.policy, .changed = changed,
		.changed_ctx = p};
	/* On a network of our own nodes keep for days; on the public one as BEP 44 says. */
	if (!p->config.mainline)
		publish.republish.lifetime = DHT_STORE_LIFETIME_PRIVATE * (uint64_t)1000000;
	int r = publish_create(p->base, p->own, p->signer, dht, &publish, &p->publisher);
	if (r < 0)
		return say("publisher", r);
	struct resolver_parts parts = {.own = p->own, .publisher = p->publisher,
		.upstream = p->upstream, .dht = dht};
	struct resolver_config config = {.policy = p->config.policy, .deadline = p->config.deadline,
		.daemon_owner = geteuid(), .cache_bytes = CACHE_BYTES,
		.joined = bootstrap_nodes(p->bootstrap) > 0};
	r = resolver_create(p->base, &config, &parts, &p->resolver);
	return r < 0 ? say("resolver", r) : 0;
}

/* A default door whose port is taken stays closed: two nodes on one machine are no mistake. */
static int open_doors(struct program *p)
{
	for (size_t i = 0; i < p->config.dns_len; i++) {
		const struct config_address *a = &p->config.dns[i];
		int r = dns_door_open(p->base, p->resolver, (const struct sockaddr *)&a->at.addr,
			a->at.len, &p->doors[i]);
		if (r == -EADDRINUSE && !p->config.dns_asked) {
			fprintf(stderr, "kadns: warning: %s is in use: no DNS door (choose one with dns=)\n",
				a->text);
			continue;
		}
		if (r < 0) {
			fprintf(stderr, "kadns: dns=%s: %s\n", a->text, strerror(-r));
			return r;
		}
	}
	return 0;
}

static void ended(void *ctx)
{
	struct program *p = ctx;
	p->unmounted = true;
	event_base_loopbreak(p->base);
}

static int open_mount(struct program *p)
{
	if (!p->config.mount)
		return 0;
	struct mount_config config = {.mountpoint = p->mountpoint, .source = p->config.source,
		.allow_other = p->config.allow_other, .read_only = p->config.read_only,
		.deadline = p->config.deadline, .lookups = p->config.lookups,
		.daemon_owner = geteuid(), .ended = ended,
		.options = p->config.debug ? "debug" : NULL,
		.ended_ctx = p};
	int r = mount_create(p->base, &config, p->resolver, p->publisher, &p->mount);
	if (r < 0)
		fprintf(stderr, "kadns: %s: %s\n", p->mountpoint,
			*mount_why() ? mount_why() : strerror(-r));
	return r;
}

static void on_signal(evutil_socket_t signal_number, short what, void *ctx)
{
	(void)signal_number;
	(void)what;
	event_base_loopbreak(((struct program *)ctx)->base);
}

static int open_signals(struct program *p)
{
	/* Without a terminal a hang-up says nothing; with one it is the end of the session. */
	const int ends[] = {SIGTERM, SIGINT, SIGQUIT, SIGHUP};
	signal(SIGPIPE, SIG_IGN);
	for (size_t i = 0; i < 4; i++) {
		if (ends[i] == SIGHUP && !p->config.foreground) {
			signal(SIGHUP, SIG_IGN);
			continue;
		}
		p->signals[i] = evsignal_new(p->base, ends[i], on_signal, p);
		if (!p->signals[i] || event_add(p->signals[i], NULL) < 0)
			return say("signals", -ENOMEM);
	}
	return 0;
}

static int open_all(struct program *p)
{
	p->base = event_base_new();
	if (!p->base)
		return say("event loop", -ENOMEM);
	int r = open_signals(p);
	if (r == 0)
		r = open_databases(p);
	if (r == 0 && p->config.dht)
		r = open_dht(p);
	if (r == 0)
		r = open_upstream(p);
	if (r == 0)
		r = open_resolver(p);
	if (r == 0)
		r = open_doors(p);
	if (r == 0)
		r = open_mount(p);
	if (r == 0 && p->udp)
		r = bootstrap_start(p->bootstrap, p->base, p->resolver, p->upstream,
			dht_udp_saved(p->udp) > 0);
	return r;
}

static void close_all(struct program *p)
{
	mount_destroy(p->mount);
	for (size_t i = 0; i < CONFIG_LIST_MAX; i++)
		dns_door_close(p->doors[i]);
	bootstrap_free(p->bootstrap);
	resolver_destroy(p->resolver);
	publish_destroy(p->publisher);
	upstream_destroy(p->upstream);
	dht_udp_destroy(p->udp);
	dht_store_close(p->store);
	signer_close(p->signer);
	own_close(p->own);
	for (size_t i = 0; i < 4; i++)
		if (p->signals[i])
			event_free(p->signals[i]);
	if (p->base)
		event_base_free(p->base);
	if (p->lock >= 0)
		close(p->lock);
	config_finish(&p->config);
}

/* ---- from the command line to the loop ---- */

/* Where a path that need not exist yet would lie: its part that does, resolved; and the rest. */
static int would_lie_at(const char *path, char ret_at[PATH_MAX])
{
	char head[PATH_MAX], *slash;
	if (snprintf(head, sizeof(head), "%s", path) >= (int)sizeof(head))
		return -ENAMETOOLONG;
	while (!realpath(head, ret_at)) {
		slash = strrchr(head, '/');
		if (errno != ENOENT || !slash || slash == head)
			return -errno;
		*slash = 0;
	}
	size_t len = strlen(ret_at), rest = strlen(head);
	if (len + strlen(path + rest) >= PATH_MAX)
		return -ENAMETOOLONG;
	strcpy(ret_at + len, path + rest);
	return 0;
}

/* A daemon that keeps its database in its own mount waits for itself. */
static int check_apart(const struct program *p)
{
	char at[PATH_MAX];
	size_t len = strlen(p->mountpoint);
	int r = would_lie_at(p->config.state, at);
	if (r < 0)
		return say(p->config.state, r);
	if (strncmp(at, p->mountpoint, len) == 0 && (at[len] == '/' || !at[len])) {
		fprintf(stderr, "kadns: %s: the state directory cannot lie in the mount\n",
			p->config.state);
		return -ELOOP;
	}
	return 0;
}

static int check_mountpoint(struct program *p)
{
	const char *why = "";
	if (!p->config.mount)
		return 0;
	int r = mount_prepare(p->config.mountpoint, &why);
	if (r < 0) {
		fprintf(stderr, "kadns: %s: %s\n", p->config.mountpoint, why);
		return r;
	}
	return realpath(p->config.mountpoint, p->mountpoint) ? 0 : say(p->config.mountpoint, -errno);
}

static int run(struct program *p)
{
	openlog("kadns", LOG_PID | (p->config.foreground ? LOG_PERROR : 0), LOG_DAEMON);
	int r = check_user(p);
	if (r == 0)
		r = bootstrap_read(p->config.source, &p->bootstrap);
	if (r == 0)
		r = find_state(p);
	if (r == 0)
		r = check_mountpoint(p);
	if (r == 0 && p->config.mount)
		r = check_apart(p);
	if (r == 0)
		r = open_state(p);
	if (r == 0 && !p->config.foreground) {
		r = daemon_start(p->config.mount ? p->mountpoint : NULL);
		if (r < 0)
			say("fork", r);
	}
	if (r == 0 && (ftruncate(p->lock, 0) < 0 || dprintf(p->lock, "%d\n", getpid()) < 0))
		r = say("lock", -errno);
	if (r == 0)
		r = open_all(p);
	if (r == 0) {
		daemon_ready();
		event_base_dispatch(p->base);
	}
	return r;
}

int main(int argc, char **argv)
{
	int status;
	if (upstream_child(argc, argv, &status))
		return status;
	static struct program p = {.lock = -1};
	if (config_read(argc, argv, &p.config) < 0)
		return 1;
	if (p.config.help) {
		config_help();
		config_finish(&p.config);
		return 0;
	}
	if (p.config.version) {
		puts("kadns " KADNS_VERSION);
		config_finish(&p.config);
		return 0;
	}
	umask(022); /* of the directories above the state; that itself, and all in it, are 0700 and 0600 */
	int r;
	if (p.config.check) {
		r = check_user(&p);
		if (r == 0)
			r = bootstrap_read(p.config.source, &p.bootstrap);
		if (r == 0)
			puts("kadns: the configuration is good");
	} else {
		r = run(&p);
	}
	close_all(&p);
	return r < 0 ? 1 : 0;
}
