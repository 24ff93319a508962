/* dht/udp and dht/socket: nodes on loopback find each other, keep items, notice the dead. */
#undef NDEBUG
#include "dht/udp.h"
#include "dht/socket.h"

#include <arpa/inet.h>
#include <errno.h>
#include <event2/event.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>

#define NODES 3
#define PATIENCE 10 /* seconds until a test that waits has failed; nothing sleeps as long */

static const struct dht_store_config guests = {.lifetime = DHT_STORE_LIFETIME};

struct node {
	char path[96];
	struct dht_store *store;
	struct dht_udp *udp;
};

static char directory[64];
static struct event_base *base;
static struct node nodes[NODES];

/* Seconds that the machine has slept: only the clock that counts them moves on. */
static time_t slept;

int clock_gettime(clockid_t id, struct timespec *ret_time)
{
	long r = syscall(SYS_clock_gettime, id, ret_time);
	if (r == 0 && id == CLOCK_BOOTTIME)
		ret_time->tv_sec += slept;
	return (int)r;
}

/* System calls that send, counted. */
static unsigned sends;

int sendmmsg(int fd, struct mmsghdr *messages, unsigned len, int flags)
{
	sends++;
	return (int)syscall(SYS_sendmmsg, fd, messages, len, flags);
}

static int set_up(void **state)
{
	(void)state;
	strcpy(directory, "/tmp/kadns-test-udp.XXXXXX");
	if (!mkdtemp(directory))
		return -1;
	for (int i = 0; i < NODES; i++)
		nodes[i] = (struct node){0};
	for (int i = 0; i < NODES; i++)
		snprintf(nodes[i].path, sizeof(nodes[i].path), "%s/%d.db", directory, i);
	base = event_base_new();
	return base ? 0 : -1;
}

static void stop(struct node *n)
{
	dht_udp_destroy(n->udp);
	dht_store_close(n->store);
	n->udp = NULL;
	n->store = NULL;
}

static int tear_down(void **state)
{
	(void)state;
	static const char *const suffix[] = {"", "-wal", "-journal"};
	for (int i = 0; i < NODES; i++) {
		stop(&nodes[i]);
		for (size_t s = 0; s < sizeof(suffix) / sizeof(*suffix); s++) {
			char name[512];
			snprintf(name, sizeof(name), "%s%s", nodes[i].path, suffix[s]);
			unlink(name);
		}
	}
	event_base_free(base);
	return rmdir(directory);
}

static struct dht_endpoint endpoint(const char *text)
{
	struct dht_endpoint e;
	assert_int_equal(dht_endpoint_from_text(text, &e), 0);
	return e;
}

static struct dht_endpoint at_port(const char *text, uint16_t port)
{
	struct dht_endpoint e = endpoint(text);
	e.port = port;
	return e;
}

static int try_start(
	struct node *n, const struct dht_udp_config *config, struct dht_endpoint *failed)
{
	assert_int_equal(dht_store_open(n->path, &guests, &n->store), 0);
	return dht_udp_create(base, config, n->store, &n->udp, failed);
}

static void start(struct node *n, const char *bind)
{
	struct dht_udp_config config = {.bind = {endpoint(bind)}, .bind_len = 1};
	assert_int_equal(try_start(n, &config, NULL), 0);
	assert_int_not_equal(dht_udp_port(n->udp), 0);
}

static struct dht_endpoint address_of(const struct node *n)
{
	return at_port("127.0.0.1:0", dht_udp_port(n->udp));
}

static struct dht_counters counters(const struct node *n)
{
	struct dht_counters c;
	dht_counters(dht_udp_node(n->udp), &c);
	return c;
}

static double now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void out_of_patience(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	*(bool *)arg = true;
}

/* Runs the loop until `reached` says so. */
static void run_until(bool (*reached)(void *ctx), void *ctx)
{
	bool late = false;
	struct event *guard = evtimer_new(base, out_of_patience, &late);
	assert_non_null(guard);
	evtimer_add(guard, &(struct timeval){.tv_sec = PATIENCE});
	while (!reached(ctx) && !late)
		event_base_loop(base, EVLOOP_ONCE);
	event_free(guard);
	assert_false(late);
}

