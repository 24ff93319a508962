/* What is written to .kadns/secret, and read by kadns key: a seed, or nothing. */
#undef NDEBUG
#include <assert.h>
#include <string.h>

#include "fs/secret.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct secret secret, again;
	char text[SECRET_TEXT];

	if (secret_from_text((const char *)data, len, &secret) < 0)
		return 0;
	secret_to_text(secret.seed, text);
	assert(secret_from_text(text, sizeof(text), &again) == 0);
	assert(!again.has_key && memcmp(again.seed, secret.seed, sizeof(again.seed)) == 0);
	return 0;
}
