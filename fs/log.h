/* What the program says: one function through which every message goes.
 *
 * A line an event. Most lines carry something that a stranger chose (a name, a path, a server's
 * words), so every byte that is not printable ASCII goes out as \DDD. Of one kind, which is one
 * format in the source, a line a second at most; what is held back is counted, and a second later
 * the newest of it is said with `(N more like it)`. At the level debug nothing is held back. */
#ifndef FS_LOG_H
#define FS_LOG_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <syslog.h> /* LOG_ERR, LOG_WARNING, LOG_NOTICE, LOG_INFO, LOG_DEBUG */

struct event_base;

#define LOG_LINE_MAX 1024 /* with its NUL; longer lines are cut: syslog(3)'s customary limit */

/* One line, whole and harmless, without a newline. */
typedef void log_put_fn(int level, const char *line);

/* Until this is called errors and warnings go to stderr. `level`: what is less urgent than this is
 * left out. `now`: microseconds of a clock that only goes forward. */
void log_open(int level, log_put_fn *put, uint64_t (*now)(void));
/* Lines are held back from now on, and said by a timer of this loop: before it, nobody who could
 * flood us is there. Before the loop is freed: log_attach(NULL), which says everything that is
 * held back. 0 or -ENOMEM. */
int log_attach(struct event_base *base);
/* Says what has been held back for a second: what the timer does. */
void log_flush(void);

/* `format` is the kind: its address counts, so it is a literal. */
void log_line(int level, const char *format, ...) __attribute__((format(printf, 2, 3)));
void log_va(int level, const char *format, va_list args) __attribute__((format(printf, 2, 0)));

/* What somebody has asked for just now, at whatever level: nothing of it is held back. */
void log_asked(const char *line);

/* About something of a user's. A kind for each of LOG_USERS_MAX users who are noisy at the same time: none
 * of them hides another's lines. Who comes after these, an account with many uids, shares one. */
#define LOG_USERS_MAX 8
void log_line_of(uid_t uid, int level, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* "error", "warning", "notice", "info", "debug": the level, or -1; and back. */
int log_level_from_text(const char *text);
const char *log_level_to_text(int level);

/* Copies what is printable, the rest as \DDD, no newline at the end; cut so that it fits. */
void log_escape(const char *text, char *ret_line, size_t size);

#endif
