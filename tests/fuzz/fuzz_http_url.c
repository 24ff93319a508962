/* A query, a media type and base64url, from one line. */
#undef NDEBUG
#include "resolver/http_url.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct http_piece all = {(const char *)data, len};
	uint8_t bytes[96];
	char text[64];
	int n = http_unescape(all, false, text, sizeof(text));
	assert(n == -EINVAL || n == -ENOSPC || (n >= 0 && (size_t)n <= len));
	n = http_parameter(all, "name", text, sizeof(text));
	assert(n == -EINVAL || n == -ENOSPC || n == -ENOENT || n == -EEXIST ||
		(n >= 0 && n <= (int)sizeof(text)));
	n = http_base64url(all.at, all.len, bytes, sizeof(bytes));
	assert(n == -EINVAL || n == -ENOSPC || (n >= 0 && (size_t)n == len * 3 / 4));
	assert(http_accepts(all, "application/dns-json") <= 1000);
	http_type_is(all, "application/dns-message");
	return 0;
}
