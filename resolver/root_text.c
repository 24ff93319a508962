/* Root hints and trust anchors as text. */
#include "resolver/root_text.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

static int read_all(int fd, char *text, size_t max)
{
	size_t len = 0;

	for (;;) {
		ssize_t n = read(fd, text + len, max + 1 - len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		len += (size_t)n;
		if (len > max)
			return -EFBIG;
		if (n == 0)
			break;
	}
	text[len] = '\0';
	return strlen(text) == len ? 0 : -EINVAL;
}

int root_text_read(const char *path, size_t max, char **ret_text)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY), r;
	char *text;

	if (fd < 0)
		return -errno;
	text = malloc(max + 1);
	r = text ? read_all(fd, text, max) : -ENOMEM;
	close(fd);
	if (r) {
		free(text);
		return r;
	}
	*ret_text = text;
	return 0;
}

/* Where an entry is being put together. */
struct entry {
	char *text;
	size_t len;
	bool too_long;
};

static void put_word(struct entry *e, const char *word, size_t len)
{
	if (len + 2 > ROOT_TEXT_ENTRY_MAX - e->len) {
		e->too_long = true;
		return;
	}
	if (e->len)
		e->text[e->len++] = ' ';
	memcpy(e->text + e->len, word, len);
	e->len += len;
	e->text[e->len] = '\0';
}

/* To the end of the line, or of the last one that its parentheses make one. */
static int read_entry(const char **text, struct entry *e)
{
	const char *at = *text;
	int open = 0;

	while (*at && (*at != '\n' || open)) {
		size_t len = strcspn(at, " \t\r\n();");

		if (*at == ';')
			at += strcspn(at, "\n");
		else if (len)
			put_word(e, at, len), at += len;
		else if ((open += *at == '(' ? 1 : *at == ')' ? -1 : 0) < 0)
			return -EINVAL;
		else
			at++;
	}
	*text = at + (*at == '\n');
	return open || e->too_long ? -EINVAL : 0;
}

int root_text_next(const char **text, char entry[ROOT_TEXT_ENTRY_MAX])
{
	while (**text) {
		bool owns = !isspace((unsigned char)**text);
		struct entry e = {.text = entry};
		int r;

		entry[0] = '\0';
		if (!owns)
			put_word(&e, ".", 1);
		r = read_entry(text, &e);
		if (r)
			return r;
		if (e.len > (owns ? 0 : 1) && entry[0] != '$')
			return 1;
	}
	return 0;
}

const char *root_text_address(const char *entry)
{
	const char *last = strrchr(entry, ' '), *type = last;

	if (!last)
		return NULL;
	while (type > entry && type[-1] != ' ')
		type--;
	if (strncasecmp(type, "A ", 2) != 0 && strncasecmp(type, "AAAA ", 5) != 0)
		return NULL;
	return last + 1;
}
