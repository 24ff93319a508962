/* What outlives a node on real sockets: a table that makes the next start warm, and the id that our
 * address has given us. */
#undef NDEBUG
#define NODES 16
#include "udp_world.h"

#include "dht/message.h"

#include <arpa/inet.h>
#include <sys/socket.h>

#define RESTARTS 3
#define VOTERS 8 /* as many as it takes to believe a first address */

/* Where its saved table and the others' expect it: at the port of its first start. */
static void start_again(struct node *n, bool limits)
{
	static uint16_t ports[NODES];
	uint16_t *port = &ports[n - nodes];
	struct dht_udp_config config = {
		.bind = {at_port("127.0.0.1:0", *port)}, .bind_len = 1, .limits = limits};
	assert_int_equal(try_start(n, &config, NULL), 0);
	*port = dht_udp_port(n->udp);
}

static void join(struct node *n, const struct node *by)
{
	struct dht_endpoint at = address_of(by);
	assert_int_equal(dht_add_node(dht_udp_node(n->udp), &at), 0);
}

static bool knows_all(void *ctx)
{
	return counters(ctx).nodes == NODES - 1;
}

static bool all_know_all(void *ctx)
{
	(void)ctx;
	for (int i = 0; i < NODES; i++)
		if (!knows_all(&nodes[i]))
			return false;
	return true;
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
		start_again(&nodes[i], false);
	for (int i = 0; i < NODES; i++)
		for (int k = 0; k < NODES; k++)
			if (k != i)
				join(&nodes[i], &nodes[k]);
	run_until(all_know_all, NULL);
	for (int i = 1; i <= RESTARTS; i++) {
		stop(&nodes[i]);
		start_again(&nodes[i], false); /* nobody tells it whom to ask */
		run_until(knows_all, &nodes[i]);
		struct dht_result first = miss(&nodes[i]);
		assert_int_equal(first.hops, 1);
		warm += first.queries;
		stop(&nodes[i]);
		forget(&nodes[i]);
		start_again(&nodes[i], false);
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
	reply.you = endpoint("198.51.100.7:4001");
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
	struct dht_endpoint where = endpoint("198.51.100.7:4001");
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
	start_again(n, true);
	assert_false(fits(n));
	for (unsigned i = 0; i < VOTERS; i++)
		start_voter(&voters[i], i + 1, n);
	run_until(has_fitting_id, n);
	struct dht_id id = *dht_own_id(dht_udp_node(n->udp));
	for (unsigned i = 0; i < VOTERS; i++)
		stop_voter(&voters[i]);
	stop(n);
	start_again(n, true);
	assert_true(dht_id_equal(&id, dht_own_id(dht_udp_node(n->udp))));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_saved_table_is_warm),
		TEST(an_id_that_has_changed_is_kept),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
