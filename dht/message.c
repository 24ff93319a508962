/* Reading KRPC messages; see message.h. Writing them is in message_write.c. */
#include "dht/message.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

#include "dht/item.h"

#define INTERVAL_MAX 21600 /* BEP 51: six hours */

static const char *const method_names[] = {
	[DHT_PING] = "ping",
	[DHT_FIND_NODE] = "find_node",
	[DHT_GET_PEERS] = "get_peers",
	[DHT_ANNOUNCE_PEER] = "announce_peer",
	[DHT_GET] = "get",
	[DHT_PUT] = "put",
	[DHT_SAMPLE_INFOHASHES] = "sample_infohashes",
	[DHT_METHOD_UNKNOWN] = NULL,
};

const char *dht_method_name(enum dht_method method)
{
	return method_names[method];
}

static enum dht_method method_of(struct bytes name)
{
	enum dht_method m = DHT_PING;
	while (m != DHT_METHOD_UNKNOWN &&
		(strlen(method_names[m]) != name.len ||
			memcmp(method_names[m], name.data, name.len) != 0))
		m++;
	return m;
}

/* The dict `a` or `r`, and whether a member of it was seen that is not what it should be. */
struct body {
	const struct bencode_members *dict;
	bool bad;
};

static bool member_string(
	const struct bencode_members *members, const char *key, struct bytes *ret_string)
{
	struct bencode v;
	return bencode_member(members, key, &v) && bencode_string(v, ret_string);
}

/* Each take_… returns whether the member is there as it should be; one that is there but has
 * another type or length makes the body bad. `len` 0: any length. */
static bool take_string(struct body *body, const char *key, size_t len, struct bytes *ret_string)
{
	struct bencode v;
	struct bytes s;
	if (!bencode_member(body->dict, key, &v))
		return false;
	if (!bencode_string(v, &s) || (len > 0 && s.len != len)) {
		body->bad = true;
		return false;
	}
	*ret_string = s;
	return true;
}

static bool take_integer(struct body *body, const char *key, int64_t *ret_integer)
{
	struct bencode v;
	if (!bencode_member(body->dict, key, &v))
		return false;
	if (!bencode_integer(v, ret_integer)) {
		body->bad = true;
		return false;
	}
	return true;
}

static bool take_id(struct body *body, const char *key, struct dht_id *ret_id)
{
	struct bytes s;
	if (!take_string(body, key, DHT_ID_LEN, &s))
		return false;
	memcpy(ret_id->b, s.data, DHT_ID_LEN);
	return true;
}

/* The fields of BEP 44, the same in put and in the reply to get. */
static void take_item(struct body *body, struct dht_message *m)
{
	struct bencode v;
	if (bencode_member(body->dict, "v", &v))
		m->value = v.raw;
	m->has_key = take_string(body, "k", DHT_KEY_LEN, &m->key);
	m->has_sig = take_string(body, "sig", DHT_SIG_LEN, &m->sig);
	take_string(body, "salt", 0, &m->salt);
	m->has_seq = take_integer(body, "seq", &m->seq);
	m->has_cas = take_integer(body, "cas", &m->cas);
	take_string(body, "token", 0, &m->token);
}

static void take_target(struct body *body, struct dht_message *m)
{
	switch (m->method) {
	case DHT_PING:
		break;
	case DHT_GET_PEERS:
	case DHT_ANNOUNCE_PEER:
		m->has_target = take_id(body, "info_hash", &m->target);
		break;
	case DHT_FIND_NODE:
	case DHT_GET:
	case DHT_PUT:
	case DHT_SAMPLE_INFOHASHES:
		m->has_target = take_id(body, "target", &m->target);
		break;
	case DHT_METHOD_UNKNOWN: /* whatever comes later: answered by nodes near its target */
		m->has_target = take_id(body, "target", &m->target) ||
				take_id(body, "info_hash", &m->target);
		break;
	}
}

