/* The real world of a node; see udp.h. */
#include "dht/udp.h"

#include <errno.h>
#include <event2/event.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "dht/saved_table.h"
#include "dht/socket.h"

#define SECOND UINT64_C(1000000)
#define FLUSH_AFTER SECOND
#define FLUSH_AFTER_MAX (60 * SECOND) /* where the disk refuses time and again */
/* What the engine sleeps at most. Its clock goes on while the machine sleeps, the loop's timers
 * stand still: what became due meanwhile is done so long after waking up. */
#define SLEEP_MAX (10 * SECOND)
/* System calls that one turn of the loop spends on a socket: under a flood the mount and the
 * doors get their turn after 128 datagrams. */
#define BATCHES_A_TURN 4
#define ERRORS_A_TURN 64
#define UNREACHABLE_MAX 64

struct dht_udp {
	struct event_base *base;
	struct dht *dht;
	struct dht_store *store;
	struct dht_udp_config config;

	struct dht_socket socket[DHT_UDP_BIND_MAX];
	struct event *readable[DHT_UDP_BIND_MAX];
	struct dht_outbox *outbox[DHT_UDP_BIND_MAX];
	size_t sockets_len;
	struct dht_batch *batch;
	bool gathering; /* what is sent waits for the end of what we are at */

	/* The datagram that the engine is being told of: an answer to it leaves by the socket and
	 * from the address that it came to. */
	struct dht_socket *current;
	const struct dht_datagram *answering;

	struct event *timer, *flush;
	bool flush_armed;
	uint64_t flush_after; /* doubled by each failure */
	struct dht_saved_table saved;
	uint64_t due; /* when the timer fires */
	/* Where the kernel would not even send to. The engine hears of it from the timer, because
	 * it is in the middle of sending. */
	struct dht_endpoint unreachable[UNREACHABLE_MAX];
	size_t unreachable_len;

	uint64_t start;	    /* as op_now */
	int64_t start_wall; /* the same moment since 1970 */
};

static uint64_t clock_of(clockid_t id)
{
	struct timespec t;
	clock_gettime(id, &t);
	return (uint64_t)t.tv_sec * SECOND + (uint64_t)t.tv_nsec / 1000;
}

static void arm(struct event *event, uint64_t after)
{
	struct timeval t = {
		.tv_sec = (time_t)(after / SECOND), .tv_usec = (suseconds_t)(after % SECOND)};
	evtimer_add(event, &t);
}

static uint64_t op_now(void *self)
{
	(void)self;
	return clock_of(CLOCK_BOOTTIME);
}

static int64_t op_wall(void *self)
{
	(void)self;
	return (int64_t)clock_of(CLOCK_REALTIME);
}

/* The store's clock: nobody sets it, and it goes on while the machine sleeps. */
static int64_t steady(const struct dht_udp *udp)
{
	return udp->start_wall + (int64_t)(clock_of(CLOCK_BOOTTIME) - udp->start);
}

static void flush_soon(struct dht_udp *udp)
{
	if (!udp->flush_armed)
		arm(udp->flush, udp->flush_after);
	udp->flush_armed = true;
}

static void op_random(void *self, void *buf, size_t len)
{
	(void)self;
	uint8_t *at = buf;
	while (len > 0) {
		ssize_t n = getrandom(at, len, 0);
		if (n < 0 && errno != EINTR)
			abort(); /* guessable ids and tokens would be worse than no node */
		if (n > 0) {
			at += n;
			len -= (size_t)n;
		}
	}
}

static void op_wake(void *self, uint64_t at)
{
	struct dht_udp *udp = self;
	if (at >= udp->due)
		return;
	uint64_t now = op_now(udp);
	udp->due = at;
	arm(udp->timer, at > now ? at - now : 0);
}

static bool is_loopback(const struct dht_endpoint *e)
{
	static const uint8_t six[16] = {[15] = 1};
	return e->family == 4 ? e->ip[0] == 127 : memcmp(e->ip, six, 16) == 0;
}

/* Of the sockets of this family one that leads there: the loopback address reaches only
 * itself, and only it reaches loopback. */
