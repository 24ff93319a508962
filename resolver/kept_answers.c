/* A ring of messages, and a look at all of them. */
#include "resolver/kept_answers.h"

#include <stdlib.h>
#include <string.h>

#include "resolver/clock.h"
#include "resolver/packet.h"

void kept_answers_clear(struct kept_answers *kept)
{
	for (size_t i = 0; i < KEPT_ANSWERS_MAX; i++)
		free(kept->list[i].bytes);
	*kept = (struct kept_answers){0};
}

void kept_answers_until(struct kept_answers *kept, uint64_t until)
{
	kept->until = until;
}

bool kept_answers_are_on(struct kept_answers *kept)
{
	if (kept->until && clock_monotonic() >= kept->until)
		kept_answers_clear(kept);
	return kept->until;
}

bool kept_answers_same(const uint8_t *a, size_t a_len, const uint8_t *b, size_t b_len)
{
	return a_len == b_len && a_len >= PACKET_HEADER && a[2] == b[2] &&
	       (a[3] & ~FLAG_CD) == (b[3] & ~FLAG_CD) && !(a[3] & ~b[3] & FLAG_CD) &&
	       memcmp(a + 4, b + 4, a_len - 4) == 0;
}

void kept_answers_add(struct kept_answers *kept, const uint8_t *question, size_t question_len,
	const uint8_t *answer, size_t len)
{
	struct kept_answer *k = &kept->list[kept->next % KEPT_ANSWERS_MAX];
	uint8_t *bytes = len <= KEPT_ANSWERS_LEN_MAX - question_len ? malloc(question_len + len)
								    : NULL;

	if (!bytes)
		return;
	free(k->bytes);
	memcpy(bytes, question, question_len);
	memcpy(bytes + question_len, answer, len);
	*k = (struct kept_answer){.bytes = bytes, .question_len = question_len, .len = len};
	kept->next++;
}

const uint8_t *kept_answers_find(
	struct kept_answers *kept, const uint8_t *question, size_t len, size_t *ret_len)
{
	for (size_t i = 0; i < KEPT_ANSWERS_MAX; i++) {
		const struct kept_answer *k = &kept->list[i];

		if (!k->bytes || !kept_answers_same(k->bytes, k->question_len, question, len))
			continue;
		*ret_len = k->len;
		return k->bytes + k->question_len;
	}
	return NULL;
}
