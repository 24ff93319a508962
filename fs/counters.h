/* The counters of .kadns/status, in the log: for who has no mount, or none that answers. */
#ifndef FS_COUNTERS_H
#define FS_COUNTERS_H

#include "resolver/resolver.h"

void counters_log(struct resolver *r);

#endif
