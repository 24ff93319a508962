/* The words of a line. */
#include "resolver/word.h"

#include <stdbool.h>

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

const char *word_next(const char *at, const char *end, size_t *ret_len)
{
	const char *start;

	while (at < end && is_blank(*at))
		at++;
	start = at;
	while (at < end && !is_blank(*at))
		at++;
	*ret_len = (size_t)(at - start);
	return start;
}
