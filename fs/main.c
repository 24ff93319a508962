/* kadns: puts the parts together, runs the loop, takes them apart.
 *
 * The only file that sees dht/, resolver/ and fs/. The parts in the order of their making; they
 * are unmade in reverse, whatever went wrong in between. */
#include <errno.h>
#include <event2/event.h>
#include <inttypes.h>
#include <limits.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "dht/socket.h"
#include "dht/udp.h"
#include "fs/bootstrap.h"
#include "fs/config.h"
#include "fs/client.h"
#include "fs/counters.h"
#include "fs/daemon.h"
#include "fs/doors.h"
#include "fs/fs.h"
#include "fs/local.h"
#include "fs/local_door.h"
#include "fs/log.h"
#include "fs/log_output.h"
#include "fs/mount.h"
#include "fs/notify.h"
#include "fs/place.h"
#include "fs/processes.h"
#include "fs/reload.h"
#include "fs/starter.h"
#include "fs/starter_ask.h"
#include "fs/state.h"
#include "fs/upstreams.h"
#include "resolver/clock.h"
#include "resolver/dht_validator.h"
#include "resolver/dns_door.h"
#include "resolver/signer_process.h"

#define CACHE_BYTES (64u << 20)

#define SIGNALS 5

struct program {
	struct config config;
	struct bootstrap *bootstrap;
	int lock;
	uid_t owner; /* who has started us */
	struct place place;
	struct processes users;
	char local_path[LOCAL_PATH_MAX]; /* of the socket of kadns ask; "" none */
	int local_socket;		 /* 0: none, and why */
	int local_error;
	struct event_base *base;
	struct event *signals[SIGNALS];
	struct own *own;
	struct signer *signer;
	struct dht_store *store;
	struct dht_udp *udp;
	struct relays *relays;
	struct local_door *local;
	struct upstream *upstream;
	struct judge *judge;
	struct zone_relays *zone_relays;
	struct hosts *hosts;
	struct reload reload;
	struct publisher *publisher;
	struct resolver *resolver;
	struct doors doors;
	struct mount *mount;
	const char *end; /* why the loop ended */
	bool unmounted;	 /* that is why */
};

static int say(const char *what, int error)
{
	log_line(LOG_ERR, "%s: %s", what, strerror(-error));
	return error;
}

static void warn(void *ctx, const char *line)
{
	(void)ctx;
	log_line(LOG_WARNING, "%s", line);
}

/* ---- the parts ---- */

/* What stands in it is read by several parts, each when it begins. */
static int say_of_own(const struct program *p, const char *what, int error)
{
	if (error != -EBADMSG)
		return say(what, error);
	log_line(LOG_ERR, "%s/own.db: not a database of kadns, or damaged", p->config.state);
	return error;
}

static int open_databases(struct program *p)
{
	char path[4200];
	uint64_t seed;
	if (getrandom(&seed, sizeof(seed), 0) != sizeof(seed))
		return say("getrandom", -errno);
	snprintf(path, sizeof(path), "%s/own.db", p->config.state);
	int r = own_open(path, p->config.quota, p->owner, seed, &p->own);
	if (r == 0)
		r = own_start(p->own, p->base);
	if (r < 0)
		return say_of_own(p, path, r);
	snprintf(path, sizeof(path), "%s/keys", p->config.state);
	r = signer_open(path, &p->signer);
	if (r == 0)
		signer_say_to(p->signer, p->base, warn, NULL);
	if (r == -EPERM)
		log_line(LOG_ERR, "%s: must be ours alone (owner, mode 0700, no links)", path);
	else if (r < 0)
		say(path, r);
	if (r < 0 || !p->config.dht)
		return r;
	snprintf(path, sizeof(path), "%s/guests.db", p->config.state);
	struct dht_store_config store = {.limits = p->config.limits,
		.lifetime = p->config.mainline ? DHT_STORE_LIFETIME : DHT_STORE_LIFETIME_PRIVATE};
	r = dht_store_open(path, &store, &p->store);
	if (r == -EBADMSG)
		log_line(LOG_ERR, "%s: not a database of kadns, or damaged (it may be deleted)",
			path);
	else if (r < 0)
		say(path, r);
	return r;
}

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
		.mainline = p->config.mainline,
		.read_only = p->config.dht_read_only,
		.limits = p->config.limits,
		.judge = publish_judge};
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
		log_line(LOG_ERR, "UDP %s: %s", text, strerror(-r));
	}
	return r;
}

static int open_hosts(struct program *p)
{
	uint64_t seed;
	if (getrandom(&seed, sizeof(seed), 0) != sizeof(seed))
		return say("getrandom", -errno);
	struct hosts_config config = {
		.base = p->base, .path = p->config.hosts, .seed = seed, .say = warn};
	int r = hosts_open(&config, &p->hosts);
	return r < 0 ? say("hosts", r) : 0;
}

