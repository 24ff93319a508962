/* Counters to the log: as many as go into a line. */
#include "fs/counters.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fs/log.h"

#define LINE_MAX_LEN 400 /* readable, and whole in any system's log */

struct line {
	char text[LOG_LINE_MAX];
	size_t len;
};

static void say(struct line *line)
{
	if (line->len)
		log_asked(line->text);
	line->len = 0;
}

/* One of `name    value`, the blanks between them made one. */
static void add(struct line *line, const char *counter, size_t len)
{
	size_t name = strcspn(counter, " \n"), value = name;
	while (value < len && counter[value] == ' ')
		value++;
	if (line->len + len >= LINE_MAX_LEN)
		say(line);
	int n = snprintf(line->text + line->len, sizeof(line->text) - line->len, "%s%.*s %.*s",
		line->len ? ", " : "counters: ", (int)name, counter, (int)(len - value),
		counter + value);
	line->len += n > 0 && (size_t)n < sizeof(line->text) - line->len ? (size_t)n : 0;
}

void counters_log(struct resolver *r)
{
	struct line line = {.len = 0};
	char *text;
	size_t len;
	if (resolver_status(r, &text, &len) < 0) {
		log_line(LOG_ERR, "counters: no memory");
		return;
	}
	for (const char *at = text, *end; (end = memchr(at, '\n', (size_t)(text + len - at)));
		at = end + 1)
		add(&line, at, (size_t)(end - at));
	say(&line);
	free(text);
}
