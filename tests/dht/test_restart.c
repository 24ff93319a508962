/* What outlives a node on real sockets: a table that makes the next start warm, and the id that our
 * address has given us. */
#undef NDEBUG
#include "dht/message.h"
#include "dht/udp.h"

#include <arpa/inet.h>
#include <event2/event.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cmocka.h>

#define NODES 16
#define RESTARTS 3
#define VOTERS 8    /* as many as it takes to believe a first address */
#define PATIENCE 10 /* seconds until a test that waits has failed; nothing sleeps as long */

static const struct dht_store_config guests = {.lifetime = DHT_STORE_LIFETIME};

struct node {
	char path[96];
	struct dht_store *store;
	struct dht_udp *udp;
	uint16_t port; /* from its first start on */
};

static char directory[64];
static struct event_base *base;
static struct node nodes[NODES];

static int set_up(void **state)
{
	(void)state;
	strcpy(directory, "/tmp/kadns-test-restart.XXXXXX");
	if (!mkdtemp(directory))
		return -1;
	for (int i = 0; i < NODES; i++) {
		nodes[i] = (struct node){0};
		snprintf(nodes[i].path, sizeof(nodes[i].path), "%s/%d.db", directory, i);
	}
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

static void forget(struct node *n)
{
	static const char *const suffix[] = {"", "-wal", "-journal"};
	for (size_t s = 0; s < sizeof(suffix) / sizeof(*suffix); s++) {
		char name[512];
		snprintf(name, sizeof(name), "%s%s", n->path, suffix[s]);
		unlink(name);
	}
}

static int tear_down(void **state)
{
	(void)state;
	for (int i = 0; i < NODES; i++) {
		stop(&nodes[i]);
		forget(&nodes[i]);
	}
	event_base_free(base);
	return rmdir(directory);
}

static void start(struct node *n, bool limits)
{
	struct dht_udp_config config = {.bind_len = 1, .limits = limits};
	assert_int_equal(dht_endpoint_from_text("127.0.0.1:0", &config.bind[0]), 0);
	config.bind[0].port = n->port;
	assert_int_equal(dht_store_open(n->path, &guests, &n->store), 0);
	assert_int_equal(dht_udp_create(base, &config, n->store, &n->udp, NULL), 0);
	n->port = dht_udp_port(n->udp);
}

static void join(struct node *n, const struct node *by)
{
	struct dht_endpoint at;
	assert_int_equal(dht_endpoint_from_text("127.0.0.1:0", &at), 0);
	at.port = dht_udp_port(by->udp);
	assert_int_equal(dht_add_node(dht_udp_node(n->udp), &at), 0);
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

static size_t knows(const struct node *n)
{
	struct dht_counters c;
	dht_counters(dht_udp_node(n->udp), &c);
	return c.nodes;
}

static bool knows_somebody(void *ctx)
{
	return knows(ctx) > 0;
}

static bool knows_all(void *ctx)
{
	return knows(ctx) == NODES - 1;
}

static bool all_know_all(void *ctx)
{
	(void)ctx;
	for (int i = 0; i < NODES; i++)
		if (!knows_all(&nodes[i]))
			return false;
	return true;
}

struct outcome {
	bool over;
	struct dht_result result;
};

static void on_get(void *ctx, const struct dht_item *item, const struct dht_endpoint *from,
	const struct dht_result *result)
{
	(void)item;
	(void)from;
	struct outcome *o = ctx;
	o->result = *result;
	o->over = true;
}

static bool is_over(void *ctx)
{
	return ((struct outcome *)ctx)->over;
}

/* Of what nobody has: the eight nearest have to be seen. The node to join by is the farthest. */
static struct dht_result miss(struct node *n)
{
	struct outcome o = {0};
	struct dht_lookup *lookup;
	struct dht_id target = *dht_own_id(dht_udp_node(nodes[0].udp));
	for (size_t i = 0; i < sizeof(target.b); i++)
		target.b[i] ^= 0xff;
	assert_int_equal(dht_get_immutable(dht_udp_node(n->udp), &target, on_get, &o, &lookup), 0);
	run_until(is_over, &o);
	assert_int_equal(o.result.error, 0);
	assert_true(o.result.answered >= 8);
	return o.result;
}

/* The first get after a start with the saved table goes straight to the nearest; without it, they
 * have to be found. */
static void a_saved_table_is_warm(void **state)
{
	(void)state;
	unsigned warm = 0, cold = 0;
	for (int i = 0; i < NODES; i++)
		start(&nodes[i], false);
	for (int i = 0; i < NODES; i++)
		for (int k = 0; k < NODES; k++)
			if (k != i)
				join(&nodes[i], &nodes[k]);
	run_until(all_know_all, NULL);
	for (int i = 1; i <= RESTARTS; i++) {
		stop(&nodes[i]);
		start(&nodes[i], false); /* nobody tells it whom to ask */
		run_until(knows_all, &nodes[i]);
		struct dht_result first = miss(&nodes[i]);
		assert_int_equal(first.hops, 1);
		warm += first.queries;
		stop(&nodes[i]);
		forget(&nodes[i]);
		start(&nodes[i], false);
		join(&nodes[i], &nodes[0]);
		run_until(knows_somebody, &nodes[i]);
		first = miss(&nodes[i]);
		assert_true(first.hops > 1);
		cold += first.queries;
	}
	printf("# queries of the first get: %u after a restart, %u without its table\n",
		warm / RESTARTS, cold / RESTARTS);
	/* Nine against mostly ten, sometimes nine: which ids are whose neighbours is chance. */
	assert_true(warm < cold);
}

/* Nodes of an address each, that say of themselves what they like, and of us that we are at
 * 198.51.100.7:4001. */
struct voter {
	int fd;
	struct event *readable;
};

static void on_query(evutil_socket_t fd, short what, void *arg)
{
	(void)what;
	struct sockaddr_in from;
	socklen_t from_len = sizeof(from);
	uint8_t in[1500], out[1500];
	struct dht_message m, reply = {.kind = DHT_REPLY, .has_id = true};
	ssize_t n = recvfrom(fd, in, sizeof(in), 0, (struct sockaddr *)&from, &from_len);
	assert_true(n > 0);
	if (dht_message_read(in, (size_t)n, &m) < 0 || m.kind != DHT_QUERY)
		return;
	reply.transaction = m.transaction;
	reply.id.b[0] = (uint8_t)(uintptr_t)arg;
	assert_int_equal(dht_endpoint_from_text("198.51.100.7:4001", &reply.you), 0);
	int len = dht_message_write(&reply, out, sizeof(out));
	assert_true(len > 0);
	sendto(fd, out, (size_t)len, 0, (struct sockaddr *)&from, from_len);
}

static void start_voter(struct voter *v, unsigned number, struct node *asks)
{
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr = {htonl(0x7f000100 + number)}};
	socklen_t len = sizeof(at);
	v->fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	assert_true(v->fd >= 0);
	assert_int_equal(bind(v->fd, (struct sockaddr *)&at, len), 0);
	assert_int_equal(getsockname(v->fd, (struct sockaddr *)&at, &len), 0);
	v->readable = event_new(
		base, v->fd, EV_READ | EV_PERSIST, on_query, (void *)(uintptr_t)(number * 17));
	assert_non_null(v->readable);
	event_add(v->readable, NULL);
	struct dht_endpoint e = {.family = 4, .port = ntohs(at.sin_port)};
	memcpy(e.ip, &at.sin_addr, 4);
	assert_int_equal(dht_add_node(dht_udp_node(asks->udp), &e), 0);
}

static void stop_voter(struct voter *v)
{
	event_free(v->readable);
	close(v->fd);
}

static bool fits(const struct node *n)
{
	struct dht_endpoint where;
	assert_int_equal(dht_endpoint_from_text("198.51.100.7:4001", &where), 0);
	return dht_id_fits(dht_own_id(dht_udp_node(n->udp)), &where);
}

static bool has_fitting_id(void *ctx)
{
	return fits(ctx);
}

static void an_id_that_has_changed_is_kept(void **state)
{
	(void)state;
	struct voter voters[VOTERS];
	struct node *n = &nodes[0];
	start(n, true);
	assert_false(fits(n));
	for (unsigned i = 0; i < VOTERS; i++)
		start_voter(&voters[i], i + 1, n);
	run_until(has_fitting_id, n);
	struct dht_id id = *dht_own_id(dht_udp_node(n->udp));
	for (unsigned i = 0; i < VOTERS; i++)
		stop_voter(&voters[i]);
	stop(n);
	start(n, true);
	assert_true(dht_id_equal(&id, dht_own_id(dht_udp_node(n->udp))));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_saved_table_is_warm),
		TEST(an_id_that_has_changed_is_kept),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
