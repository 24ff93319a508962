/* Writing KRPC messages; see message.h. Keys stand in their canonical order, which is that of
 * the lines below. */
#include "dht/message.h"

#include <errno.h>
#include <string.h>

static void put_bytes(struct bencode_writer *w, const char *key, struct bytes s)
{
	if (!s.data)
		return;
	bencode_put_key(w, key);
	bencode_put_string(w, s.data, s.len);
}

static void put_integer(struct bencode_writer *w, const char *key, bool present, int64_t n)
{
	if (!present)
		return;
	bencode_put_key(w, key);
	bencode_put_integer(w, n);
}

static void put_id(struct bencode_writer *w, const char *key, bool present, const struct dht_id *id)
{
	if (present)
		put_bytes(w, key, (struct bytes){id->b, DHT_ID_LEN});
}

static void put_value(struct bencode_writer *w, struct bytes raw)
{
	if (!raw.data)
		return;
	bencode_put_key(w, "v");
	bencode_put_raw(w, raw.data, raw.len);
}

static void put_want(struct bencode_writer *w, const struct dht_message *m)
{
	if (!m->want4 && !m->want6)
		return;
	bencode_put_key(w, "want");
	bencode_put_open(w, 'l');
	if (m->want4)
		bencode_put_string(w, "n4", 2);
	if (m->want6)
		bencode_put_string(w, "n6", 2);
	bencode_put_close(w);
}

static void put_arguments(struct bencode_writer *w, const struct dht_message *m)
{
	bool announce = m->method == DHT_ANNOUNCE_PEER;
	bool info_hash = announce || m->method == DHT_GET_PEERS;
	bencode_put_key(w, "a");
	bencode_put_open(w, 'd');
	put_integer(w, "cas", m->has_cas, m->cas);
	put_id(w, "id", true, &m->id);
	put_integer(w, "implied_port", announce && m->implied_port, 1);
	put_id(w, "info_hash", info_hash && m->has_target, &m->target);
	put_bytes(w, "k", m->key);
	put_integer(w, "port", announce, m->port);
	if (m->salt.len > 0) /* an empty salt is no salt (BEP 44) */
		put_bytes(w, "salt", m->salt);
	put_integer(w, "seq", m->has_seq, m->seq);
	put_bytes(w, "sig", m->sig);
	put_id(w, "target", !info_hash && m->has_target, &m->target);
	put_bytes(w, "token", m->token);
	put_value(w, m->value);
	put_want(w, m);
	bencode_put_close(w);
}

/* The first `len` contacts of one family. */
static void put_nodes(struct bencode_writer *w, const struct dht_message *m, uint8_t family,
	bool even_if_empty, size_t len)
{
	uint8_t packed[DHT_NODES_MAX * (DHT_ID_LEN + 18)];
	size_t at = 0;
	if (len == 0 && !even_if_empty)
		return;
	for (size_t i = 0; i < m->nodes_len && len > 0; i++) {
		const struct dht_contact *c = &m->nodes[i];
		if (c->endpoint.family != family)
			continue;
		memcpy(packed + at, c->id.b, DHT_ID_LEN);
		at += DHT_ID_LEN;
		at += dht_endpoint_write(&c->endpoint, packed + at);
		len--;
	}
	bencode_put_key(w, family == 4 ? "nodes" : "nodes6");
	bencode_put_string(w, packed, at);
}

static void put_peers(struct bencode_writer *w, const struct dht_message *m)
{
	if (m->peers_len == 0)
		return;
	bencode_put_key(w, "values");
	bencode_put_open(w, 'l');
	for (size_t i = 0; i < m->peers_len; i++) {
		uint8_t packed[18];
		bencode_put_string(w, packed, dht_endpoint_write(&m->peers[i], packed));
	}
	bencode_put_close(w);
}

/* Present even if empty: that is how the answer is known. */
static struct bytes samples_of(const struct dht_message *m)
{
	return m->samples.data ? m->samples : (struct bytes){(const uint8_t *)"", 0};
}

static void put_results(
	struct bencode_writer *w, const struct dht_message *m, size_t nodes, size_t nodes6)
{
	bencode_put_key(w, "r");
	bencode_put_open(w, 'd');
	put_id(w, "id", true, &m->id);
	put_integer(w, "interval", m->has_samples, m->interval);
	put_bytes(w, "k", m->key);
	put_nodes(w, m, 4, m->want4, nodes);
	put_nodes(w, m, 6, m->want6, nodes6);
	put_integer(w, "num", m->has_samples, m->num);
	if (m->has_samples)
		put_bytes(w, "samples", samples_of(m));
	put_integer(w, "seq", m->has_seq, m->seq);
	put_bytes(w, "sig", m->sig);
	put_bytes(w, "token", m->token);
	put_value(w, m->value);
	put_peers(w, m);
	bencode_put_close(w);
}

static void put_error(struct bencode_writer *w, const struct dht_message *m)
{
	bencode_put_key(w, "e");
	bencode_put_open(w, 'l');
	bencode_put_integer(w, m->error);
	bencode_put_string(w, m->error_text.data, m->error_text.len);
	bencode_put_close(w);
}

static int write_with(
	const struct dht_message *m, size_t nodes, size_t nodes6, struct bencode_writer *w)
{
	static const char *const kinds[] = {
		[DHT_QUERY] = "q", [DHT_REPLY] = "r", [DHT_ERROR] = "e"};
	uint8_t you[18];
	size_t you_len = dht_endpoint_write(&m->you, you);

	bencode_put_open(w, 'd');
	if (m->kind == DHT_QUERY)
		put_arguments(w, m);
	if (m->kind == DHT_ERROR)
		put_error(w, m);
	if (you_len > 0)
		put_bytes(w, "ip", (struct bytes){you, you_len});
	if (m->kind == DHT_QUERY) {
		bencode_put_key(w, "q");
		bencode_put_key(w, dht_method_name(m->method));
	}
	if (m->kind == DHT_REPLY || (m->kind == DHT_ERROR && m->has_id))
		put_results(w, m, nodes, nodes6);
	put_integer(w, "ro", m->kind == DHT_QUERY && m->read_only, 1);
	put_bytes(w, "t", m->transaction);
	if (m->client.len > 0)
		put_bytes(w, "v", m->client);
	bencode_put_key(w, "y");
	bencode_put_key(w, kinds[m->kind]);
	bencode_put_close(w);
	return bencode_end(w);
}

int dht_message_write(const struct dht_message *m, uint8_t *buf, size_t cap)
{
	size_t nodes = 0, nodes6 = 0;
	if (m->transaction.len == 0 || m->transaction.len > DHT_TRANSACTION_MAX ||
		(m->kind == DHT_QUERY && m->method == DHT_METHOD_UNKNOWN))
		return -EINVAL;
	for (size_t i = 0; i < m->nodes_len; i++) {
		nodes += m->nodes[i].endpoint.family == 4;
		nodes6 += m->nodes[i].endpoint.family == 6;
	}
	for (;;) {
		struct bencode_writer w;
		bencode_begin(&w, buf, cap);
		int len = write_with(m, nodes, nodes6, &w);
		if (len != -ENOBUFS || nodes + nodes6 == 0)
			return len;
		if (nodes6 > 0)
			nodes6--;
		else
			nodes--;
	}
}
