/* Fuzz target: KRPC messages. What is read can be written, what is written can be read, and
 * reading that and writing once more changes nothing. */
#undef NDEBUG
#include "dht/message.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void assert_sound(const struct dht_message *m)
{
	assert(m->transaction.len >= 1 && m->transaction.len <= DHT_TRANSACTION_MAX);
	assert(m->nodes_len <= DHT_NODES_MAX && m->peers_len <= DHT_PEERS_MAX);
	assert(m->has_id || m->kind == DHT_ERROR);
	assert(!m->has_key || m->key.len == 32);
	assert(!m->has_sig || m->sig.len == 64);
	for (size_t i = 0; i < m->nodes_len; i++)
		assert(m->nodes[i].endpoint.family == 4 || m->nodes[i].endpoint.family == 6);
	for (size_t i = 0; i < m->peers_len; i++)
		assert(m->peers[i].family == 4 || m->peers[i].family == 6);
	if (m->value.data) { /* goes to others as it is */
		struct bencode value;
		assert(bencode_open(m->value.data, m->value.len, &value) == 0);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct dht_message m;
	int r = dht_message_read(data, len, &m);
	if (r == -EPROTO) {
		assert(m.kind == DHT_QUERY && m.error == DHT_E_PROTOCOL);
		assert(m.transaction.len >= 1 && m.transaction.len <= DHT_TRANSACTION_MAX);
	}
	if (r != 0) {
		assert(r == -EPROTO || r == -EBADMSG);
		return 0;
	}
	assert_sound(&m);

	size_t cap = 2 * len + 256; /* a default or two may be written out */
	uint8_t *once = malloc(cap), *twice = malloc(cap);
	assert(once && twice);
	int first = dht_message_write(&m, once, cap);
	if (m.kind == DHT_QUERY && m.method == DHT_METHOD_UNKNOWN) {
		assert(first == -EINVAL);
	} else {
		assert(first > 0);
		assert(dht_message_read(once, (size_t)first, &m) == 0);
		assert_sound(&m);
		assert(dht_message_write(&m, twice, cap) == first);
		assert(memcmp(once, twice, (size_t)first) == 0);
	}
	free(once);
	free(twice);
	return 0;
}
