/* Lines out of a pipe. */
#include "resolver/child_words.h"

#include <errno.h>
#include <event2/event.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define WORDS_LINE 1000
/* Reads in one turn: a child that prints without end must not keep the loop. */
#define WORDS_BURST 8

struct child_words {
	struct event *readable;
	int fd;
	child_words_fn *fn;
	void *ctx;
	size_t len;
	char line[WORDS_LINE + 1];
};

static void end_line(struct child_words *w)
{
	w->line[w->len] = '\0';
	if (w->len)
		w->fn(w->ctx, w->line);
	w->len = 0;
}

static void take(struct child_words *w, const char *bytes, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (bytes[i] == '\n')
			end_line(w);
		else if (w->len < WORDS_LINE) /* the rest of a longer one is dropped */
			w->line[w->len++] = bytes[i] ? bytes[i] : '?';
	}
}

/* True while there may be more. */
static bool hear(struct child_words *w)
{
	char bytes[512];
	for (int i = 0; i < WORDS_BURST; i++) {
		ssize_t n = read(w->fd, bytes, sizeof(bytes));
		if (n < 0)
			return errno == EAGAIN || errno == EINTR;
		if (n == 0)
			return false;
		take(w, bytes, (size_t)n);
	}
	return true;
}

static void on_readable(evutil_socket_t fd, short what, void *ctx)
{
	struct child_words *w = ctx;
	(void)fd;
	(void)what;
	if (!hear(w))
		event_del(w->readable);
}

struct child_words *child_words_create(
	struct event_base *base, int fd, child_words_fn *fn, void *ctx)
{
	struct child_words *w = calloc(1, sizeof(*w));
	if (!w) {
		close(fd);
		return NULL;
	}
	w->fd = fd;
	w->fn = fn;
	w->ctx = ctx;
	w->readable = event_new(base, fd, EV_READ | EV_PERSIST, on_readable, w);
	if (!w->readable || event_add(w->readable, NULL) < 0) {
		child_words_destroy(w);
		return NULL;
	}
	return w;
}

void child_words_destroy(struct child_words *w)
{
	if (!w)
		return;
	hear(w);
	end_line(w);
	if (w->readable)
		event_free(w->readable);
	close(w->fd);
	free(w);
}
