/* What a server has said a moment ago, to be said again.
 *
 * While it is not known whether a server strips DNSSEC libunbound asks in two contexts, which share
 * nothing: for the root's keys in both, and whatever could not be validated once more without. The
 * server is sent each question once. */
#ifndef RESOLVER_KEPT_ANSWERS_H
#define RESOLVER_KEPT_ANSWERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define KEPT_ANSWERS_MAX 64	  /* the oldest goes: what is asked again is asked soon */
#define KEPT_ANSWERS_LEN_MAX 4096 /* of question and answer */

struct kept_answers {
	uint64_t until; /* of clock_monotonic */
	unsigned next;
	struct kept_answer {
		uint8_t *bytes; /* the question's message, then the answer's */
		size_t question_len, len;
	} list[KEPT_ANSWERS_MAX];
};

/* Zeroed at first. What is there is forgotten at `until`, or when the next question comes. */
void kept_answers_until(struct kept_answers *kept, uint64_t until);
bool kept_answers_are_on(struct kept_answers *kept);
void kept_answers_clear(struct kept_answers *kept);

/* Is what is said to `a` an answer to `b`? Whole messages, of which the id does not count. What the
 * server has checked is good for who checks himself, but not the other way about. */
bool kept_answers_same(const uint8_t *a, size_t a_len, const uint8_t *b, size_t b_len);

/* What is too long, or finds no memory, is not kept. */
void kept_answers_add(struct kept_answers *kept, const uint8_t *question, size_t question_len,
	const uint8_t *answer, size_t len);
/* NULL: nothing was said to that. */
const uint8_t *kept_answers_find(
	struct kept_answers *kept, const uint8_t *question, size_t len, size_t *ret_len);

#endif
