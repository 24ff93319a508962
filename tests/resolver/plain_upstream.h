/* An upstream of a test's own says only what it is asked: no zones, no other network, nothing counted.
 * The test itself has upstream_ask and upstream_cancel. */
#ifndef TESTS_PLAIN_UPSTREAM_H
#define TESTS_PLAIN_UPSTREAM_H

#include "resolver/upstream.h"

void upstream_watch(struct upstream *u, upstream_moved_fn *fn, void *ctx)
{
	(void)u;
	(void)fn;
	(void)ctx;
}

bool upstream_is_silent(const struct upstream *u)
{
	(void)u;
	return false;
}

static bool is_excepted; /* every name, by insecure_zone= */

bool upstream_is_insecure(const struct upstream *u, const struct name *name)
{
	(void)u;
	(void)name;
	return is_excepted;
}

bool upstream_has_zone(const struct upstream *u, const struct name *name)
{
	(void)u;
	(void)name;
	return false;
}

uint64_t upstream_fingerprint(const struct upstream *u)
{
	(void)u;
	return 1;
}

void upstream_counters(const struct upstream *u, struct upstream_counters *ret_counters)
{
	(void)u;
	*ret_counters = (struct upstream_counters){0};
}

void upstream_suspect(struct upstream *u, const struct question *q)
{
	(void)u;
	(void)q;
}

bool upstream_came_back(struct upstream *u, const struct question *q)
{
	(void)u;
	(void)q;
	return false;
}

#endif