static void changed(void *ctx, const struct question *q)
{
	struct program *p = ctx;
	if (p->resolver)
		resolver_changed(p->resolver, q);
}

/* relay=: not without a DHT, which the configuration has seen to. */
static int open_zone_relays(struct program *p)
{
	struct zone_relays_config config = {.len = p->config.relay_len,
		.dht = dht_udp_node(p->udp),
		.upstream = p->upstream,
		.say = warn};
	memcpy(config.url, p->config.relay, sizeof(config.url));
	int r = zone_relays_create(p->base, &config, &p->zone_relays);
	return r < 0 ? say("relay", r) : 0;
}

static void publisher_says(void *ctx, const char *line)
{
	(void)ctx;
	log_line(LOG_NOTICE, "%s", line);
}

static int open_resolver(struct program *p)
{
	struct dht *dht = p->udp ? dht_udp_node(p->udp) : NULL;
	struct publish_config publish = {.policy = &p->config.policy,
		.changed = changed,
		.changed_ctx = p,
		.say = publisher_says,
		.relays = p->zone_relays};
	/* On a network of our own nodes keep for days; on the public one as BEP 44 says. */
	if (!p->config.mainline)
		publish.republish.lifetime = DHT_STORE_LIFETIME_PRIVATE * (uint64_t)1000000;
	int r = publish_create(p->base, p->own, p->signer, dht, &publish, &p->publisher);
	if (r < 0)
		return say_of_own(p, "publisher", r);
	struct resolver_parts parts = {.own = p->own,
		.publisher = p->publisher,
		.upstream = p->upstream,
		.judge = p->judge,
		.dht = dht,
		.relays = p->zone_relays,
		.hosts = p->hosts};
	char cache[PATH_MAX], root_keys[PATH_MAX];
	snprintf(cache, sizeof(cache), "%s/cache", p->config.state);
	snprintf(root_keys, sizeof(root_keys), "%s/root-keys", p->config.state);
	struct resolver_config config = {.policy = p->config.policy,
		.cache_file = cache,
		.root_keys_file = root_keys,
		.deadline = p->config.deadline,
		.daemon_owner = p->owner,
		.cache_bytes = CACHE_BYTES,
		.joined = bootstrap_nodes(p->bootstrap) > 0};
	r = reload_pins(&p->config, &config.pins);
	if (r == 0)
		r = resolver_create(p->base, &config, &parts, &p->resolver);
	pin_list_unref(config.pins);
	return r < 0 ? say_of_own(p, "resolver", r) : 0;
}

static void on_unmounted(void *ctx)
{
	struct program *p = ctx;
	p->unmounted = true;
	p->end = "unmounted";
	event_base_loopbreak(p->base);
}

/* Somebody else may have mounted there since ours was taken away. */
static void unmount(void *ctx)
{
	const struct program *p = ctx;
	if (!p->unmounted)
		starter_unmount();
}

static int open_mount(struct program *p)
{
	char at[32];
	struct mount_config config = {.mountpoint = at,
		.path = p->place.path,
		.source = p->config.source,
		.allow_other = p->config.allow_other,
		.read_only = p->config.read_only,
		.auto_unmount = p->config.auto_unmount,
		.xattr = p->config.xattr,
		.root_secrets = p->config.root_secrets,
		.deadline = p->config.deadline,
		.lookups = p->config.lookups,
		.daemon_owner = p->owner,
		.ended = on_unmounted,
		.unmount = unmount,
		.options = p->config.debug ? "debug" : NULL,
		.ended_ctx = p};
	int device;
	if (!p->config.mount)
		return 0;
	int r = starter_mount(&device, &config.device);
	if (r < 0)
		return r;
	snprintf(at, sizeof(at), "/dev/fd/%d", device);
	r = mount_create(p->base, &config, p->resolver, p->publisher, &p->mount);
	if (r < 0) {
		log_line(LOG_ERR, "%s: %s", p->place.path,
			*mount_why() ? mount_why() : strerror(-r));
		starter_unmount();
	}
	return r;
}

static void on_signal(evutil_socket_t signal_number, short what, void *ctx)
{
	struct program *p = ctx;
	(void)what;
	p->end = strsignal((int)signal_number);
	event_base_loopbreak(p->base);
}

static void on_hang_up(evutil_socket_t signal_number, short what, void *ctx)
{
	struct program *p = ctx;
	(void)signal_number;
	(void)what;
	notify_tell(NOTIFY_RELOADING);
	reload(&p->reload);
	notify_tell(NOTIFY_RELOADED);
}