static bool knows_somebody(void *ctx)
{
	return counters(ctx).nodes > 0;
}

static bool all_know_somebody(void *ctx)
{
	(void)ctx;
	for (int i = 0; i < NODES; i++) {
		if (nodes[i].udp && !knows_somebody(&nodes[i]))
			return false;
	}
	return true;
}

/* Two nodes that know each other, the second by way of the first. */
static void start_two(void)
{
	start(&nodes[0], "127.0.0.1:0");
	start(&nodes[1], "127.0.0.1:0");
	struct dht_endpoint first = address_of(&nodes[0]);
	dht_add_node(dht_udp_node(nodes[1].udp), &first);
	run_until(all_know_somebody, NULL);
}

struct outcome {
	bool over;
	unsigned values;
	struct dht_item item;
	struct dht_result result;
};

static bool is_over(void *ctx)
{
	return ((struct outcome *)ctx)->over;
}

static void on_put(void *ctx, const struct dht_result *result)
{
	struct outcome *o = ctx;
	o->result = *result;
	o->over = true;
}

static void on_get(void *ctx, const struct dht_item *item, const struct dht_endpoint *from,
	const struct dht_result *result)
{
	(void)from;
	struct outcome *o = ctx;
	if (item) {
		o->item = *item;
		o->values++;
	} else {
		o->result = *result;
		o->over = true;
	}
}

static struct dht_item signed_item(int64_t seq, const char *text)
{
	struct dht_item item = {.is_mutable = true, .seq = seq};
	static const uint8_t seed[DHT_SEED_LEN] = {1};
	assert_int_equal(dht_item_set_string(&item, text, strlen(text)), 0);
	assert_int_equal(dht_item_sign(&item, seed), 0);
	return item;
}

static struct outcome put(struct node *n, const struct dht_item *item)
{
	struct outcome o = {0};
	struct dht_lookup *lookup;
	assert_int_equal(dht_put(dht_udp_node(n->udp), item, 0, on_put, &o, &lookup), 0);
	run_until(is_over, &o);
	return o;
}

static struct outcome get(struct node *n, const struct dht_item *like)
{
	struct outcome o = {0};
	struct dht_lookup *lookup;
	assert_int_equal(dht_get_mutable(dht_udp_node(n->udp), like->key, like->salt,
				 like->salt_len, on_get, &o, &lookup),
		0);
	run_until(is_over, &o);
	return o;
}

static void items_travel(void **state)
{
	(void)state;
	start_two();
	struct dht_item item = signed_item(1, "hello");
	assert_int_equal(put(&nodes[0], &item).result.stored, 1);
	assert_int_equal(dht_store_items(nodes[1].store), 1);
	/* Put once more it is a refresh; the engine tells what the store counts. */
	assert_int_equal(put(&nodes[0], &item).result.stored, 1);
	struct dht_counters c;
	dht_counters(dht_udp_node(nodes[1].udp), &c);
	assert_int_equal(c.store_items, 1);
	assert_in_range(c.store_bytes, 200, 400);
	assert_true(c.store_memory > 0 && c.store_refreshes == 1);
	assert_true(c.store_evictions + c.store_refused_quota + c.store_refused_full == 0);
	uint64_t commits = c.store_commits;

	start(&nodes[2], "127.0.0.1:0");
	struct dht_endpoint second = address_of(&nodes[1]);
	dht_add_node(dht_udp_node(nodes[2].udp), &second);
	run_until(knows_somebody, &nodes[2]);
	struct outcome o = get(&nodes[2], &item);
	assert_true(o.values > 0);
	assert_memory_equal(&o.item, &item, sizeof(item));

	/* What was kept a moment ago outlives the node: the end flushes. */
	dht_udp_destroy(nodes[1].udp);
	nodes[1].udp = NULL;
	struct dht_store_counters at_end;
	dht_store_count(nodes[1].store, &at_end);
	assert_true(at_end.commits > commits);
	stop(&nodes[1]);
	assert_int_equal(dht_store_open(nodes[1].path, &guests, &nodes[1].store), 0);
	assert_int_equal(dht_store_items(nodes[1].store), 1);
}

