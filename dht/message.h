/* KRPC messages (BEP 5, 32, 42, 43, 44, 51): one struct, read from and written to a datagram.
 *
 * Reading checks all that can be checked without state: canonical bencode, an id of 20 bytes,
 * a transaction id, lengths of every field, the arguments that a method needs. What `write`
 * makes, `read` gives back. Nothing is allocated; `struct bytes` members point into the
 * caller's datagram, and one that is absent has a NULL `data`. */
#ifndef DHT_MESSAGE_H
#define DHT_MESSAGE_H

#include "dht/bencode.h"
#include "dht/id.h"

#define DHT_DATAGRAM_MAX 1500  /* libtorrent drops more, so nobody sends more */
/* What we send over IPv4, and over IPv6, where 1232 bytes are never fragmented. The largest
 * mutable value takes some 1290 without any node: then IPv6 has to take DHT_REPLY_MAX too. */
#define DHT_REPLY_MAX 1400
#define DHT_REPLY6_MAX 1232
#define DHT_NODES_MAX 16       /* contacts taken from one reply: 8 by BEP 5, 20 by pubky */
#define DHT_PEERS_MAX 50
#define DHT_TRANSACTION_MAX 20 /* rakshasa's limit; nobody is known to send more */

enum dht_kind { DHT_QUERY, DHT_REPLY, DHT_ERROR };

enum dht_method {
	DHT_PING, DHT_FIND_NODE, DHT_GET_PEERS, DHT_ANNOUNCE_PEER, DHT_GET, DHT_PUT,
	DHT_SAMPLE_INFOHASHES, DHT_METHOD_UNKNOWN,
};

enum { /* KRPC error codes */
	DHT_E_GENERIC = 201, DHT_E_SERVER = 202, DHT_E_PROTOCOL = 203, DHT_E_METHOD = 204,
	DHT_E_VALUE_BIG = 205, DHT_E_SIGNATURE = 206, DHT_E_SALT_BIG = 207,
	DHT_E_CAS = 301, DHT_E_SEQ = 302,
};

struct dht_message {
	enum dht_kind kind;
	enum dht_method method;       /* of a query; a reply does not say what it replies to */
	struct bytes transaction;     /* `t`, 1 to DHT_TRANSACTION_MAX bytes; ours are 4 */
	struct bytes client;          /* `v`; ours is 4 bytes; empty: absent */
	bool read_only;               /* `ro` = 1, queries only (BEP 43) */
	bool has_id;                  /* false only in an error without `r` */
	struct dht_id id;             /* of the sender */
	struct dht_endpoint you;      /* `ip` (BEP 42); family 0: absent */

	bool has_target;              /* `target` or `info_hash`, as the method has it */
	struct dht_id target;
	/* In a query `want`; neither: the family of the packet. In a reply: `nodes`, `nodes6` stand
	 * in it even if empty, as pubky's find_node and get want it. */
	bool want4, want6;
	bool implied_port;
	uint16_t port;                /* announce_peer */

	struct bytes token;           /* of any length, even 0 */
	struct bytes value;           /* raw bencoded text of `v` in a/r, of any length */
	struct bytes key, sig, salt;  /* as sent; lengths are checked: 32, 64; salt any */
	bool has_key, has_sig;
	bool has_seq, has_cas;
	int64_t seq, cas;

	/* `nodes` and `nodes6` together, each in its order; the family tells which. When a reply
	 * has more than DHT_NODES_MAX, neither family can crowd the other out. */
	size_t nodes_len;
	struct dht_contact nodes[DHT_NODES_MAX];
	size_t peers_len;             /* `values` of get_peers */
	struct dht_endpoint peers[DHT_PEERS_MAX];
	bool has_samples;             /* BEP 51 reply: info-hashes, 20 bytes each, perhaps none; */
	struct bytes samples;
	int64_t interval, num;        /* seconds, 0 to 21600; how many there are to sample from */

	int error;                    /* of a DHT_ERROR */
	struct bytes error_text;
};

/* 0; -EBADMSG: junk, drop it without an answer; -EPROTO: a well-formed query with a bad or
 * missing argument: kind, transaction and error (the KRPC code to answer with) are set, nothing
 * else is to be relied on. A put whose value is not canonical bencode is such a query, though
 * the rest of the datagram is. What is left to the caller, because BEP 44 asks for the token
 * first: token, size of value and salt, what a put with `k` has to have, signature. */
int dht_message_read(const uint8_t *datagram, size_t len, struct dht_message *ret_message);
/* Length; -ENOBUFS; -EINVAL for a method or a transaction id that cannot be written. When
 * `cap` is too small for all the nodes, the last of them are left out first (nodes6 before
 * nodes), so that a large value still fits. */
int dht_message_write(const struct dht_message *m, uint8_t *buf, size_t cap);

/* The name on the wire, NULL for DHT_METHOD_UNKNOWN. */
const char *dht_method_name(enum dht_method method);

#endif