static void on_counters(evutil_socket_t signal_number, short what, void *ctx)
{
	struct program *p = ctx;
	(void)signal_number;
	(void)what;
	counters_log(p->resolver);
}

static int open_signals(struct program *p)
{
	/* In a terminal a hang-up is the end of the session, elsewhere somebody's wish. */
	bool session = p->config.foreground && isatty(STDIN_FILENO);
	const struct {
		int number;
		event_callback_fn fn;
	} signals[SIGNALS] = {
		{SIGTERM, on_signal},
		{SIGINT, on_signal},
		{SIGQUIT, on_signal},
		{SIGHUP, session ? on_signal : on_hang_up},
		{SIGUSR1, on_counters},
	};
	signal(SIGPIPE, SIG_IGN);
	for (size_t i = 0; i < SIGNALS; i++) {
		p->signals[i] = evsignal_new(p->base, signals[i].number, signals[i].fn, p);
		if (!p->signals[i] || event_add(p->signals[i], NULL) < 0)
			return say("signals", -ENOMEM);
	}
	return 0;
}

/* A convenience: what it could not have, and why, is said, and the rest works. */
static void open_local_door(struct program *p)
{
	struct local_door_config config = {.path = p->local_path,
		.listens = p->local_socket,
		.read_only = p->config.read_only,
		.lookups = p->config.lookups,
		.owner = p->owner,
		.resolver = p->resolver,
		.publisher = p->publisher};
	if (!*p->local_path)
		return;
	int r = p->local_error;
	if (r == 0)
		r = local_door_open(p->base, &config, &p->local);
	p->local_socket = 0; /* the door's, which has closed it if it could not be had */
	if (r < 0)
		log_line(LOG_WARNING, "%s: %s: no socket for kadns ask", p->local_path,
			r == -EADDRINUSE ? "another kadns listens there" : strerror(-r));
}

static int open_all(struct program *p)
{
	p->base = event_base_new();
	if (!p->base || log_attach(p->base) < 0)
		return say("event loop", -ENOMEM);
	int r = open_signals(p);
	if (r == 0)
		r = open_databases(p);
	if (r == 0 && p->config.dht)
		r = open_dht(p);
	if (r == 0)
		r = upstreams_open(&p->config, p->base, &p->relays, &p->upstream);
	if (r == 0)
		r = upstreams_open_judge(&p->config, p->base, &p->judge);
	p->config.policy.copies = p->judge != NULL;
	if (r == 0)
		r = open_hosts(p);
	if (r == 0 && p->config.relay_len)
		r = open_zone_relays(p);
	p->reload.upstream = p->upstream;
	p->reload.relays = p->relays;
	p->reload.hosts = p->hosts;
	p->reload.tls = p->doors.tls;
	if (r == 0)
		r = open_resolver(p);
	p->reload.resolver = p->resolver;
	p->reload.policy = &p->config.policy;
	if (r == 0 && p->relays)
		resolver_status_by(p->resolver, relays_status, p->relays);
	if (r == 0 && p->zone_relays)
		resolver_status_by(p->resolver, zone_relays_status, p->zone_relays);
	if (r == 0)
		r = doors_open(&p->doors, &p->config, p->base, p->resolver, p->upstream);
	if (r == 0)
		open_local_door(p);
	if (r == 0)
		r = open_mount(p);
	if (r == 0 && p->udp)
		r = bootstrap_start(
			p->bootstrap, p->base, p->resolver, p->upstream, dht_udp_saved(p->udp) > 0);
	return r;
}

/* The disk does not answer, and what is still to be closed would wait for it: databases, a cache,
 * the table of nodes. Nobody else waits any more. */
static void end_without_disk(const struct program *p)
{
	struct own_disk_counters c;
	own_disk_counters(p->own, &c);
	log_line(LOG_ERR,
		"ends without waiting for the disk, which does not answer: the last %" PRIu64
		" commits may be lost if the machine goes down now, and what is cached is not kept",
		c.unsettled);
	_exit(EXIT_FAILURE);
}

static void close_all(struct program *p)
{
	mount_destroy(p->mount);
	local_door_close(p->local);
	doors_close(&p->doors);
	if (p->own && own_settle(p->own, FS_SETTLE) < 0)
		end_without_disk(p);
	bootstrap_free(p->bootstrap);
	resolver_destroy(p->resolver);
	publish_destroy(p->publisher);
	zone_relays_destroy(p->zone_relays);
	judge_destroy(p->judge);
	upstream_destroy(p->upstream);
	relays_destroy(p->relays);
	hosts_close(p->hosts);
	dht_udp_destroy(p->udp);
	dht_store_close(p->store);
	signer_close(p->signer);
	own_close(p->own);
	for (size_t i = 0; i < SIGNALS; i++)
		if (p->signals[i])
			event_free(p->signals[i]);
	log_attach(NULL);
	if (p->base)
		event_base_free(p->base);
	if (p->lock >= 0)
		close(p->lock);
	if (p->local_socket)
		close(p->local_socket);
	place_leave(&p->place);
	config_finish(&p->config);
}

