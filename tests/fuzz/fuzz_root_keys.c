/* Any bytes as the file of root_keys: what comes of them keeps the promises of root_keys.h. */
#undef NDEBUG
#include <assert.h>

#include "resolver/root_keys.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct root_keys *k = root_keys_create(NULL);
	struct root_keys_counters c;
	size_t found = root_keys_parse(k, data, len, 1790000000);
	root_keys_counters(k, &c);
	assert(c.kept <= found && found <= 1 + 2 * ROOT_KEYS_DOMAINS);
	root_keys_destroy(k);
	return 0;
}