static struct dht_socket *socket_to(struct dht_udp *udp, const struct dht_endpoint *to)
{
	struct dht_socket *fallback = NULL;
	for (size_t i = 0; i < udp->sockets_len; i++) {
		struct dht_socket *s = &udp->socket[i];
		if (s->bound.family != to->family)
			continue;
		if (s->wildcard || is_loopback(&s->bound) == is_loopback(to))
			return s;
		if (!fallback)
			fallback = s;
	}
	return fallback;
}

static void note_unreachable(struct dht_udp *udp, const struct dht_endpoint *at)
{
	if (udp->unreachable_len == UNREACHABLE_MAX)
		return;
	udp->unreachable[udp->unreachable_len++] = *at;
	op_wake(udp, op_now(udp));
}

static void send_outbox(struct dht_udp *udp, size_t at)
{
	struct dht_endpoint unreachable[DHT_SOCKET_BATCH];
	size_t n = dht_outbox_flush(udp->outbox[at], &udp->socket[at], unreachable);
	for (size_t i = 0; i < n; i++)
		note_unreachable(udp, &unreachable[i]);
}

/* Between these two, what the engine sends is gathered. */
static void gather(struct dht_udp *udp)
{
	udp->gathering = true;
}

static void send_gathered(struct dht_udp *udp)
{
	udp->gathering = false;
	for (size_t at = 0; at < udp->sockets_len; at++)
		send_outbox(udp, at);
}

static void op_send(void *self, const struct dht_endpoint *to, const uint8_t *datagram, size_t len)
{
	static const struct dht_endpoint any = {0};
	struct dht_udp *udp = self;
	bool answer = udp->answering && dht_endpoint_equal(to, &udp->answering->from);
	struct dht_socket *s = answer ? udp->current : socket_to(udp, to);
	const struct dht_endpoint *from = answer ? &udp->answering->to : &any;
	if (!s) {
		note_unreachable(udp, to);
		return;
	}
	size_t at = (size_t)(s - udp->socket);
	if (dht_outbox_add(udp->outbox[at], s, from, to, datagram, len) || !udp->gathering)
		send_outbox(udp, at);
}

static int op_find(void *self, const struct dht_id *target, const struct dht_endpoint *from,
	struct dht_item *ret_item)
{
	struct dht_udp *udp = self;
	return dht_store_find(udp->store, target, from, steady(udp), ret_item);
}

static int op_keep(void *self, const struct dht_id *target, const struct dht_item *item,
	const struct dht_endpoint *from)
{
	struct dht_udp *udp = self;
	int r = dht_store_keep(udp->store, target, item, from, steady(udp));
	flush_soon(udp);
	return r;
}

static int op_renew(void *self, const struct dht_id *target, const struct dht_item *item,
	const struct dht_endpoint *from)
{
	struct dht_udp *udp = self;
	int r = dht_store_renew(udp->store, target, item, from, steady(udp));
	if (r == 0)
		flush_soon(udp);
	return r;
}

static void op_count(void *self, struct dht_counters *counters)
{
	struct dht_udp *udp = self;
	struct dht_store_counters c;
	dht_store_count(udp->store, &c);
	counters->store_items = c.items;
	counters->store_bytes = c.bytes;
	counters->store_memory = c.memory;
	counters->store_refreshes = c.refreshes;
	counters->store_evictions = c.evictions;
	counters->store_refused_quota = c.refused_quota;
	counters->store_refused_full = c.refused_full;
	counters->store_reads = c.reads;
	counters->store_commits = c.commits;
}

static int op_judge(void *self, const struct dht_item *held, const struct dht_item *offered)
{
	struct dht_udp *udp = self;
	return udp->config.judge ? udp->config.judge(udp->config.judge_self, held, offered) : 0;
}

/* A write error costs the next run some minutes, until it has learned its address again. */
static void op_own_id(void *self, const struct dht_id *id)
{
	struct dht_udp *udp = self;
	dht_store_set_own_id(udp->store, id);
}

