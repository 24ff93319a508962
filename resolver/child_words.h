/* What a child prints on its stderr, line by line, for the log of its parent: the child parses
 * what strangers send, so its words are no more to be trusted than theirs. */
#ifndef RESOLVER_CHILD_WORDS_H
#define RESOLVER_CHILD_WORDS_H

struct event_base;
struct child_words;

/* One line without its newline, no NUL in it, any other byte; cut at 1000 bytes. */
typedef void child_words_fn(void *ctx, const char *line);

/* Takes the descriptor, which is non-blocking. NULL when there is no memory (it is closed). */
struct child_words *child_words_create(
	struct event_base *base, int fd, child_words_fn *fn, void *ctx);
/* Says what is still in the pipe, then frees. NULL is fine. */
void child_words_destroy(struct child_words *w);

#endif
