/* resolver/attested under whatever TXT records a zone may have: each line of the input is one, cut into
 * strings of at most as many bytes as its first byte says. */
#undef NDEBUG
#include <assert.h>
#include <errno.h>
#include <string.h>

#include "resolver/attested.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void add(struct rrset *set, const uint8_t *line, size_t len)
{
	uint8_t rdata[4096];
	size_t at = 0, step = len && line[0] ? line[0] : 255;
	for (size_t i = 0; i < len; i += step) {
		size_t n = len - i < step ? len - i : step;
		if (at + 1 + n > sizeof(rdata))
			return;
		rdata[at] = (uint8_t)n;
		memcpy(rdata + at + 1, line + i, n);
		at += 1 + n;
	}
	if (at)
		rrset_add(set, rdata, at);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static const char name[] = "_dhtkey.example.com";
	struct question q = {.type = TYPE_TXT, .class = CLASS_IN};
	struct attestation a = {.min = 0}, again = {.min = 0};
	struct answer *answer;
	assert(name_from_text(name, sizeof(name) - 1, &q.name) == 0);
	struct rrset *set = rrset_create(&q, 60);
	assert(set);
	for (size_t at = 0; at < len && set->count < 32;) {
		const uint8_t *end = memchr(data + at, '\n', len - at);
		size_t n = end ? (size_t)(end - (data + at)) : len - at;
		add(set, data + at, n);
		at += n + 1;
	}
	if (set->count && answer_from_rrset(&q, set, &answer) == 0) {
		int r = attested_read(answer, &a);
		assert(r == 0 || r == -ENOENT);
		assert(r || a.min >= 0);
		assert(attested_read(answer, &again) == r && memcmp(a.key, again.key, sizeof(a.key)) == 0);
		answer_unref(answer);
	}
	rrset_destroy(set);
	return 0;
}
