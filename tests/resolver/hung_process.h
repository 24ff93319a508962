/* For a test of a process that is asked by poll() and does not answer: while `hangs` is said nobody
 * waits for it, time leaps instead (leap.h). Linked with --wrap=poll. */
#ifndef TESTS_RESOLVER_HUNG_PROCESS_H
#define TESTS_RESOLVER_HUNG_PROCESS_H

#include <poll.h>

#include "tests/leap.h"

static bool hangs;

int __real_poll(struct pollfd *list, nfds_t len, int milliseconds);
int __wrap_poll(struct pollfd *list, nfds_t len, int milliseconds);

int __wrap_poll(struct pollfd *list, nfds_t len, int milliseconds)
{
	if (!hangs)
		return __real_poll(list, len, milliseconds);
	passed += milliseconds * INT64_C(1000);
	return 0;
}

#endif
