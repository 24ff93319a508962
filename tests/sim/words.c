/* A line of a scenario, word by word. */
#include "tests/sim/words.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
	const char *name;
	double factor;
	enum unit unit;
} units[] = {
	{"", 1, UNIT_PLAIN},
	{"%", 0.01, UNIT_PERCENT},
	{"ms", 1e3, UNIT_TIME},
	{"s", 1e6, UNIT_TIME},
	{"min", 60e6, UNIT_TIME},
	{"h", 3600e6, UNIT_TIME},
	{"d", 86400e6, UNIT_TIME},
	{"y", 365.25 * 86400e6, UNIT_TIME},
};

void words_cut(struct words *w, char *line)
{
	char *rest = line;
	w->len = w->next = 0;
	line[strcspn(line, "#\n")] = '\0';
	for (char *word; (word = strtok_r(rest, " \t\r", &rest));) {
		if (w->len == WORDS_MAX)
			words_fail(w, "more than %d words", WORDS_MAX);
		w->list[w->len++] = word;
	}
}

void words_fail(const struct words *w, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	fflush(stdout);
	fprintf(stderr, "%s:%u: ", w->file, w->line);
	vfprintf(stderr, format, args);
	fputc('\n', stderr);
	va_end(args);
	exit(2);
}

bool words_over(const struct words *w)
{
	return w->next == w->len;
}

void words_end(const struct words *w)
{
	if (!words_over(w))
		words_fail(w, "\"%s\" is not understood here", w->list[w->next]);
}

bool words_take(struct words *w, const char *word)
{
	if (words_over(w) || strcmp(w->list[w->next], word))
		return false;
	w->next++;
	return true;
}

const char *words_next(struct words *w, const char *what)
{
	if (words_over(w))
		words_fail(w, "%s is missing", what);
	return w->list[w->next++];
}

struct value words_value(struct words *w, const char *what)
{
	const char *text = words_next(w, what);
	char *end;
	double number = strtod(text, &end);
	if (end != text)
		for (size_t i = 0; i < sizeof(units) / sizeof(*units); i++)
			if (!strcmp(end, units[i].name))
				return (struct value){number * units[i].factor, units[i].unit};
	words_fail(w, "\"%s\" is not %s", text, what);
}

double words_of_unit(struct words *w, const char *what, enum unit unit)
{
	struct value v = words_value(w, what);
	if (v.unit != unit)
		words_fail(w, "\"%s\" is not %s", w->list[w->next - 1], what);
	return v.number;
}

uint64_t words_count(struct words *w, const char *what, uint64_t min, uint64_t max)
{
	double number = words_of_unit(w, what, UNIT_PLAIN);
	if (number < (double)min || number > (double)max || number != (double)(uint64_t)number)
		words_fail(w, "\"%s\" is not %s", w->list[w->next - 1], what);
	return (uint64_t)number;
}

void value_to_text(const struct value *v, char ret_text[VALUE_TEXT])
{
	switch (v->unit) {
	case UNIT_PLAIN:
		snprintf(ret_text, VALUE_TEXT, "%.4g", v->number);
		break;
	case UNIT_PERCENT:
		snprintf(ret_text, VALUE_TEXT, "%.4g%%", v->number * 100);
		break;
	case UNIT_TIME:
		snprintf(ret_text, VALUE_TEXT, "%.0fms", v->number / 1e3);
		break;
	}
}
