/* The upstreams as the validator is to have them: the words of upstream= with "system" replaced by
 * what resolv.conf says now, relays in place of what libunbound does not speak, and without our own
 * doors. Kept by the resolver's process: the validator can open no file. */
#ifndef RESOLVER_UPSTREAM_LIST_H
#define RESOLVER_UPSTREAM_LIST_H

#include "resolver/frame.h"
#include "resolver/upstream_word.h"

struct upstream_list;

/* Words, insecure zones, resolv_conf, relay and say of the config count; say and relay are kept.
 * 0, -EINVAL for a word that upstream_check refuses or of which there are too many, -EOPNOTSUPP for
 * one that needs a relay where there is none, what the relay says, -ENOMEM. */
int upstream_list_create(const struct upstream_config *config, struct upstream_list **ret_list);
void upstream_list_destroy(struct upstream_list *list);
/* Other words and insecure zones; resolv.conf is read anew. A server that is in both lists stays
 * what it was, but where the insecure zones, or those of split DNS, are others. The same errors,
 * and then nothing has changed. */
int upstream_list_reload(struct upstream_list *list, const struct upstream_config *config);
void upstream_list_doors(
	struct upstream_list *list, const struct server_address *doors, size_t len);

/* Looks at resolv.conf, at most twice a second. A changed file is another network even if it names
 * the same address: its servers begin anew. True: the servers are others. */
bool upstream_list_refresh(struct upstream_list *list);
/* Of those that are asked for this name, from 0: a forwarder whose turn it is now to be looked at
 * for a loop. NULL: none, or not now. */
const struct server_entry *upstream_list_suspect(
	struct upstream_list *list, const struct name *name, size_t nth);
/* It is one: not to be asked for a while. */
void upstream_list_loops(struct upstream_list *list, uint32_t id);
/* It is one for these names, and is asked on, as it may know others: said, and why they fail. */
void upstream_list_loops_below(struct upstream_list *list, uint32_t id, const struct name *domain);
/* True: the while of some is over. */
bool upstream_list_retry(struct upstream_list *list);
/* Is resolv.conf looked at at all? */
bool upstream_list_follows_system(const struct upstream_list *list);
/* Borrowed until the next call. */
const struct frame_servers *upstream_list_servers(const struct upstream_list *list);

/* Has this name servers of its own? */
bool upstream_list_has_zone(const struct upstream_list *list, const struct name *name);
bool upstream_list_is_silent(const struct upstream_list *list);
bool upstream_list_is_insecure(const struct upstream_list *list, const struct name *name);
/* Of the words, the insecure zones, what resolv.conf says, and our addresses towards the servers
 * that it names: another where answers may be others. */
uint64_t upstream_list_fingerprint(const struct upstream_list *list);

/* What ails the relays that this name is asked of, the first of them, or that a server is left out:
 * "SERVER: why". Borrowed until the next call; "": nothing, as far as is known. */
const char *upstream_list_why(struct upstream_list *list, const struct name *name);

/* What the validator says of its servers, since it was started; when it has died that is added to
 * what its predecessors did. Ids that are not in the list any more are passed over. */
void upstream_list_count(
	struct upstream_list *list, const struct server_counters *counters, size_t len);
void upstream_list_died(struct upstream_list *list);
void upstream_list_each(const struct upstream_list *list, upstream_server_fn *fn, void *ctx);

#endif
