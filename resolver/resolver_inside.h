/* What resolver.c, nodes.c and status.c share; nobody else includes it. */
#ifndef RESOLVER_RESOLVER_INSIDE_H
#define RESOLVER_RESOLVER_INSIDE_H

#include <stdio.h>
#include <sys/queue.h>

#include "resolver/fetch.h"

#define RESOLVER_BUCKETS 256
#define EDE_NO_REPLY 23

struct pending;
struct ask;

struct resolver {
	struct event_base *base;
	struct resolver_config config;
	struct resolver_parts parts;
	struct fetch_env env;
	struct cache *cache;
	uint64_t seed;
	LIST_HEAD(, pending) pending[RESOLVER_BUCKETS];
	size_t pending_len;
	LIST_HEAD(, ask) asks;
	size_t asks_len;
	struct answer *borrowed;      /* the own answer that a peek handed out last */
	struct dns_door *doors[RESOLVER_DOORS_MAX];
	struct resolver_status_part {
		resolver_status_fn *fn;
		void *ctx;
	} status_parts[RESOLVER_STATUS_PARTS];
	struct answer out_of_memory;  /* what an ask is told when there is no memory for its answer */
	struct resolver_counters {
		uint64_t asked, failed, deadlines, filtered;
	} counters;
};

/* status.c: closes an open_memstream. 0, or -ENOMEM and no text. */
int resolver_end_text(FILE *f, char **text);

#endif
