/* dht/socket: batches in and out, and what the kernel says of each datagram. */
#undef NDEBUG
#include "dht/socket.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <cmocka.h>

/* So many of the next calls fail with that error, as after an ICMP error. */
static unsigned failing;
static int failing_with;

/* In place of the C library's. */
int sendmmsg(int fd, struct mmsghdr *messages, unsigned len, int flags)
{
	if (!failing)
		return (int)syscall(SYS_sendmmsg, fd, messages, len, flags);
	failing--;
	errno = failing_with;
	return -1;
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
	struct dht_datagram sent, datagrams[DHT_SOCKET_BATCH];
	struct dht_batch *batch;
	assert_int_equal(dht_batch_create(&batch), 0);
	dht_socket_close(&dead);
	assert_false(dht_socket_error(&a, batch, &sent));
	assert_true(send_one(&a, &dead.bound, "x", 1));
	assert_true(send_one(&a, &b.bound, "y", 1));
	assert_int_equal(dht_socket_receive(&b, batch, datagrams), 1);
	assert_true(dht_endpoint_equal(&datagrams[0].from, &a.bound));
	assert_true(datagrams[0].len == 1 && datagrams[0].data[0] == 'y');
	assert_true(dht_socket_error(&a, batch, &sent));
	assert_true(dht_endpoint_equal(&sent.from, &dead.bound));
	assert_true(sent.len == 1 && sent.data[0] == 'x');
	assert_false(dht_socket_error(&a, batch, &sent));
	assert_int_equal(dht_socket_receive(&a, batch, datagrams), 0);
	dht_batch_destroy(batch);
	dht_socket_close(&a);
	dht_socket_close(&b);
}

/* The host of a closed port quotes all of a question, over both families: the transaction stands
 * near its end. */
static void questions_are_quoted_whole(void **state)
{
	(void)state;
	static const char *const any[] = {"127.0.0.1:0", "[::1]:0"};
	struct dht_batch *batch;
	assert_int_equal(dht_batch_create(&batch), 0);
	for (size_t i = 0; i < 2; i++) {
		struct dht_socket a = opened(any[i]), dead = opened(any[i]);
		struct dht_datagram sent;
		uint8_t question[200];
		memset(question, 'q', sizeof(question));
		dht_socket_close(&dead);
		assert_true(send_one(&a, &dead.bound, question, sizeof(question)));
		assert_true(dht_socket_error(&a, batch, &sent));
		assert_true(dht_endpoint_equal(&sent.from, &dead.bound));
		assert_int_equal(sent.len, sizeof(question));
		assert_memory_equal(sent.data, question, sizeof(question));
		dht_socket_close(&a);
	}
	dht_batch_destroy(batch);
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

/* One that goes nowhere is named, and those before and after it arrive. */
static void a_batch_with_a_dead_end(void **state)
{
	(void)state;
	static const struct dht_endpoint any = {0};
	struct dht_socket a = opened("127.0.0.1:0"), b = opened("127.0.0.1:0");
	struct dht_socket dead = opened("127.0.0.1:0");
	struct dht_endpoint nowhere = endpoint("255.255.255.255:1");
	struct dht_endpoint unreachable[DHT_SOCKET_BATCH];
	struct dht_datagram sent, datagrams[DHT_SOCKET_BATCH];
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
	for (unsigned i = 0; i < 2; i++) {
		assert_true(dht_socket_error(&a, batch, &sent));
		assert_true(dht_endpoint_equal(&sent.from, &dead.bound));
	}
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

/* Somebody forges ICMP errors, which need to quote no more than our address and port: whom we were
 * about to write to is not unreachable for that, however many there are. */
static void forged_errors_condemn_nobody(void **state)
{
	(void)state;
	static const int errors[] = {ECONNREFUSED, EHOSTUNREACH, ENETUNREACH, EACCES};
	static const char *const any[] = {"127.0.0.1:0", "0.0.0.0:0", "[::1]:0"};
	struct dht_batch *batch;
	assert_int_equal(dht_batch_create(&batch), 0);
	for (size_t i = 0; i < 3; i++) {
		struct dht_socket a = opened(any[i]);
		struct dht_socket b = opened(i == 2 ? "[::1]:0" : "127.0.0.1:0");
		struct dht_datagram datagrams[DHT_SOCKET_BATCH];
		for (size_t e = 0; e < 4; e++) {
			failing_with = errors[e];
			failing = 2; /* the error of the next call, and one that came meanwhile */
			assert_true(send_one(&a, &b.bound, "x", 1));
			assert_int_equal(dht_socket_receive(&b, batch, datagrams), 1);
			failing = 100;
			assert_true(send_one(&a, &b.bound, "y", 1));
			failing = 0;
			assert_int_equal(dht_socket_receive(&b, batch, datagrams), 0);
		}
		dht_socket_close(&a);
		dht_socket_close(&b);
	}
	/* What our own host's filter forbids is another matter. */
	struct dht_socket a = opened("127.0.0.1:0");
	failing_with = EPERM;
	failing = 100;
	assert_false(send_one(&a, &a.bound, "z", 1));
	failing = 0;
	dht_socket_close(&a);
	dht_batch_destroy(batch);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_error_does_not_eat_the_next_datagram),
		cmocka_unit_test(questions_are_quoted_whole),
		cmocka_unit_test(batches_are_read_whole),
		cmocka_unit_test(a_batch_with_a_dead_end),
		cmocka_unit_test(forged_errors_condemn_nobody),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