/* Two hours without a new put are over even if we slept for most of them. */
static void items_age_while_the_machine_sleeps(void **state)
{
	(void)state;
	start_two();
	struct dht_item item = signed_item(1, "hello");
	assert_int_equal(put(&nodes[0], &item).result.stored, 1);
	assert_true(get(&nodes[0], &item).values > 0);
	slept = DHT_STORE_LIFETIME - 60;
	assert_true(get(&nodes[0], &item).values > 0);
	slept = DHT_STORE_LIFETIME + 60;
	assert_int_equal(get(&nodes[0], &item).values, 0);
	slept = 0;
}

static void on_tick(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	(void)arg;
}

/* Is the item in the file, as another process would see it after this one's death? A copy of
 * the file and its log is what a kill leaves behind. */
static bool is_on_disk(void *ctx)
{
	struct node *n = ctx;
	char command[1024], copy[160];
	snprintf(copy, sizeof(copy), "%s/copy.db", directory);
	snprintf(command, sizeof(command), "cp %s %s && cp %s-wal %s-wal", n->path, copy, n->path,
		copy);
	assert_int_equal(system(command), 0);
	struct dht_store *store;
	assert_int_equal(dht_store_open(copy, &guests, &store), 0);
	bool there = dht_store_items(store) == 1;
	dht_store_close(store);
	unlink(copy);
	return there;
}

static void the_store_is_flushed_within_a_second(void **state)
{
	(void)state;
	start_two();
	struct dht_item item = signed_item(1, "hello");
	double from = now();
	assert_int_equal(put(&nodes[0], &item).result.stored, 1);
	assert_false(is_on_disk(&nodes[1])); /* or the loop would wait for the disk at each put */
	struct event *tick = event_new(base, -1, EV_PERSIST, on_tick, NULL);
	assert_non_null(tick);
	event_add(tick, &(struct timeval){.tv_usec = 100000});
	run_until(is_on_disk, &nodes[1]);
	event_free(tick);
	assert_true(now() - from < 3);
}

static void the_table_outlives_the_node(void **state)
{
	(void)state;
	start_two();
	struct dht_id id = *dht_own_id(dht_udp_node(nodes[1].udp));
	stop(&nodes[1]);
	start(&nodes[1], "127.0.0.1:0");
	assert_true(dht_id_equal(&id, dht_own_id(dht_udp_node(nodes[1].udp))));
	run_until(knows_somebody, &nodes[1]); /* nobody told it whom to ask */

	/* Nobody there when it starts and stops: it remembers all the same. */
	struct dht_contact saved[4];
	size_t len;
	stop(&nodes[0]);
	stop(&nodes[1]);
	start(&nodes[1], "127.0.0.1:0");
	stop(&nodes[1]);
	assert_int_equal(dht_store_open(nodes[1].path, &guests, &nodes[1].store), 0);
	assert_int_equal(dht_store_load_nodes(nodes[1].store, saved, 4, &len), 0);
	assert_int_equal(len, 1);
}

/* The nodes in the file, as after a kill: see is_on_disk. */
static size_t nodes_on_disk(struct node *n)
{
	char command[1024], copy[160];
	struct dht_contact saved[8];
	struct dht_store *store;
	size_t len;
	snprintf(copy, sizeof(copy), "%s/copy.db", directory);
	snprintf(command, sizeof(command), "cp %s %s && cp %s-wal %s-wal", n->path, copy, n->path,
		copy);
	assert_int_equal(system(command), 0);
	assert_int_equal(dht_store_open(copy, &guests, &store), 0);
	assert_int_equal(dht_store_load_nodes(store, saved, 8, &len), 0);
	dht_store_close(store);
	unlink(copy);
	return len;
}

static bool two_on_disk(void *ctx)
{
	return nodes_on_disk(ctx) == 2;
}

static bool one_on_disk(void *ctx)
{
	return nodes_on_disk(ctx) == 1;
}

