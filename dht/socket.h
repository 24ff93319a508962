/* One UDP socket: endpoints and datagrams instead of sockaddr and msghdr. For dht/udp.c only.
 *
 * Everything is non-blocking. A socket bound to the wildcard address remembers, per datagram,
 * which of our addresses it came to, so that the answer can leave from there: the asker drops
 * an answer that comes from elsewhere. */
#ifndef DHT_SOCKET_H
#define DHT_SOCKET_H

#include "dht/id.h"
#include "dht/message.h"

#define DHT_SOCKET_BATCH 32 /* datagrams a system call; 48 kB of buffers */

struct dht_socket {
	int fd;
	struct dht_endpoint bound; /* port as the kernel chose it */
	bool wildcard;
};

/* 0, or what socket(2) or bind(2) said. Port 0: the kernel chooses. */
int dht_socket_open(const struct dht_endpoint *bind, struct dht_socket *ret_socket);
/* Who binds from now on, as bind(2) does and at first the kernel: a node that may not bind a port
 * below 1024, or that goes on with the socket of the one before it. */
struct sockaddr;
typedef int dht_socket_bind_fn(int fd, const struct sockaddr *address, unsigned len);
void dht_socket_bind_by(dht_socket_bind_fn *fn);
void dht_socket_close(struct dht_socket *socket); /* one that was never opened has fd -1 */

struct dht_datagram {
	struct dht_endpoint from, to; /* `to` is our address; family 0 where it is the bound one */
	const uint8_t *data;
	size_t len; /* 0 for one that was longer than DHT_DATAGRAM_MAX */
};

struct dht_batch; /* buffers for one system call */
int dht_batch_create(struct dht_batch **ret_batch);
void dht_batch_destroy(struct dht_batch *batch);

/* Datagrams read, 0 when there are none; they stand until the next call with this batch. */
size_t dht_socket_receive(struct dht_socket *socket, struct dht_batch *batch,
	struct dht_datagram ret_datagrams[DHT_SOCKET_BATCH]);

/* Datagrams that wait to be sent by one system call. */
struct dht_outbox;
int dht_outbox_create(struct dht_outbox **ret_outbox);
void dht_outbox_destroy(struct dht_outbox *outbox);

/* `from`: the address of ours to send from, family 0 for any. True when that filled it: it is to be
 * flushed. One longer than DHT_DATAGRAM_MAX is dropped. */
bool dht_outbox_add(struct dht_outbox *outbox, const struct dht_socket *socket,
	const struct dht_endpoint *from, const struct dht_endpoint *to, const uint8_t *data,
	size_t len);
/* Sends all. What the kernel has no room for is lost, as UDP may; where no way leads is
 * returned. */
size_t dht_outbox_flush(struct dht_outbox *outbox, const struct dht_socket *socket,
	struct dht_endpoint ret_unreachable[DHT_SOCKET_BATCH]);

/* The next ICMP error: false when there is none. `from` is where our datagram went, family 0 if the
 * error says nothing about whether somebody listens there; `data` what is quoted of the datagram.
 * It stands until the next call with this batch. */
bool dht_socket_error(
	struct dht_socket *socket, struct dht_batch *batch, struct dht_datagram *ret_sent);

#endif
