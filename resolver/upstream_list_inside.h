/* What the files of the list of upstreams share: upstream_list.c reads words and is asked,
 * upstream_list_make.c makes servers of them, upstream_list_health.c keeps how these do; nobody
 * else includes it. */
#ifndef RESOLVER_UPSTREAM_LIST_INSIDE_H
#define RESOLVER_UPSTREAM_LIST_INSIDE_H

#include "resolver/upstream_list.h"
#include "resolver/watched_file.h"

/* A word of the configuration, read. `relay`: where its relay listens. */
struct word {
	char *text;
	struct upstream_word upstream;
	struct server_address relay;
};

/* Whether one asks us what we ask it. */
struct loop {
	uint64_t probed;    /* when that was looked into; 0: never */
	uint64_t until;	    /* it is not asked before; 0: it never did */
	struct name domain; /* whose names alone it asks us, while it is asked on; and so far as */
	uint64_t domain_until; /* is known until then */
};
struct words {
	struct word word[UPSTREAM_MAX];
	size_t len;
};

struct upstream_list {
	int (*relay)(void *ctx, const char *word, struct server_address *ret_address);
	const char *(*relay_why)(void *ctx, const struct server_address *address);
	void *relay_ctx;
	void (*say)(void *ctx, const char *line);
	void *say_ctx;
	struct words words;
	char *path;
	struct watched_file file;
	struct resolv_conf system;
	bool has_system, warned;
	uint64_t looked_at;
	char why[2 * UPSTREAM_LABEL_MAX + 128];
	struct server_address doors[UPSTREAM_DOORS_MAX];
	size_t doors_len;
	uint32_t last_id;
	struct frame_servers servers;
	/* By place in `servers`: of this validator, and of those before it. */
	struct server_counters now[SERVERS_MAX], before[SERVERS_MAX];
	struct loop loops[SERVERS_MAX]; /* likewise */
};

/* The list as words, resolv.conf and doors make it. True: it is another than before. */
bool upstream_list_make(struct upstream_list *list, bool anew, bool system_anew);
/* The zone whose servers this name has; the root. Borrowed. */
const struct name *upstream_list_zone(const struct upstream_list *list, const struct name *name);
/* Does this server, by its place, ask us what we ask it of this name? */
bool upstream_list_is_loop(const struct upstream_list *list, size_t i, const struct name *name);
void upstream_list_say(const struct upstream_list *list, const char *line);

#endif
