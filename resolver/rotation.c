/* What a zone says of the key that comes after its own. */
#include "resolver/rotation.h"

#include <string.h>

#include "resolver/hash.h"
#include "resolver/resolver_inside.h"
#include "resolver/zone_pages.h"

#define WORD "next="
#define WORD_LEN (sizeof(WORD) - 1)

/* One string, of which later times may say more behind a space. */
static bool read_next(const uint8_t *rdata, size_t len, uint8_t ret_key[NAME_KEY_LEN])
{
	size_t text = len ? rdata[0] : 0, all = WORD_LEN + NAME_KEY_TEXT;

	if (text < all || text + 1 > len || memcmp(rdata + 1, WORD, WORD_LEN) != 0)
		return false;
	if (text > all && rdata[1 + all] != ' ')
		return false;
	return key_from_text((const char *)rdata + 1 + WORD_LEN, NAME_KEY_TEXT, ret_key) == 0;
}

bool rotation_next(const struct rrset *set, uint8_t ret_key[NAME_KEY_LEN])
{
	uint8_t key[NAME_KEY_LEN];
	const uint8_t *rdata;
	size_t cursor = 0, len;
	bool found = false;

	while (rrset_next(set, &cursor, &rdata, &len)) {
		if (!read_next(rdata, len, key))
			continue;
		if (found && memcmp(key, ret_key, sizeof(key)) != 0)
			return false;
		memcpy(ret_key, key, sizeof(key));
		found = true;
	}
	return found;
}

/* From memory: an own record, or what a zone that was read has said. */
static bool next_of(
	struct resolver *r, const uint8_t key[NAME_KEY_LEN], uint8_t ret_key[NAME_KEY_LEN])
{
	const struct answer *a;
	struct question q;
	struct rrset *set;
	bool found;

	pages_question(key, &q);
	a = resolver_peek(r, &q, VIEW_DOOR);
	/* With dht=off names under keys come from upstream: no signature of the key vouches for it.
	 */
	if (!a || a->error || a->source == SOURCE_DNS || answer_cnames(a, NULL, 0) ||
		answer_rrset(a, &set) < 0)
		return false;
	found = rotation_next(set, ret_key);
	rrset_destroy(set);
	return found;
}

static struct rotation_note *note_of(struct resolver *r, const uint8_t next[NAME_KEY_LEN])
{
	return &r->rotated[hash_bytes(next, NAME_KEY_LEN, r->seed) % ROTATION_NOTES];
}

static void note(
	struct resolver *r, const uint8_t key[NAME_KEY_LEN], const uint8_t next[NAME_KEY_LEN])
{
	struct rotation_note *n = note_of(r, next);

	memcpy(n->key, key, NAME_KEY_LEN);
	memcpy(n->next, next, NAME_KEY_LEN);
}

bool rotation_before(
	struct resolver *r, const uint8_t key[NAME_KEY_LEN], uint8_t ret_key[NAME_KEY_LEN])
{
	const struct rotation_note *n = note_of(r, key);
	uint8_t next[NAME_KEY_LEN];

	if (memcmp(n->next, key, NAME_KEY_LEN) != 0 || !next_of(r, n->key, next) ||
		memcmp(next, key, NAME_KEY_LEN) != 0)
		return false;
	memcpy(ret_key, n->key, NAME_KEY_LEN);
	return true;
}

unsigned rotation_follow(
	struct resolver *r, const uint8_t key[NAME_KEY_LEN], uint8_t ret_key[NAME_KEY_LEN])
{
	uint8_t keys[ROTATION_MAX + 1][NAME_KEY_LEN];
	unsigned len = 0;

	memcpy(keys[0], key, NAME_KEY_LEN);
	while (len < ROTATION_MAX && next_of(r, keys[len], keys[len + 1])) {
		for (unsigned i = 0; i <= len; i++)
			if (memcmp(keys[i], keys[len + 1], NAME_KEY_LEN) == 0)
				goto out;
		note(r, keys[len], keys[len + 1]);
		len++;
	}
out:
	memcpy(ret_key, keys[len], NAME_KEY_LEN);
	return len;
}
