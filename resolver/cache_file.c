/* The cache's file: a line that names the format, whom the answers are of (8 bytes), then for each of
 * them when it came (8, seconds since 1970), the length of its message (2), and the message with its
 * DNSSEC records. */
#include "resolver/cache_file.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "resolver/clock.h"
#include "resolver/state_file.h"

static const char magic[] = "kadns cache 2\n";
#define MAGIC_LEN (sizeof(magic) - 1)
#define FILE_HEAD (MAGIC_LEN + 8)
#define ENTRY_HEAD 10

/* ---- reading ---- */

/* NULL: it says nothing any more, or never did. */
static struct answer *read_entry(const uint8_t *message, size_t len, int64_t age)
{
	struct packet_reader reader;
	struct question q;
	struct answer *a;
	if (packet_open(&reader, message, len) < 0 || packet_question(&reader, &q, NULL) < 0 ||
		answer_from_message(&q, message, len, &a) < 0)
		return NULL;
	if (a->error || age < 0 || age >= a->ttl) {
		answer_unref(a);
		return NULL;
	}
	answer_age(a, (uint32_t)age);
	a->ede = EDE_INDETERMINATE; /* nobody validates what comes from a file */
	return a;
}

size_t cache_file_parse(const uint8_t *bytes, size_t len, const struct cache_file_here *here,
	cache_file_fn *fn, void *ctx)
{
	size_t found = 0, at = FILE_HEAD;
	if (len < FILE_HEAD || memcmp(bytes, magic, MAGIC_LEN) != 0 ||
		state_file_get(bytes + MAGIC_LEN, 8) != here->upstream)
		return 0;
	while (len - at >= ENTRY_HEAD) {
		uint64_t came = state_file_get(bytes + at, 8);
		size_t message_len = state_file_get(bytes + at + 8, 2);
		at += ENTRY_HEAD;
		if (message_len > len - at)
			break;
		/* A time of after now, as one of before 1970, is some other clock's. */
		bool ours = here->now >= 0 && came <= (uint64_t)here->now;
		int64_t age = ours ? here->now - (int64_t)came : -1;
		struct answer *a = read_entry(bytes + at, message_len, age);
		at += message_len;
		if (!a)
			continue;
		fn(ctx, a);
		found++;
	}
	return found;
}

int cache_file_read(const char *path, uint64_t upstream, cache_file_fn *fn, void *ctx)
{
	struct cache_file_here here = {clock_wall() / (int64_t)SECOND, upstream};
	uint8_t *bytes;
	size_t len;
	int r = state_file_read(path, CACHE_FILE_MAX, &bytes, &len);
	if (r < 0)
		return r;
	cache_file_parse(bytes, len, &here, fn, ctx);
	free(bytes);
	return 0;
}

/* ---- writing ---- */

struct writing {
	uint8_t *bytes;
	size_t len;
};

static void put_answer(void *ctx, const struct answer *a)
{
	struct writing *w = ctx;
	const struct answer_message *m = &a->message[1];
	/* A server that strips DNSSEC is of no less use after a restart. */
	if (a->validated || a->bogus || a->trust != TRUST_DNS ||
		(a->ede != EDE_NONE && a->ede != EDE_INDETERMINATE) ||
		m->len > CACHE_FILE_MAX - ENTRY_HEAD - w->len)
		return;
	state_file_put(w->bytes + w->len, (uint64_t)a->time, 8);
	state_file_put(w->bytes + w->len + 8, m->len, 2);
	memcpy(w->bytes + w->len + ENTRY_HEAD, m->bytes, m->len);
	w->len += ENTRY_HEAD + m->len;
}

int cache_file_write(const char *path, uint64_t upstream, struct cache *cache)
{
	struct writing w = {.bytes = malloc(CACHE_FILE_MAX + ENTRY_HEAD)};
	if (!w.bytes)
		return -ENOMEM;
	memcpy(w.bytes, magic, MAGIC_LEN);
	state_file_put(w.bytes + MAGIC_LEN, upstream, 8);
	w.len = FILE_HEAD;
	cache_each_used(cache, clock_monotonic(), put_answer, &w);
	int r = state_file_write(path, w.bytes, w.len);
	free(w.bytes);
	return r;
}
