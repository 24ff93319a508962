/* Bencode (BEP 3), canonical form only: what a hostile packet may be made of.
 *
 * Reading is two steps. `bencode_open` checks the whole text once: canonical integers and
 * lengths, keys sorted and unique, depth and number of tokens bounded, nothing after the end.
 * The accessors then walk text that is known to be well formed; they allocate nothing and
 * copy nothing: every result points into the caller's bytes. They step over what is not canonical
 * and return none of it as a string or an integer.
 *
 * Writing appends to a fixed buffer; an overflow is remembered and reported once, by `bencode_end`.
 */
#ifndef DHT_BENCODE_H
#define DHT_BENCODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* libtorrent's limits, so that what passes here passes there: it refuses a tenth list or dict
 * inside the others, and counts each value, key and end as a token. */
#define BENCODE_DEPTH_MAX 9
#define BENCODE_TOKENS_MAX 500

struct bytes {
	const uint8_t *data;
	size_t len;
};

/* One value: its raw text, first byte 'i', 'l', 'd' or a digit. */
struct bencode {
	struct bytes raw;
};

/* 0, or -EBADMSG when the text is not exactly one canonical value. */
int bencode_open(const uint8_t *text, size_t len, struct bencode *ret_value);
/* The same for a prefix: one canonical value at the start; ret_value->raw.len says how long. */
int bencode_open_prefix(const uint8_t *text, size_t len, struct bencode *ret_value);
bool bencode_is_dict(struct bencode v);
bool bencode_is_list(struct bencode v);
/* Value of `key` in a dict; false if absent or v is no dict. */
bool bencode_get(struct bencode v, const char *key, struct bencode *ret_value);
bool bencode_string(struct bencode v, struct bytes *ret_string);
bool bencode_integer(struct bencode v, int64_t *ret_integer); /* false beyond int64_t */
/* Elements of a list in turn: start with *cursor = 0; false at the end. */
bool bencode_next(struct bencode list, size_t *cursor, struct bencode *ret_value);

/* A dict taken apart once, for who asks it for many members, most of which are not there. It has
 * places for more than a message of any BEP has; what lies beyond is found the long way. */
#define BENCODE_MEMBERS_MAX 16
struct bencode_members {
	struct bencode dict;
	size_t len;
	struct bytes key[BENCODE_MEMBERS_MAX];
	struct bencode value[BENCODE_MEMBERS_MAX];
};
/* Of what is no dict: no members. */
void bencode_members(struct bencode v, struct bencode_members *ret_members);
bool bencode_member(
	const struct bencode_members *members, const char *key, struct bencode *ret_value);

/* A KRPC message, taken apart while it is checked, for half of what reading one costs is to walk
 * over it: the dict, and the value of `a` or `r` in it, whichever comes last. */
struct bencode_message {
	struct bencode_members top, body;
	bool canonical;
};
/* The same check as bencode_open's, but for what a query offers to be stored: the value of `v` in
 * the dict `a`. It may have keys unsorted or twice, zeros before numbers and lengths, and "-0";
 * `canonical` is false then, and the value is to be refused, by name (BEP 44). 0 or -EBADMSG. */
int bencode_open_message(const uint8_t *text, size_t len, struct bencode_message *ret_message);
/* The members of such a value of `top`: of `body`, or of *other, which it fills in if it has to. */
const struct bencode_members *bencode_body(const struct bencode_message *message,
	struct bencode value, struct bencode_members *other);

struct bencode_writer {
	uint8_t *buf;
	size_t cap, len;
	bool full; /* something did not fit; nothing was written beyond cap */
};

void bencode_begin(struct bencode_writer *w, uint8_t *buf, size_t cap);
void bencode_put_raw(struct bencode_writer *w, const void *data, size_t len);
void bencode_put_string(struct bencode_writer *w, const void *data, size_t len);
void bencode_put_integer(struct bencode_writer *w, int64_t n);
static inline void bencode_put_key(struct bencode_writer *w, const char *key)
{
	bencode_put_string(w, key, strlen(key));
}
void bencode_put_open(struct bencode_writer *w, char kind); /* 'd' or 'l' */
void bencode_put_close(struct bencode_writer *w);
/* Length written, or -ENOBUFS. */
int bencode_end(const struct bencode_writer *w);

#endif
