/* First signers, as each question asks for them. */
#include "resolver/signers.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "resolver/text.h"

/* A bit a name: with as many names as may be remembered (own_kept.c) one in five that nobody signed
 * costs a look at the disk's cache, some microseconds; 64 kB. */
#define FILTER_BITS (1u << 19)
/* A peek, an open and its listing look at the same few names. */
#define LATEST 64

struct signers {
	struct own *own;
	uint64_t seed;
	bool any;
	struct latest {
		struct name name; /* of length 0: nobody's place */
		bool found;
		struct pin pin;
	} latest[LATEST];
	uint64_t filter[FILTER_BITS / 64];
};

static uint64_t *word_of(struct signers *s, uint64_t hash)
{
	return &s->filter[hash % FILTER_BITS / 64];
}

static void enter(struct signers *s, const struct name *name)
{
	uint64_t hash = name_hash(name, s->seed);
	*word_of(s, hash) |= UINT64_C(1) << hash % 64;
	s->any = true;
}

const struct pin *signers_find(struct signers *s, const struct name *name)
{
	uint8_t key[NAME_KEY_LEN];
	if (!s->any)
		return NULL;
	uint64_t hash = name_hash(name, s->seed);
	/* What is read under a key must leave the pin in peace by which it is read. */
	if (!(*word_of(s, hash) >> hash % 64 & 1) || name_key(name, key))
		return NULL;
	struct latest *l = &s->latest[hash % LATEST];
	if (!l->name.len || !name_equal(&l->name, name)) {
		int r = own_first_signer(s->own, name, l->pin.key);
		l->name.len = 0;
		if (r < 0 && r != -ENOENT)
			return NULL;
		l->name = *name;
		l->found = r == 0;
		l->pin.suffix = (struct name){.len = 1};
	}
	return l->found ? &l->pin : NULL;
}

static void forget_latest(struct signers *s, const struct name *name)
{
	s->latest[name_hash(name, s->seed) % LATEST].name.len = 0;
}

void signers_remember(struct signers *s, const struct name *name, const uint8_t key[NAME_KEY_LEN])
{
	if (own_remember_signer(s->own, name, key) < 0)
		return;
	enter(s, name);
	forget_latest(s, name);
}

/* The filter keeps its bit: it is shared. */
int signers_forget(struct signers *s, const struct name *name)
{
	int r = own_forget_signer(s->own, name);
	forget_latest(s, name);
	return r;
}

static int write_one(void *ctx, const struct name *name, const uint8_t key[NAME_KEY_LEN])
{
	char text[NAME_TEXT_MAX], key_text[NAME_KEY_TEXT + 1];
	struct text *t = ctx;
	key_to_text(key, key_text);
	name_to_text(name, text);
	text_puts(t, key_text);
	text_puts(t, " ");
	text_puts(t, text);
	text_puts(t, "\n");
	return 0;
}

void signers_write(const struct signers *s, struct text *t)
{
	if (own_each_signer(s->own, write_one, t) < 0)
		t->failed = true;
}

/* ---- life ---- */

static int load(void *ctx, const struct name *name, const uint8_t key[NAME_KEY_LEN])
{
	(void)key;
	enter(ctx, name);
	return 0;
}

int signers_create(struct own *own, struct signers **ret_signers)
{
	struct signers *s = calloc(1, sizeof(*s));
	if (!s)
		return -ENOMEM;
	s->own = own;
	int r = getrandom(&s->seed, sizeof(s->seed), 0) == sizeof(s->seed) ? 0 : -EIO;
	if (r == 0)
		r = own_each_signer(own, load, s);
	if (r < 0) {
		signers_destroy(s);
		return r;
	}
	*ret_signers = s;
	return 0;
}

void signers_destroy(struct signers *s)
{
	free(s);
}
