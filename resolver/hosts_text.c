/* The text of a hosts file, read line by line, as much at once as is wanted. */
#include "resolver/hosts_inside.h"
#include "resolver/word.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define LINE_MAX_BYTES 4096 /* a line of a real one has some dozen names */

/* An address of 4 or 16 bytes; 0: none. One with a scope means an interface, which DNS cannot say.
 */
static size_t read_address(const char *word, size_t len, uint8_t ret_ip[16])
{
	char text[INET6_ADDRSTRLEN];

	if (len >= sizeof(text))
		return 0;
	memcpy(text, word, len);
	text[len] = '\0';
	if (strlen(text) != len)
		return 0;
	if (inet_pton(AF_INET, text, ret_ip) == 1)
		return 4;
	return inet_pton(AF_INET6, text, ret_ip) == 1 ? 16 : 0;
}

/* A host name as hosts(5) has it, and '_', which some have: no escapes. */
static bool read_name(const char *word, size_t len, struct name *ret_name)
{
	uint8_t key[NAME_KEY_LEN];

	for (size_t i = 0; i < len; i++) {
		char c = word[i];

		if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
			    c == '-' || c == '_' || c == '.'))
			return false;
	}
	return name_from_text(word, len, ret_name) == 0 && ret_name->len > 1 &&
	       !name_key(ret_name, key);
}

struct hosts_reading {
	const char *at, *end; /* what is left of the text */
	struct hosts_table *table;
	struct hosts_passed passed;
	size_t line;
};

static void pass_over(struct hosts_reading *r)
{
	r->passed.lines++;
	if (r->passed.first == 0)
		r->passed.first = r->line;
}

/* 0, or -ENOMEM. */
static int read_line(struct hosts_reading *r, const char *line, const char *end)
{
	const char *comment = memchr(line, '#', (size_t)(end - line)), *word;
	uint8_t ip[16];
	size_t len, ip_len;
	bool first = true, good = true;

	if (comment)
		end = comment;
	word = word_next(line, end, &len);
	if (len == 0)
		return 0;
	ip_len = read_address(word, len, ip);
	good = ip_len > 0 && end - line <= LINE_MAX_BYTES;
	for (word = word_next(word + len, end, &len); good && len;
		word = word_next(word + len, end, &len)) {
		struct name name;
		int e;

		good = read_name(word, len, &name);
		e = good ? hosts_table_add(r->table, &name, ip, ip_len, first) : 0;
		if (e == -ENOMEM)
			return e;
		if (e == -E2BIG)
			r->passed.left_out++;
		first = false;
	}
	if (!good || first)
		pass_over(r);
	return 0;
}

/* As many as there are names, for most files: then no table is ever moved under way, all at once.
 */
static size_t count_lines(const char *text, const char *end)
{
	size_t lines = 1;

	while (lines < HOSTS_PAIRS_MAX && (text = memchr(text, '\n', (size_t)(end - text)))) {
		text++;
		lines++;
	}
	return lines;
}

int hosts_reading_begin(
	const char *text, size_t len, uint64_t seed, struct hosts_reading **ret_reading)
{
	struct hosts_reading *r = calloc(1, sizeof(*r));

	if (r) {
		r->at = text;
		r->end = text + len;
		r->table = hosts_table_create(seed, count_lines(r->at, r->end));
	}
	if (!r || !r->table) {
		hosts_reading_destroy(r);
		return -ENOMEM;
	}
	*ret_reading = r;
	return 0;
}

int hosts_reading_go_on(struct hosts_reading *r, size_t bytes)
{
	const char *stop = (size_t)(r->end - r->at) > bytes ? r->at + bytes : r->end;
	int e = 0;

	while (!e && r->at < stop) {
		const char *newline = memchr(r->at, '\n', (size_t)(r->end - r->at));
		const char *line_end = newline ? newline : r->end;

		r->line++;
		e = read_line(r, r->at, line_end);
		r->at = newline ? newline + 1 : r->end;
	}
	return e ? e : r->at < r->end;
}

struct hosts_table *hosts_reading_end(struct hosts_reading *r, struct hosts_passed *ret_passed)
{
	struct hosts_table *table = r->table;

	*ret_passed = r->passed;
	r->table = NULL;
	hosts_reading_destroy(r);
	return table;
}

void hosts_reading_destroy(struct hosts_reading *r)
{
	if (!r)
		return;
	hosts_table_destroy(r->table);
	free(r);
}

int hosts_parse(const char *text, size_t len, uint64_t seed, struct hosts_table **ret_table,
	struct hosts_passed *ret_passed)
{
	struct hosts_reading *r;
	int e = hosts_reading_begin(text, len, seed, &r);

	if (e)
		return e;
	e = hosts_reading_go_on(r, len);
	if (e)
		hosts_reading_destroy(r);
	else
		*ret_table = hosts_reading_end(r, ret_passed);
	return e;
}
