/* The control panel, .kadns: what its files say and what may be written to them. */
#ifndef FS_CONTROL_H
#define FS_CONTROL_H

#include "fs/tree.h"
#include "resolver/resolver.h"

struct control_input;

const char *control_name(enum control_file file);
mode_t control_mode(enum control_file file);
bool control_is_directory(enum control_file file);

/* How long a file's text was lately: a lister asks for it again and again, and the text of a full
 * table is long. */
struct control_size {
	uint64_t until; /* monotonic; 0: not known */
	size_t len;
};

struct control_parts {
	struct resolver *resolver;
	struct publisher *publisher;
	struct control_size *sizes; /* CONTROL_FILES */
};

/* What `file` says to this caller at this moment; malloc'd. `key` is the caller's own public key,
 * made when he has none. */
int control_read(const struct control_parts *parts, enum control_file file, uid_t uid,
	char **ret_text, size_t *ret_len);
/* Its length, up to a second old, without making a key for everyone who lists the directory. */
int control_size(const struct control_parts *parts, enum control_file file, uid_t uid,
	size_t *ret_len);
/* By whom: `nodes` by root and the daemon's user, `pins`, `keep` and `secret`, of which each user has
 * his own, by all; but see secret_may. */
bool control_may_read(enum control_file file, bool admin);
bool control_may_write(enum control_file file, bool admin);

/* A file below one of the directories: what is said of a question to this caller. Is it known
 * without asking? */
bool control_held(const struct control_parts *parts, enum control_file of,
	const struct question *q, uid_t uid);
/* What an ask must wait for when it is not. */
enum ask_for control_asks_for(enum control_file of);
/* From memory; `outcome` is what an ask for it has just ended with, 0 when nobody has asked.
 * malloc'd. */
struct control_about {
	enum control_file of;
	const struct question *question;
	uid_t uid;
	int outcome;
};
int control_about(const struct control_parts *parts, const struct control_about *about,
	char **ret_text, size_t *ret_len);

/* Writing `signers`, of which each line is `forget NAME`; and `nodes`: a node a line, `#` comments and blank lines skipped. A line counts when its end
 * is written, the last one at `control_input_end`. -EINVAL: no node, or too long a line; the lines
 * before it stand. */
#define CONTROL_LINE_MAX 1100 /* `forget` and a name of escapes only */
int control_input_create(enum control_file of, struct control_input **ret_input);
void control_input_destroy(struct control_input *in);
int control_input_write(
	struct control_input *in, struct resolver *r, const char *bytes, size_t len);
int control_input_end(struct control_input *in, struct resolver *r);

#endif
