/* A small table, by the answer's address: the reference that a slot holds keeps that from being
 * another's. */
#include "fs/memo.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fs/version.h"
#include "resolver/answer.h"
#include "resolver/json.h"

struct slot {
	const struct answer *answer;
	struct memo_text *text;
	uint64_t version; /* 0: not asked for yet */
};

struct memo {
	uint64_t seed;
	struct slot slots[MEMO_SLOTS];
	/* The last text that was too long for a slot, or whose answer is too large. */
	struct memo_text *longer;
};

struct memo_text *memo_text_ref(struct memo_text *text)
{
	text->refs++;
	return text;
}

void memo_text_unref(struct memo_text *text)
{
	if (!text || --text->refs)
		return;
	free(text->bytes);
	free(text);
}

int memo_create(uint64_t seed, struct memo **ret_memo)
{
	struct memo *memo = calloc(1, sizeof(*memo));
	if (!memo)
		return -ENOMEM;
	memo->seed = seed;
	*ret_memo = memo;
	return 0;
}

static void clear(struct slot *s)
{
	answer_unref(s->answer);
	memo_text_unref(s->text);
	*s = (struct slot){0};
}

void memo_destroy(struct memo *memo)
{
	if (!memo)
		return;
	for (size_t i = 0; i < MEMO_SLOTS; i++)
		clear(&memo->slots[i]);
	memo_text_unref(memo->longer);
	free(memo);
}

/* malloc's addresses are multiples of 16, and an answer is some hundred bytes apart from the next.
 */
static size_t slot_of(const struct answer *a)
{
	uintptr_t n = (uintptr_t)a >> 4;
	return (n ^ n >> 8) % MEMO_SLOTS;
}

/* Of an own record, how far it has come: of interest to who has written it, and to nobody who asks
 * through a door. */
static int write_text(const struct answer *a, struct memo_text **ret_text)
{
	char extra[128] = "";
	if (a->source == SOURCE_OWN && a->goes_out)
		snprintf(extra, sizeof(extra), "\"replicas\":%u,\"published\":%lld,\"next\":%lld",
			a->replicas, (long long)a->published, (long long)a->next);
	struct memo_text *text = malloc(sizeof(*text));
	if (!text)
		return -ENOMEM;
	int r = json_write(a, extra, &text->bytes, &text->len);
	if (r < 0) {
		free(text);
		return r;
	}
	text->refs = 1;
	*ret_text = text;
	return 0;
}

int memo_write(struct memo *memo, const struct answer *a, struct memo_text **ret_text)
{
	struct slot *s = &memo->slots[slot_of(a)];
	if (s->answer != a) {
		struct memo_text *text;
		int r = write_text(a, &text);
		if (r < 0)
			return r;
		if (text->len > MEMO_TEXT_MAX || answer_size(a) > MEMO_ANSWER_MAX) {
			memo_text_unref(memo->longer);
			*ret_text = memo->longer = text;
			return 0;
		}
		clear(s);
		*s = (struct slot){answer_ref(a), text, 0};
	}
	*ret_text = s->text;
	return 0;
}

uint64_t memo_version(struct memo *memo, const struct answer *a)
{
	if (!a)
		return 0;
	struct slot *s = &memo->slots[slot_of(a)];
	if (s->answer != a)
		return version_of(a, memo->seed);
	if (!s->version)
		s->version = version_of(a, memo->seed);
	return s->version;
}
