/* What was refused to whom: a shell's echo says "Invalid argument" and no more, so the reason of a
 * user's last refused write of a name stands in .kadns/explain until a write of his is good.
 *
 * Fixed in size: an entry may be pushed out by another, which costs an explanation and nothing
 * else. */
#ifndef FS_REFUSAL_H
#define FS_REFUSAL_H

#include <sys/types.h>

#include "resolver/question.h"

#define REFUSALS 512u /* a power of two; 16 kB */

struct refusal {
	uint64_t who; /* 64 keyed bits stand for question and user; 0: nothing */
	int64_t time; /* seconds since 1970 */
	int error;
	const char *why; /* static text, may be "" */
};

struct refusals {
	uint64_t seed; /* secret: who chooses names must not choose whom he pushes out */
	struct refusal table[REFUSALS];
};

/* `why` is kept as it is: static text, or "". */
struct refused {
	int error;
	const char *why;
};
void refusal_note(
	struct refusals *r, const struct question *q, uid_t uid, const struct refused *what);
void refusal_forget(struct refusals *r, const struct question *q, uid_t uid);
/* NULL: nothing is known. */
const struct refusal *refusal_find(const struct refusals *r, const struct question *q, uid_t uid);
/* The line of explain: `write: ERRNO (words): why, at TIME`, with its newline; its length. */
#define REFUSAL_LINE_MAX 512
size_t refusal_line(const struct refusal *refusal, char ret_line[REFUSAL_LINE_MAX]);

#endif
