/* The texts of answers shown lately, and their versions. Writing a line of JSON is most of the work
 * of an open; an answer is immutable, so as long as it is the same answer it is the same text. */
#ifndef FS_MEMO_H
#define FS_MEMO_H

#include <stddef.h>
#include <stdint.h>

struct answer;
struct memo;

/* A slot keeps a line and its answer alive, with both of its messages and its trace: 256 times 12
 * kB, 3 MB at worst. What is larger is written anew each time; of that the last text is kept, which
 * somebody may still be asking for. */
#define MEMO_SLOTS 256
#define MEMO_TEXT_MAX 4096
#define MEMO_ANSWER_MAX 8192

/* A text, and who shows it: the slot, and each open file that has it as its snapshot. */
struct memo_text {
	size_t len;
	unsigned refs;
	char *bytes;
};
struct memo_text *memo_text_ref(struct memo_text *text);
void memo_text_unref(struct memo_text *text); /* NULL is fine */

int memo_create(uint64_t seed, struct memo **ret_memo); /* the seed is that of versions */
void memo_destroy(struct memo *memo);
/* What json_write says of an answer, and of an own record how far it has come; borrowed until the
 * next call, or by a reference of one's own. Its errors: those of json_write. */
int memo_write(struct memo *memo, const struct answer *a, struct memo_text **ret_text);
/* Which version it is (fs/version); NULL: there is nothing, 0. */
uint64_t memo_version(struct memo *memo, const struct answer *a);

#endif