/* Who is killed soon after the start knows next time whom it had found. */
static void the_table_is_saved_as_it_grows(void **state)
{
	(void)state;
	start_two();
	struct event *tick = event_new(base, -1, EV_PERSIST, on_tick, NULL);
	assert_non_null(tick);
	event_add(tick, &(struct timeval){.tv_usec = 100000});
	run_until(one_on_disk, &nodes[1]);
	start(&nodes[2], "127.0.0.1:0");
	struct dht_endpoint second = address_of(&nodes[1]);
	dht_add_node(dht_udp_node(nodes[2].udp), &second);
	run_until(two_on_disk, &nodes[1]);
	event_free(tick);
}

/* Nobody answers any more, so the network is down, or we are: what is saved is better than that. */
static void an_outage_does_not_spoil_the_saved_table(void **state)
{
	(void)state;
	struct dht_contact saved[4] = {
		{.endpoint = endpoint("192.0.2.1:1")}, {.endpoint = endpoint("192.0.2.2:1")}};
	size_t len;
	start_two();
	struct dht_item item = signed_item(1, "hello");
	stop(&nodes[1]);
	assert_int_equal(get(&nodes[0], &item).result.error, -ENETUNREACH);
	assert_int_equal(dht_store_save_nodes(nodes[0].store, saved, 2), 0);
	stop(&nodes[0]);
	assert_int_equal(dht_store_open(nodes[0].path, &guests, &nodes[0].store), 0);
	assert_int_equal(dht_store_load_nodes(nodes[0].store, saved, 4, &len), 0);
	assert_int_equal(len, 2);
}

/* A closed port answers by ICMP, at once; silence would cost two time-outs of a second. */
static void the_dead_are_noticed_at_once(void **state)
{
	(void)state;
	start_two();
	stop(&nodes[1]);
	struct dht_item item = signed_item(1, "hello");
	double from = now();
	struct outcome o = get(&nodes[0], &item);
	assert_int_equal(o.result.error, -ENETUNREACH);
	assert_true(o.result.queries > 0);
	assert_true(now() - from < 0.5);
}

static bool has_asked_many(void *ctx)
{
	return counters(ctx).queries_out >= 48;
}

/* No socket of that family, and an address that the kernel refuses to send to from loopback: both
 * as if refused. Sixteen are asked at a time, so waiting for each would take seconds. */
static void where_no_way_leads(void **state)
{
	(void)state;
	start(&nodes[0], "127.0.0.1:0");
	struct dht *dht = dht_udp_node(nodes[0].udp);
	struct dht_endpoint six = endpoint("[2001:db8::1]:6881"), four = endpoint("192.0.2.1:6881");
	double from = now();
	for (uint16_t i = 0; i < 24; i++) {
		six.port = four.port = (uint16_t)(6881 + i);
		dht_add_node(dht, &six);
		dht_add_node(dht, &four);
	}
	run_until(has_asked_many, &nodes[0]);
	assert_true(now() - from < 1.5);
}

static struct dht_socket opened(const char *at)
{
	struct dht_endpoint e = endpoint(at);
	struct dht_socket s;
	assert_int_equal(dht_socket_open(&e, &s), 0);
	return s;
}

/* True when a way leads there. */
static bool send_one(
	struct dht_socket *s, const struct dht_endpoint *to, const void *data, size_t len)
{
	static const struct dht_endpoint any = {0};
	struct dht_endpoint unreachable[DHT_SOCKET_BATCH];
	struct dht_outbox *outbox;
	assert_int_equal(dht_outbox_create(&outbox), 0);
	assert_false(dht_outbox_add(outbox, s, &any, to, data, len));
	size_t n = dht_outbox_flush(outbox, s, unreachable);
	dht_outbox_destroy(outbox);
	return n == 0;
}

/* The kernel reports an ICMP error at the next call, and then has not sent what that call was
 * to send: it has to go out all the same, and the error is not lost either. */