/* ---- from the command line to the loop ---- */

/* What can be judged without leaving a trace, then the state directory. */
static int prepare(struct program *p)
{
	int r = bootstrap_read(p->config.source, &p->bootstrap);
	if (r == 0)
		r = state_absolute(&p->config.state);
	if (r == 0 && p->config.mount)
		r = place_open(&p->place, &p->config);
	if (r == 0 && p->config.mount)
		r = state_check_files(&p->config, p->place.path);
	if (r == 0)
		r = doors_open_tls(&p->doors, &p->config);
	if (r == 0)
		r = upstreams_check(&p->config);
	return r == 0 ? state_open(p->config.state, p->users.node, &p->lock) : r;
}

/* From here on a log speaks, not a command. */
static void begin_log(const struct program *p)
{
	log_open(p->config.log_level, p->config.foreground ? log_to_stderr : log_to_syslog,
		clock_awake);
}

static void begin_service(struct program *p)
{
	daemon_quiet();
	begin_log(p);
	starter_serving();
	if (p->config.mount)
		log_line(LOG_NOTICE, "%s is mounted on %s", p->config.source, p->place.path);
	else
		log_line(LOG_NOTICE, "%s is served without a mount", p->config.source);
	if (p->owner == 0)
		processes_say(&p->users);
}

/* In the starter, when the first node says so. */
static void on_serving(void *ctx)
{
	daemon_ready();
	begin_log(ctx);
}

/* The node: all that talks to anybody. */
static int run_node(void *ctx, bool again)
{
	struct program *p = ctx;
	dht_socket_bind_by(starter_bind);
	const char *what;
	int r = starter_confine(p->users.node, &what);
	r = r < 0 ? say(what, r) : open_all(p);
	if (r == 0) {
		begin_service(p);
		if (again)
			reload(&p->reload);
		notify_when_ready(p->base, p->config.mount ? p->place.path : NULL);
		event_base_dispatch(p->base);
		notify_tell(NOTIFY_STOPPING);
		log_line(LOG_NOTICE, "ends: %s", p->end ? p->end : "the loop has nothing to do");
		if (p->config.mount && mount_is_given(p->place.path) && !p->unmounted)
			log_line(LOG_NOTICE,
				"who mounted for us has to umount: the mount stays, and is dead");
	}
	close_all(p);
	return r < 0;
}

static int run(struct program *p)
{
	log_open(p->config.log_level, p->config.foreground ? log_to_terminal : log_to_both,
		clock_awake);
	int r = prepare(p);
	daemon_close_inherited(p->place.handover.device);
	if (r == 0 && !p->config.foreground) {
		bool seen = p->config.mount && !mount_is_given(p->place.path);
		r = daemon_start(seen ? p->place.path : NULL);
		if (r < 0)
			say("fork", r);
	}
	if (r == 0)
		r = state_sign(p->lock);
	if (r < 0)
		return r;
	notify_open();
	p->local_error = local_door_claim(
		p->owner, p->config.port, p->local_path, &p->local_socket);
	const struct starter_config config = {.config = &p->config,
		.place = &p->place,
		.users = &p->users,
		.local = p->local_error ? "" : p->local_path,
		.node = run_node,
		.served = on_serving,
		.ctx = p};
	return starter_run(&config);
}

int main(int argc, char **argv)
{
	int status;
	clock_start();
	if (upstream_child(argc, argv, &status) || signer_child(argc, argv, &status) ||
		notify_child(argc, argv, &status) || dht_validator_child(argc, argv, &status))
		return status;
	if (client_is(argc, argv))
		return client_run(argc - 1, argv + 1);
	daemon_fill_descriptors();
	static struct program p = {.lock = -1,
		.place = {.lock = -1, .watched = -1, .handover = {.connection = -1, .device = -1}}};
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
	p.owner = geteuid();
	processes_choose(&p.config, &p.users);
	umask(022); /* of the directories above the state; that itself, and all in it, are 0700 and
		       0600 */
	char directory[PATH_MAX];
	p.reload = (struct reload){.argc = argc,
		.argv = argv,
		.directory = getcwd(directory, sizeof(directory)) ? directory : "/"};
	int r;
	if (p.config.check) {
		r = bootstrap_read(p.config.source, &p.bootstrap);
		if (r == 0)
			r = doors_open_tls(&p.doors, &p.config);
		if (r == 0)
			puts("kadns: the configuration is good");
	} else {
		r = run(&p);
	}
	close_all(&p);
	return r < 0 ? 1 : 0;
}
