/* Seeds as text. */
#include "fs/secret.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "fs/fs.h"
#include "fs/log.h"
#include "resolver/clock.h"

struct secret_draft {
	size_t len;
	bool counted; /* nothing but white space may follow */
	bool refused;
	char text[SECRET_INPUT_MAX];
};

static int digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static bool read_hex(const char *text, size_t len, uint8_t *ret_bytes)
{
	for (size_t i = 0; i < len; i++) {
		int high = digit(text[2 * i]), low = digit(text[2 * i + 1]);
		if (high < 0 || low < 0)
			return false;
		ret_bytes[i] = (uint8_t)(high << 4 | low);
	}
	return true;
}

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

int secret_from_text(const char *text, size_t len, struct secret *ret_secret)
{
	const size_t seed = 2 * SIGNER_SEED_LEN;
	while (len && is_space(text[len - 1]))
		len--;
	while (len && is_space(text[0])) {
		text++;
		len--;
	}
	ret_secret->has_key = len > seed;
	if (len != seed && len != seed + 2 * NAME_KEY_LEN)
		return -EINVAL;
	if (!read_hex(text, SIGNER_SEED_LEN, ret_secret->seed) ||
		(ret_secret->has_key && !read_hex(text + seed, NAME_KEY_LEN, ret_secret->key)))
		return -EINVAL;
	return 0;
}

void secret_to_text(const uint8_t seed[SIGNER_SEED_LEN], char ret_text[SECRET_TEXT])
{
	static const char digits[] = "0123456789abcdef";
	for (size_t i = 0; i < SIGNER_SEED_LEN; i++) {
		ret_text[2 * i] = digits[seed[i] >> 4];
		ret_text[2 * i + 1] = digits[seed[i] & 15];
	}
	ret_text[SECRET_TEXT - 1] = '\n';
}

int secret_may(const struct fs *fs, uid_t uid)
{
	return uid == 0 && !fs->root_secrets ? -EACCES : 0;
}

int secret_read(const struct fs *fs, uid_t uid, char ret_text[SECRET_TEXT])
{
	uint8_t seed[SIGNER_SEED_LEN];
	int r = publish_secret(fs->publisher, uid, seed);
	if (r == 0)
		secret_to_text(seed, ret_text);
	explicit_bzero(seed, sizeof(seed));
	return r;
}

/* ---- writing ---- */

int secret_draft_create(struct secret_draft **ret_draft)
{
	*ret_draft = calloc(1, sizeof(**ret_draft));
	return *ret_draft ? 0 : -ENOMEM;
}

void secret_draft_clear(struct secret_draft *d)
{
	explicit_bzero(d, sizeof(*d));
}

void secret_draft_destroy(struct secret_draft *d)
{
	if (d)
		secret_draft_clear(d);
	free(d);
}

/* Of a form that has it: the public key must be the seed's, or half of it was mistyped. */
static int check_key(struct fs *fs, const struct secret *secret)
{
	uint8_t key[NAME_KEY_LEN];
	int r = secret->has_key ? publish_public(fs->publisher, secret->seed, key) : 0;
	return r == 0 && secret->has_key && memcmp(key, secret->key, sizeof(key)) != 0 ? -EINVAL
										       : r;
}

/* The loop waits for some syncs of the key's file: whoever has had more than his share of such time
 * lately waits himself. */
static int import(struct fs *fs, uid_t uid, const struct secret *secret)
{
	uint64_t begin = clock_monotonic();
	if (pace_wait(&fs->pace, uid, begin))
		return -EAGAIN;
	int r = check_key(fs, secret);
	if (r == 0)
		r = publish_import(fs->publisher, uid, secret->seed);
	uint64_t end = clock_monotonic();
	pace_spent(&fs->pace, uid, end - begin, end);
	return r;
}

static int count(struct secret_draft *d, struct fs *fs, uid_t uid)
{
	struct secret secret;
	int r = secret_from_text(d->text, d->len, &secret);
	if (r == 0)
		r = import(fs, uid, &secret);
	explicit_bzero(&secret, sizeof(secret));
	if (r == -EAGAIN) /* nothing is wrong with it: it stays, and the next that comes tries again */
		return r;
	secret_draft_clear(d);
	d->counted = true;
	d->refused = r < 0;
	if (r < 0)
		log_line_of(uid, LOG_NOTICE, "key of uid %u: what was written is refused: %s",
			(unsigned)uid,
			r == -EBUSY ? "its records must have been told of the new key first"
				    : strerror(-r));
	else
		log_line_of(
			uid, LOG_NOTICE, "key of uid %u: taken from .kadns/secret", (unsigned)uid);
	return r;
}

int secret_draft_write(
	struct secret_draft *d, struct fs *fs, uid_t uid, const char *bytes, size_t len)
{
	if (d->refused)
		return -EINVAL;
	bool more = false;
	for (size_t i = 0; d->counted && i < len; i++)
		more |= !is_space(bytes[i]);
	if (more || (!d->counted && len > sizeof(d->text) - d->len)) {
		secret_draft_clear(d);
		d->refused = true;
		return -EINVAL;
	}
	if (d->counted)
		return 0;
	memcpy(d->text + d->len, bytes, len);
	d->len += len;
	int r = memchr(bytes, '\n', len) ? count(d, fs, uid) : 0;
	if (r == -EAGAIN) { /* a write that fails has taken nothing, and may be made once more */
		d->len -= len;
		explicit_bzero(d->text + d->len, len);
	}
	return r;
}

int secret_draft_close(struct secret_draft *d, struct fs *fs, uid_t uid)
{
	return d->len && !d->counted && !d->refused ? count(d, fs, uid) : 0;
}