static const struct dht_ops ops = {
	.now = op_now,
	.wall = op_wall,
	.random = op_random,
	.send = op_send,
	.wake = op_wake,
	.find = op_find,
	.keep = op_keep,
	.renew = op_renew,
	.count = op_count,
	.judge = op_judge,
	.own_id = op_own_id,
};

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	struct dht_udp *udp = arg;
	struct dht_endpoint unreachable[UNREACHABLE_MAX];
	size_t len = udp->unreachable_len;
	memcpy(unreachable, udp->unreachable, len * sizeof(*unreachable));
	udp->unreachable_len = 0;
	udp->due = UINT64_MAX; /* whatever is said from here on arms the timer anew */
	gather(udp);
	for (size_t i = 0; i < len; i++)
		dht_unreachable(udp->dht, &unreachable[i]);
	uint64_t next = dht_run(udp->dht), latest = op_now(udp) + SLEEP_MAX;
	send_gathered(udp);
	/* It fires at each search of a network that is new to us: often enough to look. */
	dht_saved_table_note(&udp->saved);
	op_wake(udp, next < latest ? next : latest);
}

static void read_errors(struct dht_udp *udp, struct dht_socket *s)
{
	struct dht_datagram sent;
	for (int i = 0; i < ERRORS_A_TURN && dht_socket_error(s, udp->batch, &sent); i++) {
		if (sent.from.family != 0)
			dht_refused(udp->dht, &sent.from, sent.data, sent.len);
	}
}

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
	(void)what;
	struct dht_udp *udp = arg;
	struct dht_socket *s = udp->socket;
	while (s->fd != fd)
		s++;
	gather(udp);
	read_errors(udp, s);
	for (int i = 0; i < BATCHES_A_TURN; i++) {
		struct dht_datagram datagrams[DHT_SOCKET_BATCH];
		size_t n = dht_socket_receive(s, udp->batch, datagrams);
		for (size_t at = 0; at < n; at++) {
			udp->current = s;
			udp->answering = &datagrams[at];
			dht_receive(udp->dht, &datagrams[at].from, datagrams[at].data,
				datagrams[at].len);
			udp->answering = NULL;
		}
		send_gathered(udp);
		gather(udp);
		if (n < DHT_SOCKET_BATCH)
			break;
	}
	send_gathered(udp);
}

/* A write error (a full disk) leaves all gathered: tried again in 1, 2, 4 ... 60 seconds. */
static void on_flush(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	struct dht_udp *udp = arg;
	udp->flush_armed = false;
	dht_store_near(udp->store, dht_own_id(udp->dht));
	if (dht_store_flush(udp->store, steady(udp), op_wall(udp)) == 0) {
		udp->flush_after = FLUSH_AFTER;
		return;
	}
	udp->flush_after *= 2;
	if (udp->flush_after > FLUSH_AFTER_MAX)
		udp->flush_after = FLUSH_AFTER_MAX;
	flush_soon(udp);
}

/* "Any address" of IPv6, asked for beside others, on a machine without IPv6: not an error. */
static bool dispensable(
	const struct dht_udp_config *config, const struct dht_endpoint *at, int error)
{
	static const uint8_t any[16];
	return config->bind_len > 1 && at->family == 6 && memcmp(at->ip, any, 16) == 0 &&
	       (error == -EAFNOSUPPORT || error == -EADDRNOTAVAIL);
}

/* Where the kernel chooses the port, it is asked for the same one on every address: nodes that
 * hear of us over IPv4 and IPv6 then see one port. If it is taken there, another will do. */
static int open_socket(struct dht_udp *udp, const struct dht_endpoint *at)
{
	struct dht_socket *s = &udp->socket[udp->sockets_len];
	struct dht_endpoint same_port = *at;
	if (at->port == 0 && udp->sockets_len > 0)
		same_port.port = udp->socket[0].bound.port;
	int r = dht_socket_open(&same_port, s);
	if (r == -EADDRINUSE && at->port == 0)
		r = dht_socket_open(at, s);
	if (r < 0)
		return r;
	struct event *readable = event_new(
		udp->base, s->fd, EV_READ | EV_PERSIST, on_readable, udp);
	struct dht_outbox **outbox = &udp->outbox[udp->sockets_len];
	if (!readable || event_add(readable, NULL) < 0 || dht_outbox_create(outbox) < 0) {
		if (readable)
			event_free(readable);
		dht_socket_close(s);
		return -ENOMEM;
	}
	udp->readable[udp->sockets_len++] = readable;
	return 0;
}

