/* DNS names: one type that carries its length, never a C string.
 *
 * A `struct name` holds the uncompressed wire form, lower case (RFC 4343), at most 255 bytes
 * (RFC 1035). Only `name_from_wire_cased` keeps the case, for the one place that must echo it. */
#ifndef RESOLVER_NAME_H
#define RESOLVER_NAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NAME_WIRE_MAX 255
#define NAME_TEXT_MAX 1024 /* every byte escaped as \DDD, and a NUL */
#define NAME_FILE_MAX 255  /* what a directory can hold (NAME_MAX) */
#define NAME_KEY_LEN 32
#define NAME_KEY_TEXT 52   /* z-base-32 of 32 bytes */

struct name {
	uint8_t len; /* 1 (the root) to 255 */
	uint8_t wire[NAME_WIRE_MAX];
};

/* Reads a name at *offset of a message and moves *offset behind it. Compression pointers
 * must point strictly backwards, 16 of them at most. 0 or -EBADMSG. */
int name_from_wire(const uint8_t *message, size_t len, size_t *offset, struct name *ret_name);
int name_from_wire_cased(const uint8_t *message, size_t len, size_t *offset,
	struct name *ret_name);
/* The same, case kept, with an allowance that a whole message shares: each label and each
 * pointer takes one off *budget; -EBADMSG when it is used up. */
int name_expand(const uint8_t *message, size_t len, size_t *offset, unsigned *budget,
	struct name *ret_name);
/* To lower case. */
void name_fold(struct name *name);

/* Presentation form (RFC 1035 5.1): labels by dots, \DDD and \X escapes, final dot optional.
 * 0, -EINVAL (empty label, bad escape, empty text), -ENAMETOOLONG (label over 63, name over 255). */
int name_from_text(const char *text, size_t len, struct name *ret_name);
/* Writes labels by dots without the final dot, bytes outside [a-z0-9_-] as \DDD; the root is "".
 * Returns the length; always NUL-terminated. This is NAME in "dns://CLASS/TYPE/NAME". */
size_t name_to_text(const struct name *name, char ret_text[NAME_TEXT_MAX]);
/* The same with the final dot: what zone files and JSON say; the root is ".". */
size_t name_to_absolute(const struct name *name, char ret_text[NAME_TEXT_MAX]);

/* File names of the mount (design, section 6). The root is "@"; otherwise as name_to_text, with
 * a final dot where the text alone would not be taken for a record: a single label that is no
 * key (`com.`), and names on the list of probes (`desktop.ini.`). -ENAMETOOLONG when the text
 * exceeds NAME_FILE_MAX. */
int name_to_file(const struct name *name, char ret_file[NAME_FILE_MAX + 1]);
/* The reverse. -EINVAL: not the name of a record (no inner dot and no final dot and no key,
 * a dotfile, a backup `name~`, what desktops and editors probe or append, an escape that
 * name_to_file would not write, bytes above 0x7f that are no internationalized label);
 * -ENAMETOOLONG; -ENOMEM. Upper case folds; a final dot is accepted after several labels too, and
 * overrules the list of probes; labels in UTF-8 are taken as their A-labels (resolver/idn). */
int name_from_file(const char *file, size_t len, struct name *ret_name);
/* Is it, in any case, on the list of probes: what desktops, editors and build tools look for in every
 * directory, and temporary names that they make? Dotted, but not to be asked about or published. */
bool name_is_probe(const char *file, size_t len);

bool name_equal(const struct name *a, const struct name *b);
/* Is `name` equal to or below `suffix`? */
bool name_under(const struct name *name, const struct name *suffix);
/* Number of labels, the root not counted. */
unsigned name_labels(const struct name *name);
/* The name without its first `n` labels (the root when n is too large). */
void name_parent(const struct name *name, unsigned n, struct name *ret_name);
/* `name` + `suffix` (name's own root label dropped): www + example. -> www.example.
 * -ENAMETOOLONG. */
int name_join(const struct name *name, const struct name *suffix, struct name *ret_name);
/* A hash for tables, keyed by 16 secret bytes of this process (SipHash or the like). */
uint64_t name_hash(const struct name *name, uint64_t seed);

/* Public keys as names (pkarr): z-base-32, 52 characters, spare bits zero. */
void key_to_text(const uint8_t key[NAME_KEY_LEN], char ret_text[NAME_KEY_TEXT + 1]);
int key_from_text(const char *text, size_t len, uint8_t ret_key[NAME_KEY_LEN]); /* 0, -EINVAL */
void key_to_name(const uint8_t key[NAME_KEY_LEN], struct name *ret_name); /* "<key>." */
/* True when the root-most label is a key. */
bool name_key(const struct name *name, uint8_t ret_key[NAME_KEY_LEN]);

#endif