static void an_error_does_not_eat_the_next_datagram(void **state)
{
	(void)state;
	struct dht_socket a = opened("127.0.0.1:0"), b = opened("127.0.0.1:0");
	struct dht_socket dead = opened("127.0.0.1:0");
	struct dht_endpoint at;
	struct dht_datagram datagrams[DHT_SOCKET_BATCH];
	struct dht_batch *batch;
	assert_int_equal(dht_batch_create(&batch), 0);
	dht_socket_close(&dead);
	assert_false(dht_socket_error(&a, &at));
	assert_true(send_one(&a, &dead.bound, "x", 1));
	assert_true(send_one(&a, &b.bound, "y", 1));
	assert_int_equal(dht_socket_receive(&b, batch, datagrams), 1);
	assert_true(dht_endpoint_equal(&datagrams[0].from, &a.bound));
	assert_true(datagrams[0].len == 1 && datagrams[0].data[0] == 'y');
	assert_true(dht_socket_error(&a, &at));
	assert_true(dht_endpoint_equal(&at, &dead.bound));
	assert_false(dht_socket_error(&a, &at));
	assert_int_equal(dht_socket_receive(&a, batch, datagrams), 0);
	dht_batch_destroy(batch);
	dht_socket_close(&a);
	dht_socket_close(&b);
}

/* More than a batch at once: none is lost, none comes twice. */
static void batches_are_read_whole(void **state)
{
	(void)state;
	struct dht_socket a = opened("127.0.0.1:0"), b = opened("0.0.0.0:0");
	struct dht_endpoint to = at_port("127.0.0.7:0", b.bound.port);
	struct dht_datagram datagrams[DHT_SOCKET_BATCH];
	struct dht_batch *batch;
	assert_int_equal(dht_batch_create(&batch), 0);
	for (uint8_t i = 0; i < DHT_SOCKET_BATCH + 3; i++)
		assert_true(send_one(&a, &to, &i, i ? 1 : 0));
	assert_int_equal(dht_socket_receive(&b, batch, datagrams), DHT_SOCKET_BATCH);
	assert_int_equal(datagrams[0].len, 0);
	for (uint8_t i = 1; i < DHT_SOCKET_BATCH; i++) {
		assert_int_equal(datagrams[i].data[0], i);
		assert_int_equal(datagrams[i].to.ip[3], 7); /* our address that it came to */
	}
	assert_int_equal(dht_socket_receive(&b, batch, datagrams), 3);
	assert_int_equal(dht_socket_receive(&b, batch, datagrams), 0);
	dht_batch_destroy(batch);
	dht_socket_close(&a);
	dht_socket_close(&b);
}

static void bind_says_what_failed(void **state)
{
	(void)state;
	start(&nodes[0], "127.0.0.1:0");
	struct dht_endpoint taken = address_of(&nodes[0]), failed = {0};
	struct dht_udp_config config = {.bind = {endpoint("127.0.0.1:0"), taken}, .bind_len = 2};
	assert_int_equal(try_start(&nodes[1], &config, &failed), -EADDRINUSE);
	assert_true(dht_endpoint_equal(&failed, &taken));
	assert_null(nodes[1].udp);
	stop(&nodes[1]);
	config.bind_len = 1;
	config.bind[0] = endpoint("192.0.2.1:0"); /* not ours */
	assert_int_equal(try_start(&nodes[1], &config, NULL), -EADDRNOTAVAIL);
	stop(&nodes[1]);
	config.bind_len = 0;
	assert_int_equal(try_start(&nodes[1], &config, NULL), -EINVAL);
	stop(&nodes[1]);
	config.bind_len = DHT_UDP_BIND_MAX + 1;
	assert_int_equal(try_start(&nodes[1], &config, NULL), -EINVAL);
	stop(&nodes[1]);
}

/* A peer that is no node of ours: a socket, and what was answered to it. */
struct peer {
	int fd;
	struct event *readable;
	unsigned answers;
	struct sockaddr_in from; /* of the last answer */
};

/* The node also asks the peer whether it is there: only its answers count. */
static void on_peer(evutil_socket_t fd, short what, void *arg)
{
	(void)what;
	static const char answer[] = "1:y1:re";
	struct peer *p = arg;
	char datagram[2000];
	struct sockaddr_in from;
	socklen_t from_len = sizeof(from);
	ssize_t len = recvfrom(
		fd, datagram, sizeof(datagram), 0, (struct sockaddr *)&from, &from_len);
	if (len < (ssize_t)strlen(answer) ||
		memcmp(datagram + len - strlen(answer), answer, strlen(answer)) != 0)
		return;
	p->answers++;
	p->from = from;
}

