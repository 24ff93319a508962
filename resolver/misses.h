/* Which questions by UDP may be looked up now, of those that memory does not answer.
 *
 * A look-up costs ten times what an answer from memory does, and whoever invents names can ask for
 * as many as the line carries. So there are few places for them, at all doors together, and one
 * source has half of these at most. While a door is behind with reading, or has more to read than
 * can be looked up, and a moment longer, there are fewer, they begin at no more than a certain
 * rate, and what comes of them has little room in the cache: what is in memory is answered first.
 * Who gets no place is told SERVFAIL at once, and may ask another resolver; while a door is behind,
 * nothing. */
#ifndef RESOLVER_MISSES_H
#define RESOLVER_MISSES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#define MISSES_KEY_LEN 16
/* Some 25 kB each, here and in the validator, where libunbound takes most of it: 13 MB. At the 20
 * ms that an upstream takes they are 25,000 look-ups a second, where a dead one fails for everybody
 * they are 128. All that this machine asks comes from one address, so a source cannot have much
 * less than all. */
#define MISSES_MAX 512
/* While behind: 3 MB, which is what a flood makes of them. */
#define MISSES_BEHIND_MAX 128
/* Between two gusts of a flood the door may catch up; that does not end it. */
#define MISSES_BEHIND_FOR UINT64_C(200000)
/* While behind: 10,000 look-ups are a quarter of a core's second. The burst is what a client may
 * have asked at once without being a flood. */
#define MISSES_PER_SECOND 10000
#define MISSES_BURST 1000
#define MISSES_SOURCES 4096 /* sources that share a number are held to be one */

struct misses {
	uint8_t key[MISSES_KEY_LEN];
	uint64_t behind_until;
	uint64_t next; /* microseconds: when what was begun is earned */
	size_t len;
	uint16_t of_source[MISSES_SOURCES];
};

/* 0, or -EIO: no random bytes. */
int misses_init(struct misses *m);
/* There is more to read than a client may have sent at once. */
void misses_behind(struct misses *m, uint64_t now);
bool misses_is_behind(const struct misses *m, uint64_t now);
/* A place for a look-up of this source at `now` (monotonic, microseconds); it is to be given
 * back. */
bool misses_take(struct misses *m, const struct sockaddr *source, uint64_t now);
void misses_give_back(struct misses *m, const struct sockaddr *source);

#endif