static void take_want(struct body *body, struct dht_message *m)
{
	struct bencode list, element;
	struct bytes s;
	size_t cursor = 0;
	if (!bencode_member(body->dict, "want", &list))
		return;
	if (!bencode_is_list(list))
		body->bad = true;
	while (bencode_next(list, &cursor, &element)) {
		if (!bencode_string(element, &s) || s.len != 2 || s.data[0] != 'n')
			continue; /* a family of the future */
		m->want4 |= s.data[1] == '4';
		m->want6 |= s.data[1] == '6';
	}
}

static void take_port(struct body *body, struct dht_message *m)
{
	int64_t n;
	m->implied_port = take_integer(body, "implied_port", &n) && n != 0;
	if (!take_integer(body, "port", &n))
		return;
	if (n >= 0 && n <= UINT16_MAX)
		m->port = (uint16_t)n;
	else if (!m->implied_port) /* with it the port is "ignored" (BEP 5), sense or not */
		body->bad = true;
}

/* Are the arguments there without which the method means nothing? */
static bool arguments_suffice(const struct dht_message *m)
{
	switch (m->method) {
	case DHT_PING:
	case DHT_METHOD_UNKNOWN:
		return true;
	case DHT_FIND_NODE:
	case DHT_GET_PEERS:
	case DHT_GET:
	case DHT_SAMPLE_INFOHASHES:
		return m->has_target;
	case DHT_ANNOUNCE_PEER:
		return m->has_target && m->token.data && (m->implied_port || m->port != 0);
	case DHT_PUT:
		return m->token.data && m->value.data;
	}
	return false;
}

static int read_query(const struct bencode_message *text, struct dht_message *m)
{
	const struct bencode_members *top = &text->top;
	struct bytes name;
	int64_t read_only;
	struct bencode_members other = {.len = 0};
	struct body body = {.dict = &other};
	struct bencode arguments, v;
	if (!member_string(top, "q", &name))
		return -EBADMSG;
	m->method = method_of(name);
	if (!text->canonical && m->method != DHT_PUT)
		return -EBADMSG;
	m->read_only = bencode_member(top, "ro", &v) && bencode_integer(v, &read_only) &&
		       read_only == 1;
	if (bencode_member(top, "a", &arguments))
		body.dict = bencode_body(text, arguments, &other);
	else
		body.bad = true;
	m->has_id = take_id(&body, "id", &m->id);
	take_target(&body, m);
	if (m->method == DHT_METHOD_UNKNOWN)
		body.bad = false; /* what its arguments have to be is not for us to say */
	else
		take_item(&body, m);
	take_want(&body, m);
	if (m->method == DHT_ANNOUNCE_PEER)
		take_port(&body, m);
	if (text->canonical && m->has_id && !body.bad && arguments_suffice(m))
		return 0;
	m->error = DHT_E_PROTOCOL;
	return -EPROTO;
}

/* Compact node info: contacts of one family, at most `max` of them. */
static void take_contacts(struct body *body, struct bytes packed, size_t endpoint_len, size_t max,
	struct dht_message *m)
{
	size_t each = DHT_ID_LEN + endpoint_len;
	if (packed.len % each != 0)
		body->bad = true;
	for (size_t at = 0; at + each <= packed.len && max > 0; at += each, max--) {
		struct dht_contact *c = &m->nodes[m->nodes_len++];
		memcpy(c->id.b, packed.data + at, DHT_ID_LEN);
		dht_endpoint_read(packed.data + at + DHT_ID_LEN, endpoint_len, &c->endpoint);
	}
}

static void take_nodes(struct body *body, struct dht_message *m)
{
	struct bytes four = {0}, six = {0};
	m->want4 = take_string(body, "nodes", 0, &four);
	m->want6 = take_string(body, "nodes6", 0, &six);
	take_contacts(body, four, 6, six.len > 0 ? DHT_NODES_MAX / 2 : DHT_NODES_MAX, m);
	take_contacts(body, six, 18, DHT_NODES_MAX - m->nodes_len, m);
}

