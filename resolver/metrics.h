/* The lines of `.kadns/status` for Prometheus (its text format, version 0.0.4): a metric each, with
 * HELP and TYPE, and labels for what there are several of. Whatever line is added to the status is
 * a metric by that. */
#ifndef RESOLVER_METRICS_H
#define RESOLVER_METRICS_H

#include "resolver/text.h"

/* `status` is as resolver_status made it. What fails is remembered in `ret_text`. */
void metrics_write(const char *status, size_t len, struct text *ret_text);

#endif