static bool has_heard(void *ctx)
{
	return ((struct peer *)ctx)->answers > 0;
}

static void start_peer(struct peer *p)
{
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	p->answers = 0;
	p->fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
	assert_true(p->fd >= 0);
	assert_int_equal(bind(p->fd, (struct sockaddr *)&at, sizeof(at)), 0);
	p->readable = event_new(base, p->fd, EV_READ | EV_PERSIST, on_peer, p);
	assert_non_null(p->readable);
	event_add(p->readable, NULL);
}

static void stop_peer(struct peer *p)
{
	event_free(p->readable);
	close(p->fd);
}

static void say(struct peer *p, const char *ip, uint16_t port, const void *data, size_t len)
{
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(port)};
	assert_int_equal(inet_pton(AF_INET, ip, &to.sin_addr), 1);
	assert_int_equal(sendto(p->fd, data, len, 0, (struct sockaddr *)&to, sizeof(to)), len);
}

static const char ping[] = "d1:ad2:id20:abcdefghij0123456789e1:q4:ping1:t4:wxyz1:y1:qe";

/* Bound to every address, asked at one of them: the answer comes from that one. */
static void answers_leave_from_where_they_were_asked(void **state)
{
	(void)state;
	struct peer peer;
	start(&nodes[0], "0.0.0.0:0");
	start_peer(&peer);
	static const char *const asked[] = {"127.0.0.1", "127.0.0.2", "127.9.9.9"};
	for (size_t i = 0; i < 3; i++) {
		char from[INET_ADDRSTRLEN];
		peer.answers = 0;
		say(&peer, asked[i], dht_udp_port(nodes[0].udp), ping, sizeof(ping) - 1);
		run_until(has_heard, &peer);
		assert_string_equal(
			inet_ntop(AF_INET, &peer.from.sin_addr, from, sizeof(from)), asked[i]);
	}
	stop_peer(&peer);
}

/* What comes in one batch is answered in one, each from where it was asked. */
static void a_batch_is_answered_by_one_call(void **state)
{
	(void)state;
	struct peer peer;
	start(&nodes[0], "0.0.0.0:0");
	start_peer(&peer);
	event_base_loop(base, EVLOOP_NONBLOCK);
	for (int i = 0; i < DHT_SOCKET_BATCH; i++) {
		char ip[32];
		snprintf(ip, sizeof(ip), "127.0.0.%d", 1 + i);
		say(&peer, ip, dht_udp_port(nodes[0].udp), ping, sizeof(ping) - 1);
	}
	event_del(peer.readable); /* we read the answers ourselves */
	sends = 0;
	while (counters(&nodes[0]).queries_in < DHT_SOCKET_BATCH)
		event_base_loop(base, EVLOOP_ONCE);
	/* The node may have asked the stranger in return, after some time. */
	assert_in_range(sends, 1, 2);
	bool from[DHT_SOCKET_BATCH] = {false};
	int answers = 0;
	for (;;) {
		char data[1500];
		struct sockaddr_in at;
		socklen_t at_len = sizeof(at);
		ssize_t len = recvfrom(
			peer.fd, data, sizeof(data), 0, (struct sockaddr *)&at, &at_len);
		if (len < 0)
			break;
		uint32_t host = ntohl(at.sin_addr.s_addr) - 0x7f000001;
		if (memcmp(data + len - 7, "1:y1:re", 7) != 0)
			continue;
		assert_true(host < DHT_SOCKET_BATCH && !from[host]);
		from[host] = true;
		answers++;
	}
	assert_int_equal(answers, DHT_SOCKET_BATCH);
	stop_peer(&peer);
}

