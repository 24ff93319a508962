/* A relay's payload: what is not signed, of which nothing passes; and the same with a signature of
 * ours, which shows whether what was read is what is written again. */
#undef NDEBUG
#include "resolver/pkarr_packet.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static const uint8_t seed[DHT_SEED_LEN] = {1};
	uint8_t key[DHT_KEY_LEN], payload[PKARR_PAYLOAD_MAX];
	struct dht_item item = {.is_mutable = true}, read;
	assert(dht_key_of_seed(seed, key) == 0);
	int r = pkarr_read(key, data, len, &read);
	assert(r == -EINVAL || r == -EFBIG || r == -EBADMSG);
	if (len < PKARR_HEAD || dht_item_set_string(&item, data + PKARR_HEAD, len - PKARR_HEAD) < 0)
		return 0;
	for (size_t i = DHT_SIG_LEN; i < PKARR_HEAD; i++)
		item.seq = (int64_t)(((uint64_t)item.seq << 8 | data[i]) & INT64_MAX);
	assert(dht_item_sign(&item, seed) == 0);
	size_t n = pkarr_write(&item, payload);
	assert(n == len);
	r = pkarr_read(key, payload, n, &read);
	assert(r == 0 || r == -EPROTO || r == -EINVAL);
	if (r == 0) {
		uint32_t age;
		assert(dht_item_equal(&item, &read) && pkarr_compare(&item, &read) == 0);
		assert(pkarr_max_age(&read, &age) == 0);
		assert(age >= PKARR_AGE_MIN && age <= PKARR_AGE_MAX);
	}
	return 0;
}
