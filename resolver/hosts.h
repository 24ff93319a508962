/* hosts(5): the names that this machine's administrator has given to addresses, for every asker.
 *
 * A name of the file has the addresses of the file and no others: A and AAAA are answered from it,
 * and so is that there are none of a family; HTTPS and SVCB do not exist there, for their hints
 * would be other addresses. Types that a hosts file cannot say are asked elsewhere as ever. An
 * address has the first name of its first line (PTR), but for 0.0.0.0 and :: and multicast, which
 * are there to block names and are nobody's. Of localhost and what is below it, the addresses that
 * the file leaves out are asked elsewhere too (RFC 6761). Names under a key are passed over: only
 * the key speaks for them. */
#ifndef RESOLVER_HOSTS_H
#define RESOLVER_HOSTS_H

#include "resolver/answer.h"

/* 200,000 lines are 6 MB of text and 20 MB here. What is past a bound is left out, with a warning.
 */
#define HOSTS_BYTES_MAX (16u << 20)
#define HOSTS_PAIRS_MAX 400000 /* of a name and an address */
#define HOSTS_ADDRESSES_MAX 64 /* of one name: one answer, and one search when it is read */
#define HOSTS_TTL 60	       /* a change in the file is to get through */

/* ---- the text ---- */

struct hosts_table;
struct hosts_passed {
	size_t lines;	 /* that are not, or not whole, an address and names */
	size_t first;	 /* of these: its number, from 1; 0: there is none */
	size_t left_out; /* pairs past a bound */
};
/* The seed is secret: nobody chooses names that collide. 0 or -ENOMEM. */
int hosts_parse(const char *text, size_t len, uint64_t seed, struct hosts_table **ret_table,
	struct hosts_passed *ret_passed);
/* The same, some of it at a time: begin, then go_on with so many bytes and the rest of a line until it
 * returns 0 (1: there is more; -ENOMEM), then end, which hands the table out. The text stands until
 * then. */
struct hosts_reading;
int hosts_reading_begin(
	const char *text, size_t len, uint64_t seed, struct hosts_reading **ret_reading);
int hosts_reading_go_on(struct hosts_reading *reading, size_t bytes);
struct hosts_table *hosts_reading_end(
	struct hosts_reading *reading, struct hosts_passed *ret_passed);
void hosts_reading_destroy(struct hosts_reading *reading); /* in the middle */
void hosts_table_destroy(struct hosts_table *table);
size_t hosts_names(const struct hosts_table *table);
/* False: it has nothing to say to this question, as of almost every name. */
bool hosts_may_have(const struct hosts_table *table, const struct question *q);
/* Has the file something to say to this question? -ENOENT: no; 0, and a set, to be destroyed by the
 * caller, or NULL where it says that there is no such record; -ENOMEM. */
int hosts_find(const struct hosts_table *table, const struct question *q, struct rrset **ret_set);

/* ---- the file ---- */

struct hosts;
/* A line for the log: what was passed over, or that there is no memory. */
typedef void hosts_say_fn(void *ctx, const char *line);
struct hosts_config {
	struct event_base *base;
	const char *path; /* NULL: none */
	uint64_t seed;
	hosts_say_fn *say;
	void *ctx;
};
/* Reads it; one that is not there is empty until it comes, and so is one that has gone, at the second
 * look without it. Later changes are read in slices, one a turn
 * of the loop, and what was read before answers until the new is whole: 200,000 lines take 0.2 s,
 * in which no question would be answered. 0 or -ENOMEM. */
#define HOSTS_SLICE (32u << 10) /* bytes: a thousand lines, a millisecond */
int hosts_open(const struct hosts_config *config, struct hosts **ret_hosts);
void hosts_close(struct hosts *hosts);
/* Another file from now on; NULL: none, at once. 0; -ENOMEM: it is the former still. */
int hosts_reopen(struct hosts *hosts, const char *path);

/* NULL: it says nothing of this. Looks whether the file has changed, at most once a second.
 * Borrowed until the next call; source hosts, trust self. `hosts` may be NULL. */
const struct answer *hosts_answer(struct hosts *hosts, const struct question *q);

struct hosts_counters {
	size_t names;
	uint64_t answers, loads;
};
void hosts_counters(const struct hosts *hosts, struct hosts_counters *ret_counters);

#endif
