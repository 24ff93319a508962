/* Inside of the configuration: the option table, and what reads into it. */
#ifndef FS_OPTIONS_H
#define FS_OPTIONS_H

#include "fs/config.h"

#define GIVEN_MAX 256 /* options given on the command line and in the file together */

/* One option as given, before anything is judged: where from, name, value (NULL: none). */
struct given {
	char *text; /* owns name and value */
	const char *name, *value;
	char where[96]; /* "" for the command line, "FILE:LINE: " */
};

struct reader {
	struct config *config;
	struct given given[GIVEN_MAX];
	size_t given_len;
	const char *directory; /* that relative paths start from; NULL: the working directory */
	const struct given *current; /* what is being judged */
	const char *words[2];
	size_t words_len;
	bool lookup_set, tofu_set, private_set, allow_other_set, limits_set, mirror_set;
};

/* 0; -EINVAL: not a valid value (the caller says so); -ECANCELED: it has been said. */
typedef int set_fn(struct reader *r, const char *value);

struct option {
	const char *name;
	const char *value; /* how --help names it; NULL: a switch */
	bool repeatable;
	set_fn *set;
	size_t list; /* of a repeatable option: where its length stands in the config; else 0 */
	const char *help;
};

#define OPTIONS_LEN 39
extern const struct option config_options[OPTIONS_LEN];

/* One line on stderr; where it stands comes first. Returns -ECANCELED. */
int config_complain(const struct given *g, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
/* The path from where the program was started, malloc'd; NULL: no memory. */
char *config_path(const struct reader *r, const char *value);
/* Adds a name to a list of suffixes; "none" empties it, "." is the root. */
int config_add_suffix(struct policy_suffixes *list, const char *value);
int config_set_dns(struct reader *r, const char *value);

#endif
