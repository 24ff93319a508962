/* Fuzz target: addresses, as text (settings, the file of nodes) and as bytes (packets, the store's
 * file). What is read is written back as it was, or as the one way that we write it. */
#undef NDEBUG
#include "dht/id.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void from_text(const uint8_t *data, size_t len)
{
	struct dht_endpoint e, again;
	char once[DHT_ENDPOINT_TEXT], twice[DHT_ENDPOINT_TEXT];
	char *text = malloc(len + 1);
	assert(text);
	memcpy(text, data, len);
	text[len] = '\0';
	if (dht_endpoint_from_text(text, &e) == 0) {
		assert(e.family == 4 || e.family == 6);
		dht_endpoint_to_text(&e, once);
		assert(dht_endpoint_from_text(once, &again) == 0 && dht_endpoint_equal(&e, &again));
		dht_endpoint_to_text(&again, twice);
		assert(strcmp(once, twice) == 0);
	}
	free(text);
}

static void from_bytes(const uint8_t *data, size_t len)
{
	struct dht_endpoint e;
	uint8_t bytes[18];
	if (dht_endpoint_read(data, len, &e) < 0) {
		assert(len != 6 && len != 18);
		return;
	}
	assert(dht_endpoint_write(&e, bytes) == len && memcmp(bytes, data, len) == 0);
	/* What others may be sent to is somewhere. */
	assert(!dht_endpoint_usable(&e) || e.port != 0);
	assert(!(dht_endpoint_global(&e) && dht_endpoint_local(&e)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	from_text(data, len);
	from_bytes(data, len);
	return 0;
}
