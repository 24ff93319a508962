/* dht/udp: nodes on loopback find each other, answer in batches, notice the dead. */
#undef NDEBUG
#include "udp_world.h"

#include <arpa/inet.h>
#include <errno.h>
#include <sys/socket.h>

#include "dht/socket.h"

/* System calls that send, counted. */
static unsigned sends;

int sendmmsg(int fd, struct mmsghdr *messages, unsigned len, int flags)
{
	sends++;
	return (int)syscall(SYS_sendmmsg, fd, messages, len, flags);
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
 * as if refused. They are asked some at a time, so waiting for each would take seconds. */
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

static int find_first(const struct event_base *of, const struct event *event, void *arg)
{
	(void)of;
	struct timeval now, at, *first = arg;
	if (event_pending(event, EV_TIMEOUT, &at)) {
		evutil_gettimeofday(&now, NULL);
		timersub(&at, &now, &at);
		if (timercmp(&at, first, <))
			*first = at;
	}
	return 0;
}

/* The loop's timers stand still while the machine sleeps: a node with nothing to do for an hour looks
 * up from time to time all the same, for the hour may pass at once. */
static void an_idle_node_looks_up(void **state)
{
	(void)state;
	struct timeval first = {.tv_sec = 100000};
	start(&nodes[0], "127.0.0.1:0");
	event_base_loop(base, EVLOOP_ONCE);
	event_base_foreach_event(base, find_first, &first);
	assert_true(first.tv_sec <= 10);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_dead_are_noticed_at_once),
		TEST(where_no_way_leads),
		TEST(bind_says_what_failed),
		TEST(answers_leave_from_where_they_were_asked),
		TEST(a_batch_is_answered_by_one_call),
		TEST(each_socket_answers_for_itself),
		TEST(junk_is_counted_and_not_answered),
		TEST(the_judge_is_asked),
		TEST(ipv6),
		TEST(an_idle_node_looks_up),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
