/* Where lines go: the terminal of who started us, stderr for good, or the system's log. */
#ifndef FS_LOG_OUTPUT_H
#define FS_LOG_OUTPUT_H

/* None of these ever waits. What reads our log may be waiting for us: a log daemon that looks up
 * names through our DNS door, a pager of a foreground's output. A line that does not
 * fit is counted, and the next that does says how many went missing. */

/* As a command speaks: `kadns: TEXT`, `kadns: warning: TEXT`. */
void log_to_terminal(int level, const char *line);
/* For good: with the time, or, where stderr is the journal's (sd-daemon(3)), with `<4>` and
 * without the time, which the journal knows. */
void log_to_stderr(int level, const char *line);
/* As syslog(3) does, to /dev/log, which is the journal's too. */
void log_to_syslog(int level, const char *line);
/* A daemon that starts: to its terminal, and to the system's log. */
void log_to_both(int level, const char *line);

#endif
