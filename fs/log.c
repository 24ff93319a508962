/* Levels, escaping and the rate of what the program says. */
#include "fs/log.h"

#include <errno.h>
#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fs/log_output.h"
#include "resolver/clock.h"

/* More than there are formats in the program, and users of those few that are about users. Should it
 * ever be full, the kind that was silent for longest gives its place. */
#define KINDS 112

/* Of whom a line is, where it is not of a uid. */
#define OF_NOBODY ((int64_t)-1)
#define OF_MANY ((int64_t)-2)

struct kind {
	const char *format;
	int64_t of;
	int level;
	uint64_t said;		   /* when its last line went out */
	unsigned held;		   /* how many since then did not */
	char newest[LOG_LINE_MAX]; /* the last of these, escaped */
};

static struct {
	int level;
	log_put_fn *put;
	uint64_t (*now)(void);
	struct kind kinds[KINDS];
	struct event *timer;
	bool busy; /* libevent complains through us of what we ask of it */
} state = {.level = LOG_WARNING, .put = log_to_terminal, .now = clock_awake};

/* ---- levels ---- */

static const struct {
	int level;
	const char *text;
} levels[] = {
	{LOG_ERR, "error"},
	{LOG_WARNING, "warning"},
	{LOG_NOTICE, "notice"},
	{LOG_INFO, "info"},
	{LOG_DEBUG, "debug"},
};
#define LEVELS (sizeof(levels) / sizeof(*levels))

int log_level_from_text(const char *text)
{
	for (size_t i = 0; i < LEVELS; i++)
		if (strcmp(levels[i].text, text) == 0)
			return levels[i].level;
	return -1;
}

const char *log_level_to_text(int level)
{
	for (size_t i = 0; i < LEVELS; i++)
		if (level <= levels[i].level) /* what is more urgent than an error is one */
			return levels[i].text;
	return levels[LEVELS - 1].text;
}

/* ---- escaping ---- */

void log_escape(const char *text, char *ret_line, size_t size)
{
	const unsigned char *from = (const unsigned char *)text;
	size_t len = 0;
	for (; *from && !(from[0] == '\n' && !from[1]); from++) {
		char piece[5];
		int n = snprintf(piece, sizeof(piece),
			*from >= ' ' && *from <= '~' ? "%c" : "\\%03u", *from);
		if (len + (size_t)n >= size)
			break;
		memcpy(ret_line + len, piece, (size_t)n);
		len += (size_t)n;
	}
	ret_line[len] = '\0';
}

/* ---- the rate ---- */

static void say_held(struct kind *k)
{
	char line[LOG_LINE_MAX + 32];
	if (k->held == 0)
		return;
	/* The newest stands for itself. */
	unsigned more = k->held - 1;
	snprintf(line, sizeof(line), more ? "%.*s (%u more like it)" : "%.*s", LOG_LINE_MAX - 32,
		k->newest, more);
	k->held = 0;
	k->said = state.now();
	state.put(k->level, line);
}

static bool is_due(const struct kind *k, uint64_t now)
{
	return k->said == 0 || now - k->said >= SECOND;
}

static struct kind *find_kind(const char *format, int64_t of)
{
	struct kind *oldest = &state.kinds[0], *idle = NULL;
	unsigned users = 0;
	for (size_t i = 0; i < KINDS; i++) {
		struct kind *k = &state.kinds[i];
		if (k->format == format && k->of == of)
			return k;
		if (!k->format || (oldest->format && k->said < oldest->said))
			oldest = k;
		if (!k->format)
			break;
		if (k->format != format || k->of < 0)
			continue;
		users++;
		if (!k->held && is_due(k, state.now()))
			idle = k;
	}
	if (of >= 0 && users >= LOG_USERS_MAX && !idle)
		return find_kind(format, OF_MANY);
	struct kind *k = of >= 0 && users >= LOG_USERS_MAX ? idle : oldest;
	say_held(k);
	*k = (struct kind){.format = format, .of = of};
	return k;
}

/* Sets the timer for the first kind that has something to say. */
static void set_timer(void)
{
	uint64_t now = state.now(), wait = SECOND;
	bool any = false;
	for (size_t i = 0; i < KINDS; i++) {
		const struct kind *k = &state.kinds[i];
		if (!k->held)
			continue;
		uint64_t left = is_due(k, now) ? 0 : k->said + SECOND - now;
		wait = left < wait ? left : wait;
		any = true;
	}
	struct timeval t = {
		.tv_sec = (time_t)(wait / SECOND), .tv_usec = (suseconds_t)(wait % SECOND)};
	if (any && state.timer)
		event_add(state.timer, &t);
}

void log_flush(void)
{
	uint64_t now = state.now();
	for (size_t i = 0; i < KINDS; i++)
		if (is_due(&state.kinds[i], now))
			say_held(&state.kinds[i]);
	set_timer();
}

static void on_timer(evutil_socket_t fd, short what, void *ctx)
{
	(void)fd;
	(void)what;
	(void)ctx;
	log_flush();
}

static void hold(struct kind *k, const char *line)
{
	snprintf(k->newest, sizeof(k->newest), "%s", line);
	k->held++;
	if (state.timer && !event_pending(state.timer, EV_TIMEOUT, NULL))
		set_timer();
}

/* ---- saying it ---- */

static void say(struct kind *k, int level, const char *line)
{
	bool due = is_due(k, state.now());
	k->level = level;
	if (k->held || !due) {
		hold(k, line);
		if (due)
			say_held(k);
		return;
	}
	k->said = state.now();
	state.put(level, line);
}

static void write_line(int64_t of, int level, const char *format, va_list args)
{
	char text[LOG_LINE_MAX], line[LOG_LINE_MAX];
	if (level > state.level || state.busy)
		return;
	state.busy = true;
	vsnprintf(text, sizeof(text), format, args);
	log_escape(text, line, sizeof(line));
	if (state.timer && state.level < LOG_DEBUG)
		say(find_kind(format, of), level, line);
	else
		state.put(level, line);
	state.busy = false;
}

void log_va(int level, const char *format, va_list args)
{
	write_line(OF_NOBODY, level, format, args);
}

void log_asked(const char *text)
{
	char line[LOG_LINE_MAX];
	log_escape(text, line, sizeof(line));
	state.put(LOG_NOTICE, line);
}

void log_line_of(uid_t uid, int level, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	write_line(uid, level, format, args);
	va_end(args);
}

void log_line(int level, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	log_va(level, format, args);
	va_end(args);
}

void log_open(int level, log_put_fn *put, uint64_t (*now)(void))
{
	state.level = level;
	state.put = put;
	state.now = now;
}

int log_attach(struct event_base *base)
{
	for (size_t i = 0; i < KINDS; i++)
		say_held(&state.kinds[i]);
	if (state.timer)
		event_free(state.timer);
	memset(state.kinds, 0, sizeof(state.kinds));
	state.timer = base ? evtimer_new(base, on_timer, NULL) : NULL;
	return base && !state.timer ? -ENOMEM : 0;
}