static int open_sockets(struct dht_udp *udp, struct dht_endpoint *ret_failed)
{
	for (size_t i = 0; i < udp->config.bind_len; i++) {
		const struct dht_endpoint *at = &udp->config.bind[i];
		int r = open_socket(udp, at);
		if (r < 0 && !dispensable(&udp->config, at, r)) {
			if (ret_failed)
				*ret_failed = *at;
			return r;
		}
	}
	return udp->sockets_len > 0 ? 0 : -EADDRNOTAVAIL;
}

static int make_engine(struct dht_udp *udp)
{
	struct dht_config config = {.mainline = udp->config.mainline,
		.read_only = udp->config.read_only,
		.limits = udp->config.limits};
	uint8_t random[DHT_ID_LEN];
	op_random(udp, random, sizeof(random));
	int r = dht_store_own_id(udp->store, random, &config.id);
	if (r == 0)
		r = dht_store_begin(udp->store, steady(udp), op_wall(udp));
	dht_store_near(udp->store, &config.id);
	flush_soon(udp); /* what a full disk did not take at the beginning */
	return r == 0 ? dht_create(&config, &ops, udp, &udp->dht) : r;
}

int dht_udp_create(struct event_base *base, const struct dht_udp_config *config,
	struct dht_store *store, struct dht_udp **ret_udp, struct dht_endpoint *ret_failed)
{
	if (config->bind_len == 0 || config->bind_len > DHT_UDP_BIND_MAX)
		return -EINVAL;
	struct dht_udp *udp = calloc(1, sizeof(*udp));
	if (!udp)
		return -ENOMEM;
	*udp = (struct dht_udp){.base = base,
		.store = store,
		.config = *config,
		.due = UINT64_MAX,
		.flush_after = FLUSH_AFTER};
	udp->start = clock_of(CLOCK_BOOTTIME);
	udp->start_wall = op_wall(udp);
	udp->timer = evtimer_new(base, on_timer, udp);
	udp->flush = evtimer_new(base, on_flush, udp);
	int r = -ENOMEM;
	if (!udp->timer || !udp->flush)
		goto out;
	r = dht_batch_create(&udp->batch);
	if (r == 0)
		r = open_sockets(udp, ret_failed);
	if (r == 0)
		r = make_engine(udp);
	if (r == 0)
		r = dht_saved_table_start(&udp->saved, base, udp->dht, store);
	if (r < 0)
		goto out;
	op_wake(udp, op_now(udp));
	*ret_udp = udp;
	return 0;
out:
	dht_udp_destroy(udp);
	return r;
}

static void free_event(struct event *event)
{
	if (event)
		event_free(event);
}

void dht_udp_destroy(struct dht_udp *udp)
{
	if (!udp)
		return;
	if (udp->dht) {
		dht_saved_table_stop(&udp->saved);
		dht_store_flush(udp->store, steady(udp), op_wall(udp));
	}
	dht_destroy(udp->dht);
	for (size_t i = 0; i < udp->sockets_len; i++) {
		free_event(udp->readable[i]);
		dht_outbox_destroy(udp->outbox[i]);
		dht_socket_close(&udp->socket[i]);
	}
	free_event(udp->timer);
	free_event(udp->flush);
	dht_batch_destroy(udp->batch);
	free(udp);
}

struct dht *dht_udp_node(struct dht_udp *udp)
{
	return udp->dht;
}

size_t dht_udp_saved(const struct dht_udp *udp)
{
	return udp->saved.len;
}

uint16_t dht_udp_port(const struct dht_udp *udp)
{
	return udp->socket[0].bound.port;
}