/* One that goes nowhere is named, and those before and after it arrive. */
static void a_batch_with_a_dead_end(void **state)
{
	(void)state;
	static const struct dht_endpoint any = {0};
	struct dht_socket a = opened("127.0.0.1:0"), b = opened("127.0.0.1:0");
	struct dht_socket dead = opened("127.0.0.1:0");
	struct dht_endpoint nowhere = endpoint("255.255.255.255:1");
	struct dht_endpoint unreachable[DHT_SOCKET_BATCH], at;
	struct dht_datagram datagrams[DHT_SOCKET_BATCH];
	struct dht_batch *batch;
	struct dht_outbox *outbox;
	static const uint8_t long_one[DHT_DATAGRAM_MAX + 1];
	assert_int_equal(dht_batch_create(&batch), 0);
	assert_int_equal(dht_outbox_create(&outbox), 0);
	dht_socket_close(&dead);
	const struct dht_endpoint *const to[] = {
		&b.bound, &dead.bound, &b.bound, &nowhere, &b.bound, &nowhere, &dead.bound};
	for (uint8_t i = 0; i < 7; i++)
		assert_false(dht_outbox_add(outbox, &a, &any, to[i], &i, 1));
	dht_outbox_add(outbox, &a, &any, &b.bound, long_one, sizeof(long_one));
	assert_int_equal(dht_outbox_flush(outbox, &a, unreachable), 2);
	assert_true(dht_endpoint_equal(&unreachable[0], &nowhere));
	assert_int_equal(dht_socket_receive(&b, batch, datagrams), 3);
	for (uint8_t i = 0; i < 3; i++)
		assert_int_equal(datagrams[i].data[0], 2 * i);
	assert_true(dht_socket_error(&a, &at) && dht_endpoint_equal(&at, &dead.bound));
	assert_true(dht_socket_error(&a, &at) && dht_endpoint_equal(&at, &dead.bound));
	/* It says when it is full, and takes no more. */
	for (unsigned i = 1; i <= DHT_SOCKET_BATCH + 1; i++)
		assert_int_equal(dht_outbox_add(outbox, &a, &any, &b.bound, long_one, 1),
			i >= DHT_SOCKET_BATCH);
	assert_int_equal(dht_outbox_flush(outbox, &a, unreachable), 0);
	assert_int_equal(dht_socket_receive(&b, batch, datagrams), DHT_SOCKET_BATCH);
	assert_int_equal(dht_socket_receive(&b, batch, datagrams), 0);
	dht_outbox_destroy(outbox);
	dht_batch_destroy(batch);
	dht_socket_close(&a);
	dht_socket_close(&b);
}

/* With two sockets, too. */
static void each_socket_answers_for_itself(void **state)
{
	(void)state;
	struct peer peer;
	struct dht_udp_config config = {
		.bind = {endpoint("127.0.0.1:0"), endpoint("127.0.0.2:0")}, .bind_len = 2};
	assert_int_equal(try_start(&nodes[0], &config, NULL), 0);
	start_peer(&peer);
	say(&peer, "127.0.0.2", dht_udp_port(nodes[0].udp), ping,
		sizeof(ping) - 1); /* the same port */
	run_until(has_heard, &peer);
	assert_int_equal(ntohl(peer.from.sin_addr.s_addr), 0x7f000002);
	stop_peer(&peer);
}

struct junk_wait {
	struct node *node;
	uint64_t junk;
};

static bool junk_counted(void *ctx)
{
	struct junk_wait *w = ctx;
	return counters(w->node).junk >= w->junk;
}

static void junk_is_counted_and_not_answered(void **state)
{
	(void)state;
	struct peer peer;
	char large[1600];
	start(&nodes[0], "127.0.0.1:0");
	start_peer(&peer);
	uint16_t port = dht_udp_port(nodes[0].udp);
	say(&peer, "127.0.0.1", port, "", 0);
	say(&peer, "127.0.0.1", port, "junk", 4);
	/* A whole query in the first 1500 bytes, and more behind it. */
	memset(large, 'x', sizeof(large));
	static const char begin[] = "d1:ad2:id20:abcdefghij0123456789e1:q4:ping1:t4:wxyz1:v1434:";
	memcpy(large, begin, sizeof(begin) - 1);
	memcpy(large + 1500 - 7, "1:y1:qe", 7);
	say(&peer, "127.0.0.1", port, large, sizeof(large));
	run_until(junk_counted, &(struct junk_wait){&nodes[0], 3});
	assert_int_equal(counters(&nodes[0]).queries_in, 0);
	/* Cut to 1500 bytes it is a ping: the first answer is to this one. */
	say(&peer, "127.0.0.1", port, large, 1500);
	run_until(has_heard, &peer);
	assert_int_equal(counters(&nodes[0]).queries_in, 1);
	assert_int_equal(counters(&nodes[0]).junk, 3);
	stop_peer(&peer);
}