/* `values`: 6 and 18 bytes may be mixed (BEP 32); what is neither is no peer. */
static void take_peers(struct body *body, struct dht_message *m)
{
	struct bencode list, element;
	struct bytes s;
	size_t cursor = 0;
	if (!bencode_member(body->dict, "values", &list))
		return;
	while (m->peers_len < DHT_PEERS_MAX && bencode_next(list, &cursor, &element)) {
		if (bencode_string(element, &s) &&
			dht_endpoint_read(s.data, s.len, &m->peers[m->peers_len]) == 0)
			m->peers_len++;
	}
}

static void take_samples(struct body *body, struct dht_message *m)
{
	m->has_samples = take_string(body, "samples", 0, &m->samples);
	if (!m->has_samples)
		return;
	take_integer(body, "interval", &m->interval);
	take_integer(body, "num", &m->num);
	if (m->samples.len % DHT_ID_LEN != 0 || m->interval < 0 || m->interval > INTERVAL_MAX ||
		m->num < 0)
		body->bad = true;
}

static int read_reply(const struct bencode_message *text, struct dht_message *m)
{
	struct bencode results;
	struct bencode_members other;
	if (!bencode_member(&text->top, "r", &results))
		return -EBADMSG;
	struct body body = {.dict = bencode_body(text, results, &other)};
	m->has_id = take_id(&body, "id", &m->id);
	take_item(&body, m);
	take_nodes(&body, m);
	take_peers(&body, m);
	take_samples(&body, m);
	return m->has_id && !body.bad ? 0 : -EBADMSG;
}

/* libtorrent's errors carry `r` as well; the id in it is welcome but not needed. */
static int read_error(const struct bencode_message *text, struct dht_message *m)
{
	const struct bencode_members *top = &text->top;
	struct bencode list, element, results;
	struct bencode_members other;
	size_t cursor = 0;
	int64_t code;
	if (!bencode_member(top, "e", &list) || !bencode_next(list, &cursor, &element) ||
		!bencode_integer(element, &code))
		return -EBADMSG;
	m->error = code > 0 && code <= INT_MAX ? (int)code : DHT_E_GENERIC;
	if (bencode_next(list, &cursor, &element))
		bencode_string(element, &m->error_text);
	if (bencode_member(top, "r", &results)) {
		struct body body = {.dict = bencode_body(text, results, &other)};
		m->has_id = take_id(&body, "id", &m->id);
	}
	return 0;
}

int dht_message_read(const uint8_t *datagram, size_t len, struct dht_message *ret_message)
{
	struct dht_message *m = ret_message;
	struct bencode_message text;
	struct bytes kind, you;
	*m = (struct dht_message){0};
	if (bencode_open_message(datagram, len, &text) < 0)
		return -EBADMSG;
	if (!member_string(&text.top, "t", &m->transaction) || m->transaction.len == 0 ||
		m->transaction.len > DHT_TRANSACTION_MAX)
		return -EBADMSG;
	if (!member_string(&text.top, "y", &kind) || kind.len != 1)
		return -EBADMSG;
	/* Courtesies: a sender that gets these wrong may still have something to say. */
	member_string(&text.top, "v", &m->client);
	if (member_string(&text.top, "ip", &you))
		dht_endpoint_read(you.data, you.len, &m->you);

	if (!text.canonical && kind.data[0] != 'q')
		return -EBADMSG;
	switch (kind.data[0]) {
	case 'q':
		m->kind = DHT_QUERY;
		return read_query(&text, m);
	case 'r':
		m->kind = DHT_REPLY;
		return read_reply(&text, m);
	case 'e':
		m->kind = DHT_ERROR;
		return read_error(&text, m);
	default:
		return -EBADMSG;
	}
}
