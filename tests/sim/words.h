/* A line of a scenario, word by word. Whatever is wrong with it is said with file and line, and
 * ends the program: a scenario that is not understood must not pass. */
#ifndef SIM_WORDS_H
#define SIM_WORDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WORDS_MAX 32

struct words {
	const char *file;
	unsigned line;
	char *list[WORDS_MAX];
	size_t len, next;
};

enum unit { UNIT_PLAIN, UNIT_PERCENT, UNIT_TIME }; /* 20; 1% is 0.01; microseconds */

struct value {
	double number;
	enum unit unit;
};

/* Cuts the line, which lives on, into words; what follows a # is for people. */
void words_cut(struct words *w, char *line);
_Noreturn void words_fail(const struct words *w, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
bool words_over(const struct words *w);
void words_end(const struct words *w); /* nothing must be left */
/* The next word is this one, and is taken. */
bool words_take(struct words *w, const char *word);
const char *words_next(struct words *w, const char *what); /* `what` was wanted */

/* "20", "1.5%", "20ms", "10min", "1h", "10y"; s, d too. */
struct value words_value(struct words *w, const char *what);
double words_of_unit(struct words *w, const char *what, enum unit unit);
/* A whole number from min to max. */
uint64_t words_count(struct words *w, const char *what, uint64_t min, uint64_t max);
/* As words_value reads it. */
#define VALUE_TEXT 32
void value_to_text(const struct value *v, char ret_text[VALUE_TEXT]);

#endif