static int judge(void *self, const struct dht_item *held, const struct dht_item *offered)
{
	unsigned *asked = self;
	++*asked;
	assert_null(held);
	assert_int_equal(offered->seq, 1);
	return 301;
}

static void the_judge_is_asked(void **state)
{
	(void)state;
	unsigned asked = 0;
	struct dht_udp_config config = {.bind = {endpoint("127.0.0.1:0")},
		.bind_len = 1,
		.judge = judge,
		.judge_self = &asked};
	assert_int_equal(try_start(&nodes[0], &config, NULL), 0);
	start(&nodes[1], "127.0.0.1:0");
	struct dht_endpoint first = address_of(&nodes[0]);
	dht_add_node(dht_udp_node(nodes[1].udp), &first);
	run_until(all_know_somebody, NULL);
	struct dht_item item = signed_item(1, "hello");
	struct outcome o = put(&nodes[1], &item);
	assert_int_equal(o.result.stored, 0);
	assert_int_equal(o.result.refused_cas, 1);
	assert_int_equal(asked, 1);
	assert_int_equal(dht_store_items(nodes[0].store), 0);
}

static void ipv6(void **state)
{
	(void)state;
	struct dht_udp_config config = {.bind = {endpoint("[::1]:0")}, .bind_len = 1};
	int r = try_start(&nodes[0], &config, NULL);
	if (r == -EADDRNOTAVAIL || r == -EAFNOSUPPORT)
		skip(); /* a machine without IPv6 */
	assert_int_equal(r, 0);
	/* Both wildcards on one port: IPv6 does not take IPv4's place. */
	config = (struct dht_udp_config){
		.bind = {endpoint("0.0.0.0:0"), endpoint("[::]:0")}, .bind_len = 2};
	assert_int_equal(try_start(&nodes[1], &config, NULL), 0);
	config = (struct dht_udp_config){
		.bind = {at_port("[::1]:0", dht_udp_port(nodes[1].udp))}, .bind_len = 1};
	assert_int_equal(try_start(&nodes[2], &config, NULL), -EADDRINUSE);

	struct dht_endpoint first = at_port("[::1]:0", dht_udp_port(nodes[0].udp));
	dht_add_node(dht_udp_node(nodes[1].udp), &first);
	run_until(knows_somebody, &nodes[0]);
	run_until(knows_somebody, &nodes[1]);
	struct dht_item item = signed_item(1, "hello");
	stop(&nodes[0]);
	double from = now();
	assert_int_equal(get(&nodes[1], &item).result.error, -ENETUNREACH); /* ICMPv6 */
	assert_true(now() - from < 0.5);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(items_travel),
		TEST(items_age_while_the_machine_sleeps),
		TEST(the_store_is_flushed_within_a_second),
		TEST(the_table_outlives_the_node),
		TEST(the_table_is_saved_as_it_grows),
		TEST(an_outage_does_not_spoil_the_saved_table),
		TEST(the_dead_are_noticed_at_once),
		TEST(where_no_way_leads),
		cmocka_unit_test(an_error_does_not_eat_the_next_datagram),
		cmocka_unit_test(batches_are_read_whole),
		TEST(bind_says_what_failed),
		TEST(answers_leave_from_where_they_were_asked),
		TEST(a_batch_is_answered_by_one_call),
		TEST(a_batch_with_a_dead_end),
		TEST(each_socket_answers_for_itself),
		TEST(junk_is_counted_and_not_answered),
		TEST(the_judge_is_asked),
		TEST(ipv6),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
