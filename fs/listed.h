/* Who has listed which directory lately.
 *
 * What a listing showed is answered from memory for a while past its TTL (fs/record), so that `find`
 * and `tar`, which open what they were shown, cause no packet. That is a promise to him who listed:
 * another user's `ls` must not keep old records alive for everybody.
 *
 * Fixed in size: an entry may be pushed out by another before its time, which costs a question and
 * nothing else. */
#ifndef FS_LISTED_H
#define FS_LISTED_H

#include <stdint.h>
#include <sys/types.h>

#define LISTED_SLOTS 1024 /* 16 kB; a power of two */

struct listed {
	uint64_t seed; /* secret: whoever chooses directories must not choose slots */
	struct listed_slot {
		uint64_t key;  /* uid, class and type; 0: none */
		uint64_t when; /* monotonic, microseconds */
	} slots[LISTED_SLOTS];
};

/* A directory of records: no class is 0. */
void listed_note(struct listed *l, uid_t uid, uint16_t class, uint16_t type, uint64_t now);
/* When he listed it last; 0: never, or it is forgotten. */
uint64_t listed_when(const struct listed *l, uid_t uid, uint16_t class, uint16_t type);

#endif
